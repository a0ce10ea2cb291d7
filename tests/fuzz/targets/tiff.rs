//! TIFF: structure, every rule at every depth, GeoServer's table, pictures, commands, reports.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{render_everywhere, start};
use parcelle_raster::cog::{self, CogOptions, LayoutProfile, Parsed};
use parcelle_raster::{Depth, geoserver, mend};
use parcelle_report::{FileKind, FileReport};
use parcelle_storage::Memory;

const NAME: &str = "/data/dem 1.tif";

fuzz_target!(init: start(), |data: &[u8]| {
    let source = Memory::new(data);
    let Ok(parsed) = Parsed::read(&source) else { panic!("memory can be read") };
    let mut counts = Vec::new();
    for depth in [Depth::Header, Depth::Tiles, Depth::Pixels] {
        let Ok(checked) = cog::check_structure(&parsed, &source, NAME, &CogOptions { depth, most_tiles: None }) else {
            panic!("memory can be read")
        };
        counts.push(checked.findings.len());
        if depth == Depth::Pixels {
            report(&parsed, &source, checked);
        }
    }
    assert!(counts.is_sorted(), "who looks deeper finds no less: {counts:?}");
    let sampled = CogOptions { depth: Depth::Tiles, most_tiles: Some(4) };
    assert!(cog::check(&source, NAME, &sampled).is_ok());
});

fn report(parsed: &Parsed, source: &Memory, checked: parcelle_raster::Checked) {
    let Ok(of_gdal) = cog::gdal_findings(parsed, source, NAME, Depth::Tiles) else { panic!("memory can be read") };
    let profiles = [LayoutProfile::Cog, LayoutProfile::Gdal, LayoutProfile::Ogc(None)];
    let mut findings = cog::in_force(checked.findings, of_gdal, &profiles);
    let mut versions = Vec::new();
    let Ok(releases) = geoserver::releases() else { panic!("the table is whole") };
    for version in releases {
        let around = geoserver::Around::default();
        let Ok(judged) = geoserver::judge(&parsed.structure, NAME, *version, &around) else {
            panic!("the table is whole")
        };
        findings.extend(judged.findings);
        versions.extend(judged.compatibility);
    }
    mend::merge(&mut findings, &parsed.structure, Path::new(NAME));
    let mut report = FileReport::new(NAME, FileKind::Geotiff, findings, checked.facts);
    report.versions = versions;
    report.pictures = cog::pictures(&parsed.structure);
    render_everywhere(report);
}

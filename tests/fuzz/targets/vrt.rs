//! VRT: the model and the rules, without what lies in its sources; reports.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, render_everywhere, start};
use parcelle_raster::{Depth, geoserver, vrt};
use parcelle_report::{FileKind, FileReport};
use parcelle_storage::Memory;

/// An empty directory: whatever a VRT names is not in it.
static NOWHERE: LazyLock<Scratch> = LazyLock::new(Scratch::new);

fuzz_target!(init: start(), |data: &[u8]| {
    let path = NOWHERE.path().join("mosaic.vrt");
    let mut options = vrt::VrtOptions { depth: Depth::Header, pictures: true, ..vrt::VrtOptions::default() };
    options.sources.data_directories = vec![NOWHERE.path().to_owned()];
    let Ok(releases) = geoserver::releases() else { panic!("the table is whole") };
    let targets = vrt::Targets { gdal: true, geoserver: releases.to_vec() };
    let source = Memory::new(data);
    let Ok((checked, answers)) = vrt::examine(&source, &path, &options, &targets) else {
        panic!("memory can be read")
    };
    let again = vrt::check(&source, &path, &options).map(|again| again.findings.len());
    assert!(again.is_ok_and(|again| again <= checked.findings.len()), "who asks for less is told no more");
    let mut report = FileReport::new(path.display().to_string(), FileKind::Vrt, checked.findings, checked.facts);
    report.compatibility = answers;
    report.pictures = checked.pictures;
    render_everywhere(report);
});

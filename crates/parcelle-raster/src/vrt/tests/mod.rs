//! Tests of the rules, from inline text, and of the whole on the corpora.

mod corpus;
mod dataset;
mod hostile;
mod kind;
mod model;
mod outcomes;
mod rules;
mod source;
mod xml;

use std::collections::HashSet;
use std::path::Path;

use parcelle_report::{Finding, Severity};
use parcelle_storage::Memory;

use super::{RULES, VrtOptions, check, looks_like_vrt};
use crate::Checked;

/// Rules that look into sources: most tests here name files that are empty or not there.
pub(super) const OF_SOURCES: [&str; 6] =
    ["VRT-SRC-007", "VRT-SRC-010", "VRT-SRC-021", "VRT-SRC-022", "VRT-SRC-008", "VRT-SEC-001"];

/// Checks a text as if it lay in a directory that does not exist.
fn checked_for(bytes: impl Into<Vec<u8>>, gdal: Option<(u32, u32)>) -> Checked {
    let mut checked =
        check(&Memory::new(bytes), Path::new("/nowhere/a b.vrt"), &VrtOptions { gdal, ..VrtOptions::default() })
            .unwrap();
    // Most tests plant one defect in a band that has no sources, and call elements what the schema does not.
    checked.findings.retain(|finding| !["VRT-SRC-019", "VRT-XML-008"].contains(&finding.rule.id));
    checked.findings.retain(|finding| !OF_SOURCES.contains(&finding.rule.id));
    checked
}

fn checked(bytes: impl Into<Vec<u8>>, gdal: (u32, u32)) -> Checked {
    checked_for(bytes, Some(gdal))
}

fn findings(bytes: impl Into<Vec<u8>>) -> Vec<Finding> {
    checked_for(bytes, None).findings
}

/// A classic dataset of 20x20 pixels around these bands.
fn dataset(inside: &str) -> String {
    let place = "<SRS>EPSG:2154</SRS><GeoTransform>700000,10,0,6600000,0,-10</GeoTransform>";
    format!("<VRTDataset rasterXSize=\"20\" rasterYSize=\"20\">{place}\n{inside}\n</VRTDataset>")
}

/// A band around these sources.
fn band(inside: &str) -> String {
    dataset(&format!("<VRTRasterBand dataType=\"Byte\" band=\"1\">\n{inside}\n</VRTRasterBand>"))
}

/// A band with one source that nobody looks for on this machine.
fn sound() -> String {
    band("<SimpleSource><SourceFilename>GPKG:/d/a.tif</SourceFilename></SimpleSource>")
}

/// Expects one finding of that rule and no worse one of another, and gives it.
#[track_caller]
fn only(findings: Vec<Finding>, rule: &str, severity: Severity) -> Finding {
    let (mut found, others): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| finding.rule.id == rule);
    assert_eq!(found.len(), 1, "{found:#?} beside {others:#?}");
    assert!(others.iter().all(|other| other.severity < severity || other.severity < Severity::Error), "{others:#?}");
    let finding = found.remove(0);
    assert_eq!((finding.rule.id, finding.severity), (rule, severity), "{finding:#?}");
    assert!(!finding.message.is_empty() && !finding.fix.is_empty());
    assert!(finding.fix.contains("'/nowhere/a b."), "the fix names the file: {}", finding.fix);
    finding
}

#[test]
fn a_sound_file_has_no_findings_and_facts() {
    let checked = checked(sound(), (3, 12));
    assert_eq!(checked.findings, []);
    let facts = |name: &str| checked.facts[name].clone();
    assert_eq!(facts("kind"), "classic");
    assert_eq!((facts("raster_x_size"), facts("raster_y_size")), (20.into(), 20.into()));
    assert_eq!((facts("bands"), facts("sources"), facts("distinct_sources")), (1.into(), 1.into(), 1.into()));
    assert_eq!((facts("elements"), facts("srs")), (6.into(), "EPSG:2154".into()));
    assert_eq!(facts("requests"), 1);
    assert!(facts("bytes_read").as_u64().unwrap() > 100);
}

#[test]
fn names_are_read_in_any_case_and_attributes_as_elements() {
    let text = "<VRTDataset><RASTERXSIZE>20</RASTERXSIZE><rasterysize>30</rasterysize><srs>EPSG:2154</srs>\
                <GEOTRANSFORM>700000,10,0,6600000,0,-10</GEOTRANSFORM><vrtrasterband DATATYPE='Byte'>\
                <SimpleSource><SOURCEFILENAME>GPKG:/d/a</SOURCEFILENAME></SimpleSource></vrtrasterband></VRTDataset>";
    let checked = checked(text, (3, 12));
    assert_eq!(checked.findings, []);
    assert_eq!((&checked.facts["raster_x_size"], &checked.facts["raster_y_size"]), (&20.into(), &30.into()));
}

#[test]
fn rules_are_distinct_and_complete() {
    let mut seen = HashSet::new();
    for rule in RULES {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        for text in [rule.title, rule.why, rule.reference] {
            assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", rule.id);
        }
        assert_eq!(
            rule.fix.is_empty(),
            ["VRT-BAND-010", "VRT-ENV-001", "VRT-ENV-002"].contains(&rule.id),
            "{}",
            rule.id
        );
    }
    assert!(RULES.len() >= 77);
}

#[test]
fn kinds_of_files_are_recognised_by_content() {
    for vrt in [
        &b"<VRTDataset rasterXSize=\"1\">"[..],
        b"<?xml version=\"1.0\"?>\n<!-- c -->\n<VRTDataset/>",
        b"\xEF\xBB\xBF  <vrtdataset>",
        b"<v:VRTDataset xmlns:v=\"urn:x\">",
        b"<OGRVRTDataSource>",
        b"<GDALTileIndexDataset>",
        b"\xFF\xFE<\0V\0R\0T\0D\0a\0t\0a\0s\0e\0t\0>\0",
    ] {
        assert!(looks_like_vrt(vrt), "{}", String::from_utf8_lossy(vrt));
    }
    for other in [&b""[..], b"II*\0", b"<html>", b"a <VRTDataset>", b"<a VRTDataset='1'>", b"<PAMDataset>", b"PAR1"] {
        assert!(!looks_like_vrt(other), "{}", String::from_utf8_lossy(other));
    }
}

//! Rules about size and bands.

use parcelle_report::Severity::{Error, Warning};

use super::{band, dataset, findings, only};

#[test]
fn size_and_bands_are_required() {
    for (text, words) in [
        (dataset(""), "<VRTRasterBand> missing"),
        (band("").replace("rasterXSize=\"20\"", ""), "rasterXSize missing"),
        (
            dataset("").replace(" rasterXSize=\"20\" rasterYSize=\"20\"", ""),
            "rasterXSize, rasterYSize, <VRTRasterBand> missing",
        ),
    ] {
        let finding = only(findings(text), "VRT-DS-001", Error);
        assert!(finding.message.starts_with(words), "{}", finding.message);
    }
}

#[test]
fn sizes_are_read_as_gdal_reads_them() {
    let sized = |size: &str| band("").replace("rasterYSize=\"20\"", &format!("rasterYSize=\"{size}\""));
    for wrong in ["0", "-1", "abc", "", "2147483648", "99999999999999999999"] {
        only(findings(sized(wrong)), "VRT-DS-002", Error);
    }
    let finding = only(findings(sized("20px")), "VRT-DS-002", Warning);
    assert!(finding.message.contains("reads it as 20"), "{}", finding.message);
    assert_eq!(findings(sized("2147483647")), []);
}

#[test]
fn a_size_far_beyond_the_sources_is_not_credible() {
    let file = |size: u32, rectangle: &str| {
        band(&format!(
            "<SimpleSource><SourceFilename>GPKG:/d/a</SourceFilename>{rectangle}{}</SimpleSource>",
            rectangle.replace("DstRect", "SrcRect")
        ))
        .replace("=\"20\" rasterYSize=\"20\"", &format!("=\"{size}\" rasterYSize=\"{size}\""))
    };
    let speck = "<DstRect xOff=\"0\" yOff=\"0\" xSize=\"20\" ySize=\"20\"/>";
    only(findings(file(i32::MAX.unsigned_abs(), speck)), "VRT-DS-002", Error);
    let patch = "<DstRect xOff=\"0\" yOff=\"0\" xSize=\"500\" ySize=\"500\"/>";
    only(findings(file(100_000, patch)), "VRT-DS-002", Warning);
    assert_eq!(findings(file(20_000, speck)), []);
    assert_eq!(findings(file(i32::MAX.unsigned_abs(), "")), []);
}

#[test]
fn bands_are_numbered_by_position() {
    let two = |second: &str| dataset(&format!("<VRTRasterBand band=\"1\"/>\n<VRTRasterBand {second}/>"));
    for good in ["band=\"2\"", ""] {
        let found = findings(two(good));
        assert!(found.iter().all(|finding| finding.rule.id == "VRT-BAND-004"), "{found:#?}");
    }
    let finding = only(findings(two("band=\"1\"")), "VRT-DS-003", Warning);
    assert_eq!((finding.location.line, finding.location.band), (Some(3), Some(2)));
}

//! Every pixel of the corpora decoded, beside what GDAL made of the same files.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod corpus;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parcelle_raster::cog::{CogOptions, check};
use parcelle_raster::{Checked, Depth};
use parcelle_report::{Finding, Severity};
use parcelle_storage::LocalFile;

use corpus::{corpus, table};

fn pixels(path: &Path) -> Checked {
    let source = LocalFile::open(path).unwrap();
    check(&source, &path.to_string_lossy(), &CogOptions { depth: Depth::Pixels, ..CogOptions::default() }).unwrap()
}

/// Rules that pixels decide.
const OF_PIXELS: [&str; 4] = ["COG-TILE-012", "COG-TILE-016", "COG-OVR-012", "COG-CMP-003"];

/// Files that GDAL 3.12 does not open or decode while parcelle finds no error, by what is different about them.
const NO_ERROR: [(&str, &str); 5] = [
    // That build of GDAL has no JPEG XL. parcelle has none either, and says so (COG-TILE-016).
    ("gdal/autotest_gcore_data_gtiff_byte_JXL.tif", "COG-TILE-016"),
    ("gdal/autotest_gcore_data_gtiff_byte_jxl_dng_1_7_52546.tif", "COG-TILE-016"),
    ("gdal/autotest_gcore_data_gtiff_jxl-rgbi.tif", "COG-TILE-016"),
    ("gdal/autotest_gcore_data_gtiff_rgbsmall_JXL_tiled.tif", "COG-TILE-016"),
    // The program that made the table ended while it read the SubIFD, which no reader of rasters follows; gdalinfo 3.6.2
    // decodes the only pixel of the main chain.
    ("pillow/Tests_images_child_ifd_jpeg.tiff", "COG-OVR-011"),
];

/// Files that GDAL 3.12 decodes while parcelle does not, by the rule that says so.
const NOT_DECODED: [(&str, &str); 8] = [
    // Codecs that parcelle has no decoder for: SGI LogLuv, NeXT, old-style JPEG; and JPEG with samples of 12 bits.
    ("async-tiff/fixtures_image-tiff_logluv-3c-16b.tiff", "COG-TILE-016"),
    ("gdal/autotest_gcore_data_mandrilmini_12bitjpeg.tif", "COG-TILE-016"),
    ("gdal/autotest_gcore_data_next_literalrow.tif", "COG-TILE-016"),
    ("image-tiff/tests_libtiffpic_off_l16.tif", "COG-TILE-016"),
    ("image-tiff/tests_libtiffpic_off_luv32.tif", "COG-TILE-016"),
    ("image-tiff/tests_libtiffpic_smallliz.tif", "COG-TILE-016"),
    ("image-tiff/tests_libtiffpic_zackthecat.tif", "COG-TILE-016"),
    ("libtiff/test_images_ojpeg_chewey_subsamp21_multi_strip.tiff", "COG-TILE-016"),
];

/// Files of the oracle that parcelle has no decoder for: JPEG of 12 bits, JPEG 2000, JPEG XL, PNG, and Zstandard under a
/// number that only old versions of GDAL wrote.
const ORACLE_NOT_DECODED: [&str; 7] = [
    "d_jpeg_12bit.tif",
    "m_jp2k_34712.tif",
    "m_jpeg2000.tif",
    "m_jpegxl.tif",
    "m_jxl_dng52546.tif",
    "m_png.tif",
    "m_zstd34926.tif",
];

fn listed(table: &[(&str, &str)], file: &str, findings: &[Finding]) -> bool {
    let known = table.iter().find(|(name, _)| *name == file);
    known.is_some_and(|(_, rule)| findings.iter().any(|finding| finding.rule.id == *rule))
}

fn words(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n  {} {}", finding.rule.id, finding.message)).collect()
}

#[test]
fn what_gdal_cannot_decode_is_an_error_and_what_it_decodes_is_none() {
    let Some(rows) = table(&corpus("tiff-wild").join("verdicts.csv")) else {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    };
    let mut slowest = (Duration::ZERO, String::new());
    let (mut wrong, mut decoded) = (Vec::new(), 0);
    for row in &rows {
        let file = row["file"].as_str();
        let start = Instant::now();
        let Checked { findings, .. } = pixels(&corpus("tiff-wild").join(file));
        slowest = slowest.max((start.elapsed(), file.to_owned()));
        let has_error = findings.iter().any(|finding| finding.severity == Severity::Error);
        if row["decodes_fully_gdal312"] == "yes" {
            decoded += 1;
            let is_harder = findings.iter().any(|finding| OF_PIXELS.contains(&finding.rule.id));
            if is_harder && !listed(&NOT_DECODED, file, &findings) {
                wrong.push(format!("{file} decodes in GDAL:{}", words(&findings)));
            }
        } else if !has_error && !listed(&NO_ERROR, file, &findings) {
            wrong.push(format!("{file} does not decode in GDAL ({}):{}", row["decode_msg"], words(&findings)));
        }
    }
    eprintln!("{} files, {decoded} of which GDAL decodes; slowest {slowest:?}", rows.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?}");
}

#[test]
fn what_geoserver_was_asked_to_read_decodes() {
    let Some(rows) = table(&corpus("geoserver-oracle").join("oracle-file.csv")) else {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    };
    let mut wrong = Vec::new();
    for row in &rows {
        let file = row["file"].as_str();
        let Checked { findings, .. } = pixels(&corpus("geoserver-oracle").join(file));
        let ids: Vec<_> = findings.iter().map(|finding| finding.rule.id).filter(|id| OF_PIXELS.contains(id)).collect();
        let expected: &[&str] = if ORACLE_NOT_DECODED.contains(&file) { &["COG-TILE-016"] } else { &[] };
        if ids != expected {
            wrong.push(format!("{file}:{}", words(&findings)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn fixtures_that_are_good_decode_to_the_last_tile() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cog");
    let mut decoded = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("good_") || !name.ends_with(".tif") {
            continue;
        }
        let Checked { findings, facts, .. } = pixels(&path);
        let wrong: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        let (tiles, sparse) = (facts["tiles"].as_u64().unwrap(), facts["sparse_tiles"].as_u64().unwrap());
        // Bytes that several tiles share are decoded once.
        let shared = u64::from(name == "good_shared_tiles.tif");
        assert_eq!(facts["pixels"]["tiles_decoded"], tiles - sparse - shared, "{}", path.display());
        decoded += 1;
    }
    assert!(decoded >= 10, "{decoded}");
}

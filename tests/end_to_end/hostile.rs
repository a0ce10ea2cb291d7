//! Input that means harm, or has been harmed.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use parcelle::report::Verdict;

use crate::{fixture, listing, parcelle};

#[test]
fn a_raster_cut_anywhere_is_an_error_and_never_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["good_mask.tif", "good_bigtiff_big_endian.tif", "good_rgb.tif"] {
        let whole = std::fs::read(fixture(&format!("cog/{name}"))).unwrap();
        let step = (whole.len() / 150).max(1);
        for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let path = directory.path().join("cut.tif");
            std::fs::write(&path, &whole[..length]).unwrap();
            let report = parcelle::check([&path]).threads(1).run().unwrap();
            assert_eq!(report.verdict(), Verdict::Error, "{name} cut at {length} of {}", whole.len());
        }
    }
}

#[test]
fn a_virtual_raster_cut_anywhere_never_panics() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixture("vrt/good_mosaic.vrt")).unwrap();
    for length in 0..whole.len() - 15 {
        let path = directory.path().join("cut.vrt");
        std::fs::write(&path, &whole[..length]).unwrap();
        let report = parcelle::check([&path]).threads(1).run().unwrap();
        assert_eq!(report.verdict(), Verdict::Error, "cut at {length} of {}", whole.len());
    }
}

#[test]
fn a_geopackage_cut_anywhere_never_loses_rows_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixture("vector/sparse_ids.gpkg")).unwrap();
    let mut refused = 0;
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        let path = directory.path().join("cut.gpkg");
        std::fs::write(&path, &whole[..length]).unwrap();
        let output = directory.path().join("out.parquet");
        match parcelle::convert(&path, &output).overwrite(true).run() {
            Ok(summary) => assert_eq!(summary.rows, 100, "cut at {length} of {}", whole.len()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50, "{refused} refused");
    assert!(listing(directory.path()).iter().all(|name| !name.ends_with("tmp")));
}

#[test]
fn a_file_that_claims_to_be_huge_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge.tif");
    let mut file = File::create(&path).unwrap();
    // A BigTIFF whose first directory is at 2^39 of a sparse file of 2^40 bytes, and is full of zeros.
    file.write_all(b"II\x2B\0\x08\0\0\0").unwrap();
    file.write_all(&(1u64 << 39).to_le_bytes()).unwrap();
    if file.set_len(1 << 40).is_err() {
        eprintln!("this file system has no sparse files of that size: not tested");
        return;
    }
    let start = Instant::now();
    let report = parcelle::check([&path]).run().unwrap();
    assert_eq!(report.verdict(), Verdict::Error);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe.tif");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.to_str().unwrap(), "/dev/zero"] {
        let run = parcelle(["check", path]).expect_code(2);
        assert!(run.stdout.contains("not a regular file"), "{}", run.stdout);
    }
    let output = directory.path().join("out.parquet");
    for path in [pipe.to_str().unwrap(), "/dev/zero"] {
        parcelle(["convert", path, output.to_str().unwrap()]).expect_code(1);
    }
}

#[test]
fn names_with_control_characters_do_not_reach_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evil\u{1b}[2J\n.tif");
    std::fs::copy(fixture("cog/bad_ifd_loop.tif"), &path).unwrap();
    let run = parcelle(["check", path.to_str().unwrap()]).expect_code(1);
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
}

//! The binary loads libgdal when it is first needed, and does without where it is missing.

use std::process::Stdio;

use crate::{Run, command, fixture};

/// Runs the binary where every libgdal that the loader may look for is an empty file.
fn without_gdal(arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    for version in 26..80 {
        std::fs::write(directory.path().join(format!("libgdal.so.{version}")), "").unwrap();
    }
    let output = command(arguments).env("LD_LIBRARY_PATH", directory.path()).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// With this variable the loader lists the libraries that the program needs for its start, and does not start it. A function of
/// GDAL or PROJ that is called but missing from `symbols.txt` of `parcelle-late-gdal` shows here.
#[test]
fn no_library_of_gdal_is_needed_for_the_start() {
    let output = command(["--version"]).env("LD_TRACE_LOADED_OBJECTS", "1").stdin(Stdio::null()).output().unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    assert!(libraries.contains("libc.so"), "{libraries}");
    for name in ["libgdal", "libproj", "libcurl"] {
        assert!(!libraries.contains(name), "{name} is loaded at the start:\n{libraries}");
    }
    // One SQLite, and the one that libgdal takes.
    let of_sqlite = libraries.lines().filter(|line| line.contains("libsqlite3.so")).count();
    assert_eq!(of_sqlite, 1, "{libraries}");
}

#[test]
fn what_needs_no_gdal_works_without() {
    without_gdal(&["check", "testdata/cog/good_mask.tif"]).expect_code(0);
    let directory = tempfile::tempdir().unwrap();
    for name in ["column_types.gpkg", "parcels.shp", "towns.geojson"] {
        let output = directory.path().join(name).with_extension("parquet");
        let input = fixture(&format!("vector/{name}"));
        let run = without_gdal(&["convert", input.to_str().unwrap(), output.to_str().unwrap()]).expect_code(0);
        assert!(output.is_file(), "{run:?}");
    }
}

#[test]
fn what_needs_gdal_says_that_it_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let [input, output] = [fixture("vector/parcels.shp"), output].map(|path| path.to_str().unwrap().to_owned());
    for (arguments, code) in [
        (&["convert", &input, &output, "--reader", "gdal"][..], 1),
        (&["convert", &input, &output, "--t-crs", "EPSG:4326"], 2),
        (&["convert", "PG:host=nowhere", &output], 1),
    ] {
        let run = without_gdal(arguments).expect_code(code);
        let complaint = run.complaint();
        assert!(complaint.contains("libgdal.so.") && complaint.contains("install it"), "{complaint}");
    }
    assert_eq!(crate::listing(directory.path()), [""; 0]);
}

//! `parcelle convert`: summaries, refusals, exit codes, and nothing left behind.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{binary, command, fixture, listing, parcelle};

/// Runs a conversion that must fail with this code, and makes sure that its directory is as it was.
#[track_caller]
fn refused(code: i32, input: &str, options: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let arguments = ["convert", input, output.to_str().unwrap()];
    let run = parcelle(arguments.iter().chain(options)).expect_code(code);
    assert_eq!(listing(directory.path()), Vec::<String>::new());
    run.complaint().to_owned()
}

#[test]
fn each_failure_is_one_line_that_tells_the_way_out() {
    let fixtures = "testdata/vector";
    for (code, input, options, said) in [
        (2, "nowhere.gpkg", &[][..], &["nowhere.gpkg: no such file"][..]),
        (1, "bad_truncated.gpkg", &[], &["bad_truncated.gpkg", "damaged", "again from its source"]),
        (1, "bad_text.gpkg", &[], &["bad_text.gpkg", "ogrinfo"]),
        (1, "bad_empty.gpkg", &[], &["bad_empty.gpkg"]),
        (1, "bad_cut.geojson", &[], &["bad_cut.geojson", "feature 2", "again from its source"]),
        (2, "geometries.gpkg", &[], &["several layers", "--layer", "polygonz"]),
        (2, "geometries.gpkg", &["--layer", "poligon"], &["no layer \"poligon\"", "did you mean \"polygon\""]),
        (2, "geometries.gpkg", &["--layer", "point", "--select", "nam"], &["no column \"nam\""]),
        (2, "geometries.gpkg", &["--layer", "point", "--crs", "EPSG:0"], &["--crs: "]),
        (1, "bad_geometries.gpkg", &["--layer", "cut"], &["layer cut", "rowid ", "correct or delete the row"]),
        (2, "parcels.prj", &["--reader", "native"], &["no native reader", "--reader auto"]),
    ] {
        let complaint = refused(code, &format!("{fixtures}/{input}"), options);
        for part in said {
            assert!(complaint.contains(part), "{input} {options:?}: {part:?} is not in {complaint:?}");
        }
    }
    refused(1, "testdata", &[]);
    refused(1, "README.md", &[]);
}

#[test]
fn defaults_can_be_written_out() {
    let accepted = ["--sort", "none", "--geoparquet", "1.1", "--encoding", "wkb", "--on-invalid", "error"];
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    parcelle(["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap()].iter().chain(&accepted))
        .expect_code(0);
}

#[test]
fn versions_encodings_and_column_options_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    for options in [
        &["--geoparquet", "1.0"][..],
        &["--geoparquet", "2.0", "--orientation", "counterclockwise"],
        &["--encoding", "geoarrow", "--epoch", "2021.5", "--covering", "none"],
        &["--row-group-bytes", "64kB", "--bloom-filter", "name"],
    ] {
        let arguments = ["convert", "testdata/vector/geometries.gpkg", output.to_str().unwrap(), "--overwrite"];
        parcelle(arguments.iter().chain(&["--layer", "polygonz"]).chain(options)).expect_code(0);
    }
    for (options, said) in [
        (&["--geoparquet", "2.0", "--encoding", "geoarrow"][..], "--encoding wkb"),
        (&["--geoparquet", "1.0", "--covering", "bbox"], "--covering none"),
        (&["--bloom-filter", "NAME"], "did you mean \"name\""),
    ] {
        let options: Vec<_> = ["--layer", "polygonz"].iter().chain(options).copied().collect();
        let complaint = refused(2, "testdata/vector/geometries.gpkg", &options);
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn nonsense_is_refused_before_anything_is_read() {
    for options in [
        &["--memory", "lots"][..],
        &["--threads", "0"],
        &["--row-group-rows", "0"],
        &["--compression-level", "99"],
        &["--compression", "snappy", "--compression-level", "3"],
        &["--no-such-option"],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("out.parquet");
        let arguments = ["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap()];
        parcelle(arguments.iter().chain(options)).expect_code(2);
        assert_eq!(listing(directory.path()), Vec::<String>::new(), "{options:?}");
    }
}

#[test]
fn an_existing_output_is_kept_unless_it_may_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    std::fs::write(&output, "precious").unwrap();
    let arguments = ["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap()];
    let run = parcelle(arguments).expect_code(2);
    assert!(run.complaint().contains("exists already") && run.complaint().contains("--overwrite"));
    let run = parcelle(["convert", "testdata/vector/bad_truncated.gpkg", output.to_str().unwrap(), "--overwrite"]);
    run.expect_code(1);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "precious");
    parcelle(arguments.iter().chain(&["--overwrite"])).expect_code(0);
    assert!(std::fs::read(&output).unwrap().starts_with(b"PAR1"));
    assert_eq!(listing(directory.path()), ["out.parquet"]);
}

#[test]
fn the_input_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.gpkg");
    std::fs::copy(fixture("vector/sparse_ids.gpkg"), &input).unwrap();
    let (link, hard_link) = (directory.path().join("link.gpkg"), directory.path().join("hard.gpkg"));
    std::os::unix::fs::symlink(&input, &link).unwrap();
    std::fs::hard_link(&input, &hard_link).unwrap();
    let before = std::fs::read(&input).unwrap();
    for output in [&input, &link, &hard_link] {
        let paths = [input.to_str().unwrap(), output.to_str().unwrap(), "--overwrite"];
        let run = parcelle(["convert"].iter().chain(&paths)).expect_code(2);
        assert!(run.complaint().contains("is the input itself"), "{}", run.stderr);
    }
    assert_eq!(std::fs::read(&input).unwrap(), before);
}

#[test]
fn an_unwritable_output_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for output in [directory.path().join("missing/out.parquet"), file.join("out.parquet")] {
        let run = parcelle(["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap()]).expect_code(1);
        assert!(run.complaint().starts_with("cannot write "), "{}", run.stderr);
    }
    // A directory is there already.
    parcelle(["convert", "testdata/vector/sparse_ids.gpkg", directory.path().to_str().unwrap()]).expect_code(2);
    let overwrite = ["testdata/vector/sparse_ids.gpkg", directory.path().to_str().unwrap(), "--overwrite"];
    parcelle(["convert"].iter().chain(&overwrite)).expect_code(1);
    assert_eq!(listing(directory.path()), ["file"]);
}

#[test]
fn the_summary_says_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let arguments = ["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap(), "--row-group-rows", "30"];
    let run = parcelle(arguments.iter().chain(&["--sort", "none", "--format", "json"])).expect_code(0);
    assert_eq!(run.stderr, "", "a pipe sees no progress");
    let summary = run.json();
    assert_eq!((&summary["rows"], &summary["row_groups"]), (&100.into(), &4.into()));
    assert_eq!(summary["bytes_out"], output.metadata().unwrap().len());
    assert_eq!(summary["bytes_in"], fixture("vector/sparse_ids.gpkg").metadata().unwrap().len());
    assert_eq!((&summary["driver"], &summary["spilled_bytes"]), (&"GPKG".into(), &0.into()));
    assert!(["decode", "encode", "commit", "wall"].iter().all(|stage| summary["seconds"][stage].is_f64()));
    assert!(summary["peak_memory_bytes"].as_u64().unwrap() > 1_000_000);

    let run = parcelle(arguments.iter().chain(&["--sort", "none", "--overwrite"])).expect_code(0);
    assert!(run.stdout.contains("100 rows in 4 row groups"), "{}", run.stdout);
}

#[test]
fn bytes_do_not_depend_on_threads_or_memory() {
    let directory = tempfile::tempdir().unwrap();
    let convert = |name: &str, options: &[&str]| {
        let output = directory.path().join(name);
        let arguments =
            ["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap(), "--row-group-rows", "7"];
        parcelle(arguments.iter().chain(options)).expect_code(0);
        std::fs::read(output).unwrap()
    };
    let reference = convert("reference", &["--threads", "1"]);
    for (name, options) in [
        ("two", &["--threads", "2"][..]),
        ("nine", &["--threads", "9"]),
        ("small", &["--threads", "3", "--memory", "1kB"]),
    ] {
        assert!(convert(name, options) == reference, "{options:?}");
    }
}

#[test]
fn names_of_all_kinds_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("une sortie d'été.parquet");
    parcelle(["convert", "testdata/vector/noms d'îlots été.gpkg", output.to_str().unwrap()]).expect_code(0);
    assert_eq!(listing(directory.path()), ["une sortie d'été.parquet"]);
    // A bare name goes to the working directory, which is not the root of the file system.
    let run = std::process::Command::new(binary("parcelle"))
        .args(["convert", fixture("vector/sparse_ids.gpkg").to_str().unwrap(), "bare.parquet"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    assert_eq!(listing(directory.path()), ["bare.parquet", "une sortie d'été.parquet"]);
}

/// A layer that takes long enough to be interrupted in a debug build.
fn large_extract(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("large.gpkg");
    let made = std::process::Command::new(binary("parcelle-testdata"))
        .args(["extract", path.to_str().unwrap(), "--rows", "60000", "--seed", "1"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    path
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let input = large_extract(directory.path());
    for (signal, wait) in [("INT", 150), ("TERM", 400)] {
        let results = tempfile::tempdir().unwrap();
        let output = results.path().join("out.parquet");
        let options = ["--row-group-rows", "500", "--compression-level", "19", "--threads", "1"];
        let arguments = ["convert", input.to_str().unwrap(), output.to_str().unwrap()];
        let mut child =
            command(arguments.iter().chain(&options)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        // The temporary file is there as soon as the work has begun.
        while listing(results.path()).is_empty() && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(wait));
        // A minimal system has no program of that name, but every shell has the command.
        let kill = format!("kill -{signal} {}", child.id());
        let sent = std::process::Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(1), "{signal}");
        assert_eq!(listing(results.path()), Vec::<String>::new(), "{signal}");
    }
}

#[test]
fn the_facade_says_the_same_as_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let summary =
        parcelle::convert(fixture("vector/sparse_ids.gpkg"), &output).threads(2).row_group_rows(40).run().unwrap();
    assert_eq!((summary.rows, summary.row_groups), (100, 3));
    let json: Value = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["layer"], summary.layer);
    let error = parcelle::convert(fixture("vector/sparse_ids.gpkg"), &output).run().unwrap_err();
    assert!(error.is_usage() && !error.is_cancelled());
    let error = parcelle::convert(fixture("vector/bad_truncated.gpkg"), directory.path().join("b")).run().unwrap_err();
    assert!(!error.is_usage(), "{error}");
}

#[test]
fn what_a_killed_run_left_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    std::fs::write(directory.path().join(".out.parquet.AbCdEf.parcelle-tmp"), "half").unwrap();
    std::fs::write(directory.path().join(".other.parquet.AbCdEf.parcelle-tmp"), "half").unwrap();
    let run = parcelle(["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap()]).expect_code(0);
    let named: Vec<_> = run.stdout.lines().filter(|line| line.contains("parcelle-tmp")).collect();
    assert!(named.len() == 1 && named[0].contains("/.out.parquet.AbCdEf.parcelle-tmp"), "{}", run.stdout);
}

#[test]
fn a_window_without_rows_asks_for_its_reference_system() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let arguments = ["convert", "testdata/vector/towns.geojson", output.to_str().unwrap(), "--bbox"];
    let run = parcelle(arguments.iter().chain(&["-9e9,-9e9,-8e9,-8e9"])).expect_code(0);
    assert!(run.stdout.contains(": 0 rows") && run.stdout.contains("reference system"), "{}", run.stdout);
}

#[test]
fn options_may_stand_anywhere_and_output_is_the_last_path() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let (input, output_text) = ("testdata/vector/column_types.gpkg", output.to_str().unwrap());
    parcelle(["convert", input, "--threads", "1", output_text, "--sort", "none"]).expect_code(0);
    assert!(output.exists());
    let run = parcelle(["convert", input]).expect_code(2);
    assert!(run.complaint().contains("an INPUT and an OUTPUT are wanted"), "{}", run.stderr);
}

//! `parcelle convert` of archives: which member, what is said of it, and nothing left behind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{command, fixture, listing, parcelle};

/// A zip of files under other names, made by Python.
fn zip(path: &Path, members: &[(&str, &Path)]) {
    let script = "import sys, zipfile\n\
                  with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as archive:\n\
                  \x20   for name, file in zip(sys.argv[2::2], sys.argv[3::2]): archive.write(file, name)\n";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(path);
    for (name, file) in members {
        python.arg(name).arg(file);
    }
    assert!(python.status().unwrap().success());
}

#[test]
fn a_member_gives_what_the_file_itself_gives() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, out, plain) = (
        directory.path().join("livraison.zip"),
        directory.path().join("out.parquet"),
        directory.path().join("plain.parquet"),
    );
    let parts = ["shp", "shx", "dbf", "prj", "cpg"]
        .map(|extension| (format!("BDT/PARCELLE.{extension}"), fixture(&format!("vector/parcels.{extension}"))));
    let mut members: Vec<_> = parts.iter().map(|(name, file)| (name.as_str(), file.as_path())).collect();
    let towns = fixture("vector/towns.geojson");
    members.push(("BDT/towns.geojson", &towns));
    zip(&archive, &members);

    let convert = |options: &[&str]| {
        let arguments =
            ["convert", archive.to_str().unwrap(), out.to_str().unwrap(), "--overwrite", "--format", "json"];
        parcelle(arguments.iter().chain(options))
    };
    let run = convert(&[]).expect_code(2);
    assert!(run.complaint().ends_with("--all-layers: BDT/PARCELLE.shp, BDT/towns.geojson"), "{}", run.stderr);
    for options in [["--member", "parcelle"], ["--layer", "PARCELLE"]] {
        let summary = convert(&options).expect_code(0).json();
        assert_eq!(summary["input"], format!("{}/BDT/PARCELLE.shp", archive.display()));
        assert!(summary["seconds"]["unpack"].as_f64().unwrap() > 0.0);
    }
    let shapefile = fixture("vector/parcels.shp");
    parcelle(["convert", shapefile.to_str().unwrap(), plain.to_str().unwrap()]).expect_code(0);
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&plain).unwrap());
    assert_eq!(listing(directory.path()), ["livraison.zip", "out.parquet", "plain.parquet"]);
}

#[test]
fn the_same_data_in_two_formats_are_not_read_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, out) = (directory.path().join("a.zip"), directory.path().join("out"));
    let (one, other) = (fixture("vector/towns.geojson"), fixture("vector/sparse_ids.gpkg"));
    zip(&archive, &[("GEOJSON/towns.geojson", &one), ("GPKG/towns.gpkg", &other)]);
    let convert = |options: &[&str]| {
        parcelle(["convert", archive.to_str().unwrap(), out.to_str().unwrap()].iter().chain(options))
    };
    for options in [&[][..], &["--member", "towns"], &["--layer", "towns"], &["--all-layers"]] {
        let run = convert(options).expect_code(2);
        assert!(run.complaint().ends_with("'*.geojson': GEOJSON/towns.geojson, GPKG/towns.gpkg"), "{}", run.stderr);
    }
    convert(&["--member", "*.gpkg"]).expect_code(0);
}

#[test]
fn directories_are_made_for_all_layers_and_for_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("a.zip");
    zip(&archive, &[("x/towns.geojson", &fixture("vector/towns.geojson"))]);
    let convert = |output: &str, options: &[&str]| {
        let output = directory.path().join(output);
        parcelle(["convert", archive.to_str().unwrap(), output.to_str().unwrap()].iter().chain(options))
    };
    let run = convert("no/such.parquet", &[]).expect_code(1);
    assert!(run.complaint().ends_with("/no: there is no such directory"), "{}", run.stderr);
    convert("made/for/layers", &["--all-layers"]).expect_code(0);
    assert_eq!(listing(&directory.path().join("made/for/layers")), ["towns.parquet"]);
    assert_eq!(listing(directory.path()), ["a.zip", "made"]);
}

#[test]
fn errors_name_the_archive_and_the_member() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, out) = (directory.path().join("a.zip"), directory.path().join("out.parquet"));
    zip(&archive, &[("x/cut.geojson", &fixture("vector/bad_cut.geojson"))]);
    let run = parcelle(["convert", archive.to_str().unwrap(), out.to_str().unwrap()]).expect_code(1);
    let said = run.complaint();
    assert!(
        said.starts_with(&format!("{}/x/cut.geojson: ", archive.display())) && !said.contains("parcelle-tmp"),
        "{said}"
    );
    zip(&archive, &[("x/shapes.gpkg", &fixture("vector/geometries.gpkg"))]);
    let run = parcelle(["convert", archive.to_str().unwrap(), out.to_str().unwrap()]).expect_code(2);
    assert!(run.complaint().contains("a.zip/x/shapes.gpkg: the file has several layers"), "{}", run.stderr);
    assert_eq!(listing(directory.path()), ["a.zip"]);
}

#[test]
fn an_interrupted_unpacking_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, big, out) =
        (directory.path().join("a.zip"), directory.path().join("big.csv"), directory.path().join("out.parquet"));
    let mut text = String::from("x,y,note\n");
    while text.len() < 60_000_000 {
        text.push_str("1.5,2.5,some text that takes a while to be unpacked\n");
    }
    std::fs::write(&big, text).unwrap();
    zip(&archive, &[("big.csv", &big)]);
    std::fs::remove_file(&big).unwrap();
    let mut child = command(["convert", archive.to_str().unwrap(), out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !listing(directory.path()).iter().any(|name| name.starts_with(".a.zip.") && name.ends_with(".parcelle-tmp")) {
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "never unpacked");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "error: interrupted; nothing was written\n");
    assert_eq!(listing(directory.path()), ["a.zip"]);
}

#[test]
fn what_a_killed_run_has_unpacked_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (archive, out) = (directory.path().join("a.zip"), directory.path().join("out.parquet"));
    zip(&archive, &[("towns.geojson", &fixture("vector/towns.geojson"))]);
    let left = directory.path().join(".a.zip.AbCdEf.parcelle-tmp");
    std::fs::create_dir(&left).unwrap();
    let run = parcelle(["convert", archive.to_str().unwrap(), out.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains(&format!("delete it: {}", left.display())), "{}", run.stdout);
}

#[test]
fn an_archive_is_like_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (archive, other, out) = (path("a.zip"), path("b.zip"), path("out.parquet"));
    let (towns, shapes) = (fixture("vector/towns.geojson"), fixture("vector/shapes.geojson"));
    zip(&archive, &[("D01/towns.geojson", &towns), ("D02/towns.geojson", &towns), ("D02/shapes.geojson", &shapes)]);
    zip(&other, &[("towns.geojson", &towns)]);
    let rows = |inputs: &[&Path], options: &[&str]| {
        let mut arguments: Vec<&str> = vec!["convert"];
        arguments.extend(inputs.iter().map(|input| input.to_str().unwrap()));
        arguments.extend([out.to_str().unwrap(), "--overwrite", "--format", "json"]);
        let summary = parcelle(arguments.iter().chain(options)).expect_code(0).json();
        (summary["rows"].as_u64().unwrap(), summary["inputs"].as_u64().unwrap())
    };
    let (one, _) = rows(&[&towns], &[]);
    assert_eq!(rows(&[&archive], &["--member", "towns"]), (2 * one, 2));
    assert_eq!(rows(&[&archive], &["--layer", "towns"]), (2 * one, 2));
    assert_eq!(rows(&[&archive, &other, &towns], &["--member", "t*s"]), (4 * one, 4));
    assert_eq!(rows(&[&path("*.zip")], &["--layer", "towns"]), (3 * one, 3));
    std::fs::remove_file(&out).unwrap();

    let layers = path("layers");
    let arguments =
        ["convert", archive.to_str().unwrap(), layers.to_str().unwrap(), "--all-layers", "--format", "json"];
    let summary = parcelle(arguments).expect_code(0).json();
    assert_eq!(listing(&layers), ["shapes.parquet", "towns.parquet"]);
    let shown = summary.to_string();
    assert!(!shown.contains("parcelle-tmp") && shown.contains("a.zip/D02/shapes.geojson"), "{shown}");
    assert_eq!(listing(directory.path()), ["a.zip", "b.zip", "layers"]);
}

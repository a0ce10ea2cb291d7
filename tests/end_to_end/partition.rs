//! Datasets of several files.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use serde_json::Value;

use crate::{listing, parcelle};

fn index(directory: &Path) -> Value {
    serde_json::from_reader(File::open(directory.join("_index.json")).unwrap()).unwrap()
}

#[test]
fn a_file_for_each_value_with_an_index_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("towns");
    let arguments = ["convert", "testdata/vector/towns.geojson", output.to_str().unwrap()];
    let run = parcelle(arguments.iter().chain(&["--partition-by", "name", "--format", "json"])).expect_code(0);
    let (summary, index) = (run.json(), index(&output));
    assert_eq!(
        (&summary["rows"], &summary["files"]),
        (&index["rows"], &index["files"].as_array().unwrap().len().into())
    );
    let mut files: Vec<_> =
        index["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect();
    assert!(files.contains(&"Saint-Étienne.parquet".to_owned()), "{files:?}");
    for file in &files {
        let (file, again) = (output.join(file), directory.path().join("again.parquet"));
        let arguments = ["convert", file.to_str().unwrap(), again.to_str().unwrap(), "--overwrite"];
        parcelle(arguments).expect_code(0);
    }
    files.push("_index.json".to_owned());
    files.sort();
    assert_eq!(listing(&output), files);
    assert!(index["files"].as_array().unwrap().iter().all(|file| file["bbox"].as_array().unwrap().len() == 4));
}

#[test]
fn what_is_there_is_replaced_only_if_it_was_written_here() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("parts");
    let arguments = ["convert", "testdata/vector/sparse_ids.gpkg", output.to_str().unwrap(), "--partition-size", "1MB"];
    let run = parcelle(arguments).expect_code(0);
    assert!(run.stdout.contains("100 rows in 1 row group, "), "{}", run.stdout);
    assert_eq!(listing(&output), ["_index.json", "part-00000.parquet"]);
    parcelle(arguments).expect_code(2);
    parcelle(arguments.iter().chain(&["--overwrite"])).expect_code(0);
    std::fs::write(output.join("notes.txt"), "mine").unwrap();
    let run = parcelle(arguments.iter().chain(&["--overwrite"])).expect_code(1);
    assert!(run.complaint().contains("not a dataset of parcelle"), "{}", run.stderr);
    assert!(output.join("notes.txt").is_file());
}

/// A CSV file of points on a diagonal, with these further columns.
fn points(path: &Path, header: &str, rows: impl IntoIterator<Item = String>) {
    let mut text = format!("x,y,{header}\n");
    for (number, row) in rows.into_iter().enumerate() {
        writeln!(text, "{number}.5,{number}.5,{row}").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn hive_names_need_a_column() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out");
    let arguments = ["convert", "testdata/vector/towns.geojson", output.to_str().unwrap(), "--partition-names", "hive"];
    for options in [&[][..], &["--partition-size", "1MB"]] {
        let run = parcelle(arguments.iter().chain(options)).expect_code(2);
        assert!(run.complaint().contains("--partition-by"), "{}", run.stderr);
    }
    assert_eq!(listing(directory.path()), [""; 0]);
}

#[test]
fn hive_names_tell_the_word_null_from_null() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.csv"), directory.path().join("out"));
    points(&input, "code,id", ["NULL,1", "Null,2", "nulle,3", ",4"].map(str::to_owned));
    let arguments = ["convert", input.to_str().unwrap(), output.to_str().unwrap(), "--partition-by", "code"];
    parcelle(arguments.iter().chain(&["--partition-names", "hive"])).expect_code(0);
    // What DuckDB reads as NULL whatever its case is encoded; it decodes names after that.
    let files = ["_index.json", "code=%4EULL", "code=%4Eull", "code=__HIVE_DEFAULT_PARTITION__", "code=nulle"];
    assert_eq!(listing(&output), files);
}

#[test]
fn names_as_long_as_the_file_system_allows() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        |output: &Path| ["convert", "testdata/vector/towns.geojson", output.to_str().unwrap()].map(str::to_owned);
    let output = directory.path().join("é".repeat(127));
    parcelle(arguments(&output)).expect_code(0);
    let output = directory.path().join("n".repeat(255));
    parcelle(arguments(&output).iter().map(String::as_str).chain(["--partition-by", "name"])).expect_code(0);
    assert!(output.join("_index.json").is_file());
    let run = parcelle(arguments(&directory.path().join("no/such.parquet"))).expect_code(1);
    assert!(run.complaint().ends_with("/no: there is no such directory"), "{}", run.stderr);
    let run = parcelle(arguments(&directory.path().join("n".repeat(256)))).expect_code(1);
    assert!(run.complaint().contains("name"), "{}", run.stderr);
    assert_eq!(listing(directory.path()).len(), 2);
}

#[test]
fn the_dataset_that_is_read_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("parts");
    let output = output.to_str().unwrap();
    parcelle(["convert", "testdata/vector/sparse_ids.gpkg", output, "--partition-size", "1MB"]).expect_code(0);
    let part = format!("{output}/part-00000.parquet");
    let run = parcelle(["convert", &part, output, "--partition-by", "rank", "--overwrite"]).expect_code(2);
    assert!(run.complaint().contains("is the input itself"), "{}", run.stderr);
}

#[test]
fn a_column_that_makes_no_names_is_a_wrong_request() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("parts");
    let partition = |column: &str| {
        let arguments =
            ["convert", "testdata/vector/towns.geojson", output.to_str().unwrap(), "--partition-by", column];
        parcelle(arguments).expect_code(2).complaint().to_owned()
    };
    assert!(partition("town").contains("there is no column \"town\"; there are: "));
    assert!(partition("density").contains("choose a column of text, whole numbers, dates"));
    assert_eq!(listing(directory.path()), [""; 0]);
}

#[test]
fn presets_go_from_fast_to_small() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = |options: &[&str]| {
        let output = directory.path().join("out.parquet");
        let arguments = ["convert", "testdata/vector/shapes.geojson", output.to_str().unwrap(), "--overwrite"];
        parcelle(arguments.iter().chain(options)).expect_code(0);
        std::fs::read(output).unwrap()
    };
    let balanced = bytes(&[]);
    assert!(bytes(&["--preset", "balanced"]) == balanced);
    assert!(bytes(&["--preset", "fast", "--compression-level", "3"]) == balanced);
    assert!(bytes(&["--preset", "archive"]) != balanced);
    let fast = bytes(&["--preset", "fast"]);
    let only_zstd = bytes(&["--preset", "fast", "--compression", "zstd"]);
    assert!(fast != only_zstd && only_zstd == bytes(&["--preset", "fast", "--compression-level", "1"]));
}

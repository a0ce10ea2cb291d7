//! `--where`: which rows and columns come out, held against SQLite on the same GeoPackage.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{fixture, listing, parcelle};

fn schema(path: &Path) -> SchemaRef {
    ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap().schema().clone()
}

fn names(path: &Path) -> Vec<String> {
    schema(path).fields().iter().map(|field| field.name().clone()).filter(|name| name != "bbox").collect()
}

#[test]
fn rows_are_those_that_sqlite_finds() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let input = fixture("vector/column_types.gpkg");
    let database = rusqlite::Connection::open(&input).unwrap();
    let count = |condition: &str| -> u64 {
        let table: String = database.query_row("SELECT table_name FROM gpkg_contents", [], |row| row.get(0)).unwrap();
        database.query_row(&format!("SELECT count(*) FROM {table} WHERE {condition}"), [], |row| row.get(0)).unwrap()
    };
    let all = count("TRUE");
    let mut some = 0;
    for condition in [
        "\"int\" > 0",
        "NOT (\"int\" > 0)",
        "tinyint IS NULL OR tinyint % 2 = 0",
        "mediumint / 2 BETWEEN -100 AND 100",
        "\"real\" < 0.5 AND \"double\" IS NOT NULL",
        "text LIKE '%e%'",
        "text IS NULL",
        "length(text) > 3 AND lower(text) <> 'x'",
        "\"integer\" IN (0, 1, 9223372036854775807, NULL)",
        "\"integer\" NOT IN (0, 1)",
        "blob IS NOT NULL AND text_20 || 'x' <> 'x'",
        "geom IS NOT NULL",
        "\"integer\" / 0 IS NULL",
    ] {
        let summary = parcelle::convert(&input, &output).filter(condition).overwrite(true).run().unwrap();
        assert_eq!((summary.rows, summary.rows_read), (count(condition), all), "{condition}");
        some += u64::from(summary.rows > 0 && summary.rows < all);
    }
    assert!(some >= 8, "most conditions should part the rows, {some} do");
    let dated = parcelle::convert(&input, &output).filter("date >= '1900-01-01' AND datetime IS NOT NULL");
    let dated = dated.overwrite(true).run().unwrap();
    assert_eq!(dated.rows, count("date >= '1900-01-01' AND datetime IS NOT NULL"));
}

#[test]
fn columns_that_are_only_asked_about_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    for (input, select, condition, rows) in [
        ("places.csv", "name", "POPULATION > 130000", 2),
        ("towns.geojson", "density", "name LIKE '%n%' AND Population > 0", 2),
        ("parcels.shp", "AREA", "surveyed IS NOT NULL AND \"NAME\" IS NOT NULL", 0),
    ] {
        let summary = parcelle::convert(fixture(&format!("vector/{input}")), &output)
            .select([select])
            .filter(condition)
            .overwrite(true)
            .run()
            .unwrap();
        let columns = names(&output);
        assert!(columns.len() == 2 && columns.contains(&select.to_owned()), "{input}: {columns:?}");
        assert!(rows == 0 || summary.rows == rows, "{input}: {}", summary.rows);
    }
}

#[test]
fn output_does_not_depend_on_threads() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = |threads: usize| {
        let output = directory.path().join(format!("{threads}.parquet"));
        parcelle::convert(fixture("vector/towns.geojson"), &output)
            .filter("population > 100000")
            .threads(threads)
            .run()
            .unwrap();
        std::fs::read(output).unwrap()
    };
    assert_eq!(bytes(1), bytes(4));
}

#[test]
fn wrong_conditions_are_wrong_requests() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let deep = format!("{}TRUE{}", "(".repeat(10_000), ")".repeat(10_000));
    for (condition, select, said) in [
        ("populaton > 1", None, "did you mean \"population\""),
        ("populaton > 1", Some("name"), "did you mean \"population\""),
        ("name > 1", None, "'1'"),
        ("name = ", None, "Expected"),
        ("name = NULL", None, "IS NULL"),
        ("population IN (SELECT 1)", None, "a subquery"),
        ("SUM(population) > 1", None, "the function SUM"),
        (deep.as_str(), None, "nested"),
    ] {
        let mut arguments =
            vec!["convert", "testdata/vector/places.csv", output.to_str().unwrap(), "--where", condition];
        arguments.extend(select.iter().flat_map(|select| ["--select", select]));
        let run = parcelle(arguments).expect_code(2);
        assert!(run.complaint().starts_with("--where: ") && run.complaint().contains(said), "{}", run.complaint());
        assert_eq!(listing(directory.path()), Vec::<String>::new());
    }
    // Only the rows tell.
    let arguments = ["convert", "testdata/vector/places.csv", output.to_str().unwrap(), "--where"];
    let run = parcelle(arguments.iter().chain(&["CAST(name AS INTEGER) = 1"])).expect_code(1);
    assert!(run.complaint().contains("TRY_CAST"), "{}", run.complaint());
    let run = parcelle(arguments.iter().chain(&["population > 130000"])).expect_code(0);
    assert!(run.stdout.contains("rows read, of which"), "{}", run.stdout);
}

#[test]
fn several_files_are_asked_together() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let inputs = [
        write("a.csv", "Name,height,WKT\na,1,POINT (1 2)\nb,20,POINT (1 2)\nc,x,POINT (1\n"),
        write("b.csv", "name,Height,colour,WKT\nd,30,red,POINT (3 4)\ne,40,,POINT (3 95)\n"),
    ];
    let output = directory.path().join("out.parquet");
    let convert = || {
        parcelle::convert_many(inputs.iter(), &output)
            .crs("EPSG:4326")
            .on_invalid(parcelle::OnInvalid::Null)
            .overwrite(true)
    };
    // Text in one file and numbers in the other cannot be united.
    assert!(convert().run().is_err());
    write("a.csv", "Name,height,WKT\na,1,POINT (1 2)\nb,20,POINT (1 2)\nc,25,POINT (1\n");
    let summary =
        convert().select(["name"]).filter("HEIGHT > 10 AND colour IS NULL").target_crs("EPSG:3857").run().unwrap();
    assert_eq!((summary.rows, summary.rows_read), (3, 5));
    assert_eq!(names(&output), ["Name", "WKT"]);
    let repaired: Vec<_> = summary.repaired.iter().map(|column| (column.column.as_str(), column.values)).collect();
    assert_eq!(repaired, [("WKT", 1), ("WKT", 1)], "{:?}", summary.repaired);
    let error = convert().select(["name"]).filter("hight > 10").run().unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("did you mean \"height\""), "{error}");
}

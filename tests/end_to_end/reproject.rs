//! `--t-crs`: positions, metadata and refusals.

use std::path::Path;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::{fixture, listing, parcelle, top};

/// All geometries of a column.
fn geometries(path: &Path, column: &str) -> Vec<Option<Vec<u8>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let mut found = Vec::new();
    for batch in reader {
        let array = cast(batch.unwrap().column_by_name(column).unwrap(), &DataType::Binary).unwrap();
        found.extend(array.as_binary::<i32>().iter().map(|wkb| wkb.map(<[u8]>::to_vec)));
    }
    found
}

fn metadata(path: &Path) -> Value {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let entries = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let geo = entries.into_iter().find(|entry| entry.key == "geo").unwrap();
    serde_json::from_str(&geo.value.unwrap()).unwrap()
}

/// x and y of a point, or of the first position of a line.
fn first_position(wkb: &[u8]) -> [f64; 2] {
    let start = if wkb[1] == 1 { 5 } else { 9 };
    [0, 8].map(|offset| f64::from_le_bytes(wkb[start + offset..][..8].try_into().unwrap()))
}

fn write_geojson(path: &Path, features: &[&str]) {
    let features: Vec<String> = features
        .iter()
        .enumerate()
        .map(|(id, geometry)| format!(r#"{{"type":"Feature","properties":{{"id":{id}}},"geometry":{geometry}}}"#))
        .collect();
    let text = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
    std::fs::write(path, text).unwrap();
}

#[test]
fn positions_metadata_and_order_are_those_of_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.geojson"), directory.path().join("out.parquet"));
    write_geojson(
        &input,
        &[
            r#"{"type":"Point","coordinates":[3,46.5]}"#,
            "null",
            r#"{"type":"Point","coordinates":[]}"#,
            r#"{"type":"LineString","coordinates":[[3,46.5,12.5],[3,46.5,-1]]}"#,
        ],
    );
    let summary = parcelle::convert(&input, &output).target_crs("EPSG:2154").sort(parcelle::Sort::None).run().unwrap();
    assert_eq!((summary.rows, &summary.warnings), (4, &Vec::new()));
    let found = geometries(&output, "geometry");
    for row in [0, 3] {
        let [x, y] = first_position(found[row].as_ref().unwrap());
        assert!((x - 700_000.0).abs() < 1e-6 && (y - 6_600_000.0).abs() < 1e-6, "{x} {y}");
    }
    assert_eq!(found[1], None);
    let line = found[3].as_ref().unwrap();
    assert_eq!(f64::from_le_bytes(line[25..33].try_into().unwrap()), 12.5, "heights stay: {line:?}");
    let column = &metadata(&output)["columns"]["geometry"];
    assert_eq!(column["crs"]["id"]["code"], 2154);
    let bbox: Vec<f64> = column["bbox"].as_array().unwrap().iter().map(|bound| bound.as_f64().unwrap()).collect();
    assert!(bbox.iter().all(|bound| *bound > 600_000.0 || bound.abs() < 20.0), "{bbox:?}");
}

#[test]
fn there_and_back_is_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (input, layer, target, back) in [
        ("geometries.gpkg", "polygonz", "EPSG:3857", "EPSG:2154"),
        ("geometries.gpkg", "point", "EPSG:2056", "EPSG:2154"),
        ("geometries.gpkg", "polygonz", "EPSG:4258", "EPSG:2154"),
    ] {
        let convert = |input: &Path, output: &str| {
            parcelle::convert(input, path(output)).overwrite(true).sort(parcelle::Sort::None)
        };
        let input = fixture(&format!("vector/{input}"));
        convert(&input, "before.parquet").layer(layer).run().unwrap();
        convert(&input, "there.parquet").layer(layer).target_crs(target).run().unwrap();
        convert(&path("there.parquet"), "back.parquet").target_crs(back).run().unwrap();
        let name = metadata(&path("before.parquet"))["primary_column"].as_str().unwrap().to_owned();
        let (before, back) = (geometries(&path("before.parquet"), &name), geometries(&path("back.parquet"), &name));
        assert_eq!(before.len(), back.len());
        assert_ne!(before, geometries(&path("there.parquet"), &name));
        for (before, back) in
            before.iter().zip(&back).filter_map(|(before, back)| Some((before.as_ref()?, back.as_ref()?)))
        {
            assert_eq!(before.len(), back.len());
            if before.len() > 21 {
                let (before, back) = (first_position(before), first_position(back));
                let far = (before[0] - back[0]).abs().max((before[1] - back[1]).abs());
                assert!(far < 1e-3 || far.is_nan(), "{target}: {before:?} {back:?}");
            }
        }
    }
}

#[test]
fn what_is_there_already_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = |target: Option<&str>| {
        let output = directory.path().join("out.parquet");
        let mut convert = parcelle::convert(fixture("vector/sparse_ids.gpkg"), &output).overwrite(true);
        if let Some(target) = target {
            convert = convert.target_crs(target);
        }
        convert.run().unwrap();
        std::fs::read(&output).unwrap()
    };
    let crs = |bytes: &[u8]| {
        let path = directory.path().join("crs.parquet");
        std::fs::write(&path, bytes).unwrap();
        metadata(&path)["columns"].as_object().unwrap().values().next().unwrap()["crs"]["id"].clone()
    };
    let before = bytes(None);
    let id = crs(&before);
    let same = format!("{}:{}", id["authority"].as_str().unwrap(), id["code"]);
    assert_eq!(bytes(Some(&same)), before);
    assert_ne!(bytes(Some("EPSG:3857")), before);
}

#[test]
fn output_does_not_depend_on_threads() {
    let directory = tempfile::tempdir().unwrap();
    let input = top().join("../shared/corpus/vector/countries.fgb");
    let input = if input.exists() { input } else { fixture("vector/towns.geojson") };
    let bytes = |threads: usize, memory: u64| {
        let output = directory.path().join(format!("{threads}.parquet"));
        // A target that positions go to by different transformations.
        parcelle::convert(&input, &output).target_crs("EPSG:4267").threads(threads).memory(memory).run().unwrap();
        std::fs::read(output).unwrap()
    };
    assert_eq!(bytes(1, 1 << 30), bytes(3, 1 << 20));
}

#[test]
fn plates_move() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    write_geojson(&at("in.geojson"), &[r#"{"type":"Point","coordinates":[135,-25]}"#]);
    let convert = |input: &str, output: &str| parcelle::convert(at(input), at(output)).overwrite(true);
    let position = |name: &str| first_position(geometries(&at(name), "geometry")[0].as_ref().unwrap());
    // ITRF2014 to GDA2020, which is the same in 2020; Australia moves to the north-east, some seven centimetres a year.
    let to_static = || convert("in.geojson", "out.parquet").crs("EPSG:9000").target_crs("EPSG:7844");
    assert_eq!(to_static().epoch(2020.0).run().unwrap().warnings, Vec::<String>::new());
    let then = position("out.parquet");
    assert!((then[0] - 135.0).abs() < 1e-9 && (then[1] + 25.0).abs() < 1e-9, "{then:?}");
    to_static().epoch(2030.0).run().unwrap();
    let later = position("out.parquet");
    assert!((-6e-6..-4e-6).contains(&(later[1] + 25.0)) && (-4e-6..-2e-6).contains(&(later[0] - 135.0)), "{later:?}");
    assert_eq!(metadata(&at("out.parquet"))["columns"]["geometry"].get("epoch"), None);
    let warnings = to_static().run().unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("--epoch"), "{warnings:?}");

    let to_dynamic = convert("in.geojson", "dynamic.parquet").crs("EPSG:7844").target_crs("EPSG:9000");
    to_dynamic.epoch(2030.0).run().unwrap();
    assert_eq!(metadata(&at("dynamic.parquet"))["columns"]["geometry"]["epoch"], 2030.0);
    let back = position("dynamic.parquet");
    assert!((4e-6..6e-6).contains(&(back[1] + 25.0)), "{back:?}");
}

#[test]
fn wrong_targets_are_wrong_requests() {
    let directory = tempfile::tempdir().unwrap();
    let (lost, output) = (directory.path().join("lost.geojson"), directory.path().join("out.parquet"));
    write_geojson(&lost, &[r#"{"type":"Point","coordinates":[3,46.5]}"#, r#"{"type":"Point","coordinates":[7,95]}"#]);
    let lost = lost.to_str().unwrap();
    let unknown = "testdata/vector/reference_systems.gpkg";
    for (code, input, options, said) in [
        (2, lost, &["--t-crs", "EPSG:0"][..], &["--t-crs", "EPSG:0"][..]),
        (2, lost, &["--t-crs", "Lambert"], &["--t-crs", "Lambert"]),
        (2, lost, &["--t-crs", "EPSG:4978"], &["geocentric"]),
        (2, lost, &["--t-crs", "EPSG:5720"], &["no horizontal"]),
        (2, unknown, &["--layer", "undefined_cartesian", "--t-crs", "EPSG:4326"], &["--crs"]),
        (1, lost, &["--t-crs", "EPSG:3857"], &["id = 1", "7 95", "EPSG:3857"]),
    ] {
        let arguments = ["convert", input, output.to_str().unwrap()];
        let run = parcelle(arguments.iter().chain(options)).expect_code(code);
        for part in said {
            assert!(run.complaint().contains(part), "{options:?}: {}", run.complaint());
        }
        assert_eq!(listing(directory.path()), ["lost.geojson"]);
    }
}

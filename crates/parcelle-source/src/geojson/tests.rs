//! Whole files through the layer, whatever the size of chunks and the number of threads.

mod against_gdal;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parcelle_geometry::scan;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::geojson::layer::GeoJsonLayer;
use crate::geojson::source::Tuning;
use crate::{Interrupt, Layer, OpenOptions, Reader, SourceError, layers, open};

struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file(name: &str, content: impl AsRef<[u8]>) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    File { _folder: folder, path }
}

fn tiny(chunk: u64) -> Tuning {
    Tuning { chunk, slack: 7, longest_record: 1 << 20 }
}

fn read_layer(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in layer.splits(target)? {
        layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    let batch = concat_batches(&layer.schema(), &batches).unwrap();
    assert_eq!(layer.row_count_hint(), Some(batch.num_rows() as u64));
    Ok(batch)
}

fn read_tuned(path: &Path, options: &OpenOptions, tuning: Tuning, target: usize) -> Result<RecordBatch, SourceError> {
    read_layer(&GeoJsonLayer::open_tuned(path, options, tuning)?, target)
}

/// Reads a text in every way, asserts that all give the same, and gives that.
fn read_all_ways(text: impl AsRef<[u8]>) -> Result<RecordBatch, SourceError> {
    let file = file("a.geojson", text);
    let expected = read_tuned(&file.path, &OpenOptions::default(), Tuning::default(), 1000);
    for (chunk, threads, target) in
        [(1, 1, 1), (1, 3, 2), (5, 2, 3), (17, 3, 1), (64, 2, 7), (301, 4, 1000), (2000, 1, 2)]
    {
        let options = OpenOptions { threads, ..OpenOptions::default() };
        let found = read_tuned(&file.path, &options, tiny(chunk), target);
        assert_eq!(found, expected, "chunks of {chunk}, {threads} threads");
    }
    expected
}

fn error_of(text: impl AsRef<[u8]>) -> String {
    read_all_ways(text).unwrap_err().to_string()
}

fn collection(features: &[&str]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

fn feature(properties: &str) -> String {
    format!(r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"Point","coordinates":[1,2]}}}}"#)
}

fn with_properties(properties: &[&str]) -> String {
    let features: Vec<String> = properties.iter().map(|properties| feature(properties)).collect();
    collection(&features.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The values of a column as text; NULL as a dash.
fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap();
    let options = FormatOptions::default().with_null("-");
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}

fn column_names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// The WKB of a geometry, and what it is.
fn geometry(text: &str) -> Result<Vec<u8>, String> {
    let batch = read_all_ways(collection(&[&format!(r#"{{"type":"Feature","geometry":{text},"properties":{{}}}}"#)]));
    let batch = batch.map_err(|error| error.to_string())?;
    Ok(batch.column(batch.num_columns() - 1).as_binary::<i32>().value(0).to_vec())
}

fn wkb_type(text: &str) -> String {
    let wkb = geometry(text).unwrap();
    let summary = scan(&wkb).unwrap();
    assert!(summary.is_canonical);
    format!("{}{}", summary.geometry_type, if summary.is_empty { " EMPTY" } else { "" })
}

#[test]
fn values_have_the_types_of_the_lattice() {
    let batch = read_all_ways(with_properties(&[
        r#"{"i":1,"f":1,"big":9007199254740993,"huge":1,"b":true,"s":"a\u00e9\ud83d\ude00\n","d":"2024-02-29","t":"2024-02-29","z":"2024-02-29T01:00:00.000001+01:00","m":"2024-02-29","j":{"a": [1, "}\"]{"]},"n":null}"#,
        r#"{"late":"x","n":null,"j":"t\"","m":5,"z":"1969-12-31T23:59:59Z","t":"2024-02-29T12:30:00","d":"1969-12-31","s":"","b":false,"huge":123456789012345678901234567890,"big":-9223372036854775808,"f":-2.5e-3,"i":-9007199254740992}"#,
        r#"{"i":null,"j":7.50,"m":true,"f":-0}"#,
    ]))
    .unwrap();
    let names = ["i", "f", "big", "huge", "b", "s", "d", "t", "z", "m", "j", "n", "late", "geometry"];
    assert_eq!(column_names(&batch), names);
    let utc = || Some("UTC".into());
    let types = [
        ("i", DataType::Int64),
        ("f", DataType::Float64),
        ("big", DataType::Int64),
        ("huge", DataType::Utf8),
        ("b", DataType::Boolean),
        ("d", DataType::Date32),
        ("t", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("z", DataType::Timestamp(TimeUnit::Microsecond, utc())),
        ("n", DataType::Utf8),
    ];
    for (name, data_type) in types {
        assert_eq!(*batch.schema().field_with_name(name).unwrap().data_type(), data_type, "{name}");
    }
    let integers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
    assert_eq!((integers("i").value(1), integers("i").is_null(2)), (-9_007_199_254_740_992, true));
    assert_eq!((integers("big").value(0), integers("big").value(1)), (9_007_199_254_740_993, i64::MIN));
    let floats = batch.column_by_name("f").unwrap().as_primitive::<Float64Type>();
    assert_eq!((floats.value(0), floats.value(1)), (1.0, -0.0025));
    assert!(floats.value(2) == 0.0 && floats.value(2).is_sign_negative());
    assert_eq!(texts(&batch, "huge"), ["1", "123456789012345678901234567890", "-"]);
    assert_eq!(texts(&batch, "s"), ["aé😀\n", "", "-"]);
    let days = batch.column_by_name("d").unwrap().as_primitive::<Date32Type>();
    assert_eq!((days.value(0), days.value(1)), (19_782, -1));
    let instants = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<TimestampMicrosecondType>().clone();
    assert_eq!(instants("t").values()[..2], [1_709_164_800_000_000, 1_709_209_800_000_000]);
    assert_eq!(instants("z").values()[..2], [1_709_164_800_000_001, -1_000_000]);
    assert_eq!(texts(&batch, "m"), ["2024-02-29", "5", "true"]);
    assert_eq!(texts(&batch, "j"), [r#"{"a": [1, "}\"]{"]}"#, r#""t\"""#, "7.50"]);
    assert_eq!(batch.schema().field_with_name("j").unwrap().metadata()["ARROW:extension:name"], "arrow.json");
    assert_eq!(texts(&batch, "late"), ["-", "x", "-"]);
}

#[test]
fn names_that_meet_are_told_apart() {
    let named = |feature: &str| column_names(&read_all_ways(collection(&[feature])).unwrap());
    assert_eq!(named(r#"{"type":"Feature","id":"2024-01-01","properties":{"a":1}}"#), ["id", "a", "geometry"]);
    assert_eq!(named(r#"{"type":"Feature","id":5,"properties":{"ID":1}}"#), ["feature_id", "ID", "geometry"]);
    assert_eq!(
        named(r#"{"type":"Feature","id":5,"properties":{"id":1,"feature_id":2,"Geometry":3,"wkb_geometry":4}}"#),
        ["feature_id_2", "id", "feature_id", "Geometry", "wkb_geometry", "wkb_geometry_2"]
    );
    let batch = read_all_ways(collection(&[
        r#"{"type":"Feature","id":"2024-01-01"}"#,
        r#"{"type":"Feature","id":null,"geometry":null,"properties":null}"#,
        r#"{"id":12,"type":"Feature"}"#,
    ]))
    .unwrap();
    assert_eq!(texts(&batch, "id"), ["2024-01-01", "-", "12"]);
    assert_eq!(batch.column_by_name("geometry").unwrap().null_count(), 3);
}

#[test]
fn every_geometry_becomes_wkb() {
    let point: Vec<u8> = [&[1, 1, 0, 0, 0][..], &1.5f64.to_le_bytes(), &(-2e-3f64).to_le_bytes()].concat();
    assert_eq!(geometry(r#"{"type":"Point","coordinates":[1.5,-2e-3]}"#).unwrap(), point);
    assert_eq!(geometry(r#"{ "coordinates" : [ 1.5 , -0.002 ] , "bbox": [1], "type" : "Point" }"#).unwrap(), point);
    for (text, expected) in [
        (r#"{"type":"Point","coordinates":[1,2,3]}"#, "Point Z"),
        (r#"{"type":"Point","coordinates":[]}"#, "Point EMPTY"),
        (r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#, "LineString"),
        (r#"{"type":"LineString","coordinates":[]}"#, "LineString EMPTY"),
        (r#"{"type":"Polygon","coordinates":[[[0,0,9],[1,0,9],[1,1,9]],[]]}"#, "Polygon Z"),
        (r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#, "MultiPoint"),
        (r#"{"type":"MultiPoint","coordinates":[[],[3,4,5],[]]}"#, "MultiPoint Z"),
        (r#"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[]]}"#, "MultiLineString"),
        (r#"{"type":"MultiPolygon","coordinates":[[],[[[1,2,3],[3,4,5]]]]}"#, "MultiPolygon Z"),
        (r#"{"type":"GeometryCollection","geometries":[]}"#, "GeometryCollection EMPTY"),
        (
            r#"{"geometries":[{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[]}]},{"type":"Point","coordinates":[1,2,3]}],"type":"GeometryCollection"}"#,
            "GeometryCollection Z",
        ),
    ] {
        assert_eq!(wkb_type(text), expected, "{text}");
    }
    for (text, expected) in [
        (r#"{"type":"Circle","coordinates":[1,2]}"#, "\"Circle\" is no type"),
        (r#"{"type":"Polygon","coordinates":[[1,2],[3,4]]}"#, "nested too little"),
        (r#"{"type":"LineString","coordinates":[[[1,2]]]}"#, "nested too deep"),
        (r#"{"type":"Point","coordinates":[1]}"#, "one number"),
        (r#"{"type":"LineString","coordinates":[[1,2],[]]}"#, "empty position"),
        (r#"{"type":"Point","coordinates":[1,2,3,4]}"#, "more than three"),
        (r#"{"type":"LineString","coordinates":[[1,2],[3,4,5]]}"#, "have a height"),
        (r#"{"type":"Point","coordinates":[1e999,2]}"#, "too large"),
        (r#"{"type":"Point","coordinates":["1","2"]}"#, "a number is wanted"),
        (r#"{"type":"Point"}"#, "no `coordinates`"),
        (r#"{"coordinates":[1,2]}"#, "no `type`"),
        (r#"{"type":"GeometryCollection","geometries":[null]}"#, "object is wanted"),
        (r#"{"type":"Point","coordinates":[1,2],"coordinates":[1,2]}"#, "second `coordinates`"),
        (r#""Point""#, "null or an object"),
    ] {
        let message = geometry(text).unwrap_err();
        assert!(message.contains(expected) && message.contains("feature 1, byte "), "{text}: {message}");
    }
    let deep = |depth: usize| {
        let inner = r#"{"type":"MultiPoint","coordinates":[[1,2]]}"#.to_owned();
        (0..depth).fold(inner, |inner, _| format!(r#"{{"type":"GeometryCollection","geometries":[{inner}]}}"#))
    };
    assert_eq!(wkb_type(&deep(31)), "GeometryCollection");
    assert!(geometry(&deep(32)).unwrap_err().contains("nested deeper than 32"));
    assert!(geometry(&deep(300)).unwrap_err().contains("nested deeper than"));
}

#[test]
fn broken_json_is_refused() {
    let long = "[".repeat(600);
    for (properties, expected) in [
        (r#"{"a":1,}"#, "a key in quotes"),
        (r#"{"a":[1,]}"#, "not a JSON value"),
        (r#"{"a":1/*x*/}"#, "',' or '}'"),
        (r#"{"a":01}"#, "begin with 0"),
        (r#"{"a":1.}"#, "after the decimal point"),
        (r#"{"a":1e}"#, "of the exponent"),
        (r#"{"a":+1}"#, "not a JSON value"),
        (r#"{"a":NaN}"#, "not a JSON value"),
        (r#"{"a":"\x"}"#, "unknown escape"),
        (r#"{"a":"\ud83d"}"#, "surrogate"),
        (r#"{"a":"\ude00"}"#, "surrogate"),
        (r#"{"a":"\ud83dA"}"#, "surrogate"),
        (r#"{"a":"\u12g4"}"#, "four hexadecimal"),
        ("{\"a\":\"x\ty\"}", "control character"),
        (r#"{"a":1,"a":2}"#, "second property \"a\""),
        (r#"{"a":1,"\u0061":2}"#, "second property \"a\""),
        (r#"[1]"#, "null or an object"),
        (&format!(r#"{{"a":{long}}}"#), "nested deeper than 512"),
    ] {
        let message = error_of(with_properties(&["{}", properties]));
        assert!(message.contains(expected) && message.contains("feature 2, byte "), "{properties}: {message}");
    }
    let mut bytes = with_properties(&[r#"{"a":"xxxxxxxxxxxxxxxx#"}"#]).into_bytes();
    *bytes.iter_mut().find(|byte| **byte == b'#').unwrap() = 0xFF;
    assert!(error_of(&bytes).contains("not valid UTF-8"));
}

#[test]
fn broken_collections_are_refused() {
    let one = feature("{}");
    for (text, expected) in [
        (format!(r#"{{"type":"FeatureCollection","features":[{one},]}}"#), "after ','"),
        (format!(r#"{{"type":"FeatureCollection","features":[{one} {one}]}}"#), "',' or ']'"),
        (format!(r#"{{"type":"FeatureCollection","features":[{one}],"features":[]}}"#), "second `features`"),
        (format!(r#"{{"type":"FeatureCollection","type":"x","features":[{one}]}}"#), "second `type`"),
        (format!(r#"{{"features":[{one}]}}"#), "no `type`"),
        (format!(r#"{{"features":[{one}],"type":"Topology"}}"#), "\"Topology\""),
        (format!(r#"{{"type":"FeatureCollection","features":[{one}]}} x"#), "the end of the file"),
        (format!(r#"{{"type":"FeatureCollection","features":[{one}],}}"#), "a key"),
        (r#"{"type":"FeatureCollection"}"#.into(), "no `features`"),
        (r#"{"type":"FeatureCollection","features":null}"#.into(), "an array"),
        (collection(&["null"]), "a Feature"),
        (collection(&[r#"{"type":"Point","coordinates":[1,2]}"#]), "where a Feature is wanted"),
        (collection(&[r#"{"properties":{}}"#]), "without `type`"),
        (collection(&[r#"{"type":"Feature","id":[1]}"#]), "a string or a number"),
        (collection(&[r#"{"type":"Feature","id":1,"id":2}"#]), "second `id`"),
        (format!("{one}\n{}", &one[..40]), "incomplete"),
        (format!("{one}\n\n{one}{one}"), "the end of the line"),
        (format!("{{\n{}\n{one}", &one[1..]), "on a line of its own"),
        (format!("{one}\n{}", collection(&[&one])), "\"FeatureCollection\" where a Feature"),
        (r#"{"type":"Point","coordinates":[1,2],"properties":{}}"#.into(), "with members of a Feature"),
    ] {
        let message = error_of(&text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

/// The same features in every layout.
#[test]
fn layouts_agree() {
    let properties: Vec<String> = (0..40)
        .map(|number| {
            let tricky = r#"],{\"type\":\"Feature\"}\\"#;
            let nested = feature(r#"{"q":1}"#);
            match number % 4 {
                0 => format!(r#"{{"n":{number},"s":"{tricky}"}}"#),
                1 => format!(r#"{{"s":"\\","n":{number},"nested":[{nested},{nested}]}}"#),
                2 => format!(r#"{{"n":{number},"long":"{}"}}"#, "é{".repeat(number * 3)),
                _ => "{}".to_owned(),
            }
        })
        .collect();
    let features: Vec<String> = properties.iter().map(|properties| feature(properties)).collect();
    let borrowed: Vec<&str> = features.iter().map(String::as_str).collect();
    let expected = read_all_ways(collection(&borrowed)).unwrap();
    assert_eq!(expected.num_rows(), 40);
    let pretty: Vec<String> =
        features.iter().map(|text| text.replace("{\"type\"", "{\n \"type\" ").replace(",\"", " ,\r\n\t\"")).collect();
    let text = format!(
        "\u{FEFF} {{ \"name\" : \"x\", \"meta\":{{\"features\":[1,{{}}]}}, \"features\" : [\n{}\n ] , \"type\" : \"FeatureCollection\" ,\"more\":[{}] }}\n",
        pretty.join(" \n, "),
        pretty.join(",")
    );
    let spaced = read_all_ways(text).unwrap();
    assert_eq!((spaced.num_rows(), texts(&spaced, "n")), (40, texts(&expected, "n")));
    assert_eq!(spaced.column_by_name("geometry"), expected.column_by_name("geometry"));
    for text in [
        features.join("\n"),
        features.join("\r\n") + "\r\n\r\n",
        format!("\u{FEFF}\n{}\n", features.join("\n \n")),
        features.iter().map(|text| format!("\u{1E}{text}\n")).collect(),
        features.iter().map(|text| format!("\u{1E}\u{1E}{text}")).collect(),
    ] {
        assert_eq!(read_all_ways(&text).unwrap(), expected, "{text}");
    }
    let sequence: String = pretty.iter().map(|text| format!("\u{1E}{text}\n")).collect();
    assert_eq!(texts(&read_all_ways(sequence).unwrap(), "n"), texts(&expected, "n"));
    assert_eq!(read_all_ways(&features[1]).unwrap(), read_all_ways(collection(&[&features[1]])).unwrap());
    let bare = read_all_ways("{\"type\":\"Point\",\"coordinates\":[1,2]}\n{\"coordinates\":[3,4],\"type\":\"Point\"}")
        .unwrap();
    assert_eq!((bare.num_rows(), column_names(&bare)), (2, vec!["geometry".to_owned()]));
    assert_eq!(read_all_ways("{\n\"type\":\"Point\",\"coordinates\":[1,2]}\n").unwrap().num_rows(), 1);
    for empty in [r#"{"type":"FeatureCollection","features":[]}"#, r#"{"features" : [ ] ,"type":"FeatureCollection"}"#]
    {
        let batch = read_all_ways(empty).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, 1));
    }
}

#[test]
fn reference_systems() {
    let crs_of = |name: &str, text: &str, crs: Option<&str>| {
        let file = file(name, text);
        let options = OpenOptions { crs: crs.map(str::to_owned), ..OpenOptions::default() };
        GeoJsonLayer::open(&file.path, &options)
            .map(|layer| layer.info().crs.unwrap_or_else(|| "none".to_owned()))
            .map_err(|error| error.to_string())
    };
    let one = feature("{}");
    let before = |crs: &str| format!(r#"{{"type":"FeatureCollection","crs":{crs},"features":[{one}]}}"#);
    let after = |crs: &str| format!(r#"{{"type":"FeatureCollection","features":[{one}],"crs":{crs}}}"#);
    let single = |crs: &str| format!(r#"{{"type":"Feature","geometry":null,"properties":null,"crs":{crs}}}"#);
    let named = |name: &str| format!(r#"{{"type":"name","properties":{{"name":"{name}"}}}}"#);
    for (crs, expected) in [
        (named("urn:ogc:def:crs:EPSG::2154"), "EPSG:2154"),
        (named("EPSG:2154"), "EPSG:2154"),
        (named("urn:ogc:def:crs:OGC:1.3:CRS84"), "OGC:CRS84"),
        (r#"{"type":"EPSG","properties":{"code":2154}}"#.to_owned(), "EPSG:2154"),
        ("null".to_owned(), "none"),
    ] {
        for text in [before(&crs), after(&crs), single(&crs)] {
            assert_eq!(crs_of("a.json", &text, None).as_deref(), Ok(expected), "{text}");
            assert_eq!(crs_of("a.json", &text, Some("EPSG:3857")).as_deref(), Ok("EPSG:3857"));
        }
    }
    assert_eq!(crs_of("a.json", &collection(&[&one]), None).as_deref(), Ok("OGC:CRS84"));
    let link = r#"{"type":"link","properties":{"href":"http://example.com"}}"#;
    for (text, expected) in [
        (after(link), "link"),
        (before(r#""EPSG:2154""#), "neither a name nor null"),
        (before(&named("EPSG:999999")), "999999"),
        (format!("{one}\n{}", single("null")), "feature 2 has a `crs` of its own"),
        (collection(&[&single(&named("EPSG:2154"))]), "feature 1 has a `crs` of its own"),
    ] {
        let message = crs_of("a.json", &text, None).unwrap_err();
        assert!(message.contains(expected) && message.contains("--crs"), "{message}");
        assert_eq!(crs_of("a.json", &text, Some("EPSG:2154")).as_deref(), Ok("EPSG:2154"));
    }
}

#[test]
fn recognised_by_content() {
    let one = feature("{}");
    let large = format!(
        r#"{{"geometry":{{"coordinates":[[{}[1,2]]],"type":"Polygon"}},"type":"Feature"}}"#,
        "[1,2],".repeat(300_000)
    );
    for (name, text) in [
        ("a.txt", collection(&[&one])),
        ("noextension", one.clone()),
        ("a.dat", format!("\u{1E}{one}\n")),
        ("b.json", r#"  {"type":"GeometryCollection","geometries":[]}"#.into()),
        ("c.json", format!(r#"{{"features":[{one}],"type":"FeatureCollection"}}"#)),
        ("d.json", format!(r#"{{"features":[{large}],"type":"FeatureCollection"}}"#)),
        ("e.json", large),
        ("f.json", format!(r#"{{"m":"{}","type":"FeatureCollection","features":[]}}"#, "x".repeat(5000))),
    ] {
        let file = file(name, text);
        let layer = open(&file.path, &OpenOptions { reader: Reader::Native, ..OpenOptions::default() });
        assert!(layer.is_ok_and(|layer| layer.driver().starts_with("GeoJSON")), "{name}");
    }
    for text in [
        r#"{"type":"Topology","objects":{}}"#,
        r#"{"displayFieldName":"","features":[{"attributes":{},"geometry":{"x":1,"y":2}}]}"#,
        r#"{"a":1}"#,
        r#"[{"type":"Feature"}]"#,
        "{",
        "POINT (1 2)",
    ] {
        let file = file("a.json", text);
        let error = open(&file.path, &OpenOptions { reader: Reader::Native, ..OpenOptions::default() });
        assert!(matches!(error.map(|_| ()), Err(SourceError::NoNativeReader { .. })), "{text}");
    }
    let utf16: Vec<u8> = format!("\u{FEFF}{one}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = file("a.geojson", utf16);
    let message = open(&file.path, &OpenOptions::default()).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("UTF-16") && message.contains("iconv"), "{message}");
}

#[test]
fn columns_and_layers_are_chosen() {
    let text = r#"{"type":"FeatureCollection","name":"communes","features":[{"type":"Feature","id":1,"properties":{"a":1,"b":{"x":[1]},"c":"z"},"geometry":{"type":"MultiPoint","coordinates":[[1,2]]}}]}"#;
    let file = file("file.geojson", text);
    let info = layers(&file.path, Reader::Native).unwrap().remove(0);
    assert_eq!((info.name.as_str(), info.rows, info.geometry.as_deref()), ("communes", Some(1), Some("MULTIPOINT")));
    let fields: Vec<&str> = info.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["id", "a", "b", "c"]);
    let select = |names: &[&str]| OpenOptions {
        select: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..OpenOptions::default()
    };
    let batch = read_tuned(&file.path, &select(&["c", "a"]), Tuning::default(), 10).unwrap();
    assert_eq!(column_names(&batch), ["a", "c", "geometry"]);
    assert_eq!(texts(&batch, "c"), ["z"]);
    let error = GeoJsonLayer::open(&file.path, &select(&["d"])).unwrap_err();
    assert!(matches!(error, SourceError::UnknownColumn { .. }), "{error}");
    let other = OpenOptions { layer: Some("commune".into()), ..OpenOptions::default() };
    assert!(matches!(GeoJsonLayer::open(&file.path, &other), Err(SourceError::UnknownLayer { .. })));
    let stopped = OpenOptions { interrupt: Interrupt::on(Arc::new(AtomicBool::new(true))), ..OpenOptions::default() };
    assert_eq!(GeoJsonLayer::open(&file.path, &stopped).map(|_| ()), Err(SourceError::Interrupted));
}

#[test]
fn a_changed_file_is_noticed() {
    let text = with_properties(&[r#"{"a":1}"#, r#"{"a":2}"#]);
    for changed in
        [text.replace(":2}", ":\"x\"}"), text.replace("\"a\":2", "\"b\":2"), text.clone() + " ", text[..50].into()]
    {
        let file = file("a.geojson", &text);
        let layer = GeoJsonLayer::open(&file.path, &OpenOptions::default()).unwrap();
        std::fs::write(&file.path, changed).unwrap();
        let error = read_layer(&layer, 10).unwrap_err();
        assert!(matches!(error, SourceError::Changed { .. }), "{error}");
    }
}

#[test]
fn a_feature_that_is_too_long_is_refused() {
    let file = file("a.geojson", with_properties(&["{}", &format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20))]));
    let message = read_tuned(&file.path, &OpenOptions::default(), tiny(100), 10).unwrap_err().to_string();
    assert!(message.contains("takes more than 1048576 bytes"), "{message}");
}

#[test]
fn cut_and_changed_files_never_lose_rows_silently() {
    let one = feature(r#"{"a":"é\u00e9\"","b":[1,{"c":null}],"d":-1.5e3}"#);
    let collection = collection(&[&one, &one, &one]);
    for length in 0..collection.len() {
        let file = file("a.geojson", &collection.as_bytes()[..length]);
        for chunk in [3, 1000] {
            let read = read_tuned(&file.path, &OpenOptions { threads: 2, ..OpenOptions::default() }, tiny(chunk), 1);
            assert!(read.is_err(), "{length}");
        }
    }
    let lines = [one.as_str(); 3].join("\n");
    for length in 0..lines.len() {
        let file = file("a.geojsonl", &lines.as_bytes()[..length]);
        let read = read_tuned(&file.path, &OpenOptions::default(), tiny(11), 1);
        let whole = [one.len(), one.len() + 1, 2 * one.len() + 1, 2 * one.len() + 2].contains(&length);
        assert_eq!(read.is_ok(), whole, "{length}");
    }
    let mut state = 88_172_645_463_325_252u64;
    for _ in 0..400 {
        let mut bytes = collection.clone().into_bytes();
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let place = state as usize % bytes.len();
            bytes[place] =
                if state >> 60 < 8 { b"{}[],:\"\\n0e-."[(state >> 40) as usize % 13] } else { (state >> 50) as u8 };
        }
        let file = file("a.geojson", &bytes);
        let read = |tuning| read_tuned(&file.path, &OpenOptions::default(), tuning, 10);
        assert_eq!(read(tiny(37)), read(Tuning::default()), "{}", String::from_utf8_lossy(&bytes));
    }
}

/// Any value that a property may have.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("2024-05-06")),
        Just(json!("},{\"type\":\"Feature\",\\")),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-c\"\\\\]{0,2}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn random_features_come_back(
        rows in prop::collection::vec((prop::collection::hash_map("[a-eé]", value(), 0..4), -180.0f64..180.0, -1e300f64..1e300), 0..20),
        chunk in 1u64..400,
        threads in 1usize..4,
        lines: bool,
        pretty: bool,
    ) {
        let features: Vec<Value> = rows.iter().map(|(properties, x, y)| {
            let properties: serde_json::Map<String, Value> = properties.clone().into_iter().collect();
            json!({"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [x, y]}})
        }).collect();
        let whole = json!({"type": "FeatureCollection", "features": features});
        let text = match (lines && !features.is_empty(), pretty) {
            (true, _) => features.iter().map(|feature| format!("{feature}\n")).collect(),
            (false, true) => serde_json::to_string_pretty(&whole).unwrap(),
            (false, false) => whole.to_string(),
        };
        let file = file("a.geojson", text);
        let options = OpenOptions { threads, ..OpenOptions::default() };
        let batch = read_tuned(&file.path, &options, tiny(chunk), 3).unwrap();
        prop_assert_eq!(&batch, &read_tuned(&file.path, &options, Tuning::default(), 1000).unwrap());
        prop_assert_eq!(batch.num_rows(), rows.len());
        let geometry = batch.column(batch.num_columns() - 1).as_binary::<i32>();
        for (row, (properties, x, y)) in rows.iter().enumerate() {
            let wkb = geometry.value(row);
            prop_assert_eq!(f64::from_le_bytes(wkb[5..13].try_into().unwrap()), *x);
            prop_assert_eq!(f64::from_le_bytes(wkb[13..21].try_into().unwrap()), *y);
            for (index, field) in batch.schema().fields().iter().enumerate().take(batch.num_columns() - 1) {
                let column = batch.column(index);
                let wanted = properties.get(field.name()).unwrap_or(&Value::Null);
                prop_assert_eq!(column.is_null(row), wanted.is_null());
                if column.is_null(row) {
                    continue;
                }
                match field.data_type() {
                    DataType::Utf8 if !field.metadata().is_empty() => {
                        // The parser of the test rounds floats its own way: both go through it.
 let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
 prop_assert_eq!(parse(column.as_string::<i32>().value(row)), parse(&wanted.to_string()));
                    }
                    DataType::Utf8 => {
                        let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
                        prop_assert_eq!(column.as_string::<i32>().value(row), wanted.as_str());
                    }
                    DataType::Int64 => prop_assert_eq!(Some(column.as_primitive::<Int64Type>().value(row)), wanted.as_i64()),
                    DataType::Float64 => prop_assert_eq!(Some(column.as_primitive::<Float64Type>().value(row)), wanted.as_f64()),
                    DataType::Boolean => prop_assert_eq!(Some(column.as_boolean().value(row)), wanted.as_bool()),
                    DataType::Date32 => prop_assert_eq!(column.as_primitive::<Date32Type>().value(row), 19_849),
                    other => prop_assert!(false, "{}", other),
                }
            }
        }
    }
}

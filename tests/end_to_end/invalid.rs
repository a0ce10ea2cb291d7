//! `--on-invalid`: what becomes of values that are not valid, and what is said of them.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use parcelle::{ConvertError, OnInvalid, Sort};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{fixture, parcelle};

/// Column, kind and number of a repair.
type Named = (String, &'static str, u64);

/// The rows of a file of one batch.
fn rows(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    reader.with_batch_size(1 << 20).build().unwrap().next().unwrap().unwrap()
}

/// Which rows of a column are NULL, from 0.
fn nulls(batch: &RecordBatch, column: &str) -> Vec<usize> {
    let column = batch.column_by_name(column).unwrap();
    (0..column.len()).filter(|row| column.is_null(*row)).collect()
}

/// Converts with a policy; gives the rows, and of the repairs column, kind and number.
fn convert(
    input: &Path,
    policy: OnInvalid,
    options: impl FnOnce(parcelle::Convert) -> parcelle::Convert,
) -> Result<(RecordBatch, Vec<Named>), ConvertError> {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let summary = options(parcelle::convert(input, &output).on_invalid(policy).sort(Sort::None)).run()?;
    let repaired = summary.repaired.into_iter().map(|column| (column.column, column.repair, column.values));
    Ok((rows(&output), repaired.collect()))
}

fn named(column: &str, repair: &'static str, values: u64) -> Named {
    (column.to_owned(), repair, values)
}

#[test]
fn values_of_a_geopackage() {
    let input = fixture("vector/bad_values.gpkg");
    for layer in ["text_in_integer", "fraction_in_integer", "too_large_for_smallint", "text_in_boolean", "not_utf_8"] {
        let choose = |convert: parcelle::Convert| convert.layer(layer);
        assert!(convert(&input, OnInvalid::Error, choose).is_err());
        let (batch, repaired) = convert(&input, OnInvalid::Null, choose).unwrap();
        assert_eq!((batch.num_rows(), nulls(&batch, "value")), (3, vec![1]), "{layer}");
        assert_eq!(repaired, [named("value", "null", 1)]);
    }
    let choose = |convert: parcelle::Convert| convert.layer("not_utf_8");
    let (batch, repaired) = convert(&input, OnInvalid::Keep, choose).unwrap();
    assert!(batch.column_by_name("value").unwrap().as_string::<i32>().value(1).contains('\u{fffd}'));
    assert_eq!(repaired, [named("value", "replaced", 1)]);
    let kept = convert(&input, OnInvalid::Keep, |convert| convert.layer("text_in_integer")).unwrap_err();
    assert!(kept.to_string().contains("rowid 2") && kept.to_string().contains("--on-invalid keep"), "{kept}");
}

#[test]
fn geometry_that_cannot_be_read() {
    for layer in ["cut", "wrong_magic", "unknown_type", "count_beyond_bytes"] {
        let input = fixture("vector/bad_geometries.gpkg");
        let (batch, repaired) = convert(&input, OnInvalid::Null, |convert| convert.layer(layer)).unwrap();
        assert_eq!(nulls(&batch, "geom").len(), 1, "{layer}");
        assert_eq!(repaired, [named("geom", "null", 1)]);
    }
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("a.csv");
    std::fs::write(&csv, "name,WKT\na,POINT (1 2)\nb,\"POINT (1,2\"\nc,\nd,POLYGON ((0 0))\n").unwrap();
    let (batch, repaired) = convert(&csv, OnInvalid::Null, |convert| convert).unwrap();
    assert_eq!((nulls(&batch, "WKT"), repaired), (vec![1, 2], vec![named("WKT", "null", 1)]));

    let geojson = directory.path().join("a.geojson");
    let features = [
        r#"{"type":"Point","coordinates":[1,2]}"#,
        r#"{"type":"Point","coordinates":[1]}"#,
        r#"{"type":"LineString","coordinates":[[1,2],[1,2,3]]}"#,
        r#"{"type":"Circle","coordinates":[1,2]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}"#,
        "null",
    ];
    let write = |features: &[&str]| {
        let features =
            features.iter().map(|g| format!(r#"{{"type":"Feature","properties":{{"n":1}},"geometry":{g}}}"#));
        let text = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.collect::<Vec<_>>().join(","));
        std::fs::write(&geojson, text).unwrap();
    };
    write(&features);
    let (batch, repaired) = convert(&geojson, OnInvalid::Null, |convert| convert).unwrap();
    assert_eq!((nulls(&batch, "geometry"), repaired), (vec![1, 2, 3, 5], vec![named("geometry", "null", 3)]));
    let kept = convert(&geojson, OnInvalid::Keep, |convert| convert).unwrap_err().to_string();
    assert!(kept.contains("row number 2") && kept.contains("--on-invalid keep"), "{kept}");
    // A ring that is not closed is as it is.
    write(&features[4..5]);
    let (_, repaired) = convert(&geojson, OnInvalid::Keep, |convert| convert).unwrap();
    assert_eq!(repaired, []);
    // What is no JSON is damage to the file.
    write(&[r#"{"type":"Point","coordinates":[1,}"#]);
    assert!(convert(&geojson, OnInvalid::Null, |convert| convert).is_err());
}

#[test]
fn records_of_a_shapefile() {
    let directory = tempfile::tempdir().unwrap();
    let at = |extension: &str| directory.path().join(format!("parcels.{extension}"));
    for extension in ["shp", "shx", "dbf", "prj", "cpg"] {
        std::fs::copy(fixture(&format!("vector/parcels.{extension}")), at(extension)).unwrap();
    }
    let mut dbf = std::fs::read(at("dbf")).unwrap();
    // Three records of 41 bytes from byte 129 on: a mark, NAME, AREA, SURVEYED.
    let (second, third) = (129 + 41, 129 + 82);
    dbf[second + 1..second + 4].copy_from_slice(&[b'C', 0xFF, b'l']);
    dbf[third + 21..third + 33].copy_from_slice(b"        abc ");
    dbf[second + 33..second + 41].copy_from_slice(b"20231399");
    std::fs::write(at("dbf"), dbf).unwrap();
    let mut shp = std::fs::read(at("shp")).unwrap();
    // The number of parts of the polygon in the third record.
    shp[372 + 8 + 36..][..4].copy_from_slice(&77u32.to_le_bytes());
    std::fs::write(at("shp"), shp).unwrap();

    assert!(convert(&at("shp"), OnInvalid::Error, |convert| convert).is_err());
    let (batch, repaired) = convert(&at("shp"), OnInvalid::Null, |convert| convert).unwrap();
    assert_eq!(nulls(&batch, "geometry"), [2]);
    assert_eq!(nulls(&batch, "NAME"), [1, 2]);
    assert_eq!(nulls(&batch, "AREA"), [2]);
    let one = |column| named(column, "null", 1);
    assert_eq!(repaired, [one("AREA"), one("NAME"), one("SURVEYED"), one("geometry")]);
    let only = |convert: parcelle::Convert| convert.select(["NAME"]);
    let error = convert(&at("shp"), OnInvalid::Keep, only).unwrap_err().to_string();
    assert!(error.contains("row number 3") && error.contains("--on-invalid keep"), "{error}");
    std::fs::copy(fixture("vector/parcels.shp"), at("shp")).unwrap();
    let (batch, repaired) = convert(&at("shp"), OnInvalid::Keep, only).unwrap();
    assert!(batch.column_by_name("NAME").unwrap().as_string::<i32>().value(1).starts_with("C\u{fffd}l"));
    assert_eq!(repaired, [named("NAME", "replaced", 1)]);
}

#[test]
fn positions_that_cannot_be_reprojected() {
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("a.csv");
    std::fs::write(&csv, "name,WKT\na,POINT (1 2)\nb,\"LINESTRING (1 2, 3 99, 3 98)\"\nc,\nd,POINT (1 95)\n").unwrap();
    let to_mercator = |convert: parcelle::Convert| convert.crs("EPSG:4326").target_crs("EPSG:3857");
    let (batch, repaired) = convert(&csv, OnInvalid::Null, to_mercator).unwrap();
    assert_eq!((nulls(&batch, "WKT"), repaired), (vec![1, 2, 3], vec![named("WKT", "null", 2)]));
    for policy in [OnInvalid::Error, OnInvalid::Keep] {
        assert!(convert(&csv, policy, to_mercator).is_err());
    }
}

#[test]
fn damage_is_always_an_error() {
    for policy in ["error", "null", "keep"] {
        for input in ["bad_truncated.gpkg", "bad_cut.geojson"] {
            let directory = tempfile::tempdir().unwrap();
            let output = directory.path().join("out.parquet");
            let input = format!("testdata/vector/{input}");
            parcelle(["convert", &input, output.to_str().unwrap(), "--on-invalid", policy]).expect_code(1);
        }
    }
}

#[test]
fn the_summary_says_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    let arguments = ["convert", "testdata/vector/bad_values.gpkg", output.to_str().unwrap(), "--overwrite"];
    let options = ["--layer", "text_in_integer", "--on-invalid", "null"];
    let run = parcelle(arguments.iter().chain(&options)).expect_code(0);
    assert!(
        run.stdout.contains("Column value: 1 value became NULL; the first: rowid 2: text \"abc\""),
        "{}",
        run.stdout
    );
    let run = parcelle(arguments.iter().chain(&options).chain(&["--format", "json"])).expect_code(0);
    let repaired = &run.json()["repaired"][0];
    assert_eq!(
        (&repaired["column"], &repaired["repair"], &repaired["values"]),
        (&"value".into(), &"null".into(), &1.into())
    );
}

#[test]
fn the_report_does_not_depend_on_threads() {
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("a.csv");
    let row = |id: u32| format!("{id},{}\n", if id % 7 == 3 { "POINT (1" } else { "POINT (1 2)" });
    std::fs::write(&csv, std::iter::once("id,WKT\n".to_owned()).chain((0..20_000).map(row)).collect::<String>())
        .unwrap();
    let report = |threads: usize| {
        let output = directory.path().join(format!("{threads}.parquet"));
        let convert = parcelle::convert(&csv, &output).on_invalid(OnInvalid::Null).row_group_rows(1000);
        let repaired = convert.threads(threads).run().unwrap().repaired;
        (repaired, std::fs::read(output).unwrap())
    };
    let (one, many) = (report(1), report(4));
    assert_eq!(one.0, many.0);
    assert!(one.1 == many.1);
    assert_eq!(one.0[0].values, 2857);
    assert!(one.0[0].first.starts_with("line 5: "), "{}", one.0[0].first);
}

#[test]
fn rings_that_are_not_closed_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("rings.csv");
    let closed = "\"POLYGON((0 0,0 1,1 1,0 0))\"";
    let open = "\"MULTIPOLYGON(((0 0,0 1,1 1,0 0)),((5 5,5 6,6 6)))\"";
    let warning = |rows: &[&str]| {
        let text = format!("wkt\n{}\n", rows.join("\n"));
        std::fs::write(&source, text).unwrap();
        let output = folder.path().join("rings.parquet");
        let summary = parcelle::convert(&source, &output).overwrite(true).run().unwrap();
        assert_eq!(summary.rows, rows.len() as u64);
        summary.warnings.into_iter().find(|warning| warning.contains("not closed"))
    };
    assert_eq!(warning(&[closed, closed]), None);
    let told = warning(&[open, closed, open]).unwrap();
    assert!(told.contains("not closed: 2.") && told.contains("parcelle check"), "{told}");
}

#[test]
fn infinite_coordinates_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (source, output) = (folder.path().join("points.csv"), folder.path().join("points.parquet"));
    // POINT (inf 1), POINT (1 2).
    let rows = ["0101000000000000000000F07F000000000000F03F", "0101000000000000000000F03F0000000000000040"];
    let infinite = |rows: &[&str]| {
        std::fs::write(&source, format!("wkb\n{}\n", rows.join("\n"))).unwrap();
        let summary = parcelle::convert(&source, &output).overwrite(true).run().unwrap();
        assert_eq!(summary.rows, rows.len() as u64);
        summary.warnings.into_iter().find(|warning| warning.contains("infinite"))
    };
    let told = infinite(&rows).unwrap();
    assert!(told.contains("infinite: 1.") && told.contains("--bbox"), "{told}");
    assert_eq!(infinite(&rows[1..]), None);
}

//! What `parcelle convert` writes, read back: every layer of every fixture, natively and through GDAL.
//!
//! Attribute values are compared one by one with other implementations in `make interop`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, RecordBatch};
use arrow::datatypes::Float32Type;
use parcelle::{Reader, Sort};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use serde_json::{Value, json};

use crate::fixture;

/// Every layer with geometry of every good fixture.
fn layers() -> Vec<(PathBuf, String, Option<u64>)> {
    let mut layers = Vec::new();
    for entry in fixture("vector").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let readable = ["gpkg", "geojson", "shp", "csv"].iter().any(|ending| name.ends_with(ending));
        if readable && !name.starts_with("bad_") {
            let found = parcelle::layers(&path, Reader::Auto).unwrap_or_else(|error| panic!("{error}"));
            layers.extend(
                found
                    .into_iter()
                    .filter(|layer| layer.geometry.is_some())
                    .map(|layer| (path.clone(), layer.name, layer.rows)),
            );
        }
    }
    assert!(layers.len() > 40, "{layers:?}");
    layers
}

struct Read {
    rows: RecordBatch,
    geo: Value,
}

impl Read {
    fn open(path: &Path) -> Self {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let builder =
            ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path).unwrap(), options).unwrap();
        let entries = builder.metadata().file_metadata().key_value_metadata().unwrap();
        let geo = entries.iter().find(|entry| entry.key == "geo").and_then(|entry| entry.value.as_ref()).unwrap();
        let geo = serde_json::from_str(geo).unwrap();
        let schema = Arc::clone(builder.schema());
        let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        Self { rows: arrow::compute::concat_batches(&schema, &batches).unwrap(), geo }
    }

    fn geometry_name(&self) -> &str {
        self.geo["primary_column"].as_str().unwrap()
    }

    fn geometry(&self) -> &BinaryArray {
        self.rows.column_by_name(self.geometry_name()).unwrap().as_binary::<i32>()
    }

    fn column(&self) -> &Value {
        &self.geo["columns"][self.geometry_name()]
    }
}

/// Position ranges of a WKB, by a reader of its own: little endian, ISO.
fn positions(wkb: &[u8]) -> Vec<[f64; 2]> {
    fn number(bytes: &mut &[u8]) -> u32 {
        let (head, rest) = bytes.split_at(4);
        *bytes = rest;
        u32::from_le_bytes(head.try_into().unwrap())
    }
    fn walk(bytes: &mut &[u8], out: &mut Vec<[f64; 2]>) {
        assert_eq!(bytes[0], 1, "little endian");
        *bytes = &bytes[1..];
        let code = number(bytes);
        let size = [2, 3, 3, 4][(code / 1000) as usize];
        let mut run = |count: u32, bytes: &mut &[u8]| {
            for _ in 0..count {
                let (head, rest) = bytes.split_at(size * 8);
                *bytes = rest;
                let value = |at: usize| f64::from_le_bytes(head[at * 8..at * 8 + 8].try_into().unwrap());
                if !value(0).is_nan() {
                    out.push([value(0), value(1)]);
                }
            }
        };
        match code % 1000 {
            1 => run(1, bytes),
            2 => {
                let count = number(bytes);
                run(count, bytes);
            }
            3 => {
                for _ in 0..number(bytes) {
                    let count = number(bytes);
                    run(count, bytes);
                }
            }
            _ => {
                for _ in 0..number(bytes) {
                    walk(bytes, out);
                }
            }
        }
    }
    let (mut bytes, mut out) = (wkb, Vec::new());
    walk(&mut bytes, &mut out);
    assert!(bytes.is_empty());
    out
}

fn type_name(wkb: &[u8]) -> String {
    let code = u32::from_le_bytes(wkb[1..5].try_into().unwrap());
    let kinds =
        ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];
    let dimensions = ["", " Z", " M", " ZM"];
    format!("{}{}", kinds[(code % 1000) as usize - 1], dimensions[(code / 1000) as usize])
}

#[test]
fn every_layer_comes_back_with_true_metadata() {
    let directory = tempfile::tempdir().unwrap();
    for (index, (path, layer, rows)) in layers().into_iter().enumerate() {
        let place = format!("{}, layer {layer}", path.display());
        let output = directory.path().join(format!("{index}.parquet"));
        let summary = parcelle::convert(&path, &output).layer(&layer).run().unwrap_or_else(|error| panic!("{error}"));
        if let Some(rows) = rows {
            assert_eq!(summary.rows, rows, "{place}");
        }
        let read = Read::open(&output);
        assert_eq!(read.rows.num_rows() as u64, summary.rows, "{place}");

        let geometries: Vec<Option<Vec<[f64; 2]>>> = read.geometry().iter().map(|wkb| wkb.map(positions)).collect();
        let types: BTreeSet<_> = read.geometry().iter().flatten().map(type_name).collect();
        let declared: BTreeSet<_> = read.column()["geometry_types"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        // GeoParquet 1.1 has no names for geometry with M.
        let expected = if types.iter().any(|name| name.ends_with('M')) { BTreeSet::new() } else { types };
        assert_eq!(declared, expected, "{place}");

        let all: Vec<_> = geometries.iter().flatten().flatten().collect();
        let extent = all.iter().fold(None, |extent: Option<[f64; 4]>, [x, y]| {
            let [xmin, ymin, xmax, ymax] = extent.unwrap_or([*x, *y, *x, *y]);
            Some([xmin.min(*x), ymin.min(*y), xmax.max(*x), ymax.max(*y)])
        });
        let bbox = read.column().get("bbox").map(|bbox| {
            let numbers: Vec<_> = bbox.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
            let half = numbers.len() / 2;
            [numbers[0], numbers[1], numbers[half], numbers[half + 1]]
        });
        assert_eq!(bbox, extent, "{place}");

        let covering = read.column()["covering"]["bbox"]["xmin"][0].as_str().unwrap();
        let covering = read.rows.column_by_name(covering).unwrap().as_struct();
        let edge = |name: &str| covering.column_by_name(name).unwrap().as_primitive::<Float32Type>();
        for (row, geometry) in geometries.iter().enumerate() {
            assert_eq!(covering.is_null(row), geometry.is_none(), "{place}, row {row}");
            let geometry = geometry.as_deref().unwrap_or_default();
            assert_eq!(geometry.is_empty(), covering.is_null(row) || edge("xmin").value(row).is_nan(), "{place}");
            for [x, y] in geometry {
                let (x, y) = (*x, *y);
                assert!(f64::from(edge("xmin").value(row)) <= x && x <= f64::from(edge("xmax").value(row)));
                assert!(f64::from(edge("ymin").value(row)) <= y && y <= f64::from(edge("ymax").value(row)));
            }
        }
    }
}

#[test]
fn native_and_gdal_readers_agree() {
    let directory = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for (index, (path, layer, _)) in layers().into_iter().enumerate() {
        if path.extension().unwrap() != "gpkg" {
            continue;
        }
        let place = format!("{}, layer {layer}", path.display());
        let read = |reader, name: &str| {
            let output = directory.path().join(format!("{index}-{name}.parquet"));
            let convert = parcelle::convert(&path, &output).layer(&layer).reader(reader);
            let summary = convert.sort(Sort::None).run();
            summary.map(|summary| (summary, Read::open(&output)))
        };
        let (native_summary, native) = read(Reader::Auto, "native").unwrap_or_else(|error| panic!("{place}: {error}"));
        let (gdal_summary, gdal) = match read(Reader::Gdal, "gdal") {
            Ok(read) => read,
            // The one thing that only the native reader can tell apart.
            Err(error) if error.to_string().contains("times with and without time zone are mixed") => continue,
            Err(error) => panic!("{place}: {error}"),
        };
        assert!(gdal_summary.driver.starts_with("GDAL/"), "{place}: {}", gdal_summary.driver);
        compared += usize::from(native_summary.driver == "GPKG");
        assert_eq!(native.geometry(), gdal.geometry(), "{place}");
        assert_eq!(native.column()["crs"]["id"], gdal.column()["crs"]["id"], "{place}");
        let names = |read: &Read| -> BTreeSet<_> {
            read.rows.schema().fields().iter().map(|field| field.name().clone()).collect()
        };
        assert_eq!(names(&native), names(&gdal), "{place}");
    }
    assert!(compared > 30, "only {compared} layers were read natively");
}

#[test]
fn coordinate_reference_systems_are_identified() {
    let path = fixture("vector/reference_systems.gpkg");
    let directory = tempfile::tempdir().unwrap();
    for (layer, id) in [
        ("lambert_93", json!({"authority": "EPSG", "code": 2154})),
        ("wgs_84", json!({"authority": "EPSG", "code": 4326})),
        ("web_mercator", json!({"authority": "EPSG", "code": 3857})),
        ("undefined_cartesian", Value::Null),
        ("undefined_geographic", Value::Null),
    ] {
        let output = directory.path().join(format!("{layer}.parquet"));
        let warnings = parcelle::convert(&path, &output).layer(layer).run().unwrap().warnings;
        let read = Read::open(&output);
        assert_eq!(read.column()["crs"]["id"], id, "{layer}");
        // That the output has none is nothing to find out from an empty map.
        assert_eq!(warnings.iter().filter(|warning| warning.contains("--crs")).count(), usize::from(id.is_null()));
        assert!(read.column().as_object().unwrap().contains_key("crs"), "{layer}: an absent crs means lon/lat");
    }
    let output = directory.path().join("site_grid.parquet");
    parcelle::convert(&path, &output).layer("site_grid").run().unwrap();
    let crs = Read::open(&output).column()["crs"].clone();
    assert!(crs["name"].is_string() && crs["type"].is_string(), "{crs}");

    let output = directory.path().join("assigned.parquet");
    parcelle::convert(&path, &output).layer("undefined_cartesian").crs("EPSG:2154").run().unwrap();
    assert_eq!(Read::open(&output).column()["crs"]["id"], json!({"authority": "EPSG", "code": 2154}));
}

#[test]
fn chosen_columns_are_kept_in_the_order_of_the_source() {
    let path = fixture("vector/column_types.gpkg");
    let directory = tempfile::tempdir().unwrap();
    let fields: Vec<_> =
        parcelle::layers(&path, Reader::Auto).unwrap()[0].fields.iter().map(|field| field.name.clone()).collect();
    let (first, second) = (&fields[1], &fields[3]);
    let output = directory.path().join("out.parquet");
    parcelle::convert(&path, &output).select([second, first]).run().unwrap();
    let read = Read::open(&output);
    let names: BTreeSet<_> = read.rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = [first.as_str(), second, read.geometry_name(), "bbox"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
}

/// Real extracts beside the checkout, where they are.
#[test]
fn real_extracts_convert() {
    let folder = crate::top().join("../shared/corpus/vector");
    let Ok(entries) = folder.read_dir() else {
        eprintln!("no real extracts beside the checkout: nothing compared");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    for (index, entry) in entries.enumerate() {
        let path = entry.unwrap().path();
        for layer in parcelle::layers(&path, Reader::Auto).unwrap_or_else(|error| panic!("{error}")) {
            if layer.geometry.is_none() {
                continue;
            }
            let output = directory.path().join(format!("{index}-{}.parquet", layer.name));
            let summary = parcelle::convert(&path, &output).layer(&layer.name).run().unwrap_or_else(|e| panic!("{e}"));
            let read = Read::open(&output);
            assert_eq!(read.rows.num_rows() as u64, summary.rows);
            assert!(layer.rows.is_none_or(|rows| rows == summary.rows), "{}", path.display());
        }
    }
}

#[test]
fn curves_are_refused_or_made_straight() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("curves.csv"), directory.path().join("out.parquet"));
    let rows = "id,WKT\n1,\"CIRCULARSTRING (0 0, 1 1, 2 0)\"\n2,\"POINT (5 5)\"\n\
                3,\"CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 0 0))\"\n4,\"TIN (((0 0, 1 0, 1 1, 0 0)))\"\n";
    std::fs::write(&input, rows).unwrap();
    let convert = |options: &[&str]| {
        let arguments = ["convert", input.to_str().unwrap(), output.to_str().unwrap(), "--format", "json"];
        crate::parcelle(arguments.iter().chain(options))
    };
    let refused = convert(&[]).expect_code(1);
    assert!(refused.complaint().ends_with("line 2: CircularString is not a geometry of straight segments: have its curves approximated by straight segments (--linearize)"), "{}", refused.stderr);
    let refused = convert(&["--linearize"]).expect_code(1);
    assert!(
        refused
            .complaint()
            .contains("line 5: TIN is a surface of patches, for which GeoParquet has no type: convert it first"),
        "{}",
        refused.stderr
    );
    std::fs::write(&input, &rows[..rows.find("4,").unwrap()]).unwrap();
    let summary = convert(&["--linearize"]).expect_code(0).json();
    assert_eq!((summary["rows"].as_u64(), summary["linearised"].as_u64()), (Some(3), Some(2)));
}

/// The `geo` entry of the only geometry column.
fn geo_column(path: &Path) -> Value {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let entries = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let text = entries.iter().find(|entry| entry.key == "geo").and_then(|entry| entry.value.clone()).unwrap();
    let geo: Value = serde_json::from_str(&text).unwrap();
    let columns = geo["columns"].as_object().unwrap();
    assert_eq!(columns.len(), 1);
    columns.values().next().unwrap().clone()
}

#[test]
fn epoch_and_orientation_go_from_parquet_to_parquet() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second, third] = ["1", "2", "3"].map(|name| directory.path().join(format!("{name}.parquet")));
    let orientation = parcelle::Orientation::CounterClockwise;
    let towns = fixture("vector/shapes.geojson");
    parcelle::convert(towns, &first).epoch(2021.5).orientation(orientation).run().unwrap();
    parcelle::convert(&first, &second).run().unwrap();
    parcelle::convert(&second, &third).epoch(2024.0).sort(Sort::None).run().unwrap();
    let said = |path: &Path| {
        let column = geo_column(path);
        (column["epoch"].as_f64(), column["orientation"].as_str().map(str::to_owned))
    };
    let counterclockwise = || Some("counterclockwise".to_owned());
    assert_eq!(said(&second), (Some(2021.5), counterclockwise()));
    assert_eq!(said(&third), (Some(2024.0), counterclockwise()));
    assert_eq!(geo_column(&first)["geometry_types"], geo_column(&third)["geometry_types"]);
}

/// Row groups of one row, so that the first one does not show what comes later: the declared type decides.
#[test]
fn the_declared_type_decides_a_native_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let encoding = |input: &Path, layer: Option<&str>| {
        let convert = parcelle::convert(input, &path).overwrite(true).sort(Sort::None).row_group_rows(1);
        let convert = convert.encoding(parcelle::Encoding::GeoArrow);
        match layer {
            Some(layer) => convert.layer(layer),
            None => convert,
        }
        .run()
        .unwrap();
        geo_column(&path)["encoding"].as_str().unwrap().to_owned()
    };
    assert_eq!(encoding(&fixture("vector/parcels.shp"), None), "multipolygon");
    let geometries = fixture("vector/geometries.gpkg");
    for (layer, expected) in [("polygon", "polygon"), ("linestring", "linestring"), ("polygonz", "polygon")] {
        assert_eq!(encoding(&geometries, Some(layer)), expected);
    }
    // And from native Parquet back to it.
    let native = directory.path().join("native.parquet");
    std::fs::rename(&path, &native).unwrap();
    assert_eq!(encoding(&native, None), "polygon");
}

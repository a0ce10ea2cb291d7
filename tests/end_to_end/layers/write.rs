//! A layer in each format, by writers that are not the project's own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Field, Int64Type, Schema};
use gdal::vector::{FieldDefn, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use parquet::arrow::ArrowWriter;
use rusqlite::types::Value as Stored;

use super::shape::decimal;
use super::{Format, Layer, Type, Value};

pub(super) fn write(layer: &Layer, format: Format, directory: &Path) -> PathBuf {
    let path = directory.join(format!("layer.{}", format.extension()));
    match format {
        Format::GeoPackage => geopackage(layer, &path),
        Format::GeoJson | Format::GeoJsonSeq => fs::write(&path, geojson(layer, format)).unwrap(),
        Format::Csv => fs::write(&path, csv(layer)).unwrap(),
        Format::Parquet => parquet(layer, &path),
        Format::FlatGeobuf => through_gdal(layer, &path, "FlatGeobuf", &["SPATIAL_INDEX=NO"]),
        Format::Shapefile => through_gdal(layer, &path, "ESRI Shapefile", &["ENCODING=UTF-8"]),
    }
    path
}

fn geopackage(layer: &Layer, path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    let columns: String = layer
        .columns
        .iter()
        .map(|(name, kind)| {
            let declared = match kind {
                Type::Boolean => "BOOLEAN",
                Type::Int32 => "MEDIUMINT",
                Type::Int64 => "INTEGER",
                Type::Float => "DOUBLE",
                Type::Text | Type::Numbers => "TEXT",
                Type::Date => "DATE",
                Type::Instant => "DATETIME",
            };
            format!(", {name} {declared}")
        })
        .collect();
    let dimension = |there: bool| u8::from(there);
    database
        .execute_batch(&format!(
            "PRAGMA application_id = 1196444487; PRAGMA user_version = 10300;
             CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
               organization_coordsys_id INTEGER, definition TEXT, description TEXT);
             INSERT INTO gpkg_spatial_ref_sys VALUES ('WGS 84', 4326, 'EPSG', 4326, 'EPSG:4326', NULL);
             CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT, description TEXT,
               last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
             INSERT INTO gpkg_contents VALUES ('layer', 'features', 'layer', '', '2024-01-01T00:00:00.000Z',
               NULL, NULL, NULL, NULL, 4326);
             CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT,
               srs_id INTEGER, z TINYINT, m TINYINT);
             INSERT INTO gpkg_geometry_columns VALUES ('layer', 'geom', 'GEOMETRY', 4326, {}, {});
             CREATE TABLE layer (fid INTEGER PRIMARY KEY, geom GEOMETRY{columns});",
            dimension(layer.dimension.z),
            dimension(layer.dimension.m),
        ))
        .unwrap();
    let marks = vec!["?"; layer.columns.len() + 1].join(", ");
    for row in &layer.rows {
        let geometry = row.shape.as_ref().map_or(Stored::Null, |shape| {
            let empty = u8::from(shape.is_empty()) << 4;
            let mut blob = vec![b'G', b'P', 0, empty | 1];
            blob.extend(4326i32.to_le_bytes());
            blob.extend(shape.wkb(layer.dimension));
            Stored::Blob(blob)
        });
        let values = row.values.iter().map(|value| match value {
            Value::Null => Stored::Null,
            Value::Boolean(value) => Stored::Integer(i64::from(*value)),
            Value::Integer(value) => Stored::Integer(*value),
            Value::Float(value) => Stored::Real(*value),
            other => Stored::Text(text(other)),
        });
        let stored: Vec<Stored> = std::iter::once(geometry).chain(values).collect();
        database
            .execute(&format!("INSERT INTO layer VALUES (NULL, {marks})"), rusqlite::params_from_iter(stored))
            .unwrap();
    }
}

/// A value as text, without quotes.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => decimal(*value),
        Value::Text(value) => value.clone(),
        Value::Date(days) => date(i64::from(*days)),
        Value::Instant(milliseconds) => {
            let (days, rest) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
            let (seconds, part) = (rest / 1000, rest % 1000);
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            format!("{}T{hours:02}:{minutes:02}:{:02}.{part:03}Z", date(days), seconds % 60)
        }
        Value::Numbers(values) => {
            let items = values.iter().map(|item| item.map_or_else(|| "null".to_owned(), |item| item.to_string()));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
    }
}

/// The Gregorian date of a day since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn geojson(layer: &Layer, format: Format) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let features: Vec<String> = layer
        .rows
        .iter()
        .map(|row| {
            let properties = layer.columns.iter().zip(&row.values).map(|((name, _), value)| {
                let value = match value {
                    Value::Null => "null".to_owned(),
                    Value::Text(_) | Value::Date(_) | Value::Instant(_) => quoted(&text(value)),
                    other => text(other),
                };
                format!("{}:{value}", quoted(name))
            });
            let properties = properties.collect::<Vec<_>>().join(",");
            let geometry = row.shape.as_ref().map_or_else(|| "null".to_owned(), |shape| shape.geojson(layer.dimension));
            format!(r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{geometry}}}"#)
        })
        .collect();
    match format {
        Format::GeoJsonSeq => features.iter().map(|feature| format!("\u{1e}{feature}\n")).collect(),
        _ => format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",\n")),
    }
}

fn csv(layer: &Layer) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut out = String::from("WKT");
    layer.columns.iter().for_each(|(name, _)| write!(out, ",{name}").unwrap());
    for row in &layer.rows {
        out.push('\n');
        // A line of nothing is no record.
        let nothing = || if layer.columns.is_empty() { "\"\"".to_owned() } else { String::new() };
        out.push_str(&row.shape.as_ref().map_or_else(nothing, |shape| quoted(&shape.wkt(layer.dimension))));
        for value in &row.values {
            match value {
                Value::Text(text) => write!(out, ",{}", quoted(text)).unwrap(),
                other => write!(out, ",{}", text(other)).unwrap(),
            }
        }
    }
    out.push('\n');
    out
}

fn parquet(layer: &Layer, path: &Path) {
    let geometry: BinaryArray =
        layer.rows.iter().map(|row| row.shape.as_ref().map(|shape| shape.wkb(layer.dimension))).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![("geom".to_owned(), Arc::new(geometry))];
    for (index, (name, kind)) in layer.columns.iter().enumerate() {
        let values = || layer.rows.iter().map(|row| &row.values[index]);
        macro_rules! collect {
            ($array:ty, $kind:ident => $value:expr) => {
                Arc::new(
                    values()
                        .map(|value| if let Value::$kind(found) = value { Some($value(found)) } else { None })
                        .collect::<$array>(),
                )
            };
        }
        let array: ArrayRef = match kind {
            Type::Boolean => collect!(BooleanArray, Boolean => |found: &bool| *found),
            Type::Int32 => collect!(Int32Array, Integer => |found: &i64| i32::try_from(*found).unwrap()),
            Type::Int64 => collect!(Int64Array, Integer => |found: &i64| *found),
            Type::Float => collect!(Float64Array, Float => |found: &f64| *found),
            Type::Text => collect!(StringArray, Text => |found: &String| found.clone()),
            Type::Date => collect!(Date32Array, Date => |found: &i32| *found),
            Type::Instant => {
                let array: TimestampMillisecondArray =
                    values().map(|value| if let Value::Instant(found) = value { Some(*found) } else { None }).collect();
                Arc::new(array.with_timezone("UTC"))
            }
            Type::Numbers => Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
                values().map(|value| if let Value::Numbers(found) = value { Some(found.clone()) } else { None }),
            )),
        };
        columns.push((name.clone(), array));
    }
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
    let geo =
        r#"{"version":"1.1.0","primary_column":"geom","columns":{"geom":{"encoding":"WKB","geometry_types":[]}}}"#;
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new("geo".to_owned(), geo.to_owned()));
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn through_gdal(layer: &Layer, path: &Path, driver: &str, options: &[&str]) {
    // OGR's codes: ISO's but for Z alone, which has the high bit.
    let code = layer.code
        + match (layer.dimension.z, layer.dimension.m) {
            (false, false) => 0,
            (true, false) => 0x8000_0000,
            (false, true) => 2000,
            (true, true) => 3000,
        };
    let mut dataset = gdal::DriverManager::get_driver_by_name(driver).unwrap().create_vector_only(path).unwrap();
    let layer_options = LayerOptions {
        name: "layer",
        ty: code as OGRwkbGeometryType::Type,
        options: Some(options),
        ..Default::default()
    };
    let out = dataset.create_layer(layer_options).unwrap();
    for (name, kind) in &layer.columns {
        let kind = match kind {
            Type::Int32 => OGRFieldType::OFTInteger,
            Type::Int64 => OGRFieldType::OFTInteger64,
            Type::Float => OGRFieldType::OFTReal,
            Type::Date => OGRFieldType::OFTDate,
            Type::Instant => OGRFieldType::OFTDateTime,
            Type::Text | Type::Boolean | Type::Numbers => OGRFieldType::OFTString,
        };
        FieldDefn::new(name, kind).unwrap().add_to_layer(&out).unwrap();
    }
    for row in &layer.rows {
        let mut feature = gdal::vector::Feature::new(out.defn()).unwrap();
        if let Some(shape) = &row.shape {
            feature.set_geometry(Geometry::from_wkb(&shape.wkb(layer.dimension)).unwrap()).unwrap();
        }
        for (index, value) in row.values.iter().enumerate() {
            match value {
                Value::Null => feature.set_field_null(index),
                Value::Integer(value) => feature.set_field_integer64(index, *value),
                Value::Float(value) => feature.set_field_double(index, *value),
                other => feature.set_field_string(index, &text(other)),
            }
            .unwrap();
        }
        feature.create(&out).unwrap();
    }
    dataset.close().unwrap();
}

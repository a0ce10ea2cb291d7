//! Measured facts for the report.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::data::Data;
use super::extent;
use super::footer::{ColumnEncoding, Footer, GeometryColumn, RowGroupBox};
use super::rules_data;
use super::rules_layout::{Overlap, median};

/// Columns that are listed one by one: some datasets have thousands.
const MOST_COLUMNS: usize = 500;

pub(crate) fn of(footer: &Footer, data: Option<&Data>) -> BTreeMap<&'static str, Value> {
    let boxes = footer.row_group_boxes();
    let mut facts = BTreeMap::from([
        ("file_bytes", json!(footer.file_bytes)),
        ("footer_bytes", json!(footer.footer_bytes)),
        ("rows", json!(footer.rows())),
        ("row_groups", json!(boxes.len())),
        ("row_group_rows", spread(&boxes, |group| group.rows)),
        ("row_group_bytes", spread(&boxes, |group| group.bytes)),
        ("geometry_columns", footer.geometry_columns().iter().map(column).collect()),
        ("columns", columns(footer)),
    ]);
    if let Some(program) = footer.created_by() {
        facts.insert("created_by", json!(program));
    }
    if let Some(version) = footer.geo.version_text() {
        facts.insert("geoparquet", json!(version));
    }
    if let Some(overlap) = Overlap::of(&boxes) {
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        facts.insert(
            "row_group_overlap",
            json!({
                "row_groups": overlap.row_groups,
                "met_by_point": rounded(overlap.met_by_point),
                "met_by_window": rounded(overlap.met_by_window),
            }),
        );
    }
    if let Some(data) = data {
        facts.insert("row_groups_read", json!(data.row_groups));
        let read = footer.geometry_columns().iter().zip(&data.columns);
        let read: Vec<Value> =
            read.filter_map(|(column, found)| Some(rules_data::facts(column, found.as_ref()?))).collect();
        facts.insert("geometries", Value::Array(read));
    }
    facts
}

fn spread(boxes: &[RowGroupBox], number: impl Fn(&RowGroupBox) -> u64) -> Value {
    let numbers = || boxes.iter().map(&number);
    json!({"min": numbers().min(), "median": median(boxes, &number), "max": numbers().max()})
}

fn column(column: &GeometryColumn) -> Value {
    let member = |name: &str| column.entry.as_ref().and_then(|entry| entry.get(name)).cloned();
    json!({
        "name": column.name,
        "primary": column.is_primary,
        "encoding": match column.encoding {
            Some(ColumnEncoding::Wkb) => Value::from("WKB"),
            Some(ColumnEncoding::GeoArrow(kind)) => Value::from(kind.name().to_lowercase()),
            None => Value::Null,
        },
        "parquet_type": column.native.as_ref().map(|native| if native.edges.is_some() { "GEOGRAPHY" } else { "GEOMETRY" }),
        "geometry_types": member("geometry_types"),
        "crs": column.crs.resolved().map(|crs| crs.to_string()),
        "edges": member("edges"),
        "bbox": extent::stated(column).map(|stated| stated.xy),
        "covering": column.covering.as_ref().map(|covering| covering.column.clone()),
    })
}

fn columns(footer: &Footer) -> Value {
    let columns = footer.column_bytes().into_iter().take(MOST_COLUMNS).map(|column| {
        json!({
            "name": column.name,
            "codec": column.codecs.join(", "),
            "encodings": column.encodings,
            "bytes": column.bytes,
            "uncompressed_bytes": column.uncompressed_bytes,
        })
    });
    columns.collect()
}

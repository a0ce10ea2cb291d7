//! The `geo` entry of the footer (GeoParquet 1.1, "File metadata").

use serde_json::{Map, Value, json};

use crate::covering;
use crate::geometry_column::GeometryColumn;
use crate::statistics::GeometryStatistics;

/// Key of the entry.
pub(crate) const GEO_KEY: &str = "geo";

/// The `geo` JSON for the given columns, the first of which is the primary one.
pub(crate) fn geo(columns: &[(&GeometryColumn, &GeometryStatistics)]) -> String {
    let primary = columns.first().map_or("", |(column, _)| column.name.as_str());
    let entries: Map<_, _> =
        columns.iter().map(|(column, statistics)| (column.name.clone(), entry(column, statistics))).collect();
    json!({"version": "1.1.0", "primary_column": primary, "columns": entries}).to_string()
}

fn entry(column: &GeometryColumn, statistics: &GeometryStatistics) -> Value {
    let mut entry = Map::new();
    entry.insert("encoding".to_owned(), "WKB".into());
    entry.insert("geometry_types".to_owned(), geometry_types(statistics));
    // An absent `crs` would mean OGC:CRS84; null means that it is not known.
    entry.insert("crs".to_owned(), column.crs.clone().unwrap_or(Value::Null));
    entry.insert("edges".to_owned(), column.edges.into());
    if let Some(bbox) = bbox(statistics) {
        entry.insert("bbox".to_owned(), bbox);
    }
    if let Some(name) = &column.covering {
        let paths: Map<_, _> =
            covering::CHILDREN.iter().map(|child| ((*child).to_owned(), json!([name, child]))).collect();
        entry.insert("covering".to_owned(), json!({ "bbox": paths }));
    }
    Value::Object(entry)
}

/// The exact types. GeoParquet 1.1 has no names for geometry with M: its list is then empty, which means "not known"
/// and is the only true statement its schema allows.
fn geometry_types(statistics: &GeometryStatistics) -> Value {
    if statistics.types.iter().any(|geometry_type| geometry_type.dimension.has_m()) {
        return json!([]);
    }
    statistics.types.iter().map(ToString::to_string).collect()
}

/// Four numbers, or six where there is any z; none where there is no position, or an ordinate that JSON cannot hold.
fn bbox(statistics: &GeometryStatistics) -> Option<Value> {
    let (x, y) = (statistics.bounds.x()?, statistics.bounds.y()?);
    let numbers = match statistics.bounds.z() {
        Some(z) => vec![x.0, y.0, z.0, x.1, y.1, z.1],
        None => vec![x.0, y.0, x.1, y.1],
    };
    numbers.iter().all(|number| number.is_finite()).then(|| json!(numbers))
}

#[cfg(test)]
mod tests {
    use parcelle_geometry::scan;

    use super::*;

    fn statistics(code: u32, ordinates: &[f64]) -> GeometryStatistics {
        let mut wkb = vec![1];
        wkb.extend(code.to_le_bytes());
        wkb.extend(ordinates.iter().flat_map(|value| value.to_le_bytes()));
        let mut statistics = GeometryStatistics::default();
        statistics.add(&scan(&wkb).unwrap());
        statistics
    }

    fn column() -> GeometryColumn {
        GeometryColumn { index: 0, name: "geom".to_owned(), crs: None, edges: "planar", covering: None }
    }

    #[test]
    fn types_and_extent_of_mixed_dimensions() {
        let mut both = statistics(1, &[1.0, 2.0]);
        both.merge(statistics(1001, &[5.0, 6.0, 7.0]));
        let json: Value = serde_json::from_str(&geo(&[(&column(), &both)])).unwrap();
        let entry = &json["columns"]["geom"];
        assert_eq!(entry["geometry_types"], json!(["Point", "Point Z"]));
        assert_eq!(entry["bbox"], json!([1.0, 2.0, 7.0, 5.0, 6.0, 7.0]));
        assert_eq!((&entry["crs"], &entry["edges"]), (&Value::Null, &json!("planar")));
        assert_eq!((&json["version"], &json["primary_column"]), (&json!("1.1.0"), &json!("geom")));
    }

    #[test]
    fn measured_geometry_has_no_name_in_1_1() {
        let json: Value = serde_json::from_str(&geo(&[(&column(), &statistics(2001, &[1.0, 2.0, 3.0]))])).unwrap();
        assert_eq!(json["columns"]["geom"]["geometry_types"], json!([]));
        assert_eq!(json["columns"]["geom"]["bbox"], json!([1.0, 2.0, 1.0, 2.0]));
    }

    #[test]
    fn nothing_has_no_extent() {
        let json: Value = serde_json::from_str(&geo(&[(&column(), &GeometryStatistics::default())])).unwrap();
        assert_eq!(json["columns"]["geom"].get("bbox"), None);
        assert_eq!(json["columns"]["geom"]["geometry_types"], json!([]));
    }
}

//! The `geo` entry of the footer (GeoParquet 1.0 to 2.0, "File metadata").

use parcelle_geometry::GeometryType;
use serde_json::{Map, Value, json};

use crate::covering;
use crate::geometry_column::GeometryColumn;
use crate::options::{GeoParquetVersion, Orientation};
use crate::statistics::GeometryStatistics;

/// Key of the entry.
pub(crate) const GEO_KEY: &str = "geo";

/// What is said of a column.
pub(crate) struct ColumnFacts<'a> {
    pub(crate) column: &'a GeometryColumn,
    /// Its type where it has a GeoArrow encoding; `None` for WKB.
    pub(crate) native: Option<GeometryType>,
    pub(crate) statistics: &'a GeometryStatistics,
}

/// The `geo` JSON for the given columns, the first of which is the primary one.
pub(crate) fn geo(version: GeoParquetVersion, orientation: Orientation, columns: &[ColumnFacts<'_>]) -> String {
    let primary = columns.first().map_or("", |facts| facts.column.name.as_str());
    let entries: Map<_, _> =
        columns.iter().map(|facts| (facts.column.name.clone(), entry(version, orientation, facts))).collect();
    json!({"version": version.as_str(), "primary_column": primary, "columns": entries}).to_string()
}

fn entry(version: GeoParquetVersion, orientation: Orientation, facts: &ColumnFacts<'_>) -> Value {
    let ColumnFacts { column, native, statistics } = facts;
    let mut entry = Map::new();
    let encoding = native.map_or_else(|| "WKB".to_owned(), |native| native.kind.name().to_lowercase());
    entry.insert("encoding".to_owned(), encoding.into());
    entry.insert("geometry_types".to_owned(), geometry_types(version, statistics));
    // An absent `crs` would mean OGC:CRS84; null means that it is not known.
    entry.insert("crs".to_owned(), column.crs.clone().unwrap_or(Value::Null));
    entry.insert("edges".to_owned(), column.edges_name().into());
    if orientation == Orientation::CounterClockwise || column.counterclockwise {
        entry.insert("orientation".to_owned(), "counterclockwise".into());
    }
    if let Some(epoch) = column.epoch {
        entry.insert("epoch".to_owned(), epoch.into());
    }
    // The positions bound the geometry only where edges do not leave the straight line.
    let bounded = column.edges.is_none() || statistics.is_of_points();
    if let Some(bbox) = bbox(version, statistics).filter(|_| bounded) {
        entry.insert("bbox".to_owned(), bbox);
    }
    if let Some(name) = &column.covering {
        let paths: Map<_, _> =
            covering::CHILDREN.iter().map(|child| ((*child).to_owned(), json!([name, child]))).collect();
        entry.insert("covering".to_owned(), json!({ "bbox": paths }));
    }
    Value::Object(entry)
}

/// The exact types. GeoParquet 1 has no names for geometry with M: its list is then empty, which means "not known"
/// and is the only true statement its schema allows.
fn geometry_types(version: GeoParquetVersion, statistics: &GeometryStatistics) -> Value {
    if version != GeoParquetVersion::V2_0
        && statistics.types.iter().any(|geometry_type| geometry_type.dimension.has_m())
    {
        return json!([]);
    }
    statistics.types.iter().map(ToString::to_string).collect()
}

/// Four numbers, or six where there is any z, or (in 2.0) eight where there is any z and any m: m without z cannot be
/// said. None where there is no position, or an ordinate that JSON cannot hold.
fn bbox(version: GeoParquetVersion, statistics: &GeometryStatistics) -> Option<Value> {
    let bounds = &statistics.bounds;
    let mut ranges = vec![bounds.x()?, bounds.y()?];
    if let Some(z) = bounds.z() {
        ranges.push(z);
        ranges.extend(bounds.m().filter(|_| version == GeoParquetVersion::V2_0));
    }
    let numbers: Vec<_> = ranges.iter().map(|range| range.0).chain(ranges.iter().map(|range| range.1)).collect();
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

    fn json(version: GeoParquetVersion, column: &GeometryColumn, statistics: &GeometryStatistics) -> Value {
        let facts = ColumnFacts { column, native: None, statistics };
        serde_json::from_str(&geo(version, Orientation::Keep, &[facts])).unwrap()
    }

    fn column() -> GeometryColumn {
        GeometryColumn {
            index: 0,
            name: "geom".to_owned(),
            crs: None,
            epoch: None,
            edges: None,
            counterclockwise: false,
            declared_type: None,
            covering: None,
        }
    }

    #[test]
    fn types_and_extent_of_mixed_dimensions() {
        let mut both = statistics(1, &[1.0, 2.0]);
        both.merge(statistics(1001, &[5.0, 6.0, 7.0]));
        let json = json(GeoParquetVersion::V1_1, &column(), &both);
        let entry = &json["columns"]["geom"];
        assert_eq!(entry["geometry_types"], json!(["Point", "Point Z"]));
        assert_eq!(entry["bbox"], json!([1.0, 2.0, 7.0, 5.0, 6.0, 7.0]));
        assert_eq!((&entry["crs"], &entry["edges"]), (&Value::Null, &json!("planar")));
        assert_eq!((&json["version"], &json["primary_column"]), (&json!("1.1.0"), &json!("geom")));
    }

    #[test]
    fn measured_geometry_has_no_name_in_1_1() {
        let measured = statistics(2001, &[1.0, 2.0, 3.0]);
        let old = json(GeoParquetVersion::V1_1, &column(), &measured);
        assert_eq!(old["columns"]["geom"]["geometry_types"], json!([]));
        assert_eq!(old["columns"]["geom"]["bbox"], json!([1.0, 2.0, 1.0, 2.0]));
        let new = json(GeoParquetVersion::V2_0, &column(), &measured);
        assert_eq!(new["columns"]["geom"]["geometry_types"], json!(["Point M"]));
        assert_eq!(new["columns"]["geom"]["bbox"], json!([1.0, 2.0, 1.0, 2.0]));
        let both = statistics(3001, &[1.0, 2.0, 3.0, 4.0]);
        let new = json(GeoParquetVersion::V2_0, &column(), &both);
        assert_eq!(new["columns"]["geom"]["geometry_types"], json!(["Point ZM"]));
        assert_eq!(new["columns"]["geom"]["bbox"], json!([1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn the_box_of_positions_is_not_that_of_curved_edges() {
        let column = GeometryColumn { edges: Some(geoarrow_schema::Edges::Spherical), epoch: Some(2021.5), ..column() };
        let line = GeometryStatistics { types: ["LineString".parse().unwrap()].into(), ..statistics(1, &[1.0, 2.0]) };
        let entry = &json(GeoParquetVersion::V2_0, &column, &line)["columns"]["geom"];
        assert_eq!((entry.get("bbox"), &entry["edges"], &entry["epoch"]), (None, &json!("spherical"), &json!(2021.5)));
        let entry = &json(GeoParquetVersion::V2_0, &column, &statistics(1, &[1.0, 2.0]))["columns"]["geom"];
        assert_eq!(entry["bbox"], json!([1.0, 2.0, 1.0, 2.0]));
    }

    #[test]
    fn nothing_has_no_extent() {
        let json = json(GeoParquetVersion::V1_1, &column(), &GeometryStatistics::default());
        assert_eq!(json["columns"]["geom"].get("bbox"), None);
        assert_eq!(json["columns"]["geom"]["geometry_types"], json!([]));
    }
}

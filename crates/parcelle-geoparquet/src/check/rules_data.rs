//! `GPQ-GEO`: what the rows have, against what the footer says of them.

use parcelle_geometry::{Bounds, GeometryType, HEIGHT_SENTINELS};
use parcelle_report::text::grouped;
use parcelle_report::{Finding, Rule, Severity};
use serde_json::Value;

use super::context::{Context, Fix, REWRITE, SOURCE, counted, pointer};
use super::data::{ColumnData, Data};
use super::extent::{self, is_plain};
use super::footer::GeometryColumn;
use super::rules_box::transposed;
use super::rules_crs::plausible;

pub(crate) static UNDECODABLE: Rule = Rule {
    id: "GPQ-GEO-001",
    severity: Severity::Error,
    title: "A geometry is not WKB",
    why: "Bytes that are cut, of an unknown type, or curves, which GeoParquet does not have. Readers end with an error in the \
          middle of the file (GEOS in geopandas and GDAL, DuckDB), or leave the row without geometry.",
    fix: "parcelle convert IN.parquet OUT.parquet --on-invalid null, which counts what it drops",
    reference: "GeoParquet 1.1, WKB; OGC 06-103r4, section 8.2",
};

pub(crate) static UNDECLARED: Rule = Rule {
    id: "GPQ-GEO-002",
    severity: Severity::Error,
    title: "There are geometries of a type that `geometry_types` does not list",
    why: "The list is exact: Polygon and MultiPolygon are two types, and Z another. Readers make the layer's type of it, and \
          refuse or bend what does not fit: QGIS shows no row of another type, databases refuse the insert.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, geometry_types: MUST be strictly correct",
};

pub(crate) static ABSENT_TYPE: Rule = Rule {
    id: "GPQ-GEO-003",
    severity: Severity::Warning,
    title: "`geometry_types` lists a type that no geometry has",
    why: "A list that is longer than the truth makes a layer of one type a mixed one: styles and tools that ask for polygons \
          do not offer it.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, geometry_types: MUST be strictly correct",
};

pub(crate) static ORIENTATION: Rule = Rule {
    id: "GPQ-GEO-004",
    severity: Severity::Error,
    title: "Rings do not have the order that is declared",
    why: "`orientation` says that exterior rings are counterclockwise and interior ones clockwise. On a sphere the order is \
          what tells the inside from the outside: a reader that trusts it takes the rest of the earth for the polygon.",
    fix: "parcelle convert IN.parquet OUT.parquet --orientation counterclockwise",
    reference: "GeoParquet 1.1, orientation",
};

pub(crate) static RINGS: Rule = Rule {
    id: "GPQ-GEO-005",
    severity: Severity::Error,
    title: "A ring of a polygon is not closed, or has fewer than four positions",
    why: "A ring ends where it begins, and encloses something from four positions on. JTS, and GeoServer with it, refuses the \
          geometry (\"Points of LinearRing do not form a closed linestring\", \"Invalid number of points in LinearRing\"), and the request with \
          it.",
    fix: "Close the rings, such as with ST_MakeValid, or fix them in the source data",
    reference: "OGC 06-103r4, section 6.1.11 (LinearRing); JTS LinearRing.validateConstruction",
};

pub(crate) static NOT_FINITE: Rule = Rule {
    id: "GPQ-GEO-006",
    severity: Severity::Warning,
    title: "Coordinates are not numbers, or infinite",
    why: "NaN and infinity come out of transformations that failed. Boxes and statistics leave NaN out and become infinite \
          otherwise; renderers draw lines across the whole map, or nothing.",
    fix: "Fix them in the source data, or leave these rows out",
    reference: "apache/parquet-format Geospatial.md, Bounding box (NaN is skipped); OGC 06-103r4",
};

pub(crate) static SENTINEL: Rule = Rule {
    id: "GPQ-GEO-007",
    severity: Severity::Warning,
    title: "Heights that stand for \"not known\"",
    why: "-1000 (BD TOPO), -9999 and their kin are codes, not heights. A file has no place to say so: 3D views draw spikes into the \
          ground, means and extents are wrong by kilometres.",
    fix: "Replace them by NaN, or drop z, in the source data",
    reference: "IGN BD TOPO, descriptif de contenu (altitude non renseignée: -1000)",
};

pub(crate) static ZERO_HEIGHTS: Rule = Rule {
    id: "GPQ-GEO-008",
    severity: Severity::Info,
    title: "All heights are 0",
    why: "Geometry has a z that says nothing: a third of the bytes of coordinates, and types with Z that some readers do not \
          know.",
    fix: "Drop z in the source data (ogr2ogr -dim XY)",
    reference: "GeoParquet 1.1, geometry_types",
};

pub(crate) static NO_GEOMETRY: Rule = Rule {
    id: "GPQ-GEO-009",
    severity: Severity::Info,
    title: "Rows without geometry",
    why: "NULL and EMPTY are allowed. They are on no map and in no window, and counts of a layer differ from those of what is \
          shown. Where all rows are so, the geometry was lost on the way.",
    fix: "Nothing needs mending where it is meant",
    reference: "GeoParquet 1.1, Repetition",
};

pub(crate) static ORIGIN: Rule = Rule {
    id: "GPQ-GEO-010",
    severity: Severity::Warning,
    title: "Some geometries reach to 0, 0, far from all others",
    why: "0, 0 is what a missing coordinate becomes in many programs. One such row makes the extent of the layer, and the box of its row \
          group, as large as the way from the data to the Gulf of Guinea or to the origin of the map.",
    fix: "Fix them in the source data, or leave these rows out",
    reference: "GeoParquet 1.1, bbox",
};

pub(crate) static EXTENDED: Rule = Rule {
    id: "GPQ-GEO-011",
    severity: Severity::Error,
    title: "Geometry is EWKB, not ISO WKB",
    why: "PostGIS marks Z, M and an SRID by flags in the type code. ISO WKB adds 1000, 2000 and 3000. Readers that know only \
          the standard find an unknown type; others take the SRID for the first count.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, WKB: ISO WKB codes; PostGIS, ST_AsEWKB",
};

pub(crate) static BBOX: Rule = Rule {
    id: "GPQ-GEO-012",
    severity: Severity::Error,
    title: "`bbox` does not contain the data",
    why: "A reader that looks for a place outside of the box skips the file, and the rows that are there are never seen. \
          Layers are zoomed to a part of their data.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox",
};

pub(crate) static LARGE_BBOX: Rule = Rule {
    id: "GPQ-GEO-013",
    severity: Severity::Info,
    title: "`bbox` is larger than the data",
    why: "A filter that keeps the box of its input leaves one that is too large: a layer is zoomed out too far, and a dataset \
          of many files opens those that have nothing.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox",
};

pub(crate) static COVERING: Rule = Rule {
    id: "GPQ-GEO-014",
    severity: Severity::Error,
    title: "A box of the covering does not contain its geometry",
    why: "Readers choose rows by the covering and never look at those whose box does not meet the window. Boxes that are too small, as \
          rounding to single precision to the nearest makes them, lose rows at the edge of a window.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns",
};

pub(crate) static NO_BOX: Rule = Rule {
    id: "GPQ-GEO-015",
    severity: Severity::Error,
    title: "A geometry has no box in the covering",
    why: "No comparison with NULL or NaN is true: a row without a box is in no window, and is lost wherever a reader filters.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns",
};

pub(crate) static STATISTICS: Rule = Rule {
    id: "GPQ-GEO-016",
    severity: Severity::Error,
    title: "The statistics of a row group do not contain its geometries",
    why: "Readers skip the row group when a window does not meet its box: rows are missing from maps, and nothing says so.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format Geospatial.md, Statistics; parquet.thrift, Statistics",
};

pub(crate) static NOT_UTF8: Rule = Rule {
    id: "GPQ-GEO-017",
    severity: Severity::Error,
    title: "Text is not UTF-8",
    why: "Text of Parquet is UTF-8. Values in another encoding (Latin-1 of old Shapefiles) make readers that check refuse the \
          column, and the others show wrong letters.",
    fix: REWRITE,
    reference: "apache/parquet-format LogicalTypes.md, STRING",
};

pub(crate) static PAGE: Rule = Rule {
    id: "GPQ-FILE-011",
    severity: Severity::Error,
    title: "A column cannot be decoded",
    why: "The footer is whole, and the pages it leads to are not: changed or overwritten bytes, a codec that nobody knows, \
          counts that do not add up. The file opens, and reading it ends with an error.",
    fix: SOURCE,
    reference: "apache/parquet-format README, Data Pages",
};

pub(crate) fn check(context: &mut Context<'_>, data: &Data) {
    for (name, group, reason) in &data.failures {
        let lower = reason.to_ascii_lowercase();
        let is_text = lower.contains("utf-8") || lower.contains("utf8");
        let message = format!("{name}, row group {group}: {reason}");
        if is_text {
            context.say(&NOT_UTF8, message, Fix::Rewrite);
        } else {
            context.say(&PAGE, message, Fix::Source);
        }
    }
    let footer = context.footer;
    for (column, found) in footer.columns.iter().zip(&data.columns) {
        let Some(found) = found else { continue };
        geometries(context, column, found);
        types(context, column, found, data.is_complete);
        heights(context, column, found);
        boxes(context, column, found, data.is_complete);
        if let Some(bbox) = bbox_of(&found.bounds).filter(|bbox| is_plain(*bbox)) {
            plausible(context, column, bbox, "data are at");
        }
    }
}

fn bbox_of(bounds: &Bounds) -> Option<[f64; 4]> {
    let (x, y) = (bounds.x()?, bounds.y()?);
    Some([x.0, y.0, x.1, y.1])
}

fn geometries(context: &mut Context<'_>, column: &GeometryColumn, data: &ColumnData) {
    let name = &column.name;
    let mut say = |rule: &'static Rule, tally: &super::data::Tally, what: &str, fix: Fix| {
        if tally.count > 0 {
            context.push(Finding::new(rule, format!("{name}, {what}{}", tally.text())).told(tally.count), fix);
        }
    };
    say(&UNDECODABLE, &data.undecodable, "", Fix::Convert(&["--on-invalid null"]));
    say(&EXTENDED, &data.extended, "EWKB in ", Fix::Convert(&[]));
    say(&RINGS, &data.open_rings, "not closed in ", Fix::General);
    // A ring that is not closed has too few positions, too, mostly.
    if data.open_rings.count == 0 {
        say(&RINGS, &data.short_rings, "fewer than four positions in ", Fix::General);
    }
    say(&NOT_FINITE, &data.not_finite, "NaN or infinite in ", Fix::General);
    if column.text("orientation") == Some("counterclockwise") {
        say(&ORIENTATION, &data.turned_rings, "turned in ", Fix::Convert(&["--orientation counterclockwise"]));
    }
    origin(context, column, data);
    let without = data.nulls + data.empties;
    if without > 0 {
        let message = format!(
            "{name}: {} NULL and {} EMPTY of {}",
            grouped(data.nulls),
            grouped(data.empties),
            counted(data.rows, "row")
        );
        let finding = Finding::new(&NO_GEOMETRY, message);
        let is_all = without == data.rows;
        context.push(if is_all { finding.severity(Severity::Warning) } else { finding }, Fix::General);
    }
}

fn origin(context: &mut Context<'_>, column: &GeometryColumn, data: &ColumnData) {
    let Some([xmin, ymin, xmax, ymax]) = bbox_of(&data.elsewhere) else { return };
    if data.at_origin.count == 0 {
        return;
    }
    // As far away as the data are large.
    let (width, height) = (xmax - xmin, ymax - ymin);
    let is_far = xmin > width || xmax < -width || ymin > height || ymax < -height;
    if is_far {
        let message = format!(
            "{}, 0, 0 in {}; the others are in {}",
            column.name,
            data.at_origin.text(),
            extent::text([xmin, ymin, xmax, ymax])
        );
        context.push(Finding::new(&ORIGIN, message).told(data.at_origin.count), Fix::General);
    }
}

fn types(context: &mut Context<'_>, column: &GeometryColumn, data: &ColumnData, is_complete: bool) {
    let list = column.entry.as_ref().and_then(|entry| entry.get("geometry_types")?.as_array());
    let Some(list) = list.filter(|list| !list.is_empty()) else { return };
    let declared: Vec<GeometryType> = list.iter().filter_map(|name| name.as_str()?.parse().ok()).collect();
    for (found, tally) in &data.types {
        if !declared.contains(found) {
            let message = format!("{}: {found}, in {}", pointer(&column.name, &["geometry_types"]), tally.text());
            context.push(Finding::new(&UNDECLARED, message).told(tally.count), Fix::Convert(&[]));
        }
    }
    if !is_complete || data.rows == data.nulls || data.undecodable.count > 0 {
        return;
    }
    let absent: Vec<String> =
        declared.iter().filter(|known| !data.types.contains_key(*known)).map(ToString::to_string).collect();
    if !absent.is_empty() {
        let message = format!("{}: {}", pointer(&column.name, &["geometry_types"]), absent.join(", "));
        context.say(&ABSENT_TYPE, message, Fix::Convert(&[]));
    }
}

fn heights(context: &mut Context<'_>, column: &GeometryColumn, data: &ColumnData) {
    for (sentinel, tally) in HEIGHT_SENTINELS.iter().zip(&data.sentinels) {
        if tally.count > 0 {
            let message = format!("{}: z is {sentinel} in {}", column.name, tally.text());
            context.push(Finding::new(&SENTINEL, message).told(tally.count), Fix::General);
        }
    }
    if data.heights > 0 && data.heights == data.zero_heights {
        let have = if data.heights == 1 { "has" } else { "have" };
        let message = format!("{}: {} {have} a z of 0", column.name, counted(data.heights, "position"));
        context.say(&ZERO_HEIGHTS, message, Fix::General);
    }
}

fn boxes(context: &mut Context<'_>, column: &GeometryColumn, data: &ColumnData, is_complete: bool) {
    let name = &column.name;
    if data.box_smaller.count > 0 {
        let message = format!("{name}, {}", data.box_smaller.text());
        context.push(Finding::new(&COVERING, message).told(data.box_smaller.count), Fix::Convert(&[]));
    }
    if data.box_rounded.count > 0 {
        let message = format!("{name}, rounded inwards in {}", data.box_rounded.text());
        let finding = Finding::new(&COVERING, message).told(data.box_rounded.count);
        context.push(finding.severity(Severity::Warning), Fix::Convert(&[]));
    }
    if data.box_missing.count > 0 {
        let message = format!("{name}, no box in {}", data.box_missing.text());
        context.push(Finding::new(&NO_BOX, message).told(data.box_missing.count), Fix::Convert(&[]));
    }
    for (group, said, is) in &data.statistics_smaller {
        let message = format!("{name}, row group {group}: {} for {}", extent::text(*said), extent::text(*is));
        context.say(&STATISTICS, message, Fix::Convert(&[]));
    }
    let (Some(stated), Some(found)) = (extent::stated(column), bbox_of(&data.bounds)) else { return };
    if transposed(context, column, stated.xy, found) {
        return;
    }
    let [left, low, right, high] = found;
    let [xmin, ymin, xmax, ymax] = stated.xy;
    let wraps = xmin > xmax;
    // As far as writing a number in decimals may change it.
    let slack = |value: f64| value.abs().max(1.0) * 1e-12;
    let is_outside = low < ymin - slack(ymin)
        || high > ymax + slack(ymax)
        || !wraps && (left < xmin - slack(xmin) || right > xmax + slack(xmax));
    let z = stated.z.zip(data.bounds.z());
    let is_z_outside = z.is_some_and(|([zmin, zmax], z)| z.0 < zmin - slack(zmin) || z.1 > zmax + slack(zmax));
    let place = pointer(name, &["bbox"]);
    if is_outside {
        let message = format!("{place} is {}, and data reach {}", extent::text(stated.xy), extent::text(found));
        context.say(&BBOX, message, Fix::Convert(&[]));
    } else if is_z_outside && let Some(([zmin, zmax], z)) = z {
        let message = format!(
            "{place} has z from {} to {}, and data from {} to {}",
            extent::number(zmin),
            extent::number(zmax),
            extent::number(z.0),
            extent::number(z.1)
        );
        context.say(&BBOX, message, Fix::Convert(&[]));
    } else if is_complete && !wraps && data.undecodable.count == 0 {
        let (width, height) = (xmax - xmin, ymax - ymin);
        // Some writers round outwards.
        let is_larger =
            width > (right - left) * 1.01 + slack(xmax) * 1e6 || height > (high - low) * 1.01 + slack(ymax) * 1e6;
        if is_larger {
            let message = format!("{place} is {}, and data reach {}", extent::text(stated.xy), extent::text(found));
            context.say(&LARGE_BBOX, message, Fix::Convert(&[]));
        }
    }
}

/// Counts for the facts.
pub(crate) fn facts(column: &GeometryColumn, data: &ColumnData) -> Value {
    let types: serde_json::Map<String, Value> =
        data.types.iter().map(|(name, tally)| (name.to_string(), tally.count.into())).collect();
    serde_json::json!({
        "column": column.name,
        "rows": data.rows,
        "null": data.nulls,
        "empty": data.empties,
        "types": types,
        "bbox": bbox_of(&data.bounds).filter(|bbox| is_plain(*bbox)),
    })
}

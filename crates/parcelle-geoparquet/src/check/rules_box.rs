//! `GPQ-BBOX`: the box of the file, and the boxes of row groups by geospatial statistics.

use parcelle_crs::Measure;
use parcelle_geometry::GeometryType;
use parcelle_report::{Rule, Severity};
use serde_json::Value;

use super::context::{Context, Fix, excerpt, pointer};
use super::extent::{self, is_plain};
use super::footer::{BoxSource, Footer, GeometryColumn};
use super::geo::{Version, kind};

pub(crate) static MALFORMED: Rule = Rule {
    id: "GPQ-BBOX-001",
    severity: Severity::Error,
    title: "`bbox` is not four, six or eight numbers",
    why: "The box is xmin, ymin, xmax, ymax; with z six numbers, in 2.0 with z and m eight. Readers take them by their place: \
          one more or less, and y is read as x.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox; 2.0, bbox; schema.json",
};

pub(crate) static ORDER: Rule = Rule {
    id: "GPQ-BBOX-002",
    severity: Severity::Error,
    title: "A minimum of `bbox` is greater than its maximum",
    why: "All minima stand before all maxima; xmin, xmax, ymin, ymax is the order of other formats. Only x of geographic \
          coordinates may run backwards, which means across the antimeridian. A reader that looks for a place skips the file.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox (RFC 7946, section 5)",
};

pub(crate) static ABSENT: Rule = Rule {
    id: "GPQ-BBOX-003",
    severity: Severity::Warning,
    title: "There is no `bbox`",
    why: "The specification lets it be left out, and readers take the extent of a layer from it. GDAL reads every geometry where it \
          is missing; GeoServer's GeoParquet store does not: the layer has an empty extent. A dataset of many files cannot leave \
          out those that are elsewhere.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox; GDAL OGRParquetLayer::GetExtent; GeoTools GeoParquetDialect.getOptimizedBounds, GeoParquetMetadata.bounds (an empty envelope)",
};

pub(crate) static STATISTICS: Rule = Rule {
    id: "GPQ-BBOX-004",
    severity: Severity::Error,
    title: "`bbox` does not contain the row groups",
    why: "The footer says of each row group where its geometries are, by geospatial statistics or by those of the covering. A \
          file box that is smaller hides rows: a reader that asks for a place outside of the box skips the file.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox; apache/parquet-format Geospatial.md, Bounding box",
};

pub(crate) static NATIVE_MISSING: Rule = Rule {
    id: "GPQ-BBOX-005",
    severity: Severity::Warning,
    title: "Row groups of a GEOMETRY column have no geospatial statistics",
    why: "The boxes of row groups are what the types GEOMETRY and GEOGRAPHY are for: without them a reader that looks for a \
          place reads everything. Row groups of NULL and EMPTY alone have none, which is right.",
    fix: "parcelle convert IN.parquet OUT.parquet --geoparquet 2.0",
    reference: "apache/parquet-format Geospatial.md, Statistics",
};

pub(crate) static NATIVE_TYPES: Rule = Rule {
    id: "GPQ-BBOX-006",
    severity: Severity::Error,
    title: "Geospatial statistics and `geometry_types` disagree",
    why: "The statistics of a row group list the types of its geometries by their ISO codes. Readers choose row groups by them \
          and the type of the layer by the entry: types that only one of them names are lost or unexpected.",
    fix: "parcelle convert IN.parquet OUT.parquet --geoparquet 2.0",
    reference: "GeoParquet 2.0, geometry_types; apache/parquet-format Geospatial.md, Geospatial types",
};

pub(crate) static NATIVE_INSANE: Rule = Rule {
    id: "GPQ-BBOX-007",
    severity: Severity::Error,
    title: "Geospatial statistics make no box",
    why: "A minimum above its maximum, NaN, or a geography beyond 180 and 90 degrees: a reader that compares with them skips \
          row groups that have what it looks for. Only x may run backwards, across the antimeridian.",
    fix: "parcelle convert IN.parquet OUT.parquet --geoparquet 2.0",
    reference: "apache/parquet-format Geospatial.md, Bounding box; LogicalTypes.md, GEOGRAPHY",
};

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    for column in &footer.columns {
        stated(context, column);
        native(context, column);
        contains(context, column);
    }
}

fn stated(context: &mut Context<'_>, column: &GeometryColumn) {
    let Some(entry) = &column.entry else { return };
    let place = pointer(&column.name, &["bbox"]);
    let version = context.footer.geo.version();
    let Some(value) = entry.get("bbox") else {
        if has_geometry(context.footer, column) {
            context.say(&ABSENT, format!("{place} is missing"), Fix::Convert(&[]));
        }
        return;
    };
    let Some(list) = value.as_array() else {
        return context.say(&MALFORMED, format!("{place} is {}, not an array", kind(value)), Fix::Convert(&[]));
    };
    let known: &[usize] = if version.is_2() || version == Version::Unknown { &[4, 6, 8] } else { &[4, 6] };
    if !known.contains(&list.len()) {
        return context.say(&MALFORMED, format!("{place} has {} numbers", list.len()), Fix::Convert(&[]));
    }
    if let Some((index, other)) = list.iter().enumerate().find(|(_, number)| !number.is_number()) {
        let message = format!("{place}/{index} is {}, not a number", excerpt(other));
        return context.say(&MALFORMED, message, Fix::Convert(&[]));
    }
    let half = list.len() / 2;
    let may_wrap = column.crs.resolved().is_some_and(|crs| crs.measure() == Measure::Geographic);
    for (axis, name) in ["x", "y", "z", "m"].into_iter().enumerate().take(half) {
        let number = |index: usize| list.get(index).and_then(Value::as_f64);
        if let (Some(low), Some(high)) = (number(axis), number(axis + half))
            && low > high
            && !(axis == 0 && may_wrap)
        {
            let message = format!("{place}: {name} from {} to {}", extent::number(low), extent::number(high));
            context.say(&ORDER, message, Fix::Convert(&[]));
        }
    }
}

/// Whether there is a box to state: not where each row group says that all its geometries are NULL, or that their boxes have no
/// numbers, as those of EMPTY geometries.
fn has_geometry(footer: &Footer, column: &GeometryColumn) -> bool {
    let boxes = || column.covering.iter().flat_map(|covering| &covering.leaves);
    footer.groups().iter().any(|group| {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let statistics = |leaf: &usize| group.columns().get(*leaf)?.statistics();
        let nulls = |leaf: &usize| statistics(leaf)?.null_count_opt();
        // Minima leave NaN out.
        let has_no_number =
            |leaf: &usize| nulls(leaf).is_some() && statistics(leaf).is_some_and(|s| s.min_bytes_opt().is_none());
        rows > 0 && !column.leaves.iter().any(|leaf| nulls(leaf) == Some(rows)) && !boxes().any(has_no_number)
    })
}

fn native(context: &mut Context<'_>, column: &GeometryColumn) {
    let (Some(typed), Some(leaf)) = (&column.native, column.leaves.first()) else { return };
    let footer = context.footer;
    let declared: Option<Vec<GeometryType>> = column
        .entry
        .as_ref()
        .and_then(|entry| entry.get("geometry_types")?.as_array())
        .map(|types| types.iter().filter_map(|name| name.as_str()?.parse().ok()).collect());
    let declared = declared.filter(|types| !types.is_empty());
    let mut missing = 0;
    let mut seen: Option<Vec<i32>> = Some(Vec::new());
    for (number, group) in footer.groups().iter().enumerate() {
        let Some(chunk) = group.columns().get(*leaf) else { continue };
        // Without a value there is no box.
        let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
        let is_empty = group.num_rows() <= 0 || nulls == u64::try_from(group.num_rows()).ok();
        let Some(statistics) = chunk.geo_statistics() else {
            missing += u64::from(!is_empty);
            seen = seen.filter(|_| is_empty);
            continue;
        };
        match statistics.geospatial_types().filter(|types| !types.is_empty()) {
            Some(types) => {
                if let Some(seen) = &mut seen {
                    seen.extend(types);
                }
                if let Some(declared) = &declared {
                    let unknown: Vec<String> = types
                        .iter()
                        .filter(|code| !declared.iter().any(|known| i64::from(known.iso_code()) == i64::from(**code)))
                        .map(ToString::to_string)
                        .collect();
                    if !unknown.is_empty() {
                        let message = format!(
                            "{}: row group {number} has geometries with the codes {}, which `geometry_types` does not list",
                            column.name,
                            unknown.join(", ")
                        );
                        context.say(&NATIVE_TYPES, message, Fix::Convert(&[]));
                    }
                }
            }
            None => seen = seen.filter(|_| is_empty),
        }
        let Some(found) = statistics.bounding_box() else { continue };
        let (x, y) = ((found.get_xmin(), found.get_xmax()), (found.get_ymin(), found.get_ymax()));
        let beyond = typed.edges.is_some() && (x.0 < -180.0 || x.1 > 180.0 || y.0 < -90.0 || y.1 > 90.0);
        let broken = [x.0, x.1, y.0, y.1].iter().any(|number| number.is_nan()) || y.0 > y.1;
        let backwards = x.0 > x.1 && column.crs.resolved().is_some_and(|crs| crs.measure() != Measure::Geographic);
        if beyond || broken || backwards {
            let message = format!(
                "{}: row group {number} has x from {} to {} and y from {} to {}",
                column.name, x.0, x.1, y.0, y.1
            );
            context.say(&NATIVE_INSANE, message, Fix::Convert(&[]));
        }
    }
    if missing > 0 {
        let message = format!("{}: {missing} of {} row groups have none", column.name, footer.groups().len());
        context.say(&NATIVE_MISSING, message, Fix::Convert(&["--geoparquet 2.0"]));
    }
    if let (Some(declared), Some(seen)) = (declared, seen)
        && footer.rows() > 0
    {
        let absent: Vec<String> = declared
            .iter()
            .filter(|known| !seen.iter().any(|code| i64::from(*code) == i64::from(known.iso_code())))
            .map(ToString::to_string)
            .collect();
        if !absent.is_empty() && !seen.is_empty() {
            let message =
                format!("{}: `geometry_types` lists {}, which no row group has", column.name, absent.join(", "));
            context.say(&NATIVE_TYPES, message, Fix::Convert(&[]));
        }
    }
}

fn contains(context: &mut Context<'_>, column: &GeometryColumn) {
    let Some(stated) = extent::stated(column).filter(|stated| is_plain(stated.xy)) else { return };
    let Some((found, source)) = extent::of_groups(context.footer, column) else { return };
    if transposed(context, column, stated.xy, found) {
        return;
    }
    let [xmin, ymin, xmax, ymax] = stated.xy;
    // A covering is rounded outwards to single precision.
    let down = |value: f64| if source == BoxSource::Covering { f64::from((value as f32).next_down()) } else { value };
    let up = |value: f64| if source == BoxSource::Covering { f64::from((value as f32).next_up()) } else { value };
    let [left, low, right, high] = found;
    if left < down(xmin) || low < down(ymin) || right > up(xmax) || high > up(ymax) {
        let message = format!(
            "{} has the bbox {}, and its row groups {}",
            column.name,
            extent::text(stated.xy),
            extent::text(found)
        );
        context.say(&STATISTICS, message, Fix::Convert(&[]));
    }
}

/// Says so where the box has the right numbers in the wrong order.
pub(crate) fn transposed(
    context: &mut Context<'_>,
    column: &GeometryColumn,
    stated: [f64; 4],
    found: [f64; 4],
) -> bool {
    let is_transposed = extent::is_transposed(stated, found);
    if is_transposed && !context.has(&ORDER) {
        let message = format!(
            "{} is {}, which is xmin, xmax, ymin, ymax of the data",
            pointer(&column.name, &["bbox"]),
            extent::text(stated)
        );
        context.say(&ORDER, message, Fix::Convert(&[]));
    }
    is_transposed
}

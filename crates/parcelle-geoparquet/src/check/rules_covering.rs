//! `GPQ-COV`: the column of boxes beside geometry.

use parcelle_report::{Finding, Rule, Severity};
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::schema::types::{SchemaDescriptor, Type};
use serde_json::{Map, Value};

use super::columns::{CHILDREN, leaf_at};
use super::context::{Context, Fix, excerpt, pointer};
use super::footer::{ColumnEncoding, CoveringLeaves, GeometryColumn, range};
use super::geo::{Version, kind};

pub(crate) static MALFORMED: Rule = Rule {
    id: "GPQ-COV-001",
    severity: Severity::Error,
    title: "`covering` is not four paths to numbers of boxes",
    why: "Each of xmin, ymin, xmax and ymax is a path of two names: the column, and the number in it. A reader that cannot \
          follow all four has no boxes: it fails where a window is asked for (geopandas), or reads everything.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox covering encoding; schema.json",
};

pub(crate) static MISSING: Rule = Rule {
    id: "GPQ-COV-002",
    severity: Severity::Error,
    title: "`covering` names a column that is not there",
    why: "A reader that filters by the covering asks for the column and fails: what works without a filter ends with an error \
          as soon as somebody zooms in.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, bbox covering encoding: MUST exist in the Parquet schema at the root",
};

pub(crate) static TYPE: Rule = Rule {
    id: "GPQ-COV-003",
    severity: Severity::Error,
    title: "The numbers of the covering are not all FLOAT, or all DOUBLE",
    why: "Readers compare the four numbers with those of a window as floating point numbers of one kind.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns: all FLOAT or all DOUBLE",
};

pub(crate) static REPETITION: Rule = Rule {
    id: "GPQ-COV-004",
    severity: Severity::Warning,
    title: "The covering is not required or optional as its geometry is",
    why: "Each row with a geometry has a box, and each row without has none. A required covering beside optional geometry has to make \
          boxes up for rows without geometry; the other way round, rows may have no box, and are lost where a reader filters.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns: repetition MUST match the geometry column",
};

pub(crate) static CHILD_ORDER: Rule = Rule {
    id: "GPQ-COV-005",
    severity: Severity::Info,
    title: "The numbers of the covering are not in the order xmin, ymin, xmax, ymax",
    why: "The text of 1.1 asks for this order. Nobody needs it: readers go by the paths, Overture and the example of the \
          specification have other orders, and no validator tests it.",
    fix: "Nothing needs mending",
    reference: "GeoParquet 1.1, Bounding Box Columns; opengeospatial/geoparquet pull request 302",
};

pub(crate) static NO_STATISTICS: Rule = Rule {
    id: "GPQ-COV-006",
    severity: Severity::Warning,
    title: "The covering has no statistics",
    why: "The smallest and largest numbers of a row group's boxes are what a reader compares with its window before it reads \
          anything. Without them the covering takes space and saves nothing: every row group is read.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns; apache/parquet-format parquet.thrift, Statistics",
};

pub(crate) static INSANE: Rule = Rule {
    id: "GPQ-COV-007",
    severity: Severity::Error,
    title: "The statistics of the covering make no box",
    why: "A smallest xmin above the largest xmax, or NaN: a reader that compares with them skips row groups that have what it \
          looks for, and rows are missing from maps at some zoom levels.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Bounding Box Columns; apache/parquet-format parquet.thrift, Statistics",
};

pub(crate) static UNDECLARED: Rule = Rule {
    id: "GPQ-COV-008",
    severity: Severity::Warning,
    title: "There is a column of boxes that `covering` does not name",
    why: "A struct of xmin, ymin, xmax and ymax is there, as DuckDB's users write it by hand, and the entry does not say what it \
          is for. Readers that filter (GDAL, geopandas, SedonaDB) go by the entry and do not use it.",
    fix: "parcelle convert IN.parquet OUT.parquet, which makes the covering and declares it (--select leaves the old column out)",
    reference: "GeoParquet 1.1, covering; opengeospatial/geoparquet issue 275",
};

pub(crate) static ABSENT: Rule = Rule {
    id: "GPQ-COV-009",
    severity: Severity::Warning,
    title: "Nothing says where the row groups are",
    why: "There is neither a covering nor a type with geospatial statistics, so a reader that needs a small area cannot tell \
          which row groups to leave out: it reads the whole file for each map tile, and over a network downloads it.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, covering; distributing-geoparquet.md, Add bbox",
};

pub(crate) static IN_1_0: Rule = Rule {
    id: "GPQ-COV-010",
    severity: Severity::Info,
    title: "`covering` stands in a version that does not have it",
    why: "Coverings came with 1.1. A reader that goes by the version does not look for one in 1.0.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, covering; 1.0 schema.json",
};

/// Rows from which on reading all of a file for a small area is felt.
const MANY_ROWS: u64 = 10_000;

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    for column in footer.columns.iter().filter(|column| column.root.is_some()) {
        let covering = column.entry.as_ref().and_then(|entry| entry.get("covering"));
        match covering {
            Some(covering) => declared(context, column, covering),
            None => undeclared(context, column),
        }
        if let Some(leaves) = &column.covering {
            statistics(context, column, leaves);
        }
    }
}

fn declared(context: &mut Context<'_>, column: &GeometryColumn, covering: &Value) {
    let place = pointer(&column.name, &["covering"]);
    if context.footer.geo.version() == Version::V1_0 {
        context.say(&IN_1_0, format!("{place}, and /version is \"1.0.0\""), Fix::Convert(&[]));
    }
    let Some(bbox) = covering.get("bbox") else {
        return context.say(&MALFORMED, format!("{place}/bbox is missing"), Fix::Convert(&[]));
    };
    let Some(paths) = bbox.as_object() else {
        return context.say(&MALFORMED, format!("{place}/bbox is {}, not an object", kind(bbox)), Fix::Convert(&[]));
    };
    let schema = context.footer.metadata().file_metadata().schema_descr();
    let before = context.has(&MALFORMED) || context.has(&MISSING);
    let mut types = Vec::new();
    for child in CHILDREN {
        if let Some((_, leaf)) = path(context, &place, paths, child) {
            types.push((child, schema.column(leaf).physical_type()));
        }
    }
    if context.has(&MALFORMED) || context.has(&MISSING) || before {
        return;
    }
    let all = |wanted: PhysicalType| types.iter().all(|(_, found)| *found == wanted);
    if !all(PhysicalType::FLOAT) && !all(PhysicalType::DOUBLE) {
        let listed: Vec<String> = types.iter().map(|(child, found)| format!("{child} {found}")).collect();
        return context.say(&TYPE, format!("{}: {}", column.name, listed.join(", ")), Fix::Convert(&[]));
    }
    let Some(leaves) = &column.covering else {
        return context.say(&MALFORMED, format!("{place}/bbox: the paths go to several columns"), Fix::Convert(&[]));
    };
    shape(context, column, leaves, schema);
}

/// The column and the leaf that a path leads to.
fn path<'a>(
    context: &mut Context<'_>,
    place: &str,
    paths: &'a Map<String, Value>,
    child: &str,
) -> Option<(&'a str, usize)> {
    let Some(value) = paths.get(child) else {
        context.say(&MALFORMED, format!("{place}/bbox/{child} is missing"), Fix::Convert(&[]));
        return None;
    };
    let names: Option<Vec<&str>> = value.as_array().and_then(|path| path.iter().map(Value::as_str).collect());
    let Some([column, name]) = names.as_deref() else {
        let message = format!("{place}/bbox/{child} is {}, not two names", excerpt(value));
        context.say(&MALFORMED, message, Fix::Convert(&[]));
        return None;
    };
    if *name != child {
        let message = format!("{place}/bbox/{child} leads to {name:?}, not to {child:?}");
        context.say(&MALFORMED, message, Fix::Convert(&[]));
    }
    let schema = context.footer.metadata().file_metadata().schema_descr();
    let Some(leaf) = leaf_at(schema, &[column, name]) else {
        let message = format!("{place}/bbox/{child}: there is no {column}.{name} in the schema");
        context.say(&MISSING, message, Fix::Convert(&[]));
        return None;
    };
    Some((column, leaf))
}

fn shape(context: &mut Context<'_>, column: &GeometryColumn, leaves: &CoveringLeaves, schema: &SchemaDescriptor) {
    let roots = schema.root_schema().get_fields();
    let (Some(boxes), Some(geometry)) = (roots.get(leaves.root), column.root.and_then(|root| roots.get(root))) else {
        return;
    };
    let repetition = |field: &Type| {
        let info = field.get_basic_info();
        if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED }
    };
    if repetition(boxes) != repetition(geometry) {
        let message =
            format!("{} is {}, and {} is {}", leaves.column, repetition(boxes), column.name, repetition(geometry));
        context.say(&REPETITION, message, Fix::Convert(&[]));
    }
    if boxes.is_group() {
        let names: Vec<&str> = boxes.get_fields().iter().map(|child| child.name()).collect();
        let plain: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with('z')).collect();
        if plain != CHILDREN {
            let message = format!("{} has {}", leaves.column, names.join(", "));
            context.say(&CHILD_ORDER, message, Fix::General);
        }
    }
}

fn undeclared(context: &mut Context<'_>, column: &GeometryColumn) {
    let footer = context.footer;
    let schema = footer.metadata().file_metadata().schema_descr();
    let boxes = schema.root_schema().get_fields().iter().find(|field| {
        field.is_group() && CHILDREN.iter().all(|child| field.get_fields().iter().any(|found| found.name() == *child))
    });
    let has_other = footer.columns.iter().any(|other| {
        other.covering.as_ref().is_some_and(|covering| boxes.is_some_and(|boxes| boxes.name() == covering.column))
    });
    if let Some(boxes) = boxes.filter(|_| column.is_primary && !has_other) {
        let message = format!("{} has xmin, ymin, xmax and ymax, and {} no `covering`", boxes.name(), column.name);
        return context.say(&UNDECLARED, message, Fix::Convert(&[]));
    }
    let leaf = |leaf: usize| footer.groups().iter().filter_map(move |group| group.columns().get(leaf));
    let is_native =
        column.leaves.first().is_some_and(|first| leaf(*first).any(|chunk| chunk.geo_statistics().is_some()));
    // Statistics of ordinates bound single-type encodings as a covering does, for those who read them (GDAL).
    let is_bounded = matches!(column.encoding, Some(ColumnEncoding::GeoArrow(_)))
        && column
            .leaves
            .first()
            .is_some_and(|first| leaf(*first).all(|chunk| chunk.statistics().and_then(range).is_some()));
    if !column.is_primary || column.native.is_some() || is_native || is_bounded || footer.rows() == 0 {
        return;
    }
    let rows = super::context::counted(footer.rows(), "row");
    let groups = super::context::counted(footer.groups().len() as u64, "row group");
    let finding = Finding::new(&ABSENT, format!("{} has {rows} in {groups}, and no covering", column.name));
    let is_felt = footer.rows() > MANY_ROWS;
    context.push(if is_felt { finding } else { finding.severity(Severity::Info) }, Fix::Convert(&[]));
}

fn statistics(context: &mut Context<'_>, column: &GeometryColumn, leaves: &CoveringLeaves) {
    let footer = context.footer;
    let (mut without, mut with_rows) = (0u64, 0u64);
    for (number, group) in footer.groups().iter().enumerate().filter(|(_, group)| group.num_rows() > 0) {
        with_rows += 1;
        let [xmin, ymin, xmax, ymax] =
            leaves.leaves.map(|leaf| group.columns().get(leaf).and_then(|chunk| range(chunk.statistics()?)));
        let (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) = (xmin, ymin, xmax, ymax) else {
            // Where there are only NULL and NaN there is nothing to say.
            without += u64::from(!is_hollow(group, column, leaves));
            continue;
        };
        let numbers = [xmin.0, ymin.0, xmax.1, ymax.1];
        let is_geographic = column.crs.resolved().is_some_and(|crs| crs.measure() == parcelle_crs::Measure::Geographic);
        let backwards = xmin.0 > xmax.1 && !is_geographic || ymin.0 > ymax.1;
        let ranges = [xmin, ymin, xmax, ymax];
        let upside_down = ranges.iter().any(|(low, high)| low > high);
        if backwards || upside_down || numbers.iter().any(|number| number.is_nan()) {
            let message = format!(
                "{} of row group {number}: xmin from {} to {}, ymin from {} to {}, xmax from {} to {}, ymax from {} to {}",
                leaves.column, xmin.0, xmin.1, ymin.0, ymin.1, xmax.0, xmax.1, ymax.0, ymax.1
            );
            context.say(&INSANE, message, Fix::Convert(&[]));
        }
    }
    if without > 0 {
        let message =
            format!("{} has no smallest and largest numbers in {without} of {with_rows} row groups", leaves.column);
        context.say(&NO_STATISTICS, message, Fix::Convert(&[]));
    }
}

/// Whether a row group has no box by its counts of NULL: those of geometry say so, too. One without any statistics at all is
/// not known to be so.
fn is_hollow(
    group: &parquet::file::metadata::RowGroupMetaData,
    column: &GeometryColumn,
    leaves: &CoveringLeaves,
) -> bool {
    let statistics = |leaf: usize| group.columns().get(leaf).and_then(|chunk| chunk.statistics());
    let nulls = |leaf: usize| statistics(leaf).and_then(|statistics| statistics.null_count_opt());
    let rows = u64::try_from(group.num_rows()).ok();
    let leaf = leaves.leaves.first().copied().unwrap_or_default();
    let geometry = column.leaves.first().copied().and_then(nulls);
    // With statistics and without a range, all its numbers are NaN: the boxes of EMPTY.
    nulls(leaf) == rows || geometry == rows || statistics(leaf).is_some_and(|found| found.null_count_opt().is_some())
}

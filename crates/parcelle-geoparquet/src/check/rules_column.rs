//! `GPQ-COL`: what is said of each geometry column, and how it is stored.

use std::collections::BTreeSet;

use parcelle_geometry::{Dimension, GeometryKind, GeometryType};
use parcelle_report::{Finding, Rule, Severity};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::schema::types::Type;
use serde_json::Value;

use super::columns::encoding;
use super::context::{Context, Fix, REWRITE, excerpt, pointer};
use super::footer::{ColumnEncoding, GeometryColumn, is_byte_array};
use super::geo::{Version, kind};

pub(crate) static MISSING: Rule = Rule {
    id: "GPQ-COL-001",
    severity: Severity::Error,
    title: "A geometry column is not in the schema",
    why: "`columns` names columns at the root of the schema. One that is not there has no data: catalogues and programs that \
          go by the entry promise a geometry that nobody can read, and who asks for it by name gets an error.",
    fix: REWRITE,
    reference: "GeoParquet 1.1, File metadata, columns; Nesting: MUST be at the root of the schema",
};

pub(crate) static REPEATED: Rule = Rule {
    id: "GPQ-COL-002",
    severity: Severity::Error,
    title: "A geometry column is repeated",
    why: "A row has one geometry in a column, or none. Of a repeated column readers take a list, which is no geometry.",
    fix: "Write one geometry for each row: several are a geometry collection",
    reference: "GeoParquet 1.1, Repetition: required or optional, MUST NOT be repeated",
};

pub(crate) static MEMBER: Rule = Rule {
    id: "GPQ-COL-003",
    severity: Severity::Error,
    title: "A member of a column's entry is missing or has the wrong type",
    why: "`encoding` says how the bytes are read and `geometry_types` what is among them; both are required, and the others \
          have a type each. A reader that parses the entry into a structure fails as a whole.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Column metadata, table; schema.json",
};

pub(crate) static ENCODING: Rule = Rule {
    id: "GPQ-COL-004",
    severity: Severity::Error,
    title: "The encoding is not one of the version",
    why: "1.0 and 2.0 have WKB; 1.1 has the single-type encodings of GeoArrow beside it (`point` to `multipolygon`). A reader of \
          the version knows no other.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, Encoding; 1.0 schema.json; 2.0, Geometry columns",
};

pub(crate) static STORAGE: Rule = Rule {
    id: "GPQ-COL-005",
    severity: Severity::Error,
    title: "The column is not stored as its encoding demands",
    why: "WKB is a BYTE_ARRAY; in 2.0 with the type GEOMETRY or GEOGRAPHY. The GeoArrow encodings are structs of DOUBLE x, y and z in \
          lists as deep as the geometry type. Of anything else a decoder takes the wrong bytes, or refuses the column. \
          An annotation as text makes readers check WKB for UTF-8, which it is not.",
    fix: REWRITE,
    reference: "GeoParquet 1.1, WKB (BYTE_ARRAY) and Native encodings; 2.0, Geometry columns",
};

pub(crate) static TYPES: Rule = Rule {
    id: "GPQ-COL-006",
    severity: Severity::Error,
    title: "`geometry_types` has a name that is none, or one twice",
    why: "Readers choose the type of a layer by this list: GDAL the layer's geometry type, GeoTools the Java class of the \
          attribute. The names are seven, with ` Z` behind them; 2.0 adds ` M` and ` ZM`. GeoParquet 1 has no name for \
          geometry with M, so that its list has to stay empty, which means that the types are not known.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, geometry_types; schema.json (pattern, uniqueItems)",
};

pub(crate) static EDGES: Rule = Rule {
    id: "GPQ-COL-007",
    severity: Severity::Error,
    title: "`edges` is not a kind of edge of the version, or not that of the type",
    why: "Between two positions a line is straight on the map (planar), or the shortest way on a sphere or an ellipsoid. BigQuery and \
          Sedona compute with what is said; 1.x has planar and spherical, 2.0 the algorithms of GEOGRAPHY too, which then \
          have to be the same in both places.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, edges; 2.0, edges; apache/parquet-format Geospatial.md, Edge interpolation algorithm",
};

pub(crate) static ORIENTATION: Rule = Rule {
    id: "GPQ-COL-008",
    severity: Severity::Error,
    title: "`orientation` is not \"counterclockwise\"",
    why: "There is one value: exterior rings counterclockwise, interior ones clockwise. Leaving it out says nothing of the \
          order. Another value is refused by readers that check the entry.",
    fix: "parcelle convert IN.parquet OUT.parquet --orientation counterclockwise",
    reference: "GeoParquet 1.1, orientation",
};

pub(crate) static UNKNOWN_TYPES: Rule = Rule {
    id: "GPQ-COL-009",
    severity: Severity::Info,
    title: "`geometry_types` is empty: the types are not known",
    why: "An empty list is allowed. Programs that need one type for a layer take the most general one (GDAL: unknown; GeoTools: \
          Geometry), which hides the layer from styles and tools that ask for polygons. A list with the types costs nothing.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, geometry_types",
};

pub(crate) static SPHERICAL: Rule = Rule {
    id: "GPQ-COL-010",
    severity: Severity::Info,
    title: "Edges are not planar, and the order of rings is not declared",
    why: "On a sphere a ring bounds two areas. Without `orientation` a reader takes the smaller one, which is wrong for \
          polygons larger than half of the earth.",
    fix: "parcelle convert IN.parquet OUT.parquet --orientation counterclockwise",
    reference: "GeoParquet 1.1, orientation: recommended where edges is spherical",
};

pub(crate) static MIN_MAX: Rule = Rule {
    id: "GPQ-COL-011",
    severity: Severity::Info,
    title: "The geometry column has the smallest and largest value of its bytes",
    why: "WKB has no order that means anything: its smallest bytes bound no place. Statistics of whole geometries fill the \
          footer, which every reader reads first. For GEOMETRY and GEOGRAPHY the order is undefined, and writers must not write them.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format LogicalTypes.md, GEOMETRY (sort order undefined)",
};

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    // Entries that are no object have no column in the model.
    for (name, value) in footer.geo.columns().into_iter().flatten() {
        if !value.is_object() {
            context.say(&MEMBER, format!("{} is {}, not an object", pointer(name, &[]), kind(value)), Fix::Rewrite);
        }
    }
    for column in &footer.columns {
        let fields = footer.metadata().file_metadata().schema().get_fields();
        let field = column.root.and_then(|root| fields.get(root));
        match field {
            None => context.say(
                &MISSING,
                format!("There is no column {:?} at the root of the schema", column.name),
                Fix::Rewrite,
            ),
            Some(field) => {
                stored(context, column, field);
                min_max(context, column);
            }
        }
        if column.entry.is_some() {
            encoding_of(context, column);
            types(context, column);
            edges(context, column);
            orientation(context, column);
        }
    }
}

fn encoding_of(context: &mut Context<'_>, column: &GeometryColumn) {
    let place = pointer(&column.name, &["encoding"]);
    let value = column.entry.as_ref().and_then(|entry| entry.get("encoding"));
    let text = match value {
        None => return context.say(&MEMBER, format!("{place} is missing"), Fix::Rewrite),
        Some(Value::String(text)) => text,
        Some(other) => return context.say(&MEMBER, format!("{place} is {}, not a text", kind(other)), Fix::Rewrite),
    };
    let version = context.footer.geo.version();
    match (encoding(text), version) {
        (None, _) => {
            context.say(&ENCODING, format!("{place} is {}", excerpt(&Value::from(text.as_str()))), Fix::Rewrite)
        }
        (Some(ColumnEncoding::Wkb), _) => {}
        (Some(_), Version::Draft | Version::Unknown) => {}
        (Some(_), Version::V1_1) if !text.starts_with("geoarrow.") => {}
        (Some(_), _) => {
            let version = context.footer.geo.version_text().unwrap_or_default();
            context.say(
                &ENCODING,
                format!("{place} is {text:?}, which version {version} does not have"),
                Fix::Convert(&[]),
            );
        }
    }
}

fn stored(context: &mut Context<'_>, column: &GeometryColumn, field: &Type) {
    let name = &column.name;
    if field.get_basic_info().has_repetition() && field.get_basic_info().repetition() == Repetition::REPEATED {
        context.say(&REPEATED, format!("{name} is repeated"), Fix::Rewrite);
        return;
    }
    let message = match column.encoding {
        None => return,
        Some(ColumnEncoding::Wkb) if !is_byte_array(field) => {
            format!("{name} has the encoding WKB, and is {}", described(field))
        }
        Some(ColumnEncoding::Wkb) => {
            let info = field.get_basic_info();
            let is_text = matches!(info.logical_type_ref(), Some(LogicalType::String | LogicalType::Json))
                || matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::JSON);
            if is_text {
                format!("{name} has the encoding WKB, and is annotated as text")
            } else if context.footer.geo.version().is_2() && column.native.is_none() {
                let version = context.footer.geo.version_text().unwrap_or_default();
                let message =
                    format!("/version is {version:?}, and {name} has neither the type GEOMETRY nor GEOGRAPHY");
                return context.say(&STORAGE, message, Fix::Convert(&[]));
            } else {
                return;
            }
        }
        Some(ColumnEncoding::GeoArrow(kind)) => match ordinates(field, kind) {
            Ok(()) => return,
            Err(reason) => format!("{name} has the encoding {}, {reason}", kind.name().to_lowercase()),
        },
    };
    context.say(&STORAGE, message, Fix::Rewrite);
}

fn described(field: &Type) -> String {
    if field.is_primitive() { field.get_physical_type().to_string() } else { "a group".to_owned() }
}

/// Whether a column is the lists and structs of a GeoArrow encoding.
fn ordinates(field: &Type, kind: GeometryKind) -> Result<(), String> {
    let depth = match kind {
        GeometryKind::Point => 0,
        GeometryKind::LineString | GeometryKind::MultiPoint => 1,
        GeometryKind::Polygon | GeometryKind::MultiLineString => 2,
        _ => 3,
    };
    let mut position = field;
    for level in 0..depth {
        // A list is a group of one repeated group of one element.
        let inner = (position.is_group() && position.get_fields().len() == 1)
            .then(|| position.get_fields().first())
            .flatten()
            .filter(|list| {
                list.get_basic_info().has_repetition() && list.get_basic_info().repetition() == Repetition::REPEATED
            })
            .filter(|list| list.is_group());
        let Some(list) = inner else { return Err(format!("and {level} levels of lists, not {depth}")) };
        // Old writers leave the element out.
        position = match list.get_fields() {
            [element] => element,
            _ => list,
        };
    }
    if !position.is_group() {
        return Err(format!("and its positions are {}, not a struct", described(position)));
    }
    let children: Vec<&str> = position.get_fields().iter().map(|child| child.name()).collect();
    let double = |child: &Type| child.is_primitive() && child.get_physical_type() == PhysicalType::DOUBLE;
    if !matches!(children[..], ["x", "y"] | ["x", "y", "z"]) {
        return Err(format!("and its positions have {}, not x, y and z", children.join(", ")));
    }
    match position.get_fields().iter().find(|child| !double(child)) {
        Some(child) => Err(format!("and {} is {}, not DOUBLE", child.name(), described(child))),
        None => Ok(()),
    }
}

fn types(context: &mut Context<'_>, column: &GeometryColumn) {
    let place = pointer(&column.name, &["geometry_types"]);
    let version = context.footer.geo.version();
    let value = column.entry.as_ref().and_then(|entry| entry.get("geometry_types"));
    let list = match value {
        None if version == Version::Draft => return,
        None => return context.say(&MEMBER, format!("{place} is missing"), Fix::Convert(&[])),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return context.say(&MEMBER, format!("{place} is {}, not an array", kind(other)), Fix::Convert(&[]));
        }
    };
    if list.is_empty() {
        return context.say(&UNKNOWN_TYPES, format!("{place} is []"), Fix::Convert(&[]));
    }
    let mut seen = BTreeSet::new();
    for (index, value) in list.iter().enumerate() {
        let Some(name) = value.as_str() else {
            context.say(&TYPES, format!("{place}/{index} is {}, not a text", kind(value)), Fix::Convert(&[]));
            continue;
        };
        if !seen.insert(name) {
            context.say(&TYPES, format!("{place}/{index} repeats {name:?}"), Fix::Convert(&[]));
            continue;
        }
        let message = match name.parse::<GeometryType>() {
            Err(_) => format!("{place}/{index} is {}, which is no geometry type", excerpt(value)),
            Ok(found) if !version.is_2() && found.dimension.has_m() => {
                format!("{place}/{index} is {name:?}: version 1 has no names for geometry with M")
            }
            Ok(found) => match column.encoding {
                Some(ColumnEncoding::GeoArrow(kind)) if found.kind != kind || found.dimension == Dimension::Xym => {
                    format!(
                        "{place}/{index} is {name:?}, which the encoding {} cannot hold",
                        kind.name().to_lowercase()
                    )
                }
                _ => continue,
            },
        };
        context.say(&TYPES, message, Fix::Convert(&[]));
    }
}

fn edges(context: &mut Context<'_>, column: &GeometryColumn) {
    const OF_1: [&str; 2] = ["planar", "spherical"];
    const OF_2: [&str; 6] = ["planar", "spherical", "vincenty", "thomas", "andoyer", "karney"];
    let place = pointer(&column.name, &["edges"]);
    let version = context.footer.geo.version();
    let said = match column.entry.as_ref().and_then(|entry| entry.get("edges")) {
        None => "planar",
        Some(Value::String(text)) => text,
        Some(other) => return context.say(&MEMBER, format!("{place} is {}, not a text", kind(other)), Fix::Rewrite),
    };
    let known = if version.is_2() { &OF_2[..] } else { &OF_1[..] };
    if !known.contains(&said) {
        context.say(&EDGES, format!("{place} is {}", excerpt(&Value::from(said))), Fix::Rewrite);
    } else if let Some(native) = &column.native {
        let typed = native.edges.unwrap_or("planar");
        let same = said == typed || (!version.is_2() && said == "spherical" && native.edges.is_some());
        if !same {
            let message = format!("{place} is {said:?}, and the type of the column says {typed}");
            context.say(&EDGES, message, Fix::Rewrite);
        }
    }
    if said != "planar" && column.text("orientation").is_none() && !points_only(column) {
        let message = format!("{place} is {said:?}, and there is no `orientation`");
        context.say(&SPHERICAL, message, Fix::Convert(&["--orientation counterclockwise"]));
    }
}

/// Whether there is nothing with rings in a column, as far as its entry tells.
fn points_only(column: &GeometryColumn) -> bool {
    let types = column.entry.as_ref().and_then(|entry| entry.get("geometry_types")?.as_array());
    types.is_some_and(|types| {
        let has_rings =
            |name: &Value| name.as_str().is_none_or(|name| name.contains("Polygon") || name.contains("Collection"));
        !types.is_empty() && !types.iter().any(has_rings)
    })
}

fn orientation(context: &mut Context<'_>, column: &GeometryColumn) {
    let place = pointer(&column.name, &["orientation"]);
    let entry = column.entry.as_ref();
    match entry.and_then(|entry| entry.get("orientation")) {
        None => {}
        Some(Value::String(text)) if text == "counterclockwise" => {}
        Some(other) => {
            let fix = Fix::Convert(&["--orientation counterclockwise"]);
            context.say(&ORIENTATION, format!("{place} is {}", excerpt(other)), fix);
        }
    }
}

fn min_max(context: &mut Context<'_>, column: &GeometryColumn) {
    let [leaf] = column.leaves[..] else { return };
    if column.encoding != Some(ColumnEncoding::Wkb) {
        return;
    }
    let bounded = context.footer.groups().iter().filter_map(|group| {
        let statistics = group.columns().get(leaf)?.statistics()?;
        let bytes = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len) as u64;
        let total = bytes(statistics.min_bytes_opt()) + bytes(statistics.max_bytes_opt());
        (statistics.min_bytes_opt().is_some()).then_some(total)
    });
    let (groups, bytes) = bounded.fold((0u64, 0u64), |(groups, sum), bytes| (groups + 1, sum + bytes));
    if groups == 0 {
        return;
    }
    let message = format!(
        "{} has a smallest and a largest value in {} of {} row groups ({})",
        column.name,
        groups,
        context.footer.groups().len(),
        super::context::size(bytes)
    );
    let finding = Finding::new(&MIN_MAX, message);
    let finding = if column.native.is_some() { finding.severity(Severity::Warning) } else { finding };
    context.push(finding, Fix::Convert(&[]));
}

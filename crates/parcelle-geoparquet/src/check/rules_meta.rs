//! `GPQ-META`: the `geo` entry as a whole.

use parcelle_report::{Finding, Rule, Severity};
use serde_json::Value;

use super::context::{Context, Fix, REWRITE, excerpt};
use super::footer::native_type;
use super::geo::{GeoValue, Version, kind};

pub(crate) static NOT_JSON: Rule = Rule {
    id: "GPQ-META-001",
    severity: Severity::Error,
    title: "The `geo` entry is not a JSON object",
    why: "All that makes the file GeoParquet is in this entry. A reader that cannot parse it refuses the file (geopandas), \
          or takes the geometry for bytes (DuckDB).",
    fix: REWRITE,
    reference: "GeoParquet 1.1, File metadata: a JSON-encoded UTF-8 string",
};

pub(crate) static MEMBER: Rule = Rule {
    id: "GPQ-META-002",
    severity: Severity::Error,
    title: "A member of the `geo` entry is missing or has the wrong type",
    why: "`version`, `primary_column` and `columns` are required: which column stands for the row, and what is said of each. \
          geopandas refuses the file without them, and a reader that goes on has to guess.",
    fix: REWRITE,
    reference: "GeoParquet 1.0 and 1.1, File metadata, table; schema.json `required`",
};

pub(crate) static VERSION: Rule = Rule {
    id: "GPQ-META-003",
    severity: Severity::Warning,
    title: "The version is a draft, or none that is known",
    why: "The version says which members and encodings there may be. Names changed until 1.0.0 (`schema_version`, \
          `geometry_type`, the reference system as WKT), and validators take only what was published. A version that does not \
          exist yet may mean anything: readers refuse it, or read it as the last one they know.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, File metadata, version; schema.json (`const`)",
};

pub(crate) static PRIMARY: Rule = Rule {
    id: "GPQ-META-004",
    severity: Severity::Error,
    title: "The primary column is not among `columns`",
    why: "`primary_column` names the geometry that a reader with room for one takes. Where `columns` does not list it, nothing \
          is known of it: geopandas ends with an error.",
    fix: REWRITE,
    reference: "GeoParquet 1.1, File metadata, primary_column",
};

pub(crate) static NOT_LISTED: Rule = Rule {
    id: "GPQ-META-005",
    severity: Severity::Warning,
    title: "A column with a geospatial type is not listed in the `geo` entry",
    why: "Readers that go by the `geo` entry take it for bytes, readers that go by the types for geometry: the same file has \
          another number of geometry columns.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 2.0, Columns; GeoParquet 1.1, File metadata, columns",
};

pub(crate) static TYPES_IN_1: Rule = Rule {
    id: "GPQ-META-006",
    severity: Severity::Info,
    title: "A file of version 1 has geospatial types of Parquet",
    why: "GDAL (USE_PARQUET_GEO_TYPES=YES) and Arrow write both: the entry of version 1 for readers of that, and the type for \
          newer ones. Both are read as long as they agree; readers whose Arrow is older than the types see bytes with an \
          unknown annotation. `gpio check spec` calls it an error, geoparquet-validator does not.",
    fix: "parcelle convert IN.parquet OUT.parquet, for one way to say it; --geoparquet 2.0 keeps the types",
    reference: "GDAL Parquet driver, USE_PARQUET_GEO_TYPES; GeoParquet 1.1, Encoding (BYTE_ARRAY)",
};

pub(crate) static UNKNOWN_MEMBER: Rule = Rule {
    id: "GPQ-META-007",
    severity: Severity::Info,
    title: "A member of a column's entry is none of the specification",
    why: "Readers ignore members they do not know. A misspelt one (`geometry_type`, `covering_bbox`) is not read either, and \
          nobody says so.",
    fix: "Nothing needs mending where it is an extension of a program; else write the file again with the right name",
    reference: "GeoParquet 1.1, Column metadata, table",
};

/// Members of a column's entry, of all versions.
const MEMBERS: [&str; 8] = ["encoding", "geometry_types", "crs", "edges", "orientation", "bbox", "epoch", "covering"];
/// Members that only drafts had.
const OF_DRAFTS: [&str; 2] = ["geometry_type", "crs_wkt"];

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    if let GeoValue::Broken(reason) = &footer.geo.value {
        context.say(&NOT_JSON, format!("The `geo` entry: {reason}"), Fix::Rewrite);
    }
    let Some(object) = footer.geo.object() else { return };
    version(context);
    match object.get("primary_column") {
        None => context.say(&MEMBER, "/primary_column is missing", Fix::Convert(&[])),
        Some(Value::String(name)) if name.is_empty() => {
            context.say(&MEMBER, "/primary_column is empty", Fix::Convert(&[]));
        }
        Some(Value::String(name)) => {
            if footer.geo.columns().is_some_and(|columns| !columns.contains_key(name)) {
                context.say(
                    &PRIMARY,
                    format!("/primary_column is {name:?}, which `columns` does not list"),
                    Fix::Rewrite,
                );
            }
        }
        Some(other) => context.say(&MEMBER, format!("/primary_column is {}, not a text", kind(other)), Fix::Rewrite),
    }
    match object.get("columns") {
        None => context.say(&MEMBER, "/columns is missing", Fix::Rewrite),
        Some(Value::Object(columns)) if columns.is_empty() => {
            context.say(&MEMBER, "/columns lists no column", Fix::Rewrite);
        }
        Some(Value::Object(_)) => {}
        Some(other) => context.say(&MEMBER, format!("/columns is {}, not an object", kind(other)), Fix::Rewrite),
    }
    types(context);
    unknown_members(context);
}

fn version(context: &mut Context<'_>) {
    let geo = &context.footer.geo;
    let text = match (geo.object().and_then(|object| object.get("version")), geo.version_text()) {
        (_, Some(text)) => text.to_owned(),
        (Some(other), None) => {
            let message = format!("/version is {}, not a text", kind(other));
            return context.say(&MEMBER, message, Fix::Rewrite);
        }
        (None, None) => return context.say(&MEMBER, "/version is missing", Fix::Rewrite),
    };
    match geo.version() {
        Version::V1_0 | Version::V1_1 | Version::V2_0 => {}
        Version::Draft => context.say(&VERSION, format!("/version is {text:?}, a draft of 1.0"), Fix::Convert(&[])),
        Version::V2Draft => {
            let message = format!("/version is {text:?}, a draft of 2.0.0");
            context.say(&VERSION, message, Fix::Convert(&["--geoparquet 2.0"]));
        }
        Version::Unknown => {
            let message = format!("/version is {}, which is not known", excerpt(&Value::from(text)));
            let finding = Finding::new(&VERSION, message).severity(Severity::Error);
            context.push(finding, Fix::Rewrite);
        }
    }
}

fn types(context: &mut Context<'_>) {
    let footer = context.footer;
    let columns = footer.geo.columns();
    let mut typed = Vec::new();
    for field in footer.metadata().file_metadata().schema().get_fields() {
        if native_type(field).is_none() {
            continue;
        }
        let name = field.name();
        typed.push(name);
        if columns.is_some_and(|columns| !columns.contains_key(name)) {
            context.say(
                &NOT_LISTED,
                format!("{name} has a geospatial type, and no entry in `columns`"),
                Fix::Convert(&[]),
            );
        }
    }
    if !typed.is_empty() && matches!(footer.geo.version(), Version::V1_0 | Version::V1_1) {
        let version = footer.geo.version_text().unwrap_or_default();
        let message = format!("/version is {version:?}, and {} has a geospatial type of Parquet", typed.join(", "));
        context.say(&TYPES_IN_1, message, Fix::General);
    }
}

fn unknown_members(context: &mut Context<'_>) {
    let draft = context.footer.geo.version() == Version::Draft;
    for column in &context.footer.columns {
        for member in column.entry.iter().flat_map(|entry| entry.keys()) {
            let known = MEMBERS.contains(&member.as_str()) || draft && OF_DRAFTS.contains(&member.as_str());
            if !known {
                let message =
                    format!("{} is no member of the specification", super::context::pointer(&column.name, &[member]));
                context.say(&UNKNOWN_MEMBER, message, Fix::General);
            }
        }
    }
}

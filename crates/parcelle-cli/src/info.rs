//! `parcelle info`.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use parcelle::report::Wording;
use parcelle::report::render::printable;
use parcelle::{Information, LayerInfo};
use serde_json::Value;

use crate::args::{InfoArguments, SummaryFormat};
use crate::failure::Failure;
use crate::format::grouped;
use crate::terminal;

/// A file that cannot be read is told of, and does not keep the others from being told.
pub(crate) fn run(arguments: &InfoArguments) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    for path in &arguments.paths {
        let mut text = String::new();
        match (parcelle::info(path), arguments.format) {
            (Ok(information), SummaryFormat::Human) => human(&mut text, &information),
            (Ok(information), SummaryFormat::Json) => {
                let _ = writeln!(text, "{}", information.to_json());
            }
            (Err(error), _) => {
                terminal::complain(&Failure::Usage(error.to_string()), Wording::default());
                code = ExitCode::from(2);
            }
        }
        let written = std::io::stdout().lock().write_all(text.as_bytes());
        written.map_err(|error| Failure::output("standard output", &error))?;
    }
    Ok(code)
}

/// What people ask for first, in this order; what else there is stands behind.
const FIRST: [&str; 20] = [
    "width",
    "height",
    "raster_x_size",
    "raster_y_size",
    "bands",
    "data_type",
    "nodata",
    "crs",
    "srs",
    "bounds",
    "pixel_size",
    "compression",
    "tile_size",
    "strip_size",
    "interleave",
    "overviews",
    "masks",
    "geoparquet",
    "rows",
    "row_groups",
];
/// What only looking at it took.
const LAST: [&str; 4] = ["bytes_read", "header_bytes_read", "header_requests", "requests"];

/// Where a fact stands among the others, which are in the order of their names.
fn rank(name: &str) -> (usize, &str) {
    let place = FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    (if LAST.contains(&name) { FIRST.len() + 1 } else { place }, name)
}

fn human(text: &mut String, information: &Information) {
    let kind = match information.kind.as_str() {
        "unknown" => "vector",
        kind => kind,
    };
    let _ = writeln!(text, "{}  ({kind})", printable(&information.path));
    let mut tables = Vec::new();
    let mut facts: Vec<_> = information.facts.iter().collect();
    facts.sort_by_key(|(name, _)| rank(name));
    for (name, value) in facts {
        match value {
            Value::Array(rows) if rows.iter().all(Value::is_object) && !rows.is_empty() => tables.push((name, rows)),
            value => {
                let _ = writeln!(text, "  {:<22} {}", name.replace('_', " "), shown(value));
            }
        }
    }
    for (name, rows) in tables {
        let _ = writeln!(text, "  {}", name.replace('_', " "));
        for row in rows {
            let mut parts: Vec<_> = row.as_object().into_iter().flatten().collect();
            // What a row is about stands at its beginning.
            parts.sort_by_key(|(name, _)| !matches!(name.as_str(), "name" | "role" | "ifd"));
            let parts: Vec<String> = parts
                .into_iter()
                .filter(|(_, value)| !value.is_object())
                .map(|(name, value)| {
                    // Commas stand between the parts, too.
                    let (open, close) = if value.is_array() { ("[", "]") } else { ("", "") };
                    format!("{} {open}{}{close}", name.replace('_', " "), shown(value))
                })
                .collect();
            let _ = writeln!(text, "    {}", parts.join(", "));
        }
    }
    for layer in &information.layers {
        of_layer(text, layer);
    }
}

fn of_layer(text: &mut String, layer: &LayerInfo) {
    let rows = layer.rows.map_or_else(|| "rows not known".to_owned(), |rows| format!("{} rows", grouped(rows)));
    let geometry = layer.geometry.as_deref().unwrap_or("no geometry");
    let crs = layer.crs.as_deref().unwrap_or("no reference system");
    let _ = writeln!(text, "  layer {}: {rows}, {geometry}, {crs}", printable(&layer.name));
    let widest = layer.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0).min(40);
    for field in &layer.fields {
        let _ = writeln!(text, "    {:<widest$}  {}", printable(&field.name), printable(&field.type_name));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text).into_owned(),
        Value::Number(number) => {
            number.as_u64().filter(|number| *number >= 10_000).map_or_else(|| number.to_string(), grouped)
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "none".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{} {}", name.replace('_', " "), shown(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

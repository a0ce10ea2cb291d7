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

fn human(text: &mut String, information: &Information) {
    let kind = match information.kind.as_str() {
        "unknown" => "vector",
        kind => kind,
    };
    let _ = writeln!(text, "{}  ({kind})", printable(&information.path));
    let mut tables = Vec::new();
    for (name, value) in &information.facts {
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
            let parts = row.as_object().into_iter().flatten();
            let parts: Vec<String> = parts
                .filter(|(_, value)| !value.is_object())
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), shown(value)))
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

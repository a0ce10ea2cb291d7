//! The JSON contract.

use std::io::{self, Write};

use crate::report::Report;

/// The JSON Schema (draft 2020-12) that every report of [`json`] satisfies.
pub const JSON_SCHEMA: &str = include_str!("../../report.schema.json");

/// Writes a report as one JSON document, indented, ending in a line feed.
///
/// # Errors
/// What the writer says.
pub fn json(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")
}

//! JSON Lines: one object a line, written as files are done, for runs of any length.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::{FileReport, SCHEMA_VERSION, Summary, Tool, Unexamined};

/// One line. Each is an object with one member, whose name says what it is.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    /// The first.
    Start { schema_version: u32, tool: &'a Tool },
    /// A file, as in the JSON report.
    File(&'a FileReport),
    /// What could not be examined.
    Unexamined(&'a Unexamined),
    /// The last: a reader that has not seen it has not seen all.
    Summary(&'a Summary),
}

/// Writes a report line by line: `{"start":…}`, then `{"file":…}` and `{"unexamined":…}`, and `{"summary":…}` at the end.
/// What is in them is as in the JSON report ([`json`](super::json())). Each line is flushed.
#[derive(Debug)]
pub struct JsonLines<W: Write> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn start(out: W, tool: &Tool) -> io::Result<Self> {
        let mut lines = Self { out };
        lines.line(&Line::Start { schema_version: SCHEMA_VERSION, tool })?;
        Ok(lines)
    }

    /// A file that was examined.
    ///
    /// # Errors
    /// What the writer says.
    pub fn file(&mut self, file: &FileReport) -> io::Result<()> {
        self.line(&Line::File(file))
    }

    /// Something that was not.
    ///
    /// # Errors
    /// What the writer says.
    pub fn unexamined(&mut self, missing: &Unexamined) -> io::Result<()> {
        self.line(&Line::Unexamined(missing))
    }

    /// The last line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self, summary: &Summary) -> io::Result<()> {
        self.line(&Line::Summary(summary))
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

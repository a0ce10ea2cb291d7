//! Reports: what was found in many files, and the verdict.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::finding::Finding;
use crate::rule::Severity;

/// Version of the JSON layout, raised when a reader of the old one would misunderstand the new one.
pub const SCHEMA_VERSION: u32 = 1;

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// TIFF or BigTIFF, georeferenced or not.
    Geotiff,
    /// GDAL virtual raster.
    Vrt,
    /// Parquet with geospatial columns.
    Geoparquet,
    /// A directory of rasters that are to be one ImageMosaic.
    Mosaic,
    /// None of those.
    Unknown,
}

impl FileKind {
    /// The lower-case word used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Geotiff => "geotiff",
            Self::Vrt => "vrt",
            Self::Geoparquet => "geoparquet",
            Self::Mosaic => "mosaic",
            Self::Unknown => "unknown",
        }
    }
}

/// Worst severity of a file's findings, or `Ok`. Ordered: `Ok < Info < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Ok,
    /// Only informational findings.
    Info,
    /// At least one warning.
    Warning,
    /// At least one error.
    Error,
}

impl Verdict {
    /// The lower-case word used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Severity> for Verdict {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// What a target system makes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Reads it, with the right values.
    Reads,
    /// Reads it, with wrong values.
    Misreads,
    /// Refuses it.
    Fails,
    /// Reads it, too slowly to be of use.
    Slow,
}

/// The answer of one target, version and way of access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compatibility {
    /// The system, such as `geoserver`.
    pub target: String,
    /// Its version.
    pub version: String,
    /// How the file is reached, such as `file` or `cog-http`.
    pub access: String,
    /// What happens.
    pub outcome: Outcome,
    /// Ids of the rules that say so.
    pub because: Vec<&'static str>,
    /// What an admin sees, in words, such as `the store cannot be created`; empty where all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The name of the fact that holds sentences for people: a list of texts, which the human report prints below the verdict.
pub const REMARKS: &str = "remarks";

/// Everything that was found in one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// The path or URL as the user gave it.
    pub path: String,
    /// What the file is.
    pub kind: FileKind,
    /// See [`Verdict`].
    pub verdict: Verdict,
    /// What target systems make of it; empty where no profile of a target was asked for.
    pub compatibility: Vec<Compatibility>,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Measured facts: sizes, codecs, requests made.
    pub facts: BTreeMap<&'static str, Value>,
}

impl FileReport {
    /// A report whose verdict follows from its findings, which are put worst first.
    pub fn new(
        path: impl Into<String>,
        kind: FileKind,
        mut findings: Vec<Finding>,
        facts: BTreeMap<&'static str, Value>,
    ) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let verdict = findings.first().map_or(Verdict::Ok, |worst| worst.severity.into());
        Self { path: path.into(), kind, verdict, compatibility: Vec::new(), findings, facts }
    }
}

/// Something that was asked for and could not be examined at all: a missing path, a directory without permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unexamined {
    /// The path or URL as the user gave it.
    pub path: String,
    /// Why it could not be examined.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
}

/// The program that made a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// How many files got which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All files examined.
    pub files: usize,
    /// Files with the verdict `ok`.
    pub ok: usize,
    /// Files with the verdict `info`.
    pub info: usize,
    /// Files with the verdict `warning`.
    pub warning: usize,
    /// Files with the verdict `error`.
    pub error: usize,
}

/// The result of one run over any number of files. Serialised, it is the JSON contract (see `report.schema.json`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program that made it.
    pub tool: Tool,
    /// Counts by verdict.
    pub summary: Summary,
    /// One entry per file, in the order the user gave (directories: by path).
    pub files: Vec<FileReport>,
    /// What could not be examined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexamined: Vec<Unexamined>,
}

impl Report {
    /// Puts the files together and counts them.
    #[must_use]
    pub fn new(tool: Tool, files: Vec<FileReport>, unexamined: Vec<Unexamined>) -> Self {
        let mut summary = Summary { files: files.len(), ..Summary::default() };
        for file in &files {
            match file.verdict {
                Verdict::Ok => summary.ok += 1,
                Verdict::Info => summary.info += 1,
                Verdict::Warning => summary.warning += 1,
                Verdict::Error => summary.error += 1,
            }
        }
        Self { schema_version: SCHEMA_VERSION, tool, summary, files, unexamined }
    }

    /// The worst verdict of all files.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.files.iter().map(|file| file.verdict).max().unwrap_or(Verdict::Ok)
    }
}

//! Reports: what was found in many files, and the verdict.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::finding::Finding;
use crate::ignore::Ignored;
use crate::picture::Picture;
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

/// What a target system makes of a file, in the order in which it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Reads it, with the right values.
    Reads,
    /// Reads it, too slowly to be of use.
    Slow,
    /// Reads it, with wrong values.
    Misreads,
    /// Refuses it.
    Fails,
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
    /// What the decoder of pixels alone would make of it, where the target has one apart from what finds their place: of
    /// GeoServer the reader of imageio-ext, without GeoTools' reference systems and transformations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Outcome>,
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
    /// What every known version of a target makes of it; empty where nobody asked for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Compatibility>,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Findings that do not count, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
    /// Measured facts: sizes, codecs, requests made.
    pub facts: BTreeMap<&'static str, Value>,
    /// Pictures for reports that have graphics; empty where nobody asked for them. Never part of the JSON.
    #[serde(skip)]
    pub pictures: Vec<Picture>,
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
        let mut file = Self {
            path: path.into(),
            kind,
            verdict: Verdict::Ok,
            compatibility: Vec::new(),
            versions: Vec::new(),
            findings,
            ignored: Vec::new(),
            facts,
            pictures: Vec::new(),
        };
        file.judge();
        file
    }

    /// The verdict anew, after the findings have changed.
    pub(crate) fn judge(&mut self) {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        self.verdict = worst.map_or(Verdict::Ok, Verdict::from);
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

impl Summary {
    /// Counts one more file.
    pub fn count(&mut self, verdict: Verdict) {
        self.files += 1;
        *match verdict {
            Verdict::Ok => &mut self.ok,
            Verdict::Info => &mut self.info,
            Verdict::Warning => &mut self.warning,
            Verdict::Error => &mut self.error,
        } += 1;
    }

    /// The worst verdict of all files.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self { error: 1.., .. } => Verdict::Error,
            Self { warning: 1.., .. } => Verdict::Warning,
            Self { info: 1.., .. } => Verdict::Info,
            Self { .. } => Verdict::Ok,
        }
    }
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
        let mut summary = Summary::default();
        files.iter().for_each(|file| summary.count(file.verdict));
        Self { schema_version: SCHEMA_VERSION, tool, summary, files, unexamined }
    }

    /// The worst verdict of all files.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.summary.verdict()
    }
}

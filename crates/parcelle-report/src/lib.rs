//! Rules, findings, reports and their renderers.
//!
//! A checker declares its [`Rule`]s as data, makes [`Finding`]s and puts them into a [`FileReport`]; many of those are
//! a [`Report`], which [`render`] turns into text or JSON. Nothing here knows a file format, and a rule knows no
//! renderer.
//!
//! ```
//! use parcelle_report::{FileKind, FileReport, Finding, Report, Rule, Severity, Tool, render};
//!
//! static TOO_SMALL: Rule = Rule {
//!     id: "EX-SIZE-001",
//!     severity: Severity::Warning,
//!     title: "The image is smaller than a tile",
//!     why: "A tile is the least a client can ask for.",
//!     fix: "Publish it as part of a mosaic.",
//!     reference: "https://example.org/spec#size",
//! };
//!
//! let finding = Finding::new(&TOO_SMALL, "The image has 16x16 pixels, a tile has 256x256");
//! let file = FileReport::new("dem.tif", FileKind::Geotiff, vec![finding], Default::default());
//! let report = Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![file], Vec::new());
//!
//! let mut text = Vec::new();
//! render::human(&report, render::HumanOptions::default(), &mut text)?;
//! assert!(String::from_utf8_lossy(&text).starts_with("warning  dem.tif\n"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod finding;
mod group;
mod ignore;
mod language;
mod report;
mod rule;

pub mod picture;
pub mod render;
pub mod shell;
pub mod text;

pub use finding::{Finding, Findings, Location};
pub use group::Group;
pub use ignore::{Baseline, IgnoreError, IgnoreRule, Ignored, Ignoring};
pub use language::{Language, RuleText, UnknownLanguage, Wording};
pub use report::{
    Compatibility, FileKind, FileReport, Outcome, REMARKS, Report, SCHEMA_VERSION, Summary, Tool, Unexamined, Verdict,
};
pub use rule::{Rule, Severity};

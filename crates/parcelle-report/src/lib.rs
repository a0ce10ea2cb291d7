//! Rules, findings, reports and their renderers.
//!
//! A checker declares its [`Rule`]s as data, makes [`Finding`]s and puts them into a [`FileReport`]; many of those are
//! a [`Report`], which a renderer turns into text or JSON. Nothing here knows a file format, and a rule knows no
//! renderer.

mod finding;
mod report;
mod rule;

pub use finding::{Finding, Findings, Location};
pub use report::{
    Compatibility, FileKind, FileReport, Outcome, Report, SCHEMA_VERSION, Summary, Tool, Unexamined, Verdict,
};
pub use rule::{Rule, Severity};

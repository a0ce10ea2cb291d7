//! Rules as data: what is tested, why it matters, how it is mended.

use serde::{Deserialize, Serialize, Serializer};

/// How bad a finding is. Ordered: `Info < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing goes wrong.
    Info,
    /// Works, but slowly, partly, or not everywhere.
    Warning,
    /// Fails, shows wrong values, or breaks the specification.
    Error,
}

impl Severity {
    /// The lower-case word used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule of a catalogue. Rules are `static` values, declared beside the function that tests them;
/// their ids are stable for ever.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stable identifier, such as `COG-IFD-001`.
    pub id: &'static str,
    /// The usual severity. A single finding may be milder or harsher where the rule's text says so.
    pub severity: Severity,
    /// One line, in general terms: what the finding says of a file.
    pub title: &'static str,
    /// Why it matters and what causes it, in a few sentences, with the mechanism in the reader that makes it true.
    pub why: &'static str,
    /// How it is mended, in general terms; a finding carries the exact command for its file.
    pub fix: &'static str,
    /// The clause of a specification or the place in public source code or documentation that grounds the rule.
    pub reference: &'static str,
}

/// A rule is serialised inside findings by its id alone.
pub(crate) fn serialize_rule_id<S: Serializer>(rule: &&'static Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.id)
}

//! Findings: one rule, one place, one file.

use serde::Serialize;

use crate::rule::{Rule, Severity, serialize_rule_id};

/// Where in a file a finding was made. Every field is optional; unknown ones are left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Index of the image file directory in the chain, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ifd: Option<u32>,
    /// Name of the TIFF tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Byte offset from the start of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Column and row of a tile, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile: Option<[u32; 2]>,
    /// Line of a text file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// XML element or attribute, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Raster band, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<u32>,
    /// The source file a virtual raster or mosaic refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Location {
    /// Nothing is known about the place: the finding is about the file as a whole.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a rule says of one place in one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule that was broken.
    #[serde(serialize_with = "serialize_rule_id")]
    pub rule: &'static Rule,
    /// Severity of this finding.
    pub severity: Severity,
    /// One sentence with the numbers of this file.
    pub message: String,
    /// A command or an action that mends this file, ready to be copied; empty where nothing needs mending.
    pub fix: String,
    /// See [`Rule::reference`].
    pub reference: &'static str,
    /// Where the (first) occurrence is.
    #[serde(rename = "where", skip_serializing_if = "Location::is_empty")]
    pub location: Location,
    /// How many occurrences this finding stands for, itself included.
    pub count: u64,
    /// How many of them the message speaks of: the others are told beside it.
    #[serde(skip)]
    pub told: u64,
}

impl Finding {
    /// A finding of the rule's own severity, with its general fix and no place.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            message: message.into(),
            fix: rule.fix.to_owned(),
            reference: rule.reference,
            location: Location::default(),
            count: 1,
            told: 1,
        }
    }

    /// The same with another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same with the mending command of this very file.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// The same, placed.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// The same, standing for `count` occurrences.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// The same, standing for `count` occurrences, the number of which the message tells.
    #[must_use]
    pub fn told(mut self, count: u64) -> Self {
        (self.count, self.told) = (count, count);
        self
    }
}

/// Collects the findings of one file, at most [`Findings::CAP`] places per rule; further ones only raise the count
/// of the last place kept, so that a million bad tiles stay one readable report and flat memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// How many places of one rule are listed one by one.
    pub const CAP: usize = 5;

    /// No findings yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding, or counts it where its rule has been seen [`Findings::CAP`] times.
    pub fn push(&mut self, finding: Finding) {
        let mut same = self.list.iter_mut().filter(|kept| kept.rule.id == finding.rule.id);
        match same.by_ref().nth(Self::CAP - 1) {
            Some(last) => {
                last.count += finding.count;
                last.severity = last.severity.max(finding.severity);
            }
            None => self.list.push(finding),
        }
    }

    /// The findings kept, in the order they were made.
    #[must_use]
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    /// The findings kept, worst first, otherwise in the order they were made.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.list
    }
}

impl Extend<Finding> for Findings {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

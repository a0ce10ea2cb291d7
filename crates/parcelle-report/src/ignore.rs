//! Findings that do not count: ignored by the user with a reason, or known from an earlier run (a baseline).
//!
//! They are not lost: a report lists them as [`Ignored`], with the reason; the verdict of the file is that of the others.
//! What target systems make of a file stays as it is, because they do not know of it.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::report::{FileReport, Report};
use crate::rule::Severity;

/// A finding that does not count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ignored {
    /// What was found.
    pub finding: Finding,
    /// Why it does not count.
    pub reason: String,
}

/// A rule that is ignored, everywhere or in some files.
#[derive(Debug, Clone, PartialEq)]
pub struct IgnoreRule {
    rule: String,
    files: Option<Pattern>,
    reason: String,
}

/// Why something cannot be ignored that way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreError(String);

impl std::fmt::Display for IgnoreError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for IgnoreError {}

impl IgnoreRule {
    /// Ignores a rule, or all rules whose ids begin so where it ends in `*` (`COG-GHO-*`); in files whose path matches the
    /// pattern, or whose name does where it has no `/`.
    ///
    /// # Errors
    /// [`IgnoreError`] where the pattern is none, or there is no reason: nobody knows later why a finding was hidden.
    pub fn new(rule: &str, files: Option<&str>, reason: &str) -> Result<Self, IgnoreError> {
        let (rule, reason) = (rule.trim(), reason.trim());
        if rule.is_empty() {
            return Err(IgnoreError("a rule is wanted, such as COG-OVR-001".to_owned()));
        }
        if reason.is_empty() {
            return Err(IgnoreError(format!(
                "{rule} is to be ignored without a reason: write it behind a colon, such as \
                 '{rule}@thumbnails/**: shown at one scale only'"
            )));
        }
        let files = files.map(|files| {
            Pattern::new(files.trim()).map_err(|error| IgnoreError(format!("{files:?} is not a pattern: {error}")))
        });
        Ok(Self { rule: rule.to_ascii_uppercase(), files: files.transpose()?, reason: reason.to_owned() })
    }

    /// From `RULE: reason` or `RULE@pattern: reason`.
    ///
    /// # Errors
    /// See [`IgnoreRule::new`].
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let (what, reason) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
        match what.split_once('@') {
            Some((rule, files)) => Self::new(rule, Some(files), reason),
            None => Self::new(what, None, reason),
        }
    }

    /// The id it was made for, or its beginning and `*`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Whether a rule of this id is meant.
    #[must_use]
    pub fn is_of(&self, id: &str) -> bool {
        match self.rule.strip_suffix('*') {
            Some(beginning) => id.starts_with(beginning),
            None => id == self.rule,
        }
    }

    fn is_in(&self, path: &str) -> bool {
        let Some(pattern) = &self.files else { return true };
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let path = path.strip_prefix("./").unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        // Of an absolute path any end may be meant: what a report calls /data/a/b.tif is a/b.tif to the one who keeps it.
        let mut ends = std::iter::once(path).chain(path.match_indices('/').filter_map(|(at, _)| path.get(at + 1..)));
        if pattern.as_str().contains('/') {
            ends.any(|end| pattern.matches_with(end, options))
        } else {
            pattern.matches_with(name, options)
        }
    }
}

/// What is known of a finding from an earlier run: its severity and how often it occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    severity: Severity,
    count: u64,
}

/// Findings of an earlier run, which are not new. A finding is new where its rule was not broken by that file, is broken
/// more often, or is worse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    baseline_version: u32,
    files: BTreeMap<String, BTreeMap<String, Known>>,
}

impl Baseline {
    /// Version of the layout of a baseline file.
    pub const VERSION: u32 = 1;

    /// All that a report has found, what it ignores included.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut files: BTreeMap<String, BTreeMap<String, Known>> = BTreeMap::new();
        for file in &report.files {
            let ignored = file.ignored.iter().map(|ignored| &ignored.finding);
            for finding in file.findings.iter().chain(ignored) {
                let rules = files.entry(key(&file.path).to_owned()).or_default();
                let known =
                    rules.entry(finding.rule.id.to_owned()).or_insert(Known { severity: finding.severity, count: 0 });
                known.severity = known.severity.max(finding.severity);
                known.count = known.count.saturating_add(finding.count);
            }
        }
        Self { baseline_version: Self::VERSION, files }
    }

    /// From the text of a baseline file.
    ///
    /// # Errors
    /// [`IgnoreError`] where it is none, or of another version.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let baseline: Self = serde_json::from_str(text)
            .map_err(|error| IgnoreError(format!("it is no baseline of parcelle: {error}; write one anew")))?;
        if baseline.baseline_version == Self::VERSION {
            Ok(baseline)
        } else {
            let version = baseline.baseline_version;
            Err(IgnoreError(format!(
                "it is a baseline of version {version}, which this parcelle does not know: write it anew"
            )))
        }
    }

    /// The text of a baseline file: files and rules in order, so that its changes can be read in a repository.
    ///
    /// # Errors
    /// What the serialiser says.
    pub fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    fn knows(&self, path: &str, findings: &[Finding], id: &str) -> bool {
        let Some(known) = self.files.get(key(path)).and_then(|rules| rules.get(id)) else { return false };
        let same = || findings.iter().filter(|finding| finding.rule.id == id);
        let count = same().fold(0u64, |count, finding| count.saturating_add(finding.count));
        count <= known.count && same().all(|finding| finding.severity <= known.severity)
    }
}

/// A path as a baseline knows it.
fn key(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// What is not to count in a run.
#[derive(Debug, Clone, Default)]
pub struct Ignoring {
    /// Rules.
    pub rules: Vec<IgnoreRule>,
    /// Findings of an earlier run.
    pub baseline: Option<Baseline>,
}

impl Ignoring {
    /// Sets findings of a file aside, and judges it by the others.
    pub fn apply(&self, file: &mut FileReport) {
        if self.rules.is_empty() && self.baseline.is_none() {
            return;
        }
        let all = std::mem::take(&mut file.findings);
        let reasons: Vec<Option<String>> = all
            .iter()
            .map(|finding| {
                let by_rule = self.rules.iter().find(|rule| rule.is_of(finding.rule.id) && rule.is_in(&file.path));
                let is_known =
                    || self.baseline.as_ref().is_some_and(|known| known.knows(&file.path, &all, finding.rule.id));
                match by_rule {
                    Some(rule) => Some(rule.reason.clone()),
                    None => is_known().then(|| "in the baseline".to_owned()),
                }
            })
            .collect();
        for (finding, reason) in all.into_iter().zip(reasons) {
            match reason {
                Some(reason) => file.ignored.push(Ignored { finding, reason }),
                None => file.findings.push(finding),
            }
        }
        file.judge();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileKind, Rule, Tool, Verdict};

    static BAD: Rule = Rule { id: "COG-A-001", severity: Severity::Error, title: "", why: "", fix: "", reference: "" };
    static MEDIUM: Rule =
        Rule { id: "COG-B-001", severity: Severity::Warning, title: "", why: "", fix: "", reference: "" };

    fn file() -> FileReport {
        let findings = vec![Finding::new(&MEDIUM, "m").count(3), Finding::new(&BAD, "b")];
        FileReport::new("./data/old/a.tif", FileKind::Geotiff, findings, BTreeMap::new())
    }

    fn verdict(ignoring: &Ignoring) -> (Verdict, Vec<String>) {
        let mut file = file();
        ignoring.apply(&mut file);
        assert_eq!(file.findings.len() + file.ignored.len(), 2);
        (file.verdict, file.ignored.into_iter().map(|ignored| ignored.reason).collect())
    }

    #[test]
    fn rules_are_ignored_where_they_are_meant() {
        for (text, expected) in [
            ("COG-A-001: known", Verdict::Warning),
            ("cog-a-*: known", Verdict::Warning),
            ("COG-*: known", Verdict::Ok),
            ("COG-A-001@*.tif: known", Verdict::Warning),
            ("COG-A-001@data/**: known", Verdict::Warning),
            ("COG-A-001@old/*.tif: known", Verdict::Warning),
            ("COG-A-001@data/*.tif: known", Verdict::Error),
            ("COG-A-001@*.tiff: known", Verdict::Error),
            ("COG-A: known", Verdict::Error),
        ] {
            let rule = IgnoreRule::parse(text).unwrap();
            let (verdict, reasons) = verdict(&Ignoring { rules: vec![rule], baseline: None });
            assert_eq!(verdict, expected, "{text}");
            assert!(reasons.iter().all(|reason| reason == "known"));
        }
        for (text, says) in [("COG-A-001", "without a reason"), (": why", "a rule is wanted"), ("A@[: why", "pattern")]
        {
            assert!(IgnoreRule::parse(text).unwrap_err().to_string().contains(says), "{text}");
        }
    }

    #[test]
    fn a_baseline_knows_what_was_there_and_no_more() {
        let tool = Tool { name: "parcelle", version: "0" };
        let baseline = Baseline::of(&Report::new(tool, vec![file()], Vec::new()));
        let again = Baseline::parse(&baseline.to_text().unwrap()).unwrap();
        assert_eq!(again, baseline);
        let ignoring = Ignoring { rules: Vec::new(), baseline: Some(again) };
        assert_eq!(verdict(&ignoring), (Verdict::Ok, vec!["in the baseline".to_owned(); 2]));

        let mut more = file();
        more.findings.iter_mut().for_each(|finding| finding.count += 1);
        ignoring.apply(&mut more);
        assert_eq!((more.verdict, more.ignored.len()), (Verdict::Error, 0));

        let mut worse = file();
        worse.findings.retain(|finding| finding.rule.id == MEDIUM.id);
        worse.findings.iter_mut().for_each(|finding| finding.severity = Severity::Error);
        ignoring.apply(&mut worse);
        assert_eq!(worse.ignored, []);

        assert!(Baseline::parse("{}").is_err());
        assert!(Baseline::parse(r#"{"baseline_version":9,"files":{}}"#).unwrap_err().to_string().contains("version 9"));
    }
}

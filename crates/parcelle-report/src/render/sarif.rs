//! SARIF 2.1.0, the format in which code hosts and editors take findings.
//!
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0; the sections are named where they
//! ground something.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::human::place;
use crate::finding::{Finding, Location};
use crate::language::{Language, Wording};
use crate::report::{FileReport, Report};
use crate::rule::{Rule, Severity};

/// Writes a report as a SARIF log with one run. Findings that do not count are results with a suppression (3.35); what could
/// not be examined is a notification of the tool (3.58), and the run then not successful.
///
/// # Errors
/// What the writer says.
pub fn sarif(report: &Report, wording: Wording, mut out: impl Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, &'static Rule> = BTreeMap::new();
    for file in &report.files {
        let ignored = file.ignored.iter().map(|ignored| &ignored.finding);
        for finding in file.findings.iter().chain(ignored) {
            rules.insert(finding.rule.id, finding.rule);
        }
    }
    let places: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(place, id)| (*id, place)).collect();
    let results: Vec<Value> = report.files.iter().flat_map(|file| results(file, &places)).collect();
    let notifications: Vec<Value> = report
        .unexamined
        .iter()
        .map(|missing| {
            json!({
                "level": "error",
                "message": { "text": format!("{}: {} ({})", missing.path, missing.reason, missing.hint) },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&missing.path) } } }],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": report.tool.name,
                "semanticVersion": report.tool.version,
                "language": wording.language.code(),
                "rules": rules.values().map(|rule| descriptor(rule, wording)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.unexamined.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut out, &log)?;
    out.write_all(b"\n")
}

/// A rule as a reporting descriptor (3.49). Its reference is a clause in words, so it stands in the help, not as an URI.
fn descriptor(rule: &'static Rule, wording: Wording) -> Value {
    let text = wording.of(rule);
    let mut descriptor = json!({
        "id": rule.id,
        "shortDescription": { "text": text.title },
        "fullDescription": { "text": text.why },
        "help": { "text": format!("{}\n\n{}\n\n{}", text.why, text.fix, rule.reference) },
        "defaultConfiguration": { "level": level(rule.severity) },
    });
    if rule.reference.starts_with("https://")
        && let Some(address) = rule.reference.split([' ', ';', ',']).next()
    {
        descriptor["helpUri"] = address.into();
    }
    descriptor
}

fn results<'a>(
    file: &'a FileReport,
    places: &'a BTreeMap<&'static str, usize>,
) -> impl Iterator<Item = Value> + use<'a> {
    let counted = file.findings.iter().map(|finding| (finding, None));
    let ignored = file.ignored.iter().map(|ignored| (&ignored.finding, Some(ignored.reason.as_str())));
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    counted.chain(ignored).map(move |(finding, reason)| {
        let turn = seen.entry(finding.rule.id).or_default();
        *turn += 1;
        result(file, finding, places.get(finding.rule.id).copied(), *turn, reason)
    })
}

fn result(file: &FileReport, finding: &Finding, rule: Option<usize>, turn: u64, reason: Option<&str>) -> Value {
    let message = if finding.fix.is_empty() || finding.severity == Severity::Info {
        finding.message.clone()
    } else {
        format!("{}\nTo mend it: {}", finding.message, finding.fix)
    };
    let mut result = json!({
        "ruleId": finding.rule.id,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [location(&file.path, &finding.location)],
        "occurrenceCount": finding.count,
        // The same finding in the next run, whatever its numbers are then (3.27.17).
        "partialFingerprints": { "ruleAndPlace/v1": format!("{}:{}:{turn}", finding.rule.id, file.path) },
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = rule.into();
    }
    if let Some(reason) = reason {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

fn location(path: &str, place_in_file: &Location) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(path) } });
    if let Some(line) = place_in_file.line {
        physical["region"] = json!({ "startLine": line });
    } else if let Some(offset) = place_in_file.offset.and_then(|offset| i64::try_from(offset).ok()) {
        physical["region"] = json!({ "byteOffset": offset, "byteLength": 0 });
    }
    let mut location = json!({ "physicalLocation": physical });
    let words = place(place_in_file, Language::English);
    if !words.is_empty() {
        location["message"] = json!({ "text": words.trim() });
    }
    location
}

/// Levels of SARIF (3.27.10).
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A path or URL as a URI reference (RFC 3986): relative ones stay relative, so that they are found in a checkout.
fn uri(path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let prefix = if path.starts_with('/') { "file://" } else { "" };
    let mut uri = prefix.to_owned();
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri += &format!("%{other:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("a b/é.tif", "a%20b/%C3%A9.tif"),
            ("./a.tif", "a.tif"),
            ("/data/a:b.tif", "file:///data/a%3Ab.tif"),
            ("https://h/a.tif?x=1", "https://h/a.tif?x=1"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}

//! JUnit XML, which every CI server shows: a test case for each file.
//!
//! There is no standard but what servers read; the elements are those of the schema that Jenkins has for its xUnit plug-in.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::human::{HumanOptions, file_text};
use crate::language::Wording;
use crate::report::{FileReport, Report};
use crate::rule::Severity;

/// Writes a report as one suite. A file with a finding at or above `fail_on` is a failure, one that could not be examined an
/// error; what else was found stands in the output of its test case.
///
/// # Errors
/// What the writer says.
pub fn junit(report: &Report, fail_on: Option<Severity>, wording: Wording, mut out: impl Write) -> io::Result<()> {
    let fails =
        |file: &FileReport| fail_on.is_some_and(|least| file.findings.iter().any(|finding| finding.severity >= least));
    let tests = report.files.len() + report.unexamined.len();
    let failures = report.files.iter().filter(|file| fails(file)).count();
    let errors = report.unexamined.len();
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let name = escaped(report.tool.name);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{name}\" {counts}>\n  <testsuite name=\"{name} check\" {counts} skipped=\"0\">\n"
    );
    for file in &report.files {
        let _ = writeln!(
            text,
            "    <testcase name=\"{}\" classname=\"{name}.{}\">",
            escaped(&file.path),
            file.kind.as_str()
        );
        let options = HumanOptions { wording, ..HumanOptions::default() };
        let words = file_text(file, options);
        if fails(file) {
            let worst = file.findings.first();
            let _ = writeln!(
                text,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                worst.map_or("", |finding| finding.rule.id),
                escaped(&worst.map(|finding| wording.message(finding)).unwrap_or_default()),
                escaped(&words)
            );
        } else if !file.findings.is_empty() || !file.ignored.is_empty() {
            let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&words));
        }
        text.push_str("    </testcase>\n");
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    for missing in &report.unexamined {
        let _ = writeln!(
            text,
            "    <testcase name=\"{}\" classname=\"{name}.unexamined\">\n      <error type=\"unexamined\" message=\"{}\">{}</error>\n    </testcase>",
            escaped(&missing.path),
            escaped(&wording.sentence("reason", &missing.reason)),
            escaped(&wording.sentence("hint", &missing.hint))
        );
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    out.write_all(text.as_bytes())
}

/// Text in XML or HTML: markup escaped, and characters that XML 1.0 forbids (section 2.2) shown as U+FFFD.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| !matches!(letter, '<' | '>' | '&' | '"' | '\'') && is_allowed(letter);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if is_allowed(letter) => escaped.push(letter),
            _ => escaped.push('\u{FFFD}'),
        }
    }
    Cow::Owned(escaped)
}

const fn is_allowed(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
        && letter != '\u{7F}'
}

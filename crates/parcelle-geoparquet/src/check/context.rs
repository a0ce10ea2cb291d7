//! What every rule is given, where its findings go, and how they are mended.

use parcelle_report::shell::quoted;
use parcelle_report::{Finding, Findings, Rule};
use serde_json::Value;

use super::footer::Footer;
use super::geo::Version;

/// Instructions where the bytes themselves are at fault.
pub(crate) const SOURCE: &str = "Get the file again from its source: bytes are missing or changed";
/// Instructions where `parcelle convert` refuses the entry as it is.
pub(crate) const REWRITE: &str = "Write the file again from its source data, with a program that writes GeoParquet 1.1 (parcelle convert SOURCE OUT.parquet)";

/// How a finding is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    /// By converting the file, with these options.
    Convert(&'static [&'static str]),
    /// By converting the file with a value that only somebody who knows the data has.
    Assign,
    /// By nothing in this file: bytes are lost.
    Source,
    /// By the program that wrote it: `parcelle convert` cannot read it as it is.
    Rewrite,
    /// As the rule says.
    General,
}

pub(crate) struct Context<'a> {
    pub(crate) footer: &'a Footer,
    path: &'a str,
    findings: Vec<(Finding, Fix)>,
}

impl<'a> Context<'a> {
    pub(crate) const fn new(footer: &'a Footer, path: &'a str) -> Self {
        Self { footer, path, findings: Vec::new() }
    }

    pub(crate) fn push(&mut self, finding: Finding, fix: Fix) {
        self.findings.push((finding, fix));
    }

    /// Notes a finding of a rule's own severity.
    pub(crate) fn say(&mut self, rule: &'static Rule, message: impl Into<String>, fix: Fix) {
        self.push(Finding::new(rule, message), fix);
    }

    /// Whether a rule has spoken.
    pub(crate) fn has(&self, rule: &'static Rule) -> bool {
        self.findings.iter().any(|(finding, _)| finding.rule.id == rule.id)
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        let fixer = Fixer::new(self.path, self.footer, &self.findings);
        let mut findings = Findings::new();
        for (finding, fix) in self.findings {
            let text = fixer.text(&fix, &finding);
            findings.push(finding.fix(text));
        }
        findings.into_sorted()
    }
}

/// Words the fixes: one command mends all that a command can.
struct Fixer {
    command: String,
    lost: bool,
    refused: bool,
    is_remote: bool,
}

impl Fixer {
    fn new(path: &str, footer: &Footer, findings: &[(Finding, Fix)]) -> Self {
        let mut options: Vec<&str> = Vec::new();
        // A file of version 2 stays one.
        if footer.geo.version() == Version::V2_0 {
            options.push("--geoparquet 2.0");
        }
        for option in findings.iter().filter_map(|(_, fix)| match fix {
            Fix::Convert(options) => Some(*options),
            _ => None,
        }) {
            options.extend(option.iter().filter(|option| !options.contains(option)).copied().collect::<Vec<_>>());
        }
        let is_remote = path.contains("://");
        let local =
            if is_remote { path.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()) } else { Some(path) };
        let local = local.filter(|name| !name.is_empty()).unwrap_or("data.parquet");
        let stem =
            [".geoparquet", ".parquet"].into_iter().find_map(|ending| local.strip_suffix(ending)).unwrap_or(local);
        let mut command = format!("parcelle convert {} {}", quoted(local), quoted(format!("{stem}.mended.parquet")));
        for option in options {
            command.push(' ');
            command.push_str(option);
        }
        let serious = |wanted: &Fix| {
            findings.iter().any(|(finding, fix)| fix == wanted && finding.severity > parcelle_report::Severity::Info)
        };
        Self { command, lost: serious(&Fix::Source), refused: serious(&Fix::Rewrite), is_remote }
    }

    fn text(&self, fix: &Fix, finding: &Finding) -> String {
        let command = |command: &str| {
            if self.is_remote { format!("Download it, then: {command}") } else { command.to_owned() }
        };
        match fix {
            Fix::General => finding.rule.fix.to_owned(),
            Fix::Source => SOURCE.to_owned(),
            Fix::Convert(_) | Fix::Assign if self.lost => SOURCE.to_owned(),
            Fix::Rewrite => REWRITE.to_owned(),
            Fix::Convert(_) | Fix::Assign if self.refused => REWRITE.to_owned(),
            Fix::Convert(_) => command(&self.command),
            Fix::Assign => command(&format!("{} --crs 'EPSG:…'  # the one that the coordinates are in", self.command)),
        }
    }
}

/// A place in the `geo` entry as a JSON pointer (RFC 6901).
pub(crate) fn pointer(column: &str, members: &[&str]) -> String {
    let escaped = column.replace('~', "~0").replace('/', "~1");
    let mut text = format!("/columns/{escaped}");
    for member in members {
        text.push('/');
        text.push_str(member);
    }
    text
}

/// The beginning of a value, for messages.
pub(crate) fn excerpt(value: &Value) -> String {
    const LENGTH: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let number = parcelle_report::text::grouped(count);
    if count == 1 { format!("{number} {noun}") } else { format!("{number} {noun}s") }
}

/// Bytes in a unit that fits.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return counted(bytes, "byte");
    }
    let (mut value, mut unit) = (bytes as f64, "bytes");
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_numbers() {
        assert_eq!((counted(1, "row"), counted(2000, "row")), ("1 row".to_owned(), "2,000 rows".to_owned()));
        assert_eq!((size(10), size(1536), size(5 << 30)), ("10 bytes".into(), "1.5 KiB".into(), "5.0 GiB".into()));
        assert_eq!(pointer("a/b~c", &["crs"]), "/columns/a~1b~0c/crs");
    }
}

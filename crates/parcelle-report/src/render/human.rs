//! The report an admin reads on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::finding::{Finding, Location};
use crate::report::{Compatibility, FileReport, Outcome, Report, Verdict};
use crate::rule::Severity;
use crate::text::grouped;

/// How the text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanOptions {
    /// Whether colours are used. Meaning never depends on them.
    pub color: bool,
    /// Columns of the terminal. Commands are never broken, so that they can be copied.
    pub width: usize,
}

impl Default for HumanOptions {
    fn default() -> Self {
        Self { color: false, width: 80 }
    }
}

/// Writes a report for people: per file what was found, worst first, then the commands that mend it, each once; at the
/// end the counts.
///
/// # Errors
/// What the writer says.
pub fn human(report: &Report, options: HumanOptions, mut out: impl Write) -> io::Result<()> {
    let mut text = String::new();
    for file in &report.files {
        file_block(&mut text, file, options);
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    for missing in &report.unexamined {
        let word = paint("not examined", AnsiColor::Red, options);
        let _ = writeln!(text, "{word}  {}", printable(&missing.path));
        paragraph(&mut text, &missing.reason, "  ", "  ", options);
        if !missing.hint.is_empty() {
            paragraph(&mut text, &missing.hint, "  hint: ", "        ", options);
        }
    }
    if report.files.len() + report.unexamined.len() > 1 {
        summary(&mut text, report);
    }
    out.write_all(text.as_bytes())
}

fn file_block(text: &mut String, file: &FileReport, options: HumanOptions) {
    let verdict = format!("{:<7}", file.verdict.as_str());
    let verdict = match file.verdict {
        Verdict::Ok | Verdict::Info => paint(&verdict, AnsiColor::Green, options),
        Verdict::Warning => paint(&verdict, AnsiColor::Yellow, options),
        Verdict::Error => paint(&verdict, AnsiColor::Red, options),
    };
    let _ = writeln!(text, "{verdict}  {}", printable(&file.path));
    for sentence in sentences(&file.compatibility) {
        paragraph(text, &sentence, "  ", "  ", options);
    }
    // One place per rule tells an admin what is wrong; the others are in the JSON.
    let mut shown: Vec<(&Finding, u64)> = Vec::new();
    for finding in &file.findings {
        match shown.iter_mut().find(|(first, _)| (first.rule.id, first.severity) == (finding.rule.id, finding.severity))
        {
            Some((_, count)) => *count += finding.count,
            None => shown.push((finding, finding.count)),
        }
    }
    for (finding, count) in shown {
        finding_block(text, finding, count, options);
    }
    let fixes = fixes(&file.findings);
    if !fixes.is_empty() {
        text.push_str("  To mend it:\n");
    }
    for (fix, rules) in fixes {
        let rules = rules.join(", ");
        let _ = writeln!(text, "    {}", paint(&format!("# {rules}"), AnsiColor::BrightBlack, options));
        for line in fix.lines() {
            let _ = writeln!(text, "    {}", printable(line));
        }
    }
}

/// One sentence for each target and version: whether it shows the file, by which way, and what keeps it from doing so.
fn sentences(answers: &[Compatibility]) -> Vec<String> {
    let same =
        |left: &Compatibility, right: &Compatibility| (&left.target, &left.version) == (&right.target, &right.version);
    answers.chunk_by(same).map(sentence).collect()
}

fn sentence(answers: &[Compatibility]) -> String {
    // Ways of access of one outcome that look the same to an admin are told together.
    let mut groups: Vec<(&Compatibility, Vec<&str>, Vec<&str>)> = Vec::new();
    for answer in answers {
        let same = |first: &Compatibility| (first.outcome, &first.detail) == (answer.outcome, &answer.detail);
        if !groups.iter().any(|(first, ..)| same(first)) {
            groups.push((answer, Vec::new(), Vec::new()));
        }
        let Some(group) = groups.iter_mut().find(|(first, ..)| same(first)) else { continue };
        group.1.push(match answer.access.as_str() {
            "file" => "from a file",
            "cog-http" => "by COG over HTTP",
            "vrt" => "as a VRT",
            "image-mosaic" => "as an ImageMosaic",
            "geoparquet-store" => "by its GeoParquet store",
            other => other,
        });
        for rule in &answer.because {
            if !group.2.contains(rule) {
                group.2.push(rule);
            }
        }
    }
    // A library reads; it is servers that show, one way or another.
    let is_library = answers.first().is_some_and(|answer| matches!(answer.target.as_str(), "gdal" | "duckdb"));
    let parts = groups.into_iter().map(|(first, accesses, because)| {
        let what = match (first.outcome, is_library) {
            (Outcome::Reads, false) => "will show it ",
            (Outcome::Reads, true) => "will read it",
            (Outcome::Misreads, false) => "will show it wrongly ",
            (Outcome::Misreads, true) => "will read it wrongly",
            (Outcome::Fails, false) => "will not show it ",
            (Outcome::Fails, true) => "will not read all of it",
            (Outcome::Slow, false) => "will show it very slowly ",
            (Outcome::Slow, true) => "will read it very slowly",
        };
        let conjunction = if first.outcome == Outcome::Fails { " or " } else { " and " };
        let joined = if is_library { String::new() } else { accesses.join(conjunction) };
        let detail = if first.detail.is_empty() { String::new() } else { format!(": {}", first.detail) };
        let because = if because.is_empty() { String::new() } else { format!(" ({})", because.join(", ")) };
        format!("{what}{joined}{detail}{because}")
    });
    let target = answers.first().map_or("", |answer| answer.target.as_str());
    let target = match target {
        "geoserver" => "GeoServer",
        "gdal" => "GDAL",
        "duckdb" => "DuckDB",
        other => other,
    };
    let version = answers.first().map_or("", |answer| answer.version.as_str());
    format!("{target} {version} {}.", parts.collect::<Vec<_>>().join(", but "))
}

fn finding_block(text: &mut String, finding: &Finding, count: u64, options: HumanOptions) {
    let severity = format!("{:<7}", finding.severity.as_str());
    let color = match finding.severity {
        Severity::Info => AnsiColor::Cyan,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    let _ = writeln!(text, "  {} {}{}", paint(&severity, color, options), finding.rule.id, place(&finding.location));
    let mut message = finding.message.clone();
    if count > 1 {
        let _ = write!(message, " (and {} more)", grouped(count - 1));
    }
    paragraph(text, &message, "          ", "          ", options);
}

/// Where a finding is, as far as its message is likely not to say so: a line of a text file, a directory, a byte.
fn place(location: &Location) -> String {
    let mut places = Vec::new();
    if let Some(line) = location.line {
        places.push(format!("line {line}"));
    }
    if let Some(ifd) = location.ifd {
        places.push(format!("IFD {ifd}"));
    }
    if let Some(tag) = &location.tag {
        places.push(printable(tag).into_owned());
    }
    if let Some(band) = location.band {
        places.push(format!("band {band}"));
    }
    if let Some(offset) = location.offset {
        places.push(format!("byte {offset}"));
    }
    if places.is_empty() { String::new() } else { format!("  ({})", places.join(", ")) }
}

/// The distinct fixes of warnings and errors, in order, each with the rules it mends.
fn fixes(findings: &[Finding]) -> Vec<(&str, Vec<&'static str>)> {
    let mut fixes: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Info && !finding.fix.is_empty()) {
        match fixes.iter_mut().find(|(fix, _)| *fix == finding.fix) {
            Some((_, rules)) if rules.contains(&finding.rule.id) => {}
            Some((_, rules)) => rules.push(finding.rule.id),
            None => fixes.push((&finding.fix, vec![finding.rule.id])),
        }
    }
    fixes
}

fn summary(text: &mut String, report: &Report) {
    let counts = report.summary;
    let plural = if counts.files == 1 { "" } else { "s" };
    let _ = write!(
        text,
        "\n{} file{plural}: {} ok, {} info, {} warning, {} error",
        grouped(counts.files as u64),
        grouped(counts.ok as u64),
        grouped(counts.info as u64),
        grouped(counts.warning as u64),
        grouped(counts.error as u64)
    );
    if !report.unexamined.is_empty() {
        let _ = write!(text, "; {} not examined", grouped(report.unexamined.len() as u64));
    }
    text.push('\n');
}

/// Breaks prose between words, so that no line is longer than the terminal is wide where words allow it.
fn paragraph(text: &mut String, prose: &str, first: &str, rest: &str, options: HumanOptions) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in prose.split_whitespace().map(printable) {
        if !empty && line.chars().count() + 1 + word.chars().count() > options.width {
            let _ = writeln!(text, "{line}");
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}

/// Text of a file without what a terminal would obey: control characters are shown as escapes.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        let escape =
            |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
        Cow::Owned(text.chars().map(escape).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn paint(word: &str, color: AnsiColor, options: HumanOptions) -> String {
    if options.color {
        let style = Style::new().fg_color(Some(color.into()));
        format!("{style}{word}{style:#}")
    } else {
        word.to_owned()
    }
}

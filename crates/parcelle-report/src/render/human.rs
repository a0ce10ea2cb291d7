//! The report an admin reads on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::finding::{Finding, Location};
use crate::language::{Language, Wording};
use crate::report::{FileKind, FileReport, REMARKS, Report, Verdict};
use crate::rule::Severity;

use super::outcome::sentences;

/// How the text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct HumanOptions {
    /// Whether colours are used. Meaning never depends on them.
    pub color: bool,
    /// Columns of the terminal. Commands are never broken, so that they can be copied.
    pub width: usize,
    /// The language, and the texts of rules in it.
    pub wording: Wording,
}

impl HumanOptions {
    const fn language(self) -> Language {
        self.wording.language
    }
}

impl Default for HumanOptions {
    fn default() -> Self {
        Self { color: false, width: 80, wording: Wording::default() }
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
        let word = paint(options.wording.pick("not examined", "non examiné"), AnsiColor::Red, options);
        let _ = writeln!(text, "{word}  {}", printable(&missing.path));
        paragraph(&mut text, &options.wording.sentence("reason", &missing.reason), "  ", "  ", options);
        if !missing.hint.is_empty() {
            let first = options.wording.pick("  hint: ", "  conseil\u{A0}: ");
            paragraph(&mut text, &options.wording.sentence("hint", &missing.hint), first, "        ", options);
        }
    }
    if report.files.len() + report.unexamined.len() > 1 {
        summary(&mut text, report, options.language());
    }
    out.write_all(text.as_bytes())
}

/// The block of one file.
pub(super) fn file_text(file: &FileReport, options: HumanOptions) -> String {
    let mut text = String::new();
    file_block(&mut text, file, options);
    text
}

fn file_block(text: &mut String, file: &FileReport, options: HumanOptions) {
    let verdict = format!("{:<7}", verdict_word(file.verdict, options.language()));
    let verdict = match file.verdict {
        Verdict::Ok | Verdict::Info => paint(&verdict, AnsiColor::Green, options),
        Verdict::Warning => paint(&verdict, AnsiColor::Yellow, options),
        Verdict::Error => paint(&verdict, AnsiColor::Red, options),
    };
    let _ = writeln!(text, "{verdict}  {}", printable(&file.path));
    for sentence in sentences(&file.compatibility, options.wording) {
        paragraph(text, &sentence, "  ", "  ", options);
    }
    for remark in remarks(file) {
        paragraph(text, &options.wording.sentence("remark", remark), "  ", "  ", options);
    }
    // One place per rule tells an admin what is wrong; the others are in the JSON, and here as a number. Of a mosaic each has
    // another group of files, of which some are told.
    let most = if file.kind == FileKind::Mosaic { 3 } else { 1 };
    let mut shown: Vec<(&Finding, u64)> = Vec::new();
    for finding in &file.findings {
        let same =
            |(first, _): &(&Finding, u64)| (first.rule.id, first.severity) == (finding.rule.id, finding.severity);
        let is_enough = shown.iter().filter(|told| same(told)).count() >= most;
        match shown.iter_mut().rev().find(|told| same(told)).filter(|_| is_enough) {
            Some((_, more)) => *more += finding.count,
            None => shown.push((finding, finding.count.saturating_sub(finding.told))),
        }
    }
    for (finding, more) in shown {
        finding_block(text, finding, more, options);
    }
    for ignored in &file.ignored {
        let finding = &ignored.finding;
        let count =
            if finding.count > 1 { format!(" ×{}", options.language().grouped(finding.count)) } else { String::new() };
        let (word, colon) = (options.wording.pick("ignored", "ignoré "), options.wording.pick(": ", "\u{A0}: "));
        let first = format!("  {word} {}{count}{colon}", finding.rule.id);
        paragraph(text, &options.wording.sentence("ignored", &ignored.reason), &first, "          ", options);
    }
    let fixes = fixes(&file.findings, options.wording);
    if !fixes.is_empty() {
        text.push_str(options.wording.pick("  To mend it:\n", "  Pour le corriger\u{A0}:\n"));
    }
    for (fix, rules) in fixes {
        let rules = rules.join(", ");
        let _ = writeln!(text, "    {}", paint(&format!("# {rules}"), AnsiColor::BrightBlack, options));
        for line in fix.lines() {
            fix_line(text, line, options);
        }
    }
}

/// How commands begin that stand at the end of a sentence.
const PROGRAMS: [&str; 4] = ["gdal", "ogr", "cogger ", "parcelle "];

/// A command stays on its line, to be copied. Words are broken as messages are, and a command that they end with has a line of its
/// own.
fn fix_line(text: &mut String, line: &str, options: HumanOptions) {
    let is_short = line.chars().count() + 4 <= options.width;
    // A file name with two spaces would lose one.
    if is_short || !line.starts_with(char::is_uppercase) || line.contains("  ") {
        let _ = writeln!(text, "    {}", printable(line));
        return;
    }
    let commands = line.match_indices(": ").map(|(place, colon)| place + colon.len());
    let command = commands.filter(|start| {
        let rest = line.get(*start..).unwrap_or_default();
        PROGRAMS.iter().any(|program| rest.starts_with(program))
    });
    let (words, command) = command.last().and_then(|start| line.split_at_checked(start)).unwrap_or((line, ""));
    paragraph(text, words, "    ", "    ", options);
    if !command.is_empty() {
        let _ = writeln!(text, "    {}", printable(command));
    }
}

/// What is worth telling people of a file though nothing is wrong: the sentences of its fact [`REMARKS`].
pub(super) fn remarks(file: &FileReport) -> impl Iterator<Item = &str> {
    file.facts
        .get(REMARKS)
        .and_then(serde_json::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|remark| remark.as_str())
}

/// The word for a verdict.
pub(super) const fn verdict_word(verdict: Verdict, language: Language) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Info => "info",
        Verdict::Warning => language.pick("warning", "alerte"),
        Verdict::Error => language.pick("error", "erreur"),
    }
}

fn finding_block(text: &mut String, finding: &Finding, more: u64, options: HumanOptions) {
    let language = options.language();
    let severity = format!("{:<7}", verdict_word(finding.severity.into(), language));
    let color = match finding.severity {
        Severity::Info => AnsiColor::Cyan,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    let _ = writeln!(
        text,
        "  {} {}{}",
        paint(&severity, color, options),
        finding.rule.id,
        place(&finding.location, language)
    );
    // Both the message and the other findings of its rule may be followed by a number: they are told as one.
    let (message, others) = match split_others(&finding.message).filter(|_| more > 0) {
        Some((message, others)) => (message, others),
        None => (finding.message.as_str(), 0),
    };
    let more = more.saturating_add(others);
    let sentence = options.wording.sentence(finding.rule.id, message);
    // A sentence that nobody translated is English: what it is about is told before.
    if language != Language::English && matches!(sentence, Cow::Borrowed(_)) {
        paragraph(text, options.wording.of(finding.rule).title, "          ", "          ", options);
    }
    let mut message = sentence.into_owned();
    if more > 0 {
        // What is listed in part has a number of its own.
        let is_list = finding.message.ends_with(" more");
        let number = language.grouped(more);
        message += &match language {
            Language::English if is_list && more == 1 => " (1 other breaks this rule, too)".to_owned(),
            Language::English if is_list => format!(" ({number} others break this rule, too)"),
            Language::English => format!(" (and {number} more)"),
            Language::French if is_list && more == 1 => " (1 autre enfreint aussi cette règle)".to_owned(),
            Language::French if is_list => format!(" ({number} autres enfreignent aussi cette règle)"),
            Language::French => format!(" (et {number} de plus)"),
        };
    }
    paragraph(text, &message, "          ", "          ", options);
}

/// A message that ends with `(and 7 more)`: what stands before, and the number.
fn split_others(message: &str) -> Option<(&str, u64)> {
    let (before, number) = message.strip_suffix(" more)")?.rsplit_once(" (and ")?;
    Some((before, number.replace(',', "").parse().ok()?))
}

/// Where a finding is, as far as its message is likely not to say so: a line of a text file, a directory, a byte.
pub(super) fn place(location: &Location, language: Language) -> String {
    let mut places = Vec::new();
    if let Some(line) = location.line {
        places.push(format!("{} {line}", language.pick("line", "ligne")));
    }
    if let Some(ifd) = location.ifd {
        places.push(format!("IFD {ifd}"));
    }
    if let Some(tag) = &location.tag {
        places.push(printable(tag).into_owned());
    }
    if let Some(band) = location.band {
        places.push(format!("{} {band}", language.pick("band", "bande")));
    }
    if let Some(offset) = location.offset {
        places.push(format!("{} {offset}", language.pick("byte", "octet")));
    }
    if places.is_empty() { String::new() } else { format!("  ({})", places.join(", ")) }
}

/// The distinct fixes of warnings and errors, in order, each with the rules it mends.
pub(super) fn fixes(findings: &[Finding], wording: Wording) -> Vec<(Cow<'_, str>, Vec<&'static str>)> {
    let mut fixes: Vec<(Cow<'_, str>, Vec<&'static str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Info && !finding.fix.is_empty()) {
        let text = wording.fix(finding.rule, &finding.fix);
        match fixes.iter_mut().find(|(fix, _)| *fix == text) {
            Some((_, rules)) if rules.contains(&finding.rule.id) => {}
            Some((_, rules)) => rules.push(finding.rule.id),
            None => fixes.push((text, vec![finding.rule.id])),
        }
    }
    fixes
}

fn summary(text: &mut String, report: &Report, language: Language) {
    let counts = report.summary;
    let _ = write!(text, "\n{}", language.counted(counts.files as u64, ["file", "files"], ["fichier", "fichiers"]));
    let verdicts = [
        (Verdict::Ok, counts.ok),
        (Verdict::Info, counts.info),
        (Verdict::Warning, counts.warning),
        (Verdict::Error, counts.error),
    ];
    for (place, (verdict, count)) in verdicts.into_iter().enumerate() {
        let separator = if place == 0 { language.pick(": ", "\u{A0}: ") } else { ", " };
        let _ = write!(text, "{separator}{} {}", language.grouped(count as u64), verdict_word(verdict, language));
    }
    let missing = report.unexamined.len() as u64;
    if missing > 0 {
        let _ = write!(
            text,
            "{} {} {}",
            language.pick(";", "\u{A0};"),
            language.grouped(missing),
            language.pick("not examined", "non examinés")
        );
    }
    text.push('\n');
}

/// Prose that is broken between words at a width, with a line feed at its end; `first` stands before its first line, `rest` before
/// each other.
#[must_use]
pub fn wrapped(prose: &str, first: &str, rest: &str, width: usize) -> String {
    let mut text = String::new();
    paragraph(&mut text, prose, first, rest, HumanOptions { width, ..HumanOptions::default() });
    text
}

/// Breaks prose between words, so that no line is longer than the terminal is wide where words allow it.
fn paragraph(text: &mut String, prose: &str, first: &str, rest: &str, options: HumanOptions) {
    let mut line = first.to_owned();
    let mut empty = true;
    // Lines do not break at no-break spaces.
    let is_break = |letter: char| letter.is_whitespace() && !matches!(letter, '\u{A0}' | '\u{202F}');
    for word in prose.split(is_break).filter(|word| !word.is_empty()).map(printable) {
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

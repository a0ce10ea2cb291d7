//! Reports in every format.

use parcelle::TOOL;
use parcelle_report::{FileReport, Language, Report, Severity, render};
use serde_json::Value;

/// Renders a report of one file for people and programs, in both languages, and reads again what is JSON.
///
/// # Panics
/// Where a format cannot be written or read.
pub fn render_everywhere(file: FileReport) {
    let findings = file.findings.len();
    let report = Report::new(TOOL, vec![file], Vec::new());
    for language in [Language::English, Language::French] {
        let wording = parcelle::wording(language);
        let width = 80;
        let human = written(|out| render::human(&report, render::HumanOptions { color: false, width, wording }, out));
        let is_tame = |letter: char| letter == '\n' || !letter.is_control();
        assert!(human.chars().all(is_tame), "nothing controls the terminal: {human:?}");
        let html = written(|out| render::html(&report, wording, out));
        assert!(html.ends_with("</html>\n") && html.matches("<script").count() == 1, "the page has the one script");
        let sarif = json(&written(|out| render::sarif(&report, wording, out)));
        let results = sarif["runs"][0]["results"].as_array().map_or(0, Vec::len);
        assert!(results >= findings, "{results} results of {findings} findings");
        let junit = written(|out| render::junit(&report, Some(Severity::Warning), wording, out));
        assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
        let script = parcelle::fix_script(&report, "/data".as_ref(), language);
        assert!(script.starts_with("#!"), "{script}");
    }
    let parsed = json(&written(|out| render::json(&report, out)));
    assert_eq!(parsed["files"][0]["findings"].as_array().map(Vec::len), Some(findings));
    let mut lines = Vec::new();
    let streamed = render::JsonLines::start(&mut lines, &report.tool).and_then(|mut stream| {
        report.files.iter().try_for_each(|file| stream.file(file))?;
        stream.finish(&report.summary)
    });
    assert!(streamed.is_ok(), "{streamed:?}");
    let lines = text(lines);
    assert_eq!(lines.lines().map(json).count(), 3, "a line is a value");
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    let done = write(&mut out);
    assert!(done.is_ok(), "{done:?}");
    text(out)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

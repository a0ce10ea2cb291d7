//! The GeoParquet rules on files of other writers, beside what two validators say of them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parcelle_geoparquet::check::{CheckDepth, CheckOptions, CheckedFile, check};
use parcelle_report::Severity;
use parcelle_storage::LocalFile;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/geoparquet")
}

/// The fields of a line of comma-separated values.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                fields.last_mut().unwrap().push(characters.next().unwrap())
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(character),
        }
    }
    fields
}

/// Lines of a table by the names of its columns; none where it is not there.
fn verdicts() -> Vec<BTreeMap<String, String>> {
    let Ok(text) = std::fs::read_to_string(corpus().join("verdicts.csv")) else { return Vec::new() };
    let mut lines = text.lines().map(fields);
    let names = lines.next().unwrap();
    lines.map(|line| names.iter().cloned().zip(line).collect()).collect()
}

fn examine(path: &std::path::Path) -> CheckedFile {
    let source = Arc::new(LocalFile::open(path).unwrap());
    check(source, &path.to_string_lossy(), &CheckOptions { depth: CheckDepth::Everything }).unwrap()
}

/// What the validators say of files, by a part of their text: what we say there, how badly, and why it is not the same.
const SAID: [(&str, &str, Severity, &str); 9] = [
    ("geo crs is undefined but Parquet crs is", "GPQ-CRS-004", Severity::Error, ""),
    ("GeoArrow coordinates must be a struct of DOUBLE", "GPQ-COL-005", Severity::Error, ""),
    (
        "is not a valid geometry type string",
        "GPQ-COL-006",
        Severity::Error,
        "the JSON schema of 1.x has no names for geometry with M; gpio does not hold types against it",
    ),
    (
        "does not match \"^(GeometryCollection",
        "GPQ-COL-006",
        Severity::Error,
        "the JSON schema of 1.x has no names for geometry with M; gpio does not hold types against it",
    ),
    (
        "\"2.0.0\" was expected at /version",
        "GPQ-META-003",
        Severity::Warning,
        "a draft of 2.0, which is told to be one; the validator knows 2.0.0 alone",
    ),
    (
        "no `geo` key",
        "GPQ-FILE-007",
        Severity::Warning,
        "types of Parquet without a `geo` entry are no GeoParquet, and readers of the types have all they need",
    ),
    (
        "version is \"2.0-dev\"",
        "GPQ-META-003",
        Severity::Warning,
        "a draft of 2.0, which is told to be one; the validator knows 2.0.0 alone",
    ),
    (
        "file uses native Parquet GEOMETRY/GEOGRAPHY types",
        "GPQ-META-006",
        Severity::Info,
        "1.x demands BYTE_ARRAY, which the types are; both are read as long as they agree",
    ),
    (
        "coordinates outside valid range for CRS",
        "GPQ-CRS-010",
        Severity::Warning,
        "data far from the area of the reference system may be meant; nothing in the file is malformed",
    ),
];

/// What a validator says that is no part of the specification, or is said twice.
const NOT_SPECIFICATION: [&str; 1] = ["/distribution/"];

#[test]
fn the_validators_are_agreed_with_or_it_is_said_why_not() {
    let rows = verdicts();
    if rows.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
    }
    let mut agreed = 0;
    let mut wrong = Vec::new();
    for row in &rows {
        let file = &row["file"];
        let checked = examine(&corpus().join(file));
        let said: Vec<String> = checked
            .findings
            .iter()
            .map(|finding| format!("{} {}: {}", finding.severity.as_str(), finding.rule.id, finding.message))
            .collect();
        let mut expected_refusal = false;
        let mut differs = false;
        let of_validator = row["validator_fails"].split(";/").map(|said| ("geoparquet-validator", said));
        let of_gpio =
            row["gpio_fails"].split(" | ").map(|said| ("gpio", said)).filter(|(_, said)| said.starts_with('✗'));
        for (validator, reason) in of_validator.chain(of_gpio) {
            if reason.is_empty() || NOT_SPECIFICATION.iter().any(|part| reason.contains(part)) {
                continue;
            }
            let Some((_, rule, severity, why)) = SAID.iter().find(|(text, ..)| reason.contains(text)) else {
                wrong.push(format!("{file}: {validator} says what we do not know: {reason}"));
                continue;
            };
            expected_refusal |= *severity == Severity::Error;
            if !checked.findings.iter().any(|finding| finding.rule.id == *rule && finding.severity == *severity) {
                wrong.push(format!("{file}: {validator} says {reason}\n  we say {}", said.join("\n  ")));
            }
            if *severity != Severity::Error {
                differs = true;
                eprintln!("{file}: {validator} refuses it, we say {} {rule}: {why}", severity.as_str());
            } else if (row["gpio_exit"] == "0") && !why.is_empty() {
                differs = true;
                eprintln!("{file}: gpio takes it, we say {} {rule}: {why}", severity.as_str());
            }
        }
        let refused = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
        if refused != expected_refusal {
            wrong.push(format!("{file}: refused {refused}, expected {expected_refusal}\n  {}", said.join("\n  ")));
        }
        agreed += usize::from(!differs);
    }
    eprintln!("{agreed} of {} files are judged as both validators do", rows.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

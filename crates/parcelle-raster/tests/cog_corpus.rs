//! The COG rules on files of known truth, and on the test suites of many TIFF readers.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parcelle_raster::Depth;
use parcelle_raster::cog::{CogOptions, RULES, check, check_side_files};
use parcelle_report::{Finding, Verdict};
use parcelle_storage::LocalFile;

fn corpus(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(folder)
}

fn examine(path: &Path, depth: Depth) -> Vec<Finding> {
    let source = LocalFile::open(path).unwrap();
    let mut findings = check(&source, &path.to_string_lossy(), &CogOptions { depth }).unwrap().findings;
    findings.extend(check_side_files(path).unwrap());
    findings
}

fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| Verdict::from(finding.severity)).max().unwrap_or(Verdict::Ok)
}

/// The first five fields of a line of comma-separated values.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted && fields.len() == 5 => break,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(character),
        }
    }
    fields
}

#[test]
fn planted_defects_are_found_and_sound_files_pass() {
    let folder = corpus("cog-crafted");
    let Ok(table) = std::fs::read_to_string(folder.join("expected.csv")) else {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    };
    let (mut found, mut planted, mut sound, mut later) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for line in table.lines().skip(1) {
        let fields = fields(line);
        let [file, _, _, severity, rule] = fields.as_slice() else { panic!("{line}") };
        let expected = match severity.as_str() {
            "ok" => Verdict::Ok,
            "info" => Verdict::Info,
            "warning" => Verdict::Warning,
            _ => Verdict::Error,
        };
        let findings = examine(&folder.join(file), Depth::Pixels);
        let verdict = verdict(&findings);
        let said: Vec<String> = findings
            .iter()
            .filter(|finding| Verdict::from(finding.severity) > Verdict::Info)
            .map(|finding| format!("{} {}: {}", finding.rule.id, finding.severity.as_str(), finding.message))
            .collect();
        let is_right = if expected == Verdict::Ok {
            sound += 1;
            verdict <= Verdict::Info
        } else if RULES.iter().any(|known| known.id == rule.as_str()) {
            planted += 1;
            let is_there = findings
                .iter()
                .any(|finding| finding.rule.id == rule.as_str() && Verdict::from(finding.severity) == expected);
            found += usize::from(is_there);
            is_there && verdict == expected
        } else {
            // The planted defect has no rule yet; what the others say must not be worse than it is.
            later += 1;
            verdict <= expected
        };
        if !is_right {
            wrong.push(format!("{file}: expected {severity} {rule}, got {verdict:?}\n  {}", said.join("\n  ")));
        }
    }
    eprintln!("{found} of {planted} planted defects found, {sound} sound files, {later} defects without a rule yet");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_of_many_test_suites_are_examined_in_bounded_time() {
    let mut folders = vec![corpus("tiff-wild"), corpus("geoserver-oracle")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "csv" && extension != "md") {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    }
    files.sort();
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for path in &files {
        let start = Instant::now();
        let findings = examine(path, Depth::Tiles);
        slowest = slowest.max((start.elapsed(), path.clone()));
        *verdicts.entry(verdict(&findings)).or_default() += 1;
        let ids: std::collections::BTreeSet<&str> = findings.iter().map(|finding| finding.rule.id).collect();
        ids.into_iter().for_each(|id| *rules.entry(id).or_default() += 1);
        if std::env::var_os("PARCELLE_TEST_VERBOSE").is_some() {
            for finding in findings.iter().filter(|finding| Verdict::from(finding.severity) > Verdict::Info) {
                eprintln!("{}\t{}\t{}", path.display(), finding.rule.id, finding.message);
            }
        }
    }
    eprintln!("{} files: {verdicts:?}; slowest {slowest:?}; files by rule: {rules:?}", files.len());
    assert!(slowest.0 < Duration::from_secs(2), "{slowest:?}");
}

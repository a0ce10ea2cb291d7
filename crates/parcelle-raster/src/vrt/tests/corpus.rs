//! The corpora of VRT files with known truth, where they lie beside the checkout.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parcelle_report::{Finding, Severity};
use parcelle_storage::LocalFile;

use crate::vrt::{RULES, VrtOptions, check};

pub(super) fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(name);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no corpus at {}", path.display());
    None
}

/// The rows of a table as maps from column to value.
pub(super) fn table(path: &Path) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows: Vec<Vec<String>> = vec![vec![String::new()]];
    let mut quoted = false;
    for character in text.chars() {
        let row = rows.last_mut().unwrap();
        match character {
            // A doubled quote inside quotes leaves and enters again; no value compared here holds one.
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' => {}
            other => row.last_mut().unwrap().push(other),
        }
    }
    let header = rows.remove(0);
    let full = rows.into_iter().filter(|row| row.len() == header.len());
    full.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

/// As the engines were run: those of the wild files in the directory that the table names.
pub(super) fn as_run(directory: &Path, row: &HashMap<String, String>) -> VrtOptions {
    let started = row.get("cwd").filter(|started| !started.is_empty());
    VrtOptions { working_directory: started.map(|started| directory.join(started)), ..VrtOptions::default() }
}

fn findings_of(path: &Path, options: &VrtOptions) -> Vec<Finding> {
    let file = LocalFile::open(path).unwrap();
    let checked = check(&file, path, options).unwrap();
    assert_eq!(checked.facts["elements"].as_u64().map(|_| ()), Some(()));
    checked.findings
}

#[test]
fn crafted_files_get_the_expected_verdicts() {
    let Some(directory) = corpus("vrt-crafted") else { return };
    let rows = table(&directory.join("expected.csv"));
    assert!(rows.len() > 100, "{} rows", rows.len());
    let (mut ours, mut silent, mut problems) = (0, 0, Vec::new());
    for row in &rows {
        let (file, expected, rule) = (&row["file"], &row["expected_severity"], &row["rule"]);
        let findings = findings_of(&directory.join(file), &VrtOptions::default());
        if expected == "ok" {
            silent += 1;
            let loud = findings.iter().find(|finding| finding.severity > Severity::Info);
            problems.extend(loud.map(|finding| format!("{file}: ok expected, got {finding:?}")));
        } else {
            assert!(RULES.iter().any(|known| known.id == rule), "{rule}");
            ours += 1;
            let found = findings.iter().any(|finding| {
                finding.rule.id == rule && finding.severity.as_str() == expected && finding.location.line.is_some()
            });
            if !found {
                let got = findings.iter().filter(|finding| finding.severity > Severity::Info);
                let got: Vec<_> = got.map(|finding| (finding.rule.id, finding.severity)).collect();
                problems.push(format!("{file}: {rule} ({expected}) expected, got {got:?}"));
            }
        }
    }
    eprintln!("{ours} files with a rule of these, {silent} files without defect");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(ours >= 100 && silent >= 15);
}

#[test]
fn a_file_with_one_defect_gets_no_error_of_another_kind() {
    let Some(directory) = corpus("vrt-crafted") else { return };
    let mut problems = Vec::new();
    for row in table(&directory.join("expected.csv")) {
        let (file, rule) = (&row["file"], &row["rule"]);
        for finding in findings_of(&directory.join(file), &VrtOptions::default()) {
            // These name defects of which a missing source is a part: a wrong name is a missing file, and the files
            // with a Windows path or an escape from the directory name nothing that exists.
            // A source without anything behind its name does not exist, and a file in the wrong place may be found.
            let part = finding.rule.id == "VRT-SRC-001" && ["VRT-SRC-024", "VRT-SEC-001"].contains(&rule.as_str());
            if finding.severity == Severity::Error && finding.rule.id != rule && !part {
                problems.push(format!("{file} ({rule}): {} {}", finding.rule.id, finding.message));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn wild_files_that_all_engines_read_get_no_error() {
    let Some(directory) = corpus("vrt-wild") else { return };
    let (mut read_by_all, mut disagreements) = (0, BTreeMap::<_, Vec<String>>::new());
    for row in table(&directory.join("verdicts.csv")) {
        let path = directory.join(&row["file"]);
        let start = Instant::now();
        let findings = findings_of(&path, &as_run(&directory, &row));
        assert!(start.elapsed() < Duration::from_secs(1), "{} took {:?}", path.display(), start.elapsed());
        let silent = row["errors_3.6.2"].is_empty() && row["errors_3.12.2"].is_empty();
        let opened = row["read_3.6.2"].starts_with("OK") && row["read_3.12.2"].starts_with("OK");
        if !(silent && opened && row["imageio-ext_2.1_gdal_3.6.2"] == "READS") {
            continue;
        }
        read_by_all += 1;
        for finding in findings.into_iter().filter(|finding| finding.severity == Severity::Error) {
            let reason = match finding.rule.id {
                // The engines ran on the whole test suites; the corpus holds the sources only in part.
                "VRT-SRC-001" | "VRT-SRC-003" => "the source was left out of the corpus",
                "VRT-SRC-012" => "GDAL does not look at the system of a source",
                // Reading is not placing: the pixels come out, at 0,0 or in a system that nobody knows.
                "VRT-GEO-001" | "VRT-GEO-005" | "VRT-GEO-008" => {
                    "test data without a place, which GeoServer cannot map"
                }
                _ => "no reason",
            };
            let told = disagreements.entry((finding.rule.id, reason)).or_default();
            told.push(format!("{}: {}", row["file"], finding.message));
        }
    }
    for ((rule, reason), told) in &disagreements {
        eprintln!("{rule}: {} of {read_by_all} files that all engines read ({reason})", told.len());
    }
    assert!(read_by_all > 100);
    let unexplained: Vec<_> = disagreements.iter().filter(|((_, reason), _)| *reason == "no reason").collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[test]
fn wild_files_that_no_gdal_reads_for_a_reason_inside_get_an_error() {
    let Some(directory) = corpus("vrt-wild") else { return };
    let (mut refused, mut problems) = (0, Vec::new());
    for row in table(&directory.join("verdicts.csv")) {
        let fails = |version: &str| {
            row[&format!("open_{version}")].starts_with("FAIL") || row[&format!("read_{version}")].starts_with("FAIL")
        };
        if !(fails("3.6.2") && fails("3.12.2")) {
            continue;
        }
        refused += 1;
        let findings = findings_of(&directory.join(&row["file"]), &as_run(&directory, &row));
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            continue;
        }
        let says = &row["errors_3.12.2"];
        let reason = match () {
            // A later GDAL has the function: nothing in the file is wrong.
            () if findings.iter().any(|finding| finding.rule.id == "VRT-PIXFN-003") => "needs GDAL 3.13",
            () if says.contains("IReadBlock") || says.contains("not recognized") => {
                "the source is damaged or has no driver"
            }
            () => "no reason",
        };
        problems.push((reason, format!("{}: {says}", row["file"])));
    }
    for (reason, told) in &problems {
        eprintln!("{reason}: {}", told.chars().take(200).collect::<String>());
    }
    eprintln!("{} of {refused} without an error", problems.len());
    assert!(refused > 100);
    assert!(problems.iter().all(|(reason, _)| *reason != "no reason"));
}

//! The COG rules on files of known truth, and on the test suites of many TIFF readers.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod corpus;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parcelle_raster::Depth;
use parcelle_raster::cog::{
    CogOptions, LayoutProfile, Parsed, RULES, check, check_side_files, gdal_findings, in_force,
};
use parcelle_report::{Finding, Severity, Verdict};
use parcelle_storage::LocalFile;
use parcelle_tiff::{Directory, Image, Role, Structure};

use corpus::{corpus, table};

fn examine(path: &Path, depth: Depth) -> Vec<Finding> {
    let source = LocalFile::open(path).unwrap();
    let mut findings =
        check(&source, &path.to_string_lossy(), &CogOptions { depth, ..CogOptions::default() }).unwrap().findings;
    findings.extend(check_side_files(path).unwrap());
    findings
}

fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| Verdict::from(finding.severity)).max().unwrap_or(Verdict::Ok)
}

/// The lines of a table; none where it is not there.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    table(path).unwrap_or_default()
}

#[test]
fn planted_defects_are_found_and_sound_files_pass() {
    let folder = corpus("cog-crafted");
    let rows = rows(&folder.join("expected.csv"));
    if rows.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
    }
    let (mut found, mut planted, mut sound, mut later) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for row in &rows {
        let (file, severity, rule) = (&row["file"], &row["expected_severity"], &row["rule"]);
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

/// What the profile `gdal` finds.
fn examine_as_gdal(path: &Path) -> Vec<Finding> {
    let source = LocalFile::open(path).unwrap();
    let parsed = Parsed::read(&source).unwrap();
    let of_gdal = gdal_findings(&parsed, &source, &path.to_string_lossy(), Depth::Tiles).unwrap();
    let beside = check_side_files(path).unwrap();
    in_force(beside, of_gdal, &[LayoutProfile::Gdal])
}

/// The verdict of GDAL's validator; none where it ended with an exception.
fn is_valid(said: &str) -> Option<bool> {
    match said {
        "pass" | "pass+warn" | "yes" => Some(true),
        "error" | "no" => Some(false),
        _ => None,
    }
}

#[test]
fn the_profile_gdal_agrees_with_gdals_validator() {
    let crafted = rows(&corpus("cog-crafted").join("expected.csv"));
    let wild = rows(&corpus("tiff-wild").join("verdicts.csv"));
    if crafted.is_empty() || wild.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
    }
    let (mut same, mut without_verdict, mut wrong) = (0, 0, Vec::new());
    let crafted = crafted
        .iter()
        .map(|row| (corpus("cog-crafted").join(&row["file"]), &row["gdal_validator"], &row["gdal_errors"]));
    let wild = wild.iter().map(|row| (corpus("tiff-wild").join(&row["file"]), &row["gdal_valid"], &row["gdal_errors"]));
    for (path, said, errors) in crafted.chain(wild) {
        let beside = PathBuf::from(format!("{}.ovr", path.display()));
        if errors.contains("external .ovr") && !beside.exists() {
            // The verdict is about a file beside it that the corpus does not have.
            without_verdict += 1;
            continue;
        }
        let Some(is_valid) = is_valid(said) else {
            without_verdict += 1;
            continue;
        };
        let findings = examine_as_gdal(&path);
        if (verdict(&findings) < Verdict::Error) == is_valid {
            same += 1;
        } else {
            let said: Vec<_> = findings.iter().map(|one| format!("{} {}", one.rule.id, one.message)).collect();
            wrong.push(format!("{}: GDAL says {is_valid}, {said:?}", path.display()));
        }
    }
    eprintln!("{same} verdicts as GDAL's validator, {} others, {without_verdict} files without one", wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Why the layout rules and GDAL's validator come to different verdicts on a file: what holds of the file, and the rule
/// whose error it explains.
struct Cause {
    reason: &'static str,
    rule: &'static str,
    holds: fn(&Structure, &[Finding]) -> bool,
}

/// What is an error here and none to the script. A rule that the script does not have at all needs no row.
const STRICTER: [Cause; 10] = [
    Cause {
        reason: "strips up to 1024 pixels wide count as tiles",
        rule: "COG-TILE-001",
        holds: |structure, _| {
            let wide = |image: &Image| image.block_size().0 == image.width && image.width > 1024;
            imagery(structure).all(|(_, image)| !wide(image))
        },
    },
    Cause {
        reason: "the image is not over 512 pixels, or GDAL opens it as something else than strips as wide as it is",
        rule: "COG-TILE-001",
        holds: |structure, _| imagery(structure).all(|(_, image)| image.width <= 512 && image.height <= 512),
    },
    Cause {
        reason: "only the smallest level's first block is compared, and only with its own directory",
        rule: "COG-ORD-001",
        holds: |structure, _| {
            let last = imagery(structure).last();
            last.is_some_and(|(directory, _)| first_block(directory).is_none_or(|first| first >= directory.offset))
        },
    },
    Cause {
        reason: "a trailer behind the end of the file is read as nothing and compared with nothing",
        rule: "COG-GHO-006",
        holds: |structure, _| ends(structure).any(|end| end.saturating_add(4) > structure.file_length),
    },
    Cause {
        reason: "a tile that is not stored interrupts the comparison of offsets",
        rule: "COG-GHO-004",
        holds: |structure, _| imagery(structure).any(|(directory, _)| blocks(directory).any(|block| block == (0, 0))),
    },
    Cause {
        reason: "GDAL opens a file that is cut off, if its first directory is whole",
        rule: "COG-FILE-003",
        holds: |structure, _| opens(structure),
    },
    Cause { reason: "GDAL opens it without this tag", rule: "COG-TAG-001", holds: |structure, _| opens(structure) },
    Cause { reason: "GDAL opens it with this value", rule: "COG-TAG-006", holds: |structure, _| opens(structure) },
    Cause { reason: "GDAL converts the type", rule: "COG-TAG-005", holds: |structure, _| opens(structure) },
    Cause { reason: "GDAL opens it without these values", rule: "COG-TAG-007", holds: |structure, _| opens(structure) },
];

/// What is an error to the script and none here.
const MILDER: [Cause; 7] = [
    Cause {
        reason: "values of tags stand before the first directory: nothing between them is unused",
        rule: "COG-IFD-005",
        holds: |structure, findings| {
            let main = structure.main();
            let before = |directory: &Directory| {
                directory.entries.iter().filter_map(|entry| entry.area()).any(|area| area.end <= directory.offset)
            };
            !has(findings, "COG-IFD-005") && main.is_some_and(before)
        },
    },
    Cause {
        reason: "unused bytes before the first directory cost a reader little: information, or a warning",
        rule: "COG-IFD-005",
        holds: |_, findings| has(findings, "COG-IFD-005"),
    },
    Cause {
        reason: "unused bytes behind the ghost area, whose size is right",
        rule: "COG-GHO-002",
        holds: |_, findings| has(findings, "COG-IFD-005"),
    },
    Cause {
        reason: "a first directory at an odd offset is a warning",
        rule: "COG-GHO-002",
        holds: |_, findings| has(findings, "COG-IFD-006"),
    },
    Cause {
        reason: "unused bytes before the first directory cost a reader little: information, or a warning",
        rule: "COG-IFD-001",
        holds: |_, findings| has(findings, "COG-IFD-005"),
    },
    Cause {
        reason: "tiles of the bands take turns, as the ghost area says, though GDAL's metadata do not",
        rule: "COG-GHO-004",
        holds: |_, findings| has(findings, "COG-GHO-009"),
    },
    Cause {
        reason: "the external overviews are not in the corpus",
        rule: "COG-OVR-002",
        holds: |structure, _| opens(structure),
    },
];

fn has(findings: &[Finding], rule: &str) -> bool {
    findings.iter().any(|finding| finding.rule.id == rule)
}

fn opens(structure: &Structure) -> bool {
    structure.main().is_some_and(|main| main.image.is_some())
}

/// The image and its overviews.
fn imagery(structure: &Structure) -> impl Iterator<Item = (&Directory, &Image)> {
    let all = structure.directories.iter().filter(|one| matches!(one.role, Role::FullResolution | Role::Overview));
    all.filter_map(|directory| Some((directory, directory.image.as_ref()?)))
}

fn blocks(directory: &Directory) -> impl Iterator<Item = (u64, u64)> {
    directory.blocks.iter().flat_map(|blocks| blocks.iter())
}

fn first_block(directory: &Directory) -> Option<u64> {
    blocks(directory).find(|(_, count)| *count > 0).map(|(offset, _)| offset)
}

fn ends(structure: &Structure) -> impl Iterator<Item = u64> {
    imagery(structure).flat_map(|(directory, _)| blocks(directory)).map(|(offset, count)| offset.saturating_add(count))
}

#[test]
fn every_disagreement_with_gdals_validator_has_a_cause() {
    let crafted = rows(&corpus("cog-crafted").join("expected.csv"));
    let wild = rows(&corpus("tiff-wild").join("verdicts.csv"));
    if crafted.is_empty() || wild.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
    }
    let crafted = crafted
        .iter()
        .map(|row| (corpus("cog-crafted").join(&row["file"]), &row["gdal_validator"], &row["gdal_errors"]));
    let wild = wild.iter().map(|row| (corpus("tiff-wild").join(&row["file"]), &row["gdal_valid"], &row["gdal_errors"]));
    let (mut agreed, mut causes, mut unexplained) = (0, BTreeMap::<String, usize>::new(), Vec::new());
    for (path, said, errors) in crafted.chain(wild) {
        let Some(is_valid) = is_valid(said) else { continue };
        let findings = examine(&path, Depth::Tiles);
        if (verdict(&findings) < Verdict::Error) == is_valid {
            agreed += 1;
            continue;
        }
        let source = LocalFile::open(&path).unwrap();
        let structure = Parsed::read(&source).unwrap().structure;
        let errors_of = |findings: &[Finding]| {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            errors.map(|finding| finding.rule).collect::<Vec<_>>()
        };
        let (table, rules) = if is_valid {
            (&STRICTER[..], errors_of(&findings))
        } else {
            let mut rules = errors_of(&examine_as_gdal(&path));
            if errors.contains("external .ovr") {
                rules = RULES.iter().copied().filter(|rule| rule.id == "COG-OVR-002").collect();
            }
            (&MILDER[..], rules)
        };
        assert!(!rules.is_empty(), "{}", path.display());
        for rule in rules {
            let cause = table.iter().find(|cause| cause.rule == rule.id && (cause.holds)(&structure, &findings));
            if let Some(cause) = cause {
                *causes.entry(format!("{}: {}", rule.id, cause.reason)).or_default() += 1;
            } else if is_valid && !LayoutProfile::Gdal.has(rule) {
                *causes.entry(format!("{}: the script does not look at it", rule.id)).or_default() += 1;
            } else {
                unexplained.push(format!("{}: {} (valid to GDAL: {is_valid})", path.display(), rule.id));
            }
        }
    }
    eprintln!("{agreed} verdicts of the profile cog as GDAL's validator has them; the others by cause: {causes:#?}");
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
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

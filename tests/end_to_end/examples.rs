//! The examples of `parcelle check --explain`: real findings of the committed fixtures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::{parcelle, top};

const TABLE: &str = "crates/parcelle/src/check/examples.tsv";

/// For each rule a finding of a file of `testdata/`: of the file that was made to break it, else of the first that does.
fn examples() -> String {
    let expected = std::fs::read_to_string(top().join("testdata/expected.csv")).unwrap();
    let planted: BTreeMap<&str, &str> = expected
        .lines()
        .filter_map(|line| match line.split(',').collect::<Vec<_>>()[..] {
            [file, _, rule] if !rule.is_empty() => Some((file, rule)),
            _ => None,
        })
        .collect();
    let files = |arguments: &[&str]| -> Vec<Value> {
        let usual = ["check", "--format", "json", "--fail-on", "never"];
        let mut report = parcelle(usual.iter().chain(arguments)).expect_code(0).json();
        report["files"].as_array_mut().map(std::mem::take).unwrap()
    };
    let mut found: BTreeMap<String, (bool, String)> = BTreeMap::new();
    // What shows without decoding comes first: it is what a user meets first as well.
    let decoded = files(&["testdata/cog", "--depth", "pixels"]);
    for file in files(&["testdata"]).into_iter().chain(decoded) {
        let path = file["path"].as_str().unwrap();
        let rule_of_file = path.strip_prefix("testdata/").and_then(|name| planted.get(name));
        for finding in file["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap().replace('\n', "\\n").replace('\t', " ");
            let rule = text("rule");
            let is_planted = rule_of_file.is_some_and(|planted| *planted == rule);
            let is_better = found.get(&rule).is_none_or(|(was_planted, _)| is_planted && !was_planted);
            if is_better {
                let line = format!("{rule}\t{}\t{path}\t{}\t{}", text("severity"), text("message"), text("fix"));
                found.insert(rule, (is_planted, line));
            }
        }
    }
    found.values().fold(String::new(), |mut table, (_, line)| {
        let _ = writeln!(table, "{line}");
        table
    })
}

#[test]
fn examples_are_what_is_found_in_the_fixtures() {
    let found = examples();
    let path = top().join(TABLE);
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let new: Vec<&str> = found.lines().filter(|line| !kept.contains(line)).collect();
    assert!(
        new.is_empty(),
        "run `UPDATE_EXAMPLES=1 cargo test -p parcelle-tests examples`, for these:\n{}",
        new.join("\n")
    );
    let old: Vec<&str> = kept.lines().filter(|line| !found.contains(line)).collect();
    assert!(old.is_empty(), "no fixture gives these any more: {}", old.join("\n"));
}

#[test]
fn most_rules_have_an_example() {
    let without: Vec<&str> =
        parcelle::rules().map(|rule| rule.id).filter(|id| parcelle::example(id).is_none()).collect();
    // What no small file can show (tiles of megabytes), or only a server.
    eprintln!("without an example: {without:?}");
    let layout = without.iter().filter(|id| id.starts_with("COG-") && !id.starts_with("COG-HTTP"));
    assert_eq!(layout.collect::<Vec<_>>(), [&"COG-TILE-015"]);
    let text = parcelle(["check", "--explain", "cog-ifd-001"]).expect_code(0).stdout;
    let example = parcelle::example("COG-IFD-001").unwrap();
    for part in [example.path, example.message, example.fix.as_str(), "\nExample:\n", "In the profiles: cog, gdal, ogc"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn the_catalogue_names_severity_and_profiles() {
    let list = parcelle(["check", "--rules"]).expect_code(0).stdout;
    let line = |id: &str| list.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(
        line("COG-GEO-001").contains(" warning ") && line("COG-GEO-001").ends_with("[cog, ogc-21-026/geotiff-keys]")
    );
    assert!(line("COG-ORD-002").ends_with("[cog, gdal, ogc-21-026/geotiff-overviews]"), "{}", line("COG-ORD-002"));
    assert!(line("VRT-SRC-001").ends_with("[vrt]"));
    let report: Value =
        parcelle(["check", "testdata/cog", "--profile", "ogc-21-026", "--format", "json"]).expect_code(1).json();
    let findings = report["files"].as_array().unwrap().iter().flat_map(|file| file["findings"].as_array().unwrap());
    for finding in findings {
        let clause = finding["reference"].as_str().unwrap();
        assert!(clause.starts_with("OGC 21-026 /re"), "{finding}");
        assert!(!clause.contains("/rec/") || finding["severity"] != "error", "{finding}");
    }
}

//! Formats of reports, their language, what does not count, and settings.

use std::path::Path;

use serde_json::Value;

use crate::{command, fixture, parcelle};

fn cog(name: &str) -> String {
    fixture(&format!("cog/{name}.tif")).display().to_string()
}

/// Runs in a directory.
fn parcelle_in(directory: &Path, arguments: &[&str]) -> crate::Run {
    let output = command(arguments).current_dir(directory).output().unwrap();
    crate::Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn lines_are_the_files_of_the_json_whatever_the_threads() {
    let folder = fixture("cog").display().to_string();
    let whole = parcelle(["check", &folder, "/nowhere.tif", "--format", "json"]).expect_code(2).json();
    let one = parcelle(["check", &folder, "/nowhere.tif", "--format", "jsonl", "--threads", "1"]).expect_code(2);
    let many = parcelle(["check", &folder, "/nowhere.tif", "--format", "jsonl", "--threads", "7"]).expect_code(2);
    assert_eq!(one.stdout, many.stdout);
    let lines: Vec<Value> = one.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let files: Vec<&Value> = lines.iter().filter_map(|line| line.get("file")).collect();
    assert_eq!(files, whole["files"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap()["summary"], whole["summary"]);
    assert_eq!(lines[lines.len() - 2]["unexamined"], whole["unexamined"][0]);
}

#[test]
fn every_format_goes_to_a_file_or_to_standard_output_and_fails_alike() {
    let directory = tempfile::tempdir().unwrap();
    let (good, bad) = (cog("good_rgb"), cog("bad_strips"));
    for (format, beginning) in [
        ("human", "info     "),
        ("json", "{\n  \"schema_version\": 1"),
        ("jsonl", "{\"start\":{\"schema_version\":1"),
        ("sarif", "{\n  \"$schema\""),
        ("junit", "<?xml version=\"1.0\""),
        ("html", "<!doctype html>"),
    ] {
        let out = directory.path().join(format);
        let printed = parcelle(["check", &good, "--format", format]).expect_code(0);
        assert!(printed.stdout.starts_with(beginning), "{format}: {}", printed.stdout);
        parcelle(["check", &good, "--format", format, "--output", out.to_str().unwrap()]).expect_code(0);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), printed.stdout, "{format}");
        parcelle(["check", &bad, "--format", format, "--fail-on", "warning"]).expect_code(1);
        parcelle(["check", &bad, "--format", format, "--fail-on", "never"]).expect_code(0);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 6, "a temporary file is left");
}

#[test]
fn the_page_knows_every_version_of_geoserver_and_draws_the_file() {
    let page = parcelle(["check", &cog("good_rgb"), "--format", "html", "--lang", "fr"]).expect_code(0).stdout;
    for part in [
        "<html lang=\"fr\">",
        ">2.18</th>",
        ">3.0</th>",
        "Les octets du fichier",
        "pleine résolution",
        "GeoServer 3.0 l’affichera depuis un fichier et par COG via HTTP.",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    let vrt = fixture("vrt/bad_missing_source.vrt");
    let page = parcelle(["check", vrt.to_str().unwrap(), "--format", "html"]).stdout;
    assert!(page.contains("class=\"map\"") && page.contains("class=\"missing\"") && page.contains(">2.18</th>"));
}

#[test]
fn all_versions_are_answers_beside_the_one_that_was_asked_for() {
    let json =
        parcelle(["check", &cog("good_rgb"), "--format", "json", "--all-versions", "--profile", "geoserver@2.27"])
            .expect_code(0)
            .json();
    let versions = |key: &str| {
        let answers = json["files"][0][key].as_array().unwrap();
        answers.iter().map(|answer| answer["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(versions("compatibility"), ["2.27", "2.27"]);
    assert!(versions("versions").len() >= 24 && versions("versions").contains(&"2.18".to_owned()));
}

#[test]
fn french_reports_and_explanations_have_french_titles() {
    let run = parcelle(["check", &cog("bad_strips"), "--lang", "fr"]);
    assert!(run.stdout.contains("  Pour le corriger\u{A0}:\n"), "{}", run.stdout);
    assert!(run.stdout.contains("GeoServer 3.0 "), "{}", run.stdout);
    assert!(run.stdout.contains("est organisé en"), "{}", run.stdout);
    let json = |language| parcelle(["check", &cog("bad_strips"), "--format", "json", "--lang", language]).stdout;
    assert_eq!(json("fr"), json("en"), "what programs read has one language");
    let text = parcelle(["check", "--explain", "cog-ovr-001", "--lang", "fr"]).expect_code(0).stdout;
    assert!(text.contains("\nPourquoi\u{A0}:   ") && text.contains("aperçu"), "{text}");
    let list = parcelle(["check", "--rules", "--lang", "fr"]).expect_code(0).stdout;
    assert_eq!(list.lines().count(), parcelle::rules().count());
    assert!(list.contains("aperçu"), "{list}");
}

#[test]
fn what_is_ignored_does_not_count_and_says_why() {
    let bad = cog("bad_strips");
    let found = parcelle(["check", &bad, "--format", "json"]).json();
    let rules: Vec<String> = found["files"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] != "info")
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect();
    assert!(!rules.is_empty());
    let mut arguments = vec!["check".to_owned(), bad, "--fail-on".to_owned(), "warning".to_owned()];
    for rule in &rules {
        arguments.extend(["--ignore".to_owned(), format!("{rule}@*.tif: read by one program only")]);
    }
    let run = parcelle(&arguments).expect_code(0);
    assert!(run.stdout.contains(": read by one program only\n"), "{}", run.stdout);
    assert!(run.stdout.starts_with("info     "), "{}", run.stdout);

    for (text, says) in [
        ("COG-TILE-001", "without a reason"),
        ("COG-NOTHING-001: why", "there is no rule COG-NOTHING-001"),
        ("COG-TILE-001@[: why", "is not a pattern"),
    ] {
        let run = parcelle(["check", &cog("good_rgb"), "--ignore", text]).expect_code(2);
        assert!(run.complaint().contains(says), "{}", run.stderr);
    }
}

#[test]
fn with_a_baseline_only_what_is_new_fails() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("cog/bad_strips.tif"), directory.path().join("a.tif")).unwrap();
    let fails = ["check", ".", "--fail-on", "info", "--no-config"];
    assert_eq!(parcelle_in(directory.path(), &fails).code, 2, "info is no severity to fail on");
    let fails = ["check", ".", "--fail-on", "warning"];
    parcelle_in(directory.path(), &fails).expect_code(1);
    parcelle_in(directory.path(), &[&fails[..], &["--write-baseline", "known.json"]].concat()).expect_code(0);
    let known = [&fails[..], &["--baseline", "known.json"]].concat();
    let run = parcelle_in(directory.path(), &known).expect_code(0);
    assert!(run.stdout.contains(": in the baseline\n"), "{}", run.stdout);
    std::fs::copy(fixture("cog/bad_main_ifd_at_end.tif"), directory.path().join("b.tif")).unwrap();
    let run = parcelle_in(directory.path(), &known).expect_code(1);
    assert!(run.stdout.contains("b.tif"), "{}", run.stdout);
    // The same file got worse.
    std::fs::remove_file(directory.path().join("b.tif")).unwrap();
    std::fs::copy(fixture("cog/bad_main_ifd_at_end.tif"), directory.path().join("a.tif")).unwrap();
    parcelle_in(directory.path(), &known).expect_code(1);
    for (text, says) in [("{}", "no baseline"), ("", "no baseline"), ("[", "no baseline")] {
        std::fs::write(directory.path().join("wrong.json"), text).unwrap();
        let run = parcelle_in(directory.path(), &["check", ".", "--baseline", "wrong.json"]).expect_code(2);
        assert!(run.complaint().contains(says), "{}", run.stderr);
    }
    parcelle_in(directory.path(), &["check", ".", "--baseline", "nowhere.json"]).expect_code(2);
}

#[test]
fn settings_are_found_above_and_the_command_line_wins() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::copy(fixture("cog/bad_strips.tif"), below.join("a.tif")).unwrap();
    std::fs::write(
        directory.path().join("parcelle.toml"),
        "[check]\nprofile = [\"cog\"]\nfail-on = \"warning\"\nlang = \"fr\"\n\n[[check.ignore]]\nrule = \"COG-CMP-*\"\nfiles = \"*.tif\"\nreason = \"petits fichiers\"\n",
    )
    .unwrap();
    let run = parcelle_in(&below, &["check", "a.tif"]).expect_code(1);
    assert!(run.stdout.contains("Pour le corriger") && !run.stdout.contains("GeoServer 3.0"), "{}", run.stdout);
    parcelle_in(&below, &["check", "a.tif", "--fail-on", "never"]).expect_code(0);
    let run = parcelle_in(&below, &["check", "a.tif", "--lang", "en"]).expect_code(1);
    assert!(run.stdout.contains("To mend it"), "{}", run.stdout);
    let run = parcelle_in(&below, &["check", "a.tif", "--no-config"]);
    assert!(run.stdout.contains("GeoServer 3.0"), "{}", run.stdout);

    for (text, says) in [
        ("[check]\nfail-on = \"sometimes\"\n", "is none of error, warning, never"),
        ("[check]\nprofil = []\n", "unknown field"),
        ("[[check.ignore]]\nrule = \"COG-TILE-001\"\nreason = \" \"\n", "without a reason"),
        ("[[check.ignore]]\nrule = \"COG-TILE-001\"\n", "missing field"),
        ("[check]\ngdal-version = \"new\"\n", "write a version"),
        ("nonsense", "parcelle.toml: "),
    ] {
        std::fs::write(directory.path().join("parcelle.toml"), text).unwrap();
        let run = parcelle_in(&below, &["check", "a.tif"]).expect_code(2);
        assert!(run.stderr.contains(says), "{text}: {}", run.stderr);
    }
    parcelle_in(&below, &["check", "a.tif", "--config", "nowhere.toml"]).expect_code(2);
}

#[test]
fn completions_and_the_manual_have_every_option() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = parcelle(["completions", shell]).expect_code(0).stdout;
        assert!(text.contains("write-baseline") && text.contains("partition-by"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    parcelle(["man", pages.to_str().unwrap()]).expect_code(0);
    let page = std::fs::read_to_string(pages.join("parcelle-check.1")).unwrap();
    assert!(page.contains("write\\-baseline") && page.contains(".TH"), "{page}");
    assert!(pages.join("parcelle.1").exists() && pages.join("parcelle-convert.1").exists());
}

#[test]
fn info_tells_what_a_file_is() {
    let run = parcelle(["info", &cog("good_rgb"), "testdata/vector/column_types.gpkg"]).expect_code(0);
    for part in [
        "good_rgb.tif  (geotiff)\n",
        "  width                  380\n",
        "role full resolution",
        "(vector)\n",
        "  layer ",
    ] {
        assert!(run.stdout.contains(part), "{part:?} is not in {}", run.stdout);
    }
    let run = parcelle(["info", "testdata/vector/column_types.gpkg", "--format", "json"]).expect_code(0);
    let json: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    assert!(json["layers"][0]["fields"].as_array().unwrap().len() > 3, "{json}");
    let run = parcelle(["info", "/nowhere.tif"]).expect_code(2);
    assert!(run.complaint().contains("no such file"), "{}", run.stderr);
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.bin");
    std::fs::write(&empty, "").unwrap();
    let run = parcelle(["info", empty.to_str().unwrap(), &cog("good_rgb")]).expect_code(2);
    assert!(run.stdout.contains("good_rgb.tif  (geotiff)\n"), "{}", run.stdout);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
}

//! `parcelle check`: verdicts, formats, exit codes.

use std::collections::HashSet;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{command, fixture, parcelle, top};

/// Lines of `expected.csv`: file, severity, planted rule.
fn expectations() -> Vec<(String, String, String)> {
    let table = std::fs::read_to_string(fixture("expected.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("file,severity,rule"));
    lines
        .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
            [file, severity, rule] => (file.to_owned(), severity.to_owned(), rule.to_owned()),
            _ => panic!("not three fields: {line}"),
        })
        .collect()
}

#[test]
fn every_fixture_gets_its_verdict_and_planted_rule() {
    let catalogue: HashSet<_> = parcelle::rules().map(|rule| rule.id).collect();
    let (mut judged, mut wrong) = (0, Vec::new());
    for (file, severity, rule) in expectations() {
        // Rules of later families are planted already; their files are judged when the rule is there.
        if !rule.is_empty() && !catalogue.contains(rule.as_str()) {
            continue;
        }
        judged += 1;
        let report = parcelle::check([fixture(&file)]).run().unwrap();
        let [found] = &report.files[..] else { panic!("{file}: {report:?}") };
        let verdict = found.verdict.as_str();
        let ids: Vec<_> = found.findings.iter().map(|finding| finding.rule.id).collect();
        let expected_verdict = verdict == severity || (severity == "ok" && verdict == "info");
        if !expected_verdict || !(rule.is_empty() || ids.contains(&rule.as_str())) {
            wrong.push(format!("{file}: expected {severity} {rule}, got {verdict} {ids:?}"));
        }
    }
    assert!(judged > 60, "only {judged} fixtures were judged");
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn json_follows_the_schema_and_the_counts_add_up() {
    let report = parcelle(["check", "testdata", "nowhere.tif", "--format", "json"]).expect_code(2).json();
    let schema: Value = serde_json::from_str(parcelle::report::render::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> =
        validator.iter_errors(&report).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert_eq!(problems, Vec::<String>::new());

    let files = report["files"].as_array().unwrap();
    let verdicts = |verdict: &str| files.iter().filter(|file| file["verdict"] == verdict).count();
    let summary = &report["summary"];
    assert_eq!(summary["files"], files.len());
    for verdict in ["ok", "info", "warning", "error"] {
        assert_eq!(summary[verdict], verdicts(verdict), "{verdict}");
    }
    assert!(files.len() > 80);
    assert_eq!(report["tool"], json!({"name": "parcelle", "version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(report["unexamined"][0]["path"], "nowhere.tif");
    let good = files.iter().find(|file| file["path"] == "testdata/cog/good_mask.tif").unwrap();
    assert_eq!((&good["kind"], &good["verdict"]), (&json!("geotiff"), &json!("info")));
    assert!(good["facts"]["requests"].as_u64().unwrap() >= 1 && good["facts"]["width"].is_u64());
}

#[test]
fn exit_codes_follow_the_contract() {
    let good = "testdata/cog/good_classic_little_endian.tif";
    let warning = "testdata/cog/bad_tiles_not_square.tif";
    let error = "testdata/cog/bad_ifd_loop.tif";
    for (arguments, code) in [
        (&[good][..], 0),
        (&[error], 1),
        (&[good, error], 1),
        (&[error, "--fail-on", "never"], 0),
        (&[warning], 0),
        (&[warning, "--fail-on", "warning"], 1),
        (&["nowhere.tif"], 2),
        (&[good, "nowhere.tif", "--fail-on", "never"], 2),
        (&["testdata/generator"], 2),
        (&["README.md"], 2),
        (&["testdata/vector/geometries.gpkg"], 2),
        (&[], 2),
        (&[good, "--no-such-option"], 2),
        (&[good, "--fail-on", "sometimes"], 2),
    ] {
        parcelle(["check"].iter().chain(arguments)).expect_code(code);
    }
}

#[test]
fn unknown_profiles_are_refused_by_name() {
    let good = "testdata/cog/good_mask.tif";
    let run = parcelle(["check", good, "--profile", "coq"]).expect_code(2);
    assert!(
        run.complaint().starts_with("there is no profile \"coq\": there are cog, vrt, geoparquet, geoserver, gdal, "),
        "{}",
        run.stderr
    );
    for name in ["geoserver@1.9", "geoserver@two", "geoserver@", "geoserver@2.27.1.1"] {
        let run = parcelle(["check", good, "--profile", name]).expect_code(2);
        assert!(run.complaint().ends_with("geoserver@2.28, geoserver@3.0"), "{}", run.stderr);
    }
    let run = parcelle(["check", good, "--profile", "cog@2"]).expect_code(2);
    assert!(run.complaint().starts_with("there is no profile \"cog@2\""), "{}", run.stderr);
}

#[test]
fn pixels_are_decoded_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.tif");
    let mut bytes = std::fs::read(fixture("cog/good_rgb.tif")).unwrap();
    // Within the last tile, before the four bytes that its trailer repeats.
    let place = bytes.len() - 60;
    bytes[place..place + 20].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap();
    parcelle(["check", path]).expect_code(0);
    let run = parcelle(["check", path, "--depth", "pixels"]).expect_code(1);
    assert!(run.stdout.contains("COG-TILE-012") && run.stdout.contains("get the source again"), "{}", run.stdout);
    let facts =
        &parcelle(["check", path, "--depth", "pixels", "--format", "json"]).expect_code(1).json()["files"][0]["facts"];
    assert_eq!(facts["pixels"]["tiles_damaged"], 1, "{facts}");
    parcelle(["check", "testdata/vrt/good_mosaic.vrt", "--depth", "pixels"]).expect_code(0);
    let run = parcelle(["check", "testdata/vrt/bad_missing_source.vrt", "--depth", "pixels"]).expect_code(1);
    assert!(run.stdout.contains("VRT-SRC-001"), "{}", run.stdout);
}

#[test]
fn only_the_rules_of_the_profiles_in_force_count() {
    let broken = "testdata/cog/bad_ifd_loop.tif";
    parcelle(["check", broken, "--profile", "cog"]).expect_code(1);
    // "ok" would be a lie where no rule applies.
    let run = parcelle(["check", broken, "--profile", "vrt"]).expect_code(2);
    assert!(run.stdout.contains("no rules for a geotiff"), "{}", run.stdout);
    let run = parcelle(["check", "testdata/vrt", "--profile", "vrt", "--format", "json"]).expect_code(1).json();
    assert!(run["files"].as_array().unwrap().iter().all(|file| file["kind"] == "vrt"));
    parcelle(["check", broken, "--profile", "vrt", "--profile", "cog"]).expect_code(1);
}

#[test]
fn profiles_judge_by_their_own_limits() {
    let verdict = |name: &str, profile: &str| {
        let report = parcelle::check([fixture(&format!("cog/{name}.tif"))]);
        let report = report.profiles([parcelle::Profile::parse(profile).unwrap()]).run().unwrap();
        report.files[0].verdict.as_str()
    };
    for (name, profile, expected) in [
        // Strips: GDAL's validator looks at those over 1024 pixels wide.
        ("bad_strips", "cog", "error"),
        ("bad_strips", "gdal", "warning"),
        ("bad_strips", "ogc-21-026/geotiff-format", "error"),
        ("bad_strips", "OGC-21-026", "error"),
        // The order of bytes is only recommended.
        ("bad_main_ifd_at_end", "cog", "error"),
        ("bad_main_ifd_at_end", "gdal", "error"),
        ("bad_main_ifd_at_end", "ogc-21-026", "warning"),
        ("bad_main_ifd_at_end", "ogc-21-026/geotiff-keys", "info"),
        ("bad_no_crs", "cog", "warning"),
        ("bad_no_crs", "gdal", "ok"),
        ("bad_no_crs", "ogc-21-026/geotiff-keys", "error"),
        ("bad_no_crs", "ogc-21-026/geotiff-overviews", "info"),
        ("bad_no_overviews", "gdal", "warning"),
        ("bad_no_overviews", "ogc-21-026/optimized_geotiff", "error"),
        ("bad_no_overviews", "ogc-21-026/geotiff-overviews", "info"),
        ("bad_tiles_not_square", "ogc-21-026/optimized_geotiff", "error"),
        ("bad_external_overviews", "gdal", "error"),
        ("bad_leader", "gdal", "error"),
        ("bad_leader", "ogc-21-026", "info"),
        ("bad_truncated_in_last_tile", "ogc-21-026/http-range", "error"),
        ("bad_overlapping_tiles", "gdal", "ok"),
        ("bad_empty", "gdal", "error"),
    ] {
        let found = verdict(name, profile);
        assert_eq!(found, expected, "{name} with {profile}");
    }
    // Several profiles: the worst of what they say.
    let both = ["--profile", "gdal", "--profile", "ogc-21-026/geotiff-keys"];
    parcelle(["check", "testdata/cog/bad_no_crs.tif"].iter().chain(&both)).expect_code(1);
    parcelle(["check", "testdata/cog/bad_no_crs.tif", "--profile", "gdal"]).expect_code(0);
}

#[test]
fn geoserver_answers_for_each_way_of_access() {
    let half = "testdata/cog/bad_geoserver_half_float.tif";
    let run = parcelle(["check", half, "--profile", "geoserver", "--format", "json"]).expect_code(1).json();
    let answer = |access: &str| json!({"target": "geoserver", "version": "3.0", "access": access, "outcome": "misreads", "decoder": "misreads", "because": ["GS-TYPE-003"], "detail": "store and layer can be created, maps show wrong values without an error"});
    assert_eq!(run["files"][0]["compatibility"], json!([answer("file"), answer("cog-http")]));
    let found = run["files"][0]["findings"].as_array().unwrap();
    assert!(found.len() == 1 && found[0]["count"] == 3, "{found:?}");
    assert_eq!(run["files"][0]["facts"]["width"], 380);
    // Layout alone does not know GeoServer.
    let run = parcelle(["check", half, "--profile", "cog", "--format", "json"]).expect_code(0).json();
    assert_eq!(run["files"][0]["compatibility"], json!([]));

    let text = parcelle(["check", half, "--profile", "geoserver@2.20"]).expect_code(1).stdout;
    assert!(text.contains("GeoServer 2.20 will show it wrongly from a file and by COG over HTTP"), "{text}");
    let good = "testdata/cog/good_rgb.tif";
    let two = ["--profile", "geoserver@2.27", "--profile", "GeoServer@2.28.1"];
    let text = parcelle(["check", good].iter().chain(&two)).expect_code(0).stdout;
    for version in ["2.27", "2.28.1"] {
        assert!(
            text.contains(&format!("GeoServer {version} will show it from a file and by COG over HTTP.")),
            "{text}"
        );
    }
}

#[test]
fn fix_commands_for_geoserver_work() {
    for name in ["half_float", "int8", "min_is_white", "nodata_text"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("it's IN.tif");
        std::fs::copy(fixture(&format!("cog/bad_geoserver_{name}.tif")), &path).unwrap();
        let profile = parcelle::Profile::Geoserver(None);
        let report = parcelle::check([&path]).profiles([profile]).run().unwrap();
        let fix = &report.files[0].findings[0].fix;
        let gdal = std::process::Command::new("sh").arg("-c").arg(fix).current_dir(top()).output().unwrap();
        let said = String::from_utf8_lossy(&gdal.stderr).into_owned();
        if said.contains("not found") {
            eprintln!("gdal_translate is not installed: the fix of {name} was not run");
            continue;
        }
        assert!(gdal.status.success(), "{name}: {fix}\n{said}");
        let mended = directory.path().join("it's IN.geoserver.tif");
        let report = parcelle::check([mended]).profiles([profile]).run().unwrap();
        assert_eq!(report.summary.ok, 1, "{name}: {fix}\n{:?}", report.files[0].findings);
    }
}

#[test]
fn the_human_report_reads_well() {
    let run = parcelle([
        "check",
        "testdata/cog/good_mask.tif",
        "testdata/cog/bad_main_ifd_at_end.tif",
        "testdata/cog/bad_truncated_in_last_tile.tif",
        "testdata/vrt/bad_missing_source.vrt",
        "testdata/vrt/bad_unknown_element.vrt",
        "nowhere.tif",
    ]);
    insta::assert_snapshot!(run.expect_code(2).stdout);
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    let command = readme.lines().find_map(|line| line.strip_prefix("    $ parcelle check ")).unwrap();
    let output = parcelle(["check"].into_iter().chain(command.split(' '))).expect_code(1).stdout;
    let indented: String = output.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
    assert!(readme.contains(&indented), "the README shows another output than:\n{indented}");
}

#[test]
fn rules_are_listed_and_explained() {
    let list = parcelle(["check", "--rules"]).expect_code(0).stdout;
    assert_eq!(list.lines().count(), parcelle::rules().count());
    for rule in parcelle::rules() {
        let text = parcelle(["check", "--explain", &rule.id.to_lowercase()]).expect_code(0).stdout;
        // Lines are broken between words.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [rule.id, rule.title, rule.why, rule.reference] {
            assert!(words(&text).contains(&words(part)), "{}: {text}", rule.id);
        }
    }
    let run = parcelle(["check", "--explain", "COG-XYZ-999"]).expect_code(2);
    assert!(run.complaint().contains("--rules"));
}

#[test]
fn the_report_goes_to_a_file_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let path = path.to_str().unwrap();
    let to_file = ["check", "testdata/vrt", "--format", "json"];
    let run = parcelle(to_file.iter().chain(&["--output", path])).expect_code(1);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let direct = parcelle(to_file).expect_code(1);
    assert_eq!(std::fs::read_to_string(path).unwrap(), direct.stdout);
    assert_eq!(crate::listing(directory.path()), ["report.json"]);
    let run = parcelle(["check", "testdata/vrt", "--output", "does/not/exist/report.json"]).expect_code(2);
    assert!(run.complaint().starts_with("cannot write does/not/exist/report.json: "));
}

#[test]
fn a_report_never_replaces_what_was_checked() {
    let directory = tempfile::tempdir().unwrap();
    let raster = directory.path().join("a.tif");
    std::fs::copy(fixture("cog/good_mask.tif"), &raster).unwrap();
    let alias = directory.path().join("alias.tif");
    symlink(&raster, &alias).unwrap();
    let before = std::fs::read(&raster).unwrap();
    for output in [&raster, &alias] {
        let paths = [raster.to_str().unwrap(), "--output", output.to_str().unwrap()];
        let run = parcelle(["check"].iter().chain(&paths)).expect_code(2);
        assert!(run.complaint().contains("is one of the files that are checked"), "{}", run.stderr);
    }
    let run = parcelle(["check", raster.to_str().unwrap(), "--output", "/dev/null"]).expect_code(2);
    assert!(run.complaint().contains("not a regular file"), "{}", run.stderr);
    assert_eq!(std::fs::read(&raster).unwrap(), before);
}

#[test]
fn the_order_and_the_text_do_not_depend_on_threads() {
    let one = parcelle(["check", "testdata", "--threads", "1"]).expect_code(1);
    assert_eq!(parcelle(["check", "testdata", "--threads", "7"]).expect_code(1).stdout, one.stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = command(["check", "--rules"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

#[test]
fn directories_are_walked_and_loops_end() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("côté nord/2024");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::copy(fixture("cog/good_mask.tif"), below.join("été 1.TIF")).unwrap();
    std::fs::write(below.join("notes.txt"), "not a raster").unwrap();
    symlink(fixture("cog/good_rgb.tif"), directory.path().join("linked.tif")).unwrap();
    let report = parcelle::check([directory.path()]).run().unwrap();
    let names: Vec<_> = report.files.iter().map(|file| file.path.rsplit('/').next().unwrap()).collect();
    assert_eq!((names, report.unexamined.len()), (vec!["été 1.TIF", "linked.tif"], 0));

    symlink(directory.path(), below.join("loop")).unwrap();
    symlink("nowhere", directory.path().join("broken.tif")).unwrap();
    let report = parcelle::check([directory.path()]).run().unwrap();
    assert_eq!((report.files.len(), report.unexamined.len()), (2, 2), "{:?}", report.unexamined);
}

#[test]
fn content_rules_over_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mosaic.data");
    std::fs::copy(fixture("cog/good_mask.tif"), &path).unwrap();
    assert_eq!(parcelle::check([&path]).run().unwrap().files[0].kind.as_str(), "geotiff");
    let path = directory.path().join("wrongly-named.tif");
    std::fs::copy(fixture("vrt/bad_wrong_root.vrt"), directory.path().join("a.vrt")).unwrap();
    std::fs::copy(fixture("vrt/bad_missing_source.vrt"), &path).unwrap();
    assert_eq!(parcelle::check([&path]).run().unwrap().files[0].kind.as_str(), "vrt");
    let text = directory.path().join("page.tif");
    std::fs::write(&text, "<html>404</html>").unwrap();
    let report = parcelle::check([&text]).run().unwrap();
    assert_eq!(report.files[0].findings[0].rule.id, "COG-FILE-001");
}

#[test]
fn fix_commands_of_damaged_layouts_work() {
    // The fix of a file whose layout is wrong is a command; run it, and the result must be without errors.
    for name in ["bad_main_ifd_at_end", "bad_overview_data_after_full_resolution", "bad_strips"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("it's a raster.tif");
        std::fs::copy(fixture(&format!("cog/{name}.tif")), &path).unwrap();
        let report = parcelle::check([&path]).run().unwrap();
        let fix = &report.files[0].findings[0].fix;
        assert!(fix.starts_with("gdal_translate "), "{name}: {fix}");
        let gdal = std::process::Command::new("sh").arg("-c").arg(fix).current_dir(top()).output().unwrap();
        let said = String::from_utf8_lossy(&gdal.stderr).into_owned();
        if said.contains("not found") {
            eprintln!("gdal_translate is not installed: the fix of {name} was not run");
            continue;
        }
        assert!(gdal.status.success(), "{name}: {fix}\n{said}");
        let mended: Vec<_> = crate::listing(directory.path());
        let mended = mended.iter().find(|file| *file != "it's a raster.tif").expect("a new file");
        let report = parcelle::check([directory.path().join(mended)]).run().unwrap();
        assert_eq!(report.summary.error, 0, "{name}: {:?}", report.files[0].findings);
    }
}

#[test]
fn a_gdal_that_no_rule_knows_is_told() {
    let check = |version: &str| {
        parcelle(["check", "testdata/vrt/good_mosaic.vrt", "--profile", "vrt", "--gdal-version", version])
            .expect_code(0)
    };
    let (last, least) = parcelle::NEWEST_KNOWN_GDAL;
    assert_eq!(check(&format!("{last}.{least}")).stderr, "");
    let told = check("9.9").stderr;
    assert_eq!(
        told,
        format!(
            "warning: --gdal-version 9.9: the newest GDAL that the rules know is {last}.{least}; files are judged as by that \
             one\n"
        )
    );
}

#[test]
fn the_directory_where_the_server_is_started_may_be_given() {
    let check = |options: &[&str], code| {
        let file = ["check", "testdata/vrt/bad_relative_path_flag_absent.vrt", "--profile", "vrt"];
        parcelle(file.into_iter().chain(options.iter().copied())).expect_code(code)
    };
    assert!(check(&[], 1).stdout.contains("error   VRT-SRC-003"));
    let found = check(&["--working-dir", "testdata/vrt"], 0).stdout;
    assert!(found.contains("warning VRT-SRC-003") && !found.contains("error"), "{found}");
    assert!(check(&["--working-dir", "nowhere"], 2).stderr.contains("there is no such directory"));
}

#[test]
fn what_a_map_of_a_mosaic_costs_is_told_to_people() {
    let told = parcelle(["check", "testdata/vrt/good_mosaic.vrt", "--profile", "vrt"]).expect_code(0).stdout;
    assert!(told.contains("  At full scale a tile of a map touches at most 2 sources;"), "{told}");
}

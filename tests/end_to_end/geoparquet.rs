//! `parcelle check` of GeoParquet: own outputs, fix commands, URLs.

use std::path::Path;

use parcelle::http::{HttpClient, HttpOptions};
use parcelle::report::picture::{Part, Picture};
use parcelle::report::{FileReport, Severity};
use parcelle::{Depth, Profile};
use serde_json::json;

use crate::range_server::RangeServer;
use crate::{fixture, listing, parcelle};

fn check(path: &Path) -> FileReport {
    let report = parcelle::check([path]).profiles([Profile::Geoparquet]).depth(Depth::Pixels).run().unwrap();
    assert_eq!(report.unexamined, [], "{}", path.display());
    report.files.into_iter().next().unwrap()
}

/// What is worse than informational.
fn complaints(report: &FileReport) -> Vec<String> {
    let serious = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
    serious.map(|finding| format!("{} {}", finding.rule.id, finding.message)).collect()
}

#[test]
fn what_convert_writes_is_clean() {
    let directory = tempfile::tempdir().unwrap();
    let inputs = [("parcels.shp", true), ("towns.geojson", true), ("shapes.geojson", false)];
    let mut checked = 0;
    for (input, has_one_type) in inputs {
        for version in ["1.0", "1.1", "2.0"] {
            for encoding in ["wkb", "geoarrow"] {
                if encoding == "geoarrow" && (version != "1.1" || !has_one_type) {
                    continue;
                }
                for extra in [&[][..], &["--orientation", "counterclockwise"], &["--row-group-rows", "2"]] {
                    let output = directory.path().join(format!("{checked}.parquet"));
                    let input = fixture(&format!("vector/{input}"));
                    let mut arguments = vec!["convert", input.to_str().unwrap(), output.to_str().unwrap()];
                    arguments.extend(["--geoparquet", version, "--encoding", encoding]);
                    arguments.extend(extra);
                    parcelle(&arguments).expect_code(0);
                    let report = check(&output);
                    assert_eq!(complaints(&report), Vec::<String>::new(), "{arguments:?}");
                    assert_eq!(report.facts["geoparquet"], json!(format!("{version}.0")));
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 30, "{checked}");
}

/// Neither NULL nor EMPTY has a place: a file of those has no box, and no command would give it one.
#[test]
fn a_file_without_any_position_has_no_box() {
    let directory = tempfile::tempdir().unwrap();
    for (name, rows) in [("null", "\n"), ("empty", "POINT EMPTY\nPOLYGON EMPTY\n"), ("both", "\nPOINT EMPTY\n")] {
        let input = directory.path().join(format!("{name}.csv"));
        std::fs::write(&input, format!("WKT,n\n{}", rows.replace('\n', ",1\n"))).unwrap();
        for version in [parcelle::GeoParquetVersion::V1_1, parcelle::GeoParquetVersion::V2_0] {
            let output = directory.path().join(format!("{name}.parquet"));
            parcelle::convert(&input, &output)
                .crs("EPSG:2154")
                .geoparquet_version(version)
                .overwrite(true)
                .run()
                .unwrap();
            let found = complaints(&check(&output));
            assert!(found.iter().all(|text| text.starts_with("GPQ-GEO-009")), "{name}: {found:?}");
        }
    }
}

#[test]
fn fix_commands_of_geoparquet_work() {
    let directory = tempfile::tempdir().unwrap();
    let mut run = 0;
    for name in listing(&fixture("geoparquet")).iter().filter(|name| name.starts_with("bad_")) {
        let copy = directory.path().join(name);
        std::fs::copy(fixture(&format!("geoparquet/{name}")), &copy).unwrap();
        let report = check(&copy);
        assert!(!complaints(&report).is_empty(), "{name}");
        let commands: Vec<&str> = report
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .map(|finding| finding.fix.as_str())
            .filter(|fix| fix.starts_with("parcelle convert ") && !fix.contains('…'))
            .collect();
        let Some(command) = commands.first() else { continue };
        // All that a command mends is mended by the same one.
        assert!(commands.iter().all(|other| other == command), "{name}: {commands:?}");
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        parcelle(&words).expect_code(0);
        let output = words[2];
        let mended = check(Path::new(output));
        let left: Vec<String> = complaints(&mended)
            .into_iter()
            // What a command cannot decide stays, and has no command.
            .filter(|left| {
                let id = left.split(' ').next().unwrap();
                report.findings.iter().any(|finding| finding.rule.id == id && finding.fix == *command)
                    || report.findings.iter().all(|finding| finding.rule.id != id)
            })
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{name}: {command}");
        run += 1;
    }
    assert!(run >= 25, "only {run} commands were run");
}

#[test]
fn a_footer_behind_a_url_takes_two_requests() {
    let names = ["good_1_1.parquet", "bad_bbox_row_groups.parquet", "bad_cut.parquet"];
    let server = RangeServer::start(
        names.iter().map(|name| (*name, std::fs::read(fixture(&format!("geoparquet/{name}"))).unwrap())),
    );
    let client = HttpClient::new(HttpOptions {
        proxy_from_environment: false,
        // Smaller than the files, so that the end is not in what the first request brings.
        first_read: 1024,
        ..HttpOptions::default()
    });
    for name in names {
        let local = fixture(&format!("geoparquet/{name}"));
        let local = parcelle::check([&local]).depth(Depth::Header).run().unwrap().files.remove(0);
        let report = parcelle::check([server.url(&format!("cors/{name}"))]).client(client.clone()).run().unwrap();
        assert_eq!(report.unexamined, [], "{name}");
        let remote = &report.files[0];
        let rules = |file: &FileReport| file.findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>();
        assert_eq!(rules(remote), rules(&local), "{name}");
        assert!(remote.facts["requests"].as_u64().unwrap() <= 2, "{name}: {:?}", remote.facts);
    }
    let before = server.requests().len();
    let url = server.url("cors/good_1_1.parquet");
    let report = parcelle::check([&url]).client(client.clone()).depth(Depth::Pixels).run().unwrap();
    assert_eq!(report.files[0].facts["geometries"][0]["rows"], 4);
    assert_eq!(report.files[0].facts["requests"], server.requests().len() - before);
    // The end of the file cannot be asked for.
    let small =
        HttpOptions { first_read: 1024, whole_limit: 1100, proxy_from_environment: false, ..HttpOptions::default() };
    let url = server.url("norange/good_1_1.parquet");
    let report = parcelle::check([&url]).client(HttpClient::new(small)).run().unwrap();
    assert!(report.unexamined[0].reason.contains("does not answer ranges"), "{report:?}");
}

#[test]
fn geoparquet_is_reported_for_people() {
    let text = parcelle(["check", "testdata/geoparquet/bad_crs_without_code.parquet"]).expect_code(0).stdout;
    for part in [
        "GeoServer 3.0 will show it wrongly by its GeoParquet store: its coordinates are taken for degrees (GPQ-CRS-003).",
        "DuckDB 2.0.1 will read it.",
        "parcelle convert testdata/geoparquet/bad_crs_without_code.parquet",
    ] {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part:?} is not in {text}");
    }
    let report = parcelle(["check", "testdata/geoparquet/good_2_0.parquet", "--format", "json"]).expect_code(0).json();
    let facts = &report["files"][0]["facts"];
    assert_eq!((&facts["rows"], &facts["row_groups"], &facts["geoparquet"]), (&json!(4), &json!(1), &json!("2.0.0")));
    assert_eq!(facts["geometry_columns"][0]["parquet_type"], "GEOMETRY");
    assert_eq!(facts["geometry_columns"][0]["crs"], "EPSG:2154");
    assert_eq!(facts["columns"][0]["name"], "id");
    // A directory is walked for both endings.
    let report =
        parcelle(["check", "testdata/geoparquet", "--format", "json", "--fail-on", "never"]).expect_code(0).json();
    assert_eq!(report["summary"]["files"], listing(&fixture("geoparquet")).len());
}

#[test]
fn readers_are_answered_for_where_there_is_evidence() {
    for (name, expected) in [
        ("good_1_1.parquet", "gdal reads, duckdb reads, geoserver reads"),
        ("good_heights.parquet", "gdal reads, duckdb reads, geoserver fails GPQ-READ-002"),
        ("bad_types_alone.parquet", "gdal reads, duckdb reads"),
        ("bad_crs_code.parquet", "duckdb fails GPQ-CRS-001"),
        ("bad_encoding.parquet", "gdal fails GPQ-COL-004, duckdb fails GPQ-COL-004"),
        ("bad_version_unknown.parquet", "gdal reads, duckdb fails GPQ-META-003"),
        ("bad_crs_null.parquet", "gdal reads, duckdb reads, geoserver misreads GPQ-CRS-007"),
        ("bad_two_geo_entries.parquet", ""),
        ("bad_cut.parquet", ""),
    ] {
        let path = format!("testdata/geoparquet/{name}");
        let report = parcelle(["check", &path, "--format", "json", "--fail-on", "never"]).expect_code(0).json();
        let answers = report["files"][0]["compatibility"].as_array().unwrap().iter().map(|answer| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let because = answer["because"].as_array().unwrap().iter().map(text);
            let words = [text(&answer["target"]), text(&answer["outcome"])].into_iter().chain(because);
            words.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(answers.collect::<Vec<_>>().join(", "), expected, "{name}");
    }
}

#[test]
fn row_groups_and_columns_are_drawn() {
    let path = fixture("geoparquet/bad_no_order.parquet");
    let report = parcelle::check([&path]).pictures(true).run().unwrap();
    let [Picture::Strip(strip), Picture::Map(map), Picture::Bars(bars)] = &report.files[0].pictures[..] else {
        panic!("{:?}", report.files[0].pictures);
    };
    assert_eq!((map.boxes.len(), map.left_out, bars.bars[0].label.as_str()), (7, 0, "geometry"));
    assert_eq!(strip.length, path.metadata().unwrap().len());
    let parts: Vec<_> = strip.totals.iter().map(|total| total.part).collect();
    assert_eq!(parts, [Part::Header, Part::RowGroup, Part::Footer], "{:?}", strip.totals);
    assert!(parcelle::check([&path]).run().unwrap().files[0].pictures.is_empty());
}

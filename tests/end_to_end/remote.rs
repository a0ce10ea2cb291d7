//! `parcelle check` on files behind URLs, served by this test.

use std::collections::BTreeSet;
use std::time::Duration;

use parcelle::Profile;
use parcelle::http::{HttpClient, HttpOptions};
use parcelle::report::FileReport;
use serde_json::{Value, json};

use crate::range_server::RangeServer;
use crate::{Run, command, fixture};

/// Serves fixtures of `testdata/cog/` under their names.
fn server(names: &[&'static str]) -> RangeServer {
    RangeServer::start(names.iter().map(|name| (*name, std::fs::read(fixture(&format!("cog/{name}"))).unwrap())))
}

/// Runs the binary with these variables, and without any proxy or credentials of the machine.
fn parcelle_with(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = command(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3", "AWS_REGION"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command.env("NO_PROXY", "*").envs(variables.iter().copied()).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json_of(arguments: &[&str], code: i32) -> Value {
    parcelle_with(&[&["check", "--format", "json"], arguments].concat(), &[]).expect_code(code).json()
}

fn ids(file: &Value) -> BTreeSet<&str> {
    file["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn a_cog_takes_few_requests_and_is_judged_as_geoserver_reaches_it() {
    let server = server(&["good_rgb.tif"]);
    let url = server.url("cors/good_rgb.tif");
    let report = json_of(&[&url], 0);
    let file = &report["files"][0];
    assert_eq!((&file["path"], &file["verdict"]), (&json!(url), &json!("info")), "{file}");
    let answer = json!({
        "target": "geoserver", "version": "3.0", "access": "cog-http", "outcome": "reads", "decoder": "reads", "because": []
    });
    assert_eq!(file["compatibility"], json!([answer]));
    assert!(!ids(file).iter().any(|id| id.starts_with("COG-HTTP")), "{file}");
    let facts = &file["facts"];
    assert_eq!(facts["header_requests"], 1);
    assert_eq!(facts["requests"], server.requests().len());
    assert!(facts["tiles_looked_at"].as_u64().unwrap() >= 1 && facts["bytes_read"].is_u64());
    assert_eq!(facts["levels"][0]["first_tile"]["geoserver_requests"], 2);
    assert_eq!(facts["content_type"], "image/tiff; application=geotiff; profile=cloud-optimized");

    let text = parcelle_with(&["check", &url], &[]).expect_code(0).stdout;
    assert!(text.contains("GeoServer 3.0 will show it by COG over HTTP.\n"), "{text}");
    // Programs need no headers for browsers: a warning, and only where it is to be published.
    let report = json_of(&[&server.url("normal/good_rgb.tif")], 0);
    assert!(ids(&report["files"][0]).is_superset(&BTreeSet::from(["COG-HTTP-002", "COG-HTTP-003"])));
    let before = server.requests().len();
    let report = json_of(&[&server.url("normal/good_rgb.tif"), "--profile", "geoserver"], 0);
    assert_eq!(ids(&report["files"][0]), BTreeSet::new());
    assert_eq!(server.requests().len() - before, 1);
}

#[test]
fn every_fixture_is_judged_remotely_as_it_is_locally() {
    let names: Vec<&'static str> = std::fs::read_dir(fixture("cog"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".tif"))
        .map(|name| &*Box::leak(name.into_boxed_str()))
        .collect();
    let server = server(&names);
    let client = HttpClient::new(HttpOptions { proxy_from_environment: false, ..HttpOptions::default() });
    // How it is served, and what lies beside it, is another matter.
    let rules = |file: &FileReport| -> Vec<String> {
        let other = ["COG-HTTP", "COG-OVR-002", "COG-MSK-004", "COG-FILE-006"];
        let own = file.findings.iter().filter(|found| !other.iter().any(|id| found.rule.id.starts_with(id)));
        own.map(|finding| format!("{} {}", finding.rule.id, finding.message)).collect()
    };
    for depth in [parcelle::Depth::Header, parcelle::Depth::Tiles] {
        let check = |path: &str| parcelle::check([path]).profiles([Profile::Cog]).depth(depth).client(client.clone());
        for name in &names {
            let local = check(fixture(&format!("cog/{name}")).to_str().unwrap()).run().unwrap();
            let remote = check(&server.url(&format!("cors/{name}"))).run().unwrap();
            assert_eq!(remote.unexamined, [], "{name}");
            let [local, remote] = [local, remote].map(|mut report| report.files.remove(0));
            assert_eq!(rules(&remote), rules(&local), "{name} with depth {depth:?}");
            assert!(remote.facts["header_requests"].as_u64().unwrap() <= 3, "{name}: {:?}", remote.facts);
        }
    }
    // What only the bytes around the tiles tell is seen in the sample, too.
    for (name, rule) in [("bad_leader.tif", "COG-GHO-005"), ("bad_trailer.tif", "COG-GHO-006")] {
        let report = parcelle::check([server.url(&format!("cors/{name}"))]).client(client.clone()).run().unwrap();
        assert!(report.files[0].findings.iter().any(|finding| finding.rule.id == rule), "{name}");
    }
}

#[test]
fn a_server_without_ranges_is_an_error() {
    let server = server(&["good_uncompressed.tif", "good_rgb.tif"]);
    for (name, outcome) in [("good_uncompressed.tif", "misreads"), ("good_rgb.tif", "fails")] {
        let report = json_of(&[&server.url(&format!("norange/{name}"))], 1);
        let file = &report["files"][0];
        assert!(ids(file).contains("COG-HTTP-001"), "{file}");
        assert_eq!(file["compatibility"][0]["outcome"], outcome);
        assert_eq!(file["compatibility"][0]["because"], json!(["COG-HTTP-001"]));
    }
    // Of a large file the beginning is all there is; the gigabytes behind it stay where they are.
    let options = HttpOptions {
        whole_limit: 2000,
        backoff: Duration::from_millis(1),
        proxy_from_environment: false,
        ..HttpOptions::default()
    };
    let url = server.url("norange/good_rgb.tif");
    let report = parcelle::check([&url]).client(HttpClient::new(options)).run().unwrap();
    let file = &report.files[0];
    assert!(file.findings.iter().any(|finding| finding.rule.id == "COG-HTTP-001"), "{file:?}");
    assert_eq!(file.compatibility[0].because, ["COG-HTTP-001"]);
    assert!(file.facts["bytes_read"].as_u64().unwrap() <= 2001, "{:?}", file.facts);
}

#[test]
fn what_cannot_be_read_is_unexamined_with_a_reason_and_a_way_out() {
    let server = server(&["good_rgb.tif"]);
    let [secret, good] = ["forbidden/good_rgb.tif?token=geheim", "cors/good_rgb.tif"].map(|path| server.url(path));
    let (directory, missing) = (server.url("normal/"), server.url("missing/good_rgb.tif"));
    let report = json_of(&[&secret, &good, &directory, &missing, "s3://bucket/*.tif", "ftp://host/dem.tif"], 2);
    assert_eq!(report["summary"]["files"], 1);
    let unexamined = report["unexamined"].as_array().unwrap();
    let reasons: Vec<_> = unexamined.iter().map(|missing| missing["reason"].as_str().unwrap()).collect();
    for (reason, expected) in reasons.iter().zip([
        "the server answers 403 (forbidden)",
        "it is a directory",
        "the server answers 404 (not found)",
        "patterns are not expanded on remote files",
        "files behind ftp:// cannot be read",
    ]) {
        assert!(reason.starts_with(expected), "{reasons:?}");
    }
    assert!(unexamined.iter().all(|missing| missing["hint"].as_str().is_some_and(|hint| hint.len() > 10)));
    assert!(unexamined[0]["path"].as_str().unwrap().ends_with("?token=***"), "{unexamined:?}");

    let run = parcelle_with(&["check", &secret], &[]).expect_code(2);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("geheim"), "{run:?}");
    let run = parcelle_with(&["check", "https://nowhere.invalid/dem.tif"], &[]).expect_code(2);
    assert!(run.stdout.contains("nowhere.invalid"), "{run:?}");
}

#[test]
fn no_report_repeats_what_is_secret_in_a_url() {
    let server = server(&["bad_main_ifd_at_end.tif"]);
    let url = format!("http://user:geheim@{}/cors/bad_main_ifd_at_end.tif?X-Amz-Signature=geheim", server.address);
    for format in ["human", "json"] {
        let run = parcelle_with(&["check", &url, "--format", format], &[]).expect_code(1);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("geheim"), "{run:?}");
        assert!(run.stdout.contains("/vsicurl/http://user:***@") && run.stdout.contains("bad_main_ifd_at_end.cog.tif"));
    }
}

#[test]
fn objects_of_a_store_are_read_by_its_endpoint() {
    let server = server(&["good_rgb.tif"]);
    let endpoint = format!("http://{}", server.address);
    let variables =
        [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "geheim")];
    for name in ["s3://normal/good_rgb.tif", "/vsis3/normal/good_rgb.tif"] {
        let run = parcelle_with(&["check", name, "--format", "json"], &variables).expect_code(0);
        let file = &run.json()["files"][0];
        assert_eq!(file["path"], "s3://normal/good_rgb.tif");
        // What is read through an interface of its own is not published by its URL.
        assert!(!ids(file).iter().any(|id| id.starts_with("COG-HTTP")), "{file}");
        assert!(!run.stdout.contains("geheim") && !run.stdout.contains("Signature"), "{}", run.stdout);
    }
    assert!(server.requests().iter().all(|request| request.path.contains("X-Amz-Signature=")));
}

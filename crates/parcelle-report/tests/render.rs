//! Both renderers on one report with everything in it.

use std::collections::BTreeMap;

use parcelle_report::{
    Compatibility, FileKind, FileReport, Finding, Findings, Location, Outcome, REMARKS, Report, Rule, Severity, Tool,
    Unexamined, Verdict, render,
};
use serde_json::{Value, json};

static LATE: Rule = Rule {
    id: "COG-IFD-001",
    severity: Severity::Error,
    title: "The main directory comes after image data",
    why: "A reader needs it first.",
    fix: "Rewrite the file",
    reference: "https://example.org/ifd",
};
static SMALL: Rule = Rule {
    id: "COG-TILE-005",
    severity: Severity::Info,
    title: "Tiles are small",
    why: "More requests.",
    fix: "",
    reference: "https://example.org/tiles",
};

fn report() -> Report {
    let mut findings = Findings::new();
    findings.push(Finding::new(&SMALL, "Tiles of 64x64 pixels are small"));
    for tile in 0..2000 {
        findings.push(
            Finding::new(&LATE, "The main directory is at byte 81910, behind the image data, so that a client cannot read it in one request")
                .fix("gdal_translate dem.tif out.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co BLOCKSIZE=512")
                .at(Location { ifd: Some(0), tag: Some("TileOffsets".to_owned()), offset: Some(tile), ..Location::default() }),
        );
    }
    let facts = BTreeMap::from([("width", Value::from(900)), ("compression", "deflate".into())]);
    let mut bad = FileReport::new("dem.tif", FileKind::Geotiff, findings.into_sorted(), facts);
    bad.compatibility.push(Compatibility {
        target: "geoserver".to_owned(),
        version: "3.0".to_owned(),
        access: "file".to_owned(),
        outcome: Outcome::Misreads,
        because: vec!["COG-IFD-001"],
        detail: String::new(),
        decoder: None,
    });
    let good = FileReport::new("ok.vrt", FileKind::Vrt, Vec::new(), BTreeMap::new());
    let missing = Unexamined {
        path: "nowhere.tif".to_owned(),
        reason: "no such file or directory".to_owned(),
        hint: "check the spelling".to_owned(),
    };
    Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![bad, good], vec![missing])
}

#[test]
fn json_satisfies_its_schema() {
    let schema: Value = serde_json::from_str(render::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut text = Vec::new();
    render::json(&report(), &mut text).unwrap();
    let value: Value = serde_json::from_slice(&text).unwrap();
    let problems: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(value["summary"], json!({"files": 2, "ok": 1, "info": 0, "warning": 0, "error": 1}));
    assert_eq!(value["files"][0]["findings"].as_array().unwrap().len(), 1 + Findings::CAP);
    let counted: u64 = value["files"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 2001);

    let mut broken = value.clone();
    broken["files"][0]["verdict"] = "fine".into();
    assert!(!validator.is_valid(&broken));
}

#[test]
fn human_text_is_narrow_and_shows_each_fix_once() {
    let mut text = Vec::new();
    render::human(&report(), render::HumanOptions::default(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    insta::assert_snapshot!(text);
    for line in text.lines().filter(|line| !line.contains("gdal_translate")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let render = |color| {
        let mut text = Vec::new();
        render::human(&report(), render::HumanOptions { color, ..Default::default() }, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    let colored = render(true);
    assert!(colored.contains('\u{1b}'));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(false));
}

#[test]
fn the_verdict_is_the_worst_finding() {
    assert_eq!(report().verdict(), Verdict::Error);
    assert_eq!(report().files[1].verdict, Verdict::Ok);
    let info = FileReport::new("a", FileKind::Unknown, vec![Finding::new(&SMALL, "small")], BTreeMap::new());
    assert_eq!(info.verdict, Verdict::Info);
}

#[test]
fn remarks_are_told_to_people() {
    let remarks = json!(["At full scale a tile touches 2 sources.", 7, "It takes\u{7} GDAL 3.9."]);
    let facts = BTreeMap::from([(REMARKS, remarks)]);
    let file = FileReport::new("a.vrt", FileKind::Vrt, Vec::new(), facts);
    let report = Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![file], Vec::new());
    let mut text = Vec::new();
    render::human(&report, render::HumanOptions::default(), &mut text).unwrap();
    let expected = "ok       a.vrt\n  At full scale a tile touches 2 sources.\n  It takes\\u{7} GDAL 3.9.\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn others_are_counted_once_and_words_of_fixes_are_broken() {
    let sentence = "Not repairable from this file: get the source again (download or export it once more), then: ";
    let command = "gdal_translate SOURCE.tif a/path/that/is/longer/than/a/line/has/room/for.cog.tif -of COG";
    let fix = format!("{sentence}{command}");
    let finding = |message: &str, count| Finding::new(&LATE, message).told(count).fix(fix.as_str());
    let findings =
        vec![finding("Tile (3,4) overlaps (and 1,008 more)", 1009), finding("Tile (1,1) overlaps (and 16 more)", 17)];
    let file = FileReport::new("dem.tif", FileKind::Geotiff, findings, BTreeMap::new());
    let report = Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![file], Vec::new());
    let mut text = Vec::new();
    render::human(&report, render::HumanOptions::default(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Tile (3,4) overlaps (and 1,025 more)\n"), "{text}");
    assert!(text.contains(&format!("then:\n    {command}\n")), "{text}");
    for line in text.lines().filter(|line| !line.contains("gdal_translate")) {
        assert!(line.chars().count() <= 80, "{line}");
    }

    let list = |number: u64| {
        Finding::new(&LATE, format!("{number} of 90 files have no overviews: a.tif and 4 more")).told(number)
    };
    let file = FileReport::new("mosaic", FileKind::Mosaic, (5..10).map(list).collect(), BTreeMap::new());
    let report = Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![file], Vec::new());
    let mut text = Vec::new();
    render::human(&report, render::HumanOptions { width: 200, ..Default::default() }, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains("of 90 files")).map(str::trim).collect();
    let [first, second, third] = told[..] else { panic!("{text}") };
    assert!(first.ends_with("a.tif and 4 more") && second.starts_with("6 of 90"), "{text}");
    assert!(third.ends_with("a.tif and 4 more (17 others break this rule, too)"), "{text}");
}

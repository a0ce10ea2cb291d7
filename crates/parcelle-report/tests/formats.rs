//! The formats for programs and the page, on reports that try to break them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use parcelle_report::picture::{
    Bar, Bars, BarsOf, BoxKind, Map, MapBox, Part, Picture, PyramidLevel, Run, StripBuilder,
};
use parcelle_report::{
    Compatibility, FileKind, FileReport, Finding, IgnoreRule, Ignoring, Language, Location, Outcome, Report, Rule,
    RuleText, Severity, Tool, Unexamined, Wording, render,
};
use serde_json::Value;

static BROKEN: Rule = Rule {
    id: "COG-IFD-001",
    severity: Severity::Error,
    title: "The main directory comes after image data",
    why: "A reader needs it first.",
    fix: "Rewrite the file",
    reference: "https://example.org/ifd, section 2",
};
static SLOW: Rule = Rule {
    id: "COG-TILE-005",
    severity: Severity::Warning,
    title: "Tiles are small",
    why: "More requests.",
    fix: "Larger tiles",
    reference: "GDAL documentation",
};

/// What a file system allows in a name and a file in its texts.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&\u{7}\u{1b}[31m é.tif";

fn french(id: &str) -> Option<RuleText> {
    (id == "COG-IFD-001").then_some(RuleText {
        title: "Le répertoire principal suit les données",
        why: "Un lecteur en a besoin d’abord.",
        fix: "Réécrire le fichier",
    })
}

fn answer(version: &str, outcome: Outcome) -> Compatibility {
    let because = if outcome == Outcome::Reads { Vec::new() } else { vec![BROKEN.id] };
    Compatibility {
        target: "geoserver".to_owned(),
        version: version.to_owned(),
        access: "file".to_owned(),
        outcome,
        because,
        detail: String::new(),
        decoder: None,
    }
}

fn pictures() -> Vec<Picture> {
    let mut strip = StripBuilder::new(10_000, 16);
    for (part, start, end, is_out_of_place) in
        [(Part::Header, 0, 8, false), (Part::Level(0), 8, 6_000, false), (Part::Level(1), 6_000, 9_000, true)]
    {
        strip.push(Run { part, start, end, is_out_of_place });
    }
    let level = |width, has_mask| PyramidLevel { width, height: width, block: [256, 256], bytes: 10, has_mask };
    let bounds = [0.0, 0.0, 10.0, 5.0];
    vec![
        Picture::Strip(strip.finish()),
        Picture::Pyramid(vec![level(1_024, true), level(512, false)]),
        Picture::Map(Map {
            extent: [0.0, 0.0, 20.0, 10.0],
            is_downwards: true,
            boxes: vec![MapBox { kind: BoxKind::Source, bounds }, MapBox { kind: BoxKind::Missing, bounds }],
            left_out: 3,
        }),
        // A layer in one place has an extent of nothing.
        Picture::Map(Map {
            extent: [2.0; 4],
            is_downwards: false,
            boxes: vec![MapBox { kind: BoxKind::RowGroup, bounds: [2.0; 4] }],
            left_out: 0,
        }),
        Picture::Bars(Bars {
            of: BarsOf::ColumnBytes,
            bars: (0..40).map(|value| Bar { label: HOSTILE.to_owned(), value, severity: None }).collect(),
        }),
    ]
}

fn report() -> Report {
    let mut bad = FileReport::new(
        HOSTILE,
        FileKind::Geotiff,
        vec![
            Finding::new(&BROKEN, format!("It says {HOSTILE}"))
                .at(Location { offset: Some(81_910), ..Location::default() }),
            Finding::new(&SLOW, "Tiles of 64x64").fix("gdal_translate a b").count(7),
        ],
        BTreeMap::from([("compression", Value::from(HOSTILE))]),
    );
    bad.compatibility = vec![answer("3.0", Outcome::Fails)];
    bad.versions =
        vec![answer("2.9", Outcome::Reads), answer("2.28", Outcome::Misreads), answer("3.0", Outcome::Fails)];
    bad.pictures = pictures();
    let mut ignored = FileReport::new(
        "dir/é b.vrt",
        FileKind::Vrt,
        vec![Finding::new(&BROKEN, "m").at(Location { line: Some(3), ..Location::default() })],
        BTreeMap::new(),
    );
    let rule = IgnoreRule::parse("COG-IFD-001@dir/*: <known>").unwrap();
    Ignoring { rules: vec![rule], baseline: None }.apply(&mut ignored);
    let missing =
        Unexamined { path: "nowhere.tif".to_owned(), reason: "no such file".to_owned(), hint: "look".to_owned() };
    Report::new(Tool { name: "parcelle", version: "0.1.0" }, vec![ignored, bad], vec![missing])
}

fn rendered(render: impl FnOnce(&Report, &mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut text = Vec::new();
    render(&report(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn ignored_findings_do_not_count_and_are_shown() {
    assert_eq!((report().summary.ok, report().summary.error), (1, 1));
    let text = rendered(|report, out| render::human(report, render::HumanOptions::default(), out));
    assert!(text.contains("  ignored COG-IFD-001: <known>\n"), "{text}");
    let schema: Value = serde_json::from_str(render::JSON_SCHEMA).unwrap();
    let json: Value = serde_json::from_str(&rendered(|report, out| render::json(report, out))).unwrap();
    let problems: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(problems, [] as [String; 0]);
    assert_eq!(json["files"][0]["ignored"][0]["reason"], "<known>");
    assert_eq!(json["files"][1]["versions"].as_array().unwrap().len(), 3);
}

#[test]
fn french_has_the_titles_of_the_catalogue_before_the_numbers() {
    let wording = Wording::new(Language::French, french);
    let translated = wording.with_sentences(|rule, _| (rule == "COG-IFD-001").then(|| "Voilà\u{A0}: 5".to_owned()));
    let options = render::HumanOptions { wording: translated, ..render::HumanOptions::default() };
    let text = rendered(|report, out| render::human(report, options, out));
    assert!(text.contains("          Voilà\u{A0}: 5\n"), "{text}");
    assert!(!text.contains("Le répertoire principal suit les données\n"), "{text}");
    let junit = rendered(|report, out| render::junit(report, Some(Severity::Error), translated, out));
    assert!(junit.contains("message=\"Voilà\u{A0}: 5\""), "{junit}");
    let page = rendered(|report, out| render::html(report, translated, out));
    assert!(page.contains("<p>Voilà\u{A0}: 5"), "{page}");
    let sarif = rendered(|report, out| render::sarif(report, translated, out));
    assert!(!sarif.contains("Voilà"), "messages for programs stay English");
    let options = render::HumanOptions { wording, ..render::HumanOptions::default() };
    let text = rendered(|report, out| render::human(report, options, out));
    assert!(text.contains("erreur   </script>"), "{text}");
    assert!(text.contains("Le répertoire principal suit les données\n"), "{text}");
    assert!(text.contains("GeoServer 3.0 ne l’affichera pas depuis un fichier (COG-IFD-001)."), "{text}");
    assert!(text.contains("  Pour le corriger\u{A0}:\n    # COG-IFD-001\n    Réécrire le fichier\n"), "{text}");
    assert!(text.ends_with("2 fichiers\u{A0}: 1 ok, 0 info, 0 alerte, 1 erreur\u{A0}; 1 non examinés\n"), "{text}");
}

#[test]
fn sarif_has_rules_results_suppressions_and_notifications() {
    let log: Value =
        serde_json::from_str(&rendered(|report, out| render::sarif(report, Wording::default(), out))).unwrap();
    let run = &log["runs"][0];
    assert_eq!((log["version"].as_str(), run["tool"]["driver"]["name"].as_str()), (Some("2.1.0"), Some("parcelle")));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    assert_eq!(rules[0]["helpUri"], "https://example.org/ifd");
    let first = &run["results"][0];
    assert_eq!(first["suppressions"][0]["justification"], "<known>");
    assert_eq!(first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "dir/%C3%A9%20b.vrt");
    assert_eq!(first["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    assert_eq!(run["results"][1]["locations"][0]["physicalLocation"]["region"]["byteOffset"], 81_910);
    assert_eq!(run["results"][2]["level"], "warning");
    assert_eq!(run["results"][2]["occurrenceCount"], 7);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 1);
}

#[test]
fn junit_is_well_formed_and_counts() {
    let text = rendered(|report, out| render::junit(report, Some(Severity::Error), Wording::default(), out));
    assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"1\""), "{text}");
    assert!(!text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r')), "{text:?}");
    assert!(!text.contains("<img") && text.contains("&lt;img"), "{text}");
    let text = rendered(|report, out| render::junit(report, None, Wording::default(), out));
    assert!(text.contains("failures=\"0\"") && text.contains("<system-out>error "), "{text}");
}

#[test]
fn json_lines_are_the_files_of_the_json() {
    let text = rendered(|report, out| {
        let mut lines = render::JsonLines::start(out, &report.tool)?;
        report.files.iter().try_for_each(|file| lines.file(file))?;
        report.unexamined.iter().try_for_each(|missing| lines.unexamined(missing))?;
        lines.finish(&report.summary)
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let json: Value = serde_json::from_str(&rendered(|report, out| render::json(report, out))).unwrap();
    let keys: Vec<&str> = lines.iter().map(|line| line.as_object().unwrap().keys().next().unwrap().as_str()).collect();
    assert_eq!(keys, ["start", "file", "file", "unexamined", "summary"]);
    assert_eq!(lines[2]["file"], json["files"][1]);
    assert_eq!(lines[4]["summary"], json["summary"]);
}

#[test]
fn the_page_is_whole_and_nothing_of_a_file_is_markup() {
    for language in [Language::English, Language::French] {
        let wording = Wording::new(language, french);
        let page = rendered(|report, out| render::html(report, wording, out));
        assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>\"'"), "a name became markup");
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        // Worst first.
        assert!(page.find("id=\"file-1\"").unwrap() < page.find("id=\"file-0\"").unwrap());
        // Versions are ordered as numbers, and each file has a cell for each.
        let head = page.find("class=\"files\"").unwrap();
        let place = |version: &str| page[head..].find(&format!("class=\"cell\">{version}</th>")).unwrap();
        assert!(place("2.9") < place("2.28") && place("2.28") < place("3.0"));
        assert_eq!(page.matches("<figure>").count(), 5);
        assert!(!page.contains("NaN") && !page.contains("inf "), "a picture has coordinates that are none");
        for opened in ["section", "table", "tbody", "tr", "td", "ul", "li", "figure", "svg", "div", "article", "form"] {
            let starts = page.matches(&format!("<{opened} ")).count() + page.matches(&format!("<{opened}>")).count();
            assert_eq!(starts, page.matches(&format!("</{opened}>")).count(), "{opened}");
        }
        // Nothing is loaded from anywhere.
        for loading in ["src=", "@import", "url(http", "<link", "<iframe"] {
            let text = page.replace("img src=x", "");
            assert!(!text.contains(loading), "{loading}");
        }
    }
}

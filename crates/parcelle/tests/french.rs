//! Everything that is said of the files we have is said in French, too.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use parcelle::report::{Finding, Language, Report};
use parcelle::{Depth, Profile};

/// How commands begin.
const PROGRAMS: [&str; 14] = [
    "cogger",
    "gdal_edit.py",
    "gdal_translate",
    "gdaladdo",
    "gdalbuildvrt",
    "gdalmdimtranslate",
    "gdalwarp",
    "iconv",
    "mv",
    "ogr2ogr",
    "parcelle convert",
    "printf",
    "sed",
    "gdalinfo",
];

/// What stays English.
#[derive(Default)]
struct Untranslated(BTreeSet<String>);

impl Untranslated {
    fn look(&mut self, key: &str, text: &str) {
        let wording = parcelle::wording(Language::French);
        if !text.is_empty() && matches!(wording.sentence(key, text), Cow::Borrowed(_)) {
            self.0.insert(format!("{key}: {text}"));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        self.look(finding.rule.id, &finding.message);
        if finding.fix == finding.rule.fix {
            return;
        }
        for line in finding.fix.lines() {
            let is_command = PROGRAMS.iter().any(|program| line.starts_with(&format!("{program} ")));
            // Commands have no words but behind a mark.
            if !is_command || line.contains("  # ") || line.contains(", then ") {
                self.look("fix", line);
            }
        }
    }

    fn report(&mut self, report: &Report) {
        for file in &report.files {
            file.findings.iter().for_each(|finding| self.finding(finding));
            for answer in file.compatibility.iter().chain(&file.versions) {
                self.look("detail", &answer.detail);
            }
            for remark in file.facts.get("remarks").and_then(|remarks| remarks.as_array()).into_iter().flatten() {
                self.look("remark", remark.as_str().unwrap());
            }
        }
        for missing in &report.unexamined {
            self.look("reason", &missing.reason);
            self.look("hint", &missing.hint);
        }
    }

    fn check(&mut self, paths: &[PathBuf], depths: &[Depth]) {
        for depth in depths {
            self.report(&parcelle::check(paths).depth(*depth).all_versions(true).run().unwrap());
        }
        let everything = [Profile::Gdal, Profile::Ogc(None), Profile::Geoserver(None), Profile::Vrt];
        for version in [(3, 4), (3, 10)] {
            let check = parcelle::check(paths).depth(Depth::Header).profiles(everything).gdal_version(version);
            self.report(&check.working_directory("/").data_directories(["/nowhere"]).run().unwrap());
        }
    }

    fn assert_none(&self) {
        assert!(self.0.is_empty(), "without a template in messages.fr: {:#?}", self.0);
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

#[test]
fn findings_of_all_fixtures_are_translated() {
    let mut english = Untranslated::default();
    let paths = [testdata(), testdata().join("nothing.tif"), testdata().join("README.md")];
    english.check(&paths, &[Depth::Header, Depth::Tiles, Depth::Pixels]);
    for folder in ["cog", "geoparquet", "vrt", "vrt/tiles", "vector", "nothing"] {
        let check = parcelle::check([testdata().join(folder)]).mosaic();
        english.report(&check.run().unwrap());
    }
    english.assert_none();
}

#[test]
fn findings_of_the_corpora_are_translated() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let mut english = Untranslated::default();
    for folder in ["cog-crafted", "geoparquet", "geoserver-oracle", "tiff-wild", "vrt-crafted", "vrt-wild"] {
        let folder = shared.join(folder);
        if !folder.is_dir() {
            eprintln!("skipped: {} is not beside the checkout", folder.file_name().unwrap().to_string_lossy());
            continue;
        }
        english.check(std::slice::from_ref(&folder), &[Depth::Tiles]);
        english.report(&parcelle::check([folder]).mosaic().run().unwrap());
    }
    english.assert_none();
}

#[test]
fn examples_are_translated() {
    let mut english = Untranslated::default();
    for rule in parcelle::rules() {
        if let Some(example) = parcelle::example(rule.id) {
            english.look(rule.id, example.message);
        }
    }
    english.assert_none();
}

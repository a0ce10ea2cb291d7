//! What GeoServer and GDAL make of files, held against what they made of the corpora.

use std::collections::HashMap;
use std::path::Path;

use parcelle_report::{Compatibility, Outcome};
use parcelle_storage::{LocalFile, Memory};

use super::corpus::{corpus, table};
use super::{band, sound};
use crate::geoserver::Version;
use crate::vrt::{GEOSERVER_GDAL, GdalVersion, Targets, VrtOptions, examine};

fn targets() -> Targets {
    Targets { gdal: true, geoserver: vec![Version { major: 3, minor: 0, patch: None }] }
}

fn answers(text: &str, gdal: Option<GdalVersion>) -> Vec<Compatibility> {
    examine(&Memory::new(text), Path::new("/nowhere/a.vrt"), &VrtOptions { gdal, ..VrtOptions::default() }, &targets())
        .unwrap()
        .1
}

#[test]
fn answers_depend_on_the_gdal_below() {
    let told = |text: &str, gdal| -> Vec<(String, String, Outcome)> {
        let each = answers(text, gdal).into_iter();
        each.map(|answer| (answer.target, answer.version, answer.outcome)).collect()
    };
    let all = |outcomes: [Outcome; 3]| {
        let names = [("gdal", "3.6"), ("gdal", "3.12"), ("geoserver", "3.0")];
        names
            .into_iter()
            .zip(outcomes)
            .map(|((name, version), outcome)| (name.into(), version.into(), outcome))
            .collect()
    };
    let expected: Vec<(String, String, Outcome)> = all([Outcome::Reads; 3]);
    assert_eq!(told(&sound(), None), expected);
    let source = "<SimpleSource><SourceFilename>GPKG:/d/a</SourceFilename></SimpleSource>";
    let computed = band(&format!("<PixelFunctionType>mean</PixelFunctionType>{source}{source}"))
        .replace("<VRTRasterBand", "<VRTRasterBand subClass=\"VRTDerivedRasterBand\"");
    let expected: Vec<(String, String, Outcome)> = all([Outcome::Fails, Outcome::Reads, Outcome::Fails]);
    assert_eq!(told(&computed, None), expected);
    let newer = told(&computed, Some((3, 12)));
    assert!(newer.len() == 2 && newer.iter().all(|(_, _, outcome)| *outcome == Outcome::Reads), "{newer:?}");
    let wide: Vec<(String, String, Outcome)> = all([Outcome::Reads, Outcome::Reads, Outcome::Fails]);
    assert_eq!(told(&sound().replace("Byte", "Int64"), None), wide);
    let answer = answers(&sound().replace("Byte", "Int64"), None).pop().unwrap();
    assert_eq!((answer.access.as_str(), answer.because), ("vrt", vec!["VRT-BAND-001"]));
}

/// Whether a column says that the file is read.
fn reads(row: &HashMap<String, String>, version: &str, crafted: bool) -> bool {
    let column = |what: &str| {
        let name = if crafted { format!("gdal_{version}_{what}") } else { format!("{what}_{version}") };
        row[&name].clone()
    };
    column("open").starts_with("OK") && column("read").starts_with("OK")
}

/// Counts how often the answer is the one of the engine, and gives the files where it is not.
fn compare(
    directory: &Path,
    rows: &[HashMap<String, String>],
    crafted: bool,
    version: GdalVersion,
) -> [Vec<String>; 3] {
    let mut wrong: [Vec<String>; 3] = Default::default();
    for row in rows {
        let path = directory.join(&row["file"]);
        let file = LocalFile::open(&path).unwrap();
        // The engines were started in that directory.
        let started = row.get("cwd").filter(|started| !started.is_empty());
        let working_directory = started.map(|started| directory.join(started));
        let options = VrtOptions { gdal: Some(version), working_directory, ..VrtOptions::default() };
        let (checked, answers) = examine(&file, &path, &options, &targets()).unwrap();
        let fails =
            |target: &str| answers.iter().any(|answer| answer.target == target && answer.outcome == Outcome::Fails);
        let engine = if version == GEOSERVER_GDAL { "3.6.2" } else { "3.12.2" };
        let rules: Vec<&str> = checked.findings.iter().map(|finding| finding.rule.id).collect();
        let mut told = |index: usize, target: &str, does: bool| {
            if fails(target) == does {
                let because = answers.iter().find(|answer| answer.target == target).map(|answer| &answer.because);
                wrong[index].push(format!("{} reads: {does}, {because:?} of {rules:?}", row["file"]));
            }
        };
        if row["gdal_3.6.2_open"
            .replace("gdal_3.6.2_open", if crafted { "gdal_3.6.2_open" } else { "open_3.6.2" })
            .as_str()]
            == "TIMEOUT"
        {
            continue;
        }
        told(0, "gdal", reads(row, engine, crafted));
        if version == GEOSERVER_GDAL {
            told(1, "geoserver", row["imageio-ext_2.1_gdal_3.6.2"].starts_with("READS"));
        }
    }
    wrong
}

/// Files whose sources decide, which the rules that open sources answer for.
const OF_SOURCES: &[&str] = &[
    "cyclic_nested",
    "source_band_out_of_range",
    "truncated_source",
    "parent_escape",
    "wrong_case",
    "trailing_space",
    "lut_with_nan",
    "C3607614_truncated",
    "wrong_band_count",
];

/// Files whose sources lay in the memory of the test that made them, and arrays that lack a part.
const OF_TESTS: &[&str] = &["inline_vrtpansharpen_", "inline_vrtmultidim_"];

/// Why an answer is not that of the engine, where there is a reason.
fn reason(crafted: bool, told: &str) -> &'static str {
    let says = |word: &str| told.contains(word);
    match () {
        () if OF_SOURCES.iter().any(|name| says(name)) => "needs an opened source",
        () if !crafted && says("reads: true") && says("VRT-SRC-003") => "started in the directory of the paths",
        () if !crafted && says("reads: true") && says("VRT-SRC-001") => "the source was left out of the corpus",
        () if !crafted && OF_TESTS.iter().any(|name| says(name)) => "an array or a source in the memory of a test",
        () => "no reason",
    }
}

#[test]
fn outcomes_of_the_corpora_are_predicted() {
    let mut unexplained = Vec::new();
    for (name, list, crafted) in [("vrt-crafted", "expected.csv", true), ("vrt-wild", "verdicts.csv", false)] {
        let Some(directory) = corpus(name) else { return };
        let rows = table(&directory.join(list));
        for version in [GEOSERVER_GDAL, (3, 12)] {
            let [gdal, geoserver, _] = compare(&directory, &rows, crafted, version);
            for (target, wrong) in [("gdal", gdal), ("geoserver", geoserver)] {
                if target == "geoserver" && version != GEOSERVER_GDAL {
                    continue;
                }
                eprintln!("{name}, {target} {version:?}: {} of {} predicted", rows.len() - wrong.len(), rows.len());
                for told in wrong {
                    let why = reason(crafted, &told);
                    eprintln!("  {why}: {told}");
                    if why == "no reason" {
                        unexplained.push(told);
                    }
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

//! What GeoServer and GDAL make of files, held against what they made of the corpora.

use std::collections::HashMap;
use std::path::Path;

use parcelle_report::{Compatibility, Outcome};
use parcelle_storage::{LocalFile, Memory};

use super::corpus::{as_run, corpus, table};
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

/// What the answers about one engine come to.
#[derive(Default)]
struct Tally {
    right: usize,
    /// Files that the engine read where their sources lay, which the corpus lacks: told to fail for want of them, and for no
    /// other reason, so that with them they would be told to be read.
    without_source: Vec<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn all(&self) -> usize {
        self.right + self.without_source.len() + self.wrong.len()
    }

    /// Of all files.
    fn rate(&self) -> f64 {
        (self.right + self.without_source.len()) as f64 / self.all() as f64
    }
}

/// The rules that say that a source is not there.
const ABSENCE: [&str; 2] = ["VRT-SRC-001", "VRT-SRC-003"];

/// Holds the answers about GDAL and about GeoServer against what they did.
fn compare(directory: &Path, rows: &[HashMap<String, String>], crafted: bool, version: GdalVersion) -> [Tally; 2] {
    let mut tallies: [Tally; 2] = Default::default();
    for row in rows {
        let path = directory.join(&row["file"]);
        let file = LocalFile::open(&path).unwrap();
        let options = VrtOptions { gdal: Some(version), ..as_run(directory, row) };
        let (checked, answers) = examine(&file, &path, &options, &targets()).unwrap();
        let engine = if version == GEOSERVER_GDAL { "3.6.2" } else { "3.12.2" };
        let of_gdal = reads(row, engine, crafted);
        let of_geoserver = row["imageio-ext_2.1_gdal_3.6.2"].starts_with("READS");
        for (tally, (target, does)) in tallies.iter_mut().zip([("gdal", of_gdal), ("geoserver", of_geoserver)]) {
            let Some(answer) = answers.iter().find(|answer| answer.target == target) else { continue };
            if (answer.outcome == Outcome::Fails) != does {
                tally.right += 1;
                continue;
            }
            let only_absent = answer.because.iter().all(|rule| ABSENCE.contains(rule));
            if !crafted && does && only_absent {
                let is_absent = |finding: &&parcelle_report::Finding| ABSENCE.contains(&finding.rule.id);
                let first = checked.findings.iter().find(is_absent).map(|finding| finding.message.as_str());
                tally.without_source.push(format!("{}: {}", row["file"], first.unwrap_or_default()));
                continue;
            }
            let rules: Vec<&str> = checked.findings.iter().map(|finding| finding.rule.id).collect();
            tally.wrong.push(format!("{} reads: {does}, {:?} of {rules:?}", row["file"], answer.because));
        }
    }
    tallies
}

/// The files whose outcome is not predicted, and why it cannot be.
const UNPREDICTABLE: [(&str, &str); 1] = [(
    "gdrivers/data/vrt/lut_with_nan.vrt",
    "GDAL 3.6 fails on \"nan\" in an ASCII grid, which is in order and which GDAL 3.12 reads: its header does not show it",
)];

#[test]
fn outcomes_of_the_corpora_are_predicted() {
    for (name, list, crafted) in [("vrt-crafted", "expected.csv", true), ("vrt-wild", "verdicts.csv", false)] {
        let Some(directory) = corpus(name) else { return };
        let rows = table(&directory.join(list));
        for version in [GEOSERVER_GDAL, (3, 12)] {
            let tallies = compare(&directory, &rows, crafted, version);
            for (target, tally) in ["GDAL", "GeoServer on GDAL"].into_iter().zip(tallies) {
                // GeoServer's reader was run on one version only.
                if target != "GDAL" && version != GEOSERVER_GDAL {
                    continue;
                }
                eprintln!(
                    "{name}, {target} {version:?}: {:.1} % of {} ({} right, {} but for their sources, which the corpus \
                     lacks, {} wrong)",
                    tally.rate() * 100.0,
                    tally.all(),
                    tally.right,
                    tally.without_source.len(),
                    tally.wrong.len()
                );
                for told in &tally.without_source {
                    eprintln!("  no source: {}", told.chars().take(160).collect::<String>());
                }
                for told in &tally.wrong {
                    let known = UNPREDICTABLE.iter().find(|(file, _)| told.contains(file));
                    let (_, why) = known.unwrap_or_else(|| panic!("not predicted, without a reason: {told}"));
                    eprintln!("  {told}\n    {why}");
                }
                assert!(tally.rate() >= if crafted { 1.0 } else { 0.99 }, "{name}, {target} {version:?}");
                assert_eq!(tally.all(), rows.len(), "{name}: each file counts");
                assert!(tally.without_source.len() < rows.len() / 15, "{:#?}", tally.without_source);
            }
        }
    }
}

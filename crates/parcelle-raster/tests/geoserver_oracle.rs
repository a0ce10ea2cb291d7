//! What the capability table says of files that GeoServer's own readers were given.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod corpus;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parcelle_raster::Depth;
use parcelle_raster::geoserver::{Access, Around, Beside, Judged, Version, judge, newest};
use parcelle_report::{Outcome, Severity};
use parcelle_storage::{ByteSource as _, LocalFile};

use corpus::{corpus, table};

fn oracle() -> PathBuf {
    corpus("geoserver-oracle")
}

fn judged(file: &Path, version: Version) -> Judged {
    let source = LocalFile::open(file).unwrap();
    let structure =
        parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer)).unwrap();
    let around = Around::of(&source, &structure, file, Depth::Tiles).unwrap();
    judge(&structure, &file.to_string_lossy(), version, &around).unwrap()
}

/// What the pixel reader did.
fn pixels(row: &BTreeMap<String, String>) -> Outcome {
    match (row["opens"].as_str(), row["read"].as_str(), row["pixel_equal_to_gdal"].as_str()) {
        ("no", ..) | (_, "exception", _) => Outcome::Fails,
        (_, _, "yes") => Outcome::Reads,
        _ => Outcome::Misreads,
    }
}

/// What GeoTools made of the coordinate reference system: refused, or put the image a kilometre or more off.
fn place(row: &BTreeMap<String, String>) -> Outcome {
    let error: f64 = row["center_error_m"].parse().unwrap_or(0.0);
    match (row["opens_crs"].as_str(), error > 1000.0) {
        ("False", _) => Outcome::Fails,
        (_, true) => Outcome::Misreads,
        _ => Outcome::Reads,
    }
}

/// Slow is read.
fn plain(outcome: Outcome) -> Outcome {
    if outcome == Outcome::Slow { Outcome::Reads } else { outcome }
}

/// What the store makes of a file, what the decoder alone, and why.
fn answer(judged: &Judged, access: Access) -> (Outcome, Outcome, Vec<&'static str>) {
    let answer = judged.compatibility.iter().find(|answer| answer.access == access.as_str()).unwrap();
    (plain(answer.outcome), plain(answer.decoder.unwrap()), answer.because.clone())
}

/// The oracle ran the decoder of imageio-ext on every file, and GeoTools' reader of reference systems on some (the next
/// test): decoder is held against decoder for all of them. A store does more, and what it does is never less.
#[test]
fn predictions_are_what_the_decoder_did() {
    for (access, name) in [(Access::File, "oracle-file.csv"), (Access::CogHttp, "oracle-http.csv")] {
        let Some(rows) = table(&oracle().join(name)) else {
            eprintln!("skipped: no corpus beside the checkout");
            return;
        };
        let (mut confusion, mut wrong, mut stores) = (BTreeMap::<_, usize>::new(), Vec::new(), BTreeMap::new());
        for row in &rows {
            let file = &row["file"];
            let real = pixels(row);
            let judged = judged(&oracle().join(file), newest().unwrap());
            let (store, decoder, because) = answer(&judged, access);
            *confusion.entry(format!("{real:?} -> {decoder:?}")).or_default() += 1;
            if decoder != real {
                let exception = &row["exception"];
                wrong.push(format!("{file}: real {real:?}, predicted {decoder:?} by {because:?} {exception}"));
            }
            if store != decoder {
                let about_place: Vec<_> = because.iter().filter(|rule| is_about_place(rule)).collect();
                assert!(
                    !about_place.is_empty() && store != Outcome::Reads,
                    "{file}: {store:?}, {decoder:?}, {because:?}"
                );
                *stores.entry(format!("{decoder:?} -> {store:?} by {about_place:?}")).or_insert(0) += 1;
            }
        }
        let (all, agreed) = (rows.len(), rows.len() - wrong.len());
        eprintln!("{}: {agreed} of {all} as predicted; real -> predicted: {confusion:?}", access.as_str());
        eprintln!("  files that the decoder reads and a store does not: {stores:#?}");
        eprintln!("  wrong:\n  {}", wrong.join("\n  "));
        assert!(all >= 552);
        assert!(wrong.len() * 1000 <= all * 5, "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// Whether a rule is about what GeoTools does before any pixel is decoded.
fn is_about_place(rule: &str) -> bool {
    ["GS-CRS-", "GS-GEO-"].iter().any(|family| rule.starts_with(family))
}

#[test]
fn predictions_are_what_geotools_made_of_the_reference_systems() {
    let Some(rows) = table(&oracle().join("oracle-crs.csv")) else {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    };
    let mut wrong = Vec::new();
    for row in &rows {
        let judged = judged(&oracle().join(&row["file"]), newest().unwrap());
        let about = |families: &[&str]| {
            judged.findings.iter().any(|finding| {
                finding.severity == Severity::Error && families.iter().any(|family| finding.rule.id.starts_with(family))
            })
        };
        let predicted = match (about(&["GS-CRS-001", "GS-CRS-002", "GS-CRS-003"]), about(&["GS-CRS-004"])) {
            (true, _) => Outcome::Fails,
            (_, true) => Outcome::Misreads,
            _ => Outcome::Reads,
        };
        // The oracle was given the TIFF alone, without the .prj that a store would prefer.
        let has_projection = Beside::of(&oracle().join(&row["file"])).unwrap().projection;
        if predicted != place(row) && !has_projection {
            wrong.push(format!("{}: real {:?}, predicted {predicted:?} {}", row["file"], place(row), row["exception"]));
        }
    }
    eprintln!(
        "reference systems: {} of {} as predicted\n  {}",
        rows.len() - wrong.len(),
        rows.len(),
        wrong.join("\n  ")
    );
    assert!(rows.len() >= 58 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn predictions_are_what_older_readers_did() {
    let files = table(&oracle().join("oracle-file.csv"));
    let (Some(rows), Some(files)) = (table(&oracle().join("oracle-versions.csv")), files) else {
        eprintln!("skipped: no corpus beside the checkout");
        return;
    };
    let newest: BTreeMap<_, _> = files.iter().map(|row| (row["file"].clone(), pixels(row))).collect();
    let versions = [
        ("decompressors of 1.4.7", "2.24"),
        ("decompressors of 1.4.12", "2.25"),
        ("decompressors of 1.4.14", "2.26.2"),
        ("decompressors of 1.4.16", "2.27"),
        ("decompressors of 2.0.1", "2.28"),
    ];
    for (column, version) in versions {
        let mut wrong = Vec::new();
        for row in &rows {
            let file = &row["file"];
            let real = match row[column].as_str() {
                "same" => newest[file],
                text if text.starts_with("EXC") => Outcome::Fails,
                text if text.starts_with("DIFF") => Outcome::Misreads,
                text => panic!("{file}: {text}"),
            };
            let (_, predicted, because) =
                answer(&judged(&oracle().join(file), Version::parse(version).unwrap()), Access::File);
            if predicted != real {
                wrong.push(format!("{file}: real {real:?}, predicted {predicted:?} by {because:?} {}", row[column]));
            }
        }
        eprintln!("{version}: {} of {} as predicted\n  {}", rows.len() - wrong.len(), rows.len(), wrong.join("\n  "));
        assert!(wrong.len() * 1000 <= rows.len() * 5, "{version}: {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

//! What the capability table says of files that GeoServer's own readers were given.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parcelle_raster::geoserver::{Access, Beside, Judged, Version, judge, newest};
use parcelle_report::Outcome;
use parcelle_storage::{ByteSource as _, LocalFile};

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/geoserver-oracle")
}

/// The lines of a table of comma-separated values, by the names of its head; values may be quoted and span lines.
fn table(path: &Path) -> Option<Vec<BTreeMap<String, String>>> {
    let text = std::fs::read_to_string(path).ok()?;
    let (mut lines, mut line, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            '\r' if !is_quoted => {}
            letter => field.push(letter),
        }
    }
    let head = lines.remove(0);
    Some(lines.into_iter().map(|line| head.iter().cloned().zip(line).collect()).collect())
}

fn judged(file: &Path, version: Version) -> Judged {
    let source = LocalFile::open(file).unwrap();
    let structure =
        parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer)).unwrap();
    judge(&structure, &file.to_string_lossy(), version, Beside::of(file).unwrap()).unwrap()
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

fn worse(left: Outcome, right: Outcome) -> Outcome {
    [Outcome::Fails, Outcome::Misreads].into_iter().find(|bad| [left, right].contains(bad)).unwrap_or(Outcome::Reads)
}

/// Slow is read.
fn answer(judged: &Judged, access: Access) -> (Outcome, Vec<&'static str>) {
    let answer = judged.compatibility.iter().find(|answer| answer.access == access.as_str()).unwrap();
    let outcome = if answer.outcome == Outcome::Slow { Outcome::Reads } else { answer.outcome };
    (outcome, answer.because.clone())
}

#[test]
fn predictions_are_what_the_readers_did() {
    let places = table(&corpus().join("oracle-crs.csv")).unwrap_or_default();
    let places: BTreeMap<_, _> = places.iter().map(|row| (row["file"].clone(), place(row))).collect();
    for (access, name) in [(Access::File, "oracle-file.csv"), (Access::CogHttp, "oracle-http.csv")] {
        let Some(rows) = table(&corpus().join(name)) else {
            eprintln!("skipped: no corpus beside the checkout");
            return;
        };
        let (mut confusion, mut wrong, mut beyond) = (BTreeMap::<_, usize>::new(), Vec::new(), Vec::new());
        for row in &rows {
            let file = &row["file"];
            let real = worse(pixels(row), places.get(file).copied().unwrap_or(Outcome::Reads));
            let (predicted, because) = answer(&judged(&corpus().join(file), newest().unwrap()), access);
            *confusion.entry(format!("{real:?} -> {predicted:?}")).or_default() += 1;
            if predicted == real {
                continue;
            }
            let line = format!("{file}: real {real:?}, predicted {predicted:?} by {because:?} {}", row["exception"]);
            // The oracle reads pixels and, apart from them, the reference system; whether there is a place for the
            // pixels is asked by GeoTiffReader, which it does not run.
            if because.iter().any(|rule| rule.starts_with("GS-GEO-")) {
                beyond.push(line);
            } else {
                wrong.push(line);
            }
        }
        let (all, agreed) = (rows.len(), rows.len() - wrong.len() - beyond.len());
        eprintln!("{}: {agreed} of {all} as predicted; real -> predicted: {confusion:?}", access.as_str());
        eprintln!("  beyond what the oracle runs:\n  {}", beyond.join("\n  "));
        eprintln!("  wrong:\n  {}", wrong.join("\n  "));
        assert!(all >= 552 && beyond.len() <= 6, "{}", beyond.join("\n"));
        assert!(wrong.len() * 1000 <= all * 5, "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn predictions_are_what_older_readers_did() {
    let files = table(&corpus().join("oracle-file.csv"));
    let (Some(rows), Some(files)) = (table(&corpus().join("oracle-versions.csv")), files) else {
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
            let (predicted, because) =
                answer(&judged(&corpus().join(file), Version::parse(version).unwrap()), Access::File);
            if predicted != real {
                wrong.push(format!("{file}: real {real:?}, predicted {predicted:?} by {because:?} {}", row[column]));
            }
        }
        eprintln!("{version}: {} of {} as predicted\n  {}", rows.len() - wrong.len(), rows.len(), wrong.join("\n  "));
        assert!(wrong.len() * 1000 <= rows.len() * 5, "{version}: {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

//! Files opened by a sample are those that were read whole, whatever the sample has missed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::csv::CsvLayer;
use crate::error::SourceError;
use crate::{Layer, OpenOptions};

fn read(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    // In an order that is not that of the file: whoever has idle hands takes the next.
    let mut splits = layer.splits(target)?;
    splits.reverse();
    for split in &splits {
        let mut own = Vec::new();
        layer.read(split, &mut |batch| {
            own.push(batch);
            ControlFlow::Continue(())
        })?;
        batches.splice(0..0, own);
    }
    layer.prove()?;
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

fn whole(path: &Path, options: &OpenOptions) -> Result<RecordBatch, SourceError> {
    read(&CsvLayer::open(path, options)?, 7)
}

/// What comes of a sample; `None` where the file is not opened by one.
fn sampled(path: &Path, options: &OpenOptions, target: usize) -> Option<Result<RecordBatch, SourceError>> {
    let options = OpenOptions { sample_from: Some(0), ..options.clone() };
    let layer = CsvLayer::open(path, &options).ok()?;
    layer.is_sampled().then(|| read(&layer, target))
}

fn write(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

const ROWS: usize = 2000;

/// A row in the second sixteenth of the file, of which only the first quarter of each is looked at.
const ODD: usize = ROWS * 3 / 32;

/// Two columns beside the geometry, with an odd row where the sample does not look.
fn with_odd_row(usual: &str, odd: &str) -> (TempDir, PathBuf) {
    let row = |number| if number == ODD { odd } else { usual };
    write(format!("wkt,n,v\n{}", (0..ROWS).map(|number| row(number).to_owned() + "\n").collect::<String>()))
}

#[test]
fn a_value_that_was_missed_is_found() {
    for (usual, odd) in [
        ("POINT(1 2),1,1", "POINT(1 2),1,1.5"),
        ("POINT(1 2),1,1", "POINT(1 2),1,01"),
        ("POINT(1 2),1,1", "POINT(1 2),1,-0"),
        ("POINT(1 2),1,1", "POINT(1 2),1,x"),
        ("POINT(1 2),1,1", "POINT(1 2),1,99999999999999999999"),
        ("POINT(1 2),1,1", "POINT(1 2),1,\"\"\"1\""),
        ("POINT(1 2),1,1.5", "POINT(1 2),1,9007199254740993"),
        ("POINT(1 2),1,1.5", "POINT(1 2),1,nan"),
        ("POINT(1 2),1,1.5", "POINT(1 2),1,1."),
        ("POINT(1 2),1,1.5", "POINT(1 2),1,+1.5"),
        ("POINT(1 2),1,true", "POINT(1 2),1,1"),
        ("POINT(1 2),1,2024-01-01", "POINT(1 2),1,2024-01-01T10:00"),
        ("POINT(1 2),1,2024-01-01", "POINT(1 2),1,2024-01-01T10:00Z"),
        ("POINT(1 2),1,2024-01-01T10:00", "POINT(1 2),1,2024-01-01T10:00Z"),
        ("POINT(1 2),1,2024-01-01T10:00Z", "POINT(1 2),1,2024-01-01T10:00"),
        ("POINT(1 2),1,2024-01-01T10:00Z", "POINT(1 2),1,2024-01-01"),
        ("POINT(1 2),1,", "POINT(1 2),1,1"),
        ("POINT(1 2),1,", "POINT(1 2),1,2024-01-01"),
        // Geometry and its reference system.
        ("POINT(1 2),1,1", "SRID=2154;POINT(1 2),1,1"),
        ("SRID=2154;POINT(1 2),1,1", "SRID=3857;POINT(1 2),1,1"),
        ("POINT(1 2),1,1", "nowhere,1,1"),
        // Structure.
        ("POINT(1 2),1,1", "POINT(1 2),1"),
        ("POINT(1 2),1,1", "POINT(1 2),1,\"1"),
        ("POINT(1 2),1,1", "POINT(1 2),1,\"1\"x"),
    ] {
        let (_folder, path) = with_odd_row(usual, odd);
        let found = sampled(&path, &OpenOptions::default(), 100);
        let Some(Err(SourceError::NotAsSampled { .. })) = found else { panic!("{usual} and {odd}: {found:?}") };
    }
    for (usual, odd) in [(&b"x"[..], &b"\xFF"[..]), (b"x", b"\0")] {
        let rows =
            (0..ROWS).map(|number| [&b"POINT(1 2),1,"[..], if number == ODD { odd } else { usual }, b"\n"].concat());
        let (_folder, path) = write([b"wkt,n,v\n".to_vec(), rows.collect::<Vec<_>>().concat()].concat());
        let found = sampled(&path, &OpenOptions::default(), 100);
        assert!(matches!(found, Some(Err(SourceError::NotAsSampled { .. }))), "{found:?}");
        // Also in a column that nobody has asked for.
        let options = OpenOptions { select: Some(vec!["n".to_owned()]), ..OpenOptions::default() };
        assert!(matches!(sampled(&path, &options, 100), Some(Err(SourceError::NotAsSampled { .. }))));
    }
}

#[test]
fn a_value_that_changes_nothing_does_not_matter() {
    for (usual, odd) in [
        ("POINT(1 2),1,1", "POINT(1 2),1,9007199254740993"),
        ("POINT(1 2),1,1", "POINT(1 2),1,"),
        ("POINT(1 2),1,1", "POINT(1 2),1,\"7\""),
        ("POINT(1 2),1,1.5", "POINT(1 2),1,7"),
        ("POINT(1 2),1,x", "POINT(1 2),1,7"),
        ("POINT(1 2),1,x", "POINT(1 2),1,\"a\"\"\nb\""),
        ("POINT(1 2),1,", "POINT(1 2),1,x"),
        ("POINT(1 2),1,2024-01-01T10:00", "POINT(1 2),1,2024-01-01"),
        ("POINT(1 2),1,1", ",1,1"),
    ] {
        let (_folder, path) = with_odd_row(usual, odd);
        let options = OpenOptions::default();
        for target in [50, 300, 100_000] {
            let found = sampled(&path, &options, target).unwrap_or_else(|| panic!("{usual} and {odd}: not sampled"));
            assert_eq!(found, whole(&path, &options), "{usual} and {odd}, {target}");
        }
    }
}

/// Lines within a field that look like records, at every border of splits.
#[test]
fn a_wrong_guess_is_found() {
    let inner = "POINT(8 9),7,x\n".repeat(40);
    let text = format!("wkt,n,v\n{}", format!("POINT(1 2),1,\"{inner}\"\n").repeat(60));
    let (_folder, path) = write(&text);
    let options = OpenOptions::default();
    let mut refused = 0;
    for target in 1..40 {
        match sampled(&path, &options, target) {
            Some(Err(SourceError::NotAsSampled { .. })) => refused += 1,
            Some(found) => assert_eq!(found, whole(&path, &options), "{target}"),
            None => refused += 1,
        }
    }
    assert!(refused > 30, "{refused}");
}

/// What the sample takes for wider than it is was no record: the proof needs a witness for the type as well.
#[test]
fn a_type_needs_a_value_that_asks_for_it() {
    let inner = "POINT(8 9),7,1.5\n".repeat(400);
    let text = format!(
        "wkt,n,v\n{}POINT(1 2),\"{inner}\",1\n{}",
        "POINT(1 2),x,1\n".repeat(200),
        "POINT(1 2),x,1\n".repeat(200)
    );
    let (_folder, path) = write(&text);
    let found = sampled(&path, &OpenOptions::default(), 1_000_000);
    let Some(Err(SourceError::NotAsSampled { reason, .. })) = found else { panic!("{found:?}") };
    assert!(reason.contains("another type"), "{reason}");
}

#[test]
fn the_first_candidate_may_have_its_only_value_in_the_middle() {
    let row = |number: usize| format!("{},{},5\n", if number == ODD { "POINT(1 2)" } else { "" }, 2000 + number);
    let (_folder, path) = write(format!("wkt,x,y\n{}", (0..ROWS).map(row).collect::<String>()));
    let found = sampled(&path, &OpenOptions::default(), 100);
    let Some(Err(SourceError::NotAsSampled { reason, .. })) = found else { panic!("{found:?}") };
    assert!(reason.contains("another column is the geometry"), "{reason}");
    // Degrees that are none.
    let row = |number: usize| format!("{},2,3\n", if number == ODD { "500" } else { "5" });
    let (_folder, path) = write(format!("lon,lat,v\n{}", (0..ROWS).map(row).collect::<String>()));
    assert!(matches!(sampled(&path, &OpenOptions::default(), 100), Some(Err(SourceError::NotAsSampled { .. }))));
}

#[test]
fn a_proof_needs_all_splits() {
    let (_folder, path) = with_odd_row("POINT(1 2),1,1", "POINT(1 2),1,2");
    let layer = CsvLayer::open(&path, &OpenOptions { sample_from: Some(0), ..OpenOptions::default() }).unwrap();
    let splits = layer.splits(200).unwrap();
    assert!(splits.len() > 5 && layer.row_count_hint().is_none());
    let rows = layer.row_count_estimate().unwrap();
    assert!((ROWS as u64 * 9 / 10..ROWS as u64 * 11 / 10).contains(&rows), "{rows}");
    for split in splits.iter().skip(1) {
        layer.read(split, &mut |_| ControlFlow::Continue(())).unwrap();
    }
    assert!(matches!(layer.prove(), Err(SourceError::NotAsSampled { .. })));
    layer.read(&splits[0], &mut |_| ControlFlow::Continue(())).unwrap();
    layer.prove().unwrap();
}

#[test]
fn small_files_are_read_whole() {
    let (_folder, path) = with_odd_row("POINT(1 2),1,1", "POINT(1 2),1,2");
    let bytes = std::fs::metadata(&path).unwrap().len();
    for (sample_from, is_sampled) in [(None, false), (Some(bytes + 1), false), (Some(bytes), true)] {
        let layer = CsvLayer::open(&path, &OpenOptions { sample_from, ..OpenOptions::default() }).unwrap();
        assert_eq!(layer.is_sampled(), is_sampled, "{sample_from:?}");
    }
}

/// Cells of a column that are mostly of one kind.
fn column() -> impl Strategy<Value = (&'static str, &'static str, usize)> {
    let cell = || {
        prop::sample::select(vec![
            "",
            "1",
            "-7",
            "01",
            "1.5",
            "9007199254740993",
            "true",
            "x",
            "\"\"",
            "\"a,b\"",
            "\"a\nPOINT(1 2),1,1,1\nb\"",
            "2024-01-01",
            "2024-01-01T10:00",
            "2024-01-01T10:00:00.5Z",
            "\"1\"",
            "é",
        ])
    };
    // The odd one may be anywhere, or nowhere.
    (cell(), cell(), 0usize..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A sample leads to what the whole file says, or is found out.
    #[test]
    fn samples_change_nothing(
        columns in prop::collection::vec(column(), 3),
        (geometry, other, at) in (prop::sample::select(vec!["POINT(1 2)", "SRID=2154;POINT(1 2)", ""]),
            prop::sample::select(vec!["POINT(1 2)", "SRID=2154;POINT(1 2)", "", "POINT(1", "x"]), 0usize..900),
        rows in 1usize..500, target in 1usize..300, blank in any::<bool>(),
    ) {
        let mut text = String::from("wkt,a,b,c\n");
        for number in 0..rows {
            text += if number == at { other } else { geometry };
            for (usual, odd, at) in &columns {
                text.push(',');
                text += if number == *at { odd } else { usual };
            }
            text += if blank && number % 5 == 0 { "\r\n\n" } else { "\n" };
        }
        let (_folder, path) = write(&text);
        let options = OpenOptions::default();
        if let Some(found) = sampled(&path, &options, target) {
            match found {
                Err(SourceError::NotAsSampled { .. }) => {}
                found => prop_assert_eq!(found, whole(&path, &options)),
            }
        }
    }
}

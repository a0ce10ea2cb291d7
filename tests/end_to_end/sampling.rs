//! Large files are opened by a sample; here small ones are, and nothing but the time it takes may change.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use parcelle::{ConvertError, Partitioning, Sort, convert};

use crate::listing;

const ROWS: usize = 3000;

/// A table with an odd row where the sample does not look: in the second sixteenth, of which it looks at the first quarter.
fn table(usual: &str, odd: &str) -> String {
    (0..ROWS).fold("id,wkt,v\n".to_owned(), |mut text, number| {
        let value = if number == ROWS * 3 / 32 { odd } else { usual };
        let _ = writeln!(text, "{number},POINT({} {}),{value}", number % 97, number % 89);
        text
    })
}

/// The bytes of the output, or what is said instead, and how many rows were read.
fn converted(input: &Path, sample_from: Option<u64>, sort: &Sort, threads: usize) -> Result<(Vec<u8>, u64), String> {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.parquet");
    // Small splits, so that there are many of them.
    let convert = convert(input, &output).sort(sort.clone()).threads(threads).row_group_rows(500);
    let result = convert.sample_from(sample_from).run().map_err(|error: ConvertError| error.to_string());
    let left = listing(directory.path());
    assert_eq!(left.len(), usize::from(result.is_ok()), "{left:?}");
    result.map(|summary| (std::fs::read(&output).unwrap(), summary.rows_read))
}

#[test]
fn the_output_is_that_of_a_file_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("t.csv");
    for (usual, odd) in [
        ("1", "2"),
        ("1", "1.5"),
        ("1", "01"),
        ("1.5", "9007199254740993"),
        ("", "x"),
        ("", "2024-01-01"),
        ("2024-01-01T10:00Z", "2024-01-01T10:00"),
        ("x", "\"a\n7,POINT(1 2),x\n\""),
        // What is wrong is said as ever, with its line.
        ("x", "\"y"),
        ("x", "y,z"),
    ] {
        std::fs::write(&input, table(usual, odd)).unwrap();
        for sort in [Sort::None, Sort::Hilbert] {
            let whole = converted(&input, None, &sort, 1);
            for threads in [1, 3] {
                let sampled = converted(&input, Some(0), &sort, threads);
                assert_eq!(sampled, whole, "{usual} and {odd}, {threads} threads, {sort:?}");
            }
        }
        if let Err(complaint) = converted(&input, Some(0), &Sort::None, 2) {
            assert!(complaint.contains("line 283"), "{complaint}");
        }
    }
}

#[test]
fn a_geometry_that_is_wrong_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("t.csv");
    let text = table("1", "2").replace("281,POINT(87 14)", "281,POINT(87)");
    std::fs::write(&input, text).unwrap();
    let [whole, sampled] = [None, Some(0)].map(|sample_from| converted(&input, sample_from, &Sort::Hilbert, 2));
    assert_eq!(sampled, whole);
    assert!(whole.unwrap_err().contains("line 283"));
}

/// The rows of the output are counted from the beginning where the run begins anew.
#[test]
fn progress_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("t.csv"), folder.path().join("out.parquet"));
    std::fs::write(&input, table("", "2024-01-01")).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let observer = Arc::new(move |progress: parcelle::Progress| notes.lock().unwrap().push(progress));
    let run = convert(&input, &output).sample_from(Some(0)).sort(Sort::None).threads(1).on_progress(observer);
    assert_eq!(run.run().unwrap().rows, ROWS as u64);
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].total_rows, seen.last().unwrap().rows), (None, ROWS as u64));
    assert!(seen.iter().any(|progress| progress.total_rows == Some(ROWS as u64)), "{seen:?}");
}

/// What the first attempt had written of a dataset is not in the second.
#[test]
fn datasets_are_those_of_a_file_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("t.csv");
    // The odd value makes a column of text out of one of numbers, and with it other names of files.
    std::fs::write(&input, table("1", "01")).unwrap();
    let dataset = |name: &str, sample_from| {
        let output = folder.path().join(name);
        let partitioning = Partitioning { by: Some("v".to_owned()), ..Partitioning::default() };
        let run = convert(&input, &output).partitioning(partitioning).sample_from(sample_from).row_group_rows(500);
        let summary = run.run().unwrap();
        let files: Vec<_> =
            listing(&output).into_iter().map(|name| (std::fs::read(output.join(&name)).unwrap(), name)).collect();
        (files, summary)
    };
    let (whole, once) = dataset("whole", None);
    let (sampled, twice) = dataset("sampled", Some(0));
    assert_eq!(
        whole.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
        ["01.parquet", "1.parquet", "_index.json"]
    );
    assert!(whole == sampled, "the files are not the same");
    assert_eq!(once.read_again, None);
    let reason = twice.read_again.unwrap();
    assert!(reason.contains("t.csv") && reason.contains("v"), "{reason}");
    assert_eq!(listing(folder.path()), ["sampled", "t.csv", "whole"]);
}

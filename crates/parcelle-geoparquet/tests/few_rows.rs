//! Memory where every row has a file of its own. It is measured for the whole process: no other test may be in this one.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use geoarrow_schema::{Metadata, WkbType};
use parcelle_geoparquet::{Input, Part, Partitioning, WriteOptions, write};

/// Most bytes that were resident, as Linux counts them.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn encoded_row_groups_do_not_pile_up_before_a_slow_disk() {
    const ROWS: i64 = 1_200;
    let directory = tempfile::tempdir().unwrap();
    let geometry = Field::new("geom", DataType::Binary, true)
        .with_extension_type(WkbType::new(Arc::new(Metadata::new(Default::default(), None))));
    let names = (0..40).map(|number| Field::new(format!("c{number}"), DataType::Int64, false));
    let schema = Arc::new(Schema::new(names.chain([geometry]).collect::<Vec<_>>()));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let empty: ArrayRef = Arc::new(BinaryArray::from(vec![None::<&[u8]>; ROWS as usize]));
    let columns = std::iter::repeat_n(ids, 40).chain([empty]).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let part: Part<'static> = Box::new(move |sink| {
        let _ = sink(batch);
        Ok(())
    });
    let options = WriteOptions {
        partitioning: Some(Partitioning { by: Some("c0".to_owned()), ..Partitioning::default() }),
        threads: 2,
        progress: Some(Arc::new(|_| std::thread::sleep(Duration::from_millis(5)))),
        ..WriteOptions::default()
    };
    let before = peak();
    let written = write(&schema, Input::Parallel(vec![part]), &directory.path().join("out"), &options).unwrap();
    assert_eq!((written.rows, written.files), (1_200, 1_200));
    let grown = peak() - before;
    assert!(grown < 100_000_000, "{grown}");
}

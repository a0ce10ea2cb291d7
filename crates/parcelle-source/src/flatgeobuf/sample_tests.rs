//! Files opened by a sample are those that were surveyed, whatever the sample has missed.

use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, TimeUnit};
use flatgeobuf::ColumnType;
use proptest::prelude::*;

use crate::error::SourceError;
use crate::flatgeobuf::FlatGeobufLayer;
use crate::flatgeobuf::testing::{Properties, TestFile, column, point};
use crate::invalid::{InvalidValues, OnInvalid};
use crate::{Layer, OpenOptions, Window};

fn read(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in &layer.splits(target)? {
        layer.read(split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    layer.prove()?;
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

fn whole(path: &Path, options: &OpenOptions) -> Result<RecordBatch, SourceError> {
    read(&FlatGeobufLayer::open(path, options)?, 7)
}

/// What comes of a sample; `None` where the file is not opened by one.
fn sampled(path: &Path, options: &OpenOptions, target: usize) -> Option<Result<RecordBatch, SourceError>> {
    let options = OpenOptions { sample_from: Some(0), ..options.clone() };
    let layer = FlatGeobufLayer::open(path, &options).ok()?;
    layer.is_sampled().then(|| read(&layer, target))
}

/// A file whose features have these times; an empty one is none.
fn times(texts: impl IntoIterator<Item = impl AsRef<str>>, node_size: u16) -> TestFile {
    let mut file = TestFile::new(&[column("n", ColumnType::Int), column("t", ColumnType::DateTime)]);
    file.node_size = node_size;
    for (number, text) in texts.into_iter().enumerate() {
        let properties = Properties::default().fixed(0, &(number as i32).to_le_bytes());
        let text = text.as_ref();
        let properties = if text.is_empty() { properties } else { properties.text(1, text) };
        file.feature(Some(&point(number as f64, 2.0)), &properties);
    }
    file
}

const COUNT: usize = 1000;
/// Not among those that are looked at: each place has a quarter of what is up to the next.
const ODD: usize = 500 + 20;

fn with_odd(usual: &str, odd: &str, node_size: u16) -> TestFile {
    times((0..COUNT).map(|number| if number == ODD { odd } else { usual }), node_size)
}

#[test]
fn a_time_that_was_missed_is_found() {
    for (usual, odd, fits) in [
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00", false),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00Z", false),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00.000001", false),
        ("2024-01-01T10:00:00", "soon", false),
        ("", "2024-01-01T10:00:00Z", false),
        ("", "2024-01-01T10:00:00.000001", false),
        ("", "2024-01-01T10:00:00.001", true),
        ("2024-01-01T10:00:00Z", "", true),
        ("2024-01-01T10:00:00.000001Z", "2024-01-01T10:00:00+01:00", true),
    ] {
        for node_size in [0, 16] {
            let (_folder, path) = with_odd(usual, odd, node_size).write();
            let options = OpenOptions::default();
            match sampled(&path, &options, 90) {
                Some(Err(SourceError::NotAsSampled { .. })) => assert!(!fits, "{usual} and {odd}"),
                Some(found) => assert!(fits && found == whole(&path, &options), "{usual} and {odd}"),
                None => panic!("{usual} and {odd}: not sampled"),
            }
        }
    }
}

#[test]
fn a_survey_is_made_where_it_says_more() {
    let (_folder, path) = with_odd("2024-01-01T10:00:00Z", "soon", 16).write();
    let default = OpenOptions::default;
    for options in [
        OpenOptions { select: Some(vec!["n".to_owned()]), ..default() },
        OpenOptions { window: Some(Window { xmin: 0.0, ymin: 0.0, xmax: 9.0, ymax: 9.0 }), ..default() },
        OpenOptions { invalid: InvalidValues::new(OnInvalid::Null), ..default() },
    ] {
        assert!(sampled(&path, &options, 90).is_none(), "{options:?}");
    }
    // Too small.
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(FlatGeobufLayer::open(&path, &OpenOptions { sample_from: Some(bytes + 1), ..default() }).is_err());
    // Without times there is nothing to look for.
    let mut file = TestFile::new(&[column("n", ColumnType::Int)]);
    file.feature(Some(&point(1.0, 2.0)), &Properties::default());
    let (_folder, path) = file.write();
    assert!(sampled(&path, &default(), 90).is_none());
}

#[test]
fn a_proof_needs_all_features() {
    let (_folder, path) = with_odd("2024-01-01T10:00:00.000001Z", "", 16).write();
    let layer = FlatGeobufLayer::open(&path, &OpenOptions { sample_from: Some(0), ..OpenOptions::default() }).unwrap();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(*layer.schema().field(1).data_type(), micros);
    let splits = layer.splits(300).unwrap();
    for split in &splits[1..] {
        layer.read(split, &mut |_| ControlFlow::Continue(())).unwrap();
    }
    assert!(matches!(layer.prove(), Err(SourceError::NotAsSampled { .. })));
    layer.read(&splits[0], &mut |_| ControlFlow::Continue(())).unwrap();
    layer.prove().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A sample leads to what a survey says, or is found out.
    #[test]
    fn samples_change_nothing(usual in time(), odd in time(), at in 0usize..400, count in 1usize..300, target in 1usize..200) {
        let (_folder, path) = times((0..count).map(|number| if number == at { odd } else { usual }), 16).write();
        let options = OpenOptions::default();
        if let Some(found) = sampled(&path, &options, target) {
            match found {
                Err(SourceError::NotAsSampled { .. }) => {}
                found => prop_assert_eq!(found, whole(&path, &options)),
            }
        }
    }
}

fn time() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "2024-01-01",
        "2024-01-01T10:00:00",
        "2024-01-01T10:00:00.001",
        "2024-01-01T10:00:00.000001",
        "2024-01-01T10:00:00Z",
        "2024-01-01T10:00:00.000001Z",
        "x",
    ])
}

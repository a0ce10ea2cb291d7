//! Sorting through the public API: the same rows in the same order whatever the budget, the parts and the threads.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DictionaryArray, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int8Type, Int64Type, Schema, SchemaRef};
use geoarrow_schema::{Crs, Metadata, WkbType};
use parcelle_geoparquet::{Input, Part, Sort, WriteError, WriteOptions, Written, write};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

const ROWS: i64 = 20_000;

fn schema(crs: Option<&str>) -> SchemaRef {
    let crs = crs.map_or_else(Crs::default, |kind| Crs::from_projjson(json!({"type": kind, "name": "some"})));
    let geometry = Field::new("geom", DataType::Binary, true)
        .with_extension_type(WkbType::new(Arc::new(Metadata::new(crs, None))));
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("kind", dictionary, true),
        Field::new("list", DataType::List(item), true),
        geometry,
    ]))
}

/// A number that looks random and is not.
fn scramble(value: i64) -> i64 {
    (value.wrapping_mul(2_654_435_761) >> 7).rem_euclid(1_000_003)
}

fn point(id: i64) -> Option<Vec<u8>> {
    if id % 97 == 0 {
        return None;
    }
    let (x, y) = (650_000.0 + scramble(id) as f64 / 10.0, 6_860_000.0 + scramble(id + 7) as f64 / 10.0);
    let mut wkb = vec![1, 1, 0, 0, 0];
    wkb.extend(x.to_le_bytes());
    wkb.extend(y.to_le_bytes());
    Some(wkb)
}

fn batch(schema: &SchemaRef, ids: std::ops::Range<i64>) -> RecordBatch {
    let kinds: DictionaryArray<Int8Type> =
        ids.clone().map(|id| (id % 5 > 0).then(|| ["house", "church", "barn"][(id % 3) as usize])).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        ids.clone().map(|id| (id % 4 > 0).then(|| (0..id % 4).map(Some).collect::<Vec<_>>())),
    );
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(
            ids.clone().map(|id| (id % 11 > 0).then(|| format!("name {}", scramble(id) % 50))).collect::<StringArray>(),
        ),
        Arc::new(kinds),
        Arc::new(lists),
        Arc::new(ids.map(point).collect::<BinaryArray>()),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

fn part(schema: &SchemaRef, ids: std::ops::Range<i64>) -> Part<'static> {
    let schema = Arc::clone(schema);
    Box::new(move |sink| {
        let mut first = ids.start;
        while first < ids.end {
            let last = (first + 700).min(ids.end);
            if sink(batch(&schema, first..last)).is_break() {
                break;
            }
            first = last;
        }
        Ok(())
    })
}

fn parallel(schema: &SchemaRef, part_rows: i64) -> Input<'static> {
    let starts = (0..ROWS).step_by(part_rows as usize);
    Input::Parallel(starts.map(|start| part(schema, start..(start + part_rows).min(ROWS))).collect())
}

fn options(sort: Sort) -> WriteOptions {
    WriteOptions { sort, row_group_rows: 1000, threads: 2, ..WriteOptions::default() }
}

fn run(input: Input<'_>, schema: &SchemaRef, path: &Path, options: &WriteOptions) -> (Written, Vec<u8>) {
    let written = write(schema, input, path, options).unwrap();
    (written, std::fs::read(path).unwrap())
}

fn column<T>(path: &Path, read: impl Fn(&RecordBatch) -> Vec<T>) -> Vec<T> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| read(&batch.unwrap())).collect()
}

fn ids(path: &Path) -> Vec<i64> {
    column(path, |batch| batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec())
}

#[test]
fn the_bytes_do_not_depend_on_memory_parts_or_threads() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (crs, sort) in [
        (Some("ProjectedCRS"), Sort::Hilbert),
        (None, Sort::Hilbert),
        (None, Sort::Columns(vec!["kind".to_owned(), "name".to_owned()])),
    ] {
        // Along a curve row groups end at the edges of areas.
        let groups = if sort == Sort::Hilbert { 20..=30 } else { 20..=20 };
        let schema = schema(crs);
        let replaced = WriteOptions { overwrite: true, ..options(sort.clone()) };
        let (first, expected) = run(parallel(&schema, 1000), &schema, &path("a.parquet"), &replaced);
        assert_eq!((first.rows, first.spilled_bytes), (ROWS as u64, 0));
        assert!(groups.contains(&first.row_groups), "{}", first.row_groups);
        let all = ids(&path("a.parquet"));
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_ne!(all, sorted);
        assert_eq!(sorted, (0..ROWS).collect::<Vec<_>>());
        for (name, part_rows, memory, threads) in
            [("b", 1000, 200_000, 2), ("c", 333, 1, 3), ("d", 5000, 400_000, 1), ("e", ROWS, 1 << 30, 7)]
        {
            let options = WriteOptions { memory, threads, overwrite: true, ..options(sort.clone()) };
            let (written, bytes) = run(parallel(&schema, part_rows), &schema, &path(name), &options);
            assert_eq!(written.spilled_bytes > 0, name != "e", "{name}");
            assert!(bytes == expected, "{name}: other bytes");
        }
        for memory in [1 << 30, 100_000] {
            let options = WriteOptions { memory, overwrite: true, ..options(sort.clone()) };
            let (written, bytes) = run(Input::Sequential(part(&schema, 0..ROWS)), &schema, &path("s"), &options);
            assert_eq!(written.spilled_bytes > 0, memory == 100_000);
            assert!(bytes == expected, "read in sequence: other bytes");
        }
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
}

#[test]
fn rows_stay_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let schema = schema(Some("ProjectedCRS"));
    let options = WriteOptions { memory: 300_000, ..options(Sort::Hilbert) };
    run(parallel(&schema, 1500), &schema, &path, &options);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
    for found in reader {
        let found = found.unwrap();
        let ids = found.column(0).as_primitive::<Int64Type>().values().to_vec();
        let expected: Vec<RecordBatch> = ids.iter().map(|&id| batch(&schema, id..id + 1)).collect();
        let expected = arrow::compute::concat_batches(&schema, &expected).unwrap();
        for index in [1, 3, 4] {
            assert_eq!(found.column(index).to_data(), expected.column(index).to_data(), "column {index}");
        }
        let text = |array: &ArrayRef| arrow::compute::cast(array, &DataType::Utf8).unwrap();
        assert_eq!(&text(found.column(2)), &text(expected.column(2)));
    }
}

#[test]
fn row_groups_along_the_curve_cover_little() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let schema = schema(Some("ProjectedCRS"));
    run(parallel(&schema, 1000), &schema, &path, &options(Sort::Hilbert));
    let x = column(&path, |batch| {
        let boxes = batch.column_by_name("bbox").unwrap().as_struct();
        let valid = |row: &usize| boxes.is_valid(*row);
        let (x, y) = (boxes.column(0).as_primitive::<Float32Type>(), boxes.column(1).as_primitive::<Float32Type>());
        (0..batch.num_rows()).map(|row| valid(&row).then(|| (x.value(row), y.value(row)))).collect()
    });
    // What has no position is at the end.
    let missing = x.iter().filter(|position| position.is_none()).count();
    assert_eq!(missing, (0..ROWS).filter(|id| id % 97 == 0).count());
    assert!(x[x.len() - missing..].iter().all(Option::is_none));
    // Twenty groups over a square of 100 km: each has about a twentieth of it, give or take the shape of the curve.
    let mut area = 0.0;
    for group in x.chunks(1000) {
        let points: Vec<_> = group.iter().flatten().collect();
        let extent = |of: fn(&(f32, f32)) -> f32| {
            let values = points.iter().map(|point| of(point));
            f64::from(values.clone().fold(f32::MIN, f32::max)) - f64::from(values.fold(f32::MAX, f32::min))
        };
        area += if points.is_empty() { 0.0 } else { extent(|point| point.0) * extent(|point| point.1) };
    }
    assert!(area < 2.5e10, "{area}");
}

#[test]
fn equal_keys_keep_the_order_of_the_source() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let schema = schema(None);
    let options = WriteOptions { memory: 100_000, ..options(Sort::Columns(vec!["kind".to_owned()])) };
    run(parallel(&schema, 700), &schema, &path, &options);
    let kinds = column(&path, |batch| {
        let text = arrow::compute::cast(batch.column_by_name("kind").unwrap(), &DataType::Utf8).unwrap();
        let text = text.as_string::<i32>();
        text.iter().map(|kind| kind.map(str::to_owned)).collect()
    });
    let mut expected: Vec<(bool, Option<String>, i64)> =
        ids(&path).into_iter().zip(kinds).map(|(id, kind): (i64, Option<String>)| (kind.is_none(), kind, id)).collect();
    let found = expected.clone();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_sorted_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let schema = schema(None);
    for input in [Input::Parallel(Vec::new()), Input::Sequential(part(&schema, 0..0)), parallel(&schema, ROWS)] {
        let options = WriteOptions { overwrite: true, ..options(Sort::Hilbert) };
        write(&schema, input, &path, &options).unwrap();
    }
}

#[test]
fn failures_are_told_and_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let schema = schema(None);
    let failing: Part<'static> = Box::new(|_| Err("the disk is on fire".into()));
    let input = Input::Parallel(vec![part(&schema, 0..1000), failing]);
    let error = write(&schema, input, &path, &options(Sort::Hilbert)).unwrap_err();
    assert_eq!(error.to_string(), "the disk is on fire");
    let error = write(&schema, parallel(&schema, 100), &path, &options(Sort::Columns(vec!["knid".to_owned()])));
    assert!(matches!(error.unwrap_err(), WriteError::SortColumn { .. }));
    let missing = WriteOptions {
        temporary_directory: Some(directory.path().join("nowhere")),
        memory: 1000,
        ..options(Sort::Hilbert)
    };
    let error = write(&schema, parallel(&schema, 100), &path, &missing).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let cancelled = options(Sort::Hilbert);
    cancelled.cancel.cancel();
    let error = write(&schema, parallel(&schema, 100), &path, &cancelled).unwrap_err();
    assert!(matches!(error, WriteError::Cancelled));
    let unsound: Part<'static> = {
        let schema = Arc::clone(&schema);
        Box::new(move |sink| {
            let mut columns = batch(&schema, 0..1).columns().to_vec();
            columns[4] = Arc::new(BinaryArray::from_vec(vec![b"nonsense"]));
            let _ = sink(RecordBatch::try_new(Arc::clone(&schema), columns).unwrap());
            Ok(())
        })
    };
    let error = write(&schema, Input::Parallel(vec![unsound]), &path, &options(Sort::Hilbert)).unwrap_err();
    assert!(error.to_string().starts_with("row 1, geometry column \"geom\""), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

//! Datasets of several files through the public API.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use geoarrow_schema::{Crs, Metadata, WkbType};
use parcelle_geoparquet::{
    Input, Part, PartitionNames, Partitioning, Sort, WriteError, WriteOptions, Written, leftovers, write,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

const ROWS: i64 = 6_000;

fn schema() -> SchemaRef {
    let crs = Crs::from_projjson(json!({"type": "ProjectedCRS", "name": "some"}));
    let geometry = Field::new("geom", DataType::Binary, true)
        .with_extension_type(WkbType::new(Arc::new(Metadata::new(crs, None))));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("dep", DataType::Utf8, true),
        geometry,
    ]))
}

fn department(id: i64) -> Option<String> {
    match id % 7 {
        0 => None,
        1 => Some("a/b".to_owned()),
        other => Some(format!("0{other}")),
    }
}

fn part(ids: std::ops::Range<i64>) -> Part<'static> {
    Box::new(move |sink| {
        let point = |id: i64| {
            let mut wkb = vec![1, 1, 0, 0, 0];
            wkb.extend(((id * 7_919 % 1_000) as f64).to_le_bytes());
            wkb.extend(((id * 104_729 % 1_000) as f64).to_le_bytes());
            Some(wkb)
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(ids.clone())),
            Arc::new(ids.clone().map(department).collect::<StringArray>()),
            Arc::new(ids.map(point).collect::<BinaryArray>()),
        ];
        let _ = sink(RecordBatch::try_new(schema(), columns).unwrap());
        Ok(())
    })
}

fn convert(path: &Path, partitioning: &Partitioning, options: WriteOptions) -> Result<Written, WriteError> {
    let parts = (0..ROWS).step_by(500).map(|first| part(first..first + 500)).collect();
    let options = WriteOptions { partitioning: Some(partitioning.clone()), row_group_rows: 400, ..options };
    write(&schema(), Input::Parallel(parts), path, &options)
}

/// Writes rows with an `a` of this kind, beside other columns.
fn write_by_a(directory: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<Written, WriteError> {
    let rows = columns.first().unwrap().1.len();
    let fields = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let geometry = schema().field(2).clone();
    let schema = Arc::new(Schema::new(fields.chain([geometry]).collect::<Vec<_>>()));
    let empty: ArrayRef = Arc::new(BinaryArray::from(vec![None::<&[u8]>; rows]));
    let columns = columns.into_iter().map(|(_, column)| column).chain([empty]).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let part: Part<'static> = Box::new(move |sink| {
        let _ = sink(batch);
        Ok(())
    });
    let partitioning =
        Partitioning { by: Some("a".to_owned()), names: PartitionNames::Hive, ..Partitioning::default() };
    let options = WriteOptions { partitioning: Some(partitioning), ..WriteOptions::default() };
    write(&schema, Input::Parallel(vec![part]), &directory.join("out"), &options)
}

#[test]
fn a_column_that_is_there_twice_names_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let error = write_by_a(directory.path(), vec![("a", column("1")), ("a", column("2"))]).unwrap_err();
    assert!(matches!(error, WriteError::DuplicateColumn { .. }), "{error}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_has_no_text_or_another_meaning_names_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), Some(i32::MAX)]));
    let error = write_by_a(directory.path(), vec![("a", dates)]).unwrap_err().to_string();
    assert!(
        error.starts_with("--partition-by: a value of column \"a\" cannot be part of the name of a file: "),
        "{error}"
    );
    assert!(error.contains("2147483647"), "{error}");
    let words: ArrayRef = Arc::new(StringArray::from(vec!["__HIVE_DEFAULT_PARTITION__"]));
    let error = write_by_a(directory.path(), vec![("a", words)]).unwrap_err().to_string();
    assert!(error.ends_with("for NULL; use --partition-names flat"), "{error}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

fn index(path: &Path) -> Value {
    serde_json::from_reader(File::open(path.join("_index.json")).unwrap()).unwrap()
}

/// Ids by file, with the columns of the file.
fn read(path: &Path) -> BTreeMap<String, (Vec<String>, Vec<i64>)> {
    let index = index(path);
    let mut files = BTreeMap::new();
    for entry in index["files"].as_array().unwrap() {
        let name = entry["path"].as_str().unwrap();
        let file = path.join(name);
        assert_eq!(entry["bytes"].as_u64().unwrap(), file.metadata().unwrap().len());
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).unwrap()).unwrap();
        assert_eq!(entry["rows"], reader.metadata().file_metadata().num_rows());
        assert_eq!(entry["row_groups"], reader.metadata().num_row_groups());
        let geo = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let geo = geo.iter().find(|entry| entry.key == "geo").unwrap().value.clone().unwrap();
        let geo: Value = serde_json::from_str(&geo).unwrap();
        assert_eq!(geo["columns"]["geom"]["bbox"], entry["bbox"]);
        assert_eq!(geo["columns"]["geom"]["geometry_types"], entry["geometry_types"]);
        let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        let ids = reader.build().unwrap().flat_map(|batch| {
            batch.unwrap().column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
        });
        files.insert(name.to_owned(), (columns, ids.collect()));
    }
    files
}

fn all_bytes(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in path.read_dir().unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            files.extend(all_bytes(&entry));
        } else {
            files.insert(entry.strip_prefix(path).unwrap().to_owned(), std::fs::read(&entry).unwrap());
        }
    }
    files
}

#[test]
fn a_value_has_a_file_with_all_its_rows_and_columns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let by = Partitioning { by: Some("dep".to_owned()), ..Partitioning::default() };
    for sort in [Sort::Hilbert, Sort::None, Sort::Columns(vec!["id".to_owned()])] {
        let sorted_by_id = sort != Sort::Hilbert;
        let written = convert(&path, &by, WriteOptions { sort, overwrite: true, ..WriteOptions::default() }).unwrap();
        assert_eq!((written.rows, written.files), (ROWS as u64, 7));
        let files = read(&path);
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["02.parquet", "03.parquet", "04.parquet", "05.parquet", "06.parquet", "NULL.parquet", "a%2Fb.parquet"]
        );
        for (name, (columns, ids)) in files {
            assert_eq!(columns, ["id", "dep", "geom", "bbox"]);
            let value = department(ids[0]);
            assert!(ids.iter().all(|id| department(*id) == value), "{name}");
            assert_eq!(ids.is_sorted(), sorted_by_id, "{name}");
        }
    }
    let index = index(&path);
    assert_eq!((&index["rows"], &index["partitioning"]["by"]), (&json!(ROWS), &json!("dep")));
    let values: Vec<_> = index["files"].as_array().unwrap().iter().map(|entry| entry["value"].clone()).collect();
    assert_eq!(values, [json!("02"), json!("03"), json!("04"), json!("05"), json!("06"), json!("a/b"), Value::Null]);
    assert_eq!(directory.path().read_dir().unwrap().count(), 1, "something was left");
}

#[test]
fn files_end_at_a_size_and_are_areas() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let size = Partitioning { size: Some(6_000), ..Partitioning::default() };
    let written = convert(&path, &size, WriteOptions::default()).unwrap();
    let files = read(&path);
    assert!(files.len() > 3, "{}", files.len());
    assert_eq!((written.files as usize, files.values().map(|(_, ids)| ids.len() as i64).sum()), (files.len(), ROWS));
    assert_eq!(files.keys().next().unwrap(), "part-00000.parquet");
    let index = index(&path);
    let mut covered = 0.0;
    for entry in index["files"].as_array().unwrap() {
        let bbox: Vec<f64> = entry["bbox"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
        covered += (bbox[2] - bbox[0]) * (bbox[3] - bbox[1]);
        assert!(entry["bytes"].as_u64().unwrap() < 12_000);
    }
    assert!(covered < 2.0 * 1e6, "files overlap: {covered}");
}

#[test]
fn names_of_hive_hold_the_column_and_sizes_split_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let hive = Partitioning { by: Some("dep".to_owned()), size: Some(1), names: PartitionNames::Hive };
    convert(&path, &hive, WriteOptions::default()).unwrap();
    let files = read(&path);
    assert!(files.contains_key("dep=02/part-00002.parquet"), "{:?}", files.keys());
    assert!(files.contains_key("dep=__HIVE_DEFAULT_PARTITION__/part-00000.parquet"));
    assert!(files.values().all(|(columns, ids)| columns == &["id", "geom", "bbox"] && ids.len() <= 400));
    assert_eq!(files.values().map(|(_, ids)| ids.len() as i64).sum::<i64>(), ROWS);
}

#[test]
fn bytes_do_not_depend_on_threads_or_memory() {
    let directory = tempfile::tempdir().unwrap();
    let both = Partitioning { by: Some("dep".to_owned()), size: Some(9_000), ..Partitioning::default() };
    let bytes = |name: &str, threads, memory| {
        let path = directory.path().join(name);
        convert(&path, &both, WriteOptions { threads, memory, ..WriteOptions::default() }).unwrap();
        all_bytes(&path)
    };
    let reference = bytes("a", 1, 1 << 30);
    assert!(reference.len() > 8);
    assert!(bytes("b", 5, 1 << 30) == reference);
    assert!(bytes("c", 3, 1) == reference);
}

#[test]
fn only_what_was_written_here_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let size = Partitioning { size: Some(1 << 20), ..Partitioning::default() };
    let again = |overwrite| convert(&path, &size, WriteOptions { overwrite, ..WriteOptions::default() });
    // An empty directory is as good as none.
    std::fs::create_dir(&path).unwrap();
    again(false).unwrap();
    assert!(matches!(again(false), Err(WriteError::Exists { .. })));
    again(true).unwrap();
    std::fs::write(path.join("thesis.odt"), "years of work").unwrap();
    let error = again(true).unwrap_err();
    assert!(error.to_string().contains("not a dataset of parcelle"), "{error}");
    assert!(path.join("thesis.odt").exists());
    let file = directory.path().join("file");
    std::fs::write(&file, "data").unwrap();
    let error = convert(&file, &size, WriteOptions { overwrite: true, ..WriteOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("not a dataset of parcelle"), "{error}");
    assert!(leftovers(&path).is_empty());
}

#[test]
fn a_failing_run_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let parts: Vec<Part<'_>> = vec![part(0..3_000), Box::new(|_| Err("the disk is gone".into()))];
    let partitioning = Some(Partitioning { size: Some(1), ..Partitioning::default() });
    let options = WriteOptions { partitioning, sort: Sort::None, row_group_rows: 10, ..WriteOptions::default() };
    assert!(write(&schema(), Input::Parallel(parts), &path, &options).is_err());
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn no_rows_make_one_file_or_none_by_value() {
    let directory = tempfile::tempdir().unwrap();
    let empty = |name: &str, partitioning: Partitioning| {
        let path = directory.path().join(name);
        let options = WriteOptions { partitioning: Some(partitioning), ..WriteOptions::default() };
        write(&schema(), Input::Parallel(Vec::new()), &path, &options).unwrap();
        read(&path)
    };
    assert_eq!(empty("a", Partitioning { size: Some(1), ..Partitioning::default() }).len(), 1);
    assert_eq!(empty("b", Partitioning { by: Some("dep".to_owned()), ..Partitioning::default() }).len(), 0);
}

#[test]
fn columns_without_names_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let by = |name: &str| Partitioning { by: Some(name.to_owned()), ..Partitioning::default() };
    let error = convert(&path, &by("department"), WriteOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "--partition-by: there is no column \"department\"; there are: id, dep, geom");
    let error = convert(&path, &by("geom"), WriteOptions::default()).unwrap_err();
    assert!(error.to_string().contains("make no names of files"), "{error}");
}

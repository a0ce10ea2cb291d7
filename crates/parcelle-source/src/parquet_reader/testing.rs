//! Parquet files made to measure, for tests.

use std::collections::HashMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Layer, OpenOptions, SourceError};

/// A file in a folder of its own, which goes when it does.
pub(super) struct TestFile {
    folder: TempDir,
}

impl TestFile {
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tést.parquet"), bytes).unwrap();
        Self { folder }
    }

    /// A batch in row groups of so many rows, with entries of the footer.
    pub(super) fn new(batch: &RecordBatch, group_rows: usize, entries: &[(&str, &str)]) -> Self {
        Self::with_arrow_schema(batch, group_rows, entries, true)
    }

    /// The same, with or without the Arrow schema in the footer.
    pub(super) fn with_arrow_schema(
        batch: &RecordBatch,
        group_rows: usize,
        entries: &[(&str, &str)],
        arrow_schema: bool,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entries = entries.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
        let properties = WriterProperties::builder()
            .set_key_value_metadata(Some(entries.collect()))
            .set_max_row_group_row_count(Some(group_rows))
            .build();
        let file = File::create(folder.path().join("tést.parquet")).unwrap();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(!arrow_schema);
        let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        Self { folder }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("tést.parquet")
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    pub(super) fn open(&self, options: &OpenOptions) -> Result<Box<dyn Layer>, SourceError> {
        crate::open(&self.path(), options)
    }

    /// All rows, in one batch.
    pub(super) fn read(&self) -> Result<RecordBatch, SourceError> {
        read(&self.path(), 1000)
    }
}

/// All rows of a file, through splits of so many rows.
pub(super) fn read(path: &Path, target_rows: usize) -> Result<RecordBatch, SourceError> {
    read_layer(crate::open(path, &OpenOptions::default())?.as_ref(), target_rows)
}

/// All rows of a layer, through splits of so many rows.
pub(super) fn read_layer(layer: &dyn Layer, target_rows: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in layer.splits(target_rows)? {
        layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

/// A `geo` entry for one column.
pub(super) fn geo(column: &str, entry: &Value) -> String {
    serde_json::json!({"version": "1.1.0", "primary_column": column, "columns": {column: entry}}).to_string()
}

/// Points as WKB: x is the row number.
pub(super) fn points(rows: usize) -> ArrayRef {
    let wkb: Vec<Vec<u8>> = (0..rows).map(|row| point(row as f64, 1.0)).collect();
    Arc::new(BinaryArray::from_iter_values(wkb))
}

pub(super) fn point(x: f64, y: f64) -> Vec<u8> {
    let mut wkb = vec![1, 1, 0, 0, 0];
    wkb.extend(x.to_le_bytes());
    wkb.extend(y.to_le_bytes());
    wkb
}

pub(super) fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// A batch of one column `geometry` of points.
pub(super) fn point_batch(rows: usize) -> RecordBatch {
    batch(vec![(Field::new("geometry", DataType::Binary, true), points(rows))])
}

/// A field of an Arrow extension.
pub(super) fn extension(field: Field, name: &str, metadata: &Value) -> Field {
    let entries = [("ARROW:extension:name", name.to_owned()), ("ARROW:extension:metadata", metadata.to_string())];
    field.with_metadata(HashMap::from(entries.map(|(key, text)| (key.to_owned(), text))))
}

/// The geometry column.
pub(super) fn wkb(batch: &RecordBatch, name: &str) -> Vec<Option<Vec<u8>>> {
    let column = batch.column_by_name(name).unwrap();
    column.as_binary::<i32>().iter().map(|wkb| wkb.map(<[u8]>::to_vec)).collect()
}

/// Extension metadata of a field.
pub(super) fn metadata(field: &Field) -> Value {
    let text = field.metadata().get("ARROW:extension:metadata");
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// Identity of the reference system of a field, or `null`.
pub(super) fn crs(field: &Field) -> String {
    let crs = metadata(field)["crs"].clone();
    if crs.is_null() { "null".to_owned() } else { parcelle_crs::Crs::from_projjson(crs).unwrap().to_string() }
}

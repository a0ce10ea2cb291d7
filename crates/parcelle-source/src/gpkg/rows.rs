//! Rows into record batches, whichever way they are read.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use rusqlite::types::ValueRef;

use crate::BatchSink;
use crate::Curves;
use crate::error::{Place, RowPosition, SourceError};
use crate::gpkg::columns::{Column, Kind};
use crate::gpkg::value::{Builder, Refusal, describe};
use crate::invalid::InvalidValues;

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// What the rows of a layer consist of.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) path: PathBuf,
    pub(crate) table: String,
    /// The columns that are wanted; the row id first where it is one of them.
    pub(crate) columns: Vec<(Column, Kind)>,
    pub(crate) schema: SchemaRef,
    pub(crate) invalid: InvalidValues,
    /// How many rows there may be; sizes the first batch.
    pub(crate) rows: Option<u64>,
    pub(crate) curves: Curves,
}

impl Shape {
    pub(crate) fn batch_error(&self, reason: String) -> SourceError {
        SourceError::Batch { path: self.path.clone(), layer: self.table.clone(), reason }
    }

    fn refused(&self, column: usize, row: RowPosition, value: ValueRef<'_>, refusal: Refusal) -> SourceError {
        let Some((column, kind)) = self.columns.get(column) else {
            return self.batch_error(format!("there is no column {column}"));
        };
        let (path, layer) = (self.path.clone(), self.table.clone());
        let place = Box::new(Place { path, layer, column: column.name.clone(), row });
        match refusal {
            Refusal::Geometry(reason) => SourceError::Geometry { place, reason },
            Refusal::Value => {
                let declared = match (column.declared.as_str(), column.nullable) {
                    ("", _) => kind.data_type().to_string(),
                    (declared, true) => declared.to_owned(),
                    (declared, false) => format!("{declared} NOT NULL"),
                };
                SourceError::Value { place, declared, found: describe(value) }
            }
        }
    }
}

/// Takes rows value by value and passes batches on.
pub(crate) struct Rows<'a> {
    shape: &'a Shape,
    sink: BatchSink<'a>,
    columns: Vec<(Builder, bool)>,
    /// Ids of the rows in this batch, the one under way included, where the table has ids.
    ids: Vec<i64>,
    /// Whole rows in this batch, and before it.
    complete: usize,
    before: u64,
    bytes: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(shape: &'a Shape, sink: BatchSink<'a>) -> Self {
        let expected = shape.rows.map_or(BATCH_ROWS / 8, |rows| usize::try_from(rows).unwrap_or(BATCH_ROWS));
        let capacity = expected.min(BATCH_ROWS);
        let builder = |(column, kind): &(Column, Kind)| {
            (Builder::new(*kind, capacity, capacity * 8, &shape.curves), column.nullable)
        };
        let columns = shape.columns.iter().map(builder).collect();
        Self { shape, sink, columns, ids: Vec::with_capacity(capacity), complete: 0, before: 0, bytes: 0 }
    }

    /// Begins a row; its id, where the table has ids, is only for messages.
    #[inline]
    pub(crate) fn start_row(&mut self, row_id: Option<i64>) {
        self.ids.extend(row_id);
    }

    /// Appends a value of the row under way to the column. Each column must get one value per row.
    #[inline]
    pub(crate) fn append(&mut self, column: usize, value: &ValueRef<'_>) -> Result<(), SourceError> {
        let appended = match self.columns.get_mut(column) {
            Some((_, false)) if matches!(*value, ValueRef::Null) => Err(Refusal::Value),
            Some((builder, _)) => builder.append(value),
            None => Err(Refusal::Value),
        };
        match appended {
            Ok(bytes) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(refusal) if self.shape.invalid.are_errors() => Err(self.refused(column, *value, refusal)),
            Err(refusal) => {
                let error = self.shape.refused(column, self.position(self.complete), *value, refusal);
                self.shape.invalid.null(error)?;
                if let Some((builder, _)) = self.columns.get_mut(column) {
                    builder.append_null();
                }
                Ok(())
            }
        }
    }

    /// Ends a row; breaks where no more are wanted.
    #[inline]
    pub(crate) fn end_row(&mut self) -> Result<ControlFlow<()>, SourceError> {
        self.complete += 1;
        if self.complete >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            return self.pass_on();
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Passes the rest on.
    pub(crate) fn finish(mut self) -> Result<(), SourceError> {
        if self.complete > 0 {
            // It is the last batch, whether more are wanted or not.
            let _: ControlFlow<()> = self.pass_on()?;
        }
        Ok(())
    }

    fn pass_on(&mut self) -> Result<ControlFlow<()>, SourceError> {
        let rows = self.complete;
        let mut arrays = Vec::with_capacity(self.columns.len());
        let mut invalid: Vec<InvalidText> = Vec::new();
        for (index, ((builder, _), (_, kind))) in self.columns.iter_mut().zip(&self.shape.columns).enumerate() {
            // The next batch will be about like this one; one great value does not make it so.
            let bytes = builder.value_bytes();
            let mut finished = std::mem::replace(
                builder,
                Builder::new(*kind, rows, (bytes + bytes / 8).min(BATCH_BYTES), &self.shape.curves),
            );
            match finished.finish() {
                Ok(array) => arrays.push(array),
                Err(bytes) if !self.shape.invalid.are_errors() => {
                    let error = |row: usize, text: &[u8]| {
                        let row = position(&self.ids, self.before, row);
                        self.shape.refused(index, row, ValueRef::Text(text), Refusal::Value)
                    };
                    arrays.push(Arc::new(self.shape.invalid.texts(&bytes, error)?));
                }
                Err(bytes) => invalid.push(InvalidText::first(&bytes, index)),
            }
        }
        if let Some(first) = invalid.into_iter().min_by_key(|found| (found.row, found.column)) {
            return Err(self.invalid_text(&first));
        }
        let batch = self.batch(arrays)?;
        let flow = (self.sink)(batch);
        self.before += rows as u64;
        (self.complete, self.bytes) = (0, 0);
        self.ids.clear();
        Ok(flow)
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch, SourceError> {
        RecordBatch::try_new(Arc::clone(&self.shape.schema), columns)
            .map_err(|error| self.shape.batch_error(error.to_string()))
    }

    fn position(&self, row: usize) -> RowPosition {
        position(&self.ids, self.before, row)
    }

    fn invalid_text(&self, found: &InvalidText) -> SourceError {
        self.shape.refused(found.column, self.position(found.row), ValueRef::Text(&found.text), Refusal::Value)
    }

    /// What is wrong with the first value that is: texts before this one have not been looked at yet.
    #[cold]
    fn refused(&mut self, column: usize, value: ValueRef<'_>, refusal: Refusal) -> SourceError {
        let texts = self.columns.iter_mut().enumerate().filter_map(|(index, (builder, _))| match builder {
            Builder::Text(_) => builder.finish().err().map(|bytes| InvalidText::first(&bytes, index)),
            _ => None,
        });
        match texts.min_by_key(|found| (found.row, found.column)) {
            // Those of this row come from columns before this one.
            Some(first) => self.invalid_text(&first),
            None => self.shape.refused(column, self.position(self.complete), value, refusal),
        }
    }
}

/// Where a row of a batch is, before which there were others.
fn position(ids: &[i64], before: u64, row: usize) -> RowPosition {
    ids.get(row).map_or(RowPosition::Number(before + row as u64 + 1), |id| RowPosition::RowId(*id))
}

/// A text that is not UTF-8.
struct InvalidText {
    row: usize,
    column: usize,
    text: Vec<u8>,
}

impl InvalidText {
    /// The first of a column that has one.
    fn first(bytes: &BinaryArray, column: usize) -> Self {
        let is_invalid = |row: &usize| std::str::from_utf8(bytes.value(*row)).is_err();
        // Each value being valid, the whole is: there is one to be found.
        let row = (0..bytes.len()).find(is_invalid).unwrap_or(0);
        Self { row, column, text: bytes.value(row).to_vec() }
    }
}

//! A Parquet file as a [`Layer`].

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use parcelle_parquet::{Wanted, batches};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::basic::LogicalType;
use parquet::errors::ParquetError;
use parquet::schema::types::TypePtr;

use crate::arrow_columns::guarded;
use crate::arrow_columns::listing::layer_name;
use crate::arrow_columns::projection::{Fault, Projection};
use crate::arrow_columns::wkb_column::Refusal;
use crate::error::{GeometryReason, SourceError};
use crate::invalid::InvalidValues;
use crate::parquet_reader::file::ParquetFile;
use crate::parquet_reader::splits::{self, Group};
use crate::parquet_reader::{geometry, window};
use crate::{BatchSink, Layer, OpenOptions, Split, SplitRange};

/// A Parquet file with geometry.
#[derive(Debug)]
pub(crate) struct ParquetLayer {
    file: ParquetFile,
    name: String,
    metadata: ArrowReaderMetadata,
    projection: Projection,
    /// The row groups that may meet the window.
    groups: Vec<Group>,
    rows: u64,
    invalid: InvalidValues,
}

impl ParquetLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let file = ParquetFile::open(path)?;
        let metadata = file.metadata()?;
        let name = layer_name(path);
        let mut columns = geometry::find(&file, &metadata)?;
        let invalid = options.invalid.clone();
        for column in &mut columns {
            column.nullable |= !invalid.are_errors();
        }
        let wanted = "a `geo` entry, a column of the type GEOMETRY, GEOGRAPHY or of a GeoArrow extension, a binary column \
                      called geometry, geom, wkb_geometry or the like that holds WKB, or a pair of numbers called \
                      longitude and latitude, or x and y";
        let schema = with_extension_types(&metadata);
        let projection = Projection::open(path, &name, &schema, &columns, options, wanted)?;
        let kept = window::kept(metadata.metadata(), columns.first(), options.window);
        let (mut groups, mut rows) = (Vec::new(), 0u64);
        for (index, (group, kept)) in metadata.metadata().row_groups().iter().zip(kept).enumerate() {
            // Not negative: the footer was checked.
            let count = u64::try_from(group.num_rows()).unwrap_or(0);
            if kept {
                groups.push(Group { index, first: rows, rows: count });
            }
            rows = rows.saturating_add(count);
        }
        Ok(Self { file, name, metadata, projection, groups, rows, invalid })
    }

    fn read_parts(&self, parts: &[Part], sink: BatchSink<'_>) -> Result<(), SourceError> {
        let expected: u64 = parts.iter().map(Part::rows).sum();
        let build = || {
            let wanted = Wanted {
                roots: self.projection.roots.clone(),
                groups: parts.iter().map(|part| part.group.index).collect(),
                // Also where it is all of them: pages that go on after the last row are then left alone in any case.
                selection: Some(selection(parts)?),
                batch_rows: None,
            };
            batches(self.file.chunks(self.metadata.metadata()), &self.metadata, wanted)
        };
        let mut reader = guarded(build).map_err(|reason| self.damaged(parts, 0, &reason))?;
        let mut rows = 0u64;
        loop {
            let next = guarded(|| reader.next().transpose().map_err(ParquetError::from));
            let Some(batch) = next.map_err(|reason| self.damaged(parts, rows, &reason))? else { break };
            let batch_rows = batch.num_rows() as u64;
            let is_null = |column: &str, row: usize, reason: &GeometryReason| {
                let refusal = Refusal::Geometry(reason.clone());
                let fault = Fault::Row { column: column.to_owned(), row, refusal };
                self.invalid.null(self.fault(fault, parts, rows)).is_ok()
            };
            let batch = self.projection.apply(&batch, is_null);
            let batch = batch.map_err(|fault| self.invalid.refusal(self.fault(fault, parts, rows)))?;
            rows = rows.saturating_add(batch_rows);
            if batch_rows > 0 && sink(batch).is_break() {
                return Ok(());
            }
        }
        if rows != expected {
            let reason = format!("{rows} rows where the footer says {expected}");
            return Err(self.damaged(parts, rows, &reason));
        }
        self.file.verify_unchanged()
    }

    /// What is wrong with the pages after so many rows. Where the file was changed meanwhile, that is why.
    fn damaged(&self, parts: &[Part], rows: u64, reason: &str) -> SourceError {
        if let Err(changed) = self.file.verify_unchanged() {
            return changed;
        }
        self.file.malformed(format!("after row number {}: {reason}", row_number(parts, rows)))
    }

    fn fault(&self, fault: Fault, parts: &[Part], rows: u64) -> SourceError {
        fault.located(self.file.path(), &self.name, |row| row_number(parts, rows.saturating_add(row)).saturating_add(1))
    }

    /// The parts of row groups that a range of rows has.
    fn parts(&self, start: u64, end: u64) -> Vec<Part> {
        let part = |group: &Group| {
            let from = start.max(group.first);
            let to = end.min(group.first.saturating_add(group.rows));
            (from < to).then(|| Part { group: *group, from: from - group.first, to: to - group.first })
        };
        self.groups.iter().filter_map(part).collect()
    }
}

/// The schema, with the logical types that Arrow has as extension types of a field, so that they are not lost.
fn with_extension_types(metadata: &ArrowReaderMetadata) -> Schema {
    let schema = metadata.schema();
    let types = metadata.parquet_schema().root_schema().get_fields();
    let named = |(field, stored): (&FieldRef, &TypePtr)| {
        let extension = match stored.get_basic_info().logical_type_ref() {
            Some(LogicalType::Uuid) => "arrow.uuid",
            Some(LogicalType::Json) => "arrow.json",
            _ => return Arc::clone(field),
        };
        if field.metadata().contains_key("ARROW:extension:name") {
            return Arc::clone(field);
        }
        let mut entries = field.metadata().clone();
        entries.insert("ARROW:extension:name".to_owned(), extension.to_owned());
        entries.insert("ARROW:extension:metadata".to_owned(), String::new());
        Arc::new(field.as_ref().clone().with_metadata(entries))
    };
    Schema::new(schema.fields().iter().zip(types).map(named).collect::<Vec<_>>())
}

/// Rows of a row group.
#[derive(Debug, Clone, Copy)]
struct Part {
    group: Group,
    /// The first of them, within the row group.
    from: u64,
    /// The one after the last.
    to: u64,
}

impl Part {
    fn rows(&self) -> u64 {
        self.to - self.from
    }
}

/// How many rows of the file are before the one that comes after `read` rows of these parts.
fn row_number(parts: &[Part], read: u64) -> u64 {
    let mut left = read;
    let mut number = 0;
    for part in parts {
        let first = part.group.first + part.from;
        number = first + left.min(part.rows());
        if left < part.rows() {
            break;
        }
        left -= part.rows();
    }
    number
}

fn selection(parts: &[Part]) -> Result<RowSelection, ParquetError> {
    let mut selectors = Vec::with_capacity(parts.len() * 3);
    for part in parts {
        let runs = [(part.from, true), (part.rows(), false), (part.group.rows - part.to, true)];
        for (rows, skip) in runs.into_iter().filter(|(rows, _)| *rows > 0) {
            let row_count = usize::try_from(rows)?;
            selectors.push(RowSelector { row_count, skip });
        }
    }
    Ok(RowSelection::from(selectors))
}

impl Layer for ParquetLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        "Parquet"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.projection.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        Ok(splits::splits(&self.groups, target_rows))
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let (start, end) = match split.range {
            SplitRange::Whole => (0, u64::MAX),
            SplitRange::Range { start, end } => (start, end),
            SplitRange::RowIds { .. } | SplitRange::Members(_) => {
                let reason = "the split is not one of this layer".to_owned();
                return Err(SourceError::Batch { path: self.file.path().to_owned(), layer: self.name.clone(), reason });
            }
        };
        match self.parts(start, end).as_slice() {
            [] => Ok(()),
            parts => self.read_parts(parts, sink),
        }
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.file.bytes())
    }
}

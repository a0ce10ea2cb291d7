//! Record batches as a [`Layer`].

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::arrow_columns::listing::layer_name;
use crate::arrow_columns::projection::{Fault, Projection};
use crate::arrow_columns::wkb_column::Refusal;
use crate::arrow_ipc::file::ArrowFile;
use crate::arrow_ipc::geometry;
use crate::error::{GeometryReason, SourceError};
use crate::invalid::InvalidValues;
use crate::{BatchSink, Layer, OpenOptions, Split, SplitRange};

/// Most rows of a batch that is passed on, and about as many bytes, but never fewer rows than the last.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
const LEAST_BATCH_ROWS: usize = 16;

/// An Arrow file or stream with geometry.
#[derive(Debug)]
pub(crate) struct ArrowLayer {
    file: ArrowFile,
    name: String,
    projection: Projection,
    invalid: InvalidValues,
}

impl ArrowLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let file = ArrowFile::open(path)?;
        let name = layer_name(path);
        let mut columns = geometry(&file)?;
        let invalid = options.invalid.clone();
        for column in &mut columns {
            column.nullable |= !invalid.are_errors();
        }
        let wanted = "a column of a GeoArrow extension (geoarrow.wkb, geoarrow.polygon and so on), a `geo` entry of the \
                      schema, a binary column called geometry, geom, wkb_geometry or the like that holds WKB, or a pair \
                      of numbers called longitude and latitude, or x and y";
        let projection = Projection::open(path, &name, file.schema(), &columns, options, wanted)?;
        Ok(Self { file, name, projection, invalid })
    }
}

impl Layer for ArrowLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        "Arrow"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.projection.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        Some(self.file.rows())
    }

    /// Small record batches together; a large one is a split of its own, since it can only be read whole.
    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        if self.file.is_sequential() {
            return Ok(vec![Split::whole()]);
        }
        let target = target_rows as u64;
        let mut ranges: Vec<(u64, u64, u64)> = Vec::new();
        for (number, batch) in self.file.batches().iter().enumerate().filter(|(_, batch)| batch.rows > 0) {
            let number = number as u64;
            match ranges.last_mut() {
                Some((_, end, rows)) if rows.saturating_add(batch.rows) <= target => {
                    *end = number + 1;
                    *rows = rows.saturating_add(batch.rows);
                }
                _ => ranges.push((number, number + 1, batch.rows)),
            }
        }
        let split =
            |(index, (start, end, _))| Split { index, sequential: false, range: SplitRange::Range { start, end } };
        Ok(ranges.into_iter().enumerate().map(split).collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let all = self.file.batches().len();
        let range = match split.range {
            SplitRange::Whole => 0..all,
            SplitRange::Range { start, end } => {
                let number = |number: u64| usize::try_from(number).unwrap_or(all).min(all);
                number(start)..number(end)
            }
            SplitRange::RowIds { .. } | SplitRange::Members(_) => {
                let reason = "the split is not one of this layer".to_owned();
                return Err(SourceError::Batch { path: self.file.path().to_owned(), layer: self.name.clone(), reason });
            }
        };
        self.file.read(range, &self.projection.roots, &mut |number, batch| {
            let first = self.file.batches().get(number).map_or(0, |place| place.first);
            let row_bytes = (batch.get_array_memory_size() / batch.num_rows().max(1)).max(1);
            let rows = (BATCH_BYTES / row_bytes).clamp(LEAST_BATCH_ROWS, BATCH_ROWS);
            let mut start = 0;
            while start < batch.num_rows() {
                let part = batch.slice(start, rows.min(batch.num_rows() - start));
                let before = first.saturating_add(start as u64);
                let located = |fault: Fault| {
                    fault.located(self.file.path(), &self.name, |row| before.saturating_add(row).saturating_add(1))
                };
                let is_null = |column: &str, row: usize, reason: &GeometryReason| {
                    let refusal = Refusal::Geometry(reason.clone());
                    self.invalid.null(located(Fault::Row { column: column.to_owned(), row, refusal })).is_ok()
                };
                let part = self.projection.apply(&part, is_null);
                let part = part.map_err(|fault| self.invalid.refusal(located(fault)))?;
                if sink(part).is_break() {
                    return Ok(false);
                }
                start = start.saturating_add(rows);
            }
            Ok(true)
        })?;
        self.file.verify_unchanged()
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.file.bytes())
    }
}

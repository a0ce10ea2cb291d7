//! One range of keys: its rows from all runs, merged.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::arrange::key::SortKey;
use crate::arrange::run::{Position, Run, Sorted, gather};
use crate::arrange::spill::Spill;
use crate::error::WriteError;
use crate::pipeline::BatchSink;

/// Most rows of a batch that is passed on: gathering many at once keeps few rows in the cache, and 32-bit offsets of
/// binary columns end at 2 GiB.
const BATCH_ROWS: usize = 16_384;

/// A schema with a column for the [`Cell`](crate::arrange::Cell) of each row behind the others.
pub(crate) fn with_cells(schema: &SchemaRef) -> SchemaRef {
    let cells = Arc::new(Field::new("parcelle:cell", DataType::UInt64, false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([cells]).collect::<Vec<_>>()))
}

/// Rows between two positions.
#[derive(Debug)]
pub(crate) struct KeyRange<K> {
    /// The first row; `None` for the start of all.
    pub(crate) from: Option<Position<K>>,
    /// The row after the last; `None` for the end of all.
    pub(crate) to: Option<Position<K>>,
}

impl<K: SortKey> KeyRange<K> {
    /// Passes the rows of the range to the sink, in order; with their cells where keys are places.
    pub(crate) fn read(
        &self,
        schema: &SchemaRef,
        runs: &[(usize, Run<K>)],
        spill: Option<&Spill>,
        sink: BatchSink<'_>,
    ) -> Result<(), WriteError> {
        let mut sources: Vec<RecordBatch> = Vec::new();
        // Key, batch, row: in the order of parts, and within a part sorted.
        let mut entries: Vec<(K, u32, u32)> = Vec::new();
        for (part, run) in runs {
            match run {
                Run::Held(held) => {
                    let sorted = held.sorted();
                    let range = sorted.between(self.from.as_ref(), self.to.as_ref());
                    if range.is_empty() {
                        continue;
                    }
                    let first = sources.len();
                    sources.extend(held.batches.iter().cloned());
                    let keys = sorted.keys.get(range.clone()).unwrap_or_default();
                    let places = held.places(range);
                    entries.extend(
                        keys.iter()
                            .zip(places)
                            .map(|(key, (batch, row))| (key.clone(), (first + batch) as u32, row as u32)),
                    );
                }
                Run::Spilled(blocks) => {
                    let Some(spill) = spill else { continue };
                    let start = self.from.as_ref().map_or(0, |from| blocks.partition_point(|block| block.last < *from));
                    let end =
                        self.to.as_ref().map_or(blocks.len(), |to| blocks.partition_point(|block| block.first < *to));
                    for block in blocks.get(start..end.max(start)).unwrap_or_default() {
                        let loaded = spill.load::<K>(block.extent)?;
                        let sorted = Sorted { part: *part, keys: &loaded.keys, rows: &loaded.rows };
                        let range = sorted.between(self.from.as_ref(), self.to.as_ref());
                        if range.is_empty() {
                            continue;
                        }
                        let source = sources.len() as u32;
                        let keys = loaded.keys.get(range.clone()).unwrap_or_default();
                        entries.extend(keys.iter().zip(range).map(|(key, row)| (key.clone(), source, row as u32)));
                        sources.push(loaded.batch);
                    }
                }
            }
        }
        // Stable, and quick where runs are long: it merges them.
        entries.sort_by(|(left, ..), (right, ..)| left.cmp(right));
        for entries in entries.chunks(BATCH_ROWS) {
            let indices: Vec<_> = entries.iter().map(|(_, batch, row)| (*batch as usize, *row as usize)).collect();
            let mut batch = gather(schema, &sources, &indices)?;
            if K::IS_PLACE {
                let cells = UInt64Array::from_iter_values(entries.iter().map(|(key, ..)| key.cell()));
                let columns = batch.columns().iter().cloned().chain([Arc::new(cells) as ArrayRef]).collect();
                batch = RecordBatch::try_new(with_cells(schema), columns)
                    .map_err(|error| WriteError::Batch(error.to_string()))?;
            }
            if sink(batch) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

//! One range of keys: its rows from all runs, merged.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::arrange::gather::{Column, Place, Sources};
use crate::arrange::key::SortKey;
use crate::arrange::run::{Block, Held, Position, Run, Sorted};
use crate::arrange::spill::{Loaded, Spill};
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

/// What a run has in a range.
enum Piece<'a, K> {
    /// Rows of a run in memory.
    Held { held: &'a Held<K>, range: Range<usize> },
    /// Blocks of the spill file, one after the other.
    Spilled { part: usize, blocks: &'a [Block<K>] },
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
        let pieces = self.pieces(runs);
        let Some(spill) = spill else { return self.merge(schema, &pieces, &[], sink) };
        let mut memory = spill.memory();
        let mut loaded = Vec::new();
        let result = load(&pieces, spill, &mut memory, &mut loaded);
        let result = result.and_then(|()| self.merge(schema, &pieces, &loaded, sink));
        drop(loaded);
        spill.give_back(memory);
        result
    }

    /// Those of the runs that have any rows in the range.
    fn pieces<'a>(&self, runs: &'a [(usize, Run<K>)]) -> Vec<Piece<'a, K>> {
        let (from, to) = (self.from.as_ref(), self.to.as_ref());
        let mut pieces = Vec::new();
        for (part, run) in runs {
            match run {
                Run::Held(all) => pieces.extend(all.iter().filter_map(|held| {
                    let range = held.sorted().between(from, to);
                    (!range.is_empty()).then_some(Piece::Held { held, range })
                })),
                Run::Spilled(blocks) => {
                    let start = from.map_or(0, |from| blocks.partition_point(|block| block.last < *from));
                    let end = to.map_or(blocks.len(), |to| blocks.partition_point(|block| block.first < *to));
                    let blocks = blocks.get(start..end.max(start)).filter(|blocks| !blocks.is_empty());
                    pieces.extend(blocks.map(|blocks| Piece::Spilled { part: *part, blocks }));
                }
            }
        }
        pieces
    }

    /// Passes the rows of the pieces to the sink. `loaded` are all of their blocks.
    fn merge<'a>(
        &self,
        schema: &SchemaRef,
        pieces: &'a [Piece<'a, K>],
        loaded: &'a [Loaded<'a, K>],
        sink: BatchSink<'_>,
    ) -> Result<(), WriteError> {
        let mut sources = Sources::new(schema);
        // In the order of parts, and within a part sorted.
        let mut entries: Vec<(K, Place)> = Vec::new();
        let mut add = |range: Range<usize>, sorted: &Sorted<'_, K>, plain: &[Column<'a>], others: &[ArrayRef]| {
            let keys = sorted.keys.get(range.clone()).unwrap_or_default();
            let source = sources.count();
            let places = range.map(|row| Place { source, row: row as u32 });
            entries.extend(keys.iter().cloned().zip(places));
            sources.add(plain, others);
        };
        let mut loaded = loaded.iter();
        for piece in pieces {
            match piece {
                Piece::Held { held, range } => add(range.clone(), &held.sorted(), &held.plain(), &held.others),
                Piece::Spilled { part, blocks } => {
                    for loaded in loaded.by_ref().take(blocks.len()) {
                        let sorted = Sorted { part: *part, keys: &loaded.keys, rows: &loaded.rows };
                        let range = sorted.between(self.from.as_ref(), self.to.as_ref());
                        add(range, &sorted, &loaded.plain, &loaded.others);
                    }
                }
            }
        }
        // Stable, and quick where runs are long: it merges them.
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        let failed = |error: ArrowError| WriteError::Batch(error.to_string());
        for entries in entries.chunks(BATCH_ROWS) {
            let places: Vec<Place> = entries.iter().map(|(_, place)| *place).collect();
            let mut batch = sources.pick(&places).map_err(failed)?;
            if K::IS_PLACE {
                let cells = UInt64Array::from_iter_values(entries.iter().map(|(key, _)| key.cell()));
                let columns = batch.columns().iter().cloned().chain([Arc::new(cells) as ArrayRef]).collect();
                batch = RecordBatch::try_new(with_cells(schema), columns).map_err(failed)?;
            }
            if sink(batch) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

/// Reads the blocks of the pieces into memory.
fn load<'a, K: SortKey>(
    pieces: &[Piece<'_, K>],
    spill: &Spill,
    memory: &'a mut Vec<u8>,
    loaded: &mut Vec<Loaded<'a, K>>,
) -> Result<(), WriteError> {
    let spilled = pieces.iter().filter_map(|piece| match piece {
        Piece::Spilled { blocks, .. } => Some(*blocks),
        Piece::Held { .. } => None,
    });
    let bytes_of = |blocks: &[Block<K>]| blocks.iter().map(|block| block.extent.length as usize).sum::<usize>();
    let bytes = spilled.clone().map(bytes_of).sum();
    if memory.len() < bytes {
        memory.resize(bytes, 0);
    }
    let mut rest = memory.as_mut_slice();
    for blocks in spilled {
        // Those of a run follow each other in the file.
        let Some(first) = blocks.first() else { continue };
        let Some((piece, tail)) = std::mem::take(&mut rest).split_at_mut_checked(bytes_of(blocks)) else { break };
        rest = tail;
        spill.read(first.extent.offset, piece)?;
        let mut piece = &*piece;
        for block in blocks {
            let (bytes, tail) = piece.split_at_checked(block.extent.length as usize).unwrap_or_default();
            piece = tail;
            loaded.push(spill.load(bytes, block.length)?);
        }
    }
    Ok(())
}

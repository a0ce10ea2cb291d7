//! Runs: the rows of one part, in the order of their keys.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::arrange::gather::{self, Column, Picked, Place, Sources};
use crate::arrange::key::{KeyMaker, SortKey};
use crate::arrange::spill::{BlockMemory, Extent, Spill};
use crate::error::WriteError;

/// Most rows of a block. Small blocks are read more exactly, large ones with less effort each.
const BLOCK_ROWS: usize = 4096;
/// Most bytes of a block, where rows are of about equal size.
const BLOCK_BYTES: u64 = 4 << 20;

/// A place in the order of all rows: by key, then by part, then by row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position<K> {
    pub(crate) key: K,
    pub(crate) part: usize,
    pub(crate) row: u32,
}

/// Keys and row numbers of sorted rows of one part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sorted<'a, K> {
    pub(crate) part: usize,
    pub(crate) keys: &'a [K],
    pub(crate) rows: &'a [u32],
}

impl<K: SortKey> Sorted<'_, K> {
    /// How many of these rows come before a position.
    pub(crate) fn count_before(&self, position: &Position<K>) -> usize {
        let start = self.keys.partition_point(|key| *key < position.key);
        let tail = self.keys.get(start..).unwrap_or_default();
        let equal = tail.partition_point(|key| *key == position.key);
        start
            + match self.part.cmp(&position.part) {
                Ordering::Greater => 0,
                Ordering::Less => equal,
                Ordering::Equal => {
                    self.rows.get(start..start + equal).unwrap_or_default().partition_point(|row| *row < position.row)
                }
            }
    }

    /// Which of these rows lie between two positions, the second of which is outside; `None` is an open end.
    pub(crate) fn between(&self, from: Option<&Position<K>>, to: Option<&Position<K>>) -> Range<usize> {
        let start = from.map_or(0, |from| self.count_before(from));
        let end = to.map_or(self.keys.len(), |to| self.count_before(to));
        start..end.max(start)
    }
}

/// A part as it was decoded, and the order of its rows.
#[derive(Debug)]
pub(crate) struct SortedPart<K> {
    part: usize,
    batches: Vec<RecordBatch>,
    /// Number of the first row of each batch.
    starts: Vec<u32>,
    keys: Vec<K>,
    rows: Vec<u32>,
    /// Bytes it takes in memory.
    bytes: u64,
}

/// Rows of a run in memory, in order: rows that are merged are beside each other, and come from memory together.
#[derive(Debug)]
pub(crate) struct Held<K> {
    part: usize,
    /// Its columns of bits, numbers and byte strings.
    plain: Vec<Picked>,
    /// Its other columns.
    pub(crate) others: Vec<ArrayRef>,
    keys: Vec<K>,
    rows: Vec<u32>,
    /// Bytes it takes in memory.
    pub(crate) bytes: u64,
}

impl<K: SortKey> Held<K> {
    pub(crate) fn sorted(&self) -> Sorted<'_, K> {
        Sorted { part: self.part, keys: &self.keys, rows: &self.rows }
    }

    /// Its columns of bits, numbers and byte strings.
    pub(crate) fn plain(&self) -> Vec<Column<'_>> {
        self.plain.iter().map(Picked::column).collect()
    }
}

impl<K: SortKey> SortedPart<K> {
    /// Sorts the rows of a part, which take `bytes` in memory.
    pub(crate) fn new(
        part: usize,
        batches: Vec<RecordBatch>,
        bytes: u64,
        maker: &impl KeyMaker<Key = K>,
    ) -> Result<Self, WriteError> {
        let mut starts = Vec::with_capacity(batches.len());
        let mut entries: Vec<(K, u32)> = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        for batch in &batches {
            let start = u32::try_from(entries.len());
            let start = start.map_err(|_| WriteError::Batch("a part of more than 4 billion rows".to_owned()))?;
            starts.push(start);
            entries.extend(maker.keys(batch)?.into_iter().zip(start..));
        }
        // Stable: rows of equal key stay in the order of the source. It takes advantage of what is in order already.
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        let (keys, rows): (Vec<K>, Vec<u32>) = entries.into_iter().unzip();
        let bytes = bytes + keys.len() as u64 * (K::BYTES + 4);
        Ok(Self { part, batches, starts, keys, rows, bytes })
    }

    /// The places of the rows, in order.
    fn places(&self) -> Vec<Place> {
        let place = |row: &u32| {
            let batch = self.starts.partition_point(|start| start <= row).saturating_sub(1);
            Place { source: batch as u32, row: row - self.starts.get(batch).copied().unwrap_or(0) }
        };
        self.rows.iter().map(place).collect()
    }

    /// Puts the rows in order in memory: in one piece, or in more where the byte strings of a column are more than the offsets
    /// of its type reach.
    pub(crate) fn hold(self, schema: &SchemaRef) -> Result<Vec<Held<K>>, WriteError> {
        let data = gather::data_of(&self.batches);
        let (sources, places) = (self.sources(schema, &data), self.places());
        let mut held = Vec::new();
        self.hold_range(0..places.len(), &sources, &places, &mut held)
            .map_err(|error| WriteError::Batch(error.to_string()))?;
        Ok(held)
    }

    fn hold_range(
        &self,
        range: Range<usize>,
        sources: &Sources<'_>,
        places: &[Place],
        held: &mut Vec<Held<K>>,
    ) -> Result<(), ArrowError> {
        match self.held(range.clone(), sources, places) {
            Err(ArrowError::OffsetOverflowError(_)) if range.len() > 1 => {
                let middle = range.start.midpoint(range.end);
                self.hold_range(range.start..middle, sources, places, held)?;
                self.hold_range(middle..range.end, sources, places, held)
            }
            result => {
                held.push(result?);
                Ok(())
            }
        }
    }

    fn held(&self, range: Range<usize>, sources: &Sources<'_>, places: &[Place]) -> Result<Held<K>, ArrowError> {
        let places = places.get(range.clone()).unwrap_or_default();
        let plain = sources.plain().map(|(form, columns)| {
            let mut picked = Picked::default();
            picked.pick(form, columns, places).map(|()| picked)
        });
        Ok(Held {
            part: self.part,
            plain: plain.collect::<Result<_, _>>()?,
            others: sources.pick_others(places)?,
            keys: self.keys.get(range.clone()).unwrap_or_default().to_vec(),
            rows: self.rows.get(range.clone()).unwrap_or_default().to_vec(),
            bytes: self.bytes * range.len() as u64 / (self.rows.len() as u64).max(1),
        })
    }

    /// Writes the rows to the spill file, in blocks that end at the boundaries or before.
    pub(crate) fn spill(
        self,
        schema: &SchemaRef,
        boundaries: &[K],
        spill: &Spill,
    ) -> Result<Vec<Block<K>>, WriteError> {
        spill.check_space(self.bytes)?;
        let data = gather::data_of(&self.batches);
        let sources = self.sources(schema, &data);
        let places = self.places();
        let positions: Vec<Place> = (0..places.len() as u32).map(|row| Place { source: 0, row }).collect();
        let key_data = K::to_array(&self.keys).to_data();
        let Self { part, keys, rows, bytes, .. } = &self;
        let row_bytes = (bytes / (rows.len() as u64).max(1)).max(1);
        let most = usize::try_from(BLOCK_BYTES / row_bytes).unwrap_or(BLOCK_ROWS).clamp(1, BLOCK_ROWS);
        let mut memory = spill.memory();
        memory.clear();
        let mut block = BlockMemory { bytes: &mut memory, picked: Picked::default() };
        let mut blocks = Vec::new();
        let mut start = 0;
        let mut offset = 0;
        let mut boundaries = boundaries.iter().peekable();
        while let (Some(key), Some(&row)) = (keys.get(start), rows.get(start)) {
            while boundaries.next_if(|boundary| *boundary <= key).is_some() {}
            let tail = keys.get(start..).unwrap_or_default();
            let until = boundaries.peek().map_or(tail.len(), |boundary| tail.partition_point(|key| key < *boundary));
            let range = start..start + until.clamp(1, most);
            let numbers = rows.get(range.clone()).unwrap_or_default();
            let places = places.get(range.clone()).unwrap_or_default();
            let positions = positions.get(range.clone()).unwrap_or_default();
            let length = spill.put(&sources, places, &key_data, positions, numbers, &mut block)?;
            let first = Position { key: key.clone(), part: *part, row };
            start = range.end;
            let (Some(key), Some(&row)) = (keys.get(start - 1), rows.get(start - 1)) else { break };
            let last = Position { key: key.clone(), part: *part, row };
            blocks.push(Block { first, last, length: range.len(), extent: Extent { offset, length } });
            offset += u64::from(length);
        }
        let offset = spill.append(&memory)?;
        spill.give_back(memory);
        blocks.iter_mut().for_each(|block| block.extent.offset += offset);
        Ok(blocks)
    }

    fn sources<'a>(&self, schema: &SchemaRef, data: &'a [Vec<ArrayData>]) -> Sources<'a> {
        let mut sources = Sources::new(schema);
        self.batches.iter().zip(data).for_each(|(batch, data)| sources.add_batch(batch, data));
        sources
    }
}

/// Sorted rows of a part in the spill file.
#[derive(Debug)]
pub(crate) struct Block<K> {
    /// Its first row.
    pub(crate) first: Position<K>,
    /// Its last row.
    pub(crate) last: Position<K>,
    /// Its rows.
    pub(crate) length: usize,
    /// Where it is.
    pub(crate) extent: Extent,
}

/// The sorted rows of a part, wherever they are.
#[derive(Debug)]
pub(crate) enum Run<K> {
    /// In memory, in order.
    Held(Vec<Held<K>>),
    /// In the spill file, in order.
    Spilled(Vec<Block<K>>),
}

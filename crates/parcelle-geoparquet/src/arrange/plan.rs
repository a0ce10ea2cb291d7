//! Cutting all keys into ranges of about equal numbers of rows.

use crate::arrange::key::SortKey;
use crate::arrange::run::{Position, Run};

/// In runs that are held, a mark for every so many rows.
const MARK_ROWS: usize = 256;

/// How large a range may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeLimits {
    /// Rows.
    pub(crate) rows: usize,
    /// Bytes of rows.
    pub(crate) bytes: u64,
}

/// Some rows of a run, one after the other.
struct Mark<K> {
    /// Where a range may begin so that it has all of them: at the boundary that their block was cut at.
    start: Position<K>,
    /// The first of them.
    first: Position<K>,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    rows: usize,
    bytes: u64,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, bytes: self.bytes + other.bytes }
    }

    fn exceeds(self, limits: RangeLimits) -> bool {
        self.rows > limits.rows || self.bytes > limits.bytes
    }
}

/// The boundaries between ranges of about as many rows as the limits allow: rows before the first are the first range,
/// and so on. `cuts` are the boundaries at which blocks of the spill file were cut, if there is one: ranges that begin
/// there share no block with their neighbours.
///
/// Only every few hundredth row is looked at, so a range can have a few rows more for every run.
pub(crate) fn boundaries<K: SortKey>(runs: &[(usize, Run<K>)], cuts: &[K], limits: RangeLimits) -> Vec<Position<K>> {
    let mut marks: Vec<Mark<K>> = runs.iter().flat_map(|(_, run)| marks(run, cuts)).collect();
    marks.sort_unstable_by(|left, right| left.start.cmp(&right.start).then_with(|| left.first.cmp(&right.first)));
    let mut boundaries = Vec::new();
    let mut current = Size::default();
    for group in marks.chunk_by(|left, right| left.start == right.start) {
        let whole = group.iter().fold(Size::default(), |sum, mark| sum.plus(mark.size));
        if whole.exceeds(limits) {
            // What lies between two cuts is too much for one range, as where the sample had few rows.
            for (index, mark) in group.iter().enumerate() {
                if current.rows > 0 && current.plus(mark.size).exceeds(limits) {
                    boundaries.push(if index == 0 { mark.start.clone() } else { mark.first.clone() });
                    current = Size::default();
                }
                current = current.plus(mark.size);
            }
        } else {
            if current.rows > 0 && current.plus(whole).exceeds(limits) {
                boundaries.extend(group.first().map(|mark| mark.start.clone()));
                current = Size::default();
            }
            current = current.plus(whole);
        }
    }
    // Blocks reach past the first row of the next, so that a later mark can have an earlier place.
    boundaries.sort_unstable();
    boundaries.dedup();
    boundaries
}

fn marks<K: SortKey>(run: &Run<K>, cuts: &[K]) -> Vec<Mark<K>> {
    let start_of = |first: &Position<K>| {
        let cut = cuts.partition_point(|cut| *cut <= first.key).checked_sub(1).and_then(|index| cuts.get(index));
        cut.map_or_else(|| first.clone(), |cut| Position { key: cut.clone(), part: 0, row: 0 })
    };
    match run {
        Run::Held(pieces) => pieces
            .iter()
            .flat_map(|held| {
                let sorted = held.sorted();
                let row_bytes = held.bytes / (sorted.keys.len() as u64).max(1);
                let every = sorted.keys.iter().zip(sorted.rows).step_by(MARK_ROWS).enumerate();
                every.map(move |(mark, (key, &row))| {
                    let rows = MARK_ROWS.min(sorted.keys.len() - mark * MARK_ROWS);
                    let first = Position { key: key.clone(), part: sorted.part, row };
                    Mark { start: start_of(&first), first, size: Size { rows, bytes: rows as u64 * row_bytes } }
                })
            })
            .collect(),
        Run::Spilled(blocks) => blocks
            .iter()
            .map(|block| {
                let first = block.first.clone();
                let size = Size { rows: block.length, bytes: u64::from(block.extent.length) };
                Mark { start: start_of(&first), first, size }
            })
            .collect(),
    }
}

/// Boundaries for blocks of the spill file, from a sample: `count` ranges with about equal numbers of the sample's rows.
pub(crate) fn sample<K: SortKey>(runs: &[(usize, Run<K>)], count: usize) -> Vec<K> {
    /// One row in so many is enough: the sample has at least some hundred thousand rows where there is anything to
    /// spill, and the boundaries need not be exact.
    const STEP: usize = 16;
    let mut keys: Vec<K> = runs
        .iter()
        .flat_map(|(_, run)| match run {
            Run::Held(pieces) => pieces.as_slice(),
            Run::Spilled(_) => &[],
        })
        .flat_map(|held| held.sorted().keys.iter().step_by(STEP).cloned())
        .collect();
    keys.sort_unstable();
    let mut boundaries: Vec<K> = (1..count).filter_map(|index| keys.get(index * keys.len() / count).cloned()).collect();
    boundaries.dedup();
    boundaries
}

//! Batches of any size to row groups of one size.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::arrange::Cell;
use crate::encode::RowGroup;

/// Collects batches in order and cuts them into row groups, without copying. Where they are cut depends on the rows alone,
/// not on how they came in batches.
///
/// A row group has `rows` rows, or as many as `bytes` hold. Rows along a curve come with their [`Cell`]s, and then a row
/// group that is full ends where the curve leaves the largest quadrant, at a quarter of its rows at the earliest; the rest
/// goes to the next. Row groups are then whole quadrants, or rows of them, and their boxes overlap little: a group that is
/// cut wherever it is full has the end of one quadrant and the beginning of another, which may be far away, and a box
/// around both. (A node of an R-tree is split by the same reasoning, with a least share of entries for either half;
/// Beckmann et al., *The R\*-tree*, 1990.)
#[derive(Debug)]
pub(crate) struct Assembler {
    rows: usize,
    bytes: Option<u64>,
    pending: Vec<RecordBatch>,
    /// Those of the pending rows, where they have any.
    cells: Vec<Cell>,
    pending_rows: usize,
    pending_bytes: u64,
    next_index: usize,
    next_row: u64,
    partition: usize,
}

/// A row group has at least its rows divided by this when it ends before it is full.
const LEAST_SHARE: usize = 4;

impl Assembler {
    pub(crate) fn new(rows: usize, bytes: Option<u64>) -> Self {
        Self {
            rows: rows.max(1),
            bytes,
            pending: Vec::new(),
            cells: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            next_index: 0,
            next_row: 0,
            partition: 0,
        }
    }

    /// Says which partition the rows belong to that come now: one row group has rows of one partition only.
    pub(crate) fn enter(&mut self, partition: usize, mut emit: impl FnMut(RowGroup)) {
        if partition != self.partition {
            self.cut(self.pending_rows, false, &mut emit);
            self.partition = partition;
        }
    }

    /// Adds a batch and passes each row group it completes to `emit`.
    pub(crate) fn push(&mut self, mut batch: RecordBatch, mut emit: impl FnMut(RowGroup)) {
        loop {
            let missing = self.missing(&batch);
            // Full by rows, or by bytes when there is a row that does not fit.
            if self.pending_rows + missing < self.rows && missing == batch.num_rows() {
                break;
            }
            self.add(batch.slice(0, missing));
            self.cut(self.pending_rows, false, &mut emit);
            batch = batch.slice(missing, batch.num_rows() - missing);
        }
        self.add(batch);
    }

    /// The same for rows along a curve: one cell for each row.
    pub(crate) fn push_along_curve(
        &mut self,
        mut batch: RecordBatch,
        mut cells: &[Cell],
        mut emit: impl FnMut(RowGroup),
    ) {
        loop {
            let missing = self.missing(&batch).min(cells.len());
            let (head, tail) = cells.split_at(missing);
            // Only with the cell of the next row it is known whether this is the place to end.
            let Some(&next) = tail.first() else { break };
            self.add(batch.slice(0, missing));
            self.cells.extend_from_slice(head);
            self.cut(self.best_end(next), false, &mut emit);
            batch = batch.slice(missing, batch.num_rows() - missing);
            cells = tail;
        }
        self.add(batch);
        self.cells.extend_from_slice(cells);
    }

    /// Passes the rest to `emit`, if there is any.
    pub(crate) fn finish(mut self, mut emit: impl FnMut(RowGroup)) {
        self.cut(self.pending_rows, true, &mut emit);
    }

    /// How many of the pending rows make the best row group: those up to the largest step of the curve, the last such.
    fn best_end(&self, next: Cell) -> usize {
        let least = (self.pending_rows / LEAST_SHARE).max(1);
        let following = self.cells.iter().skip(1).copied().chain([next]);
        let steps = self.cells.iter().zip(following).map(|(cell, following)| quadrants_left(*cell, following));
        let candidates = steps.enumerate().skip(least - 1);
        candidates.max_by_key(|(_, step)| *step).map_or(self.pending_rows, |(row, _)| row + 1)
    }

    fn add(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            if self.bytes.is_some() {
                self.pending_bytes += bytes_of_head(&batch, batch.num_rows());
            }
            self.pending_rows += batch.num_rows();
            self.pending.push(batch);
        }
    }

    /// How many rows of the batch the row group under way can take.
    fn missing(&self, batch: &RecordBatch) -> usize {
        let missing = self.rows.saturating_sub(self.pending_rows).min(batch.num_rows());
        let Some(limit) = self.bytes else { return missing };
        let room = limit.saturating_sub(self.pending_bytes);
        // Bytes grow with rows: the most rows that fit lie between `fit` and `above`.
        let (mut fit, mut above) = (0, missing + 1);
        while above - fit > 1 {
            let middle = fit + (above - fit) / 2;
            if bytes_of_head(batch, middle) <= room { fit = middle } else { above = middle }
        }
        if self.pending_rows == 0 { fit.max(1).min(missing) } else { fit }
    }

    /// Passes the first of the pending rows to `emit`.
    fn cut(&mut self, rows: usize, is_last: bool, emit: &mut impl FnMut(RowGroup)) {
        if rows == 0 {
            return;
        }
        let mut batches = Vec::with_capacity(self.pending.len());
        let mut missing = rows;
        for batch in std::mem::take(&mut self.pending) {
            let head = missing.min(batch.num_rows());
            if head == batch.num_rows() {
                batches.push(batch);
            } else {
                if head > 0 {
                    batches.push(batch.slice(0, head));
                }
                self.pending.push(batch.slice(head, batch.num_rows() - head));
            }
            missing -= head;
        }
        self.cells.drain(..rows.min(self.cells.len()));
        self.pending_rows -= rows;
        self.pending_bytes = match self.bytes {
            Some(_) => self.pending.iter().map(|batch| bytes_of_head(batch, batch.num_rows())).sum(),
            None => 0,
        };
        let Self { next_index: index, next_row: first_row, partition, .. } = *self;
        self.next_index += 1;
        self.next_row += rows as u64;
        emit(RowGroup { index, first_row, partition, is_last, batches });
    }
}

/// How many quadrants, one within the other, the curve leaves on its way from one cell to another.
fn quadrants_left(from: Cell, to: Cell) -> u32 {
    (Cell::BITS - (from ^ to).leading_zeros()).div_ceil(2)
}

/// Bytes of the first `rows` rows: values and offsets. Those of two parts add up to those of the whole.
fn bytes_of_head(batch: &RecordBatch, rows: usize) -> u64 {
    batch.columns().iter().map(|array| bytes_of(array, rows)).sum()
}

fn bytes_of(array: &ArrayRef, rows: usize) -> u64 {
    let count = rows as u64;
    macro_rules! between {
        ($offsets:expr) => {{
            let offsets = $offsets;
            let (first, last) = (offsets.first().copied(), offsets.get(rows).copied());
            first.zip(last).map_or(0, |(first, last)| (last - first) as u64)
        }};
    }
    match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => count,
        DataType::Utf8 => 4 * count + between!(array.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => 8 * count + between!(array.as_string::<i64>().value_offsets()),
        DataType::Binary => 4 * count + between!(array.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => 8 * count + between!(array.as_binary::<i64>().value_offsets()),
        DataType::Utf8View => 16 * count + array.as_string_view().lengths().take(rows).map(u64::from).sum::<u64>(),
        DataType::BinaryView => 16 * count + array.as_binary_view().lengths().take(rows).map(u64::from).sum::<u64>(),
        DataType::FixedSizeBinary(width) => count * u64::try_from(*width).unwrap_or(0),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|child| bytes_of(child, rows)).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let items = between!(list.value_offsets()) as usize;
            let start = list.value_offsets().first().map_or(0, |offset| *offset as usize);
            let start = start.min(list.values().len());
            let values = list.values().slice(start, items.min(list.values().len() - start));
            4 * count + bytes_of(&values, values.len())
        }
        other => count * other.primitive_width().unwrap_or(8) as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray, UInt64Array};
    use arrow::datatypes::{Int32Type, UInt64Type};

    use super::*;

    #[test]
    fn every_row_comes_once_and_in_order() {
        for group_rows in [1, 2, 3, 7, 100] {
            let mut assembler = Assembler::new(group_rows, None);
            let mut groups = Vec::new();
            let mut next = 0;
            for length in [0, 5, 1, 0, 13, 2] {
                let values = Int32Array::from_iter_values(next..next + length);
                next += length;
                let batch = RecordBatch::try_from_iter([("value", Arc::new(values) as _)]).unwrap();
                assembler.push(batch, |group| groups.push(group));
            }
            assembler.finish(|group| groups.push(group));
            let mut expected = 0;
            for (index, group) in groups.iter().enumerate() {
                assert_eq!((group.index, group.first_row), (index, expected as u64));
                assert!(group.rows() == group_rows || index + 1 == groups.len());
                for value in group.batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values())
                {
                    assert_eq!(*value, expected);
                    expected += 1;
                }
            }
            assert_eq!(expected, next);
        }
    }

    /// Row counts of the groups that rows in these cells are cut into.
    fn along_curve(cells: &[Cell], batch: usize, rows: usize) -> Vec<usize> {
        let mut assembler = Assembler::new(rows, None);
        let (mut groups, mut seen) = (Vec::new(), Vec::new());
        let mut note = |group: RowGroup| {
            groups.push((group.rows(), group.is_last));
            let values = group.batches.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values());
            seen.extend(values.copied());
        };
        for cells in cells.chunks(batch) {
            let values = Arc::new(UInt64Array::from(cells.to_vec()));
            let batch = RecordBatch::try_from_iter([("cell", values as _)]).unwrap();
            assembler.push_along_curve(batch, cells, &mut note);
        }
        assembler.finish(note);
        assert_eq!(seen, cells);
        assert!(groups.iter().rev().skip(1).all(|(_, is_last)| !is_last) && groups.last().is_none_or(|last| last.1));
        groups.into_iter().map(|(rows, _)| rows).collect()
    }

    #[test]
    fn row_groups_end_where_the_curve_leaves_a_large_quadrant() {
        // Four rows in each of the quadrants 0 to 3, of which the third has quadrants of its own.
        let cells = [0, 1, 2, 3, 4, 5, 6, 7, 1 << 20, (1 << 20) + 1, (1 << 20) + 2, (1 << 20) + 3, 1 << 40];
        for batch in 1..=cells.len() {
            // Full with six rows, the last large step is after the fourth.
            assert_eq!(along_curve(&cells, batch, 6), [4, 4, 5], "{batch}");
            assert_eq!(along_curve(&cells, batch, 10), [8, 5], "{batch}");
            assert_eq!(along_curve(&cells, batch, 12), [12, 1], "{batch}");
            assert_eq!(along_curve(&cells, batch, 13), [13], "{batch}");
            assert_eq!(along_curve(&cells, batch, 1), [1; 13], "{batch}");
        }
        // No group is smaller than a quarter, however large the step.
        let cells: Vec<Cell> = [0; 3].into_iter().chain((0..40).map(|cell| (1 << 40) + cell)).collect();
        assert!(along_curve(&cells, 7, 16).iter().rev().skip(1).all(|rows| *rows >= 4));
        assert_eq!(along_curve(&[5; 10], 3, 4), [4, 4, 2]);
        assert_eq!(quadrants_left(0, 1), 1);
        assert_eq!(quadrants_left(3, 4), 2);
        assert_eq!((quadrants_left(9, 9), quadrants_left(0, Cell::MAX)), (0, 32));
    }

    /// Row counts of the groups that texts of the given lengths are cut into.
    fn groups(lengths: &[usize], batch: usize, rows: usize, bytes: u64) -> Vec<usize> {
        let mut assembler = Assembler::new(rows, Some(bytes));
        let mut groups = Vec::new();
        for lengths in lengths.chunks(batch) {
            let texts = StringArray::from_iter_values(lengths.iter().map(|length| "x".repeat(*length)));
            let batch = RecordBatch::try_from_iter([("text", Arc::new(texts) as _)]).unwrap();
            assembler.push(batch, |group| groups.push(group.rows()));
        }
        assembler.finish(|group| groups.push(group.rows()));
        groups
    }

    #[test]
    fn row_groups_end_at_the_first_limit_however_rows_come() {
        // With its offset of four bytes the third row alone is larger than the limit.
        let lengths = [6, 6, 100, 1, 1, 1, 1, 1, 16, 0];
        for batch in 1..=lengths.len() {
            assert_eq!(groups(&lengths, batch, 4, 20), [2, 1, 4, 1, 1, 1], "{batch}");
            assert_eq!(groups(&lengths, batch, 100, 25), [2, 1, 5, 2], "{batch}");
            assert_eq!(groups(&lengths, batch, 3, u64::MAX), [3, 3, 3, 1], "{batch}");
            assert_eq!(groups(&lengths, batch, 3, 0), [1; 10], "{batch}");
        }
    }
}

//! Batches of any size to row groups of one size.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::encode::RowGroup;

/// Collects batches in order and cuts them into row groups of `rows`, or of as many as `bytes` hold, without copying.
/// Where they are cut depends on the rows alone, not on how they came in batches.
#[derive(Debug)]
pub(crate) struct Assembler {
    rows: usize,
    bytes: Option<u64>,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    pending_bytes: u64,
    next_index: usize,
    next_row: u64,
    partition: usize,
}

impl Assembler {
    pub(crate) fn new(rows: usize, bytes: Option<u64>) -> Self {
        Self {
            rows: rows.max(1),
            bytes,
            pending: Vec::new(),
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
            self.cut(&mut emit);
            self.partition = partition;
        }
    }

    /// Adds a batch and passes each row group it completes to `emit`.
    pub(crate) fn push(&mut self, mut batch: RecordBatch, mut emit: impl FnMut(RowGroup)) {
        loop {
            let missing = self.missing(&batch);
            // Full by rows, or by bytes when there is a row that does not fit.
            let full = self.pending_rows + missing >= self.rows || missing < batch.num_rows();
            if missing > batch.num_rows() || !full {
                break;
            }
            let (head, tail) = (batch.slice(0, missing), batch.slice(missing, batch.num_rows() - missing));
            self.add(head);
            self.cut(&mut emit);
            batch = tail;
        }
        self.add(batch);
    }

    /// Passes the rest to `emit`, if there is any.
    pub(crate) fn finish(mut self, mut emit: impl FnMut(RowGroup)) {
        self.cut(&mut emit);
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
        let missing = (self.rows - self.pending_rows).min(batch.num_rows());
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

    fn cut(&mut self, emit: &mut impl FnMut(RowGroup)) {
        if self.pending_rows == 0 {
            return;
        }
        let batches = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let Self { next_index: index, next_row: first_row, partition, .. } = *self;
        let group = RowGroup { index, first_row, partition, batches };
        self.next_index += 1;
        self.next_row += std::mem::take(&mut self.pending_rows) as u64;
        emit(group);
    }
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

    use arrow::array::{Int32Array, StringArray};
    use arrow::datatypes::Int32Type;

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

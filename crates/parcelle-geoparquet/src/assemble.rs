//! Batches of any size to row groups of one size.

use arrow::array::RecordBatch;

use crate::encode::RowGroup;

/// Collects batches in order and cuts them into row groups of `rows`, without copying.
#[derive(Debug)]
pub(crate) struct Assembler {
    rows: usize,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    next_index: usize,
    next_row: u64,
}

impl Assembler {
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows: rows.max(1), pending: Vec::new(), pending_rows: 0, next_index: 0, next_row: 0 }
    }

    /// Adds a batch and passes each row group it completes to `emit`.
    pub(crate) fn push(&mut self, mut batch: RecordBatch, mut emit: impl FnMut(RowGroup)) {
        while self.pending_rows + batch.num_rows() >= self.rows {
            let missing = self.rows - self.pending_rows;
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
            self.pending_rows += batch.num_rows();
            self.pending.push(batch);
        }
    }

    fn cut(&mut self, emit: &mut impl FnMut(RowGroup)) {
        if self.pending_rows == 0 {
            return;
        }
        let batches = std::mem::take(&mut self.pending);
        let group = RowGroup { index: self.next_index, first_row: self.next_row, batches };
        self.next_index += 1;
        self.next_row += std::mem::take(&mut self.pending_rows) as u64;
        emit(group);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn every_row_comes_once_and_in_order() {
        for group_rows in [1, 2, 3, 7, 100] {
            let mut assembler = Assembler::new(group_rows);
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
}

//! Where rows begin: of every row in a small file, and of every so many in a large one.

/// More entries than this are thinned out: half a megabyte, and still many more than there are splits.
const MAX_ENTRIES: usize = 1 << 16;

/// The offsets of rows at equal steps. It depends on the rows only, not on how they were found.
#[derive(Debug)]
pub(crate) struct RowIndex {
    offsets: Vec<u64>,
    step: u64,
    rows: u64,
}

impl Default for RowIndex {
    fn default() -> Self {
        Self { offsets: Vec::new(), step: 1, rows: 0 }
    }
}

impl RowIndex {
    pub(crate) fn push(&mut self, offset: u64) {
        if self.rows.is_multiple_of(self.step) {
            if self.offsets.len() == MAX_ENTRIES {
                let mut even = false;
                self.offsets.retain(|_| {
                    even = !even;
                    even
                });
                self.step *= 2;
            }
            if self.rows.is_multiple_of(self.step) {
                self.offsets.push(offset);
            }
        }
        self.rows += 1;
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Ranges of entries with at most `target_rows` rows, or a step if that is more.
    pub(crate) fn ranges(&self, target_rows: usize) -> impl Iterator<Item = (u64, u64)> {
        let stride = (target_rows as u64 / self.step).max(1);
        let entries = self.offsets.len() as u64;
        (0..entries.div_ceil(stride)).map(move |number| (number * stride, ((number + 1) * stride).min(entries)))
    }

    /// The row (from 0) and offset of an entry; for the one after the last, the number of rows and `end`.
    pub(crate) fn entry(&self, entry: u64, end: u64) -> Option<(u64, u64)> {
        let place = usize::try_from(entry).ok()?;
        match self.offsets.get(place) {
            Some(offset) => Some((entry * self.step, *offset)),
            None => (place == self.offsets.len()).then_some((self.rows, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_keep_few_entries() {
        let mut index = RowIndex::default();
        let rows = 5 * MAX_ENTRIES as u64 + 17;
        (0..rows).for_each(|row| index.push(row * 10));
        assert_eq!((index.step, index.rows()), (8, rows));
        assert!(index.offsets.len() <= MAX_ENTRIES);
        for entry in [0, 1, 17, 40_000] {
            assert_eq!(index.entry(entry, 0), Some((entry * 8, entry * 80)));
        }
        let ranges: Vec<_> = index.ranges(1000).collect();
        let entries = index.offsets.len() as u64;
        assert_eq!((ranges[0], ranges.last().unwrap().1), ((0, 125), entries));
        assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert_eq!(index.entry(entries, 7), Some((rows, 7)));
        assert_eq!(index.entry(entries + 1, 7), None);
        assert_eq!(RowIndex::default().ranges(10).count(), 0);
    }
}

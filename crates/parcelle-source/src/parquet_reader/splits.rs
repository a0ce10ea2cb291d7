//! Ranges of rows: row groups one by one, several small ones together, large ones cut into equal parts.

use crate::{Split, SplitRange};

/// Most splits; beyond, they have more rows. A footer of some bytes can claim any number of rows.
const MOST_SPLITS: u64 = 1 << 20;

/// A row group that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Its number in the file.
    pub(super) index: usize,
    /// Number of its first row in the file, from 0.
    pub(super) first: u64,
    /// How many rows it has.
    pub(super) rows: u64,
}

/// Ranges of about `target` rows or fewer, in order. None spans a row group that is not read.
pub(super) fn splits(groups: &[Group], target: usize) -> Vec<Split> {
    let total: u64 = groups.iter().map(|group| group.rows).fold(0, u64::saturating_add);
    let target = (target as u64).max(total.div_ceil(MOST_SPLITS)).max(1);
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for group in groups.iter().filter(|group| group.rows > 0) {
        let end = group.first.saturating_add(group.rows);
        match ranges.last_mut() {
            Some(range) if range.1 == group.first && end - range.0 <= target => range.1 = end,
            _ => {
                let parts = group.rows.div_ceil(target);
                let boundary = |part: u64| {
                    group.first
                        + u64::try_from(u128::from(group.rows) * u128::from(part) / u128::from(parts)).unwrap_or(0)
                };
                ranges.extend((0..parts).map(|part| (boundary(part), boundary(part + 1))));
            }
        }
    }
    let split = |(index, (start, end))| Split { index, sequential: false, range: SplitRange::Range { start, end } };
    ranges.into_iter().enumerate().map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(groups: &[(u64, u64)], target: usize) -> Vec<(u64, u64)> {
        let groups: Vec<Group> =
            groups.iter().enumerate().map(|(index, &(first, rows))| Group { index, first, rows }).collect();
        let range = |split: Split| match split.range {
            SplitRange::Range { start, end } => (start, end),
            other => panic!("{other:?}"),
        };
        splits(&groups, target).into_iter().map(range).collect()
    }

    #[test]
    fn small_groups_are_put_together_and_large_ones_cut() {
        assert_eq!(ranges(&[(0, 10), (10, 10), (20, 10), (30, 5)], 20), [(0, 20), (20, 35)]);
        assert_eq!(ranges(&[(0, 100)], 30), [(0, 25), (25, 50), (50, 75), (75, 100)]);
        assert_eq!(ranges(&[(0, 10), (20, 10)], 100), [(0, 10), (20, 30)]);
        assert_eq!(ranges(&[], 10), []);
        assert_eq!(ranges(&[(0, 0)], 10), []);
        assert_eq!(ranges(&[(0, u64::MAX)], 1).len(), 1 << 20);
    }
}

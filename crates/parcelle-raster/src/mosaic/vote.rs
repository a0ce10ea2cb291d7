//! What most files of a mosaic have, and those that have something else.

use std::collections::HashMap;
use std::hash::Hash;

/// The files that have one value, other than that of most.
#[derive(Debug)]
pub(super) struct Outliers<K> {
    pub(super) value: K,
    /// In the order of their paths.
    pub(super) files: Vec<usize>,
}

/// What most have, and the others by what they have, largest group first. The first file decides where two values are as
/// frequent, as it does in GeoTools.
pub(super) fn vote<T, K: Eq + Hash + Clone>(
    items: &[T],
    mut value: impl FnMut(&T) -> Option<K>,
) -> Option<(K, Vec<Outliers<K>>)> {
    let mut groups: HashMap<K, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(value) = value(item) {
            groups.entry(value).or_default().push(index);
        }
    }
    let mut groups: Vec<Outliers<K>> = groups.into_iter().map(|(value, files)| Outliers { value, files }).collect();
    groups.sort_by(|left, right| right.files.len().cmp(&left.files.len()).then(left.files.cmp(&right.files)));
    let mut groups = groups.into_iter();
    let usual = groups.next()?.value;
    Some((usual, groups.collect()))
}

#[cfg(test)]
mod tests {
    use super::vote;

    #[test]
    fn the_first_breaks_a_tie() {
        let (usual, others) = vote(&[2, 1, 1, 2, 3], |item| Some(*item)).unwrap();
        assert_eq!(usual, 2);
        let groups: Vec<_> = others.into_iter().map(|group| (group.value, group.files)).collect();
        assert_eq!(groups, [(1, vec![1, 2]), (3, vec![4])]);
        assert!(vote(&[1, 2], |_| None::<u8>).is_none());
    }
}

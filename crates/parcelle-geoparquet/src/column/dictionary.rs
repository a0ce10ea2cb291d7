//! Distinct values, numbered in the order in which they are first met.
//!
//! Attributes of geodata repeat: most rows have the value of the row before, or one of a few dozen. The value before is
//! compared first, then a hash table is asked. Hashes are seeded anew in each process, so that no file can be made whose
//! values collide; numbers depend on the order of the values alone.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Numbers byte strings.
pub(crate) struct ByteDictionary {
    table: HashTable<u32>,
    state: RandomState,
    /// The values as a dictionary page has them: each behind its length (`PLAIN`).
    page: Vec<u8>,
    /// Where in the page each value is.
    places: Vec<(u32, u32)>,
    previous: u32,
    limit: usize,
}

impl ByteDictionary {
    /// One that has enough when its page is larger than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let (table, state) = (HashTable::new(), RandomState::default());
        Self { table, state, page: Vec::new(), places: Vec::new(), previous: u32::MAX, limit }
    }

    /// The number of a value; `None` where the dictionary has become too large.
    #[inline]
    pub(crate) fn number(&mut self, value: &[u8]) -> Option<u32> {
        if self.places.get(self.previous as usize).is_some_and(|place| bytes_at(&self.page, *place) == value) {
            return Some(self.previous);
        }
        let hash = self.state.hash_one(value);
        let (page, places) = (&self.page, &self.places);
        let is_value = |number: &u32| places.get(*number as usize).is_some_and(|place| bytes_at(page, *place) == value);
        self.previous = match self.table.find(hash, is_value) {
            Some(number) => *number,
            None => self.add(hash, value)?,
        };
        Some(self.previous)
    }

    fn add(&mut self, hash: u64, value: &[u8]) -> Option<u32> {
        if self.page.len() + 4 + value.len() > self.limit {
            return None;
        }
        let number = u32::try_from(self.places.len()).ok()?;
        let length = u32::try_from(value.len()).ok()?;
        self.page.extend_from_slice(&length.to_le_bytes());
        self.places.push((u32::try_from(self.page.len()).ok()?, length));
        self.page.extend_from_slice(value);
        let (page, places, state) = (&self.page, &self.places, &self.state);
        self.table.insert_unique(hash, number, |number| {
            state.hash_one(places.get(*number as usize).map_or(&[][..], |place| bytes_at(page, *place)))
        });
        Some(number)
    }

    /// Distinct values.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The values in the order of their numbers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| bytes_at(&self.page, *place))
    }

    /// The bytes of the dictionary page.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }
}

fn bytes_at(page: &[u8], (start, length): (u32, u32)) -> &[u8] {
    page.get(start as usize..start as usize + length as usize).unwrap_or_default()
}

/// Numbers values of a fixed size by their bits.
pub(crate) struct BitsDictionary {
    table: HashTable<u32>,
    state: RandomState,
    values: Vec<u64>,
    previous: u32,
    most: usize,
}

impl BitsDictionary {
    /// One that has enough with more than `most` values.
    pub(crate) fn new(most: usize) -> Self {
        Self { table: HashTable::new(), state: RandomState::default(), values: Vec::new(), previous: u32::MAX, most }
    }

    /// The number of a value; `None` where the dictionary has become too large.
    #[inline]
    pub(crate) fn number(&mut self, bits: u64) -> Option<u32> {
        if self.values.get(self.previous as usize) == Some(&bits) {
            return Some(self.previous);
        }
        let hash = self.state.hash_one(bits);
        let values = &self.values;
        self.previous = match self.table.find(hash, |number| values.get(*number as usize) == Some(&bits)) {
            Some(number) => *number,
            None => {
                if self.values.len() >= self.most {
                    return None;
                }
                let number = u32::try_from(self.values.len()).ok()?;
                self.values.push(bits);
                let (values, state) = (&self.values, &self.state);
                let hasher = |number: &u32| state.hash_one(values.get(*number as usize).copied().unwrap_or(0));
                self.table.insert_unique(hash, number, hasher);
                number
            }
        };
        Some(self.previous)
    }

    /// The values in the order of their numbers.
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_strings_are_numbered_as_they_come() {
        let mut dictionary = ByteDictionary::new(100);
        let words = ["a", "", "a", "bb", "bb", "", "c"];
        let numbers: Vec<_> = words.iter().map(|word| dictionary.number(word.as_bytes()).unwrap()).collect();
        assert_eq!(numbers, [0, 1, 0, 2, 2, 1, 3]);
        assert_eq!(dictionary.values().collect::<Vec<_>>(), [&b"a"[..], b"", b"bb", b"c"]);
        assert_eq!(dictionary.page(), b"\x01\0\0\0a\0\0\0\0\x02\0\0\0bb\x01\0\0\0c");
        let many: Vec<_> = (0..1000).map(|number| dictionary.number(format!("{number}").as_bytes())).collect();
        assert_eq!(many.iter().flatten().count(), dictionary.len() - 4);
        assert!(dictionary.page().len() <= 100 && many[999].is_none());
        assert_eq!(dictionary.number(b"bb"), Some(2), "those that are there stay");
    }

    #[test]
    fn bits_are_numbered_as_they_come() {
        let mut dictionary = BitsDictionary::new(500);
        let numbers: Vec<_> = (0..2000_u64).map(|row| dictionary.number(row % 500).unwrap()).collect();
        assert!(numbers.iter().enumerate().all(|(row, number)| row % 500 == *number as usize));
        assert_eq!((dictionary.number(500), dictionary.values().len()), (None, 500));
        let (zero, minus) = (0.0_f64.to_bits(), (-0.0_f64).to_bits());
        assert_ne!(BitsDictionary::new(2).number(zero), None);
        assert_ne!(zero, minus);
    }
}

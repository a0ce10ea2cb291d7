//! The bytes that were read last.

use std::ops::Range;

#[derive(Debug)]
struct Segment {
    offset: u64,
    bytes: Vec<u8>,
}

impl Segment {
    fn from(&self, offset: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..).filter(|rest| !rest.is_empty())
    }
}

/// Keeps the first segment of a file, where directories tend to be, and the latest one.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    first: Option<Segment>,
    latest: Option<Segment>,
}

impl Cache {
    pub(crate) fn insert(&mut self, offset: u64, bytes: &[u8]) {
        let place = if offset == 0 && self.first.is_none() { &mut self.first } else { &mut self.latest };
        *place = Some(Segment { offset, bytes: bytes.to_vec() });
    }

    /// The bytes of a range, if one segment holds all of them.
    pub(crate) fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        if range.is_empty() {
            // An empty file has been read as soon as it is known to be empty.
            return Some(&[]);
        }
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        [&self.first, &self.latest].into_iter().flatten().find_map(|segment| segment.from(range.start)?.get(..length))
    }

    /// The bytes from `offset` on, at most up to `end`, as many as the segment that holds the first of them has.
    pub(crate) fn from(&self, offset: u64, end: u64) -> Option<&[u8]> {
        let length = usize::try_from(end.checked_sub(offset)?).unwrap_or(usize::MAX);
        let rest = [&self.first, &self.latest].into_iter().flatten().filter_map(|segment| segment.from(offset));
        let longest = rest.max_by_key(|rest| rest.len())?;
        longest.get(..length.min(longest.len()))
    }
}

//! A source that asks in larger pieces than it is asked.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::{ByteSource, Usage};

/// Keeps what was read, and reads some more than it was asked for, where a request costs more than the bytes: on the network.
///
/// Header structures lie together, so what follows a small read is wanted next more often than not. Reads of
/// [`ReadAhead::LARGE`] bytes and more go through as they are, and are not kept.
#[derive(Debug)]
pub struct ReadAhead<S> {
    source: S,
    least: u64,
    kept: Mutex<Kept>,
}

/// Pieces of the file, in the order in which they came.
#[derive(Debug, Default)]
struct Kept {
    pieces: Vec<Piece>,
    bytes: usize,
}

#[derive(Debug)]
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

impl<S: ByteSource> ReadAhead<S> {
    /// From so many bytes on a read is not kept.
    pub const LARGE: u64 = 4 * 1024 * 1024;
    /// Most bytes that are kept; the oldest go first.
    const MOST_KEPT: usize = 16 * 1024 * 1024;

    /// Around a source; `least` bytes are asked for at a time.
    pub fn new(source: S, least: u64) -> Self {
        Self { source, least: least.clamp(1, Self::LARGE), kept: Mutex::default() }
    }

    /// The source within.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Fills the beginning of `buffer` with what is kept, and says how much that was.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let position = offset.saturating_add(filled as u64);
            let Some(bytes) =
                kept.pieces.iter().filter_map(|piece| piece.from(position)).max_by_key(|bytes| bytes.len())
            else {
                break;
            };
            let count = bytes.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..count), bytes.get(..count)) {
                to.copy_from_slice(from);
            }
            filled += count;
        }
        filled
    }

    fn keep(&self, offset: u64, bytes: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes.len();
        kept.pieces.push(Piece { offset, bytes });
        while kept.bytes > Self::MOST_KEPT && kept.pieces.len() > 1 {
            kept.bytes -= kept.pieces.remove(0).bytes.len();
        }
    }

    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let size = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; size];
        let count = self.source.read_at(range.start, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }
}

impl Piece {
    fn from(&self, position: u64) -> Option<&[u8]> {
        let start = usize::try_from(position.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..).filter(|rest| !rest.is_empty())
    }
}

impl<S: ByteSource> ByteSource for ReadAhead<S> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64).min(self.len());
        let filled = self.fill(offset, buffer);
        let start = offset.saturating_add(filled as u64);
        if start >= end {
            return Ok(filled);
        }
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        if end - start >= Self::LARGE {
            return Ok(filled + self.source.read_at(start, rest)?);
        }
        let bytes = self.read(start..end.max(start.saturating_add(self.least).min(self.len())))?;
        let count = bytes.len().min(rest.len());
        if let (Some(to), Some(from)) = (rest.get_mut(..count), bytes.get(..count)) {
            to.copy_from_slice(from);
        }
        self.keep(start, bytes);
        Ok(filled + count)
    }

    /// What was asked of the source within.
    fn usage(&self) -> Usage {
        self.source.usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    fn source(length: usize) -> Memory {
        Memory::new((0..length).map(|byte| (byte % 251) as u8).collect::<Vec<u8>>())
    }

    #[test]
    fn shows_what_is_there() {
        let plain = source(10_000);
        let ahead = ReadAhead::new(source(10_000), 100);
        for (offset, length) in
            [(0, 10), (95, 20), (5000, 4), (4990, 300), (9990, 50), (10_000, 5), (u64::MAX, 3), (0, 10_000), (7, 0)]
        {
            let (mut expected, mut found) = (vec![0; length], vec![0; length]);
            let count = plain.read_at(offset, &mut expected).unwrap();
            assert_eq!(ahead.read_at(offset, &mut found).unwrap(), count, "{length} at {offset}");
            assert_eq!(found, expected, "{length} at {offset}");
        }
    }

    #[test]
    fn neighbours_come_together_and_once() {
        let ahead = ReadAhead::new(source(10_000), 1000);
        for offset in [0, 10, 500, 996, 990] {
            ahead.read_at(offset, &mut [0; 4]).unwrap();
        }
        assert_eq!(ahead.usage(), Usage { requests: 1, bytes: 1000 });
        // What is missing is asked for, not what is there.
        ahead.read_at(900, &mut [0; 300]).unwrap();
        assert_eq!(ahead.usage(), Usage { requests: 2, bytes: 2000 });
        ahead.read_at(9999, &mut [0; 300]).unwrap();
        assert_eq!(ahead.usage(), Usage { requests: 3, bytes: 2001 });
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let large = ReadAhead::<Memory>::LARGE as usize;
        let ahead = ReadAhead::new(source(9 * large), 1);
        let mut buffer = vec![0; large];
        ahead.read_at(0, &mut buffer).unwrap();
        ahead.read_at(0, &mut buffer).unwrap();
        assert_eq!(ahead.usage().requests, 2);
        let mut buffer = vec![0; large - 1];
        for place in 0..9 {
            ahead.read_at((place * large) as u64, &mut buffer).unwrap();
        }
        let kept = ahead.kept.lock().unwrap();
        assert!(kept.bytes <= ReadAhead::<Memory>::MOST_KEPT && kept.pieces.len() == 4, "{}", kept.bytes);
    }
}

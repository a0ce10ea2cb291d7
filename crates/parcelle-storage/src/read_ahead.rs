//! A source that asks in larger pieces than it is asked.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

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
    /// Requests at a time: as many as browsers make of one server.
    pub const AT_ONCE: usize = 6;

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

    /// What a read that is not kept from `start` on asks for.
    fn asked(&self, start: u64, end: u64) -> Range<u64> {
        start..end.max(start.saturating_add(self.least).min(self.len()))
    }

    /// What reading these parts one after the other would ask for, beyond what is kept.
    fn plan(&self, parts: &[Range<u64>]) -> Vec<Range<u64>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let there = kept.pieces.iter().map(|piece| piece.offset..piece.offset.saturating_add(piece.bytes.len() as u64));
        let mut there: Vec<Range<u64>> = there.collect();
        let already = there.len();
        for part in parts {
            let end = part.end.min(self.len());
            let mut start = part.start;
            while let Some(known) = there.iter().filter(|known| known.contains(&start)).map(|known| known.end).max() {
                start = known;
            }
            // What is read through is not kept: it would be asked for twice.
            if start < end && end - start < Self::LARGE {
                there.push(self.asked(start, end));
            }
        }
        there.split_off(already)
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
        let bytes = self.read(self.asked(start, end))?;
        let count = bytes.len().min(rest.len());
        if let (Some(to), Some(from)) = (rest.get_mut(..count), bytes.get(..count)) {
            to.copy_from_slice(from);
        }
        self.keep(start, bytes);
        Ok(filled + count)
    }

    /// Asks for what is not kept, [`ReadAhead::AT_ONCE`] parts at a time. The parts together should be well below what is kept.
    fn prefetch(&self, parts: &[Range<u64>]) -> io::Result<()> {
        let planned = self.plan(parts);
        if planned.len() < 2 {
            return Ok(());
        }
        let answers: Vec<OnceLock<io::Result<Vec<u8>>>> = planned.iter().map(|_| OnceLock::new()).collect();
        let (next, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let ask = || {
            while !has_failed.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (Some(range), Some(answer)) = (planned.get(number), answers.get(number)) else { break };
                let bytes = self.read(range.clone());
                has_failed.fetch_or(bytes.is_err(), Ordering::Relaxed);
                let _ = answer.set(bytes);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..planned.len().min(Self::AT_ONCE) {
                // Where the system gives no thread, those that are there do all of it.
                let _ = std::thread::Builder::new().spawn_scoped(scope, ask);
            }
            ask();
        });
        // In the order of the plan, whatever came first: nothing depends on the network's.
        for (range, answer) in planned.into_iter().zip(answers) {
            match answer.into_inner() {
                Some(bytes) => self.keep(range.start, bytes?),
                None => break,
            }
        }
        Ok(())
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

    /// Counts how many reads are under way at a time.
    struct Slow {
        source: Memory,
        under_way: AtomicUsize,
        most: AtomicUsize,
    }

    impl ByteSource for Slow {
        fn len(&self) -> u64 {
            self.source.len()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(10));
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            if (7000..7500).contains(&offset) {
                return Err(io::Error::other(format!("no byte {offset}")));
            }
            self.source.read_at(offset, buffer)
        }

        fn usage(&self) -> Usage {
            self.source.usage()
        }
    }

    fn slow() -> ReadAhead<Slow> {
        ReadAhead::new(Slow { source: source(10_000), under_way: 0.into(), most: 0.into() }, 100)
    }

    #[test]
    fn what_is_wanted_next_is_asked_for_at_once_and_not_more() {
        let parts =
            [0..4, 50..120, 500..508, 504..512, 1000..1004, 2000..2004, 3000..3004, 4000..4400, 4100..4104, 9990..9999];
        let (plain, ahead) = (slow(), slow());
        ahead.read_at(1010, &mut [0; 4]).unwrap();
        plain.read_at(1010, &mut [0; 4]).unwrap();
        ahead.prefetch(&parts).unwrap();
        let after = ahead.usage();
        for part in &parts {
            let (mut expected, mut found) =
                (vec![0; (part.end - part.start) as usize], vec![0; (part.end - part.start) as usize]);
            let count = plain.read_at(part.start, &mut expected).unwrap();
            assert_eq!(ahead.read_at(part.start, &mut found).unwrap(), count);
            assert_eq!(found, expected);
        }
        assert_eq!((ahead.usage(), plain.usage()), (after, after));
        let most = |ahead: &ReadAhead<Slow>| ahead.source().most.load(Ordering::SeqCst);
        assert!(most(&plain) == 1 && (2..=ReadAhead::<Slow>::AT_ONCE).contains(&most(&ahead)), "{}", most(&ahead));
    }

    #[test]
    fn the_first_failure_is_told() {
        let ahead = slow();
        let error = ahead.prefetch(&[100..104, 7010..7014, 7300..7304, 8000..8004]).unwrap_err();
        assert_eq!(error.to_string(), "no byte 7010");
        let before = ahead.usage();
        ahead.read_at(100, &mut [0; 4]).unwrap();
        assert_eq!(ahead.usage(), before);
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

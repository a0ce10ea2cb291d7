//! Records and fields out of bytes.

use memchr::memchr;

use crate::csv::file::CsvFile;
use crate::error::SourceError;

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// A record of more bytes is an error: it would have to be in memory at once.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 30;

/// What separates and encloses fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
}

/// Where in its buffer a field is, without the quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    start: usize,
    end: usize,
    /// Whether there are quotes around it.
    pub(crate) quoted: bool,
    /// Whether there are doubled quotes in it.
    escaped: bool,
}

impl Field {
    /// Its bytes; doubled quotes become one, for which `scratch` gives the room.
    pub(crate) fn value<'a>(&self, bytes: &'a [u8], quote: u8, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let raw = self.raw(bytes);
        if !self.escaped {
            return raw;
        }
        scratch.clear();
        let mut rest = raw;
        while let Some(position) = memchr(quote, rest) {
            let (head, tail) = rest.split_at_checked(position + 1).unwrap_or((rest, &[]));
            scratch.extend_from_slice(head);
            rest = tail.get(1..).unwrap_or_default();
        }
        scratch.extend_from_slice(rest);
        scratch
    }

    /// Its bytes as they are in the file.
    pub(crate) fn raw<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Its text, of that of the whole record, which begins at `record` in the buffer; doubled quotes become one, for which
    /// `scratch` gives the room.
    #[inline]
    pub(crate) fn text<'a>(&self, text: &'a str, record: usize, quote: u8, scratch: &'a mut String) -> &'a str {
        let within = self.start.wrapping_sub(record)..self.end.wrapping_sub(record);
        // Fields end at delimiters, which are characters of one byte.
        let raw = text.get(within).unwrap_or_default();
        if !self.escaped {
            return raw;
        }
        let quote = char::from(quote);
        let mut rest = raw;
        scratch.clear();
        while let Some((head, tail)) = rest.split_once(quote) {
            scratch.push_str(head);
            scratch.push(quote);
            rest = tail.strip_prefix(quote).unwrap_or(tail);
        }
        scratch.push_str(rest);
        scratch
    }

    /// Where it begins, from the start of its buffer.
    pub(crate) fn start(&self) -> usize {
        self.start
    }
}

/// What comes of looking for the end of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// It has `fields` fields, of which the first are noted; the next record begins at `next`.
    Complete { fields: usize, next: usize },
    /// It does not end in these bytes.
    Incomplete,
    /// It follows no rule.
    Broken(Broken),
}

/// What is wrong with a record, and where in its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// This quote is never closed.
    Unterminated(usize),
    /// This follows a closing quote.
    AfterQuote(usize),
}

/// Finds the fields of the record at `at`, and notes at most `limit` of them. `last`: the file ends with these bytes.
pub(crate) fn parse(
    bytes: &[u8],
    at: usize,
    dialect: Dialect,
    last: bool,
    limit: usize,
    fields: &mut Vec<Field>,
) -> Parsed {
    fields.clear();
    let Dialect { delimiter, quote } = dialect;
    let mut ends = Ends::new(bytes, delimiter);
    let (mut position, mut count) = (at, 0);
    loop {
        let field = if bytes.get(position) == Some(&quote) {
            let start = position + 1;
            let (mut from, mut escaped) = (start, false);
            let end = loop {
                let rest = bytes.get(from..).unwrap_or_default();
                let Some(found) = memchr(quote, rest) else {
                    return if last { Parsed::Broken(Broken::Unterminated(position)) } else { Parsed::Incomplete };
                };
                if rest.get(found + 1) != Some(&quote) {
                    break from + found;
                }
                escaped = true;
                from += found + 2;
            };
            position = end + 1;
            Field { start, end, quoted: true, escaped }
        } else {
            let start = position;
            position = ends.find(position);
            Field { start, end: position, quoted: false, escaped: false }
        };
        count += 1;
        if count <= limit {
            fields.push(field);
        }
        let next = match bytes.get(position) {
            Some(&byte) if byte == delimiter => {
                position += 1;
                continue;
            }
            None if last => position,
            None => return Parsed::Incomplete,
            Some(b'\n') => position + 1,
            Some(b'\r') => match bytes.get(position + 1) {
                None if !last => return Parsed::Incomplete,
                Some(b'\n') => position + 2,
                _ => position + 1,
            },
            Some(_) => return Parsed::Broken(Broken::AfterQuote(position)),
        };
        return Parsed::Complete { fields: count, next };
    }
}

/// Finds the ends of fields without quotes, 64 bytes at a time: several fields end in as many.
struct Ends<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    /// Where the bytes begin that were looked at last, and how many they are.
    start: usize,
    looked: usize,
    /// Which of them may end a field: the lowest bit stands for the first one.
    found: u64,
}

/// Bytes that are compared at a time.
const STEP: usize = 16;
/// Bytes that are looked at together.
const LOOK: usize = 4 * STEP;

impl<'a> Ends<'a> {
    fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { bytes, delimiter, start: 0, looked: 0, found: 0 }
    }

    /// The position of the next delimiter or end of line from `position` on, or the end of the bytes.
    #[inline]
    fn find(&mut self, position: usize) -> usize {
        let within = position.wrapping_sub(self.start);
        if within < self.looked {
            let found = self.found & (u64::MAX << within);
            if found != 0 {
                return self.start + found.trailing_zeros() as usize;
            }
            return self.find_from(self.start + self.looked);
        }
        self.find_from(position)
    }

    /// The same, where nothing is known of the bytes from `position` on.
    fn find_from(&mut self, mut position: usize) -> usize {
        let bytes = self.bytes;
        while let Some(chunk) = bytes.get(position..).and_then(<[u8]>::first_chunk::<LOOK>) {
            let steps = chunk.as_chunks::<STEP>().0.iter().enumerate();
            let found = steps.fold(0, |found, (step, chunk)| found | u64::from(self.among(chunk)) << (step * STEP));
            if found != 0 {
                (self.start, self.looked, self.found) = (position, LOOK, found);
                return position + found.trailing_zeros() as usize;
            }
            position += LOOK;
        }
        let rest = bytes.get(position..).unwrap_or_default();
        position + rest.iter().position(|byte| self.is_end(*byte)).unwrap_or(rest.len())
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\n' || byte == b'\r'
    }

    /// Which of the bytes end a field: the lowest bit stands for the first one.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn among(&self, chunk: &[u8; STEP]) -> u32 {
        // SSE2, which every processor of this kind has.
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};

        let chunk = u128::from_le_bytes(*chunk);
        // SAFETY: SSE2 is part of the architecture, and nothing is reached through a pointer.
        unsafe {
            let chunk = _mm_set_epi64x((chunk >> 64) as i64, chunk as i64);
            let [first, second, third] = [self.delimiter, b'\n', b'\r'];
            let first = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(first as i8));
            let second = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(second as i8));
            let third = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(third as i8));
            _mm_movemask_epi8(_mm_or_si128(first, _mm_or_si128(second, third))) as u32
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    fn among(&self, chunk: &[u8; STEP]) -> u32 {
        chunk.iter().enumerate().fold(0, |found, (place, byte)| found | u32::from(self.is_end(*byte)) << place)
    }
}

/// Why records stop.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file cannot be read, or no such thing.
    Source(SourceError),
    /// The bytes at this offset in the file are no record.
    Broken { offset: u64, kind: BrokenRecord },
    /// A record reaches further than was allowed.
    TooFar,
}

/// What is wrong with a record in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrokenRecord {
    Unterminated,
    AfterQuote,
    TooLong,
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Reads the records of a range of the file, one after the other.
pub(crate) struct Records<'f> {
    file: &'f CsvFile,
    dialect: Dialect,
    /// Fields that are noted of each record.
    limit: usize,
    /// It keeps its length, so that room is made once only.
    buffer: Vec<u8>,
    /// How much of the buffer is from the file.
    filled: usize,
    /// Where in the file the buffer begins.
    base: u64,
    /// Where in the buffer the next record begins.
    position: usize,
    /// Bytes of the file past which no record may reach.
    reach: u64,
    pub(crate) fields: Vec<Field>,
    /// Where in the buffer the current record is.
    pub(crate) record: std::ops::Range<usize>,
    /// Fields of the current record.
    pub(crate) count: usize,
}

impl<'f> Records<'f> {
    /// From `start`; no byte from `reach` on is read.
    pub(crate) fn new(file: &'f CsvFile, dialect: Dialect, limit: usize, start: u64, reach: u64) -> Self {
        Self {
            file,
            dialect,
            limit,
            buffer: Vec::new(),
            filled: 0,
            base: start,
            position: 0,
            reach: reach.min(file.bytes()),
            fields: Vec::new(),
            record: 0..0,
            count: 0,
        }
    }

    /// The bytes that the fields point into.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The bytes of the current record, with the end of its line.
    pub(crate) fn record_bytes(&self) -> &[u8] {
        self.buffer.get(self.record.clone()).unwrap_or_default()
    }

    /// Where in the file something in the buffer is.
    pub(crate) fn offset(&self, position: usize) -> u64 {
        self.base + position as u64
    }

    /// Where in the file the next record begins, after blank lines; the end of the file if there is none.
    pub(crate) fn next_start(&mut self) -> Result<u64, Stop> {
        loop {
            match self.bytes().get(self.position) {
                Some(b'\n' | b'\r') => self.position += 1,
                Some(_) => return Ok(self.offset(self.position)),
                None => {
                    if !self.fill()? {
                        return Ok(self.offset(self.position));
                    }
                }
            }
        }
    }

    /// Steps to the next record; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Stop> {
        let end = self.next_start()?;
        if end >= self.reach {
            return if self.reach < self.file.bytes() { Err(Stop::TooFar) } else { Ok(false) };
        }
        loop {
            let at_end = self.offset(self.filled) >= self.file.bytes();
            let bytes = self.buffer.get(..self.filled).unwrap_or_default();
            match parse(bytes, self.position, self.dialect, at_end, self.limit, &mut self.fields) {
                Parsed::Complete { fields, next } => {
                    self.record = self.position..next;
                    self.count = fields;
                    self.position = next;
                    return Ok(true);
                }
                Parsed::Incomplete => {
                    if self.filled - self.position > MAX_RECORD_BYTES {
                        return Err(self.broken(self.position, BrokenRecord::TooLong));
                    }
                    if !self.fill()? {
                        return Err(Stop::TooFar);
                    }
                }
                Parsed::Broken(Broken::Unterminated(at)) => return Err(self.broken(at, BrokenRecord::Unterminated)),
                Parsed::Broken(Broken::AfterQuote(at)) => return Err(self.broken(at, BrokenRecord::AfterQuote)),
            }
        }
    }

    fn broken(&self, position: usize, kind: BrokenRecord) -> Stop {
        Stop::Broken { offset: self.offset(position), kind }
    }

    /// Reads on, and lets go what is before the next record; false where nothing is left.
    fn fill(&mut self) -> Result<bool, SourceError> {
        let done = self.position.min(self.filled);
        self.buffer.copy_within(done..self.filled, 0);
        self.filled -= done;
        self.base += done as u64;
        self.position = 0;
        let from = self.offset(self.filled);
        // At least as much again as the record has so far, so that a long one is looked at a few times only.
        let wanted = BUFFER_BYTES.max(self.filled) as u64;
        let length = self.reach.saturating_sub(from).min(wanted) as usize;
        if length == 0 {
            return Ok(false);
        }
        let end = self.filled + length;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let read = match self.buffer.get_mut(self.filled..end) {
            Some(room) => self.file.read_at(from, room),
            None => Ok(()),
        };
        self.filled = end;
        read.map(|()| true)
    }
}

impl CsvFile {
    /// What broken bytes mean for the reader of the message.
    pub(crate) fn broken(&self, offset: u64, kind: BrokenRecord) -> SourceError {
        let line = match self.line(offset) {
            Ok(line) => line,
            Err(error) => return error,
        };
        match kind {
            BrokenRecord::Unterminated => self.malformed(
                format!("line {line}: a quote opens a field and is never closed"),
                "close it, or double it if it is part of the text (\"\")",
            ),
            BrokenRecord::AfterQuote => self.malformed(
                format!("line {line}: a closing quote is followed by more text"),
                "put a delimiter after it, or double the quotes that are part of the text (\"\")",
            ),
            BrokenRecord::TooLong => self.malformed(
                format!("line {line}: the record that begins here has more than {} MiB", MAX_RECORD_BYTES >> 20),
                "look for a quote that is never closed",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte at each place of a text of several steps and a rest.
    #[test]
    fn fields_end_where_they_end_byte_by_byte() {
        for delimiter in [b',', b';', b'\t', b'|'] {
            for place in 0..150 {
                for byte in 0..=u8::MAX {
                    let mut text = [b'x'; 150];
                    text[place] = byte;
                    let expected = text.iter().position(|byte| [delimiter, b'\n', b'\r'].contains(byte));
                    let mut ends = Ends::new(&text, delimiter);
                    assert_eq!(ends.find(0), expected.unwrap_or(150), "{byte} at {place}");
                    assert_eq!(ends.find(place), if expected.is_some() { place } else { 150 });
                    assert_eq!(ends.find(place + 1), 150);
                }
            }
        }
    }

    /// From any position to the next, with any distance between the ends.
    #[test]
    fn ends_are_found_one_after_the_other() {
        for every in 1..140 {
            let text: Vec<u8> = (0..500).map(|place| if place % every == 0 { b';' } else { b'x' }).collect();
            let mut ends = Ends::new(&text, b';');
            let (mut position, mut expected) = (0, 0);
            while position < text.len() {
                let found = ends.find(position);
                assert_eq!(found, expected.min(text.len()), "from {position}, every {every}");
                (position, expected) = (found + 1 + found % 3, 0);
                while expected < position {
                    expected += every;
                }
            }
        }
    }
}

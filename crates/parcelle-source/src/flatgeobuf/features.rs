//! Features by their number, one after the other.

use std::ops::Range;
use std::sync::OnceLock;

use crate::error::SourceError;
use crate::flatgeobuf::file::{FlatGeobuf, MAX_FEATURE_BYTES};
use crate::interrupt::Interrupt;

/// Bytes that are read at once; a longer feature is read as a whole.
const READ_BYTES: usize = 1 << 20;
/// Without index, the place of every so many features is kept.
const STEP: u64 = 1024;
/// Bytes of the length in front of a feature.
const LENGTH_BYTES: usize = 4;

/// Where features are.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Without index: found by going through the file once, when it is first needed.
    scanned: OnceLock<Scanned>,
}

#[derive(Debug, Clone)]
struct Scanned {
    /// Offsets of features 0, [`STEP`], twice that, and so on, from the start of the features.
    steps: Vec<u64>,
    count: u64,
}

impl Directory {
    /// How many features there are.
    pub(super) fn count(&self, file: &FlatGeobuf, interrupt: &Interrupt) -> Result<u64, SourceError> {
        match &file.index {
            Some(index) => Ok(index.count()),
            None => Ok(self.scanned(file, interrupt)?.count),
        }
    }

    /// A reader of a range of features, which must be within those there are.
    pub(super) fn reader<'f>(&self, file: &'f FlatGeobuf, range: Range<u64>) -> Result<Reader<'f>, SourceError> {
        let Some(index) = &file.index else {
            let scanned = self.scanned(file, &Interrupt::default())?;
            let offset_at = |step: u64| usize::try_from(step).ok().and_then(|step| scanned.steps.get(step)).copied();
            let step = range.start / STEP;
            let start = offset_at(step).unwrap_or(0);
            let expected = offset_at(range.end.div_ceil(STEP)).unwrap_or(file.bytes() - file.features_start);
            let mut reader = Reader::new(file, step * STEP, start, expected);
            while reader.number < range.start {
                reader.next()?;
            }
            reader.end = range.end;
            return Ok(reader);
        };
        let (start, end) = (index.offset(file, range.start)?, index.offset(file, range.end)?);
        if range.start == 0 && start != 0 && range.end > 0 {
            return Err(disagreement(file, 0, file.features_start));
        }
        let mut reader = Reader::new(file, range.start, start, end);
        reader.end = range.end;
        reader.must_end_at = Some(end);
        Ok(reader)
    }

    /// A reader that has to be told where to [go](Reader::go_to).
    pub(super) fn roaming_reader(file: &FlatGeobuf) -> Reader<'_> {
        let mut reader = Reader::new(file, 0, 0, 0);
        reader.end = 0;
        reader
    }

    fn scanned(&self, file: &FlatGeobuf, interrupt: &Interrupt) -> Result<&Scanned, SourceError> {
        if let Some(scanned) = self.scanned.get() {
            return Ok(scanned);
        }
        let scanned = scan(file, interrupt)?;
        Ok(self.scanned.get_or_init(|| scanned))
    }
}

/// Goes through the lengths of all features.
fn scan(file: &FlatGeobuf, interrupt: &Interrupt) -> Result<Scanned, SourceError> {
    let end = file.bytes() - file.features_start;
    let mut reader = Reader::new(file, 0, 0, end);
    let mut steps = Vec::new();
    while reader.offset() < end {
        if reader.number.is_multiple_of(STEP) {
            interrupt.check()?;
            steps.push(reader.offset());
        }
        reader.skip()?;
    }
    let (count, announced) = (reader.number, file.header.features);
    if announced > 0 && count != announced {
        return Err(file.malformed(format!(
            "its header announces {announced} features, and {count} are there: it is cut off, or was written to later"
        )));
    }
    Ok(Scanned { steps, count })
}

/// What is wrong where the index and the lengths of the features do not lead to the same places.
fn disagreement(file: &FlatGeobuf, number: u64, offset: u64) -> SourceError {
    file.malformed_feature(number, offset, "the index says that it is elsewhere, or that nothing follows it")
}

/// Reads features in sequence through a buffer.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    file: &'f FlatGeobuf,
    /// It keeps its length, so that room is made once only.
    buffer: Vec<u8>,
    /// How much of the buffer is from the file.
    filled: usize,
    /// Of the next feature in the buffer.
    position: usize,
    /// Of the buffer, from the start of the features.
    buffer_offset: u64,
    /// Up to where it makes sense to read ahead.
    expected_end: u64,
    /// Of the next feature, from 0.
    pub(super) number: u64,
    /// The number after the last one.
    end: u64,
    /// Where the index says that the last one ends.
    must_end_at: Option<u64>,
}

impl<'f> Reader<'f> {
    fn new(file: &'f FlatGeobuf, number: u64, offset: u64, expected_end: u64) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            filled: 0,
            position: 0,
            buffer_offset: offset,
            expected_end,
            number,
            end: u64::MAX,
            must_end_at: None,
        }
    }

    /// Offset of the next feature, from the start of the features.
    fn offset(&self) -> u64 {
        self.buffer_offset.saturating_add(self.position as u64)
    }

    /// Offset of the next feature in the file, for messages.
    pub(super) fn file_offset(&self) -> u64 {
        self.file.features_start.saturating_add(self.offset())
    }

    /// Goes to other features, which are `count` from number `first` on.
    pub(super) fn go_to(&mut self, first: u64, count: u64, offset: u64) {
        let position = offset.checked_sub(self.buffer_offset).and_then(|position| usize::try_from(position).ok());
        match position.filter(|position| *position <= self.filled) {
            Some(position) => self.position = position,
            None => {
                self.filled = 0;
                (self.position, self.buffer_offset) = (0, offset);
            }
        }
        (self.number, self.end, self.must_end_at) = (first, first.saturating_add(count), None);
        // Reading further ahead than twice what such a number of features has on average would often be for nothing.
        let average = self.file.bytes() / self.file.header.features.max(1);
        self.expected_end = offset.saturating_add(average.saturating_mul(2).saturating_mul(count));
    }

    /// The flatbuffer of the next feature, without its length; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, SourceError> {
        if self.number >= self.end {
            if self.must_end_at.is_some_and(|end| end != self.offset()) {
                return Err(disagreement(self.file, self.number, self.file_offset()));
            }
            return Ok(None);
        }
        let length = self.length()?;
        self.fill(LENGTH_BYTES + length)?;
        let start = self.position + LENGTH_BYTES;
        self.position = start + length;
        self.number += 1;
        Ok(self.buffer.get(start..start + length))
    }

    /// Passes over the next feature.
    fn skip(&mut self) -> Result<(), SourceError> {
        let length = self.length()?;
        let next = self.offset() + (LENGTH_BYTES + length) as u64;
        self.position += LENGTH_BYTES + length;
        if self.position > self.filled {
            self.filled = 0;
            (self.position, self.buffer_offset) = (0, next);
        }
        self.number += 1;
        Ok(())
    }

    /// The length of the next feature, which the file is long enough for.
    fn length(&mut self) -> Result<usize, SourceError> {
        let (number, offset) = (self.number, self.file_offset());
        let available = self.file.bytes().saturating_sub(offset);
        if available < LENGTH_BYTES as u64 {
            return Err(self.file.malformed_feature(number, offset, "the file ends before it"));
        }
        self.fill(LENGTH_BYTES)?;
        let bytes = self.buffer.get(self.position..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        let length = u64::from(u32::from_le_bytes(bytes));
        let rest = available - LENGTH_BYTES as u64;
        if length > MAX_FEATURE_BYTES {
            let reason = format!("it has {length} bytes, more than the format allows");
            return Err(self.file.malformed_feature(number, offset, &reason));
        }
        if length > rest {
            let reason = format!("it has {length} bytes, and the file ends after {rest}");
            return Err(self.file.malformed_feature(number, offset, &reason));
        }
        usize::try_from(length).map_err(|_| self.file.malformed_feature(number, offset, "it does not fit into memory"))
    }

    /// Makes the next `length` bytes, which the file has, stand in the buffer.
    fn fill(&mut self, length: usize) -> Result<(), SourceError> {
        if self.filled - self.position >= length {
            return Ok(());
        }
        self.buffer.copy_within(self.position..self.filled, 0);
        self.buffer_offset += self.position as u64;
        self.filled -= self.position;
        self.position = 0;
        let filled = self.filled;
        let from = self.buffer_offset + filled as u64;
        let wanted = usize::try_from(self.expected_end.saturating_sub(from)).unwrap_or(usize::MAX);
        let target = length.max(filled.saturating_add(wanted).min(READ_BYTES));
        // The end that is expected comes from the index.
        let there = usize::try_from(self.file.bytes().saturating_sub(self.file.features_start + from));
        let target = target.min(filled.saturating_add(there.unwrap_or(usize::MAX))).max(length);
        if self.buffer.len() < target {
            self.buffer.resize(target, 0);
        }
        let Some(free) = self.buffer.get_mut(filled..target) else { return Ok(()) };
        self.file.read_exact(self.file.features_start + from, free)?;
        self.filled = target;
        Ok(())
    }
}

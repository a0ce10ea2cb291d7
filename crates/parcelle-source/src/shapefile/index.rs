//! Where the records of a `.shp` are.
//!
//! The `.shx` has offset and length of each record. It is looked at once when the layer is opened, against the length of
//! the `.shp` and a sample of its record headers. Where it is not there or does not agree, the record headers of the
//! `.shp` are followed from the first to the last, and every thousandth offset is kept.

use super::files::{ReadBuffer, SourceFile, has_file_code};
use super::malformed;
use crate::error::SourceError;
use crate::interrupt::Interrupt;

/// Bytes of the header of `.shp` and `.shx`.
pub(super) const HEADER_BYTES: u64 = 100;
/// Bytes of the header of a record, and of an entry of the `.shx`.
const ENTRY_BYTES: u64 = 8;
/// An offset is kept for each so many records.
const MARK_EVERY: u64 = 1024;
/// How many record headers are compared with the `.shx`.
const SAMPLE: u64 = 64;
/// Records are looked at so many at a time between questions whether to stop.
const INTERRUPT_EVERY: u64 = 1 << 16;

/// Finds records by number, counted from 0.
#[derive(Debug)]
pub(super) enum Index {
    Shx { shx: SourceFile, count: u64 },
    Followed { marks: Vec<u64>, count: u64 },
}

impl Index {
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Shx { count, .. } | Self::Followed { count, .. } => *count,
        }
    }

    /// By the `.shx` if it agrees with the `.shp` and with the number of records of the `.dbf`, else by following the
    /// `.shp`.
    pub(super) fn new(
        shp: &SourceFile,
        shx: Option<SourceFile>,
        dbf_count: Option<u64>,
        interrupt: &Interrupt,
    ) -> Result<Self, SourceError> {
        let state = match shx {
            None => "there is no .shx".to_owned(),
            Some(shx) => match check_shx(shp, &shx, interrupt)? {
                Ok(count) if dbf_count.is_none_or(|expected| expected == count) => return Ok(Self::Shx { shx, count }),
                // The .shx may be sound, and the .dbf wrong: then following the .shp finds the same number.
                Ok(count) => format!("the .shx has {count} records"),
                Err(reason) => format!("the .shx does not fit the .shp ({reason})"),
            },
        };
        match follow(shp, interrupt)? {
            Ok(followed) => Ok(followed),
            Err(reason) => Err(malformed(&shp.path, format!("{state}, and its records cannot be followed: {reason}"))),
        }
    }
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Two numbers of 16-bit words, as bytes: an entry of the `.shx`. A record header has something else in the first.
fn entry(bytes: &[u8]) -> Option<(u64, u64)> {
    Some((u64::from(be_u32(bytes, 0)?) * 2, u64::from(be_u32(bytes, 4)?) * 2))
}

/// The number of records by the `.shx`, or why it cannot be relied upon.
fn check_shx(shp: &SourceFile, shx: &SourceFile, interrupt: &Interrupt) -> Result<Result<u64, String>, SourceError> {
    let mut buffer = ReadBuffer::new(shx);
    let declared = match buffer.get(0, HEADER_BYTES)? {
        Some(header) if has_file_code(header) => u64::from(be_u32(header, 24).unwrap_or_default()) * 2,
        _ => return Ok(Err("it is no index".to_owned())),
    };
    if declared > shx.len() {
        return Ok(Err(format!("it is cut off: it has {} bytes of {declared}", shx.len())));
    }
    let length = if declared < HEADER_BYTES { shx.len() } else { declared };
    if !(length - HEADER_BYTES).is_multiple_of(ENTRY_BYTES) {
        return Ok(Err("it ends within an entry".to_owned()));
    }
    let count = (length - HEADER_BYTES) / ENTRY_BYTES;
    let mut headers = ReadBuffer::new(shp);
    let mut total = HEADER_BYTES;
    for number in 0..count {
        if number % INTERRUPT_EVERY == 0 {
            interrupt.check()?;
        }
        let Some((offset, length)) = buffer.get(HEADER_BYTES + number * ENTRY_BYTES, ENTRY_BYTES)?.and_then(entry)
        else {
            return Ok(Err(format!("it ends before record {}", number + 1)));
        };
        total += ENTRY_BYTES + length;
        // Entries that together are longer than the file overlap.
        if offset < HEADER_BYTES || offset + ENTRY_BYTES + length > shp.len() || total > shp.len() {
            return Ok(Err(format!("record {} would be at byte {offset}, {length} bytes long", number + 1)));
        }
        if number % (count / SAMPLE).max(1) == 0 || number + 1 == count {
            let found = headers.get(offset, ENTRY_BYTES)?.and_then(entry).map(|(_, length)| length);
            if found != Some(length) {
                return Ok(Err(format!("record {} is not at byte {offset}", number + 1)));
            }
        }
    }
    Ok(Ok(count))
}

/// Goes from record to record, or says where that ends.
fn follow(shp: &SourceFile, interrupt: &Interrupt) -> Result<Result<Index, String>, SourceError> {
    let mut buffer = ReadBuffer::new(shp);
    let header = buffer.get(0, HEADER_BYTES)?;
    let declared = header.and_then(|header| be_u32(header, 24)).map_or(0, |words| u64::from(words) * 2);
    let (mut marks, mut count, mut offset) = (Vec::new(), 0, HEADER_BYTES);
    // What follows the declared end, if a record ends there, is no record.
    while offset < shp.len() && (offset != declared || is_record(&mut buffer, offset)?) {
        if count % INTERRUPT_EVERY == 0 {
            interrupt.check()?;
        }
        if !is_record(&mut buffer, offset)? {
            return Ok(Err(format!("there is no whole record {} at byte {offset} of {}", count + 1, shp.len())));
        }
        if count % MARK_EVERY == 0 {
            marks.push(offset);
        }
        let length = buffer.get(offset, ENTRY_BYTES)?.and_then(entry).map_or(0, |(_, length)| length);
        offset += ENTRY_BYTES + length;
        count += 1;
    }
    Ok(Ok(Index::Followed { marks, count }))
}

/// Whether there is a whole record of a known type of shape.
fn is_record(buffer: &mut ReadBuffer<'_>, offset: u64) -> Result<bool, SourceError> {
    let Some((_, length)) = buffer.get(offset, ENTRY_BYTES)?.and_then(entry) else { return Ok(false) };
    if length < 4 || !buffer.reaches(offset + ENTRY_BYTES + length) {
        return Ok(false);
    }
    let kind = buffer.get(offset + ENTRY_BYTES, 4)?.and_then(|kind| kind.first_chunk().copied());
    Ok(kind.is_some_and(|kind| super::shape::is_known(u32::from_le_bytes(kind))))
}

/// Gives the records from one on, in order.
pub(super) struct Records<'a> {
    shp: ReadBuffer<'a>,
    position: Position<'a>,
}

enum Position<'a> {
    Entry { shx: ReadBuffer<'a>, next: u64 },
    Offset(u64),
}

impl<'a> Records<'a> {
    pub(super) fn new(shp: &'a SourceFile, index: &'a Index, first: u64) -> Result<Self, SourceError> {
        let mut buffer = ReadBuffer::new(shp);
        let position = match index {
            Index::Shx { shx, .. } => Position::Entry { shx: ReadBuffer::new(shx), next: first },
            Index::Followed { marks, .. } => {
                let mark = usize::try_from(first / MARK_EVERY).ok().and_then(|mark| marks.get(mark));
                let mut offset = mark.copied().unwrap_or(shp.len());
                for _ in 0..first % MARK_EVERY {
                    let length = buffer.get(offset, ENTRY_BYTES)?.and_then(entry).map_or(0, |(_, length)| length);
                    offset += ENTRY_BYTES + length;
                }
                Position::Offset(offset)
            }
        };
        Ok(Self { shp: buffer, position })
    }

    /// The content of the next record; the reason where it is not where it should be.
    pub(super) fn next(&mut self) -> Result<Result<&[u8], String>, SourceError> {
        let (offset, expected) = match &mut self.position {
            Position::Entry { shx, next } => {
                let found = shx.get(HEADER_BYTES + *next * ENTRY_BYTES, ENTRY_BYTES)?.and_then(entry);
                *next += 1;
                let Some((offset, length)) = found else { return Ok(Err("the .shx ends before it".to_owned())) };
                (offset, Some(length))
            }
            Position::Offset(offset) => (*offset, None),
        };
        let length = match expected {
            Some(length) => length,
            None => match self.shp.get(offset, ENTRY_BYTES)?.and_then(entry) {
                Some((_, length)) => length,
                None => return Ok(Err(format!("the .shp ends before it, at byte {offset}"))),
            },
        };
        if let Position::Offset(position) = &mut self.position {
            *position += ENTRY_BYTES + length;
        }
        let record = self.shp.get(offset, ENTRY_BYTES + length)?;
        let Some((header, content)) = record.and_then(|record| record.split_at_checked(8)) else {
            return Ok(Err(format!("the .shp ends within it: it is at byte {offset}, {length} bytes long")));
        };
        if entry(header).map(|(_, length)| length) != Some(length) {
            return Ok(Err(format!(
                "the .shx says that it is at byte {offset}, {length} bytes long, which the .shp does not confirm; without \
                 the .shx the records would be found by following the .shp"
            )));
        }
        Ok(Ok(content))
    }
}

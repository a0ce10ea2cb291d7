//! The file: which messages it has, and where.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{Block, Endianness, Message, MessageHeader, Schema as IpcSchema, root_as_footer, root_as_message};
use parcelle_storage::{ByteSource, LocalFile};

use crate::arrow_columns::guarded;
use crate::arrow_ipc::buffers;
use crate::drivers::has_extension;
use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};

/// First and last bytes of a file.
const MAGIC: &[u8] = b"ARROW1";
/// First bytes of Feather version 1, another format.
const FEATHER_1: &[u8] = b"FEA1";
/// What stands before each message, in streams as in files.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// Length of the footer, and the magic after it.
const TAIL_BYTES: u64 = 10;
/// Bytes before a message: continuation and length.
const PREFIX_BYTES: u64 = 8;
/// A longer schema is none: at the start of a file any bytes may be taken for a length.
const MOST_SCHEMA_BYTES: u64 = 64 << 20;
/// What to do about a file that is not whole.
const GET_AGAIN: &str = "the file is damaged or incomplete: get it again from its source";

/// Whether a file is meant to be Arrow IPC, whole or not.
pub(crate) fn recognises(path: &Path, head: &[u8]) -> Result<bool, SourceError> {
    if head.starts_with(MAGIC) || head.starts_with(FEATHER_1) {
        return Ok(true);
    }
    let Some((CONTINUATION, rest)) = head.split_first_chunk::<4>().map(|(mark, rest)| (*mark, rest)) else {
        return Ok(false);
    };
    if has_extension(path, &["arrow", "arrows", "ipc", "feather"]) {
        return Ok(true);
    }
    let length = rest.first_chunk::<4>().map_or(0, |length| u64::from(u32::from_le_bytes(*length)));
    if length == 0 || length > MOST_SCHEMA_BYTES {
        return Ok(false);
    }
    let mut message = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PREFIX_BYTES + length).read_to_end(&mut message));
    read.map_err(|error| unreadable(path, &error))?;
    let message = message.get(PREFIX_BYTES as usize..).unwrap_or_default();
    Ok(root_as_message(message).is_ok_and(|message| message.header_type() == MessageHeader::Schema))
}

/// A message with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Where its prefix begins.
    offset: u64,
    /// Bytes of prefix and header.
    header: u64,
    /// Bytes of the body.
    body: u64,
    /// Rows of a record batch.
    pub(super) rows: u64,
    /// Rows of the record batches before it.
    pub(super) first: u64,
    /// How many dictionaries stand before it.
    dictionaries: usize,
}

/// What is found in a file before any body is read.
#[derive(Debug)]
struct Index {
    schema: SchemaRef,
    dictionaries: Vec<Place>,
    batches: Vec<Place>,
}

/// The values of dictionaries by their numbers.
type Dictionaries = HashMap<i64, ArrayRef>;

/// A file or stream that stays open.
#[derive(Debug)]
pub(super) struct ArrowFile {
    path: PathBuf,
    source: LocalFile,
    fingerprint: Fingerprint,
    index: Index,
    /// Those that stand before the first batch.
    dictionaries: Dictionaries,
}

impl ArrowFile {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let fingerprint = Fingerprint::of(path)?;
        let source = LocalFile::open(path).map_err(|error| unreadable(path, &error))?;
        let index = Index {
            schema: SchemaRef::new(arrow::datatypes::Schema::empty()),
            dictionaries: Vec::new(),
            batches: Vec::new(),
        };
        let mut file = Self { path: path.to_owned(), source, fingerprint, index, dictionaries: HashMap::new() };
        let head = file.bytes_at(0, (MAGIC.len() as u64).min(file.source.len()))?;
        file.index = if head.starts_with(FEATHER_1) {
            let advice = "read it with pyarrow.feather, and write it again with version=2";
            return Err(file.malformed_with("Feather version 1, which is not read", advice));
        } else if head == MAGIC {
            file.index_of_file()?
        } else {
            file.index_of_stream()?
        };
        let first = file.index.batches.first().map_or(usize::MAX, |batch| batch.dictionaries);
        for place in file.index.dictionaries.iter().take(first).copied().collect::<Vec<_>>() {
            let mut dictionaries = std::mem::take(&mut file.dictionaries);
            file.add_dictionary(place, &mut dictionaries)?;
            file.dictionaries = dictionaries;
        }
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bytes(&self) -> u64 {
        self.source.len()
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.index.schema
    }

    /// The record batches, in order.
    pub(super) fn batches(&self) -> &[Place] {
        &self.index.batches
    }

    /// Rows of all record batches.
    pub(super) fn rows(&self) -> u64 {
        self.index.batches.last().map_or(0, |batch| batch.first.saturating_add(batch.rows))
    }

    /// Whether dictionaries change between the batches, so that each can be read only after all before it.
    pub(super) fn is_sequential(&self) -> bool {
        let mut counts = self.index.batches.iter().map(|batch| batch.dictionaries);
        let first = counts.next();
        counts.any(|count| Some(count) != first)
    }

    /// A [`SourceError::Malformed`].
    pub(super) fn malformed(&self, reason: impl Into<String>) -> SourceError {
        self.malformed_with(reason, GET_AGAIN)
    }

    fn malformed_with(&self, reason: impl Into<String>, advice: &str) -> SourceError {
        let (reason, advice) = (reason.into(), advice.to_owned());
        SourceError::Malformed { path: self.path.clone(), format: "Arrow", reason, advice }
    }

    /// # Errors
    /// [`SourceError::Changed`] where the file is not the one that was opened any more.
    pub(super) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    /// Reads the columns at `roots` of record batches, in order, as long as `sink` says to go on; it is given the number
    /// of each. Where [`Self::is_sequential`], the first of them has to be the first of the file.
    pub(super) fn read(
        &self,
        batches: Range<usize>,
        roots: &[usize],
        sink: &mut dyn FnMut(usize, RecordBatch) -> Result<bool, SourceError>,
    ) -> Result<(), SourceError> {
        let first = self.index.batches.first().map_or(0, |batch| batch.dictionaries);
        let (mut changed, mut known) = (None, first);
        for number in batches {
            let Some(place) = self.index.batches.get(number) else { break };
            for dictionary in self.index.dictionaries.get(known..place.dictionaries).unwrap_or_default() {
                let dictionaries = changed.get_or_insert_with(|| self.dictionaries.clone());
                self.add_dictionary(*dictionary, dictionaries)?;
            }
            known = known.max(place.dictionaries);
            let batch = self.batch(*place, roots, changed.as_ref().unwrap_or(&self.dictionaries));
            let batch = batch.map_err(|reason| self.damaged(&format!("record batch {}: {reason}", number + 1)))?;
            if !sink(number, batch)? {
                break;
            }
        }
        Ok(())
    }

    /// What is wrong with a message. Where the file was changed meanwhile, that is why.
    fn damaged(&self, reason: &str) -> SourceError {
        self.verify_unchanged().err().unwrap_or_else(|| self.malformed(reason))
    }

    fn batch(&self, place: Place, roots: &[usize], dictionaries: &Dictionaries) -> Result<RecordBatch, String> {
        let (header, body) = self.message(place)?;
        guarded(|| {
            let message = root_as_message(&header).map_err(|error| error.to_string())?;
            let batch = message.header_as_record_batch().ok_or("it is none")?;
            buffers::check(&batch, &body)?;
            let (schema, version) = (Arc::clone(&self.index.schema), message.version());
            read_record_batch(&body, batch, schema, dictionaries, Some(roots), &version)
                .map_err(|error| error.to_string())
        })
    }

    fn add_dictionary(&self, place: Place, dictionaries: &mut Dictionaries) -> Result<(), SourceError> {
        let added = self.message(place).and_then(|(header, body)| {
            guarded(|| {
                let message = root_as_message(&header).map_err(|error| error.to_string())?;
                let batch = message.header_as_dictionary_batch().ok_or("it is none")?;
                buffers::check(&batch.data().ok_or("it has no values")?, &body)?;
                let version = message.version();
                read_dictionary(&body, batch, &self.index.schema, dictionaries, &version)
                    .map_err(|error| error.to_string())
            })
        });
        added.map_err(|reason| self.damaged(&format!("dictionary at byte {}: {reason}", place.offset)))
    }

    /// Header and body of a message. Its places were checked against the length of the file.
    fn message(&self, place: Place) -> Result<(Buffer, Buffer), String> {
        let read = |offset: u64, length: u64| self.bytes_at(offset, length).map_err(|error| error.to_string());
        let header = read(place.offset + PREFIX_BYTES, place.header - PREFIX_BYTES)?;
        let body = read(place.offset + place.header, place.body)?;
        Ok((Buffer::from_vec(header), Buffer::from_vec(body)))
    }

    /// Bytes that have to be there.
    fn bytes_at(&self, offset: u64, length: u64) -> Result<Vec<u8>, SourceError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.source.len());
        let (Some(_), Ok(length)) = (end, usize::try_from(length)) else {
            return Err(self.malformed(format!("{length} bytes at byte {offset} are not in the file")));
        };
        let mut bytes = vec![0; length];
        match self.source.read_at(offset, &mut bytes) {
            Ok(count) if count == length => Ok(bytes),
            Ok(_) => Err(self.malformed("the file is too short")),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }

    fn schema_of(&self, schema: Option<IpcSchema<'_>>) -> Result<SchemaRef, SourceError> {
        let schema = schema.ok_or_else(|| self.malformed("it has no schema"))?;
        if schema.endianness() != Endianness::Little {
            let advice = "write it again on a machine with little-endian numbers";
            return Err(self.malformed_with("its numbers are big-endian, which is not read", advice));
        }
        let schema = guarded(|| Ok::<_, String>(fb_to_schema(schema)));
        schema.map(Arc::new).map_err(|reason| self.malformed(format!("the schema cannot be read: {reason}")))
    }

    fn index_of_file(&self) -> Result<Index, SourceError> {
        let length = self.source.len();
        let tail = self.bytes_at(length.saturating_sub(TAIL_BYTES), TAIL_BYTES.min(length))?;
        let footer_length = match tail.split_first_chunk::<4>() {
            Some((length, MAGIC)) => u64::from(u32::from_le_bytes(*length)),
            _ => return Err(self.malformed("the file does not end as Arrow does, with the bytes ARROW1")),
        };
        let start = (length - TAIL_BYTES).checked_sub(footer_length).filter(|start| *start >= MAGIC.len() as u64);
        let Some(start) = start else {
            let reason = format!("a footer of {footer_length} bytes does not fit the file of {length}");
            return Err(self.malformed(reason));
        };
        let footer = self.bytes_at(start, footer_length)?;
        let footer = root_as_footer(&footer);
        let footer = footer.map_err(|error| self.malformed(format!("the footer cannot be read: {error}")))?;
        let schema = self.schema_of(footer.schema())?;
        let mut index = Index { schema, dictionaries: Vec::new(), batches: Vec::new() };
        for block in footer.dictionaries().into_iter().flatten() {
            index.dictionaries.push(self.place(block)?);
        }
        let (mut first, dictionaries) = (0u64, index.dictionaries.len());
        for block in footer.recordBatches().into_iter().flatten() {
            let place = self.place(block)?;
            let header = self.bytes_at(place.offset + PREFIX_BYTES, place.header - PREFIX_BYTES)?;
            let rows = root_as_message(&header).ok().and_then(|message| rows(&message));
            let rows = rows.ok_or_else(|| self.malformed(format!("no record batch at byte {}", place.offset)))?;
            index.batches.push(Place { rows, first, dictionaries, ..place });
            first = first.saturating_add(rows);
        }
        Ok(index)
    }

    /// A place of the footer, if it is within the file.
    fn place(&self, block: &Block) -> Result<Place, SourceError> {
        let numbers = (block.offset(), i64::from(block.metaDataLength()), block.bodyLength());
        let outside = || {
            let (offset, header, body) = numbers;
            self.malformed(format!("a message of {header} + {body} bytes at byte {offset} is not in the file"))
        };
        let unsigned = |number: i64| u64::try_from(number).map_err(|_| outside());
        let (offset, header, body) = (unsigned(numbers.0)?, unsigned(numbers.1)?, unsigned(numbers.2)?);
        let end = offset.checked_add(header).and_then(|end| end.checked_add(body));
        if header < PREFIX_BYTES || end.is_none_or(|end| end > self.source.len()) {
            return Err(outside());
        }
        let mark = self.bytes_at(offset, 4)?;
        if mark != CONTINUATION {
            let advice = "write it again with a version of Arrow after 0.14";
            return Err(self.malformed_with("its messages are those of Arrow before 0.15", advice));
        }
        Ok(Place { offset, header, body, rows: 0, first: 0, dictionaries: 0 })
    }

    fn index_of_stream(&self) -> Result<Index, SourceError> {
        let length = self.source.len();
        let (mut offset, mut first) = (0u64, 0u64);
        let mut index: Option<Index> = None;
        while offset < length {
            let cut = || self.malformed(format!("the stream is cut off within the message at byte {offset}"));
            let prefix = self.bytes_at(offset, PREFIX_BYTES.min(length - offset))?;
            let Some((&CONTINUATION, size)) = prefix.split_first_chunk::<4>() else {
                return Err(self.malformed(format!("no message of an Arrow stream at byte {offset}")));
            };
            let size: [u8; 4] = size.try_into().map_err(|_| cut())?;
            let size = u64::from(u32::from_le_bytes(size));
            if size == 0 {
                break;
            }
            if size > length - offset - PREFIX_BYTES {
                return Err(cut());
            }
            let bytes = self.bytes_at(offset + PREFIX_BYTES, size)?;
            let message = root_as_message(&bytes);
            let message = message
                .map_err(|error| self.malformed(format!("the message at byte {offset} cannot be read: {error}")))?;
            let header = PREFIX_BYTES + size;
            let body = u64::try_from(message.bodyLength()).map_err(|_| cut())?;
            let next = (offset + header).checked_add(body).filter(|next| *next <= length).ok_or_else(cut)?;
            let misplaced = || self.malformed(format!("a message at byte {offset} that has no place there"));
            match (message.header_type(), index.as_mut()) {
                (MessageHeader::Schema, None) => {
                    let schema = self.schema_of(message.header_as_schema())?;
                    index = Some(Index { schema, dictionaries: Vec::new(), batches: Vec::new() });
                }
                (MessageHeader::DictionaryBatch, Some(index)) => {
                    index.dictionaries.push(Place { offset, header, body, rows: 0, first: 0, dictionaries: 0 });
                }
                (MessageHeader::RecordBatch, Some(index)) => {
                    let rows = rows(&message).ok_or_else(misplaced)?;
                    let dictionaries = index.dictionaries.len();
                    index.batches.push(Place { offset, header, body, rows, first, dictionaries });
                    first = first.saturating_add(rows);
                }
                _ => return Err(misplaced()),
            }
            offset = next;
        }
        index.ok_or_else(|| self.malformed("the stream has no schema"))
    }
}

/// Rows of a record batch.
fn rows(message: &Message<'_>) -> Option<u64> {
    message.header_as_record_batch().and_then(|batch| u64::try_from(batch.length()).ok())
}

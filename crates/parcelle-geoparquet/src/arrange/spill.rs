//! Sorted blocks in a temporary file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayData, ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow::ipc::{reader::read_record_batch, root_as_message};

use crate::arrange::gather::{Bits, Column, Form, Picked, Place, Sources, array_of};
use crate::arrange::key::SortKey;
use crate::error::WriteError;
use crate::output::without_temporary_name;

/// Bytes of the file system that are left to others.
const RESERVE: u64 = 64 << 20;
/// Bytes that are written at a time: other workers get their turn in between.
const WRITE_BYTES: usize = 256 << 10;
/// Bytes of the number of a row, and of a length.
const NUMBER_BYTES: usize = 4;

/// Where a block lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

/// Rows of a block as they come back.
#[derive(Debug)]
pub(crate) struct Loaded<'a, K> {
    /// Their columns of bits, numbers and byte strings.
    pub(crate) plain: Vec<Column<'a>>,
    /// Their other columns.
    pub(crate) others: Vec<ArrayRef>,
    /// Their keys.
    pub(crate) keys: Vec<K>,
    /// Their numbers in their part.
    pub(crate) rows: Vec<u32>,
}

/// A temporary file of blocks, not compressed: what is written comes back soon, mostly from the page cache, and a fast codec
/// would cost more than a fast disk.
///
/// A block has for each plain column and for the keys which rows have values, where byte strings end, and the values, one
/// column after the other; then the numbers of the rows, and where there are other columns an Arrow IPC message of them (Arrow
/// columnar format, "Encapsulated message format"). In front of it all is how long the pieces are that cannot be computed.
///
/// It has no name: when the process ends, however it ends, its space is free again.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    directory: PathBuf,
    end: AtomicU64,
    /// How the values of the plain columns lie, and those of the keys behind them.
    forms: Vec<Form>,
    key: DataType,
    others: Option<Others>,
    /// Memory that was used for blocks, to be used again: new memory costs the system as much as copying does.
    used: Mutex<Vec<Vec<u8>>>,
}

/// The columns that are not plain.
#[derive(Debug)]
struct Others {
    /// As they are in the file.
    stored: SchemaRef,
    /// As they come and go.
    types: Vec<DataType>,
}

impl Others {
    fn new(input: &SchemaRef) -> Option<Self> {
        let others = input.fields().iter().filter(|field| Form::of(field.data_type()).is_none());
        let stored: Vec<Field> = others
            .clone()
            .map(|field| {
                let data_type = match field.data_type() {
                    DataType::Dictionary(_, values) => values.as_ref().clone(),
                    other => other.clone(),
                };
                Field::new(field.name(), data_type, field.is_nullable())
            })
            .collect();
        let types = others.map(|field| field.data_type().clone()).collect();
        (!stored.is_empty()).then(|| Self { stored: Arc::new(Schema::new(stored)), types })
    }

    /// A message and what belongs to it.
    fn encode(&self, columns: Vec<ArrayRef>) -> Result<EncodedData, ArrowError> {
        let columns = cast(columns, self.stored.fields().iter().map(|field| field.data_type()))?;
        let batch = RecordBatch::try_new(Arc::clone(&self.stored), columns)?;
        let (mut tracker, mut context) = (DictionaryTracker::new(false), IpcWriteContext::default());
        let options = IpcWriteOptions::default();
        let (_, encoded) = IpcDataGenerator::default().encode(&batch, &mut tracker, &options, &mut context)?;
        Ok(encoded)
    }

    fn decode(&self, message: &[u8], body: &[u8]) -> Result<Vec<ArrayRef>, ArrowError> {
        let failed = |reason: String| ArrowError::IpcError(reason);
        // Copied, so that both are aligned.
        let message = Buffer::from_slice_ref(message);
        let message = root_as_message(&message).map_err(|error| failed(error.to_string()))?;
        let header = message.header_as_record_batch().ok_or_else(|| failed("no record batch".to_owned()))?;
        let (body, schema) = (Buffer::from_slice_ref(body), Arc::clone(&self.stored));
        let batch = read_record_batch(&body, header, schema, &Default::default(), None, &message.version())?;
        cast(batch.columns().to_vec(), self.types.iter())
    }
}

fn cast<'a>(columns: Vec<ArrayRef>, types: impl Iterator<Item = &'a DataType>) -> Result<Vec<ArrayRef>, ArrowError> {
    let cast = |(column, data_type): (ArrayRef, &DataType)| match column.data_type() == data_type {
        true => Ok(column),
        false => arrow::compute::cast(&column, data_type),
    };
    columns.into_iter().zip(types).map(cast).collect()
}

impl Spill {
    /// Creates the file in a directory.
    pub(crate) fn create<K: SortKey>(directory: &Path, input: &SchemaRef) -> Result<Self, WriteError> {
        let file = tempfile::tempfile_in(directory)
            .map_err(|reason| WriteError::io(directory, without_temporary_name(&reason)))?;
        let key = K::to_array(&[]).data_type().clone();
        let types = input.fields().iter().map(|field| field.data_type()).chain([&key]);
        let forms = types.filter_map(Form::of).collect();
        Ok(Self {
            file,
            directory: directory.to_owned(),
            end: AtomicU64::new(0),
            forms,
            key,
            others: Others::new(input),
            used: Mutex::default(),
        })
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`WriteError::SpillSpace`] where the file system has not that many bytes to spare.
    pub(crate) fn check_space(&self, needed: u64) -> Result<(), WriteError> {
        // Where the system does not say, the write itself will.
        let Ok(system) = rustix::fs::statvfs(&self.directory) else { return Ok(()) };
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        if free < needed.saturating_add(RESERVE) {
            return Err(WriteError::SpillSpace { directory: self.directory.clone(), needed, free });
        }
        Ok(())
    }

    /// Memory that was used before, if there is any.
    pub(crate) fn memory(&self) -> Vec<u8> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives memory back, whatever is in it.
    pub(crate) fn give_back(&self, memory: Vec<u8>) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }

    /// Puts a block of rows behind others into memory, and gives its length. `keys` are those of the rows of the whole part in
    /// order, of which `positions` are in the block.
    pub(crate) fn put(
        &self,
        sources: &Sources<'_>,
        places: &[Place],
        keys: &ArrayData,
        positions: &[Place],
        rows: &[u32],
        block: &mut BlockMemory<'_>,
    ) -> Result<u32, WriteError> {
        let failed = |error: ArrowError| WriteError::Batch(error.to_string());
        let too_large = |_| WriteError::Batch("a block of more than 4 GiB".to_owned());
        let BlockMemory { bytes, picked } = block;
        let start = bytes.len();
        let mut lengths: Vec<usize> = Vec::with_capacity(self.lengths());
        bytes.resize(start + self.lengths() * NUMBER_BYTES, 0);
        let key = self.forms.last().map(|form| (*form, Column::of(*form, keys)));
        let key = key.as_ref().map(|(form, column)| (*form, std::slice::from_ref(column), positions));
        let plain = sources.plain().map(|(form, columns)| (form, columns, places));
        for (form, columns, places) in plain.chain(key) {
            picked.pick(form, columns, places).map_err(failed)?;
            lengths.extend([picked.validity.len(), picked.values.len()]);
            bytes.extend_from_slice(&picked.validity);
            bytes.extend_from_slice(&picked.offsets);
            bytes.extend_from_slice(&picked.values);
        }
        rows.iter().for_each(|row| bytes.extend_from_slice(&row.to_ne_bytes()));
        if let Some(others) = &self.others {
            let columns = sources.pick_others(places).map_err(failed)?;
            let EncodedData { ipc_message, arrow_data } = others.encode(columns).map_err(failed)?;
            lengths.extend([ipc_message.len(), arrow_data.len()]);
            bytes.extend_from_slice(&ipc_message);
            bytes.extend_from_slice(&arrow_data);
        }
        let head = bytes.get_mut(start..).unwrap_or_default().as_chunks_mut().0;
        for (to, length) in head.iter_mut().zip(lengths) {
            *to = u32::try_from(length).map_err(too_large)?.to_ne_bytes();
        }
        u32::try_from(bytes.len() - start).map_err(too_large)
    }

    /// How many lengths are in front of a block.
    fn lengths(&self) -> usize {
        2 * (self.forms.len() + usize::from(self.others.is_some()))
    }

    /// Appends blocks, and gives where they are; from any thread.
    pub(crate) fn append(&self, blocks: &[u8]) -> Result<u64, WriteError> {
        let offset = self.end.fetch_add(blocks.len() as u64, Ordering::Relaxed);
        let mut end = offset;
        for piece in blocks.chunks(WRITE_BYTES) {
            self.file.write_all_at(piece, end).map_err(|reason| WriteError::io(&self.directory, reason))?;
            end += piece.len() as u64;
        }
        Ok(offset)
    }

    /// Reads what is there; from any thread.
    pub(crate) fn read(&self, offset: u64, to: &mut [u8]) -> Result<(), WriteError> {
        self.file.read_exact_at(to, offset).map_err(|reason| WriteError::io(&self.directory, reason))
    }

    /// The rows of a block.
    pub(crate) fn load<'a, K: SortKey>(&self, block: &'a [u8], rows: usize) -> Result<Loaded<'a, K>, WriteError> {
        let short = || self.failed("a block is too short");
        let (lengths, mut rest) = block.split_at_checked(self.lengths() * NUMBER_BYTES).ok_or_else(short)?;
        let mut lengths = lengths.as_chunks().0.iter().map(|length| u32::from_ne_bytes(*length) as usize);
        let mut take = |length: usize| -> Option<&'a [u8]> {
            let (piece, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(piece)
        };
        let mut column = |form: Form| {
            let (validity, values) = (lengths.next()?, lengths.next()?);
            let validity = Some(take(validity)?).filter(|bits| !bits.is_empty()).map(|bits| Bits::new(bits, 0));
            let offsets = take(form.offset_bytes(rows))?;
            Some(Column { validity, offsets, values: take(values)?, first_bit: 0 })
        };
        let plain = self.forms.iter().map(|form| column(*form)).collect::<Option<Vec<_>>>();
        let mut plain = plain.ok_or_else(short)?;
        let key = self.forms.last().zip(plain.pop()).ok_or_else(short)?;
        let keys = array_of(&self.key, *key.0, key.1, rows).map_err(|error| self.failed(error))?;
        let keys = K::from_array(&keys).ok_or_else(|| self.failed("no keys"))?;
        let numbers = take(rows * NUMBER_BYTES).ok_or_else(short)?;
        let rows = numbers.as_chunks().0.iter().map(|row| u32::from_ne_bytes(*row)).collect();
        let others = match &self.others {
            Some(others) => {
                let message = lengths.next().and_then(&mut take).ok_or_else(short)?;
                let body = lengths.next().and_then(&mut take).ok_or_else(short)?;
                others.decode(message, body).map_err(|error| self.failed(error))?
            }
            None => Vec::new(),
        };
        Ok(Loaded { plain, others, keys, rows })
    }

    fn failed(&self, error: impl ToString) -> WriteError {
        let reason = std::io::Error::other(format!("a temporary file in it: {}", error.to_string()));
        WriteError::io(&self.directory, reason)
    }
}

/// Where blocks are put together.
#[derive(Debug)]
pub(crate) struct BlockMemory<'a> {
    /// The blocks so far.
    pub(crate) bytes: &'a mut Vec<u8>,
    /// A column of the one under way.
    pub(crate) picked: Picked,
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn what_is_cut_short_is_an_error() {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
        let batch = RecordBatch::try_from_iter([("value", values)]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let spill = Spill::create::<u64>(directory.path(), &batch.schema()).unwrap();
        let batches = [batch];
        let data = crate::arrange::gather::data_of(&batches);
        let mut sources = Sources::new(&batches[0].schema());
        sources.add_batch(&batches[0], &data[0]);
        let places: Vec<Place> = (0..10).rev().map(|row| Place { source: 0, row }).collect();
        let (keys, rows) = ((0..10).collect::<Vec<u64>>(), (0..10).rev().collect::<Vec<u32>>());
        let positions: Vec<Place> = (0..10).map(|row| Place { source: 0, row }).collect();
        let keys_data = arrow::array::Array::to_data(&u64::to_array(&keys));
        let mut bytes = Vec::new();
        let mut block = BlockMemory { bytes: &mut bytes, picked: Picked::default() };
        let length = spill.put(&sources, &places, &keys_data, &positions, &rows, &mut block).unwrap();
        assert_eq!(length as usize, bytes.len());
        spill.append(b"before").unwrap();
        let offset = spill.append(&bytes).unwrap();
        let mut again = vec![0; bytes.len()];
        spill.read(offset, &mut again).unwrap();
        let loaded = spill.load::<u64>(&again, 10).unwrap();
        assert_eq!((loaded.keys, loaded.rows), (keys, rows));
        let values = array_of(&DataType::Int64, Form::Fixed(8), loaded.plain[0], 10).unwrap();
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        for length in 0..again.len() {
            assert!(spill.load::<u64>(&again[..length], 10).is_err(), "{length}");
        }
        assert!(spill.read(offset + 1, &mut again).is_err());
    }
}

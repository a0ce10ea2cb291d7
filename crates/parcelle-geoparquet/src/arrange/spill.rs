//! Sorted blocks in a temporary file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow::ipc::{reader::read_record_batch, root_as_message};

use crate::arrange::key::SortKey;
use crate::error::WriteError;
use crate::output::without_temporary_name;

/// Bytes of the file system that are left to others.
const RESERVE: u64 = 64 << 20;
/// Messages and bodies start at multiples of this, as Arrow's own files have it.
const ALIGNMENT: usize = 64;

/// Where a block lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    offset: u64,
    message: u32,
    body: u32,
}

impl Extent {
    /// Its length in bytes.
    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.message) + u64::from(self.body)
    }
}

/// Rows of a block as they come back.
#[derive(Debug)]
pub(crate) struct Loaded<K> {
    /// The rows, in the schema of the input.
    pub(crate) batch: RecordBatch,
    /// Their keys.
    pub(crate) keys: Vec<K>,
    /// Their numbers in their part.
    pub(crate) rows: Vec<u32>,
}

/// A temporary file of Arrow IPC messages (Arrow columnar format, "Encapsulated message format"), not compressed: what is
/// written comes back soon, mostly from the page cache, and a fast codec would cost more than a fast disk.
///
/// It has no name: when the process ends, however it ends, its space is free again.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    directory: PathBuf,
    end: AtomicU64,
    input: SchemaRef,
    stored: SchemaRef,
}

impl Spill {
    /// Creates the file in a directory.
    pub(crate) fn create<K: SortKey>(directory: &Path, input: &SchemaRef) -> Result<Self, WriteError> {
        let file = tempfile::tempfile_in(directory)
            .map_err(|reason| WriteError::io(directory, without_temporary_name(&reason)))?;
        let mut fields: Vec<Field> = input
            .fields()
            .iter()
            .map(|field| {
                let data_type = match field.data_type() {
                    DataType::Dictionary(_, values) => values.as_ref().clone(),
                    other => other.clone(),
                };
                Field::new(field.name(), data_type, field.is_nullable())
            })
            .collect();
        fields.push(Field::new("key", K::to_array(&[]).data_type().clone(), false));
        fields.push(Field::new("row", DataType::UInt32, false));
        let stored = Arc::new(Schema::new(fields));
        Ok(Self { file, directory: directory.to_owned(), end: AtomicU64::new(0), input: Arc::clone(input), stored })
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

    /// Columns of a block, in the types the file holds.
    pub(crate) fn store<K: SortKey>(
        &self,
        batch: &RecordBatch,
        keys: &[K],
        rows: &[u32],
    ) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns() + 2);
        for (column, field) in batch.columns().iter().zip(self.stored.fields()) {
            columns.push(if column.data_type() == field.data_type() {
                Arc::clone(column)
            } else {
                arrow::compute::cast(column, field.data_type())?
            });
        }
        columns.push(K::to_array(keys));
        columns.push(Arc::new(UInt32Array::from(rows.to_vec())));
        RecordBatch::try_new(Arc::clone(&self.stored), columns)
    }

    /// Appends a block; from any thread.
    pub(crate) fn append(&self, block: &RecordBatch) -> Result<Extent, WriteError> {
        let (mut tracker, mut context) = (DictionaryTracker::new(false), IpcWriteContext::default());
        let options = IpcWriteOptions::default();
        let (_, EncodedData { ipc_message: mut message, arrow_data: body }) = IpcDataGenerator::default()
            .encode(block, &mut tracker, &options, &mut context)
            .map_err(|error| self.failed(error))?;
        message.resize(message.len().next_multiple_of(ALIGNMENT), 0);
        let length = |bytes: &[u8]| {
            u32::try_from(bytes.len()).map_err(|_| WriteError::Batch("a block of more than 4 GiB".to_owned()))
        };
        let (message_length, body_length) = (length(&message)?, length(&body)?);
        let total = (message.len() + body.len()).next_multiple_of(ALIGNMENT) as u64;
        let offset = self.end.fetch_add(total, Ordering::Relaxed);
        let io = |reason| WriteError::io(&self.directory, reason);
        self.file.write_all_at(&message, offset).map_err(io)?;
        self.file.write_all_at(&body, offset + message.len() as u64).map_err(io)?;
        Ok(Extent { offset, message: message_length, body: body_length })
    }

    /// Reads a block back; from any thread.
    pub(crate) fn load<K: SortKey>(&self, extent: Extent) -> Result<Loaded<K>, WriteError> {
        let mut bytes = vec![0; usize::try_from(extent.bytes()).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, extent.offset).map_err(|reason| WriteError::io(&self.directory, reason))?;
        let bytes = Buffer::from_vec(bytes);
        let (message, body) =
            (bytes.slice_with_length(0, extent.message as usize), bytes.slice(extent.message as usize));
        let message = root_as_message(&message).map_err(|error| self.failed(error))?;
        let header = message.header_as_record_batch().ok_or_else(|| self.failed("no record batch"))?;
        let schema = Arc::clone(&self.stored);
        let stored = read_record_batch(&body, header, schema, &Default::default(), None, &message.version())
            .map_err(|error| self.failed(error))?;

        let mut columns = stored.columns().to_vec();
        let rows = columns.pop().and_then(|rows| Some(rows.as_primitive_opt::<UInt32Type>()?.values().to_vec()));
        let keys = columns.pop().and_then(|keys| K::from_array(&keys));
        let (Some(rows), Some(keys)) = (rows, keys) else { return Err(self.failed("no keys")) };
        for (column, field) in columns.iter_mut().zip(self.input.fields()) {
            if column.data_type() != field.data_type() {
                *column = arrow::compute::cast(column, field.data_type()).map_err(|error| self.failed(error))?;
            }
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.input), columns).map_err(|error| self.failed(error))?;
        Ok(Loaded { batch, keys, rows })
    }

    fn failed(&self, error: impl ToString) -> WriteError {
        let reason = std::io::Error::other(format!("a temporary file in it: {}", error.to_string()));
        WriteError::io(&self.directory, reason)
    }
}

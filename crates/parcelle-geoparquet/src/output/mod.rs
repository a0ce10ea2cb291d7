//! The output: one file, or the files of a dataset one after the other.

mod destination;
mod index;
mod parquet_file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};

use crate::column::{Chunk, ColumnEncoders};
use crate::encode::{EncodedRowGroup, RowGroup};
use crate::error::WriteError;
use crate::layout::{Layout, Settled};
use crate::options::{Partitioning, Progress};
use crate::partition::PartitionValue;
use parquet_file::ParquetFile;

pub use destination::leftovers;
pub(crate) use destination::{Destination, without_temporary_name};
use index::IndexEntry;
pub(crate) use parquet_file::FileFacts;

/// Appends encoded row groups, and begins a new file where the partitioning wants one.
pub(crate) struct Output<'a> {
    layout: &'a Layout,
    settled: &'a Settled,
    properties: WriterPropertiesPtr,
    destination: Destination,
    partitioning: Option<&'a Partitioning>,
    current: Option<Current>,
    finished: Vec<IndexEntry>,
    progress: Progress,
}

/// The file under way.
struct Current {
    file: ParquetFile,
    name: PathBuf,
    /// Its partition, by number.
    partition: usize,
    value: Option<PartitionValue>,
    /// Its number within the partition.
    number: usize,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Finished {
    pub(crate) progress: Progress,
    pub(crate) files: u64,
    /// Geometries with a ring that is not closed.
    pub(crate) open_geometries: u64,
    /// Geometries with an ordinate that is infinite.
    pub(crate) infinite_geometries: u64,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        layout: &'a Layout,
        destination: Destination,
        properties: WriterProperties,
        partitioning: Option<&'a Partitioning>,
    ) -> Result<Self, WriteError> {
        let (settled, properties) = (layout.settled()?, Arc::new(properties));
        Ok(Self {
            layout,
            settled,
            properties,
            destination,
            partitioning,
            current: None,
            finished: Vec::new(),
            progress: Progress::default(),
        })
    }

    /// Encodes columns, on the workers; the same for all files. `first` is the first row group, if there is any.
    pub(crate) fn encoders(&self, first: Option<&RowGroup>) -> Result<ColumnEncoders, WriteError> {
        ColumnEncoders::new(self.settled, &self.properties, first)
    }

    /// Appends the next row group, whose partition has this value.
    pub(crate) fn append(
        &mut self,
        group: EncodedRowGroup,
        value: Option<&PartitionValue>,
    ) -> Result<Progress, WriteError> {
        let partition = group.partition;
        let number = match &self.current {
            Some(current) if current.partition != partition => Some(0),
            Some(current) if self.is_full(&current.file, &group) => Some(current.number + 1),
            Some(_) => None,
            None => Some(0),
        };
        if let Some(number) = number {
            self.close()?;
            self.begin(partition, value, number)?;
        }
        if let Some(current) = &mut self.current {
            let before = current.file.facts().bytes;
            self.progress.rows += group.rows as u64;
            self.progress.row_groups += 1;
            current.file.append(group)?;
            self.progress.bytes += current.file.facts().bytes - before;
        }
        Ok(self.progress)
    }

    /// Whether a row group does not fit any more. The footer, some thousandths of a file, is left out of account.
    fn is_full(&self, file: &ParquetFile, group: &EncodedRowGroup) -> bool {
        let Some(size) = self.partitioning.and_then(|partitioning| partitioning.size) else { return false };
        let bytes: u64 = group.chunks.iter().map(Chunk::bytes_written).sum();
        file.facts().row_groups > 0 && file.facts().bytes + bytes > size
    }

    fn begin(&mut self, partition: usize, value: Option<&PartitionValue>, number: usize) -> Result<(), WriteError> {
        let name = match self.partitioning {
            Some(partitioning) => partitioning.file_name(value, number),
            None => PathBuf::new(),
        };
        let file = self.destination.open(&name)?;
        let path = if self.partitioning.is_some() {
            self.destination.path().join(&name)
        } else {
            self.destination.path().to_owned()
        };
        let file = ParquetFile::new(path, file, self.layout, self.settled, Arc::clone(&self.properties))?;
        self.current = Some(Current { file, name, partition, value: value.cloned(), number });
        Ok(())
    }

    /// Ends the file under way, if there is one.
    fn close(&mut self) -> Result<(), WriteError> {
        let Some(Current { file, name, value, .. }) = self.current.take() else { return Ok(()) };
        let before = file.facts().bytes;
        let facts = file.finish(self.layout, self.settled)?;
        self.progress.bytes += facts.bytes - before;
        self.finished.push(IndexEntry { name, value, facts });
        Ok(())
    }

    /// Writes the last footer, and in a dataset the index; and gives the output its name.
    pub(crate) fn finish(mut self) -> Result<Finished, WriteError> {
        // No rows make a file too, unless it would be named after a value.
        let by_value = self.partitioning.is_some_and(|partitioning| partitioning.by.is_some());
        if self.current.is_none() && self.finished.is_empty() && !by_value {
            self.begin(0, None, 0)?;
        }
        self.close()?;
        if let Some(partitioning) = self.partitioning {
            let file = self.destination.open(Path::new(index::INDEX_NAME))?;
            let path = self.destination.path().join(index::INDEX_NAME);
            index::write(file, &self.finished, self.layout, partitioning)
                .map_err(|reason| WriteError::io(&path, reason))?;
        }
        self.destination.commit()?;
        let statistics = self.finished.iter().flat_map(|entry| &entry.facts.statistics);
        Ok(Finished {
            progress: self.progress,
            files: self.finished.len() as u64,
            open_geometries: statistics.clone().map(|statistics| statistics.open).sum(),
            infinite_geometries: statistics.map(|statistics| statistics.infinite).sum(),
        })
    }
}

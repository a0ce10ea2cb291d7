//! One Parquet file under way.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;

use crate::encode::EncodedRowGroup;
use crate::error::WriteError;
use crate::layout::{Layout, Settled};
use crate::metadata::{self, ColumnFacts};
use crate::statistics::GeometryStatistics;

/// Row groups are numbered with 16 bits and a sign (parquet-format, `RowGroup.ordinal`).
pub(crate) const MAX_ROW_GROUPS: u64 = 32_767;

/// The library copies column chunks in pieces of 8 KiB; without this each of them would be a call of the operating system.
const WRITE_BYTES: usize = 1 << 20;

/// Appends encoded row groups to a file and keeps what its footer needs.
pub(crate) struct ParquetFile {
    /// The name that errors give.
    path: PathBuf,
    writer: SerializedFileWriter<BufWriter<File>>,
    facts: FileFacts,
}

/// What a finished file holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileFacts {
    pub(crate) rows: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
    /// One per geometry column.
    pub(crate) statistics: Vec<GeometryStatistics>,
}

impl ParquetFile {
    pub(crate) fn new(
        path: PathBuf,
        file: File,
        layout: &Layout,
        settled: &Settled,
        properties: WriterPropertiesPtr,
    ) -> Result<Self, WriteError> {
        let file = BufWriter::with_capacity(WRITE_BYTES, file);
        let writer = SerializedFileWriter::new(file, settled.parquet.root_schema_ptr(), properties)
            .map_err(|error| WriteError::parquet(&path, error))?;
        let statistics = vec![GeometryStatistics::default(); layout.geometry.len()];
        Ok(Self { path, writer, facts: FileFacts { statistics, ..FileFacts::default() } })
    }

    /// What it holds so far.
    pub(crate) fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// Appends the next row group.
    pub(crate) fn append(&mut self, group: EncodedRowGroup) -> Result<(), WriteError> {
        let path = &self.path;
        if self.facts.row_groups == MAX_ROW_GROUPS {
            return Err(WriteError::TooManyRowGroups { path: path.clone() });
        }
        let mut row_group = self.writer.next_row_group().map_err(|error| WriteError::parquet(path, error))?;
        for chunk in group.chunks {
            chunk.append_to(&mut row_group).map_err(|error| WriteError::parquet(path, error))?;
        }
        row_group.close().map_err(|error| WriteError::parquet(path, error))?;
        for (all, new) in self.facts.statistics.iter_mut().zip(group.statistics) {
            all.merge(new);
        }
        self.facts.rows += group.rows as u64;
        self.facts.row_groups += 1;
        self.facts.bytes = self.writer.bytes_written() as u64;
        Ok(())
    }

    /// Writes the footer.
    pub(crate) fn finish(mut self, layout: &Layout, settled: &Settled) -> Result<FileFacts, WriteError> {
        let native = settled.native.iter().copied();
        let columns: Vec<_> = (layout.geometry.iter().zip(native).zip(&self.facts.statistics))
            .map(|((column, native), statistics)| ColumnFacts { column, native, statistics })
            .collect();
        let geo = metadata::geo(layout.version, layout.orientation, &columns);
        // Arrow's own readers show the metadata of the embedded schema and nothing beside it, so `geo` is in there too.
        let schema = settled.output.as_ref().clone();
        let schema = schema.with_metadata(HashMap::from([(metadata::GEO_KEY.to_owned(), geo.clone())]));
        self.writer.append_key_value_metadata(KeyValue::new(metadata::GEO_KEY.to_owned(), geo));
        let encoded = encode_arrow_schema(&schema);
        self.writer.append_key_value_metadata(KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encoded));
        self.writer.finish().map_err(|error| WriteError::parquet(&self.path, error))?;
        self.facts.bytes = self.writer.bytes_written() as u64;
        Ok(self.facts)
    }
}

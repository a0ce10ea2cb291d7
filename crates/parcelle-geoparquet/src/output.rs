//! The file: a temporary name until it is whole.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use tempfile::NamedTempFile;

use crate::encode::EncodedRowGroup;
use crate::error::WriteError;
use crate::layout::{Layout, Settled};
use crate::metadata::{self, ColumnFacts};
use crate::options::Progress;
use crate::statistics::GeometryStatistics;

/// Row groups are numbered with 16 bits and a sign (parquet-format, `RowGroup.ordinal`).
pub(crate) const MAX_ROW_GROUPS: u64 = 32_767;

/// A file beside the destination that nobody takes for a finished one. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Destination {
    path: PathBuf,
    temporary: NamedTempFile,
    overwrite: bool,
}

impl Destination {
    /// Makes the temporary file, so that an unwritable place is found before any work is done.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, WriteError> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(WriteError::Exists { path: path.to_owned() });
        }
        // A rename would put a regular file in the place of a device or a pipe.
        if path.metadata().is_ok_and(|existing| !existing.is_file()) {
            let reason = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is there and not a regular file");
            return Err(WriteError::io(path, reason));
        }
        let directory = directory_of(path);
        let name = path.file_name().ok_or_else(|| {
            WriteError::io(path, std::io::Error::new(std::io::ErrorKind::InvalidInput, "not the name of a file"))
        })?;
        // Hidden, and not ending in .parquet: no glob over finished files finds it. What is finished gets the
        // permissions that the user's umask gives any new file, not the private ones of a temporary file.
        let temporary = tempfile::Builder::new()
            .prefix(&temporary_prefix(name))
            .suffix(TEMPORARY_SUFFIX)
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)
            // The error's own text names the temporary file, which nobody asked for.
            .map_err(|reason| WriteError::io(directory, reason.kind().into()))?;
        Ok(Self { path: path.to_owned(), temporary, overwrite })
    }

    /// The directory it is in.
    pub(crate) fn directory(&self) -> &Path {
        directory_of(&self.path)
    }

    /// Gives the file its name. Until then nothing is at the destination that was not there before.
    fn commit(self) -> Result<(), WriteError> {
        let renamed = if self.overwrite {
            self.temporary.persist(&self.path)
        } else {
            self.temporary.persist_noclobber(&self.path)
        };
        match renamed {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(WriteError::Exists { path: self.path })
            }
            Err(error) => Err(WriteError::io(&self.path, error.error)),
        }
    }
}

/// How the names of temporary files end.
const TEMPORARY_SUFFIX: &str = ".parcelle-tmp";

/// How the names of temporary files for an output of this name begin.
fn temporary_prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Temporary files that earlier runs for the output at `path` have left, by name: those of runs that were killed, and
/// those of runs that are under way. A run that ends by itself, or is interrupted, leaves none.
#[must_use]
pub fn leftovers(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name() else { return Vec::new() };
    let prefix = temporary_prefix(name);
    let is_temporary = |found: &OsStr| {
        let found = found.as_encoded_bytes();
        found.starts_with(prefix.as_encoded_bytes()) && found.ends_with(TEMPORARY_SUFFIX.as_bytes())
    };
    let entries = directory_of(path).read_dir().into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter(|entry| is_temporary(&entry.file_name())).map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Appends encoded row groups to the file and keeps what the footer needs.
pub(crate) struct Output<'a> {
    layout: &'a Layout,
    settled: &'a Settled,
    destination: Destination,
    writer: SerializedFileWriter<File>,
    statistics: Vec<GeometryStatistics>,
    progress: Progress,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        layout: &'a Layout,
        destination: Destination,
        properties: WriterProperties,
    ) -> Result<Self, WriteError> {
        let settled = layout.settled()?;
        let file = destination
            .temporary
            .as_file()
            .try_clone()
            .map_err(|reason| WriteError::io(destination.temporary.path(), reason))?;
        let writer = SerializedFileWriter::new(file, settled.parquet.root_schema_ptr(), Arc::new(properties))?;
        let statistics = vec![GeometryStatistics::default(); layout.geometry.len()];
        Ok(Self { layout, settled, destination, writer, statistics, progress: Progress::default() })
    }

    /// Makes column writers for the workers.
    pub(crate) fn factory(&self) -> ArrowRowGroupWriterFactory {
        ArrowRowGroupWriterFactory::new(&self.writer, Arc::clone(&self.settled.output))
    }

    /// Appends the next row group.
    pub(crate) fn append(&mut self, group: EncodedRowGroup) -> Result<Progress, WriteError> {
        if self.progress.row_groups == MAX_ROW_GROUPS {
            return Err(WriteError::TooManyRowGroups { path: self.destination.path.clone() });
        }
        let path = &self.destination.path;
        let mut row_group = self.writer.next_row_group().map_err(|error| WriteError::parquet(path, error))?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut row_group).map_err(|error| WriteError::parquet(path, error))?;
        }
        row_group.close().map_err(|error| WriteError::parquet(path, error))?;
        for (all, new) in self.statistics.iter_mut().zip(group.statistics) {
            all.merge(new);
        }
        self.progress.rows += group.rows as u64;
        self.progress.row_groups += 1;
        self.progress.bytes = self.writer.bytes_written() as u64;
        Ok(self.progress)
    }

    /// Writes the footer and gives the file its name.
    pub(crate) fn finish(mut self) -> Result<Progress, WriteError> {
        let native = self.settled.native.iter().copied();
        let columns: Vec<_> = (self.layout.geometry.iter().zip(native).zip(&self.statistics))
            .map(|((column, native), statistics)| ColumnFacts { column, native, statistics })
            .collect();
        let geo = metadata::geo(self.layout.version, self.layout.orientation, &columns);
        // Arrow's own readers show the metadata of the embedded schema and nothing beside it, so `geo` is in there too.
        let schema = self.settled.output.as_ref().clone();
        let schema = schema.with_metadata(HashMap::from([(metadata::GEO_KEY.to_owned(), geo.clone())]));
        self.writer.append_key_value_metadata(KeyValue::new(metadata::GEO_KEY.to_owned(), geo));
        let encoded = encode_arrow_schema(&schema);
        self.writer.append_key_value_metadata(KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encoded));
        self.writer.finish().map_err(|error| WriteError::parquet(&self.destination.path, error))?;
        self.progress.bytes = self.writer.bytes_written() as u64;
        drop(self.writer);
        self.destination.commit()?;
        Ok(self.progress)
    }
}

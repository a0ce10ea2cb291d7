//! What the caller may choose.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Codec of the column chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level from 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// None.
    Uncompressed,
}

/// Whether a bounding box column per geometry column is written (GeoParquet 1.1 `covering`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Covering {
    /// A struct of four 32-bit floats, rounded outwards.
    #[default]
    Bbox,
    /// None.
    None,
}

/// Order of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sort {
    /// Along a Hilbert curve, by the centres of the primary geometry's bounding boxes; rows without position come last.
    /// Row groups then cover small areas, so that readers skip most of the file.
    #[default]
    Hilbert,
    /// By the values of these columns, ascending, NULL last.
    Columns(Vec<String>),
    /// As in the source.
    None,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that have been read and put in order, where they are sorted.
    pub rows_arranged: u64,
    /// Rows that are in the output.
    pub rows: u64,
    /// Row groups that are in the output.
    pub row_groups: u64,
    /// Bytes of the output.
    pub bytes: u64,
}

/// Called from the coordinating thread after each row group.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Stops a run from another thread; it ends with [`WriteError::Cancelled`](crate::WriteError::Cancelled).
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the run to stop. It removes its temporary file and returns within a fraction of a second.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag behind the token, for what has no token of this kind.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that decides the bytes of the output, and what it may cost to make them.
///
/// The defaults follow the GeoParquet distribution guide: zstd, a `bbox` covering, row groups small enough to prune.
#[derive(Clone)]
pub struct WriteOptions {
    /// Codec. Level 1 on pages of 128 KiB is both faster and smaller than level 3 on pages of 1 MiB for building
    /// footprints (`make bench` measures it).
    pub compression: Compression,
    /// Covering column.
    pub covering: Covering,
    /// Order of the rows. Rows that are equal in it stay in the order of the source.
    pub sort: Sort,
    /// Where rows go that do not fit into memory while they are sorted; the directory of the output, if not given. The
    /// file there has no name, and needs about the bytes of the rows as Arrow columns.
    pub temporary_directory: Option<PathBuf>,
    /// How many rows there will be, if that is known: it helps to find out early that the temporary space is too small.
    pub expected_rows: Option<u64>,
    /// Rows per row group, at most. The last one has the rest.
    pub row_group_rows: usize,
    /// Worker threads for decoding and encoding together; the caller's own thread only appends.
    pub threads: usize,
    /// Bytes of Arrow data that may be between the reader and the file, roughly; what sorting needs beyond goes to a
    /// temporary file. A single row group that needs more is still written.
    pub memory: u64,
    /// Whether an existing file at the destination is replaced (when the new one is whole).
    pub overwrite: bool,
    /// Observer.
    pub progress: Option<ProgressFn>,
    /// Stops the run.
    pub cancel: CancelToken,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd(1),
            covering: Covering::default(),
            sort: Sort::default(),
            temporary_directory: None,
            expected_rows: None,
            row_group_rows: 65_536,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 1 << 30,
            overwrite: false,
            progress: None,
            cancel: CancelToken::default(),
        }
    }
}

impl fmt::Debug for WriteOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WriteOptions")
            .field("compression", &self.compression)
            .field("covering", &self.covering)
            .field("sort", &self.sort)
            .field("row_group_rows", &self.row_group_rows)
            .field("threads", &self.threads)
            .field("memory", &self.memory)
            .field("overwrite", &self.overwrite)
            .finish_non_exhaustive()
    }
}

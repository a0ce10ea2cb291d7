//! What the caller may choose.

use std::fmt;
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

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
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
    /// Rows per row group, at most. The last one has the rest.
    pub row_group_rows: usize,
    /// Worker threads for decoding and encoding together; the caller's own thread only appends.
    pub threads: usize,
    /// Bytes of Arrow data that may be between the reader and the file, roughly. A single row group that needs more is
    /// still written.
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
            .field("row_group_rows", &self.row_group_rows)
            .field("threads", &self.threads)
            .field("memory", &self.memory)
            .field("overwrite", &self.overwrite)
            .finish_non_exhaustive()
    }
}

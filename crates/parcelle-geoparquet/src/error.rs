//! What can go wrong while writing.

use std::path::{Path, PathBuf};

use parcelle_geometry::WkbError;
use parquet::errors::ParquetError;

/// An error of the part of the pipeline that produces rows, kept whole.
pub type ProducerError = Box<dyn std::error::Error + Send + Sync>;

/// Why a GeoParquet file was not written. Nothing is left at the destination then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The schema has no geometry column.
    #[error(
        "the input has no geometry column: GeoParquet needs one (a Binary column with the extension type geoarrow.wkb)"
    )]
    NoGeometry,
    /// A geometry column is not stored as WKB in binary.
    #[error("geometry column {column:?} is stored as {found}, not as WKB in a binary column")]
    GeometryStorage {
        /// Name of the column.
        column: String,
        /// Its Arrow type.
        found: String,
    },
    /// The extension metadata of a geometry column is not understood.
    #[error("geometry column {column:?} has extension metadata that cannot be read: {reason}")]
    GeometryMetadata {
        /// Name of the column.
        column: String,
        /// What the parser said.
        reason: String,
    },
    /// Two columns have the same name, which readers of Parquet cannot tell apart.
    #[error("two columns are named {name:?}: rename one of them, or leave one out with --select")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// Options that do not go together, or not with this input.
    #[error("{0}")]
    Options(String),
    /// A column was asked for by a name that no column has.
    #[error("no column {name:?} for a bloom filter; {hint}")]
    UnknownColumn {
        /// The name.
        name: String,
        /// The names there are, or the one that was meant.
        hint: String,
    },
    /// Geometries that have no common GeoArrow encoding.
    #[error("geometry column {column:?} cannot have a GeoArrow encoding: {reason}; write WKB instead (--encoding wkb)")]
    NativeEncoding {
        /// Name of the column.
        column: String,
        /// Which geometry, and why.
        reason: String,
    },
    /// A value of a geometry column is not a geometry that GeoParquet can carry.
    #[error("row {row}, geometry column {column:?}: {reason}")]
    Geometry {
        /// Number of the row, from 1, in the order of the output.
        row: u64,
        /// Name of the column.
        column: String,
        /// What is wrong with it.
        #[source]
        reason: WkbError,
    },
    /// The output exists and was not to be replaced.
    #[error("{} exists already: choose another name, or allow it to be replaced (--overwrite)", .path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// More row groups than a Parquet file can have.
    #[error("{} would have more than 32,767 row groups, which Parquet cannot number: use larger ones (--row-group-rows, --row-group-bytes)", .path.display())]
    TooManyRowGroups {
        /// The output.
        path: PathBuf,
    },
    /// There is no column to sort by with this name.
    #[error("--sort: there is no column {name:?}; there are: {}", .available.join(", "))]
    SortColumn {
        /// The name.
        name: String,
        /// The columns there are.
        available: Vec<String>,
    },
    /// The values of a column have no order.
    #[error("--sort: column {name:?} has the type {data_type}, whose values have no order")]
    SortColumnType {
        /// The name.
        name: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// There is no column to name files by with this name.
    #[error("--partition-by: there is no column {name:?}; there are: {}", .available.join(", "))]
    PartitionColumn {
        /// The name.
        name: String,
        /// The columns there are.
        available: Vec<String>,
    },
    /// The values of a column make no names of files.
    #[error(
        "--partition-by: column {name:?} has the type {data_type}, whose values make no names of files: choose a column of \
         text, whole numbers, dates or truth values"
    )]
    PartitionColumnType {
        /// The name.
        name: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// A value has no text, such as a date that no calendar has.
    #[error("--partition-by: a value of column {column:?} cannot be part of the name of a file: {reason}")]
    PartitionText {
        /// The column.
        column: String,
        /// What the conversion to text said.
        reason: String,
    },
    /// A value is too long for the name of a file.
    #[error("--partition-by: a value of column {column:?} is too long for the name of a file: \"{value}…\"")]
    PartitionName {
        /// The column.
        column: String,
        /// How the value begins.
        value: String,
    },
    /// Sorting needs more temporary space than there is.
    #[error(
        "sorting needs about {} MB of temporary space in {}, and {} MB are free there: choose another directory \
         (--temp-dir), allow more memory (--memory), or do not sort (--sort none)",
        .needed.div_ceil(1_000_000), .directory.display(), .free / 1_000_000
    )]
    SpillSpace {
        /// Where.
        directory: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The operating system refused.
    #[error("cannot write {}: {reason}", .path.display())]
    Io {
        /// The file or directory concerned.
        path: PathBuf,
        /// What the system said.
        #[source]
        reason: std::io::Error,
    },
    /// A batch does not have the schema that was announced.
    #[error("a batch of the input does not have the announced schema: {0}")]
    Batch(String),
    /// The Parquet encoder refused.
    #[error("cannot encode Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The input failed.
    #[error("{0}")]
    Producer(#[source] ProducerError),
    /// The worker threads could not be started.
    #[error("cannot start {threads} worker threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        reason: String,
    },
    /// The run was cancelled by its caller.
    #[error("interrupted")]
    Cancelled,
}

impl WriteError {
    /// An error of the encoder, which carries those of the file within.
    pub(crate) fn parquet(path: &Path, error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(reason) => Self::io(path, *reason),
                Err(inner) => Self::Parquet(ParquetError::External(inner)),
            },
            other => Self::Parquet(other),
        }
    }

    /// What the writer's own parts say comes back as what it was.
    pub(crate) fn unwrapped(self) -> Self {
        match self {
            Self::Producer(producer) => match producer.downcast::<Self>() {
                Ok(own) => *own,
                Err(producer) => Self::Producer(producer),
            },
            other => other,
        }
    }

    /// A worker unwound.
    pub(crate) fn worker_died() -> Self {
        Self::Batch("a worker thread has died".to_owned())
    }

    pub(crate) fn io(path: &Path, reason: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), reason }
    }
}

//! The parallel columnar writer: row groups of GeoParquet from Arrow record batches.
//!
//! ```text
//! parts of the input ─► decode ─► [arrange] ─► row groups of equal rows ─► encode ─► append in order ─► footer ─► rename
//!                       (workers)  (workers)    (this thread)              (workers)  (this thread)
//! ```
//!
//! [`write()`] takes a schema whose geometry columns are WKB in Arrow binary with the extension type `geoarrow.wkb` (its
//! metadata holds the coordinate reference system as PROJJSON), and an [`Input`]: either independent parts, which
//! workers read side by side, or one part that can only be read in sequence, which gets a thread of its own. Row groups
//! are encoded whole by workers and appended in order: that of [`Sort`], or of the input. So the same input and options
//! give the same
//! bytes whatever the thread count. At most [`WriteOptions::memory`] bytes of rows are under way at a time.
//!
//! Each geometry is walked once, when its row group is encoded: the walk validates it and gives its box for the
//! covering, and type and extent for the footer. The file has GeoParquet 1.0, 1.1 or 2.0 metadata, a page index, and its
//! final name only when it is whole.
//!
//! Nothing of that knows where rows come from.
//!
//! [`check`] has the rules: what a file of any writer says of itself, whether that is true, and how much of it a reader has to read.

mod arrange;
mod assemble;
pub mod check;
mod column;
mod column_encoding;
mod covering;
mod encode;
mod error;
mod geometry_column;
mod layout;
mod metadata;
mod native;
mod options;
mod output;
mod parquet_schema;
mod partition;
mod pipeline;
mod statistics;
mod worker;

pub use error::{ProducerError, WriteError};
pub use options::{
    CancelToken, Compression, Covering, DEFAULT_ROW_GROUP_BYTES, Encoding, GeoParquetVersion, Orientation,
    PartitionNames, Partitioning, Preset, Progress, ProgressFn, Sort, WriteOptions,
};
pub use output::leftovers;
pub use parcelle_geometry::DECLARED_TYPE_KEY;
pub use pipeline::{BatchSink, Input, Part, StageSeconds, Written, write};

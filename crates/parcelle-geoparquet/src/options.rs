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
    /// LZ4 (`LZ4_RAW`) for geometry as WKB, Zstandard at this level for everything else.
    ///
    /// WKB is most of the bytes and repeats little: LZ4, which does not code single bytes by how frequent they are, takes half
    /// the time for half as many bytes again. Attributes repeat, and zstd is quick where bytes do.
    Lz4Geometry(i32),
    /// Snappy.
    Snappy,
    /// None.
    Uncompressed,
}

/// What the bytes of the output may cost: a name for settings that go together. [`WriteOptions::preset`] sets them.
///
/// | preset | codec | page | rows per row group | bytes: buildings, municipalities | encoding: buildings |
/// |---|---|---|---|---|---|
/// | fast | LZ4 for WKB, zstd 1 | 128 KiB | 65,536 | 1.24, 1.54 | 0.77 |
/// | balanced | zstd 3 | 256 KiB | 65,536 | 1, 1 | 1 |
/// | archive | zstd 15 | 128 KiB | 65,536 | 0.89, 0.90 | 25 |
///
/// Measured with the bench `settings` on 200,000 generated buildings and the 1,200 municipalities of a region, whose outlines
/// have hundreds of positions each. zstd has other parameters for inputs up to 128 KiB, with which its high levels do better
/// on attributes; large outlines gain from larger pages. Up to level 3, geometry and identifiers are compressed by the
/// quickest search that takes hardly more bytes than the level does on a page of theirs, so that level 1 would gain little on
/// buildings. The size of row groups changes the bytes by half a per cent, so it is chosen for skipping: see the row groups a window
/// meets, in the comparison with other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// The least time; geometry takes half as many bytes again as with `Balanced`.
    Fast,
    /// The default.
    #[default]
    Balanced,
    /// The smallest files, for many times the processor time; reading them costs no more.
    Archive,
}

/// Version of GeoParquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GeoParquetVersion {
    /// 1.0: WKB, without a covering.
    V1_0,
    /// 1.1: WKB or GeoArrow encodings, with a covering. Everything that reads GeoParquet reads it.
    #[default]
    V1_1,
    /// 2.0: the `GEOMETRY` and `GEOGRAPHY` types of Parquet itself, with geospatial statistics per row group. Readers
    /// on Arrow C++ before 21 refuse files with these types.
    V2_0,
}

impl GeoParquetVersion {
    /// The version as the `geo` metadata spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0.0",
            Self::V1_1 => "1.1.0",
            Self::V2_0 => "2.0.0",
        }
    }
}

/// How geometry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Little-endian ISO WKB in a binary column.
    #[default]
    Wkb,
    /// Ordinates in columns of their own (GeoParquet 1.1 "native encodings"): smaller by a quarter, and pruned without a
    /// covering, but fewer programs read it, and all geometries of a column must have one type.
    ///
    /// That type is decided by what the field declares ([`DECLARED_TYPE_KEY`](crate::DECLARED_TYPE_KEY)) and by the
    /// first row group: lines and polygons become their `Multi…` where either has any, and also where nothing is
    /// declared and more rows may follow. A later geometry of another type or dimension ends the run with
    /// [`WriteError::NativeEncoding`](crate::WriteError::NativeEncoding).
    GeoArrow,
}

/// What is done about the order of rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// Rings stay as they are, and nothing is said of them.
    #[default]
    Keep,
    /// Exterior rings are turned counterclockwise and interior ones clockwise, and the metadata says so.
    CounterClockwise,
}

/// Whether a bounding box column per geometry column is written (GeoParquet 1.1 `covering`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Covering {
    /// One wherever it can be: not in version 1.0, which does not know it, and not where edges are not planar: the box
    /// of the positions does not contain an edge that leaves the straight line.
    #[default]
    Auto,
    /// A struct of four 32-bit floats, rounded outwards; refused where [`Covering::Auto`] would write none.
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

/// A dataset of several files in place of one: a directory with an index, `_index.json`, that gives the rows and the
/// bounding box of each file. Every file is whole in itself, and has the schema of the others.
///
/// Files are written one after the other in the order of the rows, so the source is read once however many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partitioning {
    /// A file, or several, for each value of this column. Within a value rows have the order of [`Sort`].
    pub by: Option<String>,
    /// Bytes of a file, at most; a single larger row group has a file of its own. Along a Hilbert curve the files are
    /// contiguous areas.
    pub size: Option<u64>,
    /// Names of the files.
    pub names: PartitionNames,
}

/// How the files of a dataset are named. What file systems or readers would misunderstand in a value is percent-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartitionNames {
    /// `75.parquet`, `75-00000.parquet`, `part-00000.parquet`, and `NULL.parquet`: files have all columns.
    #[default]
    Flat,
    /// `departement=75/part-00000.parquet`, which readers of hive datasets turn back into a column. The files do not have
    /// the column, as these readers would find it twice. Its type is guessed by them: Arrow, DuckDB and Spark make a number
    /// of `01`, so codes with leading zeros are better off with flat names.
    Hive,
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

/// Default of [`WriteOptions::row_group_bytes`]: 128 MiB. It does not touch layers with rows of up to 2 kB, and keeps those of
/// larger ones (coastlines, land cover) to what writers and readers can hold for each of their threads.
pub const DEFAULT_ROW_GROUP_BYTES: u64 = 128 << 20;

/// Everything that decides the bytes of the output, and what it may cost to make them.
///
/// The defaults follow the GeoParquet distribution guide: zstd, a `bbox` covering, row groups small enough to prune.
#[derive(Clone)]
pub struct WriteOptions {
    /// Codec.
    pub compression: Compression,
    /// Bytes of a data page before compression, about; 64 MiB at most. Readers skip pages by their statistics.
    pub page_bytes: usize,
    /// Version of GeoParquet.
    pub version: GeoParquetVersion,
    /// Storage of geometry.
    pub encoding: Encoding,
    /// Order of rings.
    pub orientation: Orientation,
    /// Decimal year for which the coordinates hold, such as 2021.5, where the reference system is a dynamic one. It
    /// takes the place of one that the input gives.
    pub epoch: Option<f64>,
    /// Covering column.
    pub covering: Covering,
    /// Order of the rows. Rows that are equal in it stay in the order of the source.
    pub sort: Sort,
    /// A dataset in place of a file.
    pub partitioning: Option<Partitioning>,
    /// Where rows go that do not fit into memory while they are sorted; the directory of the output, if not given. The
    /// file there has no name, and needs about the bytes of the rows as Arrow columns.
    pub temporary_directory: Option<PathBuf>,
    /// How many rows there will be, if that is known: it helps to find out early that the temporary space is too small.
    pub expected_rows: Option<u64>,
    /// Names of columns that get a bloom filter, which tells readers that a value is not in a row group: for
    /// identifiers in no order. Geometry, booleans and nested columns cannot have one.
    pub bloom_filters: Vec<String>,
    /// Rows per row group, at most. Along a Hilbert curve a row group ends at the edge of an area, with a quarter of them at
    /// the least; in any other order the last one alone has fewer.
    pub row_group_rows: usize,
    /// Bytes of Arrow data per row group, at most; a single larger row has its own. A row group ends at this or at
    /// `row_group_rows`, whichever comes first. It is what bounds memory where rows are large: a row group is encoded whole.
    /// [`DEFAULT_ROW_GROUP_BYTES`] unless said otherwise; `None` for no limit.
    pub row_group_bytes: Option<u64>,
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

impl WriteOptions {
    /// Sets codec, page size and rows per row group as the preset has them.
    pub fn preset(&mut self, preset: Preset) {
        (self.compression, self.page_bytes, self.row_group_rows) = match preset {
            Preset::Fast => (Compression::Lz4Geometry(1), 128 << 10, 65_536),
            Preset::Balanced => (Compression::Zstd(3), 256 << 10, 65_536),
            Preset::Archive => (Compression::Zstd(15), 128 << 10, 65_536),
        };
    }
}

impl Default for WriteOptions {
    fn default() -> Self {
        let mut options = Self {
            compression: Compression::Uncompressed,
            page_bytes: 0,
            version: GeoParquetVersion::default(),
            encoding: Encoding::default(),
            orientation: Orientation::default(),
            epoch: None,
            covering: Covering::default(),
            sort: Sort::default(),
            partitioning: None,
            temporary_directory: None,
            expected_rows: None,
            bloom_filters: Vec::new(),
            row_group_rows: 0,
            row_group_bytes: Some(DEFAULT_ROW_GROUP_BYTES),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 1 << 30,
            overwrite: false,
            progress: None,
            cancel: CancelToken::default(),
        };
        options.preset(Preset::default());
        options
    }
}

impl fmt::Debug for WriteOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WriteOptions")
            .field("compression", &self.compression)
            .field("page_bytes", &self.page_bytes)
            .field("version", &self.version)
            .field("encoding", &self.encoding)
            .field("orientation", &self.orientation)
            .field("epoch", &self.epoch)
            .field("covering", &self.covering)
            .field("sort", &self.sort)
            .field("partitioning", &self.partitioning)
            .field("bloom_filters", &self.bloom_filters)
            .field("row_group_rows", &self.row_group_rows)
            .field("row_group_bytes", &self.row_group_bytes)
            .field("threads", &self.threads)
            .field("memory", &self.memory)
            .field("overwrite", &self.overwrite)
            .finish_non_exhaustive()
    }
}

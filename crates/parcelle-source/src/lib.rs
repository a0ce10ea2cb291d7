//! Vector readers: layers, splits and Arrow record batches.
//!
//! [`open`] gives one [`Layer`] of a file. A layer has an Arrow schema, in which geometry columns are WKB of the extension
//! type `geoarrow.wkb` with their coordinate reference system as PROJJSON; it says how it can be cut into [`Split`]s
//! that are readable side by side; and it reads a split into record batches, in the order of the source.
//!
//! ```text
//! open(path) ─► Layer ─► splits(target rows) ─► read(split) ─► record batch, record batch, …
//! ```
//!
//! # Readers
//! - **GeoPackage**, natively (feature `sqlite`): ranges of row ids, each read through a connection of its own straight
//!   into Arrow columns. A GeoPackage is known by its content, not by its name.
//! - **GeoJSON**, GeoJSONSeq and newline-delimited GeoJSON, natively: the file is read once in parallel to find the schema
//!   and where the features are, which are then read in parallel.
//! - **Shapefile**, natively: ranges of records of `.shp` and `.dbf`, or of each `.shp` of a directory.
//! - **CSV**, natively: read once to find types and boundaries of records, then ranges of bytes side by side. Known by its
//!   extension (`.csv`, `.tsv`, `.psv`); the geometry is a column of text or a pair of coordinates.
//! - **FlatGeobuf**, natively: ranges of features straight into Arrow columns, with an index those in a window only.
//! - **GeoParquet** and other Parquet with geometry, natively: row groups, or ranges of rows of large ones.
//! - **Arrow IPC** (Feather, GeoArrow), natively: record batches side by side.
//! - **GDAL** (feature `gdal`): every driver of the system's libgdal through its Arrow stream, in sequence; databases and
//!   services too, by connection strings such as `PG:host=…`, whose passwords no message repeats.
//!
//! # Samples
//! CSV, and FlatGeobuf with times, have to be read whole before the schema is known. [`OpenOptions::sample_from`] lets a
//! sample do for large files, which then are read once: what was concluded from the sample is proved while the rows are
//! read, and where the proof fails the file is opened again the slow way ([`Layer::is_sampled`]).
//!
//! [`resolve`] finds the files that patterns and directories stand for, and [`open_all`] makes one layer of them, with one
//! schema.
//!
//! Whatever the reader, geometry comes out as little-endian ISO WKB that has been walked and found sound; where it is
//! not, or where a value does not fit the type of its column, reading stops with a [`SourceError`] that names the place
//! and the way out. Nothing is dropped or bent silently. [`OnInvalid`] says what else can be done.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use std::path::Path;
//!
//! let layer = parcelle_source::open(Path::new("buildings.gpkg"), &Default::default())?;
//! let mut rows = 0;
//! for split in layer.splits(100_000)? {
//!     layer.read(&split, &mut |batch| {
//!         rows += batch.num_rows();
//!         ControlFlow::Continue(())
//!     })?;
//! }
//! println!("{rows} rows of {:?}", layer.schema());
//! # Ok::<(), parcelle_source::SourceError>(())
//! ```

#[cfg(all(feature = "gdal", feature = "sqlite-bundled"))]
compile_error!(
    "the features `gdal` and `sqlite-bundled` exclude each other: the system's libgdal brings the system's SQLite, and two \
     copies of SQLite in one process crash"
);

mod arrow_columns;
mod arrow_ipc;
mod connection;
mod csv;
mod curves;
mod date_time;
#[cfg(any(feature = "gdal", feature = "sqlite"))]
mod domain;
mod drivers;
mod error;
mod fingerprint;
mod flatgeobuf;
#[cfg(feature = "gdal")]
mod gdal_reader;
mod geojson;
mod geometry_field;
#[cfg(feature = "sqlite")]
mod gpkg;
mod inference;
mod inputs;
mod interrupt;
mod invalid;
mod names;
mod parquet_reader;
mod shapefile;
mod union;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use connection::without_secrets;
pub use curves::Curves;
pub use error::{GeometryReason, Place, RowPosition, SourceError};
pub use geometry_field::{FieldReference, with_crs};
pub use inputs::{DATA_ENDINGS, InputFile, Inputs, InputsError, resolve};
pub use interrupt::Interrupt;
pub use invalid::{InvalidValues, OnInvalid, Repair, Repaired};
pub use names::suggestion;
pub use union::open::{Opened, described, list_all, open_all};
pub use union::{LayerFiles, Side, UnionError};

/// What to open, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenOptions {
    /// Name of the layer; may be left out where there is only one.
    pub layer: Option<String>,
    /// Which reader to use.
    pub reader: Reader,
    /// Coordinate reference system to assign to the geometry, in place of what the file says: any text that
    /// [`parcelle_crs::Crs::from_definition`] understands.
    pub crs: Option<String>,
    /// Names of the columns to keep, beside geometry, which always stays; `None` keeps all. The order is the source's.
    pub select: Option<Vec<String>>,
    /// Only rows whose geometry may meet this window are wanted. It is a hint for readers with a spatial index, which
    /// then leave others out; any reader may also give rows outside, so the caller still has to look.
    pub window: Option<Window>,
    /// What becomes of geometry with curves; it is refused unless said otherwise.
    pub curves: Curves,
    /// What becomes of values that are not valid; a clone of it tells afterwards what was done.
    pub invalid: InvalidValues,
    /// Threads that may be busy while the layer is opened (formats without a schema are read once to find it); 0 means
    /// as many as there are cores.
    pub threads: usize,
    /// Stops the opening from another thread; it then ends with [`SourceError::Interrupted`].
    pub interrupt: Interrupt,
    /// Files of at least so many bytes may be opened by a sample of them, where the format does not say what has to be
    /// known of all rows: see [`Layer::is_sampled`]. `None` never does, and reads them whole.
    pub sample_from: Option<u64>,
}

impl OpenOptions {
    /// The number of threads that [`Self::threads`] means.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// A rectangle in the coordinates of the layer, borders included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Least x.
    pub xmin: f64,
    /// Least y.
    pub ymin: f64,
    /// Greatest x.
    pub xmax: f64,
    /// Greatest y.
    pub ymax: f64,
}

/// Which reader opens a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reader {
    /// The native reader of the format where there is one, else GDAL.
    #[default]
    Auto,
    /// The native reader only.
    Native,
    /// GDAL only.
    Gdal,
}

/// A layer of a file: what it holds, and how to read it.
pub trait Layer: Send + Sync {
    /// Its name in the file.
    fn name(&self) -> &str;

    /// What reads it: `GPKG` natively, or `GDAL/` and the short name of GDAL's driver.
    fn driver(&self) -> &str;

    /// The schema of its batches. A geometry column without coordinate reference system in its metadata has none that
    /// is known.
    fn schema(&self) -> SchemaRef;

    /// How many rows the source says it has, where it says so without being read.
    fn row_count_hint(&self) -> Option<u64>;

    /// Cuts the layer into splits of about `target_rows` rows or fewer. Together they hold every row once; one after the
    /// other they have the order of the source. They depend on the source and the target only.
    ///
    /// A layer that can only be read in sequence is one split, [`Split::sequential`].
    ///
    /// # Errors
    /// [`SourceError`] where the source cannot be read.
    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError>;

    /// Reads a split into `sink`, in batches of some thousand rows, until the end or until the sink breaks.
    ///
    /// # Errors
    /// [`SourceError`]; batches before the failing row may have been passed on.
    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError>;

    /// Size of the source in bytes, where it is a file.
    fn input_bytes(&self) -> Option<u64>;

    /// Whether the type of a column of the schema means something. It does not where the format declares no types and no row
    /// has a value: the column is text then, and all NULL.
    fn is_typed(&self, _column: usize) -> bool {
        true
    }

    /// How many rows there are, about: for whoever plans by it.
    fn row_count_estimate(&self) -> Option<u64> {
        self.row_count_hint()
    }

    /// Whether the schema, and where splits begin, were concluded from a sample of the file, as
    /// [`OpenOptions::sample_from`] allows. Reading then holds every value against it, and ends with
    /// [`SourceError::NotAsSampled`] where the whole file leads to anything else; [`Layer::prove`] has to be asked at the
    /// end. In either case the way on is to open the layer again without sampling. What was read until then is worth
    /// nothing, and errors may be others than those of a file that was read whole.
    fn is_sampled(&self) -> bool {
        false
    }

    /// Says, once every split was read to its end, that the layer is what opening it without sampling would have given.
    ///
    /// # Errors
    /// [`SourceError::NotAsSampled`] where it is not, or where not all was read.
    fn prove(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Gives back what is held for the next reading and can be had again, at the price of opening the source anew. Whoever
    /// has many layers open at a time calls it.
    fn release(&self) {}
}

/// Takes the batches of a split, in order; [`ControlFlow::Break`] stops the reading.
pub type BatchSink<'a> = &'a mut dyn FnMut(RecordBatch) -> ControlFlow<()>;

/// A part of a layer that can be read on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Its place in the order of the source.
    pub index: usize,
    /// Whether it is a whole layer that can only be read in sequence, and is of any size.
    pub sequential: bool,
    pub(crate) range: SplitRange,
}

/// Which rows a split has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SplitRange {
    /// All there are.
    Whole,
    /// Those with a row id from `first` to `last`, both included.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "only databases have row ids"))]
    RowIds {
        /// Lowest row id.
        first: i64,
        /// Highest row id.
        last: i64,
    },
    /// From `start` up to, not including, `end`; the reader knows of what: features, bytes, row groups.
    Range {
        /// The first.
        start: u64,
        /// The one after the last.
        end: u64,
    },
    /// Splits of layers that are united, one after the other.
    Members(Arc<[union::MemberSplit]>),
}

impl Split {
    /// The one split of a layer that is read in sequence.
    pub(crate) fn whole() -> Self {
        Self { index: 0, sequential: true, range: SplitRange::Whole }
    }
}

/// What a file says of one of its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Its name.
    pub name: String,
    /// How many rows it has, where the file says so without being read.
    pub rows: Option<u64>,
    /// The declared type of its geometry, such as `MULTIPOLYGON Z`; `None` for a table without geometry.
    pub geometry: Option<String>,
    /// Identity (`EPSG:2154`) or name of its coordinate reference system, where it has one.
    pub crs: Option<String>,
    /// Its columns without geometry, in order.
    pub fields: Vec<FieldInfo>,
}

/// A column of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name.
    pub name: String,
    /// Its type as the format names it.
    pub type_name: String,
}

/// Opens a layer of the file at `path`.
///
/// # Errors
/// [`SourceError::NotFound`] where there is no such file, [`SourceError::ConnectionString`] or
/// [`SourceError::MissingDriver`] where a database was meant that cannot be reached; other [`SourceError`]s where it cannot be read, or has no such layer.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Layer>, SourceError> {
    match choose(path, options.reader)? {
        Chosen::Native(driver) => match (driver.open)(path, options) {
            // GDAL brings the functions that SQLite lacks.
            #[cfg(feature = "gdal")]
            Err(SourceError::View { .. }) if options.reader == Reader::Auto => {
                Ok(Box::new(gdal_reader::GdalLayer::open(path, options)?))
            }
            opened => opened,
        },
        #[cfg(feature = "gdal")]
        Chosen::Gdal => Ok(Box::new(gdal_reader::GdalLayer::open(path, options)?)),
    }
}

/// The layers of the file at `path`, tables without geometry among them.
///
/// # Errors
/// [`SourceError::NotFound`] where there is no such file; other [`SourceError`]s where it cannot be read.
pub fn layers(path: &Path, reader: Reader) -> Result<Vec<LayerInfo>, SourceError> {
    match choose(path, reader)? {
        Chosen::Native(driver) => (driver.layers)(path),
        #[cfg(feature = "gdal")]
        Chosen::Gdal => gdal_reader::layers(path),
    }
}

/// The readers of this build.
enum Chosen {
    Native(&'static drivers::NativeDriver),
    #[cfg(feature = "gdal")]
    Gdal,
}

fn choose(path: &Path, reader: Reader) -> Result<Chosen, SourceError> {
    // GDAL's virtual file systems are no files of the operating system.
    let virtual_file = cfg!(feature = "gdal") && path.starts_with("/vsi");
    let virtual_file = virtual_file || (cfg!(feature = "gdal") && path.to_string_lossy().starts_with("/vsi"));
    if !virtual_file {
        let kind = match (std::fs::metadata(path), connection::prefix(path)) {
            (Ok(kind), _) => kind,
            (Err(_), Some(prefix)) => return connected(path, prefix, reader),
            (Err(error), None) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SourceError::NotFound { path: path.to_owned() });
            }
            (Err(error), None) => {
                return Err(SourceError::Unreadable { path: path.to_owned(), reason: error.to_string() });
            }
        };
        // Some formats are directories. Opening a pipe would wait for its other end, and a device may have no end.
        if !kind.is_file() && !kind.is_dir() {
            let reason = "neither a regular file nor a directory".to_owned();
            return Err(SourceError::Unreadable { path: path.to_owned(), reason });
        }
    }
    if !virtual_file
        && reader != Reader::Gdal
        && let Some(driver) = drivers::find(path)?
    {
        return Ok(Chosen::Native(driver));
    }
    if !virtual_file && std::fs::metadata(path).is_ok_and(|kind| kind.is_file() && kind.len() == 0) {
        return Err(SourceError::Unreadable { path: path.to_owned(), reason: "the file is empty".to_owned() });
    }
    if reader == Reader::Native {
        return Err(SourceError::NoNativeReader { path: path.to_owned() });
    }
    #[cfg(feature = "gdal")]
    return Ok(Chosen::Gdal);
    #[cfg(not(feature = "gdal"))]
    Err(SourceError::NoGdal { path: path.to_owned() })
}

/// The reader of a database or service, which is GDAL's where it has the driver.
fn connected(path: &Path, prefix: String, reader: Reader) -> Result<Chosen, SourceError> {
    if reader == Reader::Native {
        return Err(SourceError::NoNativeReader { path: without_secrets(path) });
    }
    #[cfg(feature = "gdal")]
    parcelle_crs::gdal_ready().map_err(|reason| SourceError::GdalMissing { path: without_secrets(path), reason })?;
    #[cfg(feature = "gdal")]
    match connection::driver(&prefix) {
        Some(driver) if gdal_reader::has_driver(driver) => Ok(Chosen::Gdal),
        Some(driver) => Err(SourceError::MissingDriver { prefix, driver }),
        None => Err(SourceError::ConnectionString { prefix }),
    }
    #[cfg(not(feature = "gdal"))]
    Err(SourceError::ConnectionString { prefix })
}

#[cfg(test)]
#[cfg(feature = "gdal")]
mod driver_tests;

#[cfg(test)]
#[cfg(feature = "gdal")]
mod postgis_tests;
#[cfg(test)]
#[cfg(feature = "gdal")]
mod tests;

//! What can go wrong between a file and its record batches.

use std::fmt;
use std::path::PathBuf;

use parcelle_crs::CrsError;
use parcelle_geometry::{WkbError, WktError};

use crate::connection::known_prefixes;

use crate::inputs::InputsError;
use crate::union::UnionError;

/// Why a source could not be read. Each message names the place, the reason and the way out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    #[error("{}: no such file or directory", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// What was asked for looks like a connection string of GDAL, and is none of a kind that is known, or GDAL is not in
    /// this build. What follows the prefix may hold a password, and is not repeated.
    #[error(
        "{prefix}:…: no file of that name can be read, and no database or service: with GDAL those behind {} can. Otherwise \
         export the layer to a GeoPackage first, and convert that",
        known_prefixes()
    )]
    ConnectionString {
        /// What stands before the first colon, such as `PG`.
        prefix: String,
    },
    /// A connection string for which this libgdal has no driver.
    #[error(
        "{prefix}:…: this libgdal has no driver {driver} (see `ogrinfo --formats`): install a libgdal that has it, or export \
         the layer to a GeoPackage first, and convert that"
    )]
    MissingDriver {
        /// What stands before the first colon, such as `PG`.
        prefix: String,
        /// Short name of the driver.
        driver: &'static str,
    },
    /// The operating system refuses to read the file.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A file that does not follow its format.
    #[error("{}: {format}: {reason}; {advice}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
        /// The way out.
        advice: String,
    },
    /// The opening was stopped from another thread.
    #[error("interrupted")]
    Interrupted,
    /// A native reader was asked for, and there is none for this format.
    #[error(
        "{}: this format has no native reader: leave the choice of the reader open (--reader auto), or convert the file to \
         GeoPackage first",
        path.display()
    )]
    NoNativeReader {
        /// The file.
        path: PathBuf,
    },
    /// The format needs GDAL, which is not in this build.
    #[error(
        "{}: without GDAL only GeoPackage, Shapefile, FlatGeobuf, GeoJSON, CSV, GeoParquet and Arrow IPC can be read: use a build \
         with the feature `gdal`, or convert the file to one of these first",
        path.display()
    )]
    NoGdal {
        /// The file.
        path: PathBuf,
    },
    /// The format needs GDAL, which is not on this machine.
    #[error("{}: it can only be read through GDAL: {reason}", path.display())]
    GdalMissing {
        /// The file.
        path: PathBuf,
        /// Why, and the way out.
        reason: String,
    },
    /// A database that is damaged, or does not follow its format.
    #[error(
        "{}: the GeoPackage is damaged or incomplete: {reason}. Get the file again from its source, or repair it with \
         `sqlite3 {} .recover`",
        path.display(), path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// SQLite refuses to open or read the database, which need not be damaged.
    #[error("{}: the GeoPackage cannot be read: {reason}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says, and the way out where there is one.
        reason: String,
    },
    /// The file changed between opening it and the end of reading.
    #[error("{}: the file changed while it was read: close the program that writes to it, and try again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// What was concluded from a sample of the file does not hold for all of it ([`Layer::is_sampled`](crate::Layer)).
    #[error("{}: not all of the file is as a sample of it: {reason}; it has to be read without sampling", path.display())]
    NotAsSampled {
        /// The file.
        path: PathBuf,
        /// What is different.
        reason: String,
    },
    /// There is nothing to read in the file.
    #[error("{}: the file has no vector layers", path.display())]
    NoLayers {
        /// The file.
        path: PathBuf,
    },
    /// There is a choice to be made.
    #[error("{}: the file has several layers, choose one with --layer: {}", path.display(), .available.join(", "))]
    SeveralLayers {
        /// The file.
        path: PathBuf,
        /// Names of the layers with geometry.
        available: Vec<String>,
    },
    /// There is no layer of that name.
    #[error(
        "{}: there is no layer {layer:?}{}; the layers are: {}",
        path.display(), did_you_mean(.suggestion), .available.join(", ")
    )]
    UnknownLayer {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        layer: String,
        /// The most similar name, if one is similar.
        suggestion: Option<String>,
        /// Names of the layers.
        available: Vec<String>,
    },
    /// The layer has no column of a name that was to be kept.
    #[error(
        "{}: layer {layer} has no column {column:?}{}; the columns are: {}",
        path.display(), did_you_mean(.suggestion), .available.join(", ")
    )]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// What was asked for.
        column: String,
        /// The most similar name, if one is similar.
        suggestion: Option<String>,
        /// Names of the columns.
        available: Vec<String>,
    },
    /// The layer is a table without geometry.
    #[error(
        "{}: layer {layer} has no geometry, so it cannot become GeoParquet: choose a layer with geometry, or convert the \
         table with a tool for plain Parquet",
        path.display()
    )]
    NoGeometry {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
    },
    /// No column of the table is known to hold geometry.
    #[error(
        "{}: no column holds geometry, so it cannot become GeoParquet; looked for: {wanted}. Rename the geometry column \
         in the source, or convert the table with a tool for plain Parquet. The columns are: {}",
        path.display(), .columns.join(", ")
    )]
    NoGeometryColumn {
        /// The file.
        path: PathBuf,
        /// Names of the columns, or the first of them.
        columns: Vec<String>,
        /// What is looked for.
        wanted: String,
    },
    /// The layer is a view that SQLite cannot evaluate on its own.
    #[error(
        "{}: layer {layer} is a view that needs more than SQLite: {reason}. Read it with GDAL (--reader gdal), or save the \
         view as a table with the program that made it",
        path.display()
    )]
    View {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// What SQLite says.
        reason: String,
    },
    /// The coordinate reference system of the layer cannot be resolved.
    #[error("{}: coordinate reference system of layer {layer}: {reason}; assign one with --crs", path.display())]
    Crs {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The coordinate reference system that was to be assigned is not one.
    #[error("--crs: {reason}")]
    AssignedCrs {
        /// What is wrong with it.
        #[source]
        reason: CrsError,
    },
    /// A value does not fit the type of its column.
    #[error(
        "{place}: {found} is no valid {declared}: correct the value in the source, or leave the column out with --select"
    )]
    Value {
        /// Where the value is.
        place: Box<Place>,
        /// The type the column was declared with.
        declared: String,
        /// The value, shortened.
        found: String,
    },
    /// An integer that a 64-bit float does not hold exactly, in a column that becomes one.
    #[error(
        "{place}: {found} would be rounded: numbers in fields of more than 18 digits, here {declared}, become 64-bit floats where 64-bit integers do not \
         hold all of them. Write the column as text in the source, leave it out with --select, or have such values be NULL with --on-invalid null"
    )]
    Rounded {
        /// Where the value is.
        place: Box<Place>,
        /// The type the column was declared with.
        declared: String,
        /// The value.
        found: String,
    },
    /// Text that is not in the encoding that the file is declared to be in.
    #[error(
        "{place}: {found} is not text in {encoding}, which goes by {declared_by}: write the encoding that it is in into the \
         .cpg file beside it, such as UTF-8 or 1252, or leave the column out with --select"
    )]
    Encoding {
        /// Where the value is.
        place: Box<Place>,
        /// Name of the encoding.
        encoding: String,
        /// What says that it is the encoding, such as the name of a file.
        declared_by: String,
        /// The value, shortened.
        found: String,
    },
    /// A geometry cannot be read.
    #[error("{place}: {reason}")]
    Geometry {
        /// Where it is.
        place: Box<Place>,
        /// What is wrong with it, and the way out.
        reason: GeometryReason,
    },
    /// A value that should be kept, and cannot.
    #[error(
        "{reason} (--on-invalid keep: GeoParquet cannot carry it as it is; with --on-invalid null it becomes NULL)"
    )]
    NotKept {
        /// What is wrong with it.
        reason: Box<SourceError>,
    },
    /// A column of a type that has no place in Parquet.
    #[error(
        "{}: layer {layer}, column {column}: type {data_type} cannot be stored in Parquet: leave the column out with \
         --select",
        path.display()
    )]
    UnsupportedColumn {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// GDAL cannot open the file.
    #[error(
        "{}: GDAL cannot open it as vector data: {message}. Check it with `ogrinfo {}`; the format may need a driver that \
         this libgdal does not have (`ogrinfo --formats`)",
        path.display(), path.display()
    )]
    GdalOpen {
        /// The file.
        path: PathBuf,
        /// What GDAL said.
        message: String,
    },
    /// GDAL opened the file, and reported that it could not read all of it.
    #[error(
        "{}: GDAL cannot read all of it: {message}. Where GDAL names an option, set it as an environment variable; otherwise \
         the file is damaged or incomplete: get it again from its source",
        path.display()
    )]
    GdalIncomplete {
        /// The file.
        path: PathBuf,
        /// What GDAL said.
        message: String,
    },
    /// GDAL failed while reading.
    #[error(
        "{}: layer {layer}: GDAL failed after {rows} rows: {message}. Where GDAL names an option, set it as an environment \
         variable; otherwise the file is damaged or incomplete: get it again from its source",
        path.display()
    )]
    GdalRead {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Rows read before.
        rows: u64,
        /// What GDAL said.
        message: String,
    },
    /// An input stands for no files.
    #[error(transparent)]
    Inputs(InputsError),
    /// Several files cannot be one dataset.
    #[error(transparent)]
    Union(Box<UnionError>),
    /// Rows could not be put together to a batch, or the split is not one of this layer.
    #[error("{}: layer {layer}: {reason}", path.display())]
    Batch {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// What is wrong.
        reason: String,
    },
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!(", did you mean {name:?}?"))
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The layer.
    pub layer: String,
    /// The column.
    pub column: String,
    /// The row.
    pub row: RowPosition,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, layer, column, row } = self;
        write!(formatter, "{}: layer {layer}, column {column}, {row}", path.display())
    }
}

/// Where in a layer a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowPosition {
    /// By its row id in the database.
    RowId(i64),
    /// By its number in the order of the source, from 1.
    Number(u64),
    /// By the line of the text it begins on, from 1.
    Line(u64),
}

impl fmt::Display for RowPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowId(id) => write!(formatter, "rowid {id}"),
            Self::Number(number) => write!(formatter, "row number {number}"),
            Self::Line(line) => write!(formatter, "line {line}"),
        }
    }
}

/// Why a geometry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryReason {
    /// Curves and patches cannot be expressed in GeoParquet.
    #[error("{name} {}", straightened(.name))]
    Curve {
        /// Name of the geometry type.
        name: String,
    },
    /// Positions have times, which WKB cannot express.
    #[error(
        "its positions have time ordinates (T or TM), which GeoParquet cannot carry: keep the times in a column or as M, \
         and leave them out of the geometry"
    )]
    TimeOrdinates,
    /// The WKB is not sound.
    #[error("the WKB cannot be read ({0}): correct or delete the row in the source")]
    Wkb(WkbError),
    /// The value is no GeoPackage geometry (OGC 12-128r18, clause 2.1.3).
    #[error("not a GeoPackage geometry ({reason}): correct or delete the row in the source")]
    Blob {
        /// What is wrong with the header.
        reason: String,
    },
    /// The record is no shape (ESRI Shapefile Technical Description).
    #[error("the shape cannot be read ({reason}): correct or delete the record in the source")]
    Shape {
        /// What is wrong with it.
        reason: String,
    },
    /// Surfaces of triangles have no place in GeoParquet.
    #[error(
        "a MultiPatch, whose triangles and rings are no geometry of GeoParquet: convert it first, such as with \
         `ogr2ogr -nlt MULTIPOLYGONZ polygons.gpkg …`"
    )]
    MultiPatch,
    /// A text that should say a geometry does not.
    #[error("{format} cannot be read ({reason}): correct the value in the source, or leave it empty")]
    Text {
        /// What it should be.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A geometry of an extension that is not in the standard.
    #[error(
        "an ExtendedGeoPackageBinary geometry, whose content only the program that wrote it knows: convert the layer with \
         that program first"
    )]
    ExtendedBlob,
}

/// Why curves and patches are refused, and the way out.
fn straightened(name: &str) -> &'static str {
    let has_patches = ["PolyhedralSurface", "TIN", "Triangle"].iter().any(|other| name.eq_ignore_ascii_case(other));
    if has_patches {
        "is a surface of patches, for which GeoParquet has no type: convert it first, such as with \
         `ogr2ogr -nlt MULTIPOLYGONZ polygons.gpkg …`"
    } else {
        "is not a geometry of straight segments: have its curves approximated by straight segments (--linearize)"
    }
}

impl From<WktError> for GeometryReason {
    fn from(error: WktError) -> Self {
        match error {
            WktError::Curve { name } => Self::Curve { name: name.to_owned() },
            error => Self::Text { format: "WKT", reason: error.to_string() },
        }
    }
}

impl From<WkbError> for GeometryReason {
    fn from(error: WkbError) -> Self {
        match error {
            WkbError::Curve { name } => Self::Curve { name: name.to_string() },
            other => Self::Wkb(other),
        }
    }
}

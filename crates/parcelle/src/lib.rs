//! Convert vector extracts to GeoParquet, and check rasters for cloud and GeoServer use.
//!
//! This is the one crate a pipeline links. It has two journeys, each a function that gives a builder:
//!
//! - [`convert()`]: a layer of any size to GeoParquet, in parallel and in bounded memory; [`convert_many`] the layers of many
//!   files to one dataset, and [`Convert::run_layers`] every layer to a file of its own;
//! - [`check()`]: what is wrong with GeoTIFFs and virtual rasters, why, and the command that mends it.
//!
//! [`info()`] says what a file is, without a judgement.
//!
//! # Convert
//! ```
//! # let directory = std::env::temp_dir().join(format!("parcelle-doc-convert-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let input = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vector/column_types.gpkg");
//! # let output = directory.join("out.parquet");
//! let summary = parcelle::convert(input, &output).threads(2).run()?;
//! println!("{} rows in {} row groups", summary.rows, summary.row_groups);
//! # assert!(output.exists() && summary.rows > 0);
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Check
//! ```
//! # let input = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cog/good_classic_little_endian.tif");
//! let report = parcelle::check([input]).run()?;
//! for file in &report.files {
//!     println!("{}: {}", file.path, file.verdict.as_str());
//!     for finding in &file.findings {
//!         println!("  {} {}", finding.rule.id, finding.message);
//!     }
//! }
//! # assert_eq!(report.summary.error + report.summary.warning, 0, "{report:?}");
//! # Ok::<(), parcelle::CheckError>(())
//! ```
//!
//! # Features
//! - `gdal` (default): every vector driver of the system's libgdal (3.6 or newer), its register of coordinate
//!   reference systems, and PROJ for reprojection. GeoPackages are read natively, with the system's SQLite, which libgdal uses too.
//! - `sqlite-bundled`: GeoPackages without any C library but those that cargo builds. It excludes `gdal`: two copies of
//!   SQLite in one process crash. Use it with `default-features = false`.
//! - `http` (default): [`check()`] takes URLs, see [`http`].

mod check;
mod convert;
mod expression;
mod info;
mod memory;

pub use check::{
    Answer, Check, CheckError, Example, FileObserver, Profile, TOOL, check, example, fix_script, profiles_of, rule,
    rules, wording,
};
pub use convert::{
    Convert, ConvertError, ConvertSummary, FailedLayer, LayersSummary, LostPosition, Progress, ProgressFn,
    RepairedValues, ReprojectionError, SkippedLayer, StageError, StageTimes, convert, convert_many,
};

pub use expression::ExpressionError;
pub use info::{InfoError, Information, info};
#[cfg(feature = "gdal")]
pub use parcelle_crs::{GdalLoader, load_gdal_with, load_proj_with};
pub use parcelle_geoparquet::{
    CancelToken, Compression, Covering, Encoding, GeoParquetVersion, Orientation, PartitionNames, Partitioning, Preset,
    Sort, WriteError,
};
pub use parcelle_raster::Depth;
pub use parcelle_raster::cog::Class as OgcClass;
pub use parcelle_raster::geoserver::Version as GeoserverVersion;
pub use parcelle_raster::vrt::{GdalVersion, NEWEST_KNOWN_GDAL, parse_gdal_version};
pub use parcelle_report as report;
pub use parcelle_source::{FieldInfo, LayerInfo, OnInvalid, Reader, SourceError, Window, layers};
pub use parcelle_storage::archive::ArchiveError;
#[cfg(feature = "http")]
pub use parcelle_storage::http;
pub use parcelle_storage::{ByteSource, Files, LocalFile, Usage, keep_guarded_panics_quiet};

/// Version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

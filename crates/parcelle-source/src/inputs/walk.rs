//! The data files below a directory.
//!
//! A file is data if a native reader takes it (by its content, or the ending where the format has no other sign), or if its
//! ending is one of [`DATA_ENDINGS`]: formats that GDAL reads, and which nothing else is called by; and those with a native reader,
//! so that a file that is empty or damaged is an error, and not left out. GDAL itself is not asked what it thinks of each file:
//! it takes ISO metadata for GML, and images for layers.
//!
//! Archives are noted and not unpacked: they often lie beside what was unpacked from them.
//!
//! Passed over are names that begin with `.` or `_` (temporary files, indexes, markers: the convention of Hive and Spark), and
//! what belongs to a Shapefile. Links are followed; one that leads back to a directory above it leads to nothing new.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::drivers::{self, has_extension};
use crate::error::SourceError;

/// Endings, in lower case and without the dot, that nothing but vector data has.
pub const DATA_ENDINGS: &[&str] = &[
    "gpkg",
    "shp",
    "fgb",
    "geojson",
    "geojsonl",
    "geojsons",
    "parquet",
    "geoparquet",
    "arrow",
    "arrows",
    "feather",
    "gml",
    "kml",
    "kmz",
    "tab",
    "mif",
    "gpx",
    "dxf",
    "dgn",
    "sqlite",
    "topojson",
    "jml",
    "gxt",
    "osm",
    "pbf",
    "000",
];

/// Directories that are one dataset.
const DATASET_ENDINGS: [&str; 1] = ["gdb"];

/// Whether a directory is one dataset, by its name.
pub(super) fn is_dataset(directory: &Path) -> bool {
    has_extension(directory, &DATASET_ENDINGS)
}

/// What is below a directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// A `.dbf` that belongs to no Shapefile.
    pub(super) tables: Vec<PathBuf>,
    /// Archives, which are not unpacked here.
    pub(super) archives: Vec<PathBuf>,
}

/// The data below a directory, in the order of paths.
pub(super) fn walk(directory: &Path) -> Result<Found, SourceError> {
    let mut found = Found::default();
    let mut entries = WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                return Err(SourceError::Unreadable { path, reason });
            }
        };
        let is_directory = entry.file_type().is_dir();
        if entry.depth() > 0 && is_passed_over(&entry) {
            if is_directory {
                entries.skip_current_dir();
            }
        } else if is_directory {
            if entry.depth() > 0 && is_dataset(entry.path()) {
                entries.skip_current_dir();
                found.files.push(entry.into_path());
            }
        } else if entry.file_type().is_file() {
            look_at(entry.into_path(), &mut found)?;
        }
    }
    Ok(found)
}

fn is_passed_over(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    name.starts_with(b".") || name.starts_with(b"_")
}

fn look_at(path: PathBuf, found: &mut Found) -> Result<(), SourceError> {
    if has_extension(&path, &["shx"]) {
        return Ok(());
    }
    if has_extension(&path, &["dbf"]) {
        if crate::shapefile::is_table_alone(&path)? {
            found.tables.push(path);
        }
        return Ok(());
    }
    if parcelle_storage::archive::is_archive(&path) {
        found.archives.push(path);
        return Ok(());
    }
    if has_extension(&path, DATA_ENDINGS) || drivers::find(&path)?.is_some() {
        found.files.push(path);
    }
    Ok(())
}

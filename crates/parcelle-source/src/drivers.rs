//! The native readers of this build, and which of them reads a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::SourceError;
use crate::{Layer, LayerInfo, OpenOptions};

/// Bytes at the start of a file by which formats are told apart.
const HEAD_BYTES: u64 = 4096;

/// Opens a layer.
type Open = fn(&Path, &OpenOptions) -> Result<Box<dyn Layer>, SourceError>;

/// A native reader.
pub(crate) struct NativeDriver {
    /// Whether it reads the file with this name and these first bytes (at most [`HEAD_BYTES`]; none for a directory).
    /// Content decides where a format can be known by it; the name only where it cannot.
    pub(crate) recognises: fn(&Path, &[u8]) -> Result<bool, SourceError>,
    /// Opens a layer.
    pub(crate) open: Open,
    /// Lists the layers.
    pub(crate) layers: fn(&Path) -> Result<Vec<LayerInfo>, SourceError>,
}

/// In the order in which they are asked.
static DRIVERS: &[NativeDriver] = &[
    #[cfg(feature = "sqlite")]
    NativeDriver {
        recognises: |path, _| crate::gpkg::is_geopackage(path),
        open: |path, options| Ok(Box::new(crate::gpkg::GeoPackageLayer::open(path, options)?)),
        layers: crate::gpkg::layers,
    },
    NativeDriver {
        recognises: crate::geojson::is_geojson,
        open: |path, options| Ok(Box::new(crate::geojson::GeoJsonLayer::open(path, options)?)),
        layers: crate::geojson::layers,
    },
    NativeDriver {
        recognises: crate::shapefile::recognises,
        open: |path, options| Ok(Box::new(crate::shapefile::ShapefileLayer::open(path, options)?)),
        layers: crate::shapefile::layers,
    },
    NativeDriver {
        recognises: |path, head| Ok(crate::csv::recognises(path, head)),
        open: |path, options| Ok(Box::new(crate::csv::CsvLayer::open(path, options)?)),
        layers: crate::csv::layers,
    },
    NativeDriver {
        recognises: |_, head| Ok(crate::flatgeobuf::is_flatgeobuf(head)),
        open: |path, options| Ok(Box::new(crate::flatgeobuf::FlatGeobufLayer::open(path, options)?)),
        layers: crate::flatgeobuf::layers,
    },
    NativeDriver {
        recognises: |_, head| Ok(crate::parquet_reader::is_parquet(head)),
        open: |path, options| Ok(Box::new(crate::parquet_reader::ParquetLayer::open(path, options)?)),
        layers: crate::parquet_reader::layers,
    },
    NativeDriver {
        recognises: crate::arrow_ipc::recognises,
        open: |path, options| Ok(Box::new(crate::arrow_ipc::ArrowLayer::open(path, options)?)),
        layers: crate::arrow_ipc::layers,
    },
];

/// The native reader of a file that exists, if there is one.
pub(crate) fn find(path: &Path) -> Result<Option<&'static NativeDriver>, SourceError> {
    let head = head(path)?;
    for driver in DRIVERS {
        if (driver.recognises)(path, &head)? {
            return Ok(Some(driver));
        }
    }
    Ok(None)
}

fn head(path: &Path) -> Result<Vec<u8>, SourceError> {
    let mut head = Vec::new();
    if path.is_dir() {
        return Ok(head);
    }
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    match read {
        Ok(_) => Ok(head),
        Err(error) => Err(SourceError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// Whether the name of a file ends in one of these extensions (lower case, without the dot), in any case of letters.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_compared_without_case() {
        assert!(has_extension(Path::new("a.GeoJSON"), &["geojson", "json"]));
        assert!(!has_extension(Path::new("geojson"), &["geojson"]));
    }
}

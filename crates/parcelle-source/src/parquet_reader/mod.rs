//! The native reader of GeoParquet (0.x to 2.x), and of other Parquet with geometry: row groups side by side.
//!
//! | module | is |
//! |---|---|
//! | [`mod@file`] | the file: is it whole, positioned reads, the footer |
//! | [`geometry`] | which columns are geometry, how they are stored, in which reference system |
//! | [`arrow_columns`](crate::arrow_columns) | the columns of the file as parcelle's |
//! | [`window`] | row groups that cannot meet a window |
//! | [`splits`] | ranges of rows |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |
//!
//! A file is known by its first bytes. It has one layer, with the name of the file. Columns stay as they are, with these
//! exceptions: geometry becomes WKB, and the primary geometry column changes places with the first one where it is not
//! the first; a covering that the file declares is left out, as the writer makes a new one; dictionaries become their
//! values. The epoch and the orientation of a `geo` entry, which have no place in an Arrow type, become metadata of the field
//! ([`EPOCH_KEY`](parcelle_geometry::EPOCH_KEY), [`ORIENTATION_KEY`](parcelle_geometry::ORIENTATION_KEY)).

mod file;
mod geometry;
#[cfg(test)]
mod hostile_tests;
mod layer;
mod splits;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod window;

use std::path::Path;

pub(crate) use file::is_parquet;
pub(crate) use layer::ParquetLayer;

use crate::LayerInfo;
use crate::arrow_columns::listing;
use crate::error::SourceError;
use file::ParquetFile;

/// The layer of a file.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let file = ParquetFile::open(path)?;
    let metadata = file.metadata()?;
    let columns = geometry::find(&file, &metadata)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
    Ok(vec![listing::layer_info(path, metadata.schema(), &columns, rows)])
}

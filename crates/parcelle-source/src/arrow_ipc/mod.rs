//! The native reader of Arrow IPC (Arrow columnar format 1.x): files, which Feather version 2 is too, and streams; with
//! geometry as GeoArrow, WKB or WKT.
//!
//! | module | is |
//! |---|---|
//! | [`mod@file`] | the file: which messages it has, and where |
//! | [`buffers`] | what a message claims, before it is believed |
//! | [`layer`] | record batches as a [`Layer`](crate::Layer) |
//!
//! A file is known by its first bytes (`ARROW1`), a stream by its first message, which is a schema. Either way the
//! places of all messages are found first, without reading their bodies; record batches are then read side by side. Only
//! a stream that changes a dictionary between its batches is read in sequence.
//!
//! Which columns are geometry, and what becomes of the others, is as with [Parquet](crate::parquet_reader): the schema may
//! have a `geo` entry, as geopandas writes it.

mod buffers;
mod file;
mod layer;
#[cfg(test)]
mod tests;

use std::path::Path;

use arrow::array::{Array, RecordBatch};

pub(crate) use file::recognises;
pub(crate) use layer::ArrowLayer;

use crate::arrow_columns::geo::{GEO_KEY, GeoMetadata};
use crate::arrow_columns::geometry::{
    Encoding, GeometryColumn, is_named_wkb, of_extension, of_geo, points, primary_first,
};
use crate::arrow_columns::listing;
use crate::arrow_columns::wkb_column::normalised;
use crate::error::SourceError;
use crate::{Curves, LayerInfo};
use file::ArrowFile;

/// Record batches that are searched for a first value.
const SEARCHED_BATCHES: usize = 4;

/// The geometry columns of a file, the primary one first; none where there are none.
fn geometry(file: &ArrowFile) -> Result<Vec<GeometryColumn>, SourceError> {
    let schema = file.schema();
    let malformed = |reason: String| file.malformed(reason);
    let geo = GeoMetadata::read(schema.metadata().get(GEO_KEY).map(String::as_str).into_iter()).map_err(malformed)?;
    let mut columns = Vec::new();
    for (root, field) in schema.fields().iter().enumerate() {
        let column = match geo.as_ref().and_then(|geo| geo.column(field.name())) {
            Some(said) => Some(of_geo(root, field, said, None)),
            None => of_extension(root, field).transpose(),
        };
        columns.extend(column.transpose().map_err(malformed)?);
    }
    primary_first(&mut columns, geo.as_ref()).map_err(malformed)?;
    if columns.is_empty() {
        for (root, field) in schema.fields().iter().enumerate() {
            if is_named_wkb(field) && begins_with_wkb(file, root)? {
                columns.push(GeometryColumn::new(root, field, Encoding::Wkb));
            }
        }
    }
    if columns.is_empty() {
        columns.extend(points(schema.fields()));
    }
    Ok(columns)
}

/// Whether the first value of a column is WKB.
fn begins_with_wkb(file: &ArrowFile, root: usize) -> Result<bool, SourceError> {
    let mut found = None;
    let batches = 0..file.batches().len().min(SEARCHED_BATCHES);
    file.read(batches, &[root], &mut |_, batch: RecordBatch| {
        let column = batch.columns().first();
        found = column.and_then(|array| {
            let row = (0..array.len()).find(|row| array.is_valid(*row))?;
            Some(normalised(&array.slice(row, 1), &Curves::linearised(), &mut |_, _| false).is_ok())
        });
        Ok(found.is_none())
    })?;
    Ok(found.unwrap_or(false))
}

/// The layer of a file.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let file = ArrowFile::open(path)?;
    let columns = geometry(&file)?;
    Ok(vec![listing::layer_info(path, file.schema(), &columns, Some(file.rows()))])
}

//! The native reader of GeoJSON (RFC 7946), newline-delimited GeoJSON and GeoJSON text sequences (RFC 8142).
//!
//! The format has no schema, so the file is read twice: when it is opened, by all threads, to find the records and what
//! their values are; and split by split when its rows are wanted. Neither pass holds more than some megabytes
//! for each thread, or one feature if that is larger (1 GiB at most).
//!
//! | module | is |
//! |---|---|
//! | [`recognise`] | is a file GeoJSON |
//! | [`source`] | the file: positioned reads, has it changed |
//! | [`json`] | the tokenizer |
//! | [`envelope`] | what is around the records: layout, `name`, `crs` |
//! | [`survey`] | the first pass: parallel, joined in the order of the file |
//! | [`record`], [`geometry`], [`temporal`] | one record; its coordinates as WKB; its dates |
//! | [`inference`] | the schema |
//! | [`index`] | where rows begin |
//! | [`columns`] | records into Arrow columns |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |
//!
//! # What becomes of what
//! - **Columns** are all properties of all features, in order of first appearance in the file; a feature without one has
//!   NULL. Types are those of [`crate::inference`], found over all values: integers of 64 bits, floats, booleans, dates
//!   and times of ISO 8601, or with slashes as GDAL writes them (times with a zone as instants in UTC), else text. A column of nulls only is text. An
//!   integer of more than 64 bits, or a number too large for a float, makes its column text of the numbers as written.
//! - **Objects and arrays** make their column JSON text (extension type `arrow.json`), every value as it is written,
//!   with its white space, strings with their quotes.
//! - **A property twice in a feature** is refused, as is any other member that matters: one of the two would be lost.
//! - **`id`** of the features is a first column `id`, without dates; `feature_id` where a property is called so (in any case
//!   of letters), and with a number after it where that is taken too.
//! - **Geometry** is the last column, `geometry`; `wkb_geometry` (as GDAL names it) where a property is called so.
//!   A missing geometry is NULL, one without coordinates is empty.
//! - **Foreign members** of features and `bbox` are passed over (RFC 7946, section 6.1).
//! - **The reference system** is OGC:CRS84, or what the member `crs` of the root object says (GeoJSON 2008). A feature with
//!   a `crs` of its own is refused, unless one is assigned.

mod columns;
mod envelope;
mod geometry;
mod index;
mod inference;
mod json;
mod layer;
mod recognise;
mod record;
mod source;
mod survey;
mod temporal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;

use std::path::Path;

pub(crate) use layer::GeoJsonLayer;
pub(crate) use recognise::is_geojson;

use crate::error::SourceError;
use crate::{LayerInfo, OpenOptions};

/// Appends the WKB of a geometry that is a text of its own, such as a field of a CSV file.
///
/// # Errors
/// What is wrong with the text, and at which byte.
pub(crate) fn append_wkb(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let mut cursor = json::Cursor::new(text);
    cursor.space();
    let written = geometry::GeometryWriter::default().write(&mut cursor, out).and_then(|()| {
        cursor.space();
        if cursor.at < text.len() { cursor.fault("more text follows the geometry") } else { Ok(()) }
    });
    written.map_err(|json::Fault { at, reason }| match reason {
        json::Reason::End => format!("it ends at byte {at}, before the JSON text does"),
        json::Reason::Text(text) => format!("byte {at}: {text}"),
    })
}

/// The one layer of a file. It has to be read for that.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    Ok(vec![GeoJsonLayer::open(path, &OpenOptions::default())?.info()])
}

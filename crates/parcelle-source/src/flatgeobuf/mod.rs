//! The native FlatGeobuf reader (specification 3.x, flatgeobuf.org): ranges of features straight into Arrow columns.
//!
//! A file is a header, a packed R-tree if it has an index, and the features one after the other, each behind its length.
//! The leaves of the tree are in the order of the features and hold their boxes and offsets: they give splits, and with a
//! window the features that may meet it. A file without index is read through once for the lengths alone.
//!
//! What FlatGeobuf leaves open, and what is made of it here:
//! - `DateTime` is text of ISO 8601, with or without time zone. All values of a file are looked at when it is opened (or, of a large one, some, and the others when they are read):
//!   columns with zones become instants in UTC, columns without stay times on the clock, in milliseconds, or in
//!   microseconds where that is needed. A column that mixes both, or has text that is none, is refused.
//! - Features may declare columns of their own. Where the header has none, the layer has those of all features, in the
//!   order in which they first appear.
//! - A geometry's own type comes before that of the header, and its z and m count even where the header denies them.
//! - Times of positions (T, TM) have no place in WKB, and are refused.
//!
//! | module | is |
//! |---|---|
//! | [`table`] | the flatbuffers encoding, checked against the bytes there are |
//! | [`header`] | what the header says: geometry, columns, reference system |
//! | [`file`](mod@file) | the file: positioned reads, where its parts are, has it changed |
//! | [`index`] | the packed R-tree |
//! | [`features`] | features by their number, one after the other |
//! | [`geometry`] | a geometry as WKB |
//! | [`columns`], [`values`] | properties into Arrow columns |
//! | [`date_times`] | what the `DateTime` values of a column have in common |
//! | [`survey`] | one look at all features, where the header does not say enough |
//! | [`sample`] | in its place for large files: a look at some features, and whether it holds for the others |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |

mod columns;
mod date_times;
mod features;
mod file;
mod geometry;
mod header;
mod index;
#[cfg(test)]
mod invalid_tests;
mod layer;
mod sample;
#[cfg(test)]
mod sample_tests;
mod survey;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

pub(crate) use layer::FlatGeobufLayer;

use crate::LayerInfo;
use crate::error::SourceError;

/// Whether a file begins as every FlatGeobuf does, of whatever version.
pub(crate) fn is_flatgeobuf(head: &[u8]) -> bool {
    matches!(head, [b'f', b'g', b'b', _, b'f', b'g', b'b', ..])
}

/// The one layer of a FlatGeobuf.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let file = file::FlatGeobuf::open(path)?;
    Ok(vec![file.header.info(&file)])
}

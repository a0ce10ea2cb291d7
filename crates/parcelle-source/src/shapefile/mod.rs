//! The native Shapefile reader (ESRI Shapefile Technical Description, July 1998; dBASE III tables): ranges of records
//! straight into Arrow columns, any number of them side by side.
//!
//! | module | is |
//! |---|---|
//! | [`files`] | the files of a Shapefile: finding them, positioned reads, has one changed |
//! | [`siblings`] | files of the same name, without listing a directory for each |
//! | [`index`] | where records are: by the `.shx`, or by following the `.shp` |
//! | [`shape`], [`rings`] | one shape as WKB; which ring of a polygon is a hole in which |
//! | [`dbf`] | the header of the table: fields and their Arrow types |
//! | [`value`] | the values of a field into its column |
//! | [`wide`] | integers of 64 bits in fields that may hold more |
//! | [`text`] | code pages |
//! | [`reference`] | the `.prj` |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |
//!
//! # Where the format leaves a choice
//! - **Rows.** One for each shape, in the order of the `.shx`. Records marked as deleted in the `.dbf` are left out, as GDAL
//!   does. Where `.shp` and `.dbf` do not have the same number of records, opening fails: there is no telling which
//!   attributes belong to which shape. Without a `.dbf` there is geometry only.
//! - **Offsets.** A `.shx` that is missing, incomplete, or at odds with the `.shp` is left aside, and the record headers
//!   of the `.shp` are followed instead. Lengths of the headers are not relied upon: past 4 GB they cannot be right.
//! - **Single or multiple.** Each shape becomes what it is: a polygon with one outer ring a Polygon, with several a
//!   MultiPolygon; a line of one part a LineString, of several a MultiLineString. Parts without positions are left out.
//!   A shape of no positions is NULL, as is a null shape.
//! - **Holes** are rings that run counter-clockwise, and belong to the smallest clockwise ring around them, in the order
//!   of the file. One that lies in no clockwise ring is an outer ring itself. Rings keep their direction.
//! - **Measures** below -10³⁸ mean "none": a shape of no other has no M, and beside others they are NaN.
//! - **Blank** fields of any type are NULL, as are numbers of asterisks, logicals of `?` and dates of zeros. Text loses
//!   its trailing blanks, and ends at a zero byte.
//! - **Numbers** without decimals are 32-bit integers up to 9 characters, 64-bit integers up to 18, and 64-bit floats beyond, as
//!   with GDAL; but where a float would round one of them, and 64-bit integers hold all, they are those.
//! - **Code page**: the `.cpg`, else the language driver id in the `.dbf`, else Windows-1252, which is what programs on Windows
//!   write without a word (and, as id 87, as "ANSI"), and holds the letters of ISO-8859-1 too. Bytes that the code page does
//!   not have are an error.

mod dbf;
mod files;
mod index;
mod layer;
mod reference;
mod rings;
mod shape;
mod siblings;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod wide;

use std::path::Path;

pub(crate) use layer::ShapefileLayer;

use crate::error::SourceError;
use crate::{LayerInfo, OpenOptions, drivers};

/// What errors call the format.
const FORMAT: &str = "Shapefile";

/// The way out where nothing better can be said.
const ADVICE: &str = "get it again from its source, or let GDAL try what can be read of it (--reader gdal)";

/// A [`SourceError::Malformed`].
fn malformed(path: &Path, reason: impl Into<String>) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), format: FORMAT, reason: reason.into(), advice: ADVICE.to_owned() }
}

/// Whether it is a Shapefile: by the file code of `.shp` and `.shx`, by the name of a `.shp` or `.dbf`, or a directory with
/// a `.shp` in it.
pub(crate) fn recognises(path: &Path, head: &[u8]) -> Result<bool, SourceError> {
    if path.is_dir() {
        return Ok(!files::shapefiles_in(path)?.is_empty());
    }
    Ok(files::has_file_code(head) || drivers::has_extension(path, &["shp", "dbf"]))
}

/// Whether a `.dbf` belongs to no Shapefile.
pub(crate) fn is_table_alone(dbf: &Path) -> Result<bool, SourceError> {
    Ok(files::sibling(dbf, "shp")?.is_none())
}

/// The layers: one, or one for each `.shp` of a directory.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let names = files::layer_names(path)?;
    let info = |(name, shp): (String, std::path::PathBuf)| {
        let options = OpenOptions { layer: Some(name.clone()), ..OpenOptions::default() };
        layer::describe(&shp, name, &options)
    };
    names.into_iter().map(info).collect()
}

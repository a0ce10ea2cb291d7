//! The native CSV reader: byte ranges at record boundaries, read side by side straight into Arrow columns.
//!
//! | module | is |
//! |---|---|
//! | [`mod@file`] | the file: positioned reads, has it changed, where is line n |
//! | [`records`] | records and fields out of bytes |
//! | [`dialect`] | delimiter and quote, from the first records |
//! | [`header`] | the names of the columns |
//! | [`geometry`] | which columns are the geometry, and their values as WKB |
//! | [`value`] | what an attribute value is, and its place in a column |
//! | [`survey`] | the first pass: rows, types and boundaries of the whole file, in parallel |
//! | [`sample`], [`proof`] | in its place for large files: a look at parts of it, and whether it holds for the whole |
//! | [`shape`] | the output columns that values lead to |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |
//!
//! # What is read
//! RFC 4180 with any of `,` `;` tab `|` between fields, `"` (or, where all of the header is so, `'`) around them, and records
//! that end in LF, CRLF or CR. Text is UTF-8, with or without byte order mark; anything else, a NUL byte, a record with too
//! many or too few fields, text after a closing quote and a quote that is never closed are errors that name the line. A quote
//! within an unquoted field is text. Blank lines are skipped. A `.csvt` file beside it is not looked at: types come from
//! the values.
//!
//! # Columns
//! The first record names them. A column without name becomes `column_N` (its position from 1); a name that was there already
//! becomes `name_2`, `name_3` and so on. A header that looks like data is an error.
//!
//! A column has the narrowest type that holds all values of the whole file as they are written: boolean (`true`, `false`, in any
//! case), 64-bit integer, float (decimal point), date, date and time (ISO 8601, or with slashes as GDAL writes them), else text. Whatever a number would lose stays
//! text: leading zeros and signs (`01234`, `+33`), integers beyond 64 bits, exponents without a point or sign (`12E4`), spaces,
//! decimal commas, NaN and infinities. Quotes around a value do not change its type. An empty field is NULL; an empty
//! field in quotes is the empty text in text columns, and NULL in others. `NULL`, `NA` and `\N` are text like any other. A column
//! without values is text.
//!
//! # Geometry
//! The first of these, in this order, is the geometry (names in any case; spaces and hyphens count as underscores):
//!
//! 1. a column of [`geometry::TEXT_NAMES`] whose first value is WKT or EWKT, WKB or EWKB in hexadecimal, or a GeoJSON
//!    geometry; it keeps its name and place. An empty value is NULL.
//! 2. a pair of longitude and latitude ([`geometry::LONGITUDE_LATITUDE`]) with numbers only,
//! 3. a column of [`geometry::POINT_NAMES`] with `latitude, longitude`,
//! 4. a pair of plane coordinates ([`geometry::PLANE_COORDINATES`]) with numbers only.
//!
//! The last three become points in a column `geometry` at the end, and stay attributes beside; where both coordinates are
//! empty the point is NULL, where one is, that is an error. Without any values, the first by name is taken.
//!
//! The reference system is that of the SRID where all values have the same; OGC:CRS84 for GeoJSON (RFC 7946), and for longitude and
//! latitude where they are in range; otherwise none is known.

mod dialect;
mod file;
mod geometry;
mod header;
mod layer;
mod proof;
mod records;
mod sample;
#[cfg(test)]
mod sample_tests;
mod shape;
mod survey;
#[cfg(test)]
mod tests;
mod value;

use std::path::Path;

pub(crate) use layer::CsvLayer;

use crate::drivers::has_extension;
use crate::error::SourceError;
use crate::{FieldInfo, LayerInfo};

/// Whether this reader takes a file: by the extension, and of plain `.txt` only tables that name a geometry.
pub(crate) fn recognises(path: &Path, head: &[u8]) -> bool {
    if has_extension(path, &["csv", "tsv", "psv"]) {
        return true;
    }
    has_extension(path, &["txt"]) && header::is_sure(head)
}

/// The one layer of a file. CSV has no types of its own, and neither types nor rows are known without reading it all.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let file = file::CsvFile::open(path)?;
    let header = header::Header::read(&file)?;
    let geometry = geometry::candidates(&header.names);
    let fields = header.names.iter().map(|name| FieldInfo { name: name.clone(), type_name: "text".to_owned() });
    Ok(vec![LayerInfo {
        name: file.layer_name(),
        rows: None,
        geometry: (!geometry.is_empty()).then(|| "GEOMETRY".to_owned()),
        crs: None,
        fields: fields.collect(),
    }])
}

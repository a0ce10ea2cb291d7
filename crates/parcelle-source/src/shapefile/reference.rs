//! The coordinate reference system that a `.prj` defines.

use std::path::Path;

use parcelle_crs::Crs;

use super::files;
use crate::error::SourceError;
use crate::geometry_field::crs_error;

/// The content of a `.prj`: WKT 1 as ESRI writes it. A blank file says nothing.
pub(super) fn of_prj(prj: &Path, layer: &str) -> Result<Option<Crs>, SourceError> {
    let bytes = files::read_text(prj)?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0,
    };
    let text =
        text.trim_start_matches('\u{feff}').trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    if text.is_empty() {
        return Ok(None);
    }
    definition(text).map(Some).map_err(|reason| crs_error(prj, layer, reason))
}

/// By the code that GDAL finds for it, as ESRI's names are no codes.
#[cfg(feature = "gdal")]
fn definition(text: &str) -> Result<Crs, String> {
    crate::gdal_reader::crs_of_esri_wkt(text)
}

#[cfg(not(feature = "gdal"))]
fn definition(text: &str) -> Result<Crs, String> {
    Crs::from_definition(text).map_err(|error| error.to_string())
}

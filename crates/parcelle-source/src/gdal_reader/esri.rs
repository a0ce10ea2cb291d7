//! Coordinate reference systems the way ESRI writes them.

use std::path::Path;
use std::ptr;

use gdal::spatial_ref::SpatialRef;
use parcelle_crs::Crs;

use super::crs_of;
use super::messages::Messages;

/// How sure GDAL has to be of a code, in percent; its Shapefile driver asks for the same.
const LEAST_CONFIDENCE: i32 = 90;

/// From WKT 1 with the names of ESRI, which has no codes: by the code that GDAL finds for it, else as it stands.
pub(crate) fn crs_of_esri_wkt(text: &str) -> Result<Crs, String> {
    if parcelle_crs::gdal_ready().is_err() {
        return Crs::from_definition(text).map_err(|error| error.to_string());
    }
    let messages = Messages::capture(Path::new(""));
    let failed = |error: gdal::errors::GdalError| messages.failure_or(error);
    let mut reference = SpatialRef::from_esri(text).map_err(failed)?;
    if reference.authority().is_ok() || reference.auto_identify_epsg().is_ok() {
        return crs_of(&reference);
    }
    match best_match(&reference) {
        Some(known) => crs_of(&known),
        None => crs_of(&reference),
    }
}

/// The most similar entry of PROJ's database, if it is the same but for names.
fn best_match(reference: &SpatialRef) -> Option<SpatialRef> {
    let (mut count, mut confidences) = (0, ptr::null_mut());
    // SAFETY: the reference is alive, and the other arguments are places for the results.
    let matches =
        unsafe { gdal_sys::OSRFindMatches(reference.to_c_hsrs(), ptr::null_mut(), &mut count, &mut confidences) };
    if matches.is_null() {
        return None;
    }
    let mut found = None;
    if count > 0 && !confidences.is_null() {
        // SAFETY: both lists have `count` entries, the best first; the copy is our own.
        unsafe {
            if *confidences >= LEAST_CONFIDENCE {
                found = SpatialRef::from_c_obj(*matches).ok();
            }
        }
    }
    // SAFETY: both lists were given to us, and are not used after.
    unsafe {
        gdal_sys::OSRFreeSRSArray(matches);
        gdal_sys::VSIFree(confidences.cast());
    }
    found
}

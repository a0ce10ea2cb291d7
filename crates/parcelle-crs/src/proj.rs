//! PROJ, by way of GDAL's spatial references.

use gdal::errors::GdalError;
use gdal::spatial_ref::SpatialRef;
use serde_json::Value;

use crate::Authority;
use crate::definition::excerpt;
use crate::error::CrsError;

/// The definition of an authority's code; `None` where PROJ does not have it.
pub(crate) fn projjson_of_code(authority: &Authority) -> Result<Option<Value>, CrsError> {
    let _quiet = Quiet::new();
    let found = match authority.code.parse() {
        Ok(code) if authority.name == "EPSG" => SpatialRef::from_epsg(code),
        _ => SpatialRef::from_definition(&authority.to_string()),
    };
    let Ok(found) = found else { return Ok(None) };
    let failed = |reason| CrsError::Projjson { reason };
    export(&found, failed).map(Some)
}

/// WKT of either generation as PROJJSON.
pub(crate) fn projjson_of_wkt(wkt: &str) -> Result<Value, CrsError> {
    let _quiet = Quiet::new();
    let failed = |reason| CrsError::Wkt { definition: excerpt(wkt), reason };
    let found = SpatialRef::from_definition(wkt).map_err(|error| failed(reason(&error)))?;
    export(&found, failed)
}

fn export(found: &SpatialRef, failed: impl Fn(String) -> CrsError) -> Result<Value, CrsError> {
    let text = found.to_projjson().map_err(|error| failed(reason(&error)))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// What GDAL said last, or at least what failed.
fn reason(error: &GdalError) -> String {
    // SAFETY: GDAL keeps the message of this thread's last error in memory of its own, ended by a zero byte; it is
    // copied before anything else is called.
    let message = unsafe {
        let message = gdal_sys::CPLGetLastErrorMsg();
        (!message.is_null()).then(|| std::ffi::CStr::from_ptr(message).to_string_lossy().into_owned())
    };
    message.filter(|message| !message.is_empty()).unwrap_or_else(|| error.to_string())
}

/// Keeps GDAL from writing this thread's errors to the terminal for as long as it lives.
struct Quiet;

impl Quiet {
    fn new() -> Self {
        // SAFETY: both calls concern only this thread; the handler is GDAL's own, and is popped on drop.
        unsafe {
            gdal_sys::CPLErrorReset();
            gdal_sys::CPLPushErrorHandler(Some(gdal_sys::CPLQuietErrorHandler));
        }
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: pops what `new` pushed on this thread; the type is not `Send` in use, as it never leaves a function.
        unsafe { gdal_sys::CPLPopErrorHandler() };
    }
}

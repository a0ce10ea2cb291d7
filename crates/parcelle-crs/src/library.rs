//! Whether libgdal, and PROJ with it, can be called.
//!
//! In most programs that is so from the start, as they are linked to it. A program that loads it late says here how that is done
//! ([`load_gdal_with`]); then it may turn out to be missing, and whoever is about to call it asks first ([`gdal_ready`]).

use std::sync::OnceLock;

/// Loads libgdal if that has not been done, or says why it cannot be loaded, and the way out.
pub type GdalLoader = fn() -> Result<(), String>;

static LOADER: OnceLock<GdalLoader> = OnceLock::new();
static PROJ_LOADER: OnceLock<GdalLoader> = OnceLock::new();

/// For programs that load libgdal when it is first needed: once, at their start. Says whether it was the first time.
pub fn load_gdal_with(loader: GdalLoader) -> bool {
    LOADER.set(loader).is_ok()
}

/// Makes sure that functions of GDAL and PROJ can be called.
///
/// # Errors
/// Why not, and the way out, where a program loads the library late and it cannot be loaded.
pub fn gdal_ready() -> Result<(), String> {
    LOADER.get().map_or(Ok(()), |load| load())
}

/// For programs that can load PROJ without libgdal, which takes a third of the time: once, at their start. Says whether it was
/// the first time.
pub fn load_proj_with(loader: GdalLoader) -> bool {
    PROJ_LOADER.set(loader).is_ok()
}

/// Makes sure that functions of PROJ can be called. Those of GDAL may still not be.
///
/// # Errors
/// As [`gdal_ready`].
pub fn proj_ready() -> Result<(), String> {
    PROJ_LOADER.get().map_or_else(gdal_ready, |load| load())
}

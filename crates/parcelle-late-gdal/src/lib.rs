//! libgdal, loaded when it is first needed.
//!
//! A program that is linked to libgdal loads it, and the hundred libraries that it needs, before its first line runs: 20 to 30
//! milliseconds, also where no function of GDAL is ever called, and not at all where the library is missing. A binary that
//! depends on this crate has the functions of GDAL and PROJ that the workspace calls (`symbols.txt`) as trampolines of
//! its own: the first call of one loads libgdal (`dlopen`), looks the function up, and goes on into it; later calls are one
//! jump more than without. Since nothing is left that only the library could give, the linker does not enter it
//! (`--as-needed`, which rustc passes).
//!
//! For binaries only: a library that is linked into another program leaves it to that program. The list need not be
//! complete: a function that is not in it makes the linker enter libgdal as before, and the end-to-end tests see that. Where the
//! target is another one than Linux with glibc on x86-64, or GDAL is linked statically, the crate is empty.
//!
//! [`ready`] loads the library and says whether that worked, so that its absence is an error with a way out. It must be
//! called somewhere in the program, or the linker leaves the trampolines out.

#[cfg(late)]
mod late;

/// Loads libgdal, if that has not been done.
///
/// # Errors
/// What the loader says where it cannot be loaded, and the way out. Always the same in one process.
#[cfg(late)]
pub fn ready() -> Result<(), String> {
    late::handle().map(|_| ())
}

/// It has been loaded when the program was.
///
/// # Errors
/// None.
#[cfg(not(late))]
pub fn ready() -> Result<(), String> {
    Ok(())
}

/// Loads PROJ, if that has not been done: the one that libgdal needs, without the hundred other libraries that it needs too,
/// or with them where PROJ is not to be had alone. A third of the time, for programs that only look a reference system up.
///
/// # Errors
/// As [`ready`].
#[cfg(late)]
pub fn proj_ready() -> Result<(), String> {
    late::proj_handle().map(|_| ())
}

/// It has been loaded when the program was.
///
/// # Errors
/// None.
#[cfg(not(late))]
pub fn proj_ready() -> Result<(), String> {
    Ok(())
}

/// Whether the library is loaded late in this build.
pub const IS_LATE: bool = cfg!(late);

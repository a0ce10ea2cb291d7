//! What the fuzz targets share: files in memory, layers read in two ways, reports in every format.
//!
//! A target drives what a program that links parcelle can call, and fails by panicking where a promise does not hold. Panics of
//! decoders that parcelle catches are no failures: [`start`] sees to that.

mod layers;
mod parts;
mod reports;
mod scratch;

pub use layers::{Rows, open_and_read, read_consistently};
pub use parts::parts;
pub use reports::render_everywhere;
pub use scratch::Scratch;

/// Prepares the process; each target calls it once, before the first input.
///
/// libFuzzer ends the process at any panic. Those that parcelle catches and reports as damaged files are let through; and
/// everything runs on one more thread than the one that is asked, so that runs can be repeated.
///
/// # Panics
/// Where it is called twice.
pub fn start() {
    parcelle::keep_guarded_panics_quiet();
    let built = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    assert!(built.is_ok(), "the pool is built once: {built:?}");
}

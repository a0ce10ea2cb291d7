//! Arrow columns of a file as parcelle's: what Parquet and Arrow IPC have in common.
//!
//! | module | is |
//! |---|---|
//! | [`geo`] | the `geo` entry |
//! | [`geometry`] | which columns are geometry, how they are stored, in which reference system |
//! | [`native`], [`wkb_column`] | geometry to sound WKB |
//! | [`projection`] | the columns of the file as parcelle's |

pub(crate) mod geo;
pub(crate) mod geometry;
pub(crate) mod native;
pub(crate) mod projection;
pub(crate) mod wkb_column;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of `parquet` or `arrow` on bytes of a file. On some pages, footers and messages that contradict themselves it
/// panics (assertions, and indices out of range, in release too) where an error is due; the file is to blame, and the run
/// must end as with any other damaged file. Nothing that was unwound through is used again.
pub(crate) fn guarded<T, E: ToString>(action: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its parts contradict each other".to_owned()),
    }
}

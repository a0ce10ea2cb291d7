//! Arrow columns of a file as parcelle's: what Parquet and Arrow IPC have in common.
//!
//! | module | is |
//! |---|---|
//! | [`geo`] | the `geo` entry |
//! | [`geometry`] | which columns are geometry, how they are stored, in which reference system |
//! | [`listing`] | what a file says of its layer |
//! | [`native`], [`wkb_column`] | geometry to sound WKB |
//! | [`projection`] | the columns of the file as parcelle's |

pub(crate) mod geo;
pub(crate) mod geometry;
pub(crate) mod listing;
pub(crate) mod native;
pub(crate) mod projection;
pub(crate) mod wkb_column;

/// Runs code of `parquet` or `arrow` on bytes of a file. On some pages, footers and messages that contradict themselves it
/// panics where an error is due.
pub(crate) fn guarded<T, E: ToString>(action: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match parcelle_storage::guarded(action) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(unwound) => Err(unwound.to_string()),
    }
}

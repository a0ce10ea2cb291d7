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

pub(crate) use parcelle_parquet::guarded;

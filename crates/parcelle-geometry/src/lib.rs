//! Well-known binary geometry: validation, normalisation, bounds and types.
//!
//! Geometry travels through parcelle as little-endian ISO WKB (OGC 06-103r4, section 8.2) in Arrow binary columns.
//! This crate is the one place that looks inside those bytes: readers bring any WKB to that form with [`normalise`], and
//! well-known text with [`from_wkt`] (and curves, where wanted, with [`linearise`]); the writer takes type and extent from it with [`scan`]. Each walks a geometry once,
//! against the length of its bytes, and allocates nothing by a number found in them.
//!
//! It stands below readers and writer, and knows neither: they share only this vocabulary.
//!
//! ```
//! // POINT Z (1 2 3), little endian
//! let mut wkb = vec![1, 0xE9, 0x03, 0, 0];
//! for value in [1.0f64, 2.0, 3.0] {
//!     wkb.extend_from_slice(&value.to_le_bytes());
//! }
//! let summary = parcelle_geometry::scan(&wkb)?;
//! assert_eq!(summary.geometry_type.to_string(), "Point Z");
//! assert_eq!(summary.bounds.z(), Some((3.0, 3.0)));
//! # Ok::<(), parcelle_geometry::WkbError>(())
//! ```

mod arc;
mod bounds;
mod coordinates;
mod decimal;
mod error;
mod field;
mod flatten;
mod inspect;
mod linearise;
mod rewrite;
mod types;
mod walk;
mod wind;
mod wkt;

pub use bounds::Bounds;
pub use coordinates::Coordinates;
pub use decimal::{short_decimal, short_decimal_and_whole};
pub use error::WkbError;
pub use field::{DECLARED_TYPE_KEY, EPOCH_KEY, ORIENTATION_KEY};
pub use flatten::{FlatGeometries, FlattenError};
pub use inspect::{HEIGHT_SENTINELS, Inspection, inspect};
pub use linearise::linearise;
pub use rewrite::normalise;
pub use types::{Dimension, GeometryKind, GeometryType, UnknownGeometryType};
pub use walk::{MAX_DEPTH, Summary, scan};
pub use wind::wind_counterclockwise;
pub use wkt::{WktError, curved_from_wkt, from_wkt};

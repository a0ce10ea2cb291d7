//! What can be wrong with WKB.

use crate::types::GeometryKind;

/// Why bytes are not a geometry that parcelle can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WkbError {
    /// The bytes end inside the geometry.
    #[error("geometry is cut off: {needed} bytes needed at byte {offset}, {available} left")]
    Truncated {
        /// Where more bytes were needed.
        offset: usize,
        /// How many.
        needed: u64,
        /// How many there were.
        available: usize,
    },
    /// Bytes follow the end of the geometry.
    #[error("{extra} bytes follow the end of the geometry at byte {offset}")]
    Trailing {
        /// Where the geometry ends.
        offset: usize,
        /// How many bytes follow.
        extra: usize,
    },
    /// The byte order mark is neither 0 nor 1.
    #[error("byte order mark {mark} at byte {offset} is neither 0 nor 1: this is not WKB")]
    ByteOrder {
        /// Where the mark is.
        offset: usize,
        /// What it is.
        mark: u8,
    },
    /// A curve or surface type that straight-segment geometry cannot express.
    #[error("geometry of type {name} has curves or patches, which GeoParquet cannot carry; linearise it first")]
    Curve {
        /// Name of the type.
        name: &'static str,
    },
    /// A type code nobody has defined.
    #[error("geometry type code {code} at byte {offset} is not known")]
    UnknownType {
        /// Where the code is.
        offset: usize,
        /// What it is.
        code: u32,
    },
    /// A part that its collection cannot contain.
    #[error("a {collection} has a part at byte {offset} that is not a {expected}", collection = .collection.name())]
    Part {
        /// Where the part begins.
        offset: usize,
        /// The collection.
        collection: GeometryKind,
        /// What its parts must be.
        expected: &'static str,
    },
    /// A part with other ordinates than the whole.
    #[error("a part at byte {offset} has other dimensions (Z, M) than the geometry it belongs to")]
    Dimension {
        /// Where the part begins.
        offset: usize,
    },
    /// A chain of arcs that does not end with one.
    #[error("a CircularString at byte {offset} has {count} positions, where arcs have 3, 5, 7 and so on")]
    Arcs {
        /// Where it begins.
        offset: usize,
        /// How many positions it has.
        count: usize,
    },
    /// More positions than WKB can count.
    #[error("geometry has more positions than WKB can count")]
    TooLarge,
    /// Collections within collections, deeper than anyone means.
    #[error("geometry collections are nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
}

/// Names of the ISO types with curves or patches (codes 8 to 17), which are refused by name.
pub(crate) fn curve_name(code: u32) -> Option<&'static str> {
    Some(match code {
        8 => "CircularString",
        9 => "CompoundCurve",
        10 => "CurvePolygon",
        11 => "MultiCurve",
        12 => "MultiSurface",
        13 => "Curve",
        14 => "Surface",
        15 => "PolyhedralSurface",
        16 => "TIN",
        17 => "Triangle",
        _ => return None,
    })
}

//! Geometry types and their codes.

use std::fmt;
use std::str::FromStr;

/// The seven geometry types of Simple Features that have straight segments only. The value is the WKB code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GeometryKind {
    /// One position.
    Point = 1,
    /// Positions joined by straight segments.
    LineString = 2,
    /// An exterior ring and any number of interior rings.
    Polygon = 3,
    /// Points.
    MultiPoint = 4,
    /// Line strings.
    MultiLineString = 5,
    /// Polygons.
    MultiPolygon = 6,
    /// Geometries of any type.
    GeometryCollection = 7,
}

impl GeometryKind {
    /// All kinds, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Point,
        Self::LineString,
        Self::Polygon,
        Self::MultiPoint,
        Self::MultiLineString,
        Self::MultiPolygon,
        Self::GeometryCollection,
    ];

    /// The name as GeoParquet spells it, such as `MultiPolygon`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::LineString => "LineString",
            Self::Polygon => "Polygon",
            Self::MultiPoint => "MultiPoint",
            Self::MultiLineString => "MultiLineString",
            Self::MultiPolygon => "MultiPolygon",
            Self::GeometryCollection => "GeometryCollection",
        }
    }

    /// The kind with this WKB code (1 to 7).
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == code)
    }

    /// What the parts of a `Multi…` must be; `None` where parts may be anything or there are none.
    #[must_use]
    pub const fn part(self) -> Option<Self> {
        match self {
            Self::MultiPoint => Some(Self::Point),
            Self::MultiLineString => Some(Self::LineString),
            Self::MultiPolygon => Some(Self::Polygon),
            _ => None,
        }
    }
}

/// Which ordinates a position has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// x, y
    Xy = 0,
    /// x, y, z
    Xyz = 1,
    /// x, y, m
    Xym = 2,
    /// x, y, z, m
    Xyzm = 3,
}

impl Dimension {
    /// All dimensions, in the order of their ISO thousands.
    pub const ALL: [Self; 4] = [Self::Xy, Self::Xyz, Self::Xym, Self::Xyzm];

    /// The dimension with or without z and m.
    #[must_use]
    pub const fn new(z: bool, m: bool) -> Self {
        match (z, m) {
            (false, false) => Self::Xy,
            (true, false) => Self::Xyz,
            (false, true) => Self::Xym,
            (true, true) => Self::Xyzm,
        }
    }

    /// Ordinates per position: 2 to 4.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Xy => 2,
            Self::Xyz | Self::Xym => 3,
            Self::Xyzm => 4,
        }
    }

    /// Whether positions have a z.
    #[must_use]
    pub const fn has_z(self) -> bool {
        matches!(self, Self::Xyz | Self::Xyzm)
    }

    /// Whether positions have an m.
    #[must_use]
    pub const fn has_m(self) -> bool {
        matches!(self, Self::Xym | Self::Xyzm)
    }
}

/// A geometry type with its dimension, such as `Polygon Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeometryType {
    /// Which of the seven.
    pub kind: GeometryKind,
    /// Which ordinates.
    pub dimension: Dimension,
}

impl GeometryType {
    /// The ISO WKB code: the kind, plus 1000 for Z, 2000 for M, 3000 for ZM.
    #[must_use]
    pub const fn iso_code(self) -> u32 {
        self.kind as u32 + 1000 * self.dimension as u32
    }
}

impl FromStr for GeometryType {
    type Err = UnknownGeometryType;

    /// Reads a name as [`Display`](fmt::Display) writes it.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        GeometryKind::ALL
            .into_iter()
            .flat_map(|kind| Dimension::ALL.map(|dimension| Self { kind, dimension }))
            .find(|geometry_type| geometry_type.to_string() == name)
            .ok_or_else(|| UnknownGeometryType { name: name.to_owned() })
    }
}

/// A text that names no geometry type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not the name of a geometry type, such as \"MultiPolygon Z\"")]
pub struct UnknownGeometryType {
    /// The text.
    pub name: String,
}

impl fmt::Display for GeometryType {
    /// The name as GeoParquet spells it: `Point`, `Polygon Z`, `LineString ZM`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.dimension {
            Dimension::Xy => "",
            Dimension::Xyz => " Z",
            Dimension::Xym => " M",
            Dimension::Xyzm => " ZM",
        };
        write!(formatter, "{}{suffix}", self.kind.name())
    }
}

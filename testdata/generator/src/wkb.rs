//! Geometries to write: ISO and extended well-known binary in both byte orders, and well-known text.
//!
//! The project's own reader of these bytes is not used here: fixtures made by the code they test would agree with its errors.

use std::fmt::Write as _;

/// The dimensions of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    Xy,
    Xyz,
    Xym,
    Xyzm,
}

impl Dimension {
    pub(crate) const ALL: [Self; 4] = [Self::Xy, Self::Xyz, Self::Xym, Self::Xyzm];

    pub(crate) fn has_z(self) -> bool {
        matches!(self, Self::Xyz | Self::Xyzm)
    }

    pub(crate) fn has_m(self) -> bool {
        matches!(self, Self::Xym | Self::Xyzm)
    }

    /// The slots of a position (x, y, z, m) that this dimension keeps.
    fn slots(self) -> &'static [usize] {
        match self {
            Self::Xy => &[0, 1],
            Self::Xyz => &[0, 1, 2],
            Self::Xym => &[0, 1, 3],
            Self::Xyzm => &[0, 1, 2, 3],
        }
    }

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Xy => "",
            Self::Xyz => "z",
            Self::Xym => "m",
            Self::Xyzm => "zm",
        }
    }
}

/// x, y, z and m; a dimension without z or m leaves them out when it is written.
pub(crate) type Position = [f64; 4];

/// The shape of a geometry; `Collected` holds the code of the collection (4 to 7) and its parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Point(Option<Position>),
    LineString(Vec<Position>),
    Polygon(Vec<Vec<Position>>),
    Collected(Collection, Vec<Shape>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Points = 4,
    LineStrings = 5,
    Polygons = 6,
    Mixed = 7,
}

/// How the bytes are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    pub(crate) big_endian: bool,
    /// PostGIS's extended form: high bits say Z and M, instead of ISO's thousands.
    pub(crate) extended: bool,
}

impl Encoding {
    pub(crate) const ISO: Self = Self { big_endian: false, extended: false };
}

impl Shape {
    fn code(&self) -> u32 {
        match self {
            Self::Point(_) => 1,
            Self::LineString(_) => 2,
            Self::Polygon(_) => 3,
            Self::Collected(collection, _) => *collection as u32,
        }
    }

    /// The name GeoPackage and well-known text give to the type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Point(_) => "POINT",
            Self::LineString(_) => "LINESTRING",
            Self::Polygon(_) => "POLYGON",
            Self::Collected(Collection::Points, _) => "MULTIPOINT",
            Self::Collected(Collection::LineStrings, _) => "MULTILINESTRING",
            Self::Collected(Collection::Polygons, _) => "MULTIPOLYGON",
            Self::Collected(Collection::Mixed, _) => "GEOMETRYCOLLECTION",
        }
    }

    /// The same kind of shape without any position.
    pub(crate) fn emptied(&self) -> Self {
        match self {
            Self::Point(_) => Self::Point(None),
            Self::LineString(_) => Self::LineString(Vec::new()),
            Self::Polygon(_) => Self::Polygon(Vec::new()),
            Self::Collected(collection, _) => Self::Collected(*collection, Vec::new()),
        }
    }

    /// All positions, in their order.
    pub(crate) fn positions(&self) -> Vec<Position> {
        match self {
            Self::Point(position) => position.iter().copied().collect(),
            Self::LineString(positions) => positions.clone(),
            Self::Polygon(rings) => rings.concat(),
            Self::Collected(_, parts) => parts.iter().flat_map(Self::positions).collect(),
        }
    }

    pub(crate) fn wkb(&self, dimension: Dimension, encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_wkb(dimension, encoding, &mut out);
        out
    }

    fn write_wkb(&self, dimension: Dimension, encoding: Encoding, out: &mut Vec<u8>) {
        out.push(u8::from(!encoding.big_endian));
        let (z, m) = (u32::from(dimension.has_z()), u32::from(dimension.has_m()));
        let code = if encoding.extended { self.code() | z << 31 | m << 30 } else { self.code() + 1000 * z + 2000 * m };
        put_u32(code, encoding, out);
        match self {
            Self::Point(position) => put_position(position.unwrap_or([f64::NAN; 4]), dimension, encoding, out),
            Self::LineString(positions) => put_positions(positions, dimension, encoding, out),
            Self::Polygon(rings) => {
                put_u32(rings.len() as u32, encoding, out);
                for ring in rings {
                    put_positions(ring, dimension, encoding, out);
                }
            }
            Self::Collected(_, parts) => {
                put_u32(parts.len() as u32, encoding, out);
                for part in parts {
                    part.write_wkb(dimension, encoding, out);
                }
            }
        }
    }

    /// Well-known text in two dimensions.
    pub(crate) fn wkt(&self) -> String {
        let mut out = self.type_name().to_owned();
        self.write_wkt_body(&mut out);
        out
    }

    fn write_wkt_body(&self, out: &mut String) {
        let list = |positions: &[Position]| {
            let texts: Vec<_> = positions.iter().map(|[x, y, ..]| format!("{x} {y}")).collect();
            format!("({})", texts.join(", "))
        };
        match self {
            Self::Point(None) => out.push_str(" EMPTY"),
            Self::Point(Some(position)) => {
                let _ = write!(out, " {}", list(&[*position]));
            }
            Self::LineString(positions) if positions.is_empty() => out.push_str(" EMPTY"),
            Self::LineString(positions) => {
                let _ = write!(out, " {}", list(positions));
            }
            Self::Polygon(rings) if rings.is_empty() => out.push_str(" EMPTY"),
            Self::Polygon(rings) => {
                let texts: Vec<_> = rings.iter().map(|ring| list(ring)).collect();
                let _ = write!(out, " ({})", texts.join(", "));
            }
            Self::Collected(_, parts) if parts.is_empty() => out.push_str(" EMPTY"),
            Self::Collected(collection, parts) => {
                let texts: Vec<_> = parts
                    .iter()
                    .map(|part| match collection {
                        Collection::Mixed => part.wkt(),
                        _ => {
                            let mut body = String::new();
                            part.write_wkt_body(&mut body);
                            body.trim_start().to_owned()
                        }
                    })
                    .collect();
                let _ = write!(out, " ({})", texts.join(", "));
            }
        }
    }
}

fn put_u32(value: u32, encoding: Encoding, out: &mut Vec<u8>) {
    out.extend(if encoding.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
}

fn put_position(position: Position, dimension: Dimension, encoding: Encoding, out: &mut Vec<u8>) {
    for &slot in dimension.slots() {
        let value = position[slot];
        out.extend(if encoding.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }
}

fn put_positions(positions: &[Position], dimension: Dimension, encoding: Encoding, out: &mut Vec<u8>) {
    put_u32(positions.len() as u32, encoding, out);
    for position in positions {
        put_position(*position, dimension, encoding, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_and_extended_codes_differ_in_the_dimension_only() {
        let point = Shape::Point(Some([1.0, 2.0, 3.0, 4.0]));
        let iso = point.wkb(Dimension::Xyzm, Encoding { big_endian: true, extended: false });
        assert_eq!(iso[..5], [0, 0, 0, 0x0B, 0xB9]);
        let extended = point.wkb(Dimension::Xyzm, Encoding { big_endian: true, extended: true });
        assert_eq!(extended[..5], [0, 0xC0, 0, 0, 1]);
        assert_eq!(iso[5..], extended[5..]);
        assert_eq!(iso.len(), 5 + 4 * 8);
    }

    #[test]
    fn text_nests_parts_without_their_names_except_in_a_geometry_collection() {
        let point = Shape::Point(Some([1.0, 2.5, 0.0, 0.0]));
        let multi = Shape::Collected(Collection::Points, vec![point.clone()]);
        assert_eq!(multi.wkt(), "MULTIPOINT ((1 2.5))");
        let collection = Shape::Collected(Collection::Mixed, vec![point, Shape::Polygon(Vec::new())]);
        assert_eq!(collection.wkt(), "GEOMETRYCOLLECTION (POINT (1 2.5), POLYGON EMPTY)");
    }
}

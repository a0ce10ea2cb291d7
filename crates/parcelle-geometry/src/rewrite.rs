//! Any WKB to little-endian ISO WKB.

use crate::error::WkbError;
use crate::types::{GeometryKind, GeometryType};
use crate::walk::{Cursor, Summary, scan};

/// Appends a geometry to `out` as little-endian ISO WKB and says what it was. Reads either byte order (also mixed, as the
/// standard allows) and EWKB, whose SRID is dropped: the column's coordinate reference system rules.
///
/// The usual case, bytes that are in that form already, is one walk and one copy.
///
/// # Errors
/// [`WkbError`] where the bytes are not exactly one geometry of straight segments; nothing is appended then.
pub fn normalise(wkb: &[u8], out: &mut Vec<u8>) -> Result<Summary, WkbError> {
    let summary = scan(wkb)?;
    if summary.is_canonical {
        out.extend_from_slice(wkb);
    } else {
        let start = out.len();
        let mut cursor = Cursor { bytes: wkb, offset: 0 };
        rewrite(&mut cursor, None, out).inspect_err(|_| out.truncate(start))?;
    }
    Ok(summary)
}

/// Writes the geometry at the cursor. Where it is a collection its bytes have been walked before, so that its depth is known
/// to be sound.
pub(crate) fn rewrite(
    cursor: &mut Cursor<'_>,
    parent: Option<GeometryType>,
    out: &mut Vec<u8>,
) -> Result<(), WkbError> {
    let header = cursor.header(parent)?;
    let (geometry_type, little_endian) = (header.geometry_type, header.little_endian);
    out.push(1);
    out.extend_from_slice(&geometry_type.iso_code().to_le_bytes());
    let positions = |cursor: &mut Cursor<'_>, count, out: &mut Vec<u8>| -> Result<(), WkbError> {
        let bytes = cursor.positions(count, geometry_type.dimension)?;
        if little_endian {
            out.extend_from_slice(bytes);
        } else {
            out.extend(bytes.as_chunks::<8>().0.iter().flat_map(|value| value.iter().rev()));
        }
        Ok(())
    };
    let count = |cursor: &mut Cursor<'_>, out: &mut Vec<u8>| -> Result<u32, WkbError> {
        let count = cursor.count(little_endian)?;
        out.extend_from_slice(&count.to_le_bytes());
        Ok(count)
    };
    match geometry_type.kind {
        GeometryKind::Point => positions(cursor, 1, out)?,
        GeometryKind::LineString => {
            let points = count(cursor, out)?;
            positions(cursor, points, out)?;
        }
        GeometryKind::Polygon => {
            for _ in 0..count(cursor, out)? {
                let points = count(cursor, out)?;
                positions(cursor, points, out)?;
            }
        }
        _ => {
            for _ in 0..count(cursor, out)? {
                rewrite(cursor, Some(geometry_type), out)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Dimension;

    /// A test geometry: nested parts or rings of positions.
    #[derive(Debug, Clone)]
    struct Shape {
        kind: GeometryKind,
        rings: Vec<Vec<[f64; 4]>>,
        parts: Vec<Shape>,
    }

    #[derive(Debug, Clone, Copy)]
    struct Flavour {
        little_endian: bool,
        extended: bool,
    }

    fn encode(shape: &Shape, dimension: Dimension, flavour: Flavour, out: &mut Vec<u8>) {
        let number = |value: u32, out: &mut Vec<u8>| {
            out.extend(if flavour.little_endian { value.to_le_bytes() } else { value.to_be_bytes() });
        };
        let positions = |ring: &[[f64; 4]], out: &mut Vec<u8>| {
            for position in ring {
                let slots: &[usize] = match dimension {
                    Dimension::Xy => &[0, 1],
                    Dimension::Xyz => &[0, 1, 2],
                    Dimension::Xym => &[0, 1, 3],
                    Dimension::Xyzm => &[0, 1, 2, 3],
                };
                for slot in slots {
                    let value = position[*slot];
                    out.extend(if flavour.little_endian { value.to_le_bytes() } else { value.to_be_bytes() });
                }
            }
        };
        out.push(u8::from(flavour.little_endian));
        if flavour.extended {
            let flags = 0x2000_0000
                | if dimension.has_z() { 0x8000_0000 } else { 0 }
                | if dimension.has_m() { 0x4000_0000 } else { 0 };
            number(shape.kind as u32 | flags, out);
            number(2154, out);
        } else {
            number(GeometryType { kind: shape.kind, dimension }.iso_code(), out);
        }
        match shape.kind {
            GeometryKind::Point => positions(&shape.rings[0][..1], out),
            GeometryKind::LineString => {
                number(shape.rings[0].len() as u32, out);
                positions(&shape.rings[0], out);
            }
            GeometryKind::Polygon => {
                number(shape.rings.len() as u32, out);
                for ring in &shape.rings {
                    number(ring.len() as u32, out);
                    positions(ring, out);
                }
            }
            _ => {
                number(shape.parts.len() as u32, out);
                for part in &shape.parts {
                    encode(part, dimension, flavour, out);
                }
            }
        }
    }

    fn simple(kind: GeometryKind) -> impl Strategy<Value = Shape> {
        let position = prop::array::uniform4(-1e6..1e6f64);
        prop::collection::vec(prop::collection::vec(position, 1..6), 1..3).prop_map(move |rings| Shape {
            kind,
            rings,
            parts: Vec::new(),
        })
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let leaf =
            prop_oneof![simple(GeometryKind::Point), simple(GeometryKind::LineString), simple(GeometryKind::Polygon),];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(simple(GeometryKind::Polygon), 0..4).prop_map(|parts| Shape {
                    kind: GeometryKind::MultiPolygon,
                    rings: Vec::new(),
                    parts
                }),
                prop::collection::vec(inner, 0..4).prop_map(|parts| Shape {
                    kind: GeometryKind::GeometryCollection,
                    rings: Vec::new(),
                    parts
                }),
            ]
        })
    }

    fn x_range(shape: &Shape) -> Option<(f64, f64)> {
        let rings = match shape.kind {
            GeometryKind::Point => &shape.rings[..1],
            GeometryKind::LineString => &shape.rings[..1],
            _ => &shape.rings[..],
        };
        let points =
            rings.iter().flat_map(|ring| if shape.kind == GeometryKind::Point { &ring[..1] } else { &ring[..] });
        let own = points.map(|position| (position[0], position[0]));
        own.chain(shape.parts.iter().filter_map(x_range)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    proptest! {
        #[test]
        fn every_flavour_comes_out_the_same(
            shape in shapes(),
            dimension in prop::sample::select(&Dimension::ALL[..]),
            little_endian: bool,
            extended: bool,
        ) {
            let mut expected = Vec::new();
            encode(&shape, dimension, Flavour { little_endian: true, extended: false }, &mut expected);
            let mut input = Vec::new();
            encode(&shape, dimension, Flavour { little_endian, extended }, &mut input);
            let mut out = vec![42];
            let summary = normalise(&input, &mut out).unwrap();
            prop_assert_eq!(&out[1..], &expected[..]);
            prop_assert_eq!(summary.is_canonical, little_endian && !extended);
            prop_assert_eq!(Summary { is_canonical: true, ..summary }, scan(&expected).unwrap());
            prop_assert_eq!(summary.geometry_type, GeometryType { kind: shape.kind, dimension });
            prop_assert_eq!(summary.bounds.x(), x_range(&shape));
            prop_assert_eq!(summary.bounds.z().is_some(), dimension.has_z() && !summary.is_empty);
            prop_assert_eq!(summary.bounds.m().is_some(), dimension.has_m() && !summary.is_empty);
        }

        #[test]
        fn cut_geometry_is_refused(shape in shapes(), cut in 0.0..1.0f64) {
            let mut input = Vec::new();
            encode(&shape, Dimension::Xyz, Flavour { little_endian: false, extended: true }, &mut input);
            let length = (input.len() as f64 * cut) as usize;
            let mut out = Vec::new();
            prop_assert!(normalise(&input[..length], &mut out).is_err());
            prop_assert!(out.is_empty());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), code in 0u32..20) {
            let _ = scan(&bytes);
            let mut with_header = vec![1];
            with_header.extend(code.to_le_bytes());
            with_header.extend(&bytes);
            let mut out = Vec::new();
            prop_assert_eq!(normalise(&with_header, &mut out).is_ok(), scan(&with_header).is_ok());
        }
    }

    fn point(code: u32, ordinates: &[f64]) -> Vec<u8> {
        let mut wkb = vec![1];
        wkb.extend(code.to_le_bytes());
        wkb.extend(ordinates.iter().flat_map(|value| value.to_le_bytes()));
        wkb
    }

    #[test]
    fn a_point_of_nan_is_empty() {
        let summary = scan(&point(1, &[f64::NAN, f64::NAN])).unwrap();
        assert!(summary.is_empty && summary.bounds.is_empty());
    }

    #[test]
    fn a_nan_ordinate_does_not_widen() {
        let summary = scan(&point(1001, &[1.0, 2.0, f64::NAN])).unwrap();
        assert_eq!((summary.bounds.x(), summary.bounds.z()), (Some((1.0, 1.0)), None));
        assert!(!summary.is_empty);
    }

    #[test]
    fn refusals_name_the_reason() {
        assert_eq!(scan(&point(8, &[])), Err(WkbError::Curve { name: "CircularString" }));
        assert_eq!(scan(&point(1010, &[])), Err(WkbError::Curve { name: "CurvePolygon" }));
        assert_eq!(scan(&point(99, &[])), Err(WkbError::UnknownType { offset: 1, code: 99 }));
        assert_eq!(scan(&[7, 0, 0, 0, 0]), Err(WkbError::ByteOrder { offset: 0, mark: 7 }));
        assert_eq!(scan(&point(1, &[1.0, 2.0, 3.0])), Err(WkbError::Trailing { offset: 21, extra: 8 }));
        let mut multi = point(4, &[]);
        multi.extend(u32::MAX.to_le_bytes());
        assert!(matches!(scan(&multi), Err(WkbError::Truncated { .. })));
        multi.extend(point(2, &[]));
        assert!(matches!(scan(&multi), Err(WkbError::Part { expected: "Point", .. })));
        let mut nested = Vec::new();
        for _ in 0..40 {
            nested.extend(point(7, &[]));
            nested.extend(1u32.to_le_bytes());
        }
        assert_eq!(scan(&nested), Err(WkbError::Depth { limit: MAX_DEPTH }));
    }

    use crate::walk::MAX_DEPTH;
}

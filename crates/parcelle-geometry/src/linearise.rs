//! Geometry with curves to geometry of straight segments.

use crate::arc::stroke_chain;
use crate::error::{WkbError, curve_name};
use crate::rewrite::rewrite;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::{Cursor, MAX_DEPTH, RawHeader, Summary, scan};

/// WKB codes of the types with curves (OGC 06-103r4, table 7).
const CIRCULAR_STRING: u32 = 8;
const COMPOUND_CURVE: u32 = 9;
const CURVE_POLYGON: u32 = 10;
const MULTI_CURVE: u32 = 11;
const MULTI_SURFACE: u32 = 12;

/// Appends a geometry to `out` as little-endian ISO WKB of straight segments, and says what it is then: arcs become
/// segments of at most 4 degrees, z and m go evenly along them, and all positions that are given stay. A `CircularString`
/// or `CompoundCurve` becomes a `LineString`, a `CurvePolygon` a `Polygon`, a `MultiCurve` a `MultiLineString`, a
/// `MultiSurface` a `MultiPolygon`, also within collections; anything else is as with [`normalise`](crate::normalise).
///
/// # Errors
/// [`WkbError`] where the bytes are not exactly one geometry, or one of patches (`TIN`, `PolyhedralSurface`), which are no
/// curves; nothing is appended then.
///
/// ```
/// // CIRCULARSTRING (1 0, 0 1, -1 0)
/// let mut wkb = vec![1, 8, 0, 0, 0, 3, 0, 0, 0];
/// for value in [1.0f64, 0.0, 0.0, 1.0, -1.0, 0.0] {
///     wkb.extend_from_slice(&value.to_le_bytes());
/// }
/// let mut straight = Vec::new();
/// let summary = parcelle_geometry::linearise(&wkb, &mut straight)?;
/// assert_eq!(summary.geometry_type.to_string(), "LineString");
/// assert_eq!(straight[5], 47); // positions
/// # Ok::<(), parcelle_geometry::WkbError>(())
/// ```
pub fn linearise(wkb: &[u8], out: &mut Vec<u8>) -> Result<Summary, WkbError> {
    let start = out.len();
    let mut cursor = Cursor { bytes: wkb, offset: 0 };
    let done = geometry(&mut cursor, None, 0, out).and_then(|()| {
        let (offset, extra) = (cursor.offset, wkb.len() - cursor.offset);
        if extra > 0 {
            return Err(WkbError::Trailing { offset, extra });
        }
        scan(out.get(start..).unwrap_or_default())
    });
    done.inspect_err(|_| out.truncate(start))
}

/// Writes the geometry at the cursor, a part of a geometry of the dimension `parent`.
fn geometry(
    cursor: &mut Cursor<'_>,
    parent: Option<Dimension>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), WkbError> {
    if depth > MAX_DEPTH {
        return Err(WkbError::Depth { limit: MAX_DEPTH });
    }
    let before = *cursor;
    let header = part_header(cursor, parent)?;
    let straight = |kind| GeometryType { kind, dimension: header.dimension };
    match header.code {
        CIRCULAR_STRING | COMPOUND_CURVE => line(cursor, header, out),
        CURVE_POLYGON => polygon(cursor, header, out),
        MULTI_CURVE => parts(cursor, header, straight(GeometryKind::MultiLineString), out, line),
        MULTI_SURFACE => parts(cursor, header, straight(GeometryKind::MultiPolygon), out, polygon),
        code if code == GeometryKind::GeometryCollection as u32 => {
            write_header(straight(GeometryKind::GeometryCollection), out);
            let count = cursor.count(header.little_endian)?;
            out.extend_from_slice(&count.to_le_bytes());
            // Each turn takes at least the five bytes of a header, so a hostile count ends with the bytes.
            (0..count).try_for_each(|_| geometry(cursor, Some(header.dimension), depth + 1, out))
        }
        code => match curve_name(code) {
            Some(name) => Err(WkbError::Curve { name }),
            None => {
                *cursor = before;
                rewrite(cursor, None, out)
            }
        },
    }
}

/// The header of a part, which has the dimension of the whole.
fn part_header(cursor: &mut Cursor<'_>, parent: Option<Dimension>) -> Result<RawHeader, WkbError> {
    let offset = cursor.offset;
    let header = cursor.raw_header()?;
    match parent {
        Some(parent) if parent != header.dimension => Err(WkbError::Dimension { offset }),
        _ => Ok(header),
    }
}

fn write_header(geometry_type: GeometryType, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&geometry_type.iso_code().to_le_bytes());
}

/// Writes the parts of a `MultiCurve` or `MultiSurface`, each by `write`.
fn parts(
    cursor: &mut Cursor<'_>,
    header: RawHeader,
    straight: GeometryType,
    out: &mut Vec<u8>,
    write: fn(&mut Cursor<'_>, RawHeader, &mut Vec<u8>) -> Result<(), WkbError>,
) -> Result<(), WkbError> {
    write_header(straight, out);
    let count = cursor.count(header.little_endian)?;
    out.extend_from_slice(&count.to_le_bytes());
    (0..count).try_for_each(|_| {
        let part = part_header(cursor, Some(header.dimension))?;
        write(cursor, part, out)
    })
}

/// Writes the body of a line or curve at the cursor as a line.
fn line(cursor: &mut Cursor<'_>, header: RawHeader, out: &mut Vec<u8>) -> Result<(), WkbError> {
    let mut positions = Vec::new();
    curve(cursor, header, 0, &mut positions)?;
    write_header(GeometryType { kind: GeometryKind::LineString, dimension: header.dimension }, out);
    write_positions(&positions, header.dimension, out)
}

/// Writes the body of a polygon at the cursor, whose rings are curves or not, as a polygon.
fn polygon(cursor: &mut Cursor<'_>, header: RawHeader, out: &mut Vec<u8>) -> Result<(), WkbError> {
    let (dimension, is_straight) = (header.dimension, header.code == GeometryKind::Polygon as u32);
    if !is_straight && header.code != CURVE_POLYGON {
        return Err(not_a(cursor, header, GeometryKind::MultiPolygon, "Polygon or CurvePolygon"));
    }
    write_header(GeometryType { kind: GeometryKind::Polygon, dimension }, out);
    let count = cursor.count(header.little_endian)?;
    out.extend_from_slice(&count.to_le_bytes());
    let mut ring = Vec::new();
    (0..count).try_for_each(|_| {
        ring.clear();
        if is_straight {
            read_positions(cursor, header, &mut ring)?;
        } else {
            let part = part_header(cursor, Some(dimension))?;
            curve(cursor, part, 0, &mut ring)?;
        }
        write_positions(&ring, dimension, out)
    })
}

/// Appends the positions of the line, arcs or compound curve whose body is at the cursor. A compound curve has parts of the
/// first two kinds, each of which begins where the one before ends.
fn curve(cursor: &mut Cursor<'_>, header: RawHeader, depth: usize, out: &mut Vec<f64>) -> Result<(), WkbError> {
    let size = header.dimension.size();
    match header.code {
        code if code == GeometryKind::LineString as u32 => read_positions(cursor, header, out),
        CIRCULAR_STRING => {
            let offset = cursor.offset;
            let mut given = Vec::new();
            read_positions(cursor, header, &mut given)?;
            let count = given.len() / size;
            if count != 0 && (count < 3 || count.is_multiple_of(2)) {
                return Err(WkbError::Arcs { offset, count });
            }
            stroke_chain(&given, size, out);
            Ok(())
        }
        COMPOUND_CURVE if depth == 0 => (0..cursor.count(header.little_endian)?).try_for_each(|_| {
            let part = part_header(cursor, Some(header.dimension))?;
            let joint = out.len();
            curve(cursor, part, 1, out)?;
            let (before, after) = out.split_at(joint);
            if !before.is_empty() && after.len() >= size && before.ends_with(after.get(..size).unwrap_or_default()) {
                out.drain(joint..joint + size);
            }
            Ok(())
        }),
        _ => Err(not_a(cursor, header, GeometryKind::MultiLineString, "LineString, CircularString or CompoundCurve")),
    }
}

/// A part of a type that has no place where it is.
fn not_a(cursor: &Cursor<'_>, header: RawHeader, collection: GeometryKind, expected: &'static str) -> WkbError {
    match curve_name(header.code) {
        Some(name) if header.code > MULTI_SURFACE => WkbError::Curve { name },
        _ => WkbError::Part { offset: cursor.offset.saturating_sub(header.bytes), collection, expected },
    }
}

fn read_positions(cursor: &mut Cursor<'_>, header: RawHeader, out: &mut Vec<f64>) -> Result<(), WkbError> {
    let count = cursor.count(header.little_endian)?;
    let values = cursor.positions(count, header.dimension)?.as_chunks::<8>().0.iter();
    if header.little_endian {
        out.extend(values.map(|bytes| f64::from_le_bytes(*bytes)));
    } else {
        out.extend(values.map(|bytes| f64::from_be_bytes(*bytes)));
    }
    Ok(())
}

fn write_positions(positions: &[f64], dimension: Dimension, out: &mut Vec<u8>) -> Result<(), WkbError> {
    let count = positions.len() / dimension.size();
    let count = u32::try_from(count).map_err(|_| WkbError::TooLarge)?;
    out.extend_from_slice(&count.to_le_bytes());
    out.extend(positions.iter().flat_map(|value| value.to_le_bytes()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{curved_from_wkt, from_wkt, normalise};

    fn curved(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        curved_from_wkt(text.as_bytes(), &mut out).unwrap();
        out
    }

    fn linear(text: &str) -> (Vec<u8>, String) {
        let mut out = vec![9];
        let summary = linearise(&curved(text), &mut out).unwrap();
        assert_eq!(scan(&out[1..]), Ok(summary));
        (out[1..].to_vec(), summary.geometry_type.to_string())
    }

    #[test]
    fn each_type_becomes_its_straight_one() {
        for (text, expected) in [
            ("CIRCULARSTRING (0 0, 1 1, 2 0)", "LineString"),
            ("CIRCULARSTRING Z (0 0 1, 1 1 2, 2 0 3)", "LineString Z"),
            ("CIRCULARSTRING EMPTY", "LineString"),
            ("COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0))", "LineString"),
            ("CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 0 0), (0.5 0, 1 0.1, 1 0, 0.5 0))", "Polygon"),
            (
                "CURVEPOLYGON ZM (COMPOUNDCURVE ((0 0 1 1, 1 0 1 1), CIRCULARSTRING (1 0 1 1, 1 2 3 4, 0 0 1 1)))",
                "Polygon ZM",
            ),
            ("MULTICURVE ((0 0, 1 1), CIRCULARSTRING (0 0, 1 1, 2 0), COMPOUNDCURVE ((0 0, 1 1)))", "MultiLineString"),
            ("MULTISURFACE (((0 0, 1 0, 1 1, 0 0)), CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 0 0)))", "MultiPolygon"),
            ("GEOMETRYCOLLECTION (POINT (1 2), CIRCULARSTRING (0 0, 1 1, 2 0))", "GeometryCollection"),
            ("MULTISURFACE EMPTY", "MultiPolygon"),
        ] {
            assert_eq!(linear(text).1, expected, "{text}");
        }
    }

    #[test]
    fn compound_curves_have_each_joint_once() {
        let (compound, _) = linear("COMPOUNDCURVE ((0 0, 1 0), CIRCULARSTRING (1 0, 2 1, 3 0), (3 0, 4 0))");
        assert_eq!(u32::from_le_bytes(compound[5..9].try_into().unwrap()), 2 + 46 + 1);
        let (line, _) = linear("COMPOUNDCURVE ((0 0, 1 0), (5 5, 6 6))");
        let mut expected = Vec::new();
        from_wkt(b"LINESTRING (0 0, 1 0, 5 5, 6 6)", &mut expected).unwrap();
        assert_eq!(line, expected);
    }

    #[test]
    fn straight_geometry_is_as_with_normalise() {
        let text = "GEOMETRYCOLLECTION Z (POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1)), MULTIPOINT Z ((1 2 3)))";
        let (mut expected, wkb) = (Vec::new(), curved(text));
        normalise(&wkb, &mut expected).unwrap();
        assert_eq!(linear(text).0, expected);
    }

    #[test]
    fn both_byte_orders_and_extended_wkb() {
        let values = [0.0f64, 0.0, 7.0, 1.0, 1.0, 7.0, 2.0, 0.0, 7.0];
        // CIRCULARSTRING Z with an SRID, big-endian.
        let mut wkb = vec![0, 0xA0, 0, 0, 8, 0, 0, 8, 0x6A, 0, 0, 0, 3];
        wkb.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        let mut out = Vec::new();
        linearise(&wkb, &mut out).unwrap();
        assert_eq!(out, linear("CIRCULARSTRING Z (0 0 7, 1 1 7, 2 0 7)").0);
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        let refused = |wkb: &[u8]| {
            let mut out = vec![1, 2];
            let error = linearise(wkb, &mut out).unwrap_err();
            assert_eq!(out, [1, 2]);
            error
        };
        let circular = curved("CIRCULARSTRING (0 0, 1 1, 2 0)");
        for length in 0..circular.len() {
            assert!(matches!(refused(&circular[..length]), WkbError::Truncated { .. }));
        }
        assert!(matches!(refused(&[&circular[..], &[0]].concat()), WkbError::Trailing { .. }));
        assert_eq!(refused(&curved("CIRCULARSTRING (0 0, 1 1)")), WkbError::Arcs { offset: 5, count: 2 });
        assert_eq!(refused(&[1, 16, 0, 0, 0, 0, 0, 0, 0]), WkbError::Curve { name: "TIN" });
        // A compound curve in a compound curve, and a point in a curve polygon.
        assert_eq!(linear("COMPOUNDCURVE (EMPTY, EMPTY)").1, "LineString");
        let nested = [&[1, 9, 0, 0, 0, 1, 0, 0, 0][..], &curved("COMPOUNDCURVE ((0 0, 1 1))")].concat();
        assert!(matches!(refused(&nested), WkbError::Part { .. }));
        let point = [&[1, 10, 0, 0, 0, 1, 0, 0, 0][..], &curved("POINT (0 0)")].concat();
        assert!(matches!(refused(&point), WkbError::Part { .. }));
        let mixed = [&[1, 11, 0, 0, 0, 1, 0, 0, 0][..], &curved("LINESTRING Z (0 0 0, 1 1 1)")].concat();
        assert!(matches!(refused(&mixed), WkbError::Dimension { .. }));
        let mut deep = Vec::new();
        for _ in 0..40 {
            deep.extend([1, 7, 0, 0, 0, 1, 0, 0, 0]);
        }
        deep.extend(&circular);
        assert_eq!(refused(&deep), WkbError::Depth { limit: MAX_DEPTH });
        assert!(matches!(refused(&[1, 11, 0, 0, 0, 255, 255, 255, 255]), WkbError::Truncated { .. }));
    }
}

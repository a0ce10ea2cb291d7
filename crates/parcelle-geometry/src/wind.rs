//! The winding order of rings.

use crate::error::WkbError;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::{Cursor, MAX_DEPTH};

/// Turns exterior rings counterclockwise and interior rings clockwise, in place and in the plane; positions keep their
/// z and m. Says whether any ring was turned. A ring without area (or with NaN) has no order and stays as it is.
///
/// # Errors
/// [`WkbError`] where the bytes are not a geometry of straight segments; rings before the fault may be turned then.
pub fn wind_counterclockwise(wkb: &mut [u8]) -> Result<bool, WkbError> {
    let mut offset = 0;
    wind(wkb, &mut offset, None, 0)
}

fn wind(wkb: &mut [u8], offset: &mut usize, parent: Option<GeometryType>, depth: usize) -> Result<bool, WkbError> {
    if depth > MAX_DEPTH {
        return Err(WkbError::Depth { limit: MAX_DEPTH });
    }
    let mut cursor = Cursor { bytes: wkb, offset: *offset };
    let header = cursor.header(parent)?;
    let (geometry_type, little_endian) = (header.geometry_type, header.little_endian);
    let count = match geometry_type.kind {
        GeometryKind::Point => 1,
        _ => cursor.count(little_endian)?,
    };
    *offset = cursor.offset;
    let mut turned = false;
    match geometry_type.kind {
        GeometryKind::Point | GeometryKind::LineString => {
            cursor.positions(count, geometry_type.dimension)?;
            *offset = cursor.offset;
        }
        GeometryKind::Polygon => {
            for ring in 0..count {
                let mut cursor = Cursor { bytes: wkb, offset: *offset };
                let positions = cursor.count(little_endian)?;
                let start = cursor.offset;
                let bytes = cursor.positions(positions, geometry_type.dimension)?;
                *offset = cursor.offset;
                let area = doubled_area(bytes, geometry_type.dimension, little_endian);
                let wrong = if ring == 0 { area < 0.0 } else { area > 0.0 };
                if wrong && let Some(bytes) = wkb.get_mut(start..*offset) {
                    reverse(bytes, geometry_type.dimension);
                    turned = true;
                }
            }
        }
        _ => {
            for _ in 0..count {
                turned |= wind(wkb, offset, Some(geometry_type), depth + 1)?;
            }
        }
    }
    Ok(turned)
}

/// Twice the area of a ring, positive where it is counterclockwise. Taken about its first position: projected
/// coordinates in the millions would lose the sign of small rings.
fn doubled_area(bytes: &[u8], dimension: Dimension, little_endian: bool) -> f64 {
    let decode = |bytes: &[u8; 8]| if little_endian { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) };
    let values = bytes.as_chunks::<8>().0;
    let mut positions = values.chunks_exact(dimension.size()).filter_map(|position| match position {
        [x, y, ..] => Some((decode(x), decode(y))),
        _ => None,
    });
    let Some((origin_x, origin_y)) = positions.next() else { return 0.0 };
    let (mut last_x, mut last_y, mut sum) = (0.0, 0.0, 0.0);
    for (x, y) in positions {
        let (x, y) = (x - origin_x, y - origin_y);
        sum += last_x * y - x * last_y;
        (last_x, last_y) = (x, y);
    }
    sum
}

fn reverse(bytes: &mut [u8], dimension: Dimension) {
    match dimension.size() {
        2 => bytes.as_chunks_mut::<16>().0.reverse(),
        3 => bytes.as_chunks_mut::<24>().0.reverse(),
        _ => bytes.as_chunks_mut::<32>().0.reverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A polygon with z: an exterior ring and a hole, each counterclockwise or not.
    fn polygon(exterior: bool, interior: bool) -> Vec<u8> {
        let mut wkb = vec![1];
        wkb.extend(1003u32.to_le_bytes());
        wkb.extend(2u32.to_le_bytes());
        for (counterclockwise, size) in [(exterior, 10.0), (interior, 4.0)] {
            wkb.extend(5u32.to_le_bytes());
            let mut corners = [(0.0, 0.0), (size, 0.0), (size, size), (0.0, size), (0.0, 0.0)];
            if !counterclockwise {
                corners.reverse();
            }
            for (x, y) in corners {
                for value in [652_000.0 + x, 6_862_000.0 + y, x + 100.0 * y] {
                    wkb.extend(f64::to_le_bytes(value));
                }
            }
        }
        wkb
    }

    #[test]
    fn rings_are_turned_only_where_they_are_wrong() {
        let right = polygon(true, false);
        for (exterior, interior) in [(true, false), (false, false), (true, true), (false, true)] {
            let mut wkb = polygon(exterior, interior);
            assert_eq!(wind_counterclockwise(&mut wkb), Ok((exterior, interior) != (true, false)));
            assert!(wkb == right, "{exterior} {interior}");
        }
        let mut collection = vec![1, 0xEF, 3, 0, 0, 1, 0, 0, 0];
        let expected = [&collection[..], &right].concat();
        collection.extend(polygon(false, true));
        assert_eq!(wind_counterclockwise(&mut collection), Ok(true));
        assert!(collection == expected);
    }

    #[test]
    fn what_has_no_order_stays() {
        let mut flat = vec![1, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0];
        for value in [0.0, 0.0, 5.0, 5.0, 2.0, 2.0, 0.0, 0.0] {
            flat.extend(f64::to_le_bytes(value));
        }
        let before = flat.clone();
        assert_eq!(wind_counterclockwise(&mut flat), Ok(false));
        assert_eq!(flat, before);
        let mut line = vec![1, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(wind_counterclockwise(&mut line), Ok(false));
        assert_eq!(wind_counterclockwise(&mut [1, 3, 0, 0, 0, 0, 0, 0, 0]), Ok(false));
    }

    #[test]
    fn cut_bytes_are_an_error() {
        let whole = polygon(false, true);
        for length in 0..whole.len() {
            assert!(wind_counterclockwise(&mut whole[..length].to_vec()).is_err(), "{length}");
        }
    }
}

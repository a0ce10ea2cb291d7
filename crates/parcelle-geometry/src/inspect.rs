//! What is odd inside a geometry that can be read: for programs that judge data, not for those that carry it.

use crate::bounds::Bounds;
use crate::error::WkbError;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::{Cursor, MAX_DEPTH, Summary};

/// Heights that stand for "not known" in national data: `-1000` (BD TOPO of IGN), `-9999` and its longer kin, the least
/// 16-bit integer, the least single-precision number.
pub const HEIGHT_SENTINELS: [f64; 5] = [-1000.0, -9999.0, -99_999.0, -32_768.0, f32::MIN as f64];

/// Counts of what is inside a geometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inspection {
    /// What it is and where it lies.
    pub summary: Summary,
    /// A header has the flags of EWKB (PostGIS), not the codes of ISO WKB.
    pub is_extended: bool,
    /// Positions, without empty points.
    pub positions: u64,
    /// Positions whose x or y is not a finite number.
    pub not_finite: u64,
    /// Positions at 0, 0.
    pub at_origin: u64,
    /// Rings of polygons that have positions.
    pub rings: u64,
    /// Rings that do not end where they begin.
    pub open_rings: u64,
    /// Rings of fewer than four positions.
    pub short_rings: u64,
    /// Exterior rings that are clockwise, and interior ones that are not.
    pub turned_rings: u64,
    /// Positions with a z.
    pub heights: u64,
    /// Of those, with a z of 0.
    pub zero_heights: u64,
    /// Of those, how many have each of [`HEIGHT_SENTINELS`].
    pub sentinel_heights: [u64; HEIGHT_SENTINELS.len()],
}

/// Validates a geometry as [`scan`](crate::scan) does, and looks at each of its positions.
///
/// # Errors
/// [`WkbError`] where the bytes are not exactly one geometry of straight segments.
pub fn inspect(wkb: &[u8]) -> Result<Inspection, WkbError> {
    let summary = crate::scan(wkb)?;
    let inspection = Inspection {
        summary,
        is_extended: false,
        positions: 0,
        not_finite: 0,
        at_origin: 0,
        rings: 0,
        open_rings: 0,
        short_rings: 0,
        turned_rings: 0,
        heights: 0,
        zero_heights: 0,
        sentinel_heights: [0; HEIGHT_SENTINELS.len()],
    };
    let mut inspector = Inspector { cursor: Cursor { bytes: wkb, offset: 0 }, found: inspection };
    inspector.geometry(None, 0)?;
    Ok(inspector.found)
}

struct Inspector<'a> {
    cursor: Cursor<'a>,
    found: Inspection,
}

/// How the bytes of positions are to be read.
#[derive(Clone, Copy)]
struct Shape {
    dimension: Dimension,
    little_endian: bool,
}

impl Shape {
    fn ordinate(self, position: &[u8], index: usize) -> f64 {
        let bytes = position.get(index * 8..).and_then(|rest| rest.first_chunk());
        bytes.map_or(
            f64::NAN,
            |bytes: &[u8; 8]| {
                if self.little_endian { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) }
            },
        )
    }

    fn xy(self, position: &[u8]) -> (f64, f64) {
        (self.ordinate(position, 0), self.ordinate(position, 1))
    }
}

impl Inspector<'_> {
    fn geometry(&mut self, parent: Option<GeometryType>, depth: usize) -> Result<(), WkbError> {
        if depth > MAX_DEPTH {
            return Err(WkbError::Depth { limit: MAX_DEPTH });
        }
        let header = self.cursor.header(parent)?;
        self.found.is_extended |= header.extended;
        let GeometryType { kind, dimension } = header.geometry_type;
        let shape = Shape { dimension, little_endian: header.little_endian };
        match kind {
            GeometryKind::Point => {
                let bytes = self.cursor.positions(1, dimension)?;
                // A point of NaN is how WKB writes an empty one.
                let (x, y) = shape.xy(bytes);
                if !(x.is_nan() && y.is_nan()) {
                    self.positions(bytes, shape);
                }
            }
            GeometryKind::LineString => {
                let count = self.cursor.count(header.little_endian)?;
                let bytes = self.cursor.positions(count, dimension)?;
                self.positions(bytes, shape);
            }
            GeometryKind::Polygon => {
                for ring in 0..self.cursor.count(header.little_endian)? {
                    let count = self.cursor.count(header.little_endian)?;
                    let bytes = self.cursor.positions(count, dimension)?;
                    self.positions(bytes, shape);
                    self.ring(bytes, shape, ring == 0);
                }
            }
            _ => {
                for _ in 0..self.cursor.count(header.little_endian)? {
                    self.geometry(Some(header.geometry_type), depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn positions(&mut self, bytes: &[u8], shape: Shape) {
        let found = &mut self.found;
        for position in bytes.chunks_exact(shape.dimension.size() * 8) {
            let (x, y) = shape.xy(position);
            found.positions += 1;
            found.not_finite += u64::from(!x.is_finite() || !y.is_finite());
            found.at_origin += u64::from(x == 0.0 && y == 0.0);
            if shape.dimension.has_z() {
                let z = shape.ordinate(position, 2);
                found.heights += 1;
                found.zero_heights += u64::from(z == 0.0);
                for (sentinel, count) in HEIGHT_SENTINELS.iter().zip(&mut found.sentinel_heights) {
                    *count += u64::from(z == *sentinel);
                }
            }
        }
    }

    fn ring(&mut self, bytes: &[u8], shape: Shape, exterior: bool) {
        let mut positions = bytes.chunks_exact(shape.dimension.size() * 8);
        let count = positions.len();
        let Some(first) = positions.next() else { return };
        self.found.rings += 1;
        self.found.short_rings += u64::from(count < 4);
        let start = shape.xy(first);
        let (mut last, mut doubled_area) = ((0.0, 0.0), 0.0);
        let mut end = start;
        // Taken about the first position: projected coordinates in the millions would lose the sign of small rings.
        for position in positions {
            end = shape.xy(position);
            let next = (end.0 - start.0, end.1 - start.1);
            doubled_area += last.0 * next.1 - next.0 * last.1;
            last = next;
        }
        self.found.open_rings += u64::from(end != start);
        self.found.turned_rings += u64::from(if exterior { doubled_area < 0.0 } else { doubled_area > 0.0 });
    }
}

impl Inspection {
    /// Where it lies.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.summary.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_wkt;

    fn of(text: &str) -> Inspection {
        let mut wkb = Vec::new();
        from_wkt(text.as_bytes(), &mut wkb).unwrap();
        inspect(&wkb).unwrap()
    }

    #[test]
    fn rings_are_looked_at() {
        let good = of("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))");
        assert_eq!((good.rings, good.open_rings, good.short_rings, good.turned_rings), (2, 0, 0, 0));
        assert!(!good.summary.has_open_ring);
        let turned = of("MULTIPOLYGON (((0 0, 0 4, 4 4, 4 0, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1)), EMPTY)");
        assert_eq!((turned.rings, turned.turned_rings), (2, 2));
        let open = of("POLYGON ((0 0, 4 0, 4 4))");
        assert_eq!((open.open_rings, open.short_rings), (1, 1));
        assert!(open.summary.has_open_ring);
    }

    #[test]
    fn positions_are_counted() {
        let found = of("GEOMETRYCOLLECTION Z (POINT Z (0 0 -1000), LINESTRING Z (1 2 0, 3 4 -9999), POINT Z EMPTY)");
        assert_eq!((found.positions, found.heights, found.zero_heights, found.at_origin), (3, 3, 1, 1));
        assert_eq!(found.sentinel_heights, [1, 1, 0, 0, 0]);
        assert_eq!((found.not_finite, found.is_extended), (0, false));
        let mut line = vec![1, 2, 0, 0, 0, 2, 0, 0, 0];
        for value in [1.0, f64::NAN, f64::INFINITY, 2.0] {
            line.extend(f64::to_le_bytes(value));
        }
        assert_eq!(inspect(&line).unwrap().not_finite, 2);
    }

    #[test]
    fn extended_headers_are_told_apart() {
        let mut point = vec![1, 1, 0, 0, 0x20, 0x6A, 8, 0, 0];
        point.extend([1.0f64, 2.0].iter().flat_map(|value| value.to_le_bytes()));
        assert!(inspect(&point).unwrap().is_extended);
        // Big-endian ISO WKB is another matter.
        let mut point = vec![0, 0, 0, 0, 1];
        point.extend([1.0f64, 2.0].iter().flat_map(|value| value.to_be_bytes()));
        let found = inspect(&point).unwrap();
        assert!(!found.is_extended && !found.summary.is_canonical);
    }
}

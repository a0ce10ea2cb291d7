//! The positions of many geometries in arrays, and back into them.

use crate::error::WkbError;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::{Cursor, MAX_DEPTH};

/// Bytes of an ordinate.
const ORDINATE: usize = 8;

/// Positions of any number of geometries as one array per ordinate, for what works on many at once; and the way back.
///
/// Empty positions (x and y are NaN) are left out. Where there is no z it is 0 here, and there is none on the way back.
#[derive(Debug, Clone, Default)]
pub struct Coordinates {
    /// First ordinates.
    pub x: Vec<f64>,
    /// Second ordinates.
    pub y: Vec<f64>,
    /// Third ordinates; 0 where there is none or it is NaN.
    pub z: Vec<f64>,
    runs: Vec<Run>,
}

/// Positions that follow each other in the bytes.
#[derive(Debug, Clone, Copy)]
struct Run {
    offset: usize,
    count: usize,
    dimension: Dimension,
}

impl Coordinates {
    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.x.clear();
        self.y.clear();
        self.z.clear();
        self.runs.clear();
    }

    /// Adds the positions of the geometry that `bytes` has from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`WkbError`] where that is not little-endian ISO WKB; positions may have been added then.
    pub fn gather(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), WkbError> {
        let available = bytes.len().min(end);
        let bytes = bytes.get(..end).ok_or(WkbError::Truncated { offset: start, needed: end as u64, available })?;
        let mut cursor = Cursor { bytes, offset: start };
        self.geometry(&mut cursor, None, 0)?;
        match end.saturating_sub(cursor.offset) {
            0 => Ok(()),
            extra => Err(WkbError::Trailing { offset: cursor.offset, extra }),
        }
    }

    fn geometry(
        &mut self,
        cursor: &mut Cursor<'_>,
        parent: Option<GeometryType>,
        depth: usize,
    ) -> Result<(), WkbError> {
        if depth > MAX_DEPTH {
            return Err(WkbError::Depth { limit: MAX_DEPTH });
        }
        let offset = cursor.offset;
        let header = cursor.header(parent)?;
        if !header.canonical {
            return Err(WkbError::ByteOrder { offset, mark: u8::from(header.little_endian) });
        }
        let GeometryType { kind, dimension } = header.geometry_type;
        match kind {
            GeometryKind::Point => self.positions(cursor, 1, dimension)?,
            GeometryKind::LineString => {
                let count = cursor.count(true)?;
                self.positions(cursor, count, dimension)?;
            }
            GeometryKind::Polygon => {
                for _ in 0..cursor.count(true)? {
                    let count = cursor.count(true)?;
                    self.positions(cursor, count, dimension)?;
                }
            }
            _ => {
                for _ in 0..cursor.count(true)? {
                    self.geometry(cursor, Some(header.geometry_type), depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn positions(&mut self, cursor: &mut Cursor<'_>, count: u32, dimension: Dimension) -> Result<(), WkbError> {
        let offset = cursor.offset;
        let positions = cursor.positions(count, dimension)?;
        self.runs.push(Run { offset, count: count as usize, dimension });
        for position in positions.chunks_exact(dimension.size() * ORDINATE) {
            let (x, y) = (ordinate(position, 0), ordinate(position, 1));
            if is_empty(x, y) {
                continue;
            }
            let z = if dimension.has_z() { ordinate(position, 2) } else { 0.0 };
            self.x.push(x);
            self.y.push(y);
            self.z.push(if z.is_nan() { 0.0 } else { z });
        }
        Ok(())
    }

    /// Writes x and y into the bytes they were gathered from, and z where `with_z` says so and there is one.
    pub fn scatter(&self, bytes: &mut [u8], with_z: bool) {
        let mut ordinates = self.x.iter().zip(&self.y).zip(&self.z);
        for Run { offset, count, dimension } in &self.runs {
            let size = dimension.size() * ORDINATE;
            let run = offset.checked_add(count * size).and_then(|end| bytes.get_mut(*offset..end)).unwrap_or_default();
            for position in run.chunks_exact_mut(size) {
                if is_empty(ordinate(position, 0), ordinate(position, 1)) {
                    continue;
                }
                let Some(((x, y), z)) = ordinates.next() else { return };
                set(position, 0, *x);
                set(position, 1, *y);
                if with_z && dimension.has_z() && !ordinate(position, 2).is_nan() {
                    set(position, 2, *z);
                }
            }
        }
    }
}

fn is_empty(x: f64, y: f64) -> bool {
    x.is_nan() && y.is_nan()
}

fn ordinate(position: &[u8], index: usize) -> f64 {
    let bytes = position.get(index * ORDINATE..).and_then(|rest| rest.first_chunk());
    bytes.map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
}

fn set(position: &mut [u8], index: usize, value: f64) {
    if let Some(bytes) = position.get_mut(index * ORDINATE..).and_then(|rest| rest.first_chunk_mut()) {
        *bytes = value.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_wkt;

    /// Texts of geometries one after the other, and where each ends.
    fn bytes(texts: &[&str]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            from_wkt(text.as_bytes(), &mut bytes).unwrap();
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn changed(texts: &[&str], with_z: bool) -> Vec<u8> {
        let (mut bytes, ends) = bytes(texts);
        let mut coordinates = Coordinates::default();
        let mut start = 0;
        for end in ends {
            coordinates.gather(&bytes, start, end).unwrap();
            start = end;
        }
        for ((x, y), z) in coordinates.x.iter_mut().zip(&mut coordinates.y).zip(&mut coordinates.z) {
            (*x, *y, *z) = (*x + 100.0, -*y, *z * 2.0);
        }
        coordinates.scatter(&mut bytes, with_z);
        bytes
    }

    #[test]
    fn every_type_and_dimension_is_gone_through() {
        let before = [
            "POINT (1 2)",
            "POINT EMPTY",
            "LINESTRING Z (1 2 3, 4 5 6)",
            "POLYGON M ((0 0 7, 1 0 8, 1 1 9, 0 0 7), (0 0 1, 1 0 2, 1 1 3, 0 0 1))",
            "MULTIPOINT ZM ((1 2 3 4), (5 6 7 8))",
            "MULTILINESTRING ((1 2, 3 4), EMPTY)",
            "MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)))",
            "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (3 4, 5 6)))",
            "POLYGON EMPTY",
        ];
        let after = [
            "POINT (101 -2)",
            "POINT EMPTY",
            "LINESTRING Z (101 -2 6, 104 -5 12)",
            "POLYGON M ((100 -0 7, 101 -0 8, 101 -1 9, 100 -0 7), (100 -0 1, 101 -0 2, 101 -1 3, 100 -0 1))",
            "MULTIPOINT ZM ((101 -2 6 4), (105 -6 14 8))",
            "MULTILINESTRING ((101 -2, 103 -4), EMPTY)",
            "MULTIPOLYGON Z (((100 -0 2, 101 -0 2, 101 -1 2, 100 -0 2)))",
            "GEOMETRYCOLLECTION (POINT (101 -2), GEOMETRYCOLLECTION (LINESTRING (103 -4, 105 -6)))",
            "POLYGON EMPTY",
        ];
        assert_eq!(changed(&before, true), bytes(&after).0);
        assert_eq!(changed(&["POINT Z (1 2 3)"], false), bytes(&["POINT Z (101 -2 3)"]).0);
        for (before, after) in before.iter().zip(after) {
            assert_eq!(changed(&[before], true), bytes(&[after]).0, "{before}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let (mut bytes, ends) = bytes(&["LINESTRING (1 2, 3 4)"]);
        let mut coordinates = Coordinates::default();
        assert!(matches!(coordinates.gather(&bytes, 0, 30), Err(WkbError::Truncated { .. })));
        assert!(matches!(coordinates.gather(&bytes, 0, ends[0] + 1), Err(WkbError::Truncated { .. })));
        bytes.push(0);
        assert!(matches!(coordinates.gather(&bytes, 0, ends[0] + 1), Err(WkbError::Trailing { extra: 1, .. })));
        bytes[0] = 0;
        assert!(coordinates.gather(&bytes, 0, ends[0]).is_err());
    }
}

//! Geometries of one type as flat columns of ordinates, the memory layout of GeoArrow.

use crate::error::WkbError;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::{Cursor, Header, scan};

/// Why a geometry does not fit a [`FlatGeometries`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlattenError {
    /// The bytes are no geometry.
    #[error(transparent)]
    Wkb(#[from] WkbError),
    /// The geometry has another type.
    #[error("a {found} does not fit a column of the type {expected}")]
    Type {
        /// Type of the geometry.
        found: GeometryType,
        /// Type of the column.
        expected: GeometryType,
    },
    /// More positions than 32-bit offsets can number.
    #[error("more than 2,147,483,647 positions in one batch")]
    TooLarge,
}

/// Any number of geometries of one type: one vector per ordinate, and one vector of offsets per level of nesting.
///
/// Besides geometries of its own type it takes a single geometry where the type is its `Multi…` (it becomes the only
/// part), and an empty geometry of any dimension. An empty point is a position of NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatGeometries {
    geometry_type: GeometryType,
    offsets: Vec<Vec<i32>>,
    ordinates: Vec<Vec<f64>>,
}

impl FlatGeometries {
    /// No geometries yet; `None` for a geometry collection, whose parts have no common type.
    #[must_use]
    pub fn new(geometry_type: GeometryType) -> Option<Self> {
        let levels = match geometry_type.kind {
            GeometryKind::Point => 0,
            GeometryKind::LineString | GeometryKind::MultiPoint => 1,
            GeometryKind::Polygon | GeometryKind::MultiLineString => 2,
            GeometryKind::MultiPolygon => 3,
            GeometryKind::GeometryCollection => return None,
        };
        let ordinates = vec![Vec::new(); geometry_type.dimension.size()];
        Some(Self { geometry_type, offsets: vec![vec![0]; levels], ordinates })
    }

    /// Appends a geometry.
    ///
    /// # Errors
    /// [`FlattenError`]; what was appended is then of no use.
    pub fn push(&mut self, wkb: &[u8]) -> Result<(), FlattenError> {
        let mut cursor = Cursor { bytes: wkb, offset: 0 };
        let header = cursor.header(None)?;
        let (found, expected) = (header.geometry_type, self.geometry_type);
        let single = expected.kind.part() == Some(found.kind);
        if found.kind != expected.kind && !single {
            return Err(FlattenError::Type { found, expected });
        }
        if found.dimension != expected.dimension {
            return if scan(wkb)?.is_empty { self.push_empty() } else { Err(FlattenError::Type { found, expected }) };
        }
        if single {
            if !scan(wkb)?.is_empty {
                self.part(&mut cursor, header, 1)?;
            }
            return self.end(0);
        }
        match found.kind {
            GeometryKind::Point | GeometryKind::LineString | GeometryKind::Polygon => self.part(&mut cursor, header, 0),
            _ => {
                for _ in 0..cursor.count(header.little_endian)? {
                    let part = cursor.header(Some(found))?;
                    self.part(&mut cursor, part, 1)?;
                }
                self.end(0)
            }
        }
    }

    /// Appends an empty geometry; also what stands in the place of a NULL.
    ///
    /// # Errors
    /// [`FlattenError::TooLarge`].
    pub fn push_empty(&mut self) -> Result<(), FlattenError> {
        if self.offsets.is_empty() {
            for ordinates in &mut self.ordinates {
                ordinates.push(f64::NAN);
            }
            return Ok(());
        }
        self.end(0)
    }

    /// Type of the geometries.
    #[must_use]
    pub fn geometry_type(&self) -> GeometryType {
        self.geometry_type
    }

    /// Offsets from the outermost level inwards (geometries into parts, …, rings into positions), each beginning with
    /// 0; and the ordinates x, y and so on. Points have no offsets.
    #[must_use]
    pub fn into_columns(self) -> (Vec<Vec<i32>>, Vec<Vec<f64>>) {
        (self.offsets, self.ordinates)
    }

    /// Appends the body of a point, line string or polygon whose outermost offsets are at `level`.
    fn part(&mut self, cursor: &mut Cursor<'_>, header: Header, level: usize) -> Result<(), FlattenError> {
        let little_endian = header.little_endian;
        match header.geometry_type.kind {
            GeometryKind::Point => {
                self.positions(cursor, 1, little_endian)?;
                Ok(())
            }
            GeometryKind::LineString => {
                let count = cursor.count(little_endian)?;
                self.positions(cursor, count, little_endian)?;
                self.end(level)
            }
            _ => {
                for _ in 0..cursor.count(little_endian)? {
                    let count = cursor.count(little_endian)?;
                    self.positions(cursor, count, little_endian)?;
                    self.end(level + 1)?;
                }
                self.end(level)
            }
        }
    }

    fn positions(&mut self, cursor: &mut Cursor<'_>, count: u32, little_endian: bool) -> Result<(), WkbError> {
        let dimension: Dimension = self.geometry_type.dimension;
        let values = cursor.positions(count, dimension)?.as_chunks::<8>().0;
        for (ordinate, ordinates) in self.ordinates.iter_mut().enumerate() {
            let values = values.iter().skip(ordinate).step_by(dimension.size());
            if little_endian {
                ordinates.extend(values.map(|bytes| f64::from_le_bytes(*bytes)));
            } else {
                ordinates.extend(values.map(|bytes| f64::from_be_bytes(*bytes)));
            }
        }
        Ok(())
    }

    /// Ends a geometry, part or ring: its offset is how many there are of what it consists of.
    fn end(&mut self, level: usize) -> Result<(), FlattenError> {
        let length = match self.offsets.get(level + 1) {
            Some(inner) => inner.len() - 1,
            None => self.ordinates.first().map_or(0, Vec::len),
        };
        let offset = i32::try_from(length).map_err(|_| FlattenError::TooLarge)?;
        if let Some(offsets) = self.offsets.get_mut(level) {
            offsets.push(offset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wkb(code: u32, body: &[&[u8]]) -> Vec<u8> {
        let mut wkb = vec![1];
        wkb.extend(code.to_le_bytes());
        wkb.extend(body.concat());
        wkb
    }

    fn ordinates(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn counted(count: u32, rest: &[u8]) -> Vec<u8> {
        [&count.to_le_bytes(), rest].concat()
    }

    fn flat(kind: GeometryKind, dimension: Dimension) -> FlatGeometries {
        FlatGeometries::new(GeometryType { kind, dimension }).unwrap()
    }

    #[test]
    fn polygons_nest_in_multipolygons_by_promotion() {
        let ring = counted(3, &ordinates(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        let polygon = wkb(3, &[&counted(2, &[ring.clone(), ring.clone()].concat())]);
        let multi = wkb(6, &[&counted(2, &[polygon.clone(), polygon.clone()].concat())]);
        let mut flat = flat(GeometryKind::MultiPolygon, Dimension::Xy);
        flat.push(&polygon).unwrap();
        flat.push_empty().unwrap();
        flat.push(&multi).unwrap();
        flat.push(&wkb(3, &[&0u32.to_le_bytes()])).unwrap();
        flat.push(&wkb(1003, &[&0u32.to_le_bytes()])).unwrap();
        let (offsets, ordinates) = flat.into_columns();
        assert_eq!(offsets[0], [0, 1, 1, 3, 3, 3]);
        assert_eq!(offsets[1], [0, 2, 4, 6]);
        assert_eq!(offsets[2], [0, 3, 6, 9, 12, 15, 18]);
        assert_eq!(ordinates[0][..4], [0.0, 2.0, 4.0, 0.0]);
        assert_eq!((ordinates[0].len(), ordinates[1][17]), (18, 5.0));
    }

    #[test]
    fn points_have_no_offsets_and_empty_ones_are_nan() {
        let mut points = flat(GeometryKind::Point, Dimension::Xyz);
        points.push(&wkb(1001, &[&ordinates(&[1.0, 2.0, 3.0])])).unwrap();
        points.push(&wkb(1, &[&ordinates(&[f64::NAN, f64::NAN])])).unwrap();
        let (offsets, columns) = points.into_columns();
        assert_eq!((offsets.len(), columns.len()), (0, 3));
        assert_eq!((columns[2][0], columns[2][1].is_nan()), (3.0, true));

        let mut points = flat(GeometryKind::MultiPoint, Dimension::Xy);
        points.push(&wkb(1, &[&ordinates(&[1.0, 2.0])])).unwrap();
        points.push(&wkb(1, &[&ordinates(&[f64::NAN, f64::NAN])])).unwrap();
        assert_eq!(points.into_columns().0, [[0, 1, 1]]);
    }

    #[test]
    fn big_endian_lines_are_read() {
        let mut line = vec![0, 0, 0, 0, 2, 0, 0, 0, 2];
        line.extend([1.0f64, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_be_bytes()));
        let mut flat = flat(GeometryKind::MultiLineString, Dimension::Xy);
        flat.push(&line).unwrap();
        assert_eq!(flat.into_columns(), (vec![vec![0, 1], vec![0, 2]], vec![vec![1.0, 3.0], vec![2.0, 4.0]]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let z = wkb(1001, &[&ordinates(&[1.0, 2.0, 3.0])]);
        let error = flat(GeometryKind::Point, Dimension::Xy).push(&z).unwrap_err();
        assert_eq!(error.to_string(), "a Point Z does not fit a column of the type Point");
        assert!(matches!(flat(GeometryKind::Polygon, Dimension::Xyz).push(&z), Err(FlattenError::Type { .. })));
        for length in 0..z.len() {
            assert!(matches!(flat(GeometryKind::Point, Dimension::Xyz).push(&z[..length]), Err(FlattenError::Wkb(_))));
        }
        let collection = GeometryType { kind: GeometryKind::GeometryCollection, dimension: Dimension::Xy };
        assert_eq!(FlatGeometries::new(collection), None);
    }
}

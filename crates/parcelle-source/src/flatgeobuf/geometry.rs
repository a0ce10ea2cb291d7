//! A geometry of FlatGeobuf as little-endian ISO WKB.
//!
//! Both formats have the same numbers in the same order. Positions in the plane are copied as bytes; z and m, which
//! FlatGeobuf has beside them, are woven in.

use flatgeobuf::{Geometry as Fields, GeometryType};
use parcelle_geometry::{Dimension, MAX_DEPTH, WkbError};

use crate::Curves;
use crate::error::GeometryReason;
use crate::flatgeobuf::header::Geometry as Declared;
use crate::flatgeobuf::table::{OutOfBounds, Table};

/// Why a geometry cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It does not follow the format.
    Malformed(&'static str),
    /// It is none that can be carried.
    Refused(GeometryReason),
}

impl From<OutOfBounds> for Fault {
    fn from(_: OutOfBounds) -> Self {
        Self::Malformed("an offset in its geometry leads out of it")
    }
}

/// The vectors of a geometry without parts.
struct Positions<'a> {
    xy: &'a [u8],
    z: &'a [u8],
    m: &'a [u8],
    /// Number of the position after the last of each ring or line.
    ends: &'a [u8],
}

const MANY_REFERENCES: Fault = Fault::Malformed("parts of its geometry are used many times over");

impl<'a> Positions<'a> {
    fn read(table: &Table<'a>) -> Result<Self, Fault> {
        let positions = Self {
            xy: table.vector(Fields::VT_XY, 8)?,
            z: table.vector(Fields::VT_Z, 8)?,
            m: table.vector(Fields::VT_M, 8)?,
            ends: table.vector(Fields::VT_ENDS, 4)?,
        };
        if !table.vector(Fields::VT_T, 8)?.is_empty() || !table.vector(Fields::VT_TM, 8)?.is_empty() {
            return Err(Fault::Refused(GeometryReason::TimeOrdinates));
        }
        let fits = |ordinates: &[u8]| ordinates.is_empty() || ordinates.len() * 2 == positions.xy.len();
        if !positions.xy.len().is_multiple_of(16) || !fits(positions.z) || !fits(positions.m) {
            return Err(Fault::Malformed("the numbers of its ordinates x, y, z and m do not agree"));
        }
        Ok(positions)
    }

    fn dimension(&self) -> Dimension {
        Dimension::new(!self.z.is_empty(), !self.m.is_empty())
    }

    fn count(&self) -> usize {
        self.xy.len() / 16
    }

    /// Appends the positions from `start` up to `end`, which are there.
    #[inline]
    fn write(&self, out: &mut Vec<u8>, start: usize, end: usize, dimension: Dimension) {
        let part = |ordinates: &'a [u8], size: usize| ordinates.get(start * size..end * size).unwrap_or_default();
        let (xy, z, m) = (part(self.xy, 16), part(self.z, 8), part(self.m, 8));
        if dimension == Dimension::Xy {
            out.extend_from_slice(xy);
            return;
        }
        let (xy, [z, m]) = (xy.as_chunks::<16>().0, [z, m].map(|ordinates| ordinates.as_chunks::<8>().0));
        out.reserve(xy.len() * dimension.size() * 8);
        match dimension {
            Dimension::Xy => {}
            Dimension::Xyz | Dimension::Xym => {
                for (xy, third) in xy.iter().zip(if dimension.has_z() { z } else { m }) {
                    out.extend_from_slice(xy);
                    out.extend_from_slice(third);
                }
            }
            Dimension::Xyzm => {
                for ((xy, z), m) in xy.iter().zip(z).zip(m) {
                    out.extend_from_slice(xy);
                    out.extend_from_slice(z);
                    out.extend_from_slice(m);
                }
            }
        }
    }

    /// Calls `take` with the range of each ring or line. Without ends there is one with all positions, if there are any.
    fn pieces(&self, take: &mut dyn FnMut(usize, usize)) -> Result<(), Fault> {
        let (ends, _) = self.ends.as_chunks::<4>();
        let mut start = 0;
        for end in ends {
            let end = usize::try_from(u32::from_le_bytes(*end)).unwrap_or(usize::MAX);
            if end < start || end > self.count() {
                return Err(Fault::Malformed("the ends of its rings or lines are not in order"));
            }
            take(start, end);
            start = end;
        }
        if ends.is_empty() && start < self.count() {
            take(start, self.count());
            start = self.count();
        }
        if start == self.count() { Ok(()) } else { Err(Fault::Malformed("positions follow the last ring or line")) }
    }

    fn piece_count(&self) -> usize {
        if self.ends.is_empty() { usize::from(self.count() > 0) } else { self.ends.len() / 4 }
    }
}

/// Appends a geometry as WKB. `feature_bytes` is the length of the feature it is in.
pub(super) fn write(
    table: &Table<'_>,
    declared: Declared,
    feature_bytes: usize,
    curves: &Curves,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let start = out.len();
    // Honest WKB is at most 9/4 of what it is made from: an empty line has 9 bytes instead of 4. A hostile feature could
    // refer to the same part many times.
    let limit = out.len().saturating_add(feature_bytes.saturating_mul(4)).saturating_add(64);
    let mut visits = feature_bytes / 4 + 1;
    let dimension = find_dimension(table, 0, &mut visits)?;
    let dimension = dimension.unwrap_or_else(|| Dimension::new(declared.has_z, declared.has_m));
    let [own] = table.scalar::<1>(Fields::VT_TYPE_)?.unwrap_or([0]);
    let type_code = if own == 0 { declared.type_code } else { own };
    let mut writer = Writer { out, dimension, limit, takes_curves: curves.are_taken(), has_curves: false };
    writer.geometry(table, type_code, 0)?;
    if writer.has_curves {
        let curved = out.split_off(start);
        curves.normalise(&curved, out).map_err(|error| Fault::Refused(error.into()))?;
    }
    Ok(())
}

/// The ordinates of the first position in a geometry; `None` if it has none.
fn find_dimension(table: &Table<'_>, depth: usize, visits: &mut usize) -> Result<Option<Dimension>, Fault> {
    let positions = Positions::read(table)?;
    if !positions.xy.is_empty() {
        return Ok(Some(positions.dimension()));
    }
    for part in table.tables(Fields::VT_PARTS)? {
        if depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        *visits = visits.checked_sub(1).ok_or(MANY_REFERENCES)?;
        if let Some(found) = find_dimension(&part?, depth + 1, visits)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn too_deep() -> Fault {
    Fault::Refused(WkbError::Depth { limit: MAX_DEPTH }.into())
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    dimension: Dimension,
    /// Bytes that `out` may have in the end.
    limit: usize,
    takes_curves: bool,
    /// Whether what was written has curves.
    has_curves: bool,
}

impl Writer<'_> {
    /// Byte order and type, and the count where the type has one.
    #[inline]
    fn header(&mut self, type_code: u8, count: Option<usize>) -> Result<(), Fault> {
        let thousands = match self.dimension {
            Dimension::Xy => 0,
            Dimension::Xyz => 1000,
            Dimension::Xym => 2000,
            Dimension::Xyzm => 3000,
        };
        self.out.push(1);
        self.out.extend_from_slice(&(u32::from(type_code) + thousands).to_le_bytes());
        count.map_or(Ok(()), |count| self.count(count))?;
        // Positions are copied from distinct bytes as often as a header was written for them.
        if self.out.len() > self.limit { Err(MANY_REFERENCES) } else { Ok(()) }
    }

    #[inline]
    fn count(&mut self, count: usize) -> Result<(), Fault> {
        let count = u32::try_from(count).map_err(|_| Fault::Malformed("its geometry has too many parts"))?;
        self.out.extend_from_slice(&count.to_le_bytes());
        Ok(())
    }

    fn geometry(&mut self, table: &Table<'_>, type_code: u8, depth: usize) -> Result<(), Fault> {
        match GeometryType(type_code) {
            GeometryType::Unknown => return Err(Fault::Malformed("the type of its geometry is not said")),
            GeometryType::MultiPolygon | GeometryType::GeometryCollection => {
                return self.collection(table, type_code, depth);
            }
            GeometryType::CompoundCurve
            | GeometryType::CurvePolygon
            | GeometryType::MultiCurve
            | GeometryType::MultiSurface
                if self.takes_curves =>
            {
                self.has_curves = true;
                return self.collection(table, type_code, depth);
            }
            GeometryType::CircularString if self.takes_curves => self.has_curves = true,
            other if type_code > GeometryType::GeometryCollection.0 => {
                return Err(match other.variant_name() {
                    Some(name) => Fault::Refused(GeometryReason::Curve { name: name.to_owned() }),
                    None => Fault::Malformed("the type of its geometry is not known"),
                });
            }
            _ => {}
        }
        let positions = Positions::read(table)?;
        if positions.count() > 0 && positions.dimension() != self.dimension {
            return Err(Fault::Malformed("its geometry has parts with and without z or m"));
        }
        if table.tables(Fields::VT_PARTS)?.remaining() > 0 {
            return Err(Fault::Malformed("its geometry has parts that its type does not allow"));
        }
        let (count, dimension) = (positions.count(), self.dimension);
        match GeometryType(type_code) {
            GeometryType::Point => {
                self.header(type_code, None)?;
                match count {
                    // A point without position has NaN for each ordinate (ISO WKB knows no other way).
                    0 => {
                        (0..dimension.size()).for_each(|_| self.out.extend_from_slice(&f64::NAN.to_le_bytes()));
                    }
                    1 => positions.write(self.out, 0, 1, dimension),
                    _ => return Err(Fault::Malformed("its geometry is a point with several positions")),
                }
            }
            GeometryType::MultiPoint => {
                self.header(type_code, Some(count))?;
                for place in 0..count {
                    self.header(GeometryType::Point.0, None)?;
                    positions.write(self.out, place, place + 1, dimension);
                }
            }
            GeometryType::LineString | GeometryType::CircularString => {
                self.header(type_code, Some(count))?;
                positions.write(self.out, 0, count, dimension);
            }
            kind => {
                self.header(type_code, Some(positions.piece_count()))?;
                let lines = kind == GeometryType::MultiLineString;
                let mut fault = Ok(());
                positions.pieces(&mut |start, end| {
                    let header = if lines {
                        self.header(GeometryType::LineString.0, Some(end - start))
                    } else {
                        self.count(end - start)
                    };
                    if header.is_err() {
                        fault = header;
                    }
                    positions.write(self.out, start, end, dimension);
                })?;
                fault?;
            }
        }
        if self.out.len() > self.limit { Err(MANY_REFERENCES) } else { Ok(()) }
    }

    fn collection(&mut self, table: &Table<'_>, type_code: u8, depth: usize) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        let parts = table.tables(Fields::VT_PARTS)?;
        if parts.remaining() == 0 && !Positions::read(table)?.xy.is_empty() {
            return Err(Fault::Malformed("its geometry is to have parts, and has positions instead"));
        }
        self.header(type_code, Some(parts.remaining()))?;
        for part in parts {
            let part = part?;
            let [own] = part.scalar::<1>(Fields::VT_TYPE_)?.unwrap_or([0]);
            let part_type = match (GeometryType(type_code), GeometryType(own)) {
                (GeometryType::MultiPolygon, GeometryType::Unknown | GeometryType::Polygon) => GeometryType::Polygon.0,
                (GeometryType::MultiPolygon, _) => {
                    return Err(Fault::Malformed("its geometry is a multipolygon with a part that is no polygon"));
                }
                _ => own,
            };
            self.geometry(&part, part_type, depth + 1)?;
        }
        Ok(())
    }
}

//! One shape as little-endian ISO WKB (ESRI, "Record Contents"; OGC 06-103r4, section 8.2).

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, BinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use parcelle_geometry::{Dimension, GeometryKind, GeometryType};

use super::rings::{Positions, Ring, find_outer_rings};
use crate::Window;
use crate::error::GeometryReason;

/// Measures below this are none (ESRI, "Numeric Types").
const LEAST_MEASURE: f64 = -1e38;

/// A longer record could outgrow the offsets of an Arrow column.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 30;

const WKB_POINT: u32 = 1;
const WKB_LINE_STRING: u32 = 2;
const WKB_POLYGON: u32 = 3;
const WKB_MULTI_POINT: u32 = 4;
const WKB_MULTI_LINE_STRING: u32 = 5;
const WKB_MULTI_POLYGON: u32 = 6;

/// The code of MultiPatch, the one type that is known and not read.
pub(super) const MULTI_PATCH: u32 = 31;

/// What a shape is made of, by its type code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShapeType {
    family: Family,
    has_z: bool,
    /// Measures follow; with Z they may be left out.
    has_m: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Null,
    Point,
    Line,
    Polygon,
    MultiPoint,
}

impl ShapeType {
    pub(super) fn from_code(code: u32) -> Option<Self> {
        let family = match code % 10 {
            _ if code == 0 => Family::Null,
            1 => Family::Point,
            3 => Family::Line,
            5 => Family::Polygon,
            8 => Family::MultiPoint,
            _ => return None,
        };
        match code / 10 {
            0 => Some(Self { family, has_z: false, has_m: false }),
            1 => Some(Self { family, has_z: true, has_m: true }),
            2 => Some(Self { family, has_z: false, has_m: true }),
            _ => None,
        }
    }

    /// The one type that all geometries of the file fit: lines and polygons may have several parts. Measures of shapes with
    /// Z are optional, and not told.
    pub(super) fn declared_type(self) -> Option<GeometryType> {
        let kind = match self.family {
            Family::Null => return None,
            Family::Point => GeometryKind::Point,
            Family::Line => GeometryKind::MultiLineString,
            Family::Polygon => GeometryKind::MultiPolygon,
            Family::MultiPoint => GeometryKind::MultiPoint,
        };
        Some(GeometryType { kind, dimension: Dimension::new(self.has_z, self.has_m && !self.has_z) })
    }

    /// Its name in lists of layers. Measures of shapes with Z are optional, and not told.
    pub(super) fn name(self) -> String {
        let name = match self.family {
            Family::Null => "GEOMETRY",
            Family::Point => "POINT",
            Family::Line => "LINESTRING",
            Family::Polygon => "POLYGON",
            Family::MultiPoint => "MULTIPOINT",
        };
        let ordinates = match (self.has_z, self.has_m) {
            (true, _) => " Z",
            (false, true) => " M",
            (false, false) => "",
        };
        format!("{name}{ordinates}")
    }
}

/// Whether it is the code of a type of shape.
pub(super) fn is_known(code: u32) -> bool {
    code == MULTI_PATCH || ShapeType::from_code(code).is_some()
}

/// Collects shapes as WKB.
pub(super) struct ShapeBuilder {
    values: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    rings: Vec<Ring>,
    holes: Vec<(usize, usize)>,
}

impl ShapeBuilder {
    pub(super) fn new() -> Self {
        let nulls = NullBufferBuilder::new(0);
        Self { values: Vec::new(), offsets: vec![0], nulls, rings: Vec::new(), holes: Vec::new() }
    }

    /// Bytes of WKB so far.
    pub(super) fn bytes(&self) -> usize {
        self.values.len()
    }

    /// Appends a row without shape.
    pub(super) fn append_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    /// Appends the content of a record; what is refused leaves no trace.
    pub(super) fn append(&mut self, content: &[u8]) -> Result<(), GeometryReason> {
        let start = self.values.len();
        let appended = self.append_wkb(content).and_then(|is_valid| {
            let end = i32::try_from(self.values.len()).map_err(|_| wrong("the batch is too long"))?;
            Ok((is_valid, end))
        });
        let (is_valid, end) = appended.inspect_err(|_| self.values.truncate(start))?;
        self.offsets.push(end);
        self.nulls.append(is_valid);
        Ok(())
    }

    /// The column so far; the builder starts anew.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, arrow::error::ArrowError> {
        let values = std::mem::take(&mut self.values);
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let nulls = self.nulls.finish();
        // Batches of one layer are alike.
        self.values.reserve(values.len());
        self.offsets.reserve(offsets.len());
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(BinaryArray::try_new(offsets, Buffer::from_vec(values), nulls)?))
    }

    /// Whether there is a geometry, and not NULL.
    fn append_wkb(&mut self, content: &[u8]) -> Result<bool, GeometryReason> {
        if content.len() > MAX_RECORD_BYTES {
            return Err(wrong(&format!("it is {} bytes long, more than {MAX_RECORD_BYTES}", content.len())));
        }
        let mut cursor = Cursor(content);
        let code = cursor.u32()?;
        if code == MULTI_PATCH {
            return Err(GeometryReason::MultiPatch);
        }
        let shape_type =
            ShapeType::from_code(code).ok_or_else(|| wrong(&format!("it is of type {code}, which is not defined")))?;
        match shape_type.family {
            Family::Null => return Ok(false),
            Family::Point => {
                let positions = cursor.items(1)?;
                let z = if shape_type.has_z { Some(cursor.items(1)?) } else { None };
                // PointZ of some writers ends before the measure.
                let m = if shape_type.has_m && !(shape_type.has_z && cursor.0.is_empty()) {
                    measures(cursor.items(1)?)
                } else {
                    None
                };
                let vertices = Vertices { positions, z, m };
                header(&mut self.values, WKB_POINT + vertices.dimension());
                vertices.write(0..1, &mut self.values);
            }
            Family::MultiPoint => {
                cursor.take(32)?;
                let count = cursor.u32()?;
                let vertices = cursor.vertices(shape_type, count)?;
                if count == 0 {
                    return Ok(false);
                }
                let dimension = vertices.dimension();
                header(&mut self.values, WKB_MULTI_POINT + dimension);
                self.values.extend_from_slice(&count.to_le_bytes());
                for index in 0..vertices.positions.len() {
                    header(&mut self.values, WKB_POINT + dimension);
                    vertices.write(index..index + 1, &mut self.values);
                }
            }
            Family::Line | Family::Polygon => {
                cursor.take(32)?;
                let (part_count, count) = (cursor.u32()?, cursor.u32()?);
                let starts = cursor.items::<4>(part_count)?;
                let vertices = cursor.vertices(shape_type, count)?;
                self.find_parts(starts, vertices.positions.len())?;
                if self.rings.is_empty() {
                    return Ok(false);
                }
                match shape_type.family {
                    Family::Polygon => self.append_polygon(&vertices),
                    _ => self.append_line(&vertices),
                }
            }
        }
        Ok(true)
    }

    /// The parts that have positions.
    fn find_parts(&mut self, starts: &[[u8; 4]], count: usize) -> Result<(), GeometryReason> {
        self.rings.clear();
        let start_of = |start: &[u8; 4]| u32::from_le_bytes(*start) as usize;
        if count > 0 && starts.first().map(start_of) != Some(0) {
            return Err(wrong("its first part does not begin with its first position"));
        }
        for (index, start) in starts.iter().enumerate() {
            let start = start_of(start);
            let end = starts.get(index + 1).map_or(count, start_of);
            if start > end || end > count {
                return Err(wrong(&format!(
                    "part {} of {} would be the positions {start} to {end} of {count}",
                    index + 1,
                    starts.len()
                )));
            }
            if start < end {
                self.rings.push(Ring { range: start..end, outer: None });
            }
        }
        Ok(())
    }

    fn append_line(&mut self, vertices: &Vertices<'_>) {
        let dimension = vertices.dimension();
        if self.rings.len() > 1 {
            header(&mut self.values, WKB_MULTI_LINE_STRING + dimension);
            self.values.extend_from_slice(&(self.rings.len() as u32).to_le_bytes());
        }
        for part in &self.rings {
            header(&mut self.values, WKB_LINE_STRING + dimension);
            vertices.write_counted(part.range.clone(), &mut self.values);
        }
    }

    fn append_polygon(&mut self, vertices: &Vertices<'_>) {
        find_outer_rings(&mut self.rings, vertices.positions);
        let dimension = vertices.dimension();
        self.holes.clear();
        let holes = self.rings.iter().enumerate().filter_map(|(index, ring)| Some((ring.outer?, index)));
        self.holes.extend(holes);
        self.holes.sort_unstable();
        let outer_count = self.rings.len() - self.holes.len();
        if outer_count > 1 {
            header(&mut self.values, WKB_MULTI_POLYGON + dimension);
            self.values.extend_from_slice(&(outer_count as u32).to_le_bytes());
        }
        let mut holes = self.holes.as_slice();
        for (index, ring) in self.rings.iter().enumerate().filter(|(_, ring)| ring.outer.is_none()) {
            // Sorted by outer ring, so those of this one come next.
            let (mine, others) = holes.split_at(holes.partition_point(|(outer, _)| *outer <= index));
            holes = others;
            header(&mut self.values, WKB_POLYGON + dimension);
            self.values.extend_from_slice(&(mine.len() as u32 + 1).to_le_bytes());
            vertices.write_counted(ring.range.clone(), &mut self.values);
            for hole in mine.iter().filter_map(|(_, hole)| self.rings.get(*hole)) {
                vertices.write_counted(hole.range.clone(), &mut self.values);
            }
        }
    }
}

fn header(out: &mut Vec<u8>, code: u32) {
    out.push(1);
    out.extend_from_slice(&code.to_le_bytes());
}

fn wrong(reason: &str) -> GeometryReason {
    GeometryReason::Shape { reason: reason.to_owned() }
}

/// Measures, unless there is none among them.
fn measures(m: &[[u8; 8]]) -> Option<&[[u8; 8]]> {
    m.iter().any(|m| f64::from_le_bytes(*m) > LEAST_MEASURE).then_some(m)
}

/// The ordinates of a shape, as they are in the file.
struct Vertices<'a> {
    positions: Positions<'a>,
    z: Option<&'a [[u8; 8]]>,
    m: Option<&'a [[u8; 8]]>,
}

impl Vertices<'_> {
    /// What ISO WKB adds to the code of a type.
    fn dimension(&self) -> u32 {
        u32::from(self.z.is_some()) * 1000 + u32::from(self.m.is_some()) * 2000
    }

    fn write_counted(&self, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
        // A record has fewer positions than fit 32 bits.
        out.extend_from_slice(&(range.len() as u32).to_le_bytes());
        self.write(range, out);
    }

    fn write(&self, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
        let positions = self.positions.get(range.clone()).unwrap_or_default();
        if self.z.is_none() && self.m.is_none() {
            out.extend_from_slice(positions.as_flattened());
            return;
        }
        let part = |all: Option<&'_ [[u8; 8]]>, index: usize| all.and_then(|all| all.get(index)).copied();
        for (position, index) in positions.iter().zip(range.clone()) {
            out.extend_from_slice(position);
            if let Some(z) = part(self.z, index) {
                out.extend_from_slice(&z);
            }
            if let Some(m) = part(self.m, index) {
                let is_measure = f64::from_le_bytes(m) > LEAST_MEASURE;
                out.extend_from_slice(&if is_measure { m } else { f64::NAN.to_le_bytes() });
            }
        }
    }
}

/// What is left of a record.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], GeometryReason> {
        let cut = || wrong(&format!("the record ends {} bytes too early", length - self.0.len()));
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, GeometryReason> {
        Ok(u32::from_le_bytes(self.take(4)?.first_chunk().copied().unwrap_or_default()))
    }

    fn items<const SIZE: usize>(&mut self, count: u32) -> Result<&'a [[u8; SIZE]], GeometryReason> {
        let bytes = u64::from(count) * SIZE as u64;
        let bytes = usize::try_from(bytes).map_err(|_| wrong("it has more positions than there is memory"))?;
        Ok(self.take(bytes)?.as_chunks().0)
    }

    fn vertices(&mut self, shape_type: ShapeType, count: u32) -> Result<Vertices<'a>, GeometryReason> {
        let positions = self.items(count)?;
        let (mut z, mut m) = (None, None);
        if shape_type.has_z {
            self.take(16)?;
            z = Some(self.items(count)?);
        }
        // Measures are optional, with Z (ESRI, "PolyLineZ") and, in practice, without.
        if shape_type.has_m && !self.0.is_empty() {
            self.take(16)?;
            m = measures(self.items(count)?);
        }
        Ok(Vertices { positions, z, m })
    }
}

/// Whether a record may meet a window, by its bounds. Bounds of NaN do not leave it out, nor does a
/// null shape.
pub(super) fn may_meet(content: &[u8], window: &Window) -> bool {
    let number = |at: usize| {
        let bytes = content.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
    };
    let code = content.first_chunk().map_or(0, |code| u32::from_le_bytes(*code));
    let (xmin, ymin) = (number(4), number(12));
    let (xmax, ymax) = match ShapeType::from_code(code).map(|shape_type| shape_type.family) {
        None | Some(Family::Null) => return true,
        Some(Family::Point) => (xmin, ymin),
        Some(_) => (number(20), number(28)),
    };
    let is_apart = xmin > window.xmax || xmax < window.xmin || ymin > window.ymax || ymax < window.ymin;
    !is_apart
}

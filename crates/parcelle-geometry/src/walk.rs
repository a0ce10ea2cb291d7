//! One pass over the bytes of a geometry: is it whole, what is it, where is it.

use crate::bounds::Bounds;
use crate::error::{WkbError, curve_name};
use crate::types::{Dimension, GeometryKind, GeometryType};

/// How deep collections may be nested. Simple Features sets no limit; real data stays below 3, and recursion needs one.
pub const MAX_DEPTH: usize = 32;

/// What a geometry is and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Its type and dimension.
    pub geometry_type: GeometryType,
    /// Its extent; empty for an empty geometry.
    pub bounds: Bounds,
    /// No position with ordinates: `POLYGON EMPTY`, or a point of NaN.
    pub is_empty: bool,
    /// The bytes are little-endian ISO WKB throughout: [`normalise`](crate::normalise) would copy them unchanged.
    pub is_canonical: bool,
    /// A ring of a polygon does not end where it begins (in x and y).
    pub has_open_ring: bool,
}

/// Validates a geometry, in any byte order and either flavour (ISO WKB, EWKB), and says what it is.
///
/// # Errors
/// [`WkbError`] where the bytes are not exactly one geometry of straight segments.
pub fn scan(wkb: &[u8]) -> Result<Summary, WkbError> {
    let cursor = Cursor { bytes: wkb, offset: 0 };
    let mut walker = Walker { cursor, bounds: Bounds::EMPTY, canonical: true, open_ring: false };
    let geometry_type = walker.geometry(None, 0)?;
    let (offset, extra) = (walker.cursor.offset, wkb.len() - walker.cursor.offset);
    if extra > 0 {
        return Err(WkbError::Trailing { offset, extra });
    }
    let Walker { bounds, canonical, open_ring, .. } = walker;
    let is_empty = bounds.is_empty();
    Ok(Summary { geometry_type, is_empty, bounds, is_canonical: canonical, has_open_ring: open_ring })
}

/// The header of a geometry or part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) geometry_type: GeometryType,
    pub(crate) little_endian: bool,
    /// Little-endian and ISO: the bytes can stay as they are.
    pub(crate) canonical: bool,
    /// It has flags of EWKB.
    pub(crate) extended: bool,
}

/// The header of any geometry or part, one with curves too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawHeader {
    /// The WKB code without dimension: 1 to 17.
    pub(crate) code: u32,
    pub(crate) dimension: Dimension,
    pub(crate) little_endian: bool,
    /// Little-endian and ISO: the bytes can stay as they are.
    pub(crate) canonical: bool,
    /// It has flags of EWKB.
    pub(crate) extended: bool,
    /// How many bytes it has.
    pub(crate) bytes: usize,
}

/// A position in the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) offset: usize,
}

impl<'a> Cursor<'a> {
    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8], WkbError> {
        let available = self.bytes.len().saturating_sub(self.offset);
        let slice = usize::try_from(length)
            .ok()
            .and_then(|length| self.offset.checked_add(length))
            .and_then(|end| self.bytes.get(self.offset..end))
            .ok_or(WkbError::Truncated { offset: self.offset, needed: length, available })?;
        self.offset += slice.len();
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WkbError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(crate) fn count(&mut self, little_endian: bool) -> Result<u32, WkbError> {
        let bytes = self.array()?;
        Ok(if little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// Reads byte order, type code and (EWKB) SRID, whatever the type.
    pub(crate) fn raw_header(&mut self) -> Result<RawHeader, WkbError> {
        const EWKB_Z: u32 = 0x8000_0000;
        const EWKB_M: u32 = 0x4000_0000;
        const EWKB_SRID: u32 = 0x2000_0000;
        const EWKB_FLAGS: u32 = EWKB_Z | EWKB_M | EWKB_SRID;

        let offset = self.offset;
        let [mark] = self.array()?;
        if mark > 1 {
            return Err(WkbError::ByteOrder { offset, mark });
        }
        let little_endian = mark == 1;
        let code = self.count(little_endian)?;
        let plain = code & !EWKB_FLAGS;
        let (base, iso) = (plain % 1000, plain / 1000);
        let dimension = match iso {
            0 => Dimension::new(code & EWKB_Z != 0, code & EWKB_M != 0),
            // The old 2.5D flag and the ISO thousands together: GDAL reads it as Z, so do we.
            1..=3 => Dimension::new(iso != 2 || code & EWKB_Z != 0, iso >= 2 || code & EWKB_M != 0),
            _ => return Err(WkbError::UnknownType { offset: offset + 1, code }),
        };
        if GeometryKind::from_code(base).is_none() && curve_name(base).is_none() {
            return Err(WkbError::UnknownType { offset: offset + 1, code });
        }
        if code & EWKB_SRID != 0 {
            self.take(4)?;
        }
        let extended = code & EWKB_FLAGS != 0;
        let canonical = little_endian && !extended;
        Ok(RawHeader { code: base, dimension, little_endian, canonical, extended, bytes: self.offset - offset })
    }

    /// The same for geometry of straight segments; checks that a part fits the whole it belongs to.
    pub(crate) fn header(&mut self, parent: Option<GeometryType>) -> Result<Header, WkbError> {
        let offset = self.offset;
        let RawHeader { code, dimension, little_endian, canonical, extended, .. } = self.raw_header()?;
        let Some(kind) = GeometryKind::from_code(code) else {
            // Any other code has no header.
            return Err(WkbError::Curve { name: curve_name(code).unwrap_or("Curve") });
        };
        if let Some(parent) = parent {
            if let Some(expected) = parent.kind.part().filter(|expected| *expected != kind) {
                return Err(WkbError::Part { offset, collection: parent.kind, expected: expected.name() });
            }
            if parent.dimension != dimension {
                return Err(WkbError::Dimension { offset });
            }
        }
        Ok(Header { geometry_type: GeometryType { kind, dimension }, little_endian, canonical, extended })
    }

    /// The bytes of `count` positions.
    pub(crate) fn positions(&mut self, count: u32, dimension: Dimension) -> Result<&'a [u8], WkbError> {
        self.take(u64::from(count) * dimension.size() as u64 * 8)
    }
}

struct Walker<'a> {
    cursor: Cursor<'a>,
    bounds: Bounds,
    canonical: bool,
    open_ring: bool,
}

impl<'a> Walker<'a> {
    fn geometry(&mut self, parent: Option<GeometryType>, depth: usize) -> Result<GeometryType, WkbError> {
        if depth > MAX_DEPTH {
            return Err(WkbError::Depth { limit: MAX_DEPTH });
        }
        let header = self.cursor.header(parent)?;
        self.canonical &= header.canonical;
        let Header { geometry_type, little_endian, .. } = header;
        match geometry_type.kind {
            GeometryKind::Point => {
                self.positions(1, header)?;
            }
            GeometryKind::LineString => {
                let count = self.cursor.count(little_endian)?;
                self.positions(count, header)?;
            }
            GeometryKind::Polygon => {
                for _ in 0..self.cursor.count(little_endian)? {
                    let count = self.cursor.count(little_endian)?;
                    let ring = self.positions(count, header)?;
                    self.open_ring |= is_open(ring, geometry_type.dimension, little_endian);
                }
            }
            _ => {
                // Each turn takes at least the five bytes of a header, so a hostile count ends with the bytes.
                for _ in 0..self.cursor.count(little_endian)? {
                    self.geometry(Some(geometry_type), depth + 1)?;
                }
            }
        }
        Ok(geometry_type)
    }

    fn positions(&mut self, count: u32, header: Header) -> Result<&'a [u8], WkbError> {
        let dimension = header.geometry_type.dimension;
        let bytes = self.cursor.positions(count, dimension)?;
        let bounds = &mut self.bounds;
        match (dimension, header.little_endian) {
            (Dimension::Xy, true) => widen::<2, true>(bytes, bounds, [0, 1]),
            (Dimension::Xy, false) => widen::<2, false>(bytes, bounds, [0, 1]),
            (Dimension::Xyz, true) => widen::<3, true>(bytes, bounds, [0, 1, 2]),
            (Dimension::Xyz, false) => widen::<3, false>(bytes, bounds, [0, 1, 2]),
            (Dimension::Xym, true) => widen::<3, true>(bytes, bounds, [0, 1, 3]),
            (Dimension::Xym, false) => widen::<3, false>(bytes, bounds, [0, 1, 3]),
            (Dimension::Xyzm, true) => widen::<4, true>(bytes, bounds, [0, 1, 2, 3]),
            (Dimension::Xyzm, false) => widen::<4, false>(bytes, bounds, [0, 1, 2, 3]),
        }
        Ok(bytes)
    }
}

/// Whether a ring ends elsewhere than where it begins; one without positions does not.
fn is_open(ring: &[u8], dimension: Dimension, little_endian: bool) -> bool {
    let xy = |position: &[u8]| {
        let bytes = position.first_chunk::<16>()?.as_chunks::<8>().0;
        let ordinate =
            |bytes: &[u8; 8]| if little_endian { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) };
        Some((ordinate(bytes.first()?), ordinate(bytes.get(1)?)))
    };
    let last = ring.len().saturating_sub(dimension.size() * 8);
    xy(ring) != ring.get(last..).and_then(xy)
}

/// Widens `bounds` by positions of `SIZE` ordinates; ordinate `i` belongs to dimension `slots[i]`.
fn widen<const SIZE: usize, const LITTLE_ENDIAN: bool>(bytes: &[u8], bounds: &mut Bounds, slots: [usize; SIZE]) {
    let (mut min, mut max) = ([0.0; SIZE], [0.0; SIZE]);
    for (ordinate, slot) in slots.into_iter().enumerate() {
        min[ordinate] = bounds.min[slot];
        max[ordinate] = bounds.max[slot];
    }
    for position in bytes.chunks_exact(SIZE * 8) {
        for (ordinate, bytes) in position.as_chunks::<8>().0.iter().enumerate().take(SIZE) {
            let value = if LITTLE_ENDIAN { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) };
            // Comparisons with NaN are false: it never widens.
            if value < min[ordinate] {
                min[ordinate] = value;
            }
            if value > max[ordinate] {
                max[ordinate] = value;
            }
        }
    }
    for (ordinate, slot) in slots.into_iter().enumerate() {
        bounds.min[slot] = min[ordinate];
        bounds.max[slot] = max[ordinate];
    }
}

//! Coordinates straight from text into little-endian ISO WKB.
//!
//! Positions have two or three ordinates, the same number throughout a geometry: a height that some positions lack
//! would have to be invented. More than three are refused, as RFC 7946 gives them no meaning (section 3.1.1). Rings
//! are kept as they are written, closed or not.

use parcelle_geometry::{GeometryKind, MAX_DEPTH};

use crate::geojson::json::{Cursor, Fault};

/// A geometry becomes a value of an Arrow array with 32-bit offsets.
const MAX_WKB_BYTES: usize = 1 << 30;

/// The geometry type of this name in GeoJSON.
pub(crate) fn kind_of(name: &[u8]) -> Option<GeometryKind> {
    GeometryKind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
}

/// Writes geometries; keeps its buffers between them.
#[derive(Debug, Default)]
pub(crate) struct GeometryWriter {
    /// Where the type codes are: the dimension is only known at the first position.
    codes: Vec<usize>,
    /// Where points without position are.
    empty_points: Vec<usize>,
    has_z: Option<bool>,
}

impl GeometryWriter {
    /// Appends the WKB of the geometry object that is next.
    pub(crate) fn write(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.codes.clear();
        self.empty_points.clear();
        self.has_z = None;
        let (start, begin) = (cursor.at, out.len());
        self.geometry(cursor, out, 0)?;
        if self.has_z == Some(true) {
            for code in &self.codes {
                if let Some(bytes) = out.get_mut(*code..).and_then(<[u8]>::first_chunk_mut::<4>) {
                    *bytes = (u32::from_le_bytes(*bytes) + 1000).to_le_bytes();
                }
            }
            // From the last to the first, so that the places stay right.
            for place in self.empty_points.iter().rev() {
                out.splice(*place..*place, f64::NAN.to_le_bytes());
            }
        }
        if out.len() - begin > MAX_WKB_BYTES {
            return Err(Fault::new(start, "the geometry takes more than 1 GiB, which no column can hold"));
        }
        Ok(())
    }

    fn geometry(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return cursor.fault(format!("geometry collections are nested deeper than {MAX_DEPTH}"));
        }
        let start = cursor.at;
        let mut kind: Option<GeometryKind> = None;
        let (mut coordinates, mut geometries) = (None, None);
        let mut written = false;
        let mut more = cursor.begin_object()?;
        while more {
            let key_at = cursor.at;
            let key = cursor.key()?;
            match key.decoded().as_ref() {
                b"type" if kind.is_some() => return Err(Fault::new(key_at, "a second `type` in the geometry")),
                b"type" => kind = Some(geometry_type(cursor)?),
                b"coordinates" => {
                    if coordinates.replace(cursor.at).is_some() {
                        return Err(Fault::new(key_at, "a second `coordinates` in the geometry"));
                    }
                    match kind {
                        Some(kind) if kind != GeometryKind::GeometryCollection => {
                            self.coordinates(kind, cursor, out)?;
                            written = true;
                        }
                        _ => cursor.skip()?,
                    }
                }
                b"geometries" => {
                    if geometries.replace(cursor.at).is_some() {
                        return Err(Fault::new(key_at, "a second `geometries` in the geometry"));
                    }
                    if kind == Some(GeometryKind::GeometryCollection) {
                        self.collection(cursor, out, depth)?;
                        written = true;
                    } else {
                        cursor.skip()?;
                    }
                }
                _ => cursor.skip()?,
            }
            more = cursor.next_member()?;
        }
        if written {
            return Ok(());
        }
        // The type came after the coordinates: back to them.
        let again = |at: usize| Cursor { at, ..*cursor };
        match (kind, coordinates, geometries) {
            (None, ..) => Err(Fault::new(start, "the geometry has no `type`")),
            (Some(GeometryKind::GeometryCollection), _, Some(at)) => self.collection(&mut again(at), out, depth),
            (Some(GeometryKind::GeometryCollection), ..) => {
                Err(Fault::new(start, "the GeometryCollection has no `geometries`"))
            }
            (Some(kind), Some(at), _) => self.coordinates(kind, &mut again(at), out),
            (Some(kind), ..) => Err(Fault::new(start, format!("the {} has no `coordinates`", kind.name()))),
        }
    }

    fn header(&mut self, kind: GeometryKind, out: &mut Vec<u8>) {
        out.push(1);
        self.codes.push(out.len());
        out.extend_from_slice(&(kind as u32).to_le_bytes());
    }

    fn collection(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
        self.header(GeometryKind::GeometryCollection, out);
        self.list(cursor, out, |writer, cursor, out| writer.geometry(cursor, out, depth + 1))
    }

    fn coordinates(&mut self, kind: GeometryKind, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match kind {
            GeometryKind::Point => {
                self.header(kind, out);
                let mut ahead = *cursor;
                if ahead.peek()? == b'[' && !ahead.begin_array()? {
                    *cursor = ahead;
                    out.extend_from_slice(&f64::NAN.to_le_bytes());
                    out.extend_from_slice(&f64::NAN.to_le_bytes());
                    self.empty_points.push(out.len());
                    return Ok(());
                }
                self.position(cursor, out)
            }
            GeometryKind::LineString => {
                self.header(kind, out);
                self.list(cursor, out, Self::position)
            }
            GeometryKind::Polygon => {
                self.header(kind, out);
                self.list(cursor, out, |writer, cursor, out| writer.list(cursor, out, Self::position))
            }
            _ => {
                self.header(kind, out);
                let part = match kind {
                    GeometryKind::MultiPoint => GeometryKind::Point,
                    GeometryKind::MultiLineString => GeometryKind::LineString,
                    _ => GeometryKind::Polygon,
                };
                self.list(cursor, out, |writer, cursor, out| writer.coordinates(part, cursor, out))
            }
        }
    }

    /// An array: the number of its items, and the items.
    #[inline]
    fn list(
        &mut self,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
        item: impl Fn(&mut Self, &mut Cursor<'_>, &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if cursor.peek()? != b'[' {
            return cursor
                .unexpected("an array (the coordinates are nested too little for the type of the geometry): '['");
        }
        let (start, place, mut count) = (cursor.at, out.len(), 0u32);
        out.extend_from_slice(&[0; 4]);
        let mut more = cursor.begin_array()?;
        while more {
            item(self, cursor, out)?;
            let Some(next) = count.checked_add(1) else {
                return Err(Fault::new(start, "more parts than WKB can count"));
            };
            count = next;
            more = cursor.next_item()?;
        }
        if let Some(bytes) = out.get_mut(place..).and_then(<[u8]>::first_chunk_mut::<4>) {
            *bytes = count.to_le_bytes();
        }
        Ok(())
    }

    #[inline]
    fn position(&mut self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = cursor.at;
        if cursor.peek()? != b'[' {
            return cursor
                .unexpected("a position (the coordinates are nested too little for the type of the geometry): '['");
        }
        if !cursor.begin_array()? {
            return Err(Fault::new(start, "an empty position"));
        }
        let x = ordinate(cursor)?;
        if !cursor.next_item()? {
            return Err(Fault::new(start, "a position of one number: longitude and latitude are needed"));
        }
        let y = ordinate(cursor)?;
        let mut pair = [0; 16];
        let (first, second) = pair.split_at_mut(8);
        first.copy_from_slice(&x.to_le_bytes());
        second.copy_from_slice(&y.to_le_bytes());
        out.extend_from_slice(&pair);
        let has_z = cursor.next_item()?;
        if has_z {
            out.extend_from_slice(&ordinate(cursor)?.to_le_bytes());
            if cursor.next_item()? {
                return Err(Fault::new(
                    start,
                    "a position of more than three numbers, the fourth of which has no meaning in GeoJSON",
                ));
            }
        }
        if *self.has_z.get_or_insert(has_z) != has_z {
            return Err(Fault::new(start, "some positions of the geometry have a height and others have none"));
        }
        Ok(())
    }
}

#[inline]
fn ordinate(cursor: &mut Cursor<'_>) -> Result<f64, Fault> {
    let start = cursor.at;
    match cursor.peek()? {
        b'-' | b'0'..=b'9' => {}
        b'[' => return cursor.fault("the coordinates are nested too deep for the type of the geometry"),
        _ => return cursor.unexpected("a number"),
    }
    cursor.number()?.float().ok_or_else(|| Fault::new(start, "a coordinate that is too large for a 64-bit float"))
}

/// The value of `type`.
pub(crate) fn geometry_type(cursor: &mut Cursor<'_>) -> Result<GeometryKind, Fault> {
    let start = cursor.at;
    if cursor.peek()? != b'"' {
        return cursor.unexpected("the type of a geometry in quotes");
    }
    let name = cursor.string()?.decoded();
    kind_of(&name).ok_or_else(|| {
        Fault::new(start, format!("{:?} is no type of geometry in GeoJSON", String::from_utf8_lossy(&name)))
    })
}

//! Well-known text (OGC 06-103r4, section 7) to little-endian ISO WKB, in one pass and without objects in between.
//!
//! Beside the standard's spelling, what programs write is understood: any case of letters and any white space, `POINTZ` for
//! `POINT Z`, the EWKT prefix `SRID=2154;`, points of a `MULTIPOINT` without parentheses of their own, `Z` and `ZM` left
//! out where positions have three or four numbers, and `NaN` as a number.

use crate::decimal::short_decimal;
use crate::error::curve_name;
use crate::types::{Dimension, GeometryKind, GeometryType};
use crate::walk::MAX_DEPTH;

/// Why text is not a geometry that parcelle can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WktError {
    /// Something else should stand there.
    #[error("{expected} expected at byte {offset}, found {found}")]
    Expected {
        /// Bytes before it.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// A curve or surface type that straight-segment geometry cannot express.
    #[error("geometry of type {name} has curves or patches, which GeoParquet cannot carry; linearise it first")]
    Curve {
        /// Name of the type.
        name: &'static str,
    },
    /// A position or part with other ordinates than the geometry it belongs to.
    #[error(
        "at byte {offset} a position or part has more or fewer ordinates than the geometry it belongs to, {expected}"
    )]
    Dimension {
        /// Bytes before it.
        offset: usize,
        /// What the whole has, such as `XYZ`.
        expected: &'static str,
    },
    /// Collections within collections, deeper than anyone means.
    #[error("geometry collections are nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// More parts than WKB can count.
    #[error("more than 4294967295 parts or positions at byte {offset}")]
    Count {
        /// Bytes before the end of them.
        offset: usize,
    },
}

/// Appends a geometry to `out` as little-endian ISO WKB and gives the SRID of its EWKT prefix, if it has one.
///
/// An empty point becomes a point of NaN, as in GeoPackage and PostGIS. Rings are not closed nor checked otherwise.
///
/// # Errors
/// [`WktError`] where the text is not exactly one geometry of straight segments; nothing is appended then.
///
/// ```
/// let mut wkb = Vec::new();
/// let srid = parcelle_geometry::from_wkt(b"SRID=2154;POINT Z (1 2 3)", &mut wkb)?;
/// assert_eq!(srid, Some(2154));
/// assert_eq!(parcelle_geometry::scan(&wkb).unwrap().geometry_type.to_string(), "Point Z");
/// # Ok::<(), parcelle_geometry::WktError>(())
/// ```
pub fn from_wkt(text: &[u8], out: &mut Vec<u8>) -> Result<Option<u32>, WktError> {
    let start = out.len();
    let mut parser = Parser { text, offset: 0, curves: false, out };
    parser.whole().inspect_err(|_| out.truncate(start))
}

/// The same with curves (`CIRCULARSTRING`, `COMPOUNDCURVE`, `CURVEPOLYGON`, `MULTICURVE`, `MULTISURFACE`), as WKB that has
/// them still: [`linearise`](crate::linearise) makes straight segments of it.
///
/// # Errors
/// [`WktError`] where the text is not exactly one geometry; nothing is appended then.
pub fn curved_from_wkt(text: &[u8], out: &mut Vec<u8>) -> Result<Option<u32>, WktError> {
    let start = out.len();
    let mut parser = Parser { text, offset: 0, curves: true, out };
    parser.whole().inspect_err(|_| out.truncate(start))
}

struct Parser<'t, 'o> {
    text: &'t [u8],
    offset: usize,
    /// Whether curves are taken.
    curves: bool,
    out: &'o mut Vec<u8>,
}

impl<'t> Parser<'t, '_> {
    fn whole(&mut self) -> Result<Option<u32>, WktError> {
        let srid = self.srid()?;
        self.geometry(None, 0)?;
        self.white_space();
        if self.offset < self.text.len() {
            return Err(self.expected("the end of the geometry"));
        }
        Ok(srid)
    }

    /// `SRID=number;`
    fn srid(&mut self) -> Result<Option<u32>, WktError> {
        self.white_space();
        let rest = self.rest();
        let Some((prefix, after)) = rest.split_at_checked(5) else { return Ok(None) };
        if !prefix.eq_ignore_ascii_case(b"SRID=") {
            return Ok(None);
        }
        self.offset += prefix.len();
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = after.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let (Some(number), Some(b';')) = (number, after.get(digits)) else {
            return Err(self.expected("the number of a reference system and `;`"));
        };
        self.offset += digits + 1;
        Ok(Some(number))
    }

    fn geometry(&mut self, parent: Option<Dimension>, depth: usize) -> Result<(), WktError> {
        if depth > MAX_DEPTH {
            return Err(WktError::Depth { limit: MAX_DEPTH });
        }
        self.white_space();
        let offset = self.offset;
        let (name_of_type, tag) = self.tag()?;
        let dimension = match (parent, tag) {
            (Some(parent), Some(tag)) if parent != tag => {
                return Err(WktError::Dimension { offset, expected: name(parent) });
            }
            (Some(dimension), _) | (None, Some(dimension)) => dimension,
            (None, None) => inferred(self.rest()),
        };
        let kind = match name_of_type {
            Name::Straight(kind) => kind,
            Name::Curve { code, .. } => return self.curve(code, dimension, depth),
        };
        self.header(kind, dimension);
        if kind == GeometryKind::Point {
            if self.keyword(b"EMPTY") {
                self.empty_position(dimension);
                return Ok(());
            }
            self.open()?;
            self.position(dimension)?;
            return self.close();
        }
        match kind {
            GeometryKind::LineString => self.positions(dimension),
            GeometryKind::Polygon => self.polygon(dimension),
            GeometryKind::MultiPoint => self.list(|parser| parser.point_of_many(dimension)),
            GeometryKind::MultiLineString => self.list(|parser| {
                parser.header(GeometryKind::LineString, dimension);
                parser.positions(dimension)
            }),
            GeometryKind::MultiPolygon => self.list(|parser| {
                parser.header(GeometryKind::Polygon, dimension);
                parser.polygon(dimension)
            }),
            _ => self.list(|parser| parser.geometry(Some(dimension), depth + 1)),
        }
    }

    /// The rest of a geometry with curves: arcs, or parts that are lines or polygons where no name says otherwise.
    fn curve(&mut self, code: u8, dimension: Dimension, depth: usize) -> Result<(), WktError> {
        self.out.push(1);
        self.out.extend_from_slice(&(u32::from(code) + 1000 * dimension as u32).to_le_bytes());
        self.list(|parser| {
            parser.white_space();
            let untagged = parser.rest().first() == Some(&b'(') || word(parser.rest()).eq_ignore_ascii_case(b"EMPTY");
            match code {
                8 => parser.position(dimension),
                12 if untagged => {
                    parser.header(GeometryKind::Polygon, dimension);
                    parser.polygon(dimension)
                }
                _ if untagged => {
                    parser.header(GeometryKind::LineString, dimension);
                    parser.positions(dimension)
                }
                _ => parser.geometry(Some(dimension), depth + 1),
            }
        })
    }

    /// The name of a type with what follows it of `Z`, `M` and `ZM`.
    fn tag(&mut self) -> Result<(Name, Option<Dimension>), WktError> {
        let length = word(self.rest()).len();
        let word = self.rest().get(..length).unwrap_or_default();
        if let Some((kind, dimension)) = type_name(word) {
            match kind {
                Name::Curve { name, code } if !self.curves || code > 12 => return Err(WktError::Curve { name }),
                _ => {}
            }
            self.offset += length;
            let dimension = if dimension.is_some() { dimension } else { self.dimension() };
            return Ok((kind, dimension));
        }
        Err(self.expected("the name of a geometry type"))
    }

    fn dimension(&mut self) -> Option<Dimension> {
        self.white_space();
        let letters = word(self.rest());
        let (length, dimension) = (letters.len(), dimension(letters)?);
        self.offset += length;
        Some(dimension)
    }

    fn header(&mut self, kind: GeometryKind, dimension: Dimension) {
        self.out.push(1);
        self.out.extend_from_slice(&GeometryType { kind, dimension }.iso_code().to_le_bytes());
    }

    fn polygon(&mut self, dimension: Dimension) -> Result<(), WktError> {
        self.list(|parser| parser.positions(dimension))
    }

    fn point_of_many(&mut self, dimension: Dimension) -> Result<(), WktError> {
        self.header(GeometryKind::Point, dimension);
        self.white_space();
        if self.keyword(b"EMPTY") {
            self.empty_position(dimension);
            return Ok(());
        }
        let parentheses = self.next_is(b'(');
        self.position(dimension)?;
        if parentheses { self.close() } else { Ok(()) }
    }

    fn positions(&mut self, dimension: Dimension) -> Result<(), WktError> {
        self.list(|parser| parser.position(dimension))
    }

    /// `EMPTY`, or items between parentheses with commas between them; their number goes before them.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), WktError>) -> Result<(), WktError> {
        let place = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        self.white_space();
        if self.keyword(b"EMPTY") {
            return Ok(());
        }
        self.open()?;
        let mut count: u32 = 0;
        loop {
            item(self)?;
            count = count.checked_add(1).ok_or(WktError::Count { offset: self.offset })?;
            if !self.next_is(b',') {
                break;
            }
        }
        if let Some(bytes) = self.out.get_mut(place..place + 4) {
            bytes.copy_from_slice(&count.to_le_bytes());
        }
        self.close()
    }

    fn empty_position(&mut self, dimension: Dimension) {
        for _ in 0..dimension.size() {
            self.out.extend_from_slice(&f64::NAN.to_le_bytes());
        }
    }

    #[inline]
    fn position(&mut self, dimension: Dimension) -> Result<(), WktError> {
        self.white_space();
        if dimension == Dimension::Xy && self.usual_position().is_some() {
            return Ok(());
        }
        let offset = self.offset;
        let mut bytes = [0; 32];
        for place in bytes.as_chunks_mut::<8>().0.iter_mut().take(dimension.size()) {
            match self.number()? {
                Some(value) => *place = value.to_le_bytes(),
                None if self.offset == offset => return Err(self.expected("a number")),
                // A position ends too early; anything else that is no number is named as such.
                None if matches!(self.rest(), [] | [b',' | b')', ..]) => {
                    return Err(WktError::Dimension { offset, expected: name(dimension) });
                }
                None => return Err(self.expected("a number")),
            }
            self.white_space();
        }
        if let [b',' | b')', ..] = self.rest() {
            self.out.extend_from_slice(bytes.get(..dimension.size() * 8).unwrap_or_default());
            return Ok(());
        }
        match self.number() {
            Ok(Some(_)) => Err(WktError::Dimension { offset, expected: name(dimension) }),
            _ => Err(self.expected("`,` or `)`")),
        }
    }

    /// A position as it nearly always is: two short numbers with a space between them and nothing behind. `None`, and no step is
    /// taken, where it is another.
    #[inline]
    fn usual_position(&mut self) -> Option<()> {
        let rest = self.rest();
        let (x, end_of_x) = short_decimal(rest)?;
        let after = rest.get(end_of_x..)?.strip_prefix(b" ")?;
        let (y, end_of_y) = short_decimal(after)?;
        if !matches!(after.get(end_of_y), Some(b',' | b')')) {
            return None;
        }
        let mut bytes = [0; 16];
        let (of_x, of_y) = bytes.split_at_mut(8);
        of_x.copy_from_slice(&x.to_le_bytes());
        of_y.copy_from_slice(&y.to_le_bytes());
        self.out.extend_from_slice(&bytes);
        self.offset += end_of_x + 1 + end_of_y;
        Some(())
    }

    /// The number at this place; `None` where there is none. It must end where the word does.
    fn number(&mut self) -> Result<Option<f64>, WktError> {
        let rest = self.rest();
        let ends = |length| matches!(rest.get(length), None | Some(b',' | b')' | b' ' | b'\t' | b'\n' | b'\r'));
        if let Some((value, length)) = short_decimal(rest).filter(|(_, length)| ends(*length)) {
            self.offset += length;
            return Ok(Some(value));
        }
        let Ok((value, length)) = fast_float2::parse_partial::<f64, _>(rest) else { return Ok(None) };
        // An infinity is no place, be it spelt so or by a number too large.
        if !ends(length) || length == 0 || value.is_infinite() {
            return Err(self.expected("a number"));
        }
        self.offset += length;
        Ok(Some(value))
    }

    fn open(&mut self) -> Result<(), WktError> {
        if self.next_is(b'(') { Ok(()) } else { Err(self.expected("`(` or EMPTY")) }
    }

    fn close(&mut self) -> Result<(), WktError> {
        if self.next_is(b')') { Ok(()) } else { Err(self.expected("`,` or `)`")) }
    }

    /// Steps over a character, and the white space before it, if it comes next.
    fn next_is(&mut self, wanted: u8) -> bool {
        self.white_space();
        let found = self.text.get(self.offset) == Some(&wanted);
        self.offset += usize::from(found);
        found
    }

    /// Steps over a word, and the white space before it, if it comes next.
    fn keyword(&mut self, wanted: &[u8]) -> bool {
        self.white_space();
        let found =
            self.rest().first().is_some_and(u8::is_ascii_alphabetic) && word(self.rest()).eq_ignore_ascii_case(wanted);
        self.offset += if found { wanted.len() } else { 0 };
        found
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.offset) {
            self.offset += 1;
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.offset..).unwrap_or_default()
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> WktError {
        const LENGTH: usize = 20;
        let rest = self.rest();
        let found = String::from_utf8_lossy(rest.get(..LENGTH).unwrap_or(rest));
        let found = match rest.len() {
            0 => "the end".to_owned(),
            length if length > LENGTH => format!("{:?}", format!("{found}…")),
            _ => format!("{found:?}"),
        };
        WktError::Expected { offset: self.offset, expected, found }
    }
}

/// The letters at the start.
fn word(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    text.get(..length).unwrap_or_default()
}

fn dimension(letters: &[u8]) -> Option<Dimension> {
    let known: [(&[u8], Dimension); 3] = [(b"Z", Dimension::Xyz), (b"M", Dimension::Xym), (b"ZM", Dimension::Xyzm)];
    known.into_iter().find(|(name, _)| letters.eq_ignore_ascii_case(name)).map(|(_, dimension)| dimension)
}

fn name(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Xy => "XY",
        Dimension::Xyz => "XYZ",
        Dimension::Xym => "XYM",
        Dimension::Xyzm => "XYZM",
    }
}

/// A type that a word names.
#[derive(Debug, Clone, Copy)]
enum Name {
    Straight(GeometryKind),
    /// With curves or patches; the code is that of WKB.
    Curve {
        name: &'static str,
        code: u8,
    },
}

/// What a word such as `POINT` or `polygonzm` names, if it is a type.
fn type_name(word: &[u8]) -> Option<(Name, Option<Dimension>)> {
    // As nearly all of them are spelt.
    match word {
        b"POINT" => return Some((Name::Straight(GeometryKind::Point), None)),
        b"LINESTRING" => return Some((Name::Straight(GeometryKind::LineString), None)),
        b"POLYGON" => return Some((Name::Straight(GeometryKind::Polygon), None)),
        b"MULTIPOLYGON" => return Some((Name::Straight(GeometryKind::MultiPolygon), None)),
        _ => {}
    }
    // No name of a type is the start of another but for what follows it of `Z` and `M`.
    let suffix = |name: &str| -> Option<Option<Dimension>> {
        let (start, suffix) = word.split_at_checked(name.len())?;
        if !start.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        if suffix.is_empty() { Some(None) } else { dimension(suffix).map(Some) }
    };
    for kind in GeometryKind::ALL {
        if let Some(dimension) = suffix(kind.name()) {
            return Some((Name::Straight(kind), dimension));
        }
    }
    (0..=17u8).find_map(|code| {
        let name = curve_name(u32::from(code))?;
        suffix(name).map(|dimension| (Name::Curve { name, code }, dimension))
    })
}

/// The dimension of a geometry whose tag says none, from what comes first: the tag of a part, or how many numbers the first
/// position has.
fn inferred(text: &[u8]) -> Dimension {
    let mut rest = text;
    while let Some(&first) = rest.first() {
        if first.is_ascii_alphabetic() {
            let letters = word(rest);
            if let Some(found) = dimension(letters) {
                return found;
            }
            if let Some((_, Some(found))) = type_name(letters) {
                return found;
            }
            if letters.eq_ignore_ascii_case(b"nan") {
                break;
            }
            rest = rest.get(letters.len()..).unwrap_or_default();
        } else if first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.') {
            break;
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    let (mut numbers, mut within) = (0, false);
    for byte in rest.iter().take_while(|byte| !matches!(byte, b',' | b')')) {
        let is_part = !byte.is_ascii_whitespace();
        numbers += usize::from(is_part && !within);
        within = is_part;
    }
    match numbers {
        3 => Dimension::Xyz,
        4 => Dimension::Xyzm,
        _ => Dimension::Xy,
    }
}

#[cfg(test)]
mod tests;

//! One record: a Feature, or where it stands alone a geometry.
//!
//! A record is walked once; what it holds is handed to a [`Visitor`] on the way. Members that RFC 7946 does not define
//! (its section 6.1) and `bbox` are passed over.

use std::collections::HashMap;
use std::ops::Range;

use crate::geojson::geometry::kind_of;
use crate::geojson::json::{Cursor, Fault};

/// A hostile file could have a new property in every feature.
const MAX_COLUMNS: usize = 32_768;

/// Takes what a record holds. Every value is next at the cursor, and is to be taken from it.
pub(crate) trait Visitor {
    /// A record begins.
    fn begin(&mut self);
    /// The identifier, a string or a number.
    fn id(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault>;
    /// A geometry object.
    fn geometry(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault>;
    /// A member of `properties`.
    fn property(&mut self, key: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Fault>;
    /// The record was sound.
    fn end(&mut self);
}

/// Walks the record that is next. Gives the place of a member `crs`, if there is one.
pub(crate) fn walk<V: Visitor>(
    cursor: &mut Cursor<'_>,
    visitor: &mut V,
    bare_geometry: bool,
) -> Result<Option<Range<usize>>, Fault> {
    const TYPE: u8 = 1;
    const ID: u8 = 2;
    const GEOMETRY: u8 = 4;
    const PROPERTIES: u8 = 8;
    const CRS: u8 = 16;
    let start = cursor.at;
    if cursor.peek()? != b'{' {
        return cursor.unexpected("a Feature: '{'");
    }
    visitor.begin();
    let (mut seen, mut bare, mut crs) = (0u8, false, None);
    let mut more = cursor.begin_object()?;
    while more {
        let key_at = cursor.at;
        let key = cursor.key()?;
        let name = key.decoded();
        let bit = match name.as_ref() {
            b"type" => TYPE,
            b"id" => ID,
            b"geometry" => GEOMETRY,
            b"properties" => PROPERTIES,
            b"crs" => CRS,
            _ => 0,
        };
        if seen & bit != 0 {
            return Err(Fault::new(key_at, format!("a second `{}` in the Feature", String::from_utf8_lossy(&name))));
        }
        seen |= bit;
        match bit {
            TYPE => bare = record_type(cursor, bare_geometry)?,
            ID if cursor.null()? => {}
            ID => match cursor.peek()? {
                b'"' | b'-' | b'0'..=b'9' => visitor.id(cursor)?,
                _ => return cursor.unexpected("a string or a number as the `id` of a Feature"),
            },
            GEOMETRY if cursor.null()? => {}
            GEOMETRY => match cursor.peek()? {
                b'{' => visitor.geometry(cursor)?,
                _ => return cursor.unexpected("null or an object as the `geometry` of a Feature"),
            },
            PROPERTIES if cursor.null()? => {}
            PROPERTIES => {
                if cursor.peek()? != b'{' {
                    return cursor.unexpected("null or an object as the `properties` of a Feature");
                }
                let mut more = cursor.begin_object()?;
                while more {
                    let key = cursor.key()?;
                    visitor.property(&key.decoded(), cursor)?;
                    more = cursor.next_member()?;
                }
            }
            CRS => {
                let place = cursor.at;
                cursor.skip()?;
                crs = Some(place..cursor.at);
            }
            _ => cursor.skip()?,
        }
        more = cursor.next_member()?;
    }
    if seen & TYPE == 0 {
        return Err(Fault::new(start, "an object without `type`, which is no Feature"));
    }
    if bare {
        // RFC 7946, section 7.1.
        if seen & (ID | GEOMETRY | PROPERTIES) != 0 {
            return Err(Fault::new(start, "a geometry with members of a Feature"));
        }
        visitor.geometry(&mut Cursor { at: start, ..*cursor })?;
    }
    visitor.end();
    Ok(crs)
}

/// The value of `type`; says whether it is a geometry's.
fn record_type(cursor: &mut Cursor<'_>, bare_geometry: bool) -> Result<bool, Fault> {
    let start = cursor.at;
    if cursor.peek()? != b'"' {
        return cursor.unexpected("the type in quotes");
    }
    let name = cursor.string()?.decoded();
    match name.as_ref() {
        b"Feature" => Ok(false),
        name if bare_geometry && kind_of(name).is_some() => Ok(true),
        name => {
            let shown = String::from_utf8_lossy(name).into_owned();
            Err(Fault::new(start, format!("an object of type {shown:?} where a Feature is wanted")))
        }
    }
}

/// The names of properties, in order of first appearance.
///
/// The properties of a feature mostly follow each other as they did in the last one, so that the next name is a
/// good guess, and comparing it cheaper than a look-up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Box<[u8]>>,
    places: HashMap<Box<[u8]>, usize>,
    guess: usize,
    /// For each name, in which record it was last seen.
    seen: Vec<u64>,
    record: u64,
}

impl Names {
    pub(crate) fn begin(&mut self) {
        self.guess = 0;
        self.record += 1;
    }

    /// Whether a name was seen in this record.
    pub(crate) fn is_seen(&self, index: usize) -> bool {
        self.seen.get(index) == Some(&self.record)
    }

    /// The place of a name, and that it was seen. A second one in a record is refused: one of the values would be lost.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8], cursor: &Cursor<'_>) -> Result<Option<usize>, Fault> {
        let index = match self.names.get(self.guess) {
            Some(name) if **name == *key => self.guess,
            _ => match self.places.get(key) {
                Some(index) => *index,
                None => return Ok(None),
            },
        };
        self.guess = index + 1;
        if let Some(seen) = self.seen.get_mut(index) {
            if *seen == self.record {
                return cursor
                    .fault(format!("a second property {:?} in the same Feature", String::from_utf8_lossy(key)));
            }
            *seen = self.record;
        }
        Ok(Some(index))
    }

    /// Adds a name that is not there.
    pub(crate) fn add(&mut self, key: &[u8]) -> Result<usize, String> {
        let index = self.names.len();
        if index >= MAX_COLUMNS {
            return Err(format!("the features have more than {MAX_COLUMNS} properties of different names"));
        }
        self.names.push(key.into());
        self.places.insert(key.into(), index);
        self.seen.push(self.record);
        self.guess = index + 1;
        Ok(index)
    }

    /// The place of a name, added if it is new.
    pub(crate) fn place(&mut self, key: &[u8]) -> Result<usize, String> {
        self.places.get(key).copied().map_or_else(|| self.add(key), Ok)
    }

    pub(crate) fn into_names(self) -> Vec<Box<[u8]>> {
        self.names
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(AsRef::as_ref)
    }
}

//! What the values of some records are: the schema, as far as they go.

use parcelle_geometry::GeometryKind;

use crate::geojson::geometry::geometry_type;
use crate::geojson::json::{Cursor, Fault};
use crate::geojson::record::{Names, Visitor};
use crate::geojson::temporal;
use crate::inference::ValueType;

/// Names and types of the properties, whether there are identifiers, and which geometry there is.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    pub(crate) names: Names,
    pub(crate) types: Vec<ValueType>,
    /// Of the identifiers; `None` where no feature has one.
    pub(crate) id: Option<ValueType>,
    /// A bit for each [`GeometryKind`].
    pub(crate) kinds: u8,
}

impl Inference {
    /// Adds what was found in the records that follow.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), String> {
        for (name, value_type) in other.names.into_names().iter().zip(other.types) {
            let place = self.names.place(name)?;
            self.widen(place, value_type);
        }
        self.id = match (self.id, other.id) {
            (Some(mine), Some(theirs)) => Some(mine.widen(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.kinds |= other.kinds;
        Ok(())
    }

    fn widen(&mut self, place: usize, value_type: ValueType) {
        if place >= self.types.len() {
            self.types.resize(place + 1, ValueType::Null);
        }
        if let Some(known) = self.types.get_mut(place) {
            *known = known.widen(value_type);
        }
    }

    /// What is known of the types of geometry, as the OGC names them.
    pub(crate) fn geometry_text(&self) -> String {
        let mut kinds = GeometryKind::ALL.into_iter().filter(|kind| self.kinds & bit(*kind) != 0);
        match (kinds.next(), kinds.next()) {
            (Some(only), None) => only.name().to_uppercase(),
            _ => "GEOMETRY".to_owned(),
        }
    }
}

fn bit(kind: GeometryKind) -> u8 {
    1 << (kind as u8)
}

impl Visitor for Inference {
    fn begin(&mut self) {
        self.names.begin();
    }

    fn id(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        // A date as an identifier stays what it is.
        let value_type = match cursor.peek()? {
            b'"' => cursor.string().map(|_| ValueType::Text)?,
            _ => value_type(cursor, ValueType::Null)?,
        };
        self.id = Some(self.id.unwrap_or_default().widen(value_type));
        Ok(())
    }

    /// Only its type is looked at, besides being JSON: coordinates are read when they are wanted.
    fn geometry(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let mut more = cursor.begin_object()?;
        while more {
            let key = cursor.key()?;
            if key.raw == b"type" {
                let before = *cursor;
                match geometry_type(cursor) {
                    Ok(kind) => self.kinds |= bit(kind),
                    // The reading says so, or passes it over.
                    Err(_) => {
                        *cursor = before;
                        cursor.skip()?;
                    }
                }
            } else {
                cursor.skip()?;
            }
            more = cursor.next_member()?;
        }
        Ok(())
    }

    #[inline]
    fn property(&mut self, key: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let place = match self.names.find(key, cursor)? {
            Some(place) => place,
            None => {
                let added = self.names.add(key).or_else(|text| cursor.fault(text))?;
                self.types.push(ValueType::Null);
                added
            }
        };
        if let Some(known) = self.types.get_mut(place) {
            *known = known.widen(value_type(cursor, *known)?);
        }
        Ok(())
    }

    fn end(&mut self) {}
}

/// A date and a time with zone, every character escaped.
const LONGEST_DATE: usize = 6 * 40;

/// Takes a value and says what it is. What is known of the column saves looking closer.
#[inline]
fn value_type(cursor: &mut Cursor<'_>, known: ValueType) -> Result<ValueType, Fault> {
    Ok(match cursor.peek()? {
        b'"' => {
            let text = cursor.string()?;
            // GDAL escapes the slashes of its dates.
            let may_be_date = !matches!(known, ValueType::Text | ValueType::Json) && text.raw.len() <= LONGEST_DATE;
            may_be_date.then(|| temporal::classify(&text.decoded())).flatten().unwrap_or(ValueType::Text)
        }
        b'-' | b'0'..=b'9' => {
            let number = cursor.number()?;
            // What neither type holds without loss stays as it is written.
            match (number.integral, number.integer()) {
                (true, Some(value)) => ValueType::of_integer(value),
                (true, None) if number.raw != b"-0" => ValueType::Text,
                _ => number.float().map_or(ValueType::Text, |_| ValueType::Float),
            }
        }
        b't' => cursor.literal(b"true").map(|()| ValueType::Boolean)?,
        b'f' => cursor.literal(b"false").map(|()| ValueType::Boolean)?,
        b'{' | b'[' => cursor.skip().map(|()| ValueType::Json)?,
        _ => cursor.literal(b"null").map(|()| ValueType::Null)?,
    })
}

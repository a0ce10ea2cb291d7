//! What becomes of a value that is not valid.
//!
//! | value | `error` | `null` | `keep` |
//! |---|---|---|---|
//! | text that is not in the encoding of the file: GeoPackage, FlatGeobuf, Shapefile | ends the run | NULL | kept, with U+FFFD in the place of each damaged character |
//! | a value that is none of its column's type: GeoPackage, FlatGeobuf, Shapefile; NULL where the file promises a value | ends the run | NULL | ends the run: the column has no place for it |
//! | a geometry that cannot be read, a curve: every reader, GDAL's included | ends the run | NULL | ends the run: GeoParquet has no place for it |
//! | a position that cannot be reprojected | ends the run | its geometry is NULL | ends the run |
//! | rings that are not closed (which are counted, and warned of), cross themselves or wind the wrong way | kept | kept | kept |
//! | the structure of the file: truncated, pages or records that do not fit together, JSON or CSV that is none, with text that is not UTF-8 | ends the run | ends the run | ends the run |
//!
//! Types of GeoJSON and CSV come from all values, so that none of theirs can be of another type. What GDAL's drivers bend or
//! refuse on their own cannot be seen from outside.
//!
//! Every value that was changed is counted, by file, layer and column, with the first one as an example.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, BinaryArray, StringArray, StringBuilder};

use crate::error::{Place, RowPosition, SourceError};

/// What becomes of a value that is not valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// It ends the reading.
    #[default]
    Error,
    /// It becomes NULL.
    Null,
    /// It is kept as far as GeoParquet can carry it, and ends the reading where it cannot.
    Keep,
}

/// What was done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// It became NULL.
    Nulled,
    /// Characters of it were replaced.
    Replaced,
}

/// Decides about invalid values, and counts them. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct InvalidValues {
    policy: OnInvalid,
    counts: Arc<Mutex<BTreeMap<Key, Count>>>,
}

impl PartialEq for InvalidValues {
    fn eq(&self, other: &Self) -> bool {
        self.policy == other.policy && Arc::ptr_eq(&self.counts, &other.counts)
    }
}

type Key = (PathBuf, String, String, Repair);

#[derive(Debug)]
struct Count {
    values: u64,
    /// The first by its place in the source; of those without one, the first in the order of the text.
    first: (Option<RowPosition>, String),
}

/// What was done to the values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The file.
    pub path: PathBuf,
    /// The layer.
    pub layer: String,
    /// The column.
    pub column: String,
    /// What was done.
    pub repair: Repair,
    /// To how many values.
    pub values: u64,
    /// The first of them: where it is, and what is wrong with it.
    pub first: String,
}

impl InvalidValues {
    /// Decides in this way, with counts from zero.
    #[must_use]
    pub fn new(policy: OnInvalid) -> Self {
        Self { policy, counts: Arc::default() }
    }

    /// The same decisions, with counts from zero.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self::new(self.policy)
    }

    /// Whether every invalid value ends the reading.
    #[must_use]
    pub fn are_errors(&self) -> bool {
        self.policy == OnInvalid::Error
    }

    /// What was done, by file, layer and column. It does not depend on the order in which rows were read.
    #[must_use]
    pub fn repaired(&self) -> Vec<Repaired> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let repaired = counts.iter().map(|((path, layer, column, repair), count)| Repaired {
            path: path.clone(),
            layer: layer.clone(),
            column: column.clone(),
            repair: *repair,
            values: count.values,
            first: match &count.first {
                (Some(row), what) => format!("{row}: {what}"),
                (None, what) => what.clone(),
            },
        });
        repaired.collect()
    }

    /// Counts a value that a later step makes NULL: `Ok` where it may. `place` need not have a row.
    ///
    /// # Errors
    /// `error`, where invalid values are errors.
    pub fn null_later<E>(&self, path: &str, layer: &str, column: &str, what: String, error: E) -> Result<(), E> {
        if self.policy != OnInvalid::Null {
            return Err(error);
        }
        self.count((path.into(), layer.to_owned(), column.to_owned(), Repair::Nulled), (None, what));
        Ok(())
    }

    /// Takes the place of a value that is not valid: `Ok` where it becomes NULL.
    #[cold]
    pub(crate) fn null(&self, error: SourceError) -> Result<(), SourceError> {
        match (self.policy, described(&error)) {
            (OnInvalid::Null, Some((place, what))) => {
                self.count(key(place, Repair::Nulled), (Some(place.row), what));
                Ok(())
            }
            _ => Err(self.refusal(error)),
        }
    }

    /// An error that nothing takes the place of, as it is said.
    #[cold]
    pub(crate) fn refusal(&self, error: SourceError) -> SourceError {
        match (self.policy, described(&error).is_some()) {
            (OnInvalid::Keep, true) => SourceError::NotKept { reason: Box::new(error) },
            _ => error,
        }
    }

    /// Takes the place of a text that is not valid: what is kept of it, or `None` where it becomes NULL.
    #[cold]
    pub(crate) fn text(
        &self,
        error: SourceError,
        replaced: impl FnOnce() -> String,
    ) -> Result<Option<String>, SourceError> {
        match (self.policy, described(&error)) {
            (OnInvalid::Keep, Some((place, what))) => {
                self.count(key(place, Repair::Replaced), (Some(place.row), what));
                Ok(Some(replaced()))
            }
            _ => self.null(error).map(|()| None),
        }
    }

    /// Bytes as text, where some are no UTF-8; `error` says what is wrong in a row.
    pub(crate) fn texts(
        &self,
        bytes: &BinaryArray,
        error: impl Fn(usize, &[u8]) -> SourceError,
    ) -> Result<StringArray, SourceError> {
        let mut texts = StringBuilder::with_capacity(bytes.len(), bytes.value_data().len());
        for (row, value) in bytes.iter().enumerate() {
            match value.map(|value| (value, std::str::from_utf8(value))) {
                None => texts.append_null(),
                Some((_, Ok(text))) => texts.append_value(text),
                Some((value, Err(_))) => {
                    let replaced = || String::from_utf8_lossy(value).into_owned();
                    texts.append_option(self.text(error(row, value), replaced)?);
                }
            }
        }
        Ok(texts.finish())
    }

    fn count(&self, key: Key, found: (Option<RowPosition>, String)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_insert_with(|| Count { values: 0, first: found.clone() });
        count.values += 1;
        if found < count.first {
            count.first = found;
        }
    }
}

fn key(place: &Place, repair: Repair) -> Key {
    (place.path.clone(), place.layer.clone(), place.column.clone(), repair)
}

/// Where a value is and what is wrong with it; `None` for what is wrong with more than a value.
fn described(error: &SourceError) -> Option<(&Place, String)> {
    match error {
        SourceError::Value { place, declared, found } => Some((place, format!("{found} is no valid {declared}"))),
        SourceError::Rounded { place, found, .. } => {
            Some((place, format!("{found} would be rounded by a 64-bit float")))
        }
        SourceError::Encoding { place, encoding, found, .. } => {
            Some((place, format!("{found} is not text in {encoding}")))
        }
        SourceError::Geometry { place, reason } => Some((place, reason.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(row: u64) -> SourceError {
        let (path, layer, column) = (PathBuf::from("a"), "l".to_owned(), "c".to_owned());
        let place = Box::new(Place { path, layer, column, row: RowPosition::Number(row) });
        SourceError::Value { place, declared: "DATE".to_owned(), found: format!("text {row}") }
    }

    #[test]
    fn the_report_does_not_depend_on_the_order() {
        let report = |rows: [u64; 3]| {
            let values = InvalidValues::new(OnInvalid::Null);
            for row in rows {
                values.clone().null(error(row)).unwrap();
            }
            values.repaired()
        };
        let found = report([10, 9, 11]);
        assert_eq!(found, report([9, 10, 11]));
        assert_eq!(
            (found.len(), found[0].values, found[0].first.as_str()),
            (1, 3, "row number 9: text 9 is no valid DATE")
        );
    }

    #[test]
    fn policies_decide() {
        let changed = || SourceError::Changed { path: PathBuf::from("a") };
        let error_policy = InvalidValues::default();
        assert_eq!(error_policy.null(error(1)), Err(error(1)));
        let null = InvalidValues::new(OnInvalid::Null);
        assert_eq!((null.null(error(1)), null.null(changed())), (Ok(()), Err(changed())));
        assert_eq!(null.text(error(1), || "x".to_owned()), Ok(None));
        let keep = InvalidValues::new(OnInvalid::Keep);
        assert_eq!(keep.null(error(1)), Err(SourceError::NotKept { reason: Box::new(error(1)) }));
        assert_eq!(keep.text(error(1), || "x".to_owned()), Ok(Some("x".to_owned())));
        let bytes = BinaryArray::from(vec![Some(&b"ok"[..]), None, Some(b"a\xFFb")]);
        let texts = keep.texts(&bytes, |row, _| error(row as u64)).unwrap();
        assert_eq!(texts, StringArray::from(vec![Some("ok"), None, Some("a\u{fffd}b")]));
        assert_eq!(keep.repaired()[0].repair, Repair::Replaced);
    }
}

//! In place of the [`survey`](super::survey) of a large file whose header has columns of times: a look at features from all over
//! it, and whether it holds for the others.
//!
//! A survey says two things of a column of times: whether they have a zone, and whether milliseconds are enough. The reading
//! refuses a value that has a zone where those of the sample have none, or needs more than milliseconds where those of the
//! sample do not. What is left to be proved is that a column in microseconds has a value that needs them, and that
//! the features of the sample are those that are read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use flatgeobuf::ColumnType;

use crate::OpenOptions;
use crate::error::SourceError;
use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::features::Directory;
use crate::flatgeobuf::file::FlatGeobuf;
use crate::flatgeobuf::header::Column;
use crate::flatgeobuf::survey::Survey;

/// Features that are looked at in one place.
const FEATURES_PER_PLACE: u64 = 512;
/// Places.
const PLACES: u64 = 32;
/// Of a small file, as in tests, the places together have this share.
const LEAST_SHARE: u64 = 4;

/// What the values of a sample have in common, by column of the header; `None` where the file has to be surveyed.
///
/// That is so where a survey says more than the reading would find out: of times that are not kept, of features outside
/// a window, and where values that do not fit are no errors.
pub(super) fn sample(
    file: &FlatGeobuf,
    directory: &Directory,
    layer: &str,
    options: &OpenOptions,
    is_kept: impl Fn(&Column) -> bool,
) -> Result<Option<Vec<(Column, DateTimes)>>, SourceError> {
    let columns = &file.header.columns;
    let is_time = |column: &Column| column.kind.0 == ColumnType::DateTime;
    let is_read = columns.iter().all(|column| is_kept(column) || !is_time(column));
    let is_large = options.sample_from.is_some_and(|least| file.bytes() >= least);
    if !is_large || columns.is_empty() || !is_read || options.window.is_some() || !options.invalid.are_errors() {
        return Ok(None);
    }
    let count = directory.count(file, &options.interrupt)?;
    let length = FEATURES_PER_PLACE.min(count / (PLACES * LEAST_SHARE)).max(1);
    let mut whole = Survey::new(file, layer, options);
    for place in 0..PLACES.min(count) {
        options.interrupt.check()?;
        // In 128 bits: the product of two counts.
        let start = (u128::from(count) * u128::from(place) / u128::from(PLACES.min(count))) as u64;
        let Ok(found) = Survey::new(file, layer, options).range(directory, start..count.min(start + length)) else {
            return Ok(None);
        };
        for found in found {
            if whole.merge(found).is_err() {
                return Ok(None);
            }
        }
    }
    let settled = whole.columns().into_iter().map(|(column, mut times)| {
        if is_time(&column) {
            // Without any value it has the type of those without zone, and then values without zone are welcome.
            times.has_zone.get_or_insert(false);
        }
        (column, times)
    });
    Ok(Some(settled.collect()))
}

/// What has to be proved, and what was found so far.
#[derive(Debug)]
pub(super) struct Proof {
    /// By column: whether milliseconds are known not to be enough, where that has to be shown.
    microseconds: Vec<Option<AtomicBool>>,
    /// Features that were read.
    features: AtomicU64,
}

impl Proof {
    /// Of columns with these times.
    pub(super) fn new(kept: &[(Column, DateTimes)]) -> Self {
        let shown = |(_, times): &(Column, DateTimes)| times.microseconds.then(|| AtomicBool::new(false));
        Self { microseconds: kept.iter().map(shown).collect(), features: AtomicU64::new(0) }
    }

    /// Notes the columns of a batch of so many features.
    pub(super) fn note(&self, columns: &[ArrayRef], features: u64) {
        self.features.fetch_add(features, Ordering::Relaxed);
        for (shown, column) in self.microseconds.iter().zip(columns) {
            let Some(shown) = shown.as_ref().filter(|shown| !shown.load(Ordering::Relaxed)) else { continue };
            let times = column.as_primitive_opt::<TimestampMicrosecondType>();
            if times.is_some_and(|times| times.iter().flatten().any(|time| time % 1000 != 0)) {
                shown.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether `count` features are what the sample says; else what is different.
    pub(super) fn check(&self, count: u64) -> Result<(), String> {
        let read = self.features.load(Ordering::Relaxed);
        if read != count {
            return Err(format!("{read} of {count} features were read"));
        }
        match self.microseconds.iter().flatten().all(|shown| shown.load(Ordering::Relaxed)) {
            true => Ok(()),
            false => Err("its times need no microseconds".to_owned()),
        }
    }
}

//! One look at all features, where the header does not say enough: without columns, or with times.

use std::ops::Range;

use flatgeobuf::{ColumnType, Feature as Fields};
use rayon::prelude::*;

use crate::OpenOptions;
use crate::date_time::DateTime;
use crate::error::{Place, RowPosition, SourceError};
use crate::flatgeobuf::columns::{Fault, not_in_header, other_kind, read_column, walk};
use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::features::Directory;
use crate::flatgeobuf::file::FlatGeobuf;
use crate::flatgeobuf::header::{Column, Kind};
use crate::flatgeobuf::table::{OutOfBounds, Table};
use crate::flatgeobuf::values::describe;

/// Features that are looked at in one go.
const FEATURES_PER_RANGE: u64 = 16_384;

/// What the features say of a column.
#[derive(Debug, Clone)]
pub(super) struct Found {
    column: Column,
    times: DateTimes,
    /// The first feature that has the column or, of times, a value in it; with that value.
    first: (u64, String),
}

/// Why a feature cannot be looked at.
enum SurveyFault {
    Properties(Fault),
    /// A value of a column, by position, that is no time, or not of the same kind as the others.
    Time(usize, String),
}

impl From<Fault> for SurveyFault {
    fn from(fault: Fault) -> Self {
        Self::Properties(fault)
    }
}

impl From<OutOfBounds> for SurveyFault {
    fn from(_: OutOfBounds) -> Self {
        Self::Properties(Fault::Malformed("an offset in it leads out of it".to_owned()))
    }
}

/// The columns of the layer, with what their times have in common: those of the header or, where it has none, those of
/// the features in the order in which they first appear.
pub(super) fn survey(
    file: &FlatGeobuf,
    directory: &Directory,
    layer: &str,
    options: &OpenOptions,
) -> Result<Vec<(Column, DateTimes)>, SourceError> {
    let count = directory.count(file, &options.interrupt)?;
    let starts = (0..count.div_ceil(FEATURES_PER_RANGE)).map(|range| range * FEATURES_PER_RANGE);
    let ranges: Vec<Range<u64>> = starts.map(|start| start..count.min(start + FEATURES_PER_RANGE)).collect();
    let look = |range: &Range<u64>| {
        options.interrupt.check()?;
        Survey::new(file, layer, options).range(directory, range.clone())
    };
    let threads = options.thread_count();
    let parts: Vec<_> = if threads == 1 || ranges.len() < 2 {
        ranges.iter().map(look).collect()
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
            let reason = format!("there are no threads to read it with: {error}");
            SourceError::Unreadable { path: file.path().to_owned(), reason }
        })?;
        pool.install(|| ranges.par_iter().map(look).collect())
    };
    let mut whole = Survey::new(file, layer, options);
    for part in parts {
        for found in part? {
            whole.merge(found)?;
        }
    }
    Ok(whole.columns())
}

/// What some features say.
pub(super) struct Survey<'f> {
    file: &'f FlatGeobuf,
    layer: &'f str,
    found: Vec<Found>,
    /// Kinds of the columns in `found`.
    kinds: Vec<Kind>,
    /// Whether times that do not fit are left to the reading.
    is_lenient: bool,
}

impl<'f> Survey<'f> {
    /// Knows the columns of the header.
    pub(super) fn new(file: &'f FlatGeobuf, layer: &'f str, options: &OpenOptions) -> Self {
        let columns = &file.header.columns;
        let found = columns.iter().cloned();
        let found = found.map(|column| Found { column, times: DateTimes::default(), first: (0, String::new()) });
        let kinds = columns.iter().map(|column| column.kind).collect();
        Self { file, layer, found: found.collect(), kinds, is_lenient: !options.invalid.are_errors() }
    }

    /// The columns, with what their times have in common.
    pub(super) fn columns(self) -> Vec<(Column, DateTimes)> {
        self.found.into_iter().map(|found| (found.column, found.times)).collect()
    }

    /// Looks at a range of features.
    pub(super) fn range(mut self, directory: &Directory, range: Range<u64>) -> Result<Vec<Found>, SourceError> {
        let mut reader = directory.reader(self.file, range)?;
        let mut own = Vec::new();
        loop {
            let (number, offset) = (reader.number, reader.file_offset());
            let Some(feature) = reader.next()? else { break };
            self.feature(number, feature, &mut own).map_err(|fault| match fault {
                SurveyFault::Properties(Fault::Malformed(reason)) => {
                    self.file.malformed_feature(number, offset, &reason)
                }
                SurveyFault::Properties(Fault::Value { column, found }) | SurveyFault::Time(column, found) => {
                    self.value_error(column, number, found)
                }
            })?;
        }
        Ok(self.found)
    }

    /// Looks at a feature; `own` is space for the columns it declares itself.
    fn feature(&mut self, number: u64, feature: &[u8], own: &mut Vec<usize>) -> Result<(), SurveyFault> {
        let table = Table::root(feature)?;
        let own_columns = table.tables(Fields::VT_COLUMNS)?;
        let has_own = own_columns.remaining() > 0;
        own.clear();
        for column in own_columns {
            own.push(self.position(number, read_column(column)?)?);
        }
        let place = |value: usize| if has_own { own.get(value).copied() } else { Some(value) };
        let (kinds, columns, is_lenient) = (&self.kinds, &mut self.found, self.is_lenient);
        walk(
            table.vector(Fields::VT_PROPERTIES, 1)?,
            |value| kinds.get(place(value)?).copied(),
            |value, kind, bytes| {
                if kind.0 != ColumnType::DateTime {
                    return Ok(());
                }
                let position = place(value).unwrap_or(usize::MAX);
                let Some(column) = columns.get_mut(position) else { return Ok(()) };
                let time = match DateTime::parse(bytes) {
                    Some(time) => time,
                    None if is_lenient => return Ok(()),
                    None => return Err(SurveyFault::Time(position, describe(kind, bytes))),
                };
                if column.times.has_zone.is_none() {
                    column.first = (number, describe(kind, bytes));
                }
                if !column.times.add(time) && !is_lenient {
                    return Err(SurveyFault::Time(position, mixed(&describe(kind, bytes), time.has_zone)));
                }
                Ok(())
            },
        )
    }

    /// The position of a column that a feature declares, which may be a new one where the header has none.
    fn position(&mut self, number: u64, mut column: Column) -> Result<usize, Fault> {
        if let Some(position) = self.found.iter().position(|found| found.column.name == column.name) {
            let Some(kind) = self.kinds.get(position) else { return Ok(position) };
            return if *kind == column.kind { Ok(position) } else { Err(other_kind(&column, *kind)) };
        }
        if !self.file.header.columns.is_empty() {
            return Err(not_in_header(&column));
        }
        // Others need not have it.
        column.nullable = true;
        self.kinds.push(column.kind);
        self.found.push(Found { column, times: DateTimes::default(), first: (number, String::new()) });
        Ok(self.found.len() - 1)
    }

    /// Takes in what a range, after those before, has found of a column.
    pub(super) fn merge(&mut self, part: Found) -> Result<(), SourceError> {
        let (number, value) = part.first;
        let name = part.column.name.clone();
        let known = self.found.iter().position(|found| found.column.name == name && found.column == part.column);
        let position = match known {
            Some(position) => position,
            None => self.position(number, part.column).map_err(|fault| match fault {
                Fault::Malformed(reason) => self.file.malformed(format!("feature {}: {reason}", number + 1)),
                Fault::Value { column, found } => self.value_error(column, number, found),
            })?,
        };
        let Some(column) = self.found.get_mut(position) else { return Ok(()) };
        if column.times.has_zone.is_none() && part.times.has_zone.is_some() {
            column.first = (number, value.clone());
        }
        if !column.times.merge(part.times) && !self.is_lenient {
            let found = mixed(&value, part.times.has_zone == Some(true));
            return Err(self.value_error(position, number, found));
        }
        Ok(())
    }

    fn value_error(&self, column: usize, number: u64, found: String) -> SourceError {
        let column = self.found.get(column).map_or_else(String::new, |found| found.column.name.clone());
        let (path, layer) = (self.file.path().to_owned(), self.layer.to_owned());
        let place = Box::new(Place { path, layer, column, row: RowPosition::Number(number.saturating_add(1)) });
        SourceError::Value { place, declared: "DateTime".to_owned(), found }
    }
}

/// What is said of a time that has a zone where others have none, or the other way round.
fn mixed(value: &str, has_zone: bool) -> String {
    let (has, have) = if has_zone { ("with", "without") } else { ("without", "with") };
    format!("{value} {has} time zone, in a column of values {have} one,")
}

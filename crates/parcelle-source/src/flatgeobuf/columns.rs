//! The properties of features into the columns of the layer.

use std::collections::HashMap;

use arrow::array::{ArrayRef, BinaryArray};

use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::header::{Column, Kind};
use crate::flatgeobuf::table::Tables;
use crate::flatgeobuf::values::{Builder, Refusal, describe};

/// Why the properties of a feature cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They do not follow the format.
    Malformed(String),
    /// A value does not fit its column.
    Value {
        /// Position of the column among those of the layer.
        column: usize,
        found: String,
    },
}

/// Calls `take` with the number, kind and bytes of each value of a feature.
#[inline]
pub(super) fn walk<E: From<Fault>>(
    properties: &[u8],
    kind_of: impl Fn(usize) -> Option<Kind>,
    mut take: impl FnMut(usize, Kind, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = properties;
    while !rest.is_empty() {
        let (number, after) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let column = usize::from(u16::from_le_bytes(*number));
        let kind = kind_of(column).ok_or_else(|| {
            Fault::Malformed(format!("it has a value of column number {column}, which is not declared"))
        })?;
        let (length, after) = match kind.width() {
            Some(width) => (width, after),
            None => {
                let (length, after) = after.split_first_chunk().ok_or_else(cut_off)?;
                (usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX), after)
            }
        };
        let (value, after) = after.split_at_checked(length).ok_or_else(cut_off)?;
        take(column, kind, value)?;
        rest = after;
    }
    Ok(())
}

fn cut_off() -> Fault {
    Fault::Malformed("its properties are cut off".to_owned())
}

/// A column that a feature's values refer to.
#[derive(Debug, Clone, Copy)]
struct Slot {
    kind: Kind,
    /// Position among the columns of the layer; `None` where it is left out.
    target: Option<usize>,
}

/// The columns of a layer: all there are, and which of them are kept.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    /// Those that are kept, with what their times have in common.
    pub(super) kept: Vec<(Column, DateTimes)>,
    /// Columns by their number in the header.
    header: Vec<Slot>,
    /// Columns by name.
    by_name: HashMap<String, Slot>,
}

impl Projection {
    /// `in_header` of the columns are those of the header; the others only features declare.
    pub(super) fn new(columns: Vec<(Column, DateTimes)>, in_header: usize, is_kept: impl Fn(&Column) -> bool) -> Self {
        let mut slots = Vec::with_capacity(columns.len());
        let mut by_name = HashMap::with_capacity(columns.len());
        let mut kept = Vec::new();
        for (column, times) in columns {
            let target = is_kept(&column).then_some(kept.len());
            let slot = Slot { kind: column.kind, target };
            slots.push(slot);
            by_name.entry(column.name.clone()).or_insert(slot);
            if target.is_some() {
                kept.push((column, times));
            }
        }
        slots.truncate(in_header);
        Self { kept, header: slots, by_name }
    }
}

/// Collects the columns of a batch.
#[derive(Debug)]
pub(super) struct Columns<'p> {
    projection: &'p Projection,
    builders: Vec<Builder>,
    /// By column, how many rows it has: to ask the builders would take longer than most values do.
    filled: Vec<usize>,
    /// Columns that the current feature declares itself.
    own: Vec<Slot>,
    rows: usize,
}

impl<'p> Columns<'p> {
    pub(super) fn new(projection: &'p Projection) -> Self {
        let builders: Vec<_> =
            projection.kept.iter().map(|(column, times)| Builder::new(column.kind, *times)).collect();
        let filled = vec![0; builders.len()];
        Self { projection, builders, filled, own: Vec::new(), rows: 0 }
    }

    /// Appends the properties of a feature. `is_null` is asked, by column and what was found, whether a value that does not
    /// fit becomes NULL.
    pub(super) fn append(
        &mut self,
        properties: &[u8],
        own_columns: Tables<'_>,
        mut is_null: impl FnMut(usize, &str) -> bool,
    ) -> Result<(), Fault> {
        let slots = if own_columns.remaining() == 0 {
            &self.projection.header
        } else {
            read_own(self.projection, own_columns, &mut self.own)?;
            &self.own
        };
        let (builders, filled, rows) = (&mut self.builders, &mut self.filled, self.rows);
        walk(
            properties,
            |number| slots.get(number).map(|slot| slot.kind),
            |number, kind, value| {
                let Some(target) = slots.get(number).and_then(|slot| slot.target) else { return Ok(()) };
                let Some((builder, filled)) = builders.get_mut(target).zip(filled.get_mut(target)) else {
                    return Ok(());
                };
                if *filled != rows {
                    return Err(Fault::Malformed(format!("it has two values of column number {number}")));
                }
                *filled += 1;
                match builder.append(value) {
                    Ok(()) => Ok(()),
                    Err(Refusal::Value) => {
                        let found = describe(kind, value);
                        if !is_null(target, &found) {
                            return Err(Fault::Value { column: target, found });
                        }
                        builder.append_null();
                        Ok(())
                    }
                    Err(Refusal::TooLarge) => {
                        Err(Fault::Malformed(format!("the value of column number {number} has {} bytes", value.len())))
                    }
                }
            },
        )?;
        self.rows += 1;
        for (column, filled) in self.filled.iter_mut().enumerate() {
            if *filled < self.rows {
                *filled += 1;
                let is_wanted = self.projection.kept.get(column).is_some_and(|(column, _)| !column.nullable);
                if is_wanted && !is_null(column, "NULL") {
                    return Err(Fault::Value { column, found: "NULL".to_owned() });
                }
                if let Some(builder) = self.builders.get_mut(column) {
                    builder.append_null();
                }
            }
        }
        Ok(())
    }

    /// The columns so far; collecting starts anew. `repair` gets, by column, the bytes of texts that are not all UTF-8.
    pub(super) fn finish<E>(
        &mut self,
        mut repair: impl FnMut(usize, BinaryArray) -> Result<ArrayRef, E>,
    ) -> Result<Vec<ArrayRef>, E> {
        self.rows = 0;
        self.filled.fill(0);
        let columns = self.builders.iter_mut().enumerate();
        columns.map(|(column, builder)| builder.finish().or_else(|bytes| repair(column, bytes))).collect()
    }
}

/// The columns that a feature declares itself, by name in those of the layer.
fn read_own(projection: &Projection, own_columns: Tables<'_>, own: &mut Vec<Slot>) -> Result<(), Fault> {
    own.clear();
    for column in own_columns {
        let column = read_column(column)?;
        let slot = projection.by_name.get(&column.name).ok_or_else(|| not_in_header(&column))?;
        if slot.kind != column.kind {
            return Err(other_kind(&column, slot.kind));
        }
        own.push(*slot);
    }
    Ok(())
}

/// A column that a feature declares.
pub(super) fn read_column(
    table: Result<crate::flatgeobuf::table::Table<'_>, crate::flatgeobuf::table::OutOfBounds>,
) -> Result<Column, Fault> {
    table
        .map_err(Into::into)
        .and_then(Column::read)
        .map_err(|fault| Fault::Malformed(format!("its columns are damaged: {}", fault.reason())))
}

/// What is wrong where a feature has a column of its own beside those of the header.
pub(super) fn not_in_header(column: &Column) -> Fault {
    Fault::Malformed(format!("it declares a column {:?}, which the header does not have", column.name))
}

/// What is wrong where a column has one type here and another there.
pub(super) fn other_kind(column: &Column, elsewhere: Kind) -> Fault {
    let (name, here) = (&column.name, column.kind.name());
    Fault::Malformed(format!("it declares column {name:?} as {here}, which elsewhere is {}", elsewhere.name()))
}

//! One value of SQLite into an Arrow column.
//!
//! SQLite stores any class of value in any column. A value of another class than its column was declared with is
//! converted where that loses nothing (an integral real in an integer column, an integer in a text column), and refused
//! otherwise.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int8Builder,
    Int16Builder, Int32Builder, Int64Builder, StringArray, TimestampMillisecondBuilder,
};
use parcelle_geometry::scan;
use rusqlite::types::ValueRef;

use crate::Curves;
use crate::date_time;
use crate::error::GeometryReason;
use crate::gpkg::blob;
use crate::gpkg::columns::Kind;

/// Why a value has no place in its column.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// It cannot be converted without loss.
    Value,
    /// It is a geometry that cannot be read.
    Geometry(GeometryReason),
}

impl From<GeometryReason> for Refusal {
    fn from(reason: GeometryReason) -> Self {
        Self::Geometry(reason)
    }
}

/// Collects the values of a column.
pub(crate) enum Builder {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    /// Bytes that are taken for UTF-8 and looked at when the column is finished, all at once: that takes a fraction of
    /// the time of looking at each short value.
    Text(BinaryBuilder),
    Blob(BinaryBuilder),
    Date(Date32Builder),
    DateTime(TimestampMillisecondBuilder),
    Geometry {
        values: BinaryBuilder,
        scratch: Vec<u8>,
        /// What becomes of curves.
        curves: Curves,
    },
}

/// Calls `$call` with the Arrow builder of whatever kind.
macro_rules! with_builder {
    ($self:expr, $builder:ident => $call:expr) => {
        match $self {
            Self::Boolean($builder) => $call,
            Self::Int8($builder) => $call,
            Self::Int16($builder) => $call,
            Self::Int32($builder) => $call,
            Self::Int64($builder) => $call,
            Self::Float32($builder) => $call,
            Self::Float64($builder) => $call,
            Self::Text($builder) => $call,
            Self::Blob($builder) => $call,
            Self::Date($builder) => $call,
            Self::DateTime($builder) => $call,
            Self::Geometry { values: $builder, .. } => $call,
        }
    };
}

impl Builder {
    /// Appends a row without value.
    pub(crate) fn append_null(&mut self) {
        with_builder!(self, builder => builder.append_null());
    }

    /// A builder with room for some values, and for some bytes where values have no fixed size.
    pub(crate) fn new(kind: Kind, rows: usize, bytes: usize, curves: &Curves) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::Int8 => Self::Int8(Int8Builder::with_capacity(rows)),
            Kind::Int16 => Self::Int16(Int16Builder::with_capacity(rows)),
            Kind::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            Kind::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            Kind::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            Kind::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            Kind::Text => Self::Text(BinaryBuilder::with_capacity(rows, bytes)),
            Kind::Blob => Self::Blob(BinaryBuilder::with_capacity(rows, bytes)),
            Kind::Date => Self::Date(Date32Builder::with_capacity(rows)),
            Kind::DateTime => Self::DateTime(
                TimestampMillisecondBuilder::with_capacity(rows).with_data_type(Kind::DateTime.data_type()),
            ),
            Kind::Geometry => Self::Geometry {
                values: BinaryBuilder::with_capacity(rows, bytes),
                scratch: Vec::new(),
                curves: curves.clone(),
            },
        }
    }

    /// Bytes of the values so far, where they have no fixed size.
    pub(crate) fn value_bytes(&self) -> usize {
        match self {
            Self::Text(builder) | Self::Blob(builder) | Self::Geometry { values: builder, .. } => {
                builder.values_slice().len()
            }
            _ => 0,
        }
    }

    /// Appends a value and says about how many bytes it takes.
    ///
    /// By reference: a processor that copies a value of 24 bytes right after its parts were written waits for them, which
    /// showed in profiles as a third of the time of this function.
    #[inline]
    pub(crate) fn append(&mut self, value: &ValueRef<'_>) -> Result<usize, Refusal> {
        if matches!(*value, ValueRef::Null) {
            with_builder!(self, builder => builder.append_null());
            return Ok(4);
        }
        Ok(match self {
            Self::Boolean(builder) => {
                builder.append_value(match integer(value)? {
                    0 => false,
                    1 => true,
                    _ => return Err(Refusal::Value),
                });
                1
            }
            Self::Int8(builder) => {
                builder.append_value(integer(value)?.try_into().map_err(|_| Refusal::Value)?);
                1
            }
            Self::Int16(builder) => {
                builder.append_value(integer(value)?.try_into().map_err(|_| Refusal::Value)?);
                2
            }
            Self::Int32(builder) => {
                builder.append_value(integer(value)?.try_into().map_err(|_| Refusal::Value)?);
                4
            }
            Self::Int64(builder) => {
                builder.append_value(integer(value)?);
                8
            }
            Self::Float32(builder) => {
                builder.append_value(single(value)?);
                4
            }
            Self::Float64(builder) => {
                builder.append_value(real(value)?);
                8
            }
            Self::Text(builder) => match *value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    builder.append_value(bytes);
                    4 + bytes.len()
                }
                ValueRef::Integer(number) => {
                    builder.append_value(number.to_string());
                    12
                }
                ValueRef::Real(number) => {
                    builder.append_value(format!("{number:?}"));
                    20
                }
                ValueRef::Null => return Err(Refusal::Value),
            },
            Self::Blob(builder) => match *value {
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => {
                    builder.append_value(bytes);
                    4 + bytes.len()
                }
                _ => return Err(Refusal::Value),
            },
            Self::Date(builder) => {
                builder.append_value(date_time::days(characters(value)?).ok_or(Refusal::Value)?);
                4
            }
            Self::DateTime(builder) => {
                builder.append_value(date_time::milliseconds(characters(value)?).ok_or(Refusal::Value)?);
                8
            }
            Self::Geometry { values, scratch, curves } => {
                let ValueRef::Blob(bytes) = *value else {
                    let reason = "it is no binary value".to_owned();
                    return Err(GeometryReason::Blob { reason }.into());
                };
                let wkb = blob::wkb(bytes)?;
                // Nearly all geometry is canonical as stored, and then goes from SQLite's page into the column at once.
                if scan(wkb).is_ok_and(|summary| summary.is_canonical) {
                    values.append_value(wkb);
                    4 + wkb.len()
                } else {
                    scratch.clear();
                    curves.normalise(wkb, scratch).map_err(GeometryReason::from)?;
                    values.append_value(&scratch);
                    4 + scratch.len()
                }
            }
        })
    }

    /// The column so far; its bytes, where a text is not UTF-8. The builder starts anew.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, BinaryArray> {
        if let Self::Text(builder) = self {
            let bytes = builder.finish();
            return match StringArray::try_from_binary(bytes.clone()) {
                Ok(text) => Ok(Arc::new(text)),
                Err(_) => Err(bytes),
            };
        }
        Ok(with_builder!(self, builder => Arc::new(builder.finish())))
    }
}

#[inline]
fn integer(value: &ValueRef<'_>) -> Result<i64, Refusal> {
    match *value {
        ValueRef::Integer(number) => Ok(number),
        // -2^63 and 2^63 are exact as reals; an integral real between them is an i64.
        ValueRef::Real(number)
            if number.fract() == 0.0
                && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) =>
        {
            Ok(number as i64)
        }
        ValueRef::Text(_) => text(value)?.trim().parse().map_err(|_| Refusal::Value),
        _ => Err(Refusal::Value),
    }
}

#[inline]
fn real(value: &ValueRef<'_>) -> Result<f64, Refusal> {
    match *value {
        ValueRef::Real(number) => Ok(number),
        ValueRef::Integer(number) => {
            let converted = number as f64;
            // Saturating: i64::MAX becomes 2^63 as a real, and must not come back as i64::MAX.
            (converted as i128 == i128::from(number)).then_some(converted).ok_or(Refusal::Value)
        }
        ValueRef::Text(_) => {
            let number: f64 = text(value)?.trim().parse().map_err(|_| Refusal::Value)?;
            number.is_finite().then_some(number).ok_or(Refusal::Value)
        }
        _ => Err(Refusal::Value),
    }
}

/// A FLOAT is declared to have 32 bits, and SQLite stores 64: it is rounded to what was declared, but must stay in range.
#[inline]
fn single(value: &ValueRef<'_>) -> Result<f32, Refusal> {
    let number = real(value)?;
    let rounded = number as f32;
    if rounded.is_infinite() && number.is_finite() { Err(Refusal::Value) } else { Ok(rounded) }
}

#[inline]
fn characters<'a>(value: &ValueRef<'a>) -> Result<&'a [u8], Refusal> {
    match *value {
        ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(Refusal::Value),
    }
}

#[inline]
fn text<'a>(value: &ValueRef<'a>) -> Result<&'a str, Refusal> {
    std::str::from_utf8(characters(value)?).map_err(|_| Refusal::Value)
}

/// A value for messages: its class, and its content, shortened.
pub(crate) fn describe(value: ValueRef<'_>) -> String {
    const LENGTH: usize = 40;
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => format!("integer {number}"),
        ValueRef::Real(number) => format!("real {number:?}"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().count() > LENGTH => {
                format!("text {:?}…", text.chars().take(LENGTH).collect::<String>())
            }
            Ok(text) => format!("text {text:?}"),
            Err(error) => format!("text that is not UTF-8 (at byte {})", error.valid_up_to()),
        },
        ValueRef::Blob(bytes) => format!("binary value of {} bytes", bytes.len()),
    }
}

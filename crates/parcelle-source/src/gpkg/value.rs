//! One value of SQLite into an Arrow column.
//!
//! SQLite stores any class of value in any column. A value of another class than its column was declared with is
//! converted where that loses nothing (an integral real in an integer column, an integer in a text column), and refused
//! otherwise.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int8Builder, Int16Builder,
    Int32Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use parcelle_geometry::{normalise, scan};
use rusqlite::types::ValueRef;

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
    Text(StringBuilder),
    Blob(BinaryBuilder),
    Date(Date32Builder),
    DateTime(TimestampMillisecondBuilder),
    Geometry { values: BinaryBuilder, scratch: Vec<u8> },
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
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Int8 => Self::Int8(Int8Builder::new()),
            Kind::Int16 => Self::Int16(Int16Builder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float32 => Self::Float32(Float32Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Blob => Self::Blob(BinaryBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::DateTime => {
                Self::DateTime(TimestampMillisecondBuilder::new().with_data_type(Kind::DateTime.data_type()))
            }
            Kind::Geometry => Self::Geometry { values: BinaryBuilder::new(), scratch: Vec::new() },
        }
    }

    /// Appends a value and says about how many bytes it takes.
    pub(crate) fn append(&mut self, value: ValueRef<'_>) -> Result<usize, Refusal> {
        if value == ValueRef::Null {
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
            Self::Text(builder) => match value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Value)?;
                    builder.append_value(text);
                    4 + text.len()
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
            Self::Blob(builder) => match value {
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
            Self::Geometry { values, scratch } => {
                let ValueRef::Blob(bytes) = value else {
                    let reason = "it is no binary value".to_owned();
                    return Err(GeometryReason::Blob { reason }.into());
                };
                let wkb = blob::wkb(bytes)?;
                // Nearly all geometry is canonical as stored, and then goes from SQLite's page into the column at once.
                if scan(wkb).map_err(GeometryReason::from)?.is_canonical {
                    values.append_value(wkb);
                } else {
                    scratch.clear();
                    normalise(wkb, scratch).map_err(GeometryReason::from)?;
                    values.append_value(&scratch);
                }
                4 + wkb.len()
            }
        })
    }

    /// The column so far; the builder starts anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        with_builder!(self, builder => Arc::new(builder.finish()))
    }
}

fn integer(value: ValueRef<'_>) -> Result<i64, Refusal> {
    match value {
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

fn real(value: ValueRef<'_>) -> Result<f64, Refusal> {
    match value {
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
fn single(value: ValueRef<'_>) -> Result<f32, Refusal> {
    let number = real(value)?;
    let rounded = number as f32;
    if rounded.is_infinite() && number.is_finite() { Err(Refusal::Value) } else { Ok(rounded) }
}

fn characters(value: ValueRef<'_>) -> Result<&[u8], Refusal> {
    match value {
        ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(Refusal::Value),
    }
}

fn text(value: ValueRef<'_>) -> Result<&str, Refusal> {
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

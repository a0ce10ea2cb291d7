//! Literals to values.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray,
};
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::{Date32Type, Time64NanosecondType};

use crate::expression::error::ExpressionError;
use crate::expression::syntax::Literal;
use crate::expression::value::{Kind, UTC};

/// Digits that a decimal literal may have.
const MAX_DIGITS: usize = 38;

/// An array of one row.
pub(crate) fn value(literal: &Literal) -> Result<ArrayRef, ExpressionError> {
    match literal {
        Literal::Null => Ok(Arc::new(NullArray::new(1))),
        Literal::Boolean(value) => Ok(Arc::new(BooleanArray::from(vec![*value]))),
        Literal::Number(text) => number(text),
        Literal::Text(text) => Ok(Arc::new(StringArray::from(vec![text.as_str()]))),
        Literal::Date(text) => date(text),
        Literal::Time(text) => time(text),
        Literal::Timestamp(text) => timestamp(text, None),
    }
}

fn refused(text: &str, wanted: &str) -> ExpressionError {
    ExpressionError::Literal { text: text.to_owned(), wanted: wanted.to_owned() }
}

/// An integer, a decimal, or with an exponent a float.
fn number(text: &str) -> Result<ArrayRef, ExpressionError> {
    if let Ok(integer) = text.parse::<i64>() {
        return Ok(Arc::new(Int64Array::from(vec![integer])));
    }
    if text.contains(['e', 'E']) {
        let float: f64 = text.parse().map_err(|_| refused(text, "number"))?;
        if !float.is_finite() {
            return Err(refused(text, "number that fits: it is beyond what a double holds"));
        }
        return Ok(Arc::new(Float64Array::from(vec![float + 0.0])));
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{decimals}");
    let unscaled: i128 = digits.parse().map_err(|_| refused(text, "number of 38 digits or fewer"))?;
    let count = digits.trim_start_matches(['-', '0']).len().max(decimals.len()).max(1);
    if count > MAX_DIGITS {
        return Err(refused(text, "number of 38 digits or fewer"));
    }
    let scale = i8::try_from(decimals.len()).unwrap_or(i8::MAX);
    let precision = u8::try_from(count).unwrap_or(u8::MAX);
    Decimal128Array::from(vec![unscaled])
        .with_precision_and_scale(precision, scale)
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|_| refused(text, "number of 38 digits or fewer"))
}

fn date(text: &str) -> Result<ArrayRef, ExpressionError> {
    let wanted = "date, such as 2024-12-31";
    let is_plain = text.bytes().filter(|byte| *byte == b'-').count() >= 2 && !text.contains([':', 'T', ' ']);
    let days = Date32Type::parse(text).filter(|_| is_plain).ok_or_else(|| refused(text, wanted))?;
    Ok(Arc::new(Date32Array::from(vec![days])))
}

fn time(text: &str) -> Result<ArrayRef, ExpressionError> {
    let wanted = "time of day, such as 12:30:00";
    let nanoseconds =
        Time64NanosecondType::parse(text).filter(|_| text.contains(':')).ok_or_else(|| refused(text, wanted))?;
    Ok(Arc::new(Time64NanosecondArray::from(vec![nanoseconds])))
}

/// In the coarsest unit that holds it; with a zone it is an instant. Whether it has to be one may be given.
fn timestamp(text: &str, zoned: Option<bool>) -> Result<ArrayRef, ExpressionError> {
    let wanted = "time stamp, such as 2024-12-31 12:30:00 or 2024-12-31T12:30:00+02:00";
    // After the time of day only a zone has a sign, and a letter other than the T between date and time.
    let has_zone = text
        .get(11..)
        .is_some_and(|time| time.contains(|sign: char| sign == '+' || sign == '-' || sign.is_alphabetic()));
    if zoned == Some(false) && has_zone {
        return Err(refused(text, "time stamp without zone, as the column has none: leave the zone out"));
    }
    let utc: Tz = UTC.parse().map_err(|_| refused(text, wanted))?;
    let instant = string_to_datetime(&utc, text).map_err(|_| refused(text, wanted))?;
    let (seconds, nanoseconds) = (instant.timestamp(), i64::from(instant.timestamp_subsec_nanos()));
    let zone: Option<Arc<str>> = zoned.unwrap_or(has_zone).then(|| UTC.into());
    let scaled = |per_second: i64| {
        let part = nanoseconds / (1_000_000_000 / per_second);
        let beyond = "time stamp that fits: one with nanoseconds lies between the years 1678 and 2262";
        seconds.checked_mul(per_second).and_then(|whole| whole.checked_add(part)).ok_or_else(|| refused(text, beyond))
    };
    Ok(match nanoseconds {
        0 => Arc::new(TimestampSecondArray::from(vec![seconds]).with_timezone_opt(zone)),
        part if part % 1_000_000 == 0 => {
            Arc::new(TimestampMillisecondArray::from(vec![scaled(1000)?]).with_timezone_opt(zone))
        }
        part if part % 1000 == 0 => {
            Arc::new(TimestampMicrosecondArray::from(vec![scaled(1_000_000)?]).with_timezone_opt(zone))
        }
        _ => Arc::new(TimestampNanosecondArray::from(vec![scaled(1_000_000_000)?]).with_timezone_opt(zone)),
    })
}

/// A text as the value of a date, time or time stamp that it stands beside; `None` where that is none of these.
pub(crate) fn beside(text: &str, kind: Kind) -> Option<Result<ArrayRef, ExpressionError>> {
    match kind {
        // A time of day beside a date is not nothing.
        Kind::Date => Some(date(text).or_else(|error| timestamp(text, Some(false)).map_err(|_| error))),
        Kind::Time => Some(time(text)),
        Kind::Timestamp { zoned } => Some(timestamp(text, Some(zoned))),
        _ => None,
    }
}

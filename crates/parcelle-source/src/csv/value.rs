//! What an attribute value is, and its place in an Arrow column.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};

use crate::date_time::{self, DateTime};
use crate::inference::ValueType;

/// The type of one value, by the rules of the [module](crate::csv).
pub(crate) fn classify(text: &[u8]) -> ValueType {
    match text.first() {
        None => ValueType::Null,
        Some(b'0'..=b'9' | b'-' | b'.') => number_or_date(text),
        Some(b't' | b'T' | b'f' | b'F') if boolean(text).is_some() => ValueType::Boolean,
        Some(_) => ValueType::Text,
    }
}

fn number_or_date(text: &[u8]) -> ValueType {
    if matches!(text.get(4), Some(b'-' | b'/'))
        && text.len() >= 10
        && text.last().is_some_and(|last| !last.is_ascii_whitespace())
    {
        if text.len() == 10 && date_time::days(text).is_some() {
            return ValueType::Date;
        }
        return match DateTime::parse(text) {
            Some(DateTime { has_zone: true, .. }) => ValueType::Instant,
            Some(_) => ValueType::DateTime,
            None => ValueType::Text,
        };
    }
    number(text)
}

/// Integers and floats as JSON writes them, and `.5`; exponents need a point or a sign.
fn number(text: &[u8]) -> ValueType {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let split = |bytes: &'_ [u8]| digits(bytes);
    let whole = split(unsigned);
    let leading_zero = whole > 1 && unsigned.first() == Some(&b'0');
    let mut rest = unsigned.get(whole..).unwrap_or_default();
    if leading_zero {
        return ValueType::Text;
    }
    if rest.is_empty() {
        // Minus zero is another number than zero only as a float.
        return match integer(text) {
            Some(0) if unsigned.len() < text.len() => ValueType::Float,
            Some(value) => ValueType::of_integer(value),
            None => ValueType::Text,
        };
    }
    let mut marked = false;
    if let Some(after) = rest.strip_prefix(b".") {
        let fraction = digits(after);
        if fraction == 0 {
            return ValueType::Text;
        }
        marked = true;
        rest = after.get(fraction..).unwrap_or_default();
    } else if whole == 0 {
        return ValueType::Text;
    }
    if rest.is_empty() {
        return ValueType::Float;
    }
    let [b'e' | b'E', exponent @ ..] = rest else { return ValueType::Text };
    let after_sign = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
    marked |= after_sign.len() < exponent.len();
    if !marked || after_sign.is_empty() || digits(after_sign) != after_sign.len() {
        return ValueType::Text;
    }
    // Neither infinity nor zero for want of range.
    let zero = unsigned.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| matches!(byte, b'0' | b'.'));
    match fast_float2::parse::<f64, _>(text) {
        Ok(value) if value.is_finite() && (value != 0.0 || zero) => ValueType::Float,
        _ => ValueType::Text,
    }
}

/// Digits with or without a minus, within 64 bits.
fn integer(text: &[u8]) -> Option<i64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    if unsigned.is_empty() {
        return None;
    }
    let negative = unsigned.len() < text.len();
    unsigned.iter().try_fold(0i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        let value = value.checked_mul(10)?;
        if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    })
}

/// An integer that is a value of that type: without leading zeros, and not minus zero.
fn whole_number(text: &[u8]) -> Option<i64> {
    let value = integer(text)?;
    match text {
        [b'0'] | [b'1'..=b'9', ..] | [b'-', b'1'..=b'9', ..] => Some(value),
        _ => None,
    }
}

/// A float as nearly all are written: a few digits on both sides of a point. Of others nothing is said.
#[inline]
fn usual_float(text: &[u8]) -> Option<f64> {
    let (value, length, point) = parcelle_geometry::short_decimal_and_whole(text)?;
    let leading_zero = matches!(text, [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..]);
    (length == text.len() && !leading_zero && point < length).then_some(value)
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text.len() {
        4 if text.eq_ignore_ascii_case(b"true") => Some(true),
        5 if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// Collects the values of a column.
pub(crate) enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Date(Date32Builder),
    DateTime(TimestampMicrosecondBuilder),
    Text(StringBuilder),
}

/// Room for texts, at most: one great value does not make the next ones so.
const MOST_BYTES: usize = 8 << 20;

/// Calls `$call` with the Arrow builder of whatever kind.
macro_rules! with_builder {
    ($self:expr, $builder:ident => $call:expr) => {
        match $self {
            Self::Boolean($builder) => $call,
            Self::Integer($builder) => $call,
            Self::Float($builder) => $call,
            Self::Date($builder) => $call,
            Self::DateTime($builder) => $call,
            Self::Text($builder) => $call,
        }
    };
}

impl Builder {
    /// With room for so many rows, and so many bytes of text.
    pub(crate) fn new(value_type: ValueType, rows: usize, bytes: usize) -> Self {
        match value_type {
            ValueType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            ValueType::Integer | ValueType::LargeInteger => Self::Integer(Int64Builder::with_capacity(rows)),
            ValueType::Float => Self::Float(Float64Builder::with_capacity(rows)),
            ValueType::Date => Self::Date(Date32Builder::with_capacity(rows)),
            ValueType::DateTime | ValueType::Instant => {
                let builder = TimestampMicrosecondBuilder::with_capacity(rows);
                Self::DateTime(builder.with_data_type(value_type.data_type()))
            }
            ValueType::Null | ValueType::Text | ValueType::Json => {
                Self::Text(StringBuilder::with_capacity(rows, bytes))
            }
        }
    }

    /// Appends a value; `None` where it is not of the type of the column.
    #[inline]
    pub(crate) fn append(&mut self, text: &str, quoted: bool) -> Option<()> {
        let bytes = text.as_bytes();
        match self {
            Self::Text(builder) if quoted || !text.is_empty() => builder.append_value(text),
            _ if text.is_empty() => with_builder!(self, builder => builder.append_null()),
            Self::Text(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_value(boolean(bytes)?),
            Self::Integer(builder) => builder.append_value(integer(bytes)?),
            Self::Float(builder) => match usual_float(bytes) {
                Some(value) => builder.append_value(value),
                None => builder.append_value(fast_float2::parse(bytes).ok()?),
            },
            Self::Date(builder) => builder.append_value(date_time::days(bytes)?),
            Self::DateTime(builder) => builder.append_value(DateTime::parse(bytes)?.microseconds),
        }
        Some(())
    }

    /// The same where the type of the column is a conjecture: `None` also for a value that has a place in it, and leads to
    /// another type all the same, such as `01` among integers. `found` becomes what all values so far lead to, of which no
    /// more is known than that it has the type of the column: text that has been found is not looked at any further.
    ///
    /// It comes to the same as [`classify`] and [`Builder::append`], and looks at most values once.
    #[inline]
    pub(crate) fn append_unproved(
        &mut self,
        text: &str,
        quoted: bool,
        conjecture: ValueType,
        found: &mut ValueType,
    ) -> Option<()> {
        let bytes = text.as_bytes();
        if text.is_empty() {
            return self.append(text, quoted);
        }
        let value_type = match self {
            Self::Text(builder) => {
                builder.append_value(text);
                if *found == ValueType::Text {
                    return Some(());
                }
                classify(bytes)
            }
            Self::Integer(builder) => {
                builder.append_value(whole_number(bytes)?);
                ValueType::Integer
            }
            Self::Boolean(builder) => {
                builder.append_value(boolean(bytes)?);
                ValueType::Boolean
            }
            Self::Float(builder) => match usual_float(bytes) {
                Some(value) => {
                    builder.append_value(value);
                    ValueType::Float
                }
                None => {
                    let value_type = classify(bytes);
                    builder.append_value(fast_float2::parse(bytes).ok()?);
                    value_type
                }
            },
            Self::Date(builder) if bytes.len() == 10 => {
                builder.append_value(date_time::days(bytes)?);
                ValueType::Date
            }
            Self::Date(_) => return None,
            Self::DateTime(builder) => {
                let DateTime { microseconds, has_zone } = DateTime::parse(bytes)?;
                builder.append_value(microseconds);
                match has_zone {
                    // Spaces around it are forgiven by the parser, and not by `classify`.
                    _ if text.trim_ascii().len() != text.len() => ValueType::Text,
                    true => ValueType::Instant,
                    false if text.len() == 10 => ValueType::Date,
                    false => ValueType::DateTime,
                }
            }
        };
        *found = found.widen(value_type);
        (*found == conjecture || conjecture.widen(*found).data_type() == conjecture.data_type()).then_some(())
    }

    /// The column so far; the builder, whose type is this, starts anew. What comes next will be about like it.
    pub(crate) fn finish(&mut self, value_type: ValueType) -> ArrayRef {
        let bytes = match self {
            Self::Text(builder) => builder.values_slice().len(),
            _ => 0,
        };
        let rows = with_builder!(self, builder => builder.len());
        let next = Self::new(value_type, rows, (bytes + bytes / 8).min(MOST_BYTES));
        with_builder!(&mut std::mem::replace(self, next), builder => Arc::new(builder.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_narrowest_type() {
        use ValueType::{Boolean, Date, DateTime, Float, Instant, Integer, LargeInteger, Null, Text};
        for (expected, texts) in [
            (Null, &[""][..]),
            (Boolean, &["true", "FALSE", "True"]),
            (Integer, &["0", "7", "-12", "9007199254740992", "2019"]),
            (LargeInteger, &["9007199254740993", "-9223372036854775808", "9223372036854775807"]),
            (Float, &["1.5", "-0.25", ".5", "-.5", "1e-05", "1.5e10", "1E+05", "-0", "0.0e-999", "0.10"]),
            (Date, &["2024-02-29", "0001-01-01"]),
            (DateTime, &["2024-02-29T10:00", "2024-02-29 10:00:00.123456", "2024-02-29T10:00:00.1234560"]),
            (Instant, &["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.123456+02:00"]),
            (
                Text,
                &[
                    "01234",
                    "00",
                    "+33",
                    "-01",
                    "007.5",
                    "1.",
                    ".",
                    "-",
                    "1e5",
                    "12E4",
                    "1e999",
                    "1.0e-999",
                    "1,5",
                    "1 000",
                    " 1",
                    "1 ",
                    "nan",
                    "NaN",
                    "inf",
                    "-inf",
                    "NULL",
                    "NA",
                    "\\N",
                    "t",
                    "f",
                    "yes",
                    "0x10",
                    "9223372036854775808",
                    "2024-02-30",
                    "2024-2-3",
                    "24/02/2024",
                    "2024-02-29T25:00",
                    "2024-02-29T10:00:00.1234567",
                    "2024-02-29 ",
                    "1e",
                    "1.5e",
                    "1.5e+",
                    "1.2.3",
                    "--1",
                    "1-2",
                    "é",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(classify(text.as_bytes()), expected, "{text}");
            }
        }
    }

    #[test]
    fn what_has_a_type_has_a_place_in_its_column() {
        for text in ["true", "-12", "9223372036854775807", "-0", ".5", "1e-05", "2024-02-29", "2024-02-29T10:00:00.5Z"]
        {
            let value_type = classify(text.as_bytes());
            let mut builder = Builder::new(value_type, 1, 1);
            assert_eq!(builder.append(text, false), Some(()), "{text}");
            assert_eq!(builder.append("", true), Some(()));
            assert_eq!((builder.finish(value_type).null_count(), value_type == ValueType::Text), (1, false));
        }
    }

    /// What is true of values one by one is also so of those that come together, in one look.
    #[test]
    fn conjectures_are_held_against_every_value() {
        let types = [
            ValueType::Null,
            ValueType::Boolean,
            ValueType::Integer,
            ValueType::LargeInteger,
            ValueType::Float,
            ValueType::Date,
            ValueType::DateTime,
            ValueType::Instant,
            ValueType::Text,
        ];
        let texts = [
            "",
            "true",
            "FALSE",
            "0",
            "7",
            "-12",
            "007",
            "00",
            "-0",
            "-01",
            "+33",
            "-",
            "9007199254740993",
            "1.5",
            "-0.5",
            "00.5",
            "-.5",
            "1.",
            "1e5",
            "1.0e5",
            "1e-05",
            "nan",
            "inf",
            "1e999",
            "9223372036854775808",
            "2024-02-29",
            "2024/02/29",
            "2024-02-30",
            " 2024-02-29",
            "2024-02-29 ",
            "2024-02-29T10:00",
            "2024-02-29T00:00:00",
            " 2024-02-29T10:00",
            "2024-02-29T10:00 ",
            "2024-02-29T10:00Z",
            "2024-02-29T10:00:00.5+02:00",
            "2024/02/29 10:00:00.123+00",
            "x",
            " 1",
            "t",
            "\"1",
        ];
        for conjecture in types {
            for before in types {
                for text in texts {
                    let (mut builder, mut found) = (Builder::new(conjecture, 0, 0), before);
                    let fits = builder.append_unproved(text, false, conjecture, &mut found).is_some();
                    let expected = before.widen(classify(text.as_bytes()));
                    let kept = conjecture.widen(expected).data_type() == conjecture.data_type();
                    // What could not have been before says nothing.
                    if conjecture.widen(before).data_type() == conjecture.data_type() {
                        assert_eq!(fits, kept, "{text:?} among {conjecture:?} after {before:?}");
                        if fits {
                            assert_eq!(found.data_type(), expected.data_type(), "{text:?} after {before:?}");
                            assert_eq!(builder.finish(conjecture).len(), 1);
                        }
                    }
                }
            }
        }
    }
}

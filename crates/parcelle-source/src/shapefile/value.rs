//! The values of a field into its column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
};

use super::dbf::Kind;
use super::text::Encoding;
use crate::date_time;

/// A float holds integers up to this exactly, and so many digits without thought.
const EXACT_DIGITS: usize = 15;

/// Why a value has no place in its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Refusal {
    /// It is no value of the type, or would not come out as it is written.
    Value,
    /// It is a value of the type that its column would round.
    Rounded,
    /// It is not text in the encoding.
    Encoding,
}

/// Asked about a value by its index, its bytes and why it is refused: for the text that takes its place.
pub(super) type OnRefusal<'a, E> = &'a mut dyn FnMut(usize, &[u8], Refusal) -> Result<Option<String>, E>;

/// Collects the values of a field.
pub(super) enum Builder {
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    WideInteger(Float64Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
}

impl Builder {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::WideInteger => Self::WideInteger(Float64Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
        }
    }

    /// Appends values. `invalid` is asked about those it refuses: for the text that takes the place of one, or for `None`,
    /// which is NULL.
    pub(super) fn append<'a, E>(
        &mut self,
        values: impl Iterator<Item = &'a [u8]>,
        encoding: &Encoding,
        invalid: OnRefusal<'_, E>,
    ) -> Result<(), E> {
        /// One loop for each type, so that no value asks for its type again.
        macro_rules! append_each {
            ($builder:ident, $parse:expr) => {
                for (index, bytes) in values.enumerate() {
                    match $parse(bytes) {
                        Ok(value) => $builder.append_option(value),
                        Err(refusal) => {
                            invalid(index, bytes, refusal)?;
                            $builder.append_null();
                        }
                    }
                }
            };
        }
        match self {
            Self::Text(builder) => {
                for (index, bytes) in values.enumerate() {
                    match text(bytes) {
                        [] => builder.append_null(),
                        bytes => match encoding.decode(bytes) {
                            Some(text) => builder.append_value(text),
                            None => builder.append_option(invalid(index, bytes, Refusal::Encoding)?),
                        },
                    }
                }
            }
            Self::Int32(builder) => append_each!(builder, |bytes| {
                let number = number(bytes).map(integer).transpose()?;
                number.map(|number| i32::try_from(number).map_err(|_| Refusal::Value)).transpose()
            }),
            Self::Int64(builder) => append_each!(builder, |bytes| number(bytes).map(integer).transpose()),
            Self::WideInteger(builder) => append_each!(builder, |bytes| number(bytes).map(wide_integer).transpose()),
            Self::Float64(builder) => append_each!(builder, |bytes| number(bytes).map(float).transpose()),
            Self::Boolean(builder) => append_each!(builder, boolean),
            Self::Date(builder) => append_each!(builder, date),
        }
        Ok(())
    }

    /// The column so far; the builder starts anew.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::WideInteger(builder) | Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Without what fills the field: a zero byte and all after it, and trailing blanks.
fn text(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let mut text = bytes.get(..end).unwrap_or_default();
    // Most of a wide field is blank.
    while let Some((before, [b' ', b' ', b' ', b' ', b' ', b' ', b' ', b' '])) = text.split_last_chunk() {
        text = before;
    }
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// The characters of a number; `None` where the field is blank, or of asterisks: the number was too long to be written.
pub(super) fn number(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | 0))?;
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0))?;
    let number = bytes.get(start..=end)?;
    (number.first() != Some(&b'*') || number.iter().any(|byte| *byte != b'*')).then_some(number)
}

/// Sign and digits.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

pub(super) fn integer(text: &[u8]) -> Result<i64, Refusal> {
    let (negative, digits) = signed(text);
    // Below zero, where there is one more of them.
    let below = digits.iter().try_fold(0i64, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_sub(i64::from(digit)) }
    });
    match below.and_then(|value| if negative { Some(value) } else { value.checked_neg() }) {
        Some(value) if !digits.is_empty() => Ok(value),
        // `12.000` and `1.2e3` are integers too; nothing that is written in 18 characters and is one is beyond a float but
        // for digits alone.
        _ => {
            let value = float(text)?;
            let is_exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
            if is_exact { Ok(value as i64) } else { Err(Refusal::Value) }
        }
    }
}

/// A float that is the same number as the digits say.
pub(super) fn wide_integer(text: &[u8]) -> Result<f64, Refusal> {
    let value = float(text)?;
    let (negative, digits) = signed(text);
    if digits.len() <= EXACT_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        // It has a point or an exponent: it was a float when it was written.
        return Ok(value);
    }
    let exact = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i128>().ok());
    let exact = exact.map(|exact| if negative { -exact } else { exact });
    if exact == Some(value as i128) { Ok(value) } else { Err(Refusal::Rounded) }
}

fn float(text: &[u8]) -> Result<f64, Refusal> {
    fast_float2::parse(text).map_err(|_| Refusal::Value)
}

fn boolean(bytes: &[u8]) -> Result<Option<bool>, Refusal> {
    match bytes {
        [b'T' | b't' | b'Y' | b'y'] => Ok(Some(true)),
        [b'F' | b'f' | b'N' | b'n'] => Ok(Some(false)),
        [b'?' | b' ' | 0] => Ok(None),
        _ => Err(Refusal::Value),
    }
}

/// Days since 1970-01-01 of `YYYYMMDD`.
fn date(bytes: &[u8]) -> Result<Option<i32>, Refusal> {
    if bytes.iter().all(|byte| matches!(byte, b' ' | 0)) || bytes.iter().all(|byte| matches!(byte, b' ' | b'0')) {
        return Ok(None);
    }
    let &[y1, y2, y3, y4, m1, m2, d1, d2] = bytes else { return Err(Refusal::Value) };
    date_time::days(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]).map(Some).ok_or(Refusal::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_integers() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("+7", Ok(7)),
            ("007", Ok(7)),
            ("-999999999999999999", Ok(-999_999_999_999_999_999)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("-9223372036854775809", Err(Refusal::Value)),
            ("12.000", Ok(12)),
            ("12.", Ok(12)),
            ("1.2e3", Ok(1200)),
            ("12.5", Err(Refusal::Value)),
            ("9223372036854775808", Err(Refusal::Value)),
            ("9007199254740993.0", Err(Refusal::Value)),
            ("1e18", Err(Refusal::Value)),
            ("", Err(Refusal::Value)),
            ("-", Err(Refusal::Value)),
            ("1 2", Err(Refusal::Value)),
            ("1,5", Err(Refusal::Value)),
            ("abc", Err(Refusal::Value)),
            ("nan", Err(Refusal::Value)),
        ] {
            assert_eq!(integer(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn wide_integers_are_exact() {
        for (text, expected) in [
            ("123456789012345", Ok(123_456_789_012_345.0)),
            ("9007199254740992", Ok(9_007_199_254_740_992.0)),
            ("9007199254740993", Err(Refusal::Rounded)),
            ("-9007199254740993", Err(Refusal::Rounded)),
            ("10000000000000000000", Ok(1e19)),
            ("1.5", Ok(1.5)),
            ("99999999999999999999999999999999999999999999999999", Err(Refusal::Rounded)),
        ] {
            assert_eq!(wide_integer(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn blanks_are_nothing() {
        for text in ["", "   ", "\0\0", " \0", "****", " ** "] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(number(b" 12\0 "), Some(&b"12"[..]));
        assert_eq!(number(b"**1"), Some(&b"**1"[..]));
        assert_eq!(text(b" a b  "), b" a b");
        assert_eq!(text(b"a\0rest"), b"a");
        assert_eq!((text(b"   "), text(b"")), (&b""[..], &b""[..]));
        assert_eq!(
            (boolean(b"?"), boolean(b"y"), boolean(b"N"), boolean(b"1")),
            (Ok(None), Ok(Some(true)), Ok(Some(false)), Err(Refusal::Value))
        );
        assert_eq!((date(b"00000000"), date(b"        "), date(b"19700102")), (Ok(None), Ok(None), Ok(Some(1))));
        assert_eq!(
            (date(b"20230229"), date(b"2023022 "), date(b"01/02/03")),
            (Err(Refusal::Value), Err(Refusal::Value), Err(Refusal::Value))
        );
    }
}

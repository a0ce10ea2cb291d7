//! One type for the values of columns of different types.
//!
//! | types | become |
//! |---|---|
//! | signed integers; unsigned integers | the widest of them |
//! | unsigned and signed integers | the signed integers that hold both; 64-bit unsigned and signed ones have none |
//! | signed integers of 8 or 16 bits, unsigned ones of 8, and 32-bit floats | 32-bit floats |
//! | other integers (not unsigned ones of 64 bits) and floats | 64-bit floats, if they hold every value |
//! | 32-bit and 64-bit floats | 64-bit floats |
//! | decimals, and integers with them | decimals with the digits of both (19 for any integer), up to 38 |
//! | dates and times of day without zone | times of day; a date is midnight |
//! | times of different units, or of different zones | the finer unit; the same instants in UTC |
//! | forms of text; forms of bytes | text; bytes |
//! | lists | lists of the wider type of their items |
//!
//! Anything else has no common type: text with anything, truth values with numbers, times with and without a zone. That is
//! said and not mended: text would make every number of a good file text, as one bad file has it.
//!
//! As far as types go nothing is lost. Three rules depend on the values (integers as floats, times in finer units, dates as
//! nanoseconds), which are compared after the conversion: see [`super::adapt`].
//!
//! Widening is associative and commutative, so that the order of files changes neither the outcome nor whether there is one.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// Most digits of a decimal of 128 bits.
const MOST_DIGITS: i32 = 38;

/// The type that holds the values of both; `None` where there is none.
pub(super) fn widen(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{
        Binary, BinaryView, Date32, FixedSizeBinary, Float32, Float64, Int8, Int16, LargeBinary, LargeList, LargeUtf8,
        List, Null, Timestamp, UInt8, UInt64, Utf8, Utf8View,
    };
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => {
            Some(if [left, right].contains(&&LargeUtf8) { LargeUtf8 } else { Utf8 })
        }
        (
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_),
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_),
        ) => Some(if [left, right].contains(&&LargeBinary) { LargeBinary } else { Binary }),
        (Date32, Timestamp(unit, None)) | (Timestamp(unit, None), Date32) => Some(Timestamp(*unit, None)),
        (Timestamp(left, None), Timestamp(right, None)) => Some(Timestamp(finer(*left, *right), None)),
        (Timestamp(left, Some(zone)), Timestamp(right, Some(other))) => {
            let zone = if zone == other { Arc::clone(zone) } else { "UTC".into() };
            Some(Timestamp(finer(*left, *right), Some(zone)))
        }
        (List(left), List(right)) => items(left, right).map(List),
        (LargeList(left), LargeList(right)) => items(left, right).map(LargeList),
        (Float32 | Float64, Float32 | Float64) => Some(Float64),
        (UInt64, Float32 | Float64) | (Float32 | Float64, UInt64) => None,
        (Float32, Int8 | Int16 | UInt8) | (Int8 | Int16 | UInt8, Float32) => Some(Float32),
        (Float32 | Float64, integer) | (integer, Float32 | Float64) if integer.is_integer() => Some(Float64),
        _ if left.is_integer() && right.is_integer() => integers(left, right),
        _ => time_of_day(left, right).or_else(|| decimals(left, right)),
    }
}

/// Whether the conversion has to be compared value by value with what it comes from.
pub(super) fn depends_on_values(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Int64, DataType::Float64) => true,
        (DataType::Timestamp(from, _), DataType::Timestamp(to, _)) => from != to,
        (DataType::Date32, DataType::Timestamp(..)) => true,
        _ => false,
    }
}

/// Bits of an integer type, and whether it has a sign.
fn bits(data_type: &DataType) -> Option<(u32, bool)> {
    Some(match data_type {
        DataType::Int8 => (8, true),
        DataType::Int16 => (16, true),
        DataType::Int32 => (32, true),
        DataType::Int64 => (64, true),
        DataType::UInt8 => (8, false),
        DataType::UInt16 => (16, false),
        DataType::UInt32 => (32, false),
        DataType::UInt64 => (64, false),
        _ => return None,
    })
}

fn integers(left: &DataType, right: &DataType) -> Option<DataType> {
    let ((left_bits, left_signed), (right_bits, right_signed)) = (bits(left)?, bits(right)?);
    if left_signed == right_signed {
        return Some(if left_bits >= right_bits { left.clone() } else { right.clone() });
    }
    let (signed, unsigned) = if left_signed { (left_bits, right_bits) } else { (right_bits, left_bits) };
    // A sign takes a bit, and the next type has twice as many.
    match signed.max(unsigned * 2) {
        16 => Some(DataType::Int16),
        32 => Some(DataType::Int32),
        64 => Some(DataType::Int64),
        _ => None,
    }
}

fn finer(left: TimeUnit, right: TimeUnit) -> TimeUnit {
    let rank = |unit: TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if rank(left) >= rank(right) { left } else { right }
}

fn time_of_day(left: &DataType, right: &DataType) -> Option<DataType> {
    let unit = |data_type: &DataType| match data_type {
        DataType::Time32(unit) | DataType::Time64(unit) => Some(*unit),
        _ => None,
    };
    let unit = finer(unit(left)?, unit(right)?);
    Some(match unit {
        TimeUnit::Second | TimeUnit::Millisecond => DataType::Time32(unit),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => DataType::Time64(unit),
    })
}

/// Digits before and after the point of a decimal type, or of an integer type.
fn digits(data_type: &DataType) -> Option<(i32, i32)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (i32::from(*precision), i32::from(*scale));
            Some((precision - scale, scale))
        }
        // As many for all, or it would matter whether integers meet each other first.
        _ => bits(data_type).filter(|bits| *bits != (64, false)).map(|_| (19, 0)),
    }
}

fn decimals(left: &DataType, right: &DataType) -> Option<DataType> {
    if !left.is_decimal() && !right.is_decimal() {
        return None;
    }
    let ((left_before, left_after), (right_before, right_after)) = (digits(left)?, digits(right)?);
    let (before, after) = (left_before.max(right_before), left_after.max(right_after));
    let precision = before + after;
    if !(1..=MOST_DIGITS).contains(&precision) {
        return None;
    }
    Some(DataType::Decimal128(u8::try_from(precision).ok()?, i8::try_from(after).ok()?))
}

fn items(left: &Arc<Field>, right: &Arc<Field>) -> Option<Arc<Field>> {
    let data_type = widen(left.data_type(), right.data_type())?;
    let nullable = left.is_nullable() || right.is_nullable();
    Some(Arc::new(left.as_ref().clone().with_data_type(data_type).with_nullable(nullable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<DataType> {
        use DataType::*;
        let zone = |name: &str| Some(name.into());
        let item = |data_type: DataType| Arc::new(Field::new("item", data_type, true));
        vec![
            Null,
            Boolean,
            Int8,
            Int16,
            Int32,
            Int64,
            UInt8,
            UInt16,
            UInt32,
            UInt64,
            Float32,
            Float64,
            Decimal64(12, 2),
            Decimal128(12, 2),
            Decimal128(38, 10),
            Decimal128(38, -2),
            Date32,
            Time32(TimeUnit::Second),
            Time64(TimeUnit::Nanosecond),
            Timestamp(TimeUnit::Second, None),
            Timestamp(TimeUnit::Microsecond, None),
            Timestamp(TimeUnit::Millisecond, zone("UTC")),
            Timestamp(TimeUnit::Nanosecond, zone("+02:00")),
            Timestamp(TimeUnit::Nanosecond, zone("-03:00")),
            Utf8,
            LargeUtf8,
            Utf8View,
            Binary,
            LargeBinary,
            FixedSizeBinary(4),
            FixedSizeBinary(16),
            List(item(Int32)),
            List(item(Float64)),
            List(item(Utf8)),
            LargeList(item(Utf8)),
        ]
    }

    #[test]
    fn widening_does_not_depend_on_the_order() {
        let fold = |left: Option<DataType>, right: &DataType| left.and_then(|left| widen(&left, right));
        for a in all() {
            assert_eq!(widen(&a, &a), Some(a.clone()));
            for b in all() {
                assert_eq!(widen(&a, &b), widen(&b, &a), "{a} {b}");
                for c in all() {
                    let first = fold(widen(&a, &b), &c);
                    let second = fold(widen(&b, &c), &a);
                    assert_eq!(first, second, "{a} {b} {c}");
                }
            }
        }
    }

    #[test]
    fn types_have_the_least_common_type() {
        use DataType::*;
        for (left, right, wide) in [
            (Int16, Int64, Some(Int64)),
            (UInt8, Int8, Some(Int16)),
            (UInt32, Int8, Some(Int64)),
            (UInt64, Int8, None),
            (Int16, Float32, Some(Float32)),
            (Int32, Float32, Some(Float64)),
            (Int64, Float64, Some(Float64)),
            (UInt64, Float64, None),
            (Int32, Decimal128(9, 2), Some(Decimal128(21, 2))),
            (Int64, Decimal128(38, 20), None),
            (Float64, Decimal128(9, 2), None),
            (Boolean, Int8, None),
            (Utf8, Int32, None),
            (Utf8, Boolean, None),
            (Date32, Timestamp(TimeUnit::Millisecond, None), Some(Timestamp(TimeUnit::Millisecond, None))),
            (Date32, Timestamp(TimeUnit::Millisecond, Some("UTC".into())), None),
            (Date32, Utf8, None),
        ] {
            assert_eq!(widen(&left, &right), wide, "{left} {right}");
        }
    }
}

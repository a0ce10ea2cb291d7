//! Comparison by value, whatever the types.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::compute::kernels::cmp;
use arrow::datatypes::{
    ArrowTimestampType, DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

use crate::expression::syntax::Comparison;
use crate::expression::value::{Value, exact_cast};

/// Digits that fit every 64-bit integer.
const INTEGER_DIGITS: u8 = 19;
/// Digits that fit every time stamp in nanoseconds.
const NANOSECOND_DIGITS: u8 = 38;

/// Compares; one truth value per row, or one where both sides are one value.
pub(crate) fn compare(operator: Comparison, left: &Value, right: &Value, rows: usize) -> Result<Value, ArrowError> {
    let is_scalar = left.is_scalar && right.is_scalar;
    let null = |value: &Value| *value.data_type() == DataType::Null;
    if null(left) || null(right) {
        let rows = if is_scalar { 1 } else { rows };
        let array: ArrayRef = match operator {
            Comparison::Distinct | Comparison::NotDistinct => {
                let negated = operator == Comparison::Distinct;
                let both = (left.expand(rows)?, right.expand(rows)?);
                let equal = |row| {
                    both.0.logical_nulls().is_some_and(|nulls| nulls.is_null(row))
                        == both.1.logical_nulls().is_some_and(|nulls| nulls.is_null(row))
                };
                Arc::new((0..rows).map(|row| Some(equal(row) != negated)).collect::<BooleanArray>())
            }
            _ => Arc::new(BooleanArray::new_null(rows)),
        };
        return Ok(Value { array, is_scalar });
    }
    if let Some(result) = mixed(operator, left, right, rows)? {
        return Ok(Value { array: Arc::new(result), is_scalar });
    }
    let (left, right) = unify(left, right)?;
    let result = match operator {
        Comparison::Equal => cmp::eq(&left, &right),
        Comparison::NotEqual => cmp::neq(&left, &right),
        Comparison::Less => cmp::lt(&left, &right),
        Comparison::LessOrEqual => cmp::lt_eq(&left, &right),
        Comparison::Greater => cmp::gt(&left, &right),
        Comparison::GreaterOrEqual => cmp::gt_eq(&left, &right),
        Comparison::Distinct => cmp::distinct(&left, &right),
        Comparison::NotDistinct => cmp::not_distinct(&left, &right),
    }?;
    Ok(Value { array: Arc::new(result), is_scalar })
}

/// An integer with a float, which no common type holds exactly.
fn mixed(operator: Comparison, left: &Value, right: &Value, rows: usize) -> Result<Option<BooleanArray>, ArrowError> {
    let is_float = |value: &Value| *value.data_type() == DataType::Float64;
    let (integers, floats, swapped) = match (is_float(left), is_float(right)) {
        (false, true) => (left, right, false),
        (true, false) => (right, left, true),
        _ => return Ok(None),
    };
    let rows = if left.is_scalar && right.is_scalar { 1 } else { rows };
    let integers = integers.expand(rows)?;
    let integers: Box<dyn Fn(usize) -> i128> = if let Some(values) = integers.as_primitive_opt::<Int64Type>() {
        let values = values.clone();
        Box::new(move |row| i128::from(values.value(row)))
    } else if let (DataType::Decimal128(_, 0), Some(values)) =
        (integers.data_type(), integers.as_primitive_opt::<Decimal128Type>())
    {
        let values = values.clone();
        Box::new(move |row| values.value(row))
    } else {
        return Ok(None);
    };
    let integer_nulls = if swapped { right } else { left }.expand(rows)?;
    let floats = floats.expand(rows)?;
    let floats = floats.as_primitive::<Float64Type>();
    let result = (0..rows).map(|row| {
        let order = match (integer_nulls.is_valid(row), floats.is_valid(row)) {
            (true, true) => {
                let order = order(integers(row), floats.value(row));
                Some(if swapped { order.reverse() } else { order })
            }
            (false, false) => return both_null(operator),
            _ => return one_null(operator),
        };
        order.map(|order| holds(operator, order))
    });
    Ok(Some(result.collect()))
}

fn both_null(operator: Comparison) -> Option<bool> {
    match operator {
        Comparison::Distinct => Some(false),
        Comparison::NotDistinct => Some(true),
        _ => None,
    }
}

fn one_null(operator: Comparison) -> Option<bool> {
    both_null(operator).map(|equal| !equal)
}

pub(crate) fn holds(operator: Comparison, order: Ordering) -> bool {
    match operator {
        Comparison::Equal | Comparison::NotDistinct => order.is_eq(),
        Comparison::NotEqual | Comparison::Distinct => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// An integer against a float, exactly; NaN is above all.
pub(crate) fn order(integer: i128, float: f64) -> Ordering {
    // 2 to the power of 127: above any i128.
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() || float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    // Exact: it is whole and within the limits.
    integer.cmp(&(whole as i128)).then_with(|| 0.0f64.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal))
}

/// Both in one type that holds the values of either.
fn unify(left: &Value, right: &Value) -> Result<(Value, Value), ArrowError> {
    if left.data_type() == right.data_type() {
        return Ok((left.clone(), right.clone()));
    }
    let cast = |value: &Value, target: &DataType| -> Result<Value, ArrowError> {
        Ok(value.with(if value.data_type() == target {
            Arc::clone(&value.array)
        } else {
            exact_cast(&value.array, target)?
        }))
    };
    if let Some(target) = common_type(left.data_type(), right.data_type()) {
        return Ok((cast(left, &target)?, cast(right, &target)?));
    }
    let instants = |value: &Value| nanoseconds(&value.array).map(|array| value.with(array));
    match (instants(left), instants(right)) {
        (Some(left), Some(right)) => Ok((left, right)),
        _ => Err(ArrowError::InvalidArgumentError(format!(
            "{} cannot be compared with {}",
            left.data_type(),
            right.data_type()
        ))),
    }
}

/// The type that holds the values of both numbers; `None` for what are no numbers.
pub(crate) fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    let digits = |data_type: &DataType| match data_type {
        DataType::Int64 => Some((INTEGER_DIGITS, 0)),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    };
    if let (Some((left_precision, left_scale)), Some((right_precision, right_scale))) = (digits(left), digits(right)) {
        let scale = left_scale.max(right_scale).max(0);
        let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
        let whole = whole(left_precision, left_scale).max(whole(right_precision, right_scale)).max(1);
        let precision = whole + i16::from(scale);
        return match u8::try_from(precision) {
            Ok(precision @ ..=38) => Some(DataType::Decimal128(precision, scale)),
            Ok(precision @ ..=76) => Some(DataType::Decimal256(precision, scale)),
            // So far apart that it makes no difference for real numbers.
            _ => Some(DataType::Float64),
        };
    }
    let is_number = |data_type: &DataType| digits(data_type).is_some() || *data_type == DataType::Float64;
    (is_number(left) && is_number(right)).then_some(DataType::Float64)
}

/// Dates and time stamps as nanoseconds since 1970 in 128 bits, which hold any of them.
fn nanoseconds(array: &ArrayRef) -> Option<ArrayRef> {
    fn of<T: ArrowTimestampType>(array: &ArrayRef, factor: i128) -> Option<Decimal128Array> {
        Some(array.as_primitive_opt::<T>()?.unary(|value| i128::from(value) * factor))
    }
    let values = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(array, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(array, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(array, 1000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(array, 1),
        DataType::Date32 => {
            let days: Int64Array = exact_cast(array, &DataType::Int64).ok()?.as_primitive_opt::<Int64Type>()?.clone();
            Some(days.unary(|days| i128::from(days) * 86_400_000_000_000))
        }
        _ => None,
    }?;
    Some(Arc::new(values.with_precision_and_scale(NANOSECOND_DIGITS, 0).ok()?))
}

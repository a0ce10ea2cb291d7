//! `+ - * / %` and the sign.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, Scalar};
use arrow::compute::kernels::{cmp, numeric};
use arrow::compute::nullif;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::expression::syntax::Operator;
use crate::expression::value::{Value, exact_cast, ordered};

/// Computes; division by zero is NULL, what does not fit its type is an error.
pub(crate) fn arithmetic(operator: Operator, left: &Value, right: &Value, rows: usize) -> Result<Value, ArrowError> {
    let is_scalar = left.is_scalar && right.is_scalar;
    let null = |value: &Value| *value.data_type() == DataType::Null;
    if null(left) || null(right) {
        let rows = if is_scalar { 1 } else { rows };
        return Ok(Value { array: arrow::array::new_null_array(&DataType::Int64, rows), is_scalar });
    }
    let target = computed_in(operator, left.data_type(), right.data_type());
    let cast = |value: &Value| match &target {
        Some(target) if value.data_type() != target => Ok(value.with(exact_cast(&value.array, target)?)),
        // Each decimal with its own digits.
        None => widened(&value.array).map(|array| value.with(array)),
        Some(_) => Ok(value.clone()),
    };
    let (left, mut right) = (cast(left)?, cast(right)?);
    if matches!(operator, Operator::Divide | Operator::Modulo) {
        right = right.with(without_zeros(&right.array)?);
    }
    let result = match operator {
        Operator::Add => numeric::add(&left, &right),
        Operator::Subtract => numeric::sub(&left, &right),
        Operator::Multiply => numeric::mul(&left, &right),
        Operator::Divide => numeric::div(&left, &right),
        Operator::Modulo => numeric::rem(&left, &right),
    }?;
    Ok(Value { array: ordered(&result), is_scalar })
}

/// The other sign.
pub(crate) fn negate(value: &Value) -> Result<Value, ArrowError> {
    match value.data_type() {
        DataType::Null => Ok(value.clone()),
        _ => Ok(value.with(ordered(&numeric::neg(&value.array)?))),
    }
}

/// The type both operands are cast to; `None` for decimals, whose digits the kernels look after.
fn computed_in(operator: Operator, left: &DataType, right: &DataType) -> Option<DataType> {
    let is_decimal = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    if *left == DataType::Float64 || *right == DataType::Float64 {
        Some(DataType::Float64)
    } else if is_decimal(left) || is_decimal(right) {
        // Digits of a quotient have no end.
        (operator == Operator::Divide).then_some(DataType::Float64)
    } else {
        Some(DataType::Int64)
    }
}

fn widened(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let target = match array.data_type() {
        DataType::Decimal128(precision, scale) => DataType::Decimal256(*precision, *scale),
        DataType::Decimal256(..) => return Ok(Arc::clone(array)),
        _ => DataType::Decimal256(19, 0),
    };
    exact_cast(array, &target)
}

fn without_zeros(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let zero = exact_cast(&(Arc::new(Int64Array::from(vec![0])) as ArrayRef), array.data_type())?;
    let zeros: BooleanArray = cmp::eq(array, &Scalar::new(zero))?;
    nullif(array, &zeros)
}

//! Values of a batch in the few types that expressions compute with.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Float64Array, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::error::ArrowError;

/// The zone that all instants are computed with.
pub(crate) const UTC: &str = "+00:00";

/// A column of values, or one value for all rows.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) array: ArrayRef,
    pub(crate) is_scalar: bool,
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.is_scalar)
    }
}

impl Value {
    pub(crate) fn column(array: ArrayRef) -> Self {
        Self { array, is_scalar: false }
    }

    pub(crate) fn scalar(array: ArrayRef) -> Self {
        Self { array, is_scalar: true }
    }

    pub(crate) fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    /// The same values in another array of the same length.
    pub(crate) fn with(&self, array: ArrayRef) -> Self {
        Self { array, is_scalar: self.is_scalar }
    }

    /// One value per row.
    pub(crate) fn expand(&self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.is_scalar {
            take(&self.array, &UInt64Array::from(vec![0; rows]), None)
        } else {
            Ok(Arc::clone(&self.array))
        }
    }

    /// Truth values; NULL of no type is one.
    pub(crate) fn truth(&self) -> Result<BooleanArray, ArrowError> {
        match self.array.data_type() {
            DataType::Null => Ok(BooleanArray::new_null(self.array.len())),
            _ => self.array.as_boolean_opt().cloned().ok_or_else(|| {
                ArrowError::InvalidArgumentError(format!("{} is no truth value", self.array.data_type()))
            }),
        }
    }
}

/// What a type is for an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    Date,
    Time,
    Timestamp {
        zoned: bool,
    },
    /// Binary values, lists, structures: there or not is all that can be asked.
    Other,
}

impl Kind {
    /// The kind of a type that [`canonical`] gives.
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::Int64 | DataType::Float64 | DataType::Decimal128(..) | DataType::Decimal256(..) => Self::Number,
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, zone) => Self::Timestamp { zoned: zone.is_some() },
            _ => Self::Other,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Boolean => "a truth value",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Date => "a date",
            Self::Time => "a time of day",
            Self::Timestamp { zoned: false } => "a time stamp",
            Self::Timestamp { zoned: true } => "a time stamp with zone",
            Self::Other => "a value that is neither number, text, truth value nor time",
        }
    }
}

/// The type in which values of a type are computed with; `None` where they are left as they are.
pub(crate) fn canonical_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Some(DataType::Int64),
        DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(*precision, *scale))
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => Some(data_type.clone()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8),
        DataType::Date32 | DataType::Date64 => Some(DataType::Date32),
        DataType::Time32(_) | DataType::Time64(_) => Some(DataType::Time64(TimeUnit::Nanosecond)),
        // Instants are the same in any zone.
        DataType::Timestamp(unit, zone) => Some(DataType::Timestamp(*unit, zone.as_ref().map(|_| UTC.into()))),
        DataType::Boolean | DataType::Null => Some(data_type.clone()),
        DataType::Dictionary(_, values) => canonical_type(values),
        DataType::RunEndEncoded(_, values) => canonical_type(values.data_type()),
        _ => None,
    }
}

/// Values in the type they are computed with.
pub(crate) fn canonical(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let Some(target) = canonical_type(array.data_type()) else { return Ok(Arc::clone(array)) };
    let array = if *array.data_type() == target { Arc::clone(array) } else { exact_cast(array, &target)? };
    Ok(if target == DataType::Float64 { ordered(&array) } else { array })
}

/// Floats such that the order of arrow's kernels (totalOrder) is the one of SQL: one zero and one NaN, above all numbers.
pub(crate) fn ordered(array: &ArrayRef) -> ArrayRef {
    match array.as_primitive_opt::<Float64Type>() {
        Some(values) => {
            let values: Float64Array = values.unary(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
            Arc::new(values)
        }
        None => Arc::clone(array),
    }
}

/// A cast that fails where a value does not fit.
pub(crate) fn exact_cast(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, target, &CastOptions { safe: false, ..CastOptions::default() })
}

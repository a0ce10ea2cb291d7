//! Column types of formats that declare none (CSV, GeoJSON), from all values of the whole file.
//!
//! Each value has a [`ValueType`]; a column has the narrowest type that holds all of them without loss, found with
//! [`ValueType::widen`]. Widening is associative and commutative, so the parts of a file may be looked at in any order
//! and on any thread, and the schema comes out the same.

use arrow::datatypes::{DataType, TimeUnit};

/// Integers of more than this cannot all be held by a 64-bit float.
const MAX_EXACT_FLOAT: u64 = 1 << 53;

/// What a value is, or all values of a column so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// No value yet; a column that stays so becomes text.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean,
    /// An integer that a 64-bit float holds exactly.
    Integer,
    /// A 64-bit integer that a float cannot hold.
    LargeInteger,
    /// A number with a fraction or an exponent.
    Float,
    /// `YYYY-MM-DD`.
    Date,
    /// A date and a time of day without zone.
    DateTime,
    /// A date and a time of day with `Z` or an offset from UTC.
    Instant,
    /// Anything else.
    Text,
    /// An object or array of JSON, kept as its text.
    Json,
}

impl ValueType {
    /// The type of an integer.
    pub(crate) fn of_integer(value: i64) -> Self {
        if value.unsigned_abs() <= MAX_EXACT_FLOAT { Self::Integer } else { Self::LargeInteger }
    }

    /// The narrowest type that holds the values of both without loss.
    pub(crate) fn widen(self, other: Self) -> Self {
        use ValueType::{Date, DateTime, Float, Integer, Json, LargeInteger, Null, Text};
        match (self, other) {
            (same, again) if same == again => same,
            (Null, other) | (other, Null) => other,
            (Integer, LargeInteger) | (LargeInteger, Integer) => LargeInteger,
            (Integer, Float) | (Float, Integer) => Float,
            // A date alone among times of day is midnight; GDAL reads it so too.
            (Date, DateTime) | (DateTime, Date) => DateTime,
            // Values beside objects are written as JSON themselves.
            (Json, _) | (_, Json) => Json,
            _ => Text,
        }
    }

    /// The Arrow type of a column. Instants are in UTC.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer | Self::LargeInteger => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Null | Self::Text | Self::Json => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ValueType; 10] = [
        ValueType::Null,
        ValueType::Boolean,
        ValueType::Integer,
        ValueType::LargeInteger,
        ValueType::Float,
        ValueType::Date,
        ValueType::DateTime,
        ValueType::Instant,
        ValueType::Text,
        ValueType::Json,
    ];

    #[test]
    fn widening_does_not_depend_on_the_order() {
        for a in ALL {
            for b in ALL {
                assert_eq!(a.widen(b), b.widen(a), "{a:?} {b:?}");
                for c in ALL {
                    assert_eq!(a.widen(b).widen(c), a.widen(b.widen(c)), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }
}

//! Values of properties into Arrow columns.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{ArrayRef, BinaryArray, BooleanBuilder, PrimitiveBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;
use flatgeobuf::ColumnType;

use crate::date_time::DateTime;
use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::header::Kind;

/// Room for values, at most: one great value does not make the next ones so.
const MOST_BYTES: usize = 8 << 20;

/// Collects byte strings in one buffer.
#[derive(Debug)]
pub(super) struct ByteStrings {
    offsets: Vec<i32>,
    /// What is pushed here belongs to the current row until it is ended.
    pub(super) values: Vec<u8>,
    nulls: NullBufferBuilder,
}

/// More bytes than a column can have in one batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl ByteStrings {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Ends the row.
    #[inline]
    pub(super) fn end_row(&mut self) -> Result<(), TooLarge> {
        self.offsets.push(i32::try_from(self.values.len()).map_err(|_| TooLarge)?);
        self.nulls.append_non_null();
        Ok(())
    }

    /// Appends a row without value.
    pub(super) fn null_row(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    /// What was collected; the next rows get as much space.
    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<arrow::buffer::NullBuffer>) {
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        let bytes = self.values.len();
        // Somewhat more, or every other batch would have to be moved for its last few values.
        let values = std::mem::replace(&mut self.values, Vec::with_capacity((bytes + bytes / 8).min(MOST_BYTES)));
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(values), self.nulls.finish())
    }

    pub(super) fn finish_binary(&mut self) -> Result<ArrayRef, ArrowError> {
        let (offsets, values, nulls) = self.take();
        Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls)?))
    }

    /// Fails with the bytes where one of the texts is not UTF-8. All are looked at together, which is several times
    /// faster than one by one.
    fn finish_text(&mut self) -> Result<ArrayRef, BinaryArray> {
        let (offsets, values, nulls) = self.take();
        let bytes = BinaryArray::try_new(offsets, values, nulls).unwrap_or_else(|_| BinaryArray::new_null(0));
        match StringArray::try_from_binary(bytes.clone()) {
            Ok(array) => Ok(Arc::new(array)),
            Err(_) => Err(bytes),
        }
    }

    /// Forgets what was pushed since the last row was ended.
    pub(super) fn forget_row(&mut self) {
        let end = self.offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        self.values.truncate(end);
    }
}

/// Why a value has no place in its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Value,
    TooLarge,
}

impl From<TooLarge> for Refusal {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// Collects the values of a column.
#[derive(Debug)]
pub(super) enum Builder {
    Bool(BooleanBuilder),
    Byte(PrimitiveBuilder<Int8Type>),
    UByte(PrimitiveBuilder<UInt8Type>),
    Short(PrimitiveBuilder<Int16Type>),
    UShort(PrimitiveBuilder<UInt16Type>),
    Int(PrimitiveBuilder<Int32Type>),
    UInt(PrimitiveBuilder<UInt32Type>),
    Long(PrimitiveBuilder<Int64Type>),
    ULong(PrimitiveBuilder<UInt64Type>),
    Float(PrimitiveBuilder<Float32Type>),
    Double(PrimitiveBuilder<Float64Type>),
    Milliseconds(PrimitiveBuilder<TimestampMillisecondType>, DateTimes),
    Microseconds(PrimitiveBuilder<TimestampMicrosecondType>, DateTimes),
    Text(ByteStrings),
    Binary(ByteStrings),
}

/// Does `$fixed` with the Arrow builder of whatever kind, or `$bytes` with the collector of byte strings.
macro_rules! with_builder {
    ($self:expr, $builder:ident => $fixed:expr, $strings:ident => $bytes:expr) => {
        match $self {
            Self::Bool($builder) => $fixed,
            Self::Byte($builder) => $fixed,
            Self::UByte($builder) => $fixed,
            Self::Short($builder) => $fixed,
            Self::UShort($builder) => $fixed,
            Self::Int($builder) => $fixed,
            Self::UInt($builder) => $fixed,
            Self::Long($builder) => $fixed,
            Self::ULong($builder) => $fixed,
            Self::Float($builder) => $fixed,
            Self::Double($builder) => $fixed,
            Self::Milliseconds($builder, _) => $fixed,
            Self::Microseconds($builder, _) => $fixed,
            Self::Text($strings) | Self::Binary($strings) => $bytes,
        }
    };
}

fn primitive<T: ArrowPrimitiveType>(kind: Kind, times: DateTimes) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::new().with_data_type(kind.data_type(times))
}

impl Builder {
    pub(super) fn new(kind: Kind, times: DateTimes) -> Self {
        match kind.0 {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Byte => Self::Byte(primitive(kind, times)),
            ColumnType::UByte => Self::UByte(primitive(kind, times)),
            ColumnType::Short => Self::Short(primitive(kind, times)),
            ColumnType::UShort => Self::UShort(primitive(kind, times)),
            ColumnType::Int => Self::Int(primitive(kind, times)),
            ColumnType::UInt => Self::UInt(primitive(kind, times)),
            ColumnType::Long => Self::Long(primitive(kind, times)),
            ColumnType::ULong => Self::ULong(primitive(kind, times)),
            ColumnType::Float => Self::Float(primitive(kind, times)),
            ColumnType::Double => Self::Double(primitive(kind, times)),
            ColumnType::DateTime if times.microseconds => Self::Microseconds(primitive(kind, times), times),
            ColumnType::DateTime => Self::Milliseconds(primitive(kind, times), times),
            ColumnType::Binary => Self::Binary(ByteStrings::new()),
            _ => Self::Text(ByteStrings::new()),
        }
    }

    /// Appends a row without value.
    pub(super) fn append_null(&mut self) {
        with_builder!(self, builder => builder.append_null(), strings => strings.null_row());
    }

    /// Appends a value from its bytes: as many as the kind has, or those of a text or binary value.
    #[inline]
    pub(super) fn append(&mut self, value: &[u8]) -> Result<(), Refusal> {
        macro_rules! number {
            ($builder:expr, $number:ty) => {
                $builder.append_value(<$number>::from_le_bytes(value.try_into().map_err(|_| Refusal::Value)?))
            };
        }
        match self {
            Self::Bool(builder) => builder.append_value(match value {
                [0] => false,
                [1] => true,
                _ => return Err(Refusal::Value),
            }),
            Self::Byte(builder) => number!(builder, i8),
            Self::UByte(builder) => number!(builder, u8),
            Self::Short(builder) => number!(builder, i16),
            Self::UShort(builder) => number!(builder, u16),
            Self::Int(builder) => number!(builder, i32),
            Self::UInt(builder) => number!(builder, u32),
            Self::Long(builder) => number!(builder, i64),
            Self::ULong(builder) => number!(builder, u64),
            Self::Float(builder) => number!(builder, f32),
            Self::Double(builder) => number!(builder, f64),
            Self::Milliseconds(builder, times) => {
                let microseconds = instant(value, *times)?;
                if microseconds % 1000 != 0 {
                    return Err(Refusal::Value);
                }
                builder.append_value(microseconds / 1000);
            }
            Self::Microseconds(builder, times) => builder.append_value(instant(value, *times)?),
            Self::Text(strings) | Self::Binary(strings) => {
                strings.values.extend_from_slice(value);
                strings.end_row()?;
            }
        }
        Ok(())
    }

    /// The column so far; the builder starts anew. Fails with the bytes of texts that are not all UTF-8.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, BinaryArray> {
        match self {
            Self::Text(strings) => strings.finish_text(),
            // Cannot fail: the offsets are those of the values.
            Self::Binary(strings) => strings.finish_binary().map_err(|_| BinaryArray::new_null(0)),
            fixed => Ok(fixed.finish_fixed()),
        }
    }

    fn finish_fixed(&mut self) -> ArrayRef {
        with_builder!(self, builder => Arc::new(builder.finish()), strings => {
            strings.finish_binary().unwrap_or_else(|_| Arc::new(BinaryArray::new_null(0)))
        })
    }
}

/// Microseconds of a value that is as the survey of the file found all to be.
fn instant(text: &[u8], times: DateTimes) -> Result<i64, Refusal> {
    let found = DateTime::parse(text).ok_or(Refusal::Value)?;
    if times.has_zone.is_some_and(|has_zone| has_zone != found.has_zone) {
        return Err(Refusal::Value);
    }
    Ok(found.microseconds)
}

/// A value for messages.
pub(super) fn describe(kind: Kind, value: &[u8]) -> String {
    const LENGTH: usize = 40;
    match (kind.width(), std::str::from_utf8(value)) {
        (Some(1), _) => format!("byte {}", value.first().copied().unwrap_or(0)),
        (Some(_), _) => format!("number of {} bytes", value.len()),
        (None, _) if kind.0 == ColumnType::Binary => format!("binary value of {} bytes", value.len()),
        (None, Ok(text)) if text.chars().count() > LENGTH => {
            format!("text {:?}…", text.chars().take(LENGTH).collect::<String>())
        }
        (None, Ok(text)) => format!("text {text:?}"),
        (None, Err(error)) => format!("text that is not UTF-8 (at byte {})", error.valid_up_to()),
    }
}

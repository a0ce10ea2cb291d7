//! Column chunks of columns without nesting: values to pages to bytes.
//!
//! The columns of geodata are few kinds, and a row group is in memory whole when it is encoded. Both make it possible to do
//! without what the general encoder of the parquet crate is prepared for: the dictionary is complete before the first page is
//! written, so that a chunk has either one or none; bounds are taken of whole pages at a time, or of the dictionary alone;
//! the value before is compared before any hash is taken; a worker keeps its compressors. A whole conversion of building
//! footprints takes a fifth less processor time than with the crate's encoder (bench `convert`), for the same values in as
//! many bytes. Headers of pages, the page index and the footer are still written by the crate.
//!
//! What is not here is encoded by the crate: nested columns, bloom filters, other codecs, types that geodata hardly
//! have. [`ColumnPlan::new`] says which.
//!
//! | module | is |
//! |---|---|
//! | [`leaf`] | the values of a row group's arrays |
//! | [`dictionary`] | distinct values, numbered |
//! | [`hybrid`], [`delta`] | encodings of integers |
//! | [`bounds`] | least and greatest values |
//! | [`pages`] | where pages end, and their bytes, metadata and index |
//! | [`codec`] | compression, and how its parameters are tried out |
//! | [`library`] | the columns that the parquet crate encodes |
//! | [`chunk`] | the columns of a row group, whoever encodes them |
//!
//! Source: the parquet-format specification (Encodings.md, PageIndex.md, `parquet.thrift`).

mod bounds;
mod chunk;
mod codec;
mod delta;
mod dictionary;
mod hybrid;
mod leaf;
mod library;
mod pages;
#[cfg(test)]
mod tests;

use std::ops::Range;

use arrow::datatypes::{
    BinaryType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    LargeBinaryType, LargeUtf8Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, Utf8Type,
};
use bytes::Bytes;
use parquet::basic::{ConvertedType, Encoding, LogicalType};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnDescPtr;

use bounds::{Bounded, Bounds};
pub(crate) use chunk::{Chunk, ColumnEncoders};
use codec::PageCodec;
use dictionary::{BitsDictionary, ByteDictionary};
use leaf::Leaf;
use pages::{Content, Rows, Span, write};

/// Bytes of the length in front of a byte string.
const LENGTH_BYTES: usize = 4;
/// Trying out how to compress a column takes at most this share of its bytes in the first row group, some times over.
const TUNING_SHARE: usize = 4;
/// Fewer bytes are not worth it, and say little.
const LEAST_TUNING_BYTES: usize = 32 << 10;

/// How a column is encoded here.
#[derive(Debug, Clone)]
pub(crate) struct ColumnPlan {
    descriptor: ColumnDescPtr,
    codec: PageCodec,
    page_bytes: usize,
    dictionary: bool,
    /// Without a dictionary, or where that would be too large.
    encoding: Encoding,
    dictionary_bytes: usize,
    statistics: bool,
}

/// A column chunk that only has to be appended.
pub(crate) struct EncodedColumn {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

impl ColumnPlan {
    /// The plan for a column that comes in arrays of this type; `None` where the parquet crate has to encode it.
    pub(crate) fn new(descriptor: &ColumnDescPtr, data_type: &DataType, properties: &WriterProperties) -> Option<Self> {
        let path = descriptor.path();
        let codec = PageCodec::new(properties.compression(path))?;
        let is_flat = descriptor.max_rep_level() == 0 && descriptor.max_def_level() <= 1;
        let is_known = matches!(
            data_type,
            DataType::Boolean
                | DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float32
                | DataType::Float64
                | DataType::Date32
                | DataType::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Binary
                | DataType::LargeBinary
        );
        let has_filter = properties.bloom_filter_properties(path).is_some();
        (is_flat && is_known && !has_filter).then(|| Self {
            descriptor: descriptor.clone(),
            codec,
            page_bytes: properties.column_data_page_size_limit(path),
            dictionary: properties.dictionary_enabled(path) && *data_type != DataType::Boolean,
            encoding: properties.encoding(path).unwrap_or(Encoding::PLAIN),
            dictionary_bytes: properties.column_dictionary_page_size_limit(path),
            statistics: properties.statistics_enabled(path) != EnabledStatistics::None,
        })
    }

    fn is_optional(&self) -> bool {
        self.descriptor.max_def_level() > 0
    }

    fn is_text(&self) -> bool {
        matches!(self.descriptor.logical_type_ref(), Some(LogicalType::String | LogicalType::Json))
            || self.descriptor.converted_type() == ConvertedType::UTF8
    }

    /// Chooses how pages are compressed by some rows, of those of the first row group. Only for byte strings that do not repeat
    /// does it make a difference that is worth it.
    pub(crate) fn tune(&mut self, leaves: &[Leaf]) -> Result<(), ParquetError> {
        let Some(first) = leaves.first().filter(|_| !self.dictionary && self.codec.can_be_tuned()) else {
            return Ok(());
        };
        let values = match first.array.data_type() {
            DataType::Utf8 => leaf::byte_strings::<Utf8Type>(leaves),
            DataType::LargeUtf8 => leaf::byte_strings::<LargeUtf8Type>(leaves),
            DataType::Binary => leaf::byte_strings::<BinaryType>(leaves),
            DataType::LargeBinary => leaf::byte_strings::<LargeBinaryType>(leaves),
            _ => return Ok(()),
        };
        let all: usize = values.iter().map(|value| value.len() + LENGTH_BYTES).sum();
        let bytes = self.page_bytes.min(all / TUNING_SHARE);
        if bytes < LEAST_TUNING_BYTES {
            return Ok(());
        }
        let mut page = Vec::with_capacity(bytes);
        // From the middle: the beginning of a column may be unlike the rest.
        for value in values.get(values.len() / 2..).unwrap_or_default() {
            put_bytes(value, &mut page);
            if page.len() >= bytes {
                break;
            }
        }
        self.codec = self.codec.tuned(&page)?;
        Ok(())
    }

    /// Encodes the column of a row group.
    pub(crate) fn encode(&self, leaves: &[Leaf]) -> Result<EncodedColumn, ParquetError> {
        let validity = leaf::validity(leaves);
        let count = leaves.iter().map(|leaf| leaf.array.len()).sum();
        let rows = Rows { count, validity: validity.as_ref() };
        let Some(first) = leaves.first() else { return self.bytes(&rows, &[]) };
        match first.array.data_type() {
            DataType::Boolean => self.booleans(&rows, leaves),
            DataType::Int8 => self.fixed(&rows, &leaf::primitives::<Int8Type, _>(leaves, i32::from)),
            DataType::Int16 => self.fixed(&rows, &leaf::primitives::<Int16Type, _>(leaves, i32::from)),
            DataType::Int32 => self.fixed(&rows, &leaf::primitives::<Int32Type, _>(leaves, |value| value)),
            DataType::Date32 => self.fixed(&rows, &leaf::primitives::<Date32Type, _>(leaves, |value| value)),
            DataType::Int64 => self.fixed(&rows, &leaf::primitives::<Int64Type, _>(leaves, |value| value)),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                self.fixed(&rows, &leaf::primitives::<TimestampMillisecondType, _>(leaves, |value| value))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.fixed(&rows, &leaf::primitives::<TimestampMicrosecondType, _>(leaves, |value| value))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.fixed(&rows, &leaf::primitives::<TimestampNanosecondType, _>(leaves, |value| value))
            }
            DataType::Float32 => self.fixed(&rows, &leaf::primitives::<Float32Type, _>(leaves, |value| value)),
            DataType::Float64 => self.fixed(&rows, &leaf::primitives::<Float64Type, _>(leaves, |value| value)),
            DataType::Utf8 => self.bytes(&rows, &leaf::byte_strings::<Utf8Type>(leaves)),
            DataType::LargeUtf8 => self.bytes(&rows, &leaf::byte_strings::<LargeUtf8Type>(leaves)),
            DataType::Binary => self.bytes(&rows, &leaf::byte_strings::<BinaryType>(leaves)),
            DataType::LargeBinary => self.bytes(&rows, &leaf::byte_strings::<LargeBinaryType>(leaves)),
            other => Err(ParquetError::NYI(format!("columns of {other} are the library's"))),
        }
    }

    fn booleans(&self, rows: &Rows<'_>, leaves: &[Leaf]) -> Result<EncodedColumn, ParquetError> {
        let values = leaf::booleans(leaves);
        let spans = rows.by_rows(self.page_bytes.saturating_mul(8));
        let part = |range: Range<usize>| values.slice(range.start, range.len());
        let bounds = self.bounds(&spans, |range| bounds::of_booleans(&part(range)));
        let content = Content { encoding: Encoding::PLAIN, dictionary: None, spans, bounds, value_bytes: None };
        write(self, rows, content, |range, page| page.extend_from_slice(&part(range).sliced()))
    }

    fn fixed<Value: Fixed>(&self, rows: &Rows<'_>, values: &[Value]) -> Result<EncodedColumn, ParquetError> {
        let bytes = size_of::<Value>();
        let part = |range: Range<usize>| values.get(range).unwrap_or_default();
        let bounds_of = |range: Range<usize>| Value::bounds(part(range));
        if self.dictionary && !values.is_empty() {
            let mut dictionary = BitsDictionary::new(self.dictionary_bytes / bytes);
            if let Some(numbers) = numbered(values, |value| dictionary.number(value.bits())) {
                let mut page = Vec::with_capacity(dictionary.values().len() * bytes);
                dictionary.values().iter().for_each(|bits| page.extend(bits.to_le_bytes().iter().take(bytes)));
                let spans = self.spans_of_numbers(rows, dictionary.values().len());
                let bounds = self.bounds(&spans, bounds_of);
                let dictionary = Some((page.as_slice(), dictionary.values().len()));
                return self.write_numbers(rows, &numbers, dictionary, spans, bounds, None);
            }
        }
        let spans = rows.by_rows(self.page_bytes / bytes);
        let bounds = self.bounds(&spans, bounds_of);
        let encoding = if values.is_empty() { Encoding::PLAIN } else { self.encoding };
        let content = Content { encoding, dictionary: None, spans, bounds, value_bytes: None };
        write(self, rows, content, |range, page| Value::put(part(range), encoding, page))
    }

    fn bytes(&self, rows: &Rows<'_>, values: &[&[u8]]) -> Result<EncodedColumn, ParquetError> {
        let part = |range: Range<usize>| values.get(range).unwrap_or_default();
        let length = |values: &[&[u8]]| values.iter().map(|value| value.len() as i64).sum();
        let bounds_of = |range: Range<usize>| bounds::of_bytes(part(range).iter().copied());
        if self.dictionary && !values.is_empty() {
            let mut dictionary = ByteDictionary::new(self.dictionary_bytes);
            if let Some(numbers) = numbered(values, |value| dictionary.number(value)) {
                let spans = self.spans_of_numbers(rows, dictionary.len());
                let value_bytes = spans.iter().map(|span| length(part(span.values.clone()))).collect();
                let bounds = match spans.as_slice() {
                    // All values of the dictionary are in the one page.
                    [_] => self.bounds(&spans, |_| bounds::of_bytes(dictionary.values())),
                    _ => self.bounds(&spans, bounds_of),
                };
                let page = Some((dictionary.page(), dictionary.len()));
                return self.write_numbers(rows, &numbers, page, spans, bounds, Some(value_bytes));
            }
        }
        let spans = rows.by_bytes(self.page_bytes, values.iter().map(|value| value.len() + LENGTH_BYTES));
        let value_bytes = Some(spans.iter().map(|span| length(part(span.values.clone()))).collect());
        let bounds = self.bounds(&spans, bounds_of);
        let content = Content { encoding: Encoding::PLAIN, dictionary: None, spans, bounds, value_bytes };
        write(self, rows, content, |range, page| {
            part(range).iter().for_each(|value| put_bytes(value, page));
        })
    }

    /// Pages of the numbers of a dictionary with so many values.
    fn spans_of_numbers(&self, rows: &Rows<'_>, values: usize) -> Vec<Span> {
        let width = hybrid::bit_width(values.saturating_sub(1) as u32).max(1) as usize;
        rows.by_rows(self.page_bytes.saturating_mul(8) / width)
    }

    fn write_numbers<Value: Bounded>(
        &self,
        rows: &Rows<'_>,
        numbers: &[u32],
        dictionary: Option<(&[u8], usize)>,
        spans: Vec<Span>,
        bounds: Option<Vec<Option<Bounds<Value>>>>,
        value_bytes: Option<Vec<i64>>,
    ) -> Result<EncodedColumn, ParquetError> {
        let width = hybrid::bit_width(dictionary.map_or(0, |(_, values)| values.saturating_sub(1) as u32));
        let content = Content { encoding: Encoding::RLE_DICTIONARY, dictionary, spans, bounds, value_bytes };
        write(self, rows, content, |range, page| {
            page.push(width as u8);
            hybrid::encode(numbers.get(range).unwrap_or_default(), width, page);
        })
    }

    /// The bounds of each page, where they are wanted.
    fn bounds<Value>(
        &self,
        spans: &[Span],
        mut of: impl FnMut(Range<usize>) -> Option<Bounds<Value>>,
    ) -> Option<Vec<Option<Bounds<Value>>>> {
        self.statistics.then(|| spans.iter().map(|span| of(span.values.clone())).collect())
    }
}

/// The numbers of values; `None` where one of them has none.
fn numbered<Value: Copy>(values: &[Value], mut number: impl FnMut(Value) -> Option<u32>) -> Option<Vec<u32>> {
    // Room for all at once: an iterator that may end early does not say how many there will be.
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        numbers.push(number(*value)?);
    }
    Some(numbers)
}

/// Appends a byte string as `PLAIN` has it.
fn put_bytes(value: &[u8], page: &mut Vec<u8>) {
    page.extend_from_slice(&(value.len() as u32).to_le_bytes());
    page.extend_from_slice(value);
}

/// Numbers.
trait Fixed: Bounded + Copy {
    /// What makes it this value; the lowest bytes are those of `PLAIN`.
    fn bits(self) -> u64;

    fn bounds(values: &[Self]) -> Option<Bounds<Self>>;

    /// Appends values in one of the encodings that [`crate::column_encoding`] chooses.
    fn put(values: &[Self], encoding: Encoding, page: &mut Vec<u8>);
}

macro_rules! integers {
    ($value:ty, $unsigned:ty) => {
        impl Fixed for $value {
            fn bits(self) -> u64 {
                u64::from(self as $unsigned)
            }

            fn bounds(values: &[Self]) -> Option<Bounds<Self>> {
                bounds::of_integers(values)
            }

            fn put(values: &[Self], encoding: Encoding, page: &mut Vec<u8>) {
                if encoding == Encoding::DELTA_BINARY_PACKED {
                    let wide: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
                    delta::encode(&wide, Self::BITS, page);
                } else {
                    values.iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes()));
                }
            }
        }
    };
}

integers!(i32, u32);
integers!(i64, u64);

macro_rules! floats {
    ($value:ty, $bounds:path) => {
        impl Fixed for $value {
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }

            fn bounds(values: &[Self]) -> Option<Bounds<Self>> {
                $bounds(values)
            }

            fn put(values: &[Self], encoding: Encoding, page: &mut Vec<u8>) {
                if encoding == Encoding::BYTE_STREAM_SPLIT {
                    for byte in 0..size_of::<Self>() {
                        page.extend(values.iter().map(|value| (value.to_bits() >> (8 * byte)) as u8));
                    }
                } else {
                    values.iter().for_each(|value| page.extend_from_slice(&value.to_le_bytes()));
                }
            }
        }
    };
}

floats!(f32, bounds::of_f32);
floats!(f64, bounds::of_f64);

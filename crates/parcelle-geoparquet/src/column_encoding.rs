//! How each column is encoded, chosen by its type and by looking at its first values.
//!
//! A dictionary of values that hardly repeat costs a hash of each and saves nothing. Such columns go without: integers,
//! dates and times as differences, floats split into byte streams (of which the upper ones hardly change), text plain.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use parquet::basic::Encoding;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;

/// Splitting floats into byte streams pays the more, the longer the streams are.
const SPLIT_PAGE_BYTES: usize = 1024 * 1024;
/// Rows of the first row group that are looked at to choose encodings.
const SAMPLE_ROWS: usize = 4096;

/// Encoding for an attribute.
pub(crate) fn attribute(
    builder: WriterPropertiesBuilder,
    path: ColumnPath,
    data_type: &DataType,
    first_rows: &[RecordBatch],
    column: usize,
) -> WriterPropertiesBuilder {
    if !mostly_unique(first_rows, column) {
        return builder;
    }
    match data_type {
        DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        DataType::Float32 | DataType::Float64 => split(builder, path),
        _ => builder.set_column_dictionary_enabled(path, false),
    }
}

/// Encoding for floats that hardly repeat.
pub(crate) fn split(builder: WriterPropertiesBuilder, path: ColumnPath) -> WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path.clone(), Encoding::BYTE_STREAM_SPLIT)
        .set_column_data_page_size_limit(path, SPLIT_PAGE_BYTES)
}

/// Whether more than three of four values at the start of a column are seen once only.
fn mostly_unique(batches: &[RecordBatch], column: usize) -> bool {
    let mut seen = HashSet::new();
    let mut values = 0;
    let mut rows = 0;
    for batch in batches {
        let array = batch.column(column).slice(0, batch.num_rows().min(SAMPLE_ROWS - rows));
        rows += array.len();
        values += array.len() - array.null_count();
        if !collect_hashes(&array, &mut seen) {
            return false;
        }
        if rows >= SAMPLE_ROWS {
            break;
        }
    }
    values > 0 && seen.len() * 4 > values * 3
}

/// Adds the values of an array to a set, as bytes; says whether its type is one that a dictionary could be left out for.
fn collect_hashes(array: &ArrayRef, seen: &mut HashSet<Vec<u8>>) -> bool {
    macro_rules! primitive {
        ($type:ty) => {
            seen.extend(array.as_primitive::<$type>().iter().flatten().map(|value| value.to_le_bytes().to_vec()))
        };
    }
    match array.data_type() {
        DataType::Int8 => primitive!(Int8Type),
        DataType::Int16 => primitive!(Int16Type),
        DataType::Int32 => primitive!(Int32Type),
        DataType::Int64 => primitive!(Int64Type),
        DataType::UInt16 => primitive!(UInt16Type),
        DataType::UInt32 => primitive!(UInt32Type),
        DataType::UInt64 => primitive!(UInt64Type),
        DataType::Float32 => primitive!(Float32Type),
        DataType::Float64 => primitive!(Float64Type),
        DataType::Date32 => primitive!(Date32Type),
        DataType::Timestamp(..) => {
            let Ok(integers) = arrow::compute::cast(array, &DataType::Int64) else { return false };
            return collect_hashes(&integers, seen);
        }
        DataType::Utf8 => seen.extend(array.as_string::<i32>().iter().flatten().map(|text| text.as_bytes().to_vec())),
        DataType::LargeUtf8 => {
            seen.extend(array.as_string::<i64>().iter().flatten().map(|text| text.as_bytes().to_vec()));
        }
        DataType::Binary => seen.extend(array.as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec)),
        DataType::LargeBinary => seen.extend(array.as_binary::<i64>().iter().flatten().map(<[u8]>::to_vec)),
        _ => return false,
    }
    true
}

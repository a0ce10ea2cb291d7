//! The shape of the output: its schema, and how each column is encoded.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema, SchemaRef,
    UInt16Type, UInt32Type, UInt64Type,
};
use parquet::basic::{Compression as Codec, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::covering;
use crate::error::WriteError;
use crate::geometry_column::{self, GeometryColumn};
use crate::options::{Compression, Covering, WriteOptions};

/// zstd chooses smaller tables for inputs up to 128 KiB, which makes it faster and, on attribute data, no worse.
const PAGE_BYTES: usize = 128 * 1024;
/// Splitting floats into byte streams pays the more, the longer the streams are.
const COVERING_PAGE_BYTES: usize = 1024 * 1024;
/// Rows of the first row group that are looked at to choose encodings.
const SAMPLE_ROWS: usize = 4096;

/// What is written where.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Schema that the batches of the input have.
    pub(crate) input: SchemaRef,
    /// The input's columns, followed by the covering columns.
    pub(crate) output: SchemaRef,
    /// Geometry columns, the primary one first.
    pub(crate) geometry: Vec<GeometryColumn>,
}

impl Layout {
    pub(crate) fn new(input: &SchemaRef, options: &WriteOptions) -> Result<Self, WriteError> {
        let mut names = HashSet::new();
        if let Some(field) = input.fields().iter().find(|field| !names.insert(field.name().clone())) {
            return Err(WriteError::DuplicateColumn { name: field.name().clone() });
        }
        let mut geometry = geometry_column::find(input)?;
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        if options.covering == Covering::Bbox {
            for (position, column) in geometry.iter_mut().enumerate() {
                let name = covering_name(&column.name, position == 0, &mut names);
                let nullable = input.field(column.index).is_nullable();
                fields.push(Arc::new(covering::field(&name, nullable)));
                column.covering = Some(name);
            }
        }
        // Metadata of the whole schema is not carried over: it speaks of the source (such as `pandas` or `geo`).
        Ok(Self { input: Arc::clone(input), output: Arc::new(Schema::new(fields)), geometry })
    }

    /// How the columns are encoded, chosen by type and by looking at the first rows. It depends on the data and the
    /// options alone.
    pub(crate) fn properties(
        &self,
        options: &WriteOptions,
        first_rows: &[RecordBatch],
    ) -> Result<WriterProperties, WriteError> {
        let codec = match options.compression {
            Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level)?),
            Compression::Snappy => Codec::SNAPPY,
            Compression::Uncompressed => Codec::UNCOMPRESSED,
        };
        let mut builder = WriterProperties::builder()
            .set_created_by(concat!("parcelle ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(codec)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_data_page_row_count_limit(usize::MAX)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(None);
        for (index, field) in self.input.fields().iter().enumerate() {
            let path = ColumnPath::from(vec![field.name().clone()]);
            if self.geometry.iter().any(|column| column.index == index) {
                // The least and greatest WKB mean nothing, and hashing unique values costs.
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path, EnabledStatistics::None);
            } else if mostly_unique(first_rows, index) {
                builder = without_dictionary(builder, path, field.data_type());
            }
        }
        for column in &self.geometry {
            for child in column.covering.iter().flat_map(|name| covering::CHILDREN.map(|child| [name.as_str(), child]))
            {
                let path = ColumnPath::from(child.map(str::to_owned).to_vec());
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path.clone(), Encoding::BYTE_STREAM_SPLIT)
                    .set_column_data_page_size_limit(path, COVERING_PAGE_BYTES);
            }
        }
        Ok(builder.build())
    }
}

/// `bbox` for the primary geometry column, `<column>_bbox` for others; with a number where that name is taken.
fn covering_name(column: &str, primary: bool, taken: &mut HashSet<String>) -> String {
    let preferred = if primary { "bbox".to_owned() } else { format!("{column}_bbox") };
    let numbered = (2..).map(|number| format!("{column}_bbox_{number}"));
    let mut candidates = [preferred, format!("{column}_bbox")].into_iter().chain(numbered);
    let name = candidates.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// Encoding for a column whose values hardly repeat. A dictionary of unique values costs a hash of each and saves nothing.
fn without_dictionary(
    builder: WriterPropertiesBuilder,
    path: ColumnPath,
    data_type: &DataType,
) -> WriterPropertiesBuilder {
    let builder = builder.set_column_dictionary_enabled(path.clone(), false);
    match data_type {
        DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) => {
            builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
        }
        _ => builder,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covering_names_avoid_the_columns_there_are() {
        let mut taken = HashSet::from(["bbox".to_owned(), "geom".to_owned()]);
        assert_eq!(covering_name("geom", true, &mut taken), "geom_bbox");
        assert_eq!(covering_name("centre", false, &mut taken), "centre_bbox");
        assert_eq!(covering_name("geom", true, &mut taken), "geom_bbox_2");
        assert_eq!(covering_name("a", true, &mut HashSet::new()), "bbox");
    }
}

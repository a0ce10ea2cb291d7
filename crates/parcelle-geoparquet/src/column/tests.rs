//! What is written is read back by the parquet crate, values and statistics.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeBinaryArray, LargeStringArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;

use super::*;

pub(crate) fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}

/// A file with one row group of these batches, every column of it encoded here.
fn file(batches: &[RecordBatch], properties: WriterPropertiesBuilder) -> Bytes {
    let schema = batches[0].schema();
    let properties = Arc::new(properties.build());
    let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let root = parquet.root_schema_ptr();
    let mut writer = SerializedFileWriter::new(Vec::new(), root, Arc::clone(&properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut position = 0;
    for (index, field) in schema.fields().iter().enumerate() {
        let leaves: Vec<Vec<Leaf>> = batches.iter().map(|batch| Leaf::of(batch.column(index))).collect();
        for leaf in 0..leaves[0].len() {
            let data_type = match field.data_type() {
                DataType::Struct(children) => children[leaf].data_type(),
                data_type => data_type,
            };
            let mut plan = ColumnPlan::new(&parquet.column(position), data_type, &properties).unwrap();
            let of_leaf: Vec<Leaf> = leaves.iter().map(|leaves| leaves[leaf].clone()).collect();
            plan.tune(&of_leaf).unwrap();
            let column = plan.encode(&of_leaf).unwrap();
            group.append_column(&column.bytes, column.close).unwrap();
            position += 1;
        }
    }
    group.close().unwrap();
    writer.into_inner().unwrap().into()
}

/// The rows, and what the footer says of them.
fn read(file: &Bytes) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
    let (schema, metadata) = (Arc::clone(reader.schema()), Arc::clone(reader.metadata()));
    let batches: Vec<_> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    (concat_batches(&schema, &batches).unwrap(), metadata)
}

/// A value of each kind from a number; NULL for one in five.
fn batch(numbers: &[i64]) -> RecordBatch {
    let some = |shift: u32| move |number: &i64| (number.rotate_left(shift) % 5 != 0).then_some(*number);
    fn column<A: Array + FromIterator<Option<T>> + 'static, T>(
        numbers: &[i64],
        some: impl Fn(&i64) -> Option<i64>,
        convert: impl Fn(i64) -> T,
    ) -> ArrayRef {
        Arc::new(numbers.iter().map(|number| some(number).map(&convert)).collect::<A>())
    }
    let double = |number: i64| if number % 7 == 0 { f64::NAN } else { number as f64 / 8.0 };
    let text = |number: i64| format!("{}é{number}", "x".repeat((number.unsigned_abs() % 90) as usize));
    let children =
        Fields::from(vec![Field::new("a", DataType::Float32, false), Field::new("b", DataType::Utf8, false)]);
    let parents: Vec<bool> = numbers.iter().map(|number| number % 3 != 0).collect();
    let of_struct: Vec<ArrayRef> = vec![
        Arc::new(numbers.iter().map(|number| *number as f32).collect::<Float32Array>()),
        Arc::new(numbers.iter().map(|number| Some(text(*number))).collect::<StringArray>()),
    ];
    let all = |numbers: &i64| Some(*numbers);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("boolean", column::<BooleanArray, _>(numbers, some(1), |number| number % 2 == 0)),
        ("int8", column::<Int8Array, _>(numbers, some(2), |number| number as i8)),
        ("int16", column::<Int16Array, _>(numbers, some(3), |number| number as i16)),
        ("int32", column::<Int32Array, _>(numbers, some(4), |number| number as i32)),
        ("int64", column::<Int64Array, _>(numbers, some(5), |number| number)),
        ("required", column::<Int64Array, _>(numbers, all, |number| number % 10)),
        ("date", column::<Date32Array, _>(numbers, some(6), |number| (number % 40_000) as i32)),
        ("ms", column::<TimestampMillisecondArray, _>(numbers, some(7), |number| number)),
        ("us", column::<TimestampMicrosecondArray, _>(numbers, some(8), |number| number)),
        ("ns", column::<TimestampNanosecondArray, _>(numbers, some(9), |number| number)),
        ("float", column::<Float32Array, _>(numbers, some(10), |number| double(number) as f32)),
        ("double", column::<Float64Array, _>(numbers, some(11), double)),
        ("text", column::<StringArray, _>(numbers, some(12), text)),
        ("code", column::<StringArray, _>(numbers, some(13), |number| format!("{}", number % 4))),
        ("large", column::<LargeStringArray, _>(numbers, some(14), text)),
        (
            "binary",
            Arc::new(
                numbers
                    .iter()
                    .map(|number| some(15)(number).map(i64::to_be_bytes))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(|bytes| bytes.as_ref().map(|bytes| &bytes[..]))
                    .collect::<BinaryArray>(),
            ),
        ),
        (
            "large binary",
            Arc::new(
                numbers
                    .iter()
                    .map(|number| some(16)(number).map(i64::to_be_bytes))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(|bytes| bytes.as_ref().map(|bytes| &bytes[..]))
                    .collect::<LargeBinaryArray>(),
            ),
        ),
        ("none", column::<Float64Array, f64>(numbers, |_| None, double)),
        ("struct", Arc::new(StructArray::new(children, of_struct, Some(parents.into())))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), *name != "required")).collect();
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// With and without dictionaries, with differences and byte streams, in large and tiny pages, with and with each codec.
fn settings() -> Vec<WriterPropertiesBuilder> {
    let mut all = Vec::new();
    for page in [1 << 20, 700, 1] {
        for (dictionary, limit) in [(true, 1 << 20), (true, 300), (false, 0)] {
            let codec = match page {
                1 => Codec::UNCOMPRESSED,
                700 => Codec::ZSTD(Default::default()),
                _ => Codec::LZ4_RAW,
            };
            let mut builder = WriterProperties::builder()
                .set_compression(codec)
                .set_data_page_size_limit(page)
                .set_dictionary_page_size_limit(limit)
                .set_dictionary_enabled(dictionary);
            if !dictionary {
                for name in ["int8", "int16", "int32", "int64", "date", "ms", "us", "ns", "required"] {
                    builder = builder.set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
                }
                for name in ["float", "double", "none"] {
                    builder = builder.set_column_encoding(name.into(), Encoding::BYTE_STREAM_SPLIT);
                }
            }
            all.push(builder);
        }
    }
    all
}

fn check(numbers: &[i64], cut: usize, whole: &RecordBatch) {
    let rows = numbers.len();
    let parts = [whole.slice(0, cut), whole.slice(cut, rows - cut)];
    for properties in settings() {
        let bytes = file(&parts, properties.clone());
        assert_eq!(bytes, file(std::slice::from_ref(whole), properties), "bytes depend on how rows came");
        let (found, metadata) = read(&bytes);
        assert_eq!(found.num_rows(), rows);
        for (index, field) in whole.schema().fields().iter().enumerate() {
            // Without Arrow's own schema in the footer, large types come back as the usual ones.
            let found = arrow::compute::cast(found.column(index), field.data_type()).unwrap();
            assert_eq!(&found, whole.column(index), "{} differs", field.name());
        }
        let group = metadata.row_group(0);
        let chunk = |name: &str| group.columns().iter().position(|chunk| chunk.column_path().string() == name).unwrap();
        let statistics = group.column(chunk("int64")).statistics().unwrap();
        let there = whole.column(4).as_any().downcast_ref::<Int64Array>().unwrap();
        assert_eq!(statistics.null_count_opt(), Some(there.null_count() as u64));
        let bound = |bytes: Option<&[u8]>| bytes.map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()));
        assert_eq!(bound(statistics.min_bytes_opt()), there.iter().flatten().min());
        assert_eq!(bound(statistics.max_bytes_opt()), there.iter().flatten().max());
        let text = whole.column(12).as_any().downcast_ref::<StringArray>().unwrap();
        let statistics = group.column(chunk("text")).statistics().unwrap();
        assert!(text.iter().flatten().all(|text| statistics.min_bytes_opt().unwrap() <= text.as_bytes()
            && statistics.max_bytes_opt().unwrap() >= text.as_bytes()));
        let pages = &metadata.offset_index().unwrap()[0][chunk("text")];
        assert_eq!(pages.page_locations()[0].first_row_index, 0);
        assert!(metadata.column_index().unwrap()[0].len() == group.num_columns());
    }
}

#[test]
fn every_kind_of_column_comes_back() {
    let numbers: Vec<i64> = (0..3000).map(|row| (row * 7919) % 1013 - 500).collect();
    check(&numbers, 1234, &batch(&numbers));
    check(&[0], 0, &batch(&[0]));
    check(&[i64::MIN, i64::MAX, 0], 1, &batch(&[i64::MIN, i64::MAX, 0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_rows_come_back(numbers in prop::collection::vec(prop_oneof![any::<i64>(), -20..20_i64], 1..400), cut in 0..400_usize) {
        check(&numbers, cut % numbers.len(), &batch(&numbers));
    }
}

#[test]
fn what_is_not_flat_is_the_librarys() {
    let list = DataType::new_list(DataType::Int32, true);
    let schema = Schema::new(vec![Field::new("list", list.clone(), true), Field::new("text", DataType::Utf8, true)]);
    let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let properties = |builder: WriterPropertiesBuilder| builder.build();
    let plain = properties(WriterProperties::builder());
    assert!(ColumnPlan::new(&parquet.column(0), &DataType::Int32, &plain).is_none());
    assert!(ColumnPlan::new(&parquet.column(1), &DataType::Utf8, &plain).is_some());
    assert!(ColumnPlan::new(&parquet.column(1), &DataType::Utf8View, &plain).is_none());
    let filtered = properties(WriterProperties::builder().set_column_bloom_filter_enabled("text".into(), true));
    assert!(ColumnPlan::new(&parquet.column(1), &DataType::Utf8, &filtered).is_none());
    let snappy = properties(WriterProperties::builder().set_compression(Codec::SNAPPY));
    assert!(ColumnPlan::new(&parquet.column(1), &DataType::Utf8, &snappy).is_none());
}

/// Outlines in tenths of a metre, or of any digits, as WKB.
fn outlines(count: u64, round: impl Fn(f64) -> f64) -> BinaryArray {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let outline = |_| {
        let (x, y) = (652_000.0 + 3000.0 * random(), 6_862_000.0 + 3000.0 * random());
        let mut wkb = vec![1, 3, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0];
        for _ in 0..6 {
            wkb.extend(round(x + 20.0 * random()).to_le_bytes());
            wkb.extend(round(y + 20.0 * random()).to_le_bytes());
        }
        Some(wkb)
    };
    (0..count).map(outline).collect()
}

#[test]
fn a_search_that_is_tried_out_takes_hardly_more_bytes_and_comes_back() {
    let rounded: fn(f64) -> f64 = |value| (value * 10.0).round() / 10.0;
    let mut quicker = 0;
    for (round, level) in [(rounded, 1), (rounded, 3), (|value| value, 3), (rounded, 9)] {
        let array = outlines(8000, round);
        let field = Field::new("geometry", DataType::Binary, true);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(array)]).unwrap();
        let codec = Codec::ZSTD(ZstdLevel::try_new(level).unwrap());
        let properties = || WriterProperties::builder().set_compression(codec).set_dictionary_enabled(false);
        let (tuned, metadata) = read(&file(std::slice::from_ref(&batch), properties()));
        assert_eq!(tuned, batch);
        // A file does not tell the level.
        assert!(matches!(metadata.row_group(0).column(0).compression(), Codec::ZSTD(_)));

        let parquet = ArrowSchemaConverter::new().convert(&batch.schema()).unwrap();
        let mut plan = ColumnPlan::new(&parquet.column(0), &DataType::Binary, &properties().build()).unwrap();
        let leaves = Leaf::of(batch.column(0));
        let at_level = plan.encode(&leaves).unwrap().bytes.len();
        let before = plan.codec;
        plan.tune(&leaves).unwrap();
        assert!(level <= 3 || plan.codec == before, "level {level}");
        quicker += usize::from(plan.codec != before);
        let bytes = plan.encode(&leaves).unwrap().bytes.len();
        assert!(bytes * 100 <= at_level * 102, "{bytes} instead of {at_level} bytes at level {level}");
        // The choice depends on the rows alone.
        let chosen = plan.codec;
        plan.codec = before;
        plan.tune(&leaves).unwrap();
        assert_eq!(plan.codec, chosen);
        // A few rows are not worth it.
        plan.codec = before;
        plan.tune(&Leaf::of(&batch.column(0).slice(0, 500))).unwrap();
        assert_eq!(plan.codec, before);
    }
    assert!(quicker > 0);
}

//! Random layers in every format with a native reader, converted, and compared value by value with what was written.
//!
//! | format | what it cannot carry, and what comes out then |
//! |---|---|
//! | GeoPackage | lists: left out. The rest as it is, an `fid` beside it |
//! | GeoParquet | nothing |
//! | GeoJSON, GeoJSONSeq | M: left out of the layers; heights of an empty geometry: it is XY; 32-bit integers: 64 bits; milliseconds: microseconds; lists: their JSON; the type of a column without values: text |
//! | CSV | lists: left out; 32-bit integers and milliseconds as in GeoJSON; the type of a column without values: text |
//! | FlatGeobuf (by GDAL) | booleans and lists: left out; empty geometries and rows without geometry: left out; dates: their midnight; the zone of times without values: none |
//! | Shapefile (by GDAL) | booleans, times and lists: left out; polygons (their rings are sorted and turned) and collections: left out; M without Z and empty geometries: left out; empty text: NULL; floats: 15 decimals in 24 characters |

mod shape;
mod write;

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parcelle::{Reader, Sort};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use shape::{Dimension, Shape, shapes};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    GeoPackage,
    GeoJson,
    GeoJsonSeq,
    Csv,
    Parquet,
    FlatGeobuf,
    Shapefile,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::GeoPackage => "gpkg",
            Self::GeoJson => "geojson",
            Self::GeoJsonSeq => "geojsons",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::FlatGeobuf => "fgb",
            Self::Shapefile => "shp",
        }
    }

    fn carries(self, kind: Type) -> bool {
        match self {
            Self::Parquet | Self::GeoJson | Self::GeoJsonSeq => true,
            Self::GeoPackage | Self::Csv => kind != Type::Numbers,
            Self::FlatGeobuf => !matches!(kind, Type::Numbers | Type::Boolean),
            Self::Shapefile => !matches!(kind, Type::Numbers | Type::Boolean | Type::Instant),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Boolean,
    Int32,
    Int64,
    Float,
    Text,
    Date,
    /// Milliseconds, in UTC.
    Instant,
    /// A list of integers.
    Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Date(i32),
    Instant(i64),
    Numbers(Vec<Option<i64>>),
}

#[derive(Debug, Clone)]
struct Row {
    shape: Option<Shape>,
    values: Vec<Value>,
}

#[derive(Debug, Clone)]
struct Layer {
    /// The WKB code of its geometries, without dimension.
    code: u32,
    dimension: Dimension,
    columns: Vec<(String, Type)>,
    rows: Vec<Row>,
}

fn value(kind: Type, format: Format) -> BoxedStrategy<Value> {
    let shapefile = format == Format::Shapefile;
    let some = match kind {
        Type::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        // A field of a Shapefile has nine digits, or eighteen; one more would be another type.
        Type::Int32 if shapefile => (-99_999_999..=999_999_999i64).prop_map(Value::Integer).boxed(),
        Type::Int64 if shapefile => (-(10i64.pow(16))..10i64.pow(17)).prop_map(Value::Integer).boxed(),
        Type::Float if shapefile => {
            (-8_000_000..8_000_000i32).prop_map(|eighths| Value::Float(f64::from(eighths) / 8.0)).boxed()
        }
        Type::Int32 => any::<i32>().prop_map(|value| Value::Integer(value.into())).boxed(),
        Type::Int64 => prop_oneof![any::<i64>(), -9..9i64].prop_map(Value::Integer).boxed(),
        Type::Float => {
            prop_oneof![-1e6..1e6f64, prop::num::f64::NORMAL | prop::num::f64::ZERO].prop_map(Value::Float).boxed()
        }
        // Never a number or a date, so that formats without types do not take it for one; nor blank at its ends.
        Type::Text => prop_oneof![4 => "x[a-zé€😀,\"'\n; ]{0,12}x", 1 => ""].prop_map(Value::Text).boxed(),
        // From the year 1 to 9999; those of a Shapefile and of GDAL from 1000.
        Type::Date => (-354_285..2_932_896i32).prop_map(Value::Date).boxed(),
        Type::Instant => (-30_610_224_000_000..253_402_300_799_999i64).prop_map(Value::Instant).boxed(),
        Type::Numbers => prop::collection::vec(any::<Option<i64>>(), 0..4).prop_map(Value::Numbers).boxed(),
    };
    prop_oneof![4 => some, 1 => Just(Value::Null)].boxed()
}

fn layers(format: Format) -> impl Strategy<Value = Layer> {
    const TYPES: [Type; 8] =
        [Type::Boolean, Type::Int32, Type::Int64, Type::Float, Type::Text, Type::Date, Type::Instant, Type::Numbers];
    let types: Vec<Type> = TYPES.into_iter().filter(|kind| format.carries(*kind)).collect();
    let codes = if format == Format::Shapefile { vec![1u32, 2, 4] } else { (1..=7).collect() };
    let geojson = matches!(format, Format::GeoJson | Format::GeoJsonSeq);
    let types = prop::collection::vec(prop::sample::select(types), 0..6);
    (prop::sample::select(codes), any::<(bool, bool)>(), types).prop_flat_map(move |(code, (z, m), types)| {
        let m = m && !geojson && (z || format != Format::Shapefile);
        let values: Vec<BoxedStrategy<Value>> = types.iter().map(|kind| value(*kind, format)).collect();
        let without_empty = matches!(format, Format::FlatGeobuf | Format::Shapefile);
        let shape = prop_oneof![5 => shapes(code).prop_map(Some), 1 => Just(None)];
        let shape = shape.prop_map(move |shape| shape.filter(|shape| !(without_empty && shape.is_empty())));
        let shape = shape.prop_filter("GDAL 3.6 leaves rows without geometry out of a FlatGeobuf", move |shape| {
            format != Format::FlatGeobuf || shape.is_some()
        });
        let row = (shape, values).prop_map(|(shape, values)| Row { shape, values });
        prop::collection::vec(row, 1..12).prop_map(move |rows| Layer {
            code,
            dimension: Dimension { z, m },
            columns: types.iter().enumerate().map(|(index, kind)| (format!("c{index}"), *kind)).collect(),
            rows,
        })
    })
}

/// The Arrow type that a column has to have.
fn expected_type(layer: &Layer, index: usize, format: Format) -> DataType {
    let kind = layer.columns[index].1;
    let inferred = matches!(format, Format::GeoJson | Format::GeoJsonSeq | Format::Csv);
    let is_null = || layer.rows.iter().all(|row| row.values[index] == Value::Null);
    match kind {
        _ if inferred && is_null() => DataType::Utf8,
        Type::Date if format == Format::FlatGeobuf => DataType::Timestamp(TimeUnit::Millisecond, None),
        Type::Instant if format == Format::FlatGeobuf && is_null() => DataType::Timestamp(TimeUnit::Millisecond, None),
        Type::Boolean => DataType::Boolean,
        Type::Int32 if !inferred => DataType::Int32,
        Type::Int32 | Type::Int64 => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Text => DataType::Utf8,
        Type::Date => DataType::Date32,
        Type::Instant => {
            let unit = if inferred { TimeUnit::Microsecond } else { TimeUnit::Millisecond };
            DataType::Timestamp(unit, Some("UTC".into()))
        }
        Type::Numbers if format == Format::Parquet => DataType::new_list(DataType::Int64, true),
        Type::Numbers => DataType::Utf8,
    }
}

/// A value as it has to come out.
fn expected_value(value: &Value, format: Format) -> Value {
    match value {
        Value::Text(text) if text.is_empty() && format == Format::Shapefile => Value::Null,
        Value::Date(days) if format == Format::FlatGeobuf => Value::Instant(i64::from(*days) * 86_400_000),
        Value::Numbers(items) if format != Format::Parquet => {
            let items = items.iter().map(|item| item.map_or_else(|| "null".to_owned(), |item| item.to_string()));
            Value::Text(format!("[{}]", items.collect::<Vec<_>>().join(",")))
        }
        other => other.clone(),
    }
}

fn expected_geometry(layer: &Layer, row: &Row, format: Format) -> Option<Vec<u8>> {
    let shape = row.shape.as_ref()?;
    let flat = matches!(format, Format::GeoJson | Format::GeoJsonSeq) && shape.is_empty();
    Some(shape.wkb(if flat { Dimension { z: false, m: false } } else { layer.dimension }))
}

fn found_value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int32 | DataType::Int64 => {
            Value::Integer(cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(row))
        }
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(_, zone) => {
            let fine = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone())).unwrap();
            let microseconds = fine.as_primitive::<TimestampMicrosecondType>().value(row);
            assert_eq!(microseconds % 1000, 0);
            Value::Instant(microseconds / 1000)
        }
        DataType::List(_) => {
            Value::Numbers(array.as_list::<i32>().value(row).as_primitive::<Int64Type>().iter().collect())
        }
        other => panic!("{other}"),
    }
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn comes_out_as_it_was(layer: &Layer, format: Format) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let input = write::write(layer, format, directory.path());
    let output = directory.path().join("out.parquet");
    let summary = parcelle::convert(&input, &output).reader(Reader::Native).sort(Sort::None).threads(2).run();
    let summary = summary.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(summary.rows, layer.rows.len() as u64);
    let batch = read(&output);
    let geometry =
        batch.schema().fields().iter().position(|field| ["geom", "geometry", "WKT"].contains(&field.name().as_str()));
    let geometry = cast(batch.column(geometry.unwrap()), &DataType::Binary).unwrap();
    for (number, row) in layer.rows.iter().enumerate() {
        let geometry = geometry.as_binary::<i32>();
        let found = geometry.is_valid(number).then(|| geometry.value(number));
        let expected = expected_geometry(layer, row, format);
        // NaN of an empty point may have any bits but those of its type.
        let is_empty_point = row.shape == Some(Shape::Point(None))
            && found.is_some_and(|wkb| {
                wkb[..5] == expected.as_ref().unwrap()[..5]
                    && f64::from_le_bytes(wkb[5..13].try_into().unwrap()).is_nan()
            });
        prop_assert!(is_empty_point || found == expected.as_deref(), "row {}: {:?} {:?}", number, found, expected);
    }
    for (index, (name, _)) in layer.columns.iter().enumerate() {
        let column = batch.column_by_name(name).unwrap();
        let (found, expected) = (column.data_type(), expected_type(layer, index, format));
        let matches = match (found, &expected) {
            // The name of the items is the writer's.
            (DataType::List(found), DataType::List(expected)) => found.data_type() == expected.data_type(),
            _ => *found == expected,
        };
        prop_assert!(matches, "column {}: {} instead of {}", name, found, expected);
        for (number, row) in layer.rows.iter().enumerate() {
            let (found, expected) = (found_value(column, number), expected_value(&row.values[index], format));
            let is_same = match (&found, &expected) {
                (Value::Float(found), Value::Float(expected)) => found.to_bits() == expected.to_bits(),
                _ => found == expected,
            };
            prop_assert!(is_same, "column {} row {}: {:?} instead of {:?}", name, number, found, expected);
        }
    }
    Ok(())
}

macro_rules! round_trips {
    ($($name:ident: $format:expr;)*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

            #[test]
            fn $name(layer in layers($format)) {
                comes_out_as_it_was(&layer, $format)?;
            }
        }
    )*};
}

round_trips! {
    geopackage: Format::GeoPackage;
    geojson: Format::GeoJson;
    geojson_sequence: Format::GeoJsonSeq;
    csv: Format::Csv;
    parquet: Format::Parquet;
    flatgeobuf: Format::FlatGeobuf;
    shapefile: Format::Shapefile;
}

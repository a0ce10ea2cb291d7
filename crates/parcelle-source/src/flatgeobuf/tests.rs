//! Files made to measure, and real ones, through the public functions.

mod hostile;

use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use flatgeobuf::{ColumnType, GeometryType};
use parcelle_geometry::scan;

use crate::flatgeobuf::testing::{Properties, Shape, TestFile, column, point, write_bytes};
use crate::{Layer, OpenOptions, Reader, SourceError, Window, layers, open};

fn native() -> OpenOptions {
    OpenOptions { reader: Reader::Native, threads: 1, ..OpenOptions::default() }
}

fn read(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in layer.splits(target)? {
        layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

fn read_path(path: &Path) -> Result<RecordBatch, SourceError> {
    read(open(path, &native())?.as_ref(), 3)
}

fn read_file(file: &TestFile) -> Result<RecordBatch, SourceError> {
    let (_folder, path) = file.write();
    read_path(&path)
}

fn geometries(batch: &RecordBatch) -> Vec<Option<Vec<u8>>> {
    let column = batch.column(batch.num_columns() - 1).as_binary::<i32>();
    column.iter().map(|wkb| wkb.map(<[u8]>::to_vec)).collect()
}

/// WKB from numbers: bytes as they are, integers with 4, ordinates with 8.
macro_rules! wkb {
    ($($kind:ident $value:expr),* $(,)?) => {{
        let mut bytes = Vec::new();
        $(wkb!(@ bytes $kind $value);)*
        bytes
    }};
    (@ $bytes:ident head $code:expr) => { $bytes.push(1u8); $bytes.extend(u32::to_le_bytes($code)) };
    (@ $bytes:ident count $count:expr) => { $bytes.extend(u32::to_le_bytes($count)) };
    (@ $bytes:ident at $values:expr) => { $values.iter().for_each(|v: &f64| $bytes.extend(v.to_le_bytes())) };
}

#[test]
fn every_column_type() {
    use ColumnType as T;
    let kinds = [
        T::Byte,
        T::UByte,
        T::Bool,
        T::Short,
        T::UShort,
        T::Int,
        T::UInt,
        T::Long,
        T::ULong,
        T::Float,
        T::Double,
        T::String,
        T::Json,
        T::DateTime,
        T::Binary,
    ];
    let names = ["i8", "u8", "b", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "s", "j", "t", "x"];
    let mut columns: Vec<_> = names.iter().zip(kinds).map(|(name, kind)| column(name, kind)).collect();
    columns[11].title = Some("Nom");
    columns[7].primary_key = true;
    let mut file = TestFile::new(&columns);
    (file.kind, file.name, file.crs) = (1, Some("villes"), Some((None, 2154, None, None)));
    let properties = Properties::default()
        .fixed(0, &[0x80])
        .fixed(1, &[255])
        .fixed(2, &[1])
        .fixed(3, &i16::MIN.to_le_bytes())
        .fixed(4, &u16::MAX.to_le_bytes())
        .fixed(5, &i32::MIN.to_le_bytes())
        .fixed(6, &u32::MAX.to_le_bytes())
        .fixed(7, &i64::MIN.to_le_bytes())
        .fixed(8, &u64::MAX.to_le_bytes())
        .fixed(9, &0.1f32.to_le_bytes())
        .fixed(10, &0.1f64.to_le_bytes())
        .text(11, "été")
        .text(12, "{\"a\":1}")
        .text(13, "1970-01-01T01:00:00.001+01:00")
        .text(14, [0, 255]);
    file.feature(Some(&point(1.0, 2.0)), &properties).feature(None, &Properties::default());
    let (_folder, path) = file.write();
    let layer = open(&path, &native()).unwrap();
    assert_eq!((layer.name(), layer.driver(), layer.row_count_hint()), ("villes", "FlatGeobuf", Some(2)));
    assert_eq!(layer.input_bytes(), Some(path.metadata().unwrap().len()));
    let batch = read(layer.as_ref(), 1).unwrap();
    let schema = batch.schema();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    use DataType::{Binary, Boolean, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Utf8};
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let expected = [
        Int8, UInt8, Boolean, Int16, UInt16, Int32, UInt32, Int64, UInt64, Float32, Float64, Utf8, Utf8, utc, Binary,
        Binary,
    ];
    assert_eq!(types, expected);
    assert_eq!(schema.field(12).metadata()["ARROW:extension:name"], "arrow.json");
    assert_eq!(schema.field(11).metadata()["title"], "Nom");
    assert_eq!(schema.field(7).metadata()["primary_key"], "true");
    assert_eq!(schema.field(15).name(), "geometry");
    assert!(schema.field(15).metadata()["ARROW:extension:metadata"].contains("Lambert-93"));
    assert!((0..16).all(|column| batch.column(column).is_valid(0) && batch.column(column).is_null(1)));
    assert_eq!(batch.column(0).as_primitive::<Int8Type>().value(0), -128);
    assert_eq!(batch.column(1).as_primitive::<UInt8Type>().value(0), 255);
    assert!(batch.column(2).as_boolean().value(0));
    assert_eq!(batch.column(3).as_primitive::<Int16Type>().value(0), i16::MIN);
    assert_eq!(batch.column(4).as_primitive::<UInt16Type>().value(0), u16::MAX);
    assert_eq!(batch.column(5).as_primitive::<Int32Type>().value(0), i32::MIN);
    assert_eq!(batch.column(6).as_primitive::<UInt32Type>().value(0), u32::MAX);
    assert_eq!(batch.column(7).as_primitive::<Int64Type>().value(0), i64::MIN);
    assert_eq!(batch.column(8).as_primitive::<UInt64Type>().value(0), u64::MAX);
    assert_eq!(batch.column(9).as_primitive::<Float32Type>().value(0), 0.1);
    assert_eq!(batch.column(10).as_primitive::<Float64Type>().value(0), 0.1);
    assert_eq!(batch.column(11).as_string::<i32>().value(0), "été");
    assert_eq!(batch.column(12).as_string::<i32>().value(0), "{\"a\":1}");
    assert_eq!(batch.column(13).as_primitive::<TimestampMillisecondType>().value(0), 1);
    assert_eq!(batch.column(14).as_binary::<i32>().value(0), [0, 255]);
    assert_eq!(geometries(&batch), [Some(wkb!(head 1, at [1.0, 2.0])), None]);

    let info = layers(&path, Reader::Native).unwrap();
    assert_eq!((info[0].name.as_str(), info[0].rows, info[0].geometry.as_deref()), ("villes", Some(2), Some("POINT")));
    assert_eq!((info[0].crs.as_deref(), info[0].fields[13].type_name.as_str()), (Some("EPSG:2154"), "DateTime"));

    let chosen = OpenOptions {
        select: Some(vec!["s".into(), "u8".into()]),
        crs: Some("EPSG:4326".into()),
        layer: Some("villes".into()),
        ..native()
    };
    let layer = open(&path, &chosen).unwrap();
    let batch = read(layer.as_ref(), 10).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["u8", "s", "geometry"]);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "été");
    assert!(batch.schema().field(2).metadata()["ARROW:extension:metadata"].contains("WGS 84"));
    let wrong = OpenOptions { select: Some(vec!["f65".into()]), ..native() };
    assert!(matches!(open(&path, &wrong).map(|_| ()), Err(SourceError::UnknownColumn { .. })));
    let wrong = OpenOptions { layer: Some("ville".into()), ..native() };
    assert!(matches!(open(&path, &wrong).map(|_| ()), Err(SourceError::UnknownLayer { .. })));
}

#[test]
fn every_geometry_type() {
    use GeometryType as T;
    let square = [0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 0.0];
    let hole = [1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 1.0, 1.0];
    let both = [square, hole].concat();
    let polygon = || Shape::new(T::Polygon, &both).ends(&[4, 8]);
    let polygon_wkb = wkb!(head 3, count 2, count 4, at square, count 4, at hole);
    let square_wkb = wkb!(head 3, count 1, count 4, at square);
    let nan = f64::NAN;
    let cases: Vec<(Shape, Vec<u8>)> = vec![
        (point(1.0, 2.0), wkb!(head 1, at [1.0, 2.0])),
        (point(1.0, 2.0).z(&[3.0]), wkb!(head 1001, at [1.0, 2.0, 3.0])),
        (point(1.0, 2.0).m(&[4.0]), wkb!(head 2001, at [1.0, 2.0, 4.0])),
        (point(1.0, 2.0).z(&[3.0]).m(&[4.0]), wkb!(head 3001, at [1.0, 2.0, 3.0, 4.0])),
        (Shape::new(T::Point, &[]), wkb!(head 1, at [nan, nan])),
        (Shape::new(T::LineString, &square[..4]), wkb!(head 2, count 2, at square[..4])),
        (Shape::new(T::LineString, &[]), wkb!(head 2, count 0)),
        (
            Shape::new(T::LineString, &square[..4]).z(&[7.0, 8.0]).m(&[9.0, 10.0]),
            wkb!(head 3002, count 2, at [0.0, 0.0, 7.0, 9.0, 4.0, 0.0, 8.0, 10.0]),
        ),
        (polygon(), polygon_wkb.clone()),
        (Shape::new(T::Polygon, &square), square_wkb.clone()),
        (Shape::new(T::Polygon, &[]), wkb!(head 3, count 0)),
        (
            Shape::new(T::MultiPoint, &[1.0, 2.0, 3.0, 4.0]),
            wkb!(head 4, count 2, head 1, at [1.0, 2.0], head 1, at [3.0, 4.0]),
        ),
        (
            Shape::new(T::MultiPoint, &[1.0, 2.0, 3.0, 4.0]).z(&[5.0, 6.0]),
            wkb!(head 1004, count 2, head 1001, at [1.0, 2.0, 5.0], head 1001, at [3.0, 4.0, 6.0]),
        ),
        (Shape::new(T::MultiPoint, &[]), wkb!(head 4, count 0)),
        (
            Shape::new(T::MultiLineString, &square).ends(&[2, 2, 4]),
            wkb!(head 5, count 3, head 2, count 2, at square[..4], head 2, count 0, head 2, count 2, at square[4..]),
        ),
        (Shape::new(T::MultiLineString, &square), wkb!(head 5, count 1, head 2, count 4, at square)),
        (
            Shape::of_parts(T::MultiPolygon, &[polygon(), Shape { kind: 0, ..Shape::new(T::Polygon, &square) }]),
            [wkb!(head 6, count 2), polygon_wkb.clone(), square_wkb.clone()].concat(),
        ),
        (Shape::of_parts(T::MultiPolygon, &[]), wkb!(head 6, count 0)),
        (
            Shape::of_parts(
                T::GeometryCollection,
                &[
                    Shape::of_parts(T::GeometryCollection, &[]),
                    point(1.0, 2.0),
                    Shape::of_parts(T::MultiPolygon, &[polygon()]),
                ],
            ),
            [wkb!(head 7, count 3, head 7, count 0, head 1, at [1.0, 2.0], head 6, count 1), polygon_wkb.clone()]
                .concat(),
        ),
    ];
    for node_size in [0, 2, 16] {
        let mut file = TestFile::new(&[]);
        file.node_size = node_size;
        for (shape, _) in &cases {
            file.feature(Some(shape), &Properties::default());
        }
        let found = geometries(&read_file(&file).unwrap());
        for (found, (shape, expected)) in found.iter().zip(&cases) {
            assert_eq!(found.as_ref(), Some(expected), "{shape:?}");
            assert!(scan(expected).unwrap().is_canonical);
        }
        assert_eq!(found.len(), cases.len());
    }
    // The header's type and ordinates hold for what says nothing of its own.
    let mut file = TestFile::new(&[]);
    (file.kind, file.has_z) = (T::LineString.0, true);
    file.feature(Some(&Shape::default()), &Properties::default());
    file.feature(Some(&Shape { kind: 0, ..Shape::new(T::Point, &square[..4]).z(&[1.0, 2.0]) }), &Properties::default());
    let found = geometries(&read_file(&file).unwrap());
    let second = wkb!(head 1002, count 2, at [0.0, 0.0, 1.0, 4.0, 0.0, 2.0]);
    assert_eq!(found, [Some(wkb!(head 1002, count 0)), Some(second)]);
}

#[test]
fn geometries_that_are_refused() {
    use GeometryType as T;
    let mut times = point(1.0, 2.0);
    times.t = vec![3.0];
    let mut deep = point(1.0, 2.0);
    for _ in 0..40 {
        deep = Shape::of_parts(T::GeometryCollection, &[deep]);
    }
    let line = |ends: &[u32]| Shape::new(T::MultiLineString, &[0.0; 8]).ends(ends);
    let mut curves: Vec<(Shape, &str)> = vec![
        (times, "time ordinates"),
        (deep, "nested deeper"),
        (Shape::default(), "type of its geometry is not said"),
        (Shape { kind: 18, ..Shape::default() }, "not known"),
        (Shape::new(T::Point, &[1.0, 2.0, 3.0, 4.0]), "several positions"),
        (Shape::new(T::Point, &[1.0]), "ordinates"),
        (point(1.0, 2.0).z(&[1.0, 2.0]), "ordinates"),
        (line(&[3, 2, 4]), "not in order"),
        (line(&[5]), "not in order"),
        (line(&[3]), "follow the last"),
        (Shape::new(T::MultiPolygon, &[0.0; 8]), "has positions instead"),
        (Shape::of_parts(T::MultiPolygon, &[point(1.0, 2.0)]), "no polygon"),
        (Shape::of_parts(T::LineString, &[point(1.0, 2.0)]), "does not allow"),
        (Shape::of_parts(T::GeometryCollection, &[point(1.0, 2.0), point(1.0, 2.0).z(&[3.0])]), "with and without"),
    ];
    for kind in 8..=17 {
        curves.push((Shape { kind, ..Shape::default() }, GeometryType(kind).variant_name().unwrap()));
    }
    for (shape, part) in curves {
        let mut file = TestFile::new(&[]);
        file.feature(Some(&point(1.0, 2.0)), &Properties::default()).feature(Some(&shape), &Properties::default());
        let error = read_file(&file).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(part), "{part:?} is not in {message:?}");
        assert!(message.contains("row number 2") || message.contains("feature 2 at byte"), "{message}");
    }
}

#[test]
fn times_of_a_file_agree() {
    let times = |texts: &[&str], reader_threads: usize| {
        let mut file = TestFile::new(&[column("t", ColumnType::DateTime)]);
        for text in texts {
            file.feature(Some(&point(1.0, 2.0)), &Properties::default().text(0, text));
        }
        file.feature(None, &Properties::default());
        let (_folder, path) = file.write();
        let options = OpenOptions { threads: reader_threads, ..native() };
        read(open(&path, &options)?.as_ref(), 1).map(|batch| batch.column(0).clone())
    };
    let clock = times(&["1970-01-01", "1970-01-01T00:00:00.001"], 2).unwrap();
    assert_eq!(clock.as_primitive::<TimestampMillisecondType>().values()[..2], [0, 1]);
    assert_eq!(*clock.data_type(), DataType::Timestamp(TimeUnit::Millisecond, None));
    let fine = times(&["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001-01:00"], 1).unwrap();
    assert_eq!(fine.as_primitive::<TimestampMicrosecondType>().values()[..2], [0, 3_600_000_001]);
    assert_eq!(*fine.data_type(), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(*times(&[], 1).unwrap().data_type(), DataType::Timestamp(TimeUnit::Millisecond, None));
    for (texts, row) in [
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"], 2),
        (["2024-01-01T00:00:00", "2024-01-01T00:00:00+02:00"], 2),
        (["yesterday", "2024-01-01T00:00:00Z"], 1),
        (["2024-01-01T00:00:00.0000001Z", ""], 1),
    ] {
        let message = times(&texts, 1).unwrap_err().to_string();
        for part in [format!("row number {row}"), "column t".to_owned(), "DateTime".to_owned(), "--select".to_owned()] {
            assert!(message.contains(&part), "{part:?} is not in {message:?}");
        }
    }
    // The two halves are looked at apart.
    let mut texts = vec!["2024-01-01T00:00:00Z"; 16_384];
    texts.extend(["2024-01-01T00:00:00"; 10]);
    let mut file = TestFile::new(&[column("t", ColumnType::DateTime), column("u", ColumnType::Int)]);
    for text in texts {
        file.feature(None, &Properties::default().text(0, text));
    }
    let (_folder, path) = file.write();
    let message = open(&path, &native()).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("row number 16385") && message.contains("without time zone"), "{message}");
    let without = OpenOptions { select: Some(vec!["u".into()]), ..native() };
    assert_eq!(read(open(&path, &without).unwrap().as_ref(), 1000).unwrap().num_rows(), 16_394);
}

#[test]
fn columns_of_single_features() {
    let (name, size) = (column("name", ColumnType::String), column("size", ColumnType::Int));
    let mut file = TestFile::new(&[]);
    let number = 7i32.to_le_bytes();
    file.feature(Some(&point(0.0, 0.0)), &Properties::default())
        .feature_with(None, &Properties::default().text(0, "a"), std::slice::from_ref(&name))
        .feature_with(None, &Properties::default().fixed(0, &number).text(1, "b"), &[size.clone(), name.clone()]);
    let batch = read_file(&file).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["name", "size", "geometry"]);
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().collect();
    assert_eq!(texts, [None, Some("a"), Some("b")]);
    assert_eq!(batch.column(1).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [None, None, Some(7)]);

    let other = column("size", ColumnType::String);
    file.feature_with(None, &Properties::default(), &[other]);
    let message = read_file(&file).unwrap_err().to_string();
    assert!(message.contains("feature 4") && message.contains("String") && message.contains("Int"), "{message}");

    let mut file = TestFile::new(&[name.clone(), size.clone()]);
    file.feature_with(None, &Properties::default().fixed(0, &number), std::slice::from_ref(&size));
    let batch = read_file(&file).unwrap();
    assert!(batch.column(0).is_null(0));
    assert_eq!(batch.column(1).as_primitive::<Int32Type>().value(0), 7);
    file.feature_with(None, &Properties::default(), &[column("new", ColumnType::Int)]);
    assert!(read_file(&file).unwrap_err().to_string().contains("\"new\", which the header does not have"));
}

#[test]
fn values_that_are_refused() {
    let mut required = column("r", ColumnType::String);
    required.nullable = false;
    let columns = [column("b", ColumnType::Bool), column("s", ColumnType::String), required];
    let good = || Properties::default().text(2, "x");
    for (properties, parts) in [
        (good().fixed(0, &[2]), ["column b", "byte 2"]),
        (good().text(1, [0xff]), ["column s", "not UTF-8"]),
        (Properties::default(), ["column r", "NULL"]),
        (good().text(2, "y"), ["feature 2", "two values"]),
        (good().fixed(3, &[1]), ["feature 2", "not declared"]),
        (good().fixed(0, &[]), ["feature 2", "cut off"]),
        (good().fixed(1, &[255, 255, 255, 255]), ["feature 2", "cut off"]),
        (good().fixed(1, &[1]), ["feature 2", "cut off"]),
        (Properties([good().0, vec![1]].concat()), ["feature 2", "cut off"]),
    ] {
        let mut file = TestFile::new(&columns);
        file.feature(None, &good()).feature(None, &properties);
        let message = read_file(&file).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
    let mut unknown = TestFile::new(&[column("u", ColumnType(15))]);
    assert!(read_file(&unknown).unwrap_err().to_string().contains("type 15"));
    unknown.columns.clear();
    unknown.node_size = 1;
    assert_eq!(read_file(&unknown).unwrap().num_rows(), 0);
    unknown.feature(None, &Properties::default());
    // The crate that writes indexes takes no such node size.
    unknown.node_size = 0;
    assert_eq!(read_file(&unknown).unwrap().num_rows(), 1);
}

fn grid(node_size: u16, count: usize) -> TestFile {
    let mut file = TestFile::new(&[column("n", ColumnType::Int)]);
    (file.node_size, file.kind) = (node_size, 1);
    for number in 0..count {
        let shape = point((number % 100) as f64, (number / 100) as f64);
        file.feature(Some(&shape), &Properties::default().fixed(0, &(number as i32).to_le_bytes()));
    }
    file
}

fn numbers(batch: &RecordBatch) -> Vec<i32> {
    batch.column(0).as_primitive::<Int32Type>().values().to_vec()
}

#[test]
fn splits_hold_every_row_once() {
    let count = 5000;
    for (node_size, announced) in [(0, None), (0, Some(0)), (2, None), (16, None)] {
        let mut file = grid(node_size, count);
        file.count = announced;
        let (_folder, path) = file.write();
        let layer = open(&path, &native()).unwrap();
        assert_eq!(layer.row_count_hint(), announced.map_or(Some(count as u64), |_| None));
        for target in [1, 7, 1024, 4999, 5000, usize::MAX] {
            let splits = layer.splits(target).unwrap();
            assert_eq!(splits.len(), count.div_ceil(target));
            assert!(splits.iter().enumerate().all(|(index, split)| split.index == index && !split.sequential));
            let batch = read(layer.as_ref(), target).unwrap();
            assert_eq!(numbers(&batch), (0..count as i32).collect::<Vec<_>>(), "{node_size}, {target}");
        }
    }
    for node_size in [0, 16] {
        let (_folder, path) = grid(node_size, 0).write();
        let layer = open(&path, &native()).unwrap();
        assert_eq!(layer.splits(10).unwrap().len(), 1);
        assert_eq!(read(layer.as_ref(), 10).unwrap().num_rows(), 0);
    }
}

#[test]
fn a_window_is_looked_up_in_the_index() {
    let window = Window { xmin: 10.0, ymin: 5.0, xmax: 12.5, ymax: 30.0 };
    let inside = |number: i32| (10..=12).contains(&(number % 100)) && (5..=30).contains(&(number / 100));
    let expected: Vec<i32> = (0..5000).filter(|number| inside(*number)).collect();
    for node_size in [2, 3, 16, 4096] {
        let (_folder, path) = grid(node_size, 5000).write();
        let open_window = |window| open(&path, &OpenOptions { window: Some(window), ..native() }).unwrap();
        for target in [1, 10, 100_000] {
            let layer = open_window(window);
            assert_eq!(numbers(&read(layer.as_ref(), target).unwrap()), expected, "{node_size}, {target}");
        }
        let nowhere = Window { xmin: -9.0, ymin: -9.0, xmax: -8.0, ymax: -8.0 };
        assert_eq!(read(open_window(nowhere).as_ref(), 10).unwrap().num_rows(), 0);
        let everywhere = Window { xmin: 0.0, ymin: 0.0, xmax: 99.0, ymax: 99.0 };
        assert_eq!(read(open_window(everywhere).as_ref(), 10).unwrap().num_rows(), 5000);
    }
    let (_folder, path) = grid(0, 5000).write();
    let layer = open(&path, &OpenOptions { window: Some(window), ..native() }).unwrap();
    assert_eq!(read(layer.as_ref(), 1000).unwrap().num_rows(), 5000, "without index the window is only a hint");
}

#[test]
fn reference_systems() {
    let read_crs = |crs| {
        let mut file = TestFile::new(&[]);
        file.crs = crs;
        let (_folder, path) = file.write();
        let schema = open(&path, &native())?.schema();
        Ok::<_, SourceError>(schema.field(0).metadata().get("ARROW:extension:metadata").cloned().unwrap_or_default())
    };
    let wkt = concat!(
        r#"GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],"#,
        r#"CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",4326]]"#
    );
    for none in [None, Some((None, 0, None, None)), Some((Some("EPSG"), 0, Some(""), Some(" ")))] {
        assert!(!read_crs(none).unwrap().contains("name"), "{none:?}");
    }
    assert!(read_crs(Some((None, 2154, None, None))).unwrap().contains("Lambert-93"));
    assert!(read_crs(Some((Some("OGC"), 0, Some("CRS84"), None))).unwrap().contains("CRS84"));
    assert!(read_crs(Some((None, 0, None, Some(wkt)))).unwrap().contains("WGS 84"));
    assert!(read_crs(Some((Some("EPSG"), 999_999, None, Some(wkt)))).unwrap().contains("WGS 84"));
    let message = read_crs(Some((Some("EPSG"), 999_999, None, None))).unwrap_err().to_string();
    assert!(message.contains("EPSG:999999") && message.contains("--crs"), "{message}");
}

#[cfg(feature = "gdal")]
#[test]
fn gdal_reads_the_same() {
    use arrow::compute::cast;

    use crate::tests::{options, read, translate, write};

    let folder = tempfile::tempdir().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let geoarrow = "geoparquet/geoarrow-data";
    let mut paths = vec![corpus.join("vector/countries.fgb"), corpus.join("vector/nz-buildings.fgb")];
    if let Ok(entries) = std::fs::read_dir(corpus.join(geoarrow)) {
        let found = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.extend(found.filter(|path| path.extension().is_some_and(|extension| extension == "fgb")));
    }
    paths.retain(|path| path.exists());
    if paths.is_empty() {
        eprintln!("skipped: the corpus is not there");
    }
    let feature = |geometry: &str, values: &str| {
        format!(r#"{{"type":"Feature","properties":{{{values}}},"geometry":{geometry}}}"#)
    };
    let features = [
        feature(
            r#"{"type":"Point","coordinates":[1,2,3]}"#,
            r#""a":1,"b":true,"c":"x","t":"2024-01-01T01:00:00+01:00""#,
        ),
        feature(r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#, r#""a":null,"d":1.5,"t":null"#),
        feature(
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]]}"#,
            r#""j":{"k":[1]}"#,
        ),
        feature(
            r#"{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}]}"#,
            r#""l":9007199254740993"#,
        ),
    ];
    let text = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
    let mixed = folder.path().join("mixed.fgb");
    translate(&write(&folder, "mixed.geojson", &text), &mixed, "FlatGeobuf");
    paths.push(mixed);
    for path in paths {
        let [native, gdal] = [Reader::Native, Reader::Gdal].map(|reader| open(&path, &options(reader)).unwrap());
        assert_eq!((native.name(), native.row_count_hint()), (gdal.name(), gdal.row_count_hint()), "{path:?}");
        let [native, gdal] = [native, gdal].map(|layer| read(layer.as_ref()).unwrap());
        let names = |batch: &RecordBatch| batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        assert_eq!((names(&native), native.num_rows()), (names(&gdal), gdal.num_rows()), "{path:?}");
        for (field, column) in native.schema().fields().iter().zip(native.columns()) {
            let other = gdal.column_by_name(field.name()).unwrap();
            let other = cast(other, field.data_type()).unwrap();
            assert_eq!(column.as_ref(), other.as_ref(), "{path:?}, {}", field.name());
            let (mine, other) = (field.metadata(), gdal.schema().field_with_name(field.name()).unwrap().clone());
            // One takes the definition of the code, the other that in the file.
            let crs = |metadata: &std::collections::HashMap<String, String>| {
                let json: serde_json::Value = serde_json::from_str(metadata.get("ARROW:extension:metadata")?).ok()?;
                parcelle_crs::Crs::from_projjson(json.get("crs")?.clone()).ok()
            };
            if field.name() == "geometry" {
                let same = match (crs(mine), crs(other.metadata())) {
                    (Some(mine), Some(other)) => mine.same_as(&other),
                    (mine, other) => mine.is_none() && other.is_none(),
                };
                assert!(same, "{path:?}");
            }
        }
    }
}

//! Values that are not valid, where they need not end the reading.

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMillisecondType;
use flatgeobuf::{ColumnType, GeometryType};

use super::testing::{Properties, Shape, TestFile, column, point};
use crate::{InvalidValues, OnInvalid, OpenOptions, Repair, open};

fn file() -> TestFile {
    let mut required = column("r", ColumnType::String);
    required.nullable = false;
    let (text, time) = (column("s", ColumnType::String), column("t", ColumnType::DateTime));
    let mut file = TestFile::new(&[column("b", ColumnType::Bool), text, required, time]);
    let good = || Properties::default().text(2, "x");
    let curve = Shape { kind: GeometryType::CircularString.0, ..Shape::default() };
    file.feature(Some(&point(1.0, 2.0)), &good().fixed(0, &[1]).text(1, "ok").text(3, "2024-01-01T00:00:00"))
        .feature(Some(&curve), &good().fixed(0, &[2]).text(1, [b'a', 0xff]).text(3, "yesterday"))
        .feature(None, &Properties::default().fixed(0, &[0]).text(3, "2024-01-01T00:00:00Z"))
        .feature(Some(&point(3.0, 4.0)), &good().fixed(0, &[7]));
    file
}

#[test]
fn invalid_values_become_null() {
    let (_folder, path) = file().write();
    for threads in [1, 3] {
        let options = OpenOptions { invalid: InvalidValues::new(OnInvalid::Null), threads, ..OpenOptions::default() };
        let layer = open(&path, &options).unwrap();
        assert!(layer.schema().fields().iter().all(|field| field.is_nullable()));
        let mut rows = 0;
        for split in layer.splits(4).unwrap() {
            layer
                .read(&split, &mut |batch| {
                    rows += batch.num_rows();
                    let nulls = |column: usize| (0..4).map(|row| batch.column(column).is_null(row)).collect::<Vec<_>>();
                    assert_eq!(nulls(0), [false, true, false, true]);
                    assert_eq!(nulls(1), [false, true, true, true]);
                    assert_eq!(nulls(2), [false, false, true, false]);
                    assert_eq!(nulls(3), [false, true, true, true]);
                    assert_eq!(nulls(4), [false, true, true, false]);
                    assert_eq!(batch.column(3).as_primitive::<TimestampMillisecondType>().value(0), 1_704_067_200_000);
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
        }
        assert_eq!(rows, 4);
        let found: Vec<_> =
            options.invalid.repaired().into_iter().map(|column| (column.column, column.values)).collect();
        let expected = [("b", 2), ("geometry", 1), ("r", 1), ("s", 1), ("t", 2)];
        assert_eq!(found, expected.map(|(column, values)| (column.to_owned(), values)));
        assert!(options.invalid.repaired().iter().all(|column| column.repair == Repair::Nulled));
        assert!(options.invalid.repaired()[0].first.starts_with("row number 2: byte 2 is no valid"));
    }
}

#[test]
fn text_is_kept_and_the_rest_is_not() {
    let (_folder, path) = file().write();
    let read = |columns: &[&str]| {
        let select = Some(columns.iter().map(|name| (*name).to_owned()).collect());
        let options = OpenOptions { invalid: InvalidValues::new(OnInvalid::Keep), select, ..OpenOptions::default() };
        let layer = open(&path, &options)?;
        let mut texts = Vec::new();
        for split in layer.splits(4)? {
            layer.read(&split, &mut |batch| {
                texts.extend(batch.column(0).as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
                std::ops::ControlFlow::Continue(())
            })?;
        }
        Ok::<_, crate::SourceError>((texts, options.invalid.repaired()))
    };
    let error = read(&["s"]).unwrap_err().to_string();
    assert!(error.contains("--on-invalid keep") && error.contains("CircularString"), "{error}");

    let mut plain = TestFile::new(&[column("s", ColumnType::String)]);
    plain.feature(Some(&point(1.0, 2.0)), &Properties::default().text(0, [b'a', 0xff]));
    let (_folder, path) = plain.write();
    let options = OpenOptions { invalid: InvalidValues::new(OnInvalid::Keep), ..OpenOptions::default() };
    let layer = open(&path, &options).unwrap();
    layer
        .read(&layer.splits(4).unwrap()[0], &mut |batch| {
            assert_eq!(batch.column(0).as_string::<i32>().value(0), "a\u{fffd}");
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let repaired = options.invalid.repaired();
    assert_eq!((repaired.len(), repaired[0].repair, repaired[0].values), (1, Repair::Replaced, 1));
}

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, UnionFields};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use serde_json::json;
use tempfile::TempDir;

use crate::{OpenOptions, SourceError};

fn compressed(codec: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(codec).unwrap()
}

fn as_file(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn as_stream(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn saved(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("données");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// All rows, through splits of so many, and how many splits there were.
fn read_in(bytes: &[u8], target: usize) -> Result<(RecordBatch, usize), SourceError> {
    let (_folder, path) = saved(bytes);
    let layer = crate::open(&path, &OpenOptions { reader: crate::Reader::Native, ..OpenOptions::default() })?;
    let mut batches = Vec::new();
    let splits = layer.splits(target)?;
    for split in &splits {
        layer.read(split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!((layer.driver(), layer.name(), layer.row_count_hint()), ("Arrow", "données", Some(rows as u64)));
    Ok((concat_batches(&layer.schema(), &batches).unwrap(), splits.len()))
}

fn read(bytes: &[u8]) -> Result<RecordBatch, SourceError> {
    read_in(bytes, 1000).map(|(batch, _)| batch)
}

fn extension(data_type: DataType, name: &str) -> Field {
    let entries = [("ARROW:extension:name", name), ("ARROW:extension:metadata", r#"{"crs": "EPSG:2154"}"#)];
    let entries = entries.map(|(key, text)| (key.to_owned(), text.to_owned()));
    Field::new("geom", data_type, true).with_metadata(HashMap::from(entries))
}

fn wkt(text: &str) -> Vec<u8> {
    let mut wkb = Vec::new();
    parcelle_geometry::from_wkt(text.as_bytes(), &mut wkb).unwrap();
    wkb
}

/// Batches of two rows with the keys of a dictionary, and points whose x is the number of the row.
fn batches(words: &[[&str; 2]]) -> Vec<RecordBatch> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![
        Field::new("word", dictionary, true),
        extension(DataType::Utf8, "geoarrow.wkt"),
        Field::new("view", DataType::Utf8View, true),
    ]));
    let batch = |(number, words): (usize, &[&str; 2])| {
        let words: DictionaryArray<Int32Type> = words.iter().copied().collect();
        let points = StringArray::from(vec![Some(format!("POINT ({number} 1)")), None]);
        let views = StringViewArray::from(vec![Some("longer than twelve bytes, so not inline"), None]);
        RecordBatch::try_new(schema.clone(), vec![Arc::new(words), Arc::new(points), Arc::new(views)]).unwrap()
    };
    words.iter().enumerate().map(batch).collect()
}

#[track_caller]
fn check_words(batch: &RecordBatch, words: &[&str]) {
    assert_eq!(batch.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), words);
    for row in (0..batch.num_rows()).step_by(2) {
        assert_eq!(batch.column(1).as_binary::<i32>().value(row), wkt(&format!("POINT ({} 1)", row / 2)));
        assert!(batch.column(1).is_null(row + 1));
    }
    let crs = batch.schema().field(1).metadata()["ARROW:extension:metadata"].clone();
    assert!(crs.contains("Lambert-93"), "{crs}");
}

#[test]
fn files_and_streams_compressed_or_not() {
    let batches = batches(&[["a", "b"], ["a", "b"], ["a", "b"]]);
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        for bytes in [as_file(&batches, compressed(codec)), as_stream(&batches, compressed(codec))] {
            check_words(&read(&bytes).unwrap(), &["a", "b", "a", "b", "a", "b"]);
        }
    }
    let bytes = as_file(&batches, IpcWriteOptions::default());
    assert_eq!([1, 2, 4, 5, 6].map(|target| read_in(&bytes, target).unwrap().1), [3, 3, 2, 2, 1]);
}

#[test]
fn dictionaries_that_change_are_read_in_sequence() {
    let changing = batches(&[["a", "b"], ["b", "c"], ["d", "e"]]);
    let bytes = as_stream(&changing, IpcWriteOptions::default());
    let (batch, splits) = read_in(&bytes, 2).unwrap();
    assert_eq!(splits, 1);
    check_words(&batch, &["a", "b", "b", "c", "d", "e"]);

    let growing = batches(&[["a", "b"], ["a", "b"]]);
    let longer: DictionaryArray<Int32Type> =
        DictionaryArray::new(Int32Array::from(vec![2, 0]), Arc::new(StringArray::from(vec!["a", "b", "c"])));
    let columns = vec![Arc::new(longer) as ArrayRef, growing[1].column(1).clone(), growing[1].column(2).clone()];
    let second = RecordBatch::try_new(growing[0].schema(), columns).unwrap();
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let deltas = as_stream(&[growing[0].clone(), second], options);
    check_words(&read(&deltas).unwrap(), &["a", "b", "c", "a"]);
}

#[test]
fn a_geo_entry_as_geopandas_writes_it() {
    let geo = json!({"primary_column": "shape", "version": "1.0.0", "columns": {
        "shape": {"encoding": "WKB", "crs": null, "geometry_types": ["Point"]}}});
    let schema = Schema::new(vec![Field::new("shape", DataType::LargeBinary, true)])
        .with_metadata(HashMap::from([("geo".to_owned(), geo.to_string())]));
    let point = wkt("POINT (1 2)");
    let array: ArrayRef = Arc::new(LargeBinaryArray::from(vec![Some(&point[..])]));
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap();
    let found = read(&as_file(&[batch], IpcWriteOptions::default())).unwrap();
    assert_eq!(found.column(0).as_binary::<i32>().value(0), point);
}

#[test]
fn unions_and_collections_become_wkb() {
    let xy = Fields::from(vec![Field::new("x", DataType::Float64, false), Field::new("y", DataType::Float64, false)]);
    let coordinates = |values: &[f64]| -> ArrayRef {
        let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        Arc::new(StructArray::new(xy.clone(), vec![column.clone(), column], None))
    };
    let item = Arc::new(Field::new("vertices", DataType::Struct(xy.clone()), false));
    let lines = ListArray::new(item.clone(), OffsetBuffer::new(vec![0, 2].into()), coordinates(&[3.0, 4.0]), None);
    let fields = UnionFields::try_new(
        [1, 2],
        [Field::new("Point", DataType::Struct(xy.clone()), true), Field::new("LineString", DataType::List(item), true)],
    )
    .unwrap();
    let children = vec![coordinates(&[1.0, 2.0]), Arc::new(lines) as ArrayRef];
    let offsets = ScalarBuffer::from(vec![1, 0, 0]);
    let union = UnionArray::try_new(fields, ScalarBuffer::from(vec![1i8, 2, 1]), Some(offsets), children).unwrap();
    let expected = ["POINT (2 2)", "LINESTRING (3 3, 4 4)", "POINT (1 1)"];

    let batch_of =
        |field: Field, array: ArrayRef| RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let mixed = batch_of(extension(union.data_type().clone(), "geoarrow.geometry"), Arc::new(union.clone()));
    let found = read(&as_file(&[mixed], IpcWriteOptions::default())).unwrap();
    let found = found.column(0).as_binary::<i32>();
    assert_eq!(found.iter().flatten().collect::<Vec<_>>(), expected.map(wkt));

    let item = Arc::new(Field::new("geometries", union.data_type().clone(), false));
    let offsets = OffsetBuffer::new(vec![0, 2, 2, 3].into());
    let nulls = arrow::buffer::NullBuffer::from(vec![true, true, false]);
    let collections = ListArray::new(item, offsets, Arc::new(union), Some(nulls));
    let field = extension(collections.data_type().clone(), "geoarrow.geometrycollection");
    let found = read(&as_stream(&[batch_of(field, Arc::new(collections))], IpcWriteOptions::default())).unwrap();
    let found = found.column(0).as_binary::<i32>();
    assert_eq!(found.value(0), wkt("GEOMETRYCOLLECTION (POINT (2 2), LINESTRING (3 3, 4 4))"));
    assert_eq!((found.value(1), found.is_null(2)), (&wkt("GEOMETRYCOLLECTION EMPTY")[..], true));
}

#[test]
fn a_row_that_is_not_sound_is_named() {
    let mut both = batches(&[["a", "b"], ["a", "b"]]);
    let columns = vec![
        both[1].column(0).clone(),
        Arc::new(StringArray::from(vec!["POINT (0 0)", "POINT (1"])) as ArrayRef,
        both[1].column(2).clone(),
    ];
    both[1] = RecordBatch::try_new(both[0].schema(), columns).unwrap();
    let error = read(&as_file(&both, IpcWriteOptions::default())).unwrap_err().to_string();
    assert!(error.contains("column geom, row number 4: WKT cannot be read"), "{error}");
}

#[test]
fn what_is_not_arrow_is_said() {
    for (bytes, said) in [
        (&b"ARROW1\0\0"[..], "does not end as Arrow does"),
        (&b"FEA1 and more"[..], "Feather version 1, which is not read"),
        (&b"ARROW1\0\0\xff\xff\xff\x7fARROW1"[..], "does not fit the file"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let other = read(b"\xff\xff\xff\xff\x10\0\0\0 no schema at all here").unwrap_err();
    assert!(matches!(other, SourceError::NoNativeReader { .. }), "{other}");
    let mut cut = as_stream(&batches(&[["a", "b"]]), IpcWriteOptions::default());
    cut.truncate(cut.len() - 60);
    assert!(read(&cut).unwrap_err().to_string().contains("cut off"));
}

#[test]
fn damage_is_an_error_or_does_no_harm() {
    let batches = batches(&[["a", "b"], ["a", "b"]]);
    for bytes in [
        as_file(&batches, compressed(Some(CompressionType::ZSTD))),
        as_stream(&batches, compressed(Some(CompressionType::LZ4_FRAME))),
    ] {
        for length in (0..bytes.len()).step_by(11) {
            // The end of a stream is where it ends.
            let _ = read(&bytes[..length]);
        }
        for at in (0..bytes.len()).step_by(3) {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                if let Ok(batch) = read(&damaged) {
                    assert!(batch.num_rows() <= 4, "byte {at}");
                }
            }
        }
    }
}

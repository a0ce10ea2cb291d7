//! The writer through its public API: what it writes is read back by the `parquet` and `geoarrow` crates.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int64Type, Schema, SchemaRef};
use geoarrow::array::{GeoArrowArray, WkbArray};
use geoarrow_schema::{Crs, Metadata, WkbType};
use parcelle_geoparquet::{
    CancelToken, Compression, Covering, Input, Part, Preset, Sort, WriteError, WriteOptions, write,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression as Codec, LogicalType};
use parquet::file::metadata::PageIndexPolicy;
use serde_json::{Value, json};

fn crs() -> Value {
    json!({"type": "ProjectedCRS", "name": "RGF93 v1 / Lambert-93", "id": {"authority": "EPSG", "code": 2154}})
}

fn geometry_field(name: &str) -> Field {
    let metadata = Metadata::new(Crs::from_projjson(crs()), None);
    Field::new(name, DataType::Binary, true).with_extension_type(WkbType::new(Arc::new(metadata)))
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("fid", DataType::Int64, false),
        Field::new("nature", DataType::Utf8, true),
        Field::new("height", DataType::Float64, true),
        geometry_field("geom"),
    ]))
}

/// A closed square with its lower left corner at (x, y).
fn square(x: f64, y: f64, little_endian: bool) -> Vec<u8> {
    let order = |bytes: &mut [u8]| {
        if !little_endian {
            bytes.reverse();
        }
    };
    let mut wkb = vec![u8::from(little_endian)];
    for number in [3u32, 1, 5] {
        let mut bytes = number.to_le_bytes();
        order(&mut bytes);
        wkb.extend(bytes);
    }
    for (dx, dy) in [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)] {
        for value in [x + dx, y + dy] {
            let mut bytes = f64::to_le_bytes(value);
            order(&mut bytes);
            wkb.extend(bytes);
        }
    }
    wkb
}

/// Rows `first..first + count`; every tenth geometry is NULL, every eleventh is an empty polygon.
fn batch(first: i64, count: i64, little_endian: bool) -> RecordBatch {
    let ids = first..first + count;
    let geometry: BinaryArray = ids
        .clone()
        .map(|id| match id {
            id if id % 10 == 9 => None,
            id if id % 11 == 10 => Some(vec![1, 3, 0, 0, 0, 0, 0, 0, 0]),
            id => Some(square(652_000.1 + id as f64, 6_862_000.3 - id as f64, little_endian)),
        })
        .collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(ids.clone().map(|id| (id % 3 > 0).then(|| format!("nature {}", id % 5))).collect::<StringArray>()),
        Arc::new(ids.map(|id| (id % 7 > 0).then_some(id as f64 / 8.0)).collect::<Float64Array>()),
        Arc::new(geometry),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn part(first: i64, count: i64) -> Part<'static> {
    Box::new(move |sink| {
        for start in (first..first + count).step_by(100) {
            if sink(batch(start, 100.min(first + count - start), true)).is_break() {
                break;
            }
        }
        Ok(())
    })
}

/// 2,500 rows in parts of uneven sizes, one of them empty.
fn parts() -> Input<'static> {
    Input::Parallel(
        [(0, 700), (700, 0), (700, 1), (701, 1299), (2000, 500)].map(|(first, count)| part(first, count)).into(),
    )
}

fn options(threads: usize) -> WriteOptions {
    WriteOptions { sort: Sort::None, row_group_rows: 600, threads, ..WriteOptions::default() }
}

fn read(path: &Path) -> (RecordBatch, Arc<parquet::file::metadata::ParquetMetaData>, Value) {
    let options =
        parquet::arrow::arrow_reader::ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path).unwrap(), options).unwrap();
    let metadata = Arc::clone(builder.metadata());
    let geo = metadata.file_metadata().key_value_metadata().unwrap().iter().find(|entry| entry.key == "geo").unwrap();
    let geo = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    (arrow::compute::concat_batches(&schema, &batches).unwrap(), metadata, geo)
}

#[test]
fn what_is_written_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let written = write(&schema(), parts(), &path, &options(2)).unwrap();
    assert_eq!((written.rows, written.row_groups), (2500, 5));
    assert_eq!(written.bytes, path.metadata().unwrap().len());

    let (rows, metadata, geo) = read(&path);
    assert_eq!(
        rows.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        ["fid", "nature", "height", "geom", "bbox"]
    );
    let expected = batch(0, 2500, true);
    for column in 0..3 {
        assert_eq!(rows.column(column), expected.column(column));
    }
    assert_eq!(rows.column(3).as_binary::<i32>(), expected.column(3).as_binary::<i32>());

    let groups: Vec<_> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [600, 600, 600, 600, 100]);
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    assert!(matches!(metadata.row_group(0).column(0).compression(), Codec::ZSTD(_)));
    assert!(metadata.row_group(0).column(3).dictionary_page_offset().is_none());

    // fid 0 is a square at its corner; the last square is 2498: 2499 is NULL.
    assert_eq!(geo["version"], "1.1.0");
    let column = &geo["columns"]["geom"];
    assert_eq!((&column["encoding"], &column["geometry_types"]), (&json!("WKB"), &json!(["Polygon"])));
    assert_eq!((&column["crs"], &column["edges"]), (&crs(), &json!("planar")));
    assert_eq!(column["bbox"], json!([652_000.1, 6_862_000.3 - 2498.0, 652_000.1 + 2498.0 + 10.0, 6_862_000.3 + 10.0]));
    assert_eq!(column["covering"]["bbox"]["ymax"], json!(["bbox", "ymax"]));

    // The covering contains each geometry; it is NULL where the geometry is, and NaN where that is empty.
    let covering = rows.column(4).as_struct();
    let edge = |name| covering.column_by_name(name).unwrap().as_primitive::<Float32Type>();
    for row in 0..2500 {
        let id = row as f64;
        assert_eq!(covering.is_null(row), row % 10 == 9, "row {row}");
        if row % 10 == 9 {
            continue;
        }
        if row % 11 == 10 {
            assert!(edge("xmin").value(row).is_nan(), "row {row}");
        } else {
            assert!(f64::from(edge("xmin").value(row)) <= 652_000.1 + id);
            assert!(f64::from(edge("ymin").value(row)) <= 6_862_000.3 - id);
            assert!(f64::from(edge("xmax").value(row)) >= 652_000.1 + id + 10.0);
            assert!(f64::from(edge("ymax").value(row)) >= 6_862_000.3 - id + 10.0);
            assert!(f64::from(edge("xmax").value(row)) < 652_000.1 + id + 10.1);
        }
    }
}

#[test]
fn arrow_readers_find_the_geo_entry_in_the_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    write(&schema(), parts(), &path, &options(1)).unwrap();
    let (rows, _, geo) = read(&path);
    let embedded: Value = serde_json::from_str(&rows.schema().metadata()["geo"]).unwrap();
    assert_eq!(embedded, geo);
}

#[test]
fn more_row_groups_than_parquet_can_number_are_refused() {
    let options = WriteOptions { row_group_rows: 1, ..options(2) };
    let error = failure(&schema(), Input::Sequential(part(0, 33_000)), &options);
    assert!(matches!(error, WriteError::TooManyRowGroups { .. }), "{error}");
}

#[test]
fn a_device_is_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let overwrite = WriteOptions { overwrite: true, ..options(1) };
    assert!(matches!(write(&schema(), parts(), &pipe, &overwrite), Err(WriteError::Io { .. })));
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
}

#[test]
fn geoarrow_takes_the_column_as_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    write(&schema(), parts(), &path, &options(1)).unwrap();
    let (rows, ..) = read(&path);
    let array = WkbArray::try_from((rows.column(3).as_ref(), rows.schema().field(3))).unwrap();
    assert_eq!(array.logical_null_count(), 250);
    assert_eq!(array.data_type().metadata().crs().crs_value(), Some(&crs()));
}

#[test]
fn bytes_do_not_depend_on_threads_parts_or_memory() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = |name: &str, input: Input<'_>, options: WriteOptions| {
        let path = directory.path().join(name);
        write(&schema(), input, &path, &options).unwrap();
        std::fs::read(path).unwrap()
    };
    let reference = bytes("reference", parts(), options(1));
    for threads in [2, 3, 8] {
        assert!(bytes(&format!("threads-{threads}"), parts(), options(threads)) == reference, "{threads} threads");
    }
    assert!(bytes("sequential", Input::Sequential(part(0, 2500)), options(3)) == reference, "sequential");
    assert!(bytes("memory", parts(), WriteOptions { memory: 1, ..options(4) }) == reference, "no memory");
    assert!(
        bytes("memory-sequential", Input::Sequential(part(0, 2500)), WriteOptions { memory: 1, ..options(4) })
            == reference,
        "no memory, sequential"
    );
}

#[test]
fn big_endian_geometry_becomes_little_endian() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let input: Part<'_> = Box::new(|sink| {
        let _ = sink(batch(0, 50, false));
        Ok(())
    });
    write(&schema(), Input::Sequential(input), &path, &options(1)).unwrap();
    let (rows, ..) = read(&path);
    assert_eq!(rows.column(3).as_binary::<i32>(), batch(0, 50, true).column(3).as_binary::<i32>());
}

#[test]
fn no_rows_make_a_valid_file() {
    let directory = tempfile::tempdir().unwrap();
    for (name, input) in [
        ("no-parts", Input::Parallel(Vec::new())),
        ("empty", Input::Sequential(part(0, 0))),
        ("zero", parts_of_nothing()),
    ] {
        let path = directory.path().join(name);
        let written = write(&schema(), input, &path, &options(2)).unwrap();
        assert_eq!((written.rows, written.row_groups), (0, 0));
        let (rows, _, geo) = read(&path);
        assert_eq!(rows.num_rows(), 0);
        assert_eq!(geo["columns"]["geom"]["geometry_types"], json!([]));
    }
}

fn parts_of_nothing() -> Input<'static> {
    Input::Parallel(vec![part(0, 0), part(0, 0)])
}

#[test]
fn options_decide_codec_and_covering() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let options = WriteOptions { compression: Compression::Snappy, covering: Covering::None, ..options(2) };
    write(&schema(), parts(), &path, &options).unwrap();
    let (rows, metadata, geo) = read(&path);
    assert_eq!(rows.num_columns(), 4);
    assert_eq!(metadata.row_group(0).column(1).compression(), Codec::SNAPPY);
    assert_eq!(geo["columns"]["geom"].get("covering"), None);
}

#[test]
fn the_fast_preset_has_a_codec_of_its_own_for_geometry() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let mut fast = options(2);
    fast.preset(Preset::Fast);
    write(&schema(), parts(), &path, &fast).unwrap();
    let (rows, metadata, _) = read(&path);
    let usual = directory.path().join("usual.parquet");
    write(&schema(), parts(), &usual, &options(2)).unwrap();
    assert_eq!(rows, read(&usual).0);
    for chunk in metadata.row_group(0).columns() {
        let is_geometry = chunk.column_path().string() == "geom";
        assert_eq!(chunk.compression() == Codec::LZ4_RAW, is_geometry, "{}", chunk.column_path());
    }
}

#[test]
fn two_geometry_columns_have_two_coverings() {
    let schema = Arc::new(Schema::new(vec![
        geometry_field("footprint"),
        Field::new("bbox", DataType::Int64, false),
        geometry_field("entrance"),
    ]));
    let rows = batch(0, 20, true);
    let columns = vec![Arc::clone(rows.column(3)), Arc::clone(rows.column(0)), Arc::clone(rows.column(3))];
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let input: Part<'_> = Box::new(move |sink| {
        let _ = sink(rows);
        Ok(())
    });
    write(&schema, Input::Sequential(input), &path, &options(2)).unwrap();
    let (rows, _, geo) = read(&path);
    assert_eq!(
        rows.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        ["footprint", "bbox", "entrance", "footprint_bbox", "entrance_bbox"]
    );
    assert_eq!(geo["primary_column"], "footprint");
    assert_eq!(geo["columns"]["entrance"]["covering"]["bbox"]["xmin"], json!(["entrance_bbox", "xmin"]));
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().value(7), 7);
}

/// Runs a conversion that must fail and makes sure that its directory is left empty.
fn failure(schema: &SchemaRef, input: Input<'_>, options: &WriteOptions) -> WriteError {
    let directory = tempfile::tempdir().unwrap();
    let error = write(schema, input, &directory.path().join("out.parquet"), options).unwrap_err();
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "something is left behind");
    error
}

#[test]
fn a_bad_geometry_is_named_and_nothing_is_left() {
    let bad = |sink: parcelle_geoparquet::BatchSink<'_>| {
        let geometry = BinaryArray::from_iter([Some(square(0.0, 0.0, true)), Some(vec![1, 8, 0, 0, 0])]);
        let mut columns = batch(0, 2, true).columns().to_vec();
        columns[3] = Arc::new(geometry);
        let _ = sink(RecordBatch::try_new(schema(), columns).unwrap());
        Ok(())
    };
    let error = failure(&schema(), Input::Parallel(vec![part(0, 700), Box::new(bad), part(0, 5000)]), &options(2));
    assert_eq!(
        error.to_string(),
        "row 702, geometry column \"geom\": geometry of type CircularString has curves or patches, \
         which GeoParquet cannot carry; linearise it first"
    );
}

#[test]
fn a_failing_reader_stops_the_run() {
    let broken = || -> Part<'static> {
        Box::new(|sink| {
            assert!(sink(batch(0, 100, true)).is_continue());
            Err("the disk is on fire".into())
        })
    };
    for input in [Input::Parallel(vec![part(0, 900), broken(), part(900, 9000)]), Input::Sequential(broken())] {
        assert_eq!(failure(&schema(), input, &options(2)).to_string(), "the disk is on fire");
    }
}

#[test]
fn a_dying_worker_ends_the_run() {
    let dying = || -> Part<'static> { Box::new(|_| panic!("on purpose")) };
    let result =
        std::panic::catch_unwind(|| failure(&schema(), Input::Parallel(vec![dying(), part(0, 10)]), &options(2)));
    assert!(result.is_err() || result.is_ok_and(|error| error.to_string().contains("died")));
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let cancel = CancelToken::default();
    let token = cancel.clone();
    let endless: Part<'_> = Box::new(move |sink| {
        let mut batches = 0;
        while sink(batch(0, 100, true)) == ControlFlow::Continue(()) {
            batches += 1;
            if batches == 50 {
                token.cancel();
            }
        }
        Ok(())
    });
    let error = failure(&schema(), Input::Sequential(endless), &WriteOptions { cancel, ..options(2) });
    assert!(matches!(error, WriteError::Cancelled));
}

#[test]
fn an_existing_file_is_kept_unless_it_may_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(write(&schema(), parts(), &path, &options(1)), Err(WriteError::Exists { .. })));
    let overwrite = WriteOptions { overwrite: true, ..options(1) };
    let broken: Part<'_> = Box::new(|_| Err("no rows".into()));
    assert!(write(&schema(), Input::Sequential(broken), &path, &overwrite).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    write(&schema(), parts(), &path, &overwrite).unwrap();
    assert_eq!(read(&path).0.num_rows(), 2500);
    assert_eq!(directory.path().read_dir().unwrap().count(), 1);
}

#[test]
fn unsuitable_schemas_and_places_are_refused() {
    let plain = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
    assert!(matches!(failure(&plain, parts(), &options(1)), WriteError::NoGeometry));

    let twice = Arc::new(Schema::new(vec![geometry_field("geom"), geometry_field("geom")]));
    assert!(matches!(failure(&twice, parts(), &options(1)), WriteError::DuplicateColumn { name } if name == "geom"));

    let mut wkt = geometry_field("geom").with_data_type(DataType::Utf8);
    wkt.set_metadata(geometry_field("geom").metadata().clone());
    let wkt = Arc::new(Schema::new(vec![wkt]));
    assert!(matches!(failure(&wkt, parts(), &options(1)), WriteError::GeometryStorage { .. }));

    let other = Arc::new(Schema::new(vec![geometry_field("geom")]));
    assert!(matches!(failure(&other, parts(), &options(1)), WriteError::Batch(_)));

    let missing = Path::new("does/not/exist/out.parquet");
    assert!(matches!(write(&schema(), parts(), missing, &options(1)), Err(WriteError::Io { .. })));
    let directory = tempfile::tempdir().unwrap();
    let overwrite = WriteOptions { overwrite: true, ..options(1) };
    assert!(matches!(write(&schema(), parts(), directory.path(), &overwrite), Err(WriteError::Io { .. })));
}

#[test]
fn pages_do_not_depend_on_how_rows_come() {
    let directory = tempfile::tempdir().unwrap();
    let rows = batch(0, 30_000, true);
    let written = |lengths: &[usize]| {
        let path = directory.path().join("out.parquet");
        let lengths = lengths.to_vec();
        let rows = rows.clone();
        let part: Part<'static> = Box::new(move |sink| {
            let mut start = 0;
            for length in lengths.into_iter().cycle() {
                let length = length.min(rows.num_rows() - start);
                if length == 0 || sink(rows.slice(start, length)).is_break() {
                    break;
                }
                start += length;
            }
            Ok(())
        });
        let options = WriteOptions { row_group_rows: 20_000, overwrite: true, ..options(2) };
        write(&schema(), Input::Parallel(vec![part]), &path, &options).unwrap();
        std::fs::read(path).unwrap()
    };
    let reference = written(&[30_000]);
    // Several pages of geometry in each row group.
    for lengths in [&[8192][..], &[1000], &[777, 16_384, 1], &[19_999, 2]] {
        assert!(written(lengths) == reference, "{lengths:?}");
    }
}

#[test]
fn extension_types_have_logical_types() {
    let extension = |field: Field, name: &str| {
        let entries = [("ARROW:extension:name", name), ("ARROW:extension:metadata", "")];
        field.with_metadata(entries.map(|(key, text)| (key.to_owned(), text.to_owned())).into())
    };
    let schema = Arc::new(Schema::new(vec![
        extension(Field::new("id", DataType::FixedSizeBinary(16), false), "arrow.uuid"),
        extension(Field::new("notes", DataType::Utf8, true), "arrow.json"),
        // What does not have the storage of the type stays what it is.
        extension(Field::new("odd", DataType::Int64, true), "arrow.uuid"),
        geometry_field("geom"),
    ]));
    let ids = FixedSizeBinaryArray::try_from_iter([[7; 16], [8; 16]].iter()).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids),
        Arc::new(StringArray::from(vec![Some("{}"), None])),
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(BinaryArray::from_opt_vec(vec![Some(&square(1.0, 2.0, true)), None])),
    ];
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let given = rows.clone();
    let part: Part<'_> = Box::new(move |sink| {
        let _ = sink(given.clone());
        Ok(())
    });
    write(&schema, Input::Sequential(part), &path, &options(1)).unwrap();
    let (read, metadata, _) = read(&path);
    let types = metadata.file_metadata().schema_descr();
    let logical = |column: usize| types.column(column).logical_type_ref().cloned();
    assert_eq!([logical(0), logical(1), logical(2)], [Some(LogicalType::Uuid), Some(LogicalType::Json), None]);
    for column in 0..3 {
        assert_eq!(read.column(column), rows.column(column));
    }
    let json = metadata.row_group(0).column(1);
    assert_eq!(json.statistics().unwrap().min_bytes_opt(), Some(&b"{}"[..]));
}

//! Versions, encodings and column options, read back by the `parquet` and `geoarrow` crates.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use geoarrow::array::{GeoArrowArray, from_arrow_array, to_wkb};
use geoarrow_schema::{Crs, Edges, Metadata, WkbType};
use parcelle_geoparquet::{
    Covering, DECLARED_TYPE_KEY, Encoding, GeoParquetVersion, Input, Orientation, Part, Sort, WriteError, WriteOptions,
    write,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Encoding as ParquetEncoding, LogicalType};
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Value, json};

const KINDS: [&str; 6] = ["point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"];

fn crs() -> Value {
    json!({"type": "ProjectedCRS", "name": "RGF93 v1 / Lambert-93", "id": {"authority": "EPSG", "code": 2154}})
}

fn geometry_field(metadata: Metadata) -> Field {
    Field::new("geom", DataType::Binary, true).with_extension_type(WkbType::new(Arc::new(metadata)))
}

fn schema_of(geometry: Field) -> SchemaRef {
    let comment = [("comment".to_owned(), "key of the parcel".to_owned())].into();
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false).with_metadata(comment),
        geometry,
        Field::new("name", DataType::Utf8, true),
        Field::new("area", DataType::Float64, false),
    ]))
}

fn schema() -> SchemaRef {
    schema_of(geometry_field(Metadata::new(Crs::from_projjson(crs()), None)))
}

fn batch(schema: &SchemaRef, geometry: &[Option<Vec<u8>>]) -> RecordBatch {
    let rows = geometry.len() as i64;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..rows)),
        Arc::new(geometry.iter().map(Option::as_deref).collect::<BinaryArray>()),
        Arc::new((0..rows).map(|row| Some(format!("name {}", row % 7))).collect::<StringArray>()),
        Arc::new(Float64Array::from_iter_values((0..rows).map(|row| (row as f64).sqrt()))),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

fn try_written(schema: &SchemaRef, geometry: &[Option<Vec<u8>>], options: &WriteOptions) -> Result<Output, WriteError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let parts = geometry.chunks(9.max(geometry.len() / 4)).map(|geometry| -> Part<'_> {
        let rows = batch(schema, geometry);
        Box::new(move |sink| {
            let _ = sink(rows);
            Ok(())
        })
    });
    write(schema, Input::Parallel(parts.collect()), &path, options)?;
    Ok(read(&path))
}

fn written(schema: &SchemaRef, geometry: &[Option<Vec<u8>>], options: &WriteOptions) -> Output {
    try_written(schema, geometry, options).unwrap()
}

struct Output {
    rows: RecordBatch,
    metadata: Arc<ParquetMetaData>,
    geo: Value,
    bytes: Vec<u8>,
}

impl Output {
    fn column(&self) -> &Value {
        &self.geo["columns"]["geom"]
    }

    /// What GeoArrow makes of the geometry column, as WKB.
    fn wkb(&self) -> Vec<Option<Vec<u8>>> {
        let schema = self.rows.schema();
        let index = schema.index_of("geom").unwrap();
        let array = from_arrow_array(self.rows.column(index), schema.field(index)).unwrap();
        let array = to_wkb::<i32>(array.as_ref()).unwrap().to_array_ref();
        array.as_binary::<i32>().iter().map(|value| value.map(<[u8]>::to_vec)).collect()
    }

    fn native_leaves(&self) -> Vec<usize> {
        let schema = self.metadata.file_metadata().schema_descr();
        (0..schema.num_columns()).filter(|leaf| schema.column(*leaf).path().parts()[0] == "geom").collect()
    }
}

fn read(path: &Path) -> Output {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = Arc::clone(builder.metadata());
    let geo = metadata.file_metadata().key_value_metadata().unwrap().iter().find(|entry| entry.key == "geo").unwrap();
    let geo = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let rows = arrow::compute::concat_batches(&schema, &batches).unwrap();
    Output { rows, metadata, geo, bytes: std::fs::read(path).unwrap() }
}

/// WKB of the kind with `code` (1 to 6), from (x, y); `z` is there or not. Clockwise rings.
fn geometry(code: u32, x: f64, z: bool) -> Vec<u8> {
    let mut wkb = vec![1];
    wkb.extend((code + if z { 1000 } else { 0 }).to_le_bytes());
    let positions = |wkb: &mut Vec<u8>, offsets: &[(f64, f64)]| {
        for (dx, dy) in offsets {
            wkb.extend(f64::to_le_bytes(x + dx));
            wkb.extend(f64::to_le_bytes(dy + 6_000_000.0));
            if z {
                wkb.extend(f64::to_le_bytes(dx * 2.0));
            }
        }
    };
    match code {
        1 => positions(&mut wkb, &[(0.0, 0.5)]),
        2 => {
            wkb.extend(3u32.to_le_bytes());
            positions(&mut wkb, &[(0.0, 0.0), (1.0, 2.0), (3.0, 0.25)]);
        }
        3 => {
            wkb.extend(2u32.to_le_bytes());
            for size in [9.0, 3.0] {
                wkb.extend(4u32.to_le_bytes());
                positions(&mut wkb, &[(0.0, 0.0), (0.0, size), (size, size), (0.0, 0.0)]);
            }
        }
        _ => {
            wkb.extend(2u32.to_le_bytes());
            wkb.extend(geometry(code - 3, x, z));
            wkb.extend(geometry(code - 3, x + 20.0, z));
        }
    }
    wkb
}

fn empty(code: u32, z: bool) -> Vec<u8> {
    let mut wkb = vec![1];
    wkb.extend((code + if z { 1000 } else { 0 }).to_le_bytes());
    match code {
        1 => wkb.extend(std::iter::repeat_n(f64::NAN.to_le_bytes(), if z { 3 } else { 2 }).flatten()),
        _ => wkb.extend(0u32.to_le_bytes()),
    }
    wkb
}

/// Rows of one type, each seventh NULL, each eleventh empty.
fn layer(code: u32, z: bool, rows: usize) -> Vec<Option<Vec<u8>>> {
    (0..rows)
        .map(|row| match row {
            row if row % 7 == 6 => None,
            row if row % 11 == 10 => Some(empty(code, z)),
            row => Some(geometry(code, row as f64 * 10.0, z)),
        })
        .collect()
}

fn options(version: GeoParquetVersion, encoding: Encoding) -> WriteOptions {
    WriteOptions { version, encoding, sort: Sort::None, threads: 2, ..WriteOptions::default() }
}

#[test]
fn geoarrow_gives_back_every_type_null_and_empty_geometry() {
    for (code, name) in (1..).zip(KINDS) {
        for z in [false, true] {
            let geometry = layer(code, z, 100);
            let output = written(&schema(), &geometry, &options(GeoParquetVersion::V1_1, Encoding::GeoArrow));
            assert_eq!(output.column()["encoding"], json!(name));
            let wkb = written(&schema(), &geometry, &options(GeoParquetVersion::V1_1, Encoding::Wkb));
            for same in ["geometry_types", "bbox", "covering", "crs", "edges"] {
                assert_eq!(output.column()[same], wkb.column()[same], "{name} {same}");
            }
            assert_eq!(output.wkb().len(), 100);
            for (row, (found, expected)) in output.wkb().iter().zip(&geometry).enumerate() {
                // NaN has many bit patterns; all else is equal to the byte.
                assert_eq!(found, expected, "{name} z={z} row {row}");
            }
            let field = output.rows.schema().field(1).clone();
            assert_eq!(field.metadata()["ARROW:extension:name"], format!("geoarrow.{name}"));
            let group = output.metadata.row_group(0);
            let leaves = output.native_leaves();
            assert_eq!(leaves.len(), if z { 3 } else { 2 });
            for leaf in leaves {
                let chunk = group.column(leaf);
                assert!(chunk.encodings().any(|encoding| encoding == ParquetEncoding::BYTE_STREAM_SPLIT));
                assert!(
                    chunk.dictionary_page_offset().is_none() && chunk.statistics().unwrap().min_bytes_opt().is_some()
                );
            }
        }
    }
}

#[test]
fn single_geometries_become_parts_of_multiple_ones() {
    let mixed: Vec<_> =
        (0..30).map(|row| Some(geometry(if row % 3 == 0 { 6 } else { 3 }, row as f64, false))).collect();
    let native = options(GeoParquetVersion::V1_1, Encoding::GeoArrow);
    let output = written(&schema(), &mixed, &native);
    assert_eq!(output.column()["geometry_types"], json!(["MultiPolygon"]));
    for (found, given) in output.wkb().into_iter().zip(&mixed) {
        let (found, given) = (found.unwrap(), given.clone().unwrap());
        let expected = if given[1] == 6 { given } else { [&[1, 6, 0, 0, 0, 1, 0, 0, 0], &given[..]].concat() };
        assert_eq!(found, expected);
    }
    // Polygons in a first row group that is not the last may be followed by others; all rows, or a word, settle it.
    let polygons = layer(3, false, 30);
    let encoding = |schema: &SchemaRef, row_group_rows| {
        let output = written(schema, &polygons, &WriteOptions { row_group_rows, ..native.clone() });
        assert!(output.rows.schema().field(1).metadata().get(DECLARED_TYPE_KEY).is_none());
        output.column()["encoding"].clone()
    };
    assert_eq!(encoding(&schema(), 1000), "polygon");
    assert_eq!(encoding(&schema(), 10), "multipolygon");
    let mut declared = schema().field(1).clone();
    declared.set_metadata({
        let mut entries = declared.metadata().clone();
        entries.insert(DECLARED_TYPE_KEY.to_owned(), "Polygon".to_owned());
        entries
    });
    assert_eq!(encoding(&schema_of(declared), 10), "polygon");
}

#[test]
fn what_geoarrow_cannot_hold_names_the_row_and_the_way_out() {
    let native = WriteOptions { row_group_rows: 20, ..options(GeoParquetVersion::V1_1, Encoding::GeoArrow) };
    let mut points = layer(1, false, 60);
    points[44] = Some(geometry(2, 0.0, false));
    let error = try_written(&schema(), &points, &native).err().unwrap();
    assert_eq!(
        error.to_string(),
        "geometry column \"geom\" cannot have a GeoArrow encoding: row 45: a LineString does not fit a column of the \
         type Point; write WKB instead (--encoding wkb)"
    );
    points[44] = Some(geometry(1, 0.0, true));
    assert!(matches!(try_written(&schema(), &points, &native), Err(WriteError::NativeEncoding { .. })));
    points[44] = Some(empty(1, true));
    assert_eq!(written(&schema(), &points, &native).wkb()[44], Some(empty(1, false)));
    assert!(matches!(try_written(&schema(), &[None, None], &native), Err(WriteError::NativeEncoding { .. })));
}

#[test]
fn version_2_has_the_logical_type_and_statistics_without_least_and_greatest() {
    let mut rows = layer(3, true, 40);
    rows.extend(layer(6, false, 20));
    rows.extend([None, Some(empty(3, false)), None, None]);
    rows.extend([None, None]);
    let options = WriteOptions { row_group_rows: 20, ..options(GeoParquetVersion::V2_0, Encoding::Wkb) };
    let output = written(&schema(), &rows, &options);
    assert_eq!(output.geo["version"], "2.0.0");
    assert_eq!(output.column()["geometry_types"], json!(["Polygon", "Polygon Z", "MultiPolygon"]));
    assert_eq!(output.column()["covering"]["bbox"]["xmin"], json!(["bbox", "xmin"]));
    let column = output.metadata.file_metadata().schema_descr().column(1);
    let Some(LogicalType::Geometry(geometry)) = column.logical_type_ref() else { panic!("{column:?}") };
    let in_type: Value = serde_json::from_str(geometry.crs.as_deref().unwrap()).unwrap();
    assert_eq!((&in_type, &in_type), (&crs(), &output.column()["crs"]));

    let groups = output.metadata.row_groups();
    assert_eq!(groups.len(), 4);
    let statistics = |group: usize| groups[group].column(1).geo_statistics().unwrap();
    let bbox = statistics(0).bounding_box().unwrap();
    assert_eq!((bbox.get_xmin(), bbox.get_xmax()), (0.0, 199.0));
    assert_eq!((bbox.get_ymin(), bbox.get_ymax()), (6_000_000.0, 6_000_009.0));
    assert_eq!((bbox.get_zmin(), bbox.get_zmax(), bbox.get_mmin()), (Some(0.0), Some(18.0), None));
    assert_eq!(statistics(0).geospatial_types(), Some(&vec![1003]));
    assert_eq!(
        (statistics(2).geospatial_types(), statistics(2).bounding_box().unwrap().is_z_valid()),
        (Some(&vec![6]), false)
    );
    assert_eq!((statistics(3).geospatial_types(), statistics(3).bounding_box()), (Some(&vec![3]), None));
    let nulls = |group: usize| groups[group].column(1).statistics().unwrap().null_count_opt();
    assert_eq!((nulls(0), nulls(3)), (Some(2), Some(5)));
    assert!(groups.iter().all(|group| group.column(1).statistics().unwrap().min_bytes_opt().is_none()));

    // Nothing but NULL: nothing is known.
    let output = written(&schema(), &[None, None], &options);
    assert_eq!(output.metadata.row_group(0).column(1).geo_statistics(), None);
    assert_eq!(output.wkb(), [None, None]);
}

#[test]
fn geography_is_not_bounded_by_its_positions() {
    for (edges, name) in [(Edges::Spherical, "spherical"), (Edges::Karney, "karney")] {
        let schema = schema_of(geometry_field(Metadata::new(Crs::from_projjson(crs()), Some(edges))));
        let version_2 = options(GeoParquetVersion::V2_0, Encoding::Wkb);
        let lines = written(&schema, &layer(2, false, 20), &version_2);
        let column = lines.metadata.file_metadata().schema_descr().column(1);
        assert!(matches!(column.logical_type_ref(), Some(LogicalType::Geography(_))), "{column:?}");
        assert_eq!((lines.column().get("covering"), lines.column().get("bbox")), (None, None));
        assert_eq!(lines.column()["edges"], name);
        let statistics = lines.metadata.row_group(0).column(1).geo_statistics().unwrap().clone();
        assert_eq!((statistics.bounding_box(), statistics.geospatial_types()), (None, Some(&vec![2])));
        let points = written(&schema, &layer(1, false, 20), &version_2);
        assert!(points.metadata.row_group(0).column(1).geo_statistics().unwrap().bounding_box().is_some());

        let refused = |options: WriteOptions| try_written(&schema, &layer(2, false, 5), &options).err();
        let version_1 = refused(options(GeoParquetVersion::V1_1, Encoding::Wkb));
        assert_eq!(version_1.is_some(), edges == Edges::Karney);
        for options in [
            WriteOptions { covering: Covering::Bbox, ..version_2.clone() },
            WriteOptions { orientation: Orientation::CounterClockwise, ..version_2.clone() },
        ] {
            assert!(matches!(refused(options), Some(WriteError::Options(_))));
        }
    }
}

#[test]
fn versions_before_2_are_plain_bytes() {
    for (version, text, covering) in
        [(GeoParquetVersion::V1_0, "1.0.0", false), (GeoParquetVersion::V1_1, "1.1.0", true)]
    {
        let output = written(&schema(), &layer(3, false, 20), &options(version, Encoding::Wkb));
        assert_eq!((&output.geo["version"], &output.column()["encoding"]), (&json!(text), &json!("WKB")));
        assert_eq!(output.column().get("covering").is_some(), covering);
        assert_eq!(output.rows.num_columns(), if covering { 5 } else { 4 });
        let column = output.metadata.file_metadata().schema_descr().column(1);
        assert_eq!(column.logical_type_ref(), None);
        assert_eq!(output.metadata.row_group(0).column(1).geo_statistics(), None);
        assert_eq!(output.wkb(), layer(3, false, 20));
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let plain = options(GeoParquetVersion::V1_1, Encoding::Wkb);
    let unknown = schema_of(geometry_field(Metadata::default()));
    for (schema, options, said) in [
        (schema(), options(GeoParquetVersion::V1_0, Encoding::GeoArrow), "--geoparquet 1.1"),
        (schema(), options(GeoParquetVersion::V2_0, Encoding::GeoArrow), "--encoding wkb"),
        (
            schema(),
            WriteOptions { covering: Covering::Bbox, ..options(GeoParquetVersion::V1_0, Encoding::Wkb) },
            "--covering none",
        ),
        (schema(), WriteOptions { epoch: Some(f64::NAN), ..plain.clone() }, "decimal year"),
        (unknown, WriteOptions { epoch: Some(2021.5), ..plain.clone() }, "--crs"),
        (schema(), WriteOptions { bloom_filters: vec!["NAME".to_owned()], ..plain.clone() }, "did you mean \"name\""),
        (schema(), WriteOptions { bloom_filters: vec!["x".to_owned()], ..plain.clone() }, "id, geom, name, area"),
        (schema(), WriteOptions { bloom_filters: vec!["geom".to_owned()], ..plain.clone() }, "leave it out"),
    ] {
        let error = try_written(&schema, &layer(3, false, 5), &options).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn rings_are_turned_and_said_to_be() {
    let rows = layer(6, true, 30);
    let turn =
        WriteOptions { orientation: Orientation::CounterClockwise, ..options(GeoParquetVersion::V2_0, Encoding::Wkb) };
    let output = written(&schema(), &rows, &turn);
    assert_eq!(output.column()["orientation"], "counterclockwise");
    for (found, given) in output.wkb().into_iter().zip(&rows) {
        let expected = given.clone().map(|mut wkb| {
            parcelle_geometry::wind_counterclockwise(&mut wkb).unwrap();
            wkb
        });
        assert!(found == expected && (found == *given) == given.as_ref().is_none_or(|wkb| wkb.len() < 20));
    }
    let kept = written(&schema(), &rows, &options(GeoParquetVersion::V2_0, Encoding::Wkb));
    assert_eq!((kept.column().get("orientation"), kept.wkb()), (None, rows));
}

#[test]
fn column_options_do_what_they_say() {
    let options = WriteOptions {
        epoch: Some(2021.5),
        bloom_filters: vec!["name".to_owned(), "id".to_owned()],
        row_group_bytes: Some(10_000),
        ..options(GeoParquetVersion::V1_1, Encoding::Wkb)
    };
    let output = written(&schema(), &layer(3, false, 500), &options);
    assert_eq!(output.column()["epoch"], 2021.5);
    let groups = output.metadata.row_groups();
    assert!(groups.len() > 5);
    for group in groups {
        let filtered: Vec<_> = (0..4).filter(|leaf| group.column(*leaf).bloom_filter_offset().is_some()).collect();
        assert_eq!(filtered, [0, 2]);
    }
    assert!(groups[0].column(0).encodings().any(|encoding| encoding == ParquetEncoding::DELTA_BINARY_PACKED));
    assert!(groups[0].column(3).encodings().any(|encoding| encoding == ParquetEncoding::BYTE_STREAM_SPLIT));
    assert!(groups[0].column(2).dictionary_page_offset().is_some());
    assert_eq!(output.rows.schema().field(0).metadata()["comment"], "key of the parcel");
}

#[test]
fn bytes_do_not_depend_on_threads() {
    for (version, encoding) in [
        (GeoParquetVersion::V1_0, Encoding::Wkb),
        (GeoParquetVersion::V1_1, Encoding::GeoArrow),
        (GeoParquetVersion::V2_0, Encoding::Wkb),
    ] {
        let bytes = |threads| {
            let options = WriteOptions {
                threads,
                row_group_rows: 64,
                row_group_bytes: Some(9_000),
                bloom_filters: vec!["id".to_owned()],
                orientation: Orientation::CounterClockwise,
                ..options(version, encoding)
            };
            written(&schema(), &layer(3, true, 400), &options).bytes
        };
        let reference = bytes(1);
        assert!([2, 3, 8].into_iter().all(|threads| bytes(threads) == reference), "{version:?}");
    }
}

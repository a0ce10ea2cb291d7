use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float64Type, Int8Type, Int32Type, TimeUnit, i256};
use serde_json::json;

use super::testing::*;
use crate::{InvalidValues, OnInvalid, OpenOptions, SourceError, Window};

fn geometry_field(name: &str) -> Field {
    Field::new(name, DataType::Binary, true)
}

#[test]
fn order_and_places_of_columns() {
    let boxes =
        Fields::from(["xmin", "ymin", "xmax", "ymax"].map(|name| Field::new(name, DataType::Float32, true)).to_vec());
    let numbers: ArrayRef = Arc::new(Float32Array::from(vec![1.0, 2.0]));
    let bbox: ArrayRef = Arc::new(StructArray::new(boxes.clone(), vec![numbers; 4], None));
    let batch = batch(vec![
        (Field::new("bbox", DataType::Struct(boxes), true), bbox),
        (Field::new("id", DataType::Int64, false), Arc::new(Int64Array::from(vec![7, 8]))),
        (geometry_field("centre"), points(2)),
        (geometry_field("shape"), points(2)),
        (Field::new("name", DataType::Utf8, true), Arc::new(StringArray::from(vec![Some("é"), None]))),
    ]);
    let geo = json!({"version": "1.1.0", "primary_column": "shape", "columns": {
        "centre": {"encoding": "WKB", "geometry_types": ["Point"], "crs": null},
        "shape": {"encoding": "WKB", "geometry_types": ["Point"], "epoch": 2020.5,
            "covering": {"bbox": {"xmin": ["bbox", "xmin"], "ymin": ["bbox", "ymin"], "xmax": ["bbox", "xmax"], "ymax": ["bbox", "ymax"]}}},
    }});
    let file = TestFile::new(&batch, 10, &[("geo", &geo.to_string())]);
    let layer = file.open(&OpenOptions::default()).unwrap();
    let names: Vec<_> = layer.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "shape", "centre", "name"]);
    assert_eq!((layer.name(), layer.driver(), layer.row_count_hint()), ("tést", "Parquet", Some(2)));
    assert_eq!(layer.input_bytes(), Some(file.bytes().len() as u64));
    assert_eq!(crs(layer.schema().field(1)), "OGC:CRS84");
    assert_eq!(crs(layer.schema().field(2)), "null");
    assert_eq!(layer.schema().field(1).metadata()[parcelle_geometry::EPOCH_KEY], "2020.5");
    let read = file.read().unwrap();
    assert_eq!(read.column_by_name("name").unwrap().as_string::<i32>().value(0), "é");
    assert_eq!(wkb(&read, "shape"), [Some(point(0.0, 1.0)), Some(point(1.0, 1.0))]);

    let select = OpenOptions { select: Some(vec!["name".to_owned()]), ..OpenOptions::default() };
    let layer = file.open(&select).unwrap();
    let names: Vec<_> = layer.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["shape", "centre", "name"]);
    assert_eq!(read_layer(layer.as_ref(), 10).unwrap().num_rows(), 2);
    let select = OpenOptions { select: Some(vec!["nam".to_owned()]), ..OpenOptions::default() };
    assert!(
        matches!(file.open(&select), Err(SourceError::UnknownColumn { suggestion: Some(name), .. }) if name == "name")
    );

    let info = crate::layers(&file.path(), crate::Reader::Auto).unwrap();
    assert_eq!((info[0].geometry.as_deref(), info[0].crs.as_deref()), (Some("POINT"), Some("OGC:CRS84")));
    assert_eq!(info[0].fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["id", "name"]);
}

#[test]
fn columns_of_any_type_pass_through() {
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None]));
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k");
    map.values().append_value(3);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let nested: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("a", DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef,
    )]));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(Int8Array::from(vec![Some(-1), None])),
        Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])),
        Arc::new(Float16Array::from(vec![Some(Default::default()), None])),
        Arc::new(Float64Array::from(vec![Some(0.5), None])),
        Arc::new(LargeStringArray::from(vec![Some("a"), None])),
        Arc::new(StringViewArray::from(vec![Some("a string that is longer than a view"), None])),
        Arc::new(LargeBinaryArray::from_opt_vec(vec![Some(b"a"), None])),
        Arc::new(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([1u8; 16]), None].into_iter(), 16).unwrap(),
        ),
        Arc::new(Decimal128Array::from(vec![Some(12345), None]).with_precision_and_scale(20, 3).unwrap()),
        Arc::new(Decimal256Array::from(vec![Some(i256::MAX), None])),
        Arc::new(Date32Array::from(vec![Some(-1), None])),
        Arc::new(Time64MicrosecondArray::from(vec![Some(1), None])),
        Arc::new(TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("Europe/Paris")),
        Arc::new(TimestampMillisecondArray::from(vec![Some(1), None])),
        Arc::new(DurationSecondArray::from(vec![Some(1), None])),
        Arc::new(IntervalYearMonthArray::from(vec![Some(1), None])),
        Arc::new(NullArray::new(2)),
        list,
        Arc::new(map.finish()),
        nested,
    ];
    let mut columns = vec![(geometry_field("geometry"), points(2))];
    for (number, array) in arrays.iter().enumerate() {
        let field = Field::new(format!("c{number}"), array.data_type().clone(), true)
            .with_metadata([("comment".to_owned(), "a column".to_owned())].into());
        columns.push((field, Arc::clone(array)));
    }
    let file = TestFile::new(&batch(columns), 10, &[]);
    let read = file.read().unwrap();
    for (array, (field, column)) in arrays.iter().zip(read.schema().fields().iter().zip(read.columns()).skip(1)) {
        assert_eq!(column.as_ref(), array.as_ref(), "{}", field.data_type());
        assert_eq!(field.metadata()["comment"], "a column");
    }
    assert_eq!(read.num_columns(), arrays.len() + 1);
}

#[test]
fn dictionaries_become_their_values() {
    let dictionary: DictionaryArray<Int8Type> = vec![Some("a"), None, Some("b"), Some("a")].into_iter().collect();
    let item = Field::new("item", dictionary.data_type().clone(), true);
    let offsets = OffsetBuffer::from_lengths([1, 0, 2, 1]);
    let lists = ListArray::new(Arc::new(item), offsets, Arc::new(dictionary.clone()), None);
    let batch = batch(vec![
        (Field::new("d", dictionary.data_type().clone(), true), Arc::new(dictionary)),
        (Field::new("l", lists.data_type().clone(), true), Arc::new(lists)),
        (geometry_field("geom"), points(4)),
    ]);
    let read = TestFile::new(&batch, 10, &[]).read().unwrap();
    let values: Vec<_> = read.column(0).as_string::<i32>().iter().collect();
    assert_eq!(values, [Some("a"), None, Some("b"), Some("a")]);
    let items = read.column(1).as_list::<i32>().value(2);
    assert_eq!(items.as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("b")]);
}

#[test]
fn reference_systems_of_parquet_types() {
    let read = |crs: serde_json::Value, entries: &[(&str, &str)]| {
        let field = extension(geometry_field("g"), "geoarrow.wkb", &crs);
        TestFile::with_arrow_schema(&batch(vec![(field, points(1))]), 10, entries, false).open(&OpenOptions::default())
    };
    let crs_of = |value, entries: &[(&str, &str)]| crs(read(value, entries).unwrap().schema().field(0));
    assert_eq!(crs_of(json!({"crs": "OGC:CRS84"}), &[]), "OGC:CRS84");
    assert_eq!(crs_of(json!({}), &[]), "null");
    assert_eq!(crs_of(json!({"crs": "srid:2154"}), &[]), "EPSG:2154");
    assert_eq!(crs_of(json!({"crs": "EPSG:2154"}), &[]), "EPSG:2154");
    let projjson = parcelle_crs::Crs::from_definition("EPSG:2154").unwrap().to_projjson();
    assert_eq!(crs_of(json!({"crs": projjson}), &[]), "EPSG:2154");
    assert_eq!(crs_of(json!({"crs": "projjson:mine"}), &[("mine", &projjson.to_string())]), "EPSG:2154");
    let error = read(json!({"crs": "projjson:mine"}), &[]).err().unwrap().to_string();
    assert!(error.ends_with("projjson:mine: the footer has no entry mine; assign one with --crs"), "{error}");

    let layer = read(json!({"crs": "EPSG:4326", "edges": "karney"}), &[]).unwrap();
    assert_eq!(metadata(layer.schema().field(0))["edges"], "karney");

    // The `geo` entry and the type have to agree, unless the type has the default.
    let lambert = geo("g", &json!({"encoding": "WKB", "crs": projjson}));
    assert_eq!(crs_of(json!({"crs": "OGC:CRS84"}), &[("geo", &lambert)]), "EPSG:2154");
    assert_eq!(crs_of(json!({"crs": "srid:2154"}), &[("geo", &lambert)]), "EPSG:2154");
    let error = read(json!({"crs": "srid:3857"}), &[("geo", &lambert)]).err().unwrap().to_string();
    assert!(
        error.contains("the `geo` entry says EPSG:2154, and the type of the column EPSG:3857; assign one"),
        "{error}"
    );
    let unknown = geo("g", &json!({"encoding": "WKB", "crs": null}));
    assert_eq!(crs_of(json!({"crs": "srid:3857"}), &[("geo", &unknown)]), "EPSG:3857");
    assert_eq!(crs_of(json!({"crs": "OGC:CRS84"}), &[("geo", &unknown)]), "null");
    let none = geo("g", &json!({"encoding": "WKB", "edges": "spherical"}));
    let layer = read(json!({"crs": "EPSG:4326"}), &[("geo", &none)]).unwrap();
    assert_eq!(
        (crs(layer.schema().field(0)).as_str(), &metadata(layer.schema().field(0))["edges"]),
        ("OGC:CRS84", &json!("spherical"))
    );
}

#[test]
fn an_assigned_reference_system_wins() {
    let entry = geo("geometry", &json!({"encoding": "WKB", "crs": "EPSG:0"}));
    let file = TestFile::new(&point_batch(1), 10, &[("geo", &entry)]);
    assert!(matches!(file.open(&OpenOptions::default()), Err(SourceError::Crs { .. })));
    assert_eq!(crate::layers(&file.path(), crate::Reader::Native).unwrap()[0].crs, None);
    let options = OpenOptions { crs: Some("EPSG:2154".to_owned()), ..OpenOptions::default() };
    assert_eq!(crs(file.open(&options).unwrap().schema().field(0)), "EPSG:2154");
}

#[test]
fn plain_parquet() {
    let read = TestFile::new(&point_batch(2), 10, &[]).read().unwrap();
    assert_eq!(crs(read.schema().field(0)), "null");
    assert_eq!(wkb(&read, "geometry")[1], Some(point(1.0, 1.0)));

    // Nulls are passed over until a value is found.
    let nulls: ArrayRef = Arc::new(BinaryArray::from_iter((0..100).map(|row| (row == 99).then(|| point(1.0, 2.0)))));
    let read = TestFile::new(&batch(vec![(geometry_field("GEOM"), nulls)]), 50, &[]).read().unwrap();
    assert_eq!(wkb(&read, "GEOM")[99], Some(point(1.0, 2.0)));

    let other: ArrayRef = Arc::new(BinaryArray::from_iter_values([b"no WKB"]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let file = TestFile::new(
        &batch(vec![(geometry_field("geometry"), other), (Field::new("id", DataType::Int64, true), ids)]),
        10,
        &[],
    );
    let error = file.open(&OpenOptions::default()).err().unwrap();
    assert!(
        matches!(&error, SourceError::NoGeometryColumn { columns, .. } if *columns == ["geometry", "id"]),
        "{error}"
    );
    assert!(error.to_string().ends_with("The columns are: geometry, id"));
    assert_eq!(crate::layers(&file.path(), crate::Reader::Auto).unwrap()[0].geometry, None);
}

#[test]
fn pairs_of_numbers_are_points() {
    let numbers = |values: [Option<f32>; 3]| Arc::new(Float32Array::from(values.to_vec())) as ArrayRef;
    let of = |x: &str, y: &str| {
        batch(vec![
            (Field::new(x, DataType::Float32, true), numbers([Some(2.5), None, Some(1.0)])),
            (Field::new("name", DataType::Utf8, true), Arc::new(StringArray::from(vec!["a", "b", "c"]))),
            (Field::new(y, DataType::Float32, true), numbers([Some(48.5), Some(1.0), Some(2.0)])),
        ])
    };
    let file = TestFile::new(&of("Lon", "Lat"), 2, &[]);
    let read = file.read().unwrap();
    assert_eq!(crs(read.schema().field_with_name("geometry").unwrap()), "OGC:CRS84");
    assert_eq!(wkb(&read, "geometry"), [Some(point(2.5, 48.5)), None, Some(point(1.0, 2.0))]);
    assert_eq!(read.num_columns(), 4);
    let options = OpenOptions { select: Some(vec!["name".to_owned()]), ..OpenOptions::default() };
    let read = read_layer(file.open(&options).unwrap().as_ref(), 1).unwrap();
    assert_eq!((read.num_columns(), wkb(&read, "geometry")[2].clone()), (2, Some(point(1.0, 2.0))));
    let read = TestFile::new(&of("x", "y"), 2, &[]).read().unwrap();
    assert_eq!(crs(read.schema().field_with_name("geometry").unwrap()), "null");
    assert!(TestFile::new(&of("x", "lat"), 2, &[]).read().is_err());
}

/// A list of each of the lengths.
fn lists(item: &str, lengths: &[usize], values: ArrayRef) -> ArrayRef {
    let field = Arc::new(Field::new(item, values.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), values, None))
}

#[test]
fn native_geometry() {
    let numbers: Vec<f64> = (0..24).map(f64::from).collect();
    let ordinate = |first: usize| {
        Arc::new(Float64Array::from_iter_values(numbers.iter().skip(first).step_by(3).copied())) as ArrayRef
    };
    let fields: Fields = ["x", "y", "z"].map(|name| Field::new(name, DataType::Float64, true)).to_vec().into();
    let separated: ArrayRef = Arc::new(StructArray::new(fields, vec![ordinate(0), ordinate(1), ordinate(2)], None));
    let item = Arc::new(Field::new("xyz", DataType::Float64, true));
    let interleaved: ArrayRef =
        Arc::new(FixedSizeListArray::new(item, 3, Arc::new(Float64Array::from(numbers.clone())), None));
    let bytes = |positions: std::ops::Range<usize>| {
        numbers[positions.start * 3..positions.end * 3]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let header = |code: u32| [&[1][..], &code.to_le_bytes()].concat();
    let count = |count: u32| count.to_le_bytes().to_vec();
    for coordinates in [separated, interleaved] {
        let rings = lists("vertices", &[4, 4], Arc::clone(&coordinates));
        let cases = [
            ("point", Arc::clone(&coordinates), [header(1001), bytes(0..1)].concat()),
            (
                "linestring",
                lists("vertices", &[3, 5], Arc::clone(&coordinates)),
                [header(1002), count(3), bytes(0..3)].concat(),
            ),
            (
                "polygon",
                lists("rings", &[2, 0], Arc::clone(&rings)),
                [header(1003), count(2), count(4), bytes(0..4), count(4), bytes(4..8)].concat(),
            ),
            (
                "multipoint",
                lists("points", &[1, 7], Arc::clone(&coordinates)),
                [header(1004), count(1), header(1001), bytes(0..1)].concat(),
            ),
            (
                "multilinestring",
                lists("lines", &[1, 1], Arc::clone(&rings)),
                [header(1005), count(1), header(1002), count(4), bytes(0..4)].concat(),
            ),
            (
                "multipolygon",
                lists("polygons", &[1, 0], lists("rings", &[2], rings)),
                [header(1006), count(1), header(1003), count(2), count(4), bytes(0..4), count(4), bytes(4..8)].concat(),
            ),
        ];
        for (encoding, array, first) in cases {
            let field = Field::new("g", array.data_type().clone(), true);
            // By the `geo` entry, and by the Arrow extension.
            let entry = geo("g", &json!({"encoding": encoding}));
            let of_geo = TestFile::new(&batch(vec![(field.clone(), Arc::clone(&array))]), 10, &[("geo", &entry)]);
            let extended = extension(field, &format!("geoarrow.{encoding}"), &json!({"crs": "EPSG:2154"}));
            let of_extension = TestFile::new(&batch(vec![(extended, array)]), 10, &[]);
            for file in [of_geo, of_extension] {
                let read = file.read().unwrap();
                assert_eq!(wkb(&read, "g")[0], Some(first.clone()), "{encoding}");
                for wkb in wkb(&read, "g").into_iter().flatten() {
                    assert!(parcelle_geometry::scan(&wkb).unwrap().is_canonical);
                }
            }
        }
    }
}

#[test]
fn native_geometry_that_is_not_sound() {
    let fields: Fields = ["x", "y"].map(|name| Field::new(name, DataType::Float64, true)).to_vec().into();
    let x = Arc::new(Float64Array::from(vec![Some(1.0), None, None]));
    let y = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(1.0)]));
    let points = StructArray::new(fields, vec![x, y], Some(vec![true, false, true].into()));
    let field = extension(Field::new("g", points.data_type().clone(), true), "geoarrow.point", &json!({}));
    let error = TestFile::new(&batch(vec![(field, Arc::new(points))]), 10, &[]).read().unwrap_err().to_string();
    assert!(
        error.ends_with("column g, row number 3: a coordinate of it is missing: correct or delete it in the source"),
        "{error}"
    );

    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![Some(vec![Some(1.0)])]);
    let entry = geo("g", &json!({"encoding": "polygon"}));
    let file = TestFile::new(
        &batch(vec![(Field::new("g", list.data_type().clone(), true), Arc::new(list))]),
        10,
        &[("geo", &entry)],
    );
    let error = file.read().unwrap_err().to_string();
    assert!(error.contains("column g: polygon cannot be stored as List"), "{error}");
}

#[test]
fn wkb_is_normalised_and_checked() {
    let mut big = vec![0, 0, 0, 0, 1];
    big.extend([5.0f64, 6.0].iter().flat_map(|value| value.to_be_bytes()));
    for array in [
        Arc::new(BinaryArray::from_iter([Some(&big), None])) as ArrayRef,
        Arc::new(LargeBinaryArray::from_iter([Some(&big), None])),
        Arc::new(BinaryViewArray::from_iter([Some(&big), None])),
    ] {
        let entry = geo("g", &json!({"encoding": "WKB"}));
        let batch = batch(vec![(Field::new("g", array.data_type().clone(), true), array)]);
        let read = TestFile::new(&batch, 10, &[("geo", &entry)]).read().unwrap();
        assert_eq!(wkb(&read, "g"), [Some(point(5.0, 6.0)), None]);
    }
    // The row is named by its number in the file, whatever the split.
    let mut values: Vec<Vec<u8>> = (0..20).map(|row| point(f64::from(row), 0.0)).collect();
    values[13] = vec![1, 1];
    let array: ArrayRef = Arc::new(BinaryArray::from_iter_values(values));
    for (group_rows, target) in [(100, 100), (100, 3), (4, 4), (4, 100), (7, 2)] {
        let entry = geo("g", &json!({"encoding": "WKB"}));
        let file =
            TestFile::new(&batch(vec![(geometry_field("g"), Arc::clone(&array))]), group_rows, &[("geo", &entry)]);
        let error = read(&file.path(), target).unwrap_err();
        let SourceError::Geometry { place, .. } = &error else { panic!("{error}") };
        assert_eq!(place.row, crate::RowPosition::Number(14), "{group_rows} {target}");

        let options = OpenOptions { invalid: InvalidValues::new(OnInvalid::Null), ..OpenOptions::default() };
        let read = read_layer(file.open(&options).unwrap().as_ref(), target).unwrap();
        let nulls: Vec<usize> = (0..20).filter(|row| read.column(0).is_null(*row)).collect();
        assert_eq!((read.num_rows(), nulls), (20, vec![13]));
        let repaired = options.invalid.repaired();
        assert_eq!((repaired.len(), repaired[0].values), (1, 1));
        assert!(repaired[0].first.starts_with("row number 14: "), "{}", repaired[0].first);
        let keep = OpenOptions { invalid: InvalidValues::new(OnInvalid::Keep), ..OpenOptions::default() };
        let error = read_layer(file.open(&keep).unwrap().as_ref(), target).unwrap_err();
        assert!(matches!(error, SourceError::NotKept { .. }), "{error}");
    }
}

#[test]
fn splits_have_every_row_once_and_in_order() {
    let file = TestFile::new(&point_batch(1000), 150, &[]);
    let expected: Vec<_> = (0..1000).map(|row| Some(point(f64::from(row), 1.0))).collect();
    for target in [1, 7, 100, 149, 150, 300, 1000, 100_000] {
        let layer = file.open(&OpenOptions::default()).unwrap();
        let read = read_layer(layer.as_ref(), target).unwrap();
        assert!(wkb(&read, "geometry") == expected, "{target}");
    }
    let layer = file.open(&OpenOptions::default()).unwrap();
    assert_eq!(layer.splits(300).unwrap().len(), 4);
    // Stopped after the first batch.
    let mut batches = 0;
    let split = &layer.splits(300).unwrap()[0];
    layer
        .read(split, &mut |_| {
            batches += 1;
            std::ops::ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(batches, 1);
}

#[test]
fn row_groups_outside_of_the_window_are_left_out() {
    let window = |xmin: f64, xmax: f64| Window { xmin, ymin: 0.0, xmax, ymax: 2.0 };
    let rows = |file: &TestFile, window: Window| {
        let layer = file.open(&OpenOptions { window: Some(window), ..OpenOptions::default() }).unwrap();
        assert_eq!(layer.row_count_hint(), Some(100));
        let read = read_layer(layer.as_ref(), 25).unwrap();
        (wkb(&read, read.schema().field(0).name()).first().cloned().flatten(), read.num_rows())
    };
    // Statistics of the type; those of a covering; those of coordinates.
    let typed = extension(geometry_field("g"), "geoarrow.wkb", &json!({}));
    let typed = TestFile::new(&batch(vec![(typed, points(100))]), 10, &[]);
    let children: Fields =
        ["xmin", "ymin", "xmax", "ymax"].map(|name| Field::new(name, DataType::Float32, false)).to_vec().into();
    let x: ArrayRef = Arc::new(Float32Array::from_iter_values((0..100).map(|row| row as f32)));
    let y: ArrayRef = Arc::new(Float32Array::from_iter_values([1.0; 100]));
    let boxes = StructArray::new(children, vec![Arc::clone(&x), Arc::clone(&y), Arc::clone(&x), Arc::clone(&y)], None);
    let entry = geo("g", &json!({"encoding": "WKB", "covering": {"bbox": {"xmin": ["bbox", "xmin"]}}}));
    let covered = batch(vec![
        (geometry_field("g"), points(100)),
        (Field::new("bbox", boxes.data_type().clone(), false), Arc::new(boxes)),
    ]);
    let covered = TestFile::new(&covered, 10, &[("geo", &entry)]);
    let float = |name| Field::new(name, DataType::Float32, false);
    let pair = batch(vec![(float("x"), x), (float("y"), y)]);
    let pair = TestFile::new(&pair, 10, &[]);
    for (file, first) in [(&typed, true), (&covered, true), (&pair, false)] {
        let point = |x| first.then(|| point(x, 1.0));
        let rows = |window| {
            let layer = file.open(&OpenOptions { window: Some(window), ..OpenOptions::default() }).unwrap();
            if first { rows(file, window) } else { (None, read_layer(layer.as_ref(), 25).unwrap().num_rows()) }
        };
        assert_eq!(rows(window(35.0, 44.0)), (point(30.0), 20));
        assert_eq!(rows(window(39.0, 39.0)), (point(30.0), 10));
        assert_eq!(rows(window(-10.0, -1.0)), (None, 0));
        assert_eq!(rows(Window { ymin: 5.0, ymax: 6.0, ..window(0.0, 100.0) }), (None, 0));
        assert_eq!(rows(window(f64::NEG_INFINITY, f64::INFINITY)), (point(0.0), 100));
    }
    // Without statistics every row group may meet the window.
    let none = TestFile::with_arrow_schema(&point_batch(100), 10, &[], false);
    assert_eq!(rows(&none, window(35.0, 44.0)).1, 100);
}

#[test]
fn a_geo_entry_that_contradicts_the_file() {
    let error = |entry: serde_json::Value| {
        let file = TestFile::new(&point_batch(1), 10, &[("geo", &entry.to_string())]);
        file.open(&OpenOptions::default()).err().unwrap().to_string()
    };
    let of = |entry| json!({"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": entry}});
    assert!(error(of(json!({"encoding": "WKT"}))).contains("column geometry has the unknown encoding \"wkt\""));
    assert!(error(of(json!({"encoding": "point"}))).contains("coordinates of point cannot be stored as Binary"));
    assert!(
        error(of(json!({"encoding": "WKB", "edges": "bent"}))).contains("column geometry has unknown edges, \"bent\"")
    );
    assert!(
        error(json!({"version": "1.0.0", "primary_column": "g", "columns": {}}))
            .contains("the primary column of its `geo` entry, g, does not exist")
    );
}

#[test]
fn units_of_time_keep_their_zone() {
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"));
    let batch = batch(vec![(Field::new("t", zone.clone(), false), times), (geometry_field("geometry"), points(1))]);
    let file = TestFile::with_arrow_schema(&batch, 10, &[], false);
    assert_eq!(*file.read().unwrap().schema().field(0).data_type(), zone);
}

use arrow::datatypes::Fields;

#[test]
fn dates_of_64_bits_have_days() {
    let dates = |values: Vec<Option<i64>>| {
        let rows = values.len();
        let dates: ArrayRef = Arc::new(Date64Array::from(values));
        let batch =
            batch(vec![(geometry_field("geom"), points(rows)), (Field::new("d", DataType::Date64, true), dates)]);
        TestFile::new(&batch, 10, &[]).read()
    };
    let read = dates(vec![Some(86_400_000), None, Some(-62_135_596_800_000)]).unwrap();
    let column = read.column_by_name("d").unwrap().as_primitive::<arrow::datatypes::Date32Type>();
    assert_eq!(column.iter().collect::<Vec<_>>(), [Some(1), None, Some(-719_162)]);
    let error = dates(vec![Some(0), Some(-1)]).unwrap_err().to_string();
    assert!(error.contains("column d, row number 2: a date with a time of day"), "{error}");
}

#[test]
fn logical_types_of_parquet_become_extension_types() {
    use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType};

    // As other programs than Arrow write it: there is no Arrow schema in it.
    let message = "message m {
        required binary geometry; required fixed_len_byte_array(16) id (UUID); required binary notes (JSON);
        required binary name (UTF8); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(message).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(file, schema, Arc::new(Default::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut index = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        let bytes = [point(1.0, 2.0), vec![7; 16], b"{}".to_vec(), b"n".to_vec()][index].clone();
        if index == 1 {
            let value = FixedLenByteArray::from(ByteArray::from(bytes));
            column.typed::<FixedLenByteArrayType>().write_batch(&[value], None, None).unwrap();
        } else {
            column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(bytes)], None, None).unwrap();
        }
        column.close().unwrap();
        index += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();

    let layer = crate::open(&path, &OpenOptions::default()).unwrap();
    let schema = layer.schema();
    let extension =
        |column: usize| schema.field(column).metadata().get("ARROW:extension:name").map_or("", String::as_str);
    assert_eq!([extension(1), extension(2), extension(3)], ["arrow.uuid", "arrow.json", ""]);
    let batch = read_layer(layer.as_ref(), 10).unwrap();
    assert_eq!(batch.column(1).as_fixed_size_binary().value(0), [7; 16]);
    assert_eq!(batch.column(2).as_string::<i32>().value(0), "{}");
}

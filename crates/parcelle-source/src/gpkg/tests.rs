//! The reader on GeoPackages made to measure.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow::datatypes::{TimeUnit, TimestampMillisecondType};

use proptest::prelude::*;

use super::testing::{TestPackage, big_endian_point, blob, point, simple_blob};
use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::{Layer, OpenOptions, Reader, open};

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

fn open_package(package: &TestPackage, layer: Option<&str>) -> Result<Box<dyn Layer>, SourceError> {
    let options = OpenOptions { layer: layer.map(str::to_owned), reader: Reader::Native, ..Default::default() };
    open(&package.path(), &options)
}

fn read_all(package: &TestPackage) -> Result<RecordBatch, SourceError> {
    read(open_package(package, None)?.as_ref(), 1000)
}

/// A package with one table `t` of a geometry and one column `v` of the type, with one row per value.
fn column_of(declared: &str, values: &[&dyn rusqlite::ToSql]) -> TestPackage {
    let package = TestPackage::new();
    package.sql(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, v {declared})")).features("t", "g", 2154);
    for value in values {
        package.insert("INSERT INTO t (g, v) VALUES (?1, ?2)", rusqlite::params![simple_blob(1.0), value]);
    }
    package
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn every_type_of_the_standard() {
    let package = TestPackage::new();
    package
        .sql(
            "CREATE TABLE t (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POINT, b BOOLEAN, i8 TINYINT, i16 SMALLINT,
               i32 MEDIUMINT, i64 INT, i64b INTEGER NOT NULL, f32 FLOAT, f64 DOUBLE, r REAL, s TEXT, s10 TEXT(10),
               x BLOB, x9 BLOB(9), d DATE, dt DATETIME)",
        )
        .features("t", "geom", 2154)
        .insert(
            "INSERT INTO t VALUES (7, ?1, 1, -128, -32768, -2147483648, -9223372036854775808, 9223372036854775807, 0.1,
               0.1, 1e300, 'été', '', x'00ff', x'', '1969-12-31', '1969-12-31T23:59:59.999Z')",
            [simple_blob(3.0)],
        )
        .sql("INSERT INTO t (fid, i64b) VALUES (-3, 0)");
    let batch = read_all(&package).unwrap();
    let schema = batch.schema();
    let field_types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    use DataType::{Binary, Boolean, Date32, Float32, Float64, Int8, Int16, Int32, Int64, Utf8};
    let expected = [
        Int64, Binary, Boolean, Int8, Int16, Int32, Int64, Int64, Float32, Float64, Float64, Utf8, Utf8, Binary,
        Binary, Date32, utc,
    ];
    assert_eq!(field_types, expected);
    assert_eq!(ids(&batch), [-3, 7]);
    let not_null: Vec<_> = schema.fields().iter().filter(|field| !field.is_nullable()).map(|f| f.name()).collect();
    assert_eq!(not_null, ["fid", "i64b"]);
    assert!((1..17).all(|column| batch.column(column).is_null(0) != (column == 7)));
    assert!((1..17).all(|column| batch.column(column).is_valid(1)));
    assert_eq!(batch.column(1).as_binary::<i32>().value(1), point(1, &[3.0, 2.0]));
    assert!(batch.column(2).as_boolean().value(1));
    assert_eq!(batch.column(3).as_primitive::<Int8Type>().value(1), i8::MIN);
    assert_eq!(batch.column(4).as_primitive::<Int16Type>().value(1), i16::MIN);
    assert_eq!(batch.column(5).as_primitive::<Int32Type>().value(1), i32::MIN);
    assert_eq!(batch.column(6).as_primitive::<Int64Type>().value(1), i64::MIN);
    assert_eq!(batch.column(7).as_primitive::<Int64Type>().value(1), i64::MAX);
    assert_eq!(batch.column(8).as_primitive::<Float32Type>().value(1), 0.1f32);
    assert_eq!(batch.column(9).as_primitive::<Float64Type>().value(1), 0.1);
    assert_eq!(batch.column(10).as_primitive::<Float64Type>().value(1), 1e300);
    assert_eq!(batch.column(11).as_string::<i32>().value(1), "été");
    assert_eq!(batch.column(12).as_string::<i32>().value(1), "");
    assert_eq!(batch.column(13).as_binary::<i32>().value(1), [0, 255]);
    assert_eq!(batch.column(14).as_binary::<i32>().value(1), [] as [u8; 0]);
    assert_eq!(batch.column(15).as_primitive::<Date32Type>().value(1), -1);
    assert_eq!(batch.column(16).as_primitive::<TimestampMillisecondType>().value(1), -1);
}

#[test]
fn other_declared_types() {
    for (declared, expected) in [
        ("VARCHAR(20)", DataType::Utf8),
        ("BIGINT", DataType::Int64),
        ("int8", DataType::Int64),
        ("NUMERIC(10,2)", DataType::Float64),
        ("decimal", DataType::Float64),
        ("DOUBLE PRECISION", DataType::Float64),
        ("JSON", DataType::Utf8),
        ("UUID", DataType::Utf8),
        ("POINT", DataType::Binary),
        ("TEXT_JSON", DataType::Utf8),
        ("TIMESTAMP", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        ("", DataType::Int64),
    ] {
        let package = column_of(declared, &[&rusqlite::types::Null, &12]);
        if matches!(declared, "TIMESTAMP" | "POINT") {
            package.sql("UPDATE t SET v = NULL");
        }
        let batch = read_all(&package).unwrap();
        assert_eq!(*batch.schema().field(2).data_type(), expected, "{declared}");
    }
}

#[test]
fn values_of_another_class_are_converted_without_loss() {
    let batch = read_all(&column_of("JSON", &[&12, &1.5, &"{}", &b"abc"])).unwrap();
    let texts: Vec<_> = batch.column(2).as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["12", "1.5", "{}", "abc"]);
    let batch = read_all(&column_of("NUMERIC", &[&12, &1.5])).unwrap();
    assert_eq!(batch.column(2).as_primitive::<Float64Type>().values(), &[12.0, 1.5]);
    let batch = read_all(&column_of("", &[&"a", &2])).unwrap();
    assert_eq!(batch.column(2).as_string::<i32>().value(1), "2");
    let batch = read_all(&column_of("BLOB", &[&"text"])).unwrap();
    assert_eq!(batch.column(2).as_binary::<i32>().value(0), b"text");
}

#[test]
fn values_that_would_lose_something_are_refused() {
    let nine_quadrillion: i64 = (1 << 53) + 1;
    let cases: [(&str, &dyn rusqlite::ToSql); 20] = [
        ("BOOLEAN", &2),
        ("BOOLEAN", &"oui"),
        ("TINYINT", &128),
        ("SMALLINT", &-32769),
        ("MEDIUMINT", &3_000_000_000i64),
        ("INTEGER", &1.5),
        ("INTEGER", &1e19),
        ("INTEGER", &"abc"),
        ("INTEGER", &b"abc"),
        ("FLOAT", &1e300),
        ("NUMERIC", &nine_quadrillion),
        ("NUMERIC", &i64::MAX),
        ("DOUBLE", &"abc"),
        ("DOUBLE", &b"abc"),
        ("TEXT", &b"\xff\xfe"),
        ("BLOB", &12),
        ("DATE", &20240101),
        ("DATE", &"2024-02-30"),
        ("DATETIME", &"2024-02-28T10:00:00.1234Z"),
        ("INTEGER NOT NULL CHECK (1)", &"x"),
    ];
    for (declared, value) in cases {
        let package = column_of(declared, &[]);
        package.insert("INSERT INTO t (id, g, v) VALUES (41, NULL, ?1)", rusqlite::params![value]);
        let error = read_all(&package).unwrap_err();
        let SourceError::Value { place, .. } = &error else { panic!("{declared}: {error}") };
        let (path, layer, column, row) = (package.path(), "t".to_owned(), "v".to_owned(), RowPosition::RowId(41));
        assert_eq!(**place, Place { path, layer, column, row }, "{declared}");
        assert!(error.to_string().contains("--select"));
    }
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let package = column_of("TEXT", &[]);
    package.sql("INSERT INTO t (v) VALUES (CAST(x'c328' AS TEXT))");
    let error = read_all(&package).unwrap_err();
    assert!(matches!(&error, SourceError::Value { found, .. } if found.contains("UTF-8")), "{error}");
}

#[test]
fn geometry_of_every_header() {
    let package = TestPackage::new();
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g GEOMETRY)").features("t", "g", 2154);
    let mut expected = Vec::new();
    for envelope in 0..5 {
        for little_endian in [false, true] {
            for (code, ordinates) in [(1, 2), (1001, 3), (2001, 3), (3001, 4)] {
                let ordinates: Vec<f64> = (1..=ordinates).map(f64::from).collect();
                for wkb in [point(code, &ordinates), big_endian_point(code, &ordinates)] {
                    package.insert("INSERT INTO t (g) VALUES (?1)", [blob(&wkb, envelope, little_endian)]);
                    expected.push(Some(point(code, &ordinates)));
                }
            }
        }
    }
    // An empty point has the flag for empty geometry, bit 4.
    let mut empty = blob(&point(1, &[f64::NAN, f64::NAN]), 0, true);
    empty[3] |= 0b1_0000;
    package.insert("INSERT INTO t (g) VALUES (?1)", [empty]).sql("INSERT INTO t (g) VALUES (NULL)");
    expected.extend([Some(point(1, &[f64::NAN, f64::NAN])), None]);
    let batch = read_all(&package).unwrap();
    let found: Vec<_> = batch.column(1).as_binary::<i32>().iter().map(|wkb| wkb.map(<[u8]>::to_vec)).collect();
    assert_eq!(found, expected);
}

#[test]
fn bad_geometry_names_its_row() {
    let curve = blob(&point(8, &[]), 0, true);
    let trailing = blob(&[point(1, &[1.0, 2.0]), vec![0]].concat(), 0, true);
    let mut extended = simple_blob(1.0);
    extended[3] |= 0b10_0000;
    let cases: [(Vec<u8>, &str, &str); 6] = [
        (curve, "CircularString", "(--linearize)"),
        (trailing, "1 bytes follow", "correct or delete"),
        (extended, "ExtendedGeoPackageBinary", "convert the layer"),
        (b"WKB without header".to_vec(), "letters GP", "correct or delete"),
        (simple_blob(1.0)[..20].to_vec(), "cut off", "correct or delete"),
        (Vec::new(), "letters GP", "correct or delete"),
    ];
    for (value, reason, way_out) in cases {
        let package = TestPackage::new();
        package
            .sql("CREATE TABLE \"my t\" (id INTEGER PRIMARY KEY, g GEOMETRY)")
            .features("my t", "g", 2154)
            .insert("INSERT INTO \"my t\" VALUES (1, ?1)", [simple_blob(1.0)])
            .insert("INSERT INTO \"my t\" VALUES (99, ?1)", [value]);
        let text = read_all(&package).unwrap_err().to_string();
        for part in ["my t", "column g", "rowid 99", reason, way_out] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }
    let error = read_all(&{
        let package = TestPackage::new();
        package.sql("CREATE TABLE t (g)").features("t", "g", 0).sql("INSERT INTO t VALUES ('POINT (1 2)')");
        package
    });
    assert!(matches!(error, Err(SourceError::Geometry { reason: GeometryReason::Blob { .. }, .. })));
}

#[test]
fn splits_hold_every_row_once_and_in_order() {
    // Dense; with holes; two clusters far apart; at the ends of the numbers; one row; none.
    let cases: [(&str, Vec<i64>); 6] = [
        ("dense", (1..=1000).collect()),
        ("holes", (1..=1000).map(|id| id * id).collect()),
        ("clusters", (1..=500).chain(4_000_000_000_000..4_000_000_000_500).collect()),
        ("ends", vec![i64::MIN, -1, 0, 1, i64::MAX]),
        ("one", vec![5]),
        ("none", vec![]),
    ];
    for (name, expected) in cases {
        for index in [false, true] {
            let package = TestPackage::new();
            package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g GEOMETRY)").features("t", "g", 2154);
            for id in &expected {
                package.insert("INSERT INTO t VALUES (?1, ?2)", rusqlite::params![id, simple_blob(0.0)]);
            }
            if index {
                package
                    .sql("CREATE TABLE rtree_t_g_rowid (rowid INTEGER PRIMARY KEY, nodeno); CREATE TABLE gpkg_ogr_contents (table_name TEXT PRIMARY KEY, feature_count INTEGER);")
                    .sql("INSERT INTO rtree_t_g_rowid SELECT id, 1 FROM t")
                    .sql("INSERT INTO gpkg_ogr_contents SELECT 't', count(*) FROM t");
            }
            let layer = open_package(&package, None).unwrap();
            assert_eq!(layer.row_count_hint(), index.then_some(expected.len() as u64));
            for target in [1, 7, 100, 1000, 1_000_000] {
                let splits = layer.splits(target).unwrap();
                assert_eq!(splits, layer.splits(target).unwrap());
                assert!(splits.iter().enumerate().all(|(index, split)| split.index == index && !split.sequential));
                let mut found = Vec::new();
                for split in &splits {
                    let mut rows = 0;
                    layer
                        .read(split, &mut |batch| {
                            rows += batch.num_rows();
                            found.extend(ids(&batch));
                            ControlFlow::Continue(())
                        })
                        .unwrap();
                    assert!(rows <= target, "{name}: {rows} rows in a split of {target}");
                }
                assert_eq!(found, expected, "{name}, {target}");
                assert!(
                    splits.len() <= (expected.len() * 3 / 2).div_ceil(target).max(1) + 1,
                    "{name}: {}",
                    splits.len()
                );
            }
        }
    }
}

#[test]
fn batches_are_bounded_and_reading_can_be_stopped() {
    let package = TestPackage::new();
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g GEOMETRY, x BLOB)").features("t", "g", 2154).sql(
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, NULL, NULL FROM n;
         INSERT INTO t SELECT 30000 + id, NULL, zeroblob(1000000) FROM t WHERE id <= 20;",
    );
    let layer = open_package(&package, None).unwrap();
    let splits = layer.splits(1_000_000).unwrap();
    let mut sizes = Vec::new();
    layer
        .read(&splits[0], &mut |batch| {
            sizes.push(batch.num_rows());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(sizes.iter().sum::<usize>(), 20020);
    assert_eq!(sizes[..2], [8192, 8192]);
    assert!(sizes.len() >= 5, "{sizes:?}");
    let mut calls = 0;
    layer
        .read(&splits[0], &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(calls, 1);
}

#[test]
fn odd_names_and_keys() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE \"l'été \"\"x\"\"; --\" (\"select\" TEXT, \"Géo m\" BLOB, \"rowid\" TEXT, \"a.b\" INT, \"Ключ\" INTEGER PRIMARY KEY)")
        .features("l'été \"x\"; --", "géo m", 4326)
        .insert("INSERT INTO \"l'été \"\"x\"\"; --\" VALUES ('s', ?1, 'r', 4, 5)", [simple_blob(1.0)]);
    package.sql("UPDATE gpkg_geometry_columns SET column_name = 'GéO M'");
    let layer = open_package(&package, None).unwrap();
    assert_eq!((layer.name(), layer.driver()), ("l'été \"x\"; --", "GPKG"));
    let batch = read(layer.as_ref(), 10).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["Ключ", "select", "Géo m", "rowid", "a.b"]);
    assert_eq!(ids(&batch), [5]);
    assert_eq!(batch.column(3).as_string::<i32>().value(0), "r");
}

#[test]
fn tables_without_integer_key_and_views() {
    for (create, sequential) in [
        ("CREATE TABLE t (code TEXT PRIMARY KEY, g BLOB)", false),
        ("CREATE TABLE t (code INTEGER PRIMARY KEY DESC, g BLOB)", false),
        ("CREATE TABLE t (code TEXT, g BLOB, rowid TEXT, oid TEXT, _rowid_ TEXT)", true),
        ("CREATE TABLE t (code TEXT PRIMARY KEY, g BLOB) WITHOUT ROWID", true),
        (
            "CREATE TABLE base (code TEXT, g BLOB); CREATE VIEW t AS SELECT code, g FROM base;
          CREATE TRIGGER i INSTEAD OF INSERT ON t BEGIN INSERT INTO base VALUES (new.code, new.g); END",
            true,
        ),
    ] {
        let package = TestPackage::new();
        package.sql(create).features("t", "g", 2154);
        for code in 0..25 {
            package.insert(
                "INSERT INTO t (code, g) VALUES (?1, ?2)",
                rusqlite::params![code, simple_blob(f64::from(code))],
            );
        }
        let layer = open_package(&package, None).unwrap();
        let splits = layer.splits(10).unwrap();
        assert_eq!((splits.len() == 1, splits[0].sequential), (sequential, sequential), "{create}");
        let batch = read(layer.as_ref(), 10).unwrap();
        assert_eq!(batch.num_rows(), 25);
        assert_eq!(batch.num_columns(), layer.schema().fields().len());
    }
}

#[test]
fn the_row_of_a_view_is_named_by_number() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE base (g BLOB); CREATE VIEW t AS SELECT g FROM base")
        .features("t", "g", 2154)
        .insert("INSERT INTO base VALUES (?1)", [simple_blob(1.0)])
        .sql("INSERT INTO base VALUES (x'00')");
    let error = read_all(&package).unwrap_err();
    assert!(error.to_string().contains("row number 2"), "{error}");
}

#[test]
fn layers_are_chosen_by_name() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE batiment (id INTEGER PRIMARY KEY, g BLOB); CREATE TABLE commune (id INTEGER PRIMARY KEY, g BLOB);
              CREATE TABLE codes (id INTEGER PRIMARY KEY, label TEXT);
              INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('codes', 'attributes', 0),
                ('photo', 'tiles', 2154);")
        .features("batiment", "g", 2154);
    assert_eq!(open_package(&package, None).unwrap().name(), "batiment");
    package.features("commune", "g", 2154);
    let error = open_package(&package, None).map(|_| ()).unwrap_err();
    let available = vec!["batiment".to_owned(), "commune".to_owned()];
    assert_eq!(error, SourceError::SeveralLayers { path: package.path(), available });
    assert_eq!(open_package(&package, Some("commune")).unwrap().name(), "commune");
    let error = open_package(&package, Some("comune")).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("did you mean \"commune\"?"), "{error}");
    let error = open_package(&package, Some("codes")).map(|_| ()).unwrap_err();
    assert!(matches!(error, SourceError::NoGeometry { .. }));
    let layers = crate::layers(&package.path(), Reader::Native).unwrap();
    let found: Vec<_> = layers.iter().map(|layer| (layer.name.as_str(), layer.geometry.as_deref())).collect();
    assert_eq!(found, [("codes", None), ("batiment", Some("GEOMETRY")), ("commune", Some("GEOMETRY"))]);
    assert_eq!(layers[1].crs.as_deref(), Some("EPSG:2154"));
    assert_eq!(layers[0].fields[1].type_name, "TEXT");

    let tiles = TestPackage::new();
    assert!(matches!(open_package(&tiles, None).map(|_| ()), Err(SourceError::NoLayers { .. })));
}

#[test]
fn columns_are_selected_by_name() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, nom TEXT, population INT)")
        .features("t", "g", 2154)
        .insert("INSERT INTO t VALUES (1, ?1, 'Brest', 140000)", [simple_blob(1.0)]);
    let select = |names: &[&str]| {
        let select = Some(names.iter().map(|name| (*name).to_owned()).collect());
        open(&package.path(), &OpenOptions { select, ..Default::default() })
    };
    for (selected, expected) in
        [(&["population", "nom"][..], &["g", "nom", "population"][..]), (&[], &["g"]), (&["id"], &["id", "g"])]
    {
        let layer = select(selected).unwrap();
        let batch = read(layer.as_ref(), 10).unwrap();
        assert_eq!(batch.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(batch.num_rows(), 1);
    }
    let error = select(&["Nom"]).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("did you mean \"nom\"?"), "{error}");
}

#[test]
fn reference_systems() {
    let metadata = |package: &TestPackage, crs: Option<&str>| {
        let layer = open(&package.path(), &OpenOptions { crs: crs.map(str::to_owned), ..Default::default() })?;
        let field = layer.schema().field_with_name("g").unwrap().clone();
        assert_eq!(field.metadata()["ARROW:extension:name"], "geoarrow.wkb");
        let text = field.metadata().get("ARROW:extension:metadata").cloned();
        Ok::<_, SourceError>(text.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap()))
    };
    let package = |srs_id| {
        let package = TestPackage::new();
        package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)").features("t", "g", srs_id);
        package
    };
    let known = metadata(&package(2154), None).unwrap().unwrap();
    assert_eq!((&known["crs"]["id"]["code"], &known["crs_type"]), (&2154.into(), &"projjson".into()));
    assert_eq!(metadata(&package(0), None).unwrap(), None);
    assert_eq!(metadata(&package(-1), None).unwrap(), None);
    assert_eq!(metadata(&package(-1), Some("EPSG:3857")).unwrap().unwrap()["crs"]["id"]["code"], 3857);
    let missing = metadata(&package(27572), None).unwrap_err();
    assert!(missing.to_string().contains("srs_id 27572") && missing.to_string().contains("--crs"), "{missing}");
    assert!(metadata(&package(27572), Some("OGC:CRS84")).unwrap().is_some());
    assert!(matches!(metadata(&package(2154), Some("RGF93")), Err(SourceError::AssignedCrs { .. })));

    let local = package(100_001);
    local.sql("ALTER TABLE gpkg_spatial_ref_sys ADD COLUMN definition_12_063 TEXT").insert(
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('local', 100001, 'NONE', 100001, 'undefined', NULL, ?1)",
        [r#"ENGCRS["site grid",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]"#],
    );
    if cfg!(feature = "gdal") {
        assert_eq!(metadata(&local, None).unwrap().unwrap()["crs"]["type"], "EngineeringCRS");
    } else {
        assert!(matches!(metadata(&local, None), Err(SourceError::Crs { .. })));
    }
}

#[test]
fn a_package_is_known_by_its_content() {
    let package = TestPackage::new();
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)").features("t", "g", 2154);
    let renamed = package.path().with_extension("sqlite");
    for application_id in [0x4750_3130, 0] {
        package.sql(&format!("PRAGMA application_id = {application_id}"));
        std::fs::copy(package.path(), &renamed).unwrap();
        assert_eq!(open(&renamed, &OpenOptions::default()).unwrap().driver(), "GPKG");
    }
    let text = package.path().with_extension("gpkg.txt");
    std::fs::write(&text, "not a database").unwrap();
    let options = OpenOptions { reader: Reader::Native, ..Default::default() };
    assert!(matches!(open(&text, &options).map(|_| ()), Err(SourceError::NoNativeReader { .. })));
    let gone = package.path().with_extension("gone");
    assert_eq!(open(&gone, &options).map(|_| ()).unwrap_err(), SourceError::NotFound { path: gone });
}

#[test]
fn damage_is_one_clear_error() {
    let package = TestPackage::new();
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, x BLOB)").features("t", "g", 2154);
    for _ in 0..200 {
        package.insert("INSERT INTO t (g, x) VALUES (?1, zeroblob(3000))", [simple_blob(1.0)]);
    }
    let whole = std::fs::read(package.path()).unwrap();
    let damaged = package.path().with_extension("damaged");
    let mut failures = 0;
    for length in (16..whole.len()).step_by(4099) {
        std::fs::write(&damaged, &whole[..length]).unwrap();
        let options = OpenOptions { reader: Reader::Native, ..Default::default() };
        let result = open(&damaged, &options).and_then(|layer| read(layer.as_ref(), 50).map(|batch| batch.num_rows()));
        match result {
            Err(error) => {
                assert!(error.to_string().contains("damaged"), "{length}: {error}");
                failures += 1;
            }
            Ok(rows) => panic!("{rows} rows of a file cut at {length}"),
        }
    }
    assert!(failures > 100);
    let mut scrambled = whole.clone();
    for (index, byte) in scrambled.iter_mut().enumerate().skip(4096 * 8) {
        *byte = byte.wrapping_add((index * 31 % 251) as u8);
    }
    std::fs::write(&damaged, &scrambled).unwrap();
    let options = OpenOptions { reader: Reader::Native, ..Default::default() };
    let result = open(&damaged, &options).and_then(|layer| read(layer.as_ref(), 50));
    assert!(result.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_damage_is_survived(changes in prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..40)) {
        static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let package = column_of("TEXT", &[&"a", &"b", &rusqlite::types::Null]);
            package.sql("INSERT INTO t SELECT id + 10, g, zeroblob(9000) FROM t");
            std::fs::read(package.path()).unwrap()
        });
        let mut bytes = WHOLE.clone();
        for (place, value) in changes {
            let place = (place * bytes.len() as f64) as usize;
            bytes[place] = value;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let options = OpenOptions { reader: Reader::Native, ..Default::default() };
        let result = open(file.path(), &options).and_then(|layer| read(layer.as_ref(), 2));
        if let Ok(batch) = result {
            prop_assert!(batch.num_columns() > 0);
        }
    }
}

#[test]
fn a_database_open_for_writing_is_read_in_one_transaction() {
    let package = TestPackage::new();
    package
        .sql("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)")
        .features("t", "g", 2154)
        .sql("INSERT INTO t VALUES (1, NULL), (2, NULL)");
    let layer = open_package(&package, None).unwrap();
    let splits = layer.splits(1).unwrap();
    assert!(splits.len() == 1 && splits[0].sequential);
    package.sql("INSERT INTO t VALUES (3, NULL)");
    assert_eq!(ids(&read(layer.as_ref(), 1).unwrap()), [1, 2, 3]);
}

#[test]
fn a_change_while_reading_is_noticed() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)")
        .features("t", "g", 2154)
        .sql("INSERT INTO t VALUES (1, NULL)");
    let layer = open_package(&package, None).unwrap();
    package
        .sql("CREATE TABLE another (id INTEGER PRIMARY KEY, x BLOB); INSERT INTO another VALUES (1, zeroblob(10000))");
    assert_eq!(read(layer.as_ref(), 10).unwrap_err(), SourceError::Changed { path: package.path() });
}

//! Whole files through the public functions: readers against each other, and real extracts.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Date32Array, RecordBatch};
use arrow::compute::{cast, concat_batches, sort_to_indices, take};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMillisecondType};
use parcelle_geometry::scan;

use crate::gpkg::testing::{TestPackage, blob, point, simple_blob};
use crate::{Layer, OpenOptions, Reader, SourceError, layers, open};

pub(crate) fn options(reader: Reader) -> OpenOptions {
    OpenOptions { reader, ..OpenOptions::default() }
}

pub(crate) fn read(layer: &dyn Layer) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in layer.splits(1000)? {
        layer.read(&split, &mut |batch| {
            assert_eq!(batch.schema(), layer.schema());
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

/// The corpus beside the checkout, where there is one.
fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/vector").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}

/// Reads a file with both readers and compares them value by value.
fn assert_readers_agree(path: &Path) {
    let [native, gdal] = [Reader::Native, Reader::Gdal].map(|reader| {
        let layer = open(path, &options(reader)).unwrap();
        read(layer.as_ref()).unwrap()
    });
    assert_eq!((native.num_rows(), native.num_columns()), (gdal.num_rows(), gdal.num_columns()));
    for (field, column) in native.schema().fields().iter().zip(native.columns()) {
        let (gdal_field, other) =
            (gdal.schema().field_with_name(field.name()).unwrap().clone(), gdal.column_by_name(field.name()).unwrap());
        assert_eq!(
            field.metadata().get("ARROW:extension:metadata"),
            gdal_field.metadata().get("ARROW:extension:metadata")
        );
        // GDAL 3.6 gives instants without a time zone.
        let other = match field.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                let instants = other.as_primitive::<TimestampMillisecondType>().clone();
                Arc::new(instants.with_timezone_opt(zone.clone()))
            }
            other_type => cast(other, other_type).unwrap(),
        };
        assert_eq!(column.as_ref(), other.as_ref(), "{}", field.name());
    }
}

fn sample() -> TestPackage {
    let package = TestPackage::new();
    package
        .sql(
            "CREATE TABLE t (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom GEOMETRY, b BOOLEAN, i8 TINYINT, i16 SMALLINT,
               i32 MEDIUMINT, i64 INTEGER, key INTEGER, f32 FLOAT, f64 DOUBLE, s TEXT(30), x BLOB, d DATE, dt DATETIME)",
        )
        .features("t", "geom", 2154);
    for number in 0..3000i64 {
        let geometry = match number % 7 {
            0 => None,
            1 => Some(blob(&point(1, &[f64::NAN, f64::NAN]), 0, true)),
            2 => Some(blob(&point(3001, &[1.0, 2.0, 3.0, number as f64]), 4, false)),
            3 => Some(blob(&point(2001, &[1.0, 2.0, number as f64]), 3, true)),
            _ => Some(simple_blob(number as f64)),
        };
        let filled = (number % 5 > 0).then_some(number);
        package.insert(
            "INSERT INTO t VALUES (?1, ?2, ?3 % 2, ?3 % 100, ?3, ?3 * 1000, ?3 * 1000000000000, ?4, ?3 / 4.0, ?3 / 10.0, 'é' || ?3,
               CAST(?3 AS BLOB), date('1960-01-01', ?3 || ' days'), strftime('%Y-%m-%dT%H:%M:%fZ', '1960-01-01', (?3 * 86407.25) || ' seconds'))",
            rusqlite::params![number * 3, geometry, filled, number],
        );
    }
    package
}

#[test]
fn readers_agree() {
    assert_readers_agree(&sample().path());
    if let Some(path) = corpus("bdtopo_for_test.gpkg") {
        assert_readers_agree(&path);
    }
}

#[test]
fn dates_around_1970_and_booleans() {
    let folder = tempfile::tempdir().unwrap();
    let dates = ["1840-01-01", "1969-12-30", "1969-12-31", "1970-01-01", "1970-01-02", "2000-02-29"];
    let days = [-47_482, -2, -1, 0, 1, 11_016];
    let features = (0..20_000).map(|number| {
        let (date, yes) = (dates[number % 6].replace('-', "/"), number % 3 == 0);
        format!(r#"{{"type":"Feature","properties":{{"d":"{date}","b":{yes}}},"geometry":{{"type":"Point","coordinates":[{number},0]}}}}"#)
    });
    let text = features.collect::<Vec<_>>().join(",");
    let json = write(&folder, "dates.geojson", &format!(r#"{{"type":"FeatureCollection","features":[{text}]}}"#));
    for (name, format) in [("", "GeoJSON"), ("d.gpkg", "GPKG"), ("d.shp", "ESRI Shapefile"), ("d.fgb", "FlatGeobuf")] {
        let path = if name.is_empty() { json.clone() } else { folder.path().join(name) };
        if !name.is_empty() {
            translate(&json, &path, format);
        }
        let batch = read(open(&path, &options(Reader::Gdal)).unwrap().as_ref()).unwrap();
        let geometry = batch.column(batch.num_columns() - 1).as_binary::<i32>();
        let number = |row: usize| scan(geometry.value(row)).unwrap().bounds.x().unwrap().0 as usize;
        // FlatGeobuf has no dates, and Shapefiles no booleans.
        if let Some(found) = batch.column_by_name("d").unwrap().as_primitive_opt::<Date32Type>() {
            assert!((0..20_000).all(|row| found.value(row) == days[number(row) % 6]), "{format}");
        }
        if let Some(found) = batch.column_by_name("b").unwrap().as_boolean_opt() {
            assert!((0..20_000).all(|row| found.value(row) == (number(row) % 3 == 0)), "{format}");
        }
    }
}

#[test]
fn views_with_functions_are_left_to_gdal() {
    let package = sample();
    package
        .sql("CREATE VIEW v AS SELECT fid AS OGC_FID, geom, ST_MinX(geom) AS x FROM t WHERE fid > 0")
        .features("v", "geom", 2154);
    let named = |reader| OpenOptions { layer: Some("v".into()), ..options(reader) };
    let error = open(&package.path(), &named(Reader::Native)).map(|_| ()).unwrap_err();
    assert!(matches!(error, SourceError::View { .. }) && error.to_string().contains("ST_MinX"), "{error}");
    assert_eq!(layers(&package.path(), Reader::Native).unwrap().len(), 2);
    let layer = open(&package.path(), &named(Reader::Auto)).unwrap();
    assert_eq!(layer.driver(), "GDAL/GPKG");
    assert_eq!(read(layer.as_ref()).unwrap().num_rows(), 2999);
}

/// GDAL's drivers build Arrow columns in different ways, with different errors.
#[test]
fn formats_agree() {
    let package = sample();
    package.insert("UPDATE t SET geom = ?1", [simple_blob(1.0)]);
    let sorted = |batch: &RecordBatch, name: &str| {
        let order = sort_to_indices(batch.column_by_name("key").unwrap(), None, None).unwrap();
        take(batch.column_by_name(name).unwrap(), &order, None).unwrap()
    };
    let native = read(open(&package.path(), &options(Reader::Native)).unwrap().as_ref()).unwrap();
    for (name, format) in [("t.fgb", "FlatGeobuf"), ("t.geojson", "GeoJSON"), ("t.sqlite", "SQLite"), ("t.gml", "GML")]
    {
        let path = package.path().with_file_name(name);
        translate(&package.path(), &path, format);
        let other = read(open(&path, &options(Reader::Auto)).unwrap().as_ref()).unwrap();
        assert_eq!(other.num_rows(), 3000);
        for column in ["key", "b", "i8", "i16", "i32", "i64", "f32", "f64", "s", "d", "dt"] {
            let (expected, found) = (sorted(&native, column), sorted(&other, column));
            let found: arrow::array::ArrayRef = match (expected.data_type(), found.data_type()) {
                // FlatGeobuf has no dates, but instants at midnight.
                (DataType::Date32, DataType::Timestamp(..)) => {
                    let days = found.as_primitive::<TimestampMillisecondType>().iter();
                    Arc::new(days.map(|day| day.map(|day| (day / 86_400_000) as i32)).collect::<Date32Array>())
                }
                // SQLite and GML write instants without the zone they had.
                (DataType::Timestamp(_, zone), DataType::Timestamp(_, None)) if format != "FlatGeobuf" => {
                    let instants = found.as_primitive::<TimestampMillisecondType>().clone();
                    Arc::new(instants.with_timezone_opt(zone.clone()))
                }
                // GML knows a boolean only as a number.
                (expected, _) => cast(&found, expected).unwrap(),
            };
            assert_eq!(expected.as_ref(), found.as_ref(), "{format}, {column}");
        }
    }
}

#[test]
fn times_keep_their_zone() {
    let folder = tempfile::tempdir().unwrap();
    let feature = |same: &str, summer: &str, clock: &str| {
        let value = |text: &str| if text.is_empty() { "null".to_owned() } else { format!("\"{text}\"") };
        format!(
            r#"{{"type":"Feature","properties":{{"same":{},"summer":{},"clock":{}}},"geometry":{{"type":"Point","coordinates":[1,2]}}}}"#,
            value(same),
            value(summer),
            value(clock)
        )
    };
    let collection =
        |features: &[String]| format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
    let text = collection(&[
        feature("", "2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00"),
        feature("2024-01-01T02:00:00+02:00", "", ""),
        feature("2024-07-01T02:00:00+02:00", "2024-07-01T02:00:00+02:00", "2024-07-01T00:00:00"),
    ]);
    let json = write(&folder, "zones.geojson", &text);
    let copy = folder.path().join("zones.fgb");
    translate(&json, &copy, "FlatGeobuf");
    for path in [json, copy] {
        let batch = read(open(&path, &options(Reader::Gdal)).unwrap().as_ref()).unwrap();
        let (january, july) = (1_704_067_200_000, 1_719_792_000_000);
        for (name, zone, expected) in [
            ("same", Some("UTC"), [january, july]),
            ("summer", Some("UTC"), [january, july]),
            ("clock", None, [january, july]),
        ] {
            let column = batch.column_by_name(name).unwrap().as_primitive::<TimestampMillisecondType>();
            assert_eq!(column.timezone(), zone, "{name}");
            let mut found: Vec<_> = column.iter().flatten().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{name}");
        }
    }
    let mixed = collection(&[feature("2024-01-01T02:00:00Z", "", ""), feature("2024-01-01T02:00:00", "", "")]);
    let mixed = write(&folder, "mixed.geojson", &mixed);
    let error = open(&mixed, &options(Reader::Gdal)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("column same, row number 2") && error.contains("--select"), "{error}");
    let without = OpenOptions { select: Some(vec!["clock".into()]), ..options(Reader::Gdal) };
    assert!(open(&mixed, &without).is_ok());
}

#[test]
fn real_extracts_are_whole() {
    for (name, driver, layer_name, rows, code) in [
        ("nz-buildings.fgb", "GDAL/FlatGeobuf", "nz-building-outlines", 2000, 2193),
        ("countries.fgb", "GDAL/FlatGeobuf", "countries", 179, 4326),
        ("communes-bretagne.geojson", "GDAL/GeoJSON", "communes-bretagne", 1232, 4326),
        ("communes-corse.geojson", "GDAL/GeoJSON", "communes-corse", 360, 4326),
    ] {
        let Some(path) = corpus(name) else { continue };
        let layer = open(&path, &options(Reader::Gdal)).unwrap();
        assert_eq!((layer.driver(), layer.name(), layer.row_count_hint()), (driver, layer_name, Some(rows)));
        assert_eq!(layer.input_bytes(), Some(path.metadata().unwrap().len()));
        assert!(layer.splits(10).unwrap()[0].sequential);
        // The native reader finds the same layer, and reads it in parts.
        let native = open(&path, &options(Reader::Auto)).unwrap();
        assert_eq!((native.driver(), native.name()), (driver.trim_start_matches("GDAL/"), layer_name));
        assert_eq!(native.row_count_hint(), Some(rows));
        assert!(native.splits(10).unwrap().len() > 1);
        for reading in 0..2 {
            let batch = read(layer.as_ref()).unwrap();
            assert_eq!(batch.num_rows() as u64, rows, "{name}, reading {reading}");
            let field = batch.schema().field_with_name("geometry").unwrap().clone();
            assert_eq!(
                (field.data_type(), field.metadata()["ARROW:extension:name"].as_str()),
                (&DataType::Binary, "geoarrow.wkb")
            );
            assert!(field.metadata()["ARROW:extension:metadata"].contains(&format!("\"code\":{code}}}")));
            let geometry = batch.column_by_name("geometry").unwrap().as_binary::<i32>();
            assert!(geometry.iter().flatten().all(|wkb| scan(wkb).unwrap().is_canonical));
            assert_eq!(geometry.null_count(), 0);
        }
        let info = layers(&path, Reader::Gdal).unwrap();
        assert_eq!((info.len(), info[0].rows, info[0].crs.clone()), (1, Some(rows), Some(format!("EPSG:{code}"))));
        assert_eq!(info[0].fields.len(), layer.schema().fields().len() - 1);
    }
}

/// What `ogr2ogr` does.
pub(crate) fn translate(from: &Path, to: &Path, format: &str) {
    let source_options = gdal::DatasetOptions { open_flags: gdal::GdalOpenFlags::GDAL_OF_VECTOR, ..Default::default() };
    let source = gdal::Dataset::open_ex(from, source_options).unwrap();
    let to = CString::new(to.to_str().unwrap()).unwrap();
    let mut arguments: Vec<_> = ["-f", format].iter().map(|text| CString::new(*text).unwrap().into_raw()).collect();
    arguments.push(std::ptr::null_mut());
    // SAFETY: the arguments are a list of texts that ends with null, and all handles are alive and used once.
    unsafe {
        let options = gdal_sys::GDALVectorTranslateOptionsNew(arguments.as_mut_ptr(), std::ptr::null_mut());
        let mut sources = [source.c_dataset()];
        let none = std::ptr::null_mut();
        let target = gdal_sys::GDALVectorTranslate(to.as_ptr(), none, 1, sources.as_mut_ptr(), options, none.cast());
        assert!(!target.is_null());
        gdal_sys::GDALVectorTranslateOptionsFree(options);
        gdal_sys::GDALClose(target);
        for argument in arguments.into_iter().filter(|argument| !argument.is_null()) {
            drop(CString::from_raw(argument));
        }
    }
}

pub(crate) fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn columns_and_crs_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        &folder,
        "a.geojson",
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"nom":"Brest","geometry":1,"l":["a","b"]},"geometry":{"type":"Point","coordinates":[1,2,3]}},
        {"type":"Feature","properties":{"nom":null},"geometry":null}]}"#,
    );
    let all = read(open(&path, &options(Reader::Auto)).unwrap().as_ref()).unwrap();
    let names: Vec<_> = all.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["nom", "geometry", "l", "wkb_geometry"], "a property took the name");
    assert_eq!(all.column(3).as_binary::<i32>().value(0), point(1001, &[1.0, 2.0, 3.0]));
    assert!(all.column(3).is_null(1));
    let chosen =
        OpenOptions { select: Some(vec!["nom".into()]), crs: Some("EPSG:2154".into()), ..options(Reader::Gdal) };
    let layer = open(&path, &chosen).unwrap();
    let schema = layer.schema();
    assert_eq!(schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["nom", "wkb_geometry"]);
    assert!(schema.field(1).metadata()["ARROW:extension:metadata"].contains("Lambert-93"));
    assert_eq!(read(layer.as_ref()).unwrap().num_rows(), 2);
    let wrong = OpenOptions { select: Some(vec!["nomm".into()]), ..options(Reader::Gdal) };
    assert!(open(&path, &wrong).map(|_| ()).unwrap_err().to_string().contains("did you mean \"nom\"?"));
    let wrong = OpenOptions { layer: Some("b".into()), ..options(Reader::Gdal) };
    assert!(matches!(open(&path, &wrong).map(|_| ()), Err(SourceError::UnknownLayer { .. })));
}

#[test]
fn what_cannot_be_opened_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, part) in [
        ("text.txt", "hello", "not recognized"),
        ("broken.geojson", r#"{"type":"FeatureCollection","features":[{"type":"Feature","#, "GeoJSON"),
    ] {
        let path = write(&folder, name, text);
        let error = open(&path, &options(Reader::Gdal)).map(|_| ()).unwrap_err();
        assert!(matches!(error, SourceError::GdalOpen { .. }), "{name}: {error}");
        let message = error.to_string();
        assert!(message.contains(name) && message.contains(part) && message.contains("ogrinfo"), "{message}");
    }
    let empty = write(&folder, "empty.gpkg", "");
    let error = open(&empty, &options(Reader::Auto)).map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("empty.gpkg: cannot be read: the file is empty"), "{error}");
    let table = write(&folder, "table.csv", "a,b\n1,2\n");
    assert!(matches!(open(&table, &options(Reader::Gdal)).map(|_| ()), Err(SourceError::NoGeometry { .. })));
    assert!(matches!(open(&table, &options(Reader::Auto)).map(|_| ()), Err(SourceError::NoGeometryColumn { .. })));
    let gone = folder.path().join("gone.shp");
    assert_eq!(open(&gone, &options(Reader::Auto)).map(|_| ()).unwrap_err(), SourceError::NotFound { path: gone });
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let Some(path) = corpus("nz-buildings.fgb") else { return };
    let whole = std::fs::read(path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.fgb");
    for part in [3, 5, 9] {
        std::fs::write(&cut, &whole[..whole.len() * part / 10]).unwrap();
        let result = open(&cut, &options(Reader::Gdal)).and_then(|layer| read(layer.as_ref()));
        let error = result.map(|batch| batch.num_rows()).unwrap_err();
        assert!(matches!(error, SourceError::GdalRead { .. } | SourceError::GdalOpen { .. }), "{error}");
    }
    let package = sample();
    let bytes = std::fs::read(package.path()).unwrap();
    let cut = folder.path().join("cut.gpkg");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let result = open(&cut, &options(Reader::Gdal)).and_then(|layer| read(layer.as_ref()));
    assert!(result.map(|batch| batch.num_rows()).is_err());
}

#[test]
fn curves_are_refused() {
    let package = TestPackage::new();
    let mut curve = vec![1, 8, 0, 0, 0, 3, 0, 0, 0];
    curve.extend([0.0f64, 0.0, 1.0, 1.0, 2.0, 0.0].iter().flat_map(|value| value.to_le_bytes()));
    package
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g GEOMETRY)")
        .features("t", "g", 2154)
        .insert("INSERT INTO t VALUES (1, ?1)", [simple_blob(1.0)])
        .insert("INSERT INTO t VALUES (2, ?1)", [blob(&curve, 0, true)]);
    for (reader, row) in [(Reader::Native, "rowid 2"), (Reader::Gdal, "row number 2")] {
        let error = read(open(&package.path(), &options(reader)).unwrap().as_ref()).unwrap_err().to_string();
        for part in [row, "CircularString", "(--linearize)"] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}

#[test]
fn readings_side_by_side() {
    let package = sample();
    let layer = open(&package.path(), &options(Reader::Gdal)).unwrap();
    std::thread::scope(|scope| {
        let readings: Vec<_> = (0..3).map(|_| scope.spawn(|| read(layer.as_ref()).unwrap().num_rows())).collect();
        for reading in readings {
            assert_eq!(reading.join().unwrap(), 3000);
        }
    });
}

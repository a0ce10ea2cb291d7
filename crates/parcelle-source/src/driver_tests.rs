//! Drivers of GDAL that behave in ways of their own.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gdal::DriverManager;
use tempfile::TempDir;

use crate::tests::{options, read, translate, write};
use crate::{Reader, SourceError, layers, open};

/// Whether this libgdal has a driver.
fn has_driver(name: &str) -> bool {
    let has = DriverManager::get_driver_by_name(name).is_ok();
    if !has {
        eprintln!("skipped: this libgdal has no driver {name}");
    }
    has
}

/// Points with a number and a name, as GeoJSON.
fn points(folder: &TempDir, count: usize) -> PathBuf {
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    for number in 0..count {
        let separator = if number > 0 { "," } else { "" };
        let (x, y) = (number % 100, number / 100);
        write!(
            text,
            r#"{separator}{{"type":"Feature","properties":{{"number":{number},"name":"n{number}"}},
            "geometry":{{"type":"Point","coordinates":[{x},{y}.5]}}}}"#
        )
        .unwrap();
    }
    text.push_str("]}");
    write(folder, &format!("points{count}.geojson"), &text)
}

/// How many rows are read; it gives up long after the end.
fn rows_until(path: &Path, limit: usize) -> Result<usize, SourceError> {
    let layer = open(path, &options(Reader::Auto))?;
    let mut rows = 0;
    for split in layer.splits(1000)? {
        layer.read(&split, &mut |batch| {
            rows += batch.num_rows();
            if rows > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(rows)
}

/// The driver Geoconcept begins again after the last feature; 2048 is the size of a batch.
#[test]
fn a_driver_that_begins_again_is_read_once() {
    if !has_driver("Geoconcept") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for count in [1, 300, 2047, 2048, 2049, 4096] {
        let path = folder.path().join(format!("points{count}.gxt"));
        translate(&points(&folder, count), &path, "Geoconcept");
        assert_eq!(rows_until(&path, 3 * count).unwrap(), count);
    }
}

/// The driver GML reads the file when it is opened, and reports no failure later.
#[test]
fn gml_that_ends_early_is_an_error() {
    if !has_driver("GML") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.gml");
    translate(&points(&folder, 500), &path, "GML");
    assert_eq!(rows_until(&path, 1000).unwrap(), 500);
    let whole = std::fs::read(&path).unwrap();
    for part in [2, 5, 9] {
        let cut = folder.path().join(format!("cut{part}.gml"));
        std::fs::write(&cut, &whole[..whole.len() * part / 10]).unwrap();
        let error = rows_until(&cut, 1000).unwrap_err();
        assert!(matches!(error, SourceError::GdalIncomplete { .. } | SourceError::GdalRead { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("XML parsing") && message.contains("incomplete"), "{message}");
        assert!(layers(&cut, Reader::Auto).is_err());
    }
}

/// A reference system that PROJ does not know leaves the rows as they are: `--crs` is the way out.
#[test]
fn an_unknown_reference_system_is_no_damage() {
    if !has_driver("GML") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.gml");
    translate(&points(&folder, 3), &path, "GML");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("EPSG::4326"), "{text}");
    let unknown = write(&folder, "unknown.gml", &text.replace("EPSG::4326", "EPSG::999999"));
    let chosen = crate::OpenOptions { crs: Some("EPSG:4326".into()), ..options(Reader::Auto) };
    assert_eq!(read(open(&unknown, &chosen).unwrap().as_ref()).unwrap().num_rows(), 3);
    let text = std::fs::read_to_string(points(&folder, 3)).unwrap();
    let crs = r#"{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::999999"}},"#;
    let unknown = write(&folder, "unknown.geojson", &text.replacen('{', crs, 1));
    assert_eq!(read(open(&unknown, &chosen).unwrap().as_ref()).unwrap().num_rows(), 3);
}

/// The driver MapInfo File tells the reference system of the layer, and none of the geometry field.
#[test]
fn mapinfo_keeps_its_reference_system() {
    if !has_driver("MapInfo File") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [("points.mif", "MapInfo File"), ("points.tab", "MapInfo File")] {
        let path = folder.path().join(name);
        translate(&points(&folder, 3), &path, format);
        let layer = open(&path, &options(Reader::Auto)).unwrap();
        let schema = layer.schema();
        let geometry = schema.field_with_name("geometry").unwrap();
        let metadata = &geometry.metadata()["ARROW:extension:metadata"];
        assert!(metadata.contains("World Geodetic System 1984"), "{name}: {metadata}");
        assert!(layers(&path, Reader::Auto).unwrap()[0].crs.is_some(), "{name}");
    }
}

/// GDAL's word for what a GeoPackage says of its columns, which is the way of FileGDB, too.
#[test]
fn domains_are_those_of_the_reader_of_geopackages() {
    let package = crate::gpkg::testing::TestPackage::new();
    package
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, h REAL, n TEXT, p TEXT, o TEXT)")
        .features("t", "g", 2154)
        .sql(
            "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT,
               description TEXT, mime_type TEXT, constraint_name TEXT);
             CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL,
               value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT);
             INSERT INTO gpkg_data_columns VALUES ('t', 'h', NULL, NULL, NULL, NULL, 'hauteurs'),
               ('t', 'n', NULL, NULL, NULL, NULL, 'natures'), ('t', 'p', NULL, NULL, NULL, NULL, 'noms');
             INSERT INTO gpkg_data_column_constraints VALUES ('hauteurs', 'range', NULL, 0.5, 0, 9.5, 1, NULL),
               ('natures', 'enum', '1', NULL, NULL, NULL, NULL, 'église'), ('natures', 'enum', '2', NULL, NULL, NULL, NULL, NULL),
               ('noms', 'glob', '[A-Z]*', NULL, NULL, NULL, NULL, NULL);",
        );
    let said = |reader: Reader, name: &str| {
        let schema = open(&package.path(), &options(reader)).unwrap().schema();
        let metadata = schema.field_with_name(name).unwrap().metadata();
        metadata.get("domain").map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap())
    };
    for name in ["h", "n", "p", "o"] {
        assert_eq!(said(Reader::Gdal, name), said(Reader::Auto, name), "{name}");
    }
    assert!(said(Reader::Gdal, "n").is_some());
}

#[test]
fn messages_end_without_two_full_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "text.txt", "hello");
    let message = open(&path, &options(Reader::Auto)).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("not recognized") && !message.contains(".."), "{message}");
}

#[test]
fn connection_strings_are_never_repeated_with_their_secrets() {
    let (none, known) = (Reader::Auto, "no database or service");
    for (text, reader, said) in [
        // Nobody listens at the port of a unix socket that is not there, nor at port 1.
        ("PG:host=/nowhere/at/all user=u password=secret dbname=d", none, "password=*** dbname=d: GDAL cannot open it"),
        ("MySQL:d,user=u,password=secret,host=127.0.0.1,port=1", Reader::Gdal, "password=***,host=127.0.0.1"),
        ("https://u:secret@127.0.0.1:1/a.gpkg", none, "https://u:***@127.0.0.1:1/a.gpkg"),
        ("PG:password=secret", Reader::Native, "PG:password=***: this format has no native reader"),
        ("OCI:u/secret@d", none, "OCI:…: this libgdal has no driver OCI"),
        ("HANA:PWD=secret", none, "HANA:…: this libgdal has no driver HANA"),
        ("Foo:password=secret", none, known),
        (&format!("Foo:password=secret {}", "x".repeat(5000)), none, known),
    ] {
        let error = open(Path::new(text), &options(reader)).map(|_| ()).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}"), layers(Path::new(text), reader).unwrap_err().to_string()]
        {
            assert!(!shown.contains("secret"), "{shown}");
        }
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("a:b.gpkg");
    for path in [gone.as_path(), Path::new("gone.gpkg"), Path::new("C:gone.gpkg"), Path::new("2024-01:gone.gpkg")] {
        let error = open(path, &options(Reader::Auto)).map(|_| ()).unwrap_err();
        assert_eq!(error, SourceError::NotFound { path: path.to_owned() });
    }
}

//! Values of a GeoPackage, geometry blobs first: read from pages and through SQLite, they are the same.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Rows, Scratch, open_and_read, parts, start};
use parcelle_source::{Curves, InvalidValues, OnInvalid, OpenOptions, SourceError};
use rusqlite::Connection;
use rusqlite::types::Value;

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(empty_package);

/// Rows of an input, at most.
const MOST_ROWS: usize = 8;

/// A table and a view of it: rows of the one are read from pages, of the other through SQLite.
const SCHEMA: &str = "
    PRAGMA page_size = 512; PRAGMA application_id = 0x47504B47; PRAGMA user_version = 10300;
    CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
      organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
    INSERT INTO gpkg_spatial_ref_sys VALUES ('Lambert-93', 2154, 'EPSG', 2154, 'undefined', NULL);
    CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
      description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
    CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
      geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL);
    CREATE TABLE t (geom GEOMETRY, b BOOLEAN, i INTEGER, s SMALLINT, d DOUBLE, f FLOAT, x TEXT, y BLOB, day DATE,
      instant DATETIME);
    CREATE VIEW v AS SELECT * FROM t;
    INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('t', 'features', 2154), ('v', 'features', 2154);
    INSERT INTO gpkg_geometry_columns VALUES ('t', 'geom', 'GEOMETRY', 2154, 2, 2),
      ('v', 'geom', 'GEOMETRY', 2154, 2, 2);";

fn empty_package() -> Vec<u8> {
    let path = SCRATCH.path().join("empty.gpkg");
    let made = Connection::open(&path).and_then(|connection| connection.execute_batch(SCHEMA));
    assert!(made.is_ok(), "{made:?}");
    std::fs::read(path).unwrap_or_else(|error| panic!("{error}"))
}

/// A value of SQLite: its class is told by the first byte.
fn value(bytes: &[u8]) -> Value {
    let Some((class, rest)) = bytes.split_first() else { return Value::Null };
    let mut word = [0; 8];
    word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    match class % 4 {
        0 => Value::Integer(i64::from_le_bytes(word)),
        1 => Value::Real(f64::from_le_bytes(word)),
        2 => Value::Text(String::from_utf8_lossy(rest).into_owned()),
        _ => Value::Blob(rest.to_vec()),
    }
}

/// Fills the table: a part is a geometry, the next a value that goes into every column.
fn fill(path: &Path, data: &[u8]) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")?;
    {
        let mut insert = connection.prepare("INSERT INTO t VALUES (?1, ?2, ?2, ?2, ?2, ?2, ?2, ?2, ?2, ?2)")?;
        for row in parts(data, 2 * MOST_ROWS).chunks(2) {
            let [geometry, rest @ ..] = row else { break };
            let geometry = if geometry.is_empty() { Value::Null } else { Value::Blob(geometry.to_vec()) };
            insert.execute((geometry, value(rest.first().copied().unwrap_or_default())))?;
        }
    }
    connection.execute_batch("COMMIT")
}

fuzz_target!(init: start(), |data: &[u8]| {
    let Some((flags, data)) = data.split_first() else { return };
    let path = SCRATCH.file("input.gpkg", &EMPTY);
    let filled = fill(&path, data);
    assert!(filled.is_ok(), "{filled:?}");
    let policy = match flags % 3 {
        0 => OnInvalid::Error,
        1 => OnInvalid::Null,
        _ => OnInvalid::Keep,
    };
    let read = |layer: &str| -> Rows {
        let curves = if flags & 4 == 0 { Curves::default() } else { Curves::linearised() };
        let (layer, invalid) = (Some(layer.to_owned()), InvalidValues::new(policy));
        open_and_read(&path, &OpenOptions { layer, invalid, curves, threads: 1, ..OpenOptions::default() })
    };
    let (direct, through_sqlite) = (read("t"), read("v"));
    let columns = |rows: &Rows| rows.as_ref().ok().and_then(Option::as_ref).map(RecordBatch::columns).map(<[_]>::to_vec);
    assert_eq!(columns(&direct), columns(&through_sqlite), "{direct:?} and {through_sqlite:?}");
    for rows in [&direct, &through_sqlite] {
        let is_sound = !matches!(rows, Err(SourceError::Damaged { .. } | SourceError::Database { .. }));
        assert!(is_sound, "SQLite wrote it: {rows:?}");
    }
});

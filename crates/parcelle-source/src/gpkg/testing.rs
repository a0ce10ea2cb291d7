//! GeoPackages made to measure, for tests.

use std::path::PathBuf;

use rusqlite::{Connection, Params};
use tempfile::TempDir;

/// A GeoPackage in a folder of its own, which goes when it does.
pub(crate) struct TestPackage {
    folder: TempDir,
    pub(crate) connection: Connection,
}

impl TestPackage {
    /// With the metadata tables and reference systems that every GeoPackage has, and EPSG:2154.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// The same, after SQL that says how the file is to be, such as the size of its pages.
    pub(crate) fn with(pragmas: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("tést?#%20 1.gpkg")).unwrap();
        connection.execute_batch(pragmas).unwrap();
        connection
            .execute_batch(
                "PRAGMA application_id = 0x47504B47; PRAGMA user_version = 10300; PRAGMA synchronous = OFF;
                 CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
                   organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
                   description TEXT);
                 INSERT INTO gpkg_spatial_ref_sys VALUES
                   ('Undefined cartesian', -1, 'NONE', -1, 'undefined', NULL),
                   ('Undefined geographic', 0, 'NONE', 0, 'undefined', NULL),
                   ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS[\"WGS 84\"]', NULL),
                   ('Lambert-93', 2154, 'EPSG', 2154, 'PROJCS[\"RGF93 / Lambert-93\"]', NULL);
                 CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
                   identifier TEXT UNIQUE, description TEXT DEFAULT '',
                   last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
                   min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
                 CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
                   geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
                   CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name));",
            )
            .unwrap();
        Self { folder, connection }
    }

    /// Runs SQL.
    pub(crate) fn sql(&self, sql: &str) -> &Self {
        self.connection.execute_batch(sql).unwrap();
        self
    }

    /// Runs one statement with parameters.
    pub(crate) fn insert(&self, sql: &str, parameters: impl Params) -> &Self {
        self.connection.execute(sql, parameters).unwrap();
        self
    }

    /// Lists a table as features.
    pub(crate) fn features(&self, table: &str, geometry: &str, srs_id: i64) -> &Self {
        self.insert(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?1, 'features', ?1, ?2)",
            (table, srs_id),
        )
        .insert("INSERT INTO gpkg_geometry_columns VALUES (?1, ?2, 'GEOMETRY', ?3, 2, 2)", (table, geometry, srs_id))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tést?#%20 1.gpkg")
    }
}

/// A point as little-endian WKB, of a type code such as 1 or 3001.
pub(crate) fn point(code: u32, ordinates: &[f64]) -> Vec<u8> {
    let mut wkb = vec![1];
    wkb.extend(code.to_le_bytes());
    wkb.extend(ordinates.iter().flat_map(|value| value.to_le_bytes()));
    wkb
}

/// The same as [`point`], big-endian.
pub(crate) fn big_endian_point(code: u32, ordinates: &[f64]) -> Vec<u8> {
    let mut wkb = vec![0];
    wkb.extend(code.to_be_bytes());
    wkb.extend(ordinates.iter().flat_map(|value| value.to_be_bytes()));
    wkb
}

/// A GeoPackage geometry with an envelope of the code.
pub(crate) fn blob(wkb: &[u8], envelope: u8, little_endian: bool) -> Vec<u8> {
    let mut blob = vec![b'G', b'P', 0, envelope << 1 | u8::from(little_endian)];
    blob.extend(if little_endian { 2154i32.to_le_bytes() } else { 2154i32.to_be_bytes() });
    blob.resize(8 + [0, 32, 48, 48, 64][usize::from(envelope)], 0);
    blob.extend(wkb);
    blob
}

/// The usual geometry of tests.
pub(crate) fn simple_blob(x: f64) -> Vec<u8> {
    blob(&point(1, &[x, 2.0]), 1, true)
}

//! A GeoPackage writer with every freedom the format gives: header byte order, envelope, dimensions, key and names.
//!
//! Source: OGC 12-128r18 (GeoPackage 1.3), clauses 1.1.1 to 1.1.3 and 2.1.

use std::error::Error;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::crs;
use crate::database::quote;
use crate::wkb::{Dimension, Encoding, Position, Shape};

/// One timestamp for everything: the same file on every day.
const LAST_CHANGE: &str = "2024-01-01T00:00:00.000Z";

/// The bounds a geometry's header carries (clause 2.1.3.1.1, flag bits 3 to 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    None = 0,
    Xy = 1,
    Xyz = 2,
    Xym = 3,
    Xyzm = 4,
}

impl Envelope {
    pub(crate) const ALL: [Self; 5] = [Self::None, Self::Xy, Self::Xyz, Self::Xym, Self::Xyzm];

    fn slots(self) -> &'static [usize] {
        match self {
            Self::None => &[],
            Self::Xy => &[0, 1],
            Self::Xyz => &[0, 1, 2],
            Self::Xym => &[0, 1, 3],
            Self::Xyzm => &[0, 1, 2, 3],
        }
    }
}

/// How a geometry's header is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) big_endian: bool,
    pub(crate) envelope: Envelope,
    pub(crate) srs_id: i32,
}

/// A geometry as GeoPackage stores it: header, envelope, well-known binary.
pub(crate) fn blob(shape: &Shape, dimension: Dimension, header: Header, encoding: Encoding) -> Vec<u8> {
    let positions = shape.positions();
    let envelope = if positions.is_empty() { Envelope::None } else { header.envelope };
    let empty = u8::from(positions.is_empty()) << 4;
    let mut bytes = vec![b'G', b'P', 0, empty | (envelope as u8) << 1 | u8::from(!header.big_endian)];
    bytes.extend(if header.big_endian { header.srs_id.to_be_bytes() } else { header.srs_id.to_le_bytes() });
    for &slot in envelope.slots() {
        let (low, high) = range(&positions, slot);
        for value in [low, high] {
            bytes.extend(if header.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        }
    }
    bytes.extend(shape.wkb(dimension, encoding));
    bytes
}

fn range(positions: &[Position], slot: usize) -> (f64, f64) {
    let values = positions.iter().map(|position| position[slot]);
    (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
}

/// A table to make.
#[derive(Debug, Clone)]
pub(crate) struct Table<'a> {
    pub(crate) name: &'a str,
    /// The integer primary key.
    pub(crate) key: &'a str,
    /// Names and declared types.
    pub(crate) columns: &'a [(&'a str, &'a str)],
    pub(crate) geometry: Option<GeometryColumn<'a>>,
}

/// What `gpkg_geometry_columns` says of a layer.
#[derive(Debug, Clone)]
pub(crate) struct GeometryColumn<'a> {
    pub(crate) name: &'a str,
    pub(crate) type_name: &'a str,
    pub(crate) srs_id: i32,
    /// 0 prohibited, 1 mandatory, 2 optional.
    pub(crate) z: u8,
    pub(crate) m: u8,
}

impl<'a> GeometryColumn<'a> {
    pub(crate) fn new(type_name: &'a str, srs_id: i32, dimension: Dimension) -> Self {
        Self { name: "geom", type_name, srs_id, z: u8::from(dimension.has_z()), m: u8::from(dimension.has_m()) }
    }
}

/// Makes a GeoPackage with the reference systems of the fixtures and no layer.
pub(crate) fn create(path: &Path, page_size: u32) -> Result<Connection, Box<dyn Error>> {
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA page_size = {page_size};
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA application_id = 1196444487;
         PRAGMA user_version = 10300;
         CREATE TABLE gpkg_spatial_ref_sys (
           srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
           organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
         CREATE TABLE gpkg_contents (
           table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
           description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE,
           max_y DOUBLE, srs_id INTEGER,
           CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
         CREATE TABLE gpkg_geometry_columns (
           table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
           srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
           CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
           CONSTRAINT uk_gc_table_name UNIQUE (table_name),
           CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
           CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));"
    ))?;
    for (name, id, organization, code, definition) in [
        ("Undefined cartesian SRS", -1, "NONE", -1, "undefined"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
        ("WGS 84", 4326, "EPSG", 4326, crs::WGS_84),
        ("WGS 84 / Pseudo-Mercator", 3857, "EPSG", 3857, crs::WEB_MERCATOR),
        ("RGF93 v1 / Lambert-93", 2154, "EPSG", 2154, crs::LAMBERT_93),
        ("Quarry site grid", 100_000, "NONE", 100_000, crs::SITE_GRID),
    ] {
        connection.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, ?3, ?4, ?5, NULL)",
            params![name, id, organization, code, definition],
        )?;
    }
    Ok(connection)
}

/// Makes a table and registers it as a layer, or as attributes when it has no geometry.
pub(crate) fn create_table(connection: &Connection, table: &Table<'_>) -> Result<(), Box<dyn Error>> {
    let mut columns = vec![format!("{} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", quote(table.key))];
    columns.extend(table.geometry.iter().map(|geometry| format!("{} {}", quote(geometry.name), geometry.type_name)));
    columns.extend(table.columns.iter().map(|(name, declared)| format!("{} {declared}", quote(name))));
    connection.execute_batch(&format!("CREATE TABLE {} ({})", quote(table.name), columns.join(", ")))?;
    register(connection, table)
}

/// Registers a table or view.
pub(crate) fn register(connection: &Connection, table: &Table<'_>) -> Result<(), Box<dyn Error>> {
    let data_type = if table.geometry.is_some() { "features" } else { "attributes" };
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change, srs_id) VALUES (?1, ?2, ?1, ?3, ?4)",
        params![table.name, data_type, LAST_CHANGE, table.geometry.as_ref().map(|geometry| geometry.srs_id)],
    )?;
    if let Some(geometry) = &table.geometry {
        connection.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![table.name, geometry.name, geometry.type_name, geometry.srs_id, geometry.z, geometry.m],
        )?;
    }
    Ok(())
}

//! What the metadata tables of a GeoPackage say.

use parcelle_crs::Crs;
use parcelle_geometry::{Dimension, GeometryKind, GeometryType};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::error::SourceError;
use crate::geometry_field::crs_error;
use crate::gpkg::database::{Database, quoted};

/// A table of the contents that holds rows: features, or attributes without geometry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) table: String,
    pub(crate) geometry: Option<GeometryEntry>,
}

/// The geometry column of a table. A GeoPackage has at most one per table.
#[derive(Debug, Clone)]
pub(crate) struct GeometryEntry {
    pub(crate) column: String,
    type_name: String,
    pub(crate) srs_id: i64,
    z: i64,
    m: i64,
}

impl GeometryEntry {
    /// The one type that geometries have to be of; `None` where any is allowed, or one with curves. Ordinates that are
    /// optional are left out.
    pub(crate) fn declared_type(&self) -> Option<GeometryType> {
        let is_named = |kind: &GeometryKind| {
            let short =
                *kind == GeometryKind::GeometryCollection && self.type_name.eq_ignore_ascii_case("GEOMCOLLECTION");
            short || self.type_name.eq_ignore_ascii_case(kind.name())
        };
        let kind = GeometryKind::ALL.into_iter().find(is_named)?;
        Some(GeometryType { kind, dimension: Dimension::new(self.z == 1, self.m == 1) })
    }

    /// Such as `MULTIPOLYGON Z`. 1 stands for mandatory, 2 for optional ordinates (clause 2.1.5).
    pub(crate) fn type_text(&self) -> String {
        let ordinates = match (self.z, self.m) {
            (1, 1) => " ZM",
            (1, _) => " Z",
            (_, 1) => " M",
            _ => "",
        };
        format!("{}{ordinates}", self.type_name.to_uppercase())
    }
}

/// Whether there is a table (or view) of that name.
pub(crate) fn has_table(connection: &Connection, name: &str) -> Result<bool> {
    connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            [name],
            |_| Ok(()),
        )
        .optional()
        .map(|found| found.is_some())
}

/// Refuses a view that calls functions which SQLite does not have, such as those of GDAL and SpatiaLite.
pub(crate) fn check_view(
    connection: &Connection,
    database: &Database,
    table: &str,
) -> std::result::Result<(), SourceError> {
    let is_view = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE", [table], |_| Ok(()))
        .optional()
        .map_err(|error| database.error(&error))?;
    if is_view.is_none() {
        return Ok(());
    }
    let (path, layer) = (database.path().to_owned(), table.to_owned());
    match connection.prepare(&format!("SELECT * FROM {} LIMIT 0", quoted(table))) {
        Ok(_) => Ok(()),
        Err(error) => Err(SourceError::View { path, layer, reason: error.to_string() }),
    }
}

/// The tables with rows, in the order of `gpkg_contents` (clauses 1.1.3 and 2.1.5).
pub(crate) fn entries(connection: &Connection) -> Result<Vec<Entry>> {
    let (columns, join) = if has_table(connection, "gpkg_geometry_columns")? {
        (
            "g.column_name, g.geometry_type_name, g.srs_id, g.z, g.m",
            "LEFT JOIN gpkg_geometry_columns g ON g.table_name = c.table_name COLLATE NOCASE",
        )
    } else {
        ("NULL, NULL, NULL, NULL, NULL", "")
    };
    let mut statement = connection.prepare(&format!(
        "SELECT c.table_name, {columns} FROM gpkg_contents c {join} \
         WHERE c.data_type IN ('features', 'attributes', 'aspatial')"
    ))?;
    let rows = statement.query_map([], |row| {
        let column: Option<String> = row.get(1)?;
        let geometry = column
            .map(|column| {
                Ok::<_, rusqlite::Error>(GeometryEntry {
                    column,
                    type_name: row.get::<_, Option<String>>(2)?.unwrap_or_else(|| "GEOMETRY".to_owned()),
                    srs_id: row.get::<_, Option<i64>>(3)?.unwrap_or(-1),
                    z: row.get::<_, Option<i64>>(4)?.unwrap_or(0),
                    m: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
                })
            })
            .transpose()?;
        Ok(Entry { table: row.get(0)?, geometry })
    })?;
    rows.collect()
}

/// The number of rows that GDAL's triggers keep in `gpkg_ogr_contents`, where that table exists and is filled.
pub(crate) fn feature_count(connection: &Connection, table: &str) -> Result<Option<u64>> {
    if !has_table(connection, "gpkg_ogr_contents")? {
        return Ok(None);
    }
    let count: Option<Option<i64>> = connection
        .query_row("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = ?1 COLLATE NOCASE", [table], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(count.flatten().and_then(|count| u64::try_from(count).ok()))
}

/// The coordinate reference system behind a `srs_id`; `None` for the undefined ones, -1 and 0 (requirement 11). The
/// organisation's code comes first, then the definition in WKT 2 of the extension for it, then the one in WKT 1.
pub(crate) fn reference_system(
    connection: &Connection,
    database: &Database,
    table: &str,
    srs_id: i64,
) -> std::result::Result<Option<Crs>, SourceError> {
    if matches!(srs_id, -1 | 0) {
        return Ok(None);
    }
    let query = || {
        let wkt2: bool = connection.query_row(
            "SELECT count(*) FROM pragma_table_info('gpkg_spatial_ref_sys') WHERE name = 'definition_12_063'",
            [],
            |row| row.get(0),
        )?;
        let wkt2 = if wkt2 { "definition_12_063" } else { "NULL" };
        connection
            .query_row(
                &format!(
                    "SELECT organization, CAST(organization_coordsys_id AS TEXT), {wkt2}, definition \
                     FROM gpkg_spatial_ref_sys WHERE srs_id = ?1"
                ),
                [srs_id],
                |row| {
                    let text = |index| row.get::<_, Option<String>>(index).map(Option::unwrap_or_default);
                    Ok((text(0)?, text(1)?, text(2)?, text(3)?))
                },
            )
            .optional()
    };
    let Some((organization, code, wkt2, wkt1)) = query().map_err(|error| database.error(&error))? else {
        let reason = format!("srs_id {srs_id} is not in gpkg_spatial_ref_sys");
        return Err(crs_error(database.path(), table, reason));
    };
    let mut failure = None;
    if !organization.eq_ignore_ascii_case("NONE") {
        match Crs::from_authority(&organization, &code) {
            Ok(crs) => return Ok(Some(crs)),
            Err(error) => failure = Some(error.to_string()),
        }
    }
    for definition in [wkt2, wkt1].iter().filter(|text| !matches!(text.trim(), "" | "undefined")) {
        match Crs::from_definition(definition) {
            Ok(crs) => return Ok(Some(crs)),
            Err(error) => failure = Some(error.to_string()),
        }
    }
    let reason = failure.unwrap_or_else(|| format!("srs_id {srs_id} has no definition in gpkg_spatial_ref_sys"));
    Err(crs_error(database.path(), table, reason))
}

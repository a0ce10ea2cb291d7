//! The native GeoPackage reader (OGC 12-128r18): ranges of row ids straight into Arrow columns.
//!
//! | module | is |
//! |---|---|
//! | [`database`] | the file: is it one, connections, has it changed |
//! | [`catalogue`] | what the metadata tables say: layers, geometry columns, reference systems |
//! | [`columns`] | the columns of a table and their Arrow types |
//! | [`splits`] | ranges of row ids with about equal numbers of rows |
//! | [`value`], [`blob`] | one value into its column |
//! | [`layer`] | all of that as a [`Layer`](crate::Layer) |

mod blob;
mod catalogue;
mod columns;
mod database;
mod layer;
mod splits;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod value;

use std::path::Path;

pub(crate) use database::is_geopackage;
pub(crate) use layer::GeoPackageLayer;

use crate::error::SourceError;
use crate::{FieldInfo, LayerInfo};
use database::Database;

/// The layers of a GeoPackage, tables without geometry among them.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    let database = Database::open(path)?;
    let connection = database.connect()?;
    let entries = catalogue::entries(&connection).map_err(|error| database.error(&error))?;
    let info = |entry: catalogue::Entry| {
        let columns = match catalogue::check_view(&connection, &database, &entry.table) {
            // It cannot be read, but it can be listed.
            Err(SourceError::View { .. }) => Vec::new(),
            Err(error) => return Err(error),
            Ok(()) => columns::Table::read(&connection, &entry.table).map_err(|error| database.error(&error))?.columns,
        };
        let rows = catalogue::feature_count(&connection, &entry.table).map_err(|error| database.error(&error))?;
        let geometry_name = entry.geometry.as_ref().map(|geometry| geometry.column.as_str());
        let is_geometry = |name: &str| geometry_name.is_some_and(|geometry| geometry.eq_ignore_ascii_case(name));
        let fields = columns
            .iter()
            .filter(|column| !is_geometry(&column.name))
            .map(|column| FieldInfo { name: column.name.clone(), type_name: column.declared.clone() })
            .collect();
        // A layer whose reference system cannot be resolved still has a name and columns to be listed.
        let crs = entry.geometry.as_ref().and_then(|geometry| {
            let crs = catalogue::reference_system(&connection, &database, &entry.table, geometry.srs_id);
            crs.ok().flatten().map_or_else(
                || (geometry.srs_id > 0).then(|| format!("srs_id {}", geometry.srs_id)),
                |crs| Some(crs.to_string()),
            )
        });
        let geometry = entry.geometry.map(|geometry| geometry.type_text());
        Ok(LayerInfo { name: entry.table, rows, geometry, crs, fields })
    };
    entries.into_iter().map(info).collect()
}

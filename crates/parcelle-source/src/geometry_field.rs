//! The Arrow field of a geometry column.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use geoarrow_schema::{Crs as GeoArrowCrs, Edges, Metadata, WkbType};
use parcelle_crs::Crs;
use parcelle_geometry::{DECLARED_TYPE_KEY, GeometryType};

use crate::error::SourceError;

/// A binary field of the extension type `geoarrow.wkb`, with its coordinate reference system where it has one.
pub(crate) fn geometry_field(name: &str, nullable: bool, crs: Option<&Crs>) -> Field {
    geometry_field_with_edges(name, nullable, crs, None)
}

/// The same, with the way in which the line between two positions runs; `None` means planar.
pub(crate) fn geometry_field_with_edges(name: &str, nullable: bool, crs: Option<&Crs>, edges: Option<Edges>) -> Field {
    let crs = crs.map_or_else(GeoArrowCrs::default, |crs| GeoArrowCrs::from_projjson(crs.to_projjson()));
    Field::new(name, DataType::Binary, nullable).with_extension_type(WkbType::new(Arc::new(Metadata::new(crs, edges))))
}

/// The same field, with the type that all of its geometries are declared to have.
pub(crate) fn declared(field: Field, geometry_type: Option<GeometryType>) -> Field {
    let Some(geometry_type) = geometry_type else { return field };
    let mut metadata = field.metadata().clone();
    metadata.insert(DECLARED_TYPE_KEY.to_owned(), geometry_type.to_string());
    field.with_metadata(metadata)
}

/// The coordinate reference system of a layer: the assigned one, else what the source says.
pub(crate) fn layer_crs(
    assigned: Option<&str>,
    source: impl FnOnce() -> Result<Option<Crs>, SourceError>,
) -> Result<Option<Crs>, SourceError> {
    match assigned {
        Some(text) => Crs::from_definition(text).map(Some).map_err(|reason| SourceError::AssignedCrs { reason }),
        None => source(),
    }
}

/// A [`SourceError::Crs`].
pub(crate) fn crs_error(path: &Path, layer: &str, reason: impl ToString) -> SourceError {
    SourceError::Crs { path: path.to_owned(), layer: layer.to_owned(), reason: reason.to_string() }
}

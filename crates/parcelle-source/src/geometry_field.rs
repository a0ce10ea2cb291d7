//! The Arrow field of a geometry column.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use geoarrow_schema::{Crs as GeoArrowCrs, Edges, Metadata, WkbType};
use parcelle_crs::{Crs, CrsError, Motion};
use parcelle_geometry::{DECLARED_TYPE_KEY, EPOCH_KEY, GeometryType, ORIENTATION_KEY};
use serde_json::{Value, json};

use crate::error::SourceError;

/// Key of the extension metadata in an Arrow field's metadata.
const METADATA: &str = "ARROW:extension:metadata";

/// What a geometry field says of the place of its coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldReference {
    /// Their reference system; `None` where it is not known.
    pub crs: Option<Crs>,
    /// Decimal year for which they hold.
    pub epoch: Option<f64>,
    /// Whether the line between two positions is straight, rather than the shortest on the ground.
    pub is_planar: bool,
}

impl FieldReference {
    /// What a field of geometry says.
    ///
    /// # Errors
    /// [`CrsError`] where its reference system cannot be understood.
    pub fn of(field: &Field) -> Result<Self, CrsError> {
        let metadata = metadata(field)?;
        let edges = metadata.get("edges").and_then(Value::as_str);
        let is_planar = edges.is_none_or(|edges| edges == "planar");
        let value = metadata.get("crs").unwrap_or(&Value::Null);
        let (value, epoch) = match value.get("type").and_then(Value::as_str) {
            Some("CoordinateMetadata") => (value.get("crs").unwrap_or(&Value::Null), value.get("coordinateEpoch")),
            _ => (value, None),
        };
        let crs = match value {
            Value::Null => None,
            Value::String(text) => Some(Crs::from_definition(text)?),
            value => Some(Crs::from_projjson(value.clone())?),
        };
        let noted = || field.metadata().get(EPOCH_KEY)?.parse().ok();
        Ok(Self { crs, epoch: epoch.and_then(Value::as_f64).or_else(noted), is_planar })
    }
}

/// The same field of geometry with another reference system. Its edges stay as they were, and its epoch where the system is
/// not a static one; what was said of the order of rings no longer holds, as axes may point elsewhere.
///
/// # Errors
/// [`CrsError`] where its metadata cannot be understood.
pub fn with_crs(field: &Field, crs: &Crs) -> Result<Field, CrsError> {
    let mut metadata = metadata(field)?;
    let epoch = metadata.get("crs").and_then(|crs| crs.get("coordinateEpoch")).cloned();
    let is_static = crs.motion() == Motion::Static;
    let epoch = epoch.filter(|_| !is_static);
    let crs = match epoch {
        None => crs.to_projjson(),
        Some(epoch) => json!({"type": "CoordinateMetadata", "crs": crs.to_projjson(), "coordinateEpoch": epoch}),
    };
    metadata.insert("crs".to_owned(), crs);
    metadata.insert("crs_type".to_owned(), "projjson".into());
    let mut entries = field.metadata().clone();
    entries.retain(|key, _| key != ORIENTATION_KEY && !(is_static && key == EPOCH_KEY));
    entries.insert(METADATA.to_owned(), Value::Object(metadata).to_string());
    Ok(field.clone().with_metadata(entries))
}

fn metadata(field: &Field) -> Result<serde_json::Map<String, Value>, CrsError> {
    match field.metadata().get(METADATA).filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(text).map_err(|error| CrsError::Projjson { reason: error.to_string() }),
        None => Ok(serde_json::Map::new()),
    }
}

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

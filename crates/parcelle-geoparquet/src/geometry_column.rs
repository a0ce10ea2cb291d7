//! Which columns are geometry, and what their extension metadata says.

use arrow::datatypes::{DataType, Field, Schema};
use geoarrow_schema::{CrsType, Edges, Metadata};
use serde_json::Value;

use crate::error::WriteError;

/// Key of the extension name in an Arrow field's metadata.
const EXTENSION_NAME: &str = "ARROW:extension:name";
/// Key of the extension metadata in an Arrow field's metadata.
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// GeoArrow's name for WKB, and the older OGC name that GDAL 3.6 to 3.8 wrote.
const WKB_NAMES: [&str; 2] = ["geoarrow.wkb", "ogc.wkb"];

/// A geometry column of the input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GeometryColumn {
    /// Position in the input's schema.
    pub(crate) index: usize,
    /// Its name.
    pub(crate) name: String,
    /// Coordinate reference system as PROJJSON; `None` where it is not known.
    pub(crate) crs: Option<Value>,
    /// How the line between two positions runs.
    pub(crate) edges: &'static str,
    /// Name of the covering column, if one is written.
    pub(crate) covering: Option<String>,
}

/// The geometry columns of a schema, in its order; the first one is the primary column.
pub(crate) fn find(schema: &Schema) -> Result<Vec<GeometryColumn>, WriteError> {
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| {
            field.metadata().get(EXTENSION_NAME).is_some_and(|name| WKB_NAMES.contains(&name.as_str()))
        })
        .map(|(index, field)| column(index, field))
        .collect::<Result<_, _>>()?;
    if columns.is_empty() { Err(WriteError::NoGeometry) } else { Ok(columns) }
}

fn column(index: usize, field: &Field) -> Result<GeometryColumn, WriteError> {
    let name = field.name().clone();
    if !matches!(field.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView) {
        return Err(WriteError::GeometryStorage { column: name, found: field.data_type().to_string() });
    }
    let failed = |reason: String| WriteError::GeometryMetadata { column: name.clone(), reason };
    let metadata: Metadata = match field.metadata().get(EXTENSION_METADATA).filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(text).map_err(|error| failed(error.to_string()))?,
        None => Metadata::default(),
    };
    let crs = match (metadata.crs().crs_value(), metadata.crs().crs_type()) {
        (None, _) => None,
        // Readers of parcelle give PROJJSON; anything else would have to be looked up in a register, which is not
        // this crate's business and must not be dropped either.
        (Some(value @ Value::Object(_)), Some(CrsType::Projjson) | None) => Some(value.clone()),
        (Some(value), _) => {
            return Err(failed(format!("the coordinate reference system {value} is not PROJJSON")));
        }
    };
    let edges = match metadata.edges() {
        None => "planar",
        Some(Edges::Spherical) => "spherical",
        Some(other) => {
            return Err(failed(format!("edges of the kind {other:?} cannot be expressed in GeoParquet 1.1")));
        }
    };
    Ok(GeometryColumn { index, name: name.clone(), crs, edges, covering: None })
}

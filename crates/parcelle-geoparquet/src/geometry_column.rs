//! Which columns are geometry, and what their extension metadata says.

use arrow::datatypes::{DataType, Field, Schema};
use geoarrow_schema::{CrsType, Edges, Metadata};
use parcelle_geometry::{DECLARED_TYPE_KEY, EPOCH_KEY, GeometryType, ORIENTATION_KEY};
use serde_json::Value;

use crate::error::WriteError;

/// Key of the extension name in an Arrow field's metadata.
pub(crate) const EXTENSION_NAME: &str = "ARROW:extension:name";
/// Key of the extension metadata in an Arrow field's metadata.
pub(crate) const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
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
    /// Decimal year for which coordinates hold, where the reference system is a dynamic one.
    pub(crate) epoch: Option<f64>,
    /// How the line between two positions runs; `None` where it is straight.
    pub(crate) edges: Option<Edges>,
    /// Whether its rings are known to be in the order that GeoParquet calls counterclockwise.
    pub(crate) counterclockwise: bool,
    /// The one type of its geometries, where the input declares one.
    pub(crate) declared_type: Option<GeometryType>,
    /// Name of the covering column, if one is written.
    pub(crate) covering: Option<String>,
}

impl GeometryColumn {
    /// The kind of edges as GeoParquet spells it.
    pub(crate) fn edges_name(&self) -> &'static str {
        match self.edges {
            None => "planar",
            Some(Edges::Spherical) => "spherical",
            Some(Edges::Vincenty) => "vincenty",
            Some(Edges::Thomas) => "thomas",
            Some(Edges::Andoyer) => "andoyer",
            Some(Edges::Karney) => "karney",
        }
    }
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
    let (crs, epoch) = match (metadata.crs().crs_value(), metadata.crs().crs_type()) {
        (None, _) => (None, None),
        // Readers of parcelle give PROJJSON; anything else would have to be looked up in a register, which is not
        // this crate's business and must not be dropped either.
        (Some(value @ Value::Object(_)), Some(CrsType::Projjson) | None) => without_epoch(value).map_err(failed)?,
        (Some(value), _) => {
            return Err(failed(format!("the coordinate reference system {value} is not PROJJSON")));
        }
    };
    let declared_type = field.metadata().get(DECLARED_TYPE_KEY).map(|name| name.parse());
    let declared_type = declared_type.transpose().map_err(|error| failed(format!("{error}")))?;
    let said = field.metadata().get(EPOCH_KEY).map(|epoch| epoch.parse::<f64>());
    let said = said.transpose().map_err(|error| failed(format!("its epoch: {error}")))?;
    // Without a reference system there is nothing that an epoch could go with.
    let epoch = epoch.or(said.filter(|epoch| epoch.is_finite() && crs.is_some()));
    let counterclockwise = field.metadata().get(ORIENTATION_KEY).is_some_and(|order| order == "counterclockwise");
    let edges = metadata.edges();
    Ok(GeometryColumn { index, name, crs, epoch, edges, counterclockwise, declared_type, covering: None })
}

/// PROJJSON wraps a reference system that goes with a coordinate epoch in `CoordinateMetadata`; GeoParquet has the two
/// side by side.
fn without_epoch(projjson: &Value) -> Result<(Option<Value>, Option<f64>), String> {
    if projjson.get("type").and_then(Value::as_str) != Some("CoordinateMetadata") {
        return Ok((Some(projjson.clone()), None));
    }
    let crs = projjson.get("crs").filter(|crs| crs.is_object());
    let crs = crs.ok_or("its CoordinateMetadata has no coordinate reference system")?;
    match projjson.get("coordinateEpoch").map(Value::as_f64) {
        Some(None) => Err("its coordinate epoch is not a number".to_owned()),
        epoch => Ok((Some(crs.clone()), epoch.flatten())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(metadata: &Value, declared: Option<&str>) -> Result<GeometryColumn, WriteError> {
        let mut entries = std::collections::HashMap::from([
            (EXTENSION_NAME.to_owned(), "geoarrow.wkb".to_owned()),
            (EXTENSION_METADATA.to_owned(), metadata.to_string()),
        ]);
        entries.extend(declared.map(|name| (DECLARED_TYPE_KEY.to_owned(), name.to_owned())));
        let field = Field::new("geom", DataType::Binary, true).with_metadata(entries);
        find(&Schema::new(vec![field])).map(|columns| columns[0].clone())
    }

    #[test]
    fn an_epoch_comes_out_of_the_coordinate_metadata() {
        let crs = json!({"type": "GeodeticCRS", "name": "ITRF2014"});
        let wrapped = json!({"type": "CoordinateMetadata", "crs": crs, "coordinateEpoch": 2021.5});
        let column = found(&json!({"crs": wrapped}), None).unwrap();
        assert_eq!((column.crs, column.epoch), (Some(crs.clone()), Some(2021.5)));
        let column = found(&json!({"crs": crs}), None).unwrap();
        assert_eq!((column.crs, column.epoch), (Some(crs), None));
        for broken in [json!({"type": "CoordinateMetadata"}), json!({"type": "CoordinateMetadata", "crs": 3})] {
            assert!(matches!(found(&json!({"crs": broken}), None), Err(WriteError::GeometryMetadata { .. })));
        }
    }

    #[test]
    fn epoch_and_orientation_of_the_source_are_taken() {
        let crs = json!({"type": "GeodeticCRS", "name": "ITRF2014"});
        let column = |metadata: Value, epoch: &str| {
            let entries = [
                (EXTENSION_NAME, "geoarrow.wkb".to_owned()),
                (EXTENSION_METADATA, metadata.to_string()),
                (EPOCH_KEY, epoch.to_owned()),
                (ORIENTATION_KEY, "counterclockwise".to_owned()),
            ];
            let entries = entries.map(|(key, text)| (key.to_owned(), text));
            let field = Field::new("geom", DataType::Binary, true).with_metadata(entries.into());
            find(&Schema::new(vec![field])).map(|columns| columns[0].clone())
        };
        let found = column(json!({"crs": crs}), "2021.5").unwrap();
        assert_eq!((found.epoch, found.counterclockwise), (Some(2021.5), true));
        assert_eq!(column(json!({}), "2021.5").unwrap().epoch, None);
        let wrapped = json!({"type": "CoordinateMetadata", "crs": crs, "coordinateEpoch": 2000.0});
        assert_eq!(column(json!({"crs": wrapped}), "2021.5").unwrap().epoch, Some(2000.0));
        assert!(column(json!({"crs": crs}), "soon").unwrap_err().to_string().contains("its epoch"));
    }

    #[test]
    fn edges_and_declared_types_are_read() {
        for name in ["spherical", "vincenty", "thomas", "andoyer", "karney"] {
            assert_eq!(found(&json!({"edges": name}), None).unwrap().edges_name(), name);
        }
        let column = found(&json!({}), Some("MultiPolygon Z")).unwrap();
        assert_eq!((column.edges_name(), column.declared_type.unwrap().iso_code()), ("planar", 1006));
        let error = found(&json!({}), Some("Blob")).unwrap_err();
        assert!(error.to_string().contains("\"Blob\" is not the name of a geometry type"), "{error}");
    }
}

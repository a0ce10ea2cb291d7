//! The built-in copy of the EPSG dataset.

use serde_json::{Value, json};

use crate::Authority;
use crate::error::CrsError;

/// The definition of an EPSG code; `None` where the register does not have it.
pub(crate) fn projjson_of_code(authority: &Authority) -> Result<Option<Value>, CrsError> {
    if authority.name != "EPSG" {
        return Ok(None);
    }
    let Some(text) = authority.code.parse().ok().and_then(|code| epsg_utils::epsg_to_projjson(code).ok()) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| CrsError::Projjson { reason: error.to_string() })
}

/// WKT 2 as PROJJSON.
pub(crate) fn projjson_of_wkt2(wkt: &str) -> Result<Value, CrsError> {
    match epsg_utils::parse_wkt2(wkt) {
        Ok(crs) => Ok(crs.to_projjson()),
        Err(error) => Err(CrsError::Wkt { definition: crate::definition::excerpt(wkt), reason: error.to_string() }),
    }
}

/// `OGC:CRS84`, longitude and latitude on WGS 84: it is not in the EPSG dataset. The definition is the one that
/// GeoParquet 1.1 gives for its default.
pub(crate) fn longitude_latitude(authority: &Authority) -> Option<Value> {
    if authority.name != "OGC" || !authority.code.eq_ignore_ascii_case("CRS84") {
        return None;
    }
    let member = |name: &str, code: u32| json!({"name": format!("World Geodetic System 1984 ({name})"), "id": {"authority": "EPSG", "code": code}});
    Some(json!({
        "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
        "type": "GeographicCRS",
        "name": "WGS 84 (CRS84)",
        "datum_ensemble": {
            "name": "World Geodetic System 1984 ensemble",
            "members": [
                member("Transit", 1166),
                member("G730", 1152),
                member("G873", 1153),
                member("G1150", 1154),
                member("G1674", 1155),
                member("G1762", 1156),
                member("G2139", 1309),
            ],
            "ellipsoid": {"name": "WGS 84", "semi_major_axis": 6378137, "inverse_flattening": 298.257223563},
            "accuracy": "2.0",
            "id": {"authority": "EPSG", "code": 6326},
        },
        "coordinate_system": {
            "subtype": "ellipsoidal",
            "axis": [
                {"name": "Geodetic longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"},
                {"name": "Geodetic latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"},
            ],
        },
        "scope": "Not known.",
        "area": "World.",
        "bbox": {"south_latitude": -90, "west_longitude": -180, "north_latitude": 90, "east_longitude": 180},
        "id": {"authority": "OGC", "code": "CRS84"},
    }))
}

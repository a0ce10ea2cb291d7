//! What the coordinates of a reference system are.

use serde_json::Value;

use crate::Crs;

/// What the coordinates of a reference system are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Angles on an ellipsoid.
    Geographic,
    /// Lengths in three directions from the centre of the earth.
    Geocentric,
    /// Lengths on a plane: projected and local systems.
    Plane,
    /// Heights alone, times, or something else.
    Other,
}

impl Crs {
    /// What its horizontal coordinates are.
    #[must_use]
    pub fn measure(&self) -> Measure {
        measure(&self.to_projjson())
    }

    /// Whether it has a vertical axis beside the horizontal ones.
    #[must_use]
    pub fn has_height(&self) -> bool {
        axes(&self.to_projjson()) >= 3
    }
}

/// The part that a bound system is about.
fn unbound(projjson: &Value) -> &Value {
    projjson.get("source_crs").filter(|_| kind(projjson) == "BoundCRS").unwrap_or(projjson)
}

fn kind(projjson: &Value) -> &str {
    projjson.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn components(projjson: &Value) -> &[Value] {
    projjson.get("components").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn measure(projjson: &Value) -> Measure {
    let projjson = unbound(projjson);
    let subtype = projjson.get("coordinate_system").and_then(|system| system.get("subtype")).and_then(Value::as_str);
    match kind(projjson) {
        // Nested no deeper than PROJJSON is: a component is no compound one.
        "CompoundCRS" => components(projjson).first().map_or(Measure::Other, measure),
        "GeographicCRS" | "DerivedGeographicCRS" => Measure::Geographic,
        "GeodeticCRS" | "DerivedGeodeticCRS" if subtype == Some("ellipsoidal") => Measure::Geographic,
        "GeodeticCRS" | "DerivedGeodeticCRS" => Measure::Geocentric,
        "ProjectedCRS" | "DerivedProjectedCRS" | "EngineeringCRS" | "DerivedEngineeringCRS" => Measure::Plane,
        _ => Measure::Other,
    }
}

fn axes(projjson: &Value) -> usize {
    let projjson = unbound(projjson);
    if kind(projjson) == "CompoundCRS" {
        return components(projjson).iter().map(axes).sum();
    }
    let system = projjson.get("coordinate_system").and_then(|system| system.get("axis"));
    system.and_then(Value::as_array).map_or(2, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_apart() {
        for (code, expected, has_height) in [
            ("EPSG:2154", Measure::Plane, false),
            ("EPSG:4326", Measure::Geographic, false),
            ("OGC:CRS84", Measure::Geographic, false),
            ("EPSG:4979", Measure::Geographic, true),
            ("EPSG:4978", Measure::Geocentric, true),
            ("EPSG:5698", Measure::Plane, true),
            ("EPSG:5720", Measure::Other, false),
        ] {
            let crs = Crs::from_definition(code).unwrap();
            assert_eq!((crs.measure(), crs.has_height()), (expected, has_height), "{code}");
        }
    }
}

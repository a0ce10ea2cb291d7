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

/// Whether coordinates of places on the ground change with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// The system moves with its plate, or nobody says otherwise.
    Static,
    /// Plates move through it: positions hold for an epoch.
    Dynamic,
    /// It stands for several realisations, such as WGS 84, that differ by up to metres.
    Ensemble,
}

impl Crs {
    /// Whether plates move through it.
    #[must_use]
    pub fn motion(&self) -> Motion {
        motion(&self.to_projjson())
    }

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

fn motion(value: &Value) -> Motion {
    if value.get("datum_ensemble").is_some() {
        return Motion::Ensemble;
    }
    if kind(value).starts_with("Dynamic") {
        return Motion::Dynamic;
    }
    // Nested no deeper than PROJJSON is, which was bounded when it was read.
    let inner = ["datum", "base_crs", "source_crs"].into_iter().filter_map(|key| value.get(key));
    let found = inner.chain(components(value)).map(motion);
    found.reduce(|first, next| if first == Motion::Static { next } else { first }).unwrap_or(Motion::Static)
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

    #[test]
    fn dynamic_systems_are_known() {
        for (code, expected) in [
            ("EPSG:9000", Motion::Dynamic),
            ("EPSG:7789", Motion::Dynamic),
            ("EPSG:4326", Motion::Ensemble),
            ("EPSG:32631", Motion::Ensemble),
            ("EPSG:7844", Motion::Static),
            ("EPSG:2154", Motion::Static),
            ("EPSG:5698", Motion::Static),
        ] {
            assert_eq!(Crs::from_definition(code).unwrap().motion(), expected, "{code}");
        }
    }
}

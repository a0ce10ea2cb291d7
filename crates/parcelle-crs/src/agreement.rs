//! Whether coordinates of two reference systems, x first, are the same places.

use serde_json::Value;

use crate::Crs;

/// What a comparison by meaning says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The same coordinates are the same place.
    Same,
    /// They are not.
    Different,
    /// The definitions do not tell.
    Unknown,
}

impl Agreement {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::Same,
        }
    }

    const fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }
}

impl Crs {
    /// Whether the same horizontal coordinates, x (east) first, are the same places in both. Other than
    /// [`Crs::same_as`] this asks for no identity: names, codes, heights and the order of the axes do not matter, numbers
    /// may differ as much as writing them in WKT makes them differ.
    ///
    /// Datums are told apart by their codes, and else by their ellipsoids alone, since their names are written in too many
    /// ways.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> Agreement {
        if self.same_positions_as(other) {
            return Agreement::Same;
        }
        compare(&self.to_projjson(), &other.to_projjson())
    }
}

fn compare(left: &Value, right: &Value) -> Agreement {
    let (left, right) = (horizontal(left), horizontal(right));
    match (kind(left), kind(right)) {
        (Kind::Geographic, Kind::Geographic) => datum(left, right).and(units(left, right)),
        (Kind::Projected, Kind::Projected) => {
            let (Some(left_base), Some(right_base)) = (left.get("base_crs"), right.get("base_crs")) else {
                return Agreement::Unknown;
            };
            datum(left_base, right_base).and(conversion(left, right)).and(units(left, right))
        }
        (Kind::Other, _) | (_, Kind::Other) => Agreement::Unknown,
        _ => Agreement::Different,
    }
}

/// The part that x and y belong to.
fn horizontal(mut crs: &Value) -> &Value {
    // PROJJSON nests no deeper than that.
    for _ in 0..4 {
        let inner = match crs.get("type").and_then(Value::as_str) {
            Some("BoundCRS") => crs.get("source_crs"),
            Some("CompoundCRS") => crs.get("components").and_then(|components| components.get(0)),
            _ => None,
        };
        match inner {
            Some(inner) => crs = inner,
            None => break,
        }
    }
    crs
}

#[derive(PartialEq)]
enum Kind {
    Geographic,
    Projected,
    Other,
}

fn kind(crs: &Value) -> Kind {
    match crs.get("type").and_then(Value::as_str) {
        Some("GeographicCRS") => Kind::Geographic,
        Some("ProjectedCRS") => Kind::Projected,
        _ => Kind::Other,
    }
}

fn datum(left: &Value, right: &Value) -> Agreement {
    let of = |crs: &'_ Value| crs.get("datum").or_else(|| crs.get("datum_ensemble")).cloned();
    let (Some(left), Some(right)) = (of(left), of(right)) else { return Agreement::Unknown };
    let (Some((left_axis, left_flattening)), Some((right_axis, right_flattening))) =
        (ellipsoid(&left), ellipsoid(&right))
    else {
        return Agreement::Unknown;
    };
    // GRS 80 and WGS 84 differ by 5e-9 in their flattening, which nobody can see.
    let same_shape = near(left_axis, right_axis, 1e-9) && (left_flattening - right_flattening).abs() < 1e-7;
    let meridian = |datum: &Value| {
        let longitude = datum.get("prime_meridian").and_then(|meridian| meridian.get("longitude"));
        longitude.map_or(Some(0.0), |longitude| quantity(longitude, None))
    };
    let same_meridian = match (meridian(&left), meridian(&right)) {
        (Some(left), Some(right)) => Agreement::of((left - right).abs() < 1e-9),
        _ => Agreement::Unknown,
    };
    let codes = match (code(&left), code(&right)) {
        // The codes of datums that are told apart by nobody: WGS 84 and its realisations.
        (Some(left), Some(right)) => Agreement::of(left == right),
        _ => Agreement::Same,
    };
    Agreement::of(same_shape).and(same_meridian).and(codes)
}

/// The large half axis in metres, and the flattening.
fn ellipsoid(datum: &Value) -> Option<(f64, f64)> {
    let ellipsoid = datum.get("ellipsoid")?;
    let number = |key: &str| ellipsoid.get(key).and_then(|value| quantity(value, None));
    if let Some(radius) = number("radius") {
        return Some((radius, 0.0));
    }
    let axis = number("semi_major_axis")?;
    let flattening = match (number("inverse_flattening"), number("semi_minor_axis")) {
        (Some(0.0), _) => 0.0,
        (Some(inverse), _) => 1.0 / inverse,
        (None, Some(minor)) => (axis - minor) / axis,
        (None, None) => return None,
    };
    Some((axis, flattening))
}

fn conversion(left: &Value, right: &Value) -> Agreement {
    let (Some(left), Some(right)) = (left.get("conversion"), right.get("conversion")) else {
        return Agreement::Unknown;
    };
    let (Some(left_method), Some(right_method)) = (left.get("method"), right.get("method")) else {
        return Agreement::Unknown;
    };
    if !same_thing(left_method, right_method) {
        // One projection may be written by several methods: Lambert with one and with two parallels, or Mercator.
        return match (family(left_method), family(right_method)) {
            (Some(left), Some(right)) if left == right => Agreement::Unknown,
            _ => Agreement::Different,
        };
    }
    let parameters =
        |conversion: &Value| conversion.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let (left, right) = (parameters(left), parameters(right));
    if left.len() != right.len() {
        return Agreement::Unknown;
    }
    left.iter()
        .map(|parameter| {
            let Some(partner) = right.iter().find(|candidate| same_thing(parameter, candidate)) else {
                return Agreement::Unknown;
            };
            let number =
                |parameter: &Value| parameter.get("value").and_then(|value| quantity(value, parameter.get("unit")));
            match (number(parameter), number(partner)) {
                // A nanodegree is 0.1 mm, and so may lengths differ.
                (Some(left), Some(right)) => Agreement::of(near(left, right, 1e-10) || (left - right).abs() < 1e-9),
                _ => Agreement::Unknown,
            }
        })
        .fold(Agreement::Same, Agreement::and)
}

/// Methods by which one projection can be written.
fn family(method: &Value) -> Option<&'static str> {
    let name = letters(method)?;
    let families = [
        "transversemercator",
        "obliquemercator",
        "mercator",
        "lambertconic",
        "stereographic",
        "equidistantcylindrical",
    ];
    families.into_iter().find(|family| name.contains(family))
}

/// The units of the horizontal axes.
fn units(left: &Value, right: &Value) -> Agreement {
    let unit = |crs: &Value| {
        let axis = crs.get("coordinate_system")?.get("axis")?.get(0)?.clone();
        factor(axis.get("unit"))
    };
    match (unit(left), unit(right)) {
        (Some(left), Some(right)) => Agreement::of(near(left, right, 1e-9)),
        _ => Agreement::Unknown,
    }
}

/// A number in metres, degrees or one.
fn quantity(value: &Value, unit: Option<&Value>) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number.as_f64()? * unit.map_or(Some(1.0), |unit| factor(Some(unit)))?),
        Value::Object(object) => {
            Some(object.get("value")?.as_f64()? * object.get("unit").map_or(Some(1.0), |unit| factor(Some(unit)))?)
        }
        _ => None,
    }
}

/// What a unit is in metres, degrees or one.
fn factor(unit: Option<&Value>) -> Option<f64> {
    match unit? {
        Value::String(name) => matches!(name.as_str(), "metre" | "degree" | "unity").then_some(1.0),
        Value::Object(object) => {
            let factor = object.get("conversion_factor")?.as_f64()?;
            let is_angle = object.get("type").and_then(Value::as_str) == Some("AngularUnit");
            Some(if is_angle { factor.to_degrees() } else { factor })
        }
        _ => None,
    }
}

fn near(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * left.abs().max(right.abs())
}

fn code(object: &Value) -> Option<String> {
    let id = object.get("id")?;
    Some(format!("{}:{}", id.get("authority")?.as_str()?, id.get("code")?))
}

/// Whether two methods or parameters are the same one: by their codes, or by the letters of their names.
fn same_thing(left: &Value, right: &Value) -> bool {
    if let (Some(left), Some(right)) = (code(left), code(right)) {
        return left == right;
    }
    letters(left).is_some_and(|left| letters(right) == Some(left))
}

/// The letters and digits of its name, in lower case.
fn letters(object: &Value) -> Option<String> {
    let name = object.get("name")?.as_str()?;
    Some(name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(left: &str, right: &str) -> Agreement {
        let parse = |text: &str| Crs::from_definition(text).unwrap();
        let (left, right) = (parse(left), parse(right));
        assert_eq!(left.agrees_with(&right), right.agrees_with(&left));
        left.agrees_with(&right)
    }

    #[test]
    fn codes_of_one_system_agree() {
        for (left, right) in [
            ("EPSG:2154", "EPSG:2154"),
            ("EPSG:4326", "OGC:CRS84"),
            ("EPSG:4326", "EPSG:4979"),
            ("EPSG:2154", "EPSG:5698"),
            // The same zone with the axes in the other order.
            ("EPSG:25832", "EPSG:3044"),
        ] {
            assert_eq!(agreement(left, right), Agreement::Same, "{left} {right}");
        }
    }

    #[test]
    fn other_systems_do_not() {
        for (left, right) in [
            ("EPSG:2154", "EPSG:32631"),
            ("EPSG:32631", "EPSG:32632"),
            ("EPSG:32631", "EPSG:32731"),
            ("EPSG:4326", "EPSG:3857"),
            ("EPSG:4326", "EPSG:4275"),
            ("EPSG:4275", "EPSG:4807"),
            ("EPSG:2263", "EPSG:32118"),
            ("EPSG:25832", "EPSG:32632"),
        ] {
            assert_eq!(agreement(left, right), Agreement::Different, "{left} {right}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_unknown() {
        assert_eq!(agreement("EPSG:5720", "EPSG:2154"), Agreement::Unknown);
        assert_eq!(agreement("EPSG:2154", "EPSG:4978"), Agreement::Unknown);
    }

    #[cfg(feature = "gdal")]
    #[test]
    fn definitions_without_codes_agree_with_those_that_have_one() {
        let wkt = r#"PROJCS["Lambert",GEOGCS["RGF93",DATUM["Reseau_Geodesique_Francais_1993",
            SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],
            PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",46.5],PARAMETER["central_meridian",3],
            PARAMETER["standard_parallel_1",49],PARAMETER["standard_parallel_2",44],PARAMETER["false_easting",700000],
            PARAMETER["false_northing",6600000],UNIT["metre",1]]"#;
        assert_eq!(agreement(wkt, "EPSG:2154"), Agreement::Same);
        assert_eq!(agreement(&wkt.replace("700000", "700010"), "EPSG:2154"), Agreement::Different);
        assert_eq!(
            agreement(
                "EPSG:4326",
                r#"GEOGCS["x",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]]"#
            ),
            Agreement::Same
        );
    }
}

//! `ESRI PE String = …`: well-known text in a citation, which GeoTools parses where GeoKeys have no code for a system.

/// Before the text; the citation must begin with it.
const PREFIX: &str = "ESRI PE String =";

/// The projections of ESRI's names that `CRS.parseWKT` of GeoTools 36 parses. Measured with one system of each name and set of
/// parameters that PROJ writes for the systems of ESRI, EPSG and IGN: 50 others have no transform by their name, or one without
/// a parameter that the text has (Aitoff, Eckert_IV, Winkel_Tripel, Goode_Homolosine, Wagner_IV, Geostationary_Satellite).
const PARSED: [&str; 32] = [
    "Albers",
    "Azimuthal_Equidistant",
    "Behrmann",
    "Cassini",
    "Cylindrical_Equal_Area",
    "Double_Stereographic",
    "Equidistant_Conic",
    "Equidistant_Cylindrical",
    "Equidistant_Cylindrical_Ellipsoidal",
    "Gauss_Kruger",
    "Gnomonic",
    "Hotine_Oblique_Mercator_Azimuth_Center",
    "Hotine_Oblique_Mercator_Azimuth_Natural_Origin",
    "Krovak",
    "Lambert_Azimuthal_Equal_Area",
    "Lambert_Conformal_Conic",
    "Lambert_Conformal_Conic_2SP_Belgium",
    "Mercator",
    "Mercator_Auxiliary_Sphere",
    "Mollweide",
    "New_Zealand_Map_Grid",
    "Orthographic",
    "Plate_Carree",
    "Polyconic",
    "Rectified_Skew_Orthomorphic_Center",
    "Rectified_Skew_Orthomorphic_Natural_Origin",
    "Robinson",
    "Sinusoidal",
    "Stereographic",
    "Stereographic_North_Pole",
    "Stereographic_South_Pole",
    "Transverse_Mercator",
];

/// One more that is parsed, and those that GeoTools reckons on a sphere: measured on WGS 84 at 46 degrees north, Robinson is
/// 1.2 km, Gnomonic 2 km, Van der Grinten 5 km and the cylindrical ones 25 km away from where PROJ has them.
const SPHERICAL: [&str; 5] = ["Equidistant_Cylindrical", "Gnomonic", "Plate_Carree", "Robinson", "Van_der_Grinten_I"];

/// `none` without such a text, `unknown` where it is not parsed, `spherical` where it is and puts the image elsewhere, else
/// `known`.
pub(super) fn word(citation: &str) -> &'static str {
    let Some(text) = citation.strip_prefix(PREFIX) else { return "none" };
    let text = text.trim_start();
    if text.starts_with("GEOGCS[") {
        // What three-dimensional systems have is no WKT for GeoTools.
        return if text.contains("LINUNIT[") { "unknown" } else { "known" };
    }
    if text.starts_with("LOCAL_CS[") {
        return if text.contains("LOCAL_DATUM[") { "known" } else { "unknown" };
    }
    let projection = text.split_once("PROJECTION[\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
    if SPHERICAL.contains(&projection) {
        if is_sphere(text) { "known" } else { "spherical" }
    } else if text.starts_with("PROJCS[") && PARSED.contains(&projection) {
        "known"
    } else {
        "unknown"
    }
}

/// `SPHEROID["name",radius,0.0]`.
fn is_sphere(text: &str) -> bool {
    let inverse = || text.split_once("SPHEROID[")?.1.split(']').next()?.rsplit(',').next()?.trim().parse::<f64>().ok();
    inverse() == Some(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_geotools_parses_is_known() {
        let projected = |projection: &str, flattening: &str| {
            format!(
                "ESRI PE String = PROJCS[\"x\",GEOGCS[\"g\",DATUM[\"d\",SPHEROID[\"s\",6378137.0,{flattening}]]],\
                 PROJECTION[\"{projection}\"],UNIT[\"Meter\",1.0]]|"
            )
        };
        for (citation, expected) in [
            (String::new(), "none"),
            ("Lambert 93|ESRI PE String = PROJCS[\"x\"]".to_owned(), "none"),
            (projected("Lambert_Conformal_Conic", "298.257222101"), "known"),
            (projected("Bonne", "298.257223563"), "unknown"),
            (projected("Robinson", "298.257223563"), "spherical"),
            (projected("Robinson", "0.0"), "known"),
            ("ESRI PE String = GEOGCS[\"x\",UNIT[\"Degree\",0.0174]]".to_owned(), "known"),
            ("ESRI PE String = GEOGCS[\"x\",UNIT[\"Degree\",0.0174],LINUNIT[\"Meter\",1.0]]".to_owned(), "unknown"),
            ("ESRI PE String = LOCAL_CS[\"x\",UNIT[\"Meter\",1.0]]".to_owned(), "unknown"),
            ("ESRI PE String = LOCAL_CS[\"x\",LOCAL_DATUM[\"x\",32767],UNIT[\"Meter\",1.0]]".to_owned(), "known"),
        ] {
            assert_eq!(word(&citation), expected, "{citation}");
        }
    }
}

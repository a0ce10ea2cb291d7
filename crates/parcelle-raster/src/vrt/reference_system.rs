//! The `<SRS>` of a VRT, understood as GDAL's `SetFromUserInput` understands it.

use parcelle_crs::{Crs, CrsError};
use serde_json::Value;

/// What GDAL makes of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// A reference system that is known here too.
    Known(Box<Crs>),
    /// A reference system that GDAL can build, of which only the sort is known here.
    Elsewhere,
    /// A PROJ string or a definition that has no code by its nature.
    WithoutCode,
    /// The text begins with a reference system, and the rest is ignored.
    Trailing(Box<Crs>, String),
    /// Nothing: GDAL opens the file with an empty reference system. The reason ends a sentence.
    Nothing(String),
}

/// Names that GDAL knows beside codes (`ogr/ogrspatialreference.cpp`, `OGRSpatialReference::SetWellKnownGeogCS`).
const WELL_KNOWN: &[(&str, &str)] =
    &[("WGS84", "4326"), ("WGS72", "4322"), ("NAD27", "4267"), ("NAD83", "4269"), ("ETRS89", "4258")];

/// Reads the text of an `<SRS>`.
pub(super) fn read(text: &str) -> Reading {
    let text = text.trim();
    if let Some(rest) = strip_prefix(text, "EPSG:").or_else(|| strip_prefix(text, "EPSGA:")) {
        return of_epsg(rest);
    }
    if let Some((_, code)) = WELL_KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return of_epsg(code);
    }
    let starts = |words: &[&str]| words.iter().any(|word| strip_prefix(text, word).is_some());
    if text.contains("+proj=") || text.contains("+init=") || starts(&["proj=", "init="]) {
        return Reading::WithoutCode;
    }
    match Crs::from_definition(text) {
        Ok(crs) => Reading::Known(Box::new(crs)),
        // A register of this build that does not have a code is no proof that PROJ does not.
        Err(CrsError::UnknownCode { authority }) if !authority.starts_with("EPSG:") => Reading::Elsewhere,
        Err(CrsError::UnknownCode { authority }) => Reading::Nothing(format!("there is no {authority}")),
        Err(CrsError::NeedsProj { .. }) => match is_balanced(text) {
            true => Reading::WithoutCode,
            false => Reading::Nothing("its brackets do not match".to_owned()),
        },
        Err(CrsError::Wkt { .. }) if is_balanced(text) => Reading::Elsewhere,
        Err(CrsError::Wkt { .. }) => Reading::Nothing("its brackets do not match".to_owned()),
        Err(CrsError::Projjson { reason }) => Reading::Nothing(reason),
        // GML, files of definitions, and what only an old GDAL takes.
        Err(_)
            if starts(&["<", "AUTO:", "ESRI::", "IGNF:", "osgb:", "CRS:", "OGC:", "http://", "https://", "PROJ4:"]) =>
        {
            Reading::Elsewhere
        }
        Err(_) => Reading::Nothing("it is no code, WKT, PROJJSON or PROJ string".to_owned()),
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

/// GDAL takes the digits after "EPSG:" (`atoi`), and "+" with a second code for a compound system.
fn of_epsg(rest: &str) -> Reading {
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (code, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    if code.is_empty() {
        return Reading::Nothing("no number follows \"EPSG:\"".to_owned());
    }
    if after.starts_with('+') {
        return Reading::Elsewhere;
    }
    match Crs::from_authority("EPSG", code.trim_start_matches('0')) {
        Ok(crs) if after.is_empty() => Reading::Known(Box::new(crs)),
        Ok(crs) => Reading::Trailing(Box::new(crs), after.to_owned()),
        Err(_) => Reading::Nothing(format!("there is no EPSG:{code}")),
    }
}

/// Whether brackets outside of quotes match.
fn is_balanced(text: &str) -> bool {
    let (mut depth, mut quoted) = (0i64, false);
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'[' | b'(' if !quoted => depth += 1,
            b']' | b')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !quoted
}

/// What the rules ask of a definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) crs: &'a Crs,
}

impl Definition<'_> {
    /// The code of EPSG, where it has one.
    pub(super) fn epsg(&self) -> Option<&str> {
        self.crs.authority().filter(|authority| authority.name.eq_ignore_ascii_case("EPSG")).map(|found| &*found.code)
    }

    /// Whether GDAL can write it as WKT 1 at all: not where an ellipsoidal height is an axis of its own
    /// (`ogr/ogrspatialreference.cpp`, `exportToWkt` falls back to WKT 2).
    pub(super) fn needs_wkt2(&self) -> bool {
        let projjson = self.crs.to_projjson();
        let kind = projjson.get("type").and_then(Value::as_str).unwrap_or_default();
        matches!(kind, "GeographicCRS" | "GeodeticCRS" | "DerivedGeographicCRS" | "ProjectedCRS")
            && self.crs.has_height()
            || kind.starts_with("Derived")
    }

    /// `dataAxisToSRSAxisMapping` as GDAL writes it for data with x, or longitude, first: the axes are swapped where the
    /// definition begins with the north.
    pub(super) fn axis_mapping(&self) -> Option<[i32; 2]> {
        let projjson = self.crs.to_projjson();
        let horizontal = projjson.get("components").and_then(|parts| parts.get(0)).unwrap_or(&projjson);
        let horizontal = horizontal.get("source_crs").unwrap_or(horizontal);
        let axes = horizontal.get("coordinate_system")?.get("axis")?.as_array()?;
        let direction = |index: usize| axes.get(index)?.get("direction")?.as_str();
        Some(match (direction(0)?, direction(1)?) {
            ("north", "east") => [2, 1],
            _ => [1, 2],
        })
    }

    /// West, south, east, north of its area of use, in degrees; none where it reaches across 180 degrees.
    pub(super) fn area(&self) -> Option<[f64; 4]> {
        let projjson = self.crs.to_projjson();
        let of_usage = || projjson.get("usages")?.get(0)?.get("bbox");
        let bounds = projjson.get("bbox").or_else(of_usage)?;
        let edge = |name: &str| bounds.get(name).and_then(Value::as_f64);
        let area = [edge("west_longitude")?, edge("south_latitude")?, edge("east_longitude")?, edge("north_latitude")?];
        (area[0] < area[2] && area[1] < area[3]).then_some(area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_gdal_reads_them() {
        let code = |text: &str| match read(text) {
            Reading::Known(crs) => Definition { crs: &crs }.epsg().map(str::to_owned),
            _ => None,
        };
        assert_eq!(code("EPSG:2154").as_deref(), Some("2154"));
        assert_eq!(code(" epsg:4326 ").as_deref(), Some("4326"));
        assert_eq!(code("WGS84").as_deref(), Some("4326"));
        assert!(matches!(read("EPSG:2154 Lambert"), Reading::Trailing(_, rest) if rest == " Lambert"));
        assert_eq!(read("EPSG:4326+5773"), Reading::Elsewhere);
        for nothing in ["Lambert 93", "EPSG:", "EPSG:999999", "PROJCS[\"a\"", "{}", "EPSG 2154"] {
            assert!(matches!(read(nothing), Reading::Nothing(_)), "{nothing}: {:?}", read(nothing));
        }
        assert_eq!(read("+proj=laea +lat_0=47 +units=m"), Reading::WithoutCode);
        assert!(!matches!(read("LOCAL_CS[\"arbitrary\",UNIT[\"metre\",1]]"), Reading::Nothing(_)));
    }

    #[test]
    fn definitions_tell_axes_and_areas() {
        let crs = |code| Crs::from_authority("EPSG", code).unwrap();
        let mapping = |code| Definition { crs: &crs(code) }.axis_mapping();
        assert_eq!((mapping("4326"), mapping("2154"), mapping("3035")), (Some([2, 1]), Some([1, 2]), Some([2, 1])));
        let lambert = crs("2154");
        // Not every register tells areas.
        if let Some(area) = (Definition { crs: &lambert }).area() {
            assert!(area[0] < 2.35 && area[2] > 2.35 && area[1] < 48.86 && area[3] > 48.86, "{area:?}");
        }
        assert!(Definition { crs: &crs("4979") }.needs_wkt2() && !Definition { crs: &crs("4326") }.needs_wkt2());
    }
}

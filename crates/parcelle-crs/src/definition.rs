//! Which form a definition is in.

use serde_json::Value;

use crate::Authority;
use crate::error::CrsError;

/// Values of `type` that make a PROJJSON object a coordinate reference system (PROJJSON schema, definition `crs`).
pub(crate) const PROJJSON_TYPES: [&str; 15] = [
    "BoundCRS",
    "CompoundCRS",
    "DerivedEngineeringCRS",
    "DerivedGeodeticCRS",
    "DerivedGeographicCRS",
    "DerivedParametricCRS",
    "DerivedProjectedCRS",
    "DerivedTemporalCRS",
    "DerivedVerticalCRS",
    "EngineeringCRS",
    "GeodeticCRS",
    "GeographicCRS",
    "ParametricCRS",
    "ProjectedCRS",
    "VerticalCRS",
];

/// Root keywords of WKT 1 (OGC 01-009, section 7.2).
const WKT1_KEYWORDS: [&str; 7] = ["PROJCS", "GEOGCS", "GEOCCS", "COMPD_CS", "LOCAL_CS", "VERT_CS", "FITTED_CS"];

/// Root keywords of WKT 2 (ISO 19162:2019), long and short forms.
const WKT2_KEYWORDS: [&str; 18] = [
    "PROJCRS",
    "PROJECTEDCRS",
    "GEOGCRS",
    "GEOGRAPHICCRS",
    "GEODCRS",
    "GEODETICCRS",
    "COMPOUNDCRS",
    "BOUNDCRS",
    "VERTCRS",
    "VERTICALCRS",
    "ENGCRS",
    "ENGINEERINGCRS",
    "DERIVEDPROJCRS",
    "PARAMETRICCRS",
    "TIMECRS",
    "IMAGECRS",
    "BASEGEOGCRS",
    "BASEGEODCRS",
];

/// Deepest nesting of WKT that is handed to a parser: real definitions stay below 12.
const MAX_WKT_DEPTH: usize = 64;

/// A definition whose form has been recognised.
#[derive(Debug, PartialEq)]
pub(crate) enum Definition<'a> {
    Authority(Authority),
    Wkt1(&'a str),
    Wkt2(&'a str),
    Projjson(Value),
}

impl<'a> Definition<'a> {
    pub(crate) fn recognise(text: &'a str) -> Result<Self, CrsError> {
        let text = text.trim().trim_start_matches('\u{feff}');
        let unrecognised = || CrsError::Unrecognised { text: excerpt(text) };
        if text.starts_with('{') {
            return serde_json::from_str(text)
                .map(Definition::Projjson)
                .map_err(|error| CrsError::Projjson { reason: error.to_string() });
        }
        if let Some((keyword, _)) = text.split_once(['[', '(']) {
            let keyword = keyword.trim().to_ascii_uppercase();
            let known = |keywords: &[&str]| keywords.contains(&keyword.as_str());
            if known(&WKT1_KEYWORDS) || known(&WKT2_KEYWORDS) {
                if wkt_depth(text) > MAX_WKT_DEPTH {
                    let reason = format!("it is nested more than {MAX_WKT_DEPTH} deep");
                    return Err(CrsError::Wkt { definition: excerpt(text), reason });
                }
                return Ok(if known(&WKT1_KEYWORDS) { Definition::Wkt1(text) } else { Definition::Wkt2(text) });
            }
            return Err(unrecognised());
        }
        authority_code(text).map(Definition::Authority).ok_or_else(unrecognised)
    }
}

/// `AUTHORITY:CODE`, `CRS84`, `urn:ogc:def:crs:AUTHORITY:VERSION:CODE` (OGC 09-048r5) and
/// `http://www.opengis.net/def/crs/AUTHORITY/VERSION/CODE` (OGC 09-046r6).
fn authority_code(text: &str) -> Option<Authority> {
    if text.eq_ignore_ascii_case("CRS84") {
        return Some(Authority { name: "OGC".to_owned(), code: "CRS84".to_owned() });
    }
    let lower = text.to_ascii_lowercase();
    let strip = |prefix: &str| lower.starts_with(prefix).then(|| text.get(prefix.len()..)).flatten();
    let urn = ["urn:ogc:def:crs:", "urn:x-ogc:def:crs:"].into_iter().find_map(strip);
    let url = ["http://www.opengis.net/def/crs/", "https://www.opengis.net/def/crs/"].into_iter().find_map(strip);
    let parts: Vec<&str> = match (urn, url) {
        (Some(rest), _) => rest.split(':').collect(),
        (_, Some(rest)) => rest.split('/').collect(),
        _ => text.split(':').collect(),
    };
    let (name, code) = match (parts.as_slice(), urn.or(url)) {
        ([name, _version, code], Some(_)) => (*name, *code),
        ([name, code], None) => (*name, *code),
        _ => return None,
    };
    let word = |text: &str, extra: &str| {
        !text.is_empty() && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    (word(name, "_-") && word(code, "_-.") && name.chars().any(|c| c.is_ascii_alphabetic()))
        .then(|| Authority { name: name.to_ascii_uppercase(), code: code.to_owned() })
}

/// How deep brackets are nested outside of quoted text.
fn wkt_depth(wkt: &str) -> usize {
    let (mut depth, mut deepest, mut quoted) = (0usize, 0, false);
    for byte in wkt.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'[' | b'(' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The `AUTHORITY["EPSG","2154"]` of the root node of WKT 1, if it has one.
pub(crate) fn wkt1_authority(wkt: &str) -> Option<Authority> {
    let (mut depth, mut quoted, mut word_start) = (0usize, false, 0);
    for (position, byte) in wkt.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'(' => {
                let keyword = wkt.get(word_start..position)?.trim();
                if depth == 1 && keyword.eq_ignore_ascii_case("AUTHORITY") {
                    let rest = wkt.get(position + 1..)?;
                    let (inside, _) = rest.split_once([']', ')'])?;
                    let (name, code) = inside.split_once(',')?;
                    let unquote = |text: &str| text.trim().trim_matches('"').to_owned();
                    return Some(Authority { name: unquote(name), code: unquote(code) });
                }
                depth += 1;
                word_start = position + 1;
            }
            b']' | b')' => depth = depth.saturating_sub(1),
            b',' => word_start = position + 1,
            _ => {}
        }
    }
    None
}

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

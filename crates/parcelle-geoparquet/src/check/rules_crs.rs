//! `GPQ-CRS`: the coordinate reference system, and whether coordinates can be of it.

use parcelle_crs::{Crs, Measure, Motion};
use parcelle_report::{Finding, Rule, Severity};
use serde_json::Value;

use super::context::{Context, Fix, excerpt, pointer};
use super::extent;
use super::footer::GeometryColumn;
use super::geo::{Version, kind};
use super::reference::{StatedCrs, of_type};
use super::rules_column::MEMBER;

pub(crate) static NOT_PROJJSON: Rule = Rule {
    id: "GPQ-CRS-001",
    severity: Severity::Error,
    title: "`crs` is neither a PROJJSON object nor null",
    why: "Since 0.4 the reference system is PROJJSON. Readers hand the object to PROJ; a code such as \"EPSG:2154\" or WKT in its \
          place is refused by some (DuckDB: \"invalid CRS\") and ignored by others, which then take the coordinates for degrees (OGC:CRS84).",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1, crs; schema.json",
};

pub(crate) static UNUSABLE: Rule = Rule {
    id: "GPQ-CRS-002",
    severity: Severity::Error,
    title: "The reference system cannot be understood",
    why: "PROJJSON has a `type` that says what kind of system it is, and a `name`. PROJ refuses what lacks them, and with it \
          every reader that uses PROJ.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "PROJJSON schema v0.7; GeoParquet 1.1, crs",
};

pub(crate) static NO_CODE: Rule = Rule {
    id: "GPQ-CRS-003",
    severity: Severity::Warning,
    title: "The reference system has no EPSG code",
    why: "GeoServer's GeoParquet store knows a reference system by the EPSG code in its `id`; of any other it logs \"defaulting \
          to WGS84\" and takes the coordinates for degrees, so that the layer is shown far from its place. Other servers, too, \
          publish layers by code. OGC:CRS84 is the same as that default.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "GeoTools gt-geoparquet, ProjJSONHelper.convertToGeoToolsCRS",
};

pub(crate) static DISAGREE: Rule = Rule {
    id: "GPQ-CRS-004",
    severity: Severity::Error,
    title: "The `geo` entry and the type of the column name different reference systems",
    why: "A column with the type GEOMETRY has its reference system twice. Readers of the entry and readers of the type then \
          put the same coordinates to different places, and each is right. A type without one means OGC:CRS84, as an absent \
          `crs` does; null means that none is known, which a type cannot say.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "GeoParquet 2.0, crs: MUST be the same; apache/parquet-format Geospatial.md",
};

pub(crate) static NOT_INLINE: Rule = Rule {
    id: "GPQ-CRS-005",
    severity: Severity::Error,
    title: "The reference system of the type is not inline PROJJSON",
    why: "Parquet leaves the text of a type's reference system free: a code, `srid:` and a number, `projjson:` and a key. \
          GeoParquet 2.0 takes PROJJSON in the type itself, so that a reader needs no register to know where the data are.",
    fix: "parcelle convert IN.parquet OUT.parquet --geoparquet 2.0",
    reference: "GeoParquet 2.0, crs",
};

pub(crate) static EPOCH: Rule = Rule {
    id: "GPQ-CRS-006",
    severity: Severity::Warning,
    title: "There is an epoch, and the reference system does not move",
    why: "An epoch says for which moment coordinates hold in a dynamic system such as ITRF2014. In one that is fixed to its plate (RGF93, \
          ETRS89) it means nothing; programs that apply it move the data by centimetres a year.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…' with the dynamic system that the epoch belongs to",
    reference: "GeoParquet 1.1, epoch: in case of a dynamic CRS",
};

pub(crate) static UNKNOWN: Rule = Rule {
    id: "GPQ-CRS-007",
    severity: Severity::Warning,
    title: "The reference system is not known (`crs` is null)",
    why: "The file says that nobody knows where its coordinates are. A map needs to know: GeoServer's GeoParquet store takes \
          EPSG:4326 then, and QGIS asks.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "GeoParquet 1.1, crs: null means undefined; GeoTools gt-geoparquet, GeoparquetDatasetMetadata.getCrs",
};

pub(crate) static NOT_DEGREES: Rule = Rule {
    id: "GPQ-CRS-008",
    severity: Severity::Error,
    title: "The coordinates cannot be degrees, and the reference system says that they are",
    why: "Longitudes end at 180 and latitudes at 90. Where `crs` is left out OGC:CRS84 is meant, so coordinates in metres \
          without it are read as degrees: nothing is shown, or PROJ ends with an error for each of them.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "GeoParquet 1.1, crs: if not provided OGC:CRS84; ISO 19111 (ellipsoidal coordinates)",
};

pub(crate) static LIKE_DEGREES: Rule = Rule {
    id: "GPQ-CRS-009",
    severity: Severity::Warning,
    title: "The coordinates look like degrees, and the reference system has metres",
    why: "All data lie within 180 by 90 metres of the origin of the map, where hardly any projected system has land. Most likely longitudes \
          and latitudes were given the code of the map they were meant for, without a transformation.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "GeoParquet 1.1, crs; gpio check spec, coordinates outside valid range for CRS",
};

pub(crate) static OUTSIDE: Rule = Rule {
    id: "GPQ-CRS-010",
    severity: Severity::Warning,
    title: "Data lie outside of the area that the reference system is made for",
    why: "A national system is defined for its country: outside, its datum means nothing and transformations are guesses of metres. \
          Mostly it is the wrong code.",
    fix: "parcelle convert IN.parquet OUT.parquet --crs 'EPSG:…'",
    reference: "ISO 19111, domain of validity; PROJJSON `bbox`",
};

pub(crate) static SWAPPED: Rule = Rule {
    id: "GPQ-CRS-011",
    severity: Severity::Warning,
    title: "Longitude and latitude look swapped",
    why: "In GeoParquet x comes first, which is longitude, whatever order the definition has. Data written in the order of EPSG:4326 \
          lie in the mirror: France off the coast of Somalia.",
    fix: "Swap the ordinates when writing it again (ST_FlipCoordinates of DuckDB, ST_FlipCoordinates of PostGIS)",
    reference: "GeoParquet 1.1, Coordinate axis order: x, y overrides the order of the CRS",
};

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    for column in &footer.columns {
        stated(context, column);
        typed(context, column);
        epoch(context, column);
        if let Some(bbox) = extent::of(footer, column) {
            plausible(context, column, bbox, "the file says");
        }
    }
}

fn stated(context: &mut Context<'_>, column: &GeometryColumn) {
    let version = context.footer.geo.version();
    let place = pointer(&column.name, &["crs"]);
    let value = column.entry.as_ref().and_then(|entry| entry.get("crs"));
    match value {
        None | Some(Value::Object(_) | Value::Null) => {}
        // Up to 0.3 it was WKT.
        Some(Value::String(_)) if version == Version::Draft => {}
        Some(other) => {
            let message = format!("{place} is {}, {}, not PROJJSON", excerpt(other), kind(other));
            let fix = if matches!(column.crs, StatedCrs::Broken(_)) { Fix::Rewrite } else { Fix::Convert(&[]) };
            context.say(&NOT_PROJJSON, message, fix);
        }
    }
    match &column.crs {
        StatedCrs::Broken(reason) => {
            if !context.has(&NOT_PROJJSON) {
                context.say(&UNUSABLE, format!("{place}: {reason}"), Fix::Rewrite);
            }
        }
        StatedCrs::Unknown => {
            context.say(&UNKNOWN, format!("{} has no known reference system", column.name), Fix::Assign)
        }
        StatedCrs::Known(crs) if !has_epsg_code(crs) => {
            let message = match crs.authority() {
                Some(authority) => format!("{place} is {authority}, which is no code of EPSG"),
                None => format!("{place} is {:?}, without `id`", crs.name()),
            };
            context.say(&NO_CODE, message, Fix::Assign);
        }
        StatedCrs::Known(_) | StatedCrs::Default => {}
    }
}

fn has_epsg_code(crs: &Crs) -> bool {
    let is_default = Crs::from_authority("OGC", "CRS84").is_ok_and(|default| default.same_as(crs));
    is_default || crs.authority().is_some_and(|authority| authority.name.eq_ignore_ascii_case("EPSG"))
}

fn typed(context: &mut Context<'_>, column: &GeometryColumn) {
    let Some(native) = &column.native else { return };
    let said = of_type(native, context.footer.metadata().file_metadata().key_value_metadata());
    if column.entry.is_some() {
        if let StatedCrs::Broken(reason) = &said {
            context.say(&UNUSABLE, format!("{}, the type: {reason}", column.name), Fix::Rewrite);
        }
        if column.crs.agrees_with(&said) == Some(false) {
            let message =
                format!("{} is {} by its entry and {} by its type", column.name, column.crs.name(), said.name());
            context.say(&DISAGREE, message, Fix::Assign);
        }
    }
    let is_inline = native.crs.as_deref().is_none_or(|text| text.trim_start().starts_with('{'));
    let is_default = StatedCrs::Default.agrees_with(&said) == Some(true);
    if context.footer.geo.version().is_2() && !is_inline && !is_default {
        let text = excerpt(&Value::from(native.crs.clone().unwrap_or_default()));
        context.say(&NOT_INLINE, format!("{}: the type has {text}", column.name), Fix::Convert(&["--geoparquet 2.0"]));
    }
}

fn epoch(context: &mut Context<'_>, column: &GeometryColumn) {
    let place = pointer(&column.name, &["epoch"]);
    match column.entry.as_ref().and_then(|entry| entry.get("epoch")) {
        None => {}
        Some(Value::Number(epoch)) => {
            let Some(crs) = column.crs.resolved() else { return };
            if crs.motion() == Motion::Static {
                let message = format!("{place} is {epoch}, and {crs} is fixed to its plate");
                context.say(&EPOCH, message, Fix::General);
            }
        }
        Some(other) => context.say(&MEMBER, format!("{place} is {}, not a number", kind(other)), Fix::Convert(&[])),
    }
}

/// Whether data at this place can be in a column's reference system. Spoken once for a column.
pub(crate) fn plausible(context: &mut Context<'_>, column: &GeometryColumn, bbox: [f64; 4], source: &str) {
    const RULES: [&Rule; 4] = [&NOT_DEGREES, &LIKE_DEGREES, &OUTSIDE, &SWAPPED];
    if RULES.into_iter().any(|rule| context.has(rule)) {
        return;
    }
    let Some(crs) = column.crs.resolved() else { return };
    let [xmin, ymin, xmax, ymax] = bbox;
    let where_ = format!("{}: {source} {}", column.name, extent::text(bbox));
    let within = |x: f64, y: f64| xmin >= -x && xmax <= x && ymin >= -y && ymax <= y;
    match crs.measure() {
        Measure::Geographic if is_in_degrees(&crs) => {
            // A hair of rounding, and longitudes that are counted from 0 to 360.
            if !within(360.001, 90.001) {
                let swapped = ymin >= -180.001 && ymax <= 180.001 && xmin >= -90.001 && xmax <= 90.001;
                if swapped {
                    context.say(&SWAPPED, format!("{where_}: y goes beyond 90 and x does not"), Fix::General);
                } else {
                    let missing = if column.crs == StatedCrs::Default { ", as `crs` is left out" } else { "" };
                    context.say(&NOT_DEGREES, format!("{where_}, in degrees of {crs}{missing}"), Fix::Assign);
                }
                return;
            }
            area(context, &crs, bbox, &where_);
        }
        Measure::Plane if within(180.0, 90.0) && xmax - xmin > 1e-9 => {
            context.say(&LIKE_DEGREES, format!("{where_}, in metres of {crs}"), Fix::Assign);
        }
        Measure::Plane => far(context, &crs, bbox, &where_),
        _ => {}
    }
}

/// Whether projected data are much farther from the origin of the map than the area of use is. That needs no projecting: in
/// its area no map makes distances half as long again.
fn far(context: &mut Context<'_>, crs: &Crs, [xmin, ymin, xmax, ymax]: [f64; 4], where_: &str) {
    const STRETCH: f64 = 1.5;
    const MARGIN: f64 = 300_000.0;
    let projjson = crs.to_projjson();
    let (Some([west, south, east, north]), Some(origin)) = (area_of_use(&projjson), Origin::of(&projjson)) else {
        return;
    };
    let corners = [(west, south), (west, north), (east, south), (east, north)];
    let farthest = corners.into_iter().map(|(longitude, latitude)| origin.distance(longitude, latitude));
    let farthest = farthest.fold(0.0, f64::max);
    let gap = |low: f64, high: f64, centre: f64| (low - centre).max(centre - high).max(0.0);
    let nearest = gap(xmin, xmax, origin.easting).hypot(gap(ymin, ymax, origin.northing));
    if nearest > farthest * STRETCH + MARGIN {
        let message = format!(
            "{where_}, {:.0} km from the origin of {crs}, whose area ends after {:.0} km",
            nearest / 1000.0,
            farthest / 1000.0
        );
        context.push(Finding::new(&OUTSIDE, message), Fix::Assign);
    }
}

/// The place on the ground that a projection begins at, and its coordinates on the map.
struct Origin {
    longitude: f64,
    latitude: f64,
    easting: f64,
    northing: f64,
}

impl Origin {
    /// Takes it from the parameters of a conversion, by their EPSG codes.
    fn of(projjson: &Value) -> Option<Self> {
        let parameters = projjson.get("conversion")?.get("parameters")?.as_array()?;
        let parameter = |codes: [i64; 3], unit: &str| {
            let found = parameters.iter().find(|parameter| {
                let code = parameter.get("id").and_then(|id| id.get("code")?.as_i64());
                code.is_some_and(|code| codes.contains(&code))
            })?;
            found.get("unit").is_none_or(|found| found == unit).then(|| found.get("value")?.as_f64()).flatten()
        };
        Some(Self {
            latitude: parameter([8801, 8811, 8821], "degree")?,
            longitude: parameter([8802, 8812, 8822], "degree")?,
            easting: parameter([8806, 8816, 8826], "metre")?,
            northing: parameter([8807, 8817, 8827], "metre")?,
        })
    }

    /// Metres along a sphere.
    fn distance(&self, longitude: f64, latitude: f64) -> f64 {
        const RADIUS: f64 = 6_371_000.0;
        let (from, to) = (self.latitude.to_radians(), latitude.to_radians());
        let across = (longitude - self.longitude).to_radians();
        let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (across / 2.0).sin().powi(2);
        2.0 * RADIUS * half.sqrt().min(1.0).asin()
    }
}

/// Whether most of a geographic box is in the area of use, as far as the definition has one.
fn area(context: &mut Context<'_>, crs: &Crs, [xmin, ymin, xmax, ymax]: [f64; 4], where_: &str) {
    // Some degrees: areas are drawn generously, and data reach over borders.
    const MARGIN: f64 = 3.0;
    let Some([west, south, east, north]) = area_of_use(&crs.to_projjson()) else { return };
    if west > east {
        return;
    }
    let meets = |xmin: f64, ymin: f64, xmax: f64, ymax: f64| {
        xmin <= east + MARGIN && xmax >= west - MARGIN && ymin <= north + MARGIN && ymax >= south - MARGIN
    };
    let inside = |xmin: f64, ymin: f64, xmax: f64, ymax: f64| {
        xmin >= west - MARGIN && xmax <= east + MARGIN && ymin >= south - MARGIN && ymax <= north + MARGIN
    };
    if meets(xmin, ymin, xmax, ymax) {
        return;
    }
    let area = extent::text([west, south, east, north]);
    if inside(ymin, xmin, ymax, xmax) {
        let message = format!("{where_}; swapped they were in the area of {crs} ({area})");
        context.say(&SWAPPED, message, Fix::General);
    } else {
        context.push(
            Finding::new(&OUTSIDE, format!("{where_}, which does not meet the area of {crs} ({area})")),
            Fix::Assign,
        );
    }
}

/// The area of use of PROJJSON: west, south, east, north.
fn area_of_use(projjson: &Value) -> Option<[f64; 4]> {
    let usages = projjson.get("usages").and_then(Value::as_array).and_then(|usages| usages.first());
    let bbox = projjson.get("bbox").or_else(|| usages?.get("bbox"))?;
    let side = |name: &str| bbox.get(name)?.as_f64();
    Some([side("west_longitude")?, side("south_latitude")?, side("east_longitude")?, side("north_latitude")?])
}

/// Whether its axes are in degrees, as nearly all are; some are in grads or radians.
fn is_in_degrees(crs: &Crs) -> bool {
    let projjson = crs.to_projjson();
    let unit = projjson.get("coordinate_system").and_then(|system| system.get("axis")?.get(0)?.get("unit"));
    unit.is_none_or(|unit| unit == "degree")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_a_map_is_found() {
        let lambert = Crs::from_definition("EPSG:2154").unwrap().to_projjson();
        let origin = Origin::of(&lambert).unwrap();
        assert_eq!((origin.longitude, origin.latitude), (3.0, 46.5));
        assert_eq!((origin.easting, origin.northing), (700_000.0, 6_600_000.0));
        let paris = origin.distance(2.35, 48.85);
        assert!((paris - 266_000.0).abs() < 2000.0, "{paris}");
        assert!(Origin::of(&Crs::from_definition("EPSG:4326").unwrap().to_projjson()).is_none());
        assert_eq!(area_of_use(&lambert).map(|area| area.map(f64::trunc)), Some([-9.0, 41.0, 10.0, 51.0]));
    }
}

//! Coordinate reference systems: EPSG codes, WKT and PROJJSON into one identity.
//!
//! A [`Crs`] is an identity (authority and code, where the definition has them) together with a full definition as
//! [PROJJSON](https://proj.org/en/stable/specifications/projjson.html), the form that GeoParquet asks for. It is made
//! from whatever a file has to say: an authority and a code, WKT of either generation, or PROJJSON.
//!
//! With the feature `gdal`, definitions are resolved by the PROJ that the system's libgdal uses; a built-in copy of the
//! EPSG dataset answers where PROJ does not know a code. Without the feature the built-in copy is all there is: it knows
//! EPSG codes, WKT 2 and PROJJSON, and WKT 1 only where it names an EPSG code.
//!
//! ```
//! use parcelle_crs::Crs;
//!
//! let lambert = Crs::from_definition("EPSG:2154")?;
//! assert_eq!(lambert.to_projjson()["type"], "ProjectedCRS");
//! assert!(lambert.same_as(&Crs::from_definition("urn:ogc:def:crs:EPSG::2154")?));
//! assert_eq!(lambert.to_string(), "EPSG:2154");
//! # Ok::<(), parcelle_crs::CrsError>(())
//! ```

mod agreement;
#[cfg(feature = "gdal")]
mod database;
mod definition;
mod error;
#[cfg(feature = "gdal")]
mod library;
mod measure;
#[cfg(feature = "gdal")]
mod proj;
#[cfg(feature = "gdal")]
mod proj_library;
mod register;
#[cfg(feature = "gdal")]
mod transformation;

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

pub use agreement::Agreement;
pub use error::{CrsError, TransformationError};
#[cfg(feature = "gdal")]
pub use library::{GdalLoader, gdal_ready, load_gdal_with, load_proj_with, proj_ready};
pub use measure::{Measure, Motion};
#[cfg(feature = "gdal")]
pub use transformation::Transformation;

use definition::Definition;

/// A coordinate reference system: what it is called, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Crs {
    name: String,
    authority: Option<Authority>,
    projjson: Map<String, Value>,
}

/// Who defined a coordinate reference system, and under which code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Such as `EPSG`, `OGC`, `IGNF` or `ESRI`.
    pub name: String,
    /// Such as `2154` or `CRS84`.
    pub code: String,
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.name, self.code)
    }
}

impl Crs {
    /// From text in any of the known forms: `EPSG:2154` and other `AUTHORITY:CODE`, `OGC:CRS84`, OGC URNs and URLs of
    /// those, WKT 1 (OGC 01-009), WKT 2 (ISO 19162) and PROJJSON.
    ///
    /// # Errors
    /// [`CrsError`] where the text is none of those, or defines nothing that is known.
    pub fn from_definition(text: &str) -> Result<Self, CrsError> {
        match Definition::recognise(text)? {
            Definition::Authority(authority) => Self::from_authority(&authority.name, &authority.code),
            Definition::Wkt1(wkt) => Self::from_wkt1(wkt),
            Definition::Wkt2(wkt) => Self::from_wkt2(wkt),
            Definition::Projjson(value) => Self::from_projjson(value),
        }
    }

    /// From a code of an authority, such as `EPSG` and `2154`.
    ///
    /// # Errors
    /// [`CrsError::UnknownCode`] where no register at hand has it.
    pub fn from_authority(name: &str, code: &str) -> Result<Self, CrsError> {
        let authority = Authority { name: name.trim().to_ascii_uppercase(), code: code.trim().to_owned() };
        let projjson = register::longitude_latitude(&authority).map_or_else(|| resolve_code(&authority), Ok)?;
        let mut crs = Self::from_projjson(projjson)?;
        // Registers leave the identity out of some definitions, or give the one of an equivalent.
        crs.authority = Some(authority);
        Ok(crs)
    }

    /// From PROJJSON. Its content is kept as it is.
    ///
    /// # Errors
    /// [`CrsError::Projjson`] where the value is not the PROJJSON of a coordinate reference system.
    pub fn from_projjson(value: Value) -> Result<Self, CrsError> {
        let Value::Object(projjson) = value else {
            return Err(CrsError::Projjson { reason: "it is not a JSON object".to_owned() });
        };
        let text = |key: &str| projjson.get(key).and_then(Value::as_str);
        match text("type") {
            Some(kind) if definition::PROJJSON_TYPES.contains(&kind) => {}
            Some(kind) => {
                return Err(CrsError::Projjson { reason: format!("its type is {kind:?}, which is no CRS") });
            }
            None => return Err(CrsError::Projjson { reason: "it has no `type`".to_owned() }),
        }
        let Some(name) = text("name").or_else(|| projjson.get("source_crs")?.get("name")?.as_str()) else {
            return Err(CrsError::Projjson { reason: "it has no `name`".to_owned() });
        };
        let authority = projjson.get("id").and_then(|id| {
            let code = match id.get("code")? {
                Value::String(code) => code.clone(),
                Value::Number(code) => code.to_string(),
                _ => return None,
            };
            Some(Authority { name: id.get("authority")?.as_str()?.to_owned(), code })
        });
        Ok(Self { name: name.to_owned(), authority, projjson })
    }

    fn from_wkt1(wkt: &str) -> Result<Self, CrsError> {
        #[cfg(feature = "gdal")]
        if gdal_ready().is_ok() {
            return Self::from_projjson(proj::projjson_of_wkt(wkt)?);
        }
        match definition::wkt1_authority(wkt) {
            Some(authority) => Self::from_authority(&authority.name, &authority.code),
            None => Err(CrsError::NeedsProj { definition: definition::excerpt(wkt) }),
        }
    }

    fn from_wkt2(wkt: &str) -> Result<Self, CrsError> {
        #[cfg(feature = "gdal")]
        if gdal_ready().is_ok() {
            return Self::from_projjson(proj::projjson_of_wkt(wkt)?);
        }
        Self::from_projjson(register::projjson_of_wkt2(wkt)?)
    }

    /// The full definition, as a PROJJSON object.
    pub fn to_projjson(&self) -> Value {
        Value::Object(self.projjson.clone())
    }

    /// Its name, such as `RGF93 v1 / Lambert-93`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who defined it, where that is known.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Whether both mean the same: the same code of the same authority; or, where one of them has no code, the same
    /// definition apart from names, remarks and areas of use.
    pub fn same_as(&self, other: &Self) -> bool {
        match (&self.authority, &other.authority) {
            (Some(mine), Some(theirs)) => mine.name.eq_ignore_ascii_case(&theirs.name) && mine.code == theirs.code,
            _ => essence(&self.projjson) == essence(&other.projjson),
        }
    }

    /// Whether positions in the order x, y mean the same in both: they are the same, or one is the other with longitude and
    /// latitude in the other order. Vector formats write x first whatever the definition says (OGC 12-128r18, clause
    /// 2.1.3.1.1; GeoParquet 1.1, "Coordinate axis order").
    pub fn same_positions_as(&self, other: &Self) -> bool {
        let is = |crs: &Self, name: &str, code: &str| {
            crs.authority.as_ref().is_some_and(|authority| {
                authority.name.eq_ignore_ascii_case(name) && authority.code.eq_ignore_ascii_case(code)
            })
        };
        self.same_as(other)
            || LONGITUDE_FIRST.iter().any(|(ogc, epsg)| {
                (is(self, "OGC", ogc) && is(other, "EPSG", epsg)) || (is(self, "EPSG", epsg) && is(other, "OGC", ogc))
            })
    }
}

/// OGC's codes of reference systems with longitude first, and those of EPSG with latitude first (OGC 06-042, annex B).
const LONGITUDE_FIRST: [(&str, &str); 3] = [("CRS84", "4326"), ("CRS83", "4269"), ("CRS27", "4267")];

/// A definition without what only describes it.
fn essence(object: &Map<String, Value>) -> Value {
    const DESCRIPTION: [&str; 9] = ["$schema", "name", "id", "ids", "scope", "area", "bbox", "remarks", "usages"];
    let strip = |value: &Value| match value {
        Value::Object(inner) => essence(inner),
        other => other.clone(),
    };
    let kept = object.iter().filter(|(key, _)| !DESCRIPTION.contains(&key.as_str()));
    Value::Object(
        kept.map(|(key, value)| {
            let value = match value {
                Value::Array(items) => Value::Array(items.iter().map(strip).collect()),
                single => strip(single),
            };
            (key.clone(), value)
        })
        .collect(),
    )
}

/// Looks a code up: PROJ first, where it is linked, then the built-in register.
fn resolve_code(authority: &Authority) -> Result<Value, CrsError> {
    #[cfg(feature = "gdal")]
    if proj_ready().is_ok()
        && let Some(projjson) = database::projjson_of_epsg_code(authority)?
    {
        return Ok(projjson);
    }
    #[cfg(feature = "gdal")]
    if gdal_ready().is_ok()
        && let Some(projjson) = proj::projjson_of_code(authority)?
    {
        return Ok(projjson);
    }
    match register::projjson_of_code(authority)? {
        Some(projjson) => Ok(projjson),
        None => Err(CrsError::UnknownCode { authority: authority.to_string() }),
    }
}

/// The identity where there is one, else the name.
impl fmt::Display for Crs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.authority {
            Some(authority) => authority.fmt(formatter),
            None => self.name.fmt(formatter),
        }
    }
}

impl FromStr for Crs {
    type Err = CrsError;

    fn from_str(text: &str) -> Result<Self, CrsError> {
        Self::from_definition(text)
    }
}

#[cfg(test)]
mod tests;

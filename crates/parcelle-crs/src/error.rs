//! What can be wrong with the definition of a coordinate reference system.

/// Why a definition could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrsError {
    /// The text is in none of the known forms.
    #[error(
        "{text:?} is not a coordinate reference system: give a code such as EPSG:2154 or OGC:CRS84, WKT, or PROJJSON"
    )]
    Unrecognised {
        /// The beginning of the text.
        text: String,
    },
    /// No register at hand has the code.
    #[error(
        "{authority} is not a known coordinate reference system: check the code, or give the full definition as WKT 2 \
         or PROJJSON"
    )]
    UnknownCode {
        /// Authority and code.
        authority: String,
    },
    /// WKT that could not be read.
    #[error("the WKT {definition:?} cannot be read ({reason}): give a code such as EPSG:2154, or correct it")]
    Wkt {
        /// The beginning of the text.
        definition: String,
        /// What the parser said.
        reason: String,
    },
    /// JSON that is not the PROJJSON of a coordinate reference system.
    #[error("the PROJJSON is not a coordinate reference system: {reason}")]
    Projjson {
        /// What is wrong with it.
        reason: String,
    },
    /// WKT 1 can only be translated by PROJ.
    #[error(
        "{definition:?} is WKT 1 without an EPSG code, which only PROJ can translate: assign the code (--crs EPSG:xxxx), \
         or use a build with the feature `gdal`"
    )]
    NeedsProj {
        /// The beginning of the text.
        definition: String,
    },
}

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

/// Why coordinates cannot be brought from one reference system to another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformationError {
    /// PROJ comes with libgdal, which cannot be loaded.
    #[error("coordinates cannot be transformed: {reason}")]
    Library {
        /// Why, and the way out.
        reason: String,
    },
    /// PROJ cannot use a reference system.
    #[error("PROJ cannot transform {crs}: {reason}")]
    Proj {
        /// The reference system.
        crs: String,
        /// What PROJ says.
        reason: String,
    },
    /// Positions in space have no x and y on a map.
    #[error(
        "{crs} is geocentric: its positions have no place on a map; choose a geographic or projected reference system"
    )]
    Geocentric {
        /// The reference system.
        crs: String,
    },
    /// There is no way but a guess.
    #[error(
        "there is no transformation from {from} to {to} but a ballpark one, which ignores that their datums differ{}",
        way_out(grids)
    )]
    None {
        /// Where positions are.
        from: String,
        /// Where they should be.
        to: String,
        /// Names of the grids with which there would be one.
        grids: Vec<String>,
    },
}

fn way_out(grids: &[String]) -> String {
    match grids {
        [] => ": transform in steps that are known, with a program such as cs2cs".to_owned(),
        [first, ..] => format!(
            ": PROJ lacks the grids {}; install them, such as with `projsync --file {first}`, or set PROJ_NETWORK=ON",
            grids.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    }
}

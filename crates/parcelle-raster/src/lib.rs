//! Rules for rasters: Cloud Optimized GeoTIFF ([`cog`]), GDAL virtual rasters ([`vrt`]), what GeoServer reads
//! ([`geoserver`]), and many files as one ImageMosaic of it ([`mosaic`]). Tiles are decoded by [`pixels`]; [`mend`] makes
//! one command of what findings propose.
//!
//! Each wing parses a file once into a model, runs every rule over it and returns what it found as [`Checked`]; the
//! rules are data (`cog::RULES`, `vrt::RULES`) beside the functions that test them. Nothing here renders or exits.

pub mod cog;
pub mod geoserver;
pub mod mend;
pub mod mosaic;
pub mod pixels;
mod shell;
pub mod vrt;

use std::collections::BTreeMap;

use parcelle_report::Finding;
use parcelle_report::picture::Picture;
use serde_json::Value;

/// How deep a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// The structure only: headers, directories, index arrays.
    Header,
    /// Also the bytes around and between tiles, against the index.
    #[default]
    Tiles,
    /// Also every pixel, decoded.
    Pixels,
}

/// What a check of one file gives: its findings in the order they were made, and measured facts for the report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// At most [`parcelle_report::Findings::CAP`] per rule.
    pub findings: Vec<Finding>,
    /// Facts by name, as they appear in the report's JSON.
    pub facts: BTreeMap<&'static str, Value>,
    /// Pictures for the report, where they were asked for.
    pub pictures: Vec<Picture>,
}

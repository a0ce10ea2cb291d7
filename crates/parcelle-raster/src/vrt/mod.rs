//! GDAL virtual rasters (VRT): a model of the XML as GDAL understands it, and rules that say what GeoServer, which reads
//! VRTs through GDAL, will make of a file.
//!
//! GDAL opens almost anything: it ignores what it does not know, looks for sources only when a tile touches them, and
//! checks no VRT against its own schema. So most defects are found by users, on the map. The rules here look at the
//! text of the VRT, and at whether its sources exist; they open no source, except other VRTs, whose own sources they
//! look for.
//!
//! The text is parsed as a stream with GDAL's own leniency: names in any case, attributes and child elements
//! interchangeable, entities never resolved. Everything a hostile file could inflate is bounded (`limits`).
//!
//! ```
//! use std::path::Path;
//! use parcelle_raster::vrt;
//! use parcelle_storage::Memory;
//!
//! let text = r#"<VRTDataset rasterXSize="20" rasterYSize="20">
//!   <VRTRasterBand dataType="Byte" band="1">
//!     <SimpelSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpelSource>
//!   </VRTRasterBand>
//! </VRTDataset>"#;
//! let checked = vrt::check(&Memory::new(text), Path::new("a.vrt"), &vrt::VrtOptions::default())?;
//! assert_eq!(checked.findings[0].rule.id, "VRT-XML-007");
//! assert!(checked.findings[0].message.contains("<SimpleSource>"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod build;
#[allow(dead_code, reason = "parts that rules to come look at")]
mod details;
mod document;
mod limits;
#[allow(dead_code, reason = "parts that rules to come look at")]
mod model;
#[allow(dead_code, reason = "parts that rules to come look at")]
mod numbers;
mod parse;
mod references;
mod rules_dataset;
mod rules_kind;
mod rules_source;
mod rules_xml;
mod shorten;
mod sources;
mod tag;
mod text;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use parcelle_report::{Findings, Location, Rule};
use parcelle_storage::{ByteSource, Usage};
use serde_json::Value;

use crate::Checked;
use crate::shell::quoted;
use document::Document;
use model::DatasetKind;
pub use sources::policy::SourcePolicy;

/// What is asked of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrtOptions {
    /// Major and minor version of the GDAL that the server uses; several rules depend on it.
    pub target_gdal: (u32, u32),
    /// Which sources may be opened.
    pub sources: SourcePolicy,
    /// With [`Depth::Pixels`](crate::Depth::Pixels) every pixel is read too (with the feature `gdal`).
    pub depth: crate::Depth,
}

impl Default for VrtOptions {
    /// The newest GDAL that the rules were measured with.
    fn default() -> Self {
        Self { target_gdal: (3, 12), sources: SourcePolicy::default(), depth: crate::Depth::default() }
    }
}

/// All rules for VRT files.
pub static RULES: &[&Rule] = &[
    &rules_xml::NOT_WELL_FORMED,
    &rules_xml::ROOT,
    &rules_xml::DOCUMENT_TYPE,
    &rules_xml::ENCODING,
    &rules_xml::NOT_IDENTIFIED,
    &rules_xml::LARGE,
    &rules_xml::UNKNOWN_ELEMENT,
    &rules_kind::VECTOR,
    &rules_kind::MULTIDIMENSIONAL,
    &rules_kind::WARPED,
    &rules_kind::PANSHARPENED,
    &rules_kind::PROCESSED,
    &rules_kind::RAW_BAND,
    &rules_kind::SUB_CLASS,
    &rules_kind::TILE_INDEX,
    &rules_dataset::INCOMPLETE,
    &rules_dataset::SIZE,
    &rules_dataset::BAND_NUMBER,
    &rules_source::MISSING,
    &rules_source::ABSOLUTE_PATH,
    &rules_source::WORKING_DIRECTORY,
    &rules_source::WINDOWS_PATH,
    &sources::rules_open::CYCLE,
    &sources::rules_open::NESTED,
    &sources::rules_open::NO_SUCH_BAND,
    &sources::rules_open::NOT_READABLE,
    &sources::rules_place::OTHER_CRS,
    &sources::rules_place::RESOLUTION,
    &sources::rules_values::TYPE,
    &sources::rules_place::OUTSIDE_SOURCE,
    &sources::rules_place::SHIFTED,
    &sources::mosaic::MANY,
    &sources::mosaic::OVERLAP,
    &sources::mosaic::HOLES,
    &sources::rules_place::PROPERTIES,
    &sources::rules_open::SPELLING,
    &sources::rules_place::ELSEWHERE,
    &sources::rules_values::NO_DATA,
    &sources::rules_values::COLORS,
    &sources::rules_values::SATURATION,
    &sources::rules_speed::NO_OVERVIEW,
    &sources::rules_speed::USELESS_LIST,
    &sources::rules_speed::STALE,
    &sources::rules_speed::STRIPS,
    &sources::rules_open::SYSTEM_FILE,
    &sources::rules_open::FOREIGN_HOST,
    &sources::rules_read::READ,
];

/// Whether the first bytes of a file (1024 are what GDAL itself looks at) make it one that [`check`] has something to
/// say about: a raster VRT, or what is mistaken for one, an OGR (vector) VRT or a GTI tile index written as XML.
///
/// In UTF-16 and UTF-32 the names are found as well, though GDAL would not find them.
#[must_use]
pub fn looks_like_vrt(head: &[u8]) -> bool {
    let narrow: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&narrow).to_ascii_lowercase();
    let begins_with_markup = text.trim_start_matches(['\u{FEFF}', '\u{FFFD}', ' ', '\t', '\r', '\n']).starts_with('<');
    begins_with_markup
        && ["vrtdataset", "ogrvrtdatasource", "gdaltileindexdataset"].iter().any(|root| {
            text.match_indices(root).any(|(at, _)| text.get(..at).is_some_and(|before| before.ends_with(['<', ':'])))
        })
}

/// What the rules look at.
struct Subject<'a> {
    document: &'a Document,
    path: &'a Path,
    options: &'a VrtOptions,
}

impl Subject<'_> {
    /// The VRT in a command.
    fn file(&self) -> String {
        quoted(self.path)
    }

    /// In a command, the raster that the VRT becomes when its pixels are computed.
    fn computed(&self) -> String {
        quoted(self.path.with_extension("tif"))
    }
}

/// A place in the XML.
fn at(line: u32, element: impl Into<String>) -> Location {
    Location { line: Some(u64::from(line)), element: Some(element.into()), ..Location::default() }
}

/// Checks one VRT. `path` is where it lies: relative sources are looked for from there, and fixes name it.
///
/// # Errors
/// What the operating system says when the bytes of the file itself cannot be read. A source that cannot be reached
/// is a finding.
pub fn check(source: &dyn ByteSource, path: &Path, options: &VrtOptions) -> io::Result<Checked> {
    let document = parse::parse(source)?;
    let subject = Subject { document: &document, path, options };
    let mut findings = Findings::new();
    rules_xml::check(&subject, &mut findings);
    let mut nested = Usage::default();
    let mut of_sources = Vec::new();
    // Of a file that GDAL refuses to parse nothing more is known than where parsing failed.
    if document.not_well_formed.is_none() {
        rules_kind::check_root(&subject, &mut findings);
        if let Some(dataset) = &document.dataset {
            rules_kind::check(&subject, dataset, &mut findings);
            rules_dataset::check(&subject, dataset, &mut findings);
            nested = rules_source::check(&subject, dataset, &mut findings);
            let outcome = sources::check(&subject, dataset, &mut findings);
            nested.requests += outcome.usage.requests;
            nested.bytes += outcome.usage.bytes;
            of_sources = outcome.facts;
        }
    }
    let usage = source.usage();
    let read = Usage { requests: usage.requests + nested.requests, bytes: usage.bytes + nested.bytes };
    let mut facts = facts(&document, read);
    facts.extend(of_sources);
    Ok(Checked { findings: findings.as_slice().to_vec(), facts })
}

fn facts(document: &Document, read: Usage) -> BTreeMap<&'static str, Value> {
    let mut facts = BTreeMap::new();
    facts.insert("elements", document.elements.into());
    facts.insert("requests", read.requests.into());
    facts.insert("bytes_read", read.bytes.into());
    let Some(dataset) = document.dataset.as_ref().filter(|_| document.not_well_formed.is_none()) else {
        return facts;
    };
    let kind: DatasetKind = dataset.kind();
    facts.insert("kind", kind.as_str().into());
    let sizes = [("raster_x_size", &dataset.raster_x_size), ("raster_y_size", &dataset.raster_y_size)];
    for (name, size) in sizes {
        if let Some(size) = size.as_ref().and_then(model::Field::leading_integer) {
            facts.insert(name, size.into());
        }
    }
    facts.insert("bands", dataset.bands.len().into());
    facts.insert("sources", document.sources.into());
    let references = dataset.references();
    let distinct: std::collections::HashSet<&str> = references.iter().map(|found| &*found.file.path).collect();
    facts.insert("distinct_sources", distinct.len().into());
    if let Some(srs) = dataset.srs.as_ref().filter(|srs| !srs.text.is_empty()) {
        facts.insert("srs", shorten::shorten(&srs.text).into());
    }
    facts
}

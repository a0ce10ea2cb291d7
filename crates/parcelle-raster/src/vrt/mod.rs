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

mod arrays;
mod build;
mod details;
mod document;
mod escape;
mod existence;
mod functions;
mod judge;
mod limits;
mod model;
mod numbers;
mod oldest;
mod parse;
mod reference_system;
mod references;
mod rules_array;
mod rules_band;
mod rules_complex;
mod rules_computed;
mod rules_conformance;
mod rules_dataset;
mod rules_function;
mod rules_kind;
mod rules_nodata;
mod rules_place;
mod rules_raw;
mod rules_remote;
mod rules_source;
mod rules_speed;
mod rules_window;
mod rules_xml;
mod schema;
mod shorten;
mod source;
mod sources;
mod steps;
mod streamed;
mod tag;
mod target;
mod text;
mod unread;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use parcelle_report::{Compatibility, Findings, Location, Rule};
use parcelle_storage::{ByteSource, Files, Usage};
use serde_json::Value;

use crate::Checked;
use crate::geoserver::Version;
use crate::shell::quoted;
use document::Document;
use model::{Dataset, DatasetKind};
use streamed::StreamedAlgorithm;
use target::Target;

pub use sources::policy::SourcePolicy;
pub(crate) use sources::side::{SIDE_FILE_BYTES, SideFile};
pub use target::{GEOSERVER_GDAL, GdalVersion, NEWEST_GDAL, NEWEST_KNOWN_GDAL, parse_gdal_version};

/// What is asked of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VrtOptions {
    /// The GDAL that the server uses. Where none is stated, files are judged by [`NEWEST_GDAL`], and what needs a newer
    /// one than [`GEOSERVER_GDAL`] is a warning.
    pub gdal: Option<GdalVersion>,
    /// The working directory of the server, where it is known: GDAL takes from there the relative paths that are not
    /// relative to the VRT.
    pub working_directory: Option<PathBuf>,
    /// Which sources may be opened.
    pub sources: SourcePolicy,
    /// What opens them, and what lies beside them. GDAL, which opens what no native reader knows, has its own means.
    pub files: Files,
    /// With [`Depth::Header`](crate::Depth::Header) it is only asked whether the sources are there, and none is opened; with
    /// [`Depth::Pixels`](crate::Depth::Pixels) every pixel is read too (with the feature `gdal`).
    pub depth: crate::Depth,
    /// Whether the report has pictures.
    pub pictures: bool,
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
    &rules_conformance::SCHEMA,
    &rules_kind::VECTOR,
    &rules_kind::MULTIDIMENSIONAL,
    &rules_kind::WARPED,
    &rules_kind::PANSHARPENED,
    &rules_kind::PROCESSED,
    &rules_kind::RAW_BAND,
    &rules_kind::SUB_CLASS,
    &rules_kind::TILE_INDEX,
    &rules_kind::STREAMED,
    &rules_dataset::INCOMPLETE,
    &rules_dataset::SIZE,
    &rules_dataset::BAND_NUMBER,
    &rules_place::NO_SRS,
    &rules_place::UNREADABLE_SRS,
    &rules_place::NO_CODE,
    &rules_place::AXIS_MAPPING,
    &rules_place::NO_TRANSFORM,
    &rules_place::ROTATED,
    &rules_place::SOUTH_UP,
    &rules_place::CONTROL_POINTS,
    &rules_place::WRONG_TRANSFORM,
    &rules_place::SIDE_FILES,
    &rules_place::OUTSIDE,
    &rules_source::MISSING,
    &rules_source::ABSOLUTE_PATH,
    &rules_source::WORKING_DIRECTORY,
    &rules_source::WINDOWS_PATH,
    &rules_remote::REMOTE,
    &rules_remote::ARCHIVE,
    &rules_window::OUTSIDE_SOURCE,
    &rules_window::OUTSIDE_RASTER,
    &rules_window::WRONG_WINDOW,
    &rules_window::NO_SOURCE,
    &rules_window::MANY_SOURCES,
    &rules_window::INLINE_DATASET,
    &rules_array::INCOMPLETE,
    &rules_remote::CONNECTION,
    &rules_band::NO_SAMPLE_MODEL,
    &rules_band::MIXED_TYPES,
    &rules_band::UNSIGNED,
    &rules_band::TAKEN_FOR_ALPHA,
    &rules_band::COLOR_ORDER,
    &rules_band::SCALED,
    &rules_band::PALETTE,
    &rules_band::UNKNOWN_TYPE,
    &rules_band::MANY_BANDS,
    &rules_band::ATTRIBUTE_TABLE,
    &rules_nodata::DIFFERENT,
    &rules_nodata::IMPOSSIBLE,
    &rules_nodata::INFINITE,
    &rules_nodata::HIDDEN,
    &rules_nodata::MASK,
    &rules_nodata::MASK_TWICE,
    &rules_function::PYTHON,
    &rules_function::NOT_REGISTERED,
    &rules_function::NEEDS_VERSION,
    &rules_function::EXPRESSION,
    &rules_function::NOT_DERIVED,
    &rules_function::INCOMPLETE,
    &rules_function::SOURCES,
    &rules_complex::LOOKUP_TABLE,
    &rules_complex::KERNEL,
    &rules_complex::TWO_MASKS,
    &rules_complex::RESAMPLING,
    &rules_speed::NO_OVERVIEWS,
    &rules_speed::OVERVIEW_LIST,
    &rules_speed::BLOCKS,
    &rules_speed::NOT_SHARED,
    &rules_remote::DANGEROUS,
    &rules_speed::HARVESTED,
    &rules_speed::SERVER,
    &rules_speed::THREADS,
    &sources::rules_open::CYCLE,
    &sources::rules_open::NESTED,
    &sources::rules_open::NO_SUCH_BAND,
    &sources::rules_open::NOT_READABLE,
    &sources::rules_place::OTHER_CRS,
    &sources::rules_place::RESOLUTION,
    &sources::rules_values::TYPE,
    &sources::rules_place::SHIFTED,
    &sources::mosaic::OVERLAP,
    &sources::mosaic::HOLES,
    &sources::rules_place::PROPERTIES,
    &sources::rules_open::SPELLING,
    &sources::rules_place::ELSEWHERE,
    &sources::rules_values::NO_DATA,
    &sources::rules_values::COLORS,
    &sources::rules_values::SATURATION,
    &sources::rules_speed::NO_OVERVIEW,
    &sources::rules_speed::STALE,
    &sources::rules_speed::STRIPS,
    &sources::rules_open::SYSTEM_FILE,
    &sources::rules_open::FOREIGN_HOST,
    &sources::rules_read::READ,
];

/// Whether the first bytes of a file (1024 are what GDAL itself looks at) make it one that [`check`] has something to
/// say about: a raster VRT, or what is mistaken for one, an OGR (vector) VRT, a GTI tile index written as XML, or a GDALG.
///
/// In UTF-16 and UTF-32 the names are found as well, though GDAL would not find them.
#[must_use]
pub fn looks_like_vrt(head: &[u8]) -> bool {
    is_virtual_xml(head) || streamed::is_streamed_algorithm(head)
}

fn is_virtual_xml(head: &[u8]) -> bool {
    let narrow: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&narrow).to_ascii_lowercase();
    let begins_with_markup = text.trim_start_matches(['\u{FEFF}', '\u{FFFD}', ' ', '\t', '\r', '\n']).starts_with('<');
    begins_with_markup
        && ["vrtdataset", "ogrvrtdatasource", "gdaltileindexdataset"].iter().any(|root| {
            text.match_indices(root).any(|(at, _)| text.get(..at).is_some_and(|before| before.ends_with(['<', ':'])))
        })
}

/// Sources that a command names one by one.
const COMMAND_SOURCES: usize = 8;

/// What the rules look at.
struct Subject<'a> {
    document: &'a Document,
    path: &'a Path,
    files: &'a Files,
    target: Target,
    /// The working directory of the server, where it is known.
    process: Option<&'a Path>,
}

impl<'a> Subject<'a> {
    fn new(document: &'a Document, path: &'a Path, options: &'a VrtOptions) -> Self {
        Self {
            document,
            path,
            files: &options.files,
            target: Target::new(options.gdal),
            process: options.working_directory.as_deref(),
        }
    }

    /// How many different files the dataset names.
    fn distinct_sources(&self, dataset: &Dataset) -> u64 {
        *self.document.distinct_sources.get_or_init(|| {
            let references = dataset.references();
            // A path of a document is kept once, so that its address tells it.
            references.iter().map(|found| found.file.path.as_ptr().addr()).collect::<HashSet<_>>().len() as u64
        })
    }

    /// The files that the VRT is to be built of, as words of a command: its sources, where they are few and plain files, else
    /// FILES.
    fn sources(&self, dataset: &Dataset) -> String {
        let mut named: Vec<&str> = Vec::new();
        let plain = dataset.kind() == DatasetKind::Classic
            && dataset.references().iter().all(|found| {
                let path = &*found.file.path;
                if !named.contains(&path) && named.len() <= COMMAND_SOURCES {
                    named.push(path);
                }
                let is_plain = matches!(rules_remote::scheme(path), rules_remote::Scheme::Plain) && !path.is_empty();
                is_plain && found.file.is_relative_to_vrt() && named.len() <= COMMAND_SOURCES
            });
        if !plain || named.is_empty() {
            return "FILES".to_owned();
        }
        let directory = self.path.parent().unwrap_or(Path::new(""));
        named.iter().map(|path| quoted(directory.join(path))).collect::<Vec<_>>().join(" ")
    }

    /// The VRT in a command.
    fn file(&self) -> String {
        quoted(self.path)
    }

    /// In a command, the raster that the VRT becomes when its pixels are computed. Its name keeps that of the VRT whole: the
    /// source of `dem.vrt` is often `dem.tif`, and must not be written over.
    fn computed(&self) -> String {
        quoted(self.path.with_extension("vrt.tif"))
    }
}

/// A place in the XML.
fn at(line: u32, element: impl Into<String>) -> Location {
    Location { line: Some(u64::from(line)), element: Some(element.into()), ..Location::default() }
}

/// Who is asked what they make of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// GDAL itself: of the version that is stated, else of [`GEOSERVER_GDAL`] and [`NEWEST_GDAL`].
    pub gdal: bool,
    /// Versions of GeoServer, each upon the GDAL that is stated, else upon [`GEOSERVER_GDAL`].
    pub geoserver: Vec<Version>,
}

/// Checks one VRT. `path` is where it lies: relative sources are looked for from there, and fixes name it.
///
/// # Errors
/// What the operating system says when the bytes of the file itself cannot be read. A source that cannot be reached
/// is a finding.
pub fn check(source: &dyn ByteSource, path: &Path, options: &VrtOptions) -> io::Result<Checked> {
    examine(source, path, options, &Targets::default()).map(|(checked, _)| checked)
}

/// Checks one VRT, and says what the targets make of it.
///
/// # Errors
/// See [`check`].
pub fn examine(
    source: &dyn ByteSource,
    path: &Path,
    options: &VrtOptions,
    targets: &Targets,
) -> io::Result<(Checked, Vec<Compatibility>)> {
    let document = parse::parse(source)?;
    // Of a file that GDAL refuses to parse nothing more is known than where parsing failed.
    let dataset = document.dataset.as_ref().filter(|_| document.not_well_formed.is_none());
    let subject = Subject::new(&document, path, options);
    let mut of_sources = Findings::new();
    let mut nested = Usage::default();
    let mut mosaic = Vec::new();
    let mut pictures = Vec::new();
    if let Some(dataset) = dataset {
        let mut unread;
        (nested, unread) = rules_source::check(&subject, dataset, &mut of_sources);
        if options.depth != crate::Depth::Header {
            let outcome = sources::check(&subject, dataset, options, &mut of_sources);
            nested.requests += outcome.usage.requests;
            nested.bytes += outcome.usage.bytes;
            unread.extend(outcome.unread);
            mosaic = outcome.facts;
            pictures.extend(outcome.picture);
        }
        unread::tell(&subject, unread, &mut of_sources);
    }
    let mut findings = of_file(&subject, dataset);
    if let Some(dataset) = dataset.filter(|_| !targets.geoserver.is_empty()) {
        rules_speed::check_server(dataset, &mut findings);
    }
    let compatibility = judge::judge(&document, dataset, options.gdal, targets, |gdal| {
        let options = VrtOptions { gdal: Some(gdal), ..options.clone() };
        let stated = Subject::new(&document, path, &options);
        let bound = of_version(&stated, dataset);
        [bound.as_slice(), findings.as_slice(), of_sources.as_slice()].concat()
    })?;
    let usage = source.usage();
    let read = Usage { requests: usage.requests + nested.requests, bytes: usage.bytes + nested.bytes };
    let findings = [of_version(&subject, dataset).as_slice(), findings.as_slice(), of_sources.as_slice()].concat();
    let mut facts = facts(&subject, dataset, read);
    facts.extend(mosaic);
    Ok((Checked { findings, facts, pictures }, compatibility))
}

/// What the rules say that depend on the version of GDAL; none of them looks at each source for long.
fn of_version(subject: &Subject<'_>, dataset: Option<&Dataset>) -> Findings {
    let mut findings = Findings::new();
    rules_xml::check(subject, &mut findings);
    rules_conformance::check(subject, &mut findings);
    rules_array::check(subject, &mut findings);
    if subject.document.not_well_formed.is_none() {
        rules_kind::check_root(subject, &mut findings);
    }
    if let Some(dataset) = dataset {
        for rules in [
            rules_kind::check,
            rules_band::check,
            rules_nodata::check,
            rules_function::check,
            rules_window::check_inline_datasets,
        ] {
            rules(subject, dataset, &mut findings);
        }
    }
    findings
}

/// What the rules say that hold for every version: of the file, and of what lies beside it, but of no source.
fn of_file(subject: &Subject<'_>, dataset: Option<&Dataset>) -> Findings {
    let mut findings = Findings::new();
    if let Some(dataset) = dataset {
        for rules in [
            rules_dataset::check,
            rules_place::check,
            rules_complex::check,
            rules_window::check,
            rules_remote::check,
            rules_speed::check,
        ] {
            rules(subject, dataset, &mut findings);
        }
    }
    findings
}

/// What a file is that is no raster VRT.
fn other_kind(document: &Document) -> Option<&'static str> {
    if document.streamed.is_some() {
        return Some("streamed-algorithm");
    }
    let root = document.root.as_ref()?;
    let kinds = [("OGRVRTDataSource", "vector"), ("GDALTileIndexDataset", "tile-index")];
    kinds.iter().find(|(name, _)| root.name.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
}

fn facts(subject: &Subject<'_>, dataset: Option<&Dataset>, read: Usage) -> BTreeMap<&'static str, Value> {
    let document = subject.document;
    let mut facts = BTreeMap::new();
    facts.insert("elements", document.elements.into());
    facts.insert("requests", read.requests.into());
    facts.insert("bytes_read", read.bytes.into());
    if let Some(kind) = other_kind(document) {
        facts.insert("kind", kind.into());
    }
    if let Some(StreamedAlgorithm { command: Ok(command) }) = &document.streamed {
        facts.insert("command_line", shorten::shorten(command).into());
    }
    let Some(dataset) = dataset else { return facts };
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
    facts.insert("distinct_sources", subject.distinct_sources(dataset).into());
    facts.insert("oldest_gdal", target::shown(oldest::oldest_gdal(dataset)).into());
    if let Some(srs) = dataset.srs.as_ref().filter(|srs| !srs.text.is_empty()) {
        facts.insert("srs", shorten::shorten(&srs.text).into());
    }
    facts
}

//! What parsing a file gives: the model, and everything noticed on the way that is no part of the model.

use std::cell::OnceCell;

use super::model::Dataset;
use super::rules_conformance::Notes;
use super::streamed::StreamedAlgorithm;
use super::text::InvalidBytes;
use super::vocabulary::{Element, Suggestion};

/// A parsed file.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) root: Option<Root>,
    /// Present when the root is a `<VRTDataset>` in any case, as far as the file could be read.
    pub(crate) dataset: Option<Dataset>,
    pub(crate) elements: u64,
    /// Length of the file.
    pub(crate) bytes: u64,
    pub(crate) sources: u64,
    /// Sources beyond [`super::limits::NAMELESS_SOURCES`] that name nothing, which are not kept.
    pub(crate) further_nameless: u64,
    /// How many different files are named, once somebody has asked.
    pub(crate) distinct_sources: OnceCell<u64>,
    /// Why GDAL's parser refuses the file; what follows that place was not read.
    pub(crate) not_well_formed: Option<Problem>,
    /// What XML forbids and GDAL's parser lets pass.
    pub(crate) tolerated: Problems,
    /// Names of files that GDAL cuts off at a reference it cannot resolve.
    pub(crate) cut_paths: Problems,
    /// Other values that it cuts off so.
    pub(crate) cut_values: Problems,
    /// What is missing inside an `<ArraySource>`.
    pub(crate) array_lacks: Problems,
    /// Present when the file is no XML but a GDALG.
    pub(crate) streamed: Option<StreamedAlgorithm>,
    pub(crate) document_type: Option<DocumentType>,
    pub(crate) encoding: Encoding,
    pub(crate) limit: Option<Limit>,
    pub(crate) unknown: Unknowns,
    /// Where the file departs from GDAL's schema.
    pub(crate) conformance: Notes,
    /// Whether GDAL finds `<VRTDataset` where it looks for it.
    pub(crate) identified: bool,
}

/// The first element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) line: u32,
}

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) line: u32,
    pub(crate) detail: String,
}

/// Problems of one sort: the first of each description, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) first: Option<Problem>,
    pub(crate) count: u64,
}

impl Problems {
    pub(crate) fn add(&mut self, line: u32, detail: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some(Problem { line, detail: detail() });
        }
    }
}

/// A `<!DOCTYPE>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentType {
    pub(crate) line: u32,
    pub(crate) declares_entities: bool,
    pub(crate) names_external: bool,
}

/// How the characters are written.
#[derive(Debug, Default)]
pub(crate) struct Encoding {
    /// As the XML declaration says.
    pub(crate) declared: Option<Problem>,
    /// The name of an encoding in which not even ASCII is written as ASCII.
    pub(crate) wide: Option<&'static str>,
    pub(crate) invalid: Option<InvalidBytes>,
    pub(crate) non_ascii: bool,
    pub(crate) nul_line: Option<u32>,
}

/// Which bound made the parser stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Bytes,
    Token { line: u32 },
    Elements,
    Bands,
}

/// Why GDAL ignores an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The name means nothing there.
    Unknown(Option<Suggestion>),
    /// Names of sources, unlike all others, are compared exactly.
    Case(&'static str),
}

/// Elements that GDAL ignores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownElement {
    pub(crate) name: String,
    pub(crate) parent: Element,
    pub(crate) parent_name: String,
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) band: Option<u32>,
    pub(crate) reason: Reason,
    pub(crate) count: u64,
    /// Whether a `<SourceFilename>` stands in it: it is meant to be a source.
    pub(crate) names_a_file: bool,
}

/// [`UnknownElement`]s, one for each name and parent.
#[derive(Debug, Default)]
pub(crate) struct Unknowns {
    pub(crate) list: Vec<UnknownElement>,
    /// Those beyond [`super::limits::NOTES`].
    pub(crate) further: u64,
}

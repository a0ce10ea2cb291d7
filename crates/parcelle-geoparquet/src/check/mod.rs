//! GeoParquet against the rules: is it what the specification says, are its boxes true, and how much does a reader have to
//! read of it?
//!
//! [`check`] reads the footer once and runs every rule of [`RULES`] over it; deeper it decodes geometry, in parallel by row
//! group. The rules' families:
//!
//! | family | asks |
//! |---|---|
//! | `GPQ-FILE` | is it a whole Parquet file with a `geo` entry? |
//! | `GPQ-META` | does the entry have a version, a primary column and columns? |
//! | `GPQ-COL` | is each column there, stored as its encoding demands, and described truly? |
//! | `GPQ-CRS` | is the reference system known, said once, and can the coordinates be of it? |
//! | `GPQ-BBOX` | are the boxes of the file and of its row groups boxes, and do they agree? |
//! | `GPQ-COV` | can a reader use the covering? |
//! | `GPQ-LAYOUT` | how much can be left out by a reader that needs a small area? |
//! | `GPQ-GEO` | do the rows have what the footer says? |
//! | `GPQ-READ` | what do readers in the field not read? |
//!
//! 1.0, 1.1 and 2.0 are judged by their own text; drafts of 1.0 (0.x) and of 2.0 are read leniently, and said to be drafts.
//!
//! # Example
//! ```no_run
//! use std::sync::Arc;
//! use parcelle_geoparquet::check::{self, CheckOptions};
//! use parcelle_storage::LocalFile;
//!
//! let source = Arc::new(LocalFile::open("parcels.parquet".as_ref())?);
//! let checked = check::check(source, "parcels.parquet", &CheckOptions::default())?;
//! assert!(checked.findings.iter().all(|finding| finding.rule.id.starts_with("GPQ-")));
//! for group in checked.footer.iter().flat_map(|footer| footer.row_group_boxes()) {
//!     println!("{} rows in {} bytes at {:?}", group.rows, group.bytes, group.bbox);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Sources: the texts and JSON schemas of GeoParquet 1.0, 1.1 and 2.0, parquet-format, and the readers' source code.

mod columns;
mod context;
mod data;
mod extent;
mod facts;
mod footer;
mod geo;
mod ordinates;
mod picture;
mod reference;
mod rules_box;
mod rules_column;
mod rules_covering;
mod rules_crs;
mod rules_data;
mod rules_file;
mod rules_layout;
mod rules_meta;
mod rules_read;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parcelle_report::{Compatibility, Finding, Rule};
use parcelle_storage::{ByteSource, Watched};
use serde_json::{Value, json};

pub use footer::{ColumnBytes, Footer, FooterProblem, GeometryColumn, RowGroupBox};
pub use picture::pictures;
pub use rules_layout::Overlap;

use context::Context;
use geo::GeoValue;

/// How deep a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CheckDepth {
    /// The footer only: one or two requests.
    Footer,
    /// Also the geometry of up to 16 row groups, evenly spread, of 256 MiB at the most. Files with fewer are read whole.
    #[default]
    Sample,
    /// Also every column of every row group.
    Everything,
}

/// Options of [`check`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// How deep to look. Rows are decoded with all threads of the rayon pool that it runs in.
    pub depth: CheckDepth,
}

/// What a check of one file gives.
#[derive(Debug, Clone, Default)]
pub struct CheckedFile {
    /// At most [`parcelle_report::Findings::CAP`] per rule, worst first.
    pub findings: Vec<Finding>,
    /// Facts by name, as they appear in the report's JSON.
    pub facts: BTreeMap<&'static str, Value>,
    /// What readers make of it, where there is evidence.
    pub compatibility: Vec<Compatibility>,
    /// What the footer says; `None` where there is none to go by.
    pub footer: Option<Footer>,
}

/// All rules of this catalogue, by id.
pub static RULES: &[&Rule] = &[
    &rules_box::MALFORMED,
    &rules_box::ORDER,
    &rules_box::ABSENT,
    &rules_box::STATISTICS,
    &rules_box::NATIVE_MISSING,
    &rules_box::NATIVE_TYPES,
    &rules_box::NATIVE_INSANE,
    &rules_column::MISSING,
    &rules_column::REPEATED,
    &rules_column::MEMBER,
    &rules_column::ENCODING,
    &rules_column::STORAGE,
    &rules_column::TYPES,
    &rules_column::EDGES,
    &rules_column::ORIENTATION,
    &rules_column::UNKNOWN_TYPES,
    &rules_column::SPHERICAL,
    &rules_column::MIN_MAX,
    &rules_covering::MALFORMED,
    &rules_covering::MISSING,
    &rules_covering::TYPE,
    &rules_covering::REPETITION,
    &rules_covering::CHILD_ORDER,
    &rules_covering::NO_STATISTICS,
    &rules_covering::INSANE,
    &rules_covering::UNDECLARED,
    &rules_covering::ABSENT,
    &rules_covering::IN_1_0,
    &rules_crs::NOT_PROJJSON,
    &rules_crs::UNUSABLE,
    &rules_crs::NO_CODE,
    &rules_crs::DISAGREE,
    &rules_crs::NOT_INLINE,
    &rules_crs::EPOCH,
    &rules_crs::UNKNOWN,
    &rules_crs::NOT_DEGREES,
    &rules_crs::LIKE_DEGREES,
    &rules_crs::OUTSIDE,
    &rules_crs::SWAPPED,
    &rules_file::NOT_PARQUET,
    &rules_file::CUT,
    &rules_file::ENCRYPTED,
    &rules_file::FOOTER_LENGTH,
    &rules_file::FOOTER,
    &rules_file::CONTRADICTION,
    &rules_file::ONLY_TYPES,
    &rules_file::NOT_GEO,
    &rules_file::SEVERAL,
    &rules_file::EXTENSION,
    &rules_data::PAGE,
    &rules_data::UNDECODABLE,
    &rules_data::UNDECLARED,
    &rules_data::ABSENT_TYPE,
    &rules_data::ORIENTATION,
    &rules_data::RINGS,
    &rules_data::NOT_FINITE,
    &rules_data::SENTINEL,
    &rules_data::ZERO_HEIGHTS,
    &rules_data::NO_GEOMETRY,
    &rules_data::ORIGIN,
    &rules_data::EXTENDED,
    &rules_data::BBOX,
    &rules_data::LARGE_BBOX,
    &rules_data::COVERING,
    &rules_data::NO_BOX,
    &rules_data::STATISTICS,
    &rules_data::NOT_UTF8,
    &rules_layout::LARGE_GROUPS,
    &rules_layout::SMALL_GROUPS,
    &rules_layout::OVERLAP,
    &rules_layout::NO_PAGE_INDEX,
    &rules_layout::UNCOMPRESSED,
    &rules_layout::OLD_CODEC,
    &rules_layout::DICTIONARY,
    &rules_layout::FOOTER_SIZE,
    &rules_layout::NO_STATISTICS,
    &rules_layout::LARGE_FILE,
    &rules_layout::PAGE_WIDTH,
    &rules_meta::NOT_JSON,
    &rules_meta::MEMBER,
    &rules_meta::VERSION,
    &rules_meta::PRIMARY,
    &rules_meta::NOT_LISTED,
    &rules_meta::TYPES_IN_1,
    &rules_meta::UNKNOWN_MEMBER,
    &rules_read::NOT_GEOMETRY,
    &rules_read::Z_TYPES,
];

/// Checks one file. `path` is what the fix commands call it; nothing is opened by it.
///
/// A file that is no Parquet at all, or is damaged, is not an error here: that is what the findings say.
///
/// # Errors
/// What the source says when reading fails, also if the file changes while it is read.
pub fn check(source: Arc<dyn ByteSource>, path: &str, options: &CheckOptions) -> io::Result<CheckedFile> {
    // The crate `parquet` tells of a page of which nothing came as of a damaged one.
    let watched = Arc::new(Watched::new(source));
    let checked = judge(Arc::clone(&watched) as Arc<dyn ByteSource>, path, options);
    watched.unless_failed(checked)
}

fn judge(source: Arc<dyn ByteSource>, path: &str, options: &CheckOptions) -> io::Result<CheckedFile> {
    let before = source.usage();
    let mut facts = BTreeMap::new();
    let mut compatibility = Vec::new();
    let (mut findings, footer, data) = match Footer::read(source.as_ref())? {
        Err(problem) => {
            facts.insert("file_bytes", json!(source.len()));
            (vec![rules_file::refused(&problem)], None, None)
        }
        Ok(footer) => {
            let header = source.usage();
            facts.insert("header_requests", json!(header.requests - before.requests));
            facts.insert("header_bytes_read", json!(header.bytes - before.bytes));
            let (findings, answers, data) = of_footer(&footer, &source, path, options);
            compatibility = answers;
            (findings, Some(footer), data)
        }
    };
    findings.extend(rules_file::extension(path));
    if let Some(footer) = &footer {
        facts.extend(facts::of(footer, data.as_ref()));
    }
    let after = source.usage();
    facts.insert("requests", json!(after.requests - before.requests));
    facts.insert("bytes_read", json!(after.bytes - before.bytes));
    Ok(CheckedFile { findings, facts, compatibility, footer })
}

fn of_footer(
    footer: &Footer,
    source: &Arc<dyn ByteSource>,
    path: &str,
    options: &CheckOptions,
) -> (Vec<Finding>, Vec<Compatibility>, Option<data::Data>) {
    let mut context = Context::new(footer, path);
    rules_file::check(&mut context);
    rules_meta::check(&mut context);
    rules_column::check(&mut context);
    rules_crs::check(&mut context);
    rules_box::check(&mut context);
    rules_covering::check(&mut context);
    let is_table = footer.columns.is_empty() && matches!(footer.geo.value, GeoValue::Absent);
    if !is_table {
        rules_layout::check(&mut context);
    }
    // Numbers that contradict the file lead a decoder anywhere.
    let is_deep = options.depth > CheckDepth::Footer && footer.contradictions.is_empty();
    let data = is_deep.then(|| data::read(footer, source, options.depth == CheckDepth::Everything));
    if let Some(data) = &data {
        rules_data::check(&mut context, data);
    }
    rules_read::check(&mut context);
    let answers = rules_read::answers(&context);
    (context.into_findings(), answers, data)
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn ids_are_sorted_unique_and_rules_whole() {
        assert!(RULES.is_sorted_by(|left, right| left.id < right.id));
        for rule in RULES {
            assert!(rule.id.starts_with("GPQ-") && !rule.title.is_empty(), "{}", rule.id);
            assert!(rule.why.len() > 40 && !rule.fix.is_empty() && !rule.reference.is_empty(), "{}", rule.id);
        }
    }
}

//! Cloud Optimized GeoTIFF: is the file sound, and do its bytes lie where a reader over HTTP wants them?
//!
//! [`check`] parses the structure once ([`parcelle_tiff`]), makes one linear pass over the block index and one over all
//! blocks in the order of the file, and runs every rule of [`RULES`] over that. The rules' families:
//!
//! | family | asks |
//! |---|---|
//! | `COG-FILE` | is it a whole TIFF whose directories can be followed? |
//! | `COG-TAG` | do the tags say what they must, once, in order and inside the file? |
//! | `COG-IFD` | are all directories and index arrays in front of the data? |
//! | `COG-ORD` | do the data lie smallest overview first, full resolution last? |
//! | `COG-TILE` | are there tiles, of a good size, inside the file, apart from each other? |
//! | `COG-OVR` | are there overviews, down to one tile, that readers recognise? |
//! | `COG-MSK` | does the mask fit its image, level by level? |
//! | `COG-CMP` | can the tiles be decoded, and are they packed well? |
//! | `COG-HDR`, `COG-WASTE` | are bytes read or stored for nothing? |
//! | `COG-GEO`, `COG-STA` | is it placed on the map once, and are its values described? |
//! | `COG-GHO` | is what GDAL's ghost area claims of the layout true? |
//! | `COG-HTTP` | does the server do what readers of parts need? |
//!
//! How a file is served is judged by [`check_served`], from what a client found. Files beside the raster (`.ovr`, `.msk`, `.aux.xml`, world files) are looked for by [`check_side_files`].
//!
//! # Example
//! ```no_run
//! use parcelle_raster::cog;
//! use parcelle_storage::LocalFile;
//!
//! let source = LocalFile::open("dem.tif".as_ref())?;
//! let checked = cog::check(&source, "dem.tif", &cog::CogOptions::default())?;
//! assert!(checked.findings.iter().all(|finding| finding.rule.id.starts_with("COG-")));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Sources: OGC 21-026 (Cloud Optimized GeoTIFF), TIFF 6.0, GDAL's COG driver documentation and readers, libtiff.

mod context;
mod distribution;
mod facts;
mod first_tile;
mod fix;
mod gdal;
mod jpeg;
mod layout;
mod levels;
mod picture;
mod profile;
mod rules_codec;
mod rules_content;
mod rules_file;
mod rules_geo;
mod rules_ghost;
mod rules_ghost_bytes;
mod rules_http;
mod rules_ifd;
mod rules_order;
mod rules_overview;
mod rules_pixels;
mod rules_side;
mod rules_tag;
mod rules_tile;
mod rules_waste;

use std::collections::BTreeMap;
use std::io;

use parcelle_report::Rule;
use parcelle_storage::{ByteSource, Usage, Watched};
use parcelle_tiff::{Structure, read_structure};
use serde_json::Value;

pub(crate) use facts::codec_name;
pub(crate) use fix::creation_options;
pub use gdal::gdal_findings;
pub use picture::pictures;
pub use profile::{Class, LayoutProfile, in_force};
pub use rules_http::{Published, Served, check_served};
pub use rules_side::check_side_files;

use crate::{Checked, Depth};
use context::Context;

/// Options of [`check`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CogOptions {
    /// How deep to look. [`Depth::Pixels`] decodes with all threads of the rayon pool that it runs in.
    pub depth: Depth,
    /// Where a request costs much: about how many tiles are looked at, evenly spread over the file and with the first of
    /// each level among them. All by default.
    pub most_tiles: Option<usize>,
}

/// All rules of this catalogue, by id.
pub static RULES: &[&Rule] = &[
    &rules_codec::UNCOMPRESSED,
    &rules_codec::UNKNOWN,
    &rules_codec::NO_JPEG_TABLES,
    &rules_codec::LARGER_THAN_RAW,
    &rules_codec::NO_PREDICTOR,
    &rules_codec::JPEG_RGB,
    &rules_file::NOT_A_TIFF,
    &rules_file::VARIANT,
    &rules_file::TRUNCATED,
    &rules_file::DIRECTORY_OFFSET,
    &rules_file::DIRECTORY_LOOP,
    &rules_side::SIDE_FILE,
    &rules_file::ENTRY_COUNT,
    &rules_file::SEVERAL_IMAGES,
    &rules_geo::PLACE,
    &rules_geo::REFERENCE_SYSTEM,
    &rules_geo::TRANSFORMATION,
    &rules_geo::OVERVIEW_PLACE,
    &rules_geo::MALFORMED,
    &rules_ghost::SIZE_FIELD,
    &rules_ghost::SIZE,
    &rules_ghost::UNKNOWN_ENTRY,
    &rules_ghost::BLOCK_ORDER,
    &rules_ghost_bytes::LEADER,
    &rules_ghost_bytes::TRAILER,
    &rules_ghost::EDITED,
    &rules_ghost::MASK_INTERLEAVED,
    &rules_ghost::INTERLEAVE,
    &rules_ghost::ABSENT,
    &rules_waste::HEADER,
    &rules_http::NO_RANGE,
    &rules_http::NO_CORS,
    &rules_http::CONTENT_TYPE,
    &rules_http::REQUESTS,
    &rules_ifd::MAIN_AFTER_DATA,
    &rules_ifd::OVERVIEW_AFTER_DATA,
    &rules_ifd::MASK_AFTER_DATA,
    &rules_ifd::INDEX_AFTER_DATA,
    &rules_ifd::UNUSED_BEFORE_FIRST,
    &rules_ifd::ODD_OFFSET,
    &rules_ifd::ORDER,
    &rules_overview::MASK_LEVELS,
    &rules_overview::MASK_KIND,
    &rules_order::MASK_APART,
    &rules_side::EXTERNAL_MASK,
    &rules_order::DATA_BEFORE_DIRECTORIES,
    &rules_order::LEVELS,
    &rules_order::ROW_MAJOR,
    &rules_overview::NONE,
    &rules_side::EXTERNAL_OVERVIEWS,
    &rules_overview::FACTOR,
    &rules_overview::SMALLEST,
    &rules_overview::NOT_SMALLER,
    &rules_overview::NOT_MARKED,
    &rules_overview::PROPORTIONS,
    &rules_overview::TILE_SIZE,
    &rules_overview::ENCODING,
    &rules_overview::SAMPLES,
    &rules_overview::SUB_DIRECTORIES,
    &rules_content::CONTENT,
    &rules_geo::STATISTICS,
    &rules_tag::MISSING,
    &rules_tag::UNSORTED,
    &rules_tag::DUPLICATE,
    &rules_tag::VALUE_COUNT,
    &rules_tag::FIELD_TYPE,
    &rules_tag::DOMAIN,
    &rules_tag::VALUE_AREA,
    &rules_tile::STRIPS,
    &rules_tile::MULTIPLE_OF_16,
    &rules_tile::NOT_SQUARE,
    &rules_tile::LARGE,
    &rules_tile::SMALL,
    &rules_tile::OVERLAP,
    &rules_tile::PAST_END,
    &rules_tile::BYTE_COUNT,
    &rules_tile::HALF_SPARSE,
    &rules_tile::SPARSE,
    &rules_tile::ALL_SPARSE,
    &rules_pixels::DOES_NOT_DECODE,
    &rules_tile::SHARED,
    &rules_tile::POWER_OF_TWO,
    &rules_tile::BYTES,
    &rules_pixels::NOT_DECODED,
    &rules_waste::UNUSED,
    &rules_waste::TRAILING,
    &rules_pixels::CONSTANT,
];

/// The id of the rule that a server answers ranges.
pub const NO_RANGE_ID: &str = rules_http::NO_RANGE.id;

/// The ids of the rules that all tiles decode, and that all were decoded.
pub const NOT_DECODABLE_ID: &str = rules_pixels::DOES_NOT_DECODE.id;
/// See [`NOT_DECODABLE_ID`].
pub const NOT_DECODED_ID: &str = rules_pixels::NOT_DECODED.id;

/// Checks one file. `path` is what the fix commands call it; nothing is opened by it.
///
/// A file that is no TIFF at all, or is damaged, is not an error here: that is what the findings say.
///
/// # Errors
/// What the source says when reading fails, also if the file changes while it is read.
pub fn check(source: &dyn ByteSource, path: &str, options: &CogOptions) -> io::Result<Checked> {
    check_structure(&Parsed::read(source)?, source, path, options)
}

/// The structure of a file, and what reading it took: parsed once for all wings that judge it.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What the file says of itself.
    pub structure: Structure,
    before: Usage,
    after: Usage,
}

impl Parsed {
    /// Parses.
    ///
    /// # Errors
    /// What the source says when reading fails, also if the file changes while it is read.
    pub fn read(source: &dyn ByteSource) -> io::Result<Self> {
        let before = source.usage();
        let structure = read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer))?;
        Ok(Self { structure, before, after: source.usage() })
    }

    /// The same, counted from an earlier point on: opening a remote file reads its beginning.
    #[must_use]
    pub const fn since(mut self, before: Usage) -> Self {
        self.before = before;
        self
    }

    /// Requests and bytes that it took.
    #[must_use]
    pub const fn spent(&self) -> (u64, u64) {
        (self.after.requests - self.before.requests, self.after.bytes - self.before.bytes)
    }

    /// The facts that [`check`] gives, without its rules.
    #[must_use]
    pub fn facts(&self, source: &dyn ByteSource, path: &str) -> BTreeMap<&'static str, Value> {
        facts::of(&Context::new(&self.structure, path), [self.before, self.after, source.usage()])
    }
}

/// [`check`] with a structure that is parsed already.
///
/// # Errors
/// See [`check`].
pub fn check_structure(
    parsed: &Parsed,
    source: &dyn ByteSource,
    path: &str,
    options: &CogOptions,
) -> io::Result<Checked> {
    // A tile of which nothing came is not a damaged one.
    let watched = Watched::new(source);
    let checked = judge(parsed, &watched, path, options);
    watched.unless_failed(checked)
}

fn judge(parsed: &Parsed, source: &dyn ByteSource, path: &str, options: &CogOptions) -> io::Result<Checked> {
    let structure = &parsed.structure;
    let mut context = Context::new(structure, path);
    let mut of_pixels = BTreeMap::new();
    rules_file::check(&mut context);
    if structure.header.is_some() {
        rules_tag::check(&mut context);
        rules_ifd::check(&mut context);
        rules_order::check(&mut context);
        rules_tile::check(&mut context);
        rules_ghost::check(&mut context);
        rules_overview::check(&mut context);
        rules_codec::check(&mut context);
        rules_geo::check(&mut context);
        rules_waste::check(&mut context);
        if options.depth >= Depth::Tiles {
            rules_ghost_bytes::check(&mut context, source, options.most_tiles)?;
            rules_codec::check_bytes(&mut context, source)?;
        }
        if options.depth >= Depth::Pixels {
            of_pixels = rules_pixels::check(&mut context, source)?;
        }
    }
    let mut facts = facts::of(&context, [parsed.before, parsed.after, source.usage()]);
    facts.append(&mut of_pixels);
    Ok(Checked { findings: context.into_findings(), facts, pictures: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn ids_are_sorted_unique_and_rules_whole() {
        assert!(RULES.is_sorted_by(|left, right| left.id < right.id));
        for rule in RULES {
            assert!(rule.id.starts_with("COG-") && !rule.title.is_empty(), "{}", rule.id);
            assert!(rule.why.len() > 40 && !rule.fix.is_empty() && !rule.reference.is_empty(), "{}", rule.id);
        }
    }
}

//! What the checker refuses to swallow, and why: a VRT is text that anyone may upload, so every quantity that a
//! hostile file could inflate has a bound that no honest file comes near.

/// Bytes read of one file. GDAL needs several seconds to open a VRT of a fraction of this, on every request.
pub(crate) const BYTES: u64 = 256 << 20;

/// Bytes of one token: a tag with its attributes, a document type declaration, or all text, references and comments from
/// one tag to the next.
pub(crate) const TOKEN_BYTES: u64 = 8 << 20;

/// Bytes kept of the text of one element; the longest that any rule needs are paths and WKT.
pub(crate) const VALUE_BYTES: usize = 1 << 20;

/// Elements read of one file: about 300,000 sources.
pub(crate) const ELEMENTS: u64 = 2_000_000;

/// Elements that are no part of a source: sources are what makes an honest file long, and after them tables of attributes.
pub(crate) const OTHER_ELEMENTS: u64 = 400_000;

/// Levels of nested elements. GDAL's own parser gives up beyond the same number (`port/cpl_minixml.cpp`, `PushNode`).
pub(crate) const DEPTH: usize = 10_000;

/// Bands of one file: the default of GDAL's `GDAL_MAX_BAND_COUNT`.
pub(crate) const BANDS: usize = 65_536;

/// Levels of VRTs inside VRTs, written inside one another or referring to one another: GDAL stops there with
/// "Recursion detected" (`frmts/vrt/vrtsourcedrasterband.cpp`).
pub(crate) const NESTED_DATASETS: usize = 32;

/// VRT files read for the sake of one, because it refers to them.
pub(crate) const NESTED_FILES: usize = 256;

/// Sources kept that name nothing: GDAL refuses the file for the first of them, and no honest one has many.
pub(crate) const NAMELESS_SOURCES: u64 = 1000;

/// Attributes looked at on one element; none that GDAL knows has more than eight.
pub(crate) const ATTRIBUTES: usize = 64;

/// Bytes of one tag that count as an element more: an honest tag is shorter.
pub(crate) const TAG_BYTES: u64 = 128;

/// Different unknown elements, and different lapses of syntax, told apart in one file.
pub(crate) const NOTES: usize = 64;

/// Entries kept of one list that no rule needs whole: ground control points, colours, metadata items, arguments.
pub(crate) const ITEMS: usize = 4096;

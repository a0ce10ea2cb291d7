//! `COG-HDR` and `COG-WASTE`: bytes that are read or stored for nothing.

use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_tiff::{StructureKind, tags};

use super::context::Context;
use super::fix::{Fix, SHUFFLE};
use super::levels::in_file_order;

pub(crate) static HEADER: Rule = Rule {
    id: "COG-HDR-001",
    severity: Severity::Info,
    title: "The header is large",
    why: "Everything before the first tile has to be read before it: GeoServer's COG reader takes 16 KiB at a time. \
          Large headers come from tiny tiles (long index arrays) or from metadata that belong elsewhere.",
    fix: "Larger tiles (-co BLOCKSIZE=512), and metadata in a catalogue instead of the file",
    reference: "GDAL COG driver, File format details; imageio-ext issue 281",
};

pub(crate) static UNUSED: Rule = Rule {
    id: "COG-WASTE-001",
    severity: Severity::Info,
    title: "Bytes inside the file belong to nothing",
    why: "Tiles that were written again leave their old bytes behind; padding pulls tiles apart that readers would \
          fetch in one request.",
    fix: SHUFFLE,
    reference: "GDAL GTiff driver, Sparse files and in-place update",
};

pub(crate) static TRAILING: Rule = Rule {
    id: "COG-WASTE-002",
    severity: Severity::Info,
    title: "Bytes after the last tile",
    why: "Nothing points at them: left over from an edit, or something was appended to the file.",
    fix: SHUFFLE,
    reference: "TIFF 6.0 section 2 (everything in a file is reached by offsets)",
};

const FIRST_REQUEST: u64 = 16 * 1024;
const LARGE_HEADER: u64 = 1024 * 1024;
const MUCH_TRAILING: u64 = 64 * 1024;
/// Between two structures: leader and trailer, or alignment to 16 bytes.
const TOLERATED_GAP: u64 = 16;

pub(crate) fn check(context: &mut Context<'_>) {
    header(context);
    waste(context);
}

fn header(context: &mut Context<'_>) {
    let data_start = context.layout.data_start.unwrap_or(u64::MAX);
    let before_data = || context.layout.structures.iter().filter(|(range, _)| range.end <= data_start);
    let bytes = before_data().map(|(range, _)| range.end).max().unwrap_or(0);
    let metadata: u64 = before_data()
        .filter(|(_, kind)| {
            !matches!(kind, StructureKind::Value { tag, .. } if [tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS].contains(tag))
        })
        .fold(0, |sum, (range, _)| sum.saturating_add(range.end - range.start));
    if bytes <= FIRST_REQUEST {
        return;
    }
    let is_mostly_metadata = metadata > FIRST_REQUEST && metadata > context.structure.file_length / 4;
    let severity = if bytes > LARGE_HEADER || is_mostly_metadata { Severity::Warning } else { Severity::Info };
    let requests = bytes.div_ceil(FIRST_REQUEST);
    let message = format!(
        "The header has {bytes} bytes, {metadata} of them besides the tile index: about {requests} requests of 16 KiB \
         before the first pixel"
    );
    context.push(Finding::new(&HEADER, message).severity(severity), Fix::General);
}

fn waste(context: &mut Context<'_>) {
    let structure = context.structure;
    // What is pointed at in ways that are not followed cannot be told from waste, nor can what broken entries lost.
    let private = [tags::SUB_IFDS, tags::EXIF_IFD, GPS_IFD, JPEG_INTERCHANGE_FORMAT];
    let is_known = structure
        .directories
        .iter()
        .all(|directory| directory.blocks.is_some() && private.iter().all(|tag| directory.entry(*tag).is_none()));
    let is_broken = |tally: u64| tally > 0;
    let is_whole = context.layout.levels.iter().all(|level| {
        !is_broken(level.half_sparse.count + level.outside.count + level.oversized.count + level.overlapping.count)
    });
    if !is_known || !is_whole || structure.directories.is_empty() || !structure.problems.is_empty() {
        return;
    }
    let ghost = structure.ghost.as_ref().map(|ghost| ghost.range().end.max(ghost.text_end));
    let mut covered = ghost.unwrap_or(0);
    let (mut unused, mut first) = (0, None);
    let mut structures = context.layout.structures.iter().map(|(range, _)| range.clone()).peekable();
    let mut cover = |start: u64, end: u64| {
        if start > covered.saturating_add(TOLERATED_GAP) {
            unused += start - covered;
            first.get_or_insert(covered);
        }
        covered = covered.max(end);
    };
    for placed in in_file_order(&context.layout.levels) {
        while let Some(range) = structures.next_if(|range| range.start <= placed.offset) {
            cover(range.start, range.end);
        }
        cover(placed.offset, placed.end());
    }
    structures.for_each(|range| cover(range.start, range.end));
    let length = structure.file_length;
    let trailing = length.saturating_sub(covered);
    let percent = |bytes: u64| bytes as f64 * 100.0 / length as f64;
    if unused > 0 {
        let severity = if percent(unused) > 10.0 { Severity::Warning } else { Severity::Info };
        let message = format!("{unused} bytes ({:.1} %) inside the file belong to nothing", percent(unused));
        let location = Location { offset: first, ..Location::default() };
        context.push(Finding::new(&UNUSED, message).severity(severity).at(location), Fix::Shuffle);
    }
    if trailing > TOLERATED_GAP {
        let is_much = trailing > MUCH_TRAILING || percent(trailing) > 1.0;
        let severity = if is_much { Severity::Warning } else { Severity::Info };
        let message = format!("{trailing} bytes ({:.1} %) after the last structure of the file", percent(trailing));
        let location = Location { offset: Some(covered), ..Location::default() };
        context.push(Finding::new(&TRAILING, message).severity(severity).at(location), Fix::Shuffle);
    }
}

const GPS_IFD: u16 = 34_853;
/// Old-style JPEG: a whole stream beside the strips.
const JPEG_INTERCHANGE_FORMAT: u16 = 513;

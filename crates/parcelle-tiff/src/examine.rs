//! What is wrong with directories that could be parsed: order, types, counts, places, missing tags.

use std::collections::HashSet;
use std::ops::Range;

use crate::directory::Directory;
use crate::entry::{Entry, FieldType, ValuePlace};
use crate::image;
use crate::problem::{Problem, StructureKind};
use crate::structure::Structure;
use crate::tags::{self, Expected};

/// Adds the problems of all directories.
pub(crate) fn structure(structure: &mut Structure) {
    let mut found = Vec::new();
    let mut omitted = 0;
    let mut report = |problem| {
        if found.len() < Structure::PROBLEM_CAP {
            found.push(problem);
        } else {
            omitted += 1;
        }
    };
    for directory in &structure.directories {
        order(directory, &mut report);
        types(directory, &mut report);
        counts(directory, &mut report);
        outside(directory, structure.file_length, &mut report);
        image::examine(directory, &mut report);
    }
    overlaps(structure, &mut report);
    found.into_iter().for_each(|problem| structure.report(problem));
    structure.problems_omitted += omitted;
}

fn order(directory: &Directory, report: &mut impl FnMut(Problem)) {
    let mut seen = HashSet::new();
    let mut previous = None;
    for entry in &directory.entries {
        let (directory, tag) = (directory.index, entry.tag);
        if !seen.insert(tag) {
            report(Problem::Duplicate { directory, tag });
        } else if let Some(previous) = previous.filter(|previous| *previous > tag) {
            report(Problem::Unsorted { directory, tag, previous });
        }
        previous = Some(tag);
    }
}

fn types(directory: &Directory, report: &mut impl FnMut(Problem)) {
    for entry in &directory.entries {
        let Some(expected) = tags::expected(entry.tag) else { continue };
        let found = FieldType::from_number(entry.field_type);
        let (is_right, expected) = match expected {
            Expected::Unsigned => (found.is_some_and(FieldType::is_unsigned), "SHORT, LONG or LONG8"),
            Expected::Double => (found == Some(FieldType::Double), "DOUBLE"),
            Expected::Ascii => (found == Some(FieldType::Ascii), "ASCII"),
        };
        if !is_right && !is_zeroed(directory, entry) {
            report(Problem::FieldType {
                directory: directory.index,
                tag: entry.tag,
                found: entry.field_type,
                expected,
            });
        }
    }
}

/// GDAL leaves the index arrays of an image that has no blocks yet, or is sparse from end to end, as two entries of zeros.
fn is_zeroed(directory: &Directory, entry: &Entry) -> bool {
    let (offsets, counts) = directory.index_tags();
    let is_empty = |tag| directory.entry(tag).is_none_or(|entry| entry.count == 0);
    (entry.tag == offsets || entry.tag == counts) && is_empty(offsets) && is_empty(counts)
}

fn counts(directory: &Directory, report: &mut impl FnMut(Problem)) {
    let samples = directory.image.map(|image| u64::from(image.samples_per_pixel));
    let blocks = directory.image.and_then(|image| image.block_count());
    let (offsets, counts) = directory.index_tags();
    for entry in &directory.entries {
        let found = entry.count;
        let needed = match entry.tag {
            tag if tag == offsets || tag == counts => blocks,
            tags::NEW_SUBFILE_TYPE
            | tags::IMAGE_WIDTH
            | tags::IMAGE_LENGTH
            | tags::COMPRESSION
            | tags::PHOTOMETRIC_INTERPRETATION
            | tags::SAMPLES_PER_PIXEL
            | tags::ROWS_PER_STRIP
            | tags::PLANAR_CONFIGURATION
            | tags::TILE_WIDTH
            | tags::TILE_LENGTH => Some(1),
            // libtiff reads one value for all samples as well as one for each.
            tags::BITS_PER_SAMPLE | tags::SAMPLE_FORMAT if found == 1 => None,
            tags::BITS_PER_SAMPLE | tags::SAMPLE_FORMAT => samples,
            _ => None,
        };
        if let Some(needed) = needed.filter(|needed| *needed != found && !is_zeroed(directory, entry)) {
            report(Problem::ValueCount { directory: directory.index, tag: entry.tag, found, needed });
        }
    }
}

fn outside(directory: &Directory, file_length: u64, report: &mut impl FnMut(Problem)) {
    for entry in &directory.entries {
        if let ValuePlace::Area { offset, .. } = entry.place {
            let end = entry.area().map(|area| area.end);
            if end.is_none_or(|end| end > file_length) {
                let (directory, tag, count) = (directory.index, entry.tag, entry.count);
                report(Problem::ValueOutside { directory, tag, offset, count, end, file_length });
            }
        }
    }
}

/// Value areas that share bytes with the header, the ghost area, a directory, or another value area. Two entries may share all of
/// their bytes: writers keep equal values once.
fn overlaps(structure: &Structure, report: &mut impl FnMut(Problem)) {
    let header = structure.header.map(|header| (header.range(), StructureKind::Header));
    let ghost = structure.ghost.as_ref().map(|ghost| (ghost.text_range(), StructureKind::GhostArea));
    let directories = structure.directories.iter().map(|directory| {
        let kind = StructureKind::Directory(directory.index);
        (directory.range.clone(), kind)
    });
    let values = structure.directories.iter().flat_map(|directory| {
        directory.entries.iter().filter_map(|entry| {
            let area = entry.area().filter(|area| !area.is_empty() && area.end <= structure.file_length)?;
            Some((area, StructureKind::Value { directory: directory.index, tag: entry.tag }))
        })
    });
    let mut areas: Vec<(Range<u64>, StructureKind)> =
        header.into_iter().chain(ghost).chain(directories).chain(values).collect();
    areas.sort_by_key(|(range, _)| (range.start, range.end));
    let mut furthest: Option<&(Range<u64>, StructureKind)> = None;
    for area in &areas {
        if let Some((range, kind)) = furthest.filter(|(range, _)| area.0.start < range.end) {
            let is_shared = *range == area.0
                && matches!((kind, area.1), (StructureKind::Value { .. }, StructureKind::Value { .. }));
            // Whichever of the two is a value area is the one to report.
            let (value, range, other) = match area.1 {
                StructureKind::Value { .. } => (area.1, &area.0, *kind),
                _ => (*kind, range, area.1),
            };
            if let (StructureKind::Value { directory, tag }, false) = (value, is_shared) {
                report(Problem::ValueOverlap { directory, tag, start: range.start, end: range.end, other });
            }
        }
        if furthest.is_none_or(|(range, _)| area.0.end > range.end) {
            furthest = Some(area);
        }
    }
}

//! Pictures of a file: what lies where in its bytes, and its pyramid.

use parcelle_report::picture::{Part, Picture, PyramidLevel, Run, StripBuilder};
use parcelle_tiff::{Role, Structure, StructureKind, tags};

use super::layout::Layout;
use super::levels::{Level, in_file_order};

/// Between two parts: leader and trailer of a tile, or alignment.
const TOLERATED_GAP: u64 = 16;

/// The bytes of a file, and the image with its overviews; nothing where there is no image with blocks.
#[must_use]
pub fn pictures(structure: &Structure) -> Vec<Picture> {
    let layout = Layout::of(structure);
    if layout.levels.is_empty() {
        return Vec::new();
    }
    let mut pictures = vec![bytes(structure, &layout)];
    let levels = pyramid(&layout);
    if !levels.is_empty() {
        pictures.push(Picture::Pyramid(levels));
    }
    pictures
}

/// A directory behind data is out of place, and so is a block behind one of a larger image or a later one of its own:
/// readers take overviews from the front of the file, and tiles that are neighbours in one request.
fn bytes(structure: &Structure, layout: &Layout<'_>) -> Picture {
    let mut strip = StripBuilder::new(structure.file_length, TOLERATED_GAP);
    let parts = parts(layout);
    let data_start = layout.data_start.unwrap_or(u64::MAX);
    let mut structures = layout.structures.iter().peekable();
    let put = |strip: &mut StripBuilder, (range, kind): &(std::ops::Range<u64>, StructureKind)| {
        let part = match kind {
            StructureKind::Header => Part::Header,
            // Drawn with the header, to the end it claims.
            StructureKind::GhostArea => return,
            StructureKind::Value { tag, .. } if INDEX.contains(tag) => Part::Index,
            _ => Part::Directory,
        };
        strip.push(Run { part, start: range.start, end: range.end, is_out_of_place: range.start > data_start });
        if let (StructureKind::Header, Some(ghost)) = (kind, &structure.ghost) {
            let end = ghost.range().end.max(ghost.text_end);
            strip.push(Run { part: Part::Header, start: range.end, end, is_out_of_place: false });
        }
    };
    let mut largest = 0;
    let mut last_block = vec![None; layout.levels.len()];
    for placed in in_file_order(&layout.levels) {
        while let Some(found) = structures.next_if(|(range, _)| range.start <= placed.offset) {
            put(&mut strip, found);
        }
        let (Some(level), Some(part)) = (layout.levels.get(placed.level), parts.get(placed.level)) else { continue };
        let mut is_out_of_place = false;
        if let Some(last) = last_block.get_mut(placed.level) {
            is_out_of_place = last.is_some_and(|last| placed.block < last);
            *last = Some(placed.block);
        }
        if level.is_imagery() {
            is_out_of_place |= level.pixels() < largest;
            largest = largest.max(level.pixels());
        }
        strip.push(Run { part: *part, start: placed.offset, end: placed.end(), is_out_of_place });
    }
    structures.for_each(|found| put(&mut strip, found));
    Picture::Strip(strip.finish())
}

const INDEX: [u16; 4] = [tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS, tags::STRIP_OFFSETS, tags::STRIP_BYTE_COUNTS];

/// What the blocks of each level are.
fn parts(layout: &Layout<'_>) -> Vec<Part> {
    let mut overviews = 0;
    let part = |level: &Level<'_>| match level.directory.role {
        Role::Overview => {
            overviews = u8::saturating_add(overviews, 1);
            Part::Level(overviews)
        }
        Role::Mask | Role::MaskOverview => Part::Mask,
        Role::FullResolution | Role::Page => Part::Level(0),
    };
    layout.levels.iter().map(part).collect()
}

fn pyramid(layout: &Layout<'_>) -> Vec<PyramidLevel> {
    let size = |level: &Level<'_>| (level.image.width, level.image.height);
    let masks: Vec<_> = layout.levels.iter().filter(|level| level.is_mask()).map(size).collect();
    let imagery = layout.levels.iter().filter(|level| level.is_imagery());
    let level = |level: &Level<'_>| PyramidLevel {
        width: level.image.width.into(),
        height: level.image.height.into(),
        block: {
            let (width, height) = level.image.block_size();
            [width.into(), height.into()]
        },
        bytes: (0..level.blocks.len())
            .filter_map(|block| level.sound(block))
            .fold(0, |sum: u64, (_, bytes)| sum.saturating_add(bytes)),
        has_mask: masks.contains(&size(level)),
    };
    imagery.map(level).collect()
}

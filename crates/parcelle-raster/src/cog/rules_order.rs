//! `COG-ORD`: the order of the data.

use parcelle_report::{Finding, Location, Rule, Severity};

use super::context::{Context, at_block, in_directory};
use super::fix::{Fix, SHUFFLE};
use super::levels::Level;

pub(crate) static DATA_BEFORE_DIRECTORIES: Rule = Rule {
    id: "COG-ORD-001",
    severity: Severity::Error,
    title: "Image data begin before the directories end",
    why: "A client that has read the first tile's offset takes everything before it for the header. With directories \
          behind that offset it needs further requests, and streaming readers cannot go on at all.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order",
};

pub(crate) static LEVELS: Rule = Rule {
    id: "COG-ORD-002",
    severity: Severity::Error,
    title: "Data are not ordered from the smallest overview to the full resolution",
    why: "With the smallest overview first, the request that reads the header brings the first picture with it, and \
          each zoom reads on from there. GDAL's validator refuses another order.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order 9-12; GDAL COG driver, File format details",
};

pub(crate) static ROW_MAJOR: Rule = Rule {
    id: "COG-ORD-003",
    severity: Severity::Info,
    title: "Tiles are not in row-major order",
    why: "The file makes no claim, so nothing breaks. But readers join requests for tiles that follow each other; in \
          another order a window costs one request per tile.",
    fix: SHUFFLE,
    reference: "GDAL COG driver, File format details (BLOCK_ORDER)",
};

pub(crate) static MASK_APART: Rule = Rule {
    id: "COG-MSK-003",
    severity: Severity::Info,
    title: "Tiles of the mask are not next to the tiles of the image",
    why: "Whoever shows a tile needs the mask of it too. Behind its tile it comes with the same request; anywhere else it \
          takes one more for each tile.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order; GDAL COG driver, File format details \
                (MASK_INTERLEAVED_WITH_IMAGERY)",
};

/// Bytes between a tile and its mask that readers fetch along: a trailer, a leader and padding.
const NEAR: u64 = 64;

pub(crate) fn check(context: &mut Context<'_>) {
    data_before_directories(context);
    levels(context);
    row_major(context);
    mask_apart(context);
}

/// Masks that do not follow their tiles. With the claim that they do, that is an error of its own: COG-GHO-008.
fn mask_apart(context: &mut Context<'_>) {
    let is_claimed = |ghost: &parcelle_tiff::GhostArea| ghost.claims("MASK_INTERLEAVED_WITH_IMAGERY", "YES");
    if context.structure.ghost.as_ref().is_some_and(is_claimed) {
        return;
    }
    let levels = &context.layout.levels;
    let mut findings = Vec::new();
    for mask in levels.iter().filter(|level| level.is_mask()) {
        let is_its_image = |level: &&Level<'_>| {
            let size = |level: &Level<'_>| (level.image.width, level.image.height, level.blocks.len());
            level.is_imagery() && size(level) == size(mask)
        };
        // An image of one tile comes whole whatever the order.
        let Some(image) = levels.iter().find(is_its_image).filter(|image| image.blocks.len() > 1) else { continue };
        let mut apart = (0..mask.blocks.len()).filter(|block| {
            let (Some(tile), Some(masked)) = (image.sound(*block), mask.sound(*block)) else { return false };
            // A sound block ends within the file.
            masked.0 < tile.0 + tile.1 || masked.0 - (tile.0 + tile.1) > NEAR
        });
        let Some(first) = apart.next() else { continue };
        let count = 1 + apart.count() as u64;
        let message =
            format!("{count} of {} tiles of the mask of {} are not behind their tiles", mask.blocks.len(), image.name);
        findings.push(Finding::new(&MASK_APART, message).at(at_block(mask, first)).told(count));
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
}

fn data_before_directories(context: &mut Context<'_>) {
    let end = context.structure.directories.iter().map(|directory| directory.range.end).max().unwrap_or(0);
    let early: Vec<(&Level<'_>, u64)> = context
        .layout
        .levels
        .iter()
        .filter_map(|level| Some((level, level.first_byte.filter(|first| *first < end)?)))
        .collect();
    let Some((level, first)) = early.iter().min_by_key(|(_, first)| *first) else { return };
    let message = format!("First tile of {} at {first} is before the end of the IFDs ({end})", level.name);
    let location = Location { offset: Some(*first), ..in_directory(level.directory.index) };
    let finding = Finding::new(&DATA_BEFORE_DIRECTORIES, message).at(location).count(early.len() as u64);
    context.push(finding, Fix::Shuffle);
}

fn levels(context: &mut Context<'_>) {
    for is_mask in [false, true] {
        let mut levels: Vec<&Level<'_>> = context
            .layout
            .levels
            .iter()
            .filter(|level| if is_mask { level.is_mask() } else { level.is_imagery() })
            .filter(|level| level.first_byte.is_some())
            .collect();
        levels.sort_by_key(|level| level.pixels());
        let mut findings = Vec::new();
        for pair in levels.windows(2) {
            let [smaller, larger] = pair else { continue };
            let (Some(first), Some(smaller_first), Some(smaller_last)) =
                (larger.first_byte, smaller.first_byte, smaller.last_byte)
            else {
                continue;
            };
            // Where all data of a level come first, the order is wrong; where levels are mixed, or share tiles, clients
            // still find the smallest one in front.
            let severity = if first < smaller_first {
                Severity::Error
            } else if first < smaller_last && larger.shared.count == 0 && smaller.shared.count == 0 {
                Severity::Warning
            } else {
                continue;
            };
            let how = if severity == Severity::Error { "come before data" } else { "begin among the data" };
            let message = format!(
                "Data of {} (from {first}) {how} of the smaller {} ({smaller_first}-{smaller_last}); wanted is the \
                 smallest overview first, full resolution last",
                larger.name, smaller.name
            );
            let location = Location { offset: Some(first), ..in_directory(larger.directory.index) };
            findings.push(Finding::new(&LEVELS, message).severity(severity).at(location));
        }
        findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
    }
}

/// The first block that lies before the one it should follow, blocks that are not there skipped. Planes may follow
/// each other (`by_tile` false) or take turns tile by tile.
pub(crate) fn first_out_of_order(level: &Level<'_>, by_tile: bool) -> Option<(usize, u64)> {
    let (mut previous, mut first, mut count) = (0, None, 0);
    let mut visit = |block: usize, (offset, byte_count): (u64, u64)| {
        if offset > 0 && byte_count > 0 {
            if offset < previous {
                first.get_or_insert(block);
                count += 1;
            }
            previous = offset;
        }
    };
    if by_tile && level.image.planes() > 1 {
        let per_plane = usize::try_from(level.image.blocks_per_plane()).unwrap_or(usize::MAX);
        for block in 0..per_plane.min(level.blocks.len()) {
            for plane in 0..usize::from(level.image.planes()) {
                let block = plane.saturating_mul(per_plane).saturating_add(block);
                let Some(place) = level.blocks.get(block) else { break };
                visit(block, place);
            }
        }
    } else {
        level.blocks.iter().enumerate().for_each(|(block, place)| visit(block, place));
    }
    first.map(|first| (first, count))
}

fn row_major(context: &mut Context<'_>) {
    // With the claim, an error of its own: COG-GHO-004.
    if context.structure.ghost.as_ref().is_some_and(|ghost| ghost.claims("BLOCK_ORDER", "ROW_MAJOR")) {
        return;
    }
    let mut findings = Vec::new();
    for level in &context.layout.levels {
        if !level.image.is_tiled() {
            continue;
        }
        let Some((block, count)) = first_out_of_order(level, false) else { continue };
        if level.image.planes() > 1 && first_out_of_order(level, true).is_none() {
            continue;
        }
        let message = format!(
            "Tiles of {} are not in row-major order (none is claimed): sequential reads cost more requests",
            level.name
        );
        findings.push(Finding::new(&ROW_MAJOR, message).at(at_block(level, block)).told(count));
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
}

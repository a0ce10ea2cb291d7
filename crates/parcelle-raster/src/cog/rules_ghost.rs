//! `COG-GHO`: what the ghost area claims, against the structure.

use std::collections::HashMap;

use parcelle_report::text::shortened;
use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_tiff::{GhostArea, tags};

use super::context::{Context, at_block, in_directory};
use super::fix::{Fix, REWRITE, SHUFFLE};
use super::levels::Level;
use super::rules_order::first_out_of_order;

const GHOST: &str = "GDAL COG driver, File format details (Header ghost area)";

pub(crate) static SIZE_FIELD: Rule = Rule {
    id: "COG-GHO-001",
    severity: Severity::Error,
    title: "The size field of the ghost area is not a number",
    why: "Six digits say how long the ghost area is. Readers that parse it fail, GDAL's validator with an exception.",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static SIZE: Rule = Rule {
    id: "COG-GHO-002",
    severity: Severity::Error,
    title: "The size of the ghost area does not match its text",
    why: "The area ends where the first directory begins. With another size it has been edited by something that did \
          not know what it is, and its claims deserve no trust.",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static UNKNOWN_ENTRY: Rule = Rule {
    id: "COG-GHO-003",
    severity: Severity::Warning,
    title: "The ghost area has an unknown key or value",
    why: "Readers look for exact strings. An unknown value of a known key is not understood, so the optimisation it \
          stands for is lost; an unknown key is passed over (information only).",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static BLOCK_ORDER: Rule = Rule {
    id: "COG-GHO-004",
    severity: Severity::Error,
    title: "BLOCK_ORDER=ROW_MAJOR is claimed and not true",
    why: "GDAL takes the next tile's offset for the end of this one and joins requests by it. With another order it \
          fetches everything between two tiles, finds the leader wrong and fetches again.",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static EDITED: Rule = Rule {
    id: "COG-GHO-007",
    severity: Severity::Error,
    title: "The COG was edited in place",
    why: "GDAL sets KNOWN_INCOMPATIBLE_EDITION=YES when a COG is changed after it was written: directories and tiles \
          that changed lie at the end of the file now, and the claims of the ghost area no longer hold.",
    fix: REWRITE,
    reference: GHOST,
};

pub(crate) static MASK_INTERLEAVED: Rule = Rule {
    id: "COG-GHO-008",
    severity: Severity::Error,
    title: "MASK_INTERLEAVED_WITH_IMAGERY=YES is claimed and not true",
    why: "GDAL then reads a tile and its mask in one request, the mask right behind the tile. Where it is elsewhere, \
          the request is made in vain and made again. Without any mask the claim is idle (warning).",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static INTERLEAVE: Rule = Rule {
    id: "COG-GHO-009",
    severity: Severity::Error,
    title: "INTERLEAVE disagrees with the file",
    why: "PlanarConfiguration says whether bands are stored apart, GDAL_METADATA whether they take turns tile by tile, \
          the ghost area repeats it. GDAL goes by the metadata; with an unknown value it drops all optimisations.",
    fix: REWRITE,
    reference: "GDAL COG driver, File format details (INTERLEAVE)",
};

pub(crate) static ABSENT: Rule = Rule {
    id: "COG-GHO-010",
    severity: Severity::Info,
    title: "There is no ghost area",
    why: "With its claims GDAL takes tile sizes from the leaders in front of the tiles and need not read \
          TileByteCounts: one request less on large files. The file is valid without.",
    fix: REWRITE,
    reference: GHOST,
};

const YES: &str = "YES";

/// Characters of an unknown entry that a message repeats.
const LONGEST_SHOWN: usize = 60;

/// The keys of GDAL's writers and the values their readers know.
const KNOWN: [(&str, &[&str]); 7] = [
    ("LAYOUT", &["IFDS_BEFORE_DATA"]),
    ("BLOCK_ORDER", &["ROW_MAJOR"]),
    ("BLOCK_LEADER", &["SIZE_AS_UINT4"]),
    ("BLOCK_TRAILER", &["LAST_4_BYTES_REPEATED"]),
    ("KNOWN_INCOMPATIBLE_EDITION", &["NO", YES]),
    ("MASK_INTERLEAVED_WITH_IMAGERY", &[YES]),
    ("INTERLEAVE", &["PIXEL", "BAND", "TILE"]),
];

pub(crate) fn check(context: &mut Context<'_>) {
    let Some(ghost) = &context.structure.ghost else {
        let is_tiled = context.layout.levels.iter().any(|level| level.image.is_tiled());
        if is_tiled {
            let message = "No ghost area: readers need TileByteCounts too, one more request on large files";
            context.push(Finding::new(&ABSENT, message), Fix::Shuffle);
        }
        return;
    };
    size(context, ghost);
    unknown(context, ghost);
    if ghost.claims("KNOWN_INCOMPATIBLE_EDITION", YES) {
        let message = "KNOWN_INCOMPATIBLE_EDITION=YES: the COG was edited in place";
        context.push_at(&EDITED, message.to_owned(), Fix::Rewrite, at_ghost(ghost));
    }
    let by_tile = interleave(context, ghost);
    block_order(context, ghost, by_tile);
    mask(context, ghost);
}

fn at_ghost(ghost: &GhostArea) -> Location {
    Location { offset: Some(ghost.offset), ..Location::default() }
}

fn size(context: &mut Context<'_>, ghost: &GhostArea) {
    let Some(end) = ghost.declared_end() else {
        let message = format!("Ghost area: the size field '{}' is not 6 digits", ghost.size_field.escape_debug());
        return context.push_at(&SIZE_FIELD, message, Fix::Shuffle, at_ghost(ghost));
    };
    let Some(first) = context.structure.header.map(|header| header.first_directory) else { return };
    // Bytes between the end and the first directory are a matter of their own (COG-IFD-005).
    let runs_into_directory = first > ghost.offset && end > first;
    if runs_into_directory || end < ghost.text_end || end > ghost.printable_end {
        let declared = ghost.declared_size.unwrap_or(0);
        let message = format!(
            "Ghost area: size {declared} ends at byte {end}; its text ends at {}, the first IFD is at {first}",
            ghost.text_end
        );
        context.push_at(&SIZE, message, Fix::Shuffle, at_ghost(ghost));
    }
}

fn unknown(context: &mut Context<'_>, ghost: &GhostArea) {
    if ghost.carriage_returns {
        let message = "Ghost area: lines end in carriage return and line feed, readers look for line feeds alone";
        context.push_at(&UNKNOWN_ENTRY, message.to_owned(), Fix::Shuffle, at_ghost(ghost));
    }
    for (key, value) in &ghost.entries {
        let known = KNOWN.iter().find(|(name, _)| name == key);
        let value = value.trim();
        if known.is_some_and(|(_, values)| values.contains(&value)) {
            continue;
        }
        let severity = if known.is_some() { Severity::Warning } else { Severity::Info };
        let text: String = if value.is_empty() { key.clone() } else { format!("{key}={value}") };
        let message = format!("Ghost area: unknown {}", shortened(&text, LONGEST_SHOWN).escape_debug());
        let finding = Finding::new(&UNKNOWN_ENTRY, message).severity(severity).at(at_ghost(ghost));
        context.push(finding, Fix::Shuffle);
    }
}

/// Whether GDAL_METADATA marks the bands as taking turns tile by tile.
pub(super) fn metadata_says_tile(context: &Context<'_>) -> bool {
    let metadata = context.structure.main().and_then(|main| main.text(tags::GDAL_METADATA)).unwrap_or_default();
    let item = metadata.split("<Item ").find(|item| {
        let attributes = item.split('>').next().unwrap_or_default();
        attributes.contains("name=\"INTERLEAVE\"") && attributes.contains("domain=\"IMAGE_STRUCTURE\"")
    });
    item.and_then(|item| item.split('>').nth(1)).is_some_and(|value| value.starts_with("TILE<"))
}

/// Compares all that is said of the interleaving; gives whether tiles of the bands take turns.
fn interleave(context: &mut Context<'_>, ghost: &GhostArea) -> bool {
    let Some(image) = context.structure.main().and_then(|main| main.image) else { return false };
    let claim = ghost.value("INTERLEAVE").unwrap_or_default();
    let is_planar = image.planar_configuration == 2;
    let metadata_tile = metadata_says_tile(context);
    let by_tile = is_planar && (metadata_tile || claim == "TILE");
    let contradiction = match claim {
        "BAND" | "TILE" if !is_planar => Some("PlanarConfiguration is 1 (pixel)"),
        "PIXEL" if is_planar => Some("PlanarConfiguration is 2 (bands apart)"),
        _ => None,
    };
    if let Some(contradiction) = contradiction {
        let message = format!("Ghost area: INTERLEAVE={claim}, but {contradiction}");
        context.push_at(&INTERLEAVE, message, Fix::Rewrite, at_ghost(ghost));
    } else if claim == "TILE" && !metadata_tile {
        let message =
            "Ghost area: INTERLEAVE=TILE without the same in GDAL_METADATA (tag 42112): GDAL takes it for BAND";
        let finding = Finding::new(&INTERLEAVE, message).severity(Severity::Warning).at(at_ghost(ghost));
        context.push(finding, Fix::Rewrite);
    } else if metadata_tile && !is_planar {
        let message = "GDAL_METADATA: INTERLEAVE=TILE, but PlanarConfiguration is 1 (pixel)";
        context.push_at(&INTERLEAVE, message.to_owned(), Fix::Rewrite, in_directory(0));
    }
    if by_tile {
        let wrong: Vec<(String, Location, u64)> = context
            .layout
            .levels
            .iter()
            .filter(|level| level.image.planes() > 1)
            .filter_map(|level| {
                let (block, count) = first_out_of_order(level, true)?;
                Some((level.name.clone(), at_block(level, block), count))
            })
            .collect();
        for (name, location, count) in wrong {
            let message = format!("INTERLEAVE=TILE is claimed, but the bands of {name} do not take turns tile by tile");
            context.push(Finding::new(&INTERLEAVE, message).at(location).told(count), Fix::Rewrite);
        }
    }
    by_tile
}

fn block_order(context: &mut Context<'_>, ghost: &GhostArea, by_tile: bool) {
    if !ghost.claims("BLOCK_ORDER", "ROW_MAJOR") {
        return;
    }
    let mut findings = Vec::new();
    for level in &context.layout.levels {
        // Planes that take turns are judged by COG-GHO-009.
        if by_tile && level.image.planes() > 1 {
            continue;
        }
        let Some((block, count)) = first_out_of_order(level, false) else { continue };
        let [column, row] = level.tile(block);
        let message = format!(
            "BLOCK_ORDER=ROW_MAJOR is claimed, but tile ({column},{row}) of {} precedes its predecessor",
            level.name
        );
        findings.push(Finding::new(&BLOCK_ORDER, message).at(at_block(level, block)).count(count));
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
}

fn mask(context: &mut Context<'_>, ghost: &GhostArea) {
    if !ghost.claims("MASK_INTERLEAVED_WITH_IMAGERY", YES) {
        return;
    }
    let overhead = [("BLOCK_TRAILER", "LAST_4_BYTES_REPEATED"), ("BLOCK_LEADER", "SIZE_AS_UINT4")]
        .into_iter()
        .filter(|(key, value)| ghost.claims(key, value))
        .count() as u64
        * 4;
    let levels = &context.layout.levels;
    let masks: Vec<&Level<'_>> = levels.iter().filter(|level| level.is_mask()).collect();
    let imagery = levels.iter().filter(|level| level.is_imagery());
    // Of images of equal size, which GDAL refuses as overviews, the first counts.
    let images: HashMap<(u32, u32), &Level<'_>> =
        imagery.rev().map(|level| ((level.image.width, level.image.height), level)).collect();
    let mut findings = Vec::new();
    if masks.is_empty() {
        let message = "MASK_INTERLEAVED_WITH_IMAGERY=YES is claimed, but there is no mask";
        findings.push(Finding::new(&MASK_INTERLEAVED, message).severity(Severity::Warning).at(at_ghost(ghost)));
    }
    for mask in masks {
        let size = (mask.image.width, mask.image.height);
        let Some(image) = images.get(&size) else { continue };
        let pairs = image.blocks.iter().zip(mask.blocks.iter()).enumerate();
        let mut wrong = pairs.filter_map(|(block, ((offset, byte_count), (mask_offset, _)))| {
            let expected = offset.checked_add(byte_count)?.checked_add(overhead)?;
            (offset > 0 && mask_offset > 0 && mask_offset != expected).then_some((block, mask_offset, expected))
        });
        if let Some((block, found, expected)) = wrong.next() {
            let [column, row] = mask.tile(block);
            let message = format!(
                "MASK_INTERLEAVED_WITH_IMAGERY=YES is claimed, but the mask of tile ({column},{row}) of {} is at {found}, \
                 expected {expected}",
                image.name
            );
            let count = 1 + wrong.count() as u64;
            findings.push(Finding::new(&MASK_INTERLEAVED, message).at(at_block(mask, block)).count(count));
        }
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
}

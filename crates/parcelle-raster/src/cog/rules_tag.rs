//! `COG-TAG`: the entries of the directories.

use parcelle_report::{Location, Rule, Severity};
use parcelle_tiff::{Layout, Problem, StructureKind, tags};

use super::context::{Context, in_directory};
use super::fix::{Fix, REWRITE, SOURCE};

pub(crate) static MISSING: Rule = Rule {
    id: "COG-TAG-001",
    severity: Severity::Error,
    title: "A mandatory tag is missing",
    why: "Without its size, its photometric interpretation or the place of its tiles an image cannot be read; where a \
          default steps in (bits, samples, compression), the pixels come out wrong.",
    fix: SOURCE,
    reference: "TIFF 6.0 sections 3 to 6 and 15 (required fields)",
};

pub(crate) static UNSORTED: Rule = Rule {
    id: "COG-TAG-002",
    severity: Severity::Error,
    title: "The entries of a directory are not in ascending tag order",
    why: "Readers may search a directory by halving, or stop at the first larger tag. Then tags out of order are not \
          found; libtiff warns and sorts.",
    fix: REWRITE,
    reference: "TIFF 6.0 section 2 (entries must be sorted in ascending order by tag)",
};

pub(crate) static DUPLICATE: Rule = Rule {
    id: "COG-TAG-003",
    severity: Severity::Error,
    title: "A tag occurs twice in one directory",
    why: "Which of the two values counts is up to the reader: libtiff takes the first, others the last, so the same file \
          means different images.",
    fix: REWRITE,
    reference: "TIFF 6.0 section 2",
};

pub(crate) static VALUE_COUNT: Rule = Rule {
    id: "COG-TAG-004",
    severity: Severity::Error,
    title: "A tag has another number of values than the image needs",
    why: "TileOffsets and TileByteCounts have one value per tile of the grid. With fewer, tiles cannot be found (GDAL \
          shows them empty without an error); a huge number makes careless readers allocate as much memory.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 15 (TileOffsets, TileByteCounts)",
};

pub(crate) static FIELD_TYPE: Rule = Rule {
    id: "COG-TAG-005",
    severity: Severity::Error,
    title: "A tag's values have the wrong type",
    why: "The field type says how many bytes a value has. With another one readers refuse the directory or take the \
          offset of the values for the value.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (types) and section 8; OGC GeoTIFF 1.1 section 7",
};

pub(crate) static DOMAIN: Rule = Rule {
    id: "COG-TAG-006",
    severity: Severity::Error,
    title: "A tag has an impossible value",
    why: "Sizes of 0, tiles of 0 or 0 bits per sample leave no image to read: readers refuse the file or divide by zero.",
    fix: SOURCE,
    reference: "TIFF 6.0 sections 3 and 15",
};

pub(crate) static VALUE_AREA: Rule = Rule {
    id: "COG-TAG-007",
    severity: Severity::Error,
    title: "The values of a tag lie outside the file or inside another structure",
    why: "Values that do not fit into an entry lie elsewhere in the file. Past its end there is nothing to read, and \
          bytes that belong to two structures are wrong for at least one of them.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (value offset)",
};

pub(crate) fn check(context: &mut Context<'_>) {
    for problem in &context.structure.problems {
        let (rule, fix) = match problem {
            Problem::MissingTag { .. } => (&MISSING, Fix::Source),
            Problem::Unsorted { .. } => (&UNSORTED, Fix::Rewrite),
            Problem::Duplicate { .. } => (&DUPLICATE, Fix::Rewrite),
            Problem::ValueCount { .. } => (&VALUE_COUNT, Fix::Source),
            Problem::FieldType { .. } => (&FIELD_TYPE, Fix::Source),
            Problem::OutOfDomain { .. } => (&DOMAIN, Fix::Source),
            Problem::ValueOutside { .. } | Problem::ValueOverlap { .. } | Problem::ValuesExceedFile { .. } => {
                (&VALUE_AREA, Fix::Source)
            }
            _ => continue,
        };
        let location = Location {
            tag: problem.tag().map(tags::label),
            offset: problem.offset(),
            ..problem.directory().map(in_directory).unwrap_or_default()
        };
        context.push_at(rule, problem.to_string(), fix, location);
    }
    values_in_blocks(context);
    compression_without_tag(context);
}

/// What the parser cannot see, which knows no blocks.
fn values_in_blocks(context: &mut Context<'_>) {
    let mut found = Vec::new();
    for (range, kind, block) in &context.layout.misplaced {
        let StructureKind::Value { directory, tag } = *kind else { continue };
        let label = tags::label(tag);
        let (start, end, other) = (range.start, range.end, context.layout.describe(*block));
        let message = format!("IFD {directory}: the values of {label} ({start}-{end}) overlap {other}");
        found.push((message, Location { tag: Some(label), offset: Some(start), ..in_directory(directory) }));
    }
    found.into_iter().for_each(|(message, location)| context.push_at(&VALUE_AREA, message, Fix::Source, location));
}

/// TIFF 6.0 takes an image without Compression for uncompressed. Then every block has its raw size; if not, the tag is
/// lost, not left out.
fn compression_without_tag(context: &mut Context<'_>) {
    let mut missing = Vec::new();
    for level in &context.layout.levels {
        let directory = level.directory;
        if directory.entry(tags::COMPRESSION).is_some() || directory.is_truncated {
            continue;
        }
        let raw = level.image.block_bytes();
        let is_single_strip = matches!(level.image.layout, Layout::Strips { .. }) && level.image.blocks_down() == 1;
        // The last strip may be shorter, so the first block speaks for all.
        let first = level.blocks.iter().find(|(offset, byte_count)| *offset > 0 && *byte_count > 0);
        if let Some((_, byte_count)) = first.filter(|(_, byte_count)| Some(*byte_count) != raw)
            && !(is_single_strip && raw.is_some_and(|raw| byte_count > raw))
        {
            missing.push((directory.index, byte_count, raw.unwrap_or(0)));
        }
    }
    for (directory, byte_count, raw) in missing {
        let message = format!(
            "IFD {directory} lacks Compression, yet its blocks are compressed ({byte_count} bytes, {raw} decoded)"
        );
        let location = Location { tag: Some("Compression".to_owned()), ..in_directory(directory) };
        context.push_at(&MISSING, message, Fix::Source, location);
    }
}

//! `COG-TILE` and `COG-WASTE` as far as pixels tell: every block is decoded.

use std::collections::BTreeMap;
use std::io;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;
use parcelle_tiff::{Role, tags};
use serde_json::{Value, json};

use super::context::{Context, at_block, in_directory, plural};
use super::distribution::of_level;
use super::fix::{Fix, SOURCE};
use super::levels::Level;
use super::rules_codec::NO_JPEG_TABLES;
use super::rules_content;
use crate::pixels::BlockDecoder;
use crate::pixels::survey::{Blocks, Outcome, Target, survey};

pub(crate) static DOES_NOT_DECODE: Rule = Rule {
    id: "COG-TILE-012",
    severity: Severity::Error,
    title: "A tile does not decode",
    why: "Its bytes are no stream of its codec, or give fewer pixels than the tile has: they were damaged on the way, cut \
          off, or written wrongly. Readers fail on it or show nothing there, and no command on this file brings the pixels \
          back.",
    fix: SOURCE,
    reference: "TIFF 6.0 sections 9 to 15 and 22; TIFF Technical Notes 2 and 3; libtiff (TIFFReadEncodedTile, TIFFReadEncodedStrip)",
};

pub(crate) static NOT_DECODED: Rule = Rule {
    id: "COG-TILE-016",
    severity: Severity::Warning,
    title: "Tiles were not decoded, so nothing is known of their pixels",
    why: "parcelle has no decoder for this codec, or decoding would take more memory or time than a file of this length may \
          cost. The tiles may be in order; only a reader that has the codec can tell.",
    fix: "Decode with GDAL: gdalinfo -checksum IN.tif",
    reference: "crate parcelle-raster, module pixels: codecs and limits",
};

pub(crate) static CONSTANT: Rule = Rule {
    id: "COG-WASTE-003",
    severity: Severity::Info,
    title: "Tiles hold nothing but nodata",
    why: "A tile of nothing but nodata (0 where none is declared) can be left out: GDAL reads a sparse tile as just that, \
          without a request. Not all other readers do.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co SPARSE_OK=TRUE (for readers that are GDAL)",
    reference: "GDAL COG driver, creation option SPARSE_OK; GDAL GTiff driver, Sparse files",
};

/// GDAL opens no image with a larger tile (`GTiffDataset::OpenOffset`: the sides of a block, and its bytes, are counted in
/// `int`).
const LARGEST_TILE: u64 = i32::MAX as u64;

/// Decodes everything, and tells what that gave as facts.
pub(crate) fn check(context: &mut Context<'_>, source: &dyn ByteSource) -> io::Result<BTreeMap<&'static str, Value>> {
    let mut findings: Vec<(Finding, Fix)> = Vec::new();
    let mut facts = BTreeMap::new();
    {
        let levels = &context.layout.levels;
        let fills: Vec<f64> = levels.iter().map(|level| fill(context, level)).collect();
        let places: Vec<_> = levels.iter().map(|level| move |block: usize| level.sound(block)).collect();
        let targets: Vec<Target<'_>> = levels
            .iter()
            .zip(&places)
            .zip(&fills)
            .map(|((level, place), fill)| Target {
                decoder: BlockDecoder::new(level.directory, level.image),
                blocks: level.blocks.len(),
                place,
                has_shared: level.shared.count > 0,
                fill: *fill,
            })
            .collect();
        let outcomes = survey(&targets, source)?;
        for (level, outcome) in levels.iter().zip(&outcomes) {
            judge(level, outcome, &mut findings);
        }
        constant(context, &outcomes, &mut findings);
        facts.insert("pixels", totals(&outcomes));
        facts.insert("level_tile_bytes", levels.iter().zip(&outcomes).map(level_facts).collect());
        rules_content::check(context, &targets, source, &mut findings)?;
    }
    findings.into_iter().for_each(|(finding, fix)| context.push(finding, fix));
    Ok(facts)
}

/// What a sparse block stands for: nodata, or 0 where there is none and in masks.
fn fill(context: &Context<'_>, level: &Level<'_>) -> f64 {
    let text = context.structure.main().filter(|_| level.is_imagery()).and_then(|main| main.text(tags::GDAL_NODATA));
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0.0)
}

fn judge(level: &Level<'_>, outcome: &Outcome, findings: &mut Vec<(Finding, Fix)>) {
    let noun = if level.image.is_tiled() { "Tile" } else { "Strip" };
    let others = |blocks: &Blocks| match blocks.count {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let place = |block: usize| {
        let [column, row] = level.tile(block);
        let (_, _, plane) = level.image.block_at(block as u64);
        let band = if level.image.planes() > 1 { format!(" of band {}", plane + 1) } else { String::new() };
        format!("({column},{row}){band}")
    };
    if let Some(bytes) = level.image.block_bytes().filter(|bytes| level.image.is_tiled() && *bytes > LARGEST_TILE) {
        let message = format!("Tiles of {} take {bytes} bytes, and readers hold {LARGEST_TILE} at most", level.name);
        findings.push((Finding::new(&DOES_NOT_DECODE, message).at(in_directory(level.directory.index)), Fix::Source));
    }
    if let Some(blocks) = &outcome.damaged {
        let message = format!(
            "{noun} {} of {} does not decode: {}{}",
            place(blocks.first),
            level.name,
            blocks.reason,
            others(blocks)
        );
        let finding = Finding::new(&DOES_NOT_DECODE, message).at(at_block(level, blocks.first)).told(blocks.count);
        findings.push((finding, Fix::Source));
    }
    // The first block is looked at with the bytes of the file already.
    let first = (0..level.blocks.len()).find(|block| level.sound(*block).is_some());
    let has_tables = level.directory.entry(tags::JPEG_TABLES).is_some();
    if let Some(blocks) = outcome.without_tables.as_ref().filter(|blocks| has_tables || Some(blocks.first) != first) {
        let index = level.directory.index;
        let message = format!(
            "IFD {index}: JPEG {} {} without quantisation or Huffman tables, which JPEGTables (tag 347) has neither{}",
            noun.to_lowercase(),
            place(blocks.first),
            others(blocks)
        );
        let finding = Finding::new(&NO_JPEG_TABLES, message).at(at_block(level, blocks.first)).told(blocks.count);
        findings.push((finding, Fix::Source));
    }
    for (reason, blocks) in &outcome.not_decoded {
        let message = format!("{} of {} not decoded: {reason}", plural(blocks.count, &noun.to_lowercase()), level.name);
        let finding = Finding::new(&NOT_DECODED, message).at(at_block(level, blocks.first)).told(blocks.count);
        findings.push((finding, Fix::General));
    }
}

fn constant(context: &Context<'_>, outcomes: &[Outcome], findings: &mut Vec<(Finding, Fix)>) {
    let count: u64 = outcomes.iter().map(|outcome| outcome.constant).sum();
    let bytes: u64 = outcomes.iter().map(|outcome| outcome.constant_bytes).sum();
    let decoded: u64 = outcomes.iter().map(|outcome| outcome.decoded).sum();
    // An image that is nothing else has another trouble, see COG-TILE-011; and one that is not tiled can leave nothing out
    // that a reader would notice.
    if count == 0 || context.structure.main().and_then(|main| main.image).is_none_or(|image| !image.is_tiled()) {
        return;
    }
    let message =
        format!("{} of {decoded} hold nothing but nodata: SPARSE_OK would save {bytes} bytes", plural(count, "tile"));
    let (input, output) = (context.fixer.input(), context.fixer.output());
    let fix = format!("gdal_translate {input} {output} -of COG -co SPARSE_OK=TRUE  # where all readers are GDAL");
    findings.push((Finding::new(&CONSTANT, message).told(count).at(in_directory(0)), Fix::Text(fix)));
}

fn totals(outcomes: &[Outcome]) -> Value {
    let sum = |count: fn(&Outcome) -> u64| outcomes.iter().map(count).sum::<u64>();
    json!({
        "tiles_decoded": sum(|outcome| outcome.decoded),
        "bytes_decoded": sum(|outcome| outcome.bytes),
        "tiles_damaged": sum(|outcome| {
            let damaged = [&outcome.damaged, &outcome.without_tables];
            damaged.into_iter().flatten().map(|blocks| blocks.count).sum()
        }),
        "tiles_not_decoded": sum(|outcome| outcome.not_decoded.values().map(|blocks| blocks.count).sum()),
        "tiles_of_nodata": sum(|outcome| outcome.constant),
    })
}

/// The distribution of tile sizes at one level, and what decoding it gave.
fn level_facts((level, outcome): (&Level<'_>, &Outcome)) -> Value {
    let figures = of_level(level);
    json!({
        "ifd": level.directory.index,
        "tiles_decoded": outcome.decoded,
        "bytes_decoded": outcome.bytes,
        "tiles_damaged": outcome.damaged.as_ref().map_or(0, |blocks| blocks.count),
        "tiles_too_short": outcome.short,
        "tiles_without_checksum": outcome.without_checksum,
        "min": figures.map(|figures| figures.least),
        "median": figures.map(|figures| figures.median),
        "p99": figures.map(|figures| figures.percentile_99),
        "max": figures.map(|figures| figures.most),
    })
}

/// Whether a level is an overview of the image or of its mask.
pub(crate) fn is_overview(level: &Level<'_>) -> bool {
    matches!(level.directory.role, Role::Overview | Role::MaskOverview)
}

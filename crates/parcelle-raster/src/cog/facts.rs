//! Measured facts for the report.

use std::collections::BTreeMap;

use parcelle_report::text::shortened;
use parcelle_storage::Usage;
use parcelle_tiff::{Directory, GeoKeys, Layout, Role, Variant, geo_keys, tags};
use serde_json::{Value, json};

use super::context::Context;
use super::first_tile;

/// Letters of a citation: there are some that have a whole definition.
const LONGEST_CITATION: usize = 80;

/// The facts of a file. `usage`: before the check, after the structure was read, at the end.
pub(crate) fn of(context: &Context<'_>, usage: [Usage; 3]) -> BTreeMap<&'static str, Value> {
    let [before, structure, end] = usage;
    let mut facts = BTreeMap::from([
        ("file_bytes", json!(context.structure.file_length)),
        ("header_requests", json!(structure.requests - before.requests)),
        ("header_bytes_read", json!(structure.bytes - before.bytes)),
        ("requests", json!(end.requests - before.requests)),
        ("bytes_read", json!(end.bytes - before.bytes)),
    ]);
    let Some(header) = context.structure.header else { return facts };
    facts.insert("big_tiff", json!(header.variant == Variant::Big));
    facts.insert("byte_order", json!(header.byte_order.as_str()));
    facts.insert("ghost_area", json!(context.structure.ghost.is_some()));
    facts.insert("directories", json!(context.structure.directories.len()));
    facts.insert("overviews", json!(context.structure.with_role(Role::Overview).count()));
    facts.insert("masks", json!(context.structure.directories.iter().filter(|one| one.role.is_mask()).count()));
    facts.insert("header_bytes", json!(header_bytes(context)));
    facts.insert("levels", levels(context));
    if let Some(looked_at) = context.tiles_looked_at {
        facts.insert("tiles_looked_at", json!(looked_at));
    }
    let blocks: usize = context.layout.levels.iter().map(|level| level.blocks.len()).sum();
    facts.insert("tiles", json!(blocks));
    facts.insert("sparse_tiles", json!(context.layout.levels.iter().map(|level| level.sparse).sum::<u64>()));
    if let Some(figures) = context.distribution {
        facts.insert(
            "tile_bytes",
            json!({
                "min": figures.least,
                "median": figures.median,
                "p99": figures.percentile_99,
                "max": figures.most,
            }),
        );
    }
    if let Some(main) = context.structure.main() {
        place(main, &mut facts);
    }
    if let Some(image) = context.structure.main().and_then(|directory| directory.image) {
        facts.insert("width", json!(image.width));
        facts.insert("height", json!(image.height));
        facts.insert("bands", json!(image.samples_per_pixel));
        facts.insert("data_type", json!(image.data_type()));
        facts.insert("compression", json!(compression(image.compression)));
        facts.insert("interleave", json!(if image.planar_configuration == 2 { "band" } else { "pixel" }));
        let (width, height) = image.block_size();
        facts.insert(if image.is_tiled() { "tile_size" } else { "strip_size" }, json!([width, height]));
    }
    facts
}

/// Where the image lies, and which value stands for nothing.
fn place(main: &Directory, facts: &mut BTreeMap<&'static str, Value>) {
    if let Some(crs) = main.geo_keys().as_ref().and_then(reference_system) {
        facts.insert("crs", json!(crs));
    }
    if let Some(nodata) = main.text(tags::GDAL_NODATA).filter(|text| !text.trim().is_empty()) {
        facts.insert("nodata", json!(nodata.trim()));
    }
    let (Some(image), Some([x, width, across, y, down, height])) = (main.image, main.geo_transform()) else { return };
    if (across, down) == (0.0, 0.0) {
        let [right, bottom] = [x + width * image.width as f64, y + height * image.height as f64];
        facts.insert("bounds", json!([x.min(right), y.min(bottom), x.max(right), y.max(bottom)]));
        facts.insert("pixel_size", json!([width.abs(), height.abs()]));
    }
}

/// The reference system as GeoKeys name it: by its code, else in their words.
fn reference_system(keys: &GeoKeys) -> Option<String> {
    let code = |key| keys.code(key).filter(|code| *code != 0 && *code != geo_keys::USER_DEFINED);
    let horizontal = code(geo_keys::PROJECTED_CRS).or_else(|| {
        // Behind a projected system without a code is the geographic one that it is made of, which is another.
        keys.code(geo_keys::PROJECTED_CRS).is_none().then(|| code(geo_keys::GEODETIC_CRS)).flatten()
    });
    let vertical = code(geo_keys::VERTICAL_CRS);
    match (horizontal, vertical) {
        (Some(horizontal), Some(vertical)) => Some(format!("EPSG:{horizontal}+{vertical}")),
        (Some(horizontal), None) => Some(format!("EPSG:{horizontal}")),
        (None, _) => {
            let citations = [geo_keys::PROJECTED_CITATION, geo_keys::CITATION, geo_keys::GEODETIC_CITATION];
            // Some programs write paragraphs, or that they know nothing.
            let words = |key| keys.words(key).and_then(|words| words.trim().lines().next());
            let tells = |words: &&str| !matches!(words.to_ascii_lowercase().as_str(), "" | "unknown" | "unnamed");
            let words = citations.into_iter().find_map(|key| words(key).filter(tells));
            words.map(|words| shortened(words, LONGEST_CITATION))
        }
    }
}

/// What a client reads before it can ask for the first tile: up to the end of the last directory or index array.
fn header_bytes(context: &Context<'_>) -> u64 {
    let ends = context.layout.structures.iter().map(|(range, _)| range.end);
    ends.max().unwrap_or(0)
}

fn levels(context: &Context<'_>) -> Value {
    let mut first_tiles = first_tile::facts(context.structure, &context.layout.levels).into_iter().peekable();
    let levels = context.structure.directories.iter().filter_map(|directory| {
        let mut level = level(directory)?;
        if let (Some((_, facts)), Some(level)) =
            (first_tiles.next_if(|(index, _)| *index == directory.index), level.as_object_mut())
        {
            level.insert("first_tile".to_owned(), facts);
        }
        Some(level)
    });
    levels.collect()
}

fn level(directory: &Directory) -> Option<Value> {
    let image = directory.image?;
    let role = match directory.role {
        Role::FullResolution => "full resolution",
        Role::Overview => "overview",
        Role::Mask => "mask",
        Role::MaskOverview => "mask overview",
        Role::Page => "page",
    };
    let (block_width, block_height) = image.block_size();
    Some(json!({
        "ifd": directory.index,
        "role": role,
        "width": image.width,
        "height": image.height,
        "layout": match image.layout { Layout::Tiles { .. } => "tiles", Layout::Strips { .. } => "strips" },
        "block": [block_width, block_height],
    }))
}

fn compression(number: u16) -> String {
    codec_name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// The usual name of a codec that a reader of rasters may have (TIFF 6.0, libtiff `tiff.h`, GDAL).
pub(crate) const fn codec_name(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "none",
        2 => "ccittrle",
        3 => "ccittfax3",
        4 => "ccittfax4",
        5 => "lzw",
        6 => "old-jpeg",
        7 => "jpeg",
        8 | 32_946 => "deflate",
        32_766 => "next",
        32_771 => "ccittrlew",
        32_773 => "packbits",
        32_809 => "thunderscan",
        32_908 => "pixarfilm",
        32_909 => "pixarlog",
        34_661 => "jbig",
        34_676 => "sgilog",
        34_677 => "sgilog24",
        33_003 | 33_005 | 34_712 => "jpeg2000",
        34_887 => "lerc",
        34_892 => "lossy-jpeg",
        34_925 => "lzma",
        50_000 => "zstd",
        50_001 => "webp",
        50_002 | 52_546 => "jxl",
        _ => return None,
    })
}

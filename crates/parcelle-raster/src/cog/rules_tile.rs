//! `COG-TILE`: the grid of tiles and every single one of them.

use std::collections::BTreeMap;

use parcelle_report::{Finding, Findings, Location, Rule, Severity};
use parcelle_tiff::{Layout, tags};

use super::context::{Context, at_block, in_directory, plural};
use super::fix::{Fix, REWRITE, SOURCE};
use super::levels::{Level, Tally};

const BLOCK_SIZE: &str = "gdal_translate IN.tif OUT.tif -of COG -co BLOCKSIZE=512";

/// An image up to this size is one tile of the usual size: strips cost a remote reader little.
const SMALL_IMAGE: u32 = 512;
/// A screen: larger tiles bring more pixels than are shown.
const LARGE_TILE: u32 = 1024;
const SMALL_TILE: u32 = 128;

pub(crate) static STRIPS: Rule = Rule {
    id: "COG-TILE-001",
    severity: Severity::Error,
    title: "The image is organised in strips, not tiles",
    why: "Strips are as wide as the image: a window needs every strip it touches in full width, so a small view of a \
          large image reads most of it. OGC asks for tiles without exception; for images that a single tile would \
          hold it is a warning.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-format/tiling",
};

pub(crate) static MULTIPLE_OF_16: Rule = Rule {
    id: "COG-TILE-002",
    severity: Severity::Error,
    title: "The tile size is not a multiple of 16",
    why: "TIFF demands it, so that tiles align with the blocks of codecs such as JPEG. Readers that allocate by it \
          refuse the file or misplace pixels.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-format/tiling; TIFF 6.0 section 15",
};

pub(crate) static NOT_SQUARE: Rule = Rule {
    id: "COG-TILE-003",
    severity: Severity::Warning,
    title: "Tiles are not square",
    why: "Views and the tiles of map grids are about square; long tiles bring more pixels that nobody asked for.",
    fix: BLOCK_SIZE,
    reference: "OGC 21-026 /req/optimized_geotiff/small-sizes A",
};

pub(crate) static LARGE: Rule = Rule {
    id: "COG-TILE-004",
    severity: Severity::Warning,
    title: "Tiles are larger than a screen",
    why: "A reader fetches and decodes whole tiles. Past 1024 pixels each of them holds more than the view that \
          asked for it.",
    fix: BLOCK_SIZE,
    reference: "OGC 21-026 /req/optimized_geotiff/small-sizes B",
};

pub(crate) static SMALL: Rule = Rule {
    id: "COG-TILE-005",
    severity: Severity::Info,
    title: "Tiles are very small",
    why: "Every tile takes an entry in the index that is read before anything else, and a request of its own: below \
          128 pixels both grow faster than anything is saved.",
    fix: BLOCK_SIZE,
    reference: "OGC 21-026 /rec/optimized-geotiff/size-and-numbers B",
};

pub(crate) static OVERLAP: Rule = Rule {
    id: "COG-TILE-006",
    severity: Severity::Error,
    title: "A tile overlaps another tile or the header",
    why: "Bytes that belong to two structures are wrong for at least one of them: an offset or a byte count is corrupt, \
          and what the tile decodes to is noise or an error.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (no duplicate pointers) and section 15",
};

pub(crate) static PAST_END: Rule = Rule {
    id: "COG-TILE-007",
    severity: Severity::Error,
    title: "A tile lies past the end of the file",
    why: "The file was cut off, or an offset is corrupt. Readers find nothing there: an error, or pixels of nodata.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 15 (TileOffsets)",
};

pub(crate) static BYTE_COUNT: Rule = Rule {
    id: "COG-TILE-008",
    severity: Severity::Error,
    title: "A tile's byte count is absurd for its size",
    why: "A reader that trusts it allocates the memory. libtiff cuts byte counts over 1 MiB to ten times the decoded \
          size and 4096 bytes more (TIFFFillTile); no codec needs as much.",
    fix: SOURCE,
    reference: "libtiff tif_read.c, TIFFFillTile; TIFF 6.0 section 15 (TileByteCounts)",
};

pub(crate) static HALF_SPARSE: Rule = Rule {
    id: "COG-TILE-009",
    severity: Severity::Error,
    title: "Exactly one of a tile's offset and byte count is 0",
    why: "Both 0 mean that the tile is not there. One alone is a contradiction that every reader solves differently: \
          empty, unreadable, or whatever lies at that offset.",
    fix: REWRITE,
    reference: "GDAL GTiff driver, Sparse files",
};

pub(crate) static SPARSE: Rule = Rule {
    id: "COG-TILE-010",
    severity: Severity::Info,
    title: "Some tiles are empty (sparse)",
    why: "GDAL writes offset and byte count 0 for tiles of nothing but nodata. GDAL reads them, many other readers do \
          not.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co SPARSE_OK=FALSE",
    reference: "GDAL COG driver, creation option SPARSE_OK",
};

pub(crate) static ALL_SPARSE: Rule = Rule {
    id: "COG-TILE-011",
    severity: Severity::Warning,
    title: "Every tile of an image is empty",
    why: "The image shows nothing at all. Mostly something went wrong before: a window outside the data, a failed \
          warp, a writer that stopped.",
    fix: "Check the source: gdalinfo -stats SOURCE.tif",
    reference: "GDAL GTiff driver, Sparse files",
};

pub(crate) static SHARED: Rule = Rule {
    id: "COG-TILE-013",
    severity: Severity::Info,
    title: "Tiles share their bytes with other tiles",
    why: "Some writers store equal tiles once. That is sound by itself; but a reader that believes the ghost area \
          takes the next tile's offset for the end of this one, so with such claims it is a warning.",
    fix: REWRITE,
    reference: "GDAL COG driver, File format details (BLOCK_ORDER, BLOCK_LEADER)",
};

pub(crate) static POWER_OF_TWO: Rule = Rule {
    id: "COG-TILE-014",
    severity: Severity::Info,
    title: "The tile size is not a power of two",
    why: "With 256, 512 or 1024 the tiles of all overviews meet at the same edges, so that no view touches more tiles \
          than it must.",
    fix: BLOCK_SIZE,
    reference: "OGC 21-026 /rec/optimized-geotiff/size-and-numbers A",
};

pub(crate) static BYTES: Rule = Rule {
    id: "COG-TILE-015",
    severity: Severity::Info,
    title: "Some tiles have over 4 MiB",
    why: "A tile is fetched whole before one of its pixels is shown. Smaller tiles or a better codec shorten the wait.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co BLOCKSIZE=256 -co COMPRESS=ZSTD -co PREDICTOR=YES",
    reference: "OGC 21-026 /req/optimized_geotiff/small-sizes",
};

pub(crate) fn check(context: &mut Context<'_>) {
    let mut findings = Vec::new();
    strips(context, &mut findings);
    sizes(context, &mut findings);
    let has_claims = context
        .structure
        .ghost
        .as_ref()
        .is_some_and(|ghost| ghost.claims("BLOCK_ORDER", "ROW_MAJOR") || ghost.value("BLOCK_LEADER").is_some());
    let mut described = 0;
    for level in &context.layout.levels {
        // Findings past the cap are only counted, and to name what a tile overlaps means to search for it.
        let overlapped = (described < Findings::CAP).then(|| context.layout.overlapped(level)).flatten();
        described += usize::from(overlapped.is_some());
        blocks(level, overlapped.as_deref(), context.structure.file_length, has_claims, &mut findings);
    }
    bytes(context, &mut findings);
    findings.into_iter().for_each(|(finding, fix)| context.push(finding, fix));
}

type Made = Vec<(Finding, Fix)>;

fn strips(context: &Context<'_>, findings: &mut Made) {
    for directory in &context.structure.directories {
        let Some(image) = directory.image.filter(|image| !image.is_tiled()) else { continue };
        let Layout::Strips { rows } = image.layout else { continue };
        let is_small = image.width <= SMALL_IMAGE && image.height <= SMALL_IMAGE;
        let severity = if is_small { Severity::Warning } else { Severity::Error };
        let message = format!(
            "IFD {} ({}x{}) is organised in {}, not tiles",
            directory.index,
            image.width,
            image.height,
            match image.blocks_down() {
                1 => "one strip".to_owned(),
                strips => format!("{strips} strips of {rows} rows"),
            }
        );
        let finding = Finding::new(&STRIPS, message).severity(severity).at(in_directory(directory.index));
        findings.push((finding, Fix::Reblock));
    }
}

/// The images with one tile size.
struct Size {
    /// The first of them.
    directory: usize,
    images: u64,
    tiles: u64,
    /// Bytes of their index arrays.
    index_bytes: u64,
}

/// The tile size rules, once for every size in the file.
fn sizes(context: &Context<'_>, findings: &mut Made) {
    let mut seen: BTreeMap<(u32, u32), Size> = BTreeMap::new();
    for directory in &context.structure.directories {
        let Some(image) = directory.image else { continue };
        let Layout::Tiles { width, height } = image.layout else { continue };
        let entry = seen.entry((width, height));
        let size = entry.or_insert(Size { directory: directory.index, images: 0, tiles: 0, index_bytes: 0 });
        size.images += 1;
        size.tiles = size.tiles.saturating_add(image.block_count().unwrap_or(u64::MAX));
        let (offsets, counts) = directory.index_tags();
        for area in [offsets, counts].into_iter().filter_map(|tag| directory.entry(tag)?.area()) {
            size.index_bytes = size.index_bytes.saturating_add(area.end - area.start);
        }
    }
    for ((width, height), Size { directory, images, tiles, index_bytes }) in seen {
        let mut add = |rule, message: String, fix| {
            let location = Location { tag: tags::name(tags::TILE_WIDTH).map(str::to_owned), ..in_directory(directory) };
            findings.push((Finding::new(rule, message).at(location).count(images), fix));
        };
        if width % 16 != 0 || height % 16 != 0 {
            add(&MULTIPLE_OF_16, format!("Tile size {width}x{height} is not a multiple of 16"), Fix::Reblock);
        }
        if width != height {
            add(&NOT_SQUARE, format!("Tiles are not square: {width}x{height}"), Fix::Reblock);
        }
        if width > LARGE_TILE || height > LARGE_TILE {
            let message =
                format!("Tiles of {width}x{height} exceed {LARGE_TILE}: more pixels than a screen per request");
            add(&LARGE, message, Fix::Reblock);
        }
        if (width < SMALL_TILE || height < SMALL_TILE) && tiles > images {
            let message = format!(
                "Tiles of {width}x{height} are small (<{SMALL_TILE}): {tiles} tiles, an index of {index_bytes} bytes"
            );
            add(&SMALL, message, Fix::Reblock);
        }
        if !width.is_power_of_two() || !height.is_power_of_two() {
            add(&POWER_OF_TWO, format!("Tile size {width}x{height} is not a power of two"), Fix::Reblock);
        }
    }
}

fn blocks(level: &Level<'_>, overlapped: Option<&str>, file_length: u64, has_claims: bool, findings: &mut Made) {
    let noun = if level.image.is_tiled() { "Tile" } else { "Strip" };
    let mut add = |rule: &'static Rule, tally: &Tally, fix: Fix, say: &dyn Fn(u64, u64) -> String| {
        let Some(block) = tally.first else { return };
        let [column, row] = level.tile(block);
        let (offset, byte_count) = level.blocks.get(block).unwrap_or_default();
        let others = match tally.count {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let message = format!("{noun} ({column},{row}) of {}{}{others}", level.name, say(offset, byte_count));
        findings.push((Finding::new(rule, message).at(at_block(level, block)).told(tally.count), fix));
    };
    add(&OVERLAP, &level.overlapping, Fix::Source, &|offset, byte_count| {
        let other = overlapped.unwrap_or("another structure");
        format!(" ({byte_count} bytes at {offset}) overlaps {other}")
    });
    add(&PAST_END, &level.outside, Fix::Source, &|offset, byte_count| {
        format!(": {offset}+{byte_count} is past the end of the file at {file_length}")
    });
    add(&BYTE_COUNT, &level.oversized, Fix::Source, &|_, byte_count| {
        let raw = level.image.block_bytes().unwrap_or(0);
        format!(": byte count {byte_count} exceeds 10 x its raw size of {raw}")
    });
    // A length without a place is lost; a place without a length reads as an empty tile, which a rewrite makes regular.
    let (lost_offset, _) = level.half_sparse.first.and_then(|block| level.blocks.get(block)).unwrap_or_default();
    let half_sparse_fix = if lost_offset == 0 { Fix::Source } else { Fix::Rewrite };
    add(&HALF_SPARSE, &level.half_sparse, half_sparse_fix, &|offset, byte_count| {
        format!(": offset {offset} with byte count {byte_count}: exactly one of both is 0")
    });
    let total = level.blocks.len() as u64;
    let here = in_directory(level.directory.index);
    if total > 0 && level.sparse == total {
        let message = format!("Every tile of {} is empty", level.name);
        findings.push((Finding::new(&ALL_SPARSE, message).at(here.clone()).told(total), Fix::General));
    } else if level.sparse > 0 {
        let percent = level.sparse as f64 * 100.0 / total as f64;
        let message = format!(
            "{} of {total} tiles ({percent:.1} %) of {} are empty (sparse): fine in GDAL, not in all readers",
            level.sparse, level.name
        );
        findings.push((Finding::new(&SPARSE, message).at(here).told(level.sparse), Fix::RewriteDense));
    }
    if let Some(block) = level.shared.first {
        let severity = if has_claims { Severity::Warning } else { Severity::Info };
        let claim = if has_claims { ", against the claims of the ghost area" } else { "" };
        let count = level.shared.count;
        let verb = if count == 1 { "shares its" } else { "share their" };
        let message = format!("{} of {} {verb} bytes with another tile{claim}", plural(count, "tile"), level.name);
        let finding = Finding::new(&SHARED, message).severity(severity).at(at_block(level, block)).told(count);
        findings.push((finding, Fix::Rewrite));
    }
}

fn bytes(context: &Context<'_>, findings: &mut Made) {
    let is_tiled = context.layout.levels.iter().any(|level| level.image.is_tiled());
    let Some(figures) = context.distribution.filter(|figures| is_tiled && figures.heavy > 0) else { return };
    let message = format!(
        "Tile bytes: min {}, median {}, p99 {}, max {}; {} over 4 MiB",
        figures.least,
        figures.median,
        figures.percentile_99,
        figures.most,
        plural(figures.heavy, "tile")
    );
    findings.push((Finding::new(&BYTES, message).told(figures.heavy), Fix::RewriteSmaller));
}

//! What the conditions of the capability table can ask for.
//!
//! Of each image (the full resolution and its overviews, their masks):
//!
//! | fact | is |
//! |---|---|
//! | `role` | `image` or `mask` |
//! | `codec`, `predictor`, `bits`, `format`, `bands` | the tags' numbers, with TIFF's defaults |
//! | `planar`, `reset` | PlanarConfiguration as the reader takes it; whether that is chunky where the file says planar (see [`is_reset`]) |
//! | `pixel_bits`, `widths` | bits of all bands together; whether all bands have as many (`equal`) or not (`mixed`) |
//! | `photometric` | the tag's number or `none` |
//! | `layout`, `offsets` | `tiles` or `strips`, and how many of them |
//! | `width`, `pixels`, `block_pixels`, `block_bytes` | pixels across and in all; pixels and decoded bytes of a tile or strip |
//! | `full_width` | whether a tile or strip is as wide as the image |
//! | `overrun` | whether the rows of an image, read from one plane as if it had all bands, need more bytes than that plane's block has |
//! | `high_bit` | `none` where all samples were looked at and none has its highest bit set, else `some` |
//! | `window` | `wide` where a compressed frame of Zstandard wants more memory than the decoder in Java has, else `usual` |
//! | `sparse`, `stored`, `past_end`, `misplaced` | whether a block that is read is left out; is there; ends past the end of the file; begins at 0 |
//! | `index` | `short` where the offsets or byte counts are fewer than the blocks, `uncounted` without byte counts, else `whole` |
//! | `nodata` | what Java makes of GDAL_NODATA: `none`, `number`, `nan`, `infinite`, `invalid` |
//! | `fill` | whether the nodata value as a byte is `zero` or `nonzero`; `none` |
//! | `fill_of_gdal` | whether what GDAL fills with is `zero` or `nonzero` |
//! | `cast` | whether Java's cast of the nodata value to the sample type is what GDAL fills with (`same`) or not (`other`) |
//! | `jpeg_tables`, `old_jpeg` | whether there are JPEGTables; of JPEG by TIFF 6 what is there: `whole`, `lacking`, `progressive` |
//! | `colour_map`, `profile` | `none`, `short`, `whole`: entries for each value; bytes for an ICC profile |
//! | `extra`, `alpha`, `scaled` | whether there are ExtraSamples, a declared alpha, scale or offset metadata |
//!
//! Of the file, besides those of its first image:
//!
//! | fact | is |
//! |---|---|
//! | `sound`, `loop` | whether a first image can be found; whether the chain of directories loops |
//! | `values` | `cut` where a tag's values lie outside the file, else `whole` |
//! | `chain`, `overviews` | `usual`, `shifted`, `past-end` (see [`chain`]); how many overviews there are |
//! | `mask_levels` | `short` where there are masks inside, but fewer than images and overviews, else `whole` |
//! | `transform` | `matrix`, `gcps`, `none` |
//! | `keys`, `model`, `projected`, `geographic`, `projection`, `method`, `datum`, `ellipsoid`, `unit`, `vertical` | GeoKeys, or `none` |
//! | `ragged` | whether the GeoKeyDirectory has fewer numbers than its header and whole keys |
//! | `pe`, `sphere` | an ESRI PE string: `known`, `unknown`, `spherical`, `none`; whether the ellipsoid told is a sphere |
//! | `krovak`, `parallel`, `origin_latitude` | what GeoTools' projections depend on |
//! | `header_at_end`, `header_requests` | for `cog-http`: whether the reader asks for bytes past the end, requests of 16 KiB until the last tag |
//! | `prj`, `world_file`, `mask_file`, `overview_file`, `aux_file` | files beside the raster |
//! | `prj_says`, `aux_says` | `other` where the `.prj` or `.aux.xml` places it elsewhere than GDAL or its tags do, else `same` |

use parcelle_tiff::{Directory, Image, Problem, Role, Structure, tags};

use super::around::Tiles;
use super::condition::{Fact, Facts};
use super::geo_keys::{self as keys, GeoKeys};
use super::names::Name;
use super::nodata::{Nodata, nodata};
use super::pe;
use super::{Access, Around, Beside};

/// What `CogImageReadParam` asks for first, and what `DefaultCogImageInputStream` then adds each time.
const HEADER_REQUEST: u64 = 16 * 1024;

/// Bytes of the header of an ICC profile and of the number of its tags (ICC.1, 7.1).
const PROFILE_HEAD: u64 = 132;

/// The facts of one image.
pub(super) fn of_level(structure: &Structure, directory: &Directory, image: &Image, tiles: &Tiles) -> Facts {
    let is_reset = is_reset(directory, image);
    let planes = if is_reset { u64::from(image.samples_per_pixel).max(1) } else { 1 };
    let blocks = Blocks::of(directory, planes, structure.file_length);
    let offsets = directory.entry(directory.index_tags().0).map_or(0, |entry| entry.count);
    let nodata = nodata(directory.text(tags::GDAL_NODATA).as_deref());
    let metadata = directory.text(tags::GDAL_METADATA).unwrap_or_default();
    let has_alpha = directory.unsigned_values(tags::EXTRA_SAMPLES).iter().any(|kind| matches!(kind, 1 | 2));
    let (pixel_bits, is_mixed) = sample_widths(directory, image);
    let (block_width, block_height) = image.block_size();
    let block_height = block_height.min(image.height);
    Facts::from([
        (Name::Role, if directory.role.is_mask() { "mask" } else { "image" }.into()),
        (Name::Codec, u64::from(image.compression).into()),
        (Name::Predictor, u64::from(image.predictor).into()),
        (Name::Bits, u64::from(image.bits_per_sample).into()),
        (Name::PixelBits, pixel_bits.into()),
        (Name::Widths, if is_mixed { "mixed" } else { "equal" }.into()),
        (Name::Format, u64::from(image.sample_format).into()),
        (Name::Bands, u64::from(image.samples_per_pixel).into()),
        (Name::Planar, u64::from(if is_reset { 1 } else { image.planar_configuration }).into()),
        (Name::Reset, Fact::yes_if(is_reset)),
        (Name::Photometric, Fact::number_or_none(image.photometric.map(u64::from))),
        (Name::Layout, if image.is_tiled() { "tiles" } else { "strips" }.into()),
        (Name::Width, u64::from(image.width).into()),
        (Name::FullWidth, Fact::yes_if(block_width == image.width)),
        (Name::Pixels, (u64::from(image.width) * u64::from(image.height)).into()),
        (Name::BlockPixels, (u64::from(block_width) * u64::from(block_height)).into()),
        (Name::BlockBytes, image.block_bytes().unwrap_or(u64::MAX).into()),
        (Name::Offsets, offsets.into()),
        (Name::Overrun, Fact::yes_if(overrun(image, block_height))),
        (Name::Window, if tiles.wide_windows.contains(&directory.index) { "wide" } else { "usual" }.into()),
        (Name::HighBit, if tiles.low.contains(&directory.index) { "none" } else { "some" }.into()),
        (Name::Sparse, Fact::yes_if(blocks.is_sparse)),
        (Name::Stored, Fact::yes_if(blocks.is_stored)),
        (Name::PastEnd, Fact::yes_if(blocks.is_past_end)),
        (Name::Misplaced, Fact::yes_if(blocks.is_misplaced)),
        (Name::Index, index(directory, image).into()),
        (Name::Nodata, nodata.word().into()),
        (Name::Fill, fill(nodata).into()),
        (Name::FillOfGdal, if fill_of_gdal(nodata, image) == 0.0 { "zero" } else { "nonzero" }.into()),
        (Name::Cast, cast(nodata, image).into()),
        (Name::JpegTables, Fact::yes_if(directory.entry(tags::JPEG_TABLES).is_some())),
        (Name::OldJpeg, old_jpeg(directory).into()),
        (Name::ColourMap, colour_map(directory, image).into()),
        (Name::Profile, has(directory, tags::ICC_PROFILE, PROFILE_HEAD).into()),
        (Name::Extra, Fact::yes_if(directory.entry(tags::EXTRA_SAMPLES).is_some())),
        (Name::Alpha, Fact::yes_if(has_alpha)),
        (Name::Scaled, Fact::yes_if(metadata.contains("role=\"scale\"") || metadata.contains("role=\"offset\""))),
    ])
}

/// What the block index of an image says.
#[derive(Debug, Default)]
struct Blocks {
    is_sparse: bool,
    is_stored: bool,
    is_past_end: bool,
    /// Bytes at 0, where the header of the file is.
    is_misplaced: bool,
}

impl Blocks {
    /// Of the first of so many planes.
    fn of(directory: &Directory, planes: u64, length: u64) -> Self {
        let mut found = Self::default();
        let all = directory.blocks.as_ref().map_or(0, |blocks| blocks.len() as u64);
        let read = usize::try_from(all.div_ceil(planes)).unwrap_or(usize::MAX);
        for (offset, count) in directory.blocks.iter().flat_map(|blocks| blocks.iter()).take(read) {
            found.is_sparse |= (offset, count) == (0, 0);
            found.is_stored |= count > 0;
            found.is_misplaced |= count > 0 && offset == 0;
            found.is_past_end |= count > 0 && offset.checked_add(count).is_none_or(|end| end > length);
        }
        found
    }
}

/// The bits of all samples of a pixel, and whether they differ. `TIFFImageReader` takes the first for all where there are
/// not as many as samples.
fn sample_widths(directory: &Directory, image: &Image) -> (u64, bool) {
    let widths = directory.unsigned_values(tags::BITS_PER_SAMPLE);
    let bands = u64::from(image.samples_per_pixel);
    if widths.len() as u64 == bands {
        let is_mixed = widths.windows(2).any(|pair| pair.first() != pair.last());
        (widths.iter().fold(0, |sum: u64, width| sum.saturating_add(*width)), is_mixed)
    } else {
        (bands * u64::from(image.bits_per_sample), false)
    }
}

fn index(directory: &Directory, image: &Image) -> &'static str {
    let (offsets, counts) = directory.index_tags();
    let needed = image.block_count().unwrap_or(u64::MAX);
    let is_short = |tag| directory.entry(tag).is_some_and(|entry| entry.count < needed);
    if is_short(offsets) || is_short(counts) {
        "short"
    } else if directory.entry(counts).is_none() {
        "uncounted"
    } else {
        "whole"
    }
}

/// Whether `TIFFImageReader.getPlanarConfiguration` takes planes for chunky pixels: it compares the number of offsets with
/// that of an image whose size it does not know yet, which is one tile or three strips for each band of three.
fn is_reset(directory: &Directory, image: &Image) -> bool {
    let offsets = directory.entry(directory.index_tags().0).map_or(0, |entry| entry.count);
    let is_planar = image.planar_configuration == 2 && image.samples_per_pixel >= 2;
    is_planar && offsets == if image.is_tiled() { 3 } else { 9 }
}

/// Whether rows of all bands, read from the block of one band, end behind it. `TIFFNullDecompressor` reads the rows that are
/// in the image alone, so that a tile that reaches far beyond the image has bytes enough.
fn overrun(image: &Image, rows: u32) -> bool {
    let stored = if image.is_tiled() { image.block_size().1 } else { rows };
    u64::from(rows) * u64::from(image.samples_per_pixel) > u64::from(stored)
}

/// Whether a tag is there with at least so many values.
fn has(directory: &Directory, tag: u16, values: u64) -> &'static str {
    match directory.entry(tag) {
        None => "none",
        Some(entry) if entry.count < values => "short",
        Some(_) => "whole",
    }
}

fn colour_map(directory: &Directory, image: &Image) -> &'static str {
    let values = 1_u64.checked_shl(u32::from(image.bits_per_sample)).unwrap_or(u64::MAX);
    has(directory, tags::COLOR_MAP, values.saturating_mul(3))
}

/// What `TIFFOldJPEGDecompressor.initialize` finds: a whole JPEG stream, or all tables by themselves.
fn old_jpeg(directory: &Directory) -> &'static str {
    const PROCESS: u16 = 512;
    const STREAM: u16 = 513;
    const TABLES: std::ops::RangeInclusive<u16> = 519..=521;
    let has_stream = directory.entry(STREAM).is_some();
    if directory.unsigned(PROCESS).is_some_and(|process| process != 1) {
        "progressive"
    } else if has_stream || TABLES.into_iter().all(|tag| directory.entry(tag).is_some()) {
        "whole"
    } else {
        "lacking"
    }
}

/// The nodata value as `Double.byteValue()` gives it.
fn fill(nodata: Nodata) -> &'static str {
    match nodata {
        Nodata::Absent | Nodata::Invalid => "none",
        Nodata::Number(value) if (value as i32) & 0xff != 0 => "nonzero",
        Nodata::Number(_) => "zero",
    }
}

/// What GDAL fills a block with that is left out: rounded, and the nearest that the type has; it keeps samples of fewer bits in
/// the next larger type of its own.
fn fill_of_gdal(nodata: Nodata, image: &Image) -> f64 {
    let Nodata::Number(value) = nodata else { return 0.0 };
    let bits = image.bits_per_sample;
    let (least, most) = match (image.sample_format, bits) {
        (1 | 4, ..=32) => (0.0, f64::from(u32::MAX >> (32 - u32::from(bits).next_power_of_two().clamp(8, 32)))),
        (2, 8 | 16 | 32) => (-f64::from(1_u32 << (bits - 1)), f64::from((1_u32 << (bits - 1)) - 1)),
        _ => return value,
    };
    if value.is_nan() { 0.0 } else { value.round().clamp(least, most) }
}

/// Whether Java's cast of the nodata value to a sample (`Number.byteValue` and its kind, which cut off the fraction and
/// wrap) is the value that GDAL fills with (rounded, and the nearest that the type has).
fn cast(nodata: Nodata, image: &Image) -> &'static str {
    let (Nodata::Number(value), 1 | 2, bits @ (8 | 16 | 32)) = (nodata, image.sample_format, image.bits_per_sample)
    else {
        return "same";
    };
    let java = match (image.sample_format == 2, bits) {
        // Bytes are never signed.
        (_, 8) => f64::from(value as i32 as u8),
        (false, 16) => f64::from(value as i32 as u16),
        (true, 16) => f64::from(value as i32 as i16),
        _ => f64::from(value as i32),
    };
    if fill_of_gdal(nodata, image) == java { "same" } else { "other" }
}

/// The facts of the whole file as one way of access sees it; `first` are those of the first level that has an image.
pub(super) fn of_file(structure: &Structure, first: Option<Facts>, access: Access, around: &Around) -> Facts {
    let beside = around.beside;
    let is_file = access == Access::File;
    // What helps a store on a file system is not looked for over HTTP; what is lost there is a fact for both.
    let beside = if is_file { beside } else { Beside { projection: false, world: false, ..beside } };
    let main = structure.main();
    let mut facts = first.unwrap_or_default();
    let outside = around.overviews.as_ref().filter(|_| is_file).map_or(0, |outside| outside.0.directories.len());
    let counted = Counted::of(structure);
    let has_short_masks = counted.masks > 0 && counted.masks <= counted.overviews + outside;
    let has_blocks = |main: &Directory| {
        let (offsets, counts) = main.index_tags();
        main.blocks.is_some() || (main.entry(offsets).is_some() && main.entry(counts).is_none())
    };
    let is_sound = main.is_some_and(|main| main.image.is_some() && has_blocks(main));
    let has_loop = structure.problems.iter().any(|problem| matches!(problem, Problem::DirectoryLoop { .. }));
    let is_cut = structure.problems.iter().any(|problem| matches!(problem, Problem::ValueOutside { .. }));
    let header_end = header_end(structure);
    let overviews = structure.with_role(Role::Overview).count() as u64;
    facts.extend([
        (Name::Sound, Fact::yes_if(is_sound)),
        (Name::Loop, Fact::yes_if(has_loop)),
        (Name::Values, if is_cut { "cut" } else { "whole" }.into()),
        (Name::Chain, chain(structure, &counted).into()),
        (Name::MaskLevels, if has_short_masks { "short" } else { "whole" }.into()),
        (Name::Overviews, overviews.into()),
        (Name::Transform, main.map_or("none", transform).into()),
        (Name::HeaderAtEnd, Fact::yes_if(access == Access::CogHttp && asks_past_end(structure))),
        (Name::HeaderRequests, header_end.div_ceil(HEADER_REQUEST).into()),
        (Name::Prj, Fact::yes_if(beside.projection)),
        (Name::PrjSays, says(beside.projection && around.elsewhere.projection)),
        (Name::AuxSays, says(around.elsewhere.aux(is_file))),
        (Name::WorldFile, Fact::yes_if(beside.world)),
        (Name::MaskFile, Fact::yes_if(beside.mask)),
        (Name::OverviewFile, Fact::yes_if(beside.overviews)),
        (Name::AuxFile, Fact::yes_if(beside.aux)),
    ]);
    facts.extend([(Name::Ragged, Fact::yes_if(main.is_some_and(has_ragged_keys)))]);
    facts.extend(crs(main.and_then(GeoKeys::of).as_ref()));
    facts
}

/// What a file beside the raster says of its place, as against the raster.
fn says(is_other: bool) -> Fact {
    if is_other { "other" } else { "same" }.into()
}

/// Whether `GeoTiffIIOMetadataDecoder` asks for numbers of the GeoKeyDirectory that are not there: those of the header, and
/// four for each key that has one.
fn has_ragged_keys(main: &Directory) -> bool {
    let entry = main.entry(tags::GEO_KEY_DIRECTORY);
    entry.is_some_and(|entry| entry.count < 4 || !entry.count.is_multiple_of(4))
}

fn crs(keys: Option<&GeoKeys>) -> [(Name, Fact); 15] {
    let code = |key| Fact::number_or_none(keys.and_then(|keys| keys.code(key)));
    let double = |key| keys.and_then(|keys| keys.double(key));
    let citation = keys.and_then(|keys| keys.words(keys::PROJECTED_CITATION)).unwrap_or_default();
    let origin = keys::ORIGIN_LATITUDES.into_iter().find_map(double).unwrap_or(0.0);
    let parallel = double(keys::STANDARD_PARALLEL).unwrap_or(0.0);
    [
        (Name::Keys, Fact::yes_if(keys.is_some())),
        (Name::Model, code(keys::MODEL_TYPE)),
        (Name::Projected, code(keys::PROJECTED_TYPE)),
        (Name::Geographic, code(keys::GEOGRAPHIC_TYPE)),
        (Name::Projection, code(keys::PROJECTION)),
        (Name::Method, code(keys::METHOD)),
        (Name::Datum, code(keys::DATUM)),
        (Name::Ellipsoid, code(keys::ELLIPSOID)),
        (Name::Unit, code(keys::LINEAR_UNIT)),
        (Name::Vertical, code(keys::VERTICAL_TYPE)),
        (Name::Pe, pe::word(citation).into()),
        (Name::Sphere, Fact::yes_if(keys.is_some_and(is_sphere))),
        (Name::Krovak, Fact::yes_if(citation.trim_end_matches('|').eq_ignore_ascii_case("krovak"))),
        (Name::Parallel, if parallel == 0.0 { "zero" } else { "nonzero" }.into()),
        (Name::OriginLatitude, if origin.abs() == 90.0 { "pole" } else { "not-pole" }.into()),
    ]
}

/// Whether the ellipsoid that is told is a sphere.
fn is_sphere(keys: &GeoKeys) -> bool {
    let major = keys.double(keys::SEMI_MAJOR_AXIS);
    major.is_some()
        && (keys.double(keys::INVERSE_FLATTENING) == Some(0.0) || keys.double(keys::SEMI_MINOR_AXIS) == major)
}

/// How pixels get their place, by `GeoTiffMetadata2CRSAdapter.getRasterToModel` and `GeoTiffReader`.
fn transform(main: &Directory) -> &'static str {
    let matrix = main.doubles(tags::MODEL_TRANSFORMATION);
    let scale = main.doubles(tags::MODEL_PIXEL_SCALE);
    let points = main.doubles(tags::MODEL_TIEPOINT).len() / 6;
    // `hasPixelScales` looks at all three, the heights as well.
    let has_scale = !scale.is_empty() && scale.iter().take(3).all(|scale| scale.is_finite());
    if points >= 1 && has_scale {
        let is_flat = scale.len() < 2 || scale.iter().take(2).any(|scale| *scale == 0.0);
        if is_flat { "none" } else { "matrix" }
    } else if let ([a, b, _, _, d, e, ..], 9 | 16) = (&matrix[..], matrix.len()) {
        if a * e - b * d == 0.0 { "none" } else { "matrix" }
    } else if points >= 2 {
        "gcps"
    } else {
        "none"
    }
}

/// Masks and overviews as `TIFFImageReader.defineDatasetLayout` counts them: by the flags of NewSubfileType (of type LONG alone)
/// in all directories, the first among them. Masks are those with the flag of a mask, overviews those with the flag of an
/// overview less those with both.
struct Counted {
    masks: usize,
    overviews: usize,
}

impl Counted {
    fn of(structure: &Structure) -> Self {
        const LONG: u16 = 4;
        let flags = |directory: &Directory| {
            let entry = directory.entry(tags::NEW_SUBFILE_TYPE).filter(|entry| entry.field_type == LONG);
            entry.map_or(0, |_| directory.subfile_type())
        };
        let has_flags =
            |wanted: u64| structure.directories.iter().filter(|directory| flags(directory) & wanted == wanted).count();
        Self { masks: has_flags(4), overviews: has_flags(1).saturating_sub(has_flags(5)) }
    }
}

/// Whether the images stand where `TiffDatasetLayoutImpl` takes them to be. Overview `n` is taken to be directory `n`, or
/// `n` + 1 where there is any mask, and the mask directory 1. `past-end` is a chain without such a directory, `shifted`
/// one that has another image there, by its kind or its size.
fn chain(structure: &Structure, counted: &Counted) -> &'static str {
    let shift = usize::from(counted.masks > 0);
    let size = |directory: &Directory| directory.image.map(|image| (image.width, image.height));
    let overviews: Vec<&Directory> = structure.with_role(Role::Overview).collect();
    let mut is_shifted = counted.masks > 0 && structure.directories.get(1).is_none_or(|second| !second.role.is_mask());
    for overview in 1..=counted.overviews {
        let Some(taken) = structure.directories.get(overview + shift) else { return "past-end" };
        let meant = overviews.get(overview - 1).copied();
        is_shifted |= taken.role.is_mask() || meant.is_none_or(|meant| size(meant) != size(taken));
    }
    if is_shifted { "shifted" } else { "usual" }
}

/// Whether `DefaultCogImageInputStream` asks for a range that begins where the file ends. It keeps the first bytes of the
/// file; a read that ends behind them makes it add steps of 16 KiB **while** the end of that read is not before the end
/// of what it has. Reads go through the directories as `TIFFIFD` does: each entry, and at once the value it points to.
fn asks_past_end(structure: &Structure) -> bool {
    let Some(variant) = structure.header.map(|header| header.variant) else { return false };
    let length = structure.file_length;
    let mut known = HEADER_REQUEST.min(length);
    let mut reads_past = |end: u64| {
        if end > known && end < length {
            known = length.min(known + ((end - known) / HEADER_REQUEST + 1) * HEADER_REQUEST);
        }
        end > known
    };
    structure.directories.iter().any(|directory| {
        let mut position = directory.offset.saturating_add(variant.count_size());
        reads_past(position)
            || directory.entries.iter().any(|entry| {
                position = position.saturating_add(variant.entry_size());
                let is_past = reads_past(position);
                is_past || entry.area().is_some_and(|area| read_steps(&area).any(&mut reads_past))
            })
            || reads_past(directory.range.end)
    })
}

/// The ends of the reads of a value: `ImageInputStreamImpl` takes arrays in pieces of 8 KiB.
fn read_steps(area: &std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    const PIECE: u64 = 8 * 1024;
    let length = area.end.saturating_sub(area.start);
    let last_but_one = (length > PIECE).then(|| area.start + (length - 1) / PIECE * PIECE);
    last_but_one.into_iter().chain([area.end])
}

/// The end of the last directory or tag value.
fn header_end(structure: &Structure) -> u64 {
    let ends = structure.directories.iter().flat_map(|directory| {
        let areas = directory.entries.iter().filter_map(|entry| entry.area());
        areas.map(|area| area.end).chain([directory.range.end])
    });
    ends.max().unwrap_or(0)
}

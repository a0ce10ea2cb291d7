//! What the conditions of the capability table can ask for.
//!
//! Of each image (the full resolution and its overviews, their masks):
//!
//! | fact | is |
//! |---|---|
//! | `role` | `image` or `mask` |
//! | `codec`, `predictor`, `bits`, `format`, `bands`, `planar` | the tags' numbers, with TIFF's defaults |
//! | `photometric` | the tag's number or `none` |
//! | `layout`, `offsets` | `tiles` or `strips`, and how many of them |
//! | `sparse`, `past_end` | whether a block is not stored; lies (partly) past the end of the file |
//! | `index` | `short` where the offsets or byte counts are fewer than the blocks, else `whole` |
//! | `nodata` | what Java makes of GDAL_NODATA: `none`, `number`, `nan`, `infinite`, `invalid` |
//! | `fill` | whether the nodata value as a byte is `zero` or `nonzero`; `none` |
//! | `jpeg_tables`, `alpha`, `scaled` | whether there are JPEGTables, a declared alpha, scale or offset metadata |
//!
//! Of the file, besides those of its first image:
//!
//! | fact | is |
//! |---|---|
//! | `sound`, `loop` | whether a first image can be found; whether the chain of directories loops |
//! | `chain` | `usual`, `mask-late`, `page-between` |
//! | `transform` | `matrix`, `gcps`, `none` |
//! | `keys`, `model`, `projected`, `geographic`, `projection`, `method`, `datum`, `ellipsoid`, `unit` | GeoKeys, or `none` |
//! | `pe` | the projection of an ESRI PE string: `known`, `unknown`, `none` |
//! | `krovak`, `parallel`, `origin_latitude` | what GeoTools' projections depend on |
//! | `header_at_end`, `header_requests` | for `cog-http`: whether the reader asks for bytes past the end, requests of 16 KiB until the last tag |
//! | `prj`, `world_file`, `mask_file` | files beside a local raster |

use parcelle_tiff::{Directory, Image, Problem, Role, Structure, tags};

use super::condition::{Fact, Facts};
use super::geo_keys::{self as keys, GeoKeys};
use super::nodata::{Nodata, nodata};
use super::{Access, Beside};

/// What `CogImageReadParam` asks for first, and what `DefaultCogImageInputStream` then adds each time.
const HEADER_REQUEST: u64 = 16 * 1024;

/// The facts of one image.
pub(super) fn of_level(structure: &Structure, directory: &Directory, image: &Image) -> Facts {
    let blocks = || directory.blocks.iter().flat_map(|blocks| blocks.iter());
    let past_end = |(offset, count): (u64, u64)| {
        count > 0 && offset.checked_add(count).is_none_or(|end| end > structure.file_length)
    };
    let offsets = directory.entry(directory.index_tags().0).map_or(0, |entry| entry.count);
    let nodata = nodata(directory.text(tags::GDAL_NODATA).as_deref());
    let metadata = directory.text(tags::GDAL_METADATA).unwrap_or_default();
    let has_alpha = directory.unsigned_values(tags::EXTRA_SAMPLES).iter().any(|kind| matches!(kind, 1 | 2));
    Facts::from([
        ("role", if directory.role.is_mask() { "mask" } else { "image" }.into()),
        ("codec", u64::from(image.compression).into()),
        ("predictor", u64::from(image.predictor).into()),
        ("bits", u64::from(image.bits_per_sample).into()),
        ("format", u64::from(image.sample_format).into()),
        ("bands", u64::from(image.samples_per_pixel).into()),
        ("planar", u64::from(image.planar_configuration).into()),
        ("photometric", Fact::number_or_none(image.photometric.map(u64::from))),
        ("layout", if image.is_tiled() { "tiles" } else { "strips" }.into()),
        ("offsets", offsets.into()),
        ("sparse", Fact::yes_if(blocks().any(|block| block == (0, 0)))),
        ("past_end", Fact::yes_if(blocks().any(past_end))),
        ("index", if is_short(directory, image) { "short" } else { "whole" }.into()),
        ("nodata", nodata.word().into()),
        ("fill", fill(nodata).into()),
        ("jpeg_tables", Fact::yes_if(directory.entry(tags::JPEG_TABLES).is_some())),
        ("alpha", Fact::yes_if(has_alpha)),
        ("scaled", Fact::yes_if(metadata.contains("role=\"scale\"") || metadata.contains("role=\"offset\""))),
    ])
}

fn is_short(directory: &Directory, image: &Image) -> bool {
    let (offsets, counts) = directory.index_tags();
    let needed = image.block_count().unwrap_or(u64::MAX);
    [offsets, counts].into_iter().filter_map(|tag| directory.entry(tag)).any(|entry| entry.count < needed)
}

/// The nodata value as `Double.byteValue()` gives it.
fn fill(nodata: Nodata) -> &'static str {
    match nodata {
        Nodata::Absent | Nodata::Invalid => "none",
        Nodata::Number(value) if (value as i32) & 0xff != 0 => "nonzero",
        Nodata::Number(_) => "zero",
    }
}

/// The facts of the whole file as one way of access sees it; `first` are those of the first level that has an image.
pub(super) fn of_file(structure: &Structure, first: Option<&(usize, Facts)>, access: Access, beside: Beside) -> Facts {
    let beside = if access == Access::File { beside } else { Beside { mask: beside.mask, ..Beside::default() } };
    let main = structure.main();
    let mut facts = first.filter(|(index, _)| *index == 0).map(|(_, facts)| facts.clone()).unwrap_or_default();
    let is_sound = main.is_some_and(|main| main.image.is_some() && main.blocks.is_some());
    let has_loop = structure.problems.iter().any(|problem| matches!(problem, Problem::DirectoryLoop { .. }));
    let header_end = header_end(structure);
    facts.extend([
        ("sound", Fact::yes_if(is_sound)),
        ("loop", Fact::yes_if(has_loop)),
        ("chain", chain(structure).into()),
        ("transform", main.map_or("none", transform).into()),
        ("header_at_end", Fact::yes_if(asks_past_end(structure))),
        ("header_requests", header_end.div_ceil(HEADER_REQUEST).into()),
        ("prj", Fact::yes_if(beside.projection)),
        ("world_file", Fact::yes_if(beside.world)),
        ("mask_file", Fact::yes_if(beside.mask)),
    ]);
    facts.extend(crs(main.and_then(GeoKeys::of).as_ref()));
    facts
}

fn crs(keys: Option<&GeoKeys>) -> Facts {
    let code = |key| Fact::number_or_none(keys.and_then(|keys| keys.code(key)));
    let double = |key| keys.and_then(|keys| keys.double(key));
    let citation = keys.and_then(|keys| keys.words(keys::PROJECTED_CITATION)).unwrap_or_default();
    let origin = keys::ORIGIN_LATITUDES.into_iter().find_map(double).unwrap_or(0.0);
    let parallel = double(keys::STANDARD_PARALLEL).unwrap_or(0.0);
    Facts::from([
        ("keys", Fact::yes_if(keys.is_some())),
        ("model", code(keys::MODEL_TYPE)),
        ("projected", code(keys::PROJECTED_TYPE)),
        ("geographic", code(keys::GEOGRAPHIC_TYPE)),
        ("projection", code(keys::PROJECTION)),
        ("method", code(keys::METHOD)),
        ("datum", code(keys::DATUM)),
        ("ellipsoid", code(keys::ELLIPSOID)),
        ("unit", code(keys::LINEAR_UNIT)),
        ("pe", pe_string(citation).into()),
        ("krovak", Fact::yes_if(citation.trim_end_matches('|').eq_ignore_ascii_case("krovak"))),
        ("parallel", if parallel == 0.0 { "zero" } else { "nonzero" }.into()),
        ("origin_latitude", if origin.abs() == 90.0 { "pole" } else { "not-pole" }.into()),
    ])
}

/// Whether GeoTools parses the WKT in an `ESRI PE String = …`. Unknown are the projections of which it was measured.
fn pe_string(citation: &str) -> &'static str {
    let Some((_, wkt)) = citation.split_once("ESRI PE String = ") else { return "none" };
    let projection = wkt.split_once("PROJECTION[\"").and_then(|(_, rest)| rest.split('"').next());
    match projection {
        Some("Eckert_IV" | "Gall_Stereographic" | "Geostationary_Satellite") => "unknown",
        _ => "known",
    }
}

/// How pixels get their place, by `GeoTiffMetadata2CRSAdapter.getRasterToModel` and `GeoTiffReader`.
fn transform(main: &Directory) -> &'static str {
    let matrix = main.doubles(tags::MODEL_TRANSFORMATION);
    let scale = main.doubles(tags::MODEL_PIXEL_SCALE);
    let points = main.doubles(tags::MODEL_TIEPOINT).len() / 6;
    if points >= 1 && scale.len() >= 2 {
        if scale.iter().take(2).all(|scale| *scale != 0.0) { "matrix" } else { "none" }
    } else if let [a, b, _, _, d, e, ..] = matrix[..] {
        if a * e - b * d == 0.0 { "none" } else { "matrix" }
    } else if points >= 2 {
        "gcps"
    } else {
        "none"
    }
}

/// Whether the images stand where `TiffDatasetLayoutImpl` takes them to be: main, its mask, overviews, their masks.
fn chain(structure: &Structure) -> &'static str {
    let roles: Vec<Role> = structure.directories.iter().map(|directory| directory.role).collect();
    let first = |role| roles.iter().position(|found| *found == role);
    match (first(Role::Overview), first(Role::Mask), first(Role::Page)) {
        (Some(overview), Some(mask), _) if overview < mask => "mask-late",
        (Some(overview), _, Some(page)) if page < overview => "page-between",
        _ => "usual",
    }
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

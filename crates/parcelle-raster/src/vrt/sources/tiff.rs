//! A TIFF as a source: its header, and the ends of its block index, which tell whether the file is whole.

use std::cell::RefCell;
use std::io;

use parcelle_storage::ByteSource;
use parcelle_tiff::{Directory, Entry, FieldType, Image, Role, Structure, geo_keys, read_headers, tags};

use super::super::details::DataType;
use super::facts::{BandFacts, Bands, Book, Palette, RasterFacts, SourceCrs};

/// Bytes kept of the start of a file, so that what lies there is not read twice.
const HEAD_BYTES: usize = 4096;
/// Bytes of an index array that are read whole; of longer ones only both ends.
const WHOLE_INDEX: u64 = 64 * 1024;
/// Bytes read of each end.
const INDEX_END: u64 = 4096;

/// Schemes of compression that libtiff and GDAL know (`libtiff/tiffconf.h`; `frmts/gtiff/gt_jpeg_copy.cpp` and others):
/// with any other one the file opens, and no pixel can be read.
const COMPRESSIONS: [u16; 29] = [
    1, 2, 3, 4, 5, 6, 7, 8, 32_766, 32_771, 32_773, 32_809, 32_895, 32_896, 32_897, 32_898, 32_908, 32_909, 32_946,
    34_661, 34_676, 34_677, 34_712, 34_887, 34_892, 34_925, 50_000, 50_001, 50_002,
];
const JPEG_XL: u16 = 52_546;

/// Whether a file begins as a TIFF does.
pub(crate) fn is_tiff(head: &[u8]) -> bool {
    [b"II\x2A\0", b"MM\0\x2A", b"II\x2B\0", b"MM\0\x2B"].iter().any(|magic| head.starts_with(*magic))
}

/// What is read of a TIFF.
pub(crate) struct Tiff {
    pub(crate) facts: RasterFacts,
    /// Its GeoKeys define a system that has no code.
    pub(crate) is_user_defined: bool,
}

/// Reads the header of a TIFF.
///
/// # Errors
/// Why GDAL cannot read it.
pub(crate) fn read(source: &dyn ByteSource, book: &Book) -> Result<Tiff, String> {
    let head: RefCell<Vec<u8>> = RefCell::default();
    let read = |offset: u64, buffer: &mut [u8]| -> io::Result<usize> {
        let mut head = head.borrow_mut();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(known) = start.checked_add(buffer.len()).and_then(|end| head.get(start..end)) {
            buffer.copy_from_slice(known);
            return Ok(buffer.len());
        }
        let count = source.read_at(offset, buffer)?;
        if offset == 0 && head.is_empty() {
            head.extend(buffer.iter().take(count.min(HEAD_BYTES)));
        }
        Ok(count)
    };
    let structure = read_headers(source.len(), read).map_err(|error| format!("reading fails: {error}"))?;
    let main = structure.main().ok_or_else(|| match structure.problems.first() {
        Some(problem) => format!("it is no readable TIFF: {problem}"),
        None => "it is a TIFF without an image".to_owned(),
    })?;
    let image = main.image.ok_or_else(|| match structure.problems.first() {
        Some(problem) => format!("its first image cannot be read: {problem}"),
        None => "its first image has no sound size".to_owned(),
    })?;
    if !COMPRESSIONS.contains(&image.compression) && image.compression != JPEG_XL {
        return Err(format!("its compression has the number {}, which nobody knows", image.compression));
    }
    whole(main, &image, source.len(), &read)?;
    let crs = system(main, book);
    let facts = RasterFacts {
        driver: "GTiff",
        width: image.width,
        height: image.height,
        bands: bands(main, &image),
        crs: crs.map(|(crs, _)| crs),
        geo_transform: main.geo_transform(),
        palette: palette(main, &image).map(|palette| book.palette(palette)),
        overviews: overviews(&structure, &image),
        block: Some(image.block_size()),
        has_mask: structure.with_role(Role::Mask).next().is_some(),
    };
    Ok(Tiff { facts, is_user_defined: crs.is_some_and(|(_, is_known)| !is_known) })
}

/// How many times smaller the images of an `.ovr` file are than a raster; `None` where it is no TIFF with images.
///
/// # Errors
/// What the source says when reading fails.
pub(crate) fn external_overviews(source: &dyn ByteSource, width: u32) -> io::Result<Option<Vec<u32>>> {
    let structure = read_headers(source.len(), |offset, buffer| source.read_at(offset, buffer))?;
    let images = structure.directories.iter().filter(|directory| !directory.role.is_mask());
    let factors: Vec<u32> =
        images.filter_map(|directory| directory.image).map(|image| factor(width, image.width)).collect();
    Ok(Some(factors).filter(|factors| !factors.is_empty()))
}

fn factor(width: u32, overview: u32) -> u32 {
    (f64::from(width) / f64::from(overview.max(1))).round() as u32
}

fn overviews(structure: &Structure, image: &Image) -> Box<[u32]> {
    let smaller = structure.with_role(Role::Overview).filter_map(|directory| directory.image);
    smaller.map(|overview| factor(image.width, overview.width)).collect()
}

/// Refuses a file that ends before its blocks do. Blocks stand in the order of the index in nearly every file, so the
/// ends of a long index tell.
fn whole(
    main: &Directory,
    image: &Image,
    length: u64,
    read: &dyn Fn(u64, &mut [u8]) -> io::Result<usize>,
) -> Result<(), String> {
    let (offsets_tag, counts_tag) = main.index_tags();
    let (Some(offsets), Some(counts)) = (main.entry(offsets_tag), main.entry(counts_tag)) else { return Ok(()) };
    let Some(blocks) = image.block_count() else { return Ok(()) };
    let blocks = blocks.min(offsets.count).min(counts.count);
    let size = |entry: &Entry| FieldType::from_number(entry.field_type).map_or(8, FieldType::size);
    let longest = size(offsets).max(size(counts));
    let end = if blocks.saturating_mul(longest) <= WHOLE_INDEX { blocks } else { INDEX_END / longest };
    let (mut missing, mut seen) = (0u64, 0u64);
    for range in [0..end, (blocks - end).max(end)..blocks] {
        let values = |entry: &Entry| part(entry, range.clone(), main, length, read);
        let (Some(offsets), Some(counts)) = (values(offsets)?, values(counts)?) else { return Ok(()) };
        for (offset, count) in offsets.iter().zip(&counts) {
            // A block at 0, or of no bytes, is not there on purpose.
            seen += 1;
            let is_past = *offset != 0 && *count != 0 && offset.checked_add(*count).is_none_or(|end| end > length);
            missing += u64::from(is_past);
        }
    }
    match missing {
        0 => Ok(()),
        _ => Err(format!(
            "the file is cut off: it has {} bytes, and {} of {} blocks lie beyond them",
            parcelle_report::text::grouped(length),
            parcelle_report::text::grouped(missing),
            if seen == blocks {
                parcelle_report::text::grouped(blocks)
            } else {
                format!("the {} looked at", parcelle_report::text::grouped(seen))
            }
        )),
    }
}

/// Some values of an index array; `None` where their type is none of an index.
fn part(
    entry: &Entry,
    range: std::ops::Range<u64>,
    main: &Directory,
    length: u64,
    read: &dyn Fn(u64, &mut [u8]) -> io::Result<usize>,
) -> Result<Option<Vec<u64>>, String> {
    let Some(kind) = FieldType::from_number(entry.field_type).filter(|kind| kind.is_unsigned()) else {
        return Ok(None);
    };
    if entry.bytes().is_some() {
        let values = entry.unsigned_values(main.byte_order);
        return Ok(Some(values.skip(range.start as usize).take((range.end - range.start) as usize).collect()));
    }
    let Some(area) = entry.area().filter(|area| area.end <= length) else {
        return Err(format!("the file is cut off: its {} lie beyond its end", tags::label(entry.tag)));
    };
    // At most `WHOLE_INDEX` bytes.
    let size = kind.size();
    let mut bytes = vec![0; ((range.end - range.start) * size) as usize];
    let count = read(area.start + range.start * size, &mut bytes).map_err(|error| format!("reading fails: {error}"))?;
    let values = bytes.get(..count).unwrap_or_default().chunks_exact(size as usize);
    Ok(Some(values.map(|value| main.byte_order.unsigned(value)).collect()))
}

/// The data type GDAL makes of the samples (`frmts/gtiff/gtiffdataset_read.cpp`, `GTiffRasterBand`).
fn data_type(image: &Image) -> Option<DataType> {
    Some(match (image.sample_format, image.bits_per_sample) {
        (2, 8) => DataType::Int8,
        (2, 1..=16) => DataType::Int16,
        (2, 17..=32) => DataType::Int32,
        (2, 64) => DataType::Int64,
        (3, 16..=32) => DataType::Float32,
        (3, 64) => DataType::Float64,
        (5, 32) => DataType::CInt16,
        (5, 64) => DataType::CInt32,
        (6, 64) => DataType::CFloat32,
        (6, 128) => DataType::CFloat64,
        (1 | 4, 1..=8) => DataType::Byte,
        (1 | 4, 9..=16) => DataType::UInt16,
        (1 | 4, 17..=32) => DataType::UInt32,
        (1 | 4, 64) => DataType::UInt64,
        _ => return None,
    })
}

fn bands(main: &Directory, image: &Image) -> Bands {
    let kind = data_type(image);
    let no_data = main.text(tags::GDAL_NODATA).and_then(|text| super::super::numbers::whole_number_text(&text));
    let metadata = main.text(tags::GDAL_METADATA).unwrap_or_default();
    let count = image.samples_per_pixel;
    let one = |sample: u16| BandFacts { kind, no_data, extremes: extremes(&metadata, sample) };
    if metadata.contains("STATISTICS_") {
        Bands::of((0..count).map(one).collect())
    } else {
        Bands::Uniform(u32::from(count), one(0))
    }
}

/// Least and greatest value of a band, where GDAL has noted them.
pub(crate) fn extremes(metadata: &str, sample: u16) -> Option<(f64, f64)> {
    let item = |name: &str| {
        let is_of_sample = |attributes: &str| attributes.contains(&format!("sample=\"{sample}\""));
        metadata.split("<Item ").skip(1).find_map(|item| {
            let (attributes, rest) = item.split_once('>')?;
            let is_it = attributes.contains(&format!("name=\"{name}\"")) && is_of_sample(attributes);
            is_it.then(|| rest.split('<').next()?.trim().parse::<f64>().ok())?
        })
    };
    Some((item("STATISTICS_MINIMUM")?, item("STATISTICS_MAXIMUM")?))
}

/// The colours of a palette image, scaled as GDAL scales them: by 257, unless no value is beyond 255.
fn palette(main: &Directory, image: &Image) -> Option<Palette> {
    if image.photometric != Some(3) {
        return None;
    }
    let values = main.unsigned_values(tags::COLOR_MAP);
    let count = values.len() / 3;
    let scale = if values.iter().all(|value| *value < 256) { 1 } else { 257 };
    let value = |index: usize| values.get(index).map_or(0, |value| (value / scale).min(255) as u8);
    (count > 0)
        .then(|| (0..count).map(|index| [value(index), value(count + index), value(2 * count + index)]).collect())
}

/// The coordinate reference system of the GeoKeys, and whether its definition is known; `None` where they name none.
fn system(main: &Directory, book: &Book) -> Option<(u32, bool)> {
    let keys = main.geo_keys()?;
    let code = |key| keys.code(key).filter(|code| *code != 0);
    let (projected, geodetic) = (code(geo_keys::PROJECTED_CRS), code(geo_keys::GEODETIC_CRS));
    let is_geographic = matches!(keys.code(geo_keys::MODEL_TYPE), Some(2 | 3));
    let found = if is_geographic { geodetic } else { projected.or(geodetic) };
    match found {
        Some(code) if code != geo_keys::USER_DEFINED => Some((book.definition(&format!("EPSG:{code}")), true)),
        // A model without a code: local coordinates, or something that its parameters define.
        _ => {
            let citation = [geo_keys::PROJECTED_CITATION, geo_keys::CITATION, geo_keys::GEODETIC_CITATION];
            let words: Vec<&str> = citation.into_iter().filter_map(|key| keys.words(key)).collect();
            if let Some(wkt) = words.iter().find_map(|text| text.strip_prefix("ESRI PE String = ")) {
                return Some((book.definition(wkt), true));
            }
            found?;
            let name = words.first().map_or("a system that its GeoKeys define", |name| name).to_owned();
            let key = format!("{keys:?}");
            Some((book.system(key, || SourceCrs { name, crs: None }), false))
        }
    }
}

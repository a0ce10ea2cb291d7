//! `COG-CMP`: compression, as far as tags and the first bytes of a tile tell.

use std::io;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;
use parcelle_tiff::tags;

use super::context::{Context, at_block, in_directory};
use super::facts::codec_name;
use super::fix::{Fix, REWRITE, SOURCE};

pub(crate) static UNCOMPRESSED: Rule = Rule {
    id: "COG-CMP-001",
    severity: Severity::Info,
    title: "The image is not compressed",
    why: "Every tile travels at full size. DEFLATE or ZSTD with a predictor lose nothing and halve most rasters; for \
          imagery, JPEG or WEBP take a tenth.",
    fix: REWRITE,
    reference: "OGC 21-026 /rec/geotiff-format/rec-compression",
};

pub(crate) static UNKNOWN: Rule = Rule {
    id: "COG-CMP-002",
    severity: Severity::Error,
    title: "The compression is unknown",
    why: "No reader known to parcelle has a codec for this number, so nobody can decode a pixel: the tag is corrupt, or \
          the file was made for one private program.",
    fix: SOURCE,
    reference: "OGC 21-026 /rec/geotiff-format/rec-compression; libtiff tiff.h (COMPRESSION_*)",
};

pub(crate) static NO_JPEG_TABLES: Rule = Rule {
    id: "COG-CMP-003",
    severity: Severity::Error,
    title: "JPEG tiles without tables",
    why: "Tiles may leave their quantisation and Huffman tables to the tag JPEGTables. Where neither has them no decoder can start.",
    fix: SOURCE,
    reference: "TIFF Technical Note 2 (JPEGTables, abbreviated streams)",
};

pub(crate) static LARGER_THAN_RAW: Rule = Rule {
    id: "COG-CMP-004",
    severity: Severity::Info,
    title: "Compressed tiles are larger than their pixels",
    why: "Noise does not compress, and a codec that does not fit the data (LZW of deep integers without a predictor) makes \
          it longer: the bytes and the time to decode them are spent for less than nothing.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=ZSTD -co PREDICTOR=YES, or -co COMPRESS=NONE for noise",
    reference: "OGC 21-026 /rec/geotiff-format/rec-compression",
};

pub(crate) static NO_PREDICTOR: Rule = Rule {
    id: "COG-CMP-005",
    severity: Severity::Info,
    title: "Lossless compression without a predictor",
    why: "Neighbouring samples are alike: DEFLATE, LZW and ZSTD pack their differences far better than the values.",
    fix: REWRITE,
    reference: "TIFF 6.0 section 14; GDAL COG driver, creation option PREDICTOR",
};

pub(crate) static JPEG_RGB: Rule = Rule {
    id: "COG-CMP-006",
    severity: Severity::Info,
    title: "JPEG in RGB",
    why: "JPEG is made for luminance and colour (YCbCr), which it can store at lower resolution. As RGB the same \
          picture takes up to three times the bytes.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=JPEG",
    reference: "GDAL COG driver, creation option COMPRESS=JPEG",
};

const JPEG: u16 = 7;
/// Part of the tiles from which on it is told that they are larger than their pixels: the last tiles of a level and those
/// of noise are in every file.
const MANY_LARGER: f64 = 0.1;
/// Bytes of a tile in which its tables come, if it has any.
const JPEG_HEADER: usize = 4096;

pub(crate) fn check(context: &mut Context<'_>) {
    let mut findings = Vec::new();
    for directory in &context.structure.directories {
        let Some(image) = directory.image else { continue };
        let index = directory.index;
        if directory.entry(tags::COMPRESSION).is_some() && codec_name(image.compression).is_none() {
            let message = format!("IFD {index}: compression {} is unknown", image.compression);
            findings.push((Finding::new(&UNKNOWN, message).at(in_directory(index)), Fix::Source));
        }
    }
    if let Some(image) = context.structure.main().and_then(|main| main.image) {
        let here = in_directory(0);
        let is_many_bits = image.bits_per_sample >= 8 && matches!(image.sample_format, 1..=3);
        match image.compression {
            1 => findings.push((Finding::new(&UNCOMPRESSED, "The image is not compressed").at(here), Fix::Rewrite)),
            5 | 8 | 32_946 | 50_000 if image.predictor == 1 && is_many_bits => {
                let codec = codec_name(image.compression).unwrap_or_default();
                let message = format!("{} with {codec} and no predictor", image.data_type());
                findings.push((Finding::new(&NO_PREDICTOR, message).at(here), Fix::Rewrite));
            }
            JPEG if image.photometric == Some(2) && image.samples_per_pixel == 3 => {
                let message = "JPEG with PhotometricInterpretation RGB; YCbCr is much smaller";
                findings.push((Finding::new(&JPEG_RGB, message).at(here), Fix::Rewrite));
            }
            _ => {}
        }
    }
    findings.extend(larger_than_raw(context).map(|finding| (finding, Fix::Rewrite)));
    findings.into_iter().for_each(|(finding, fix)| context.push(finding, fix));
}

fn larger_than_raw(context: &Context<'_>) -> Option<Finding> {
    let levels = context.layout.levels.iter().filter(|level| level.image.compression != 1);
    let (mut tiles, mut larger) = (0_u64, 0_u64);
    for level in levels {
        let raw = level.image.block_bytes().unwrap_or(u64::MAX);
        for (_, byte_count) in (0..level.blocks.len()).filter_map(|block| level.sound(block)) {
            tiles += 1;
            larger += u64::from(byte_count > raw);
        }
    }
    let share = larger as f64 / tiles as f64;
    (share >= MANY_LARGER).then(|| {
        let message = format!("{:.0} % of the tiles ({larger}) are larger than their pixels", share * 100.0);
        Finding::new(&LARGER_THAN_RAW, message).told(larger)
    })
}

/// Reads the head of the first tile of every JPEG image that has no JPEGTables.
pub(crate) fn check_bytes(context: &mut Context<'_>, source: &dyn ByteSource) -> io::Result<()> {
    let mut findings = Vec::new();
    let levels = context
        .layout
        .levels
        .iter()
        .filter(|level| level.image.compression == JPEG && level.directory.entry(tags::JPEG_TABLES).is_none());
    let first = levels.filter_map(|level| {
        let (block, place) = (0..level.blocks.len()).find_map(|block| Some((block, level.sound(block)?)))?;
        Some((level, block, place))
    });
    let heads: Vec<_> = first.collect();
    let parts =
        heads.iter().map(|(_, _, (offset, byte_count))| *offset..offset + (*byte_count).min(JPEG_HEADER as u64));
    source.prefetch(&parts.collect::<Vec<_>>())?;
    for (level, block, (offset, byte_count)) in heads {
        let mut head = vec![0; JPEG_HEADER.min(usize::try_from(byte_count).unwrap_or(JPEG_HEADER))];
        let count = source.read_at(offset, &mut head)?;
        if has_tables(head.get(..count).unwrap_or_default()) == Some(false) {
            let index = level.directory.index;
            let message = format!("IFD {index}: JPEG tiles without their tables, and no JPEGTables (tag 347)");
            findings.push(Finding::new(&NO_JPEG_TABLES, message).at(at_block(level, block)));
        }
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Source));
    Ok(())
}

/// Whether a JPEG stream defines before its first scan the tables that the scan needs: quantisation unless it is lossless
/// (ITU-T T.81 annex B), and Huffman tables unless it is sequential, for which libjpeg has those of annex K. `None` if
/// `head` ends earlier or is no JPEG.
fn has_tables(head: &[u8]) -> Option<bool> {
    let mut rest = head.strip_prefix(&[0xff, 0xd8])?;
    let (mut entropy, mut quantisation) = (false, false);
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        if marker == 0xda {
            return Some(entropy && quantisation);
        }
        // Huffman tables; sequential and arithmetic coding have defaults.
        entropy |= matches!(marker, 0xc0 | 0xc1 | 0xc4 | 0xc9..=0xcc);
        // Quantisation tables, or lossless coding.
        quantisation |= matches!(marker, 0xdb | 0xc3 | 0xcb);
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low])).max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::has_tables;

    #[test]
    fn tables_are_looked_for_before_the_scan() {
        assert_eq!(has_tables(b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x02\xff\xdb\0\x02\xff\xda\0\x02"), Some(true));
        assert_eq!(has_tables(b"\xff\xd8\xff\xc4\0\x02\xff\xda\0\x02"), Some(false));
        assert_eq!(has_tables(b"\xff\xd8\xff\xdb\0\x02\xff\xc0\0\x02\xff\xda\0\x02"), Some(true));
        assert_eq!(has_tables(b"\xff\xd8\xff\xdb\0\x02\xff\xc2\0\x02\xff\xda\0\x02"), Some(false));
        assert_eq!(has_tables(b"\xff\xd8\xff\xc3\0\x02\xff\xc4\0\x02\xff\xda\0\x02"), Some(true));
        assert_eq!(has_tables(b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02"), Some(false));
        assert_eq!(has_tables(b"\xff\xd8\xff\xe0\0\x40ab"), None);
        assert_eq!(has_tables(b"\xff\xd8\xff\xe0\0\0\xff"), None);
        assert_eq!(has_tables(b""), None);
    }
}

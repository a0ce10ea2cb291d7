//! Codecs that give a whole picture: WebP and LERC.

use std::io::{Cursor, Read};

use image_webp::WebPDecoder;
use lerc::SampleData;
use lerc::bitmask::BitMask;
use parcelle_storage::guarded;

use super::failure::Failure;
use super::jpeg::Wanted;

/// WebP of three or four samples. As in libtiff the size must be that of the block (`TWebPDecode`, tif_webp.c); an alpha
/// channel that the encoder left out as fully opaque comes back as 255.
pub(crate) fn webp(block: &[u8], wanted: Wanted, out: &mut Vec<u8>) -> Result<(), Failure> {
    let damaged = |reason: &dyn std::fmt::Display| Failure::damaged("webp", reason);
    let needed = wanted.width as usize * wanted.height as usize * wanted.samples as usize;
    let decoded = guarded(|| -> Result<bool, Failure> {
        let mut decoder = WebPDecoder::new(Cursor::new(block)).map_err(|error| damaged(&error))?;
        decoder.set_memory_limit(needed.saturating_mul(4).saturating_add(1 << 20));
        let size = decoder.dimensions();
        if size != (wanted.width, wanted.height) {
            let (width, height) = (wanted.width, wanted.height);
            return Err(damaged(&format!("a picture of {}x{} in a block of {width}x{height}", size.0, size.1)));
        }
        let samples = if decoder.has_alpha() { 4 } else { 3 };
        if samples > wanted.samples || wanted.samples > 4 || wanted.bits != 8 {
            return Err(damaged(&format!(
                "{samples} samples of 8 bits, where the image has {} of {}",
                wanted.samples, wanted.bits
            )));
        }
        out.clear();
        out.resize(wanted.width as usize * wanted.height as usize * samples as usize, 0);
        decoder.read_image(out).map_err(|error| damaged(&error))?;
        Ok(samples < wanted.samples)
    });
    let is_opaque = decoded.map_err(|unwound| damaged(&unwound))??;
    if is_opaque {
        *out = out.as_chunks::<3>().0.iter().flat_map(|[red, green, blue]| [*red, *green, *blue, 255]).collect();
    }
    Ok(())
}

/// What packs a LERC blob once more (tag LercParameters).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LercPacking {
    None,
    Deflate,
    Zstd,
}

/// LERC: the blob must have the size, samples and type of the block (`LERCPreDecode`, tif_lerc.c). Samples leave as
/// little-endian numbers of the blob; those of pixels that the blob has no value for are NaN, or 0 for whole numbers.
pub(crate) fn lerc(
    block: &[u8],
    packing: LercPacking,
    wanted: Wanted,
    sample_format: u16,
    unpacked: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let damaged = |reason: &dyn std::fmt::Display| Failure::damaged("lerc", reason);
    let sample_bytes = usize::from(wanted.bits / 8);
    let needed = wanted.width as usize * wanted.height as usize * wanted.samples as usize * sample_bytes;
    // A blob holds the samples, a mask and a head at most: what unpacks to much more is none.
    let limit = (needed as u64).saturating_mul(2).saturating_add(64 * 1024);
    let unpack = |reader: &mut dyn Read, unpacked: &mut Vec<u8>| -> Result<(), Failure> {
        unpacked.clear();
        reader.take(limit).read_to_end(unpacked).map_err(|error| damaged(&error))?;
        Ok(())
    };
    let blob = match packing {
        LercPacking::None => block,
        LercPacking::Deflate => {
            unpack(&mut flate2::bufread::ZlibDecoder::new(block), unpacked)?;
            unpacked.as_slice()
        }
        LercPacking::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(block).map_err(|error| damaged(&error))?;
            unpack(&mut decoder, unpacked)?;
            unpacked.as_slice()
        }
    };
    let decoded = guarded(|| {
        let info = lerc::decode_info(blob).map_err(|error| damaged(&error))?;
        let samples = info.depth.saturating_mul(info.bands);
        // A mask in the blob stands for an alpha sample that is all or nothing.
        let has_samples = samples == wanted.samples || samples.saturating_add(1) == wanted.samples;
        if (info.width, info.height) != (wanted.width, wanted.height) || !has_samples {
            return Err(damaged(&format!(
                "a raster of {}x{} with {samples} samples in a block of {}x{} with {}",
                info.width, info.height, wanted.width, wanted.height, wanted.samples
            )));
        }
        lerc::decode(blob).map_err(|error| damaged(&error))
    });
    let mut image = decoded.map_err(|unwound| damaged(&unwound))??;
    // Band after band, each with a mask of its own: libtiff writes such blobs where bands are NaN in different places.
    let masks = std::mem::take(&mut image.valid_masks);
    let depth = image.depth.max(1) as usize;
    let pixels = image.width as usize * image.height as usize;
    let is_lost = |place: usize| {
        let mask = masks.get(place / (pixels * depth).max(1)).or(masks.first());
        mask.is_some_and(|mask| is_without_value(mask, place / depth % pixels.max(1)))
    };
    match &mut image.data {
        SampleData::F32(samples) => blank(samples, f32::NAN, is_lost),
        SampleData::F64(samples) => blank(samples, f64::NAN, is_lost),
        _ => {}
    }
    let image = image;
    let (format, size) = match &image.data {
        SampleData::I8(_) => (2, 1),
        SampleData::U8(_) => (1, 1),
        SampleData::I16(_) => (2, 2),
        SampleData::U16(_) => (1, 2),
        SampleData::I32(_) => (2, 4),
        SampleData::U32(_) => (1, 4),
        SampleData::F32(_) => (3, 4),
        SampleData::F64(_) => (3, 8),
    };
    if size != sample_bytes || format != sample_format {
        return Err(damaged(&format!("samples of {} bits in another format than the image's", size * 8)));
    }
    out.clear();
    out.reserve(needed);
    match &image.data {
        SampleData::I8(samples) => out.extend(samples.iter().map(|sample| sample.cast_unsigned())),
        SampleData::U8(samples) => out.extend_from_slice(samples),
        SampleData::I16(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        SampleData::U16(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        SampleData::I32(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        SampleData::U32(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        SampleData::F32(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        SampleData::F64(samples) => out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
    }
    let got = out.len();
    if image.bands > 1 {
        interleave(depth * sample_bytes, image.bands as usize, out);
    }
    let depth = image.depth.saturating_mul(image.bands);
    if depth < wanted.samples {
        with_alpha(masks.first(), depth as usize * sample_bytes, sample_bytes, out);
    }
    if out.len() != needed {
        return Err(Failure::short("lerc", got as u64, needed as u64));
    }
    Ok(())
}

/// Gives the samples of pixels without a value what stands for that.
fn blank<N: Copy>(samples: &mut [N], value: N, is_lost: impl Fn(usize) -> bool) {
    samples.iter_mut().enumerate().filter(|(place, _)| is_lost(*place)).for_each(|(_, sample)| *sample = value);
}

/// Whether a mask has no value for a pixel. It is asked outside of the decoder's guard, so its length is not taken on trust.
fn is_without_value(mask: &BitMask, pixel: usize) -> bool {
    match mask {
        BitMask::AllValid(_) => false,
        BitMask::Explicit(bits) => bits.get(pixel).is_none_or(|bit| !*bit),
    }
}

/// Brings the samples of bands that stand one after another to each pixel, as a TIFF with chunky pixels has them.
fn interleave(pixel_bytes: usize, bands: usize, out: &mut Vec<u8>) {
    let pixels = out.len() / (pixel_bytes * bands).max(1);
    let mut interleaved = Vec::with_capacity(out.len());
    for pixel in 0..pixels {
        for band in 0..bands {
            let start = (band * pixels + pixel) * pixel_bytes;
            interleaved.extend_from_slice(out.get(start..start + pixel_bytes).unwrap_or_default());
        }
    }
    *out = interleaved;
}

/// Puts the mask of a blob behind the samples of each pixel, as libtiff does for an alpha band.
fn with_alpha(mask: Option<&BitMask>, pixel_bytes: usize, sample_bytes: usize, out: &mut Vec<u8>) {
    let mut widened = Vec::with_capacity(out.len() + out.len() / pixel_bytes.max(1) * sample_bytes);
    for (number, pixel) in out.chunks_exact(pixel_bytes.max(1)).enumerate() {
        widened.extend_from_slice(pixel);
        let is_valid = mask.is_none_or(|mask| !is_without_value(mask, number));
        let opaque: u64 = if is_valid { u64::MAX } else { 0 };
        widened.extend_from_slice(opaque.to_le_bytes().get(..sample_bytes).unwrap_or_default());
    }
    *out = widened;
}

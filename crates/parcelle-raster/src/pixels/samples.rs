//! Samples of decoded blocks as numbers.

use std::io;

use parcelle_storage::ByteSource;
use parcelle_tiff::{ByteOrder, Image};

use super::block::{BlockDecoder, Scratch};
use super::failure::Failure;

/// What the bits of a sample mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unsigned,
    Signed,
    Float,
}

impl Kind {
    /// The kind of an image's samples; `None` for complex numbers and widths that have no number.
    pub(crate) fn of(image: &Image) -> Option<Self> {
        match (image.sample_format, image.bits_per_sample) {
            (2, 8 | 16 | 32 | 64) => Some(Self::Signed),
            (3, 16 | 32 | 64) => Some(Self::Float),
            (1 | 4, 1..=64) => Some(Self::Unsigned),
            _ => None,
        }
    }

    fn number(self, bits: u16, value: u64) -> f64 {
        match (self, bits) {
            (Self::Unsigned, _) => value as f64,
            (Self::Signed, 8) => f64::from((value as u8).cast_signed()),
            (Self::Signed, 16) => f64::from((value as u16).cast_signed()),
            (Self::Signed, 32) => f64::from((value as u32).cast_signed()),
            (Self::Signed, _) => value.cast_signed() as f64,
            (Self::Float, 16) => half(value as u16),
            (Self::Float, 32) => f64::from(f32::from_bits(value as u32)),
            (Self::Float, _) => f64::from_bits(value),
        }
    }
}

/// A number of IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 31), f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction * f64::powi(2.0, -24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * f64::powi(2.0, exponent - 15),
    }
}

/// One sample of a row that is packed from the highest bit on.
pub(crate) fn sample(row: &[u8], place: usize, bits: u16, order: ByteOrder) -> u64 {
    let width = usize::from(bits);
    if width.is_multiple_of(8) {
        let bytes = width / 8;
        return row.get(place * bytes..(place + 1) * bytes).map_or(0, |bytes| order.unsigned(bytes));
    }
    (place * width..(place + 1) * width).fold(0, |value, bit| {
        let byte = row.get(bit / 8).copied().unwrap_or(0);
        (value << 1) | u64::from((byte >> (7 - bit % 8)) & 1)
    })
}

/// The bytes of one sample with a value, in `order`; `None` where no sample of the image has it.
pub(crate) fn pattern(image: &Image, value: f64, order: ByteOrder) -> Option<Vec<u8>> {
    let bits = image.bits_per_sample;
    // That is the same in every format, complex numbers included.
    if value == 0.0 {
        return Some(vec![0; usize::from(bits / 8).max(1)]);
    }
    let raw = match Kind::of(image)? {
        Kind::Unsigned if value >= 0.0 && value.fract() == 0.0 => value as u64,
        Kind::Signed if value.fract() == 0.0 => (value as i64).cast_unsigned(),
        Kind::Float if bits == 32 => (value as f32).to_bits().into(),
        Kind::Float if bits == 64 => value.to_bits(),
        _ => return None,
    };
    let bytes = usize::from(bits / 8);
    if !bits.is_multiple_of(8) {
        return None;
    }
    let mut spelled = raw.to_le_bytes().get(..bytes)?.to_vec();
    if order == ByteOrder::BigEndian {
        spelled.reverse();
    }
    (order.unsigned(&spelled) == raw || Kind::of(image) == Some(Kind::Signed)).then_some(spelled)
}

/// A window that meets more blocks than that, or blocks of more bytes, is not read: it costs more than it tells.
const MOST_BLOCKS: u64 = 1024;
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Luminance and chroma as colours (ITU-R BT.601, as JFIF has it).
fn to_rgb([luminance, blue, red]: [f64; 3]) -> [f64; 3] {
    let (blue, red) = (blue - 128.0, red - 128.0);
    let colours = [luminance + 1.402 * red, luminance - 0.344_136 * blue - 0.714_136 * red, luminance + 1.772 * blue];
    colours.map(|colour| colour.round().clamp(0.0, 255.0))
}

/// Reads the first `bands` samples of every pixel of a window, band by band. Blocks that `place` does not know are full of
/// `fill`. `None` where a block does not decode or has no plain samples, and where the blocks are too many.
pub(crate) fn read(
    decoder: &BlockDecoder<'_>,
    place: &dyn Fn(usize) -> Option<(u64, u64)>,
    source: &dyn ByteSource,
    window: Window,
    bands: usize,
    fill: f64,
    scratch: &mut Scratch,
) -> io::Result<Option<Vec<Vec<f64>>>> {
    let image = *decoder.image();
    let Some(kind) = Kind::of(&image).filter(|_| decoder.has_plain_samples()) else { return Ok(None) };
    let (block_width, block_height) = image.block_size();
    let per_row = image.blocks_across() as usize;
    let (order, samples) = (decoder.sample_order(), usize::from(decoder.samples()));
    let bands = bands.min(samples);
    let (right, bottom) = (window.left + window.width, window.top + window.height);
    let block_rows = window.top / block_height..=(bottom.saturating_sub(1)) / block_height;
    let block_columns = window.left / block_width..=(right.saturating_sub(1)) / block_width;
    let blocks = block_rows.clone().count() as u64 * block_columns.clone().count() as u64;
    if blocks > MOST_BLOCKS || image.block_bytes().and_then(|bytes| bytes.checked_mul(blocks)) > Some(MOST_BYTES) {
        return Ok(None);
    }
    let mut values = vec![vec![fill; window.width as usize * window.height as usize]; bands];
    for block_row in block_rows {
        for block_column in block_columns.clone() {
            let block = block_row as usize * per_row + block_column as usize;
            let Some(bytes) = place(block) else { continue };
            let rows = match decoder.values(source, block, bytes, scratch)? {
                Ok(Some(rows)) => rows,
                Ok(None) | Err(_) => return Ok(None),
            };
            let row_bytes = decoder.row_bytes().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
            let (left, top) = (block_column * block_width, block_row * block_height);
            for y in window.top.max(top)..bottom.min(top.saturating_add(block_height)) {
                let start = (y - top) as usize * row_bytes;
                let row = rows.get(start..start.saturating_add(row_bytes)).unwrap_or_default();
                for x in window.left.max(left)..right.min(left.saturating_add(block_width)) {
                    let to = (y - window.top) as usize * window.width as usize + (x - window.left) as usize;
                    for (band, values) in values.iter_mut().enumerate() {
                        let raw = sample(row, (x - left) as usize * samples + band, image.bits_per_sample, order);
                        if let Some(value) = values.get_mut(to) {
                            *value = kind.number(image.bits_per_sample, raw);
                        }
                    }
                    if decoder.is_luminance_and_chroma()
                        && let [red, green, blue] = values.as_mut_slice()
                        && let (Some(red), Some(green), Some(blue)) =
                            (red.get_mut(to), green.get_mut(to), blue.get_mut(to))
                    {
                        [*red, *green, *blue] = to_rgb([*red, *green, *blue]);
                    }
                }
            }
        }
    }
    Ok(Some(values))
}

impl BlockDecoder<'_> {
    /// The samples of a block with their prediction undone, row by row, each row in whole bytes, in the byte order that
    /// [`BlockDecoder::sample_order`] gives. `None` for a block that is too large to be kept.
    ///
    /// # Errors
    /// See [`BlockDecoder::decode`].
    pub fn values<'scratch>(
        &self,
        source: &dyn ByteSource,
        block: usize,
        bytes: (u64, u64),
        scratch: &'scratch mut Scratch,
    ) -> io::Result<Result<Option<&'scratch [u8]>, Failure>> {
        match self.decode(source, block, bytes, scratch)? {
            Ok(decoded) if decoded.rows.is_none() => Ok(Ok(None)),
            Ok(_) => {
                self.undo(scratch.output_mut());
                Ok(Ok(Some(scratch.output_mut())))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_any_width_are_read() {
        let row = [0b1011_0010, 0b0111_1000];
        assert_eq!(sample(&row, 0, 1, ByteOrder::LittleEndian), 1);
        assert_eq!(sample(&row, 1, 3, ByteOrder::LittleEndian), 0b100);
        assert_eq!(sample(&row, 0, 12, ByteOrder::BigEndian), 0b1011_0010_0111);
        assert_eq!(sample(&row, 0, 16, ByteOrder::LittleEndian), 0x78b2);
    }

    #[test]
    fn halves_are_numbers() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 2_f64.powi(-24)), (0x7bff, 65504.0)] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan() && half(0x7c00).is_infinite());
    }
}

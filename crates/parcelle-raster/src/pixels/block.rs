//! One block (tile or strip) of an image: what its bytes have to give, and how.

use std::io::{self, BufReader, Read};

use parcelle_storage::{ByteSource, guarded};
use parcelle_tiff::{ByteOrder, Directory, Image, tags};

use super::failure::Failure;
use super::fax::{self, Fax};
use super::jpeg::{self, Wanted};
use super::picture::{self, LercPacking};
use super::predictor::{self, Predictor};
use super::stream::{Stream, StreamCodec, Streams};

/// Blocks of at most so many bytes are decoded into a buffer that their thread keeps; larger ones run through it.
pub(crate) const BUFFER_BYTES: u64 = 16 * 1024 * 1024;
/// Codecs that give a picture at once (JPEG, WebP, LERC, CCITT) get no block with more bytes than that: their decoders hold
/// it whole, some of them several times. Tiles of 4096 x 4096 pixels with seven samples are still decoded.
pub const PICTURE_BYTES: u64 = 128 * 1024 * 1024;

/// PhotometricInterpretation of luminance and chroma.
const YCBCR: u16 = 6;

/// How the blocks of an image are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec<'structure> {
    Stream(StreamCodec),
    Jpeg(Option<&'structure [u8]>),
    WebP,
    Lerc(LercPacking),
    Fax(Fax),
}

/// Decodes the blocks of one image.
#[derive(Debug, Clone, Copy)]
pub struct BlockDecoder<'structure> {
    image: Image,
    codec: Codec<'structure>,
    predictor: Predictor,
    byte_order: ByteOrder,
    /// The lowest bit of each byte comes first (FillOrder 2).
    is_reversed: bool,
    /// Chroma samples are stored once for so many pixels across and down.
    subsampling: Option<(u64, u64)>,
}

/// The buffers and decoders of one thread.
#[derive(Default)]
pub struct Scratch {
    streams: Streams,
    input: Vec<u8>,
    /// What the input becomes before it can be decoded.
    between: Vec<u8>,
    output: Vec<u8>,
}

/// What a block gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded<'scratch> {
    /// Bytes that were decoded.
    pub bytes: u64,
    /// The rows of the block, prediction not undone; `None` if it was too large to be kept.
    pub(crate) rows: Option<&'scratch [u8]>,
}

impl<'structure> BlockDecoder<'structure> {
    /// Looks at the tags.
    ///
    /// # Errors
    /// Why no block of the image can be decoded.
    pub fn new(directory: &'structure Directory, image: Image) -> Result<Self, Failure> {
        let codec = codec(directory, &image)?;
        if matches!(image.bits_per_sample, 33..=63 | 65..=127 | 129..) || image.bits_per_sample == 0 {
            // TIFF would allow them, but neither GDAL nor any other reader has a type for the numbers.
            return Err(Failure::Damaged(format!("samples of {} bits are no numbers", image.bits_per_sample)));
        }
        let is_stream = matches!(codec, Codec::Stream(_));
        let predictor = match codec {
            // The codecs of libtiff that take predictors; for others the tag means nothing.
            Codec::Stream(StreamCodec::Deflate | StreamCodec::Lzw | StreamCodec::Zstd | StreamCodec::Lzma) => {
                Predictor::of(&image)?
            }
            _ => Predictor::None,
        };
        Ok(Self {
            image,
            codec,
            predictor,
            byte_order: directory.byte_order,
            // libtiff turns the bits round for all codecs but JPEG, whose streams are made of bytes (`TIFFFillStrip`).
            is_reversed: directory.unsigned(tags::FILL_ORDER) == Some(2) && !matches!(codec, Codec::Jpeg(_)),
            subsampling: if is_stream { subsampling(directory, &image)? } else { None },
        })
    }

    /// The image.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Rows that a block has: fewer in the last strip only.
    #[must_use]
    pub fn rows(&self, block: usize) -> u32 {
        let (_, height) = self.image.block_size();
        if self.image.is_tiled() {
            return height;
        }
        let (_, row, _) = self.image.block_at(block as u64);
        self.image.height.saturating_sub(row.saturating_mul(height)).min(height)
    }

    /// Samples that a pixel has within a block.
    #[must_use]
    pub const fn samples(&self) -> u16 {
        if self.image.planar_configuration == 2 { 1 } else { self.image.samples_per_pixel }
    }

    /// Bytes of a row of a block; `None` past 2^64.
    #[must_use]
    pub fn row_bytes(&self) -> Option<u64> {
        let (width, _) = self.image.block_size();
        let bits = u64::from(width) * u64::from(self.samples());
        Some(bits.checked_mul(u64::from(self.image.bits_per_sample))?.div_ceil(8))
    }

    /// Bytes that a block has to give; `None` past 2^64.
    #[must_use]
    pub fn needed(&self, block: usize) -> Option<u64> {
        let rows = u64::from(self.rows(block));
        match self.subsampling {
            None => self.row_bytes()?.checked_mul(rows),
            Some((across, down)) => {
                let (width, _) = self.image.block_size();
                let units = u64::from(width).div_ceil(across).checked_mul(rows.div_ceil(down))?;
                units.checked_mul(across * down + 2)
            }
        }
    }

    /// Whether samples are stored one by one, so that [`BlockDecoder::undo`] gives them.
    pub(crate) const fn has_plain_samples(&self) -> bool {
        self.subsampling.is_none()
    }

    /// The byte order of decoded samples.
    #[must_use]
    pub const fn sample_order(&self) -> ByteOrder {
        match self.codec {
            // libtiff swaps the bytes of samples outside the codec, for blobs of LERC as well.
            Codec::Stream(_) | Codec::Lerc(_) | Codec::Fax(_) => self.byte_order,
            Codec::Jpeg(_) | Codec::WebP => ByteOrder::LittleEndian,
        }
    }

    /// Undoes the prediction of decoded rows.
    pub(crate) fn undo(&self, rows: &mut [u8]) {
        let row_bytes = self.row_bytes().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        if row_bytes > 0 {
            let samples = usize::from(self.samples());
            for row in rows.chunks_exact_mut(row_bytes) {
                predictor::undo(self.predictor, row, samples, usize::from(self.image.bits_per_sample), self.byte_order);
            }
        }
    }

    /// Bytes that a block must give at least. Some writers leave out the rows of a tile that lie below the image, and GDAL
    /// asks only for the others (`GTiffDataset::ReadStrile` and its callers, GDAL ticket 1179), which it counts by a
    /// remainder: of a tile over twice as high as the image it wants more than is seen, and refuses less.
    fn least(&self, block: usize, needed: usize) -> usize {
        let (_, height) = self.image.block_size();
        let (_, row, _) = self.image.block_at(block as u64);
        let (height, all) = (u64::from(height), u64::from(self.image.height).max(1));
        let end = (u64::from(row) + 1) * height;
        let asked = if end > all { height.saturating_sub(end % all) } else { height };
        let bytes = self.row_bytes().and_then(|bytes| bytes.checked_mul(asked));
        let visible = bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(needed);
        if self.subsampling.is_none() { visible.min(needed) } else { needed }
    }

    /// Whether decoded samples are luminance and chroma.
    pub(crate) fn is_luminance_and_chroma(&self) -> bool {
        matches!(self.codec, Codec::Jpeg(_)) && self.image.photometric == Some(YCBCR) && self.samples() == 3
    }

    /// Decodes the block with this place in the index, whose bytes are at `offset`.
    ///
    /// # Errors
    /// What the source says when reading fails; what is wrong with the bytes is the inner result.
    pub fn decode<'scratch>(
        &self,
        source: &dyn ByteSource,
        block: usize,
        (offset, byte_count): (u64, u64),
        scratch: &'scratch mut Scratch,
    ) -> io::Result<Result<Decoded<'scratch>, Failure>> {
        let needed = match self.affordable(block, byte_count) {
            Ok(needed) => needed,
            Err(failure) => return Ok(Err(failure)),
        };
        if let Codec::Stream(codec) = self.codec
            && (needed > BUFFER_BYTES || byte_count > BUFFER_BYTES)
        {
            return self.run_through(source, (offset, byte_count), codec, needed, scratch);
        }
        // Both are at most as long as the buffers may be, the byte count at most as long as the file.
        scratch.input.clear();
        scratch.input.resize(byte_count as usize, 0);
        let count = source.read_at(offset, &mut scratch.input)?;
        scratch.input.truncate(count);
        if self.is_reversed {
            scratch.input.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        let result = self.decode_bytes(block, needed as usize, scratch);
        Ok(result.map(|()| Decoded { bytes: needed, rows: Some(&scratch.output) }))
    }

    /// Bytes that a block has to give, if that many can come of its bytes and may be asked for.
    fn affordable(&self, block: usize, byte_count: u64) -> Result<u64, Failure> {
        let name = self.codec_name();
        let Some(needed) = self.needed(block) else {
            return Err(Failure::damaged(name, "the block is declared larger than 2^64 bytes"));
        };
        match self.codec {
            Codec::Stream(codec) => {
                let most = codec.largest_ratio().and_then(|ratio| byte_count.checked_mul(ratio)).unwrap_or(u64::MAX);
                let least = usize::try_from(needed).map_or(needed, |needed| self.least(block, needed) as u64);
                if most < least {
                    let reason = format!("{byte_count} bytes cannot hold the {needed} bytes of its pixels");
                    return Err(Failure::damaged(name, reason));
                }
            }
            // A picture's stream is hardly ever longer than the picture; a coefficient takes 27 bits at most.
            _ if needed > PICTURE_BYTES || byte_count > PICTURE_BYTES => {
                let megabytes = PICTURE_BYTES >> 20;
                let reason = format!("{name}: a block of {needed} bytes is over the limit of {megabytes} MiB");
                return Err(Failure::NotDecoded(reason));
            }
            _ => {}
        }
        Ok(needed)
    }

    fn codec_name(&self) -> &'static str {
        match self.codec {
            Codec::Stream(codec) => codec.name(),
            Codec::Jpeg(_) => "jpeg",
            Codec::WebP => "webp",
            Codec::Lerc(_) => "lerc",
            Codec::Fax(fax) => fax.name(),
        }
    }

    /// Decodes the input of `scratch` into its output.
    fn decode_bytes(&self, block: usize, needed: usize, scratch: &mut Scratch) -> Result<(), Failure> {
        let Scratch { streams, input, between, output } = scratch;
        match self.codec {
            Codec::Stream(StreamCodec::None) => {
                if input.len() < self.least(block, needed) {
                    return Err(Failure::short("none", input.len() as u64, needed as u64));
                }
                std::mem::swap(input, output);
                output.resize(needed, 0);
                Ok(())
            }
            Codec::Stream(codec) => {
                // Room for one byte more lets the decoder come to the end of the stream, and to its checksum.
                output.resize(needed + 1, 0);
                let bytes = input.as_slice();
                let filled = guarded(|| {
                    let mut stream = streams.open(codec, bytes)?;
                    let filled = stream.fill(output)?;
                    Ok((filled, stream.has_ended()))
                });
                let (filled, has_ended) = match filled {
                    Ok(filled) => filled?,
                    Err(unwound) => {
                        *streams = Streams::default();
                        return Err(Failure::damaged(codec.name(), unwound));
                    }
                };
                if filled < self.least(block, needed) || (filled < needed && !has_ended) {
                    return Err(Failure::short(codec.name(), filled as u64, needed as u64));
                }
                if filled == needed && !has_ended {
                    return Err(Failure::NoChecksum(codec.name().to_owned()));
                }
                output.truncate(filled);
                output.resize(needed, 0);
                Ok(())
            }
            Codec::Jpeg(tables) => jpeg::decode(input, tables, self.wanted(block), between, output),
            Codec::WebP => picture::webp(input, self.wanted(block), output),
            Codec::Lerc(packing) => {
                picture::lerc(input, packing, self.wanted(block), self.image.sample_format, between, output)
            }
            Codec::Fax(fax) => fax::decode(input, fax, self.image.block_size().0, self.rows(block), output),
        }
    }

    fn wanted(&self, block: usize) -> Wanted {
        let (width, height) = self.image.block_size();
        let (column, row, _) = self.image.block_at(block as u64);
        Wanted {
            width,
            height: self.rows(block),
            visible_width: self.image.width.saturating_sub(column.saturating_mul(width)).min(width),
            visible_height: self.image.height.saturating_sub(row.saturating_mul(height)).min(height),
            samples: self.samples().into(),
            bits: self.image.bits_per_sample,
        }
    }

    /// A block that no buffer holds: it is decoded piece by piece, and nothing of it is kept.
    fn run_through<'scratch>(
        &self,
        source: &dyn ByteSource,
        (offset, byte_count): (u64, u64),
        codec: StreamCodec,
        needed: u64,
        scratch: &mut Scratch,
    ) -> io::Result<Result<Decoded<'scratch>, Failure>> {
        const PIECE: usize = 256 * 1024;
        let error = std::cell::Cell::new(None);
        let section = Section { source, offset, left: byte_count, is_reversed: self.is_reversed, error: &error };
        let Scratch { streams, output, .. } = scratch;
        output.resize(PIECE, 0);
        let filled = guarded(|| -> Result<u64, Failure> {
            let mut stream: Stream<'_, _> = streams.open(codec, BufReader::with_capacity(PIECE, section))?;
            let mut filled = 0;
            while filled < needed {
                let piece = usize::try_from(needed - filled).unwrap_or(PIECE).min(PIECE);
                let count = stream.fill(output.get_mut(..piece).unwrap_or_default())?;
                filled += count as u64;
                if count < piece {
                    break;
                }
            }
            Ok(filled)
        });
        if let Some(error) = error.take() {
            return Err(error);
        }
        Ok(match filled {
            Ok(Ok(filled)) if filled >= needed => Ok(Decoded { bytes: needed, rows: None }),
            Ok(Ok(filled)) => Err(Failure::short(codec.name(), filled, needed)),
            Ok(Err(failure)) => Err(failure),
            Err(unwound) => {
                *streams = Streams::default();
                Err(Failure::damaged(codec.name(), unwound))
            }
        })
    }
}

/// The bytes of one block as a reader. What goes wrong with the source is kept apart from what is wrong with the bytes.
struct Section<'source> {
    source: &'source dyn ByteSource,
    offset: u64,
    left: u64,
    is_reversed: bool,
    error: &'source std::cell::Cell<Option<io::Error>>,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let count = self.source.read_at(self.offset, buffer).map_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.error.set(Some(error));
            copy
        })?;
        if self.is_reversed {
            buffer.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

fn codec<'structure>(directory: &'structure Directory, image: &Image) -> Result<Codec<'structure>, Failure> {
    let not_decoded = |name: &str| Err(Failure::NotDecoded(format!("parcelle has no decoder for {name}")));
    Ok(match image.compression {
        1 => Codec::Stream(StreamCodec::None),
        2..=4 => {
            if image.bits_per_sample != 1 || (image.samples_per_pixel != 1 && image.planar_configuration != 2) {
                let bits = image.bits_per_sample;
                let reason = format!("bilevel images only, not {} samples of {bits} bits", image.samples_per_pixel);
                return Err(Failure::damaged("ccitt", reason));
            }
            let options = directory.unsigned(tags::T4_OPTIONS).unwrap_or(0);
            Codec::Fax(match image.compression {
                2 => Fax::Rows,
                3 if options & 2 != 0 => return not_decoded("ccittfax3 with uncompressed runs"),
                3 => Fax::Group3 { is_two_dimensional: options & 1 != 0 },
                _ => Fax::Group4,
            })
        }
        5 => Codec::Stream(StreamCodec::Lzw),
        7 => Codec::Jpeg(directory.entry(tags::JPEG_TABLES).and_then(parcelle_tiff::Entry::bytes)),
        8 | 32_946 => Codec::Stream(StreamCodec::Deflate),
        32_773 => Codec::Stream(StreamCodec::PackBits),
        34_887 => Codec::Lerc(match directory.unsigned_values(tags::LERC_PARAMETERS).get(1) {
            None | Some(0) => LercPacking::None,
            Some(1) => LercPacking::Deflate,
            Some(2) => LercPacking::Zstd,
            Some(other) => {
                return Err(Failure::damaged("lerc", format!("LercParameters name the unknown packing {other}")));
            }
        }),
        34_925 => Codec::Stream(StreamCodec::Lzma),
        50_000 => Codec::Stream(StreamCodec::Zstd),
        50_001 => Codec::WebP,
        number => {
            let name = crate::cog::codec_name(number).map_or_else(|| number.to_string(), str::to_owned);
            return not_decoded(&format!("compression {name}"));
        }
    })
}

/// Subsampling of chroma in images that are not JPEG (TIFF 6.0 section 21).
fn subsampling(directory: &Directory, image: &Image) -> Result<Option<(u64, u64)>, Failure> {
    let is_packed = image.photometric == Some(YCBCR) && image.planar_configuration != 2 && image.samples_per_pixel == 3;
    if !is_packed {
        return Ok(None);
    }
    let (across, down) = match directory.unsigned_values(tags::Y_CB_CR_SUB_SAMPLING).as_slice() {
        [across, down, ..] => (*across, *down),
        _ => (2, 2),
    };
    // Also what libtiff's reader of colours knows (`PickContigCase`, tif_getimage.c).
    if !matches!((across, down), (1 | 2 | 4, 1 | 2 | 4)) || down > across {
        let reason = format!("YCbCrSubSampling of {across}x{down}: 1, 2 or 4, and not more down than across");
        return Err(Failure::Damaged(reason));
    }
    Ok(if (across, down) == (1, 1) { None } else { Some((across, down)) })
}

impl Scratch {
    /// The rows that were decoded last.
    pub(crate) fn output_mut(&mut self) -> &mut [u8] {
        &mut self.output
    }
}

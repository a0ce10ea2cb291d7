//! Codecs that give a row of bytes: deflate, LZW, PackBits, Zstandard, LZMA, and none at all.
//!
//! Each fills a buffer from a reader and can go on with the next one, so that a block of any size is decoded in constant
//! memory. All are as tolerant as libtiff's decoders, which read as many bytes as a block takes and no more: what follows
//! in the stream (more rows than the last strip has, padding) is nobody's business.

use std::io::{BufRead, Read};

use lzma_rust2::XzReader;
use weezl::BitOrder;
use zlib_rs::{Inflate, InflateFlush, Status};
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::failure::Failure;

/// Window of deflate that decodes any stream.
const WINDOW_BITS: u8 = 15;
/// Most memory of an LZMA stream's dictionary in KiB: xz's largest preset has 64 MiB.
const LZMA_KIB: u32 = 96 * 1024;
/// Largest window of a Zstandard stream, as a power of two: libtiff leaves libzstd its own limit, which is this one.
const ZSTD_WINDOW_LOG: u32 = 27;

/// A codec of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamCodec {
    None,
    PackBits,
    Deflate,
    Lzw,
    Zstd,
    Lzma,
}

impl StreamCodec {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PackBits => "packbits",
            Self::Deflate => "deflate",
            Self::Lzw => "lzw",
            Self::Zstd => "zstd",
            Self::Lzma => "lzma",
        }
    }

    /// Most bytes that one byte of a stream can become, where the format has such a limit. What is declared larger cannot
    /// be there, and need not be tried.
    pub(crate) const fn largest_ratio(self) -> Option<u64> {
        match self {
            Self::None => Some(1),
            // A header of one byte and one byte for 128.
            Self::PackBits => Some(64),
            // A length and a distance take two bits at least and give 258 bytes (RFC 1951 section 3.2.5).
            Self::Deflate => Some(1032),
            // A code of 9 bits at least gives one entry, which has at most as many bytes as the table entries: 4096.
            Self::Lzw => Some(4096),
            // A block of 128 KiB takes a header of three bytes and one byte to repeat (RFC 8878 section 3.1.1.2).
            Self::Zstd => Some(128 * 1024 / 4),
            Self::Lzma => None,
        }
    }
}

/// The decoders of one thread, made when they are first needed.
#[derive(Default)]
pub(crate) struct Streams {
    inflate: Option<Inflate>,
    zstd: Option<ZstdDecoder<'static>>,
    lzw: Option<weezl::decode::Decoder>,
    old_lzw: Option<weezl::decode::Decoder>,
}

/// One stream that is being decoded.
pub(crate) enum Stream<'streams, R: BufRead> {
    None(R),
    PackBits(R, Run),
    Deflate(R, &'streams mut Inflate, bool),
    Lzw(R, &'streams mut weezl::decode::Decoder),
    Zstd(R, &'streams mut ZstdDecoder<'static>),
    Lzma(Box<XzReader<R>>),
}

/// What is left of a run of PackBits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    Literal(usize),
    Repeat(usize, u8),
}

impl Streams {
    /// Begins with a block.
    pub(crate) fn open<R: BufRead>(&mut self, codec: StreamCodec, mut reader: R) -> Result<Stream<'_, R>, Failure> {
        let failed = |error: std::io::Error| Failure::damaged(codec.name(), error);
        Ok(match codec {
            StreamCodec::None => Stream::None(reader),
            StreamCodec::PackBits => Stream::PackBits(reader, Run::Literal(0)),
            StreamCodec::Deflate => {
                let inflate = self.inflate.get_or_insert_with(|| Inflate::new(true, WINDOW_BITS));
                inflate.reset(true);
                Stream::Deflate(reader, inflate, false)
            }
            StreamCodec::Lzw => {
                // Before TIFF 6.0 codes were stored from the lowest bit on; libtiff tells them by the code that clears
                // the table, with which a stream begins (`LZWPreDecode`, tif_lzw.c).
                let head = reader.fill_buf().map_err(failed)?;
                let is_old = matches!(head, [0, second, ..] if second & 1 == 1);
                let decoder = if is_old {
                    self.old_lzw.get_or_insert_with(|| weezl::decode::Decoder::new(BitOrder::Lsb, 8))
                } else {
                    self.lzw.get_or_insert_with(|| weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8))
                };
                decoder.reset();
                Stream::Lzw(reader, decoder)
            }
            StreamCodec::Zstd => {
                let decoder = match &mut self.zstd {
                    Some(decoder) => decoder,
                    empty => {
                        let mut decoder = ZstdDecoder::new().map_err(failed)?;
                        let window = zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW_LOG);
                        decoder.set_parameter(window).map_err(failed)?;
                        empty.insert(decoder)
                    }
                };
                decoder.reinit().map_err(failed)?;
                Stream::Zstd(reader, decoder)
            }
            StreamCodec::Lzma => Stream::Lzma(Box::new(XzReader::new_mem_limit(reader, false, LZMA_KIB))),
        })
    }
}

impl<R: BufRead> Stream<'_, R> {
    /// Fills the buffer and says how many bytes there were: fewer only at the end of the stream.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::None(reader) => read_all(reader, out).map_err(|error| Failure::damaged("none", error)),
            Self::PackBits(reader, run) => {
                pack_bits(reader, run, out).map_err(|error| Failure::damaged("packbits", error))
            }
            Self::Deflate(reader, inflate, has_ended) => deflate(reader, inflate, has_ended, out),
            Self::Lzw(reader, decoder) => lzw(reader, decoder, out),
            Self::Zstd(reader, decoder) => zstd(reader, decoder, out).map_err(|error| Failure::damaged("zstd", error)),
            Self::Lzma(reader) => read_all(reader, out).map_err(|error| Failure::damaged("lzma", error)),
        }
    }

    /// After a buffer that was not filled: whether the stream came to its own end, checksum and all. A stream that holds
    /// more than a block is not asked.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::Deflate(_, _, has_ended) => *has_ended,
            _ => true,
        }
    }
}

fn read_all(reader: &mut impl Read, out: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// TIFF 6.0 section 9. Runs may cross rows and, as in libtiff, the end of the block.
fn pack_bits(reader: &mut impl BufRead, run: &mut Run, out: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match *run {
            Run::Repeat(0, _) | Run::Literal(0) => {
                let mut head = [0];
                if read_all(reader, &mut head)? == 0 {
                    break;
                }
                let [count] = head;
                match count {
                    128 => {}
                    0..128 => *run = Run::Literal(usize::from(count) + 1),
                    _ => {
                        let mut value = [0];
                        if read_all(reader, &mut value)? == 0 {
                            break;
                        }
                        *run = Run::Repeat(257 - usize::from(count), value[0]);
                    }
                }
            }
            Run::Repeat(left, value) => {
                let count = left.min(out.len() - filled);
                out[filled..filled + count].fill(value);
                *run = Run::Repeat(left - count, value);
                filled += count;
            }
            Run::Literal(left) => {
                let count = left.min(out.len() - filled);
                let read = read_all(reader, &mut out[filled..filled + count])?;
                filled += read;
                if read < count {
                    *run = Run::Literal(0);
                    break;
                }
                *run = Run::Literal(left - count);
            }
        }
    }
    Ok(filled)
}

fn deflate(
    reader: &mut impl BufRead,
    inflate: &mut Inflate,
    has_ended: &mut bool,
    out: &mut [u8],
) -> Result<usize, Failure> {
    let mut filled = 0;
    while filled < out.len() && !*has_ended {
        let input = reader.fill_buf().map_err(|error| Failure::damaged("deflate", error))?;
        let is_last = input.is_empty();
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(input, &mut out[filled..], InflateFlush::Finish)
            .map_err(|error| Failure::damaged("deflate", inflate.error_message().unwrap_or(error.as_str())))?;
        reader.consume((inflate.total_in() - before_in) as usize);
        let made = (inflate.total_out() - before_out) as usize;
        filled += made;
        *has_ended = status == Status::StreamEnd;
        if is_last && made == 0 {
            break;
        }
    }
    Ok(filled)
}

fn lzw(reader: &mut impl BufRead, decoder: &mut weezl::decode::Decoder, out: &mut [u8]) -> Result<usize, Failure> {
    let mut filled = 0;
    while filled < out.len() && !decoder.has_ended() {
        let input = reader.fill_buf().map_err(|error| Failure::damaged("lzw", error))?;
        let is_last = input.is_empty();
        let result = decoder.decode_bytes(input, &mut out[filled..]);
        reader.consume(result.consumed_in);
        filled += result.consumed_out;
        if let Err(error) = result.status {
            return Err(Failure::damaged("lzw", error));
        }
        if is_last && result.consumed_out == 0 {
            break;
        }
    }
    Ok(filled)
}

fn zstd(reader: &mut impl BufRead, decoder: &mut ZstdDecoder<'static>, out: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        let input = reader.fill_buf()?;
        let is_last = input.is_empty();
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(&mut out[filled..]);
        decoder.run(&mut input, &mut output)?;
        let (read, made) = (input.pos(), output.pos());
        reader.consume(read);
        filled += made;
        if is_last && made == 0 {
            break;
        }
    }
    Ok(filled)
}

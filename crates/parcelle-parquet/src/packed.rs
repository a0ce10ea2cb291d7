//! Packed pages, held against the size that their headers say.
//!
//! The decoders of some codecs write into what the header asks for, and fail where there is more (snappy, zstd, LZ4 as it is).
//! Those of streams go on to the end of the stream, whatever it grows to, and only then compare: a page of a megabyte takes a
//! gigabyte of memory, or more. Such a page is unpacked once before, into nothing, and no further than its header says.

use std::io::{self, Read};

use parquet::basic::Compression;

use crate::thrift::PageSize;

/// What brotli reads at a time.
const BUFFER_BYTES: usize = 4096;

/// Whether a page unpacks to no more than its header says. What cannot be unpacked is for the decoder to refuse.
///
/// # Errors
/// How much it says.
pub(crate) fn check(codec: Compression, size: PageSize, page: &[u8]) -> Result<(), String> {
    let packed = usize::try_from(size.plain).ok().and_then(|plain| page.get(plain..)).unwrap_or_default();
    let limit = size.unpacked.saturating_sub(size.plain);
    if size.is_plain || limit == 0 {
        return Ok(());
    }
    let is_more = match codec {
        Compression::GZIP(_) => is_more(flate2::read::MultiGzDecoder::new(packed), limit),
        Compression::BROTLI(_) => is_more(brotli::Decompressor::new(packed, BUFFER_BYTES), limit),
        // Blocks as Hadoop frames them are unpacked into what the header says; what is not framed so is tried as a stream.
        Compression::LZ4 => is_more(lz4_flex::frame::FrameDecoder::new(packed), limit),
        _ => false,
    };
    if is_more {
        return Err(format!("a page of {} bytes unpacks to more than the {limit} that its header says", page.len()));
    }
    Ok(())
}

fn is_more(stream: impl Read, limit: u64) -> bool {
    io::copy(&mut stream.take(limit.saturating_add(1)), &mut io::sink()).is_ok_and(|unpacked| unpacked > limit)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::basic::{BrotliLevel, GzipLevel};

    use super::*;

    fn packed(codec: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        match codec {
            Compression::GZIP(_) => {
                let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            Compression::BROTLI(_) => {
                brotli::CompressorWriter::new(&mut packed, BUFFER_BYTES, 1, 22).write_all(bytes).unwrap();
            }
            _ => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut packed);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
        }
        packed
    }

    #[test]
    fn pages_are_held_against_their_headers() {
        let codecs =
            [Compression::GZIP(GzipLevel::default()), Compression::BROTLI(BrotliLevel::default()), Compression::LZ4];
        for codec in codecs {
            let page = packed(codec, &[7; 100_000]);
            let said = |unpacked| check(codec, PageSize { unpacked, ..PageSize::default() }, &page);
            assert_eq!((said(100_000), said(100_001), said(0)), (Ok(()), Ok(()), Ok(())), "{codec}");
            let reason = said(99_999).unwrap_err();
            assert!(reason.ends_with("unpacks to more than the 99999 that its header says"), "{codec}: {reason}");
            // Two streams one after the other are one to the decoder of gzip; others end with the first.
            let twice = [page.as_slice(), &page].concat();
            let is_first = check(codec, PageSize { unpacked: 100_000, ..PageSize::default() }, &twice).is_ok();
            assert_eq!(is_first, !matches!(codec, Compression::GZIP(_)), "{codec}");
            // Levels stand before it, and count.
            let behind = [&[1, 2, 3][..], &page].concat();
            let of = |unpacked, is_plain| PageSize { unpacked, plain: 3, is_plain, ..PageSize::default() };
            assert_eq!(check(codec, of(100_003, false), &behind), Ok(()), "{codec}");
            assert!(check(codec, of(100_002, false), &behind).is_err(), "{codec}");
            assert_eq!(check(codec, of(7, true), &behind), Ok(()), "{codec}");
            // Damage is for the decoder, and so are levels that are longer than the page.
            let cut = &page[..page.len() / 2];
            assert_eq!(check(codec, PageSize { unpacked: 100_000, ..PageSize::default() }, cut), Ok(()), "{codec}");
            assert_eq!(
                check(codec, PageSize { unpacked: 9, plain: 8, ..PageSize::default() }, &[1]),
                Ok(()),
                "{codec}"
            );
        }
        let size = PageSize { unpacked: 1, ..PageSize::default() };
        assert_eq!(check(Compression::SNAPPY, size, &[0; 9]), Ok(()), "it is unpacked into what its header says");
    }
}

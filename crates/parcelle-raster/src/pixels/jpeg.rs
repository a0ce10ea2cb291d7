//! JPEG blocks (TIFF Technical Note 2): whole streams, or abbreviated ones whose tables are in the tag JPEGTables.

use parcelle_storage::guarded;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::failure::Failure;
use super::huffman;

/// Start of image, of scan, end of image (ITU-T T.81 annex B).
const SOI: u8 = 0xd8;
const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;
/// How an APP14 segment begins that tells the colours.
const ADOBE: &[u8] = b"Adobe";

/// What the frame header says, with the tables that stand before the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    process: u8,
    precision: u8,
    height: u32,
    width: u32,
    components: u8,
    /// Whether a Huffman table stands before the first scan.
    has_huffman: bool,
}

/// The pixels that a block has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Size of the block.
    pub(crate) width: u32,
    /// Rows of it.
    pub(crate) height: u32,
    /// Columns of it inside the image.
    pub(crate) visible_width: u32,
    /// Rows of it inside the image.
    pub(crate) visible_height: u32,
    /// Samples of a pixel.
    pub(crate) samples: u32,
    /// Bits of each.
    pub(crate) bits: u16,
}

/// Decodes a block into interleaved components, not converted to any colour space. `stream` is room for the stream with
/// its tables, `out` gets width × height × samples bytes.
pub(crate) fn decode(
    block: &[u8],
    tables: Option<&[u8]>,
    wanted: Wanted,
    stream: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    complete(block, tables, stream)?;
    let frame = frame(stream, wanted)?;
    fits(frame, wanted)?;
    if !frame.has_huffman {
        huffman::insert(stream);
    }
    let samples = wanted.samples as usize;
    let (width, height) = (frame.width as usize, frame.height as usize);
    out.clear();
    out.resize(width * height * samples, 0);
    // libjpeg fills what is lost with gray and warns; the pixels are lost all the same, so the decoder is to be strict. It
    // then refuses two components, though, in which only a missing end is noticed.
    let is_pair = frame.components == 2;
    if is_pair && !block.iter().rev().skip_while(|byte| **byte == 0).take(2).eq(&[EOI, 0xff]) {
        return Err(Failure::damaged("jpeg", "the stream does not end with an end of image"));
    }
    let options = DecoderOptions::new_fast().set_strict_mode(!is_pair).set_max_width(width).set_max_height(height);
    let decoded = guarded(|| {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*stream), options);
        decoder.decode_headers()?;
        let own = if is_pair { Some(ColorSpace::LumaA) } else { decoder.input_colorspace() };
        if let Some(own) = own {
            let unchanged = decoder.options().jpeg_set_out_colorspace(own);
            decoder.set_options(unchanged);
        }
        decoder.decode_into(out)
    });
    match decoded {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Failure::damaged("jpeg", one_line(&error.to_string()))),
        Err(unwound) => return Err(Failure::damaged("jpeg", unwound)),
    }
    place(out, width, height, wanted);
    Ok(())
}

/// The stream as a decoder without knowledge of TIFF reads it: the tables between its start and the rest.
fn complete(block: &[u8], tables: Option<&[u8]>, stream: &mut Vec<u8>) -> Result<(), Failure> {
    let Some(body) = block.strip_prefix(&[0xff, SOI]) else {
        return Err(Failure::damaged("jpeg", "the stream does not begin with a start of image"));
    };
    stream.clear();
    stream.extend([0xff, SOI]);
    if let Some(tables) = tables {
        let tables = tables.strip_prefix(&[0xff, SOI]).unwrap_or(tables);
        stream.extend(tables.strip_suffix(&[0xff, EOI]).unwrap_or(tables));
    }
    stream.extend(body);
    Ok(())
}

/// Walks the markers up to the first scan. What no decoder here takes is told as such only where it can be the block that is
/// wanted: a damaged header may say anything.
///
/// Segments that tell the colours apart (APP14, "Adobe") are made such that nobody takes notice of them: TIFF has a tag for
/// it, components are wanted as they are, and the decoder takes RGB for CMYK.
fn frame(stream: &mut [u8], wanted: Wanted) -> Result<Frame, Failure> {
    let (mut entropy, mut quantisation, mut frame) = (false, false, None);
    let mut colours = Vec::new();
    let ends = || Failure::damaged("jpeg", "the stream ends before its first scan");
    let mut rest = stream.get(2..).ok_or_else(ends)?;
    loop {
        let [0xff, marker, tail @ ..] = rest else {
            // Anything between segments is passed over, as libjpeg does (`next_marker`, jdmarker.c).
            rest = rest.get(1..).ok_or_else(ends)?;
            continue;
        };
        match *marker {
            // Fill bytes, and markers without a segment.
            0xff => {
                rest = rest.get(1..).ok_or_else(ends)?;
                continue;
            }
            0x00 | 0x01 | 0xd0..=0xd8 => {
                rest = tail;
                continue;
            }
            EOI => return Err(ends()),
            _ => {}
        }
        let [high, low, ..] = *tail else { return Err(ends()) };
        let segment = tail.get(2..usize::from(u16::from_be_bytes([high, low]))).ok_or_else(ends)?;
        match *marker {
            SOS => break,
            0xc4 | 0xcc => entropy = true,
            0xdb => quantisation = true,
            0xee if segment.starts_with(ADOBE) => colours.push(stream.len() - tail.len() + 2),
            0xc0..=0xcf if *marker != 0xc8 => {
                let [precision, height_high, height_low, width_high, width_low, components, ..] = *segment else {
                    return Err(ends());
                };
                frame = Some(Frame {
                    process: *marker,
                    precision,
                    height: u16::from_be_bytes([height_high, height_low]).into(),
                    width: u16::from_be_bytes([width_high, width_low]).into(),
                    components,
                    has_huffman: false,
                });
            }
            _ => {}
        }
        rest = tail.get(2 + segment.len()..).ok_or_else(ends)?;
    }
    for start in colours {
        stream.iter_mut().skip(start).take(ADOBE.len()).for_each(|byte| *byte = 0);
    }
    let frame = frame.ok_or_else(|| Failure::damaged("jpeg", "the stream has a scan before its frame header"))?;
    let kind = match frame.process {
        0xc0..=0xc2 if frame.precision == 8 => None,
        0xc0..=0xc2 => Some(format!("samples of {} bits", frame.precision)),
        0xc3 => Some("lossless coding".to_owned()),
        0xc9..=0xcb | 0xcd..=0xcf => Some("arithmetic coding".to_owned()),
        _ => Some("hierarchical coding".to_owned()),
    };
    let kind = kind.or_else(|| (frame.components > 4).then(|| format!("{} components", frame.components)));
    // Sequential coding has default Huffman tables (annex K), which libjpeg falls back to; progressive coding has none.
    if kind.is_none() && !(quantisation && (entropy || frame.process != 0xc2)) {
        return Err(Failure::NoJpegTables);
    }
    match kind {
        Some(kind) => {
            fits(frame, wanted)?;
            Err(Failure::NotDecoded(format!("jpeg: {kind}")))
        }
        None => Ok(Frame { has_huffman: entropy, ..frame }),
    }
}

/// libtiff refuses what has other samples or is larger than its block (`JPEGPreDecode`, tif_jpeg.c), and takes a smaller
/// picture with a warning; that is in order only where what is missing lies outside the image. A last strip may have the
/// rows of a whole one.
fn fits(frame: Frame, wanted: Wanted) -> Result<(), Failure> {
    if u32::from(frame.components) != wanted.samples || u16::from(frame.precision) != wanted.bits {
        return Err(Failure::damaged(
            "jpeg",
            format!(
                "{} components of {} bits, where the image has {} samples of {}",
                frame.components, frame.precision, wanted.samples, wanted.bits
            ),
        ));
    }
    let is_large = frame.width > wanted.width || (frame.height > wanted.height && frame.width != wanted.width);
    let is_small = frame.width < wanted.visible_width || frame.height < wanted.visible_height;
    if is_large || is_small {
        return Err(Failure::damaged(
            "jpeg",
            format!("a picture of {}x{} in a block of {}x{}", frame.width, frame.height, wanted.width, wanted.height),
        ));
    }
    Ok(())
}

/// Brings a picture of another size into the block; what is outside the image stays 0.
fn place(out: &mut Vec<u8>, width: usize, height: usize, wanted: Wanted) {
    let samples = wanted.samples as usize;
    let (to_width, to_height) = (wanted.width as usize, wanted.height as usize);
    if width != to_width {
        let mut placed = vec![0; to_width * to_height * samples];
        let rows = placed.chunks_exact_mut(to_width * samples).zip(out.chunks_exact(width * samples));
        for (to, from) in rows.take(height) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        *out = placed;
    } else {
        out.resize(to_width * to_height * samples, 0);
    }
}

/// A decoder's message as part of a sentence.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream up to its first scan, with this precision and number of components.
    fn stream(precision: u8, components: u8) -> Vec<u8> {
        let mut bytes = vec![0xff, SOI, 0xff, 0xc0, 0, 8, precision, 0, 16, 0, 16, components];
        bytes.extend([0xff, SOS, 0, 2]);
        bytes
    }

    #[test]
    fn a_header_that_cannot_be_that_of_the_block_is_damage() {
        let wanted = |samples: u32, bits: u16| Wanted {
            width: 16,
            height: 16,
            visible_width: 16,
            visible_height: 16,
            samples,
            bits,
        };
        let is_damaged =
            |stream: Vec<u8>, wanted: Wanted| matches!(frame(&mut { stream }, wanted), Err(Failure::Damaged { .. }));
        let is_not_decoded =
            |stream: Vec<u8>, wanted: Wanted| matches!(frame(&mut { stream }, wanted), Err(Failure::NotDecoded(_)));
        assert!(is_damaged(stream(8, 170), wanted(3, 8)));
        assert!(is_not_decoded(stream(8, 5), wanted(5, 8)));
        assert!(is_damaged(stream(0xaa, 3), wanted(3, 8)));
        assert!(is_not_decoded(stream(12, 1), wanted(1, 12)));
    }
}

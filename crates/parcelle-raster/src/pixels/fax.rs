//! CCITT codecs of bilevel images (TIFF 6.0 sections 10 and 11, ITU-T T.4 and T.6).

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use parcelle_storage::guarded;

use super::failure::Failure;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fax {
    /// Compression 2: runs, each row in whole bytes.
    Rows,
    /// Compression 3, of which bit 0 of T4Options says whether rows refer to the one before.
    Group3 {
        /// Two-dimensional coding.
        is_two_dimensional: bool,
    },
    /// Compression 4.
    Group4,
}

impl Fax {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "ccittrle",
            Self::Group3 { .. } => "ccittfax3",
            Self::Group4 => "ccittfax4",
        }
    }
}

/// Rows as they come, black as 1: the codecs know no other colours, whatever the photometric interpretation.
struct Rows<'out> {
    out: &'out mut [u8],
    row_bytes: usize,
    width: u32,
    done: usize,
}

impl Decoder for Rows<'_> {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.done.saturating_mul(self.row_bytes);
        self.done += 1;
        let Some(row) = self.out.get_mut(start..start.saturating_add(self.row_bytes)) else { return };
        for pair in changes.chunks(2) {
            let [from, to] = match *pair {
                [from, to] => [from, to],
                [from] => [from, self.width],
                _ => continue,
            };
            blacken(row, from as usize, to.min(self.width) as usize);
        }
    }
}

fn blacken(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let (head, tail) = (0xff_u8 >> (from % 8), 0xff_u8 << (7 - (to - 1) % 8));
    if first == last {
        if let Some(byte) = row.get_mut(first) {
            *byte |= head & tail;
        }
        return;
    }
    if let Some([start, middle @ .., end]) = row.get_mut(first..=last) {
        *start |= head;
        middle.fill(0xff);
        *end |= tail;
    }
}

/// Decodes a block whose bits begin with the highest of each byte. Damaged rows are passed over where the next one can be
/// found, as by libtiff (`Fax3Decode1D`, tif_fax3.c); missing ones are an error.
pub(crate) fn decode(block: &[u8], fax: Fax, width: u32, height: u32, out: &mut Vec<u8>) -> Result<(), Failure> {
    let row_bytes = width.div_ceil(8) as usize;
    out.clear();
    out.resize(row_bytes * height as usize, 0);
    let settings = DecodeSettings {
        columns: width,
        rows: height,
        end_of_block: fax != Fax::Rows,
        end_of_line: matches!(fax, Fax::Group3 { .. }),
        rows_are_byte_aligned: fax == Fax::Rows,
        encoding: match fax {
            Fax::Rows | Fax::Group3 { is_two_dimensional: false } => EncodingMode::Group3_1D,
            Fax::Group3 { is_two_dimensional: true } => EncodingMode::Group3_2D,
            Fax::Group4 => EncodingMode::Group4,
        },
        strict: false,
    };
    let mut rows = Rows { out, row_bytes, width, done: 0 };
    let decoded = guarded(|| hayro_ccitt::decode(block, &mut rows, &mut DecoderContext::new(settings)));
    let done = rows.done as u64;
    match decoded {
        Ok(Ok(_)) if done >= u64::from(height) => Ok(()),
        Ok(Ok(_)) => Err(Failure::damaged(fax.name(), format!("the stream ends after {done} of {height} rows"))),
        Ok(Err(error)) => Err(Failure::damaged(fax.name(), format!("row {done}: {error}"))),
        Err(unwound) => Err(Failure::damaged(fax.name(), unwound)),
    }
}

//! GDAL's structural metadata between the header and the first directory.

use std::ops::Range;

use crate::header::Header;

const OPENING: &[u8] = b"GDAL_STRUCTURAL_METADATA_SIZE=";
/// The opening, six digits, ` bytes` and a line feed.
const OPENING_LINE: u64 = 43;
const SIZE_DIGITS: usize = 6;
/// So many bytes that are no text may be within the declared size.
const DAMAGED_LETTERS: usize = 8;

/// The text that GDAL's COG writer leaves right behind the header, outside every directory: claims about the layout
/// that let a reader save requests (GDAL, COG driver documentation, "Header ghost area").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GhostArea {
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// The six characters of the size field.
    pub size_field: String,
    /// Bytes of text after the opening line, as declared; `None` where the size field is not a number.
    pub declared_size: Option<u64>,
    /// Where the last whole line of the text that is really there ends.
    pub text_end: u64,
    /// Where the first byte is that cannot be text. GDAL leaves a space or two after the last line.
    pub printable_end: u64,
    /// `KEY=VALUE` pairs in the order of the file; values keep their spaces, keys and values lose line ends.
    pub entries: Vec<(String, String)>,
    /// Whether lines end in carriage return and line feed, which GDAL does not write.
    pub carriage_returns: bool,
}

impl GhostArea {
    /// How many bytes after the header are looked at. Written areas have some 200.
    pub(crate) const LIMIT: u64 = 8 * 1024;

    /// Reads the area from `bytes`, which begin right behind the header and end at the first directory or at
    /// [`GhostArea::LIMIT`], whichever comes first.
    pub(crate) fn parse(bytes: &[u8], header: &Header) -> Option<Self> {
        let offset = header.variant.header_size();
        let digits = bytes.strip_prefix(OPENING)?.get(..SIZE_DIGITS)?;
        let declared_size = digits
            .iter()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')));
        let body = bytes.get(OPENING_LINE as usize..).unwrap_or_default();
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
        // A few damaged letters do not hide the lines behind them, which GDAL searches for all the same.
        let declared = declared_size.and_then(|size| usize::try_from(size).ok()).and_then(|size| body.get(..size));
        let declared = declared.and_then(|text| text.get(..=text.iter().rposition(|byte| *byte == b'\n')?));
        let damaged = declared.map_or(0, |text| text.iter().filter(|byte| !is_text(byte)).count());
        let sure = declared.filter(|_| damaged <= DAMAGED_LETTERS).map_or(0, <[u8]>::len);
        let end = body.iter().skip(sure).position(|byte| !is_text(byte)).map_or(body.len(), |end| sure + end);
        let printable = body.get(..end).unwrap_or(body);
        let text = match printable.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => printable.get(..=last).unwrap_or_default(),
            None => &[],
        };
        // What the size covers counts as text even without a line end; what lies past the size does with one.
        let covered = declared_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0).min(printable.len());
        let lossy = String::from_utf8_lossy(printable.get(..covered.max(text.len())).unwrap_or_default());
        let entries = lossy
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| match line.split_once('=') {
                Some((key, value)) => (key.trim().to_owned(), value.to_owned()),
                None => (line.trim().to_owned(), String::new()),
            })
            .collect();
        Some(Self {
            offset,
            size_field: String::from_utf8_lossy(digits).into_owned(),
            declared_size,
            text_end: offset + OPENING_LINE + text.len() as u64,
            printable_end: offset + OPENING_LINE + printable.len() as u64,
            entries,
            carriage_returns: text.contains(&b'\r'),
        })
    }

    /// Where the area says it ends.
    #[must_use]
    pub fn declared_end(&self) -> Option<u64> {
        Some(self.offset + OPENING_LINE + self.declared_size?)
    }

    /// Its bytes: to the declared end, or to that of the text where the size field is not a number.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.offset..self.declared_end().unwrap_or(self.text_end)
    }

    /// The bytes that are certainly its own: its text, as far as the declared size goes.
    #[must_use]
    pub fn text_range(&self) -> Range<u64> {
        let end = self.declared_end().map_or(self.text_end, |end| end.min(self.text_end));
        self.offset..end.max(self.offset.saturating_add(OPENING_LINE).min(self.text_end))
    }

    /// The trimmed value of a key, if it is there.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim())
    }

    /// Whether a key has exactly this value.
    #[must_use]
    pub fn claims(&self, key: &str, value: &str) -> bool {
        self.value(key) == Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{ByteOrder, Variant};

    const HEADER: Header =
        Header { byte_order: ByteOrder::LittleEndian, variant: Variant::Classic, first_directory: 100 };

    #[test]
    fn keys_values_and_ends() {
        let bytes = b"GDAL_STRUCTURAL_METADATA_SIZE=000042 bytes\nLAYOUT=IFDS_BEFORE_DATA\nINTERLEAVE=BAND \n\x12\0";
        let ghost = GhostArea::parse(bytes, &HEADER).unwrap();
        assert_eq!(ghost.declared_end(), Some(8 + 43 + 42));
        assert_eq!((ghost.text_end, ghost.printable_end), (8 + 43 + 41, 8 + 43 + 41));
        assert!(ghost.claims("LAYOUT", "IFDS_BEFORE_DATA"));
        assert_eq!(ghost.entries[1].1, "BAND ");
        assert_eq!(ghost.value("BLOCK_ORDER"), None);
    }

    #[test]
    fn a_damaged_letter_hides_no_line_behind_it() {
        let bytes =
            b"GDAL_STRUCTURAL_METADATA_SIZE=000041 bytes\nLAYOUT=IFDS_BEFORE_D\xffTA\nINTERLEAVE=BAND\n\x12\0\0\0";
        let ghost = GhostArea::parse(bytes, &HEADER).unwrap();
        assert!(ghost.claims("INTERLEAVE", "BAND") && !ghost.claims("LAYOUT", "IFDS_BEFORE_DATA"));
        assert_eq!((ghost.text_end, ghost.text_range()), (8 + 43 + 40, 8..8 + 43 + 40));
    }

    #[test]
    fn a_size_that_is_no_number_and_no_area_at_all() {
        let ghost = GhostArea::parse(b"GDAL_STRUCTURAL_METADATA_SIZE=0x10zz bytes\nA=B\n", &HEADER).unwrap();
        assert_eq!((ghost.declared_size, ghost.size_field.as_str()), (None, "0x10zz"));
        assert_eq!(ghost.range(), 8..8 + 43 + 4);
        assert_eq!(GhostArea::parse(b"GDAL_STRUCT", &HEADER), None);
    }
}

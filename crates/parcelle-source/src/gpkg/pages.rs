//! Pages of a SQLite database, read from the file itself (SQLite file format, sections 1.2, 1.3 and 2.1).
//!
//! Nothing here trusts a number of the file: page numbers are checked against the size of the file, and a page is only
//! given out whole.

use std::io;

use parcelle_storage::{ByteSource, LocalFile};

/// A read starts with this many bytes and grows while pages are wanted one after the other.
const FIRST_READ: usize = 16 << 10;
/// Larger reads fall out of the processor's second-level cache before their pages are decoded.
const LARGEST_READ: usize = 128 << 10;
/// Leaves, the overflow pages between them and the pages above them lie in places of their own.
const WINDOWS: usize = 4;
/// A page this close behind a window is taken as the next of a sequence.
const NEAR: u64 = 64 << 10;

/// Why a page, or what is on it, cannot be read.
#[derive(Debug)]
pub(crate) enum PageError {
    /// The content is not what the format allows.
    Damaged(String),
    /// The operating system refuses.
    Io(io::Error),
}

/// What the first 100 bytes of a database say about its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DatabaseHeader {
    /// Bytes per page: a power of two from 512 to 65,536.
    pub(crate) page_bytes: usize,
    /// Bytes per page without those reserved for extensions, at least 480.
    pub(crate) usable_bytes: usize,
    /// Number of whole pages in the file.
    pub(crate) pages: u32,
    /// Whether it was last written in WAL mode.
    pub(crate) wal: bool,
}

impl DatabaseHeader {
    /// The header of a database with text in UTF-8; `None` for any other, and for values that the format does not define:
    /// those are left to SQLite, which knows more and says what is wrong.
    pub(crate) fn parse(header: &[u8], file_bytes: u64) -> Option<Self> {
        let header: &[u8; 100] = header.first_chunk()?;
        let number = |offset: usize| Some(u32::from_be_bytes(*header.get(offset..)?.first_chunk()?));
        let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable_bytes = page_bytes.checked_sub(usize::from(header[20]))?;
        let sound = header.starts_with(b"SQLite format 3\0")
            && page_bytes.is_power_of_two()
            && page_bytes >= 512
            && usable_bytes >= 480
            && header[21..24] == [64, 32, 32]
            && matches!(header[18], 1 | 2)
            && matches!(header[19], 1 | 2)
            && matches!(number(44)?, 1..=4);
        let is_utf8 = number(56)? == 1;
        let in_file = u32::try_from(file_bytes / page_bytes as u64).unwrap_or(u32::MAX);
        let declared = number(28)?;
        let up_to_date = declared > 0 && number(24)? == number(92)?;
        let pages = if up_to_date { declared.min(in_file) } else { in_file };
        let wal = header[18] == 2 || header[19] == 2;
        (sound && is_utf8).then_some(Self { page_bytes, usable_bytes, pages, wal })
    }
}

/// Some consecutive pages in memory.
#[derive(Debug, Default)]
struct Window {
    bytes: Vec<u8>,
    /// The part of the file that is in `bytes`.
    start: u64,
    length: usize,
    last_use: u64,
}

/// Gives pages out and reads ahead.
#[derive(Debug)]
pub(crate) struct PageReader<'a> {
    source: &'a LocalFile,
    header: DatabaseHeader,
    windows: [Window; WINDOWS],
    clock: u64,
    /// Pages that may still be asked for. A sound tree has each page once, and a record whose header is long is gathered
    /// twice: a walk that asks for more goes in circles.
    left: u64,
}

impl<'a> PageReader<'a> {
    pub(crate) fn new(source: &'a LocalFile, header: DatabaseHeader) -> Self {
        Self { source, header, windows: Default::default(), clock: 0, left: 2 * u64::from(header.pages) }
    }

    pub(crate) fn header(&self) -> DatabaseHeader {
        self.header
    }

    /// Size of the pages together.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.header.pages) * self.header.page_bytes as u64
    }

    /// The usable bytes of page `number`, counted from 1.
    pub(crate) fn page(&mut self, number: u32) -> Result<&[u8], PageError> {
        if number == 0 || number > self.header.pages {
            let reason = format!("a reference leads to page {number} of {}", self.header.pages);
            return Err(PageError::Damaged(reason));
        }
        self.left =
            self.left.checked_sub(1).ok_or_else(|| PageError::Damaged("its pages lead round in circles".to_owned()))?;
        let start = u64::from(number - 1) * self.header.page_bytes as u64;
        self.clock += 1;
        let holds = |window: &Window| {
            start >= window.start && start + self.header.page_bytes as u64 <= window.start + window.length as u64
        };
        let index = match self.windows.iter().position(holds) {
            Some(index) => index,
            None => self.load(start)?,
        };
        let cut = || PageError::Damaged(format!("page {number} is cut off"));
        let clock = self.clock;
        let window = self.windows.get_mut(index).ok_or_else(cut)?;
        window.last_use = clock;
        let offset = usize::try_from(start - window.start).unwrap_or(usize::MAX);
        window
            .bytes
            .get(..window.length)
            .and_then(|bytes| bytes.get(offset..)?.get(..self.header.usable_bytes))
            .ok_or_else(cut)
    }

    /// Reads from `start` on into the window that was not used for longest.
    fn load(&mut self, start: u64) -> Result<usize, PageError> {
        let follows = |window: &&Window| {
            let end = window.start + window.length as u64;
            window.length > 0 && start >= end && start - end < NEAR
        };
        let before = self.windows.iter().filter(follows).map(|window| window.length).max();
        let wanted = before.map_or(FIRST_READ, |length| length * 4).clamp(FIRST_READ, LARGEST_READ);
        let wanted = wanted.max(self.header.page_bytes);
        let left = usize::try_from(self.bytes().saturating_sub(start)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let oldest = self.windows.iter().enumerate().min_by_key(|(_, window)| window.last_use);
        let index = oldest.map_or(0, |(index, _)| index);
        if let Some(window) = self.windows.get_mut(index) {
            if window.bytes.len() < wanted {
                window.bytes.resize(wanted, 0);
            }
            window.length = 0;
            window.start = start;
            if let Some(buffer) = window.bytes.get_mut(..wanted) {
                window.length = self.source.read_at(start, buffer).map_err(PageError::Io)?;
            }
        }
        Ok(index)
    }
}

/// The variable-length integer at the start of `bytes` and how many bytes it has, 1 to 9 (section 1.6).
#[inline]
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    match *bytes {
        [byte, ..] if byte < 0x80 => Some((byte.into(), 1)),
        [first, second, ..] if second < 0x80 => Some((u64::from(first & 0x7f) << 7 | u64::from(second), 2)),
        _ => long_varint(bytes),
    }
}

fn long_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(8) {
        value = value << 7 | u64::from(byte & 0x7f);
        if *byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    // The ninth byte has eight bits of the number.
    bytes.get(8).map(|byte| (value << 8 | u64::from(*byte), 9))
}

/// The big-endian number of 2 bytes at `offset`.
#[inline]
pub(crate) fn number16(bytes: &[u8], offset: usize) -> Option<usize> {
    bytes.get(offset..)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
}

/// The big-endian number of 4 bytes at `offset`.
#[inline]
pub(crate) fn number32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_integers() {
        for (bytes, expected) in [
            (&[0x00][..], Some((0, 1))),
            (&[0x7f, 0xff], Some((127, 1))),
            (&[0x81, 0x00], Some((128, 2))),
            (&[0xff, 0x7f], Some((16_383, 2))),
            (&[0x81, 0x80, 0x00], Some((16_384, 3))),
            (&[0xff; 9], Some((u64::MAX, 9))),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], Some((1, 9))),
            (&[0xff; 8], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), expected, "{bytes:?}");
        }
    }

    fn header() -> [u8; 100] {
        let mut header = [0; 100];
        header[..16].copy_from_slice(b"SQLite format 3\0");
        header[16..24].copy_from_slice(&[16, 0, 1, 1, 0, 64, 32, 32]);
        header[47] = 4;
        header[59] = 1;
        header
    }

    #[test]
    fn only_plain_headers_are_understood() {
        let parse = |change: &dyn Fn(&mut [u8; 100])| {
            let mut header = header();
            change(&mut header);
            DatabaseHeader::parse(&header, 40_960)
        };
        let plain = DatabaseHeader { page_bytes: 4096, usable_bytes: 4096, pages: 10, wal: false };
        assert_eq!(parse(&|_| ()), Some(plain));
        assert_eq!(parse(&|header| header[18..20].fill(2)), Some(DatabaseHeader { wal: true, ..plain }));
        assert_eq!(parse(&|header| header[20] = 8), Some(DatabaseHeader { usable_bytes: 4088, ..plain }));
        // The size in the header counts if it was kept up to date.
        assert_eq!(parse(&|header| header[31] = 7), Some(DatabaseHeader { pages: 7, ..plain }));
        assert_eq!(parse(&|header| (header[31], header[27]) = (7, 1)), Some(plain));
        let large = parse(&|header| header[16..18].copy_from_slice(&[0, 1])).unwrap();
        assert_eq!((large.page_bytes, large.pages), (65_536, 0));
        for (offset, value) in
            [(0, b'X'), (16, 17), (16, 1), (18, 3), (19, 0), (21, 63), (47, 5), (47, 0), (59, 2), (59, 0)]
        {
            assert_eq!(parse(&|header| header[offset] = value), None, "byte {offset} is {value}");
        }
        assert_eq!(parse(&|header| header[16..21].copy_from_slice(&[2, 0, 1, 1, 33])), None);
        assert_eq!(DatabaseHeader::parse(&header()[..99], 40_960), None);
    }

    #[test]
    fn pages_are_given_out_whole_and_in_any_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..600u32).flat_map(|page| [page.to_be_bytes(); 128].concat()).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let source = LocalFile::open(file.path()).unwrap();
        let header = DatabaseHeader { page_bytes: 512, usable_bytes: 500, pages: 600, wal: false };
        let mut reader = PageReader::new(&source, header);
        for index in 0..1200 {
            let number = if index % 3 == 0 { index / 2 + 1 } else { index * 7 % 600 + 1 };
            let page = reader.page(number).unwrap();
            assert_eq!((page.len(), number32(page, 0)), (500, Some(number - 1)));
        }
        assert!(matches!(reader.page(1), Err(PageError::Damaged(reason)) if reason.contains("circles")));
        for number in [0, 601, u32::MAX] {
            assert!(matches!(PageReader::new(&source, header).page(number), Err(PageError::Damaged(_))));
        }
        let cut = DatabaseHeader { pages: 700, ..header };
        assert!(matches!(PageReader::new(&source, cut).page(601), Err(PageError::Damaged(_))));
    }
}

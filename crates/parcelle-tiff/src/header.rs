//! The first bytes of a file: byte order, variant, offset of the first directory.

use std::ops::Range;

use crate::problem::Problem;

/// How multi-byte numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `II`: least significant byte first.
    LittleEndian,
    /// `MM`: most significant byte first.
    BigEndian,
}

impl ByteOrder {
    /// The unsigned number that up to eight bytes spell; further bytes are ignored.
    #[must_use]
    pub fn unsigned(self, bytes: &[u8]) -> u64 {
        let bytes = bytes.get(..8).unwrap_or(bytes);
        let append = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        match self {
            Self::LittleEndian => bytes.iter().rev().fold(0, append),
            Self::BigEndian => bytes.iter().fold(0, append),
        }
    }

    /// The lower-case phrase used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LittleEndian => "little-endian",
            Self::BigEndian => "big-endian",
        }
    }
}

/// Classic TIFF (32-bit offsets) or BigTIFF (64-bit offsets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Version 42: offsets of four bytes, so nothing past 4 GiB can be reached.
    Classic,
    /// Version 43: offsets of eight bytes.
    Big,
}

impl Variant {
    /// Bytes of the file header.
    #[must_use]
    pub const fn header_size(self) -> u64 {
        match self {
            Self::Classic => 8,
            Self::Big => 16,
        }
    }

    /// Bytes of the entry count that opens a directory.
    #[must_use]
    pub const fn count_size(self) -> u64 {
        match self {
            Self::Classic => 2,
            Self::Big => 8,
        }
    }

    /// Bytes of one directory entry.
    #[must_use]
    pub const fn entry_size(self) -> u64 {
        match self {
            Self::Classic => 12,
            Self::Big => 20,
        }
    }

    /// Bytes of an offset, which is also the room for a value inside an entry.
    #[must_use]
    pub const fn offset_size(self) -> u64 {
        match self {
            Self::Classic => 4,
            Self::Big => 8,
        }
    }

    /// Bytes of a whole directory with `entries` entries and the pointer to the next one.
    #[must_use]
    pub fn directory_size(self, entries: u64) -> Option<u64> {
        entries.checked_mul(self.entry_size())?.checked_add(self.count_size() + self.offset_size())
    }
}

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How numbers are written.
    pub byte_order: ByteOrder,
    /// Width of offsets.
    pub variant: Variant,
    /// Offset of the first directory, in bytes from the start of the file.
    pub first_directory: u64,
}

impl Header {
    /// Where the header itself lies.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        0..self.variant.header_size()
    }

    /// Reads the header from the first bytes of a file of `file_length` bytes (TIFF 6.0 section 2; BigTIFF).
    pub(crate) fn parse(bytes: &[u8], file_length: u64) -> Result<Self, Problem> {
        let too_short = Problem::TooShort { length: file_length };
        let byte_order = match bytes.get(..2) {
            Some(b"II") => ByteOrder::LittleEndian,
            Some(b"MM") => ByteOrder::BigEndian,
            Some(&[first, second]) => return Err(Problem::ByteOrderMark { found: [first, second] }),
            _ => return Err(too_short),
        };
        let number = |range: Range<usize>| bytes.get(range).map(|field| byte_order.unsigned(field));
        let (variant, first_directory) = match number(2..4).ok_or(too_short.clone())? {
            42 => (Variant::Classic, number(4..8)),
            43 => {
                let offset_size = number(4..6).ok_or(too_short.clone())?;
                let reserved = number(6..8).ok_or(too_short.clone())?;
                if offset_size != 8 || reserved != 0 {
                    return Err(Problem::OffsetSize { offset_size, reserved });
                }
                (Variant::Big, number(8..16))
            }
            version => return Err(Problem::Version { version }),
        };
        Ok(Self { byte_order, variant, first_directory: first_directory.ok_or(too_short)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_variants_and_orders() {
        let header = Header::parse(b"II\x2a\0\x08\0\0\0", 8).unwrap();
        assert_eq!((header.variant, header.first_directory), (Variant::Classic, 8));
        let header = Header::parse(b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10", 16).unwrap();
        assert_eq!((header.byte_order, header.first_directory), (ByteOrder::BigEndian, 16));
    }

    #[test]
    fn what_is_no_tiff_says_why() {
        assert_eq!(Header::parse(b"", 0), Err(Problem::TooShort { length: 0 }));
        assert_eq!(Header::parse(b"He", 2), Err(Problem::ByteOrderMark { found: *b"He" }));
        assert_eq!(Header::parse(b"II\x2a\0", 4), Err(Problem::TooShort { length: 4 }));
        assert_eq!(Header::parse(b"II\x2c\0\0\0\0\0", 8), Err(Problem::Version { version: 44 }));
        assert_eq!(
            Header::parse(b"II\x2b\0\x04\0\0\0\0\0\0\0\0\0\0\0", 16),
            Err(Problem::OffsetSize { offset_size: 4, reserved: 0 })
        );
    }
}

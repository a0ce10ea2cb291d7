//! What can be wrong with the structure of a file.

use crate::tags;

/// The kind of structure that something else runs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StructureKind {
    /// The first bytes of the file.
    Header,
    /// GDAL's structural metadata behind the header.
    GhostArea,
    /// The directory with this index.
    Directory(usize),
    /// The value area of a tag.
    Value {
        /// Index of its directory.
        directory: usize,
        /// Its tag.
        tag: u16,
    },
}

impl std::fmt::Display for StructureKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header => formatter.write_str("the file header"),
            Self::GhostArea => formatter.write_str("the ghost area"),
            Self::Directory(directory) => write!(formatter, "IFD {directory}"),
            Self::Value { directory, tag } => {
                write!(formatter, "the values of {} of IFD {directory}", tags::label(*tag))
            }
        }
    }
}

/// One thing wrong with the structure. All of a file's problems are collected, parsing goes on where it is sound.
///
/// Directories are counted from 0 in the order of the chain; offsets are bytes from the start of the file; ranges
/// exclude their end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is shorter than its header.
    #[error("the file has {length} bytes, fewer than a TIFF header")]
    TooShort {
        /// Length of the file.
        length: u64,
    },
    /// The first two bytes are neither `II` nor `MM`.
    #[error("the file begins with the bytes {:02x} {:02x}, not with II or MM", found[0], found[1])]
    ByteOrderMark {
        /// The two bytes.
        found: [u8; 2],
    },
    /// Neither 42 (TIFF) nor 43 (BigTIFF).
    #[error("TIFF version {version}; only 42 (classic) and 43 (BigTIFF) exist")]
    Version {
        /// The number found.
        version: u64,
    },
    /// BigTIFF whose offsets do not have eight bytes.
    #[error("BigTIFF with offsets of {offset_size} bytes and the reserved field {reserved}; they must be 8 and 0")]
    OffsetSize {
        /// Bytes per offset, as declared.
        offset_size: u64,
        /// The field after it.
        reserved: u64,
    },
    /// The header points at no directory.
    #[error("the header gives 0 as offset of the first IFD: the file has no image")]
    NoDirectory,
    /// A directory begins at or past the end of the file.
    #[error("IFD {directory} should be at byte {offset}, past the end of the file at {file_length}")]
    DirectoryPastEnd {
        /// Its index.
        directory: usize,
        /// Where it should begin.
        offset: u64,
        /// Length of the file.
        file_length: u64,
    },
    /// A directory begins inside, or runs into, the header or another directory.
    #[error("IFD {directory} at byte {offset} overlaps {other}")]
    DirectoryOverlap {
        /// Its index.
        directory: usize,
        /// Where it begins.
        offset: u64,
        /// What it overlaps.
        other: StructureKind,
    },
    /// What is at a directory's offset is not a directory: most entries have impossible field types.
    #[error("at byte {offset}, where IFD {directory} should be, there is no directory")]
    NotADirectory {
        /// Its index.
        directory: usize,
        /// Where it should be.
        offset: u64,
    },
    /// A directory begins at an odd offset.
    #[error("IFD {directory} begins at the odd offset {offset}; TIFF 6.0 asks for a word boundary")]
    DirectoryOdd {
        /// Its index.
        directory: usize,
        /// Where it begins.
        offset: u64,
    },
    /// The chain comes back to a directory that was there before.
    #[error("the IFD chain loops: IFD {directory} points back to IFD {target} at byte {offset}")]
    DirectoryLoop {
        /// The directory whose pointer leads back.
        directory: usize,
        /// The directory it leads to.
        target: usize,
        /// Its offset.
        offset: u64,
    },
    /// The chain was given up.
    #[error("the IFD chain has more than {limit} directories; the rest was not read")]
    TooManyDirectories {
        /// How many were read.
        limit: usize,
    },
    /// A directory declares no entries, or more than the file has room for.
    #[error("IFD {directory} at byte {offset} declares {declared} entries; there is room for {room}")]
    EntryCount {
        /// Its index.
        directory: usize,
        /// Where it begins.
        offset: u64,
        /// Entries declared.
        declared: u64,
        /// Entries that fit between its start and the end of the file; where all of them would, those that are in order.
        room: u64,
    },
    /// The file ends inside a directory that is sound so far.
    #[error("IFD {directory} at byte {offset} needs the bytes up to {end}, the file ends at {file_length}")]
    DirectoryTruncated {
        /// Its index.
        directory: usize,
        /// Where it begins.
        offset: u64,
        /// Where it should end.
        end: u64,
        /// Length of the file.
        file_length: u64,
    },
    /// An entry's tag is smaller than the one before.
    #[error("IFD {directory}: {} comes after {}; entries must be in ascending tag order", tags::label(*tag), tags::label(*previous))]
    Unsorted {
        /// Index of the directory.
        directory: usize,
        /// The tag out of order.
        tag: u16,
        /// The tag before it.
        previous: u16,
    },
    /// A tag occurs twice.
    #[error("IFD {directory}: {} occurs more than once", tags::label(*tag))]
    Duplicate {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
    },
    /// A tag's values have a type that cannot hold them.
    #[error("IFD {directory}: {} has the field type {found}, expected {expected}", tags::label(*tag))]
    FieldType {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// The type's number.
        found: u16,
        /// Names of the types that are right.
        expected: &'static str,
    },
    /// A tag has another number of values than the image needs.
    #[error("IFD {directory}: {} has {found} values, the image needs {needed}", tags::label(*tag))]
    ValueCount {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// Values declared.
        found: u64,
        /// Values needed.
        needed: u64,
    },
    /// The values of a tag lie outside the file, wholly or in part.
    #[error("IFD {directory}: the values of {} ({count} at byte {offset}) reach past the end of the file at {file_length}", tags::label(*tag))]
    ValueOutside {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// Where they begin.
        offset: u64,
        /// How many there are.
        count: u64,
        /// Where they end; `None` if that is past 2^64.
        end: Option<u64>,
        /// Length of the file.
        file_length: u64,
    },
    /// The values of a tag share bytes with another structure.
    #[error("IFD {directory}: the values of {} ({start}-{end}) overlap {other}", tags::label(*tag))]
    ValueOverlap {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// Where they begin.
        start: u64,
        /// Where they end.
        end: u64,
        /// What they overlap.
        other: StructureKind,
    },
    /// All value areas together are larger than the file, so they must overlap; this one was not read.
    #[error("IFD {directory}: the values of {} at byte {offset} were not read: all values together are larger than the file", tags::label(*tag))]
    ValuesExceedFile {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// Where they begin.
        offset: u64,
    },
    /// A tag without which the image cannot be read is not there.
    #[error("IFD {directory} lacks {}", tags::label(*tag))]
    MissingTag {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
    },
    /// A tag has a value that it must not have.
    #[error("IFD {directory}: {}={value} is out of its domain", tags::label(*tag))]
    OutOfDomain {
        /// Index of the directory.
        directory: usize,
        /// The tag.
        tag: u16,
        /// The value.
        value: u64,
    },
}

impl Problem {
    /// The directory it is about, if it is about one.
    #[must_use]
    pub const fn directory(&self) -> Option<usize> {
        match self {
            Self::TooShort { .. }
            | Self::ByteOrderMark { .. }
            | Self::Version { .. }
            | Self::OffsetSize { .. }
            | Self::NoDirectory
            | Self::TooManyDirectories { .. } => None,
            Self::DirectoryPastEnd { directory, .. }
            | Self::DirectoryOverlap { directory, .. }
            | Self::NotADirectory { directory, .. }
            | Self::DirectoryOdd { directory, .. }
            | Self::DirectoryLoop { directory, .. }
            | Self::EntryCount { directory, .. }
            | Self::DirectoryTruncated { directory, .. }
            | Self::Unsorted { directory, .. }
            | Self::Duplicate { directory, .. }
            | Self::FieldType { directory, .. }
            | Self::ValueCount { directory, .. }
            | Self::ValueOutside { directory, .. }
            | Self::ValueOverlap { directory, .. }
            | Self::ValuesExceedFile { directory, .. }
            | Self::MissingTag { directory, .. }
            | Self::OutOfDomain { directory, .. } => Some(*directory),
        }
    }

    /// The tag it is about, if it is about one.
    #[must_use]
    pub const fn tag(&self) -> Option<u16> {
        match self {
            Self::Unsorted { tag, .. }
            | Self::Duplicate { tag, .. }
            | Self::FieldType { tag, .. }
            | Self::ValueCount { tag, .. }
            | Self::ValueOutside { tag, .. }
            | Self::ValueOverlap { tag, .. }
            | Self::ValuesExceedFile { tag, .. }
            | Self::MissingTag { tag, .. }
            | Self::OutOfDomain { tag, .. } => Some(*tag),
            _ => None,
        }
    }

    /// The byte offset it is about, if it is about one.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        match self {
            Self::DirectoryPastEnd { offset, .. }
            | Self::DirectoryOverlap { offset, .. }
            | Self::NotADirectory { offset, .. }
            | Self::DirectoryOdd { offset, .. }
            | Self::DirectoryLoop { offset, .. }
            | Self::EntryCount { offset, .. }
            | Self::DirectoryTruncated { offset, .. }
            | Self::ValueOutside { offset, .. }
            | Self::ValuesExceedFile { offset, .. } => Some(*offset),
            Self::ValueOverlap { start, .. } => Some(*start),
            _ => None,
        }
    }
}

//! Directories, their block index, and their place among the file's images.

use std::ops::Range;

use crate::entry::Entry;
use crate::header::{ByteOrder, Variant};
use crate::image::Image;
use crate::tags;

/// What an image is to the file, as GDAL sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The first image of the chain: what a reader shows.
    FullResolution,
    /// A smaller copy of it (NewSubfileType 1).
    Overview,
    /// Its transparency mask (NewSubfileType 4).
    Mask,
    /// A smaller copy of the mask (NewSubfileType 5).
    MaskOverview,
    /// Another image in the same file.
    Page,
}

impl Role {
    /// The role of the directory at `index` with the subfile flags `subfile_type` (bit 0 reduced, bit 2 mask).
    pub(crate) const fn of(index: usize, subfile_type: u64) -> Self {
        match (index, subfile_type & 1 != 0, subfile_type & 4 != 0) {
            (0, _, _) => Self::FullResolution,
            (_, true, false) => Self::Overview,
            (_, false, true) => Self::Mask,
            (_, true, true) => Self::MaskOverview,
            (_, false, false) => Self::Page,
        }
    }

    /// Whether it is a mask or an overview of one.
    #[must_use]
    pub const fn is_mask(self) -> bool {
        matches!(self, Self::Mask | Self::MaskOverview)
    }
}

/// Whole numbers of an index array, kept in four bytes each where the file does so too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Numbers {
    /// Read from SHORT or LONG.
    Narrow(Vec<u32>),
    /// Read from LONG8.
    Wide(Vec<u64>),
}

impl Numbers {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Narrow(list) => list.len(),
            Self::Wide(list) => list.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a place, if there is one.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u64> {
        match self {
            Self::Narrow(list) => list.get(index).map(|number| u64::from(*number)),
            Self::Wide(list) => list.get(index).copied(),
        }
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let (narrow, wide): (&[u32], &[u64]) = match self {
            Self::Narrow(list) => (list, &[]),
            Self::Wide(list) => (&[], list),
        };
        narrow.iter().map(|number| u64::from(*number)).chain(wide.iter().copied())
    }

    /// Room for `count` values of `size` bytes each, which the caller has checked against the file's length.
    pub(crate) fn with_capacity(count: usize, size: u64) -> Self {
        if size > 4 { Self::Wide(Vec::with_capacity(count)) } else { Self::Narrow(Vec::with_capacity(count)) }
    }

    /// Appends the whole values in `bytes`, each of `size` bytes.
    pub(crate) fn append(&mut self, bytes: &[u8], size: u64, order: ByteOrder) {
        match (self, size, order) {
            (Self::Narrow(list), 4, ByteOrder::LittleEndian) => {
                list.extend(bytes.as_chunks().0.iter().map(|value| u32::from_le_bytes(*value)));
            }
            (Self::Wide(list), 8, ByteOrder::LittleEndian) => {
                list.extend(bytes.as_chunks().0.iter().map(|value| u64::from_le_bytes(*value)));
            }
            (Self::Narrow(list), _, _) => {
                list.extend(bytes.chunks_exact(size.max(1) as usize).map(|value| order.unsigned(value) as u32));
            }
            (Self::Wide(list), _, _) => {
                list.extend(bytes.chunks_exact(size.max(1) as usize).map(|value| order.unsigned(value)));
            }
        }
    }
}

/// Where an image's tiles or strips are: as many as the file has values for, at most as many as the grid needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockIndex {
    /// Offset of each block in bytes from the start of the file; 0 means that it is not there (sparse).
    pub offsets: Numbers,
    /// Bytes of each block.
    pub byte_counts: Numbers,
}

impl BlockIndex {
    /// How many blocks have both an offset and a byte count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().min(self.byte_counts.len())
    }

    /// Whether no block has both.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offset and byte count of each block, in the order of the grid: row by row, plane by plane.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.offsets.iter().zip(self.byte_counts.iter())
    }

    /// Offset and byte count of one block.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(u64, u64)> {
        Some((self.offsets.get(index)?, self.byte_counts.get(index)?))
    }
}

/// One image file directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    /// Its place in the chain, from 0.
    pub index: usize,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// Where the next one begins; 0 at the end of the chain.
    pub next: u64,
    /// Its entries in the order of the file.
    pub entries: Vec<Entry>,
    /// What it is to the file.
    pub role: Role,
    /// Its image; `None` if the tags give no sound grid of blocks, or are only there in part.
    pub image: Option<Image>,
    /// Where its blocks are; `None` if there is no image or the arrays could not be read.
    pub blocks: Option<BlockIndex>,
    /// The file ends inside it: entries are missing.
    pub is_truncated: bool,
    /// See [`crate::Header::byte_order`].
    pub byte_order: ByteOrder,
    /// Its bytes.
    pub range: Range<u64>,
}

impl Directory {
    pub(crate) fn new(index: usize, range: Range<u64>, next: u64, entries: Vec<Entry>, byte_order: ByteOrder) -> Self {
        let mut directory = Self {
            index,
            offset: range.start,
            next,
            entries,
            role: Role::Page,
            image: None,
            blocks: None,
            is_truncated: false,
            byte_order,
            range,
        };
        directory.role = Role::of(index, directory.subfile_type());
        directory.image = Image::of(&directory);
        directory
    }

    /// The (first) entry with a tag.
    #[must_use]
    pub fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The first value of a tag as an unsigned whole number.
    #[must_use]
    pub fn unsigned(&self, tag: u16) -> Option<u64> {
        self.entry(tag)?.unsigned_values(self.byte_order).next()
    }

    /// All values of a tag as unsigned whole numbers; empty where it is absent, of another type or was not read.
    #[must_use]
    pub fn unsigned_values(&self, tag: u16) -> Vec<u64> {
        self.entry(tag).map(|entry| entry.unsigned_values(self.byte_order).collect()).unwrap_or_default()
    }

    /// All values of a DOUBLE tag; empty where it is absent, of another type or was not read.
    #[must_use]
    pub fn doubles(&self, tag: u16) -> Vec<f64> {
        self.entry(tag).map(|entry| entry.doubles(self.byte_order).collect()).unwrap_or_default()
    }

    /// The value of an ASCII tag.
    #[must_use]
    pub fn text(&self, tag: u16) -> Option<String> {
        self.entry(tag)?.text()
    }

    /// NewSubfileType, or what the older SubfileType says of the same.
    #[must_use]
    pub fn subfile_type(&self) -> u64 {
        match (self.unsigned(tags::NEW_SUBFILE_TYPE), self.unsigned(tags::SUBFILE_TYPE)) {
            (Some(flags), _) => flags,
            (None, Some(2)) => 1,
            _ => 0,
        }
    }

    /// Whether it has any of the tags of a tiled image.
    #[must_use]
    pub fn is_tiled(&self) -> bool {
        [tags::TILE_OFFSETS, tags::TILE_WIDTH, tags::TILE_LENGTH].into_iter().any(|tag| self.entry(tag).is_some())
    }

    /// The tags of its block index: offsets, then byte counts.
    #[must_use]
    pub fn index_tags(&self) -> (u16, u16) {
        if self.is_tiled() {
            (tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS)
        } else {
            (tags::STRIP_OFFSETS, tags::STRIP_BYTE_COUNTS)
        }
    }

    /// Offsets of the directories below this one (tag SubIFDs). They are noted, not followed: no reader of
    /// georeferenced rasters looks for images there.
    #[must_use]
    pub fn sub_directories(&self) -> Vec<u64> {
        self.unsigned_values(tags::SUB_IFDS)
    }
}

/// Bytes of a directory with this many entries.
pub(crate) fn directory_range(offset: u64, entries: u64, variant: Variant) -> Option<Range<u64>> {
    Some(offset..offset.checked_add(variant.directory_size(entries)?)?)
}

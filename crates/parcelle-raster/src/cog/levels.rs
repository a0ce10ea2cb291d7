//! The images of a file as levels, and their blocks in the order of the file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use parcelle_tiff::{BlockIndex, Directory, Image, Role, Structure};

/// A kind of defect of blocks: the first one and how many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) first: Option<usize>,
    pub(crate) count: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, block: usize) {
        self.first.get_or_insert(block);
        self.count += 1;
    }
}

/// One image of the file and its blocks.
#[derive(Debug)]
pub(crate) struct Level<'structure> {
    pub(crate) directory: &'structure Directory,
    pub(crate) image: Image,
    pub(crate) blocks: &'structure BlockIndex,
    /// How messages call it: `full resolution`, `overview 1`…
    pub(crate) name: String,
    /// Neither offset nor byte count.
    pub(crate) sparse: u64,
    /// Exactly one of the two is 0.
    pub(crate) half_sparse: Tally,
    /// Ends past the end of the file.
    pub(crate) outside: Tally,
    /// Longer than any codec makes them, see [`absurd`].
    pub(crate) oversized: Tally,
    /// Shares bytes, but not all of them, with another block.
    pub(crate) overlapping: Tally,
    /// The first overlapping block, and the block it overlaps if that is none of the header's structures.
    pub(crate) overlap: Option<(Placed, Option<Placed>)>,
    /// Same bytes as another block.
    pub(crate) shared: Tally,
    /// Lowest offset of a sound block.
    pub(crate) first_byte: Option<u64>,
    /// Highest offset of a sound block.
    pub(crate) last_byte: Option<u64>,
    /// The sound blocks by offset, where that is not the order of the grid.
    pub(crate) permutation: Option<Vec<usize>>,
    file_length: u64,
}

impl Level<'_> {
    /// Whether it is the image or an overview of it.
    pub(crate) fn is_imagery(&self) -> bool {
        matches!(self.directory.role, Role::FullResolution | Role::Overview)
    }

    pub(crate) fn is_mask(&self) -> bool {
        self.directory.role.is_mask()
    }

    pub(crate) const fn pixels(&self) -> u64 {
        self.image.width as u64 * self.image.height as u64
    }

    /// Offset and byte count of a block that is there, inside the file and of a believable length.
    pub(crate) fn sound(&self, block: usize) -> Option<(u64, u64)> {
        let (offset, byte_count) = self.blocks.get(block)?;
        let is_sound = offset > 0
            && byte_count > 0
            && offset.checked_add(byte_count).is_some_and(|end| end <= self.file_length)
            && !is_oversized(byte_count, &self.image);
        is_sound.then_some((offset, byte_count))
    }

    /// Whether the index names a block that is not [`sound`](Self::sound), as in a file that was cut: it is no block that was
    /// left out.
    pub(crate) fn is_lost(&self, block: usize) -> bool {
        let is_named = self.blocks.get(block).is_some_and(|(offset, byte_count)| offset > 0 && byte_count > 0);
        is_named && self.sound(block).is_none()
    }

    /// Notes the order of the sound blocks, if it is not that of the grid.
    pub(crate) fn arrange(&mut self) {
        let blocks = || (0..self.blocks.len()).filter_map(|block| Some((self.sound(block)?.0, block)));
        if blocks().is_sorted_by_key(|(offset, _)| offset) {
            return;
        }
        let mut permutation: Vec<usize> = blocks().map(|(_, block)| block).collect();
        permutation.sort_by_key(|block| self.blocks.offsets.get(*block));
        self.permutation = Some(permutation);
    }

    /// Column and row of a block.
    pub(crate) fn tile(&self, block: usize) -> [u32; 2] {
        let (column, row, _) = self.image.block_at(block as u64);
        [column, row]
    }
}

/// libtiff reads at most ten times the decoded size of a tile and 4096 bytes more, once a byte count is over 1 MiB
/// (`TIFFFillTile`, libtiff `tif_read.c`); whatever is longer is a corrupt byte count or an attack on memory.
pub(crate) fn is_oversized(byte_count: u64, image: &Image) -> bool {
    byte_count > READ_ANYWAY && byte_count > absurd(image)
}

/// Up to this readers load a block whatever its size.
pub(crate) const READ_ANYWAY: u64 = 1024 * 1024;

/// Byte counts over this are beyond what any codec makes of a block.
pub(crate) fn absurd(image: &Image) -> u64 {
    image.block_bytes().map_or(u64::MAX, |raw| raw.saturating_mul(10).saturating_add(4096))
}

/// A sound block: where it is, and which one it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) offset: u64,
    pub(crate) byte_count: u64,
    /// Place of its level in the list.
    pub(crate) level: usize,
    /// Its place in the index.
    pub(crate) block: usize,
}

impl Placed {
    pub(crate) const fn end(&self) -> u64 {
        self.offset + self.byte_count
    }
}

/// All sound blocks of all levels by offset. Levels mostly lie one behind the other, or in turns, each in order by
/// itself: merging them costs no memory and hardly a comparison per block, sorting all would cost both.
pub(crate) fn in_file_order<'levels>(levels: &'levels [Level<'_>]) -> impl Iterator<Item = Placed> + use<'levels> {
    let mut next_of = vec![0; levels.len()];
    let mut advance = move |number: usize| -> Option<Placed> {
        let (level, position) = (levels.get(number)?, next_of.get_mut(number)?);
        loop {
            let block = match &level.permutation {
                Some(permutation) => *permutation.get(*position)?,
                None if *position < level.blocks.len() => *position,
                None => return None,
            };
            *position += 1;
            if let Some((offset, byte_count)) = level.sound(block) {
                return Some(Placed { offset, byte_count, level: number, block });
            }
        }
    };
    let first = (0..levels.len()).filter_map(&mut advance).map(|placed| Reverse(Entry(placed)));
    let mut waiting: BinaryHeap<Reverse<Entry>> = first.collect();
    let mut current = waiting.pop().map(|entry| entry.0.0);
    std::iter::from_fn(move || {
        let placed = current?;
        current = match advance(placed.level) {
            None => waiting.pop().map(|entry| entry.0.0),
            Some(next) => match waiting.peek_mut() {
                Some(mut top) if top.0 < Entry(next) => Some(std::mem::replace(&mut *top, Reverse(Entry(next))).0.0),
                _ => Some(next),
            },
        };
        Some(placed)
    })
}

/// A block as the heap compares it.
#[derive(Debug, Clone, Copy)]
struct Entry(Placed);

impl Entry {
    const fn key(&self) -> (u64, usize, usize) {
        (self.0.offset, self.0.level, self.0.block)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The images of a structure whose blocks are known.
pub(crate) fn levels(structure: &Structure) -> Vec<Level<'_>> {
    let mut counts = [0_usize; 2];
    let sound = structure.directories.iter().filter_map(|directory| {
        let (image, blocks) = (directory.image?, directory.blocks.as_ref()?);
        let name = match directory.role {
            Role::FullResolution => "full resolution".to_owned(),
            Role::Mask => "the mask".to_owned(),
            Role::Overview => {
                counts[0] += 1;
                format!("overview {}", counts[0])
            }
            Role::MaskOverview => {
                counts[1] += 1;
                format!("mask overview {}", counts[1])
            }
            Role::Page => format!("the page in IFD {}", directory.index),
        };
        Some(Level {
            directory,
            image,
            blocks,
            name,
            sparse: 0,
            half_sparse: Tally::default(),
            outside: Tally::default(),
            oversized: Tally::default(),
            overlapping: Tally::default(),
            overlap: None,
            shared: Tally::default(),
            first_byte: None,
            last_byte: None,
            permutation: None,
            file_length: structure.file_length,
        })
    });
    sound.collect()
}

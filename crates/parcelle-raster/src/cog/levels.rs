//! What one linear pass over the block index and one sort of all blocks tell: the figures that the rules judge.

use std::collections::HashSet;
use std::ops::Range;

use parcelle_tiff::{BlockIndex, Directory, Image, Role, Structure, StructureKind};

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
    /// Longer than any reader would load, see [`is_oversized`].
    pub(crate) oversized: Tally,
    /// Shares bytes, but not all of them, with another block.
    pub(crate) overlapping: Tally,
    /// What the first overlapping block overlaps.
    pub(crate) overlapped: Option<String>,
    /// Same bytes as another block.
    pub(crate) shared: Tally,
    /// Lowest offset of a sound block.
    pub(crate) first_byte: Option<u64>,
    /// Highest offset of a sound block.
    pub(crate) last_byte: Option<u64>,
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

    /// Column and row of a block.
    pub(crate) fn tile(&self, block: usize) -> [u32; 2] {
        let (column, row, _) = self.image.block_at(block as u64);
        [column, row]
    }
}

/// A sound block: where it begins, and which one it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) offset: u64,
    /// Level in the upper 16 bits, block in the lower 48.
    id: u64,
}

impl Placed {
    const BLOCK_BITS: u32 = 48;

    pub(crate) const fn level(self) -> usize {
        (self.id >> Self::BLOCK_BITS) as usize
    }

    pub(crate) const fn block(self) -> usize {
        (self.id & ((1 << Self::BLOCK_BITS) - 1)) as usize
    }
}

/// Bytes that a structure needs, and that the file may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) what: String,
    pub(crate) range: Range<u64>,
}

/// The whole picture.
#[derive(Debug)]
pub(crate) struct Layout<'structure> {
    pub(crate) levels: Vec<Level<'structure>>,
    /// All sound blocks by offset.
    pub(crate) placed: Vec<Placed>,
    /// Header structures by offset: header, directories, value areas inside the file.
    pub(crate) structures: Vec<(Range<u64>, StructureKind)>,
    /// Blocks that lie in a header structure.
    pub(crate) in_structure: HashSet<(usize, usize)>,
    /// Lowest offset of a block that is not inside a header structure.
    pub(crate) data_start: Option<u64>,
    /// What the end of the file cuts off, in file order; empty where the file is whole.
    pub(crate) cut: Vec<Lost>,
}

/// libtiff reads at most ten times the decoded size of a tile and 4096 bytes more, once a byte count is over 1 MiB
/// (`TIFFFillTile`, libtiff `tif_read.c`); whatever is longer is a corrupt byte count or an attack on memory.
pub(crate) fn is_oversized(byte_count: u64, image: &Image) -> bool {
    byte_count > 1024 * 1024
        && image.block_bytes().is_some_and(|raw| raw.saturating_mul(10).saturating_add(4096) < byte_count)
}

impl<'structure> Layout<'structure> {
    pub(crate) fn of(structure: &'structure Structure) -> Self {
        let mut layout = Self {
            levels: levels(structure),
            placed: Vec::new(),
            structures: structures(structure),
            in_structure: HashSet::new(),
            data_start: None,
            cut: Vec::new(),
        };
        let mut lost = lost_structures(structure);
        layout.scan(structure.file_length, &mut lost);
        layout.sweep();
        layout.extremes();
        layout.find_cut(structure, lost);
        layout
    }

    /// The linear pass: every block against 0, the file's end and its raw size.
    fn scan(&mut self, file_length: u64, lost: &mut Vec<Lost>) {
        let total = self.levels.iter().map(|level| level.blocks.len()).sum();
        self.placed.reserve_exact(total);
        for (number, level) in self.levels.iter_mut().enumerate() {
            let mut first_lost: Option<(Range<u64>, usize)> = None;
            for (block, (offset, byte_count)) in level.blocks.iter().enumerate() {
                if offset == 0 || byte_count == 0 {
                    if offset == byte_count {
                        level.sparse += 1;
                    } else {
                        level.half_sparse.add(block);
                    }
                    continue;
                }
                let is_oversized = is_oversized(byte_count, &level.image);
                if is_oversized {
                    level.oversized.add(block);
                }
                let end = offset.checked_add(byte_count);
                if end.is_none_or(|end| end > file_length) {
                    level.outside.add(block);
                    if let (Some(end), false) = (end, is_oversized)
                        && first_lost.as_ref().is_none_or(|(range, _)| offset < range.start)
                    {
                        first_lost = Some((offset..end, block));
                    }
                    continue;
                }
                if !is_oversized {
                    self.placed.push(Placed { offset, id: ((number as u64) << Placed::BLOCK_BITS) | block as u64 });
                }
            }
            if let Some((range, block)) = first_lost {
                let [column, row] = level.tile(block);
                lost.push(Lost { what: format!("tile ({column},{row}) of {}", level.name), range });
            }
        }
        // Blocks mostly lie in runs already, which the stable sort makes use of.
        self.placed.sort_by_key(|placed| placed.offset);
    }

    fn end(&self, placed: Placed) -> (u64, u64) {
        let level = self.levels.get(placed.level());
        let byte_count = level.and_then(|level| level.blocks.byte_counts.get(placed.block())).unwrap_or(0);
        (placed.offset + byte_count, byte_count)
    }

    /// The pass in file order: overlaps and sharing.
    fn sweep(&mut self) {
        let mut furthest: Option<(Placed, u64, u64)> = None;
        let mut structures = self.structures.iter().peekable();
        let mut structures_end = 0;
        let mut overlapping = Vec::new();
        let mut shared = Vec::new();
        for placed in &self.placed {
            let (end, byte_count) = self.end(*placed);
            while let Some((range, _)) = structures.next_if(|(range, _)| range.start < end) {
                structures_end = structures_end.max(range.end);
            }
            let is_in_structure = placed.offset < structures_end;
            if is_in_structure {
                self.in_structure.insert((placed.level(), placed.block()));
                overlapping.push((*placed, None));
            } else if let Some((other, _, other_count)) = furthest.filter(|(_, end, _)| placed.offset < *end) {
                if other.offset == placed.offset && other_count == byte_count {
                    shared.push(*placed);
                } else {
                    overlapping.push((*placed, Some(other)));
                }
            }
            if !is_in_structure && furthest.is_none_or(|(_, furthest, _)| end > furthest) {
                furthest = Some((*placed, end, byte_count));
            }
        }
        for (placed, other) in overlapping {
            let first = self.levels.get(placed.level()).is_some_and(|level| level.overlapping.first.is_none());
            let other = first.then(|| match other {
                None => self.structure_at(placed),
                Some(other) => self.describe(other),
            });
            if let Some(level) = self.levels.get_mut(placed.level()) {
                level.overlapping.add(placed.block());
                if other.is_some() {
                    level.overlapped = other;
                }
            }
        }
        for placed in shared {
            if let Some(level) = self.levels.get_mut(placed.level()) {
                level.shared.add(placed.block());
            }
        }
    }

    fn describe(&self, placed: Placed) -> String {
        self.levels.get(placed.level()).map_or_else(String::new, |level| {
            let [column, row] = level.tile(placed.block());
            format!("tile ({column},{row}) of {}", level.name)
        })
    }

    /// The first header structure that shares bytes with a block.
    fn structure_at(&self, placed: Placed) -> String {
        let end = self.end(placed).0;
        let mut overlapped = self.structures.iter().filter(|(range, _)| range.start < end && range.end > placed.offset);
        overlapped.next().map_or_else(String::new, |(_, kind)| kind.to_string())
    }

    fn extremes(&mut self) {
        for placed in &self.placed {
            if !self.in_structure.is_empty() && self.in_structure.contains(&(placed.level(), placed.block())) {
                continue;
            }
            self.data_start.get_or_insert(placed.offset);
            if let Some(level) = self.levels.get_mut(placed.level()) {
                level.first_byte.get_or_insert(placed.offset);
                level.last_byte = Some(placed.offset);
            }
        }
    }

    /// A file is cut where the last structure that begins inside it does not end inside it, or where the next one would
    /// begin just at its end. A single wrong offset elsewhere is not a cut.
    fn find_cut(&mut self, structure: &Structure, mut lost: Vec<Lost>) {
        lost.sort_by_key(|lost| lost.range.start);
        let Some(first) = lost.first() else { return };
        let length = structure.file_length;
        let whole_blocks = self.placed.iter().map(|placed| self.end(*placed).0).max();
        let whole_structures = self.structures.iter().map(|(range, _)| range.end).max();
        let whole = whole_blocks.max(whole_structures).unwrap_or(0);
        // Leader and trailer have four bytes each.
        let is_next = first.range.start >= whole && first.range.start <= whole.saturating_add(8);
        let is_cut_inside = first.range.start < length && first.range.start >= whole;
        let directory_is_cut = structure
            .problems
            .iter()
            .any(|problem| matches!(problem, parcelle_tiff::Problem::DirectoryTruncated { .. }));
        if directory_is_cut || is_cut_inside || (is_next && whole.saturating_add(8) >= length) {
            self.cut = lost;
        }
    }
}

fn levels(structure: &Structure) -> Vec<Level<'_>> {
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
            overlapped: None,
            shared: Tally::default(),
            first_byte: None,
            last_byte: None,
        })
    });
    // The level must fit into the upper bits of a block's id; `Structure::DIRECTORY_CAP` is the same number.
    sound.take(1 << 16).collect()
}

fn structures(structure: &Structure) -> Vec<(Range<u64>, StructureKind)> {
    let mut list: Vec<(Range<u64>, StructureKind)> = Vec::new();
    list.extend(structure.header.map(|header| (header.range(), StructureKind::Header)));
    for directory in &structure.directories {
        list.push((directory.range.clone(), StructureKind::Directory(directory.index)));
        list.extend(directory.entries.iter().filter_map(|entry| {
            let area = entry.area().filter(|area| !area.is_empty() && area.end <= structure.file_length)?;
            Some((area, StructureKind::Value { directory: directory.index, tag: entry.tag }))
        }));
    }
    list.sort_by_key(|(range, _)| range.start);
    list
}

/// Directories and value areas that the file should have and has not. Lengths no file has are not cut, they are wrong.
fn lost_structures(structure: &Structure) -> Vec<Lost> {
    const PLAUSIBLE: u64 = 1 << 32;
    let mut list = Vec::new();
    for problem in &structure.problems {
        let range = match problem {
            parcelle_tiff::Problem::DirectoryTruncated { offset, end, .. } => *offset..*end,
            // Of a directory that is not there nobody knows more than that it has a beginning.
            parcelle_tiff::Problem::DirectoryPastEnd { offset, .. } => *offset..offset.saturating_add(1),
            parcelle_tiff::Problem::ValueOutside { offset, end: Some(end), .. } => *offset..*end,
            _ => continue,
        };
        let what = match (problem.tag(), problem.directory()) {
            (Some(tag), Some(directory)) => StructureKind::Value { directory, tag }.to_string(),
            (None, Some(directory)) => StructureKind::Directory(directory).to_string(),
            _ => continue,
        };
        if range.end - range.start < PLAUSIBLE {
            list.push(Lost { what, range });
        }
    }
    list
}

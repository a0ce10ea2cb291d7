//! What one linear pass over the block index and one pass over all blocks in file order tell: the figures that the
//! rules judge.

use std::ops::Range;

use parcelle_tiff::{Structure, StructureKind};

use super::levels::{Level, Placed, READ_ANYWAY, absurd, in_file_order, levels};

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
    /// Header structures by offset: header, directories, value areas inside the file.
    pub(crate) structures: Vec<(Range<u64>, StructureKind)>,
    /// Lowest offset of a block that is not inside a header structure.
    pub(crate) data_start: Option<u64>,
    /// End of the last of those blocks.
    pub(crate) data_end: Option<u64>,
    /// Values of tags that lie within a block, with that block.
    pub(crate) misplaced: Vec<(Range<u64>, StructureKind, Placed)>,
    /// What the end of the file cuts off, in file order; empty where the file is whole.
    pub(crate) cut: Vec<Lost>,
}

impl<'structure> Layout<'structure> {
    pub(crate) fn of(structure: &'structure Structure) -> Self {
        let mut layout = Self {
            levels: levels(structure),
            structures: structures(structure),
            data_start: None,
            data_end: None,
            misplaced: Vec::new(),
            cut: Vec::new(),
        };
        let mut lost = lost_structures(structure);
        layout.scan(structure.file_length, &mut lost);
        layout.sweep();
        layout.find_cut(structure, lost);
        layout
    }

    /// The linear pass: every block against 0, the file's end and its raw size.
    fn scan(&mut self, file_length: u64, lost: &mut Vec<Lost>) {
        for level in &mut self.levels {
            let mut first_lost: Option<(Range<u64>, usize)> = None;
            let most = absurd(&level.image);
            for (block, (offset, byte_count)) in level.blocks.iter().enumerate() {
                if offset == 0 || byte_count == 0 {
                    if offset == byte_count {
                        level.sparse += 1;
                    } else {
                        level.half_sparse.add(block);
                    }
                    continue;
                }
                let is_oversized = byte_count > most && byte_count > READ_ANYWAY;
                if byte_count > most {
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
                }
            }
            if let Some((range, block)) = first_lost {
                let [column, row] = level.tile(block);
                lost.push(Lost { what: format!("tile ({column},{row}) of {}", level.name), range });
            }
            level.arrange();
        }
    }

    /// The pass in file order: overlaps and sharing, first and last byte of every level.
    fn sweep(&mut self) {
        let mut furthest: Option<Placed> = None;
        let mut structures = self.structures.iter().peekable();
        let mut structures_end = 0;
        let mut overlapping = Vec::new();
        let mut shared = Vec::new();
        let mut extremes = vec![(None, None); self.levels.len()];
        for placed in in_file_order(&self.levels) {
            while let Some((range, _)) = structures.next_if(|(range, _)| range.start <= placed.offset) {
                structures_end = structures_end.max(range.end);
            }
            if placed.offset < structures_end {
                overlapping.push((placed, None));
                continue;
            }
            if let Some((range, kind)) = structures.peek().filter(|(range, _)| range.start < placed.end()) {
                // The header is dense: a block that is in the wrong place runs into more of it than the values of one tag.
                let runs_on = structures.clone().nth(1).is_some_and(|(next, _)| next.start < placed.end());
                if runs_on || range.end >= placed.end() || !matches!(kind, StructureKind::Value { .. }) {
                    overlapping.push((placed, None));
                    continue;
                }
                self.misplaced.push((range.clone(), *kind, placed));
            }
            if let Some(other) = furthest.filter(|other| placed.offset < other.end()) {
                if other.offset == placed.offset && other.byte_count == placed.byte_count {
                    shared.push(placed);
                } else {
                    overlapping.push((placed, Some(other)));
                }
            }
            if furthest.is_none_or(|furthest| placed.end() > furthest.end()) {
                furthest = Some(placed);
            }
            self.data_start.get_or_insert(placed.offset);
            if let Some((first, last)) = extremes.get_mut(placed.level) {
                first.get_or_insert(placed.offset);
                *last = Some(placed.offset);
            }
        }
        self.data_end = furthest.map(|furthest| furthest.end());
        for (level, (first, last)) in self.levels.iter_mut().zip(extremes) {
            (level.first_byte, level.last_byte) = (first, last);
        }
        for (placed, other) in overlapping {
            if let Some(level) = self.levels.get_mut(placed.level) {
                level.overlapping.add(placed.block);
                level.overlap.get_or_insert((placed, other));
            }
        }
        for placed in shared {
            if let Some(level) = self.levels.get_mut(placed.level) {
                level.shared.add(placed.block);
            }
        }
    }

    /// What the first overlapping block of a level overlaps.
    pub(crate) fn overlapped(&self, level: &Level<'_>) -> Option<String> {
        let (placed, other) = level.overlap?;
        Some(other.map_or_else(|| self.structure_at(placed), |other| self.describe(other)))
    }

    pub(crate) fn describe(&self, placed: Placed) -> String {
        self.levels.get(placed.level).map_or_else(String::new, |level| {
            let [column, row] = level.tile(placed.block);
            format!("tile ({column},{row}) of {}", level.name)
        })
    }

    /// The first header structure that shares bytes with a block.
    fn structure_at(&self, placed: Placed) -> String {
        let shares = |range: &Range<u64>| range.start < placed.end() && range.end > placed.offset;
        let mut overlapped = self.structures.iter().filter(|(range, _)| shares(range));
        overlapped.next().map_or_else(String::new, |(_, kind)| kind.to_string())
    }

    /// A file is cut where the last structure that begins inside it does not end inside it, or where the next one would
    /// begin just at its end. A single wrong offset elsewhere is not a cut.
    fn find_cut(&mut self, structure: &Structure, mut lost: Vec<Lost>) {
        lost.sort_by_key(|lost| lost.range.start);
        let Some(first) = lost.first() else { return };
        let length = structure.file_length;
        let whole_structures = self.structures.iter().map(|(range, _)| range.end).max();
        let whole = self.data_end.max(whole_structures).unwrap_or(0);
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

fn structures(structure: &Structure) -> Vec<(Range<u64>, StructureKind)> {
    let mut list: Vec<(Range<u64>, StructureKind)> = Vec::new();
    list.extend(structure.header.map(|header| (header.range(), StructureKind::Header)));
    list.extend(structure.ghost.as_ref().map(|ghost| (ghost.text_range(), StructureKind::GhostArea)));
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

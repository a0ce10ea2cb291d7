//! A walk over the rows of a table b-tree, in the order of their ids (SQLite file format, sections 1.6 and 2.3).
//!
//! What a damaged or hostile file may hold is bounded here: the tree is at most as deep as SQLite allows, no page is asked
//! for more often than there are pages, ids ascend and stay between the keys of the pages above, and a value is no longer
//! than the file. So a walk ends, and takes no more memory than the file has bytes.

use std::ops::Range;

use crate::gpkg::pages::{PageError, PageReader, number16, number32, varint};

const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
/// SQLite's own limit of depth (`BTCURSOR_MAX_DEPTH`).
const MAX_DEPTH: usize = 20;
/// SQLite's limit for a value or row, which also keeps offsets in Arrow arrays within 31 bits.
const MAX_PAYLOAD: u64 = 1_000_000_000;

/// A page that is still to be visited, with the ids that it may hold.
#[derive(Debug, Clone, Copy)]
struct Child {
    page: u32,
    /// Ids are greater than this; `None` where there is no bound.
    above: Option<i64>,
    /// The highest id.
    highest: i64,
}

/// One row: its id and where its record is.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) row_id: i64,
    /// Bytes of the whole record.
    pub(crate) bytes: usize,
    /// The part of it on the leaf.
    pub(crate) local: Range<usize>,
    /// The first page with the rest, if there is a rest.
    overflow: Option<u32>,
}

/// The rows of a table with ids in a range.
#[derive(Debug)]
pub(crate) struct TableWalk<'a> {
    pages: PageReader<'a>,
    first: i64,
    last: i64,
    /// Pages to visit per level, in reverse order.
    levels: Vec<Vec<Child>>,
    leaf: Vec<u8>,
    leaf_number: u32,
    /// Cells on the leaf, and the next of them.
    cells: usize,
    next: usize,
    /// Ids on the leaf are greater than this.
    previous: Option<i64>,
    highest: i64,
    gathered: Vec<u8>,
}

fn damaged(page: u32, what: &str) -> PageError {
    PageError::Damaged(format!("page {page}: {what}"))
}

impl<'a> TableWalk<'a> {
    /// The rows with ids from `first` to `last` of the table with this root page.
    pub(crate) fn new(pages: PageReader<'a>, root: u32, first: i64, last: i64) -> Self {
        let root = Child { page: root, above: None, highest: i64::MAX };
        Self {
            pages,
            first,
            last,
            levels: vec![vec![root]],
            leaf: Vec::new(),
            leaf_number: 0,
            cells: 0,
            next: 0,
            previous: None,
            highest: i64::MAX,
            gathered: Vec::new(),
        }
    }

    /// The next row; its record is read with [`Self::record`].
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<Option<Cell>, PageError> {
        loop {
            while self.next < self.cells {
                let cell = self.cell(self.next)?;
                self.next += 1;
                if self.previous.is_some_and(|previous| cell.row_id <= previous) || cell.row_id > self.highest {
                    return Err(damaged(self.leaf_number, "row ids are not in order"));
                }
                self.previous = Some(cell.row_id);
                if cell.row_id > self.last {
                    return Ok(None);
                }
                if cell.row_id >= self.first {
                    return Ok(Some(cell));
                }
            }
            if !self.next_leaf()? {
                return Ok(None);
            }
        }
    }

    /// Goes to the next leaf that may hold rows of the range.
    fn next_leaf(&mut self) -> Result<bool, PageError> {
        loop {
            let depth = self.levels.len();
            let Some(level) = self.levels.last_mut() else { return Ok(false) };
            let Some(child) = level.pop() else {
                self.levels.pop();
                continue;
            };
            let page = self.pages.page(child.page)?;
            // Page 1 begins with the header of the file and has the root of the schema, which is no table of the user.
            match page.first() {
                Some(&LEAF) if child.page > 1 => {
                    self.leaf.clear();
                    self.leaf.extend_from_slice(page);
                    self.cells = number16(page, 3).unwrap_or(0);
                    if self.cells == 0 && depth > 1 {
                        return Err(damaged(child.page, "a leaf below the root is empty"));
                    }
                    (self.leaf_number, self.next) = (child.page, 0);
                    (self.previous, self.highest) = (child.above, child.highest);
                    return Ok(true);
                }
                Some(&INTERIOR) if child.page > 1 => {
                    if depth >= MAX_DEPTH {
                        return Err(damaged(child.page, "the tree is deeper than SQLite allows"));
                    }
                    let mut children = children(page, child)?;
                    children.retain(|child| {
                        child.highest >= self.first && child.above.is_none_or(|above| above < self.last)
                    });
                    children.reverse();
                    self.levels.push(children);
                }
                _ => return Err(damaged(child.page, "it does not belong to a table")),
            }
        }
    }

    #[inline]
    fn cell(&self, index: usize) -> Result<Cell, PageError> {
        let wrong = || damaged(self.leaf_number, "a cell does not fit the page");
        let start = number16(&self.leaf, 8 + 2 * index).ok_or_else(wrong)?;
        if start < 8 + 2 * self.cells {
            return Err(wrong());
        }
        let bytes = self.leaf.get(start..).ok_or_else(wrong)?;
        let (size, size_length) = varint(bytes).ok_or_else(wrong)?;
        let (row_id, id_length) = varint(bytes.get(size_length..).ok_or_else(wrong)?).ok_or_else(wrong)?;
        if size > MAX_PAYLOAD || size > self.pages.bytes() {
            return Err(damaged(self.leaf_number, "a row is longer than the file"));
        }
        let size = size as usize;
        let local = local_bytes(size, self.pages.header().usable_bytes);
        let start = start + size_length + id_length;
        let end = start + local;
        let overflow = if local < size { Some(number32(&self.leaf, end).ok_or_else(wrong)?) } else { None };
        if end > self.leaf.len() {
            return Err(wrong());
        }
        Ok(Cell { row_id: row_id.cast_signed(), bytes: size, local: start..end, overflow })
    }

    /// The first `wanted` bytes of a row's record, or more; all of it where it has fewer.
    #[inline]
    pub(crate) fn record(&mut self, cell: &Cell, wanted: usize) -> Result<&[u8], PageError> {
        if cell.overflow.is_none() || wanted <= cell.local.len() {
            return self
                .leaf
                .get(cell.local.clone())
                .ok_or_else(|| damaged(self.leaf_number, "a cell does not fit the page"));
        }
        self.gather(cell, wanted.min(cell.bytes))?;
        Ok(&self.gathered)
    }

    /// Puts the parts of a record that goes over several pages together.
    #[cold]
    fn gather(&mut self, cell: &Cell, wanted: usize) -> Result<(), PageError> {
        self.gathered.clear();
        self.gathered.extend_from_slice(self.leaf.get(cell.local.clone()).unwrap_or_default());
        let mut next = cell.overflow.unwrap_or(0);
        while self.gathered.len() < wanted {
            let page = self.pages.page(next)?;
            let link = number32(page, 0).unwrap_or(0);
            let content = page.get(4..).unwrap_or_default();
            let rest = cell.bytes - self.gathered.len();
            self.gathered.extend_from_slice(content.get(..rest).unwrap_or(content));
            next = link;
        }
        Ok(())
    }

    /// The damage of the row at hand.
    pub(crate) fn damaged_row(&self, cell: &Cell, what: &str) -> PageError {
        damaged(self.leaf_number, &format!("row {}: {what}", cell.row_id))
    }
}

/// How much of a record of `size` bytes is on the leaf (section 1.6: U, X, M and K).
#[inline]
fn local_bytes(size: usize, usable: usize) -> usize {
    let most = usable - 35;
    if size <= most {
        return size;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let filling = least + (size - least) % (usable - 4);
    if filling <= most { filling } else { least }
}

/// The children of an interior page.
fn children(page: &[u8], parent: Child) -> Result<Vec<Child>, PageError> {
    let wrong = || damaged(parent.page, "a cell does not fit the page");
    let cells = number16(page, 3).ok_or_else(wrong)?;
    if cells == 0 {
        return Err(damaged(parent.page, "an interior page is empty"));
    }
    let mut children = Vec::with_capacity(cells.min(page.len() / 2) + 1);
    let mut above = parent.above;
    for index in 0..cells {
        let start = number16(page, 12 + 2 * index).filter(|start| *start >= 12 + 2 * cells).ok_or_else(wrong)?;
        let child = number32(page, start).ok_or_else(wrong)?;
        let (key, _) = page.get(start + 4..).and_then(varint).ok_or_else(wrong)?;
        let highest = key.cast_signed();
        if above.is_some_and(|above| highest <= above) || highest > parent.highest {
            return Err(damaged(parent.page, "keys are not in order"));
        }
        children.push(Child { page: child, above, highest });
        above = Some(highest);
    }
    let page = number32(page, 8).ok_or_else(wrong)?;
    children.push(Child { page, above, highest: parent.highest });
    Ok(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_on_the_leaf_follows_the_format() {
        // 4096 usable bytes: X = 4061, M = 489, and 4092 bytes per overflow page.
        assert_eq!(local_bytes(4061, 4096), 4061);
        assert_eq!(local_bytes(4062, 4096), 489);
        assert_eq!(local_bytes(489 + 4092, 4096), 489);
        assert_eq!(local_bytes(489 + 4092 + 1, 4096), 490);
        assert_eq!(local_bytes(4061 + 4092, 4096), 4061);
        assert_eq!(local_bytes(4061 + 4092 + 1, 4096), 489);
        for usable in [480, 512, 4096, 65_536] {
            for size in [0, 1, 500, 5000, 70_000, 1_000_000] {
                let local = local_bytes(size, usable);
                assert!(local <= usable - 35 && (local == size || (size - local).div_ceil(usable - 4) > 0));
            }
        }
    }
}

//! Pictures of a file, as data: what lies where in its bytes, what covers which part of its extent, how large its parts
//! are. A wing that knows a format fills them in; a renderer that has graphics draws them (see
//! [`render::html`](crate::render::html)). Nothing here knows a format, so the parts have the names that all of them share.
//!
//! A picture is small whatever the file is: at most [`Strip::CELLS`] runs, [`Map::MOST_BOXES`] boxes.

use std::collections::BTreeMap;

use crate::rule::Severity;

/// One picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// The bytes of a file from first to last.
    Strip(Strip),
    /// The levels of a pyramid.
    Pyramid(Vec<PyramidLevel>),
    /// Boxes over an extent.
    Map(Map),
    /// Sizes side by side.
    Bars(Bars),
}

/// What a run of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Signature, version, what GDAL writes behind them.
    Header,
    /// A directory and its values.
    Directory,
    /// Arrays with the places of blocks.
    Index,
    /// Blocks of the image (0) or of an overview (1 and on, larger ones first).
    Level(u8),
    /// Blocks of a mask.
    Mask,
    /// Bytes that nothing points at.
    Gap,
    /// Bytes that two things claim.
    Overlap,
    /// Rows.
    RowGroup,
    /// Metadata at the end.
    Footer,
}

/// A run of bytes of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// What it is.
    pub part: Part,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
    /// Whether a rule objects to it being here: a directory behind data, blocks out of order.
    pub is_out_of_place: bool,
}

/// How many bytes of a file are of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Of which part.
    pub part: Part,
    /// How many.
    pub bytes: u64,
    /// How many of them are out of place.
    pub out_of_place: u64,
}

/// The bytes of a file, made by a [`StripBuilder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// Length of the file in bytes.
    pub length: u64,
    /// What is drawn: runs in file order without gaps or overlap between them, whose edges lie on a grid of
    /// [`Strip::CELLS`]. A cell shows what most of its bytes are, but a structure or a defect in it before any block.
    pub runs: Vec<Run>,
    /// The exact sums, in the order of [`Part`].
    pub totals: Vec<Total>,
}

impl Strip {
    /// Cells of the grid.
    pub const CELLS: u64 = 600;
}

/// Takes the parts of a file in the order of their offsets, however many: its memory does not depend on that.
#[derive(Debug)]
pub struct StripBuilder {
    length: u64,
    tolerated: u64,
    end: u64,
    cells: Vec<BTreeMap<(Part, bool), u64>>,
    totals: BTreeMap<Part, (u64, u64)>,
}

impl StripBuilder {
    /// For a file of this length, in which up to `tolerated` bytes between two parts are none: alignment, leaders.
    #[must_use]
    pub fn new(length: u64, tolerated: u64) -> Self {
        let cells = length.min(Strip::CELLS);
        Self { length, tolerated, end: 0, cells: vec![BTreeMap::new(); cells as usize], totals: BTreeMap::new() }
    }

    /// Takes a part that does not begin before the last one taken. What lies between them is a gap, bytes that were taken
    /// already are an overlap; what lies outside the file is left out.
    pub fn push(&mut self, mut run: Run) {
        run.end = run.end.min(self.length);
        if run.start > self.end.saturating_add(self.tolerated) {
            self.put(Run { part: Part::Gap, start: self.end, end: run.start, is_out_of_place: false });
        }
        if run.start < self.end && run.part != Part::Overlap {
            let end = run.end.min(self.end);
            self.put(Run { part: Part::Overlap, start: run.start, end, is_out_of_place: true });
            run.start = end;
        }
        self.put(run);
    }

    /// Bytes that belong to a part without being one: they make no gap.
    pub fn cover(&mut self, end: u64) {
        self.end = self.end.max(end.min(self.length));
    }

    fn put(&mut self, run: Run) {
        let (start, end) = (run.start, run.end.min(self.length));
        if start >= end {
            return;
        }
        let (bytes, out_of_place) = self.totals.entry(run.part).or_default();
        *bytes += end - start;
        *out_of_place += if run.is_out_of_place { end - start } else { 0 };
        let count = self.cells.len() as u128;
        let cell_of = |offset: u64| (u128::from(offset) * count / u128::from(self.length.max(1))) as usize;
        let (first, last) = (cell_of(start), cell_of(end - 1));
        for (place, cell) in self.cells.iter_mut().enumerate().take(last + 1).skip(first) {
            let (from, to) = bounds(place as u64, count as u64, self.length);
            let shared = end.min(to).saturating_sub(start.max(from)).max(1);
            *cell.entry((run.part, run.is_out_of_place)).or_default() += shared;
        }
        self.end = self.end.max(end);
    }

    /// The strip, with the bytes behind the last part as a gap.
    #[must_use]
    pub fn finish(mut self) -> Strip {
        if self.length > self.end.saturating_add(self.tolerated) {
            let end = self.length;
            self.put(Run { part: Part::Gap, start: self.end, end, is_out_of_place: false });
        }
        let count = self.cells.len() as u64;
        let mut runs: Vec<Run> = Vec::new();
        for (place, cell) in (0..).zip(&self.cells) {
            let shown =
                cell.iter().max_by_key(|((part, is_out_of_place), bytes)| (part.prominence(*is_out_of_place), **bytes));
            let (start, end) = bounds(place, count, self.length);
            match (shown, runs.last_mut()) {
                // Less than what is tolerated between two parts.
                (None, Some(last)) => last.end = end,
                (None, None) => {}
                (Some(((part, oop), _)), Some(last)) if (last.part, last.is_out_of_place) == (*part, *oop) => {
                    last.end = end;
                }
                (Some(((part, oop), _)), _) => {
                    runs.push(Run { part: *part, start, end, is_out_of_place: *oop });
                }
            }
        }
        let totals = self.totals.into_iter();
        let totals = totals.map(|(part, (bytes, out_of_place))| Total { part, bytes, out_of_place }).collect();
        Strip { length: self.length, runs, totals }
    }
}

/// First byte of a cell, and the one behind its last.
fn bounds(place: u64, count: u64, length: u64) -> (u64, u64) {
    // The least offset whose cell is this one.
    let edge = |place: u64| (u128::from(place) * u128::from(length)).div_ceil(u128::from(count.max(1))) as u64;
    (edge(place), edge(place + 1))
}

impl Part {
    /// What a cell shows before anything else.
    const fn prominence(self, is_out_of_place: bool) -> u8 {
        match (self, is_out_of_place) {
            (Self::Header | Self::Directory | Self::Footer, true) | (Self::Overlap, _) => 3,
            (Self::Header | Self::Directory | Self::Footer, false) => 2,
            (Self::Index, _) => 1,
            _ => 0,
        }
    }
}

/// One level of a pyramid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PyramidLevel {
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Width and height of a block in pixels.
    pub block: [u64; 2],
    /// Bytes of all blocks.
    pub bytes: u64,
    /// Whether it has a mask of its own.
    pub has_mask: bool,
}

/// What a box of a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BoxKind {
    /// A source of a virtual raster.
    Source,
    /// A file of a mosaic.
    Member,
    /// A source or file that cannot be opened.
    Missing,
    /// Ground that nothing covers.
    Hole,
    /// Ground that several cover.
    Overlap,
    /// The rows of a row group.
    RowGroup,
}

/// A box of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapBox {
    /// What it is.
    pub kind: BoxKind,
    /// Least x, least y, greatest x, greatest y.
    pub bounds: [f64; 4],
}

/// Boxes over an extent.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Least x, least y, greatest x, greatest y.
    pub extent: [f64; 4],
    /// Whether y grows downwards, as rows do.
    pub is_downwards: bool,
    /// Drawn one over the other in this order.
    pub boxes: Vec<MapBox>,
    /// How many boxes were left out, see [`Map::MOST_BOXES`].
    pub left_out: u64,
}

impl Map {
    /// Most boxes of one kind that a picture has.
    pub const MOST_BOXES: usize = 2_000;
}

/// What bars measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarsOf {
    /// Compressed bytes of each column.
    ColumnBytes,
    /// Rows of each row group.
    RowGroupRows,
}

/// Sizes side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// What they measure.
    pub of: BarsOf,
    /// Name and size, largest first or in file order.
    pub bars: Vec<Bar>,
}

/// One size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Name.
    pub label: String,
    /// How much.
    pub value: u64,
    /// A rule objects to it.
    pub severity: Option<Severity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(part: Part, start: u64, end: u64) -> Run {
        Run { part, start, end, is_out_of_place: false }
    }

    #[test]
    fn neighbours_join_gaps_and_overlaps_show() {
        let mut builder = StripBuilder::new(100, 4);
        for (part, start, end) in [
            (Part::Header, 0, 8),
            (Part::Level(0), 8, 20),
            (Part::Level(0), 24, 40),
            (Part::Level(1), 60, 80),
            (Part::Level(0), 70, 90),
        ] {
            builder.push(run(part, start, end));
        }
        let strip = builder.finish();
        let parts: Vec<_> = strip.runs.iter().map(|run| (run.part, run.start, run.end)).collect();
        assert_eq!(
            parts,
            [
                (Part::Header, 0, 8),
                (Part::Level(0), 8, 40),
                (Part::Gap, 40, 60),
                (Part::Level(1), 60, 70),
                (Part::Overlap, 70, 80),
                (Part::Level(0), 80, 90),
                (Part::Gap, 90, 100),
            ]
        );
        let bytes: Vec<_> = strip.totals.iter().map(|total| (total.part, total.bytes)).collect();
        assert_eq!(
            bytes,
            [(Part::Header, 8), (Part::Level(0), 38), (Part::Level(1), 20), (Part::Gap, 30), (Part::Overlap, 10)]
        );
    }

    #[test]
    fn a_strip_stays_short_and_shows_what_is_small() {
        let mut builder = StripBuilder::new(u64::from(u32::MAX) * 1_000, 0);
        builder.push(run(Part::Directory, 0, 10));
        for at in 0..50_000u64 {
            builder.push(run(if at % 2 == 0 { Part::Mask } else { Part::Level(0) }, at * 10 + 10, at * 10 + 20));
        }
        let strip = builder.finish();
        assert_eq!(strip.runs.iter().map(|run| run.part).collect::<Vec<_>>(), [Part::Directory, Part::Gap]);
        let mut builder = StripBuilder::new(6_000_000, 0);
        for at in 0..60_000u64 {
            builder.push(run(Part::Level(0), at * 100, at * 100 + 90));
            builder.push(run(Part::Mask, at * 100 + 90, at * 100 + 100));
        }
        let strip = builder.finish();
        assert_eq!(strip.runs, [run(Part::Level(0), 0, 6_000_000)]);
        assert_eq!(strip.totals.get(1).map(|total| total.bytes), Some(600_000));
    }

    #[test]
    fn extremes_are_harmless() {
        let mut builder = StripBuilder::new(u64::MAX, 16);
        builder.push(run(Part::Header, 0, 8));
        builder.push(run(Part::Level(0), u64::MAX - 2, u64::MAX));
        assert_eq!(builder.finish().runs.len(), 2);
        assert!(StripBuilder::new(0, 0).finish().runs.is_empty());
        let mut builder = StripBuilder::new(3, 0);
        builder.push(run(Part::Header, 0, 80));
        assert_eq!(builder.finish().runs, [run(Part::Header, 0, 3)]);
    }
}

//! Which pixels rectangles cover, once, several times or not at all: an exact sweep in n log n steps and memory in
//! proportion to n, whatever the size of the raster.

/// A rectangle of whole pixels that is not empty: right and bottom edges are the first pixels outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pixels {
    pub(crate) left: i64,
    pub(crate) top: i64,
    pub(crate) right: i64,
    pub(crate) bottom: i64,
}

impl Pixels {
    /// The pixels of a raster within edges that may lie between pixels: those whose middle is inside, which are the ones
    /// that GDAL fills. `None` where there are none.
    pub(crate) fn within(edges: [f64; 4], width: i64, height: i64) -> Option<Self> {
        let [left, top, right, bottom] = edges.map(|edge| (edge + 0.5).floor());
        let clip = |edge: f64, size: i64| (edge.clamp(0.0, size as f64)) as i64;
        let clipped = Self {
            left: clip(left, width),
            top: clip(top, height),
            right: clip(right, width),
            bottom: clip(bottom, height),
        };
        (clipped.left < clipped.right && clipped.top < clipped.bottom).then_some(clipped)
    }

    /// The squares of `size` pixels that it touches, counted from the upper left corner of the raster.
    pub(crate) fn squares(self, size: i64) -> Self {
        Self {
            left: self.left / size,
            top: self.top / size,
            right: (self.right - 1) / size + 1,
            bottom: (self.bottom - 1) / size + 1,
        }
    }

    /// How many pixels.
    pub(crate) fn area(self) -> u128 {
        (self.right - self.left) as u128 * (self.bottom - self.top) as u128
    }

    /// The same less a margin at each side; `None` where nothing is left.
    pub(crate) fn shrunk(self, margin: i64) -> Option<Self> {
        let inner = Self {
            left: self.left + margin,
            top: self.top + margin,
            right: self.right - margin,
            bottom: self.bottom - margin,
        };
        (inner.left < inner.right && inner.top < inner.bottom).then_some(inner)
    }
}

/// What [`sweep`] finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Pixels that at least one rectangle covers.
    pub(crate) covered: u128,
    /// Pixels that more than one covers.
    pub(crate) overlapped: u128,
    /// Most rectangles over one pixel.
    pub(crate) deepest: u64,
    /// The first column with an uncovered pixel, and the first such row in it.
    pub(crate) first_hole: Option<(i64, i64)>,
}

/// Sweeps rectangles with weights (how many there are of each) that lie in a raster of that size.
pub(crate) fn sweep(rectangles: &[(Pixels, u32)], width: i64, height: i64) -> Coverage {
    let mut rows: Vec<i64> = rectangles.iter().flat_map(|(pixels, _)| [pixels.top, pixels.bottom]).collect();
    rows.extend([0, height]);
    rows.sort_unstable();
    rows.dedup();
    // Column, whether it ends there, and which one.
    let mut events: Vec<(i64, bool, u32)> = Vec::with_capacity(rectangles.len() * 2);
    for (index, (pixels, _)) in (0u32..).zip(rectangles) {
        events.push((pixels.left, false, index));
        events.push((pixels.right, true, index));
    }
    events.sort_unstable();
    let mut tree = Tree::new(rows);
    let mut coverage = Coverage::default();
    let mut column = 0;
    for (at, is_end, index) in events {
        coverage.advance(&tree, column, at, height);
        column = at;
        if let Some((pixels, weight)) = rectangles.get(index as usize) {
            let weight = i64::from(*weight);
            tree.add(pixels.top, pixels.bottom, if is_end { -weight } else { weight });
        }
    }
    coverage.advance(&tree, column, width, height);
    coverage
}

impl Coverage {
    fn advance(&mut self, tree: &Tree, from: i64, to: i64, height: i64) {
        if to <= from {
            return;
        }
        let columns = (to - from) as u128;
        let root = tree.root();
        self.covered += columns * root.once as u128;
        self.overlapped += columns * root.twice as u128;
        self.deepest = self.deepest.max(root.deepest as u64);
        if self.first_hole.is_none() && root.once < height {
            self.first_hole = Some((from, tree.first_hole()));
        }
    }
}

/// A node over a run of rows.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    /// Rectangles that cover the whole run, and are not counted above.
    cover: i64,
    /// Rows covered by at least one rectangle, and by more than one.
    once: i64,
    twice: i64,
    /// Most rectangles over one row.
    deepest: i64,
}

/// A segment tree over the rows between which something begins or ends.
struct Tree {
    rows: Vec<i64>,
    nodes: Vec<Node>,
}

impl Tree {
    fn new(rows: Vec<i64>) -> Self {
        let leaves = rows.len().saturating_sub(1).max(1).next_power_of_two();
        Self { rows, nodes: vec![Node::default(); leaves * 2] }
    }

    fn root(&self) -> Node {
        self.node(1)
    }

    fn node(&self, index: usize) -> Node {
        self.nodes.get(index).copied().unwrap_or_default()
    }

    fn row(&self, index: usize) -> i64 {
        self.rows.get(index).or(self.rows.last()).copied().unwrap_or(0)
    }

    fn leaves(&self) -> usize {
        self.nodes.len() / 2
    }

    fn add(&mut self, top: i64, bottom: i64, weight: i64) {
        let place = |row| self.rows.partition_point(|known| *known < row);
        let (from, to) = (place(top), place(bottom));
        self.update(1, 0, self.leaves(), (from, to), weight);
    }

    /// Adds to the leaves from `from` up to `to` below the node that spans `start..end`.
    fn update(&mut self, index: usize, start: usize, end: usize, (from, to): (usize, usize), weight: i64) {
        if from >= end || to <= start {
            return;
        }
        if from <= start && end <= to {
            if let Some(node) = self.nodes.get_mut(index) {
                node.cover += weight;
            }
        } else {
            let middle = start.midpoint(end);
            self.update(index * 2, start, middle, (from, to), weight);
            self.update(index * 2 + 1, middle, end, (from, to), weight);
        }
        let (left, right) = if end - start > 1 {
            (self.node(index * 2), self.node(index * 2 + 1))
        } else {
            (Node::default(), Node::default())
        };
        let length = self.row(end) - self.row(start);
        if let Some(node) = self.nodes.get_mut(index) {
            let below = left.once + right.once;
            node.once = if node.cover > 0 { length } else { below };
            node.twice = match node.cover {
                0 => left.twice + right.twice,
                1 => below,
                _ => length,
            };
            node.deepest = node.cover + left.deepest.max(right.deepest);
        }
    }

    /// The first row that nothing covers, where there is one.
    fn first_hole(&self) -> i64 {
        let (mut index, mut start, mut end) = (1, 0, self.leaves());
        while end - start > 1 {
            let middle = start.midpoint(end);
            let left = self.node(index * 2);
            if left.once < self.row(middle) - self.row(start) {
                (index, end) = (index * 2, middle);
            } else {
                (index, start) = (index * 2 + 1, middle);
            }
        }
        self.row(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pixels(left: i64, top: i64, right: i64, bottom: i64) -> Pixels {
        Pixels { left, top, right, bottom }
    }

    #[test]
    fn two_overlapping_squares() {
        let found = sweep(&[(pixels(0, 0, 20, 20), 1), (pixels(10, 0, 30, 20), 1)], 30, 20);
        assert_eq!(found, Coverage { covered: 600, overlapped: 200, deepest: 2, first_hole: None });
        let found = sweep(&[(pixels(0, 0, 20, 20), 1)], 30, 20);
        assert_eq!((found.covered, found.first_hole), (400, Some((20, 0))));
        assert_eq!(sweep(&[], 30, 20).first_hole, Some((0, 0)));
        let most = i64::from(i32::MAX);
        let found = sweep(&[(pixels(0, 0, most, most), 3)], most, most);
        assert_eq!((found.covered, found.deepest), ((most * most) as u128, 3));
    }

    #[test]
    fn edges_between_pixels_go_to_the_pixels_whose_middle_they_hold() {
        assert_eq!(Pixels::within([0.4, -3.0, 19.6, 20.0], 30, 10), Some(pixels(0, 0, 20, 10)));
        assert_eq!(Pixels::within([0.5, 0.0, 1.4, 1.0], 30, 10), None);
        assert_eq!(Pixels::within([30.0, 0.0, 40.0, 1.0], 30, 10), None);
        assert_eq!(pixels(0, 255, 256, 257).squares(256), pixels(0, 0, 1, 2));
    }

    proptest! {
        #[test]
        fn the_sweep_counts_as_a_grid_does(
            list in proptest::collection::vec((0i64..18, 0i64..18, 1i64..8, 1i64..8), 0..14)
        ) {
            let (width, height) = (24, 24);
            let rectangles: Vec<_> =
                list.iter().map(|(x, y, w, h)| (pixels(*x, *y, (x + w).min(width), (y + h).min(height)), 1)).collect();
            let mut expected = Coverage::default();
            for x in 0..width {
                for y in 0..height {
                    let over = rectangles
                        .iter()
                        .filter(|(r, _)| (r.left..r.right).contains(&x) && (r.top..r.bottom).contains(&y))
                        .count();
                    expected.covered += u128::from(over > 0);
                    expected.overlapped += u128::from(over > 1);
                    expected.deepest = expected.deepest.max(over as u64);
                    if over == 0 && expected.first_hole.is_none() {
                        expected.first_hole = Some((x, y));
                    }
                }
            }
            let found = sweep(&rectangles, width, height);
            prop_assert_eq!((found.covered, found.overlapped, found.deepest),
                (expected.covered, expected.overlapped, expected.deepest));
            // The sweep tells the first strip of columns with a hole, which begins where something begins or ends.
            prop_assert_eq!(found.first_hole.is_some(), expected.first_hole.is_some());
            if let Some((x, y)) = found.first_hole {
                prop_assert!(rectangles.iter().all(
                    |(r, _)| !((r.left..r.right).contains(&x) && (r.top..r.bottom).contains(&y))));
            }
        }
    }
}

//! The packed R-tree between header and features.
//!
//! Its nodes are stored level by level, the root first and the leaves, one per feature, last. A full node has as many
//! children as the header says, so places of children follow from counting; what inner nodes say of them is not needed.

use std::ops::Range;

use crate::Window;
use crate::error::SourceError;
use crate::flatgeobuf::file::FlatGeobuf;
use crate::flatgeobuf::header::Header;

/// Four numbers for the box and one for the offset.
const NODE_BYTES: u64 = 40;
/// Nodes that are read at once.
const NODES_PER_READ: u64 = 8192;

/// Where the nodes of the tree are.
#[derive(Debug)]
pub(super) struct Index {
    start: u64,
    end: u64,
    node_size: u64,
    /// Numbers of the nodes of each level in the file, the leaves first.
    levels: Vec<Range<u64>>,
}

/// A leaf.
#[derive(Debug, Clone, Copy)]
struct Node {
    xmin: f64,
    ymin: f64,
    xmax: f64,
    ymax: f64,
    /// Of the length of the feature, from the first feature.
    offset: u64,
}

impl Node {
    fn read(bytes: &[u8; NODE_BYTES as usize]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        let number = |place: usize| numbers.get(place).copied().unwrap_or_default();
        let [xmin, ymin, xmax, ymax] = [0, 1, 2, 3].map(|place| f64::from_le_bytes(number(place)));
        Self { xmin, ymin, xmax, ymax, offset: u64::from_le_bytes(number(4)) }
    }

    /// Whether its box and the window have a place in common. One that is not a number excludes nothing.
    fn meets(&self, window: &Window) -> bool {
        !(self.xmax < window.xmin || self.ymax < window.ymin || self.xmin > window.xmax || self.ymin > window.ymax)
    }
}

/// Features that follow each other in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Number of the first, from 0.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Of the first, from the start of the features.
    pub(super) offset: u64,
}

impl Index {
    /// The index that the header announces, if it does; or why there cannot be one.
    pub(super) fn new(start: u64, header: &Header, file_bytes: u64) -> Result<Option<Self>, String> {
        let Header { features, node_size, .. } = *header;
        // Without a number of features there is nothing to be indexed.
        if node_size == 0 || features == 0 {
            return Ok(None);
        }
        if node_size == 1 {
            return Err("its index has nodes with one child each, which lead nowhere".to_owned());
        }
        let available = file_bytes.saturating_sub(start);
        let cut_off = || format!("it is cut off, or not what it says: {features} features do not fit into it");
        // Keeps the numbers below from overflowing: the leaves are more than half of the nodes.
        if features > available / NODE_BYTES {
            return Err(cut_off());
        }
        let node_size = u64::from(node_size);
        let mut counts = vec![features];
        let mut count = features;
        loop {
            count = count.div_ceil(node_size);
            counts.push(count);
            if count == 1 {
                break;
            }
        }
        let nodes: u64 = counts.iter().sum();
        if nodes > available / NODE_BYTES {
            return Err(cut_off());
        }
        let mut end = nodes;
        let levels = counts.iter().map(|count| {
            let level = end - count..end;
            end = level.start;
            level
        });
        Ok(Some(Self { start, levels: levels.collect(), node_size, end: start + nodes * NODE_BYTES }))
    }

    /// Where the features begin.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The number of features.
    pub(super) fn count(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.end - leaves.start)
    }

    /// Calls `take` with each node of a level from `range` and its number in the level.
    fn nodes(
        &self,
        file: &FlatGeobuf,
        level: usize,
        range: Range<u64>,
        take: &mut dyn FnMut(u64, Node),
    ) -> Result<(), SourceError> {
        let Some(nodes) = self.levels.get(level) else { return Ok(()) };
        let (mut next, end) = (range.start, range.end.min(nodes.end - nodes.start));
        let mut buffer = Vec::new();
        while next < end {
            let count = (end - next).min(NODES_PER_READ);
            buffer.resize(usize::try_from(count * NODE_BYTES).unwrap_or(0), 0);
            file.read_exact(self.start + (nodes.start + next) * NODE_BYTES, &mut buffer)?;
            let (read, _) = buffer.as_chunks();
            for (number, node) in (next..).zip(read) {
                take(number, Node::read(node));
            }
            next += count;
        }
        Ok(())
    }

    /// Where a feature is, from the start of the features; or the end of the last one, for the number after it.
    pub(super) fn offset(&self, file: &FlatGeobuf, number: u64) -> Result<u64, SourceError> {
        let mut offset = file.bytes().saturating_sub(self.end);
        self.nodes(file, 0, number..number.saturating_add(1), &mut |_, leaf| offset = leaf.offset)?;
        Ok(offset)
    }

    /// Ranges of features, in order, that hold all whose box meets the window, and some more: those beside them in the
    /// lowest nodes.
    pub(super) fn search(&self, file: &FlatGeobuf, window: &Window) -> Result<Vec<Range<u64>>, SourceError> {
        let top = self.levels.len().saturating_sub(1);
        let mut ranges: Vec<Range<u64>> = std::iter::once(0..1).collect();
        // The leaves themselves are looked at when their features are read.
        for level in (1..=top).rev() {
            let mut children: Vec<Range<u64>> = Vec::new();
            let level_below = self.levels.get(level - 1).map_or(0, |nodes| nodes.end - nodes.start);
            for range in ranges {
                self.nodes(file, level, range, &mut |number, node| {
                    if node.meets(window) {
                        let (start, end) = (number * self.node_size, (number + 1) * self.node_size);
                        join(&mut children, start..end.min(level_below));
                    }
                })?;
            }
            ranges = children;
        }
        Ok(ranges)
    }

    /// The features of a range whose box meets the window.
    pub(super) fn runs(&self, file: &FlatGeobuf, range: Range<u64>, window: &Window) -> Result<Vec<Run>, SourceError> {
        // The level above leaves out most leaves of a range that has gaps.
        let parents = range.start / self.node_size..range.end.div_ceil(self.node_size);
        let mut groups: Vec<Range<u64>> = Vec::new();
        self.nodes(file, 1, parents, &mut |number, node| {
            if node.meets(window) {
                let (start, end) = (number * self.node_size, (number + 1) * self.node_size);
                join(&mut groups, start.max(range.start)..end.min(range.end));
            }
        })?;
        let mut runs: Vec<Run> = Vec::new();
        for group in groups {
            self.nodes(file, 0, group, &mut |number, leaf| {
                if leaf.meets(window) {
                    match runs.last_mut() {
                        Some(run) if run.first + run.count == number => run.count += 1,
                        _ => runs.push(Run { first: number, count: 1, offset: leaf.offset }),
                    }
                }
            })?;
        }
        Ok(runs)
    }
}

/// Appends a range, or prolongs the last one if it touches it.
fn join(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end >= range.start => last.end = range.end,
        _ if range.start < range.end => ranges.push(range),
        _ => {}
    }
}

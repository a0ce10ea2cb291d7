//! `COG-GHO`: the bytes around every tile, which only reading them can judge.

use std::io;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;

use super::context::{Context, at_block, plural};
use super::fix::{Fix, SHUFFLE};
use super::levels::{Level, Tally, in_file_order};

const GHOST: &str = "GDAL COG driver, File format details (Tile data leader and trailer)";

pub(crate) static LEADER: Rule = Rule {
    id: "COG-GHO-005",
    severity: Severity::Error,
    title: "The leader of a tile does not repeat its byte count",
    why: "With BLOCK_LEADER=SIZE_AS_UINT4 the four bytes before a tile are its length, least significant first. GDAL \
          compares it, and throws the whole request away if it is wrong: everything is fetched twice.",
    fix: SHUFFLE,
    reference: GHOST,
};

pub(crate) static TRAILER: Rule = Rule {
    id: "COG-GHO-006",
    severity: Severity::Error,
    title: "The trailer of a tile does not repeat its last four bytes",
    why: "With BLOCK_TRAILER=LAST_4_BYTES_REPEATED the last four bytes of a tile are written twice, so that a reader \
          sees when something changed the tile without knowing of the ghost area. GDAL then fetches everything twice.",
    fix: SHUFFLE,
    reference: GHOST,
};

/// Bytes that are read at once. Tiles are visited in file order, so small ones come many at a time.
const WINDOW: usize = 64 * 1024;

/// A window on the file that moves forward.
struct Window<'source> {
    source: &'source dyn ByteSource,
    start: u64,
    filled: usize,
    buffer: Vec<u8>,
    /// How much the next read asks for: much where tiles are close together, little where it would be thrown away.
    ask: usize,
}

impl Window<'_> {
    /// The bytes at `offset`, fewer than `length` only at the end of the file.
    fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let end = offset.saturating_add(length as u64);
        let held_end = self.start + self.filled as u64;
        if offset < self.start || end > held_end {
            let jump = offset.saturating_sub(held_end);
            self.ask = if jump > WINDOW as u64 / 16 { length.max(16) } else { WINDOW };
            self.start = offset;
            self.buffer.resize(self.ask, 0);
            self.filled = self.source.read_at(offset, self.buffer.get_mut(..self.ask).unwrap_or_default())?;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX).min(self.filled);
        Ok(self.buffer.get(from..from.saturating_add(length).min(self.filled)).unwrap_or_default())
    }
}

pub(crate) fn check(context: &mut Context<'_>, source: &dyn ByteSource) -> io::Result<()> {
    let Some(ghost) = &context.structure.ghost else { return Ok(()) };
    let leaders = ghost.claims("BLOCK_LEADER", "SIZE_AS_UINT4");
    let trailers = ghost.claims("BLOCK_TRAILER", "LAST_4_BYTES_REPEATED");
    if !leaders && !trailers {
        return Ok(());
    }
    let mut window = Window { source, start: 0, filled: 0, buffer: Vec::with_capacity(WINDOW), ask: WINDOW };
    let mut all_edges = vec![Edges::default(); context.layout.levels.len()];
    for placed in in_file_order(&context.layout.levels) {
        let Some(edges) = all_edges.get_mut(placed.level) else { continue };
        if leaders {
            let found = window.get(placed.offset.saturating_sub(4), 4)?;
            let found = found.try_into().map(u32::from_le_bytes).ok();
            if found.map(u64::from) != Some(placed.byte_count) {
                edges.leaders.add(placed.block);
                if edges.leaders.count == 1 {
                    edges.leader = found;
                    edges.index_is_wrong = trailers && trailer_agrees(&mut window, placed.offset, found)?;
                }
            }
        }
        if trailers && placed.byte_count >= 4 {
            // Four bytes of the tile, four of its trailer, four of the next tile's leader.
            let found = window.get(placed.end() - 4, 12)?;
            let is_whole = found.len() >= 8;
            if !is_whole || found.get(..4) != found.get(4..8) {
                edges.trailers.add(placed.block);
                edges.trailer_is_cut |= !is_whole;
            }
        }
    }
    let mut findings = Vec::new();
    for (level, edges) in context.layout.levels.iter().zip(&all_edges) {
        findings.extend(edges.leader_finding(level));
        findings.extend(edges.trailer_finding(level));
    }
    findings.into_iter().for_each(|(finding, fix)| context.push(finding, fix));
    Ok(())
}

/// Whether a tile of the length that its leader gives ends with a proper trailer: then leader and trailer are right, and
/// the byte count of the index is wrong.
fn trailer_agrees(window: &mut Window<'_>, offset: u64, leader: Option<u32>) -> io::Result<bool> {
    let end = leader.filter(|length| *length >= 4).and_then(|length| offset.checked_add(u64::from(length)));
    let Some(end) = end else { return Ok(false) };
    let found = window.get(end - 4, 8)?;
    Ok(found.len() == 8 && found.get(..4) == found.get(4..))
}

/// What was wrong before and behind the tiles of one level.
#[derive(Debug, Clone, Default)]
struct Edges {
    leaders: Tally,
    trailers: Tally,
    /// The first wrong leader; `None` if there are no four bytes.
    leader: Option<u32>,
    /// The first wrong leader is right, see [`trailer_agrees`].
    index_is_wrong: bool,
    trailer_is_cut: bool,
}

impl Edges {
    fn leader_finding(&self, level: &Level<'_>) -> Option<(Finding, Fix)> {
        let block = self.leaders.first?;
        let [column, row] = level.tile(block);
        let byte_count = level.blocks.byte_counts.get(block)?;
        let found = self.leader.map_or_else(|| "missing".to_owned(), |found| found.to_string());
        let (which, fix) = if self.index_is_wrong {
            ("; the trailer agrees with the leader, so the byte count is wrong", Fix::Source)
        } else {
            ("", Fix::Shuffle)
        };
        let message = format!(
            "BLOCK_LEADER: the leader of tile ({column},{row}) of {} is {found}, its byte count {byte_count}{which} \
             ({} in all)",
            level.name,
            plural(self.leaders.count, "tile")
        );
        Some((Finding::new(&LEADER, message).at(at_block(level, block)).count(self.leaders.count), fix))
    }

    fn trailer_finding(&self, level: &Level<'_>) -> Option<(Finding, Fix)> {
        let block = self.trailers.first?;
        let [column, row] = level.tile(block);
        let cut = if self.trailer_is_cut { "; the last one is cut off by the end of the file" } else { "" };
        let message = format!(
            "BLOCK_TRAILER: the trailer of tile ({column},{row}) of {} does not repeat its last 4 bytes ({} in all{cut})",
            level.name,
            plural(self.trailers.count, "tile")
        );
        Some((Finding::new(&TRAILER, message).at(at_block(level, block)).count(self.trailers.count), Fix::Shuffle))
    }
}

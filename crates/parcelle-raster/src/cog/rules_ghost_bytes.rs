//! `COG-GHO`: the bytes around every tile, which only reading them can judge.

use std::io;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;

use super::context::{Context, at_block};
use super::fix::Fix;
use super::levels::{Tally, in_file_order};

const SHUFFLE: &str = "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=<same> -co OVERVIEWS=AUTO, or without encoding \
                       again: cogger -output OUT.tif IN.tif";
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
    let mut tallies = vec![[(Tally::default(), None); 2]; context.layout.levels.len()];
    for placed in in_file_order(&context.layout.levels) {
        let Some(tally) = tallies.get_mut(placed.level) else { continue };
        let byte_count = placed.byte_count;
        if leaders {
            let found = window.get(placed.offset.saturating_sub(4), 4)?;
            let found = found.try_into().map(u32::from_le_bytes).ok();
            if found.map(u64::from) != Some(byte_count) {
                let [(tally, first), _] = tally;
                tally.add(placed.block);
                first.get_or_insert(found.map(u64::from));
            }
        }
        if trailers && byte_count >= 4 {
            let end = placed.end();
            // Four bytes of the tile, four of its trailer, four of the next tile's leader.
            let found = window.get(end - 4, 12)?;
            let is_whole = found.len() >= 8;
            if !is_whole || found.get(..4) != found.get(4..8) {
                let [_, (tally, first)] = tally;
                tally.add(placed.block);
                first.get_or_insert(is_whole.then_some(0));
            }
        }
    }
    let mut findings = Vec::new();
    for (level, [(leader, found), (trailer, whole)]) in context.layout.levels.iter().zip(tallies) {
        if let Some(block) = leader.first {
            let [column, row] = level.tile(block);
            let byte_count = level.blocks.byte_counts.get(block).unwrap_or(0);
            let found = found.flatten().map_or("missing".to_owned(), |found: u64| format!("{found}"));
            let message = format!(
                "BLOCK_LEADER: the leader of tile ({column},{row}) of {} is {found}, its byte count {byte_count} ({} in all)",
                level.name, leader.count
            );
            findings.push(Finding::new(&LEADER, message).at(at_block(level, block)).count(leader.count));
        }
        if let Some(block) = trailer.first {
            let [column, row] = level.tile(block);
            let how = match whole {
                Some(None) => "is cut off by the end of the file",
                _ => "does not repeat its last 4 bytes",
            };
            let message = format!(
                "BLOCK_TRAILER: the trailer of tile ({column},{row}) of {} {how} ({} in all)",
                level.name, trailer.count
            );
            findings.push(Finding::new(&TRAILER, message).at(at_block(level, block)).count(trailer.count));
        }
    }
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Shuffle));
    Ok(())
}

//! `COG-GHO`: the bytes around every tile, which only reading them can judge.

use std::io;
use std::ops::Range;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;

use super::context::{Context, at_block, plural};
use super::fix::{Fix, SHUFFLE};
use super::levels::{Level, Placed, Tally, in_file_order};

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
///
/// Others come together as pieces ([`ByteSource::gather`]) where the source can, and by a read each where it can not.
const WINDOW: usize = 256 * 1024;

/// Bytes that the system is asked to have ready, where tiles are close together and yet jumped over.
const AHEAD: u64 = 8 * 1024 * 1024;
/// Tiles longer than this are far from each other: from a disk reading on costs less than another request up to about 100 KB.
const CLOSE: u64 = 64 * 1024;

/// Tiles of a sample whose surroundings are asked for together: two requests for each, of which a source keeps far more.
const TOGETHER: usize = 32;
/// Tiles whose surroundings are gathered together.
const GATHERED: usize = 1000;
/// Bytes of a piece that is gathered: a trailer with what it repeats, and the leader of the next tile.
const PIECE: usize = 12;

/// A window on the file that moves forward.
pub(super) struct Window<'source> {
    source: &'source dyn ByteSource,
    start: u64,
    filled: usize,
    buffer: Vec<u8>,
    /// Longest piece that is read through because nobody wants it.
    gap: u64,
    /// What lies before was asked for ahead.
    asked: u64,
    gathered: Gathered,
}

/// Pieces of [`PIECE`] bytes that were gathered, in the order in which they are wanted.
#[derive(Default)]
struct Gathered {
    /// Ascending.
    offsets: Vec<u64>,
    /// As many of the pieces as there are.
    bytes: Vec<u8>,
    /// The one that was looked at last.
    current: usize,
}

impl Gathered {
    /// Where a part is among the bytes, if it is.
    fn find(&mut self, part: &Range<u64>) -> Option<Range<usize>> {
        while self.offsets.get(self.current + 1).is_some_and(|next| *next <= part.start) {
            self.current += 1;
        }
        let start = usize::try_from(part.start.checked_sub(*self.offsets.get(self.current)?)?).ok()?;
        let end = usize::try_from(part.end - part.start).ok()?.checked_add(start).filter(|end| *end <= PIECE)?;
        let piece = self.current * PIECE;
        (piece + end <= self.bytes.len()).then_some(piece + start..piece + end)
    }
}

impl<'source> Window<'source> {
    pub(super) fn new(source: &'source dyn ByteSource) -> Self {
        let size = usize::try_from(source.len()).map_or(WINDOW, |length| length.min(WINDOW));
        Self {
            source,
            start: 0,
            filled: 0,
            buffer: vec![0; size],
            gap: source.worthwhile_gap(),
            asked: 0,
            gathered: Gathered::default(),
        }
    }

    /// Has the surroundings of tiles that are neither close together nor far away from each other fetched with few calls.
    fn gather(&mut self, tiles: &[Placed], leaders: bool, trailers: bool) -> io::Result<()> {
        let Gathered { offsets, bytes, current } = &mut self.gathered;
        offsets.clear();
        bytes.clear();
        *current = 0;
        for part in edges_of(tiles, leaders, trailers) {
            // The leader of a tile is behind the trailer of the one before, mostly.
            let is_new = offsets.last().is_none_or(|last| part.start > *last && part.end > *last + PIECE as u64);
            if is_new {
                offsets.push(part.start);
            }
        }
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        let apart = (last - first) / offsets.len() as u64;
        if apart <= self.gap || apart > CLOSE || self.gap == 0 {
            offsets.clear();
            return Ok(());
        }
        let (first, last) = (*first, *last);
        self.ahead(first, last)?;
        let Gathered { offsets, bytes, .. } = &mut self.gathered;
        bytes.resize(offsets.len() * PIECE, 0);
        let copied = self.source.gather(offsets, PIECE, bytes);
        bytes.truncate(copied * PIECE);
        Ok(())
    }

    /// Asks for what lies from `offset` to `end`, and for what follows so that a disk has something to do meanwhile.
    fn ahead(&mut self, offset: u64, end: u64) -> io::Result<()> {
        self.asked = self.asked.max(offset);
        while self.asked < end.saturating_add(AHEAD).min(self.source.len()) {
            let start = self.asked;
            self.asked = start.saturating_add(AHEAD).min(self.source.len());
            self.source.prefetch(std::slice::from_ref(&(start..self.asked)))?;
        }
        Ok(())
    }

    fn part(&mut self, part: &Range<u64>) -> io::Result<&[u8]> {
        if let Some(place) = self.gathered.find(part) {
            return Ok(self.gathered.bytes.get(place).unwrap_or_default());
        }
        self.get(part.start, usize::try_from(part.end - part.start).unwrap_or_default())
    }

    /// The bytes at `offset`, fewer than `length` only at the end of the file.
    pub(super) fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let end = offset.saturating_add(length as u64).min(self.source.len());
        let held_end = self.start + self.filled as u64;
        if offset < self.start || end > held_end {
            // Much where tiles are close together; little where it would be thrown away, as where they overlap and the
            // end of one is behind the beginning of the next.
            let is_near = offset >= self.start && offset.saturating_sub(held_end) <= self.gap && self.gap > 0;
            let wanted = if is_near { WINDOW } else { length };
            let is_close = offset >= self.start && offset.saturating_sub(held_end) <= CLOSE && self.gap > 0;
            if is_close && !is_near {
                self.ahead(offset, offset)?;
            }
            let there = usize::try_from(self.source.len().saturating_sub(offset)).unwrap_or(usize::MAX);
            let ask = wanted.min(there).min(self.buffer.len());
            self.start = offset;
            self.filled = self.source.read_at(offset, self.buffer.get_mut(..ask).unwrap_or_default())?;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX).min(self.filled);
        Ok(self.buffer.get(from..from.saturating_add(length).min(self.filled)).unwrap_or_default())
    }
}

/// Which tiles are looked at: about `most` of them, evenly spread in the order of the file, and the first of each level.
struct Sample {
    tiles: u64,
    most: Option<u64>,
    seen: u64,
    levels: Vec<bool>,
}

impl Sample {
    fn of(levels: &[Level<'_>], most: Option<usize>) -> Self {
        let tiles = levels.iter().map(|level| level.blocks.len() as u64).sum();
        // Where all of them may be looked at there is nothing to choose.
        let most = most.map(|most| most as u64).filter(|most| *most < tiles);
        Self { tiles, most, seen: 0, levels: vec![false; levels.len()] }
    }

    fn takes(&mut self, level: usize) -> bool {
        let Some(most) = self.most else { return true };
        let share = |seen: u64| u128::from(seen) * u128::from(most) / u128::from(self.tiles.max(1));
        let is_due = share(self.seen) != share(self.seen + 1);
        self.seen += 1;
        let is_first = self.levels.get_mut(level).is_some_and(|seen| !std::mem::replace(seen, true));
        is_due || is_first
    }
}

/// What is read around a tile: its leader, and its end with the trailer and the leader of the next one.
fn leader_of(placed: &Placed) -> Range<u64> {
    let start = placed.offset.saturating_sub(4);
    start..start + 4
}

fn trailer_of(placed: &Placed) -> Option<Range<u64>> {
    let start = placed.end().saturating_sub(4);
    (placed.byte_count >= 4).then(|| start..start.saturating_add(12))
}

fn edges_of(tiles: &[Placed], leaders: bool, trailers: bool) -> impl Iterator<Item = Range<u64>> {
    let of = move |placed: &Placed| {
        let parts = [leaders.then(|| leader_of(placed)), trailer_of(placed).filter(|_| trailers)];
        parts.into_iter().flatten()
    };
    tiles.iter().flat_map(of)
}

pub(crate) fn check(context: &mut Context<'_>, source: &dyn ByteSource, most: Option<usize>) -> io::Result<()> {
    let Some(ghost) = &context.structure.ghost else { return Ok(()) };
    let leaders = ghost.claims("BLOCK_LEADER", "SIZE_AS_UINT4");
    let trailers = ghost.claims("BLOCK_TRAILER", "LAST_4_BYTES_REPEATED");
    if !leaders && !trailers {
        return Ok(());
    }
    let mut window = Window::new(source);
    let mut sample = Sample::of(&context.layout.levels, most);
    let is_sampled = sample.most.is_some();
    if is_sampled {
        // What lies between two tiles of a sample is worth nothing.
        window.gap = 0;
    }
    let mut looked_at = 0;
    let mut all_edges = vec![Edges::default(); context.layout.levels.len()];
    let mut taken = in_file_order(&context.layout.levels).filter(|placed| sample.takes(placed.level));
    // The tiles of a sample are apart from each other: what is far away is asked for several of them at once.
    let together = if is_sampled { TOGETHER } else { GATHERED };
    let mut tiles = Vec::with_capacity(together);
    loop {
        tiles.clear();
        tiles.extend(taken.by_ref().take(together));
        if tiles.is_empty() {
            break;
        }
        if is_sampled {
            source.prefetch(&edges_of(&tiles, leaders, trailers).collect::<Vec<_>>())?;
        } else {
            window.gather(&tiles, leaders, trailers)?;
        }
        for placed in &tiles {
            looked_at += 1;
            let Some(edges) = all_edges.get_mut(placed.level) else { continue };
            if leaders {
                let found = window.part(&leader_of(placed))?;
                let found = found.try_into().map(u32::from_le_bytes).ok();
                if found.map(u64::from) != Some(placed.byte_count) {
                    edges.leaders.add(placed.block);
                    if edges.leaders.count == 1 {
                        edges.leader = found;
                        edges.index_is_wrong = trailers && trailer_agrees(&mut window, placed.offset, found)?;
                    }
                }
            }
            if let Some(part) = trailer_of(placed).filter(|_| trailers) {
                let found = window.part(&part)?;
                let is_whole = found.len() >= 8;
                if !is_whole || found.get(..4) != found.get(4..8) {
                    edges.trailers.add(placed.block);
                    edges.trailer_is_cut |= !is_whole;
                }
            }
        }
    }
    drop(taken);
    context.tiles_looked_at = Some(looked_at);
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
        Some((Finding::new(&LEADER, message).at(at_block(level, block)).told(self.leaders.count), fix))
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
        Some((Finding::new(&TRAILER, message).at(at_block(level, block)).told(self.trailers.count), Fix::Shuffle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parcelle_storage::{LocalFile, Memory};

    fn source(length: usize) -> Memory {
        Memory::new((0..length).map(|byte| (byte % 251) as u8).collect::<Vec<u8>>())
    }

    /// The same bytes as from the source itself, whatever was asked for before.
    #[test]
    fn a_window_shows_what_is_there() {
        let length = 3 * WINDOW + 17;
        let source = source(length);
        let mut window = Window::new(&source);
        let end = length as u64;
        let jump = CLOSE + 1;
        for offset in [0, 9, 5, jump, 2 * jump, jump, end - 12, end - 8, end, end + 5, u64::MAX, 3, end - 20, 0] {
            for length in [4, 12, 8] {
                let mut expected = vec![0; length];
                let count = source.read_at(offset, &mut expected).unwrap();
                assert_eq!(window.get(offset, length).unwrap(), &expected[..count], "{length} at {offset}");
            }
        }
    }

    #[test]
    fn close_tiles_come_together_and_distant_ones_alone() {
        let source = source(4 * WINDOW);
        let mut window = Window::new(&source);
        for offset in (0..4 * WINDOW as u64).step_by(50_000) {
            window.get(offset, 12).unwrap();
        }
        let close = source.usage();
        assert!(close.requests <= 6 && close.bytes <= 4 * WINDOW as u64, "{close:?}");
        window.get(0, 12).unwrap();
        for offset in (0..4 * WINDOW as u64).step_by(100_000) {
            window.get(offset, 12).unwrap();
        }
        let distant = source.usage();
        assert_eq!((distant.requests - close.requests, distant.bytes - close.bytes), (11, 11 * 12));
    }

    /// Gathered or read, what is seen around a tile is what is there: tiles in a row, with gaps, over each other, and beyond
    /// the end.
    #[test]
    fn what_is_gathered_is_what_is_read() {
        let length = 3_000_000_u32;
        let bytes: Vec<u8> = (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let local = LocalFile::open(file.path()).unwrap();
        let memory = Memory::new(bytes);
        let mut is_gathered = false;
        for (gap, step) in [(8, 9000), (8, 300), (0, 9000), (5000, 9000), (20_000, 8000)] {
            let mut tiles = Vec::new();
            let mut offset = 4;
            while offset < u64::from(length) + 50_000 {
                let byte_count = (step + offset % 977).saturating_sub(if offset % 5 == 0 { 300 } else { 0 });
                tiles.push(Placed { offset, byte_count, level: 0, block: tiles.len() });
                offset += if offset % 7 == 0 { byte_count / 2 } else { byte_count + gap };
            }
            for (leaders, trailers) in [(true, true), (true, false), (false, true)] {
                let mut window = Window::new(&local);
                for tiles in tiles.chunks(100) {
                    window.gather(tiles, leaders, trailers).unwrap();
                    is_gathered |= !window.gathered.bytes.is_empty();
                    for part in edges_of(tiles, leaders, trailers) {
                        let mut expected = vec![0; (part.end - part.start) as usize];
                        let count = memory.read_at(part.start, &mut expected).unwrap();
                        assert_eq!(window.part(&part).unwrap(), &expected[..count], "{part:?}, {gap} apart");
                    }
                }
            }
        }
        assert_eq!(is_gathered, cfg!(target_os = "linux"));
    }

    #[test]
    fn samples_are_spread_and_know_every_level() {
        let taken = |most, tiles: u64| {
            let mut sample = Sample { tiles, most: Some(most), seen: 0, levels: vec![false; 2] };
            (0..tiles).filter(|tile| sample.takes(usize::from(*tile >= 7))).collect::<Vec<_>>()
        };
        assert_eq!(taken(4, 100), [0, 7, 24, 49, 74, 99]);
        assert_eq!(taken(0, 100), [0, 7]);
        assert_eq!(taken(99, 100).len(), 100 - 1 + 1);
        let mut all = Sample { tiles: 3, most: None, seen: 0, levels: vec![] };
        assert!((0..3).all(|_| all.takes(0)));
    }

    #[test]
    fn the_end_of_the_file_is_read_once() {
        let source = source(7394);
        let mut window = Window::new(&source);
        for offset in [918, 3000, 7382, 7386, 7394, 7400] {
            window.get(offset, 12).unwrap();
        }
        assert_eq!(source.usage().requests, 1);
        assert!(Window::new(&Memory::new([])).get(7, 4).unwrap().is_empty());
    }
}

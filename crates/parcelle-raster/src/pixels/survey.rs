//! All blocks of all images of a file, decoded side by side.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use parcelle_storage::ByteSource;
use rayon::prelude::*;

use super::block::{BUFFER_BYTES, BlockDecoder, Scratch};
use super::failure::Failure;
use super::samples::pattern;

/// Blocks that a thread takes at a time: enough that it reads ahead in order, few enough that threads end together.
const BATCH: usize = 16;
/// A file may give as many bytes as that for nothing, and this many times its length: what a constant raster of 100,000 x
/// 100,000 samples with its overviews takes. It keeps a bomb of a megabyte from being decoded for an hour.
const FREE_BYTES: u64 = 16 * 1024 * 1024 * 1024;
const LARGEST_RATIO: u64 = 1100;
/// Blocks that overlap one another could be read over and over: no file is read more than twice.
const FREE_INPUT: u64 = 64 * 1024 * 1024;

/// Blocks that need more memory than the buffers of a thread are decoded one at a time in the whole process.
static LARGE_BLOCK: Mutex<()> = Mutex::new(());

/// The blocks of one image.
pub(crate) struct Target<'structure> {
    /// How they are decoded, or why none of them can be.
    pub(crate) decoder: Result<BlockDecoder<'structure>, Failure>,
    /// How many there are.
    pub(crate) blocks: usize,
    /// Offset and byte count of a block that is there and inside the file.
    pub(crate) place: &'structure (dyn Fn(usize) -> Option<(u64, u64)> + Sync),
    /// Whether some blocks have the same bytes.
    pub(crate) has_shared: bool,
    /// The value of pixels that a sparse block stands for.
    pub(crate) fill: f64,
}

/// The first block of a kind and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    pub(crate) first: usize,
    pub(crate) count: u64,
    /// What was said of the first.
    pub(crate) reason: String,
}

/// What decoding the blocks of one image gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Blocks that gave their pixels, and the bytes of these.
    pub(crate) decoded: u64,
    pub(crate) bytes: u64,
    /// Blocks that do not decode.
    pub(crate) damaged: Option<Blocks>,
    /// Those of them that are only too short, and those that only lack their checksum.
    pub(crate) short: u64,
    pub(crate) without_checksum: u64,
    /// JPEG blocks without tables.
    pub(crate) without_tables: Option<Blocks>,
    /// Blocks that were not tried, by reason.
    pub(crate) not_decoded: BTreeMap<String, Blocks>,
    /// Blocks that hold nothing but the value a sparse block stands for, and their bytes in the file.
    pub(crate) constant: u64,
    pub(crate) constant_bytes: u64,
}

fn add(blocks: &mut Option<Blocks>, other: Blocks) {
    match blocks {
        Some(blocks) => {
            blocks.count += other.count;
            // The first in the order of the index, whichever thread met it first.
            if other.first < blocks.first {
                (blocks.first, blocks.reason) = (other.first, other.reason);
            }
        }
        empty => *empty = Some(other),
    }
}

impl Outcome {
    fn fail(&mut self, failure: &Failure, first: usize, count: u64) {
        let blocks = Blocks { first, count, reason: failure.to_string() };
        match failure {
            Failure::Damaged(_) => add(&mut self.damaged, blocks),
            Failure::Short(_) => {
                self.short += count;
                add(&mut self.damaged, blocks);
            }
            Failure::NoChecksum(_) => {
                self.without_checksum += count;
                add(&mut self.damaged, blocks);
            }
            Failure::NoJpegTables => add(&mut self.without_tables, blocks),
            Failure::NotDecoded(reason) => self.skip(reason, blocks),
        }
    }

    fn skip(&mut self, reason: &str, blocks: Blocks) {
        let mut known = self.not_decoded.remove(reason);
        add(&mut known, blocks);
        self.not_decoded.extend(known.map(|blocks| (reason.to_owned(), blocks)));
    }

    fn merge(&mut self, other: Self) {
        self.decoded += other.decoded;
        self.bytes += other.bytes;
        self.constant += other.constant;
        self.constant_bytes += other.constant_bytes;
        self.short += other.short;
        self.without_checksum += other.without_checksum;
        if let Some(damaged) = other.damaged {
            add(&mut self.damaged, damaged);
        }
        if let Some(without_tables) = other.without_tables {
            add(&mut self.without_tables, without_tables);
        }
        for (reason, blocks) in other.not_decoded {
            self.skip(&reason, blocks);
        }
    }
}

/// The work on one image.
struct Work<'targets, 'structure> {
    target: &'targets Target<'structure>,
    decoder: BlockDecoder<'structure>,
    /// Blocks up to this one are decoded.
    end: usize,
    /// Blocks whose bytes another block has.
    skipped: HashSet<usize>,
    /// The bytes of a sample of the value that a sparse block stands for.
    pattern: Option<Vec<u8>>,
    /// Its place among the batches of all images.
    first_batch: usize,
}

/// Decodes everything with the threads of the pool that it runs in. The result does not depend on their number.
pub(crate) fn survey(targets: &[Target<'_>], source: &dyn ByteSource) -> io::Result<Vec<Outcome>> {
    let mut outcomes = vec![Outcome::default(); targets.len()];
    let mut works = Vec::new();
    let mut budget = Budget {
        input: source.len().saturating_mul(2).saturating_add(FREE_INPUT),
        output: source.len().saturating_mul(LARGEST_RATIO).saturating_add(FREE_BYTES),
    };
    let mut batches = 0;
    for (number, (target, outcome)) in targets.iter().zip(&mut outcomes).enumerate() {
        match &target.decoder {
            Err(failure) => {
                let mut there = (0..target.blocks).filter(|block| (target.place)(*block).is_some());
                if let Some(first) = there.next() {
                    outcome.fail(failure, first, 1 + there.count() as u64);
                }
            }
            Ok(decoder) => {
                let skipped = if target.has_shared { shared(target, decoder) } else { HashSet::new() };
                let end = budget.spend(target, decoder, &skipped, outcome);
                let order = decoder.sample_order();
                let work = Work {
                    target,
                    decoder: *decoder,
                    end,
                    skipped,
                    pattern: pattern(decoder.image(), target.fill, order),
                    first_batch: batches,
                };
                batches += end.div_ceil(BATCH);
                works.push((number, work));
            }
        }
    }
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let workers = rayon::current_num_threads().min(batches).max(1);
    let run = |_| -> io::Result<Vec<(usize, Outcome)>> {
        let mut scratch = Scratch::default();
        let mut mine: Vec<(usize, Outcome)> = Vec::new();
        while !has_failed.load(Ordering::Relaxed) {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= batches {
                break;
            }
            let place = works.partition_point(|(_, work)| work.first_batch <= batch).saturating_sub(1);
            let Some((number, work)) = works.get(place) else { break };
            if mine.last().is_none_or(|(last, _)| last != number) {
                mine.push((*number, Outcome::default()));
            }
            let Some((_, outcome)) = mine.last_mut() else { break };
            let first = (batch - work.first_batch) * BATCH;
            for block in first..work.end.min(first + BATCH) {
                if let Err(error) = work.block(source, block, &mut scratch, outcome) {
                    has_failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(mine)
    };
    let parts: Vec<_> =
        if workers == 1 { vec![run(0)] } else { (0..workers).into_par_iter().with_max_len(1).map(run).collect() };
    for part in parts {
        for (number, outcome) in part? {
            if let Some(whole) = outcomes.get_mut(number) {
                whole.merge(outcome);
            }
        }
    }
    Ok(outcomes)
}

impl Work<'_, '_> {
    fn block(
        &self,
        source: &dyn ByteSource,
        block: usize,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> io::Result<()> {
        let Some(bytes) = (self.target.place)(block).filter(|_| !self.skipped.contains(&block)) else { return Ok(()) };
        let is_large = self.decoder.needed(block).is_none_or(|needed| needed > BUFFER_BYTES) || bytes.1 > BUFFER_BYTES;
        let _alone = is_large.then(|| LARGE_BLOCK.lock().unwrap_or_else(PoisonError::into_inner));
        match self.decoder.decode(source, block, bytes, scratch)? {
            Err(failure) => outcome.fail(&failure, block, 1),
            Ok(decoded) => {
                outcome.decoded += 1;
                outcome.bytes += decoded.bytes;
                let is_kept = decoded.rows.is_some();
                if is_kept && self.is_constant(block, scratch) {
                    outcome.constant += 1;
                    outcome.constant_bytes += bytes.1;
                }
            }
        }
        if is_large {
            *scratch = Scratch::default();
        }
        Ok(())
    }

    /// Whether all pixels of a block are what a sparse block stands for. Prediction stays within rows, so that rows of one
    /// value are alike before it is undone, and hardly a block needs more than a look at its second row.
    fn is_constant(&self, block: usize, scratch: &mut Scratch) -> bool {
        let Some(pattern) = self.pattern.as_deref().filter(|_| self.decoder.has_plain_samples()) else { return false };
        let Some(row_bytes) = self.decoder.row_bytes().and_then(|bytes| usize::try_from(bytes).ok()) else {
            return false;
        };
        let image = self.decoder.image();
        let ((width, height), (column, row, _)) = (image.block_size(), image.block_at(block as u64));
        let visible_rows = image.height.saturating_sub(row.saturating_mul(height)).min(height) as usize;
        let visible_width = image.width.saturating_sub(column.saturating_mul(width)).min(width) as usize;
        let rows = scratch.output_mut();
        let Some((first, rest)) = rows.split_at_mut_checked(row_bytes) else { return false };
        if !rest.chunks_exact(row_bytes.max(1)).take(visible_rows.saturating_sub(1)).all(|row| row == first) {
            return false;
        }
        self.decoder.undo(first);
        let visible_bits = visible_width * usize::from(self.decoder.samples()) * usize::from(image.bits_per_sample);
        let visible = first.get(..visible_bits.div_ceil(8)).unwrap_or_default();
        !visible.is_empty() && visible.chunks(pattern.len()).all(|sample| sample == pattern)
    }
}

/// What may still be spent on a file.
struct Budget {
    input: u64,
    output: u64,
}

impl Budget {
    /// Up to which block the rest of the budget suffices. It is spent in the order of the index, before anything is
    /// decoded, so that the same blocks are left out whatever the threads do.
    fn spend(
        &mut self,
        target: &Target<'_>,
        decoder: &BlockDecoder<'_>,
        skipped: &HashSet<usize>,
        outcome: &mut Outcome,
    ) -> usize {
        for block in 0..target.blocks {
            let Some((_, byte_count)) = (target.place)(block).filter(|_| !skipped.contains(&block)) else { continue };
            // What cannot be decoded costs nothing.
            let needed = decoder.needed(block).unwrap_or(0).min(byte_count.saturating_mul(1 << 17));
            let left = self.input.checked_sub(byte_count).zip(self.output.checked_sub(needed));
            let Some((input, output)) = left else {
                let count = (block..target.blocks).filter(|block| (target.place)(*block).is_some()).count() as u64;
                let reason = "the blocks of the file take more than a file of its length may cost";
                outcome.skip(reason, Blocks { first: block, count, reason: reason.to_owned() });
                return block;
            };
            (self.input, self.output) = (input, output);
        }
        target.blocks
    }
}

/// The blocks whose bytes an earlier block of the same size has too.
fn shared(target: &Target<'_>, decoder: &BlockDecoder<'_>) -> HashSet<usize> {
    let mut places: Vec<(u64, u64, u32, usize)> = (0..target.blocks)
        .filter_map(|block| {
            let (offset, byte_count) = (target.place)(block)?;
            Some((offset, byte_count, decoder.rows(block), block))
        })
        .collect();
    places.sort_unstable();
    let pairs = places.iter().zip(places.iter().skip(1));
    pairs.filter(|(left, right)| (left.0, left.1, left.2) == (right.0, right.1, right.2)).map(|pair| pair.1.3).collect()
}

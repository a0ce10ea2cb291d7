//! In place of the [`survey`](super::survey) of a large file: a look at its beginning and at blocks spread over all of it.
//!
//! What comes of it is a conjecture, which [`proof`](super::proof) turns into knowledge while the rows are read. It is the
//! better the more of the file it has seen, and nothing but time depends on it.

use std::ops::Range;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::csv::file::CsvFile;
use crate::csv::header::Header;
use crate::csv::survey::{Chunk, ColumnSurvey, GUESS_REACH, Plan, Problem, Surveyor, guess};
use crate::error::SourceError;
use crate::interrupt::Interrupt;

/// Most bytes of a block: about a thousand records of what is usual.
const BLOCK_BYTES: u64 = 256 << 10;
/// Blocks, at least; large files have one for every so many bytes.
const LEAST_BLOCKS: u64 = 16;
const BYTES_PER_BLOCK: u64 = 32 << 20;
/// Most blocks.
const MOST_BLOCKS: u64 = 256;
/// Blocks that the beginning of the file counts for.
const HEAD_BLOCKS: u64 = 4;
/// A small file, as in tests, is not looked at whole: the blocks together have this share of it.
const LEAST_SHARE: u64 = 4;

/// Bytes in which the beginning of a split is looked for, at first, and where there is none in them.
const NEAR_BYTES: u64 = 64 << 10;
const FAR_BYTES: u64 = 4 << 20;

/// What a sample says.
#[derive(Debug)]
pub(super) struct Sample {
    /// What all of it says of each column.
    pub(super) columns: Vec<ColumnSurvey>,
    /// What the beginning of the file says of each column. That is certain: nobody had to guess where its records begin.
    pub(super) head: Vec<ColumnSurvey>,
    /// Bytes of a record, on the average.
    pub(super) record_bytes: u64,
}

/// Looks at a sample of the file on some threads; `None` where it is of no use, and only all of the file can tell what is wrong.
pub(super) fn sample(
    file: &CsvFile,
    header: &Header,
    plans: &[Plan],
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Option<Sample>, SourceError> {
    let data = file.bytes().saturating_sub(header.end);
    let blocks = (data / BYTES_PER_BLOCK).clamp(LEAST_BLOCKS, MOST_BLOCKS);
    let block_bytes = BLOCK_BYTES.min(data / (blocks * LEAST_SHARE)).max(1);
    let surveyor = Surveyor { file, header, plans, interrupt, chunk_bytes: block_bytes };
    let look = |block: u64| -> Option<Chunk> {
        // In 128 bits: the product of the size of a file and a count.
        let place = (u128::from(data) * u128::from(block) / u128::from(blocks)) as u64 + header.end;
        let (start, end) = match block {
            0 => (header.end, header.end + HEAD_BLOCKS * block_bytes),
            _ => (guess(file, header, place, place + block_bytes)?, place + block_bytes),
        };
        let end = end.min(file.bytes());
        Some(surveyor.chunk(start, end, end.saturating_add(GUESS_REACH)))
    };
    let mut columns: Vec<_> = plans.iter().map(ColumnSurvey::new).collect();
    let mut head = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for (block, chunk) in all(blocks, threads, interrupt, look)? {
        match chunk.problem {
            None => {}
            Some(Problem::Source(SourceError::Interrupted)) => return Err(SourceError::Interrupted),
            Some(_) => return Ok(None),
        }
        columns.iter_mut().zip(&chunk.columns).for_each(|(column, later)| column.merge(later));
        rows += chunk.rows;
        bytes += chunk.end - chunk.start;
        if block == 0 {
            head = chunk.columns;
        }
    }
    Ok((rows > 0).then(|| Sample { columns, head, record_bytes: (bytes / rows).max(1) }))
}

/// What is seen of each block, in their order, by as many threads.
fn all(
    blocks: u64,
    threads: usize,
    interrupt: &Interrupt,
    look: impl Fn(u64) -> Option<Chunk> + Sync,
) -> Result<Vec<(u64, Chunk)>, SourceError> {
    let next = AtomicU64::new(0);
    let work = || -> Result<Vec<(u64, Chunk)>, SourceError> {
        let mut seen = Vec::new();
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            if block >= blocks {
                return Ok(seen);
            }
            interrupt.check()?;
            seen.extend(look(block).map(|chunk| (block, chunk)));
        }
    };
    let mut seen = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(blocks as usize)).map(|_| scope.spawn(work)).collect();
        let mut seen = work()?;
        for other in others {
            seen.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        Ok::<_, SourceError>(seen)
    })?;
    seen.sort_by_key(|(block, _)| *block);
    Ok(seen)
}

/// Cuts the file where records seem to begin, every `target_bytes` or so; `None` where there is no such place far and wide.
pub(super) fn cut(file: &CsvFile, header: &Header, target_bytes: u64) -> Option<Vec<Range<u64>>> {
    let mut splits = Vec::new();
    let (mut start, mut place) = (header.end, header.end);
    loop {
        place = place.saturating_add(target_bytes.max(1));
        // What is left would be a very small split.
        if place.saturating_add(target_bytes / 2) >= file.bytes() {
            break;
        }
        let near = guess(file, header, place, place.saturating_add(NEAR_BYTES));
        let next = near.or_else(|| guess(file, header, place, place.saturating_add(FAR_BYTES)))?;
        if next > start {
            splits.push(start..next);
            start = next;
        }
        place = place.max(next);
    }
    splits.push(start..file.bytes());
    Some(splits)
}

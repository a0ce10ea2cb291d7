//! The first half of the sort: all parts to runs, in memory and in the spill file.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};

use crate::arrange::key::{KeyMaker, SortKey};
use crate::arrange::plan::{self, RangeLimits};
use crate::arrange::range::KeyRange;
use crate::arrange::run::{Run, SortedPart};
use crate::arrange::spill::Spill;
use crate::error::{ProducerError, WriteError};
use crate::options::{Progress, WriteOptions};
use crate::pipeline::{BatchSink, Fed, Input, Part, check_schema, feed, memory_of};
use crate::worker::PanicGuard;

/// Blocks of the spill file should have at least so many rows, or opening them costs more than reading them.
const LEAST_BLOCK_ROWS: usize = 256;
/// Each range reads at least a block of every part that reaches into it: below this, opening them is most of the work.
const LEAST_RANGE_BYTES: u64 = 4 << 20;
/// Columns have 32-bit offsets, which end at 2 GiB: rows of a range may be put into one batch, however much memory there is.
const MOST_RANGE_BYTES: u64 = 1 << 29;
/// And no part is cut into more blocks than this.
const MOST_BLOCKS: usize = 4096;

/// All rows of the input, in runs.
#[derive(Debug)]
pub(crate) struct Arranged<K> {
    rows: Arc<Rows<K>>,
    /// Bytes of the runs in memory.
    pub(crate) held_bytes: u64,
    /// Bytes in the spill file.
    pub(crate) spilled_bytes: u64,
    /// Seconds of decoding, over all threads.
    pub(crate) decode_seconds: f64,
    /// Seconds of sorting and spilling, over all threads.
    pub(crate) arrange_seconds: f64,
}

/// Where the rows are.
#[derive(Debug)]
struct Rows<K> {
    schema: SchemaRef,
    runs: Vec<(usize, Run<K>)>,
    spill: Option<Arc<SpillPlan<K>>>,
}

impl<K: SortKey> Arranged<K> {
    /// What the parts are read from: it goes with the last of those who have it.
    pub(crate) fn into_rows(self) -> Arc<dyn Send + Sync> {
        self.rows
    }

    /// The rows in order, in parts of about the size of a row group that workers may read side by side.
    pub(crate) fn parts(&self, options: &WriteOptions) -> Vec<Part<'static>> {
        let limits = RangeLimits { rows: options.row_group_rows, bytes: range_bytes(options) };
        let Rows { runs, spill, .. } = self.rows.as_ref();
        let cuts = spill.as_ref().map_or(&[][..], |plan| &plan.boundaries);
        let boundaries = plan::boundaries(runs, cuts, limits);
        let starts = std::iter::once(None).chain(boundaries.iter().cloned().map(Some));
        let ends = boundaries.iter().cloned().map(Some).chain(std::iter::once(None));
        starts
            .zip(ends)
            .map(|(from, to)| {
                let (range, rows) = (KeyRange { from, to }, Arc::clone(&self.rows));
                Box::new(move |sink: BatchSink<'_>| {
                    let Rows { schema, runs, spill } = rows.as_ref();
                    range
                        .read(schema, runs, spill.as_ref().map(|plan| &plan.spill), sink)
                        .map_err(|error| Box::new(error) as ProducerError)
                }) as Part<'static>
            })
            .collect()
    }
}

/// Bytes of a range: four for each worker share the budget.
fn range_bytes(options: &WriteOptions) -> u64 {
    (options.memory / (4 * (options.threads.max(1) as u64 + 1))).clamp(LEAST_RANGE_BYTES, MOST_RANGE_BYTES)
}

/// What a worker says of a part.
enum Event<K> {
    Done { part: usize, result: Result<Done<K>, WriteError>, decode: f64, arrange: f64 },
    Panicked,
}

/// A part that is a run now.
struct Done<K> {
    run: Run<K>,
    rows: u64,
    /// Bytes of its rows.
    bytes: u64,
}

/// Where runs go once memory is used up.
#[derive(Debug)]
struct SpillPlan<K> {
    spill: Spill,
    boundaries: Vec<K>,
}

/// Reads the input to its end.
///
/// Parts are read in an order that comes from everywhere in the source early on (bit-reversed numbers, the sequence of
/// van der Corput), so that the runs held when memory is used up are a fair sample of a layer that is itself in some
/// spatial order.
pub(crate) fn collect<M: KeyMaker>(
    pool: &rayon::ThreadPool,
    schema: &SchemaRef,
    input: Input<'_>,
    maker: &M,
    directory: &Path,
    options: &WriteOptions,
) -> Result<Arranged<M::Key>, WriteError> {
    let abort = AtomicBool::new(false);
    let (events_in, events) = unbounded();
    let (batches_in, batches) = bounded(4);
    std::thread::scope(|threads| {
        let (parts, batches, reading) = match input {
            Input::Parallel(parts) => (scattered(parts), never(), false),
            Input::Sequential(part) => {
                threads.spawn(move || feed(part, &batches_in));
                (Vec::new(), batches, true)
            }
        };
        // The scope's own thread coordinates and must never be one of the pool's: it waits on channels.
        pool.in_place_scope(|scope| {
            let collector = Collector {
                schema,
                maker,
                directory,
                options,
                scope,
                abort: &abort,
                events_in,
                events,
                batches,
                parts: parts.into_iter(),
                reading,
                pending: Pending::default(),
                under_way: 0,
                largest: 0,
                runs: Vec::new(),
                held_bytes: 0,
                rows: 0,
                bytes: 0,
                spill: None,
                decode: 0.0,
                arrange: 0.0,
            };
            let result = collector.run();
            abort.store(true, Ordering::Relaxed);
            result
        })
    })
}

/// Parts in bit-reversed order.
fn scattered(parts: Vec<Part<'_>>) -> Vec<(usize, Part<'_>)> {
    let bits = usize::BITS - parts.len().saturating_sub(1).leading_zeros();
    let reversed = |index: usize| if bits == 0 { 0 } else { index.reverse_bits() >> (usize::BITS - bits) };
    let mut parts: Vec<_> = parts.into_iter().enumerate().collect();
    parts.sort_by_key(|(index, _)| reversed(*index));
    parts
}

/// Batches of a sequential input that do not make a part yet.
#[derive(Default)]
struct Pending {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: u64,
    parts: usize,
}

struct Collector<'run, 'scope, M: KeyMaker, Parts> {
    schema: &'scope SchemaRef,
    maker: &'scope M,
    directory: &'run Path,
    options: &'run WriteOptions,
    scope: &'run rayon::Scope<'scope>,
    abort: &'scope AtomicBool,
    events_in: Sender<Event<M::Key>>,
    events: Receiver<Event<M::Key>>,
    batches: Receiver<Fed>,
    parts: Parts,
    /// A sequential part is still being read.
    reading: bool,
    pending: Pending,
    /// Parts that workers have.
    under_way: usize,
    /// Bytes of the largest part so far.
    largest: u64,
    runs: Vec<(usize, Run<M::Key>)>,
    held_bytes: u64,
    rows: u64,
    bytes: u64,
    spill: Option<Arc<SpillPlan<M::Key>>>,
    decode: f64,
    arrange: f64,
}

impl<'scope, M, Parts> Collector<'_, 'scope, M, Parts>
where
    M: KeyMaker,
    Parts: Iterator<Item = (usize, Part<'scope>)>,
{
    fn run(mut self) -> Result<Arranged<M::Key>, WriteError> {
        loop {
            while self.under_way <= self.options.threads {
                let Some((index, part)) = self.parts.next() else { break };
                self.begin_spilling()?;
                self.start(index, part);
            }
            if self.under_way == 0 && !self.reading {
                if self.pending.rows == 0 {
                    break;
                }
                self.start_pending()?;
            }
            self.wait()?;
        }
        // A part of no rows has nothing to say; the others are merged in the order of the source.
        self.runs.sort_unstable_by_key(|(part, _)| *part);
        let spilled_bytes = self.spill.as_ref().map_or(0, |plan| plan.spill.bytes());
        let rows = Rows { schema: Arc::clone(self.schema), runs: self.runs, spill: self.spill };
        Ok(Arranged {
            rows: Arc::new(rows),
            spilled_bytes,
            held_bytes: self.held_bytes,
            decode_seconds: self.decode,
            arrange_seconds: self.arrange,
        })
    }

    /// Sends runs to the spill file from now on, if what is held and under way has used up its share of the budget.
    fn begin_spilling(&mut self) -> Result<(), WriteError> {
        let under_way = (self.under_way as u64 + 1) * self.largest;
        if self.spill.is_some() || self.held_bytes + under_way <= self.options.memory / 2 || self.rows == 0 {
            return Ok(());
        }
        let spill = Spill::create::<M::Key>(self.directory, self.schema)?;
        let expected = self.options.expected_rows.unwrap_or(0).max(self.rows);
        spill.check_space((expected - self.rows).saturating_mul(self.bytes / self.rows))?;
        // Half a row group each, so that ranges can be put together from whole blocks; but not too small.
        let fine = expected.div_ceil((self.options.row_group_rows as u64 / 2).max(1));
        let parts = self.runs.len().max(1);
        let blocks = (self.rows as usize / parts / LEAST_BLOCK_ROWS).max(16);
        let count = blocks.max(usize::try_from(fine).unwrap_or(usize::MAX)).min(MOST_BLOCKS);
        let boundaries = plan::sample(&self.runs, count);
        self.spill = Some(Arc::new(SpillPlan { spill, boundaries }));
        Ok(())
    }

    /// Gives a part to a worker.
    fn start(&mut self, index: usize, part: Part<'scope>) {
        self.under_way += 1;
        let (schema, maker, abort) = (self.schema, self.maker, self.abort);
        let plan = self.spill.clone();
        let guard = PanicGuard::new(self.events_in.clone(), Event::Panicked);
        self.scope.spawn(move |_| {
            let start = Instant::now();
            let mut batches = Vec::new();
            let decoded = part(&mut |batch| {
                if batch.num_rows() > 0 {
                    batches.push(batch);
                }
                if abort.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let decode = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let result = decoded
                .map_err(WriteError::Producer)
                .and_then(|()| arrange_part(schema, maker, index, batches, plan.as_deref()));
            guard.send(Event::Done { part: index, result, decode, arrange: start.elapsed().as_secs_f64() });
        });
    }

    /// Gives the batches read so far to a worker, as a part.
    fn start_pending(&mut self) -> Result<(), WriteError> {
        self.begin_spilling()?;
        let Pending { batches, parts, .. } = std::mem::take(&mut self.pending);
        self.pending.parts = parts + 1;
        let part: Part<'scope> = Box::new(move |sink| {
            for batch in batches {
                if sink(batch).is_break() {
                    break;
                }
            }
            Ok(())
        });
        self.start(parts, part);
        Ok(())
    }

    /// Waits until something has happened.
    fn wait(&mut self) -> Result<(), WriteError> {
        let room = self.reading && self.under_way <= self.options.threads;
        let nothing = never();
        let batches = if room { &self.batches } else { &nothing };
        loop {
            if self.options.cancel.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            select! {
                recv(self.events) -> event => return match event {
                    Ok(event) => self.handle(event),
                    // The collector holds a sender itself: this cannot be.
                    Err(_) => Err(WriteError::Cancelled),
                },
                recv(batches) -> fed => return self.take(fed.unwrap_or_else(|_| Fed::died())),
                default(Duration::from_millis(100)) => {}
            }
        }
    }

    fn handle(&mut self, event: Event<M::Key>) -> Result<(), WriteError> {
        let Event::Done { part, result, decode, arrange } = event else { return Err(WriteError::worker_died()) };
        self.under_way -= 1;
        self.decode += decode;
        self.arrange += arrange;
        let Done { run, rows, bytes } = result?;
        self.rows += rows;
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        if let Run::Held(pieces) = &run {
            self.held_bytes += pieces.iter().map(|held| held.bytes).sum::<u64>();
        }
        if rows > 0 {
            self.runs.push((part, run));
        }
        if let Some(observer) = &self.options.progress {
            observer(Progress { rows_arranged: self.rows, ..Progress::default() });
        }
        Ok(())
    }

    fn take(&mut self, fed: Fed) -> Result<(), WriteError> {
        match fed {
            Fed::Batch(batch) => {
                check_schema(&batch, self.schema)?;
                self.pending.rows += batch.num_rows();
                self.pending.bytes += memory_of(std::slice::from_ref(&batch));
                self.pending.batches.push(batch);
                let share = self.options.memory / (4 * (self.options.threads as u64 + 1));
                let is_full = self.pending.bytes >= share.min(MOST_RANGE_BYTES);
                if self.pending.rows >= self.options.row_group_rows || is_full {
                    self.start_pending()?;
                }
            }
            Fed::End { result, seconds } => {
                self.reading = false;
                self.decode += seconds;
                result.map_err(WriteError::Producer)?;
            }
        }
        Ok(())
    }
}

/// A part to a run: on a worker.
fn arrange_part<M: KeyMaker>(
    schema: &SchemaRef,
    maker: &M,
    part: usize,
    batches: Vec<RecordBatch>,
    plan: Option<&SpillPlan<M::Key>>,
) -> Result<Done<M::Key>, WriteError> {
    for batch in &batches {
        check_schema(batch, schema)?;
    }
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let bytes = memory_of(&batches);
    let sorted = SortedPart::new(part, batches, bytes, maker)?;
    let run = match plan {
        Some(SpillPlan { spill, boundaries }) => Run::Spilled(sorted.spill(schema, boundaries, spill)?),
        None => Run::Held(sorted.hold(schema)?),
    };
    Ok(Done { run, rows, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_fit_a_column_whatever_the_memory() {
        let bytes = |memory, threads| range_bytes(&WriteOptions { memory, threads, ..WriteOptions::default() });
        assert_eq!(bytes(1 << 30, 3), 1 << 26);
        assert_eq!((bytes(1, 7), bytes(1 << 40, 1)), (LEAST_RANGE_BYTES, MOST_RANGE_BYTES));
    }

    #[test]
    fn parts_come_from_everywhere_early() {
        let order = |count: usize| {
            let parts: Vec<Part<'static>> =
                (0..count).map(|_| Box::new(|_: &mut dyn FnMut(_) -> _| Ok(())) as _).collect();
            scattered(parts).into_iter().map(|(index, _)| index).collect::<Vec<_>>()
        };
        assert_eq!(order(8), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(order(6), [0, 4, 2, 1, 5, 3]);
        assert_eq!((order(1), order(0)), (vec![0], vec![]));
    }
}

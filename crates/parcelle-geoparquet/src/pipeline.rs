//! Decoding and encoding on one pool of workers, under one budget, in one order.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, UInt64Type};
use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};

use crate::arrange::{self, Arranged, ByColumns, ColumnsThen, Hilbert, KeyMaker, SortKey};
use crate::assemble::Assembler;
use crate::column::ColumnEncoders;
use crate::encode::{EncodedRowGroup, RowGroup, encode};
use crate::error::{ProducerError, WriteError};
use crate::geometry_column;
use crate::layout::Layout;
use crate::options::{Progress, Sort, WriteOptions};
use crate::output::{Destination, Finished, Output};
use crate::partition::{self, Partitioner};
use crate::worker::PanicGuard;

/// Takes the batches of a part, in order. [`ControlFlow::Break`] asks the part to stop: its rows are no longer wanted.
pub type BatchSink<'a> = &'a mut dyn FnMut(RecordBatch) -> ControlFlow<()>;

/// A part of the input: called once, on a thread that it may keep busy, it passes its batches to the sink.
pub type Part<'a> = Box<dyn FnOnce(BatchSink<'_>) -> Result<(), ProducerError> + Send + 'a>;

/// Where the rows come from.
pub enum Input<'a> {
    /// Parts that are read side by side by the workers. A part is held in memory whole, so it should have about as many
    /// rows as a row group, or fewer. The output has their rows in the order of this list.
    Parallel(Vec<Part<'a>>),
    /// One part that is read in sequence, on a thread of its own, ahead of the workers that encode.
    Sequential(Part<'a>),
}

/// What was written, and what it took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Written {
    /// Rows of the output.
    pub rows: u64,
    /// Row groups of the output.
    pub row_groups: u64,
    /// Bytes of the output.
    pub bytes: u64,
    /// Files of the output, without the index.
    pub files: u64,
    /// Geometries with a ring that does not end where it begins; they are written as they are.
    pub open_geometries: u64,
    /// Geometries with an ordinate that is infinite; they are written as they are.
    pub infinite_geometries: u64,
    /// Seconds per stage.
    pub seconds: StageSeconds,
    /// Most bytes of rows that were between reader and file at one time.
    pub peak_bytes_under_way: u64,
    /// Bytes that went to a temporary file for lack of memory.
    pub spilled_bytes: u64,
}

/// Seconds of work per stage, added up over all threads; and the wall clock.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSeconds {
    /// Reading and decoding, including the wait for the disk.
    pub decode: f64,
    /// Putting rows in order: keys, sorting, spilling, merging.
    pub arrange: f64,
    /// Walking geometry, encoding and compressing.
    pub encode: f64,
    /// Appending to the file.
    pub commit: f64,
    /// From the first to the last moment.
    pub wall: f64,
}

/// Writes the rows of `input`, which have the schema `schema`, to a GeoParquet file at `path`, or to a dataset in the
/// directory `path` where a [`Partitioning`](crate::Partitioning) is asked for.
///
/// # Errors
/// [`WriteError`]; nothing is left at `path` (or what was there before, if it was to be replaced).
pub fn write(schema: &SchemaRef, input: Input<'_>, path: &Path, options: &WriteOptions) -> Result<Written, WriteError> {
    let start = Instant::now();
    let partitioning = options.partitioning.as_ref();
    let partitioner = Partitioner::new(schema, partitioning)?;
    let layout = Layout::new(&partition::stored_schema(schema, partitioning), options)?;
    let destination = match partitioning {
        Some(_) => Destination::directory(path, options.overwrite)?,
        None => Destination::file(path, options.overwrite)?,
    };
    let threads = options.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("parcelle-{index}"))
        .build()
        .map_err(|error| WriteError::Threads { threads, reason: error.to_string() })?;
    let schema_of_rows = SchemaRef::clone(schema);
    let run =
        Run { schema: schema_of_rows, with_cells: false, layout: &layout, partitioner, options, threads, pool: &pool };
    let primary = geometry_column::find(schema)?.into_iter().next();
    // Files by a column come one after the other when rows are sorted by it first.
    let by = partitioning.and_then(|partitioning| partitioning.by.as_ref());
    let columns = by.map(|name| ByColumns::new(schema, std::slice::from_ref(name))).transpose()?;
    let written = match (&options.sort, columns, primary) {
        (Sort::None, None, _) => run.write(input, destination, Kept::default()),
        (Sort::None, Some(columns), _) => run.write_sorted(input, destination, &columns),
        (Sort::Columns(names), _, _) => {
            let names: Vec<_> = by.into_iter().chain(names.iter().filter(|name| Some(*name) != by)).cloned().collect();
            run.write_sorted(input, destination, &ByColumns::new(schema, &names)?)
        }
        (Sort::Hilbert, columns, Some(primary)) => match (Hilbert::new(&primary), columns) {
            (Some(then), None) => run.write_sorted(input, destination, &then),
            (None, None) => run.write_sorted(input, destination, &Hilbert::of_unknown(&primary)),
            (Some(then), Some(columns)) => run.write_sorted(input, destination, &ColumnsThen { columns, then }),
            (None, Some(columns)) => {
                let then = Hilbert::of_unknown(&primary);
                run.write_sorted(input, destination, &ColumnsThen { columns, then })
            }
        },
        (Sort::Hilbert, _, None) => Err(WriteError::NoGeometry),
    };
    written.map(|mut written| {
        written.seconds.wall = start.elapsed().as_secs_f64();
        written
    })
}

/// What all stages of a run share.
struct Run<'run> {
    /// That of the rows to write.
    schema: SchemaRef,
    /// Whether the last column is the cells of rows along a curve.
    with_cells: bool,
    layout: &'run Layout,
    partitioner: Option<Partitioner<'run>>,
    options: &'run WriteOptions,
    threads: usize,
    pool: &'run rayon::ThreadPool,
}

impl Run<'_> {
    /// Puts the rows in order, and writes them.
    fn write_sorted<M: KeyMaker>(
        mut self,
        input: Input<'_>,
        destination: Destination,
        maker: &M,
    ) -> Result<Written, WriteError> {
        let directory = self.options.temporary_directory.as_deref().unwrap_or_else(|| destination.parent());
        let arranged = arrange::collect(self.pool, &self.schema, input, maker, directory, self.options)?;
        if M::Key::IS_PLACE {
            (self.schema, self.with_cells) = (arrange::with_cells(&self.schema), true);
        }
        let parts = Input::Parallel(arranged.parts(self.options));
        let Arranged { held_bytes, spilled_bytes, decode_seconds, arrange_seconds, .. } = arranged;
        let kept = Kept { bytes: held_bytes, rows: Some(arranged.into_rows()) };
        let mut written = self.write(parts, destination, kept).map_err(WriteError::unwrapped)?;
        let merge = std::mem::replace(&mut written.seconds.decode, decode_seconds);
        written.seconds.arrange = arrange_seconds + merge;
        written.spilled_bytes = spilled_bytes;
        written.peak_bytes_under_way = written.peak_bytes_under_way.max(held_bytes);
        Ok(written)
    }

    /// Writes the rows in the order in which they come.
    fn write(self, input: Input<'_>, destination: Destination, kept: Kept) -> Result<Written, WriteError> {
        let Self { schema, with_cells, layout, partitioner, options, threads, pool } = self;
        let abort = AtomicBool::new(false);
        let (events_in, events) = unbounded();
        // A few batches ahead of the coordinator is enough to keep the reader busy.
        let (batches_in, batches) = bounded(4);
        std::thread::scope(|threads_scope| {
            let (parts, batches, sequential) = match input {
                Input::Parallel(parts) => (parts, never(), false),
                Input::Sequential(part) => {
                    threads_scope.spawn(move || feed(part, &batches_in));
                    (Vec::new(), batches, true)
                }
            };
            // The scope's own thread coordinates and must never be one of the pool's: it waits on channels.
            pool.in_place_scope(|scope| {
                let coordinator = Coordinator {
                    schema,
                    with_cells,
                    layout,
                    partitioner,
                    options,
                    memory: options.memory.saturating_sub(kept.bytes),
                    kept: kept.rows,
                    threads,
                    scope,
                    abort: &abort,
                    events_in,
                    events,
                    batches,
                    parts: parts.into_iter().enumerate(),
                    parts_done: false,
                    reading: sequential,
                    state: State::default(),
                };
                let result = coordinator.run(destination);
                abort.store(true, Ordering::Relaxed);
                result
            })
        })
    }
}

/// What the parts of an input are read from, if they are read from memory.
#[derive(Default)]
struct Kept {
    /// Bytes of the budget that it takes.
    bytes: u64,
    rows: Option<Arc<dyn Send + Sync>>,
}

/// Row groups per thread that are being encoded, or encoded and not yet appended.
const MOST_ENCODED: usize = 4;

/// Reads a sequential part into a channel; runs on a thread of its own.
pub(crate) fn feed(part: Part<'_>, batches: &Sender<Fed>) {
    let start = Instant::now();
    let mut waiting = Duration::ZERO;
    let result = part(&mut |batch| {
        let before = Instant::now();
        let sent = batches.send(Fed::Batch(batch));
        waiting += before.elapsed();
        // The receiver is gone when the run has failed or was cancelled.
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let _ = batches.send(Fed::End { result, seconds: (start.elapsed() - waiting).as_secs_f64() });
}

/// What the thread of a sequential part says.
pub(crate) enum Fed {
    Batch(RecordBatch),
    End { result: Result<(), ProducerError>, seconds: f64 },
}

impl Fed {
    /// Said for a thread that can no longer say anything.
    pub(crate) fn died() -> Self {
        Self::End { result: Err("the thread that reads the input has died".into()), seconds: 0.0 }
    }
}

/// What the workers say.
enum Event {
    Decoded {
        index: usize,
        result: Result<Vec<RecordBatch>, WriteError>,
        seconds: f64,
    },
    Encoded {
        index: usize,
        bytes: u64,
        result: Result<EncodedRowGroup, WriteError>,
        seconds: f64,
    },
    /// A worker unwound. Its own message is on the terminal; the run must end, not wait for ever.
    Panicked,
}

/// What is under way.
#[derive(Default)]
struct State {
    /// Parts being decoded.
    decoding: usize,
    /// Decoded parts that wait for one before them.
    decoded: BTreeMap<usize, Vec<RecordBatch>>,
    /// The part whose rows come next.
    next_part: usize,
    /// Row groups that are complete and not yet given to a worker.
    complete: VecDeque<RowGroup>,
    /// Row groups being encoded.
    encoding: usize,
    /// Encoded row groups that wait for one before them.
    encoded: BTreeMap<usize, EncodedRowGroup>,
    /// The row group that is appended next.
    next_group: usize,
    /// Bytes of rows in `decoded`, in the assembler and in encoding.
    bytes: u64,
    /// Bytes of the largest part so far: the guess for parts being decoded.
    largest_part: u64,
    written: Written,
}

struct Coordinator<'run, 'scope, Parts> {
    schema: SchemaRef,
    with_cells: bool,
    layout: &'scope Layout,
    partitioner: Option<Partitioner<'run>>,
    options: &'run WriteOptions,
    /// Bytes of rows that may be under way.
    memory: u64,
    /// What the parts are read from, until all have been.
    kept: Option<Arc<dyn Send + Sync>>,
    threads: usize,
    scope: &'run rayon::Scope<'scope>,
    abort: &'scope AtomicBool,
    events_in: Sender<Event>,
    events: Receiver<Event>,
    batches: Receiver<Fed>,
    parts: Parts,
    parts_done: bool,
    /// A sequential part is still being read.
    reading: bool,
    state: State,
}

impl<'scope, Parts> Coordinator<'_, 'scope, Parts>
where
    Parts: Iterator<Item = (usize, Part<'scope>)>,
{
    fn run(mut self, destination: Destination) -> Result<Written, WriteError> {
        let mut assembler = Some(Assembler::new(self.options.row_group_rows, self.options.row_group_bytes));
        // The file is begun when the first row group is known: its rows decide how columns are encoded.
        let mut destination = Some(destination);
        let mut output: Option<(Output<'_>, Arc<ColumnEncoders>)> = None;
        loop {
            while let Some(batches) = self.state.decoded.remove(&self.state.next_part) {
                self.state.next_part += 1;
                if let Some(assembler) = &mut assembler {
                    self.assemble(assembler, batches)?;
                }
            }
            // After decoded parts have gone to the assembler: a part that completes no row group must not look like work
            // under way.
            self.start_decoding();
            let input_ended = self.parts_done && self.state.decoding == 0 && !self.reading;
            if let Some(kept) = self.kept.take_if(|_| input_ended) {
                // Giving so much memory and a large file back takes a while: beside the last row groups, not behind them.
                self.scope.spawn(move |_| drop(kept));
            }
            if let Some(assembler) = assembler.take_if(|_| input_ended) {
                assembler.finish(|group| self.state.complete.push_back(group));
            }
            if let Some(destination) = destination.take_if(|_| input_ended || !self.state.complete.is_empty()) {
                let properties = self.layout.properties(self.options, self.state.complete.front())?;
                let partitioning = self.options.partitioning.as_ref();
                let begun = Output::new(self.layout, destination, properties, partitioning)?;
                let encoders = Arc::new(begun.encoders(self.state.complete.front())?);
                output = Some((begun, encoders));
            }
            if let Some((output, encoders)) = &mut output {
                while let Some(group) = self.state.encoded.remove(&self.state.next_group) {
                    self.state.next_group += 1;
                    let before = Instant::now();
                    let value = self.partitioner.as_ref().and_then(|partitioner| partitioner.value(group.partition));
                    let progress = output.append(group, value)?;
                    self.state.written.seconds.commit += before.elapsed().as_secs_f64();
                    if let Some(observer) = &self.options.progress {
                        observer(progress);
                    }
                }
                // After those that were next have gone: what then waits has one being encoded before it.
                self.start_encoding(encoders, input_ended);
            }
            if input_ended && self.state.encoding == 0 && self.state.complete.is_empty() {
                break;
            }
            self.wait()?;
        }
        let Some((output, _)) = output else {
            return Err(WriteError::Batch("the output was never begun".to_owned()));
        };
        let before = Instant::now();
        let Finished { progress, files, open_geometries, infinite_geometries } = output.finish()?;
        let Progress { rows, row_groups, bytes, .. } = progress;
        let mut written = self.state.written;
        written.seconds.commit += before.elapsed().as_secs_f64();
        Ok(Written { rows, row_groups, bytes, files, open_geometries, infinite_geometries, ..written })
    }

    /// Passes the batches of a part to the assembler, by partition.
    fn assemble(&mut self, assembler: &mut Assembler, batches: Vec<RecordBatch>) -> Result<(), WriteError> {
        let complete = &mut self.state.complete;
        for batch in batches {
            let parts = match &mut self.partitioner {
                Some(partitioner) => partitioner.split(&batch)?,
                None => vec![(0, batch)],
            };
            for (partition, rows) in parts {
                assembler.enter(partition, |group| complete.push_back(group));
                let cells = self.with_cells.then(|| rows.columns().last().cloned()).flatten();
                let rows = partition::stored(rows, &self.layout.input)?;
                match cells.as_ref().and_then(|cells| cells.as_primitive_opt::<UInt64Type>()) {
                    Some(cells) => assembler.push_along_curve(rows, cells.values(), |group| complete.push_back(group)),
                    None => assembler.push(rows, |group| complete.push_back(group)),
                }
            }
        }
        Ok(())
    }

    /// Gives workers as many parts as they can take without going over the budget.
    fn start_decoding(&mut self) {
        loop {
            let ahead = self.state.decoding + self.state.decoded.len();
            let idle = ahead == 0 && self.state.complete.is_empty() && self.state.encoding == 0;
            let expected = self.state.bytes + (self.state.decoding as u64 + 1) * self.state.largest_part;
            let room = ahead <= self.threads
                && self.state.complete.len() + self.state.encoding <= self.threads
                && expected <= self.memory;
            if self.parts_done || !(room || idle) {
                return;
            }
            let Some((index, part)) = self.parts.next() else {
                self.parts_done = true;
                return;
            };
            self.state.decoding += 1;
            let (abort, guard) = (self.abort, PanicGuard::new(self.events_in.clone(), Event::Panicked));
            self.scope.spawn(move |_| {
                let start = Instant::now();
                let mut batches = Vec::new();
                let result = part(&mut |batch| {
                    batches.push(batch);
                    if abort.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                let result = result.map(|()| batches).map_err(WriteError::Producer);
                guard.send(Event::Decoded { index, result, seconds: start.elapsed().as_secs_f64() });
            });
        }
    }

    /// Gives complete row groups to workers, and no more than they will soon need: a value with few rows makes a small row
    /// group, which takes far more memory once it is encoded.
    fn start_encoding(&mut self, encoders: &Arc<ColumnEncoders>, input_ended: bool) {
        // Also where another has just as much to do: whoever ends first helps.
        let idle_workers = input_ended && self.state.complete.len() + self.state.encoding <= self.threads;
        let room = (MOST_ENCODED * self.threads).saturating_sub(self.state.encoding + self.state.encoded.len());
        for _ in 0..room {
            let Some(group) = self.state.complete.pop_front() else { return };
            self.state.encoding += 1;
            let (layout, encoders) = (self.layout, Arc::clone(encoders));
            let guard = PanicGuard::new(self.events_in.clone(), Event::Panicked);
            self.scope.spawn(move |_| {
                let start = Instant::now();
                let (index, bytes) = (group.index, memory_of(&group.batches));
                let result = encode(layout, &encoders, group, idle_workers);
                guard.send(Event::Encoded { index, bytes, result, seconds: start.elapsed().as_secs_f64() });
            });
        }
    }

    /// Waits until something has happened.
    fn wait(&mut self) -> Result<(), WriteError> {
        // A sequential reader is let on only while workers keep up with it.
        let room = self.reading
            && self.state.encoding <= self.threads
            && (self.state.bytes <= self.memory || self.state.encoding == 0);
        let nothing = never();
        let batches = if room { &self.batches } else { &nothing };
        loop {
            if self.options.cancel.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            select! {
                recv(self.events) -> event => return match event {
                    Ok(event) => self.handle(event),
                    // The coordinator holds a sender itself: this cannot be.
                    Err(_) => Err(WriteError::Cancelled),
                },
                recv(batches) -> fed => return self.take(fed.unwrap_or_else(|_| Fed::died())),
                default(Duration::from_millis(100)) => {}
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), WriteError> {
        match event {
            Event::Decoded { index, result, seconds } => {
                self.state.decoding -= 1;
                self.state.written.seconds.decode += seconds;
                let batches = result?;
                let bytes = memory_of(&batches);
                for batch in &batches {
                    check_schema(batch, &self.schema)?;
                }
                self.state.largest_part = self.state.largest_part.max(bytes);
                self.add_bytes(bytes);
                self.state.decoded.insert(index, batches);
            }
            Event::Encoded { index, bytes, result, seconds } => {
                self.state.encoding -= 1;
                self.state.written.seconds.encode += seconds;
                self.state.bytes = self.state.bytes.saturating_sub(bytes);
                self.state.encoded.insert(index, result?);
            }
            Event::Panicked => return Err(WriteError::worker_died()),
        }
        Ok(())
    }

    fn take(&mut self, fed: Fed) -> Result<(), WriteError> {
        match fed {
            Fed::Batch(batch) => {
                check_schema(&batch, &self.schema)?;
                self.add_bytes(memory_of(std::slice::from_ref(&batch)));
                // Each batch is a part of its own, in the order it came.
                let index = self.state.next_part;
                self.state.decoded.insert(index, vec![batch]);
            }
            Fed::End { result, seconds } => {
                self.reading = false;
                self.state.written.seconds.decode += seconds;
                result.map_err(WriteError::Producer)?;
            }
        }
        Ok(())
    }

    fn add_bytes(&mut self, bytes: u64) {
        self.state.bytes += bytes;
        self.state.written.peak_bytes_under_way = self.state.written.peak_bytes_under_way.max(self.state.bytes);
    }
}

/// Refuses a batch whose columns are not those of the schema.
pub(crate) fn check_schema(batch: &RecordBatch, expected: &SchemaRef) -> Result<(), WriteError> {
    let found = batch.schema();
    let same = found.fields().len() == expected.fields().len()
        && found
            .fields()
            .iter()
            .zip(expected.fields())
            .all(|(found, expected)| found.name() == expected.name() && found.data_type() == expected.data_type());
    if same { Ok(()) } else { Err(WriteError::Batch(format!("{found} instead of {expected}"))) }
}

/// Bytes of the rows of some batches. Slices count for their share of the buffers, so that the parts of a batch that
/// was cut in two add up to the whole.
pub(crate) fn memory_of(batches: &[RecordBatch]) -> u64 {
    batches
        .iter()
        .flat_map(RecordBatch::columns)
        .map(|column| {
            column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64
        })
        .sum()
}

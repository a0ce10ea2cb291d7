//! A layer to GeoParquet.

mod archive;
mod error;
mod filter;
mod inputs;
mod layers;
mod reproject;
mod stage;
mod summary;
mod unread;
mod unreferenced;
mod within;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parcelle_geoparquet::{
    CancelToken, Compression, Covering, Encoding, GeoParquetVersion, Input, Orientation, Part, Partitioning, Preset,
    ProducerError, Sort, WriteError, WriteOptions,
};
use parcelle_source::{
    Curves, Inputs, Interrupt, InvalidValues, Layer, OnInvalid, OpenOptions, Opened, Reader, Split, Window,
    without_secrets,
};

use archive::{Choice, UnpackedInputs};
pub use error::ConvertError;
use filter::Condition;
pub use layers::{FailedLayer, LayersSummary, SkippedLayer};
use reproject::Origin;
pub use reproject::ReprojectionError;
pub use stage::{LostPosition, StageError};
use stage::{Stage, Stages};
pub use summary::{ConvertSummary, RepairedValues, StageTimes};
use within::Within;

use crate::memory::peak_resident_bytes;

/// The rows of a split may be put into one batch, whose columns have 32-bit offsets, which end at 2 GiB.
const MOST_SPLIT_BYTES: u64 = 1 << 29;
/// Files of so many bytes are opened by a sample, where they would have to be read whole otherwise: less is read in no time.
const SAMPLE_FROM: u64 = 32 << 20;
/// With splits as large as row groups a worker waits for another one at the end, or reads while the other has nothing to encode;
/// and what has been read is gone from the processor's cache when it is encoded.
const SPLITS_PER_ROW_GROUP: usize = 4;
/// Fewest rows of a split: below, opening it costs more than reading it.
const LEAST_SPLIT_ROWS: usize = 512;

/// Converts a layer of the file at `input` to a GeoParquet file at `output`: a builder with sensible defaults, started
/// with [`Convert::run`].
///
/// The output has GeoParquet 1.1 metadata, WKB geometry, a `bbox` covering, a page index, zstd, and the rows along
/// a Hilbert curve. It has its name only when it is whole.
///
/// The input may also be a directory, or a pattern such as `D0*/BATIMENT.shp`: then all files that it stands for become one
/// dataset, as with [`convert_many`].
pub fn convert(input: impl AsRef<Path>, output: impl AsRef<Path>) -> Convert {
    convert_many([input], output)
}

/// The same for several files, directories and patterns, which become one dataset with one schema, in this order.
///
/// Columns are merged by name; a column that a file does not have is NULL there. Types widen where nothing is lost; where
/// they cannot, or reference systems differ, the run is refused. The rules are those of `parcelle-source`, in its module
/// `union`.
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("parcelle-doc-many-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vector");
/// # let (one, two) = (format!("{testdata}/towns.geojson"), format!("{testdata}/shapes.geojson"));
/// # let output = directory.join("out.parquet");
/// let summary = parcelle::convert_many([one, two], &output).threads(2).run()?;
/// println!("{} rows of {} files", summary.rows, summary.inputs);
/// # assert_eq!(summary.inputs, 2);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn convert_many(inputs: impl IntoIterator<Item = impl AsRef<Path>>, output: impl AsRef<Path>) -> Convert {
    Convert {
        inputs: inputs.into_iter().map(|input| input.as_ref().to_owned()).collect(),
        output: output.as_ref().to_owned(),
        member: None,
        open: OpenOptions { sample_from: Some(SAMPLE_FROM), ..OpenOptions::default() },
        write: WriteOptions::default(),
        filter: None,
        target_crs: None,
        observer: None,
    }
}

/// How far a conversion has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that have been read and put in order, where they are sorted.
    pub rows_arranged: u64,
    /// Rows that are in the output.
    pub rows: u64,
    /// Rows of the layer, where it says so without being read.
    pub total_rows: Option<u64>,
    /// Row groups that are in the output.
    pub row_groups: u64,
    /// Bytes of the output.
    pub bytes: u64,
}

/// Called once the layer is open, and after each row group.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// See [`convert()`].
#[derive(Clone)]
#[must_use = "nothing is converted until run() is called"]
pub struct Convert {
    inputs: Vec<PathBuf>,
    output: PathBuf,
    member: Option<String>,
    open: OpenOptions,
    write: WriteOptions,
    filter: Option<String>,
    target_crs: Option<String>,
    observer: Option<ProgressFn>,
}

impl std::fmt::Debug for Convert {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Convert")
            .field("inputs", &self.inputs.iter().map(|input| without_secrets(input)).collect::<Vec<_>>())
            .field("output", &self.output)
            .field("member", &self.member)
            .field("open", &self.open)
            .field("write", &self.write)
            .field("filter", &self.filter)
            .field("target_crs", &self.target_crs)
            .finish_non_exhaustive()
    }
}

impl Convert {
    /// One more file, directory or pattern, after those there are.
    pub fn input(mut self, input: impl AsRef<Path>) -> Self {
        self.inputs.push(input.as_ref().to_owned());
        self
    }

    /// Name of the layer; needed where the file has several.
    pub fn layer(mut self, name: impl Into<String>) -> Self {
        self.open.layer = Some(name.into());
        self
    }

    /// Where the input is an archive with several data sets, which of them: the path of a member, or the end of it, with or
    /// without its extension, or a pattern over either.
    pub fn member(mut self, name: impl Into<String>) -> Self {
        self.member = Some(name.into());
        self
    }

    /// Which reader opens the file.
    pub fn reader(mut self, reader: Reader) -> Self {
        self.open.reader = reader;
        self
    }

    /// Coordinate reference system to assign in place of what the file says, such as `EPSG:2154`. Coordinates stay as
    /// they are.
    pub fn crs(mut self, definition: impl Into<String>) -> Self {
        self.open.crs = Some(definition.into());
        self
    }

    /// Coordinate reference system to bring all geometry to, such as `EPSG:4326`: it is transformed by PROJ (feature
    /// `gdal`), with x before y whatever the order of the system's axes. Heights are transformed where both systems
    /// have one, and stay as they are elsewhere; M always stays. A transformation that is only a guess is refused, and the
    /// summary warns where a more exact one needs grids that are not installed.
    pub fn target_crs(mut self, definition: impl Into<String>) -> Self {
        self.target_crs = Some(definition.into());
        self
    }

    /// Only rows whose geometry's bounding box meets this window, in the coordinates of the layer. Readers with a spatial
    /// index use it to read no more than they have to.
    pub fn window(mut self, window: Window) -> Self {
        self.open.window = Some(window);
        self
    }

    /// Whether curves are approximated by straight segments of at most 4 degrees; otherwise a curve is an error.
    pub fn linearise(mut self, linearise: bool) -> Self {
        self.open.curves = if linearise { Curves::linearised() } else { Curves::default() };
        self
    }

    /// Columns to keep beside geometry.
    pub fn select(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.open.select = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Files of at least so many bytes are opened by a sample of them, where the format does not say what has to be known
    /// of all rows (CSV, and FlatGeobuf with times); of at least 32 MiB unless said otherwise, `None` means never. What the
    /// sample leads to is proved while rows are read, and where it does not hold for the whole file the run begins anew
    /// without one: the output is the same either way, and only the time that it takes is not.
    pub fn sample_from(mut self, bytes: Option<u64>) -> Self {
        self.open.sample_from = bytes;
        self
    }

    /// Only rows for which this condition on their columns is TRUE, in the language of SQL's `WHERE`, such as
    /// `height > 10 AND kind IN ('house', 'barn')`. The columns it names need not be selected. The command line's help
    /// lists what can be written.
    pub fn filter(mut self, condition: impl Into<String>) -> Self {
        self.filter = Some(condition.into());
        self
    }

    /// What becomes of values that are not valid; they end the run unless said otherwise. The summary says what was done.
    pub fn on_invalid(mut self, policy: OnInvalid) -> Self {
        self.open.invalid = InvalidValues::new(policy);
        self
    }

    /// Codec, page size and rows per row group as the preset has them; what is said afterwards counts.
    pub fn preset(mut self, preset: Preset) -> Self {
        self.write.preset(preset);
        self
    }

    /// Codec of the column chunks.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.write.compression = compression;
        self
    }

    /// Whether bounding boxes are written beside geometry.
    pub fn covering(mut self, covering: Covering) -> Self {
        self.write.covering = covering;
        self
    }

    /// Order of the rows: along a Hilbert curve, unless something else is wanted.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.write.sort = sort;
        self
    }

    /// A dataset in place of one file: the output becomes a directory of files, with an index.
    pub fn partitioning(mut self, partitioning: Partitioning) -> Self {
        self.write.partitioning = Some(partitioning);
        self
    }

    /// Where rows go that do not fit into memory while they are sorted, and what an archive is unpacked into: the directory
    /// of the output, if not given.
    pub fn temporary_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.write.temporary_directory = Some(directory.into());
        self
    }

    /// Version of GeoParquet; 1.1 unless said otherwise.
    pub fn geoparquet_version(mut self, version: GeoParquetVersion) -> Self {
        self.write.version = version;
        self
    }

    /// How geometry is stored; as WKB unless said otherwise.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.write.encoding = encoding;
        self
    }

    /// What is done about the order of rings; nothing unless said otherwise.
    pub fn orientation(mut self, orientation: Orientation) -> Self {
        self.write.orientation = orientation;
        self
    }

    /// Decimal year for which the coordinates hold, where the reference system is a dynamic one.
    pub fn epoch(mut self, decimal_year: f64) -> Self {
        self.write.epoch = Some(decimal_year);
        self
    }

    /// Names of columns that get a bloom filter.
    pub fn bloom_filters(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.write.bloom_filters = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Rows per row group, at most: along a Hilbert curve it may end earlier, at the edge of an area.
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.write.row_group_rows = rows.max(1);
        self
    }

    /// Bytes of a data page before compression, about.
    pub fn page_bytes(mut self, bytes: usize) -> Self {
        self.write.page_bytes = bytes.max(1);
        self
    }

    /// Bytes of uncompressed rows per row group, at most, 128 MiB unless said otherwise; it ends at this or at
    /// [`Convert::row_group_rows`], whichever comes first.
    pub fn row_group_bytes(mut self, bytes: u64) -> Self {
        self.write.row_group_bytes = Some(bytes);
        self
    }

    /// Worker threads, for reading and writing together.
    pub fn threads(mut self, threads: usize) -> Self {
        self.write.threads = threads.max(1);
        self
    }

    /// Bytes of rows that may be between reader and file.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.write.memory = bytes;
        self
    }

    /// Whether an existing output is replaced.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.write.overwrite = overwrite;
        self
    }

    /// Called once the layer is open, and after each row group.
    pub fn on_progress(mut self, observer: ProgressFn) -> Self {
        self.observer = Some(observer);
        self
    }

    /// A token that stops the run from another thread.
    pub fn cancel_token(mut self, token: CancelToken) -> Self {
        self.write.cancel = token;
        self
    }

    /// Converts.
    ///
    /// # Errors
    /// [`ConvertError`]; nothing is left at the output then, or what was there before.
    pub fn run(mut self) -> Result<ConvertSummary, ConvertError> {
        // Asked for first, so that nobody waits for a large input to be opened before learning it.
        self.check_absent()?;
        let mut inputs = inputs::resolve(&self.inputs, &self.output, self.write.partitioning.is_some())?;
        self.prepare();
        let unpacked = self.unpack(&mut inputs, false)?;
        let description = unpacked.description().unwrap_or_else(|| parcelle_source::described(&self.inputs));
        let converted = self.run_on(&inputs, description).map(|mut summary| {
            summary.warnings.extend(unread::archives(&inputs));
            unpacked.summary(summary)
        });
        converted.map_err(|error| unpacked.error(error))
    }

    /// Unpacks the archives among the inputs. What they hold is there until this is dropped.
    fn unpack(&self, inputs: &mut Inputs, all: bool) -> Result<UnpackedInputs, ConvertError> {
        let beside = || {
            let mut above = self
                .output
                .ancestors()
                .skip(1)
                .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
            // The directories of all layers are made where they are missing.
            if all { above.find(|path| path.is_dir()) } else { above.next() }
        };
        let directory = self.write.temporary_directory.as_deref().or_else(beside).unwrap_or(Path::new("."));
        let choice = Choice { member: self.member.as_deref(), layer: self.open.layer.as_deref(), all };
        UnpackedInputs::new(inputs, choice, directory, &self.write.cancel.flag())
    }

    /// Refuses to replace an output without being asked to.
    fn check_absent(&self) -> Result<(), ConvertError> {
        if !self.write.overwrite && self.is_taken() {
            return Err(ConvertError::Write(WriteError::Exists { path: self.output.clone() }));
        }
        Ok(())
    }

    /// One number of threads and one way to stop for reading and writing.
    fn prepare(&mut self) {
        self.open.threads = self.write.threads;
        self.open.interrupt = Interrupt::on(self.write.cancel.flag());
    }

    /// Converts these files, which the summary calls by `description`.
    fn run_on(self, inputs: &Inputs, description: String) -> Result<ConvertSummary, ConvertError> {
        let start = Instant::now();
        let mut again = self.clone();
        let mut is_sampled = false;
        match self.run_once(inputs, description.clone(), start, &mut is_sampled) {
            // Whatever it is, it may come of a schema that is not that of the file. What the disk says does not.
            Err(error)
                if is_sampled
                    && !error.is_cancelled()
                    && !matches!(error, ConvertError::Write(WriteError::Io { .. })) =>
            {
                again.open.sample_from = None;
                let mut summary = again.run_once(inputs, description, start, &mut is_sampled)?;
                summary.read_again = Some(error.to_string());
                Ok(summary)
            }
            done => done,
        }
    }

    /// The same, of a run that began at `start`. `is_sampled` becomes whether it relies on a sample of the file.
    fn run_once(
        mut self,
        inputs: &Inputs,
        description: String,
        start: Instant,
        is_sampled: &mut bool,
    ) -> Result<ConvertSummary, ConvertError> {
        let linearised_before = self.open.curves.count();
        let leftovers = parcelle_geoparquet::leftovers(&self.output);
        // Counts of its own: the builder may be cloned and run several times.
        self.open.invalid = self.open.invalid.afresh();
        let select = self.open.select.as_deref();
        let mut condition = self.filter.as_deref().map(|text| Condition::new(text, select)).transpose()?;
        let open = |select| parcelle_source::open_all(inputs, &OpenOptions { select, ..self.open.clone() });
        let Opened { layer, paths } = match &mut condition {
            Some(condition) => condition.open(open)?,
            None => open(self.open.select.clone())?,
        };
        *is_sampled = layer.is_sampled();
        // Nobody misses what was not selected.
        let hive_columns = unread::hive_columns(inputs, &layer.schema()).filter(|_| self.open.select.is_none());
        let (stages, mut warnings) = self.stages(layer.as_ref(), &description, condition)?;
        warnings.extend(hive_columns);
        warnings.extend(unreferenced::columns(stages.schema()));
        if self.target_crs.as_ref().is_some_and(|target| !reproject::has_epoch(target)) {
            self.write.epoch = None;
        }
        // How many rows meet a window or a condition nobody knows before they are read.
        let is_filtered = self.open.window.is_some() || self.filter.is_some();
        let total_rows = layer.row_count_hint().filter(|_| !is_filtered);
        self.write.expected_rows = layer.row_count_estimate().filter(|_| !is_filtered);
        if let Some(observer) = self.observer.take() {
            observer(Progress { total_rows, ..Progress::default() });
            self.write.progress = Some(Arc::new(move |written| {
                let parcelle_geoparquet::Progress { rows_arranged, rows, row_groups, bytes } = written;
                observer(Progress { rows_arranged, rows, total_rows, row_groups, bytes });
            }));
        }
        let splits = layer.splits(split_rows(layer.as_ref(), &self.write))?;
        let outstanding = AtomicUsize::new(splits.len());
        let part = |split| part(layer.as_ref(), &stages, split, &outstanding);
        let parts = match <[Split; 1]>::try_from(splits) {
            Ok([split]) => Input::Sequential(part(split)),
            Err(splits) => Input::Parallel(splits.into_iter().map(part).collect()),
        };
        let written = parcelle_geoparquet::write(stages.schema(), parts, &self.output, &self.write)?;
        warnings.extend(open_rings(written.open_geometries));
        warnings.extend(infinite(written.infinite_geometries));
        Ok(ConvertSummary {
            input: description,
            inputs: paths.len() as u64,
            layer: layer.name().to_owned(),
            driver: layer.driver().to_owned(),
            output: self.output.display().to_string(),
            rows: written.rows,
            linearised: self.open.curves.count().saturating_sub(linearised_before),
            rows_read: stages.rows_read(),
            row_groups: written.row_groups,
            bytes_in: layer.input_bytes(),
            bytes_out: written.bytes,
            files: written.files,
            // Opening is part of it: some formats are read for that, and a thousand files take their time.
            seconds: StageTimes { wall: start.elapsed().as_secs_f64(), ..written.seconds.into() },
            peak_memory_bytes: peak_resident_bytes(),
            spilled_bytes: written.spilled_bytes,
            read_again: None,
            warnings,
            repaired: self.open.invalid.repaired().into_iter().map(Into::into).collect(),
            leftovers: leftovers.iter().map(|path| path.display().to_string()).collect(),
        })
    }
}

/// A warning where rings are not closed: they are kept, but many programs read no row of a file with one.
fn open_rings(geometries: u64) -> Option<String> {
    (geometries > 0).then(|| {
        format!(
            "geometries with a ring that is not closed: {geometries}. They are written as they are, and programs on GEOS, \
             such as geopandas, do not read the file then: close the rings in the source; `parcelle check` names the rows"
        )
    })
}

/// A warning where positions are infinite: nothing that reckons with boxes can find such a geometry.
fn infinite(geometries: u64) -> Option<String> {
    (geometries > 0).then(|| {
        format!(
            "geometries with a coordinate that is infinite: {geometries}. They are written as they are, but the file cannot \
             say its extent then: mend them in the source, or leave them out with --bbox"
        )
    })
}

impl Convert {
    /// Whether something is at the output already. A dataset may take the place of an empty directory.
    fn is_taken(&self) -> bool {
        let is_empty = |path: &Path| path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        self.output.symlink_metadata().is_ok() && !(self.write.partitioning.is_some() && is_empty(&self.output))
    }

    /// What rows pass between reader and writer.
    fn stages(
        &self,
        layer: &dyn Layer,
        description: &str,
        condition: Option<Condition>,
    ) -> Result<(Stages, Vec<String>), ConvertError> {
        let source = &layer.schema();
        let mut stages: Vec<Box<dyn Stage>> = Vec::new();
        // A reader may have used the window already, but none promises to leave out every row outside.
        let window = self.open.window.and_then(|window| Within::new(source, window));
        stages.extend(window.map(|within| Box::new(within) as Box<dyn Stage>));
        if let Some(condition) = condition {
            stages.push(Box::new(condition.bind(source)?));
        }
        let mut warnings = Vec::new();
        if let Some(target) = &self.target_crs {
            let schema = stages.last().map_or_else(|| Arc::clone(source), |stage| stage.schema());
            let origin = Origin {
                path: description.to_owned(),
                layer: layer.name().to_owned(),
                invalid: self.open.invalid.clone(),
            };
            stages.extend(reproject::stage(&schema, target, self.write.epoch, origin, &mut warnings)?);
        }
        Ok((Stages::new(stages, source), warnings))
    }
}

/// Rows per split: a share of what a row group has, or fewer where rows are so large that the splits that are under way at
/// one time (one per thread, and as many being encoded) would not fit the budget.
fn split_rows(layer: &dyn Layer, options: &WriteOptions) -> usize {
    let row_bytes = match (layer.input_bytes(), layer.row_count_estimate()) {
        (Some(bytes), Some(rows)) if rows > 0 => (bytes / rows).max(1),
        _ => return options.row_group_rows.div_ceil(SPLITS_PER_ROW_GROUP),
    };
    let under_way = 2 * (options.threads as u64 + 1);
    let split_bytes = (options.memory / under_way).min(MOST_SPLIT_BYTES);
    let affordable = usize::try_from(split_bytes / row_bytes).unwrap_or(usize::MAX);
    affordable.max(LEAST_SPLIT_ROWS).min(options.row_group_rows.div_ceil(SPLITS_PER_ROW_GROUP))
}

/// A split as the writer takes it: read, and passed through the stages. `outstanding` splits are not yet read to their end; the
/// last of them to be is where it shows whether the layer was what it was taken for, which is before the output has its name.
fn part<'a>(layer: &'a dyn Layer, stages: &'a Stages, split: Split, outstanding: &'a AtomicUsize) -> Part<'a> {
    Box::new(move |sink| {
        let mut failure = None;
        let mut stopped = false;
        layer
            .read(&split, &mut |batch| {
                let flow = match stages.apply(batch) {
                    Ok(batch) if batch.num_rows() == 0 => ControlFlow::Continue(()),
                    Ok(batch) => sink(batch),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                };
                stopped |= flow.is_break();
                flow
            })
            .map_err(|error| Box::new(error) as ProducerError)?;
        if let Some(error) = failure {
            return Err(Box::new(error) as ProducerError);
        }
        let is_last = !stopped && outstanding.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last { layer.prove().map_err(|error| Box::new(error) as ProducerError) } else { Ok(()) }
    })
}

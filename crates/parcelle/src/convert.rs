//! A layer to GeoParquet.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parcelle_geoparquet::{
    CancelToken, Compression, Covering, Input, Part, ProducerError, StageSeconds, WriteError, WriteOptions,
};
use parcelle_source::{Layer, OpenOptions, Reader, SourceError, Split};
use serde::Serialize;

use crate::memory::peak_resident_bytes;

/// Fewest rows of a split: below, opening it costs more than reading it.
const LEAST_SPLIT_ROWS: usize = 512;

/// Converts a layer of the file at `input` to a GeoParquet file at `output`: a builder with sensible defaults, started
/// with [`Convert::run`].
///
/// The output has GeoParquet 1.1 metadata, WKB geometry, a `bbox` covering, a page index, zstd, and the rows in the
/// order of the source. It has its name only when it is whole.
pub fn convert(input: impl AsRef<Path>, output: impl AsRef<Path>) -> Convert {
    Convert {
        input: input.as_ref().to_owned(),
        output: output.as_ref().to_owned(),
        open: OpenOptions::default(),
        write: WriteOptions::default(),
        observer: None,
    }
}

/// How far a conversion has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
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
    input: PathBuf,
    output: PathBuf,
    open: OpenOptions,
    write: WriteOptions,
    observer: Option<ProgressFn>,
}

impl std::fmt::Debug for Convert {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Convert")
            .field("input", &self.input)
            .field("output", &self.output)
            .field("open", &self.open)
            .field("write", &self.write)
            .finish_non_exhaustive()
    }
}

impl Convert {
    /// Name of the layer; needed where the file has several.
    pub fn layer(mut self, name: impl Into<String>) -> Self {
        self.open.layer = Some(name.into());
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

    /// Columns to keep beside geometry.
    pub fn select(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.open.select = Some(columns.into_iter().map(Into::into).collect());
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

    /// Rows per row group, at most.
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.write.row_group_rows = rows.max(1);
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
        if !self.write.overwrite && self.output.symlink_metadata().is_ok() {
            return Err(ConvertError::Write(WriteError::Exists { path: self.output }));
        }
        if is_same_or_within(&self.output, &self.input) {
            return Err(ConvertError::OutputIsInput { path: self.output });
        }
        let layer = parcelle_source::open(&self.input, &self.open)?;
        if let Some(observer) = self.observer.take() {
            let total_rows = layer.row_count_hint();
            observer(Progress { total_rows, ..Progress::default() });
            self.write.progress = Some(Arc::new(move |written| {
                let parcelle_geoparquet::Progress { rows, row_groups, bytes } = written;
                observer(Progress { rows, total_rows, row_groups, bytes });
            }));
        }
        let splits = layer.splits(split_rows(layer.as_ref(), &self.write))?;
        let input = match <[Split; 1]>::try_from(splits) {
            Ok([split]) => Input::Sequential(part(layer.as_ref(), split)),
            Err(splits) => Input::Parallel(splits.into_iter().map(|split| part(layer.as_ref(), split)).collect()),
        };
        let written = parcelle_geoparquet::write(&layer.schema(), input, &self.output, &self.write)?;
        Ok(ConvertSummary {
            input: self.input.display().to_string(),
            layer: layer.name().to_owned(),
            driver: layer.driver().to_owned(),
            output: self.output.display().to_string(),
            rows: written.rows,
            row_groups: written.row_groups,
            bytes_in: layer.input_bytes(),
            bytes_out: written.bytes,
            seconds: written.seconds.into(),
            peak_memory_bytes: peak_resident_bytes(),
            spilled_bytes: 0,
        })
    }
}

/// Whether writing to `output` would destroy the input: the two are one file, by whatever names, or the output lies in
/// the directory that is the input.
fn is_same_or_within(output: &Path, input: &Path) -> bool {
    let (Ok(output), Ok(input)) = (output.canonicalize(), input.canonicalize()) else { return false };
    let identity = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    output.starts_with(&input) || identity(&output).is_some_and(|output| identity(&input) == Some(output))
}

/// Rows per split: as many as a row group has, or fewer where rows are so large that the splits that are under way at
/// one time (one per thread, and as many being encoded) would not fit the budget.
fn split_rows(layer: &dyn Layer, options: &WriteOptions) -> usize {
    let row_bytes = match (layer.input_bytes(), layer.row_count_hint()) {
        (Some(bytes), Some(rows)) if rows > 0 => (bytes / rows).max(1),
        _ => return options.row_group_rows,
    };
    let under_way = 2 * (options.threads as u64 + 1);
    let affordable = usize::try_from(options.memory / under_way / row_bytes).unwrap_or(usize::MAX);
    affordable.max(LEAST_SPLIT_ROWS).min(options.row_group_rows)
}

fn part(layer: &dyn Layer, split: Split) -> Part<'_> {
    Box::new(move |sink| layer.read(&split, sink).map_err(|error| Box::new(error) as ProducerError))
}

/// What was converted, and what it took. Its serialisation is the JSON summary of the command line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvertSummary {
    /// The input as it was given.
    pub input: String,
    /// Name of the layer.
    pub layer: String,
    /// What read it: `GPKG` natively, or `GDAL/` and a driver.
    pub driver: String,
    /// The output as it was given.
    pub output: String,
    /// Rows, in and out.
    pub rows: u64,
    /// Row groups of the output.
    pub row_groups: u64,
    /// Size of the input file.
    pub bytes_in: Option<u64>,
    /// Size of the output.
    pub bytes_out: u64,
    /// Seconds per stage.
    pub seconds: StageTimes,
    /// Most bytes of memory that were resident since the process began.
    pub peak_memory_bytes: Option<u64>,
    /// Bytes that went to temporary files for lack of memory.
    pub spilled_bytes: u64,
}

/// Seconds of work per stage, added up over all threads; and the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageTimes {
    /// Reading and decoding.
    pub decode: f64,
    /// Encoding and compressing.
    pub encode: f64,
    /// Appending to the file.
    pub commit: f64,
    /// From start to end.
    pub wall: f64,
}

impl From<StageSeconds> for StageTimes {
    fn from(seconds: StageSeconds) -> Self {
        let StageSeconds { decode, encode, commit, wall } = seconds;
        Self { decode, encode, commit, wall }
    }
}

/// Why a layer was not converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The output could not be written.
    #[error(transparent)]
    Write(WriteError),
    /// The output would replace the input.
    #[error("{} is the input itself, or lies within it: choose another name for the output", .path.display())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },
}

impl From<WriteError> for ConvertError {
    fn from(error: WriteError) -> Self {
        match error {
            // What the writer carries for the reader comes back as what it was.
            WriteError::Producer(producer) => match producer.downcast::<SourceError>() {
                Ok(source) => Self::Source(*source),
                Err(producer) => Self::Write(WriteError::Producer(producer)),
            },
            other => Self::Write(other),
        }
    }
}

impl ConvertError {
    /// Whether the request itself was wrong (a missing input, an existing output, a layer or column that is not there),
    /// rather than the data. On the command line these end with exit code 2, others with 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Source(error) => matches!(
                error,
                SourceError::NotFound { .. }
                    | SourceError::SeveralLayers { .. }
                    | SourceError::UnknownLayer { .. }
                    | SourceError::UnknownColumn { .. }
                    | SourceError::AssignedCrs { .. }
                    | SourceError::NoNativeReader { .. }
                    | SourceError::ConnectionString { .. }
            ),
            Self::Write(error) => matches!(error, WriteError::Exists { .. }),
            Self::OutputIsInput { .. } => true,
        }
    }

    /// Whether the run was stopped by its [`CancelToken`].
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Write(WriteError::Cancelled))
    }
}

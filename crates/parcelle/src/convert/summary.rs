//! What a conversion did, and what it took.

use parcelle_geoparquet::StageSeconds;
use parcelle_source::{Repair, Repaired};
use serde::Serialize;

/// What was converted, and what it took. Its serialisation is the JSON summary of the command line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvertSummary {
    /// The input as it was given; of several the first ones, and how many more.
    pub input: String,
    /// How many files were read.
    pub inputs: u64,
    /// Name of the layer; of several files their layers' names.
    pub layer: String,
    /// What read it: `GPKG` natively, or `GDAL/` and a driver.
    pub driver: String,
    /// The output as it was given.
    pub output: String,
    /// Rows of the output.
    pub rows: u64,
    /// Rows that were read; those that are not in the output were outside the window, or filtered out. Readers with a
    /// spatial index read fewer than the layer has.
    pub rows_read: u64,
    /// Geometries with curves that were read, and approximated by straight segments.
    pub linearised: u64,
    /// Row groups of the output.
    pub row_groups: u64,
    /// Files of the output: 1, unless it is a dataset.
    pub files: u64,
    /// Size of the input files.
    pub bytes_in: Option<u64>,
    /// Size of the output.
    pub bytes_out: u64,
    /// Seconds per stage.
    pub seconds: StageTimes,
    /// Most bytes of memory that were resident since the process began.
    pub peak_memory_bytes: Option<u64>,
    /// Bytes that went to temporary files for lack of memory.
    pub spilled_bytes: u64,
    /// Why the input was read a second time: a [sample](crate::Convert::sample_from) of it had led to something that did not
    /// hold for the whole. It cost time; the output is the same. `None` where once was enough.
    pub read_again: Option<String>,
    /// What is not as good as it could be, in sentences for people.
    pub warnings: Vec<String>,
    /// Values that were not valid and are not in the output as they were, by file and column.
    pub repaired: Vec<RepairedValues>,
    /// Temporary files beside the output that were there before: left by runs that were killed, unless another run for
    /// the same output is under way.
    pub leftovers: Vec<String>,
}

/// What was done to the values of a column that were not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairedValues {
    /// The file.
    pub path: String,
    /// The layer.
    pub layer: String,
    /// The column.
    pub column: String,
    /// `null` where they became NULL, `replaced` where characters of them became U+FFFD.
    pub repair: &'static str,
    /// How many of the rows that were read, those that were filtered out later included.
    pub values: u64,
    /// The first of them: where it is, and what is wrong with it.
    pub first: String,
}

impl From<Repaired> for RepairedValues {
    fn from(repaired: Repaired) -> Self {
        let Repaired { path, layer, column, repair, values, first } = repaired;
        let repair = match repair {
            Repair::Nulled => "null",
            Repair::Replaced => "replaced",
        };
        Self { path: path.display().to_string(), layer, column, repair, values, first }
    }
}

/// Seconds of work per stage, added up over all threads; and the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageTimes {
    /// Unpacking the archive that is the input.
    pub unpack: f64,
    /// Reading and decoding.
    pub decode: f64,
    /// Putting rows in order.
    pub arrange: f64,
    /// Encoding and compressing.
    pub encode: f64,
    /// Appending to the file.
    pub commit: f64,
    /// From start to end.
    pub wall: f64,
}

impl From<StageSeconds> for StageTimes {
    fn from(seconds: StageSeconds) -> Self {
        let StageSeconds { decode, arrange, encode, commit, wall } = seconds;
        Self { unpack: 0.0, decode, arrange, encode, commit, wall }
    }
}

//! What a conversion did, and what it took.

use parcelle_geoparquet::StageSeconds;
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
    /// Rows, in and out.
    pub rows: u64,
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
    /// Temporary files beside the output that were there before: left by runs that were killed, unless another run for
    /// the same output is under way.
    pub leftovers: Vec<String>,
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

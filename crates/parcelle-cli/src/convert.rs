//! `parcelle convert`.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use parcelle::report::Wording;
use parcelle::{
    CancelToken, Compression, Convert, ConvertError, ConvertSummary, Covering, Encoding, FailedLayer,
    GeoParquetVersion, LayersSummary, OnInvalid, Orientation, PartitionNames, Partitioning, Preset, Reader,
    SkippedLayer, Sort,
};
use serde::Serialize;

use crate::args::{
    CompressionArgument, ConvertArguments, CoveringArgument, EncodingArgument, GeoParquetArgument, OnInvalidArgument,
    OrientationArgument, PartitionNamesArgument, PresetArgument, ReaderArgument, SummaryFormat,
};
use crate::failure::Failure;
use crate::format::{bytes, counted, grouped};
use crate::terminal;

pub(crate) fn run(arguments: ConvertArguments) -> Result<ExitCode, Failure> {
    let format = arguments.format;
    let windowed = arguments.bbox.is_some();
    let all_layers = arguments.all_layers;
    let convert = resolve(arguments)?;

    let cancel = CancelToken::default();
    let token = cancel.clone();
    // Without a handler the temporary file would stay behind: worth a word, not worth giving up.
    if let Err(error) = ctrlc::set_handler(move || token.cancel()) {
        let _ = writeln!(std::io::stderr(), "warning: an interruption will leave a temporary file: {error}");
    }
    let bar = terminal::progress("rows");
    terminal::tick(&bar);
    let shown = bar.clone();
    let convert = convert.cancel_token(cancel).on_progress(Arc::new(move |progress: parcelle::Progress| {
        let (done, unit) = match progress {
            parcelle::Progress { rows: 0, rows_arranged, .. } if rows_arranged > 0 => (rows_arranged, "rows read"),
            parcelle::Progress { rows, .. } => (rows, "rows written"),
        };
        terminal::show(&shown, done, progress.total_rows, unit);
    }));
    if all_layers {
        let result = convert.run_layers();
        bar.finish_and_clear();
        return report_layers(&result.map_err(|error| failure(&error, all_layers))?, format, windowed);
    }
    let result = convert.run();
    bar.finish_and_clear();
    let summary = result.map_err(|error| failure(&error, all_layers))?;
    report(&summary, format, || human(&summary, windowed))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a summary.
fn report(summary: &impl Serialize, format: SummaryFormat, human: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = match format {
        SummaryFormat::Human => human(),
        SummaryFormat::Json => match serde_json::to_string_pretty(summary) {
            Ok(json) => json,
            Err(error) => return Err(Failure::Data(format!("cannot write the summary as JSON: {error}"))),
        },
    };
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| Failure::output("the summary", &error))
}

/// Prints what became of all layers, and complains of those that failed.
fn report_layers(summary: &LayersSummary, format: SummaryFormat, windowed: bool) -> Result<ExitCode, Failure> {
    report(summary, format, || human_layers(summary, windowed))?;
    for FailedLayer { layer, error, .. } in &summary.failed {
        let failure = Failure::Data(format!("layer {layer} is not written: {error}"));
        terminal::complain(&failure, Wording::default());
    }
    Ok(if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Arguments to a conversion: everything that depends on several of them is decided here.
fn resolve(mut arguments: ConvertArguments) -> Result<Convert, Failure> {
    let output = arguments.paths.pop().filter(|_| !arguments.paths.is_empty()).ok_or_else(|| {
        Failure::Usage(
            "an INPUT and an OUTPUT are wanted: parcelle convert buildings.gpkg buildings.parquet".to_owned(),
        )
    })?;
    let compression = match (arguments.compression, arguments.compression_level) {
        // The preset has two codecs: where the one is asked for, geometry has it too.
        (Some(CompressionArgument::Zstd), None) if matches!(arguments.preset, PresetArgument::Fast) => {
            Some(Compression::Zstd(1))
        }
        (None | Some(CompressionArgument::Zstd), level) => level.map(Compression::Zstd),
        (Some(CompressionArgument::Snappy), None) => Some(Compression::Snappy),
        (Some(CompressionArgument::None), None) => Some(Compression::Uncompressed),
        (Some(_), Some(_)) => {
            return Err(Failure::Usage("--compression-level goes with --compression zstd only".to_owned()));
        }
    };
    let mut convert = parcelle::convert_many(arguments.paths, output)
        .reader(match arguments.reader {
            ReaderArgument::Auto => Reader::Auto,
            ReaderArgument::Native => Reader::Native,
            ReaderArgument::Gdal => Reader::Gdal,
        })
        .covering(match arguments.covering {
            None => Covering::Auto,
            Some(CoveringArgument::Bbox) => Covering::Bbox,
            Some(CoveringArgument::None) => Covering::None,
        })
        .geoparquet_version(match arguments.geoparquet {
            GeoParquetArgument::V1_0 => GeoParquetVersion::V1_0,
            GeoParquetArgument::V1_1 => GeoParquetVersion::V1_1,
            GeoParquetArgument::V2_0 => GeoParquetVersion::V2_0,
        })
        .encoding(match arguments.encoding {
            EncodingArgument::Wkb => Encoding::Wkb,
            EncodingArgument::Geoarrow => Encoding::GeoArrow,
        })
        .orientation(match arguments.orientation {
            OrientationArgument::Keep => Orientation::Keep,
            OrientationArgument::Counterclockwise => Orientation::CounterClockwise,
        })
        .on_invalid(match arguments.on_invalid {
            OnInvalidArgument::Error => OnInvalid::Error,
            OnInvalidArgument::Null => OnInvalid::Null,
            OnInvalidArgument::Keep => OnInvalid::Keep,
        })
        .bloom_filters(arguments.bloom_filter)
        .sort(match arguments.sort.as_slice() {
            [order] if order.eq_ignore_ascii_case("hilbert") => Sort::Hilbert,
            [order] if order.eq_ignore_ascii_case("none") => Sort::None,
            _ => Sort::Columns(arguments.sort),
        })
        .preset(match arguments.preset {
            PresetArgument::Fast => Preset::Fast,
            PresetArgument::Balanced => Preset::Balanced,
            PresetArgument::Archive => Preset::Archive,
        })
        .memory(arguments.memory)
        .linearise(arguments.linearize)
        .overwrite(arguments.overwrite);
    let is_hive = matches!(arguments.partition_names, PartitionNamesArgument::Hive);
    if is_hive && arguments.partition_by.is_none() {
        return Err(Failure::Usage(
            "--partition-names hive names files after a column: say which with --partition-by".to_owned(),
        ));
    }
    if arguments.partition_by.is_some() || arguments.partition_size.is_some() {
        convert = convert.partitioning(Partitioning {
            by: arguments.partition_by,
            size: arguments.partition_size,
            names: match arguments.partition_names {
                PartitionNamesArgument::Flat => PartitionNames::Flat,
                PartitionNamesArgument::Hive => PartitionNames::Hive,
            },
        });
    }
    if let Some(compression) = compression {
        convert = convert.compression(compression);
    }
    if let Some(rows) = arguments.row_group_rows {
        convert = convert.row_group_rows(rows as usize);
    }
    if let Some(bytes) = arguments.page_bytes {
        convert = convert.page_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if let Some(bytes) = arguments.row_group_bytes {
        convert = convert.row_group_bytes(bytes);
    }
    if let Some(epoch) = arguments.epoch {
        convert = convert.epoch(epoch);
    }
    if let Some(window) = arguments.bbox {
        convert = convert.window(window);
    }
    if let Some(target) = arguments.t_crs {
        convert = convert.target_crs(target);
    }
    if let Some(condition) = arguments.condition {
        convert = convert.filter(condition);
    }
    if let Some(threads) = arguments.threads {
        convert = convert.threads(usize::from(threads));
    }
    if let Some(directory) = arguments.temp_dir {
        convert = convert.temporary_directory(directory);
    }
    if let Some(layer) = arguments.layer {
        convert = convert.layer(layer);
    }
    if let Some(member) = arguments.member {
        convert = convert.member(member);
    }
    if let Some(crs) = arguments.crs {
        convert = convert.crs(crs);
    }
    if let Some(columns) = arguments.select {
        convert = convert.select(columns);
    }
    Ok(convert)
}

fn failure(error: &ConvertError, all_layers: bool) -> Failure {
    if error.is_usage() {
        Failure::Usage(error.to_string())
    } else if error.is_cancelled() {
        let left = if all_layers { "only layers that were whole by then are there" } else { "nothing was written" };
        Failure::Data(format!("interrupted; {left}"))
    } else {
        Failure::Data(error.to_string())
    }
}

fn human(summary: &ConvertSummary, windowed: bool) -> String {
    let seconds = summary.seconds.wall;
    let rate = if seconds > 0.0 { summary.rows as f64 / seconds } else { 0.0 };
    let size = match summary.bytes_in {
        Some(bytes_in) => format!("{} -> {}", bytes(bytes_in), bytes(summary.bytes_out)),
        None => bytes(summary.bytes_out),
    };
    let memory = summary.peak_memory_bytes.map_or_else(String::new, |peak| format!(", {} of memory", bytes(peak)));
    let read = if summary.inputs == 1 { String::new() } else { format!(" of {}", counted(summary.inputs, "file")) };
    let files = if summary.files == 1 { String::new() } else { format!(" of {}", counted(summary.files, "file")) };
    let mut text = format!(
        "{}: {}{read} in {}{files}, {size}, {seconds:.1} s ({} rows/s){memory}",
        summary.output,
        counted(summary.rows, "row"),
        counted(summary.row_groups, "row group"),
        grouped(rate.round() as u64),
    );
    if summary.rows_read != summary.rows {
        let _ = write!(
            text,
            "\n{} read, of which {} left out",
            counted(summary.rows_read, "row"),
            grouped(summary.rows_read - summary.rows)
        );
    }
    if windowed && summary.rows == 0 {
        text.push_str("\nNo row meets the window: are the numbers of --bbox in the reference system of the layer?");
    }
    if summary.linearised > 0 {
        let _ = write!(text, "\nGeometries with curves, made of straight segments: {}", grouped(summary.linearised));
    }
    for repaired in &summary.repaired {
        let parcelle::RepairedValues { path, column, repair, values, first, .. } = repaired;
        let what = if *repair == "null" { "became NULL" } else { "had characters replaced" };
        let of = if summary.inputs == 1 { String::new() } else { format!(" of {path}") };
        let _ = write!(text, "\nColumn {column}{of}: {} {what}; the first: {first}", counted(*values, "value"));
    }
    if let Some(reason) = &summary.read_again {
        let _ = write!(text, "\nRead twice, as a sample of it did not hold for the whole: {reason}");
    }
    for warning in &summary.warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    for leftover in &summary.leftovers {
        let _ = write!(text, "\nLeft by a run that was killed, unless one is under way; delete it: {leftover}");
    }
    text
}

fn human_layers(summary: &LayersSummary, windowed: bool) -> String {
    let mut text = String::new();
    for layer in &summary.layers {
        let _ = writeln!(text, "{}", human(layer, windowed));
    }
    for SkippedLayer { layer, input, reason } in &summary.skipped {
        let _ = writeln!(text, "{layer}: skipped, {reason} ({input})");
    }
    let written = summary.layers.iter().map(|layer| layer.files).sum();
    let rows = summary.layers.iter().map(|layer| layer.rows).sum();
    let bytes_out = summary.layers.iter().map(|layer| layer.bytes_out).sum();
    let _ = write!(
        text,
        "{}: {} of {} in {}, {}; {} skipped, {} failed",
        summary.output,
        counted(rows, "row"),
        counted(summary.layers.len() as u64, "layer"),
        counted(written, "file"),
        bytes(bytes_out),
        summary.skipped.len(),
        summary.failed.len()
    );
    text
}

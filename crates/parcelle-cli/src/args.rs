//! The command line as it is written.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::format::{gdal_version, parse_bytes, parse_window};

/// Convert vector extracts to GeoParquet, and check rasters and GeoParquet for cloud and GeoServer use
#[derive(Debug, Parser)]
#[command(name = "parcelle", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Convert(Box<ConvertArguments>),
    Check(Box<CheckArguments>),
    Info(InfoArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Say what a file is: its levels, layers, columns, reference system, without judging it
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 told; 2 a file could not be read.

Examples:
  parcelle info dem.tif https://host/dem.tif
  parcelle info bdtopo.gpkg --format json")]
pub(crate) struct InfoArguments {
    /// Files, and URLs of GeoTIFFs
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Text, or a JSON document a line for each file
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SummaryFormat,
}

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  parcelle completions bash > /etc/bash_completion.d/parcelle
  parcelle completions zsh > ~/.zfunc/_parcelle")]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Write the pages of the manual
#[derive(Debug, Args)]
#[command(after_help = "Example:
  parcelle man /usr/local/share/man/man1 && man parcelle-check")]
pub(crate) struct ManArguments {
    /// Directory for parcelle.1 and a page for each command; made where it is not there
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// Convert a layer to GeoParquet
///
/// Reads GeoPackage, Shapefile, FlatGeobuf, GeoJSON, CSV, GeoParquet and Arrow IPC natively and in parallel, every other
/// vector format through GDAL, and writes GeoParquet with a bbox covering, PROJJSON, exact geometry types and extent, a page
/// index and zstd. Rows are put in order along a Hilbert curve. OUTPUT gets its name only when it is whole.
///
/// Several inputs become one dataset: columns are merged by name, and those that a file does not have are NULL there.
#[derive(Debug, Args)]
#[command(override_usage = "parcelle convert [OPTIONS] <INPUT>... <OUTPUT.parquet>")]
#[command(after_help = "Exit codes: 0 written whole; 1 the data could not be converted, nothing is left at OUTPUT;
2 wrong usage, missing INPUT, or OUTPUT exists.

Examples:
  parcelle convert buildings.gpkg buildings.parquet
  parcelle convert bdtopo.gpkg batiment.parquet --layer batiment --select cleabs,hauteur
  parcelle convert bdtopo.gpkg hauts.parquet --layer batiment --where 'hauteur > 20'
  parcelle convert batiments.gpkg batiments/ --partition-by departement --partition-size 512MB
  parcelle convert communes.geojson communes.parquet --overwrite --format json
  parcelle convert 'D0*/BATIMENT.shp' batiments.parquet
  parcelle convert bdtopo.gpkg layers/ --all-layers")]
pub(crate) struct ConvertArguments {
    /// Files to read, directories to walk for them, or patterns in quotes ('D0*/BATIMENT.shp', 'data/**/*.gpkg'), in a
    /// format with a native reader or any that GDAL's vector drivers can open; a .zip, .7z or .7z.001 stands for what is in
    /// it; or a database or service of GDAL, such as PG:host=…
    ///
    /// The last is OUTPUT: the GeoParquet file to write; with --all-layers or partitions a directory.
    // One list, since options may stand between its members, which two positional arguments would not allow.
    #[arg(value_name = "INPUT… OUTPUT.parquet", required = true, num_args = 1..)]
    pub(crate) paths: Vec<PathBuf>,

    /// Layer to convert; needed where INPUT has several
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<String>,

    /// Data sets to convert where INPUT is an archive with several: a path in it, or the end of one, or a pattern
    #[arg(long, value_name = "NAME")]
    pub(crate) member: Option<String>,

    /// Write every layer with geometry to a file of its own in the directory OUTPUT, which must be empty or not there
    #[arg(long, conflicts_with = "layer")]
    pub(crate) all_layers: bool,

    /// Columns to keep beside geometry
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) select: Option<Vec<String>>,

    /// Only rows whose bounding box meets this window, in the coordinates of the layer
    #[arg(long, value_name = "XMIN,YMIN,XMAX,YMAX", value_parser = parse_window, allow_hyphen_values = true)]
    pub(crate) bbox: Option<parcelle::Window>,

    /// Only rows for which this condition is TRUE, such as "height > 10 AND kind IN ('house', 'barn')"
    ///
    /// In the language of SQL's WHERE: = <> < <= > >=, AND OR NOT, IN, BETWEEN, LIKE and ILIKE, IS NULL, + - * / % ||,
    /// CAST and TRY_CAST, LOWER, UPPER, LENGTH, SUBSTRING; columns (in "double quotes" exactly as they are written, without
    /// in any case of letters), numbers, 'text', TRUE, FALSE, DATE '2024-12-31', TIMESTAMP '2024-12-31 12:00:00'. The columns
    /// need not be in --select. What is NULL is not TRUE; a division by zero is NULL; integers that overflow are an error.
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true)]
    pub(crate) condition: Option<String>,

    /// Coordinate reference system to assign, such as EPSG:2154; coordinates stay as they are
    #[arg(long, value_name = "DEFINITION")]
    pub(crate) crs: Option<String>,

    /// Approximate curves by straight segments of at most 4 degrees, keeping the positions that are given; otherwise a
    /// curve is an error
    #[arg(long, alias = "linearise")]
    pub(crate) linearize: bool,

    /// Coordinate reference system to bring geometry to, such as EPSG:4326
    ///
    /// PROJ chooses the most exact transformation by position; one that is only a guess is refused, and the summary warns
    /// where a more exact one needs grids that are not installed. Heights are transformed where both systems have one, and
    /// stay as they are elsewhere; M always stays. --bbox is in the coordinates before.
    #[arg(long, value_name = "DEFINITION")]
    pub(crate) t_crs: Option<String>,

    /// What becomes of values that are not valid: geometry that cannot be read, text that is not in its
    /// encoding (in CSV and GeoJSON that is damage), numbers and dates that are none, positions that cannot be reprojected
    ///
    /// Damage to the structure of INPUT is always an error. The summary says how many values of which columns became
    /// something else, with the first of them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) on_invalid: OnInvalidArgument,

    /// Reader to use
    #[arg(long, value_enum, default_value_t)]
    pub(crate) reader: ReaderArgument,

    /// Order of the rows: along a Hilbert curve, as in INPUT, or by columns
    #[arg(long, value_name = "hilbert|none|COLUMN,…", default_value = "hilbert", value_delimiter = ',')]
    pub(crate) sort: Vec<String>,

    /// Write a directory with a file for each value of this column, and _index.json
    #[arg(long, value_name = "COLUMN")]
    pub(crate) partition_by: Option<String>,

    /// Write a directory of files of about this size at most, such as 512MB, and _index.json; a row group that is larger has a file
    /// of its own (--row-group-rows, --row-group-bytes)
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) partition_size: Option<u64>,

    /// Names of the files of a directory
    #[arg(long, value_enum, default_value_t)]
    pub(crate) partition_names: PartitionNamesArgument,

    /// Version of GeoParquet
    #[arg(long, value_enum, value_name = "VERSION", default_value_t)]
    pub(crate) geoparquet: GeoParquetArgument,

    /// Storage of geometry
    #[arg(long, value_enum, default_value_t)]
    pub(crate) encoding: EncodingArgument,

    /// Column of bounding boxes beside geometry [default: bbox; none with --geoparquet 1.0]
    #[arg(long, value_enum)]
    pub(crate) covering: Option<CoveringArgument>,

    /// Order of the positions of rings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) orientation: OrientationArgument,

    /// Decimal year for which the coordinates hold, such as 2021.5, where the reference system is a dynamic one
    #[arg(long, value_name = "YEAR")]
    pub(crate) epoch: Option<f64>,

    /// Codec and page size together; an option that names one of them counts
    #[arg(long, value_enum, default_value_t)]
    pub(crate) preset: PresetArgument,

    /// Codec [default: zstd]
    #[arg(long, value_enum)]
    pub(crate) compression: Option<CompressionArgument>,

    /// Level of the codec: 1 to 22 for zstd [default: 3, or that of the preset]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) compression_level: Option<i32>,

    /// Most rows of a row group; along a Hilbert curve it ends at the edge of an area, with a quarter of them at the least
    /// [default: 65536]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) row_group_rows: Option<u32>,

    /// Uncompressed bytes per row group, such as 64MB; it ends at this or at --row-group-rows, whichever comes first
    /// [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) row_group_bytes: Option<u64>,

    /// Bytes of a data page before compression, such as 128KiB [default: that of the preset]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) page_bytes: Option<u64>,

    /// Columns that get a bloom filter: identifiers in no order
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) bloom_filter: Vec<String>,

    /// Memory for rows, such as 512MB; what sorting needs beyond goes to a temporary file
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, default_value = "1GB")]
    pub(crate) memory: u64,

    /// Directory for what sorting cannot hold in memory, and for unpacked archives [default: that of OUTPUT]
    #[arg(long, value_name = "DIR")]
    pub(crate) temp_dir: Option<PathBuf>,

    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Replace OUTPUT where it exists; with --all-layers the files of the layers
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Format of the closing summary
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SummaryFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum OnInvalidArgument {
    /// They end the run
    #[default]
    Error,
    /// They become NULL
    Null,
    /// They are kept where GeoParquet can carry them: text with U+FFFD for what is damaged; others end the run
    Keep,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ReaderArgument {
    /// The native reader where there is one, else GDAL
    #[default]
    Auto,
    /// The native reader only
    Native,
    /// GDAL only
    Gdal,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum GeoParquetArgument {
    /// WKB without a covering
    #[value(name = "1.0")]
    V1_0,
    /// What every reader of GeoParquet reads
    #[default]
    #[value(name = "1.1")]
    V1_1,
    /// Parquet's own geometry types, with statistics per row group
    #[value(name = "2.0")]
    V2_0,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum PartitionNamesArgument {
    /// 75.parquet, part-00000.parquet: files with all columns
    #[default]
    Flat,
    /// departement=75/part-00000.parquet: files without that column; readers guess its type, and make a number of 01
    Hive,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum EncodingArgument {
    /// Well-known binary, for any geometry
    #[default]
    Wkb,
    /// Columns of ordinates (GeoParquet 1.1): smaller, for layers of one geometry type
    Geoarrow,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum OrientationArgument {
    /// As it is
    #[default]
    Keep,
    /// Exterior rings counterclockwise, interior ones clockwise
    Counterclockwise,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CoveringArgument {
    /// A struct of four 32-bit floats, rounded outwards
    Bbox,
    /// None
    None,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum PresetArgument {
    /// LZ4 for geometry and zstd 1 for attributes, on pages of 128 KiB: the least time
    Fast,
    /// zstd 3 on pages of 256 KiB
    #[default]
    Balanced,
    /// zstd 15 on pages of 128 KiB: the smallest files, for many times the processor time
    Archive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressionArgument {
    Zstd,
    Snappy,
    None,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum SummaryFormat {
    #[default]
    Human,
    Json,
}

/// Check rasters and GeoParquet: what fails, is wrong or is slow, why, and the command that mends it
///
/// PATH is a GeoTIFF, a VRT, a GeoParquet file, or a directory that is walked for them; or the URL of a GeoTIFF or
/// GeoParquet file (https://, s3://, gs://, az://), of which only parts are read.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 wrong usage, or something could not be examined
at all, such as a missing PATH or a server that does not answer.

s3:// is read by AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and
AWS_NO_SIGN_REQUEST, az:// by AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_SAS_TOKEN; HTTPS_PROXY and NO_PROXY count.

Examples:
  parcelle check dem.tif
  parcelle check https://host/dem.tif s3://bucket/dem.tif
  parcelle check /data/rasters --format html --lang fr --output report.html
  parcelle check /data/rasters --format json --output report.json
  parcelle check /data/rasters --write-baseline known.json
  parcelle check /data/rasters --baseline known.json --ignore 'COG-GHO-*: made by another tool'
  parcelle check --depth pixels dem.tif
  parcelle check buildings.parquet https://host/roads.parquet
  parcelle check mosaic.vrt --fail-on warning --gdal-version 3.6
  parcelle check /data/rasters --fix-script mend.sh && bash mend.sh
  parcelle check dem.tif --profile ogc-21-026/geotiff-keys
  parcelle check --mosaic /data/ortho
  parcelle check --explain COG-IFD-001"
)]
pub(crate) struct CheckArguments {
    /// Files, directories and URLs to check
    #[arg(value_name = "PATH", required_unless_present_any = ["rules", "explain"])]
    pub(crate) paths: Vec<PathBuf>,

    /// Rules that count [default: cog, vrt, geoparquet and geoserver, each for its files]
    ///
    /// cog: the layout of Cloud Optimized GeoTIFFs. gdal: what GDAL's own validator refuses. ogc-21-026: the OGC standard
    /// for COGs, or one requirement class of it, such as ogc-21-026/geotiff-keys (others: geotiff-format,
    /// geotiff-overviews, optimized_geotiff, http-range). vrt: GDAL's virtual rasters. geoparquet: specification, data and layout of GeoParquet.
    /// geoserver, geoserver@2.27: what
    /// GeoServer reads. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Vec<String>,

    /// Check the files of each PATH, a directory, as one ImageMosaic of GeoServer
    ///
    /// Whether reference systems, bands, sample types, colour models, resolutions, nodata and overviews agree; which files
    /// have the same place or bytes, where a hole is, and what the names say of time and elevation. The report has an entry
    /// for the directory and one for each file with something wrong. --profile geoserver@2.27 asks for a version.
    #[arg(long)]
    pub(crate) mosaic: bool,

    /// GDAL of the server that reads VRTs, such as 3.6, which its GeoServer loads; what needs a newer one is an error
    /// [default: the newest one known, and a warning where GDAL 3.6 would not do]
    #[arg(long, value_name = "X.Y", value_parser = gdal_version)]
    pub(crate) gdal_version: Option<(u32, u32)>,

    /// How deep to look [default: tiles; behind a URL the structure and a sample of 16 tiles]
    ///
    /// Of GeoParquet header is the footer alone (the default behind a URL), tiles also the geometry of up to 16 row groups (of
    /// smaller files all), pixels every column of every row.
    #[arg(long, value_enum)]
    pub(crate) depth: Option<DepthArgument>,

    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,

    /// File for the report instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write all mending commands as a shell script, which copies and never overwrites
    #[arg(long, value_name = "FILE")]
    pub(crate) fix_script: Option<PathBuf>,

    /// Replace the script of --fix-script if it is there
    #[arg(long, requires = "fix_script")]
    pub(crate) overwrite: bool,

    /// Least severity that makes the exit code 1 [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,

    /// Language of reports for people, of --rules and --explain, of the script of --fix-script, and of what is said where a run
    /// comes to nothing; this help, and what is said of options that are none, are English [default: en]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<LanguageArgument>,

    /// Say what every known version of GeoServer makes of each file, too; the HTML report always does
    #[arg(long)]
    pub(crate) all_versions: bool,

    /// Rule that does not count, with the reason, which the report shows: 'COG-OVR-001: shown at one scale only'; in some
    /// files only: 'COG-GHO-*@old/**.tif: of 2015'; repeatable
    #[arg(long, value_name = "RULE[@FILES]: REASON")]
    pub(crate) ignore: Vec<String>,

    /// Findings of an earlier run, made by --write-baseline: only what is new, more or worse counts
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write all findings as a baseline
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,

    /// File with settings [default: parcelle.toml in this directory or one above]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Look for no file with settings
    #[arg(long, conflicts_with = "config")]
    pub(crate) no_config: bool,

    /// Files checked, and tiles decoded, at a time [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Seconds that a server behind a URL may be silent, and that a request is tried again [default: 30]
    ///
    /// An answer that comes at less than 4 KB a second is left after so many seconds, too.
    #[cfg(feature = "http")]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) http_timeout: Option<u16>,

    /// Open sources of VRTs that lie on a network too, through GDAL
    #[arg(long)]
    pub(crate) follow_remote: bool,

    /// Directory in which GeoServer is started, from where GDAL takes paths of sources that are not relativeToVRT="1"
    #[arg(long, value_name = "DIR")]
    pub(crate) working_dir: Option<PathBuf>,

    /// Directory in which the sources of VRTs must lie: nothing outside is opened, and naming it is an error; repeatable
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Vec<PathBuf>,

    /// Host that sources of VRTs may name: others are told, and not asked; repeatable [default: any]
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,

    /// Print the catalogue of rules: severity and profiles of each
    #[arg(long)]
    pub(crate) rules: bool,

    /// Explain a rule: why it matters, how it is mended, what grounds it, with an example
    #[arg(long, value_name = "RULE")]
    pub(crate) explain: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DepthArgument {
    /// The structure only: one to three requests for a COG behind a URL, and of a VRT no source is opened
    Header,
    /// Also the bytes around the tiles against the index: of at most 512 tiles, evenly spread, behind a URL
    Tiles,
    /// Also every pixel, decoded, and overviews against what they show; of a VRT read through GDAL
    Pixels,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    #[default]
    Human,
    /// For programs, by a versioned schema
    Json,
    /// The same a line at a time, as files are done
    Jsonl,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// JUnit XML, for CI servers: a test case for each file
    Junit,
    /// A page to look at and hand on, with pictures of the files, and every version of GeoServer
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageArgument {
    En,
    Fr,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    #[default]
    Error,
    Warning,
    Never,
}

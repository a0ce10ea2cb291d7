//! Makes `testdata/` and the larger inputs of demo, benches and interoperability tests from seeds.

mod cog;
mod crs;
mod database;
mod extract;
mod fixture;
mod geopackage;
mod geoparquet_draft;
mod geoparquet_fixtures;
mod geoparquet_row_fixtures;
mod layout_fixtures;
mod parquet_file;
mod random;
mod raster_fixtures;
mod text_fixtures;
mod tiff;
mod vector_fixtures;
mod vrt;
mod vrt_asked_fixtures;
mod vrt_fixtures;
mod vrt_more_fixtures;
mod wkb;

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cog::Cog;
use crate::tiff::Piece;

/// Makes test data from seeds: the same bytes on every machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the committed fixtures, or verify them
    Small {
        /// The folder, normally `testdata`
        folder: PathBuf,
        /// Write nothing; exit 1 if a file differs from what would be written
        #[arg(long)]
        check: bool,
    },
    /// Write a GeoPackage with a layer of buildings in EPSG:2154
    Extract {
        /// The GeoPackage; replaced if it is there
        output: PathBuf,
        /// Number of features
        #[arg(long, default_value_t = 1_000_000)]
        rows: u64,
        /// Another seed makes other features
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Three attributes instead of 21: a third of the bytes, for tens of millions of rows
        #[arg(long)]
        narrow: bool,
    },
    /// Write a Cloud Optimized GeoTIFF in EPSG:2154
    Raster {
        /// The GeoTIFF; replaced if it is there
        output: PathBuf,
        /// Width and height in pixels
        #[arg(long, default_value_t = 4_096)]
        size: usize,
        /// Upper left corner: easting
        #[arg(long, default_value_t = 652_000.0)]
        easting: f64,
        /// Upper left corner: northing
        #[arg(long, default_value_t = 6_862_000.0)]
        northing: f64,
        /// Put the IFDs behind the data and the overviews last, as a plain GeoTIFF with added overviews has them
        #[arg(long)]
        spoil: bool,
    },
    /// Write a VRT over rasters made by this program
    Vrt {
        /// The VRT; sources below its folder are referred to by relative path
        output: PathBuf,
        /// The rasters
        #[arg(long, num_args = 1.., required = true)]
        sources: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = io::stdout().lock();
    match command {
        Command::Small { folder, check: false } => {
            let (files, bytes) = fixture::write(&folder)?;
            writeln!(out, "{}: {files} files, {bytes} bytes", folder.display())?;
        }
        Command::Small { folder, check: true } => {
            let differences = fixture::differences(&folder)?;
            for difference in &differences {
                writeln!(out, "{difference}")?;
            }
            if !differences.is_empty() {
                writeln!(
                    out,
                    "{} files of {} differ; `parcelle-testdata small {}` writes them",
                    differences.len(),
                    folder.display(),
                    folder.display()
                )?;
                return Ok(ExitCode::FAILURE);
            }
            writeln!(out, "{}: as the generator makes it", folder.display())?;
        }
        Command::Extract { output, rows, seed, narrow } => {
            replace(&output)?;
            extract::write(&output, rows, seed, narrow)?;
            writeln!(out, "{}: {rows} features", output.display())?;
        }
        Command::Raster { output, size, easting, northing, spoil } => {
            let bytes = raster(size, (easting, northing), spoil)?;
            fs::write(&output, &bytes).map_err(|error| format!("{}: {error}", output.display()))?;
            writeln!(out, "{}: {size} x {size} pixels, {} bytes", output.display(), bytes.len())?;
        }
        Command::Vrt { output, sources } => {
            let folder = output.parent().unwrap_or(Path::new(""));
            let mut placed = Vec::new();
            for source in &sources {
                let relative = source.strip_prefix(folder).map_err(|_| {
                    format!("{}: not below {}, the folder of the VRT", source.display(), folder.display())
                })?;
                placed.push(vrt::place(source, relative.to_string_lossy().replace('\\', "/"))?);
            }
            fs::write(&output, vrt::document(&placed)).map_err(|error| format!("{}: {error}", output.display()))?;
            writeln!(out, "{}: {} sources", output.display(), placed.len())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// SQLite would add to a file that is there.
fn replace(path: &Path) -> Result<(), Box<dyn Error>> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display()).into()),
        _ => Ok(()),
    }
}

fn raster(size: usize, origin: (f64, f64), spoil: bool) -> Result<Vec<u8>, Box<dyn Error>> {
    if !(16..=100_000).contains(&size) {
        return Err(format!("--size {size}: give a number of pixels from 16 to 100000").into());
    }
    let tile = 512;
    let overviews = (0..).take_while(|level| size.div_ceil(1 << level) > tile).count();
    let cog = Cog {
        width: size,
        height: size,
        tile_width: tile,
        tile_length: tile,
        overviews,
        ghost: !spoil,
        origin,
        resolution: 1.0,
        ..Cog::default()
    };
    let mut plan = cog.plan()?;
    if spoil {
        // What a plain writer followed by `gdaladdo` leaves: full resolution, its IFD, then level after level.
        plan.pieces = (0..=overviews)
            .flat_map(|level| {
                let image = cog.image(level);
                cog.tiles(level).into_iter().chain([Piece::Index(image), Piece::Ifd(image)])
            })
            .collect();
    }
    Ok(plan.write().bytes)
}

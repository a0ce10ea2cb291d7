//! Decoding a layer to Arrow, by format: the readers of `parcelle-source` on as many threads as there are cores, and on one.
//!
//! The other formats are made from the generated GeoPackage by `ogr2ogr` (GDAL's programs); where it is not installed,
//! GeoPackage and Parquet alone are measured, and the bench says so.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{Criterion, Throughput};
use rayon::prelude::*;

use crate::input::{self, Failure};

/// Rows per split, as in the façade.
const SPLIT_ROWS: usize = 65_536;

/// Name of the format, extension, and what `ogr2ogr` is told.
const DERIVED: &[(&str, &str, &[&str])] = &[
    ("FlatGeobuf", "fgb", &["-f", "FlatGeobuf"]),
    ("Shapefile", "shp", &["-f", "ESRI Shapefile", "-lco", "ENCODING=UTF-8"]),
    ("CSV", "csv", &["-f", "CSV", "-lco", "GEOMETRY=AS_WKT"]),
    ("GeoJSON", "geojson", &["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=7"]),
    ("GeoJSONSeq", "geojsonl", &["-f", "GeoJSONSeq"]),
];

/// Opens the layer, by a sample of the file where it may, and reads all of it.
fn decode(path: &Path, pool: &rayon::ThreadPool, by_sample: bool) -> Result<u64, Failure> {
    let threads = pool.current_num_threads();
    let sample_from = by_sample.then_some(0);
    let options = parcelle_source::OpenOptions { threads, sample_from, ..Default::default() };
    let layer = parcelle_source::open(path, &options)?;
    let splits = layer.splits(SPLIT_ROWS)?;
    let rows = pool.install(|| {
        splits
            .par_iter()
            .map(|split| {
                let mut rows = 0;
                layer.read(split, &mut |batch| {
                    rows += batch.num_rows() as u64;
                    ControlFlow::Continue(())
                })?;
                Ok(rows)
            })
            .sum::<Result<u64, Failure>>()
    })?;
    layer.prove()?;
    Ok(rows)
}

/// Whether the format is one that can be opened by a sample.
fn has_samples(path: &Path) -> Result<bool, Failure> {
    let options = parcelle_source::OpenOptions { sample_from: Some(0), ..Default::default() };
    Ok(parcelle_source::open(path, &options)?.is_sampled())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn inputs(directory: &Path, rows: u64) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    let base = input::buildings(directory, rows)?;
    let parquet = directory.join("buildings.parquet");
    parcelle::convert(&base, &parquet).run()?;
    let mut inputs = vec![("GeoPackage", base.clone()), ("Parquet", parquet)];
    for (name, extension, options) in DERIVED {
        let path = directory.join(format!("buildings.{extension}"));
        let made = Command::new("ogr2ogr").args(*options).arg(&path).arg(&base).stderr(Stdio::null()).status();
        match made {
            Ok(status) if status.success() => inputs.push((*name, path)),
            Ok(status) => println!("{name} is not measured: ogr2ogr has ended with {status}"),
            Err(error) => println!("{name} is not measured: ogr2ogr: {error}"),
        }
    }
    Ok(inputs)
}

/// Measures every format.
pub(crate) fn bench(criterion: &mut Criterion) -> Result<(), Failure> {
    let rows = input::rows()?;
    let directory = tempfile::tempdir()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, path) in &inputs(directory.path(), rows)? {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        group.throughput(Throughput::Elements(rows));
        for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            for by_sample in if has_samples(path)? { vec![false, true] } else { vec![false] } {
                let found = decode(path, &pool, by_sample)?;
                if found != rows {
                    return Err(format!("{name}: {found} rows instead of {rows}").into());
                }
                let how = if by_sample { ", opened by a sample" } else { "" };
                group.bench_function(format!("{threads} threads{how}"), |bencher| {
                    bencher.iter(|| decode(path, &pool, by_sample));
                });
            }
        }
        group.finish();
    }
    Ok(())
}

//! Benches of `convert`: each stage by itself, the whole, and the physical floor it is measured against.
//!
//! The input is a generated layer of buildings (28 columns in the manner of a national building base), 200,000 rows
//! unless `PARCELLE_BENCH_ROWS` says otherwise. After criterion's figures the distance to the floor is printed: the
//! whole conversion and the floor (read the input once, zstd the same Arrow bytes on all cores) in turn, so that both
//! see the same machine.

mod formats;
mod input;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use criterion::{Criterion, Throughput};
use parcelle_geoparquet::{Compression, Input, Part, Sort, WriteOptions};
use parcelle_source::Layer;
use rayon::prelude::*;

use input::Failure;

/// Rows per split and row group, as in the façade.
const ROW_GROUP_ROWS: usize = 65_536;
/// Input of one call of the codec at the floor: a data page of the default preset.
const PAGE_BYTES: usize = 256 * 1024;
/// Level of the codec at the floor: that of the preset the conversion has.
const LEVEL: i32 = 3;
/// Row groups of the file that has a long footer.
const ROW_GROUPS: usize = 1_000;
/// Turns of the comparison with the floor.
const TURNS: usize = 5;

struct Bench {
    rows: u64,
    threads: usize,
    directory: tempfile::TempDir,
    input: PathBuf,
}

impl Bench {
    fn new() -> Result<Self, Failure> {
        let rows = input::rows()?;
        let directory = tempfile::tempdir()?;
        let input = input::buildings(directory.path(), rows)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { rows, threads, directory, input })
    }

    fn layer(&self) -> Result<Box<dyn Layer>, Failure> {
        Ok(parcelle_source::open(&self.input, &Default::default())?)
    }

    fn convert(&self, threads: usize, sort: Sort) -> Result<Duration, Failure> {
        let output = self.directory.path().join("out.parquet");
        let start = Instant::now();
        parcelle::convert(&self.input, &output).threads(threads).sort(sort).overwrite(true).run()?;
        Ok(start.elapsed())
    }

    /// The whole layer in memory, a part for each split.
    fn rows_in_memory(&self) -> Result<(SchemaRef, Vec<Vec<RecordBatch>>), Failure> {
        let layer = self.layer()?;
        let splits = layer.splits(ROW_GROUP_ROWS)?;
        let parts = splits.iter().map(|split| batches(layer.as_ref(), split)).collect::<Result<_, _>>()?;
        Ok((layer.schema(), parts))
    }

    /// What no converter can do without: reading the input once, and compressing the rows on all cores.
    fn floor(&self, parts: &[Vec<RecordBatch>]) -> Result<Duration, Failure> {
        let pages: Vec<Vec<u8>> = parts.iter().flatten().flat_map(buffers).collect();
        let start = Instant::now();
        black_box(std::fs::read(&self.input)?.len());
        let compressed: usize = pages
            .par_iter()
            .flat_map(|buffer| buffer.par_chunks(PAGE_BYTES))
            .map_init(
                || zstd::bulk::Compressor::new(LEVEL),
                |compressor, page| match compressor {
                    Ok(compressor) => compressor.compress(page).map_or(0, |bytes| bytes.len()),
                    Err(_) => 0,
                },
            )
            .sum();
        black_box(compressed);
        Ok(start.elapsed())
    }
}

fn batches(layer: &dyn Layer, split: &parcelle_source::Split) -> Result<Vec<RecordBatch>, Failure> {
    let mut batches = Vec::new();
    layer.read(split, &mut |batch| {
        batches.push(batch);
        ControlFlow::Continue(())
    })?;
    Ok(batches)
}

/// The bytes of a batch's values, column by column.
fn buffers(batch: &RecordBatch) -> Vec<Vec<u8>> {
    batch
        .columns()
        .iter()
        .flat_map(|column| column.to_data().buffers().to_vec())
        .map(|buffer| buffer.to_vec())
        .collect()
}

fn encode(
    schema: &SchemaRef,
    parts: &[Vec<RecordBatch>],
    output: &Path,
    options: &WriteOptions,
) -> Result<u64, Failure> {
    let parts = parts
        .iter()
        .map(|batches| -> Part<'_> {
            Box::new(move |sink| {
                for batch in batches {
                    if sink(batch.clone()).is_break() {
                        break;
                    }
                }
                Ok(())
            })
        })
        .collect();
    Ok(parcelle_geoparquet::write(schema, Input::Parallel(parts), output, options)?.bytes)
}

fn stages(
    criterion: &mut Criterion,
    bench: &Bench,
    schema: &SchemaRef,
    parts: &[Vec<RecordBatch>],
) -> Result<(), Failure> {
    let mut threads = vec![1, bench.threads];
    threads.dedup();

    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(bench.rows));
    let output = bench.directory.path().join("encoded.parquet");
    for threads in &threads {
        for (name, compression) in [
            ("zstd 1", Compression::Zstd(1)),
            ("zstd 3", Compression::Zstd(3)),
            ("lz4 for geometry", Compression::Lz4Geometry(1)),
            ("snappy", Compression::Snappy),
            ("none", Compression::Uncompressed),
        ] {
            let options = WriteOptions {
                threads: *threads,
                compression,
                sort: Sort::None,
                overwrite: true,
                ..WriteOptions::default()
            };
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher.iter(|| encode(schema, parts, &output, &options));
            });
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("arrange and encode");
    group.throughput(Throughput::Elements(bench.rows));
    for (name, memory) in [("in memory", 1 << 30), ("spilled", 16 << 20)] {
        let options = WriteOptions { threads: bench.threads, memory, overwrite: true, ..WriteOptions::default() };
        group.bench_function(name, |bencher| bencher.iter(|| encode(schema, parts, &output, &options)));
    }
    group.finish();

    commit(criterion, schema, parts, &output)?;

    let mut group = criterion.benchmark_group("convert/gpkg");
    group.throughput(Throughput::Elements(bench.rows));
    for threads in &threads {
        for (name, sort) in [("unsorted", Sort::None), ("sorted", Sort::Hilbert)] {
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher.iter(|| bench.convert(*threads, sort.clone()));
            });
        }
    }
    group.finish();
    Ok(())
}

/// What a file costs beside its pages: the temporary name, the indexes and the footer, the disk, the new name.
fn commit(
    criterion: &mut Criterion,
    schema: &SchemaRef,
    parts: &[Vec<RecordBatch>],
    output: &Path,
) -> Result<(), Failure> {
    let few = parts.iter().flatten().next().map(|batch| batch.slice(0, batch.num_rows().min(ROW_GROUPS)));
    let few = few.map(|batch| vec![vec![batch]]).unwrap_or_default();
    let options =
        WriteOptions { threads: 1, sort: Sort::None, row_group_rows: 1, overwrite: true, ..WriteOptions::default() };
    let mut group = criterion.benchmark_group("commit");
    group.throughput(Throughput::Elements(1));
    // Criterion hears of no errors.
    encode(schema, &[], output, &options)?;
    encode(schema, &few, output, &options)?;
    group.bench_function("no rows", |bencher| bencher.iter(|| encode(schema, &[], output, &options)));
    group.bench_function(format!("{ROW_GROUPS} row groups of one row"), |bencher| {
        bencher.iter(|| encode(schema, &few, output, &options));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn distance_to_the_floor(bench: &Bench, parts: &[Vec<RecordBatch>], name: &str, sort: &Sort) -> Result<(), Failure> {
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let floor = bench.floor(parts)?.as_secs_f64();
        let whole = bench.convert(bench.threads, sort.clone())?.as_secs_f64();
        turns.push((whole / floor, whole, floor));
    }
    turns.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (ratio, whole, floor) = turns[TURNS / 2];
    println!(
        "distance to the floor, {name}: {ratio:.2}x ({} rows, {} threads; convert {whole:.2} s, floor {floor:.2} s, median of \
         {TURNS} turns)",
        bench.rows, bench.threads
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let bench = Bench::new()?;
    let (schema, parts) = bench.rows_in_memory()?;
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    formats::bench(&mut criterion)?;
    stages(&mut criterion, &bench, &schema, &parts)?;
    criterion.final_summary();
    distance_to_the_floor(&bench, &parts, "unsorted", &Sort::None)?;
    distance_to_the_floor(&bench, &parts, "sorted", &Sort::Hilbert)
}

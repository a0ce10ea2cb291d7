//! Reads a layer and says how long it took: `read FILE [native|gdal|auto] [THREADS] [LAYER]`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parcelle_source::{OpenOptions, Reader, SourceError, layers, open};

#[expect(clippy::print_stdout, reason = "the output of an example")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: read FILE [native|gdal|auto] [THREADS] [LAYER]")?);
    let reader = match arguments.next().as_deref() {
        Some("native") => Reader::Native,
        Some("gdal") => Reader::Gdal,
        _ => Reader::Auto,
    };
    let threads: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    for info in layers(&path, reader)? {
        println!("{}: {:?}, {:?} rows, {:?}", info.name, info.geometry, info.rows, info.crs);
    }

    let start = Instant::now();
    let layer = open(&path, &OpenOptions { layer: arguments.next(), reader, ..OpenOptions::default() })?;
    let opened = start.elapsed();
    let splits = layer.splits(65_536)?;
    let split = start.elapsed();
    let (rows, bytes, next) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let work = || -> Result<(), SourceError> {
            while let Some(split) = splits.get(next.fetch_add(1, Ordering::Relaxed)) {
                layer.read(split, &mut |batch| {
                    rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                    bytes.fetch_add(batch.get_array_memory_size(), Ordering::Relaxed);
                    ControlFlow::Continue(())
                })?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    let all = start.elapsed();
    let rows = rows.into_inner();
    println!(
        "{} {}: {rows} rows, {} MB of Arrow, {} splits; open {opened:.1?}, splits {:.1?}, read {:.3?}: {:.2} million rows/s",
        layer.driver(),
        layer.name(),
        bytes.into_inner() >> 20,
        splits.len(),
        split - opened,
        all - split,
        rows as f64 / 1e6 / (all - split).as_secs_f64(),
    );
    for field in layer.schema().fields() {
        println!("  {} {}{}", field.name(), field.data_type(), if field.is_nullable() { "" } else { " not null" });
    }
    Ok(())
}

//! Converts every layer of some files to GeoParquet, each to a file of its own.
//!
//! ```text
//! cargo run -p parcelle --example convert -- extract.gpkg 'D0*/*.shp' directory
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use parcelle::Progress;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut inputs: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let Some(directory) = inputs.pop().filter(|_| !inputs.is_empty()) else {
        return Err("usage: convert INPUT... DIRECTORY".into());
    };
    let summary = parcelle::convert_many(inputs, directory)
        .on_progress(Arc::new(|progress: Progress| eprintln!("{} rows", progress.rows)))
        .run_layers()?;
    for layer in &summary.layers {
        println!("{}: {} rows, {} bytes", layer.output, layer.rows, layer.bytes_out);
    }
    for layer in &summary.skipped {
        println!("{}: {}", layer.layer, layer.reason);
    }
    for layer in &summary.failed {
        eprintln!("{}: {}", layer.layer, layer.error);
    }
    Ok(())
}

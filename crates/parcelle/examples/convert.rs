//! Converts every layer of a file to GeoParquet, each to a file of its own.
//!
//! ```text
//! cargo run -p parcelle --example convert -- extract.gpkg directory
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use parcelle::{Progress, Reader};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: convert INPUT DIRECTORY".into());
    };
    for layer in parcelle::layers(&input, Reader::Auto)? {
        if layer.geometry.is_none() {
            eprintln!("{}: a table without geometry is no GeoParquet", layer.name);
            continue;
        }
        let name = layer.name.clone();
        let output = directory.join(format!("{}.parquet", layer.name.replace(['/', '\\'], "_")));
        let summary = parcelle::convert(&input, output)
            .layer(&layer.name)
            .on_progress(Arc::new(move |progress: Progress| eprintln!("{name}: {} rows", progress.rows)))
            .run()?;
        println!("{}: {} rows, {} bytes", summary.output, summary.rows, summary.bytes_out);
    }
    Ok(())
}

//! Peak memory of a sorted conversion under `--memory 512MB`, as the system counts it, for a layer and one that is three
//! times as long: the two should be the same.
//!
//! The binary runs by itself, so that nothing of this program counts; it reports the peak of its resident memory.

mod input;

use input::Failure;

const MEMORY: &str = "512MB";

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> Result<(), Failure> {
    let rows = input::rows()?;
    let directory = tempfile::tempdir()?;
    println!("| rows | --memory | resident MB | spilled MB | seconds |");
    println!("|---|---|---|---|---|");
    for rows in [rows, 3 * rows] {
        let input = input::buildings(directory.path(), rows)?;
        let options = ["--memory".to_owned(), MEMORY.to_owned()];
        let told = input::convert(&input, &directory.path().join("out.parquet"), &options)?;
        let number = |name: &str| told.get(name).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        let seconds = told.pointer("/seconds/wall").and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        let megabytes = |name: &str| number(name) / 1e6;
        println!(
            "| {rows} | {MEMORY} | {:.0} | {:.0} | {seconds:.1} |",
            megabytes("peak_memory_bytes"),
            megabytes("spilled_bytes")
        );
        std::fs::remove_file(input)?;
    }
    Ok(())
}

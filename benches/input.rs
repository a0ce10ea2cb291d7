//! What the benches read: a generated layer of buildings (28 columns in the manner of a national building base).

#![allow(dead_code, reason = "each bench is a program of its own and uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rows of the layer: 200,000 unless `PARCELLE_BENCH_ROWS` says otherwise.
pub(crate) fn rows() -> Result<u64, Failure> {
    Ok(std::env::var("PARCELLE_BENCH_ROWS").ok().map_or(Ok(200_000), |rows| rows.parse())?)
}

/// A program that `make bench` has built beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let mut path = std::env::current_exe()?;
    path.pop();
    path.pop();
    path.push(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run `make bench`, which builds it", path.display()).into())
    }
}

/// The layer as a GeoPackage.
pub(crate) fn buildings(directory: &Path, rows: u64) -> Result<PathBuf, Failure> {
    let path = directory.join(format!("buildings-{rows}.gpkg"));
    let made = Command::new(program("parcelle-testdata")?)
        .args(["extract".as_ref(), path.as_os_str(), "--rows".as_ref(), rows.to_string().as_ref()])
        .stdout(Stdio::null())
        .status()?;
    if made.success() { Ok(path) } else { Err("the generator of the input has failed".into()) }
}

/// Converts with the binary as a user has it, and returns its summary.
pub(crate) fn convert(input: &Path, output: &Path, options: &[String]) -> Result<serde_json::Value, Failure> {
    let ran = Command::new(program("parcelle")?)
        .arg("convert")
        .args([input, output])
        .args(options)
        .args(["--overwrite", "--format", "json"])
        .output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&ran.stdout)?)
}

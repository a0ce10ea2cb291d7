//! What the benches read: a generated layer of buildings (28 columns in the manner of a national building base).

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

//! End-to-end tests: the binary as a user runs it, and the façade as a pipeline links it, on the committed test data.
//!
//! One binary for all, with small helpers: [`parcelle`] runs the command line, [`fixture`] names a file of `testdata/`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that panics has failed")]

mod architecture;
mod archives;
mod check;
mod convert;
mod convert_values;
mod examples;
mod filter;
mod fix_script;
mod french;
mod geoparquet;
mod hostile;
mod inputs;
mod invalid;
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
mod late_gdal;
mod layers;
mod partition;
#[path = "../../crates/parcelle-storage/tests/range_server/mod.rs"]
mod range_server;
mod read_faults;
mod remote;
mod reports;
mod reproject;
mod sampling;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run of the binary left: exit code and both outputs.
#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The same, if it ended with this code; otherwise the test fails and shows the run.
    #[track_caller]
    fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// The one line a failed run says.
    #[track_caller]
    fn complaint(&self) -> &str {
        assert_eq!(self.stdout, "", "a failed run prints no result");
        let line = self.stderr.strip_prefix("error: ").unwrap_or_else(|| panic!("no error in {:?}", self.stderr));
        let line = line.strip_suffix('\n').expect("a line feed at the end");
        assert!(!line.contains('\n'), "more than one line: {line}");
        line
    }
}

/// Runs the binary, without colours or a terminal.
fn parcelle<I, S>(arguments: I) -> Run
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let output = command(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn command<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(binary("parcelle"));
    // Relative paths in expected outputs are relative to the top of the repository.
    command.args(arguments).current_dir(top()).stdin(Stdio::null());
    command
}

/// A binary of the workspace. `cargo test` does not build the binaries of other packages: `make test` does it first.
fn binary(name: &str) -> PathBuf {
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    let path = directory.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --all-targets` first", path.display());
    path
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of `testdata/`, by its path below it.
fn fixture(name: &str) -> PathBuf {
    let path = top().join("testdata").join(name);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// Names of what is in a directory, sorted.
fn listing(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

//! Why a command ends early, and with which exit code.

use std::io;
use std::process::ExitCode;

/// An end without a result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request is wrong: exit code 2.
    Usage(String),
    /// The data could not be handled: exit code 1.
    Data(String),
    /// The reader of standard output has gone, as `head` does: no failure at all.
    BrokenPipe,
}

impl Failure {
    /// Something that the contract names and this version does not do.
    pub(crate) fn not_yet(what: &str, way_out: &str) -> Self {
        Self::Usage(format!("{what} is not there yet: {way_out}"))
    }

    /// Standard output, or the file of `--output`, could not be written.
    pub(crate) fn output(target: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::Usage(format!("cannot write {target}: {error}"))
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Usage(message) | Self::Data(message) => message,
            Self::BrokenPipe => "",
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Data(_) => ExitCode::from(1),
            Self::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

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
    /// Standard output, or the file of `--output`, could not be written.
    pub(crate) fn output(target: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            // Of a temporary file beside it, which nobody knows of, the name is told behind the reason.
            let error = error.to_string();
            let reason = error.split_once(" at path \"").map_or(error.as_str(), |(reason, _)| reason);
            Self::Usage(format!("cannot write {target}: {reason}"))
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

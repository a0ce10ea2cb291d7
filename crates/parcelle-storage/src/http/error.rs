//! Why a remote file could not be read, and the way out.

use std::io;
use std::ops::Range;
use std::time::Duration;

/// A remote file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {problem}")]
pub struct HttpError {
    /// What was asked for, without secrets.
    pub url: String,
    /// What went wrong.
    pub problem: HttpProblem,
}

/// What went wrong with a remote file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpProblem {
    /// It names no file that can be asked for.
    #[error("{reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
        /// What to write instead.
        way_out: &'static str,
    },
    /// The name of the host is not known.
    #[error("the host {host} cannot be found")]
    HostNotFound {
        /// Its name.
        host: String,
    },
    /// The server, or the proxy before it, cannot be reached, or went away.
    #[error("the connection failed: {reason}{}", tries(*attempts))]
    Connection {
        /// What the system says.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// There is no trust in the server.
    #[error("no secure connection: {reason}")]
    Tls {
        /// What rustls says.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {} s{}", within.as_secs_f64(), tries(*attempts))]
    Timeout {
        /// The limit that passed.
        within: Duration,
        /// How often it was tried.
        attempts: u32,
    },
    /// An answer that comes, and does not come to an end.
    #[error("only {received} bytes of the answer came within {:.1} s", within.as_secs_f64())]
    Slow {
        /// Bytes that came.
        received: u64,
        /// How long they took.
        within: Duration,
    },
    /// A refusal.
    #[error("the server answers {status} ({}){}", meaning(*status), tries(*attempts))]
    Status {
        /// The status code.
        status: u16,
        /// Seconds the server asks to wait.
        retry_after: Option<u64>,
        /// How often it was tried.
        attempts: u32,
    },
    /// A chain of redirects that does not end.
    #[error("more than {limit} redirects")]
    Redirects {
        /// How many are followed.
        limit: u32,
    },
    /// From https to http, which would show to everyone what was encrypted.
    #[error("the server redirects from https to http")]
    Downgrade,
    /// The server sends the whole file to whoever asks for a part of it.
    #[error("the server does not answer ranges: it sends the whole file for {} bytes of it", asked.end - asked.start)]
    NoRange {
        /// What was asked for.
        asked: Range<u64>,
    },
    /// Another part than was asked for.
    #[error("the server was asked for bytes {}-{} and answers with {found}", asked.start, asked.end.saturating_sub(1))]
    WrongRange {
        /// What was asked for.
        asked: Range<u64>,
        /// What came, in the server's words.
        found: String,
    },
    /// The bytes are packed on the way, so that their places mean nothing.
    #[error("the server sends a range of a {encoding} stream, not of the file")]
    Encoded {
        /// The content encoding.
        encoding: String,
    },
    /// Fewer bytes than the header says.
    #[error("{received} of {expected} bytes came{}", tries(*attempts))]
    Short {
        /// Bytes that came.
        received: u64,
        /// Bytes that the header promised.
        expected: u64,
        /// How often it was tried.
        attempts: u32,
    },
    /// The file is another one than at the first request.
    #[error("the file changed while it was read: {what}")]
    Changed {
        /// What is different.
        what: String,
    },
    /// More was needed than is spent on one file.
    #[error("reading it needs more than {what}")]
    Budget {
        /// The limit that was reached.
        what: String,
    },
}

impl HttpProblem {
    /// Whether another attempt may have more luck.
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } | Self::Short { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => retry_after.map(Duration::from_secs),
            _ => None,
        }
    }

    /// The same after this many attempts.
    pub(super) fn after(mut self, tried: u32) -> Self {
        if let Self::Connection { attempts, .. }
        | Self::Timeout { attempts, .. }
        | Self::Status { attempts, .. }
        | Self::Short { attempts, .. } = &mut self
        {
            *attempts = tried;
        }
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub const fn way_out(&self) -> &'static str {
        match self {
            Self::Address { way_out, .. } => way_out,
            Self::HostNotFound { .. } => {
                "check the spelling, and whether this machine has a network (HTTPS_PROXY names a proxy), or check a copy"
            }
            Self::Connection { .. } => {
                "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), or check a copy"
            }
            Self::Timeout { .. } | Self::Slow { .. } => {
                "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), wait longer (--http-timeout), or \
                 check a copy"
            }
            Self::Tls { .. } => {
                "install the certificate of its authority on this machine, or name it in SSL_CERT_FILE; certificates are \
                 taken from the system's store"
            }
            Self::Status { status: 401 | 403, .. } => {
                "sign the URL, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://; object stores answer so for \
                 names that do not exist, too"
            }
            Self::Status { status: 404 | 410, .. } => "check the spelling of the host and of the path",
            Self::Status { status: 429 | 500..=599, .. } | Self::Short { .. } => "try again later, or check a copy",
            Self::Status { .. } | Self::Redirects { .. } | Self::Downgrade => {
                "check the address in a browser, or download the file and check the copy"
            }
            Self::NoRange { .. } | Self::WrongRange { .. } | Self::Encoded { .. } => {
                "enable byte ranges on the server (no compression on the way, no cache or proxy that drops Range), or \
                 download the file and check the copy"
            }
            Self::Changed { .. } => "try again when nobody writes to it",
            Self::Budget { .. } => "download the file and check the copy",
        }
    }

    const fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Address { .. } => io::ErrorKind::InvalidInput,
            Self::Status { status: 404 | 410, .. } => io::ErrorKind::NotFound,
            Self::Status { status: 401 | 403, .. } => io::ErrorKind::PermissionDenied,
            Self::Timeout { .. } | Self::Slow { .. } => io::ErrorKind::TimedOut,
            Self::Connection { .. } => io::ErrorKind::ConnectionAborted,
            Self::HostNotFound { .. } => io::ErrorKind::HostUnreachable,
            Self::Short { .. } => io::ErrorKind::UnexpectedEof,
            Self::NoRange { .. } => io::ErrorKind::Unsupported,
            _ => io::ErrorKind::Other,
        }
    }
}

impl From<HttpError> for io::Error {
    fn from(error: HttpError) -> Self {
        Self::new(error.problem.kind(), error)
    }
}

impl HttpError {
    /// The error within what a [`crate::ByteSource`] says.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(", {attempts} times") } else { String::new() }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        200..=299 => "success, but no part of the file",
        300..=399 => "a redirect to nowhere",
        400 => "bad request",
        401 => "authorisation required",
        403 => "forbidden",
        404 => "not found",
        405 => "GET is not allowed",
        408 => "it waited too long",
        410 => "gone",
        416 => "no such range",
        429 => "too many requests",
        500 => "internal error",
        502 | 504 => "the server behind it does not answer",
        503 => "unavailable",
        _ => "unexpected",
    }
}

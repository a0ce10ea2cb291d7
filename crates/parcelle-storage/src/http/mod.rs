//! Files behind URLs, read by ranges (RFC 9110 section 14): [`HttpSource`].
//!
//! What is written as `https://`, `http://`, `s3://`, `gs://` or `az://` names one file; which request that becomes, and which
//! variables of the environment count, is this:
//!
//! | written | asked for | from the environment |
//! |---|---|---|
//! | `https://host/path` | as it is; user and password become basic authentication | |
//! | `s3://bucket/key` | `https://bucket.s3.REGION.amazonaws.com/key`, or `ENDPOINT/bucket/key` | `AWS_REGION` or `AWS_DEFAULT_REGION` (else AWS is asked); `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`; `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; `AWS_NO_SIGN_REQUEST` |
//! | `gs://bucket/key` | `https://storage.googleapis.com/bucket/key` | |
//! | `az://container/key` | `https://ACCOUNT.blob.core.windows.net/container/key` | `AZURE_STORAGE_ACCOUNT`, `AZURE_STORAGE_SAS_TOKEN` |
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count as with any client. Certificates are held against the
//! system's store (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
//!
//! # What is relied on, and what is not
//! One `GET` with a range opens a file: its answer (206 with `Content-Range`) tells the length, so that no `HEAD` is needed,
//! which signed URLs often refuse. Every answer must be the range that was asked for, whole, and of the same file as the first
//! one (`ETag`, `Last-Modified`, length). A server that sends the whole file instead is recognised by its status (200): of
//! such a file the first 4 MiB are taken at most ([`HttpOptions::whole_limit`]). Up to five redirects are followed, never from
//! https to http; later requests go where the last redirect led. What may pass (429, 500, 502 to 504, 408, a connection that
//! breaks) is tried again, three times, after 0.25, 0.5 and 1 second or what `Retry-After` says, but not when half a minute has
//! passed ([`HttpOptions::patience`]): a server that takes connections and stays silent ([`HttpOptions::read_timeout`]) is not
//! asked again, and one that lets its answer drip is left ([`HttpOptions::slowest`]). All of it is counted in
//! [`crate::Usage`].
//!
//! No message and no report has passwords, tokens or signatures of a URL: [`without_secrets`].
//!
//! # Why these crates
//! `ureq` is a blocking client of few parts (an asynchronous one brings a runtime that nothing else here needs), with kept
//! connections, proxies and timeouts of each stage. `rustls` with `ring` rather than OpenSSL, so that no C library has to be
//! there. `rusty-s3` makes signed URLs and does nothing else; `object_store` and Amazon's SDK are asynchronous, and bring some
//! hundred crates for the one request that is needed.

mod address;
mod client;
mod content_range;
mod error;
mod secrets;
mod source;

pub use address::Environment;
pub use client::{HttpClient, HttpOptions};
pub use error::{HttpError, HttpProblem};
pub use secrets::without_secrets;
pub use source::{CrossOrigin, HttpSource};

/// Whether this is the scheme of a URL that [`HttpSource::open`] takes.
#[must_use]
pub fn is_known_scheme(scheme: &str) -> bool {
    address::SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

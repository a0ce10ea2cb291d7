//! Where bytes come from: random-access sources that count what is asked of them.
//!
//! A format parser never opens anything itself: it is given a [`ByteSource`], so that a local file, a byte buffer in
//! a test and a remote object are read by the same code, and so that every request and byte is counted.
//!
//! [`archive`] unpacks what data are delivered in. With the feature `http`, the module of that name reads files behind URLs.

pub mod archive;
mod descriptors;
mod files;
#[cfg(target_os = "linux")]
mod gather;
mod guard;
#[cfg(feature = "http")]
pub mod http;
mod local;
mod memory;
mod read_ahead;
mod watched;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

pub use files::Files;
pub use guard::{Unwound, guarded, keep_guarded_panics_quiet};
pub use local::LocalFile;
pub use memory::Memory;
pub use read_ahead::ReadAhead;
pub use watched::Watched;

/// A file of known length that is read at any offset, from any thread.
pub trait ByteSource: Send + Sync {
    /// Length in bytes at the time of opening.
    fn len(&self) -> u64;

    /// Whether it has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset` on and says how many bytes there were: fewer than asked only at the end of the file.
    ///
    /// # Errors
    /// What the operating system says when reading fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Says which parts will be read next, in this order, so that a source that is far away can ask for several at once. What is
    /// read, and how much of it, is the same without; a part that is longer than a source keeps is left to its reading.
    ///
    /// # Errors
    /// What reading one of the parts would say.
    fn prefetch(&self, _parts: &[Range<u64>]) -> io::Result<()> {
        Ok(())
    }

    /// Copies the pieces of `size` bytes at `offsets`, which should ascend, into `buffer`, one behind the other, and says how
    /// many, from the first on. The others are for [`ByteSource::read_at`], which says why if they cannot be read either.
    ///
    /// For thousands of small pieces that lie apart, where a source knows a better way than one read each; one that does not
    /// copies none.
    fn gather(&self, _offsets: &[u64], _size: usize, _buffer: &mut [u8]) -> usize {
        0
    }

    /// Bytes that nobody wants, and that cost less to read than another request does.
    fn worthwhile_gap(&self) -> u64 {
        64 * 1024
    }

    /// What was asked of this source so far.
    fn usage(&self) -> Usage;
}

/// Requests made and bytes received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Reads asked for.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
}

/// Thread-safe counter behind [`ByteSource::usage`].
#[derive(Debug, Default)]
pub(crate) struct Counter {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    pub(crate) fn add(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage { requests: self.requests.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

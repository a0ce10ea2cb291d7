//! How much memory the pages take that one reader has open at a time.
//!
//! The header of a page says how large it is once it is unpacked, up to two gigabytes, and some codecs pack that into bytes. A
//! reader has two pages of each column open, and a dictionary; columns may share their bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::Compression;

use crate::packed;
use crate::thrift::PageSize;

/// What all pages that are open may take, whatever the file has.
const LEAST_BYTES: u64 = 512 << 20;
/// And beyond that, for each byte of the file.
const BYTES_EACH: u64 = 8;

/// The memory of one reader.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// For a file of so many bytes.
    pub(crate) fn new(file_bytes: u64) -> Arc<Self> {
        let limit = file_bytes.saturating_mul(BYTES_EACH).saturating_add(LEAST_BYTES);
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    /// The share of one column chunk, which has no page open yet.
    pub(crate) fn chunk(self: &Arc<Self>, codec: Compression) -> Arc<Meter> {
        let (budget, opened) = (Arc::clone(self), Mutex::default());
        Arc::new(Meter { budget, codec, dictionary: AtomicU64::new(0), pages: Default::default(), opened })
    }
}

/// What one column chunk takes of a budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    budget: Arc<Budget>,
    codec: Compression,
    dictionary: AtomicU64,
    /// The page that is decoded, and the one before it, which may be held still.
    pages: [AtomicU64; 2],
    /// The page whose header was read last, until its bytes are.
    opened: Mutex<Option<PageSize>>,
}

impl Meter {
    /// Takes a page into account, of which the header was read.
    ///
    /// # Errors
    /// The pages together take too much.
    pub(crate) fn open(&self, size: PageSize) -> Result<(), String> {
        let [current, previous] = &self.pages;
        let freed = if size.is_dictionary {
            self.dictionary.swap(size.unpacked, Ordering::Relaxed)
        } else {
            previous.swap(current.swap(size.unpacked, Ordering::Relaxed), Ordering::Relaxed)
        };
        let budget = &self.budget;
        let before = budget.used.fetch_add(size.unpacked, Ordering::Relaxed);
        budget.used.fetch_sub(freed, Ordering::Relaxed);
        let used = before.saturating_add(size.unpacked).saturating_sub(freed);
        if used > budget.limit {
            let limit = budget.limit;
            return Err(format!("the pages that are read at a time take {used} bytes unpacked, more than {limit}"));
        }
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(size);
        Ok(())
    }

    /// Holds the bytes of the page that was opened last against what its header says, before they are unpacked. What the
    /// budget counts is the header's word.
    ///
    /// # Errors
    /// It unpacks to more.
    pub(crate) fn check(&self, page: &[u8]) -> Result<(), String> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        opened.map_or(Ok(()), |size| packed::check(self.codec, size, page))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let [current, previous] = &self.pages;
        for held in [&self.dictionary, current, previous] {
            self.budget.used.fetch_sub(held.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_while_they_are_open() {
        let budget = Budget::new(1000);
        let page = |unpacked| PageSize { unpacked, ..PageSize::default() };
        let chunk = || budget.chunk(Compression::UNCOMPRESSED);
        let (one, other) = (chunk(), chunk());
        let half = LEAST_BYTES / 2;
        for _ in 0..10 {
            assert_eq!(one.open(page(half / 2)), Ok(()));
        }
        assert_eq!(other.open(PageSize { is_dictionary: true, ..page(half) }), Ok(()));
        assert_eq!(other.open(page(8000)), Ok(()));
        assert!(other.open(page(1)).unwrap_err().contains("more than 536878912"));
        drop(one);
        assert_eq!(other.open(page(half)), Ok(()));
        drop(other);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}

//! A source that remembers that it could not be read.

use std::io;
use std::ops::{Deref, Range};
use std::sync::{Mutex, PoisonError};

use crate::{ByteSource, Usage};

/// Remembers the first read that failed or ended before the file does.
///
/// Decoders of other houses give their own errors for both, as they do for bytes that are damaged. Whoever judges a file by
/// what they say asks here first whether it was the file's fault.
#[derive(Debug)]
pub struct Watched<S> {
    source: S,
    failure: Mutex<Option<io::Error>>,
}

impl<S> Watched<S> {
    /// Around a source.
    pub const fn new(source: S) -> Self {
        Self { source, failure: Mutex::new(None) }
    }

    /// What went wrong first since it was asked last.
    pub fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The result, unless reading failed meanwhile.
    ///
    /// # Errors
    /// What went wrong first with reading; else the error that is given.
    pub fn unless_failed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        match self.failure() {
            Some(failure) => Err(failure),
            None => result,
        }
    }

    /// Keeps an error; gives one of its kind and words.
    fn note(&self, error: io::Error) -> io::Error {
        let told = io::Error::new(error.kind(), error.to_string());
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        told
    }
}

impl<S: Deref<Target: ByteSource> + Send + Sync> ByteSource for Watched<S> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(offset, buffer).map_err(|error| self.note(error))?;
        let end = offset.saturating_add(buffer.len() as u64).min(self.len());
        if (count as u64) < end.saturating_sub(offset) {
            let message = format!(
                "the file was {} bytes long and now ends at {}: it changed while it was read, try again",
                self.len(),
                offset.saturating_add(count as u64)
            );
            return Err(self.note(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
        }
        Ok(count)
    }

    fn prefetch(&self, parts: &[Range<u64>]) -> io::Result<()> {
        self.source.prefetch(parts).map_err(|error| self.note(error))
    }

    fn gather(&self, offsets: &[u64], size: usize, buffer: &mut [u8]) -> usize {
        self.source.gather(offsets, size, buffer)
    }

    fn worthwhile_gap(&self) -> u64 {
        self.source.worthwhile_gap()
    }

    fn usage(&self) -> Usage {
        self.source.usage()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Memory;

    /// Says that it is longer than it is, as a file that was cut.
    struct Cut(Memory);

    impl ByteSource for Cut {
        fn len(&self) -> u64 {
            self.0.len() + 2
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            if offset == 1 { Err(io::Error::from_raw_os_error(5)) } else { self.0.read_at(offset, buffer) }
        }

        fn usage(&self) -> Usage {
            self.0.usage()
        }
    }

    #[test]
    fn the_first_failure_is_remembered() {
        let source = Watched::new(Arc::new(Cut(Memory::new(b"abcdef".to_vec()))));
        let mut buffer = [0; 4];
        assert_eq!(source.read_at(0, &mut buffer).unwrap(), 4);
        assert!(source.unless_failed(Ok(())).is_ok());
        // The end of the file is none; what was there and is not any more is.
        assert_eq!(source.read_at(8, &mut buffer).unwrap(), 0);
        let told = source.read_at(4, &mut buffer).unwrap_err();
        assert!(told.to_string().contains("was 8 bytes long and now ends at 6"), "{told}");
        source.read_at(1, &mut buffer).unwrap_err();
        assert_eq!(source.unless_failed(Ok(())).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        source.read_at(1, &mut buffer).unwrap_err();
        assert_eq!(source.failure().unwrap().raw_os_error(), Some(5));
        assert!(source.failure().is_none());
    }
}

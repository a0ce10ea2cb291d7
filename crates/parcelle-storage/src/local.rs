//! A local file as a source.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{ByteSource, Counter, Usage};

/// A regular file of this machine, read with positioned reads (`pread`), so that threads need no lock.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    length: u64,
    counter: Counter,
}

impl LocalFile {
    /// Opens a file and notes its length.
    ///
    /// # Errors
    /// What the operating system says; a directory, pipe or device is refused as
    /// [`io::ErrorKind::InvalidInput`], since its length means nothing and reading it could block for ever.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Looked at before it is opened: opening a named pipe waits for a writer that may never come.
        let kind = std::fs::metadata(path)?;
        if !kind.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length, counter: Counter::default() })
    }
}

impl ByteSource for LocalFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            // Past 2^63 the system refuses the offset itself; no file is that long.
            let Some(position) = offset.checked_add(filled as u64).filter(|at| i64::try_from(*at).is_ok()) else {
                break;
            };
            match self.file.read_at(&mut buffer[filled..], position) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.counter.add(filled);
        Ok(filled)
    }

    fn usage(&self) -> Usage {
        self.counter.usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_buffer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, b"abcdef").unwrap();
        let source = LocalFile::open(&path).unwrap();
        assert_eq!(source.len(), 6);
        let mut buffer = [0; 4];
        assert_eq!(source.read_at(4, &mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"ef");
        assert_eq!(source.read_at(u64::MAX - 1, &mut buffer).unwrap(), 0);
        assert_eq!(source.usage(), Usage { requests: 2, bytes: 2 });
    }

    #[test]
    fn a_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(LocalFile::open(directory.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}

//! A local file as a source.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::descriptors::Descriptor;
use crate::{ByteSource, Counter, Usage};

/// A regular file of this machine, read with positioned reads (`pread`), so that threads do not wait for each other.
/// Any number of them may live at a time: the crate closes and opens files as the limits of the process demand.
#[derive(Debug)]
pub struct LocalFile {
    file: Arc<Descriptor>,
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
        let (file, length) = Descriptor::open(path)?;
        Ok(Self { file, length, counter: Counter::default() })
    }
}

impl ByteSource for LocalFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = self.file.with(|file| {
            let mut filled = 0;
            while filled < buffer.len() {
                // Past 2^63 the system refuses the offset itself; no file is that long.
                let Some(position) = offset.checked_add(filled as u64).filter(|at| i64::try_from(*at).is_ok()) else {
                    break;
                };
                match file.read_at(&mut buffer[filled..], position) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(filled)
        })?;
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

//! A local file as a source.

use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
#[cfg(target_os = "linux")]
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::descriptors::Descriptor;
#[cfg(target_os = "linux")]
use crate::gather::{Pace, gather};
use crate::{ByteSource, Counter, Usage};

/// A regular file of this machine, read with positioned reads (`pread`), so that threads do not wait for each other.
/// Any number of them may live at a time: the crate closes and opens files as the limits of the process demand.
#[derive(Debug)]
pub struct LocalFile {
    file: Arc<Descriptor>,
    length: u64,
    counter: Counter,
    #[cfg(target_os = "linux")]
    pace: Pace,
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
        Ok(Self {
            file,
            length,
            counter: Counter::default(),
            #[cfg(target_os = "linux")]
            pace: Pace::default(),
        })
    }
}

impl ByteSource for LocalFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = self.file.with(|file| fill(offset, buffer, |rest, position| file.read_at(rest, position)))?;
        self.counter.add(filled);
        Ok(filled)
    }

    /// Has the system read ahead what is not in its cache, without waiting for it. That it may not is no harm.
    #[cfg(target_os = "linux")]
    fn prefetch(&self, parts: &[Range<u64>]) -> io::Result<()> {
        for part in parts {
            let length = NonZeroU64::new(part.end.saturating_sub(part.start));
            self.file.with(|file| {
                if !is_cached(file, part) {
                    let _ = rustix::fs::fadvise(file, part.start, length, rustix::fs::Advice::WillNeed);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn gather(&self, offsets: &[u64], size: usize, buffer: &mut [u8]) -> usize {
        let copied = self.file.with(|file| Ok(gather(file, &self.pace, offsets, size, buffer))).unwrap_or_default();
        self.counter.add(copied * size);
        copied
    }

    /// From the cache of the system, where what follows is by [`ByteSource::prefetch`].
    #[cfg(target_os = "linux")]
    fn worthwhile_gap(&self) -> u64 {
        6 * 1024
    }

    fn usage(&self) -> Usage {
        self.counter.usage()
    }
}

/// Whether a part seems to be in the cache of the system, by three of its bytes: for one that is, asking for it costs a look at
/// each of its pages, an eighth of what a check of all leaders takes.
#[cfg(target_os = "linux")]
fn is_cached(file: &std::fs::File, part: &Range<u64>) -> bool {
    let last = part.end.saturating_sub(1).max(part.start);
    [part.start, part.start.midpoint(last), last].into_iter().all(|offset| {
        let mut byte = [0];
        let mut buffers = [io::IoSliceMut::new(&mut byte)];
        // Ends at once where it would have to wait for a disk.
        rustix::io::preadv2(file, &mut buffers, offset, rustix::io::ReadWriteFlags::NOWAIT).is_ok()
    })
}

/// Reads until the buffer is full or the file ends: the system may give less than it is asked for, or be interrupted.
fn fill(
    offset: u64,
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // Past 2^63 the system refuses the offset itself; no file is that long.
        let Some(position) = offset.checked_add(filled as u64).filter(|at| i64::try_from(*at).is_ok()) else {
            break;
        };
        match read(rest, position) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_interrupted_reads_are_gone_on_with() {
        let file: Vec<u8> = (0..100).collect();
        for piece in 1..10 {
            let mut turn = 0;
            let mut buffer = [0; 40];
            let filled = fill(70, &mut buffer, |rest, position| {
                turn += 1;
                if turn % 2 == 0 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let left = file.get(position as usize..).unwrap_or_default();
                let count = left.len().min(rest.len()).min(piece);
                rest[..count].copy_from_slice(&left[..count]);
                Ok(count)
            });
            assert_eq!(filled.unwrap(), 30, "{piece} bytes at a time");
            assert_eq!(buffer[..30], file[70..]);
        }
        // An error counts, however much came before it.
        let mut turn = 0;
        let failing = |_: &mut [u8], _| {
            turn += 1;
            if turn < 3 { Ok(1) } else { Err(io::Error::from_raw_os_error(5)) }
        };
        assert_eq!(fill(0, &mut [0; 8], failing).unwrap_err().raw_os_error(), Some(5));
    }

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

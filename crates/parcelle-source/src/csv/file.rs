//! The file: positioned reads, has it changed, and which line a byte is on.

use std::path::{Path, PathBuf};

use parcelle_storage::{ByteSource, LocalFile};

use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};

/// A CSV file as it was when it was opened.
#[derive(Debug)]
pub(crate) struct CsvFile {
    path: PathBuf,
    file: LocalFile,
    fingerprint: Fingerprint,
}

impl CsvFile {
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let fingerprint = Fingerprint::of(path)?;
        let file = LocalFile::open(path).map_err(|error| unreadable(path, &error))?;
        if file.len() != fingerprint.bytes() {
            return Err(SourceError::Changed { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), file, fingerprint })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.fingerprint.bytes()
    }

    /// A CSV file has one layer, named like it.
    pub(crate) fn layer_name(&self) -> String {
        self.path.file_stem().map_or_else(|| "csv".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Fills the buffer from `offset`, which must lie that far before the end of the file.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let read = self.file.read_at(offset, buffer);
        match read {
            Ok(count) if count == buffer.len() => Ok(()),
            Ok(_) => Err(SourceError::Changed { path: self.path.clone() }),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }

    /// Refuses a file that is not the one that was opened any more.
    pub(crate) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    /// The number, from 1, of the line that the byte at `offset` is on. Reads all before it: only for messages.
    pub(crate) fn line(&self, offset: u64) -> Result<u64, SourceError> {
        const STEP: u64 = 1 << 20;
        let (mut lines, mut after_return, mut start) = (1, false, 0);
        let mut buffer = Vec::new();
        while start < offset {
            let length = (offset - start).min(STEP);
            buffer.resize(length as usize, 0);
            self.read_at(start, &mut buffer)?;
            for position in memchr::memchr2_iter(b'\n', b'\r', &buffer) {
                let before = match position.checked_sub(1) {
                    Some(before) => buffer.get(before) == Some(&b'\r'),
                    None => after_return,
                };
                let is_line_feed = buffer.get(position) == Some(&b'\n');
                lines += u64::from(!(is_line_feed && before));
            }
            after_return = buffer.last() == Some(&b'\r');
            start += length;
        }
        Ok(lines)
    }

    /// An error in what the file says.
    pub(crate) fn malformed(&self, reason: impl Into<String>, advice: impl Into<String>) -> SourceError {
        let (reason, advice) = (reason.into(), advice.into());
        SourceError::Malformed { path: self.path.clone(), format: "CSV", reason, advice }
    }
}

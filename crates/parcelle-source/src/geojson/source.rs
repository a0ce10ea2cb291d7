//! The file: positioned reads, windows of it, and whether it has changed.

use std::path::{Path, PathBuf};

use parcelle_storage::{ByteSource, LocalFile};

use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};
use crate::geojson::json::{Fault, Reason};

/// Sizes that tests make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tuning {
    /// The file is read in pieces of about this many bytes.
    pub(crate) chunk: u64,
    /// What a chunk is read with beyond its end, for its last record.
    pub(crate) slack: u64,
    /// A record (or member of the root object) of more bytes than this is refused.
    pub(crate) longest_record: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { chunk: 4 << 20, slack: 64 << 10, longest_record: 1 << 30 }
    }
}

/// A file that is read in pieces.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) tuning: Tuning,
    file: LocalFile,
    fingerprint: Fingerprint,
}

impl SourceFile {
    pub(crate) fn open(path: &Path, tuning: Tuning) -> Result<Self, SourceError> {
        let fingerprint = Fingerprint::of(path)?;
        let file = LocalFile::open(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self { path: path.to_owned(), tuning, file, fingerprint })
    }

    pub(crate) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Refuses a file that is not the one that was opened any more.
    pub(crate) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    pub(crate) fn changed(&self) -> SourceError {
        SourceError::Changed { path: self.path.clone() }
    }

    /// An error at a byte of the file, in a feature where its number (from 1) is known.
    pub(crate) fn malformed(&self, feature: Option<u64>, offset: u64, reason: &Reason) -> SourceError {
        let text = match reason {
            Reason::End => "the file ends here, before the JSON text does",
            Reason::Text(text) => text.as_ref(),
        };
        let place = match feature {
            Some(number) => format!("feature {number}, byte {offset}: "),
            None => format!("byte {offset}: "),
        };
        let advice = match reason {
            Reason::End => "the file is incomplete: get it again from its source",
            Reason::Text(_) => {
                "correct the file with the program that made it, or try whether GDAL is less strict (--reader gdal)"
            }
        };
        SourceError::Malformed {
            path: self.path.clone(),
            format: "GeoJSON",
            reason: format!("{place}{text}"),
            advice: advice.to_owned(),
        }
    }

    fn too_long(&self, offset: u64) -> SourceError {
        let limit = self.tuning.longest_record;
        SourceError::Malformed {
            path: self.path.clone(),
            format: "GeoJSON",
            reason: format!(
                "byte {offset}: what begins here, a feature or another part of the text, takes more than {limit} bytes"
            ),
            advice: "split it, or convert the file to GeoPackage first".to_owned(),
        }
    }

    /// Reads `length` bytes, or what there is, into a window.
    pub(crate) fn load(&self, window: &mut Window, start: u64, length: u64) -> Result<(), SourceError> {
        let length = length.min(self.len().saturating_sub(start));
        let wanted = usize::try_from(length).map_err(|_| self.too_long(start))?;
        // A buffer that a huge record has grown is not kept for the next ones.
        if window.buffer.len() > wanted.saturating_mul(4).max(64 << 20) {
            window.buffer = Vec::new();
        }
        if window.buffer.len() < wanted {
            window.buffer.resize(wanted, 0);
        }
        let buffer = window.buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.file.read_at(start, buffer);
        let read =
            read.map_err(|error| SourceError::Unreadable { path: self.path.clone(), reason: error.to_string() })?;
        if read < wanted {
            return Err(self.changed());
        }
        (window.start, window.length, window.whole) = (start, wanted, start + length >= self.len());
        Ok(())
    }

    /// Loads more of what begins at `start`, as the window was not enough for it.
    pub(crate) fn grow(&self, window: &mut Window, start: u64) -> Result<(), SourceError> {
        let have = window.from(start).len() as u64;
        if have >= self.tuning.longest_record {
            return Err(self.too_long(start));
        }
        let wanted = have.saturating_mul(2).max(self.tuning.slack).max(16).min(self.tuning.longest_record);
        self.load(window, start, wanted)
    }

    /// Tries to read something that begins at `start`, with more and more of the file until it is whole.
    pub(crate) fn attempt<T>(
        &self,
        start: u64,
        read: impl Fn(&[u8], bool) -> Result<T, Fault>,
    ) -> Result<T, SourceError> {
        let mut window = Window::default();
        self.load(&mut window, start, self.tuning.slack)?;
        loop {
            match read(window.from(start), window.whole) {
                Ok(found) => return Ok(found),
                Err(Fault { reason: Reason::End, .. }) if !window.whole => self.grow(&mut window, start)?,
                Err(fault) => return Err(self.malformed(None, start + fault.at as u64, &fault.reason)),
            }
        }
    }
}

/// A part of the file in memory.
#[derive(Debug, Default)]
pub(crate) struct Window {
    buffer: Vec<u8>,
    start: u64,
    length: usize,
    /// Whether it reaches to the end of the file.
    pub(crate) whole: bool,
}

impl Window {
    /// What it has from `offset` on.
    pub(crate) fn from(&self, offset: u64) -> &[u8] {
        let skipped = offset.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        let bytes = self.buffer.get(..self.length).unwrap_or_default();
        skipped.and_then(|skipped| bytes.get(skipped..)).unwrap_or_default()
    }
}

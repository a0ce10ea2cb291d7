//! The file of a FlatGeobuf: positioned reads, where its parts are, and whether it has changed.

use std::path::{Path, PathBuf};

use parcelle_storage::{ByteSource, LocalFile};

use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};
use crate::flatgeobuf::header::Header;
use crate::flatgeobuf::index::Index;

/// Letters and version in front of the header.
const MAGIC_BYTES: u64 = 8;
/// The version of the format that is in use; its predecessors never left their makers' hands.
const VERSION: u8 = 3;
/// No reader takes a larger header than 10 MiB, so no writer makes one.
const MAX_HEADER_BYTES: u64 = 10 << 20;
/// Flatbuffers have offsets of 31 bits.
pub(super) const MAX_FEATURE_BYTES: u64 = i32::MAX as u64;

/// A FlatGeobuf as it was when it was opened.
#[derive(Debug)]
pub(super) struct FlatGeobuf {
    path: PathBuf,
    source: LocalFile,
    fingerprint: Fingerprint,
    pub(super) header: Header,
    pub(super) index: Option<Index>,
    /// Where the length of the first feature is.
    pub(super) features_start: u64,
}

impl FlatGeobuf {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let unreadable = |error: std::io::Error| unreadable(path, &error);
        let fingerprint = Fingerprint::of(path)?;
        let source = LocalFile::open(path).map_err(unreadable)?;
        let wrong = |reason: String| malformed(path, reason);

        let mut start = [0; MAGIC_BYTES as usize + 4];
        let read = source.read_at(0, &mut start).map_err(unreadable)?;
        let [_, _, _, version, _, _, _, _, length @ ..] = start;
        if read < start.len() {
            return Err(wrong(format!("it is cut off: {read} bytes are less than its header")));
        }
        if version != VERSION {
            return Err(wrong(format!("it is of version {version} of the format, and only {VERSION} is known")));
        }
        let header_start = start.len() as u64;
        let header_bytes = u64::from(u32::from_le_bytes(length));
        let available = source.len().saturating_sub(header_start);
        if header_bytes > available {
            return Err(wrong(format!(
                "it is cut off: its header has {header_bytes} bytes, of which {available} are there"
            )));
        }
        if header_bytes > MAX_HEADER_BYTES {
            return Err(wrong(format!(
                "its header has {header_bytes} bytes, more than the {MAX_HEADER_BYTES} allowed"
            )));
        }
        let mut buffer = vec![0; usize::try_from(header_bytes).unwrap_or(0)];
        if source.read_at(header_start, &mut buffer).map_err(unreadable)? < buffer.len() {
            return Err(SourceError::Changed { path: path.to_owned() });
        }
        let header =
            Header::read(&buffer).map_err(|fault| wrong(format!("the header is damaged: {}", fault.reason())))?;
        let index_start = header_start + header_bytes;
        let index = Index::new(index_start, &header, source.len()).map_err(wrong)?;
        let features_start = index.as_ref().map_or(index_start, Index::end);
        Ok(Self { path: path.to_owned(), source, fingerprint, header, index, features_start })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its size when it was opened.
    pub(super) fn bytes(&self) -> u64 {
        self.source.len()
    }

    /// Fills the buffer from `offset`.
    pub(super) fn read_exact(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        match self.source.read_at(offset, buffer) {
            Ok(read) if read == buffer.len() => Ok(()),
            // Offsets are checked against the size before, so the file has become shorter.
            Ok(_) => Err(SourceError::Changed { path: self.path.clone() }),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }

    /// Refuses a file that is not the one that was opened any more.
    pub(super) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    /// A result, unless the file changed meanwhile: then nothing that was found in it means anything.
    pub(super) fn unless_changed<T>(&self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        self.verify_unchanged().and(result)
    }

    /// What is wrong with the file.
    pub(super) fn malformed(&self, reason: String) -> SourceError {
        malformed(&self.path, reason)
    }

    /// What is wrong with a feature; the number counts from 0.
    pub(super) fn malformed_feature(&self, number: u64, offset: u64, reason: &str) -> SourceError {
        self.malformed(format!("feature {} at byte {offset}: {reason}", number.saturating_add(1)))
    }
}

fn malformed(path: &Path, reason: String) -> SourceError {
    SourceError::Malformed {
        path: path.to_owned(),
        format: "FlatGeobuf",
        reason,
        advice: "get the file again from its source, or write it anew with the program that made it".to_owned(),
    }
}

//! Whether a file is still the one that was opened.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::SourceError;

/// What a file is known by: its place on the disk, its length, and the time of its last change. Formats are read in several
/// passes and by several threads, which must all see the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    device: u64,
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Fingerprint {
    /// That of the file at `path` now.
    pub(crate) fn of(path: &Path) -> Result<Self, SourceError> {
        let metadata = std::fs::metadata(path);
        metadata.map(|metadata| Self::from(&metadata)).map_err(|error| unreadable(path, &error))
    }

    /// Length of the file in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// # Errors
    /// [`SourceError::Changed`] where the file at `path` has another fingerprint now, or is gone.
    pub(crate) fn verify(&self, path: &Path) -> Result<(), SourceError> {
        match std::fs::metadata(path) {
            Ok(now) if Self::from(&now) == *self => Ok(()),
            _ => Err(SourceError::Changed { path: path.to_owned() }),
        }
    }
}

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

/// A [`SourceError::Unreadable`].
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert!(matches!(Fingerprint::of(&path), Err(SourceError::Unreadable { .. })));
        std::fs::write(&path, "abc").unwrap();
        let fingerprint = Fingerprint::of(&path).unwrap();
        assert_eq!(fingerprint.bytes(), 3);
        fingerprint.verify(&path).unwrap();
        // As long and as old, but another file.
        let other = directory.path().join("other");
        std::fs::write(&other, "abd").unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(matches!(fingerprint.verify(&path), Err(SourceError::Changed { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(fingerprint.verify(&path), Err(SourceError::Changed { .. })));
    }
}

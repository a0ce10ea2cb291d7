//! Files for readers that open paths, in memory where the system has a file system there.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that goes when it is dropped.
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Makes it.
    ///
    /// # Panics
    /// Where no directory can be made.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::Builder::new().prefix("parcelle-fuzz-").tempdir_in(&parent);
        Self { directory: directory.unwrap_or_else(|error| panic!("{}: {error}", parent.display())) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file in it, over what is there.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

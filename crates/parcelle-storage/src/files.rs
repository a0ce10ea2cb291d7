//! Where files are opened that something names by a path.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::{ByteSource, LocalFile};

/// Opens a file by its path.
type Open = dyn Fn(&Path) -> io::Result<Arc<dyn ByteSource>> + Send + Sync;

/// Opens files by their paths: those of this machine, unless something else was given.
///
/// What reads a file that another one names (the sources of a virtual raster) has no [`ByteSource`] yet. It takes one of
/// these, so that tests can hand out files that cannot be read, and programs those of a storage of their own.
#[derive(Clone, Default)]
pub struct Files(Option<Arc<Open>>);

impl Files {
    /// Files that this function opens.
    pub fn opened_by(open: impl Fn(&Path) -> io::Result<Arc<dyn ByteSource>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(open)))
    }

    /// Opens a file.
    ///
    /// # Errors
    /// Those of [`LocalFile::open`], or of the function that was given.
    pub fn open(&self, path: &Path) -> io::Result<Arc<dyn ByteSource>> {
        match &self.0 {
            Some(open) => open(path),
            None => Ok(Arc::new(LocalFile::open(path)?)),
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Files(given)" } else { "Files(local)" })
    }
}

/// The same function, or both those of this machine.
impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Files {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn what_was_given_opens_them() {
        let given = Files::opened_by(|path| Ok(Arc::new(Memory::new(path.to_string_lossy().as_bytes()))));
        assert_eq!(given.open(Path::new("/nowhere/a")).unwrap().len(), 10);
        assert_eq!(Files::default().open(Path::new("/nowhere/a")).err().unwrap().kind(), io::ErrorKind::NotFound);
        assert!(given == given.clone() && given != Files::default());
    }
}

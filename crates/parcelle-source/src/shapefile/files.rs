//! The files of a Shapefile: finding them, reading at positions, noticing changes.

use std::path::{Path, PathBuf};

use parcelle_storage::{ByteSource, LocalFile};

use super::malformed;
pub(super) use super::siblings::sibling;
use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};

/// The first number of `.shp` and `.shx` (ESRI, table 1).
const FILE_CODE: [u8; 4] = 9994u32.to_be_bytes();

/// A `.cpg` or `.prj` is a line; more than this is something else.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// Bytes read at once where the next to be read follow.
const READ_AHEAD: usize = 512 << 10;

/// Bytes read at once where they do not.
const READ_ALONE: usize = 16 << 10;

/// Whether these are the first bytes of a `.shp` or `.shx`.
pub(super) fn has_file_code(head: &[u8]) -> bool {
    head.starts_with(&FILE_CODE)
}

/// The `.shp` files of a directory, by name.
pub(super) fn shapefiles_in(directory: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))? {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        if crate::drivers::has_extension(&path, &["shp"]) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Name and `.shp` of each layer of a `.shp`, of another file beside it, or of a directory.
pub(super) fn layer_names(path: &Path) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let named = |shp: PathBuf| (stem(&shp), shp);
    if path.is_dir() {
        return Ok(shapefiles_in(path)?.into_iter().map(named).collect());
    }
    if !crate::drivers::has_extension(path, &["shx", "dbf"]) {
        return Ok(vec![named(path.to_owned())]);
    }
    match sibling(path, "shp")? {
        Some(shp) => Ok(vec![named(shp)]),
        None if crate::drivers::has_extension(path, &["dbf"]) => {
            Err(SourceError::NoGeometry { path: path.to_owned(), layer: stem(path) })
        }
        None => Err(malformed(path, "the .shp that it is the index of is not beside it")),
    }
}

/// The name of a file without its extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The bytes of a small file of text.
pub(super) fn read_text(path: &Path) -> Result<Vec<u8>, SourceError> {
    let bytes = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if bytes > MAX_TEXT_BYTES {
        return Err(malformed(path, format!("it has {bytes} bytes, where a line of text was expected")));
    }
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A file as it was when it was opened.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    pub(super) bytes: LocalFile,
    fingerprint: Fingerprint,
}

impl SourceFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, SourceError> {
        let fingerprint = Fingerprint::of(&path)?;
        let bytes = LocalFile::open(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self { path, bytes, fingerprint })
    }

    /// Its length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// Fails where it is not as it was.
    pub(super) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    fn changed(&self) -> SourceError {
        SourceError::Changed { path: self.path.clone() }
    }
}

/// Reads a file through a buffer, mostly onwards.
pub(super) struct ReadBuffer<'a> {
    file: &'a SourceFile,
    bytes: Vec<u8>,
    start: u64,
}

impl<'a> ReadBuffer<'a> {
    pub(super) fn new(file: &'a SourceFile) -> Self {
        Self { file, bytes: Vec::new(), start: 0 }
    }

    /// Whether the file has all bytes before an offset.
    pub(super) fn reaches(&self, end: u64) -> bool {
        end <= self.file.len()
    }

    /// The bytes of a range; `None` where the file ends before.
    pub(super) fn get(&mut self, offset: u64, length: u64) -> Result<Option<&[u8]>, SourceError> {
        let available = self.file.len().saturating_sub(offset);
        let (Ok(wanted), true) = (usize::try_from(length), length <= available) else { return Ok(None) };
        let buffered = offset
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .filter(|from| from.checked_add(wanted).is_some_and(|end| end <= self.bytes.len()));
        if let Some(from) = buffered {
            return Ok(self.bytes.get(from..from + wanted));
        }
        let end = self.start + self.bytes.len() as u64;
        let onwards = self.bytes.is_empty() || (self.start..=end + READ_AHEAD as u64).contains(&offset);
        let ahead = if onwards { READ_AHEAD } else { READ_ALONE };
        // No more than the file has, so that no number in it decides what is allocated.
        let size = usize::try_from(available).unwrap_or(usize::MAX).min(wanted.max(ahead));
        self.bytes.resize(size, 0);
        let read =
            self.file.bytes.read_at(offset, &mut self.bytes).map_err(|error| unreadable(&self.file.path, &error));
        if read? < size {
            return Err(self.file.changed());
        }
        self.start = offset;
        Ok(self.bytes.get(..wanted))
    }
}

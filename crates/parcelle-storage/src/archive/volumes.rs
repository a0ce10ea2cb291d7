//! The volumes of an archive as one stream.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::archive::error::ArchiveError;
use crate::{ByteSource, LocalFile};

/// Most volumes of an archive: their numbers have three digits.
const MAX_VOLUMES: u32 = 999;

/// One file, or several that are read one after the other.
#[derive(Debug)]
pub(super) struct Volumes {
    /// The files, each with the offset at which it begins.
    files: Vec<(u64, LocalFile)>,
    length: u64,
    position: u64,
}

impl Volumes {
    /// The file at `path`, and where its name ends in `.001`, the ones with the numbers after it.
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let mut files = Vec::new();
        let mut length = 0u64;
        let mut add = |volume: &Path| {
            let file = LocalFile::open(volume).map_err(|reason| ArchiveError::io(volume, reason))?;
            let start = length;
            length = length.saturating_add(file.len());
            files.push((start, file));
            Ok(())
        };
        add(path)?;
        if let Some(base) = first_of_several(path) {
            let mut missing = None;
            for number in 2..=MAX_VOLUMES {
                let volume = numbered(&base, number);
                match (volume.is_file(), &missing) {
                    (true, None) => add(&volume)?,
                    (true, Some(volume)) => {
                        let (archive, volume) = (path.to_owned(), PathBuf::clone(volume));
                        return Err(ArchiveError::MissingVolume { archive, volume });
                    }
                    (false, None) => missing = Some(volume),
                    (false, Some(_)) => {}
                }
            }
        }
        Ok(Self { files, length, position: 0 })
    }

    /// Bytes of all volumes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The volume after the last, where the archive has several.
    pub(super) fn next_volume(&self, path: &Path) -> Option<PathBuf> {
        let number = u32::try_from(self.files.len()).ok()?.checked_add(1)?;
        first_of_several(path).map(|base| numbered(&base, number))
    }
}

/// The name without `.001`.
fn first_of_several(path: &Path) -> Option<PathBuf> {
    (path.extension()? == "001").then(|| path.with_extension(""))
}

fn numbered(base: &Path, number: u32) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!(".{number:03}"));
    PathBuf::from(name)
}

/// The first volume, where the name is that of a later one.
pub(super) fn first_volume(path: &Path) -> Option<PathBuf> {
    let number = path.extension()?.to_str()?;
    let later = number.len() == 3 && number.bytes().all(|digit| digit.is_ascii_digit()) && number > "001";
    later.then(|| numbered(&path.with_extension(""), 1))
}

impl Read for Volumes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The last one that begins at or before the position.
        let index = self.files.partition_point(|(start, _)| *start <= self.position);
        let Some((start, file)) = index.checked_sub(1).and_then(|index| self.files.get(index)) else { return Ok(0) };
        let count = file.read_at(self.position - start, buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Volumes {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_one_stream() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.7z.001");
        for (number, text) in [(1, "abc"), (2, ""), (3, "defg")] {
            std::fs::write(directory.path().join(format!("a.7z.{number:03}")), text).unwrap();
        }
        let mut volumes = Volumes::open(&path).unwrap();
        let mut text = String::new();
        volumes.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), volumes.length()), ("abcdefg", 7));
        volumes.seek(SeekFrom::End(-5)).unwrap();
        text.clear();
        volumes.read_to_string(&mut text).unwrap();
        assert_eq!(text, "cdefg");
        assert_eq!(volumes.next_volume(&path), Some(directory.path().join("a.7z.004")));
        assert!(volumes.seek(SeekFrom::End(-8)).is_err());

        std::fs::remove_file(directory.path().join("a.7z.002")).unwrap();
        let error = Volumes::open(&path).unwrap_err().to_string();
        assert!(error.contains("a.7z.002 is missing"), "{error}");
        assert_eq!(first_volume(Path::new("x/a.7z.014")), Some(PathBuf::from("x/a.7z.001")));
        assert_eq!(first_volume(&path), None);
    }
}

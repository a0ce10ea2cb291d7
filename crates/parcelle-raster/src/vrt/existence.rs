//! Whether very many files are there, without a question to the file system for each.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use super::references::{Absence, exists};

/// Questions about one directory after which it is listed: a listing costs as much as some stats do.
const BEFORE_LISTING: usize = 64;

/// Names read of a directory for each question that may follow: one of a million files is not listed for the sake of a few.
const NAMES_FOR_EACH: usize = 16;

/// Answers like [`exists`], and lists a directory of which much is asked: its entries are there, and of what is not among
/// them the file system is asked after all (it may not care for the case of letters).
#[derive(Default)]
pub(super) struct Existence {
    directories: HashMap<Box<[u8]>, Directory>,
}

#[derive(Default)]
struct Directory {
    asked: usize,
    names: HashSet<OsString>,
}

impl Existence {
    /// Whether there is anything at a path; `others` is how many more are going to be asked for, at most.
    pub(super) fn of(&mut self, path: &Path, others: usize) -> Result<(), Absence> {
        let bytes = path.as_os_str().as_encoded_bytes();
        let parent = bytes.iter().rposition(|byte| *byte == b'/').and_then(|slash| bytes.get(..slash));
        let (Some(parent), Some(name)) = (parent, path.file_name()) else { return exists(path) };
        let directory = match self.directories.get_mut(parent) {
            Some(directory) => directory,
            None => self.directories.entry(parent.into()).or_default(),
        };
        directory.asked += 1;
        // Nothing is listed that may not be entered: the questions before that would have failed.
        if directory.asked == BEFORE_LISTING && others >= BEFORE_LISTING && exists(path).is_ok() {
            directory.list(path, others.saturating_mul(NAMES_FOR_EACH));
        }
        // What ends in a slash or in "." has to be a directory.
        let is_plain = bytes.ends_with(name.as_encoded_bytes());
        if is_plain && directory.names.contains(name) { Ok(()) } else { exists(path) }
    }
}

impl Directory {
    /// Takes the names of files and directories; what a link leads to only the file system knows.
    fn list(&mut self, path: &Path, most: usize) {
        let Some(entries) = path.parent().and_then(|parent| std::fs::read_dir(parent).ok()) else { return };
        let there = entries
            .flatten()
            .take(most)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir()));
        self.names.extend(there.map(|entry| entry.file_name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_gives_the_answers_of_the_file_system() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for number in 0..200 {
            std::fs::write(path(&format!("{number}.tif")), "").unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("1.tif", path("link.tif")).unwrap();
            std::os::unix::fs::symlink("none.tif", path("broken.tif")).unwrap();
        }
        let mut existence = Existence::default();
        for number in 0..300 {
            let path = path(&format!("{number}.tif"));
            assert_eq!(existence.of(&path, 300), exists(&path), "{number}");
        }
        assert!(existence.directories.values().any(|directory| directory.names.len() == 200));
        for name in ["link.tif", "broken.tif", "1.tif/", "1.tif/.", "./1.tif", "sub/1.tif", "..", "1.TIF", ""] {
            let path = path(name);
            assert_eq!(existence.of(&path, 300), exists(&path), "{name}");
        }
        std::fs::remove_file(path("7.tif")).unwrap();
        assert_eq!(existence.of(&path("7.tif"), 300), Ok(()), "it was listed before");
    }

    #[test]
    fn few_questions_list_nothing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.tif"), "").unwrap();
        let mut existence = Existence::default();
        for _ in 0..BEFORE_LISTING * 2 {
            assert_eq!(existence.of(&directory.path().join("a.tif"), 10), Ok(()));
        }
        assert!(existence.directories.values().all(|directory| directory.names.is_empty()));
    }
}

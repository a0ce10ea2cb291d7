//! Where output goes: under a temporary name until it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::error::WriteError;
use crate::output::index::{self, INDEX_NAME};

/// How the names of temporary files and directories end.
const TEMPORARY_SUFFIX: &str = ".parcelle-tmp";
/// So much of the output's name is in those of its temporary files; file systems allow 255 bytes in all.
const MOST_NAME_BYTES: usize = 200;

/// A file, or a directory of files, beside the destination, that nobody takes for a finished one. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Destination {
    path: PathBuf,
    overwrite: bool,
    temporary: Temporary,
}

#[derive(Debug)]
enum Temporary {
    File(NamedTempFile),
    Directory(TempDir),
}

impl Destination {
    /// Makes the temporary file, so that an unwritable place is found before any work is done.
    pub(crate) fn file(path: &Path, overwrite: bool) -> Result<Self, WriteError> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(WriteError::Exists { path: path.to_owned() });
        }
        // A rename would put a regular file in the place of a device or a pipe.
        if path.metadata().is_ok_and(|existing| !existing.is_file()) {
            return Err(invalid(path, "it is there and not a regular file"));
        }
        Self::create(path, overwrite, 0o666, |builder, directory| builder.tempfile_in(directory).map(Temporary::File))
    }

    /// Makes the temporary directory of a dataset. What is at `path` may be an empty directory, or, if it is to be
    /// replaced, a dataset that this crate has written: no option should delete a directory of other things.
    pub(crate) fn directory(path: &Path, overwrite: bool) -> Result<Self, WriteError> {
        if let Ok(existing) = path.symlink_metadata() {
            let is_empty = existing.is_dir() && path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
            if !is_empty && !overwrite {
                return Err(WriteError::Exists { path: path.to_owned() });
            }
            if !is_empty && !index::is_dataset(path) {
                let reason = format!(
                    "it is there and not a dataset of parcelle with nothing else in it (a directory with {INDEX_NAME}), \
                     which alone is replaced: choose another name"
                );
                return Err(invalid(path, &reason));
            }
        }
        Self::create(path, overwrite, 0o777, |builder, directory| {
            builder.tempdir_in(directory).map(Temporary::Directory)
        })
    }

    fn create(
        path: &Path,
        overwrite: bool,
        mode: u32,
        make: impl FnOnce(&tempfile::Builder<'_, '_>, &Path) -> io::Result<Temporary>,
    ) -> Result<Self, WriteError> {
        let directory = directory_of(path);
        let name = path.file_name().ok_or_else(|| invalid(path, "not the name of a file"))?;
        // Hidden, and not ending in .parquet: no glob over finished files finds it. What is finished gets the
        // permissions that the user's umask gives anything new, not the private ones of a temporary file.
        let prefix = temporary_prefix(name);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX).permissions(Permissions::from_mode(mode));
        let temporary =
            make(&builder, directory).map_err(|reason| WriteError::io(directory, without_temporary_name(&reason)))?;
        Ok(Self { path: path.to_owned(), overwrite, temporary })
    }

    /// The name it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory it is in.
    pub(crate) fn parent(&self) -> &Path {
        directory_of(&self.path)
    }

    /// A file to write to: the one there is, or in a directory a new one with this relative name.
    pub(crate) fn open(&self, name: &Path) -> Result<File, WriteError> {
        match &self.temporary {
            Temporary::File(file) => file.as_file().try_clone().map_err(|reason| WriteError::io(&self.path, reason)),
            Temporary::Directory(directory) => {
                let file = directory.path().join(name);
                let parent = file.parent().unwrap_or_else(|| directory.path());
                std::fs::create_dir_all(parent)
                    .and_then(|()| File::create_new(&file))
                    .map_err(|reason| WriteError::io(&self.path.join(name), reason))
            }
        }
    }

    /// Gives it its name. Until then nothing is at the destination that was not there before.
    pub(crate) fn commit(self) -> Result<(), WriteError> {
        let Self { path, overwrite, temporary } = self;
        match temporary {
            Temporary::File(file) => {
                let renamed = if overwrite { file.persist(&path) } else { file.persist_noclobber(&path) };
                match renamed {
                    Ok(_) => Ok(()),
                    Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                        Err(WriteError::Exists { path })
                    }
                    Err(error) => Err(WriteError::io(&path, error.error)),
                }
            }
            Temporary::Directory(directory) => commit_directory(directory, &path, overwrite),
        }
    }
}

/// Renames a directory. A dataset that is there changes places with the new one in one step, and is then removed with the
/// temporary name that it has got.
fn commit_directory(directory: TempDir, path: &Path, overwrite: bool) -> Result<(), WriteError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    let replaced = overwrite && path.symlink_metadata().is_ok();
    // Looked at again: it may have got a neighbour's file while this run went on.
    if replaced && !index::is_dataset(path) && std::fs::remove_dir(path).is_err() {
        return Err(invalid(path, "it has changed while the dataset was written"));
    }
    if overwrite && path.symlink_metadata().is_ok() {
        return match renameat_with(CWD, directory.path(), CWD, path, RenameFlags::EXCHANGE) {
            Ok(()) => {
                // The new one is there. Where the old one cannot go, as on NFS while it is read, the next run names it.
                let _ = directory.close();
                Ok(())
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => replace_in_two_steps(directory, path),
            Err(reason) => Err(WriteError::io(path, reason.into())),
        };
    }
    // A rename replaces an empty directory, and nothing else.
    match std::fs::rename(directory.path(), path) {
        Ok(()) => {
            // It has another name now; there is nothing left to remove.
            let _ = directory.keep();
            Ok(())
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists
            ) =>
        {
            Err(WriteError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(WriteError::io(path, error)),
    }
}

/// Puts a directory in the place of another where the file system cannot exchange names, as NFS: for a moment there is
/// nothing at `path`, and what was there has a temporary name.
fn replace_in_two_steps(directory: TempDir, path: &Path) -> Result<(), WriteError> {
    let failed = |reason| WriteError::io(path, reason);
    let mut builder = tempfile::Builder::new();
    let prefix = temporary_prefix(path.file_name().unwrap_or_default());
    builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX);
    let aside = builder.tempdir_in(directory_of(path)).map_err(|reason| failed(without_temporary_name(&reason)))?;
    std::fs::rename(path, aside.path()).map_err(failed)?;
    if let Err(reason) = std::fs::rename(directory.path(), path) {
        // Not removed, wherever it is then.
        let aside = aside.keep();
        std::fs::rename(aside, path).map_err(failed)?;
        return Err(failed(reason));
    }
    let _ = directory.keep();
    let _ = aside.close();
    Ok(())
}

/// How the names of temporary files for an output of this name begin: with the name, as far as there is room for it.
fn temporary_prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    if name.len() <= MOST_NAME_BYTES {
        prefix.push(name);
    } else {
        let mut short = name.to_string_lossy().into_owned();
        while short.len() > MOST_NAME_BYTES {
            short.pop();
        }
        prefix.push(short);
    }
    prefix.push(".");
    prefix
}

/// What is wrong with the directory of a temporary file: the error's own text has the name of the file, which nobody asked for.
pub(crate) fn without_temporary_name(error: &io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, "there is no such directory"),
        kind => kind.into(),
    }
}

/// Temporary files and directories that earlier runs for the output at `path` have left, by name: those of runs that were
/// killed, and those of runs that are under way. A run that ends by itself, or is interrupted, leaves none.
#[must_use]
pub fn leftovers(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name() else { return Vec::new() };
    let prefix = temporary_prefix(name);
    let is_temporary = |found: &OsStr| {
        let found = found.as_encoded_bytes();
        found.starts_with(prefix.as_encoded_bytes()) && found.ends_with(TEMPORARY_SUFFIX.as_bytes())
    };
    let entries = directory_of(path).read_dir().into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter(|entry| is_temporary(&entry.file_name())).map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn invalid(path: &Path, reason: &str) -> WriteError {
    WriteError::io(path, io::Error::new(io::ErrorKind::InvalidInput, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_takes_the_place_of_another_without_an_exchange() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("out");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("old"), "").unwrap();
        let new = tempfile::tempdir_in(parent.path()).unwrap();
        std::fs::write(new.path().join("new"), "").unwrap();
        replace_in_two_steps(new, &path).unwrap();
        assert_eq!((names(parent.path()), names(&path)), (vec!["out".to_owned()], vec!["new".to_owned()]));

        // What cannot be put there leaves what was there.
        let gone = tempfile::tempdir_in(parent.path()).unwrap();
        std::fs::remove_dir(gone.path()).unwrap();
        replace_in_two_steps(gone, &path).unwrap_err();
        assert_eq!((names(parent.path()), names(&path)), (vec!["out".to_owned()], vec!["new".to_owned()]));
    }

    #[test]
    fn names_of_temporary_files_have_room() {
        assert_eq!(temporary_prefix(OsStr::new("a.parquet")), OsStr::new(".a.parquet."));
        let long = "é".repeat(127);
        assert_eq!(temporary_prefix(OsStr::new(&long)).len(), MOST_NAME_BYTES + 2);
    }
}

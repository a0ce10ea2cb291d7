//! What may be written where, and how much of it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::archive::error::ArchiveError;
use crate::archive::{Member, names};

/// How many times as many bytes may come out of an archive as it has, once they are more than a gibibyte.
/// Tables of mostly blanks reach some 50; the densest zip of nothing but zeros 1,032.
pub const MAX_RATIO: u64 = 250;
/// So many bytes may come out of any archive.
const FREE_RATIO_BYTES: u64 = 1 << 30;
/// Bytes of the file system that are left to others.
const RESERVE: u64 = 64 << 20;
/// Bytes that are unpacked between two looks at the interruption.
const CHUNK_BYTES: usize = 1 << 18;
/// How the names of directories of unpacked members end, as those of all temporary files of parcelle do.
pub const TEMPORARY_SUFFIX: &str = ".parcelle-tmp";

/// A directory of unpacked members, which is removed when this is dropped.
#[derive(Debug)]
pub struct Unpacked {
    directory: TempDir,
}

impl Unpacked {
    /// The directory that stands for the archive.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// An unpacking that is under way.
pub(super) struct Unpacking<'a> {
    archive: &'a Path,
    into: &'a Path,
    members: &'a [Member],
    /// Where each member goes that is wanted.
    targets: Vec<Option<PathBuf>>,
    interrupt: &'a AtomicBool,
    buffer: Vec<u8>,
}

impl<'a> Unpacking<'a> {
    /// Checks what is wanted, and makes the directory.
    pub(super) fn start(
        archive: &'a Path,
        archive_bytes: u64,
        members: &'a [Member],
        wanted: &dyn Fn(&Member) -> bool,
        into: &'a Path,
        interrupt: &'a AtomicBool,
    ) -> Result<(Self, Unpacked), ArchiveError> {
        let paths = paths(archive, members, wanted)?;
        let chosen = members.iter().zip(&paths).filter(|(_, path)| path.is_some());
        let needed = chosen.fold(0u64, |sum, (member, _)| sum.saturating_add(member.bytes));
        check_size(archive, archive_bytes, needed, into)?;

        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(archive.file_name().unwrap_or_default());
        prefix.push(".");
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(TEMPORARY_SUFFIX)
            .tempdir_in(into)
            // The error's own text names the temporary directory, which nobody asked for.
            .map_err(|reason| match reason.kind() {
                ErrorKind::NotFound => std::io::Error::new(ErrorKind::NotFound, "there is no such directory"),
                kind => kind.into(),
            })
            .map_err(|reason| ArchiveError::io(into, reason))?;
        let targets = paths.into_iter().map(|path| path.map(|path| directory.path().join(path))).collect();
        let unpacking = Self { archive, into, members, targets, interrupt, buffer: vec![0; CHUNK_BYTES] };
        Ok((unpacking, Unpacked { directory }))
    }

    pub(super) fn archive(&self) -> &'a Path {
        self.archive
    }

    /// Whether the member is still to be written.
    pub(super) fn wants(&self, member: usize) -> bool {
        self.targets.get(member).is_some_and(Option::is_some)
    }

    /// # Errors
    /// [`ArchiveError::Interrupted`] once the flag is set.
    pub(super) fn check(&self) -> Result<(), ArchiveError> {
        if self.interrupt.load(Ordering::Relaxed) { Err(ArchiveError::Interrupted) } else { Ok(()) }
    }

    /// Writes a wanted member: its declared bytes, with its checksum (CRC-32) where there is one.
    pub(super) fn write(
        &mut self,
        member: usize,
        checksum: Option<u32>,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let Some((declared, target)) =
            self.members.get(member).zip(self.targets.get_mut(member).and_then(Option::take))
        else {
            return Ok(());
        };
        let io = |reason| ArchiveError::Write {
            archive: self.archive.to_owned(),
            member: declared.name.clone(),
            directory: self.into.to_owned(),
            reason,
        };
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        // Never through a link, nor over what is there.
        let file = File::create_new(&target).map_err(io)?;
        let mut file = BufWriter::with_capacity(CHUNK_BYTES, file);
        self.copy(declared, checksum, content, |bytes| file.write_all(bytes).map_err(io))?;
        file.flush().map_err(io)
    }

    /// Reads over a member, as far as the ones after it in the same block need it.
    pub(super) fn skip(&mut self, member: &Member, content: &mut dyn Read) -> Result<(), ArchiveError> {
        self.copy(member, None, content, |_| Ok(()))
    }

    fn copy(
        &mut self,
        member: &Member,
        checksum: Option<u32>,
        content: &mut dyn Read,
        mut sink: impl FnMut(&[u8]) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let (archive, interrupt) = (self.archive, self.interrupt);
        let wrong = || ArchiveError::Checksum { archive: archive.to_owned(), member: member.name.clone() };
        let failed = |reason: String| ArchiveError::member(archive, &member.name, reason);
        let (mut crc, mut produced) = (flate2::Crc::new(), 0u64);
        loop {
            if interrupt.load(Ordering::Relaxed) {
                return Err(ArchiveError::Interrupted);
            }
            let mismatch = |crc: &flate2::Crc| checksum.is_some_and(|checksum| crc.sum() != checksum);
            let count = match content.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                // Readers that compare checksums themselves do so after the last byte.
                Err(_) if produced == member.bytes && mismatch(&crc) => return Err(wrong()),
                Err(error) => return Err(failed(format!("after {produced} bytes: {error}"))),
            };
            let bytes = self.buffer.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                if produced != member.bytes {
                    return Err(failed(format!("it has {produced} bytes where {} are declared", member.bytes)));
                }
                return if mismatch(&crc) { Err(wrong()) } else { Ok(()) };
            }
            produced = produced.saturating_add(count as u64);
            if produced > member.bytes {
                return Err(failed(format!("it has more than the {} bytes that are declared", member.bytes)));
            }
            crc.update(bytes);
            sink(bytes)?;
        }
    }

    /// # Errors
    /// [`ArchiveError::Member`] where a wanted member did not come.
    pub(super) fn finish(self) -> Result<(), ArchiveError> {
        let missing = self.members.iter().zip(&self.targets).find(|(_, target)| target.is_some());
        match missing {
            Some((member, _)) => {
                Err(ArchiveError::member(self.archive, &member.name, "its bytes are not in the archive"))
            }
            None => Ok(()),
        }
    }
}

/// The path within the directory of each member that is wanted; an error where one cannot be written safely.
fn paths(
    archive: &Path,
    members: &[Member],
    wanted: &dyn Fn(&Member) -> bool,
) -> Result<Vec<Option<PathBuf>>, ArchiveError> {
    let archive = || archive.to_owned();
    let (mut files, mut directories) = (HashSet::new(), HashSet::new());
    let mut paths = Vec::with_capacity(members.len());
    for member in members {
        if member.is_directory || !wanted(member) {
            paths.push(None);
            continue;
        }
        let name = || member.name.clone();
        let path = names::relative(&member.name).map_err(|reason| ArchiveError::Name {
            archive: archive(),
            member: name(),
            reason,
        })?;
        if let Some(kind) = member.special {
            return Err(ArchiveError::Special { archive: archive(), member: name(), kind });
        }
        if member.encrypted {
            return Err(ArchiveError::Encrypted { archive: archive(), member: Some(name()) });
        }
        let folded = PathBuf::from(path.to_string_lossy().to_lowercase());
        let parents: Vec<PathBuf> =
            folded.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).map(Path::to_owned).collect();
        // A file may not be a directory at the same time either.
        let taken = directories.contains(&folded) || parents.iter().any(|parent| files.contains(parent));
        directories.extend(parents);
        if taken || !files.insert(folded) {
            return Err(ArchiveError::SameName { archive: archive(), member: Some(name()) });
        }
        paths.push(Some(path));
    }
    Ok(paths)
}

fn check_size(archive: &Path, packed: u64, needed: u64, into: &Path) -> Result<(), ArchiveError> {
    let archive = || archive.to_owned();
    if needed > FREE_RATIO_BYTES && needed / packed.max(1) >= MAX_RATIO {
        return Err(ArchiveError::Ratio { archive: archive(), packed, unpacked: needed, limit: MAX_RATIO });
    }
    // Where the system does not say, the writing itself will.
    let Ok(system) = rustix::fs::statvfs(into) else { return Ok(()) };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < needed.saturating_add(RESERVE) {
        return Err(ArchiveError::Space { archive: archive(), directory: into.to_owned(), needed, free });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded() {
        let (archive, here) = (Path::new("a.zip"), Path::new("."));
        check_size(archive, 100, 1 << 20, here).unwrap();
        check_size(archive, 100, u64::MAX, here).unwrap_err();
        let error = check_size(archive, 1 << 20, 1 << 30 | 1, here).unwrap_err();
        assert!(matches!(error, ArchiveError::Ratio { .. }), "{error}");
        let error = check_size(archive, 1 << 60, 1 << 62, here).unwrap_err();
        assert!(matches!(error, ArchiveError::Space { .. }), "{error}");
        assert!(error.to_string().contains("--temp-dir"));
    }
}

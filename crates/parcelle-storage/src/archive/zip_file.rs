//! Zip (PKWARE APPNOTE 6.3.10), with stored, deflated, deflate64, bzip2 and LZMA members.

use std::io::BufReader;
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, HasZipMetadata, ZipArchive};

use crate::archive::error::ArchiveError;
use crate::archive::unpack::Unpacking;
use crate::archive::volumes::Volumes;
use crate::archive::{MAX_MEMBERS, Member, names};

/// Bits of a Unix mode that say what a file is, and their values (`sys/stat.h`).
pub(super) const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_DIRECTORY: u32 = 0o040_000;
const MODE_LINK: u32 = 0o120_000;

/// Methods of compression that are read.
const METHODS: [CompressionMethod; 5] = [
    CompressionMethod::STORE,
    CompressionMethod::DEFLATE,
    CompressionMethod::DEFLATE64,
    CompressionMethod::BZIP2,
    CompressionMethod::LZMA,
];

/// A zip archive.
#[derive(Debug)]
pub(super) struct Zip {
    archive: ZipArchive<BufReader<Volumes>>,
}

impl Zip {
    pub(super) fn open(path: &Path, volumes: Volumes) -> Result<(Self, Vec<Member>), ArchiveError> {
        let archive = ZipArchive::new(BufReader::new(volumes)).map_err(|error| match error {
            ZipError::Io(reason) if reason.kind() != std::io::ErrorKind::UnexpectedEof => {
                ArchiveError::io(path, reason)
            }
            ZipError::UnsupportedArchive(what) => {
                ArchiveError::Method { archive: path.to_owned(), member: None, method: what.to_owned() }
            }
            ZipError::InvalidArchive(reason) if reason.contains("EOCD") => {
                ArchiveError::damaged(path, "the table of members, which is at its end, is not there")
            }
            error => ArchiveError::damaged(path, error),
        })?;
        let count = archive.len() as u64;
        if count > MAX_MEMBERS {
            return Err(ArchiveError::TooManyMembers { archive: path.to_owned(), members: count, limit: MAX_MEMBERS });
        }
        let mut members = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(|error| ArchiveError::damaged(path, error))?;
            let mode = entry.unix_mode();
            members.push(Member {
                name: names::with_slashes(&names::decoded(entry.name_raw())),
                bytes: entry.size(),
                compressed_bytes: Some(entry.compressed_size()),
                is_directory: entry.is_dir() || mode.is_some_and(|mode| mode & MODE_KIND == MODE_DIRECTORY),
                special: mode.and_then(special),
                encrypted: entry.get_metadata().is_encrypted(),
            });
        }
        // The names above are those that came last; what else had the same name is gone from the table.
        if archive.has_duplicate_names() {
            return Err(ArchiveError::SameName { archive: path.to_owned(), member: None });
        }
        Ok((Self { archive }, members))
    }

    pub(super) fn unpack(&mut self, unpacking: &mut Unpacking<'_>) -> Result<(), ArchiveError> {
        for index in (0..self.archive.len()).filter(|index| unpacking.wants(*index)).collect::<Vec<_>>() {
            unpacking.check()?;
            let path = unpacking.archive();
            let shown = |name: &[u8]| names::with_slashes(&names::decoded(name));
            let (name, method) = match self.archive.by_index_data(index) {
                Ok(entry) => (shown(entry.name_raw()), entry.compression()),
                Err(error) => return Err(ArchiveError::damaged(path, error)),
            };
            let unsupported =
                |method: String| ArchiveError::Method { archive: path.to_owned(), member: Some(name.clone()), method };
            if !METHODS.contains(&method) {
                return Err(unsupported(method.to_string()));
            }
            let mut entry = self.archive.by_index(index).map_err(|error| match error {
                ZipError::UnsupportedArchive(what) => unsupported(what.to_owned()),
                error => ArchiveError::member(path, &name, error),
            })?;
            let checksum = entry.crc32();
            unpacking.write(index, Some(checksum), &mut entry)?;
        }
        Ok(())
    }
}

/// What a mode says of something that is neither a file nor a directory.
pub(super) fn special(mode: u32) -> Option<&'static str> {
    match mode & MODE_KIND {
        0 | MODE_FILE | MODE_DIRECTORY => None,
        MODE_LINK => Some("symbolic link"),
        _ => Some("device, pipe or socket"),
    }
}

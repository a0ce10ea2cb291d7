//! 7z, with what 7-Zip writes without being told otherwise (LZMA, LZMA2, filters), BZip2 and PPMd.

use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use sevenz_rust2::{ArchiveEntry, BlockDecoder, Error, Password};

use crate::archive::error::ArchiveError;
use crate::archive::unpack::Unpacking;
use crate::archive::volumes::Volumes;
use crate::archive::{Member, names, zip_file};

/// Bytes of the signature header.
const START_BYTES: usize = 32;
/// Most memory, in KiB, for the table of members, some hundred bytes of which each takes. A hostile table that is all
/// members without names stays below 3 GB.
const TABLE_KIB: usize = 24 << 10;
/// Most memory, in KiB, for the dictionary of a decoder: what 7-Zip offers at most is 1.5 GiB.
const DICTIONARY_KIB: usize = (3 << 19) + (64 << 10);
/// Windows says by this attribute that the upper half of the attributes is a Unix mode.
const ATTRIBUTE_UNIX: u32 = 0x8000;
/// Windows says by this attribute that it is a link of some kind.
const ATTRIBUTE_REPARSE_POINT: u32 = 0x400;

/// A 7z archive.
#[derive(Debug)]
pub(super) struct SevenZip {
    archive: sevenz_rust2::Archive,
    source: BufReader<Volumes>,
}

impl SevenZip {
    pub(super) fn open(path: &Path, mut volumes: Volumes) -> Result<(Self, Vec<Member>), ArchiveError> {
        check_length(path, &mut volumes)?;
        let mut source = BufReader::with_capacity(1 << 18, volumes);
        let archive = sevenz_rust2::Archive::read_with_memory_limit(&mut source, &Password::empty(), TABLE_KIB)
            .map_err(|error| refused(path, None, error))?;
        let entries = archive.files.iter().enumerate();
        let members = entries.map(|(index, entry)| member(entry, archive.is_file_encrypted(index))).collect();
        Ok((Self { archive, source }, members))
    }

    pub(super) fn unpack(&mut self, unpacking: &mut Unpacking<'_>) -> Result<(), ArchiveError> {
        let path = unpacking.archive();
        // Names are unique among those that are wanted; the decoder does not say which number an entry has.
        let mut wanted: HashMap<&str, usize> = HashMap::new();
        for (index, entry) in self.archive.files.iter().enumerate() {
            if !unpacking.wants(index) {
                continue;
            }
            if entry.has_stream {
                wanted.insert(&entry.name, index);
            } else {
                unpacking.write(index, None, &mut std::io::empty())?;
            }
        }
        let password = Password::empty();
        for block in 0..self.archive.blocks.len() {
            unpacking.check()?;
            // One thread: more of them would hold whole streams of the archive in memory.
            let (threads, source) = (1, &mut self.source);
            let decoder =
                BlockDecoder::new_with_memory_limit(threads, DICTIONARY_KIB, block, &self.archive, &password, source);
            let is_wanted = |entry: &&ArchiveEntry| entry.has_stream && wanted.contains_key(entry.name.as_str());
            let mut left = decoder.entries().iter().filter(is_wanted).count();
            if left == 0 {
                continue;
            }
            let mut failure = None;
            let mut current = decoder.entries().first().map(|entry| entry.name.clone());
            let decoded = decoder.for_each_entries(&mut |entry, content| {
                if !entry.has_stream {
                    return Ok(true);
                }
                current = Some(entry.name.clone());
                let checksum = entry.has_crc.then(|| u32::try_from(entry.crc).ok()).flatten();
                let done = match wanted.get(entry.name.as_str()) {
                    Some(index) => {
                        left = left.saturating_sub(1);
                        unpacking.write(*index, checksum, content)
                    }
                    None => skip(entry, content, unpacking),
                };
                match done {
                    // What comes after the last one that is wanted need not be decoded.
                    Ok(()) => Ok(left > 0),
                    Err(error) => {
                        failure = Some(error);
                        Ok(false)
                    }
                }
            });
            if let Some(error) = failure {
                return Err(error);
            }
            decoded.map_err(|error| refused(path, current.as_deref(), error))?;
        }
        Ok(())
    }
}

/// Reads over an entry that others stand behind.
fn skip(entry: &ArchiveEntry, content: &mut dyn Read, unpacking: &mut Unpacking<'_>) -> Result<(), ArchiveError> {
    unpacking.skip(&member(entry, false), content)
}

fn member(entry: &ArchiveEntry, encrypted: bool) -> Member {
    let attributes = if entry.has_windows_attributes { entry.windows_attributes } else { 0 };
    let special = if attributes & ATTRIBUTE_UNIX != 0 {
        zip_file::special(attributes >> 16)
    } else {
        (attributes & ATTRIBUTE_REPARSE_POINT != 0).then_some("link")
    };
    Member {
        name: names::with_slashes(&entry.name),
        bytes: entry.size,
        // Members share a stream more often than not.
        compressed_bytes: None,
        // An anti-item stands for something to be deleted.
        is_directory: entry.is_directory || entry.is_anti_item,
        special,
        encrypted,
    }
}

/// Whether all of the archive is there: its last part is the table of members, whose place and length the first says.
fn check_length(path: &Path, volumes: &mut Volumes) -> Result<(), ArchiveError> {
    let found = volumes.length();
    let mut start = [0; START_BYTES];
    let filled = volumes.read_exact(&mut start).and_then(|()| volumes.seek(SeekFrom::Start(0)));
    if filled.is_err() {
        return Err(ArchiveError::CutOff { archive: path.to_owned(), found, needed: START_BYTES as u64 });
    }
    let number = |at: usize| {
        let bytes = start.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(u64::MAX, u64::from_le_bytes)
    };
    let needed = number(12).saturating_add(number(20)).saturating_add(START_BYTES as u64);
    if needed <= found {
        return Ok(());
    }
    let archive = path.to_owned();
    Err(match volumes.next_volume(path) {
        Some(volume) => ArchiveError::MissingVolume { archive, volume },
        None => ArchiveError::CutOff { archive, found, needed },
    })
}

/// What the decoder says.
fn refused(path: &Path, member: Option<&str>, error: Error) -> ArchiveError {
    let (archive, name) = (path.to_owned(), member.map(names::with_slashes));
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => ArchiveError::Encrypted { archive, member: name },
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            ArchiveError::Encrypted { archive, member: name }
        }
        Error::UnsupportedCompressionMethod(method) => ArchiveError::Method { archive, member: name, method },
        Error::Unsupported(what) => ArchiveError::Method { archive, member: name, method: what.into_owned() },
        Error::MaxMemLimited { max_kb, actaul_kb } => {
            let method = format!("it needs {} MB of memory, and {} are allowed", actaul_kb >> 10, max_kb >> 10);
            ArchiveError::Method { archive, member: name, method }
        }
        error => match name {
            Some(name) => ArchiveError::member(path, &name, error),
            None => ArchiveError::damaged(path, error),
        },
    }
}

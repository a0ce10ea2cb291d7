//! Archives: zip and 7z, as data are delivered in, and 7z in volumes.
//!
//! [`Archive::open`] reads the table of members; [`Archive::unpack`] writes those that are wanted into a hidden directory
//! that goes when it is dropped. An archive is known by name and content together: other formats are zip inside
//! (`.xlsx`, `.kmz`), and are none.
//!
//! Nothing is believed that an archive says of itself: names lead nowhere else, what a member may become is bounded by
//! what the archive declares, and that by the free space and by [`MAX_RATIO`]; lengths and checksums are compared.
//! What can be done about a refusal stands in its [`ArchiveError`].
//!
//! | module | is |
//! |---|---|
//! | `names` | encoding and harmlessness of names |
//! | `volumes` | files in a row as one stream |
//! | `zip_file`, `seven_zip` | the formats |
//! | `unpack` | limits, and the directory |

mod error;
mod names;
mod seven_zip;
#[cfg(test)]
mod tests;
mod unpack;
mod volumes;
mod zip_file;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use error::ArchiveError;
use unpack::Unpacking;
pub use unpack::{MAX_RATIO, TEMPORARY_SUFFIX, Unpacked};
use volumes::Volumes;

/// Most members of an archive; each takes some hundred bytes of memory before any is looked at.
pub const MAX_MEMBERS: u64 = 1_000_000;

/// First bytes of zip: a member, the end of an archive without members, and the mark of one in a single volume.
const ZIP_MAGIC: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x30\x30PK"];
/// First bytes of 7z.
const SEVEN_ZIP_MAGIC: &[u8] = &[b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C];

/// A file or directory in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path in the archive, with `/` between the parts.
    pub name: String,
    /// Its bytes once unpacked, as the archive declares them.
    pub bytes: u64,
    /// Its bytes in the archive; `None` where it is compressed together with others.
    pub compressed_bytes: Option<u64>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// What it is, where it is neither a file nor a directory.
    special: Option<&'static str>,
    encrypted: bool,
}

/// Whether the file is an archive to be unpacked: it is called `.zip`, `.7z` or `.7z.001`, and begins as one does.
#[must_use]
pub fn is_archive(path: &Path) -> bool {
    matches!((Format::of_name(path), head(path)), (Some(format), Ok(head)) if format.begins(&head))
}

/// Whether a name is that of an archive or of compressed data: something to be unpacked before it can be read.
#[must_use]
pub fn is_archive_name(name: &str) -> bool {
    const EXTENSIONS: [&str; 11] = ["zip", "7z", "rar", "tar", "gz", "tgz", "bz2", "xz", "zst", "lzma", "z"];
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    EXTENSIONS.contains(&extension.as_str()) || Format::of_name(path).is_some() || first_volume(path).is_some()
}

/// The format that a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Zip,
    SevenZip,
}

impl Format {
    fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        if name.ends_with(".zip") {
            Some(Self::Zip)
        } else if name.ends_with(".7z") || name.ends_with(".7z.001") {
            Some(Self::SevenZip)
        } else {
            None
        }
    }

    fn begins(self, head: &[u8]) -> bool {
        match self {
            Self::Zip => ZIP_MAGIC.iter().any(|magic| head.starts_with(magic)),
            Self::SevenZip => head.starts_with(SEVEN_ZIP_MAGIC),
        }
    }
}

/// The first volume of the 7z of which this is the name of a later one.
#[must_use]
pub fn first_volume(path: &Path) -> Option<PathBuf> {
    volumes::first_volume(path).filter(|first| Format::of_name(first).is_some())
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    // Opening a pipe would wait for its other end.
    if std::fs::metadata(path)?.is_file() {
        File::open(path)?.take(16).read_to_end(&mut head)?;
    }
    Ok(head)
}

/// An archive whose table of members has been read.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    bytes: u64,
    members: Vec<Member>,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Zip(zip_file::Zip),
    SevenZip(Box<seven_zip::SevenZip>),
}

impl Archive {
    /// Opens an archive if the name of the file is that of one; `None` where it is not, or no such file exists.
    ///
    /// # Errors
    /// [`ArchiveError`] where the file is not what its name says, not whole, or not the first volume.
    pub fn open_if_named(path: &Path) -> Result<Option<Self>, ArchiveError> {
        if !path.is_file() {
            return Ok(None);
        }
        if let Some(first) = first_volume(path) {
            return Err(ArchiveError::LaterVolume { path: path.to_owned(), first });
        }
        if Format::of_name(path).is_some() { Self::open(path).map(Some) } else { Ok(None) }
    }

    /// Opens the archive at `path`, with its further volumes beside it, and reads the table of members.
    ///
    /// # Errors
    /// [`ArchiveError`] where it is none, not whole, damaged, or encrypted with its names.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let head = head(path).map_err(|reason| ArchiveError::io(path, reason))?;
        let Some(format) = [Format::Zip, Format::SevenZip].into_iter().find(|format| format.begins(&head)) else {
            let found = if head.is_empty() { "nothing".to_owned() } else { format!("{:?}", names::decoded(&head)) };
            return Err(ArchiveError::NotAnArchive { path: path.to_owned(), found });
        };
        let volumes = Volumes::open(path)?;
        let bytes = volumes.length();
        let (contents, members) = guarded(path, || match format {
            Format::Zip => zip_file::Zip::open(path, volumes).map(|(zip, members)| (Contents::Zip(zip), members)),
            Format::SevenZip => {
                let opened = seven_zip::SevenZip::open(path, volumes);
                opened.map(|(seven_zip, members)| (Contents::SevenZip(Box::new(seven_zip)), members))
            }
        })?;
        if members.len() as u64 > MAX_MEMBERS {
            let (archive, members) = (path.to_owned(), members.len() as u64);
            return Err(ArchiveError::TooManyMembers { archive, members, limit: MAX_MEMBERS });
        }
        Ok(Self { path: path.to_owned(), bytes, members, contents })
    }

    /// The archive: its first volume.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its members, in its own order.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Writes the files that are wanted into a new hidden directory within `into`, under their names in the archive, with
    /// the permissions that any new file gets. Directories come with their files. Archives within are files like others.
    ///
    /// # Errors
    /// [`ArchiveError`]; what was written is removed again.
    pub fn unpack(
        &mut self,
        wanted: &dyn Fn(&Member) -> bool,
        into: &Path,
        interrupt: &AtomicBool,
    ) -> Result<Unpacked, ArchiveError> {
        let Self { path, bytes, members, contents } = self;
        let (mut unpacking, unpacked) = Unpacking::start(path, *bytes, members, wanted, into, interrupt)?;
        guarded(path, || match contents {
            Contents::Zip(zip) => zip.unpack(&mut unpacking),
            Contents::SevenZip(seven_zip) => seven_zip.unpack(&mut unpacking),
        })?;
        unpacking.finish()?;
        Ok(unpacked)
    }
}

/// A decoder that gives up in the middle of damaged bytes is an error like others.
fn guarded<T>(archive: &Path, action: impl FnOnce() -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
    crate::guarded(action).unwrap_or_else(|unwound| Err(ArchiveError::damaged(archive, unwound)))
}

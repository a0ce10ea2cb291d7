//! Why an archive was not unpacked.

use std::io;
use std::path::{Path, PathBuf};

/// Why an archive, or a member of it, was not unpacked. Nothing of it is left on the disk then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The name says archive, the bytes do not.
    #[error(
        "{}: named like an archive, but its content is not one (it begins with {found}): get it again from its source; a \
         server's page about an error may have been saved in its place",
        .path.display()
    )]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// A later volume was given in place of the first.
    #[error("{}: not the first volume of its archive: give {}", .path.display(), .first.display())]
    LaterVolume {
        /// What was given.
        path: PathBuf,
        /// The first volume.
        first: PathBuf,
    },
    /// A volume of a divided archive is not there.
    #[error("{}: volume {} is missing: put all volumes into one directory", .archive.display(), .volume.display())]
    MissingVolume {
        /// The first volume.
        archive: PathBuf,
        /// The missing one.
        volume: PathBuf,
    },
    /// The archive ends too early.
    #[error(
        "{}: the archive is cut off: it has {found} bytes, and should have {needed}; get it again from its source",
        .archive.display()
    )]
    CutOff {
        /// The archive.
        archive: PathBuf,
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        needed: u64,
    },
    /// The archive does not follow its format.
    #[error("{}: the archive is damaged or incomplete: {reason}; get it again from its source", .archive.display())]
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes of a member cannot be unpacked.
    #[error(
        "{}/{member}: cannot be unpacked: {reason}; the archive is damaged or incomplete, get it again from its source",
        .archive.display()
    )]
    Member {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was unpacked is not what was packed.
    #[error(
        "{}/{member}: its checksum is wrong, so the archive is damaged: get it again from its source",
        .archive.display()
    )]
    Checksum {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: String,
    },
    /// A password is needed.
    #[error("{}: encrypted: unpack it with its password, and convert the result", shown(.archive, .member.as_deref()))]
    Encrypted {
        /// The archive.
        archive: PathBuf,
        /// The member; `None` where even the names are encrypted.
        member: Option<String>,
    },
    /// A way of compressing that is not supported.
    #[error(
        "{}: compressed by a method that is not supported ({method}): unpack it with another program, such as 7-Zip, and \
         convert the result",
        shown(.archive, .member.as_deref())
    )]
    Method {
        /// The archive.
        archive: PathBuf,
        /// The member; `None` for the table of members.
        member: Option<String>,
        /// The method.
        method: String,
    },
    /// A member that would be written to a place outside.
    #[error(
        "{}: the member {member:?} is refused: {reason}. An honest archive has none such; where you trust it, unpack it \
         with another program, and convert the result",
        .archive.display()
    )]
    Name {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: String,
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// Two members that would be one file.
    #[error(
        "{}: two members have {}: unpack it with another program, and convert the result",
        .archive.display(),
        same_name(.member.as_deref())
    )]
    SameName {
        /// The archive.
        archive: PathBuf,
        /// The member; `None` where the format gives only the last of them.
        member: Option<String>,
    },
    /// A link, device or pipe.
    #[error("{}/{member}: a {kind}, which is not unpacked: put the file itself into the archive", .archive.display())]
    Special {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: String,
        /// What it is.
        kind: &'static str,
    },
    /// More members than anyone means.
    #[error(
        "{}: the archive has {members} members, more than the {limit} that are read: unpack what is needed with another \
         program, and convert that",
        .archive.display()
    )]
    TooManyMembers {
        /// The archive.
        archive: PathBuf,
        /// How many it has.
        members: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The archive would grow beyond what data do.
    #[error(
        "{}: {unpacked} bytes would come out of {packed}, more than {limit} times as many, which data hardly do: where you \
         trust the archive, unpack it with another program, and convert the result",
        .archive.display()
    )]
    Ratio {
        /// The archive.
        archive: PathBuf,
        /// Its bytes.
        packed: u64,
        /// Bytes that would be written.
        unpacked: u64,
        /// How many times as many there may be.
        limit: u64,
    },
    /// The disk is too small.
    #[error(
        "{}: unpacking needs {} MB in {}, and {} MB are free there: choose another directory (--temp-dir)",
        .archive.display(), .needed.div_ceil(1_000_000), .directory.display(), .free / 1_000_000
    )]
    Space {
        /// The archive.
        archive: PathBuf,
        /// Where.
        directory: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A member cannot be written.
    #[error("{}/{member}: cannot be unpacked into {}: {reason}", .archive.display(), .directory.display())]
    Write {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: String,
        /// Where.
        directory: PathBuf,
        /// What the operating system says.
        #[source]
        reason: io::Error,
    },
    /// The operating system refuses.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it says.
        #[source]
        reason: io::Error,
    },
    /// Stopped from another thread.
    #[error("interrupted")]
    Interrupted,
}

fn same_name(member: Option<&str>) -> String {
    member.map_or_else(
        || "the same name".to_owned(),
        |member| format!("the name {member:?}, or names that differ in the case of letters only"),
    )
}

impl ArchiveError {
    pub(super) fn io(path: &Path, reason: io::Error) -> Self {
        Self::Io { path: path.to_owned(), reason }
    }

    pub(super) fn damaged(archive: &Path, reason: impl ToString) -> Self {
        Self::Damaged { archive: archive.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn member(archive: &Path, member: &str, reason: impl ToString) -> Self {
        Self::Member { archive: archive.to_owned(), member: member.to_owned(), reason: reason.to_string() }
    }
}

/// An archive, or a member as a path within it.
fn shown(archive: &Path, member: Option<&str>) -> String {
    match member {
        Some(member) => format!("{}/{member}", archive.display()),
        None => archive.display().to_string(),
    }
}

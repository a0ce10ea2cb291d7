//! The file of a GeoPackage: recognising it, connections to it, and whether it has changed.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::ffi::ErrorCode;
use rusqlite::{Connection, OpenFlags};

use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};

/// First bytes of every SQLite 3 database (SQLite file format, section 1.3.1).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Values of the header's application id that say GeoPackage (OGC 12-128r18, requirement 2; `GP10` and `GP11` before 1.2).
const APPLICATION_IDS: [&[u8; 4]; 3] = [b"GPKG", b"GP10", b"GP11"];

/// Whether the file is a GeoPackage, by its content: the application id, or else the table `gpkg_contents`.
pub(crate) fn is_geopackage(path: &Path) -> Result<bool, SourceError> {
    let unreadable =
        |error: std::io::Error| SourceError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Ok(false);
    }
    let header = header(path).map_err(unreadable)?;
    if !header.starts_with(SQLITE_MAGIC) {
        return Ok(false);
    }
    if header.get(68..72).is_some_and(|id| APPLICATION_IDS.iter().any(|known| *known == id)) {
        return Ok(true);
    }
    let database = Database::open(path)?;
    let connection = database.connect()?;
    // A database that cannot be read at all is left to other readers: it did not say it was a GeoPackage.
    let found = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'gpkg_contents'", [], |row| row.get::<_, i64>(0));
    Ok(found.is_ok_and(|count| count > 0))
}

/// The first 100 bytes, or fewer if there are not so many.
pub(crate) fn header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(100);
    File::open(path)?.take(100).read_to_end(&mut header)?;
    Ok(header)
}

/// The size that the header says the database has (SQLite file format, sections 1.3.2 and 1.3.7); `None` where a writer
/// did not keep it up to date. SQLite itself reads what a cut last page lacks as zeros.
fn declared_bytes(header: &[u8]) -> Option<u64> {
    let number = |offset: usize| Some(u32::from_be_bytes(*header.get(offset..)?.first_chunk()?));
    let page_size = match u16::from_be_bytes(*header.get(16..)?.first_chunk()?) {
        1 => 65_536,
        size => u64::from(size),
    };
    let (change_counter, valid_for, pages) = (number(24)?, number(92)?, u64::from(number(28)?));
    (change_counter == valid_for && pages > 0).then_some(pages * page_size)
}

/// A database file as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    uri: String,
    fingerprint: Fingerprint,
    /// Whether a journal beside the file says that another program has it open for writing, or left in the middle of it.
    pub(crate) live: bool,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let unreadable = |error: std::io::Error| unreadable(path, &error);
        let fingerprint = Fingerprint::of(path)?;
        let beside = |suffix: &str| {
            let mut name = OsString::from(path);
            name.push(suffix);
            std::fs::metadata(name).is_ok_and(|metadata| metadata.len() > 0)
        };
        let live = beside("-wal") || beside("-journal");
        if !live
            && let Some(declared) = declared_bytes(&header(path).map_err(unreadable)?)
            && declared > fingerprint.bytes()
        {
            let reason = format!("it is cut off: it has {} bytes of {declared}", fingerprint.bytes());
            return Err(SourceError::Damaged { path: path.to_owned(), reason });
        }
        // A file that nobody writes to needs no locks; SQLite must be told, as it cannot know.
        let uri = format!("{}?mode=ro{}", file_uri(path).map_err(unreadable)?, if live { "" } else { "&immutable=1" });
        Ok(Self { path: path.to_owned(), uri, fingerprint, live })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.fingerprint.bytes()
    }

    /// A connection for one thread.
    pub(crate) fn connect(&self) -> Result<Connection, SourceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connect = || {
            let connection = Connection::open_with_flags(&self.uri, flags)?;
            // The schema of a file from elsewhere may not call functions with side effects (SQLite, "Defense Against The
            // Dark Arts"). Pages are read, not mapped: with two readers of 3 million rows both take the same processor
            // time, a map counts as memory of this process, and a file that is cut short meanwhile would crash it.
            connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
            Ok(connection)
        };
        connect().map_err(|error| self.error(&error))
    }

    /// Keeps writers out for as long as the connection lives, by the shared lock of a transaction (SQLite, "File Locking
    /// And Concurrency"); `None` where the file system has no locks. A lock may also be lost, when another part of
    /// this process closes the file (POSIX): [`Self::verify_unchanged`] is still needed after reading.
    pub(crate) fn lock(&self) -> Result<Option<Connection>, SourceError> {
        let lock = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(self.uri.replace("&immutable=1", ""), flags)?;
            connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; BEGIN")?;
            connection.query_row("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", [], |_| Ok(()))?;
            Ok::<_, rusqlite::Error>(connection)
        };
        match lock() {
            Ok(connection) => Ok(Some(connection)),
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ReadOnly)
                ) =>
            {
                // Whoever has it may be writing the change that reading would have to notice.
                self.verify_unchanged()?;
                Err(self.error(&error))
            }
            Err(_) => Ok(None),
        }
    }

    /// Refuses a file that is not the one that was opened any more. Without locks this is how a change is noticed.
    pub(crate) fn verify_unchanged(&self) -> Result<(), SourceError> {
        // A live database may change: it is read within one transaction, which sees none of that.
        if self.live { Ok(()) } else { self.fingerprint.verify(&self.path) }
    }

    /// What an error of SQLite means for this file.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> SourceError {
        let path = self.path.clone();
        let reason = match error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                let text = message.clone().unwrap_or_else(|| failure.to_string());
                match failure.code {
                    ErrorCode::CannotOpen | ErrorCode::ReadOnly if self.live => {
                        let reason = format!(
                            "{text}. Another program has it open, or stopped while writing to it: close that program, or \
                             open the file with it once so that it can finish"
                        );
                        return SourceError::Database { path, reason };
                    }
                    ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                        let reason =
                            format!("{text}. Another program is writing to it: close that program, or try later");
                        return SourceError::Database { path, reason };
                    }
                    ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::AuthorizationForStatementDenied
                    | ErrorCode::OutOfMemory => return SourceError::Database { path, reason: text },
                    // What is left to go wrong in reading is the content of the file: pages, tables or columns that are
                    // not what they should be.
                    _ => text,
                }
            }
            other => other.to_string(),
        };
        SourceError::Damaged { path, reason }
    }
}

/// The path as a `file:` URI with everything escaped that could be taken for its syntax (RFC 3986).
fn file_uri(path: &Path) -> std::io::Result<String> {
    let path = std::path::absolute(path)?;
    let mut uri = String::from("file:");
    #[cfg(windows)]
    uri.push('/');
    for byte in path_bytes(&path) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                uri.push(char::from(byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(uri)
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(not(unix))]
fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().replace('\\', "/").into_bytes()
}

/// A name as SQL: in double quotes, with those inside it doubled.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

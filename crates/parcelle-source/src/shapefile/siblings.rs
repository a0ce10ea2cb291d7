//! Files of the same name in a directory.
//!
//! Whether a Shapefile has a `.CPG` in some other case of letters can only be seen by listing its directory. With thousands
//! of Shapefiles in one, doing that for each of them would take longer than reading them, so the last listings are kept.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::files::stem;
use crate::error::SourceError;
use crate::fingerprint::unreadable;

/// Listings that are kept.
const KEPT: usize = 4;

/// A directory that changed less than this before it was listed may change again without another time of change, and its
/// listing is not kept.
const SETTLED: Duration = Duration::from_secs(2);

static LISTINGS: Mutex<Vec<Arc<Listing>>> = Mutex::new(Vec::new());

/// What a directory has.
#[derive(Debug)]
struct Listing {
    /// Device, inode and time of change of the directory.
    identity: (u64, u64, i64, i64),
    /// By name in lower case.
    entries: HashMap<String, Vec<PathBuf>>,
}

impl Listing {
    fn of(directory: &Path) -> Result<Arc<Self>, SourceError> {
        let failed = |error: std::io::Error| unreadable(directory, &error);
        let metadata = directory.metadata().map_err(failed)?;
        let identity = (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        let lock = || LISTINGS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().iter().find(|listing| listing.identity == identity) {
            return Ok(Arc::clone(kept));
        }
        let settled = metadata.modified().is_ok_and(|modified| modified + SETTLED < SystemTime::now());
        let mut entries: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for entry in directory.read_dir().map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            entries.entry(name).or_default().push(path);
        }
        let listing = Arc::new(Self { identity, entries });
        if settled {
            let mut kept = lock();
            if kept.len() >= KEPT {
                kept.remove(0);
            }
            kept.push(Arc::clone(&listing));
        }
        Ok(listing)
    }
}

/// The file beside another that has its name but for the extension, in any case of letters; one whose name is spelt the same
/// comes before others.
pub(super) fn sibling(path: &Path, extension: &str) -> Result<Option<PathBuf>, SourceError> {
    let exact = path.with_extension(extension);
    if exact.is_file() {
        return Ok(Some(exact));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let wanted = stem(path);
    let listing = Listing::of(directory)?;
    let alike = listing.entries.get(&format!("{}.{extension}", wanted.to_lowercase()));
    let mut found: Vec<PathBuf> = alike.into_iter().flatten().map(|listed| in_directory(path, listed)).collect();
    found.retain(|candidate| candidate.is_file());
    found.sort_by_key(|candidate| (stem(candidate) != wanted, candidate.clone()));
    Ok(found.into_iter().next())
}

/// A file of the directory of another, spelt as that one is: the listing may have been made by another way there.
fn in_directory(path: &Path, listed: &Path) -> PathBuf {
    path.with_file_name(listed.file_name().unwrap_or_default())
}

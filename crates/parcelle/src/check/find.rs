//! Which files a path stands for.

use std::path::{Path, PathBuf};

use parcelle_report::Unexamined;
use walkdir::WalkDir;

use super::Profile;

/// A file to examine, or why there is none.
pub(super) type Found = Result<PathBuf, Unexamined>;

/// Endings of GeoTIFFs.
const TIFF_ENDINGS: [&str; 3] = ["tif", "tiff", "gtiff"];

/// The file itself, or below a directory the rasters that the profiles in force have rules for, ordered by path.
pub(super) fn files(path: &Path, profiles: &[Profile]) -> Vec<Found> {
    if let Some(scheme) = remote_scheme(path) {
        return vec![Err(unexamined(
            path,
            format!("files behind {scheme}:// cannot be read yet"),
            "download the file and check the copy",
        ))];
    }
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let mut found = Vec::new();
    // Data directories are full of links; the walker follows them and notices loops.
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() && wanted(entry.path(), profiles) => {
                found.push(Ok(entry.into_path()));
            }
            Ok(_) => {}
            Err(error) => {
                let place = error.path().unwrap_or(path).to_owned();
                let reason = error.to_string();
                found.push(Err(unexamined(&place, reason, "check the permissions and links of the directory")));
            }
        }
    }
    if found.is_empty() {
        found.push(Err(unexamined(
            path,
            "no file in this directory has the ending of a GeoTIFF (.tif, .tiff, .gtiff) or VRT (.vrt) to check"
                .to_owned(),
            "name the files themselves, whatever their ending",
        )));
    }
    found
}

pub(super) fn unexamined(path: &Path, reason: String, hint: &str) -> Unexamined {
    Unexamined { path: path.display().to_string(), reason, hint: hint.to_owned() }
}

fn wanted(path: &Path, profiles: &[Profile]) -> bool {
    profiles.iter().any(|profile| match profile {
        Profile::Cog => is_named_tiff(path),
        Profile::Geoserver(_) => is_named_tiff(path) || ends_with(path, "vrt"),
        Profile::Vrt => ends_with(path, "vrt"),
    })
}

pub(super) fn is_named_tiff(path: &Path) -> bool {
    TIFF_ENDINGS.iter().any(|ending| ends_with(path, ending))
}

pub(super) fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// The scheme of a URL, such as `https`.
fn remote_scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let valid = !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+');
    valid.then_some(scheme)
}

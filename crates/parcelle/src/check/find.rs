//! Which files a path stands for.

use std::path::{Path, PathBuf};

use parcelle_report::{FileKind, Unexamined};
use walkdir::WalkDir;

use super::Profile;

/// A file to examine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// On a file system of this machine.
    Local(PathBuf),
    /// Behind a URL.
    #[cfg(feature = "http")]
    Remote(String),
}

/// A file to examine, or why there is none.
pub(super) type Found = Result<Place, Unexamined>;

/// Endings of GeoTIFFs.
const TIFF_ENDINGS: [&str; 3] = ["tif", "tiff", "gtiff"];

/// Endings of GeoParquet files. The second one should not be used, and is.
const PARQUET_ENDINGS: [&str; 2] = ["parquet", "geoparquet"];

/// The file itself, or below a directory the files that the profiles in force have rules for, ordered by path.
pub(super) fn files(path: &Path, profiles: &[Profile]) -> Vec<Found> {
    if let Some(url) = remote(path) {
        return vec![open_later(url)];
    }
    if !path.is_dir() {
        return vec![Ok(Place::Local(path.to_owned()))];
    }
    let mut found = Vec::new();
    // Data directories are full of links; the walker follows them and notices loops.
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() && wanted(entry.path(), profiles) => {
                found.push(Ok(Place::Local(entry.into_path())));
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
            nothing_there(profiles),
            "name the files themselves, whatever their ending, or leave --profile out",
        )));
    }
    found
}

/// What is said of a directory without files for the profiles in force.
fn nothing_there(profiles: &[Profile]) -> String {
    let kinds = [
        (FileKind::Geotiff, "a GeoTIFF (.tif, .tiff, .gtiff)"),
        (FileKind::Vrt, "a VRT (.vrt)"),
        (FileKind::Geoparquet, "a GeoParquet file (.parquet, .geoparquet)"),
    ];
    let judged = kinds.into_iter().filter(|(kind, _)| profiles.iter().any(|profile| profile.judges(*kind)));
    let judged: Vec<&str> = judged.map(|(_, name)| name).collect();
    let listed = match judged.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        others => others.concat(),
    };
    format!("no file in this directory has the ending of {listed} to check")
}

pub(super) fn unexamined(path: &Path, reason: String, hint: &str) -> Unexamined {
    Unexamined { path: path.display().to_string(), reason, hint: hint.to_owned() }
}

fn wanted(path: &Path, profiles: &[Profile]) -> bool {
    profiles.iter().any(|profile| {
        (profile.judges(FileKind::Geotiff) && is_named_tiff(path))
            || (profile.judges(FileKind::Vrt) && (ends_with(path, "vrt") || is_named_streamed(path)))
            || (profile.judges(FileKind::Geoparquet) && is_named_parquet(path))
    })
}

/// A GDALG: what stands where a VRT stood.
fn is_named_streamed(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_lowercase().ends_with(".gdalg.json"))
}

pub(super) fn is_named_tiff(path: &Path) -> bool {
    TIFF_ENDINGS.iter().any(|ending| ends_with(path, ending))
}

pub(super) fn is_named_parquet(path: &Path) -> bool {
    PARQUET_ENDINGS.iter().any(|ending| ends_with(path, ending))
}

pub(super) fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// The URL that a path is, as it is or behind the name that GDAL has for it (`/vsicurl/https://…`, `/vsis3/bucket/key`).
fn remote(path: &Path) -> Option<String> {
    const GDAL: [(&str, &str); 4] =
        [("/vsicurl/", ""), ("/vsis3/", "s3://"), ("/vsigs/", "gs://"), ("/vsiaz/", "az://")];
    let text = path.to_str()?;
    let behind = GDAL.iter().find_map(|(prefix, scheme)| Some(format!("{scheme}{}", text.strip_prefix(prefix)?)));
    let url = behind.unwrap_or_else(|| text.to_owned());
    let (scheme, _) = url.split_once("://")?;
    let valid = !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+');
    // A file of this machine may have such a name, too.
    (valid && path.symlink_metadata().is_err()).then_some(url)
}

#[cfg(feature = "http")]
#[expect(clippy::unnecessary_wraps, reason = "without a client it is refused")]
fn open_later(url: String) -> Found {
    Ok(Place::Remote(url))
}

#[cfg(not(feature = "http"))]
fn open_later(url: String) -> Found {
    // Whatever may be a secret in it is not shown; nothing here knows the rest of it.
    let scheme = url.split("://").next().unwrap_or_default();
    Err(unexamined(
        Path::new(&format!("{scheme}://…")),
        "this build of parcelle has no client for URLs".to_owned(),
        "download the file and check the copy, or build with the feature http",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for (path, url) in [
            ("https://h/a.tif", Some("https://h/a.tif")),
            ("/vsicurl/https://h/a.tif", Some("https://h/a.tif")),
            ("/vsis3/bucket/a.tif", Some("s3://bucket/a.tif")),
            ("gs://b/a.tif", Some("gs://b/a.tif")),
            ("/vsizip/a.zip/a.tif", None),
            ("dir/a.tif", None),
            ("a b://c", None),
            ("://c", None),
        ] {
            assert_eq!(remote(Path::new(path)).as_deref(), url, "{path}");
        }
    }
}

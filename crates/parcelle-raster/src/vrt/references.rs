//! Where the files that a VRT names are looked for, as GDAL does it.

use std::io;
use std::path::{Path, PathBuf};

use super::model::FileReference;

/// Where GDAL looks for a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine, at a path that does not depend on where the server was started.
    Local(PathBuf),
    /// In the working directory of the process that opens it; the path is where it would be beside the VRT.
    WorkingDirectory(PathBuf),
    /// A path of Windows.
    Windows,
    /// On a network, in an archive, in a database: a virtual file system, a URL, a connection string.
    Elsewhere,
    /// Nowhere: no name is given.
    Nowhere,
    /// At a name whose bytes are not UTF-8.
    Illegible,
}

/// The directory that relative paths start from: the one of the VRT, or of what it links to
/// (`frmts/vrt/vrtdataset.cpp`, `VRTDataset::Open`).
pub(crate) fn directory_of(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // The system itself follows no more links than about that.
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    path.parent().unwrap_or(Path::new("")).to_path_buf()
}

/// Tells where a source is looked for, seen from the directory of the VRT; `process` is the working directory of the
/// server, where it is known.
pub(crate) fn place_of(reference: &FileReference, directory: &Path, process: Option<&Path>) -> Place {
    let path = &*reference.path;
    if path.is_empty() {
        return Place::Nowhere;
    }
    if path.contains('\u{FFFD}') {
        return Place::Illegible;
    }
    let relative = reference.is_relative_to_vrt();
    if is_elsewhere(path) {
        // A colon may also stand in the name of a file.
        let may_be_file = !path.starts_with("/vsi") && relative;
        let beside = may_be_file.then(|| directory.join(path)).filter(|beside| exists(beside).is_ok());
        return beside.map_or(Place::Elsewhere, Place::Local);
    }
    let beside = directory.join(path);
    if is_windows(path) {
        // On other systems a backslash may stand in the name of a file.
        let is_file = cfg!(not(windows)) && exists(&beside).is_ok();
        return if is_file { Place::Local(beside) } else { Place::Windows };
    }
    if path.starts_with('/') || relative {
        return Place::Local(beside);
    }
    let found = process.map(|process| process.join(path)).filter(|path| exists(path).is_ok());
    found.map_or(Place::WorkingDirectory(beside), Place::Local)
}

fn is_windows(path: &str) -> bool {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    drive || path.contains('\\')
}

fn is_elsewhere(path: &str) -> bool {
    if path.starts_with("/vsi") || path.starts_with('<') || path.starts_with('{') {
        return true;
    }
    let prefix = path.split(['/', '\\']).next().unwrap_or_default().split_once(':').map(|(prefix, _)| prefix);
    prefix.is_some_and(is_prefix)
}

/// Whether a word before a colon may be the prefix of a driver or the scheme of a URL.
pub(crate) fn is_prefix(word: &str) -> bool {
    let mut characters = word.bytes();
    word.len() > 1
        && characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-' | b'.'))
}

/// Why a path leads to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// There is nothing at that path.
    Missing,
    /// The directory that should hold it is missing itself.
    MissingDirectory,
    /// The permissions of this process do not let it look.
    Forbidden,
}

/// Whether there is anything at a path: one question to the file system, nothing is opened.
pub(crate) fn exists(path: &Path) -> Result<(), Absence> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Absence::Forbidden),
        Err(_) => match path.parent().filter(|parent| !parent.as_os_str().is_empty()).map(std::fs::metadata) {
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(Absence::MissingDirectory),
            _ => Err(Absence::Missing),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str, relative: Option<&str>) -> Place {
        let reference = FileReference {
            path: path.into(),
            relative_to_vrt: relative.map(super::super::model::short),
            relative_by_default: false,
            shared: None,
            line: 1,
        };
        place_of(&reference, Path::new("/data"), None)
    }

    #[test]
    fn paths_are_told_apart() {
        let local = |path: &str| Place::Local(PathBuf::from(path));
        assert_eq!(place("src/a.tif", Some("1")), local("/data/src/a.tif"));
        assert_eq!(place("src/a.tif", None), Place::WorkingDirectory("/data/src/a.tif".into()));
        assert_eq!(place("/x/a.tif", None), local("/x/a.tif"));
        assert_eq!(place("/x/a.tif", Some("1")), local("/x/a.tif"));
        assert_eq!(place("", Some("1")), Place::Nowhere);
        assert_eq!(place("\u{FFFD}.tif", Some("1")), Place::Illegible);
        for windows in ["C:\\a.tif", "c:/a.tif", "\\\\nas\\a.tif", "src\\a.tif", "..\\a:b.tif"] {
            assert_eq!(place(windows, Some("1")), Place::Windows, "{windows}");
        }
        for elsewhere in [
            "/vsicurl/https://x/a.tif",
            "https://x/a.tif",
            "PG:dbname=x",
            "NETCDF:\"a.nc\":v",
            "MEM:::DATAPOINTER=1",
            "vrt://a.tif?bands=1",
            "GTIFF_DIR:1:a.tif",
            "<VRTDataset/>",
        ] {
            assert_eq!(place(elsewhere, None), Place::Elsewhere, "{elsewhere}");
        }
        assert_eq!(place("a b: c.tif", Some("1")), local("/data/a b: c.tif"));
    }

    #[test]
    fn the_working_directory_of_the_server_may_be_known() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.tif"), "").unwrap();
        let place = |path: &str| {
            let reference = FileReference {
                path: path.into(),
                relative_to_vrt: None,
                relative_by_default: false,
                shared: None,
                line: 1,
            };
            place_of(&reference, Path::new("/data"), Some(directory.path()))
        };
        assert_eq!(place("a.tif"), Place::Local(directory.path().join("a.tif")));
        assert_eq!(place("b.tif"), Place::WorkingDirectory("/data/b.tif".into()));
    }

    #[test]
    fn absence_has_a_reason() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(exists(directory.path()), Ok(()));
        assert_eq!(exists(&directory.path().join("a")), Err(Absence::Missing));
        assert_eq!(exists(&directory.path().join("a/b")), Err(Absence::MissingDirectory));
        assert_eq!(exists(Path::new("a\0b")), Err(Absence::Missing));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_to_the_directory_of_its_target() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("real")).unwrap();
        std::fs::write(directory.path().join("real/a.vrt"), "").unwrap();
        let link = directory.path().join("link.vrt");
        std::os::unix::fs::symlink("real/a.vrt", &link).unwrap();
        assert_eq!(directory_of(&link), directory.path().join("real"));
        let circle = directory.path().join("circle.vrt");
        std::os::unix::fs::symlink("circle.vrt", &circle).unwrap();
        assert_eq!(directory_of(&circle), directory.path());
    }
}

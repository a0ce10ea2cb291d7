//! An archive as the input: which member is meant, and reading it as if it had been unpacked beforehand.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use parcelle_storage::archive::{Archive, Member, Unpacked, is_archive_name};

use crate::convert::error::ConvertError;

/// Extensions of files that are read by themselves. Other files of the same name belong to them.
const DATA: [&str; 24] = [
    "shp",
    "gpkg",
    "fgb",
    "geojson",
    "geojsonl",
    "geojsons",
    "ndjson",
    "parquet",
    "geoparquet",
    "arrow",
    "arrows",
    "feather",
    "gml",
    "kml",
    "kmz",
    "tab",
    "mif",
    "dxf",
    "dgn",
    "gpx",
    "sqlite",
    "osm",
    "pbf",
    "gdb",
];
/// Extensions of files that are data where there is nothing better, and else mostly say something about data.
const PERHAPS_DATA: [&str; 8] = ["json", "csv", "tsv", "psv", "vrt", "xlsx", "ods", "xml"];
/// Extensions of data that may name files with other names than their own.
const WITH_NEIGHBOURS: [&str; 3] = ["gml", "tab", "vrt"];
/// Extensions of files that no data need.
const IRRELEVANT: [&str; 20] = [
    "pdf", "html", "htm", "css", "js", "png", "jpg", "jpeg", "gif", "svg", "ico", "tif", "tiff", "jp2", "ecw", "md5",
    "sha256", "doc", "docx", "odt",
];

/// Which of several data sets of an archive is meant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Choice<'a> {
    /// Name of a member: its path, or the end of it, with or without extension.
    pub(super) member: Option<&'a str>,
    /// Name of a layer, which decides where a data set is called so.
    pub(super) layer: Option<&'a str>,
}

/// A data set of an archive, unpacked until this is dropped.
#[derive(Debug)]
pub(super) struct UnpackedInput {
    archive: PathBuf,
    unpacked: Unpacked,
    member: String,
}

impl UnpackedInput {
    /// Where the data set is.
    pub(super) fn path(&self) -> PathBuf {
        self.unpacked.path().join(&self.member)
    }

    /// What the data set is called: the member as a path below the archive.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.archive.display(), self.member)
    }

    /// An error of reading, which names the archive.
    pub(super) fn named(&self, error: ConvertError) -> ConvertError {
        ConvertError::Archived {
            archive: self.archive.clone(),
            directory: self.unpacked.path().to_owned(),
            error: Box::new(error),
        }
    }
}

/// The data set of the archive at `path`, unpacked into a hidden directory within `directory`, with the files that belong
/// to it; `None` where `path` is no archive.
pub(super) fn unpack_input(
    path: &Path,
    choice: Choice<'_>,
    directory: &Path,
    interrupt: &AtomicBool,
) -> Result<Option<UnpackedInput>, ConvertError> {
    let Some(mut archive) = Archive::open_if_named(path)? else {
        return match choice.member {
            Some(_) if path.exists() => Err(ConvertError::NoArchive { path: path.to_owned() }),
            _ => Ok(None),
        };
    };
    let available = data_sets(archive.members());
    let member = chosen(path, &archive, available, choice)?;
    let unpacked = archive.unpack(&|other| belongs(other, &member), directory, interrupt)?;
    Ok(Some(UnpackedInput { archive: path.to_owned(), unpacked, member }))
}

/// The members that are data sets of their own, in the order of their names.
fn data_sets(members: &[Member]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for wanted in [&DATA[..], &PERHAPS_DATA] {
        for member in members.iter().filter(|member| !member.is_directory && !is_hidden(&member.name)) {
            // A file geodatabase is a directory, whose files are nothing by themselves.
            match geodatabase(&member.name) {
                Some(directory) => found.push(directory.to_owned()),
                None if has_extension(&member.name, wanted) => found.push(member.name.clone()),
                None => {}
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn chosen(path: &Path, archive: &Archive, available: Vec<String>, choice: Choice<'_>) -> Result<String, ConvertError> {
    let archive_path = || path.to_owned();
    if available.is_empty() {
        let files = || archive.members().iter().filter(|member| !member.is_directory);
        let nested = files().map(|member| member.name.clone()).filter(|name| is_archive_name(name)).collect();
        return Err(ConvertError::NoData { archive: archive_path(), members: files().count(), nested });
    }
    let by_name = |wanted: &str| -> Vec<String> {
        let exact: Vec<_> = available.iter().filter(|name| name.as_str() == wanted).cloned().collect();
        let similar = available.iter().filter(|name| is_called(name, wanted));
        if exact.is_empty() { similar.cloned().collect() } else { exact }
    };
    let candidates = match (choice.member, choice.layer) {
        (Some(wanted), _) => match by_name(wanted) {
            none if none.is_empty() => {
                return Err(ConvertError::UnknownMember {
                    archive: archive_path(),
                    member: wanted.to_owned(),
                    available,
                });
            }
            some => some,
        },
        (None, Some(layer)) if available.len() > 1 => match by_name(layer) {
            none if none.is_empty() => available,
            some => some,
        },
        _ => available,
    };
    match <[String; 1]>::try_from(candidates) {
        Ok([only]) => Ok(only),
        Err(available) => Err(ConvertError::SeveralMembers { archive: archive_path(), available }),
    }
}

/// Whether a member ends in what was asked for, with or without its extension, in any case of letters.
fn is_called(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (name.to_lowercase(), wanted.replace('\\', "/").to_lowercase());
    let ends = |name: &str| name.strip_suffix(&wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    ends(&name) || ends(without_extension(&name))
}

/// Whether a file is needed to read a data set.
fn belongs(file: &Member, data_set: &str) -> bool {
    let name = file.name.as_str();
    if name == data_set {
        return true;
    }
    if geodatabase(data_set) == Some(data_set) {
        return geodatabase(name) == Some(data_set);
    }
    if is_hidden(name) || has_extension(name, &IRRELEVANT) || is_archive_name(name) {
        return false;
    }
    let beside = |name: &str| {
        let rest = name.to_lowercase();
        let rest = rest.strip_prefix(&without_extension(data_set).to_lowercase());
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    has_extension(data_set, &WITH_NEIGHBOURS) || beside(name) || name.strip_prefix(data_set).is_some_and(is_journal)
}

/// What SQLite keeps beside a database that was not closed.
fn is_journal(suffix: &str) -> bool {
    matches!(suffix, "-wal" | "-shm" | "-journal")
}

/// The file geodatabase (a directory) that a member is or lies in.
fn geodatabase(name: &str) -> Option<&str> {
    let mut end = 0;
    for part in name.split('/') {
        end += part.len();
        let is_directory = part.len() > 4 && has_extension(part, &["gdb"]);
        if is_directory {
            return name.get(..end);
        }
        end += 1;
    }
    None
}

/// What systems add for themselves.
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part == "__MACOSX" || part.starts_with("._") || part == ".DS_Store")
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
}

fn without_extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    /// An archive of empty files, made by Python.
    fn zip(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.zip");
        let mut file = std::fs::File::create(directory.path().join("make.py")).unwrap();
        writeln!(file, "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w')").unwrap();
        writeln!(file, "for name in sys.argv[2:]: z.writestr(name, name)\nz.close()").unwrap();
        let made = Command::new("python3").arg(directory.path().join("make.py")).arg(&path).args(names).status();
        assert!(made.unwrap().success());
        (directory, path)
    }

    fn unpacked(path: &Path, choice: Choice<'_>) -> Result<(String, Vec<String>), ConvertError> {
        let input = unpack_input(path, choice, path.parent().unwrap(), &AtomicBool::new(false))?.unwrap();
        let files = walkdir::WalkDir::new(input.unpacked.path()).sort_by_file_name().into_iter();
        let files = files.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let files = files.map(|file| file.path().strip_prefix(input.unpacked.path()).unwrap().display().to_string());
        Ok((input.member.clone(), files.collect()))
    }

    const DELIVERY: [&str; 11] = [
        "BDT/BATI/BATIMENT.shp",
        "BDT/BATI/BATIMENT.DBF",
        "BDT/BATI/BATIMENT.shx",
        "BDT/BATI/BATIMENT.pdf",
        "BDT/BATI/BATIMENT_2.shp",
        "BDT/ADMIN/COMMUNE.shp",
        "BDT/ADMIN/COMMUNE.dbf",
        "BDT/read me.html",
        "BDT/list.csv",
        "__MACOSX/BDT/ADMIN/._COMMUNE.shp",
        "BDT/ADMIN/COMMUNE.zip",
    ];

    #[test]
    fn a_member_is_chosen_and_its_files_come_with_it() {
        let (_directory, path) = zip(&DELIVERY);
        let error = unpacked(&path, Choice::default()).unwrap_err();
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(
            text.contains("--member: BDT/ADMIN/COMMUNE.shp, BDT/BATI/BATIMENT.shp, BDT/BATI/BATIMENT_2.shp"),
            "{text}"
        );

        let files = ["BDT/BATI/BATIMENT.DBF", "BDT/BATI/BATIMENT.shp", "BDT/BATI/BATIMENT.shx"].map(str::to_owned);
        for member in ["BATIMENT", "batiment.shp", "BATI/BATIMENT", "BDT/BATI/BATIMENT.shp"] {
            let choice = Choice { member: Some(member), layer: None };
            assert_eq!(unpacked(&path, choice).unwrap(), ("BDT/BATI/BATIMENT.shp".to_owned(), files.to_vec()));
        }
        let choice = Choice { member: None, layer: Some("COMMUNE") };
        assert_eq!(unpacked(&path, choice).unwrap().0, "BDT/ADMIN/COMMUNE.shp");
        let error = unpacked(&path, Choice { member: Some("ROUTE"), layer: None }).unwrap_err();
        assert!(matches!(error, ConvertError::UnknownMember { .. }), "{error}");
    }

    #[test]
    fn what_holds_no_data_is_said_to() {
        let (_directory, path) = zip(&["a/inner.7z", "a/read.pdf"]);
        let text = unpacked(&path, Choice::default()).unwrap_err().to_string();
        assert!(text.contains("archives within an archive are not unpacked: a/inner.7z"), "{text}");
        let (_directory, path) = zip(&["a/read.pdf"]);
        let text = unpacked(&path, Choice::default()).unwrap_err().to_string();
        assert!(text.contains("none of its 1 files"), "{text}");
    }

    #[test]
    fn geodatabases_journals_and_lone_tables() {
        let (_directory, path) = zip(&["x/PLU.gdb/a0001.gdbtable", "x/PLU.gdb/gdb", "x/note.csv"]);
        let (member, files) = unpacked(&path, Choice::default()).unwrap();
        assert_eq!((member.as_str(), files.len()), ("x/PLU.gdb", 2));
        let (_directory, path) = zip(&["a.gpkg", "a.gpkg-wal", "a.gpkg-shm", "b.gpkg-wal", "a-b.txt"]);
        assert_eq!(unpacked(&path, Choice::default()).unwrap().1, ["a.gpkg", "a.gpkg-shm", "a.gpkg-wal"]);
        let (_directory, path) = zip(&["only.csv", "only.csvt"]);
        assert_eq!(
            unpacked(&path, Choice::default()).unwrap(),
            ("only.csv".to_owned(), vec!["only.csv".to_owned(), "only.csvt".to_owned()])
        );
    }
}

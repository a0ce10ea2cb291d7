//! Archives among the inputs: which members are meant, and reading them as if they had been unpacked beforehand.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use glob::{MatchOptions, Pattern};
use parcelle_source::{DATA_ENDINGS, InputFile, Inputs};
use parcelle_storage::archive::{Archive, Member, Unpacked, first_volume, is_archive_name};

use crate::convert::error::ConvertError;
use crate::convert::{ConvertSummary, LayersSummary, StageTimes};

/// Extensions of files that are data where there is nothing better, and else mostly say something about data.
const PERHAPS_DATA: [&str; 9] = ["json", "ndjson", "csv", "tsv", "psv", "vrt", "xlsx", "ods", "xml"];
/// Extensions of data that may name files with other names than their own.
const WITH_NEIGHBOURS: [&str; 3] = ["gml", "tab", "vrt"];
/// Extensions of files that no data need.
const IRRELEVANT: [&str; 20] = [
    "pdf", "html", "htm", "css", "js", "png", "jpg", "jpeg", "gif", "svg", "ico", "tif", "tiff", "jp2", "ecw", "md5",
    "sha256", "doc", "docx", "odt",
];

/// Which data sets of an archive are meant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Choice<'a> {
    /// Name of members: a path, the end of one, with or without extension, or a pattern over either.
    pub(super) member: Option<&'a str>,
    /// Name of a layer, which decides where data sets are called so.
    pub(super) layer: Option<&'a str>,
    /// Whether all are meant, whatever their names.
    pub(super) all: bool,
}

/// What was unpacked of the archives among the inputs, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct UnpackedInputs {
    archives: Vec<UnpackedArchive>,
    /// What took the place of the only input, where that is one data set of an archive.
    single: Option<PathBuf>,
    /// Directories that earlier runs have left.
    leftovers: Vec<PathBuf>,
    seconds: f64,
}

#[derive(Debug)]
struct UnpackedArchive {
    archive: PathBuf,
    unpacked: Unpacked,
}

impl UnpackedInputs {
    /// Unpacks the archives among `inputs` into hidden directories within `directory`, and puts what is in them in their
    /// places.
    pub(super) fn new(
        inputs: &mut Inputs,
        choice: Choice<'_>,
        directory: &Path,
        interrupt: &AtomicBool,
    ) -> Result<Self, ConvertError> {
        let start = Instant::now();
        let mut all = Self::default();
        drop_later_volumes(&mut inputs.files);
        let given = std::mem::take(&mut inputs.files);
        let only = given.len() == 1;
        for file in given {
            if file.found {
                inputs.files.push(file);
                continue;
            }
            let Some(mut archive) = Archive::open_if_named(&file.path)? else {
                inputs.files.push(file);
                continue;
            };
            if let Some(name) = file.path.file_name() {
                // They are called after the archive as temporary outputs are after theirs.
                all.leftovers.extend(parcelle_geoparquet::leftovers(&directory.join(name)));
            }
            let members = chosen(&file.path, &archive, choice)?;
            let sets: Vec<DataSet<'_>> = members.iter().map(|member| DataSet::new(member)).collect();
            let unpacked = archive.unpack(&|other| sets.iter().any(|set| set.needs(other)), directory, interrupt)?;
            let path = |member: &String| unpacked.path().join(member);
            if let (true, [member]) = (only, members.as_slice()) {
                all.single = Some(path(member));
            }
            let found = members.len() > 1;
            inputs.files.extend(members.iter().map(|member| InputFile { path: path(member), found }));
            all.archives.push(UnpackedArchive { archive: file.path, unpacked });
        }
        if let (Some(_), true, Some(file)) = (choice.member, all.archives.is_empty(), inputs.files.first())
            && file.path.exists()
        {
            return Err(ConvertError::NoArchive { path: file.path.clone() });
        }
        all.seconds = start.elapsed().as_secs_f64();
        Ok(all)
    }

    /// What the input is called, where it is one data set of an archive.
    pub(super) fn description(&self) -> Option<String> {
        self.single.as_ref().map(|path| self.named(&path.to_string_lossy()))
    }

    /// A text that names the archives in the places of the directories.
    fn named(&self, text: &str) -> String {
        self.archives.iter().fold(text.to_owned(), |text, UnpackedArchive { archive, unpacked }| {
            text.replace(&*unpacked.path().to_string_lossy(), &archive.to_string_lossy())
        })
    }

    /// An error of reading, which names the archives.
    pub(super) fn error(&self, error: ConvertError) -> ConvertError {
        if self.archives.is_empty() {
            return error;
        }
        let shown = self.named(&error.to_string());
        ConvertError::Archived { shown, error: Box::new(error) }
    }

    /// A summary that names the archives, and counts what they took.
    pub(super) fn summary(&self, summary: ConvertSummary) -> ConvertSummary {
        let seconds = StageTimes { unpack: self.seconds, wall: summary.seconds.wall + self.seconds, ..summary.seconds };
        let mut leftovers = summary.leftovers.clone();
        leftovers.extend(self.leftovers.iter().map(|path| path.display().to_string()));
        ConvertSummary { seconds, leftovers, ..self.shown(summary) }
    }

    /// A summary that names the archives.
    fn shown(&self, mut summary: ConvertSummary) -> ConvertSummary {
        summary.input = self.named(&summary.input);
        for repaired in &mut summary.repaired {
            repaired.path = self.named(&repaired.path);
            repaired.first = self.named(&repaired.first);
        }
        for text in summary.warnings.iter_mut().chain(&mut summary.read_again) {
            *text = self.named(text);
        }
        summary
    }

    /// The same for all layers.
    pub(super) fn layers(&self, summary: LayersSummary) -> LayersSummary {
        let LayersSummary { mut layers, mut skipped, mut failed, .. } = summary;
        layers = layers.into_iter().map(|layer| self.shown(layer)).collect();
        // The work was done once, before the first.
        if let Some(first) = layers.first_mut() {
            *first = self.summary(first.clone());
        }
        for layer in &mut skipped {
            layer.input = self.named(&layer.input);
        }
        for layer in &mut failed {
            layer.input = self.named(&layer.input);
            layer.error = self.named(&layer.error);
        }
        LayersSummary { layers, skipped, failed, ..summary }
    }
}

/// Leaves out volumes whose first is there too, as a pattern gives them.
fn drop_later_volumes(files: &mut Vec<InputFile>) {
    let given: HashSet<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    files.retain(|file| !first_volume(&file.path).is_some_and(|first| given.contains(&first)));
}

/// The members that are data sets of their own, in the order of their names.
fn data_sets(members: &[Member]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for wanted in [DATA_ENDINGS, &PERHAPS_DATA] {
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

/// The data sets that are meant: at least one.
fn chosen(path: &Path, archive: &Archive, choice: Choice<'_>) -> Result<Vec<String>, ConvertError> {
    let available = data_sets(archive.members());
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
    let meant = match choice {
        Choice { member: Some(wanted), .. } => match by_name(wanted) {
            none if none.is_empty() => {
                return Err(ConvertError::UnknownMember {
                    archive: archive_path(),
                    member: wanted.to_owned(),
                    available,
                });
            }
            some => some,
        },
        Choice { all: true, .. } => available,
        // Where no data set is called so, it is a layer within one of them.
        Choice { layer: Some(layer), .. } => match by_name(layer) {
            none if none.is_empty() => available,
            some => some,
        },
        // One name in several directories is one layer, delivered in parts.
        Choice { .. } if available.iter().map(|name| stem(name)).collect::<HashSet<_>>().len() == 1 => available,
        Choice { .. } => return Err(ConvertError::SeveralMembers { archive: archive_path(), available }),
    };
    match in_several_formats(&meant) {
        Some(members) => Err(ConvertError::SeveralFormats { archive: archive_path(), members }),
        None => Ok(meant),
    }
}

/// The data sets of one name that come in several formats, if there are such: united, they would have every row twice.
fn in_several_formats(names: &[String]) -> Option<Vec<String>> {
    let mut formats: HashMap<String, String> = HashMap::new();
    let repeated = names.iter().find(|name| {
        let format = extension(name).unwrap_or_default();
        formats.insert(stem(name), format.clone()).is_some_and(|other| other != format)
    })?;
    Some(names.iter().filter(|name| stem(name) == stem(repeated)).cloned().collect())
}

/// The name of a file without its directory and its extension, in lower case.
fn stem(name: &str) -> String {
    without_extension(name.rsplit('/').next().unwrap_or(name)).to_lowercase()
}

/// Whether a member ends in what was asked for, with or without its extension, in any case of letters; or matches it.
fn is_called(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (name.to_lowercase(), wanted.replace('\\', "/").to_lowercase());
    let ends = |name: &str| name.strip_suffix(&wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    if ends(&name) || ends(without_extension(&name)) {
        return true;
    }
    let is_pattern = wanted.contains(['*', '?', '[']);
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
    let Some(pattern) = is_pattern.then(|| Pattern::new(&wanted).ok()).flatten() else { return false };
    // As an end of the path: from each of its parts on.
    let starts = std::iter::once(0).chain(name.match_indices('/').map(|(at, _)| at + 1));
    starts
        .filter_map(|start| name.get(start..))
        .any(|end| pattern.matches_with(end, options) || pattern.matches_with(without_extension(end), options))
}

/// A data set of an archive, and what its files have in common.
struct DataSet<'a> {
    name: &'a str,
    /// The path without extension, in lower case.
    stem: String,
}

impl<'a> DataSet<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, stem: without_extension(name).to_lowercase() }
    }

    /// Whether a file is needed to read it.
    fn needs(&self, file: &Member) -> bool {
        let name = file.name.as_str();
        if name == self.name {
            return true;
        }
        if geodatabase(self.name) == Some(self.name) {
            return geodatabase(name) == Some(self.name);
        }
        if is_hidden(name) || has_extension(name, &IRRELEVANT) || is_archive_name(name) {
            return false;
        }
        let beside = || name.to_lowercase().strip_prefix(&self.stem).is_some_and(|rest| rest.starts_with('.'));
        has_extension(self.name, &WITH_NEIGHBOURS) || beside() || name.strip_prefix(self.name).is_some_and(is_journal)
    }
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
    extension(name).is_some_and(|extension| extensions.contains(&extension.as_str()))
}

fn extension(name: &str) -> Option<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase())
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

    /// The data sets that take the place of an archive, and all files that were unpacked.
    fn unpacked(path: &Path, choice: Choice<'_>) -> Result<(Vec<String>, Vec<String>), ConvertError> {
        let file = InputFile { path: path.to_owned(), found: false };
        let mut inputs = Inputs { files: vec![file], ..Inputs::default() };
        let all = UnpackedInputs::new(&mut inputs, choice, path.parent().unwrap(), &AtomicBool::new(false))?;
        let root = all.archives[0].unpacked.path();
        let below = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file()).map(|file| below(file.path()));
        Ok((inputs.files.iter().map(|file| below(&file.path)).collect(), files.collect()))
    }

    fn member(name: &str) -> Choice<'_> {
        Choice { member: Some(name), ..Choice::default() }
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
            text.contains("--all-layers: BDT/ADMIN/COMMUNE.shp, BDT/BATI/BATIMENT.shp, BDT/BATI/BATIMENT_2.shp"),
            "{text}"
        );

        let files = ["BDT/BATI/BATIMENT.DBF", "BDT/BATI/BATIMENT.shp", "BDT/BATI/BATIMENT.shx"].map(str::to_owned);
        for member in ["BATIMENT", "batiment.shp", "BATI/BATIMENT", "BDT/BATI/BATIMENT.shp"] {
            let found = unpacked(&path, self::member(member)).unwrap();
            assert_eq!(found, (vec!["BDT/BATI/BATIMENT.shp".to_owned()], files.to_vec()));
        }
        let choice = Choice { layer: Some("COMMUNE"), ..Choice::default() };
        assert_eq!(unpacked(&path, choice).unwrap().0, ["BDT/ADMIN/COMMUNE.shp"]);
        let several = ["BDT/BATI/BATIMENT.shp", "BDT/BATI/BATIMENT_2.shp"];
        for pattern in ["bati*", "BATI/*", "*/bati/*.shp", "BDT/BATI/BATI*"] {
            assert_eq!(unpacked(&path, member(pattern)).unwrap().0, several, "{pattern}");
        }
        assert_eq!(unpacked(&path, Choice { all: true, ..Choice::default() }).unwrap().0.len(), 3);
        // A layer within one of them, perhaps.
        assert_eq!(unpacked(&path, Choice { layer: Some("other"), ..Choice::default() }).unwrap().0.len(), 3);
        let error = unpacked(&path, member("ROUTE*")).unwrap_err();
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
        assert_eq!((member, files.len()), (vec!["x/PLU.gdb".to_owned()], 2));
        let (_directory, path) = zip(&["a.gpkg", "a.gpkg-wal", "a.gpkg-shm", "b.gpkg-wal", "a-b.txt"]);
        assert_eq!(unpacked(&path, Choice::default()).unwrap().1, ["a.gpkg", "a.gpkg-shm", "a.gpkg-wal"]);
        let (_directory, path) = zip(&["only.csv", "only.csvt"]);
        assert_eq!(unpacked(&path, Choice::default()).unwrap().1, ["only.csv", "only.csvt"]);
    }

    #[test]
    fn one_name_in_several_directories_is_one_layer() {
        let parts = ["D01/BATIMENT.shp", "D02/BATIMENT.SHP"];
        let (_directory, path) = zip(&parts);
        assert_eq!(unpacked(&path, Choice::default()).unwrap().0, parts);
        assert_eq!(unpacked(&path, member("BATIMENT")).unwrap().0, parts);
        assert_eq!(unpacked(&path, member("D02/BATIMENT.shp")).unwrap().0, parts[1..]);
    }

    #[test]
    fn one_name_in_several_formats_is_not_united() {
        let (_directory, path) = zip(&["SHP/c.shp", "SHP/c.dbf", "GPKG/C.gpkg", "d.gpkg"]);
        let all = Choice { all: true, ..Choice::default() };
        let layer = Choice { layer: Some("c"), ..Choice::default() };
        for choice in [member("c"), member("*"), layer, all] {
            let error = unpacked(&path, choice).unwrap_err();
            assert!(error.is_usage());
            assert!(error.to_string().ends_with("'*.gpkg': GPKG/C.gpkg, SHP/c.shp"), "{error}");
        }
        assert_eq!(unpacked(&path, member("c.shp")).unwrap().0, ["SHP/c.shp"]);
        assert_eq!(unpacked(&path, member("*.gpkg")).unwrap().0, ["GPKG/C.gpkg", "d.gpkg"]);
        let (_directory, path) = zip(&["c.shp", "c.gpkg"]);
        assert!(matches!(unpacked(&path, Choice::default()).unwrap_err(), ConvertError::SeveralFormats { .. }));
    }

    #[test]
    fn a_pattern_may_give_all_volumes() {
        let mut files: Vec<InputFile> = ["a.7z.001", "a.7z.002", "b.7z.002", "c.002"]
            .map(|path| InputFile { path: path.into(), found: false })
            .into();
        drop_later_volumes(&mut files);
        let paths: Vec<_> = files.iter().map(|file| file.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["a.7z.001", "b.7z.002", "c.002"]);
    }
}

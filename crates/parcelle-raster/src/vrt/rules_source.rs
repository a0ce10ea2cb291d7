//! Rules about where the sources are looked for, and whether they are there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Location, Rule, Severity};
use parcelle_storage::{ByteSource, Files, Usage, Watched};

use super::Subject;
use super::existence::Existence;
use super::limits;
use super::model::{Dataset, DatasetKind, FileReference, Reference};
use super::references::{Absence, Place, directory_of, exists, place_of};
use super::rules_remote::{Scheme, scheme};
use super::unread::Unread;
use crate::shell::quoted;

/// A source does not exist.
pub(crate) static MISSING: Rule = Rule {
    id: "VRT-SRC-001",
    severity: Severity::Error,
    title: "A source does not exist",
    why: "GDAL opens the sources of a mosaic when a tile touches them, not before: the store and the layer can be \
          created, and the tiles over the missing source fail with \"No such file or directory\". Warped, pansharpened \
          and processed VRTs open their sources at once, so there the store itself is refused, as it is where a source \
          names no file at all. What a test or a script kept in memory (/vsimem/) ended with its process.",
    fix: "Put the file back, or rebuild the VRT from the files that exist.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::XMLInit, OpenSource and RasterIO",
};

/// A source has an absolute path.
pub(crate) static ABSOLUTE_PATH: Rule = Rule {
    id: "VRT-SRC-002",
    severity: Severity::Warning,
    title: "An absolute path",
    why: "An absolute path is taken as it is, so the file must lie under the same path on the host, or in the container, \
          where GeoServer runs. It works where the VRT was made, and stops to work when the data are copied, mounted \
          elsewhere or served from a container.",
    fix: "Write paths relative to the VRT, with relativeToVRT=\"1\", and keep the VRT above or beside its sources.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::XMLInit; GDAL issues 8632 and 12401",
};

/// A source is looked for in the working directory.
pub(crate) static WORKING_DIRECTORY: Rule = Rule {
    id: "VRT-SRC-003",
    severity: Severity::Error,
    title: "A relative path without relativeToVRT=\"1\"",
    why: "Without the attribute GDAL takes a relative path from the working directory of the process, which for \
          GeoServer is that of the servlet container. gdalinfo, run in the right directory, finds everything in order. \
          Where --working-dir names that directory, and the file is there, it is a warning.",
    fix: "Set relativeToVRT=\"1\" on <SourceFilename>.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::XMLInit (relativeToVRT is 0 by default)",
};

/// A source has a path of Windows.
pub(crate) static WINDOWS_PATH: Rule = Rule {
    id: "VRT-SRC-004",
    severity: Severity::Error,
    title: "A path of Windows",
    why: "A drive letter, a share (\\\\server\\share) or backslashes lead nowhere on Linux: there a backslash is part of \
          a file name.",
    fix: "Write paths with \"/\", relative to the VRT, with relativeToVRT=\"1\".",
    reference: "GDAL port/cpl_path.cpp, CPLProjectRelativeFilename",
};

/// A source that is not where it should be.
struct Absent {
    /// As written.
    path: String,
    /// The VRT that names it, where it is not the one that is checked.
    through: Option<String>,
    line: u32,
    band: Option<u32>,
    element: &'static str,
    detail: Detail,
}

enum Detail {
    Missing(PathBuf, Absence),
    NoName,
    /// In the memory of a process (`/vsimem/`), which ends with it.
    Memory,
    Absolute,
    WorkingDirectory {
        beside: PathBuf,
        attribute: Option<String>,
    },
    /// In the working directory, which was stated, where it is.
    InProcess,
    Windows,
}

/// What looking for the sources has found.
#[derive(Default)]
struct Search<'a> {
    process: Option<&'a Path>,
    files: Files,
    distinct: u64,
    missing: Vec<Absent>,
    absolute: Vec<Absent>,
    working_directory: Vec<Absent>,
    /// Found in the working directory that was stated.
    in_process: Vec<Absent>,
    windows: Vec<Absent>,
    visited: HashSet<PathBuf>,
    existence: Existence,
    usage: Usage,
    /// VRTs that could not be read, and why.
    unread: Vec<Unread>,
    /// Whether every path may be declared relative to the VRT without harm.
    has_connection: bool,
}

/// A VRT that is named as a source, to be looked into.
struct Nested {
    path: PathBuf,
    line: u32,
    band: Option<u32>,
    depth: usize,
}

/// Tests the rules of this file; gives what was read of other VRTs, and which of them could not be.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) -> (Usage, Vec<Unread>) {
    let mut search = Search { process: subject.process, files: subject.files.clone(), ..Search::default() };
    search.visited.extend(std::fs::canonicalize(subject.path));
    let mut waiting = Vec::new();
    search.look(dataset, &directory_of(subject.path), None, &mut waiting);
    let mut files = 0;
    while let Some(nested) = waiting.pop() {
        if files >= limits::NESTED_FILES || search.usage.bytes > limits::BYTES {
            break;
        }
        files += 1;
        search.look_into(&nested, &mut waiting);
    }
    report_nameless(subject, dataset, findings);
    report_missing(subject, dataset, &search, findings);
    report_absolute(subject, &search, findings);
    report_working_directory(subject, &search, findings);
    report_in_process(subject, &search, findings);
    report_windows(subject, &search, findings);
    (search.usage, search.unread)
}

impl Search<'_> {
    fn look_into(&mut self, nested: &Nested, waiting: &mut Vec<Nested>) {
        let Ok(canonical) = std::fs::canonicalize(&nested.path) else { return };
        if nested.depth > limits::NESTED_DATASETS || !self.visited.insert(canonical) {
            return;
        }
        let file = match self.files.open(&nested.path) {
            Ok(file) => Watched::new(file),
            Err(error) => return self.unread.push(Unread::new(&nested.path, &error)),
        };
        let document = super::parse::parse(&file);
        let usage = file.usage();
        self.usage.requests += usage.requests;
        self.usage.bytes += usage.bytes;
        let document = match document {
            Ok(document) => document,
            Err(error) => return self.unread.push(Unread::new(&nested.path, &error)),
        };
        if document.not_well_formed.is_some() {
            return;
        }
        if let Some(dataset) = &document.dataset {
            self.look(dataset, &directory_of(&nested.path), Some(nested), waiting);
        }
    }

    /// Looks for everything that a dataset refers to, once for each file.
    fn look(&mut self, dataset: &Dataset, directory: &Path, through: Option<&Nested>, waiting: &mut Vec<Nested>) {
        let references = dataset.references();
        // A path of a document is kept once, so that its address tells it.
        let mut seen = HashSet::new();
        for (number, reference) in references.iter().enumerate() {
            let file = reference.file;
            if !seen.insert((file.path.as_ptr().addr(), file.is_relative_to_vrt())) {
                continue;
            }
            if through.is_none() {
                self.distinct += 1;
            }
            let place = place_of(file, directory, self.process);
            let is_plain = !file.path.starts_with('/') && !file.is_relative_to_vrt();
            if self.process.is_some() && is_plain && matches!(place, Place::Local(_)) {
                self.in_process.push(absent(reference, through, Detail::InProcess));
            }
            if matches!(place, Place::Local(_)) && file.path.starts_with('/') {
                self.absolute.push(absent(reference, through, Detail::Absolute));
            }
            match place {
                Place::Local(path) => match self.existence.of(&path, references.len() - number) {
                    Ok(()) => {
                        let is_vrt = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("vrt"));
                        if is_vrt {
                            waiting.push(Nested {
                                path,
                                line: through.map_or(file.line, |outer| outer.line),
                                band: through.map_or(reference.band, |outer| outer.band),
                                depth: through.map_or(1, |outer| outer.depth + 1),
                            });
                        }
                    }
                    Err(absence) => self.missing.push(absent(reference, through, Detail::Missing(path, absence))),
                },
                // Told apart from what is missing, with all others of its sort.
                Place::Nowhere if through.is_none() && is_of_a_band(dataset, file) => {}
                Place::Nowhere => self.missing.push(absent(reference, through, Detail::NoName)),
                Place::WorkingDirectory(beside) => {
                    let attribute = file.relative_to_vrt.as_deref().map(super::shorten::shorten);
                    let detail = Detail::WorkingDirectory { beside, attribute };
                    self.working_directory.push(absent(reference, through, detail));
                }
                Place::Windows => self.windows.push(absent(reference, through, Detail::Windows)),
                Place::Elsewhere if is_in_memory(&file.path) => {
                    self.missing.push(absent(reference, through, Detail::Memory));
                }
                Place::Elsewhere => {
                    self.has_connection |= !file.path.starts_with("/vsi");
                    if let Some(Err((path, absence))) = inner_file(file, directory) {
                        self.missing.push(absent(reference, through, Detail::Missing(path, absence)));
                    }
                }
                Place::Illegible => {}
            }
        }
    }
}

/// Whether a path leads into GDAL's file system in memory, directly or through an archive.
fn is_in_memory(path: &str) -> bool {
    path.starts_with("/vsi") && path.contains("/vsimem/")
}

/// Whether the file is there that a subdataset or a view names, where it is quoted or alone in it, and where GDAL looks
/// for it does not depend on the process: `vrt://a.tif?bands=1`, `NETCDF:"/data/a.nc":height`.
fn inner_file(file: &FileReference, directory: &Path) -> Option<Result<(), (PathBuf, Absence)>> {
    let inner = match file.path.get(..6) {
        Some(start) if start.eq_ignore_ascii_case("vrt://") => file.path.get(6..)?.split('?').next()?,
        _ if scheme(&file.path) == Scheme::Other => file.path.split_once(":\"")?.1.split('"').next()?,
        _ => return None,
    };
    let is_plain = !inner.is_empty() && !inner.starts_with("/vsi") && !inner.contains([':', '<', '{']);
    if !is_plain || !(inner.starts_with('/') || file.is_relative_to_vrt()) {
        return None;
    }
    let path = directory.join(inner);
    Some(exists(&path).map_err(|absence| (path, absence)))
}

fn is_of_a_band(dataset: &Dataset, file: &FileReference) -> bool {
    dataset.sources().any(|(_, source)| source.files.first().is_some_and(|own| std::ptr::eq(own, file)))
}

fn absent(reference: &Reference<'_>, through: Option<&Nested>, detail: Detail) -> Absent {
    Absent {
        path: reference.file.path.to_string(),
        through: through.map(|nested| nested.path.display().to_string()),
        line: through.map_or(reference.file.line, |nested| nested.line),
        band: through.map_or(reference.band, |nested| nested.band),
        element: reference.element,
        detail,
    }
}

impl Absent {
    fn location(&self) -> Location {
        Location {
            line: Some(u64::from(self.line)),
            element: Some(self.element.to_owned()),
            band: self.band,
            source: Some(self.path.clone()),
            ..Location::default()
        }
    }

    fn named_in(&self) -> String {
        match &self.through {
            Some(vrt) => format!(", named in {vrt},"),
            None => String::new(),
        }
    }

    /// The VRT that has to be mended, as a word of a shell command.
    fn edited(&self, subject: &Subject<'_>) -> String {
        self.through.as_ref().map_or_else(|| subject.file(), |path| quoted(Path::new(path)))
    }
}

/// "Source a.tif does not exist" or "312 of 5,000 sources do not exist, first: a.tif".
fn subject_of_sentence(first: &Absent, count: u64, distinct: u64, one: &str, many: &str) -> String {
    let mut path = super::shorten::shorten(&first.path);
    if path.trim() != path {
        path = format!("\"{path}\"");
    }
    let named_in = first.named_in();
    match count {
        1 => format!("Source {path}{named_in} {one}"),
        // Sources of nested VRTs are no part of the sum.
        _ if first.through.is_some() || count > distinct => {
            format!("{} sources {many}, first: {path}{}", grouped(count), named_in.trim_end_matches(','))
        }
        _ => format!("{} of {} sources {many}, first: {path}", grouped(count), grouped(distinct)),
    }
}

/// Tells of sources whose `<SourceFilename>` is absent, empty, or torn by a comment.
fn report_nameless(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let nameless = dataset.sources().filter(|(_, source)| {
        !source.names_something() || source.files.first().is_some_and(|file| file.path.is_empty())
    });
    let mut count = 0;
    let mut first = None;
    for (band, source) in nameless {
        count += 1;
        first.get_or_insert((band, source.line));
    }
    let Some((band, line)) = first else { return };
    count += subject.document.further_nameless;
    let what = if count == 1 { "A source names".to_owned() } else { format!("{} sources name", grouped(count)) };
    let message = format!("{what} no file in a <SourceFilename> of text alone: GDAL refuses the VRT.");
    let location = Location {
        line: Some(u64::from(line)),
        element: Some("SourceFilename".to_owned()),
        band: Some(band),
        ..Location::default()
    };
    let fix = format!("Name the file of the source on line {line} of {}.", subject.file());
    findings.push(Finding::new(&MISSING, message).at(location).fix(fix).count(count));
}

fn report_missing(subject: &Subject<'_>, dataset: &Dataset, search: &Search<'_>, findings: &mut Findings) {
    let Some(first) = search.missing.first() else { return };
    let count = search.missing.len() as u64;
    let (one, many) = match &first.detail {
        Detail::NoName => ("is an empty name", "have no name or do not exist"),
        Detail::Memory => (
            "lies in the memory of the process that wrote the VRT, which no other one sees",
            "do not exist or lie in the memory of the process that wrote the VRT",
        ),
        Detail::Missing(_, Absence::Forbidden) => ("cannot be looked at", "do not exist or cannot be looked at"),
        _ => ("does not exist", "do not exist"),
    };
    let sentence = subject_of_sentence(first, count, search.distinct, one, many);
    let where_looked = match &first.detail {
        Detail::Missing(path, Absence::MissingDirectory) => {
            let directory = path.parent().unwrap_or(path);
            format!(" (there is no directory {})", directory.display())
        }
        Detail::Missing(path, Absence::Forbidden) => format!(" (permission denied for {})", path.display()),
        Detail::Missing(path, _) => format!(" (looked for at {})", path.display()),
        _ => String::new(),
    };
    let consequence = match dataset.kind() {
        DatasetKind::Classic => "The store can be created; the tiles that touch it fail.",
        DatasetKind::Multidimensional => "Reading the array fails.",
        DatasetKind::Warped | DatasetKind::Pansharpened | DatasetKind::Processed => {
            "GDAL opens the sources of such a VRT at once: the store cannot be created."
        }
    };
    let message = format!("{sentence}{where_looked}. {consequence}");
    let file = first.edited(subject);
    let fix = match &first.detail {
        Detail::Missing(path, Absence::Forbidden) => {
            format!("Let the user of the server read {} and enter its directories.", quoted(path))
        }
        Detail::Missing(path, _) if dataset.kind() != DatasetKind::Classic || first.element != "SourceFilename" => {
            let line = first.line;
            format!("Put {} back, or correct <{}> on line {line} of {file}.", quoted(path), first.element)
        }
        Detail::Missing(path, _) => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = quoted(directory.unwrap_or(Path::new(".")));
            // A pattern cannot be quoted, so an extension goes into it only if it means nothing to a shell.
            let extension = path.extension().and_then(|extension| extension.to_str());
            let extension = extension.filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let extension = extension.unwrap_or("*");
            format!(
                "Put {} back, or rebuild from what is there: gdalbuildvrt -overwrite {file} {directory}/*.{extension}",
                quoted(path)
            )
        }
        Detail::Memory => {
            format!("Write the source to a file, and name that on line {} of {file}.", first.line)
        }
        _ => format!("Name the source on line {} of {file}.", first.line),
    };
    findings.push(Finding::new(&MISSING, message).at(first.location()).fix(fix).count(count));
}

fn report_absolute(subject: &Subject<'_>, search: &Search<'_>, findings: &mut Findings) {
    let Some(first) = search.absolute.first() else { return };
    let count = search.absolute.len() as u64;
    let sentence = subject_of_sentence(first, count, search.distinct, "is an absolute path", "are absolute paths");
    let message = format!("{sentence}: it must be the same on the host, or in the container, where GeoServer runs.");
    let name = first.path.rsplit('/').next().unwrap_or_default();
    let fix = format!(
        "Keep the sources below the directory of {edited} and write their paths relative to it: \
         <{element} relativeToVRT=\"1\">{name}</{element}>",
        edited = first.edited(subject),
        element = first.element
    );
    findings.push(Finding::new(&ABSOLUTE_PATH, message).at(first.location()).fix(fix).count(count));
}

fn report_working_directory(subject: &Subject<'_>, search: &Search<'_>, findings: &mut Findings) {
    let Some(first) = search.working_directory.first() else { return };
    let Detail::WorkingDirectory { beside, attribute } = &first.detail else { return };
    let count = search.working_directory.len() as u64;
    let sentence = subject_of_sentence(
        first,
        count,
        search.distinct,
        "is relative, without relativeToVRT=\"1\"",
        "are relative, without relativeToVRT=\"1\"",
    );
    let misread = match attribute.as_deref() {
        Some(value) if value != "0" => format!(" (\"{value}\" is read as 0)"),
        _ => String::new(),
    };
    let there = exists(beside).is_ok();
    let hint = if there { " Beside the VRT it exists." } else { " Beside the VRT it does not exist either." };
    let message = format!(
        "{sentence}{misread}: GDAL looks for it in the working directory of the servlet container, not beside the \
         VRT.{hint}"
    );
    let edited = first.edited(subject);
    let plain = !search.has_connection && search.windows.is_empty() && first.element == "SourceFilename";
    let fix = match attribute.as_deref() {
        Some("0") if plain => format!("sed -i 's/relativeToVRT=\"0\"/relativeToVRT=\"1\"/' {edited}"),
        None if plain => format!("sed -i 's/<SourceFilename>/<SourceFilename relativeToVRT=\"1\">/' {edited}"),
        _ => format!("Set relativeToVRT=\"1\" on <{}> on line {} of {edited}.", first.element, first.line),
    };
    findings.push(Finding::new(&WORKING_DIRECTORY, message).at(first.location()).fix(fix).count(count));
}

fn report_in_process(subject: &Subject<'_>, search: &Search<'_>, findings: &mut Findings) {
    let Some(first) = search.in_process.first() else { return };
    let count = search.in_process.len() as u64;
    let sentence = subject_of_sentence(
        first,
        count,
        search.distinct,
        "is relative, without relativeToVRT=\"1\"",
        "are relative, without relativeToVRT=\"1\"",
    );
    let message = format!("{sentence}: it is found only where the server is started in the directory that was stated.");
    let fix = format!(
        "Set relativeToVRT=\"1\" on <{}> on line {} of {}, with a path from the VRT to the source.",
        first.element,
        first.line,
        first.edited(subject)
    );
    let finding = Finding::new(&WORKING_DIRECTORY, message).severity(Severity::Warning);
    findings.push(finding.at(first.location()).fix(fix).count(count));
}

fn report_windows(subject: &Subject<'_>, search: &Search<'_>, findings: &mut Findings) {
    let Some(first) = search.windows.first() else { return };
    let count = search.windows.len() as u64;
    let sentence = subject_of_sentence(first, count, search.distinct, "is a path of Windows", "are paths of Windows");
    let message = format!("{sentence}: a server on Linux finds nothing there.");
    let name = first.path.rsplit(['\\', '/']).next().unwrap_or_default();
    let fix = format!(
        "In {}, write paths with \"/\" and relative to the VRT: <{element} relativeToVRT=\"1\">{name}</{element}>",
        first.edited(subject),
        element = first.element
    );
    findings.push(Finding::new(&WINDOWS_PATH, message).at(first.location()).fix(fix).count(count));
}

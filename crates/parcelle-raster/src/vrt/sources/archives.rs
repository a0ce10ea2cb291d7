//! Sources inside archives of this machine: whether the archive is there, and the file in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use parcelle_report::{Finding, Findings};
use parcelle_storage::archive::Archive;

use super::super::references::directory_of;
use super::super::rules_source::MISSING;
use super::super::shorten::shorten;
use super::Context;
use super::group::{Group, sentence};
use super::survey::{Target, Whereabouts};
use crate::shell::quoted;

/// File systems of archives, and how the names of those end (`port/cpl_vsil_gzip.cpp`, `GetExtensions`;
/// `port/cpl_vsil_tar.cpp`).
const SYSTEMS: [(&str, &[&str]); 2] =
    [("/vsizip/", &[".zip", ".kmz", ".dwf", ".ods", ".xlsx", ".xlsm"]), ("/vsitar/", &[".tar.gz", ".tar", ".tgz"])];
const GZIP: &str = "/vsigzip/";

/// Archives of one VRT whose tables are read.
const MOST_ARCHIVES: usize = 64;

/// A source in an archive.
#[derive(Debug, PartialEq, Eq)]
struct Inside {
    archive: PathBuf,
    /// Empty where any member will do.
    member: String,
    is_zip: bool,
}

/// What an absolute path of such a file system means; `None` for any other.
fn inside(path: &str) -> Option<Inside> {
    if let Some(file) = path.strip_prefix(GZIP).filter(|file| file.starts_with('/') && !file.starts_with("/vsi")) {
        return Some(Inside { archive: PathBuf::from(file), member: String::new(), is_zip: false });
    }
    let (system, endings) = SYSTEMS.iter().find(|(system, _)| path.starts_with(system))?;
    let rest = path.get(system.len()..)?;
    let is_zip = *system == "/vsizip/";
    let of = |archive: &str, member: &str| {
        let is_local = archive.starts_with('/') && !archive.starts_with("/vsi");
        let member = member.trim_start_matches('/').to_owned();
        is_local.then(|| Inside { archive: PathBuf::from(archive), member, is_zip })
    };
    if let Some((archive, member)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return of(archive, member);
    }
    // A directory may be called like an archive: the first one that is a file is meant.
    let lower = rest.to_ascii_lowercase();
    let mut ends: Vec<usize> = endings
        .iter()
        .flat_map(|ending| lower.match_indices(ending).map(|(at, _)| at + ending.len()))
        .filter(|end| matches!(rest.as_bytes().get(*end), None | Some(b'/')))
        .collect();
    ends.sort_unstable();
    let is_file = |end: &&usize| rest.get(..**end).is_some_and(|archive| Path::new(archive).is_file());
    let end = *ends.iter().find(is_file).or_else(|| ends.last())?;
    of(rest.get(..end)?, rest.get(end..)?)
}

/// Tests the rule about sources that are not there.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    let directory = directory_of(context.subject.path);
    let mut tables: HashMap<PathBuf, Option<HashSet<String>>> = HashMap::new();
    let (mut no_archive, mut no_member) = (Group::default(), Group::default());
    let elsewhere = context.survey.targets.iter().filter(|target| matches!(target.place, Whereabouts::Nowhere));
    for target in elsewhere {
        let Some(found) = inside(&target.written) else { continue };
        let real = std::fs::canonicalize(directory.join(&found.archive)).unwrap_or_else(|_| found.archive.clone());
        if context.opener.policy.forbids(&real).is_some() {
            continue;
        }
        if !real.exists() {
            no_archive.add(|| (target, found));
            continue;
        }
        if !found.is_zip || found.member.is_empty() || (tables.len() >= MOST_ARCHIVES && !tables.contains_key(&real)) {
            continue;
        }
        let table = tables.entry(real).or_insert_with_key(|real| table(real));
        if table.as_ref().is_some_and(|table| !table.contains(&found.member)) {
            no_member.add(|| (target, found));
        }
    }
    report(context, no_archive, "is in an archive that does not exist", "are in archives that do not exist", findings);
    report(context, no_member, "is not in its archive", "are not in their archives", findings);
}

/// The names in an archive; `None` where it is none that can be read here.
fn table(path: &Path) -> Option<HashSet<String>> {
    let archive = Archive::open(path).ok()?;
    Some(archive.members().iter().map(|member| member.name.trim_end_matches('/').to_owned()).collect())
}

fn report(context: &Context<'_>, group: Group<(&Target, Inside)>, one: &str, many: &str, findings: &mut Findings) {
    let Some((target, found)) = group.first else { return };
    let subject = sentence(target, &context.survey.named_in(target), (group.count, context.survey.own), one, many);
    let archive = shorten(&found.archive.display().to_string());
    let message =
        format!("{subject} (looked for at {archive}). The store can be created; the tiles that touch it fail.");
    let fix = format!("Put {} back, or name the right file in {}.", quoted(&found.archive), context.subject.file());
    findings.push(Finding::new(&MISSING, message).at(target.location()).fix(fix).count(group.count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_told_from_what_is_in_them() {
        let of = |path: &str| {
            let found = inside(path)?;
            Some((found.archive.to_str()?.to_owned(), found.member))
        };
        let expected = |archive: &str, member: &str| Some((archive.to_owned(), member.to_owned()));
        assert_eq!(of("/vsizip//d/a.ZIP/b/c.tif"), expected("/d/a.ZIP", "b/c.tif"));
        assert_eq!(of("/vsizip//d.zip/a.zip"), expected("/d.zip/a.zip", ""));
        assert_eq!(of("/vsizip/{/d/a.bin}/c.tif"), expected("/d/a.bin", "c.tif"));
        assert_eq!(of("/vsitar//d/a.tar.gz/c.tif"), expected("/d/a.tar.gz", "c.tif"));
        assert_eq!(of("/vsigzip//d/a.tif.gz"), expected("/d/a.tif.gz", ""));
        for other in ["/vsizip/a.zip/b.tif", "/vsizip//vsicurl/https://x/a.zip/b", "/vsizip//d/a/b.tif", "/d/a.zip/b"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}

//! A directory as one ImageMosaic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parcelle_raster::geoserver::{self, Version};
use parcelle_raster::mosaic::Mosaic;
use parcelle_raster::{Depth, cog};
use parcelle_report::{FileKind, FileReport, Unexamined, Verdict};
use parcelle_storage::Files;
use rayon::prelude::*;
use serde_json::json;
use walkdir::WalkDir;

use super::find::{ends_with, is_named_tiff, unexamined};
use super::{CheckError, Extras, Profile, examine};

/// Files that are looked at before their structures are let go of.
const BATCH: usize = 512;

/// Files with something wrong that get an entry of their own; the others are counted in the entry of the mosaic.
const MOST_ENTRIES: usize = 100;

/// Endings that `ImageMosaicDirectoryWalker` leaves out, and those of files that belong to a raster.
const SIDE_ENDINGS: [&str; 30] = [
    "shp",
    "dbf",
    "sbn",
    "sbx",
    "shx",
    "qix",
    "lyr",
    "prj",
    "ncx2",
    "ncx3",
    "gbx9",
    "ncx",
    "properties",
    "svn-base",
    "tfw",
    "tifw",
    "wld",
    "pgw",
    "pngw",
    "gfw",
    "gifw",
    "jgw",
    "jpgw",
    "bpw",
    "bmpw",
    "ovr",
    "msk",
    "tab",
    "fix",
    "cpg",
];

/// What a directory holds.
#[derive(Debug, Default)]
struct Contents {
    rasters: Vec<PathBuf>,
    virtual_rasters: Vec<PathBuf>,
    others: Vec<PathBuf>,
    unexamined: Vec<Unexamined>,
}

impl Contents {
    /// As the walker of GeoTools goes: below folders too, and past what is hidden.
    fn of(directory: &Path) -> Self {
        let mut contents = Self::default();
        let is_hidden =
            |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in WalkDir::new(directory)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !is_hidden(entry))
        {
            let path = match entry {
                Ok(entry) if entry.file_type().is_file() => entry.into_path(),
                Ok(_) => continue,
                Err(error) => {
                    let place = error.path().unwrap_or(directory).to_owned();
                    let reason = error.to_string();
                    contents.unexamined.push(unexamined(
                        &place,
                        reason,
                        "check the permissions and links of the directory",
                    ));
                    continue;
                }
            };
            let is_side = SIDE_ENDINGS.iter().any(|ending| ends_with(&path, ending))
                || path.to_string_lossy().to_ascii_lowercase().ends_with(".aux.xml");
            if is_named_tiff(&path) {
                contents.rasters.push(path);
            } else if ends_with(&path, "vrt") {
                contents.virtual_rasters.push(path);
            } else if !is_side {
                contents.others.push(path);
            }
        }
        contents
    }
}

/// Checks the files of a directory by themselves and as one mosaic. The entry of the mosaic comes first, then those of the
/// files with something wrong.
pub(super) fn directory(
    files: &Files,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
    extras: Extras,
    observer: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Vec<FileReport>, Vec<Unexamined>), CheckError> {
    if !path.is_dir() {
        let reason = match path.try_exists() {
            Ok(false) => "no such file or directory".to_owned(),
            _ => "only a directory can be checked as a mosaic, and this is none".to_owned(),
        };
        return Ok((
            Vec::new(),
            vec![unexamined(path, reason, "name the directory that holds the files of the mosaic")],
        ));
    }
    let table = |error: geoserver::TableError| CheckError::Table { reason: error.to_string() };
    let asked: Vec<Version> = profiles
        .iter()
        .filter_map(|profile| match profile {
            Profile::Geoserver(version) => *version,
            _ => None,
        })
        .collect();
    let version = asked.first().copied().map_or_else(geoserver::newest, Ok).map_err(table)?;
    let profiles = [Profile::Geoserver(Some(version))];
    let Contents { rasters, virtual_rasters, others, mut unexamined } = Contents::of(path);
    let mut mosaic = Mosaic::default();
    let mut kept: BTreeMap<String, FileReport> = BTreeMap::new();
    let total = rasters.len();
    for (batch, paths) in rasters.chunks(BATCH).enumerate() {
        let results: Vec<_> =
            paths.par_iter().map(|path| examine::granule(files, path, depth, &profiles, extras)).collect();
        for result in results {
            match result {
                Ok((report, parsed)) => {
                    let is_image = mosaic.add(&parsed.structure, &report.path, &report.compatibility);
                    if is_image {
                        mosaic.add_versions(&report.versions);
                    }
                    if report.verdict >= Verdict::Warning || !is_image {
                        kept.insert(report.path.clone(), report);
                    }
                }
                Err(missing) => unexamined.push(missing),
            }
        }
        observer((batch * BATCH + paths.len()).min(total), total);
    }
    let shown = |path: &PathBuf| path.display().to_string();
    virtual_rasters.iter().map(shown).for_each(|path| mosaic.add_virtual_raster(&path));
    others.iter().map(shown).for_each(|path| mosaic.add_other(&path));
    if mosaic.is_empty() && kept.is_empty() {
        if unexamined.is_empty() {
            let reason = "no file in this directory has the ending of a GeoTIFF (.tif, .tiff, .gtiff)".to_owned();
            unexamined.push(super::find::unexamined(
                path,
                reason,
                "name the directory that holds the files of the mosaic",
            ));
        }
        return Ok((Vec::new(), unexamined));
    }
    let judged = mosaic.judge(version, |one, other| same_bytes(files, one, other));
    for (path, findings) in judged.outliers {
        let known = kept.remove(&path);
        let report = known.map_or_else(
            || examine::granule(files, Path::new(&path), depth, &profiles, extras).map(|(report, _)| report),
            Ok,
        );
        match report {
            Ok(report) => {
                let all = report.findings.into_iter().chain(findings).collect();
                let mut again = FileReport::new(report.path, report.kind, all, report.facts);
                again.compatibility = report.compatibility;
                again.versions = report.versions;
                kept.insert(path, again);
            }
            Err(missing) => unexamined.push(missing),
        }
    }
    let mut facts = judged.facts;
    facts.insert("files_with_findings", json!(kept.len()));
    facts.insert("files_listed", json!(kept.len().min(MOST_ENTRIES)));
    let versions = mosaic.versions(geoserver::releases().map_err(table)?, &judged.findings);
    let mut whole = FileReport::new(path.display().to_string(), FileKind::Mosaic, judged.findings, facts);
    whole.versions = versions;
    whole.pictures = mosaic.picture().filter(|_| extras.pictures).into_iter().collect();
    whole.compatibility = judged.compatibility;
    // Where not all can be listed, the worst are.
    let mut kept: Vec<FileReport> = kept.into_values().collect();
    kept.sort_by_key(|report| std::cmp::Reverse(report.verdict));
    kept.truncate(MOST_ENTRIES);
    kept.sort_by(|left, right| left.path.cmp(&right.path));
    if extras.pictures {
        // Only of those that are listed: thousands of pictures would take more memory than all else.
        kept.par_iter_mut().for_each(|report| {
            report.pictures = examine::pictures(files, Path::new(&report.path)).unwrap_or_default();
        });
    }
    Ok((std::iter::once(whole).chain(kept).collect(), unexamined))
}

/// Whether two files have the same bytes; files that cannot be read have not.
fn same_bytes(files: &Files, one: &str, other: &str) -> bool {
    const PIECE: usize = 64 * 1024;
    let compare = || -> std::io::Result<bool> {
        let (one, other) = (files.open(Path::new(one))?, files.open(Path::new(other))?);
        if one.len() != other.len() {
            return Ok(false);
        }
        let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
        let mut offset = 0;
        while offset < one.len() {
            let count = one.read_at(offset, &mut left)?;
            if count == 0 || other.read_at(offset, &mut right)? != count || left.get(..count) != right.get(..count) {
                return Ok(false);
            }
            offset += count as u64;
        }
        Ok(true)
    };
    compare().unwrap_or(false)
}

/// The structure of a file, which [`Mosaic::add`] looks at.
pub(super) type Parsed = cog::Parsed;

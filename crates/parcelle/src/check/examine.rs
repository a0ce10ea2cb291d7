//! One file: what it is, and what its rules say.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parcelle_geoparquet::check as geoparquet;
use parcelle_raster::cog::LayoutProfile;
use parcelle_raster::{Checked, Depth, cog, geoserver, mend, vrt};
use parcelle_report::{Compatibility, FileKind, FileReport, Unexamined};
use parcelle_storage::{ByteSource, LocalFile};

use super::Profile;
use super::find::{ends_with, is_named_parquet, is_named_tiff, unexamined};

/// As many bytes as GDAL looks at to recognise a file.
pub(super) const HEAD_BYTES: usize = 1024;

pub(super) fn file(
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
    options: &vrt::VrtOptions,
) -> Result<FileReport, Unexamined> {
    let failed = |error: &io::Error| refuse(path, error);
    let source = LocalFile::open(path).map_err(|error| failed(&error))?;
    let mut head = [0; HEAD_BYTES];
    let length = source.read_at(0, &mut head).map_err(|error| failed(&error))?;
    let kind = kind(head.get(..length).unwrap_or_default(), path);
    let has_rules = profiles.iter().any(|profile| profile.judges(kind));
    if kind == FileKind::Geoparquet && has_rules {
        let options = geoparquet::CheckOptions { depth: rows(depth) };
        let checked = geoparquet::check(Arc::new(source), &path.display().to_string(), &options);
        return Ok(geoparquet_report(path.display().to_string(), checked.map_err(|error| failed(&error))?));
    }
    let checked = match kind {
        FileKind::Geotiff if has_rules => geotiff(&source, path, depth, profiles),
        FileKind::Vrt if has_rules => virtual_raster(&source, path, profiles, options),
        kind => return Err(no_rules(path, kind, profiles)),
    };
    let (Checked { findings, facts }, compatibility) = checked.map_err(|error| failed(&error))?;
    let mut report = FileReport::new(path.display().to_string(), kind, findings, facts);
    report.compatibility = compatibility;
    Ok(report)
}

/// As deep in rows as in tiles.
pub(super) const fn rows(depth: Depth) -> geoparquet::CheckDepth {
    match depth {
        Depth::Header => geoparquet::CheckDepth::Footer,
        Depth::Tiles => geoparquet::CheckDepth::Sample,
        Depth::Pixels => geoparquet::CheckDepth::Everything,
    }
}

/// What is reported of a GeoParquet file.
pub(super) fn geoparquet_report(name: String, checked: geoparquet::CheckedFile) -> FileReport {
    let mut report = FileReport::new(name, FileKind::Geoparquet, checked.findings, checked.facts);
    report.compatibility = checked.compatibility;
    report
}

fn geotiff(
    source: &LocalFile,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
) -> io::Result<(Checked, Vec<Compatibility>)> {
    let parsed = cog::Parsed::read(source)?;
    parsed_geotiff(&parsed, source, path, depth, profiles)
}

fn parsed_geotiff(
    parsed: &cog::Parsed,
    source: &LocalFile,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
) -> io::Result<(Checked, Vec<Compatibility>)> {
    let name = path.display().to_string();
    let layout: Vec<LayoutProfile> = profiles.iter().filter_map(|profile| profile.layout()).collect();
    let mut checked = if layout.is_empty() {
        Checked { findings: Vec::new(), facts: parsed.facts(source, &name) }
    } else {
        let options = cog::CogOptions { depth, ..Default::default() };
        let mut checked = cog::check_structure(parsed, source, &name, &options)?;
        checked.findings.extend(cog::check_side_files(path)?);
        let of_gdal = if layout.contains(&LayoutProfile::Gdal) {
            cog::gdal_findings(parsed, source, &name, depth)?
        } else {
            Vec::new()
        };
        checked.findings = cog::in_force(checked.findings, of_gdal, &layout);
        checked
    };
    let mut compatibility = Vec::new();
    for profile in profiles {
        let Profile::Geoserver(version) = profile else { continue };
        let version = version.map_or_else(geoserver::newest, Ok).map_err(io::Error::other)?;
        let beside = geoserver::Beside::of(path)?;
        let judged = geoserver::judge(&parsed.structure, &name, version, beside).map_err(io::Error::other)?;
        checked.findings.extend(judged.findings);
        compatibility.extend(judged.compatibility);
    }
    mend::merge(&mut checked.findings, &parsed.structure, path);
    Ok((checked, compatibility))
}

fn virtual_raster(
    source: &LocalFile,
    path: &Path,
    profiles: &[Profile],
    options: &vrt::VrtOptions,
) -> io::Result<(Checked, Vec<Compatibility>)> {
    let mut targets = vrt::Targets { gdal: profiles.contains(&Profile::Vrt), geoserver: Vec::new() };
    for profile in profiles {
        let Profile::Geoserver(version) = profile else { continue };
        targets.geoserver.push(version.map_or_else(geoserver::newest, Ok).map_err(io::Error::other)?);
    }
    vrt::examine(source, path, options, &targets)
}

/// Why a file of this kind is not examined.
pub(super) fn no_rules(path: &Path, kind: FileKind, profiles: &[Profile]) -> Unexamined {
    match kind {
        FileKind::Geotiff | FileKind::Vrt | FileKind::Geoparquet => {
            let names: Vec<_> = profiles.iter().map(|profile| profile.name()).collect();
            unexamined(
                path,
                format!("the profiles in force ({}) have no rules for a {}", names.join(", "), kind.as_str()),
                "leave --profile out, or add the profile of this kind of file",
            )
        }
        FileKind::Unknown | FileKind::Mosaic => unexamined(
            path,
            "neither its content nor its name is that of a GeoTIFF, a VRT or a GeoParquet file".to_owned(),
            "name GeoTIFF, VRT or GeoParquet files, or a directory of them",
        ),
    }
}

/// A file of a mosaic, with its structure. What is named as a TIFF and is none has no image, which its report says.
pub(super) fn granule(
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
) -> Result<(FileReport, super::mosaic::Parsed), Unexamined> {
    let examined = || -> io::Result<_> {
        let source = LocalFile::open(path)?;
        let parsed = cog::Parsed::read(&source)?;
        let (Checked { findings, facts }, compatibility) = parsed_geotiff(&parsed, &source, path, depth, profiles)?;
        let mut report = FileReport::new(path.display().to_string(), FileKind::Geotiff, findings, facts);
        report.compatibility = compatibility;
        Ok((report, parsed))
    };
    examined().map_err(|error| refuse(path, &error))
}

/// What a file is by its first bytes; by its name where they say nothing: a rule then says what is wrong with them.
pub(super) fn kind(head: &[u8], path: &Path) -> FileKind {
    let tiff = [b"II\x2A\0", b"MM\0\x2A", b"II\x2B\0", b"MM\0\x2B"];
    if tiff.iter().any(|magic| head.starts_with(*magic)) {
        FileKind::Geotiff
    } else if head.starts_with(b"PAR1") || head.starts_with(b"PARE") {
        FileKind::Geoparquet
    } else if vrt::looks_like_vrt(head) || ends_with(path, "vrt") {
        FileKind::Vrt
    } else if is_named_tiff(path) {
        FileKind::Geotiff
    } else if is_named_parquet(path) {
        FileKind::Geoparquet
    } else {
        FileKind::Unknown
    }
}

fn refuse(path: &Path, error: &io::Error) -> Unexamined {
    let (reason, hint) = match error.kind() {
        io::ErrorKind::NotFound => ("no such file or directory".to_owned(), "check the spelling and the directory"),
        io::ErrorKind::PermissionDenied => {
            ("permission denied".to_owned(), "run as a user who may read it, or change its permissions")
        }
        _ => (error.to_string(), "make sure that it is a regular file that this machine can read"),
    };
    unexamined(path, reason, hint)
}

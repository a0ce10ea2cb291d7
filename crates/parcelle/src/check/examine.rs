//! One file: what it is, and what its rules say.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parcelle_geoparquet::check as geoparquet;
use parcelle_raster::cog::LayoutProfile;
use parcelle_raster::{Checked, Depth, cog, geoserver, mend, vrt};
use parcelle_report::picture::Picture;
use parcelle_report::{Compatibility, FileKind, FileReport, Unexamined};
use parcelle_storage::{ByteSource, Files, Watched};

use super::find::{ends_with, is_named_parquet, is_named_tiff, unexamined};
use super::{Extras, Profile};

/// As many bytes as GDAL looks at to recognise a file.
pub(super) const HEAD_BYTES: usize = 1024;

/// What was found in a file.
#[derive(Default)]
pub(super) struct Examined {
    checked: Checked,
    compatibility: Vec<Compatibility>,
    versions: Vec<Compatibility>,
}

impl Examined {
    pub(super) fn report(self, path: &Path, kind: FileKind) -> FileReport {
        let Checked { findings, facts, pictures } = self.checked;
        let mut report = FileReport::new(path.display().to_string(), kind, findings, facts);
        report.compatibility = self.compatibility;
        report.versions = self.versions;
        report.pictures = pictures;
        report
    }
}

pub(super) fn file(
    path: &Path,
    profiles: &[Profile],
    options: &vrt::VrtOptions,
    extras: Extras,
) -> Result<FileReport, Unexamined> {
    let failed = |error: &io::Error| refuse(path, error);
    let opened = options.files.open(path).map_err(|error| failed(&error))?;
    // A file that ends before it should is one that somebody writes to.
    let source = Arc::new(Watched::new(opened));
    let mut head = [0; HEAD_BYTES];
    let length = source.read_at(0, &mut head).map_err(|error| failed(&error))?;
    let kind = kind(head.get(..length).unwrap_or_default(), path);
    let has_rules = profiles.iter().any(|profile| profile.judges(kind));
    if kind == FileKind::Geoparquet && has_rules {
        let options = geoparquet::CheckOptions { depth: rows(options.depth) };
        let checked = geoparquet::check(source, &path.display().to_string(), &options);
        return Ok(geoparquet_report(path.display().to_string(), checked.map_err(|error| failed(&error))?, extras));
    }
    let checked = match kind {
        FileKind::Geotiff if has_rules => geotiff(source.as_ref(), path, options.depth, profiles, extras),
        FileKind::Vrt if has_rules => virtual_raster(source.as_ref(), path, profiles, options, extras),
        kind => return Err(no_rules(path, kind, profiles)),
    };
    Ok(checked.map_err(|error| failed(&error))?.report(path, kind))
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
pub(super) fn geoparquet_report(name: String, checked: geoparquet::CheckedFile, extras: Extras) -> FileReport {
    let footer = checked.footer.as_ref().filter(|_| extras.pictures);
    let pictures = footer.map_or_else(Vec::new, geoparquet::pictures);
    let mut report = FileReport::new(name, FileKind::Geoparquet, checked.findings, checked.facts);
    report.compatibility = checked.compatibility;
    report.pictures = pictures;
    report
}

fn geotiff(
    source: &dyn ByteSource,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
    extras: Extras,
) -> io::Result<Examined> {
    let parsed = cog::Parsed::read(source)?;
    let mut examined = parsed_geotiff(&parsed, source, path, depth, profiles)?;
    if extras.pictures {
        examined.checked.pictures = cog::pictures(&parsed.structure);
    }
    if extras.versions && profiles.iter().any(|profile| matches!(profile, Profile::Geoserver(_))) {
        examined.versions = versions(&parsed, source, path, depth)?;
        geoserver::with_damage(
            &mut examined.versions,
            &parsed.structure,
            &examined.checked.findings,
            &examined.checked.facts,
        );
    }
    Ok(examined)
}

/// What no layout rules are asked for: the facts, and where pixels are to be decoded for GeoServer, whether they do.
pub(super) fn pixels_alone(
    parsed: &cog::Parsed,
    source: &dyn ByteSource,
    name: &str,
    depth: Depth,
    profiles: &[Profile],
) -> io::Result<Checked> {
    if depth < Depth::Pixels || !profiles.iter().any(|profile| matches!(profile, Profile::Geoserver(_))) {
        return Ok(Checked { facts: parsed.facts(source, name), ..Checked::default() });
    }
    let mut checked = cog::check_structure(parsed, source, name, &cog::CogOptions { depth, ..Default::default() })?;
    checked.findings.retain(|finding| geoserver::OF_PIXELS.contains(&finding.rule.id));
    Ok(checked)
}

/// What every version of GeoServer makes of a file.
fn versions(
    parsed: &cog::Parsed,
    source: &dyn ByteSource,
    path: &Path,
    depth: Depth,
) -> io::Result<Vec<Compatibility>> {
    let around = geoserver::Around::of(source, &parsed.structure, path, depth)?;
    let name = path.display().to_string();
    let mut versions = Vec::new();
    for version in geoserver::releases().map_err(io::Error::other)? {
        let judged = geoserver::judge(&parsed.structure, &name, *version, &around).map_err(io::Error::other)?;
        versions.extend(judged.compatibility);
    }
    Ok(versions)
}

/// The pictures of a file, made from its structure anew.
pub(super) fn pictures(files: &Files, path: &Path) -> io::Result<Vec<Picture>> {
    Ok(cog::pictures(&cog::Parsed::read(&*files.open(path)?)?.structure))
}

fn parsed_geotiff(
    parsed: &cog::Parsed,
    source: &dyn ByteSource,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
) -> io::Result<Examined> {
    let name = path.display().to_string();
    let layout: Vec<LayoutProfile> = profiles.iter().filter_map(|profile| profile.layout()).collect();
    let mut checked = if layout.is_empty() {
        pixels_alone(parsed, source, &name, depth, profiles)?
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
        let around = geoserver::Around::of(source, &parsed.structure, path, depth)?;
        let judged = geoserver::judge(&parsed.structure, &name, version, &around).map_err(io::Error::other)?;
        checked.findings.extend(judged.findings);
        compatibility.extend(judged.compatibility);
    }
    geoserver::with_damage(&mut compatibility, &parsed.structure, &checked.findings, &checked.facts);
    mend::merge(&mut checked.findings, &parsed.structure, path);
    Ok(Examined { checked, compatibility, versions: Vec::new() })
}

fn virtual_raster(
    source: &dyn ByteSource,
    path: &Path,
    profiles: &[Profile],
    options: &vrt::VrtOptions,
    extras: Extras,
) -> io::Result<Examined> {
    let mut targets = vrt::Targets { gdal: profiles.contains(&Profile::Vrt), geoserver: Vec::new() };
    for profile in profiles {
        let Profile::Geoserver(version) = profile else { continue };
        targets.geoserver.push(version.map_or_else(geoserver::newest, Ok).map_err(io::Error::other)?);
    }
    let asked = targets.geoserver.clone();
    if extras.versions && !asked.is_empty() {
        let others = geoserver::releases().map_err(io::Error::other)?;
        targets.geoserver.extend(others.iter().filter(|version| !asked.contains(version)));
    }
    let (checked, answers) = vrt::examine(source, path, options, &targets)?;
    let mut examined = Examined { checked, ..Examined::default() };
    if extras.versions {
        examined.versions = answers.iter().filter(|answer| answer.target == "geoserver").cloned().collect();
    }
    let is_asked = |answer: &Compatibility| {
        answer.target != "geoserver" || asked.iter().any(|version| version.to_string() == answer.version)
    };
    examined.compatibility = answers.into_iter().filter(is_asked).collect();
    Ok(examined)
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
    files: &Files,
    path: &Path,
    depth: Depth,
    profiles: &[Profile],
    extras: Extras,
) -> Result<(FileReport, super::mosaic::Parsed), Unexamined> {
    let examined = || -> io::Result<_> {
        let source = Watched::new(files.open(path)?);
        let parsed = cog::Parsed::read(&source)?;
        let mut examined = parsed_geotiff(&parsed, &source, path, depth, profiles)?;
        if extras.versions {
            examined.versions = versions(&parsed, &source, path, depth)?;
            geoserver::with_damage(
                &mut examined.versions,
                &parsed.structure,
                &examined.checked.findings,
                &examined.checked.facts,
            );
        }
        Ok((examined.report(path, FileKind::Geotiff), parsed))
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

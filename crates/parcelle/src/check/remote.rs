//! A file behind a URL: what is read of it, and how it is served.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parcelle_geoparquet::check as geoparquet;
use parcelle_raster::cog::{self, LayoutProfile, Published, Served};
use parcelle_raster::geoserver::{self, Access, Version};
use parcelle_raster::{Checked, Depth, mend};
use parcelle_report::{Compatibility, FileKind, FileReport, Finding, Outcome, Unexamined};
use parcelle_storage::http::{HttpClient, HttpError, HttpOptions, HttpProblem, HttpSource, without_secrets};
use parcelle_storage::{ByteSource, ReadAhead, Usage};
use serde_json::{Value, json};

use super::examine::{self, HEAD_BYTES};
use super::{Extras, Profile};

/// Bytes of a request that would be smaller: a request takes as long as so many bytes do at some megabytes per second.
const LEAST_READ: u64 = 32 * 1024;
/// Tiles that are looked at where no depth is asked for.
const FEW_TILES: usize = 16;
/// Tiles that are looked at with depth `tiles`: each may take two requests.
const MANY_TILES: usize = 512;
/// What is spent on one file but for decoding it.
const MOST_REQUESTS: u64 = 2000;
const MOST_BYTES: u64 = 512 * 1024 * 1024;

type Remote = ReadAhead<HttpSource>;

/// The client where the caller has none.
pub(super) fn client(depth: Option<Depth>, timeout: Option<Duration>) -> HttpClient {
    let mut limits = match depth {
        Some(Depth::Pixels) => HttpOptions::default(),
        _ => HttpOptions { most_requests: MOST_REQUESTS, most_bytes: MOST_BYTES, ..HttpOptions::default() },
    };
    if let Some(timeout) = timeout {
        limits.connect_timeout = limits.connect_timeout.min(timeout);
        (limits.read_timeout, limits.patience) = (timeout, timeout);
    }
    HttpClient::new(limits)
}

pub(super) fn file(
    name: &str,
    depth: Option<Depth>,
    profiles: &[Profile],
    client: &HttpClient,
    extras: Extras,
) -> Result<FileReport, Unexamined> {
    let shown = without_secrets(name);
    let failed = |error: &io::Error| refuse(&shown, error);
    let environment = |name: &str| std::env::var(name).ok();
    let opened = HttpSource::open(client, name, &environment).map_err(|error| failed(&error.into()))?;
    let mut head = [0; HEAD_BYTES];
    let length = opened.read_at(0, &mut head).map_err(|error| failed(&error))?;
    let source = ReadAhead::new(opened, LEAST_READ);
    let path = shown.split(['?', '#']).next().unwrap_or_default();
    let kind = examine::kind(head.get(..length).unwrap_or_default(), Path::new(path));
    let judged = profiles.iter().any(|profile| profile.judges(kind));
    if kind == FileKind::Geoparquet && judged && !source.source().answers_ranges() {
        return Err(without_ranges_at_all(&shown));
    }
    if kind == FileKind::Geoparquet && judged {
        // Pages follow each other: what one request brings serves the next reads, too.
        let source = Arc::new(source);
        let options = geoparquet::CheckOptions { depth: depth.map_or(geoparquet::CheckDepth::Footer, examine::rows) };
        let checked = geoparquet::check(Arc::clone(&source) as Arc<dyn ByteSource>, path, &options);
        let mut report = examine::geoparquet_report(shown.clone(), checked.map_err(|error| failed(&error))?, extras);
        // The first request was made when the file was opened.
        let spent = source.usage();
        report.facts.insert("requests", json!(spent.requests));
        report.facts.insert("bytes_read", json!(spent.bytes));
        report.facts.insert("content_type", source.source().content_type().map_or(Value::Null, Value::from));
        return Ok(report);
    }
    if kind != FileKind::Geotiff || !judged {
        return Err(other_kind(&shown, kind, profiles));
    }
    let judged = geotiff(&source, &shown, depth, profiles, extras).map_err(|error| failed(&error))?;
    let Checked { findings, facts, pictures } = judged.checked;
    let mut report = FileReport::new(shown, kind, findings, facts);
    report.compatibility = judged.compatibility;
    report.versions = judged.versions;
    report.pictures = pictures;
    Ok(report)
}

/// What was found in a GeoTIFF.
struct Judged {
    checked: Checked,
    compatibility: Vec<Compatibility>,
    versions: Vec<Compatibility>,
}

fn geotiff(
    source: &Remote,
    name: &str,
    depth: Option<Depth>,
    profiles: &[Profile],
    extras: Extras,
) -> io::Result<Judged> {
    // The first request was made when the file was opened.
    let parsed = match cog::Parsed::read(source) {
        Ok(parsed) => Some(parsed.since(Usage::default())),
        // All that there is to say of such a file is how it is served.
        Err(error) if is_without_ranges(&error) => None,
        Err(error) => return Err(error),
    };
    let layout: Vec<LayoutProfile> = profiles.iter().filter_map(|profile| profile.layout()).collect();
    let in_force = !layout.is_empty();
    // GDAL's validator, too, does not read all of a remote file unless it is told to.
    let of_gdal = match &parsed {
        Some(parsed) if layout.contains(&LayoutProfile::Gdal) => {
            cog::gdal_findings(parsed, source, name, depth.unwrap_or(Depth::Header))?
        }
        _ => Vec::new(),
    };
    let (depth, most_tiles) = match depth {
        None => (Depth::Tiles, Some(FEW_TILES)),
        Some(Depth::Tiles) => (Depth::Tiles, Some(MANY_TILES)),
        Some(depth) => (depth, None),
    };
    let options = cog::CogOptions { depth, most_tiles };
    let mut checked = match &parsed {
        Some(parsed) if in_force => match cog::check_structure(parsed, source, name, &options) {
            Err(error) if is_without_ranges(&error) => {
                let options = cog::CogOptions { depth: Depth::Header, ..options };
                cog::check_structure(parsed, source, name, &options)?
            }
            checked => checked?,
        },
        Some(parsed) => examine::pixels_alone(parsed, source, name, depth, profiles)?,
        None => Checked { facts: BTreeMap::from([("file_bytes", json!(source.len()))]), ..Checked::default() },
    };
    let served = served(source.source(), in_force);
    let told = cog::check_served(&served, parsed.as_ref().filter(|_| in_force));
    checked.findings.extend(told);
    if in_force {
        checked.findings = cog::in_force(checked.findings, of_gdal, &layout);
    }
    let around = match &parsed {
        Some(parsed) if depth > Depth::Header && served.ranges => geoserver::Around::remote(source, &parsed.structure)?,
        _ => geoserver::Around::default(),
    };
    let mut compatibility = Vec::new();
    for profile in profiles {
        let Profile::Geoserver(version) = profile else { continue };
        let version = version.map_or_else(geoserver::newest, Ok).map_err(io::Error::other)?;
        let (findings, answers) = answers(parsed.as_ref(), &around, name, version, served.ranges)?;
        checked.findings.extend(findings);
        compatibility.extend(answers);
    }
    let mut versions = Vec::new();
    if extras.versions && profiles.iter().any(|profile| matches!(profile, Profile::Geoserver(_))) {
        for version in geoserver::releases().map_err(io::Error::other)? {
            versions.extend(answers(parsed.as_ref(), &around, name, *version, served.ranges)?.1);
        }
    }
    if let Some(parsed) = &parsed {
        geoserver::with_damage(&mut compatibility, &parsed.structure, &checked.findings, &checked.facts);
        geoserver::with_damage(&mut versions, &parsed.structure, &checked.findings, &checked.facts);
    }
    if let Some(parsed) = parsed.as_ref().filter(|_| extras.pictures) {
        checked.pictures = cog::pictures(&parsed.structure);
    }
    if let Some(parsed) = &parsed {
        mend::merge(&mut checked.findings, &parsed.structure, Path::new(name));
    }
    let spent = source.usage();
    checked.facts.insert("requests", json!(spent.requests));
    checked.facts.insert("bytes_read", json!(spent.bytes));
    checked.facts.insert("content_type", source.source().content_type().map_or(Value::Null, Value::from));
    Ok(Judged { checked, compatibility, versions })
}

/// What a version of GeoServer says of a file behind a URL.
fn answers(
    parsed: Option<&cog::Parsed>,
    around: &geoserver::Around,
    name: &str,
    version: Version,
    has_ranges: bool,
) -> io::Result<(Vec<Finding>, Vec<Compatibility>)> {
    let (findings, mut answers) = match parsed {
        Some(parsed) => {
            let access = [Access::CogHttp];
            let judged = geoserver::judge_by(&access, &parsed.structure, name, version, around);
            let judged = judged.map_err(io::Error::other)?;
            (judged.findings, judged.compatibility)
        }
        None => {
            let answer = Compatibility {
                target: "geoserver".to_owned(),
                version: version.to_string(),
                access: Access::CogHttp.as_str().to_owned(),
                outcome: Outcome::Fails,
                because: Vec::new(),
                detail: String::new(),
                decoder: Some(Outcome::Fails),
            };
            (Vec::new(), vec![answer])
        }
    };
    if !has_ranges {
        answers.iter_mut().for_each(|answer| without_ranges(answer, parsed));
    }
    Ok((findings, answers))
}

/// What GeoServer's reader, which takes whatever comes for what it asked for, makes of the beginning of the file in the place of
/// a tile: no compressed stream, or pixels.
fn without_ranges(answer: &mut Compatibility, parsed: Option<&cog::Parsed>) {
    let main = parsed.and_then(|parsed| parsed.structure.main()?.image);
    let is_stored = main.is_some_and(|image| image.compression == 1);
    let takes = |outcome: &mut Outcome| {
        if *outcome != Outcome::Fails {
            *outcome = if is_stored { Outcome::Misreads } else { Outcome::Fails };
        }
    };
    takes(&mut answer.outcome);
    if let Some(decoder) = &mut answer.decoder {
        takes(decoder);
    }
    answer.because.push(cog::NO_RANGE_ID);
}

/// How the server answers. Whether pages of other origins may read it takes a request, which is made for the layout rules only.
fn served(source: &HttpSource, asks: bool) -> Served {
    let published = (asks && source.is_web()).then(|| {
        let answer = source.cross_origin();
        Published {
            content_type: source.content_type().map(str::to_owned),
            allow_origin: answer.allow_origin,
            allow_headers: answer.allow_headers,
        }
    });
    Served { ranges: source.answers_ranges(), published }
}

fn is_without_ranges(error: &io::Error) -> bool {
    HttpError::of(error).is_some_and(|error| matches!(error.problem, HttpProblem::NoRange { .. }))
}

/// The footer of Parquet is at its end, which such a server gives to nobody who does not take all of it.
fn without_ranges_at_all(shown: &str) -> Unexamined {
    Unexamined {
        path: shown.to_owned(),
        reason: "the server does not answer ranges, and the footer of a GeoParquet file is at its end".to_owned(),
        hint: "enable byte ranges (web servers have them for files), or download the file and check the copy"
            .to_owned(),
    }
}

fn other_kind(shown: &str, kind: FileKind, profiles: &[Profile]) -> Unexamined {
    if kind == FileKind::Vrt && profiles.contains(&Profile::Vrt) {
        return Unexamined {
            path: shown.to_owned(),
            reason: "a VRT behind a URL cannot be checked yet: its sources are looked for beside it".to_owned(),
            hint: "download it with its sources and check the copy".to_owned(),
        };
    }
    examine::no_rules(Path::new(shown), kind, profiles)
}

fn refuse(shown: &str, error: &io::Error) -> Unexamined {
    let (reason, hint) = match HttpError::of(error) {
        Some(error) => (error.problem.to_string(), error.problem.way_out()),
        None => (error.to_string(), "try again, or download the file and check the copy"),
    };
    Unexamined { path: shown.to_owned(), reason, hint: hint.to_owned() }
}

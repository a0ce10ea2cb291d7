//! Rules about what makes a map slow: overviews that are missing, stale or of no use, and sources in strips.

use std::path::{Path, PathBuf};

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};

use super::super::references::{Place, directory_of, place_of};
use super::super::rules_speed::{LARGE as LARGE_SIDE, NO_OVERVIEWS, OVERVIEW_LIST};
use super::Context;
use super::group::{Group, sentence};
use super::open::Opened;
use crate::shell::quoted;

/// An overview that is not there.
pub(crate) static NO_OVERVIEW: Rule = Rule {
    id: "VRT-OVR-002",
    severity: Severity::Error,
    title: "The file of an <Overview> is missing, unreadable, or the VRT itself",
    why: "GDAL says nothing and reads the sources at full resolution instead: the map is right and slow, and whoever built \
          the overviews believes that they are in use.",
    fix: "gdaladdo -ro file.vrt 2 4 8 16",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::GetOverview; measured",
};

/// Overviews older than what they show.
pub(crate) static STALE: Rule = Rule {
    id: "VRT-OVR-004",
    severity: Severity::Warning,
    title: "The overviews are older than the VRT or one of its sources",
    why: "The .ovr file is a copy of what the sources held when it was made: at small scales the map shows that, at large \
          ones what the sources hold now.",
    fix: "gdaladdo -clean file.vrt, then gdaladdo again; from GDAL 3.8 on gdaladdo --partial-refresh-from-source-timestamp.",
    reference: "Computed from the times of change; GDAL doc/source/programs/gdaladdo.rst",
};

/// Sources in strips.
pub(crate) static STRIPS: Rule = Rule {
    id: "VRT-PERF-001",
    severity: Severity::Warning,
    title: "Sources are not tiled",
    why: "A map asks for squares. Of a raster in strips whole rows are read and unpacked for each of them, many times what \
          is shown.",
    fix: "gdal_translate -of COG, then build the VRT of that.",
    reference: "GDAL doc/source/drivers/raster/cog.rst; GeoSolutions training, \"Introduction to processing with GDAL\"",
};

/// Rasters smaller than this are read whole in no time.
const LARGE: u64 = 1 << 20;

/// By how much overviews make the raster smaller.
#[derive(Debug, Default)]
pub(crate) struct Overviews {
    /// Kept in files of the VRT.
    pub(crate) stored: Vec<u32>,
    /// Made of those of the sources.
    pub(crate) of_sources: Vec<u32>,
}

/// Tests the rules of this file.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    overview_files(context, findings);
    useless_list(context, findings);
    single_source(context, findings);
    stale(context, findings);
    strips(context, findings);
}

/// The `.ovr` file of the VRT.
fn own_overviews(context: &Context<'_>) -> Option<PathBuf> {
    let name = context.subject.path.file_name()?.to_string_lossy().into_owned();
    let path = context.subject.path.with_file_name(format!("{name}.ovr"));
    path.is_file().then_some(path)
}

/// What overviews the raster has, as GDAL finds them.
pub(crate) fn overviews_of(context: &Context<'_>) -> Overviews {
    let mut found = Overviews::default();
    let width = context.size.map_or(0, |(width, _)| u32::try_from(width).unwrap_or(0));
    let stored = own_overviews(context).and_then(|path| context.opener.external_overviews(&path, width));
    found.stored = stored.unwrap_or_default();
    let sources = || context.survey.targets.iter().take(context.survey.own).filter_map(|target| target.facts());
    let is_single = context.dataset.bands.iter().all(|band| band.sources.len() == 1);
    let list = context.dataset.overview_list.as_ref();
    let declared: Vec<u32> =
        list.map_or_else(Vec::new, |list| list.text.split_whitespace().filter_map(|word| word.parse().ok()).collect());
    if sources().all(|facts| !facts.overviews.is_empty()) {
        found.of_sources = match (declared.is_empty(), is_single) {
            (false, _) => declared,
            // Implicit ones exist for a single source only (`VRTDataset::BuildVirtualOverviews`).
            (true, true) => sources().next().map(|facts| facts.overviews.to_vec()).unwrap_or_default(),
            (true, false) => Vec::new(),
        };
    }
    found
}

fn overview_files(context: &Context<'_>, findings: &mut Findings) {
    let directory = directory_of(context.subject.path);
    let own = std::fs::canonicalize(context.subject.path).ok();
    let mut group = Group::default();
    let mut nameless = Group::default();
    for (band, number) in context.dataset.bands.iter().zip(1u32..) {
        for overview in &band.overviews {
            let Some(file) = &overview.file else {
                nameless.add(|| (number, overview.line));
                continue;
            };
            let reason = match place_of(file, &directory, context.subject.process) {
                Place::Local(path) => match context.opener.local(&path).0 {
                    Opened::Absent => Some("does not exist".to_owned()),
                    Opened::Failed(reason) => Some(format!("cannot be read ({reason})")),
                    _ if own.is_some() && std::fs::canonicalize(&path).ok() == own => {
                        Some("is the VRT itself".to_owned())
                    }
                    _ => None,
                },
                _ => None,
            };
            if let Some(reason) = reason {
                group.add(|| (number, file, reason));
            }
        }
    }
    if let Some((number, line)) = nameless.first {
        let mut place = super::super::at(line, "Overview");
        place.band = Some(number);
        let fix = format!("Remove the <Overview> on line {line} of {}, or name its file.", context.subject.file());
        let message = "An <Overview> names no <SourceFilename>: GDAL refuses the file.";
        findings.push(Finding::new(&NO_OVERVIEW, message).at(place).fix(fix).count(nameless.count));
    }
    let Some((number, file, reason)) = group.first else { return };
    let path = super::super::shorten::shorten(&file.path);
    let message = match group.count {
        1 => format!("<Overview> {path} {reason}: GDAL reads the sources at full resolution, without a message."),
        count => format!(
            "{} <Overview> cannot be used, first: {path} {reason}; GDAL reads the sources at full resolution, without a \
             message.",
            grouped(count)
        ),
    };
    let mut place = super::super::at(file.line, "Overview");
    (place.band, place.source) = (Some(number), Some(file.path.to_string()));
    let fix = format!("gdaladdo -ro {} 2 4 8 16", context.subject.file());
    findings.push(Finding::new(&NO_OVERVIEW, message).at(place).fix(fix).count(group.count));
}

fn useless_list(context: &Context<'_>, findings: &mut Findings) {
    let Some(list) = context.dataset.overview_list.as_ref().filter(|list| !list.text.trim().is_empty()) else { return };
    let own = context.survey.targets.iter().take(context.survey.own);
    let (mut without, mut opened) = (Group::default(), 0u64);
    for target in own {
        let Some(facts) = target.facts() else { continue };
        opened += 1;
        // The smallest rasters need none.
        if facts.overviews.is_empty() && facts.width.max(facts.height) > 512 {
            without.add(|| target);
        }
    }
    let Some(target) = without.first else { return };
    let subject = sentence(target, "", (without.count, opened as usize), "has no overviews", "have no overviews");
    let message = format!("<OverviewList> is of no use: {}.", lower(&subject));
    let path = quoted(&*target.written);
    let place = super::super::at(list.line, "VRTDataset/OverviewList");
    let fix = format!("gdaladdo -r average {path} 2 4 8 16");
    findings.push(Finding::new(&OVERVIEW_LIST, message).at(place).fix(fix).count(without.count));
}

/// Of a single source GDAL takes the overviews by itself, where it has some; mosaics are judged by their XML.
fn single_source(context: &Context<'_>, findings: &mut Findings) {
    let Some((width, height)) = context.size.filter(|(width, height)| width.max(height) > &i64::from(LARGE_SIDE))
    else {
        return;
    };
    let dataset = context.dataset;
    let has_own = dataset.overview_list.is_some()
        || dataset.bands.iter().any(|band| !band.overviews.is_empty())
        || own_overviews(context).is_some();
    if has_own || dataset.bands.is_empty() || dataset.bands.iter().any(|band| band.sources.len() != 1) {
        return;
    }
    let own = context.survey.targets.iter().take(context.survey.own);
    let mut without = own.filter(|target| target.facts().is_some_and(|facts| facts.overviews.is_empty()));
    let Some(target) = without.next() else { return };
    let message = format!(
        "{}x{} without overviews: source {} has none either, so that all its pixels are read at small scales.",
        grouped(width.unsigned_abs()),
        grouped(height.unsigned_abs()),
        target.shown()
    );
    let fix = format!("gdaladdo -r average {} 2 4 8 16 32", quoted(&*target.written));
    findings.push(Finding::new(&NO_OVERVIEWS, message).at(target.location()).fix(fix));
}

/// A sentence that goes on behind a colon.
fn lower(sentence: &str) -> String {
    sentence.strip_prefix("Source").map_or_else(|| sentence.to_owned(), |rest| format!("source{rest}"))
}

fn stale(context: &Context<'_>, findings: &mut Findings) {
    let Some(path) = own_overviews(context) else { return };
    let changed = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(made) = changed(&path) else { return };
    let newer = context.survey.targets.iter().filter(|target| target.modified.is_some_and(|time| time > made));
    let mut group = Group::default();
    newer.for_each(|target| group.add(|| target));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let message = match group.first {
        Some(target) => {
            let total = context.survey.targets.len();
            let one = format!("is newer than {name}");
            let many = format!("are newer than {name}");
            format!(
                "{}: at small scales the map shows what was there before.",
                sentence(target, "", (group.count, total), &one, &many)
            )
        }
        None if changed(context.subject.path).is_some_and(|time| time > made) => {
            group.count = 1;
            format!("The VRT is newer than {name}: at small scales the map shows what was there before.")
        }
        None => return,
    };
    let file = context.subject.file();
    let fix = format!("gdaladdo -clean {file} && gdaladdo -ro {file} 2 4 8 16");
    let place =
        group.first.map_or_else(|| super::super::at(context.dataset.line, "VRTDataset"), |target| target.location());
    findings.push(Finding::new(&STALE, message).at(place).fix(fix).count(group.count));
}

fn strips(context: &Context<'_>, findings: &mut Findings) {
    let mut group = Group::default();
    for target in &context.survey.targets {
        let Some(facts) = target.facts() else { continue };
        if facts.is_in_strips() && u64::from(facts.width) * u64::from(facts.height) >= LARGE {
            group.add(|| (target, facts.block.unwrap_or_default()));
        }
    }
    let Some((target, (columns, rows))) = group.first else { return };
    let named_in = context.survey.named_in(target);
    let total = (group.count, context.survey.own);
    let subject = sentence(target, &named_in, total, "is not tiled", "are not tiled");
    let message = format!("{subject} (blocks of {columns}x{rows}): whole rows are read for each tile of a map.");
    let path = quoted(&*target.written);
    let fix = format!("gdal_translate -of COG {path} TILED.tif, then build the VRT of that");
    let finding = Finding::new(&STRIPS, message).severity(Severity::Warning).at(target.location());
    findings.push(finding.fix(fix).count(group.count));
}

//! Rules about opening sources: whether that is possible, allowed, and where VRTs in VRTs lead.

use std::collections::HashMap;
use std::path::Path;

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};

use super::super::model::FileReference;
use super::super::streamed::SINCE;
use super::Context;
use super::group::{Group, sentence};
use super::open::{self, Opened};
use super::policy::Forbidden;
use super::survey::{Survey, Target, Whereabouts};
use crate::shell::quoted;

/// VRTs that refer to one another in a circle.
pub(crate) static CYCLE: Rule = Rule {
    id: "VRT-SRC-007",
    severity: Severity::Error,
    title: "VRTs refer to one another in a circle",
    why: "No pixel is at the end of a circle: GDAL opens the file, and reading gives up (\"Recursion detected\"). Behind \
          GeoServer every turn takes a place in GDAL's pool of datasets, so that other layers fail with it (\"Too many \
          threads are running for the current value of the dataset pool size\").",
    fix: "Rebuild one of the VRTs from the rasters themselves.",
    reference: "GDAL frmts/vrt/vrtsourcedrasterband.cpp, VRTSourcedRasterBand::IRasterIO (recursion counter); measured with \
                GDAL 3.6.2, 3.12.2 and imageio-ext 2.1",
};

/// A source is itself a VRT.
pub(crate) static NESTED: Rule = Rule {
    id: "VRT-SRC-008",
    severity: Severity::Warning,
    title: "A source is itself a VRT",
    why: "Each level of VRTs takes one more place in GDAL's pool of datasets (100 by default, 1000 at most) for every read \
          that is going on. With two levels, 60 reads at a time made GDAL 3.6.2 hang, and 100 failed (\"Too many threads \
          are running for the current value of the dataset pool size\"). Beyond 31 levels GDAL refuses to read.",
    fix: "Build one VRT of the rasters themselves: gdalbuildvrt mosaic.vrt FILES",
    reference: "GDAL gcore/gdalproxypool.cpp; frmts/vrt/vrtsourcedrasterband.cpp (32 levels); measured with GDAL 3.6.2",
};

/// The band is not there.
pub(crate) static NO_SUCH_BAND: Rule = Rule {
    id: "VRT-SRC-009",
    severity: Severity::Error,
    title: "SourceBand does not exist in the source",
    why: "GDAL looks for the band when a tile touches the source: the store and the layer can be created, and the tiles \
          over it fail (\"Illegal band\"). SourceBand is 1 where it is left out; 0 or no number refuses the whole file.",
    fix: "Rebuild the VRT with gdalbuildvrt, or name a band that the source has.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::OpenSource and XMLInit; measured",
};

/// A source cannot be opened.
pub(crate) static NOT_READABLE: Rule = Rule {
    id: "VRT-SRC-010",
    severity: Severity::Error,
    title: "A source cannot be opened or read",
    why: "GDAL opens the sources of a mosaic when a tile touches them: the store and the layer can be created, and the \
          tiles over a source that is empty, cut off or no raster fail.",
    fix: "Get the file again, or rebuild the VRT without it.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::RasterIO; measured with empty, cut off and foreign files",
};

/// The name is nearly right.
pub(crate) static SPELLING: Rule = Rule {
    id: "VRT-SRC-024",
    severity: Severity::Error,
    title: "A file name differs from the real one by case or blanks only",
    why: "Windows makes no difference between upper and lower case and drops blanks at the end of a name; Linux does not. \
          Such a VRT works where it was made, and its sources are missing on the server.",
    fix: "Write the name as the file has it.",
    reference: "path_resolution(7); measured with GDAL 3.6.2 and 3.12.2",
};

/// A source is a file that nobody should publish.
pub(crate) static SYSTEM_FILE: Rule = Rule {
    id: "VRT-SEC-001",
    severity: Severity::Error,
    title: "A source leaves the data directory, or is a file of the system",
    why: "GDAL opens whatever path a VRT names, with the rights of the server: who may upload a VRT can have any file \
          shown as pixels. A raw band on /etc/passwd gave its content back through GeoServer's reader and GDAL 3.6.2 \
          (GDAL 3.12 refuses that). Without --data-dir only paths into the system's own directories are told.",
    fix: "Remove the source, and let only trusted people upload VRTs.",
    reference: "GDAL issue 12645; GDAL doc/source/user/security.rst; measured with imageio-ext 2.1",
};

/// A source lies on a host that is not allowed.
pub(crate) static FOREIGN_HOST: Rule = Rule {
    id: "VRT-SEC-002",
    severity: Severity::Warning,
    title: "A source lies on a host that is not in the list of allowed ones",
    why: "The server fetches what a VRT names from inside its own network, where it may reach addresses that the person who \
          uploaded the VRT cannot (server-side request forgery). Told where --allow-host is given.",
    fix: "Remove the source, or allow its host with --allow-host.",
    reference: "GDAL doc/source/user/security.rst (network access)",
};

/// Levels at which GDAL gives up.
const MOST_LEVELS: u32 = 31;
/// Missing files whose names are looked for in another spelling.
const SPELLINGS: usize = 1000;

/// Tests the rules of this file; gives the levels of VRTs, of which this file is one.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) -> u32 {
    bands(context, findings);
    unreadable(context, findings);
    streamed(context, findings);
    spelling(context, findings);
    safety(context, findings);
    levels(context, findings)
}

fn bands(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    let mut refused = Group::default();
    for used in survey.uses.iter().filter(|used| used.source.band().is_none()) {
        refused.add(|| used);
    }
    if let Some(used) = refused.first {
        let text = super::super::shorten::shorten(used.source.source_band.as_deref().unwrap_or_default());
        let message = format!("SourceBand \"{text}\" is no number of a band, from 1 on: GDAL refuses the file.");
        let mut place = super::super::at(used.source.line, "SourceBand");
        place.band = Some(used.band);
        let fix = format!("Write 1 as <SourceBand> on line {} of {}.", used.source.line, context.subject.file());
        findings.push(Finding::new(&NO_SUCH_BAND, message).at(place).fix(fix).count(refused.count));
    }
    let mut group = Group::default();
    for used in &survey.uses {
        if used.source.kind == super::super::model::SourceKind::Array {
            continue;
        }
        let (Some(band), Some(target)) = (used.source.band(), survey.target(used)) else { continue };
        let Some(facts) = target.facts() else { continue };
        if band.number() > 0 && facts.bands.get(band.number()).is_none() {
            group.add(|| (target, used.source.line, Some(used.band), band.number(), facts.bands.count()));
        }
    }
    for (file, line, number) in computed_from(context) {
        let Some(target) = survey.targets.iter().find(|target| target.through.is_none() && target.written == file.path)
        else {
            continue;
        };
        let Some(facts) = target.facts() else { continue };
        if facts.bands.get(number).is_none() {
            group.add(|| (target, line, None, number, facts.bands.count()));
        }
    }
    for vrt in survey.nested() {
        for (number, highest) in survey.links(vrt) {
            let Some((target, facts, band)) =
                survey.targets.get(*number as usize).and_then(|target| Some((target, target.facts()?, (*highest)?)))
            else {
                continue;
            };
            if facts.bands.get(band).is_none() {
                group.add(|| (target, target.line, target.band, band, facts.bands.count()));
            }
        }
    }
    let Some((target, line, band, number, count)) = group.first else { return };
    let has = |count: u32| if count == 1 { "1 band".to_owned() } else { format!("{count} bands") };
    let subject = sentence(
        target,
        &survey.named_in(target),
        (group.count, survey.uses.len()),
        &format!("has no band {number}: it has {}", has(count)),
        "are read in a band that they do not have",
    );
    let detail = if group.count == 1 { String::new() } else { format!(" (band {number} of {})", has(count)) };
    let mut place = super::super::at(line, "SourceBand");
    (place.band, place.source) = (band, Some(target.written.to_string()));
    let message = format!("{subject}{detail}; the tiles over it fail.");
    let fix = format!("Write a band from 1 to {count} as <SourceBand> on line {line} of {}.", context.subject.file());
    findings.push(Finding::new(&NO_SUCH_BAND, message).at(place).fix(fix).count(group.count));
}

/// The bands that a warped or pansharpened dataset reads: the file, the line, the number of the band.
fn computed_from<'a>(context: &Context<'a>) -> Vec<(&'a FileReference, u32, i32)> {
    let mut bands = Vec::new();
    if let Some(options) = &context.dataset.warp_options
        && let Some(file) = &options.source
    {
        bands.extend(options.band_mappings.iter().map(|(from, _)| (file, options.line, *from)));
    }
    if let Some(options) = &context.dataset.pansharpening {
        for band in options.panchromatic.iter().chain(&options.spectral) {
            let number = band.source_band.as_ref().map_or(Some(1), |field| field.leading_integer());
            bands.extend(band.file.as_ref().zip(number).map(|(file, number)| (file, band.line, number)));
        }
    }
    bands
}

fn unreadable(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    let mut group = Group::default();
    for target in &survey.targets {
        if let Opened::Failed(reason) = &target.opened {
            group.add(|| (target, reason));
        }
    }
    let Some((target, reason)) = group.first else { return };
    let subject =
        sentence(target, &survey.named_in(target), (group.count, survey.own), "cannot be read", "cannot be read");
    let message = format!("{subject}: {}.", reason.trim_end_matches('.'));
    let path = local(target).map_or_else(|| quoted(&*target.written), quoted);
    let fix = format!("Get the file again, and prove it: gdalinfo -checksum {path}");
    findings.push(Finding::new(&NOT_READABLE, message).at(target.location()).fix(fix).count(group.count));
}

fn streamed(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    let mut group = Group::default();
    for target in &survey.targets {
        if matches!(target.opened, Opened::Left(open::STREAMED)) {
            group.add(|| target);
        }
    }
    let Some(target) = group.first else { return };
    let (count, own) = (group.count, survey.own);
    let subject = sentence(target, &survey.named_in(target), (count, own), "is a GDALG", "are GDALGs");
    let target_gdal = &context.subject.target;
    let message = format!(
        "{subject}, run again for each read by GDAL 3.11 and newer; {} cannot open it.",
        if target_gdal.has(SINCE) { "an older GDAL".to_owned() } else { target_gdal.older() }
    );
    let path = local(target).map_or_else(|| quoted(&*target.written), quoted);
    let fix =
        format!("Run it once, with GDAL 3.11 or newer, and name what comes out: gdal_translate {path} RESULT.tif");
    let finding = Finding::new(&super::super::rules_kind::STREAMED, message).severity(target_gdal.need(SINCE));
    findings.push(finding.at(target.location()).fix(fix).count(count));
}

fn local(target: &Target) -> Option<&Path> {
    match &target.place {
        Whereabouts::Local(path) | Whereabouts::Raw(path) => Some(path),
        _ => None,
    }
}

fn spelling(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    let absent = survey.targets.iter().filter(|target| matches!(target.opened, Opened::Absent));
    let mut group = Group::default();
    for target in absent.take(SPELLINGS) {
        let Some(path) = local(target) else { continue };
        if let Some(real) = context.opener.directories.like(path) {
            group.add(|| (target, real));
        }
    }
    let Some((target, real)) = group.first else { return };
    let named_in = survey.named_in(target);
    let tail = tail(&target.written, &real);
    let one = format!("differs only by case or blanks from the file {tail}");
    let many = "differ only by case or blanks from files that are there";
    let mut message = sentence(target, &named_in, (group.count, survey.own), &one, many);
    if group.count > 1 {
        message.push_str(&format!(" (the file is {tail})"));
    }
    message.push_str(": on Linux it is missing.");
    let fix = format!("In {}, write {tail} on line {}.", context.subject.file(), target.line);
    findings.push(Finding::new(&SPELLING, message).at(target.location()).fix(fix).count(group.count));
}

/// As many of the last parts of the real path as the written one has.
fn tail(written: &str, real: &Path) -> String {
    let parts = written.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").count();
    let all: Vec<_> = real.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    all.get(all.len().saturating_sub(parts.max(1))..).unwrap_or_default().join("/")
}

fn safety(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    for (kind, what, many) in [
        (Forbidden::System, "is a file of the system", "are files of the system"),
        (Forbidden::Outside, "lies outside of the data directory", "lie outside of the data directory"),
    ] {
        let mut group = Group::default();
        for target in &survey.targets {
            if let Opened::Forbidden(found, real) = &target.opened
                && *found == kind
            {
                group.add(|| (target, real));
            }
        }
        let Some((target, real)) = group.first else { continue };
        let subject = sentence(target, &survey.named_in(target), (group.count, survey.own), what, many);
        let message = format!(
            "{subject} ({}): whoever may upload such a VRT has files shown that are not meant to be.",
            super::super::shorten::shorten(&real.display().to_string())
        );
        let fix = format!("Remove the source on line {} of {}.", target.line, context.subject.file());
        findings.push(Finding::new(&SYSTEM_FILE, message).at(target.location()).fix(fix).count(group.count));
    }
    let mut group = Group::default();
    for target in &survey.targets {
        if let Whereabouts::Remote(remote) = &target.place
            && !context.opener.policy.allows_host(&remote.host)
        {
            group.add(|| (target, &remote.host));
        }
    }
    let Some((target, host)) = group.first else { return };
    let named_in = survey.named_in(target);
    let host = super::super::shorten::shorten(host);
    let subject = sentence(
        target,
        &named_in,
        (group.count, survey.own),
        &format!("lies on the host {host}, which is not allowed"),
        "lie on hosts that are not allowed",
    );
    let fix = format!("Remove the source on line {}, or add --allow-host {}.", target.line, quoted(&host));
    let message = format!("{subject}.");
    findings.push(Finding::new(&FOREIGN_HOST, message).at(target.location()).fix(fix).count(group.count));
}

/// How deep VRTs lie in one another, and whether they form a circle.
fn levels(context: &Context<'_>, findings: &mut Findings) -> u32 {
    let survey = context.survey;
    let mut walk = Walk { survey, own: own_number(context), depths: HashMap::new(), circle: None };
    let mut deepest = (0, None);
    for number in 0..survey.own as u32 {
        let depth = walk.depth(number);
        if depth > deepest.0 {
            deepest = (depth, Some(number));
        }
    }
    if let Some(circle) = walk.circle {
        report_circle(context, &circle, findings);
    }
    let (below, Some(number)) = deepest else { return 1 };
    let levels = below + 1;
    let Some(target) = survey.targets.get(number as usize) else { return levels };
    let vrts = survey.targets.iter().take(survey.own).filter(|target| matches!(target.opened, Opened::Vrt(..)));
    let count = vrts.count() as u64;
    let reads = super::mosaic::POOL / u64::from(levels);
    let subject = sentence(target, "", (count, survey.own), "is itself a VRT", "are themselves VRTs");
    let (severity, what) = if levels > MOST_LEVELS {
        (Severity::Error, format!("GDAL refuses to read through more than {MOST_LEVELS}"))
    } else {
        let what = format!(
            "every read takes {levels} places of GDAL's pool, so that {reads} reads at a time use up the default of {}",
            super::mosaic::POOL
        );
        (Severity::Warning, what)
    };
    let message = format!("{subject}, which makes {levels} levels: {what}.");
    let fix = format!(
        "Build one VRT of the rasters themselves (gdalbuildvrt -overwrite {} FILES), or give GeoServer \
         GDAL_MAX_DATASET_POOL_SIZE={} in its environment.",
        context.subject.file(),
        (200 * u64::from(levels)).clamp(100, 1000)
    );
    let finding = Finding::new(&NESTED, message).severity(severity).at(target.location()).fix(fix);
    findings.push(finding.count(count.max(1)));
    levels
}

/// The number of the file that is checked, where one of its VRTs names it again.
fn own_number(context: &Context<'_>) -> Option<u32> {
    let own = std::fs::canonicalize(context.subject.path).ok()?;
    let name = own.file_name()?.to_owned();
    let same = |target: &Target| {
        let Whereabouts::Local(path) = &target.place else { return false };
        path.file_name() == Some(&name) && std::fs::canonicalize(path).is_ok_and(|path| path == own)
    };
    let number = context.survey.targets.iter().position(same)?;
    u32::try_from(number).ok()
}

struct Walk<'a> {
    survey: &'a Survey<'a>,
    own: Option<u32>,
    /// Levels of VRTs from each one down; `None` while it is being walked.
    depths: HashMap<u32, Option<u32>>,
    circle: Option<Vec<u32>>,
}

impl Walk<'_> {
    fn depth(&mut self, start: u32) -> u32 {
        // What is open, and which of its links comes next.
        let mut path: Vec<(u32, usize)> = vec![(start, 0)];
        while let Some((number, next)) = path.last().copied() {
            let is_vrt =
                self.survey.targets.get(number as usize).is_some_and(|target| matches!(target.opened, Opened::Vrt(..)));
            if next == 0 {
                if self.own == Some(number) && self.circle.is_none() {
                    self.circle = Some(path.iter().map(|(number, _)| *number).collect());
                }
                if !is_vrt || self.own == Some(number) || matches!(self.depths.get(&number), Some(Some(_))) {
                    if !matches!(self.depths.get(&number), Some(Some(_))) {
                        self.depths.insert(number, Some(u32::from(is_vrt)));
                    }
                    path.pop();
                    continue;
                }
                self.depths.insert(number, None);
            }
            let link = self.survey.links(number).get(next).map(|(link, _)| *link);
            if let Some((_, next)) = path.last_mut() {
                *next += 1;
            }
            match link {
                Some(link) if matches!(self.depths.get(&link), Some(None)) => {
                    if self.circle.is_none() {
                        let from = path.iter().position(|(open, _)| *open == link).unwrap_or(0);
                        let open = path.get(from..).unwrap_or_default().iter().map(|(number, _)| *number);
                        self.circle = Some(open.chain([link]).collect());
                    }
                }
                Some(link) if matches!(self.depths.get(&link), Some(Some(_))) => {}
                Some(link) => path.push((link, 0)),
                None => {
                    let below = self.survey.links(number).iter();
                    let below = below.filter_map(|(link, _)| self.depths.get(link).copied().flatten()).max();
                    self.depths.insert(number, Some(below.unwrap_or(0) + 1));
                    path.pop();
                }
            }
        }
        self.depths.get(&start).copied().flatten().unwrap_or(0)
    }
}

fn report_circle(context: &Context<'_>, circle: &[u32], findings: &mut Findings) {
    let targets: Vec<&Target> =
        circle.iter().filter_map(|number| context.survey.targets.get(*number as usize)).collect();
    let Some(first) = targets.first() else { return };
    let mut names: Vec<String> = targets.iter().map(|target| target.shown()).collect();
    // A circle through the file that is checked begins with it.
    if names.len() == 1 || targets.last().is_some_and(|last| last.written != first.written) {
        let own = context.subject.path.file_name().map(|name| name.to_string_lossy().into_owned());
        names.insert(0, own.unwrap_or_default());
    }
    let length = names.len();
    if length > 6 {
        names.splice(3..length - 2, ["…".to_owned()]);
    }
    let message =
        format!("{} VRTs refer to one another in a circle: {}.", grouped(length as u64 - 1), names.join(" -> "));
    let fix = format!("Rebuild {} from the rasters themselves, with gdalbuildvrt.", context.subject.file());
    findings.push(Finding::new(&CYCLE, message).at(first.location()).fix(fix));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_of_the_path_as_was_written() {
        assert_eq!(tail("./src/A.TIF", Path::new("/data/x/src/a.tif")), "src/a.tif");
        assert_eq!(tail("A.TIF", Path::new("a.tif")), "a.tif");
    }
}

//! Rules about which part of a source goes where, and about bands and mosaics as a whole.

use std::sync::Arc;

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Group, Location, Rule, Severity};

use super::model::{Band, Dataset, DatasetKind, Rectangle, Source, SourceKind};
use super::{Subject, at};

/// A window outside of its source.
pub(crate) static OUTSIDE_SOURCE: Rule = Rule {
    id: "VRT-SRC-015",
    severity: Severity::Error,
    title: "A SrcRect lies outside of its source: nothing is read",
    why: "GDAL cuts the window off at the edges of the source and, where nothing is left, goes on without a message: the \
          area stays blank. Typical where a source was replaced by a smaller file.",
    fix: "Rebuild the VRT from its sources: gdalbuildvrt.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::GetSrcDstWindow, lines 1200 to 1230",
};

/// A window outside of the raster.
pub(crate) static OUTSIDE_RASTER: Rule = Rule {
    id: "VRT-SRC-016",
    severity: Severity::Error,
    title: "A DstRect lies outside of the raster: the source is never shown",
    why: "Requests never reach a place outside of rasterXSize and rasterYSize, so a source there is dead weight: the \
          size, or the place of the source, is wrong.",
    fix: "Rebuild the VRT from its sources: gdalbuildvrt.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::GetSrcDstWindow, lines 1044 to 1054",
};

/// A window that is none.
pub(crate) static WRONG_WINDOW: Rule = Rule {
    id: "VRT-SRC-017",
    severity: Severity::Error,
    title: "A SrcRect or DstRect is not valid",
    why: "GDAL refuses the file where a size is not above 0 or a value is no number that fits 32 bits (\"Wrong values in \
          SrcRect\"). Where one of the four attributes is missing, or one of the two windows, it takes -1 for it, and \
          nothing of the source is read, without a message.",
    fix: "Write xOff, yOff, xSize and ySize.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::ParseSrcRectAndDstRect, lines 733 to 802; measured with \
                GDAL 3.6.2",
};

/// A band without sources.
pub(crate) static NO_SOURCE: Rule = Rule {
    id: "VRT-SRC-019",
    severity: Severity::Warning,
    title: "A band has no source: it is blank",
    why: "A band is what its sources bring; without any it is filled with its nodata value or 0, and GDAL says so in a \
          debug message only.",
    fix: "Add the sources, or remove the band.",
    reference: "GDAL frmts/vrt/vrtsourcedrasterband.cpp, lines 2374 to 2379",
};

/// More sources than can be held open.
pub(crate) static MANY_SOURCES: Rule = Rule {
    id: "VRT-SRC-020",
    severity: Severity::Warning,
    title: "There are more sources than GDAL keeps open",
    why: "GDAL keeps GDAL_MAX_DATASET_POOL_SIZE files open, 100 by default: beyond that it closes and opens files at each \
          request. There is no spatial index either: every read looks at all sources of a band, one after the other.",
    fix: "Use a pyramid of VRTs with overviews, an ImageMosaic, a GTI index, or one COG; or raise \
          GDAL_MAX_DATASET_POOL_SIZE (to 1000 at most) and ulimit -n.",
    reference: "GDAL gcore/gdalproxypool.cpp, lines 504 to 512; frmts/vrt/vrtsourcedrasterband.cpp, lines 814 to 827; \
                https://github.com/qgis/QGIS/issues/58601",
};

/// A dataset inside a source.
pub(crate) static INLINE_DATASET: Rule = Rule {
    id: "VRT-SRC-026",
    severity: Severity::Error,
    title: "A <VRTDataset> inside a source needs GDAL 3.11",
    why: "Older versions look for a <SourceFilename>, find none, and refuse the file. It is a warning where no version is \
          stated (--gdal-version), an error where the stated one is older.",
    fix: "Write the inner dataset to a file of its own and name that, or upgrade the GDAL of GeoServer.",
    reference: "GDAL frmts/vrt/data/gdalvrt.xsd of the release branches; measured: 3.6.2 refuses, 3.12.2 reads",
};

/// The default of `GDAL_MAX_DATASET_POOL_SIZE`.
pub(in crate::vrt) const POOL: u64 = 100;

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    windows(subject, dataset, findings);
    blank_bands(subject, dataset, findings);
    many_sources(subject, dataset, findings);
}

/// Where a source is, for a group.
pub(super) fn place(band: u32, line: u32, source: &Source, inside: &str) -> Location {
    Location {
        line: Some(u64::from(line)),
        element: Some(format!("VRTDataset/VRTRasterBand/{}{inside}", source.element())),
        band: Some(band),
        source: source.files.first().map(|file| file.path.to_string()),
        ..Location::default()
    }
}

/// The name of a source in a group: its file, or the line it is on.
pub(super) fn name(source: &Source) -> Arc<str> {
    match source.files.first() {
        Some(file) if !file.path.is_empty() => Arc::clone(&file.path),
        _ => Arc::from(format!("(line {})", source.line)),
    }
}

/// The number of a band, a source of it, and the size of the raster it goes to.
type Placed<'a> = (u32, &'a Source, Option<(i32, i32)>);

/// The sources of the dataset and of those written inside them, with the size of the raster they go to.
fn all_sources(dataset: &Dataset) -> Vec<Placed<'_>> {
    let mut found = Vec::new();
    let mut waiting = vec![dataset];
    while let Some(dataset) = waiting.pop() {
        let size = dataset.size();
        let bands = (1..).zip(&dataset.bands);
        let masks = dataset.mask_bands.iter().map(|band| (0, band));
        for (number, band) in bands.chain(masks) {
            for source in band.sources.iter().chain(band.mask_bands.iter().flat_map(|mask| &mask.sources)) {
                found.push((number, source, size));
                waiting.extend(source.dataset.as_deref());
            }
        }
        waiting.extend(dataset.input.as_ref().and_then(|input| input.dataset.as_deref()));
    }
    found
}

/// The one of the two windows that is missing where the other one is there. An array has its own defaults.
fn lacks_one(source: &Source) -> Option<&'static str> {
    // One without any value is as good as none, and what else is wrong with one is told of itself.
    let is_empty = |window: &Rectangle| window.parts()[0].is_none() && window.edges().is_none();
    let window = |window: Option<&Rectangle>| window.filter(|window| !is_empty(window)).map(validity);
    match (window(source.source_rectangle()), window(source.target_rectangle())) {
        _ if source.kind == SourceKind::Array => None,
        (None, Some(Validity::Sound)) => Some("SrcRect"),
        (Some(Validity::Sound), None) => Some("DstRect"),
        _ => None,
    }
}

/// The worst that can be said of the windows of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    Sound,
    /// Some lack an attribute: nothing is read through them.
    Partial,
    /// GDAL refuses the file.
    Refused,
}

/// Looks at all windows of a dataset and of those inside it.
pub(super) fn windows_of(dataset: &Dataset) -> Windows {
    let mut worst = Windows::Sound;
    for (_, source, _) in all_sources(dataset) {
        if lacks_one(source).is_some() {
            worst = Windows::Partial;
        }
        for rectangle in [source.source_rectangle(), source.target_rectangle()].into_iter().flatten() {
            match validity(rectangle) {
                Validity::Refused => return Windows::Refused,
                Validity::Partial => worst = Windows::Partial,
                Validity::Sound => {}
            }
        }
    }
    worst
}

fn windows(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let sources = all_sources(dataset);
    let total = subject.distinct_sources(dataset);
    let file = subject.file();
    let rebuild = format!("Rebuild {file}, for example: gdalbuildvrt -overwrite {file} {}", subject.sources(dataset));
    let (mut wrong, mut partial, mut dead, mut blank) = (Group::new(), Group::new(), Group::new(), Group::new());
    let (mut single, mut loose) = (Group::new(), Group::new());
    let (mut first_wrong, mut first_lack, mut first_loose) = (None, None, None);
    for (band, source, size) in &sources {
        if let Some(lack) = lacks_one(source) {
            first_lack.get_or_insert(lack);
            single.add(&name(source), || place(*band, source.line, source, ""));
        }
        let rectangles = [("SrcRect", source.source_rectangle()), ("DstRect", source.target_rectangle())];
        for (element, rectangle) in rectangles {
            let Some(rectangle) = rectangle else { continue };
            let here = || place(*band, rectangle.line, source, &format!("/{element}"));
            match validity(rectangle) {
                Validity::Sound => {
                    if let Some((side, value)) = rectangle.loose() {
                        first_loose.get_or_insert((element, side, value));
                        loose.add(&name(source), here);
                    }
                }
                Validity::Refused => {
                    first_wrong.get_or_insert(element);
                    wrong.add(&name(source), here);
                }
                Validity::Partial => partial.add(&name(source), here),
            }
        }
        if let Some(window) = source.source_rectangle().filter(|window| validity(window) == Validity::Sound)
            && outside_source(source, window)
        {
            blank.add(&name(source), || place(*band, window.line, source, "/SrcRect"));
        }
        if let (Some(window), Some((columns, rows))) = (source.target_rectangle(), size)
            && validity(window) == Validity::Sound
            && let Some([left, top, right, bottom]) = window.edges()
            && (right <= 0.0 || bottom <= 0.0 || left >= f64::from(*columns) || top >= f64::from(*rows))
        {
            dead.add(&name(source), || place(*band, window.line, source, "/DstRect"));
        }
    }
    let element = first_wrong.unwrap_or("DstRect");
    let one = format!("has a {element} that is not valid");
    let many = format!("have a {element} that is not valid");
    if let Some(sentence) = wrong.sentence("source", total, &one, &many) {
        let fix = format!("{rebuild}  # sizes above 0, numbers that fit 32 bits");
        findings.extend(
            wrong.finding(|| Finding::new(&WRONG_WINDOW, format!("{sentence}: GDAL refuses the file.")).fix(fix)),
        );
    }
    let lack = first_lack.unwrap_or("SrcRect");
    let (one, many) = (format!("has no {lack}"), format!("have no {lack}"));
    if let Some(sentence) = single.sentence("source", total, &one, &many) {
        let message = format!(
            "{sentence}, where the other window is written: GDAL takes -1 for it and shows nothing, without a message."
        );
        findings.extend(single.finding(|| Finding::new(&WRONG_WINDOW, message).fix(rebuild.clone())));
    }
    let one = "has a SrcRect or DstRect without one of xOff, yOff, xSize, ySize";
    let many = "have a SrcRect or DstRect without one of xOff, yOff, xSize, ySize";
    if let Some(sentence) = partial.sentence("source", total, one, many) {
        let message = format!("{sentence}: GDAL takes -1 for it and reads nothing, without a message.");
        findings.extend(partial.finding(|| Finding::new(&WRONG_WINDOW, message).fix(rebuild.clone())));
    }
    if let Some((element, side, value)) = first_loose {
        let (one, many) = (
            format!("has a {element} whose {side} is no number"),
            format!("have a {element} whose {side} is no number"),
        );
        if let Some(sentence) = loose.sentence("source", total, &one, &many) {
            let message = format!("{sentence}: GDAL reads what it begins with ({value}), without a message.");
            let make = || Finding::new(&WRONG_WINDOW, message).severity(Severity::Warning).fix(rebuild.clone());
            findings.extend(loose.finding(make));
        }
    }
    let (one, many) = ("has a SrcRect outside of it", "have a SrcRect outside of them");
    if let Some(sentence) = blank.sentence("source", total, one, many) {
        let message = format!("{sentence}: nothing is read, without a message.");
        findings.extend(blank.finding(|| Finding::new(&OUTSIDE_SOURCE, message).fix(rebuild.clone())));
    }
    let (one, many) = ("has a DstRect outside of the raster", "have a DstRect outside of the raster");
    if let Some(sentence) = dead.sentence("source", total, one, many) {
        let message = format!("{sentence}: it is never shown.");
        findings.extend(dead.finding(|| Finding::new(&OUTSIDE_RASTER, message).fix(rebuild)));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Sound,
    /// GDAL opens no file with it.
    Refused,
    /// GDAL reads nothing with it.
    Partial,
}

/// An empty rectangle stands for the whole, and so does a size of -1.
fn validity(rectangle: &Rectangle) -> Validity {
    if rectangle.is_empty() {
        return Validity::Sound;
    }
    let all = rectangle.parts();
    let [x_offset, y_offset, x_size, y_size] = all;
    let least = f64::from(i32::MIN);
    let most = f64::from(i32::MAX);
    let offset = |value: Option<f64>| value.is_none_or(|value| value >= least && value <= most);
    let size = |value: Option<f64>| value.is_none_or(|value| (value > 0.0 || value == -1.0) && value <= most);
    if !(offset(x_offset) && offset(y_offset) && size(x_size) && size(y_size)) {
        return Validity::Refused;
    }
    if all.iter().any(Option::is_none) { Validity::Partial } else { Validity::Sound }
}

/// By what the file itself says of the source; whether that is true only the source can tell.
fn outside_source(source: &Source, window: &Rectangle) -> bool {
    let Some([left, top, right, bottom]) = window.edges() else { return false };
    let [_, _, width, height] = window.parts();
    if width == Some(-1.0) || height == Some(-1.0) {
        return false;
    }
    let size = source.properties.as_deref().and_then(|properties| Some((properties.width?, properties.height?)));
    let beyond = size.is_some_and(|(width, height)| left >= f64::from(width) || top >= f64::from(height));
    right <= 0.0 || bottom <= 0.0 || beyond
}

fn blank_bands(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    if dataset.kind() != DatasetKind::Classic || subject.document.limit.is_some() {
        return;
    }
    let takes_sources = |band: &Band| {
        let class = band.sub_class.as_ref().map_or("VRTSourcedRasterBand", |class| &class.text);
        class.eq_ignore_ascii_case("VRTSourcedRasterBand")
    };
    let blank = (1u32..).zip(&dataset.bands).filter(|(_, band)| band.sources.is_empty() && takes_sources(band));
    for (number, band) in blank {
        let mut place = at(band.line, "VRTDataset/VRTRasterBand");
        place.band = Some(number);
        let fix =
            format!("Add the sources of band {number} on line {} of {}, or remove it.", band.line, subject.file());
        findings
            .push(Finding::new(&NO_SOURCE, format!("Band {number} has no source: it is blank.")).at(place).fix(fix));
    }
}

fn many_sources(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let distinct = subject.distinct_sources(dataset);
    let Some((number, band)) = (1u32..).zip(&dataset.bands).max_by_key(|(_, band)| band.sources.len()) else { return };
    let of_band = band.sources.len() as u64;
    let message = if distinct > POOL {
        format!(
            "{} source files (more than {POOL} = GDAL_MAX_DATASET_POOL_SIZE): they are opened and closed at each request, \
             and every read looks at all of them.",
            grouped(distinct)
        )
    } else if of_band > POOL {
        format!("{} sources in band {number}: every read looks at all of them, there is no index.", grouped(of_band))
    } else {
        return;
    };
    let mut place = at(band.line, "VRTDataset/VRTRasterBand");
    place.band = Some(number);
    let fix = format!(
        "gdal_translate -of COG {} {}  # or an ImageMosaic of the sources; or set GDAL_MAX_DATASET_POOL_SIZE=1000",
        subject.file(),
        subject.computed()
    );
    findings.push(Finding::new(&MANY_SOURCES, message).at(place).fix(fix));
}

/// Tests the rule about datasets inside sources, which depends on the version of GDAL.
pub(super) fn check_inline_datasets(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let severity = subject.target.need((3, 11));
    let inside = |(_, source): &(u32, &Source)| source.dataset.is_some() && source.kind != SourceKind::Array;
    let mut found = dataset.sources().filter(inside);
    let Some((band, first)) = found.next() else { return };
    let count = 1 + found.count() as u64;
    let message = format!("<VRTDataset> inside a source needs GDAL 3.11: {} refuses the file.", subject.target.older());
    let fix = format!(
        "Write the <VRTDataset> on line {} of {} to a file, and name that as the source.",
        first.line,
        subject.file()
    );
    let place = place(band, first.line, first, "/VRTDataset");
    findings.push(Finding::new(&INLINE_DATASET, message).severity(severity).at(place).fix(fix).count(count));
}

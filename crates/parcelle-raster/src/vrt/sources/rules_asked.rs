//! What a VRT asks of a source that the source does not have: a colour table, an overview, more bytes, an array.

use std::path::Path;

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Severity};

use super::super::details::DataType;
use super::super::model::{Band, DatasetKind, Field, FileReference, SourceKind, leading_integer};
use super::super::rules_array::INCOMPLETE;
use super::super::rules_kind::PANSHARPENED;
use super::super::rules_raw;
use super::super::rules_window::OUTSIDE_SOURCE;
use super::Context;
use super::facts::RasterFacts;
use super::group::{Group, sentence};
use super::open::Opened;
use super::rules_open::NOT_READABLE;
use super::rules_place::{at, known};
use super::rules_values::COLORS;
use super::survey::{Target, Whereabouts};

/// Drivers of rasters that hold no arrays GDAL could hand out one by one.
const WITHOUT_ARRAYS: [&str; 3] = ["GTiff", "PNG", "JPEG"];

/// Tests the rules of this file.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    color_tables(context, findings);
    overview_levels(context, findings);
    arrays(context, findings);
    raw_bands(context, findings);
    bit_depth(context, findings);
}

/// `<ColorTableComponent>` of a source without colours: GDAL notices when a tile touches it
/// (`frmts/vrt/vrtsources.cpp`, `VRTComplexSource::RasterIOInternal`).
fn color_tables(context: &Context<'_>, findings: &mut Findings) {
    let mut group = Group::default();
    for (used, target, facts) in known(context) {
        let component = used.source.adjustments.as_ref().and_then(|list| list.color_table_component());
        let asks = component.is_some_and(|field| field.leading_integer().is_none_or(|number| number != 0));
        if asks && facts.palette.is_none() {
            group.add(|| (used, target));
        }
    }
    let Some((used, target)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let sentence = sentence(target, "", total, "has no colour table", "have no colour table");
    let message = format!("{sentence}, from which <ColorTableComponent> takes a colour: the tiles over it fail.");
    let fix = format!("Remove <ColorTableComponent> from line {} of {}.", used.source.line, context.subject.file());
    let finding = Finding::new(&COLORS, message).severity(Severity::Error);
    findings.push(finding.at(at(used, target, "ColorTableComponent")).fix(fix).count(group.count));
}

/// The overview that the open option `OVERVIEW_LEVEL` asks for, from 0.
fn overview_level(used: &super::survey::Use<'_>) -> Option<i32> {
    let option = used.source.open_options().iter().find(|option| option.name.eq_ignore_ascii_case("OVERVIEW_LEVEL"))?;
    let starts = option.value.trim_start().starts_with(|first: char| first.is_ascii_digit());
    leading_integer(&option.value).filter(|_| starts)
}

fn overview_levels(context: &Context<'_>, findings: &mut Findings) {
    let mut group = Group::default();
    for (used, target, facts) in known(context) {
        let Some(level) = overview_level(used) else { continue };
        // A VRT may have overviews that only its own sources tell of.
        if facts.driver != "VRT" && usize::try_from(level).is_ok_and(|level| level >= facts.overviews.len()) {
            group.add(|| (used, target, facts, level));
        }
    }
    let Some((used, target, facts, level)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let sentence = sentence(
        target,
        "",
        total,
        "does not have the overview that it is opened at",
        "do not have the overview that they are opened at",
    );
    let count = facts.overviews.len();
    let message = format!("{sentence} (OVERVIEW_LEVEL={level}, and it has {count} overviews): the tiles over it fail.");
    let fix = format!("gdaladdo {}  # or remove the open option", crate::shell::quoted(&*target.written));
    let finding = Finding::new(&NOT_READABLE, message);
    findings.push(finding.at(at(used, target, "OpenOptions/OOI")).fix(fix).count(group.count));
}

/// Arrays of files that have none: GDAL opens them with its drivers of arrays only, when it opens the VRT.
fn arrays(context: &Context<'_>, findings: &mut Findings) {
    // An element that lacks something is told of already.
    if context.subject.document.array_lacks.first.is_some() {
        return;
    }
    let mut group = Group::default();
    for used in context.survey.uses.iter().filter(|used| used.source.kind == SourceKind::Array) {
        let Some(target) = context.survey.target(used) else { continue };
        if target.facts().is_some_and(|facts| WITHOUT_ARRAYS.contains(&facts.driver)) {
            group.add(|| (used, target));
        }
    }
    let Some((used, target)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let sentence = sentence(target, "", total, "holds no arrays", "hold no arrays");
    let message = format!("{sentence}, and is read as an <ArraySource>: GDAL 3.8 and newer refuse the file.");
    let fix = format!("Make it a <SimpleSource> on line {} of {}.", used.source.line, context.subject.file());
    let finding = Finding::new(&INCOMPLETE, message);
    findings.push(finding.at(at(used, target, "ArraySource")).fix(fix).count(group.count));
}

/// Raw bands against the length of their file: GDAL takes what is beyond its end for zeros
/// (`gcore/rawdataset.cpp`, `RawRasterBand::AccessBlock`).
fn raw_bands(context: &Context<'_>, findings: &mut Findings) {
    let Some(size) = context.size else { return };
    let bands = (1u32..).zip(&context.dataset.bands).filter(|(_, band)| band.is_a("VRTRawRasterBand"));
    let bands = bands.filter(|(_, band)| rules_raw::refused(band).is_none());
    for (number, band) in bands {
        let Some(raw) = &band.raw_file else { continue };
        let Some(path) = raw_path(context, raw) else { continue };
        let (Some(needed), Ok(metadata)) = (raw_length(band, size), std::fs::metadata(path)) else { continue };
        let there = metadata.len();
        if !metadata.is_file() || needed <= there {
            continue;
        }
        let message = format!(
            "Band {number} needs {} bytes of {}, which has {}: what is beyond is read as 0, without a message.",
            grouped(needed),
            super::super::shorten::shorten(&raw.path),
            grouped(there)
        );
        let mut place = super::super::at(raw.line, "VRTDataset/VRTRasterBand/SourceFilename");
        (place.band, place.source) = (Some(number), Some(raw.path.to_string()));
        let fix = format!(
            "Correct ImageOffset, PixelOffset, LineOffset or the size in {}, or get the file again.",
            context.subject.file()
        );
        findings.push(Finding::new(&OUTSIDE_SOURCE, message).at(place).fix(fix));
    }
}

/// Where the bytes of a raw band are, if they may be looked at.
fn raw_path<'a>(context: &Context<'a>, raw: &FileReference) -> Option<&'a Path> {
    let named = |target: &&Target| target.through.is_none() && target.written == raw.path;
    let target = context.survey.targets.iter().find(named)?;
    match (&target.place, &target.opened) {
        (Whereabouts::Raw(path), Opened::Left(_)) => Some(path),
        _ => None,
    }
}

/// How long a file must be for a raw band; `None` where that is not known.
fn raw_length(band: &Band, (width, height): (i64, i64)) -> Option<u64> {
    let number = |field: &Option<Field>, otherwise: i64| match field {
        Some(field) => field.leading_integer().map(i64::from),
        None => Some(otherwise),
    };
    let sample = band.kind()?.bytes();
    let pixel = number(&band.pixel_offset, sample)?;
    let line = number(&band.line_offset, pixel.checked_mul(width)?)?;
    let start = number(&band.image_offset, 0)?;
    let last = [(height - 1).checked_mul(line)?, (width - 1).checked_mul(pixel)?, sample];
    // Lines may also be written from the last to the first.
    let end = last.iter().try_fold(start, |sum, part| sum.checked_add(*part));
    u64::try_from(end?.max(start)).ok()
}

/// The bits of a pansharpened VRT against the type of its bands (`alg/gdalpansharpen.cpp`,
/// `GDALPansharpenOperation::Initialize`).
fn bit_depth(context: &Context<'_>, findings: &mut Findings) {
    let dataset = context.dataset;
    let Some(options) = dataset.pansharpening.as_ref().filter(|_| dataset.kind() == DatasetKind::Pansharpened) else {
        return;
    };
    let Some(field) = &options.bit_depth else { return };
    let bits = field.leading_integer().unwrap_or(i32::MAX);
    let kind = options.panchromatic.first().and_then(|band| {
        let facts = facts_of(context, band.file.as_ref()?)?;
        let number = band.source_band.as_ref().map_or(Some(1), Field::leading_integer)?;
        facts.bands.get(number)?.kind
    });
    let most = match kind {
        Some(DataType::Byte) => 8,
        Some(DataType::UInt16) => 16,
        _ => 31,
    };
    if bits == 0 || (0..=most).contains(&bits) {
        return;
    }
    let of = kind.map_or_else(String::new, |kind| format!(", and the panchromatic band is {}", kind.name()));
    let message = format!(
        "Pansharpened VRT with a BitDepth of {}{of}: GDAL refuses the file.",
        super::super::shorten::shorten(&field.text)
    );
    let fix = format!("Write at most {most} as <BitDepth> on line {} of {}.", field.line, context.subject.file());
    let finding = Finding::new(&PANSHARPENED, message).severity(Severity::Error);
    let place = super::super::at(field.line, "VRTDataset/PansharpeningOptions/BitDepth");
    findings.push(finding.at(place).fix(fix));
}

fn facts_of<'a>(context: &Context<'a>, file: &FileReference) -> Option<&'a RasterFacts> {
    let named = |target: &&Target| target.through.is_none() && target.written == file.path;
    context.survey.targets.iter().find(named)?.facts()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_are_counted_to_the_last_sample() {
        let field = |text: &str| Some(Field { text: text.into(), line: 1 });
        let band = |offset: &str, pixel: Option<&str>, line: Option<&str>| Band {
            data_type: field("Int16"),
            image_offset: field(offset),
            pixel_offset: pixel.and_then(field),
            line_offset: line.and_then(field),
            ..Band::default()
        };
        assert_eq!(raw_length(&band("0", None, None), (10, 5)), Some(100));
        assert_eq!(raw_length(&band("7", Some("4"), Some("50")), (10, 5)), Some(7 + 4 * 50 + 9 * 4 + 2));
        assert_eq!(raw_length(&band("200", None, Some("-20")), (10, 5)), Some(200));
        assert_eq!(raw_length(&band("0", None, Some("99999999999")), (10, 5)), None);
    }
}

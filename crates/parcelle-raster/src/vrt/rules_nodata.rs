//! Rules about nodata values and masks.

use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::details::DataType;
use super::model::{Band, Dataset, Field};
use super::numbers::whole_number_text;
use super::shorten::shorten;
use super::{Subject, at};

/// Bands differ in nodata.
pub(crate) static DIFFERENT: Rule = Rule {
    id: "VRT-NODATA-001",
    severity: Severity::Warning,
    title: "The nodata value differs between bands",
    why: "GeoTools takes the nodata value of band 1 for the whole coverage: pixels that only another band hides are \
          shown, and those that look like the value of band 1 vanish.",
    fix: "Give all bands one nodata value, or add an alpha band.",
    reference: "GeoTools BaseGDALGridCoverage2DReader.java, lines 192 to 195",
};

/// A value no pixel can have.
pub(crate) static IMPOSSIBLE: Rule = Rule {
    id: "VRT-NODATA-002",
    severity: Severity::Warning,
    title: "The nodata value cannot occur in the type of the band, or is no number",
    why: "GDAL keeps the value as a double, reads text that is no number as 0, and compares pixels with what it became: \
          -9999 in a band of bytes hides nothing, and a rounded minimum of Float32 lies outside of that type.",
    fix: "Write a value of the type of the band.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::XMLInit",
};

/// Infinity.
pub(crate) static INFINITE: Rule = Rule {
    id: "VRT-NODATA-004",
    severity: Severity::Warning,
    title: "An infinite nodata value is ignored by GeoTools",
    why: "GeoTools leaves infinite values out of the nodata of a coverage, so that those pixels are drawn.",
    fix: "Use a finite value or NaN.",
    reference: "GeoTools RasterLayerResponse.java, line 347",
};

/// Hidden nodata.
pub(crate) static HIDDEN: Rule = Rule {
    id: "VRT-NODATA-005",
    severity: Severity::Warning,
    title: "HideNoDataValue makes the nodata value invisible to GeoServer",
    why: "GDAL then fills empty places with the value, but says to nobody that there is one: GeoServer draws those \
          pixels as any others.",
    fix: "Remove <HideNoDataValue>.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::GetNoDataValue",
};

/// A mask.
pub(crate) static MASK: Rule = Rule {
    id: "VRT-MASK-001",
    severity: Severity::Warning,
    title: "A mask band is never read by GeoServer: masked pixels are opaque",
    why: "imageio-ext never asks GDAL for a mask. What the mask hides in other software is drawn by GeoServer, mostly \
          black.",
    fix: "Use an alpha band (gdalbuildvrt -addalpha), or a footprint (.wkt, .shp) with FootprintBehavior.",
    reference: "imageio-ext gdalframework (there is no call of GetMaskBand); GeoTools BaseGDALGridCoverage2DReader.java, \
                lines 194 to 200",
};

/// Masks on two levels.
pub(crate) static MASK_TWICE: Rule = Rule {
    id: "VRT-MASK-002",
    severity: Severity::Error,
    title: "There are masks at the level of the dataset and of a band",
    why: "A VRT may have one or the other. GDAL 3.6 warns and uses that of the dataset, newer ones refuse the file.",
    fix: "Remove one of them.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::XMLInit, lines 540 to 546",
};

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    for (number, band) in (1..).zip(&dataset.bands) {
        if let (Some(value), Some(kind)) = (&band.no_data, band.kind()) {
            of_band(subject, number, band, value, kind, findings);
        }
    }
    different(subject, dataset, findings);
    masks(subject, dataset, findings);
}

fn place(line: u32, band: usize, inside: &str) -> Location {
    let mut place = at(line, format!("VRTDataset/VRTRasterBand/{inside}"));
    place.band = u32::try_from(band).ok();
    place
}

fn of_band(subject: &Subject<'_>, number: usize, band: &Band, value: &Field, kind: DataType, findings: &mut Findings) {
    let file = subject.file();
    let text = shorten(&value.text);
    let here = || place(value.line, number, "NoDataValue");
    if band.visible_no_data().is_none() {
        let hide = band.hide_no_data.as_ref().map_or(value.line, |hide| hide.line);
        let message =
            format!("The nodata value {text} of band {number} is hidden: GeoServer sees none and draws those pixels.");
        let fix = format!("Remove <HideNoDataValue> on line {hide} of {file}.");
        findings.push(Finding::new(&HIDDEN, message).at(place(hide, number, "HideNoDataValue")).fix(fix));
    }
    let Some(meant) = whole_number_text(&value.text) else {
        let message = format!("Nodata \"{text}\" of band {number} is no number: GDAL reads it as {}.", value.number());
        let fix = format!("Write a number on line {} of {file}.", value.line);
        findings.push(Finding::new(&IMPOSSIBLE, message).at(here()).fix(fix));
        return;
    };
    if let Some(why) = impossible(meant, kind) {
        let message = format!("Nodata {text} cannot occur in band {number}, {why}: no pixel is hidden.");
        let fix =
            format!("Write a value of {} on line {} of {file}, the one that the pixels have.", kind.name(), value.line);
        findings.push(Finding::new(&IMPOSSIBLE, message).at(here()).fix(fix));
    } else if meant.is_infinite() {
        let message = format!("The infinite nodata of band {number} is ignored by GeoTools: those pixels are drawn.");
        let fix = format!("Use a finite value or nan on line {} of {file}, and in the pixels.", value.line);
        findings.push(Finding::new(&INFINITE, message).at(here()).fix(fix));
    }
}

/// Why no pixel of a type can have a value.
fn impossible(value: f64, kind: DataType) -> Option<String> {
    if let Some((least, most)) = kind.whole_range() {
        return match () {
            () if !value.is_finite() => Some(format!("which holds whole numbers ({})", kind.name())),
            () if value < least || value > most => Some(format!("which holds {least} to {most} ({})", kind.name())),
            () if value.fract() != 0.0 => Some(format!("which holds whole numbers ({})", kind.name())),
            () => None,
        };
    }
    let most = match kind {
        DataType::Float16 | DataType::CFloat16 => 65_504.0,
        DataType::Float32 | DataType::CFloat32 => f64::from(f32::MAX),
        _ => return None,
    };
    (value.is_finite() && value.abs() > most).then(|| format!("since {} ends at {most:e}", kind.name()))
}

fn different(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let is_alpha =
        |band: &Band| band.color_interpretation.as_ref().is_some_and(|field| field.text.eq_ignore_ascii_case("Alpha"));
    let values: Vec<(usize, Option<&Field>)> = (1..)
        .zip(&dataset.bands)
        .filter(|(_, band)| !is_alpha(band))
        .map(|(number, band)| (number, band.visible_no_data()))
        .collect();
    let same = |left: Option<&Field>, right: Option<&Field>| match (left, right) {
        (Some(left), Some(right)) => {
            let (left, right) = (left.number(), right.number());
            left == right || left.is_nan() && right.is_nan()
        }
        (left, right) => left.is_none() && right.is_none(),
    };
    let Some((_, first)) = values.first() else { return };
    let Some((number, other)) = values.iter().find(|(_, value)| !same(*value, *first)) else { return };
    let list: Vec<String> = values
        .iter()
        .take(8)
        .map(|(_, value)| value.map_or_else(|| "none".to_owned(), |value| shorten(&value.text)))
        .collect();
    let more = if values.len() > list.len() { ", ..." } else { "" };
    let message =
        format!("Nodata differs between bands ({}{more}): GeoTools uses that of band 1 for all.", list.join(", "));
    let line =
        other.map_or_else(|| dataset.bands.get(number - 1).map_or(dataset.line, |band| band.line), |field| field.line);
    let fix =
        format!("Give the bands of {} one <NoDataValue>, or an alpha band (gdalbuildvrt -addalpha).", subject.file());
    findings.push(Finding::new(&DIFFERENT, message).at(place(line, *number, "NoDataValue")).fix(fix));
}

fn masks(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let file = subject.file();
    let of_bands = || (1..).zip(&dataset.bands).filter(|(_, band)| !band.mask_bands.is_empty());
    let of_dataset = dataset.mask_bands.first();
    let first = of_bands().next();
    let count = dataset.mask_bands.len() + of_bands().map(|(_, band)| band.mask_bands.len()).sum::<usize>();
    let (line, location) = match (of_dataset, first) {
        (Some(mask), _) => (mask.line, at(mask.line, "VRTDataset/MaskBand")),
        (None, Some((number, band))) => {
            let line = band.mask_bands.first().map_or(band.line, |mask| mask.line);
            (line, place(line, number, "MaskBand"))
        }
        (None, None) => return,
    };
    let message = "A <MaskBand> is never read by GeoServer: what it hides is drawn.";
    let fix = format!(
        "gdal_translate -of COG -b 1 -b mask -colorinterp_2 alpha {file} {}  # all colour bands, then the mask as alpha; or a footprint",
        subject.computed()
    );
    findings.push(Finding::new(&MASK, message).at(location).fix(fix).count(count as u64));
    if let (Some(_), Some((number, band))) = (of_dataset, first) {
        let refuses = subject.target.has((3, 7));
        let message = format!(
            "Masks at the level of the dataset (line {line}) and of band {number}: GDAL {}.",
            if refuses { "refuses the file" } else { "uses that of the dataset, and newer ones refuse the file" }
        );
        let of_band = band.mask_bands.first().map_or(band.line, |mask| mask.line);
        let fix = format!("Remove the <MaskBand> on line {of_band} of {file}, or that on line {line}.");
        let severity = if refuses { Severity::Error } else { Severity::Warning };
        let finding = Finding::new(&MASK_TWICE, message).severity(severity);
        findings.push(finding.at(place(of_band, number, "MaskBand")).fix(fix));
    }
}

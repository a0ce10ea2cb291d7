//! Rules about the dataset as a whole: its size and its bands.

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};

use super::model::{Dataset, DatasetKind, Field, Rectangle};
use super::{Subject, at};

/// Size or bands are missing.
pub(crate) static INCOMPLETE: Rule = Rule {
    id: "VRT-DS-001",
    severity: Severity::Error,
    title: "rasterXSize, rasterYSize or all <VRTRasterBand> are missing",
    why: "Without any of them GDAL refuses the file (\"Missing one of rasterXSize, rasterYSize or bands\"); only \
          pansharpened, processed and multidimensional VRTs can do without.",
    fix: "Regenerate the file with gdalbuildvrt.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::OpenXML",
};

/// The size is not valid.
pub(crate) static SIZE: Rule = Rule {
    id: "VRT-DS-002",
    severity: Severity::Error,
    title: "The raster size is not valid, or not credible for the sources",
    why: "GDAL reads the size with atoi: \"20px\" is 20, \"abc\" is 0, and 0 or less refuses the file. A size far beyond \
          what the sources cover opens, and GeoServer then offers a layer that is blank but for a speck.",
    fix: "Regenerate the file with gdalbuildvrt.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::OpenXML; gcore/gdal_misc.cpp, GDALCheckDatasetDimensions",
};

/// A band has the number of another.
pub(crate) static BAND_NUMBER: Rule = Rule {
    id: "VRT-DS-003",
    severity: Severity::Warning,
    title: "The band attribute is not the position of the band",
    why: "GDAL numbers bands by their order in the file and warns when the attribute says otherwise: whoever wrote the \
          file may have meant another order.",
    fix: "Number the bands in their order, or put them in the order meant.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::XMLInit",
};

/// Below this many pixels an empty raster is at worst a nuisance.
const CREDIBLE_PIXELS: f64 = 1e9;
/// Share of the raster that the sources reach over, below which the size is hardly meant.
const HARDLY_MEANT: f64 = 1e-4;
/// Share below which it is certainly not.
const NOT_MEANT: f64 = 1e-6;

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    if matches!(dataset.kind(), DatasetKind::Classic | DatasetKind::Warped) {
        incomplete(subject, dataset, findings);
        size(subject, dataset, findings);
    }
    band_numbers(subject, dataset, findings);
}

fn rebuild(subject: &Subject<'_>) -> String {
    format!("Regenerate {}, for example: gdalbuildvrt -overwrite {0} SOURCES", subject.file())
}

fn incomplete(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    // What was cut off by a limit of the checker may be there.
    let cut = subject.document.limit.is_some();
    let mut missing = Vec::new();
    for (name, field) in [("rasterXSize", &dataset.raster_x_size), ("rasterYSize", &dataset.raster_y_size)] {
        if field.is_none() {
            missing.push(name);
        }
    }
    // A <Group> beside no band at all is told as a multidimensional VRT.
    if dataset.bands.is_empty() && dataset.group.is_none() && !cut {
        missing.push("<VRTRasterBand>");
    }
    if missing.is_empty() || dataset.group.is_some() {
        return;
    }
    let message = format!("{} missing: GDAL refuses the file.", missing.join(", "));
    findings.push(Finding::new(&INCOMPLETE, message).at(at(dataset.line, "VRTDataset")).fix(rebuild(subject)));
}

fn size(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let (Some(width), Some(height)) = (&dataset.raster_x_size, &dataset.raster_y_size) else { return };
    let mut valid = true;
    for (name, field) in [("rasterXSize", width), ("rasterYSize", height)] {
        let text = super::shorten::shorten(&field.text);
        let (severity, message) = match field.leading_integer() {
            None => (Severity::Error, format!("{name}=\"{text}\" does not fit 32 bits.")),
            Some(size) if size <= 0 => {
                (Severity::Error, format!("{name}=\"{text}\" is {size} for GDAL: it refuses the file."))
            }
            Some(size) if !field.is_integer() => {
                (Severity::Warning, format!("{name}=\"{text}\" is no integer; GDAL reads it as {size}."))
            }
            Some(_) => continue,
        };
        valid = valid && severity != Severity::Error;
        let place = at(field.line, format!("VRTDataset/@{name}"));
        findings.push(Finding::new(&SIZE, message).severity(severity).at(place).fix(rebuild(subject)));
    }
    if valid {
        credible_size(subject, dataset, width, height, findings);
    }
}

/// Compares the size with the rectangle around everything that the sources cover.
fn credible_size(subject: &Subject<'_>, dataset: &Dataset, width: &Field, height: &Field, findings: &mut Findings) {
    let (Some(columns), Some(rows)) = (width.leading_integer(), height.leading_integer()) else { return };
    let pixels = f64::from(columns) * f64::from(rows);
    if pixels <= CREDIBLE_PIXELS || subject.document.limit.is_some() {
        return;
    }
    let mut around: Option<[f64; 4]> = None;
    for source in dataset.bands.iter().flat_map(|band| &band.sources) {
        // A source without rectangle is stretched over the whole raster.
        let Some(edges) = source.target_rectangle().and_then(Rectangle::edges) else { return };
        let [left, top, right, bottom] = around.unwrap_or(edges);
        around = Some([left.min(edges[0]), top.min(edges[1]), right.max(edges[2]), bottom.max(edges[3])]);
    }
    let Some([left, top, right, bottom]) = around else { return };
    let covered = (right - left).max(0.0) * (bottom - top).max(0.0);
    let share = covered / pixels;
    if share >= HARDLY_MEANT {
        return;
    }
    let message = format!(
        "Raster size {}x{}, but all sources lie within {}x{} pixels: the layer is blank but for a speck.",
        grouped(u64::from(columns.unsigned_abs())),
        grouped(u64::from(rows.unsigned_abs())),
        right - left,
        bottom - top
    );
    let severity = if share < NOT_MEANT { Severity::Error } else { Severity::Warning };
    let place = at(width.line, "VRTDataset/@rasterXSize");
    findings.push(Finding::new(&SIZE, message).severity(severity).at(place).fix(rebuild(subject)));
}

fn band_numbers(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    for (index, band) in dataset.bands.iter().enumerate() {
        let (Some(number), Ok(position)) = (&band.number, i32::try_from(index + 1)) else { continue };
        if number.leading_integer() == Some(position) {
            continue;
        }
        let text = super::shorten::shorten(&number.text);
        let message = format!("band=\"{text}\", but it is band {position} of the file: GDAL numbers it {position}.");
        let mut place = at(number.line, "VRTDataset/VRTRasterBand/@band");
        place.band = u32::try_from(position).ok();
        let fix = format!(
            "Write band=\"{position}\" on line {} of {}, or put the bands in the order meant.",
            number.line,
            subject.file()
        );
        findings.push(Finding::new(&BAND_NUMBER, message).at(place).fix(fix));
    }
}

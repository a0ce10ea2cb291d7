//! The rule about bands that are raw bytes of any file.

use parcelle_report::{Finding, Findings, Severity};

use super::model::{Band, Dataset};
use super::rules_kind::RAW_BAND;
use super::shorten::shorten;
use super::{Subject, at};

/// Tests the rule.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let strict = subject.target.gdal() >= (3, 12);
    let (major, minor) = subject.target.gdal();
    for (index, band) in dataset.bands.iter().enumerate().filter(|(_, band)| band.is_a("VRTRawRasterBand")) {
        let mut place = at(band.line, "VRTDataset/VRTRasterBand");
        place.band = u32::try_from(index + 1).ok();
        let file = subject.file();
        let convert = format!("gdal_translate -of COG {file} {}  # where it opens", subject.computed());
        let Some(raw) = &band.raw_file else {
            let message = format!("Raw band {} names no <SourceFilename>: GDAL refuses the file.", index + 1);
            let fix = format!("Name the file of raw bytes in {file}.");
            findings.push(Finding::new(&RAW_BAND, message).at(place).fix(fix));
            continue;
        };
        if let Some((line, problem)) = refused(band) {
            let message = format!("Raw band {} has {problem}: GDAL refuses the file.", index + 1);
            let fix = format!("Correct line {line} of {file}.");
            place.line = Some(u64::from(line));
            findings.push(Finding::new(&RAW_BAND, message).at(place).fix(fix));
            continue;
        }
        place.line = Some(u64::from(raw.line));
        place.source = Some(raw.path.to_string());
        let outside = match () {
            () if raw.path.starts_with('/') => Some("is an absolute path"),
            () if !raw.is_relative_to_vrt() => Some("is not given relative to the VRT"),
            () if raw.path.split(['/', '\\']).any(|part| part == "..") => Some("leaves the directory of the VRT"),
            () => None,
        };
        let (severity, consequence) = match outside {
            Some(outside) if strict => {
                (Severity::Error, format!("its file {outside}, GDAL {major}.{minor} refuses it"))
            }
            Some(outside) => (Severity::Warning, format!("its file {outside}, GDAL 3.12 and newer refuse it")),
            None => (Severity::Warning, "it can be switched off in a build of GDAL or in the environment".to_owned()),
        };
        let message = format!("Band {} is raw bytes of {}: {consequence}.", index + 1, shorten(&raw.path));
        findings.push(Finding::new(&RAW_BAND, message).severity(severity).at(place).fix(convert));
    }
}

/// What GDAL refuses of how the bytes lie, with its line (`frmts/vrt/vrtrawrasterband.cpp`, `VRTRawRasterBand::XMLInit`).
pub(super) fn refused(band: &Band) -> Option<(u32, String)> {
    const ORDERS: [&str; 3] = ["LSB", "MSB", "VAX"];
    if let Some(order) = band.byte_order.as_ref().filter(|order| !order.text.is_empty())
        && !ORDERS.iter().any(|known| known.eq_ignore_ascii_case(&order.text))
    {
        return Some((
            order.line,
            format!("the ByteOrder \"{}\", which is none of LSB, MSB and VAX", shorten(&order.text)),
        ));
    }
    let step = band.pixel_offset.as_ref().filter(|step| step.leading_integer().is_none_or(|step| step <= 0))?;
    Some((step.line, format!("the PixelOffset \"{}\", which leads to no next pixel", shorten(&step.text))))
}

//! Rules about datasets that GDAL computes when they are read: warped and pansharpened ones.

use parcelle_report::{Finding, Findings, Severity};

use super::model::{Band, Dataset, Field, Pansharpening, WarpOptions};
use super::rules_kind::{PANSHARPENED, WARPED};
use super::shorten::shorten;
use super::{Subject, at};

/// Tests the rule about warped datasets.
pub(super) fn warped(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let file = subject.file();
    let output = subject.computed();
    let Some(options) = &dataset.warp_options else {
        let message = "Warped VRT without <GDALWarpOptions>: GDAL refuses the file.";
        let fix = format!("Make {file} again: gdalwarp -of VRT ..., or better write the pixels: gdalwarp -of COG ...");
        let finding = Finding::new(&WARPED, message).severity(Severity::Error);
        findings.push(finding.at(at(dataset.line, "VRTDataset")).fix(fix));
        return;
    };
    if let Some(BlockMismatch { index, band, own, whole }) = block_mismatch(dataset) {
        let refused = subject.target.gdal() >= (3, 5);
        let message = format!(
            "Band {} has blocks of {}x{}, the warped dataset has {}x{}: GDAL {}.",
            index + 1,
            own.0,
            own.1,
            whole.0,
            whole.1,
            if refused { "refuses the file" } else { "3.5 and newer refuse the file" }
        );
        let mut place = at(band.line, "VRTDataset/VRTRasterBand");
        place.band = u32::try_from(index + 1).ok();
        let fix = format!("In {file}, give <BlockXSize>, <BlockYSize> and all blockXSize, blockYSize the same values.");
        let severity = if refused { Severity::Error } else { Severity::Warning };
        findings.push(Finding::new(&WARPED, message).severity(severity).at(place).fix(fix));
        return;
    }
    if let Some(problem) = incomplete(dataset, options) {
        let message = format!("Warped VRT {problem}: GDAL refuses the file.");
        let fix = format!("Make {file} again: gdalwarp -of VRT ..., or better write the pixels: gdalwarp -of COG ...");
        let finding = Finding::new(&WARPED, message).severity(Severity::Error);
        findings.push(finding.at(at(options.line, "VRTDataset/GDALWarpOptions")).fix(fix));
        return;
    }
    let method = options.resampling.as_ref().map_or("NearestNeighbour", |field| &field.text);
    let message = format!("Warped VRT: every request is reprojected on the fly ({}).", shorten(method));
    let fix =
        format!("gdal_translate -of COG {file} {output}  # or publish the source itself and let GeoServer reproject");
    findings.push(Finding::new(&WARPED, message).at(at(options.line, "VRTDataset/GDALWarpOptions")).fix(fix));
}

/// A band with blocks of its own, and the sizes, columns and rows.
struct BlockMismatch<'a> {
    index: usize,
    band: &'a Band,
    own: (i32, i32),
    whole: (i32, i32),
}

/// What GDAL refuses of the options of a warp (`alg/gdalwarper.cpp`, `GDALWarpOptions` and `GDALWarpOperation::ValidateOptions`).
fn incomplete(dataset: &Dataset, options: &WarpOptions) -> Option<String> {
    if options.source.as_ref().is_none_or(|file| file.path.is_empty()) {
        return Some("without a <SourceDataset>".to_owned());
    }
    if !options.has_transformer {
        return Some("without a <Transformer>".to_owned());
    }
    let declared = dataset.bands.len();
    let beyond = |band: i32| usize::try_from(band).map_or(true, |band| band == 0 || band > declared);
    let (_, to) = options.band_mappings.iter().find(|(_, to)| beyond(*to))?;
    Some(format!("with a <BandMapping> to band {to}, where {declared} {} declared", are(declared)))
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// The first band whose block size is not that of the dataset. GDAL takes 512x128 for the dataset when nothing is said,
/// and of a band only sizes between 32 and 16384 (`frmts/vrt/vrtrasterband.cpp`, `VRTRasterBand::XMLInit`); a band that is
/// not warped has 128x128 of its own.
fn block_mismatch(dataset: &Dataset) -> Option<BlockMismatch<'_>> {
    let size = |field: &Option<Field>| field.as_ref().and_then(Field::leading_integer);
    let whole = (size(&dataset.block_x_size).unwrap_or(512), size(&dataset.block_y_size).unwrap_or(128));
    let of_band =
        |field: &Option<Field>, otherwise| size(field).filter(|size| (32..=16384).contains(size)).unwrap_or(otherwise);
    dataset.bands.iter().enumerate().find_map(|(index, band)| {
        let default = match (band.is_a("VRTWarpedRasterBand"), dataset.size()) {
            (false, Some((width, height))) => (width.min(128), height.min(128)),
            _ => whole,
        };
        let own = (of_band(&band.block_x_size, default.0), of_band(&band.block_y_size, default.1));
        (own != whole).then_some(BlockMismatch { index, band, own, whole })
    })
}

/// Tests the rule about pansharpened datasets.
pub(super) fn pansharpened(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let missing = match &dataset.pansharpening {
        None => Some("<PansharpeningOptions>"),
        Some(options) if options.panchromatic.is_empty() => Some("<PanchroBand>"),
        Some(options) if options.spectral.is_empty() => Some("<SpectralBand>"),
        Some(_) => None,
    };
    if missing.is_none()
        && let Some((line, problem)) = dataset.pansharpening.as_ref().and_then(|options| mapping(dataset, options))
    {
        let message = format!("Pansharpened VRT {problem}: GDAL refuses the file.");
        let fix =
            format!("Correct line {line} of {}, or make the file again with gdal_pansharpen -of VRT.", subject.file());
        let finding = Finding::new(&PANSHARPENED, message).severity(Severity::Error);
        findings.push(finding.at(at(line, "VRTDataset/PansharpeningOptions")).fix(fix));
        return;
    }
    let line = dataset.pansharpening.as_ref().map_or(dataset.line, |options| options.line);
    let place = at(line, "VRTDataset/PansharpeningOptions");
    let file = subject.file();
    findings.push(match missing {
        Some(element) => {
            let message = format!("Pansharpened VRT without {element}: GDAL refuses the file.");
            let fix = format!("Add {element} to {file}, or make it again with gdal_pansharpen -of VRT.");
            Finding::new(&PANSHARPENED, message).severity(Severity::Error).at(place).fix(fix)
        }
        None => {
            let output = subject.computed();
            Finding::new(&PANSHARPENED, "Pansharpened VRT: the bands are merged anew at every request.")
                .at(place)
                .fix(format!("gdal_translate -of COG {file} {output}"))
        }
    });
}

/// What GDAL refuses of the bands and options of a pansharpening, with its line (`frmts/vrt/vrtpansharpened.cpp`,
/// `VRTPansharpenedDataset::XMLInit`).
fn mapping(dataset: &Dataset, options: &Pansharpening) -> Option<(u32, String)> {
    let algorithm = options.algorithm.as_ref().filter(|field| !field.text.eq_ignore_ascii_case("WeightedBrovey"));
    if let Some(algorithm) = algorithm {
        return Some((
            algorithm.line,
            format!("with the algorithm \"{}\", of which there is none", shorten(&algorithm.text)),
        ));
    }
    let mut targets = std::collections::BTreeSet::new();
    for band in &options.spectral {
        let Some(target) = &band.target_band else { continue };
        let number = target.leading_integer().filter(|number| *number > 0);
        let Some(number) = number else {
            return Some((band.line, format!("with dstBand=\"{}\", which is no band", shorten(&target.text))));
        };
        if !targets.insert(number) {
            return Some((band.line, format!("with two spectral bands for the band {number}")));
        }
    }
    let count = dataset.bands.len();
    let beyond = |number: &&i32| count > 0 && usize::try_from(**number).is_ok_and(|number| number > count);
    if let Some(number) = targets.iter().find(beyond) {
        let line = options.spectral.first().map_or(options.line, |band| band.line);
        return Some((
            line,
            format!("with a spectral band for the band {number}, where {count} {} declared", are(count)),
        ));
    }
    if let Some((expected, _)) = (1..).zip(&targets).find(|(expected, number)| expected != *number) {
        return Some((options.line, format!("without a spectral band for the band {expected}")));
    }
    if targets.is_empty() && dataset.bands.is_empty() {
        return Some((options.line, "without a dstBand, so that no band comes out".to_owned()));
    }
    let declared = (1..)
        .zip(&dataset.bands)
        .find(|(number, band)| band.is_a("VRTPansharpenedRasterBand") && !targets.contains(number));
    if let Some((number, band)) = declared {
        return Some((band.line, format!("without a spectral band for its band {number}")));
    }
    let weights = options.weights.as_ref()?;
    let count = weights.text.split([',', ' ']).filter(|weight| !weight.is_empty()).count();
    (count != options.spectral.len())
        .then(|| (weights.line, format!("with {count} weights for {} spectral bands", options.spectral.len())))
}

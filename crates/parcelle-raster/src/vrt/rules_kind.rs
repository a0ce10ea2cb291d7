//! Rules about what kind of virtual dataset a file is, and whether GeoServer's reader takes that kind.

use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::details::DataType;
use super::model::{Dataset, DatasetKind, Field, OutputBands, ProcessingStep};
use super::shorten::shorten;
use super::steps;
use super::streamed::StreamedAlgorithm;
use super::{Subject, at, rules_computed, rules_raw};
use crate::shell::quoted;

/// The file is a vector VRT.
pub(crate) static VECTOR: Rule = Rule {
    id: "VRT-KIND-001",
    severity: Severity::Error,
    title: "The file is a vector (OGR) VRT",
    why: "GeoServer's VRT store reads rasters. An OGR VRT opens in GDAL's vector side only, and GeoServer's GDAL \
          extension has none.",
    fix: "Convert it (ogr2ogr) and publish the GeoPackage, or load it into PostGIS.",
    reference: "https://gdal.org/en/stable/drivers/vector/vrt.html",
};

/// The file has arrays and no bands.
pub(crate) static MULTIDIMENSIONAL: Rule = Rule {
    id: "VRT-KIND-002",
    severity: Severity::Error,
    title: "The file is a multidimensional VRT without bands",
    why: "The classic raster interface of GDAL, the only one GeoServer uses, returns nothing for a VRT that holds a \
          <Group> of arrays and no <VRTRasterBand>.",
    fix: "Take a two-dimensional slice out of it with gdalmdimtranslate.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::Open; frmts/vrt/vrtmultidim.cpp",
};

/// The file is warped when read.
pub(crate) static WARPED: Rule = Rule {
    id: "VRT-KIND-003",
    severity: Severity::Warning,
    title: "The file is a warped VRT: every request is reprojected on the fly",
    why: "A VRTWarpedDataset runs the warper for each block read, which GeoServer repeats for each tile. Its source is \
          opened with the file, so a missing one refuses the store. GDAL refuses the file when <GDALWarpOptions>, its \
          <SourceDataset> or its <Transformer> is missing, when it maps to a band that is not declared, and since 3.5 \
          when the block size of a band is not that of the dataset: those are errors.",
    fix: "Warp once, to a file: gdalwarp -of COG; or publish the source and let GeoServer reproject.",
    reference: "GDAL frmts/vrt/vrtwarped.cpp, VRTWarpedDataset::XMLInit",
};

/// The file is pansharpened when read.
pub(crate) static PANSHARPENED: Rule = Rule {
    id: "VRT-KIND-004",
    severity: Severity::Warning,
    title: "The file is a pansharpened VRT: computed at every request",
    why: "A VRTPansharpenedDataset resamples and merges its bands for each block read. GDAL refuses it when the options, \
          the panchromatic band or all spectral bands are missing, when a spectral band goes to a band that is not \
          declared, or when the bit depth is beyond the type of the bands: those are errors.",
    fix: "Compute it once: gdal_translate -of COG.",
    reference: "GDAL frmts/vrt/vrtpansharpened.cpp, VRTPansharpenedDataset::XMLInit",
};

/// The file is processed when read.
pub(crate) static PROCESSED: Rule = Rule {
    id: "VRT-KIND-005",
    severity: Severity::Error,
    title: "The file is a processed VRT, which needs GDAL 3.9",
    why: "VRTProcessedDataset came with GDAL 3.9; before, GDAL refuses the file with a misleading message about \
          rasterXSize. An algorithm that is not registered, a missing <Input> or <ProcessingSteps>, an argument that is \
          missing or of another type, or steps that do not fit the number of bands, refuse it in any version. A sound one is computed at every request, which is only told.",
    fix: "Compute it once with a newer GDAL (gdal_translate -of COG), or upgrade the GDAL of the server.",
    reference: "https://gdal.org/en/stable/drivers/raster/vrt_processed_dataset.html; GDAL \
                frmts/vrt/vrtprocesseddataset.cpp, VRTProcessedDataset::ParseStep; frmts/vrt/vrtprocesseddatasetfunctions.cpp; \
                measured with GDAL 3.10.3 and 3.12.4",
};

/// A band is raw bytes of any file.
pub(crate) static RAW_BAND: Rule = Rule {
    id: "VRT-KIND-006",
    severity: Severity::Error,
    title: "A band is a VRTRawRasterBand",
    why: "A raw band reads the bytes of any file as pixels, /etc/passwd included. Since 3.12 GDAL accepts it only for a \
          file beside or below the VRT, written relative to it and without \"..\"; a build or the option \
          GDAL_VRT_ENABLE_RAWRASTERBAND can switch it off altogether. What may work is a warning, what is refused an \
          error.",
    fix: "Convert to a file: gdal_translate.",
    reference: "GDAL frmts/vrt/vrtrawrasterband.cpp; https://github.com/OSGeo/gdal/issues/12645",
};

/// A subclass is unknown or out of place.
pub(crate) static SUB_CLASS: Rule = Rule {
    id: "VRT-KIND-007",
    severity: Severity::Warning,
    title: "A subClass is unknown, or out of place",
    why: "A subclass of the dataset that GDAL does not know, compared exactly, is ignored: the file is read as a plain \
          mosaic. An unknown subclass of a band, or that of another kind of dataset, makes GDAL refuse the file: an \
          error.",
    fix: "Correct the spelling of the subClass.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::OpenXML and VRTDataset::InitBand",
};

/// The file is a tile index.
pub(crate) static TILE_INDEX: Rule = Rule {
    id: "VRT-KIND-008",
    severity: Severity::Error,
    title: "The file is a GTI tile index, not a VRT",
    why: "GDAL reads it with another driver (GTI), and GeoServer's VRT reader accepts only files that GDAL opens with \
          the driver named VRT.",
    fix: "Name the index as the source of a VRT (GDAL 3.9 and newer), or use an ImageMosaic.",
    reference: "https://gdal.org/en/stable/drivers/raster/gti.html; imageio-ext GDALImageReaderSpi.java",
};

/// The file is a command line.
pub(crate) static STREAMED: Rule = Rule {
    id: "VRT-KIND-009",
    severity: Severity::Error,
    title: "The file, or a source, is a GDALG: a streamed algorithm, not a VRT",
    why: "A GDALG (.gdalg.json) holds a command line, which GDAL 3.11 and newer runs whenever the file is opened; older \
          ones have no driver for it. GeoServer's VRT reader accepts only files that GDAL opens with the driver named \
          VRT, so a GDALG is refused. As the source of a VRT it is read where GDAL is new enough, and run again for each \
          read: that is a warning, an error for an older GDAL, and only told for a newer one.",
    fix: "Run it once, with GDAL 3.11 or newer, and publish what comes out.",
    reference: "https://gdal.org/en/stable/drivers/raster/gdalg.html; GDAL frmts/gdalg/gdalgdriver.cpp, GDALGDataset::Identify and Open; \
                imageio-ext GDALImageReaderSpi.java",
};

/// Roots that are no raster VRT, but have a rule of their own.
pub(super) const OTHER_ROOTS: &[(&str, &Rule)] =
    &[("OGRVRTDataSource", &VECTOR), ("GDALTileIndexDataset", &TILE_INDEX)];

const ALGORITHMS: &[(&str, (u32, u32))] = &[
    ("BandAffineCombination", (3, 9)),
    ("LUT", (3, 9)),
    ("LocalScaleOffset", (3, 9)),
    ("Trimming", (3, 9)),
    ("Expression", (3, 11)),
];

/// Tests the rules about the root element.
pub(super) fn check_root(subject: &Subject<'_>, findings: &mut Findings) {
    if let Some(streamed) = &subject.document.streamed {
        findings.push(of_streamed(subject, streamed));
        return;
    }
    let Some(root) = &subject.document.root else { return };
    let Some((_, rule)) = OTHER_ROOTS.iter().find(|(name, _)| root.name.eq_ignore_ascii_case(name)) else { return };
    let file = subject.file();
    let (message, fix) = if rule.id == VECTOR.id {
        (
            "This is a vector (OGR) VRT: GeoServer has no store for it and cannot read it as a coverage.",
            format!(
                "ogr2ogr -f GPKG {} {file}  # and publish the GeoPackage",
                quoted(subject.path.with_extension("gpkg"))
            ),
        )
    } else {
        (
            "This is a GTI tile index: GeoServer's VRT reader accepts only what GDAL opens with its driver \"VRT\".",
            format!(
                "gdal_translate -of VRT {file} {}  # with GDAL 3.9 or newer, and publish that; or use an ImageMosaic",
                quoted(subject.path.with_extension("gti.vrt"))
            ),
        )
    };
    findings.push(Finding::new(rule, message).at(at(root.line, root.name.as_str())).fix(fix));
}

fn of_streamed(subject: &Subject<'_>, streamed: &StreamedAlgorithm) -> Finding {
    let file = subject.file();
    let (what, fix) = match &streamed.command {
        Err(reason) => (
            format!("{reason}, so that no GDAL opens it"),
            format!("Write {file} again, or publish what it is meant to make."),
        ),
        Ok(command) if streamed.is_vector() => (
            format!("it runs \"{}\", which gives a vector layer", shorten(command)),
            format!(
                "ogr2ogr -f GPKG {} {file}  # with GDAL 3.11 or newer, and publish the GeoPackage",
                quoted(subject.path.with_extension("gpkg"))
            ),
        ),
        Ok(command) => (
            format!("it runs \"{}\" whenever it is opened", shorten(command)),
            format!(
                "gdal_translate -of COG {file} {}  # with GDAL 3.11 or newer, once its command line is trusted",
                quoted(subject.path.with_extension("tif"))
            ),
        ),
    };
    let message = format!(
        "This is a GDALG, a streamed algorithm of GDAL 3.11 and newer; {what}. GeoServer's VRT reader accepts only what \
         GDAL opens with its driver \"VRT\"."
    );
    Finding::new(&STREAMED, message).at(at(1, "command_line")).fix(fix)
}

/// Tests the rules about the dataset.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    match dataset.kind() {
        DatasetKind::Multidimensional => {
            let line = dataset.group.as_ref().map_or(dataset.line, |group| group.line);
            let message = "Multidimensional VRT (<Group>) without bands: GDAL's raster interface opens nothing.";
            let file = subject.file();
            let fix = format!(
                "gdalmdimtranslate -array NAME {file} {}  # the names: gdalmdiminfo {file}",
                subject.computed()
            );
            findings.push(Finding::new(&MULTIDIMENSIONAL, message).at(at(line, "VRTDataset/Group")).fix(fix));
        }
        DatasetKind::Warped => rules_computed::warped(subject, dataset, findings),
        DatasetKind::Pansharpened => rules_computed::pansharpened(subject, dataset, findings),
        DatasetKind::Processed => processed(subject, dataset, findings),
        DatasetKind::Classic => {}
    }
    sub_classes(subject, dataset, findings);
    rules_raw::check(subject, dataset, findings);
}

fn processed(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let (major, minor) = subject.target.gdal();
    let file = subject.file();
    let place = at(dataset.line, "VRTDataset");
    let compute = format!("gdal_translate -of COG {file} {}", subject.computed());
    if subject.target.gdal() < (3, 9) {
        let message = format!("Processed VRT: needs GDAL 3.9 or newer, GDAL {major}.{minor} refuses the file.");
        let fix = format!("{compute}  # with GDAL 3.9 or newer; or upgrade the GDAL of the server");
        findings.push(Finding::new(&PROCESSED, message).at(place).fix(fix));
        return;
    }
    let input_is_empty = dataset.input.as_ref().is_none_or(|input| input.file.is_none() && input.dataset.is_none());
    let steps = dataset.processing_steps.as_ref().map(|steps| steps.steps.as_slice()).unwrap_or_default();
    let missing = match () {
        () if dataset.input.is_none() => Some("an <Input>"),
        () if input_is_empty => Some("a <SourceFilename> or <VRTDataset> in its <Input>"),
        () if dataset.processing_steps.is_none() => Some("<ProcessingSteps>"),
        () if steps.is_empty() => Some("a <Step>"),
        () => None,
    };
    if let Some(missing) = missing {
        let message = format!("Processed VRT without {missing}: GDAL refuses the file.");
        findings.push(Finding::new(&PROCESSED, message).at(place).fix(format!("Add {missing} to {file}.")));
        return;
    }
    let mut refused = false;
    if let Some((line, problem)) = dataset.output_bands.as_ref().and_then(output_bands) {
        refused = true;
        let message = format!("<OutputBands> of the processed VRT has {problem}: GDAL refuses the file.");
        let fix = format!("Write FROM_SOURCE, FROM_LAST_STEP, or a number or type of bands on line {line} of {file}.");
        findings.push(Finding::new(&PROCESSED, message).at(at(line, "VRTDataset/OutputBands")).fix(fix));
    }
    for (index, step) in steps.iter().enumerate() {
        let place = at(step.line, format!("VRTDataset/ProcessingSteps/Step[{}]", index + 1));
        let name = step.algorithm.as_ref().map_or("", |field| &field.text);
        let problem = match ALGORITHMS.iter().find(|(known, _)| *known == name) {
            None if name.is_empty() => "names no <Algorithm>".to_owned(),
            None => format!("names the algorithm \"{}\", which no GDAL registers", super::shorten::shorten(name)),
            Some((_, since)) if *since > subject.target.gdal() => {
                format!("uses the algorithm {name} of GDAL {}.{}", since.0, since.1)
            }
            Some(_) => {
                match steps::refusal(step) {
                    Some(problem) => {
                        refused = true;
                        let message =
                            format!("Step {} of the processed VRT {problem}: GDAL refuses the file.", index + 1);
                        let fix = format!("Correct the step on line {} of {file}.", step.line);
                        findings.push(Finding::new(&PROCESSED, message).at(place).fix(fix));
                    }
                    None => sound_step(subject, step, place, findings),
                }
                continue;
            }
        };
        refused = true;
        let known: Vec<&str> = ALGORITHMS.iter().map(|(known, _)| *known).collect();
        let message =
            format!("Step {} of the processed VRT {problem}: GDAL {major}.{minor} refuses the file.", index + 1);
        let fix = format!("In {file}, use one of {}.", known.join(", "));
        findings.push(Finding::new(&PROCESSED, message).at(place).fix(fix));
    }
    if !refused {
        let message = "Processed VRT: computed at every request, and readable by GDAL 3.9 and newer only.";
        let fix = format!("{compute}  # with GDAL 3.9 or newer");
        findings.push(Finding::new(&PROCESSED, message).severity(subject.target.need((3, 9))).at(place).fix(fix));
    }
}

/// What is told of a step that GDAL takes.
fn sound_step(subject: &Subject<'_>, step: &ProcessingStep, place: Location, findings: &mut Findings) {
    let name = step.algorithm.as_ref().map_or("", |field| &field.text);
    let file = subject.file();
    if name == "Expression" {
        // What the build has cannot be known.
        let message = "The processed VRT evaluates an expression: a GDAL that was built without muparser (or exprtk) \
                       refuses the file.";
        let fix = format!("gdal_translate -of COG {file} {}  # with a GDAL that has it", subject.computed());
        let finding = Finding::new(&PROCESSED, message).severity(Severity::Warning);
        findings.push(finding.at(place.clone()).fix(fix));
    }
    if let Some(unknown) = steps::ignored(step).next() {
        let unknown = shorten(unknown);
        let message = format!("{name} knows no argument {unknown}: GDAL ignores it with a warning that nobody sees.");
        let fix = format!("Correct or remove the argument on line {} of {file}.", step.line);
        let finding = Finding::new(&PROCESSED, message).severity(Severity::Warning);
        findings.push(finding.at(place).fix(fix).count(steps::ignored(step).count() as u64));
    }
}

/// What GDAL refuses of `<OutputBands>` (`frmts/vrt/vrtprocesseddataset.cpp`, `VRTProcessedDataset::Init`).
fn output_bands(bands: &OutputBands) -> Option<(u32, String)> {
    let from =
        |field: &Field| ["FROM_SOURCE", "FROM_LAST_STEP"].iter().any(|word| field.text.eq_ignore_ascii_case(word));
    let count = bands.count.as_ref().filter(|field| !from(field));
    if let Some(count) = count.filter(|field| {
        let number = field.leading_integer().and_then(|number| usize::try_from(number).ok());
        !(field.is_integer() && number.is_some_and(|number| (1..=super::limits::BANDS).contains(&number)))
    }) {
        return Some((bands.line, format!("the count \"{}\"", super::shorten::shorten(&count.text))));
    }
    let kind = bands.data_type.as_ref().filter(|field| !from(field) && DataType::parse(&field.text).is_none())?;
    Some((bands.line, format!("the dataType \"{}\"", super::shorten::shorten(&kind.text))))
}

fn sub_classes(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    const DATASETS: &[&str] = &["VRTDataset", "VRTWarpedDataset", "VRTPansharpenedDataset", "VRTProcessedDataset"];
    const BANDS: &[&str] = &[
        "VRTSourcedRasterBand",
        "VRTDerivedRasterBand",
        "VRTRawRasterBand",
        "VRTWarpedRasterBand",
        "VRTPansharpenedRasterBand",
        "VRTProcessedRasterBand",
    ];
    let file = subject.file();
    if let Some(class) = dataset.sub_class.as_ref().filter(|class| !class.text.is_empty())
        && !DATASETS.contains(&&*class.text)
    {
        let text = super::shorten::shorten(&class.text);
        let meant = DATASETS.iter().find(|known| known.eq_ignore_ascii_case(&class.text));
        let hint = match meant {
            Some(meant) => format!(" The name is compared exactly: {meant}."),
            None => String::new(),
        };
        let message =
            format!("Unknown subClass=\"{text}\": GDAL ignores it and reads the file as a plain mosaic.{hint}");
        let fix = format!(
            "On line {} of {file}, write one of {}, or remove the subClass.",
            class.line,
            DATASETS[1..].join(", ")
        );
        findings.push(Finding::new(&SUB_CLASS, message).at(at(class.line, "VRTDataset/@subClass")).fix(fix));
    }
    let kind = dataset.kind();
    for (index, band) in dataset.bands.iter().enumerate() {
        let class = band.sub_class.as_ref();
        let text = class.map_or("VRTSourcedRasterBand", |class| &class.text);
        let known = BANDS.iter().find(|known| known.eq_ignore_ascii_case(text)).copied();
        let problem = match (known, kind) {
            (None, _) => format!("Unknown subClass=\"{}\" of band {}", super::shorten::shorten(text), index + 1),
            (Some("VRTProcessedRasterBand"), DatasetKind::Processed) => continue,
            (_, DatasetKind::Processed) => {
                format!("Band {} is a {text}, a processed dataset takes only VRTProcessedRasterBand", index + 1)
            }
            (Some("VRTWarpedRasterBand"), DatasetKind::Warped)
            | (Some("VRTPansharpenedRasterBand"), DatasetKind::Pansharpened)
            | (Some("VRTSourcedRasterBand" | "VRTDerivedRasterBand" | "VRTRawRasterBand"), _) => continue,
            (Some(known), _) => {
                format!("Band {} is a {known}, but the dataset is {}, not of that class", index + 1, kind.as_str())
            }
        };
        let mut place = at(class.map_or(band.line, |class| class.line), "VRTDataset/VRTRasterBand/@subClass");
        place.band = u32::try_from(index + 1).ok();
        let fix = format!("Correct the subClass on line {} of {file}.", class.map_or(band.line, |class| class.line));
        let finding = Finding::new(&SUB_CLASS, format!("{problem}: GDAL refuses the file."));
        findings.push(finding.severity(Severity::Error).at(place).fix(fix));
    }
}

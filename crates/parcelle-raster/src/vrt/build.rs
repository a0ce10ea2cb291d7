//! Puts the model together, element by element, without recursion: each open element owns the part of the model that
//! it will hand to its parent when it closes.

use std::collections::HashSet;
use std::sync::Arc;

use super::model::{
    Band, Dataset, Field, FileReference, Group, Input, Pansharpening, ProcessingStep, ProcessingSteps, Rectangle,
    Source, WarpOptions,
};
use super::vocabulary::Element;

/// What an open element has gathered.
#[derive(Debug)]
pub(crate) enum Part {
    /// Nothing that the model keeps.
    None,
    Dataset(Box<Dataset>),
    Band(Box<Band>),
    MaskBand(Vec<Band>),
    Source(Box<Source>),
    File(FileReference),
    Rectangle(Rectangle),
    /// An overview, or a band of a pansharpening: the file it names.
    OneFile(Option<FileReference>),
    Warp(WarpOptions),
    Pansharpening(Pansharpening),
    Input(Box<Input>),
    Steps(ProcessingSteps),
    Step(ProcessingStep),
    /// Anything multidimensional: the files named in it.
    Files(u32, Vec<FileReference>),
}

impl Part {
    /// What an element begins with.
    pub(crate) fn begin(element: Element, parent: Element, line: u32) -> Self {
        match element {
            Element::Dataset => Self::Dataset(Box::new(Dataset { line, ..Dataset::default() })),
            Element::Band => Self::Band(Box::new(Band { line, ..Band::default() })),
            Element::MaskBand => Self::MaskBand(Vec::new()),
            Element::Source(kind) => Self::Source(Box::new(Source::new(kind, line))),
            Element::SourceFilename | Element::WarpSource => Self::File(FileReference {
                path: Arc::from(""),
                relative_to_vrt: None,
                relative_by_default: parent == Element::Band,
                shared: None,
                line,
            }),
            Element::SourceRectangle | Element::TargetRectangle => Self::Rectangle(Rectangle::default()),
            Element::Overview | Element::PanchromaticBand | Element::SpectralBand => Self::OneFile(None),
            Element::WarpOptions => Self::Warp(WarpOptions { line, ..WarpOptions::default() }),
            Element::Pansharpening => Self::Pansharpening(Pansharpening { line, ..Pansharpening::default() }),
            Element::Input => Self::Input(Box::new(Input { line, ..Input::default() })),
            Element::ProcessingSteps => Self::Steps(ProcessingSteps { line, steps: Vec::new() }),
            Element::ProcessingStep => Self::Step(ProcessingStep { line, ..ProcessingStep::default() }),
            Element::Group
            | Element::Array
            | Element::ArraySource
            | Element::SingleSourceArray
            | Element::DerivedArray
            | Element::DerivationStep
            | Element::Grid
            | Element::GridArray
            | Element::Overviews => Self::Files(line, Vec::new()),
            _ => Self::None,
        }
    }

    /// Takes an attribute, or a child element that holds only text. What was given first stays, as in GDAL.
    pub(crate) fn set(&mut self, name: &str, value: &str, line: u32) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let field = |slot: &mut Option<Field>| {
            if slot.is_none() {
                *slot = Some(Field { text: value.into(), line });
            }
        };
        match self {
            Self::Dataset(dataset) => match () {
                () if is("rasterXSize") => field(&mut dataset.raster_x_size),
                () if is("rasterYSize") => field(&mut dataset.raster_y_size),
                () if is("subClass") => field(&mut dataset.sub_class),
                () if is("SRS") => field(&mut dataset.srs),
                () if is("GeoTransform") => field(&mut dataset.geo_transform),
                () if is("BlockXSize") => field(&mut dataset.block_x_size),
                () if is("BlockYSize") => field(&mut dataset.block_y_size),
                () if is("OverviewList") => field(&mut dataset.overview_list),
                () => {}
            },
            Self::Band(band) => match () {
                () if is("dataType") => field(&mut band.data_type),
                () if is("band") => field(&mut band.number),
                () if is("subClass") => field(&mut band.sub_class),
                () if is("blockXSize") => field(&mut band.block_x_size),
                () if is("blockYSize") => field(&mut band.block_y_size),
                () if is("ColorInterp") => field(&mut band.color_interpretation),
                () if is("NoDataValue") => field(&mut band.no_data),
                () if is("HideNoDataValue") => field(&mut band.hide_no_data),
                () if is("Scale") => field(&mut band.scale),
                () if is("Offset") => field(&mut band.offset),
                () if is("PixelFunctionType") => field(&mut band.pixel_function),
                () if is("PixelFunctionLanguage") => field(&mut band.pixel_function_language),
                () => {}
            },
            Self::Source(source) if is("SourceBand") => {
                source.source_band.get_or_insert_with(|| value.into());
            }
            Self::File(file) if is("relativeToVRT") => {
                file.relative_to_vrt.get_or_insert_with(|| value.into());
            }
            Self::File(file) if is("shared") => {
                file.shared.get_or_insert_with(|| value.into());
            }
            Self::Rectangle(rectangle) => {
                let slot = match () {
                    () if is("xOff") => &mut rectangle.x_offset,
                    () if is("yOff") => &mut rectangle.y_offset,
                    () if is("xSize") => &mut rectangle.x_size,
                    () if is("ySize") => &mut rectangle.y_size,
                    () => return,
                };
                if slot.is_none() {
                    *slot = value.trim().parse().ok();
                }
            }
            Self::Warp(options) if is("ResampleAlg") => field(&mut options.resampling),
            Self::Step(step) if is("name") => field(&mut step.name),
            Self::Step(step) if is("Algorithm") => field(&mut step.algorithm),
            _ => {}
        }
    }

    /// Takes what a child element has gathered.
    pub(crate) fn adopt(&mut self, element: Element, child: Part) {
        match (self, child) {
            (Self::Dataset(dataset), child) => adopt_into_dataset(dataset, element, child),
            (Self::Band(band), child) => adopt_into_band(band, element, child),
            (Self::MaskBand(bands), Part::Band(band)) => bands.push(*band),
            (Self::Source(source), Part::File(file)) => source.files.push(file),
            (Self::Source(source), Part::Files(_, files)) => source.files.extend(files),
            (Self::Source(source), Part::Dataset(dataset)) => {
                source.dataset.get_or_insert(dataset);
            }
            (Self::Source(source), Part::Rectangle(rectangle)) => {
                let slot = match element {
                    Element::SourceRectangle => &mut source.source_rectangle,
                    _ => &mut source.target_rectangle,
                };
                slot.get_or_insert(rectangle);
            }
            (Self::OneFile(slot), Part::File(file))
            | (Self::Warp(WarpOptions { source: slot, .. }), Part::File(file)) => {
                slot.get_or_insert(file);
            }
            (Self::Pansharpening(options), Part::OneFile(file)) => match element {
                Element::PanchromaticBand => options.panchromatic.push(file),
                _ => options.spectral.push(file),
            },
            (Self::Input(input), Part::File(file)) => {
                input.file.get_or_insert(file);
            }
            (Self::Input(input), Part::Dataset(dataset)) => {
                input.dataset.get_or_insert(dataset);
            }
            (Self::Steps(steps), Part::Step(step)) => steps.steps.push(step),
            (Self::Files(_, files), Part::File(file)) => files.push(file),
            (Self::Files(_, files), Part::Files(_, more)) => files.extend(more),
            _ => {}
        }
    }
}

fn adopt_into_dataset(dataset: &mut Dataset, element: Element, child: Part) {
    match (element, child) {
        (Element::GcpList, _) => {}
        (Element::Metadata, _) => dataset.metadata_domains = dataset.metadata_domains.saturating_add(1),
        (_, Part::Band(band)) => dataset.bands.push(*band),
        (_, Part::MaskBand(bands)) => dataset.mask_bands.extend(bands),
        (_, Part::Warp(options)) => {
            dataset.warp_options.get_or_insert(options);
        }
        (_, Part::Pansharpening(options)) => {
            dataset.pansharpening.get_or_insert(options);
        }
        (_, Part::Input(input)) => {
            dataset.input.get_or_insert(*input);
        }
        (_, Part::Steps(steps)) => {
            dataset.processing_steps.get_or_insert(steps);
        }
        (_, Part::Files(line, files)) => {
            dataset.group.get_or_insert(Group { line, files });
        }
        _ => {}
    }
}

fn adopt_into_band(band: &mut Band, element: Element, child: Part) {
    match (element, child) {
        (Element::Metadata, _) => band.metadata_domains = band.metadata_domains.saturating_add(1),
        (Element::ColorTable, _) => band.has_color_table = true,
        (_, Part::Source(source)) => band.sources.push(*source),
        (_, Part::File(file)) => {
            band.raw_file.get_or_insert(file);
        }
        (_, Part::OneFile(file)) => band.overviews.extend(file),
        (_, Part::MaskBand(bands)) => band.mask_bands.extend(bands),
        _ => {}
    }
}

/// Keeps one copy of each path: a mosaic of four bands names each of its files four times.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: HashSet<Arc<str>>,
}

impl Paths {
    /// The shared copy of a path.
    pub(crate) fn intern(&mut self, path: &str) -> Arc<str> {
        if let Some(known) = self.known.get(path) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(path);
        self.known.insert(Arc::clone(&shared));
        shared
    }
}

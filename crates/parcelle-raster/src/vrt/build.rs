//! Puts the model together, element by element, without recursion: each open element owns the part of the model that
//! it will hand to its parent when it closes.

use std::collections::HashSet;
use std::sync::Arc;

use super::details::{
    Adjustment, AttributeField, AttributeTable, ColorTable, DataType, GcpList, GroundControlPoint, Kernel, Marked,
    Metadata, Named, Overview, SourceProperties,
};
use super::limits;
use super::model::{
    Band, Dataset, Field, FileReference, Group, Input, OutputBands, Pansharpening, PansharpeningBand, ProcessingStep,
    ProcessingSteps, Rectangle, Source, WarpOptions, leading_integer, short,
};
use super::vocabulary::Element;

/// What an open element has gathered; what is large and rare is boxed, for parts are moved from element to element.
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
    Overview(Box<Overview>),
    PansharpeningBand(Box<PansharpeningBand>),
    Properties(SourceProperties),
    Kernel(Kernel),
    GcpList(GcpList),
    Metadata(Metadata),
    ColorTable(ColorTable),
    AttributeTable(AttributeTable),
    AttributeField(AttributeField),
    CategoryNames(Vec<Box<str>>),
    OpenOptions(Vec<Named>),
    BandMappings(Vec<(i32, i32)>),
    /// An element of attributes and text.
    Marked(Marked),
    Warp(Box<WarpOptions>),
    Pansharpening(Box<Pansharpening>),
    Input(Box<Input>),
    Steps(ProcessingSteps),
    Step(Box<ProcessingStep>),
    /// Anything multidimensional: the files named in it, and its own name.
    Group(Group),
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
                path: Arc::default(),
                relative_to_vrt: None,
                relative_by_default: parent == Element::Band,
                shared: None,
                line,
            }),
            Element::SourceRectangle | Element::TargetRectangle => Self::Rectangle(Rectangle::new(line)),
            Element::Overview => Self::Overview(Box::new(Overview { line, ..Overview::default() })),
            Element::PanchromaticBand | Element::SpectralBand => {
                Self::PansharpeningBand(Box::new(PansharpeningBand { line, ..PansharpeningBand::default() }))
            }
            Element::SourceProperties => Self::Properties(SourceProperties::default()),
            Element::Kernel => Self::Kernel(Kernel { line, ..Kernel::default() }),
            Element::GcpList => Self::GcpList(GcpList { line, ..GcpList::default() }),
            Element::Metadata => Self::Metadata(Metadata { line, ..Metadata::default() }),
            Element::ColorTable => Self::ColorTable(ColorTable { line, ..ColorTable::default() }),
            Element::AttributeTable => Self::AttributeTable(AttributeTable { line, ..AttributeTable::default() }),
            Element::AttributeField => Self::AttributeField(AttributeField { line, ..AttributeField::default() }),
            Element::CategoryNames => Self::CategoryNames(Vec::new()),
            Element::OpenOptions => Self::OpenOptions(Vec::new()),
            Element::BandList => Self::BandMappings(Vec::new()),
            Element::Srs
            | Element::OverviewList
            | Element::OutputBands
            | Element::OpenOption
            | Element::ColorEntry
            | Element::GroundControlPoint
            | Element::MetadataItem
            | Element::FunctionArguments
            | Element::WarpOption
            | Element::BandMapping
            | Element::StepArgument
            | Element::AlgorithmOptions => Self::Marked(Marked { line, ..Marked::default() }),
            Element::WarpOptions => Self::Warp(Box::new(WarpOptions { line, ..WarpOptions::default() })),
            Element::Pansharpening => Self::Pansharpening(Box::new(Pansharpening { line, ..Pansharpening::default() })),
            Element::Input => Self::Input(Box::new(Input { line, ..Input::default() })),
            Element::ProcessingSteps => Self::Steps(ProcessingSteps { line, steps: Vec::new() }),
            Element::ProcessingStep => Self::Step(Box::new(ProcessingStep { line, ..ProcessingStep::default() })),
            Element::Group
            | Element::Array
            | Element::ArraySource
            | Element::SingleSourceArray
            | Element::DerivedArray
            | Element::DerivationStep
            | Element::Grid
            | Element::GridArray
            | Element::Overviews => Self::Group(Group { line, ..Group::default() }),
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
                () if is("GeoTransform") => field(&mut dataset.geo_transform),
                () if is("BlockXSize") => field(&mut dataset.block_x_size),
                () if is("BlockYSize") => field(&mut dataset.block_y_size),
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
                () if is("Description") => field(&mut band.description),
                () if is("UnitType") => field(&mut band.unit),
                () if is("PixelFunctionType") => field(&mut band.pixel_function),
                () if is("PixelFunctionLanguage") => field(&mut band.pixel_function_language),
                () if is("PixelFunctionCode") => field(&mut band.pixel_function_code),
                () if is("SourceTransferType") => field(&mut band.source_transfer_type),
                () if is("BufferRadius") => field(&mut band.buffer_radius),
                () if is("SkipNonContributingSources") => field(&mut band.skip_non_contributing_sources),
                () if is("ImageOffset") => field(&mut band.image_offset),
                () if is("PixelOffset") => field(&mut band.pixel_offset),
                () if is("LineOffset") => field(&mut band.line_offset),
                () if is("ByteOrder") => field(&mut band.byte_order),
                () => {}
            },
            Self::Source(source) => set_in_source(source, name, value, line),
            Self::Overview(overview) if is("SourceBand") => {
                overview.source_band.get_or_insert_with(|| value.into());
            }
            Self::Properties(properties) => {
                let slot = match () {
                    () if is("RasterXSize") => &mut properties.width,
                    () if is("RasterYSize") => &mut properties.height,
                    () if is("BlockXSize") => &mut properties.block_width,
                    () if is("BlockYSize") => &mut properties.block_height,
                    () => {
                        if is("DataType") && properties.data_type.is_none() {
                            properties.data_type = DataType::parse(value).map(|(kind, _)| kind);
                        }
                        return;
                    }
                };
                if slot.is_none() {
                    *slot = leading_integer(value);
                }
            }
            Self::Kernel(kernel) if is("Size") => {
                kernel.size.get_or_insert((leading_integer(value).unwrap_or_default(), line));
            }
            Self::Kernel(kernel) if is("Coefs") => {
                let count = value.split_ascii_whitespace().count();
                kernel.coefficients.get_or_insert(u32::try_from(count).unwrap_or(u32::MAX));
            }
            Self::GcpList(list) => match () {
                () if is("Projection") => field(&mut list.projection),
                () if is("dataAxisToSRSAxisMapping") => field(&mut list.axis_mapping),
                () => {}
            },
            Self::Metadata(metadata) if is("domain") => metadata.domain = value.into(),
            Self::AttributeField(of_table) => match () {
                () if is("Name") => field(&mut of_table.name),
                () if is("Type") => field(&mut of_table.kind),
                () if is("Usage") => field(&mut of_table.usage),
                () => {}
            },
            Self::CategoryNames(names) if is("Category") && names.len() < limits::ITEMS => names.push(value.into()),
            Self::Marked(marked) if marked.attributes.len() < limits::ATTRIBUTES => {
                marked.attributes.push(Named { name: name.into(), value: value.into(), line });
            }
            Self::Pansharpening(options) => match () {
                () if is("Algorithm") => field(&mut options.algorithm),
                () if is("Resampling") => field(&mut options.resampling),
                () if is("BitDepth") => field(&mut options.bit_depth),
                () if is("NoData") => field(&mut options.no_data),
                () if is("SpatialExtentAdjustment") => field(&mut options.extent_adjustment),
                () => {}
            },
            Self::PansharpeningBand(band) => match () {
                () if is("SourceBand") => field(&mut band.source_band),
                () if is("dstBand") => field(&mut band.target_band),
                () => {}
            },
            Self::Input(input) if is("unscale") => field(&mut input.unscale),
            Self::Group(group) if is("name") => field(&mut group.name),
            Self::File(file) if is("relativeToVRT") => {
                file.relative_to_vrt.get_or_insert_with(|| short(value));
            }
            Self::File(file) if is("shared") => {
                file.shared.get_or_insert_with(|| short(value));
            }
            Self::Rectangle(rectangle) => rectangle.set(name, value),
            Self::Warp(options) => match () {
                () if is("ResampleAlg") => field(&mut options.resampling),
                () if is("WorkingDataType") => field(&mut options.working_type),
                () if is("WarpMemoryLimit") => field(&mut options.memory_limit),
                () if is("Cutline") => options.has_cutline = true,
                () => {}
            },
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
            // GDAL takes the first one.
            (Self::Source(source), Part::File(file)) if source.files.is_empty() => source.files.push(file),
            (Self::Source(source), Part::Group(group)) => source.files.extend(group.files),
            (Self::Source(source), Part::Properties(properties)) => {
                source.properties.get_or_insert_with(|| Box::new(properties));
            }
            (Self::Source(source), Part::OpenOptions(options)) => source.rare_mut().open_options.extend(options),
            (Self::Source(source), Part::Kernel(kernel)) => {
                source.adjustments.get_or_insert_default().kernel.get_or_insert_with(|| Box::new(kernel));
            }
            (Self::Source(source), Part::Dataset(dataset)) => {
                source.dataset.get_or_insert(dataset);
            }
            (Self::Source(source), Part::Rectangle(rectangle)) => {
                let windows = source.windows.get_or_insert_default();
                let slot = match element {
                    Element::SourceRectangle => &mut windows.source,
                    _ => &mut windows.target,
                };
                slot.get_or_insert(rectangle);
            }
            (Self::Overview(overview), Part::File(file)) => {
                overview.file.get_or_insert(file);
            }
            (Self::PansharpeningBand(band), Part::File(file)) => {
                band.file.get_or_insert(file);
            }
            (Self::Warp(options), Part::File(file)) => {
                options.source.get_or_insert(file);
            }
            (Self::Warp(options), Part::Marked(option)) if options.options.len() < limits::ITEMS => {
                options.options.push(option.named("name"));
            }
            (Self::Warp(options), _) if element == Element::Transformer => options.has_transformer = true,
            (Self::Warp(options), Part::BandMappings(mappings)) => options.band_mappings.extend(mappings),
            (Self::BandMappings(mappings), Part::Marked(mapping)) if mappings.len() < limits::BANDS => {
                let number = |name: &str| mapping.attribute(name).and_then(leading_integer).unwrap_or_default();
                mappings.push((number("src"), number("dst")));
            }
            (Self::GcpList(list), Part::Marked(point)) if list.points.len() < limits::ITEMS => {
                let height = if point.attribute("GCPZ").is_some() { "GCPZ" } else { "Z" };
                list.points.push(GroundControlPoint {
                    pixel: point.number("Pixel"),
                    line: point.number("Line"),
                    x: point.number("X"),
                    y: point.number("Y"),
                    z: point.number(height),
                });
            }
            (Self::Metadata(metadata), Part::Marked(item)) if metadata.items.len() < limits::ITEMS => {
                metadata.items.push(item.named("key"));
            }
            (Self::ColorTable(table), Part::Marked(entry)) if table.entries.len() < limits::ITEMS => {
                let part = |name: &str, otherwise| entry.attribute(name).and_then(leading_integer).unwrap_or(otherwise);
                table.entries.push([part("c1", 0), part("c2", 0), part("c3", 0), part("c4", 255)]);
            }
            (Self::AttributeTable(table), Part::AttributeField(field)) if table.fields.len() < limits::ITEMS => {
                table.fields.push(field);
            }
            (Self::AttributeTable(table), _) if element == Element::AttributeRow => {
                table.rows = table.rows.saturating_add(1);
            }
            (Self::OpenOptions(options), Part::Marked(option)) if options.len() < limits::ITEMS => {
                options.push(option.named("key"));
            }
            (Self::Step(step), Part::Marked(argument)) if step.arguments.len() < limits::ITEMS => {
                step.arguments.push(argument.named("name"));
            }
            (Self::Pansharpening(options), Part::Marked(given)) if element == Element::AlgorithmOptions => {
                options.weights = options.weights.take().or_else(|| given.field("Weights"));
            }
            (Self::Pansharpening(options), Part::PansharpeningBand(band)) => match element {
                Element::PanchromaticBand => options.panchromatic.push(*band),
                _ => options.spectral.push(*band),
            },
            (Self::Input(input), Part::File(file)) => {
                input.file.get_or_insert(file);
            }
            (Self::Input(input), Part::Dataset(dataset)) => {
                input.dataset.get_or_insert(dataset);
            }
            (Self::Steps(steps), Part::Step(step)) => steps.steps.push(*step),
            (Self::Group(group), Part::File(file)) => group.files.push(file),
            (Self::Group(group), Part::Group(inner)) => group.files.extend(inner.files),
            _ => {}
        }
    }
}

fn adopt_into_dataset(dataset: &mut Dataset, element: Element, child: Part) {
    match (element, child) {
        (Element::Srs, Part::Marked(srs)) if dataset.srs.is_none() => {
            dataset.axis_mapping = srs.field("dataAxisToSRSAxisMapping");
            dataset.coordinate_epoch = srs.field("coordinateEpoch");
            dataset.srs = Some(Field { text: srs.text.into(), line: srs.line });
        }
        (Element::OverviewList, Part::Marked(list)) if dataset.overview_list.is_none() => {
            dataset.overview_resampling = list.field("resampling");
            dataset.overview_list = Some(Field { text: list.text.into(), line: list.line });
        }
        (Element::OutputBands, Part::Marked(bands)) => {
            let (count, data_type) = (bands.field("count"), bands.field("dataType"));
            dataset.output_bands.get_or_insert(OutputBands { line: bands.line, count, data_type });
        }
        (_, Part::GcpList(list)) => {
            dataset.gcp_list.get_or_insert(list);
        }
        (_, Part::Metadata(metadata)) if dataset.metadata.len() < limits::ITEMS => dataset.metadata.push(metadata),
        (_, Part::Band(band)) => dataset.bands.push(*band),
        (_, Part::MaskBand(bands)) => dataset.mask_bands.extend(bands),
        (_, Part::Warp(options)) => {
            dataset.warp_options.get_or_insert(*options);
        }
        (_, Part::Pansharpening(options)) => {
            dataset.pansharpening.get_or_insert(*options);
        }
        (_, Part::Input(input)) => {
            dataset.input.get_or_insert(*input);
        }
        (_, Part::Steps(steps)) => {
            dataset.processing_steps.get_or_insert(steps);
        }
        (_, Part::Group(group)) => {
            dataset.group.get_or_insert(group);
        }
        _ => {}
    }
}

fn adopt_into_band(band: &mut Band, element: Element, child: Part) {
    match (element, child) {
        (_, Part::Metadata(metadata)) if band.metadata.len() < limits::ITEMS => band.metadata.push(metadata),
        (_, Part::ColorTable(table)) => {
            band.color_table.get_or_insert(table);
        }
        (_, Part::AttributeTable(table)) => {
            band.attribute_table.get_or_insert(table);
        }
        (_, Part::CategoryNames(names)) => band.category_names.extend(names),
        (Element::FunctionArguments, Part::Marked(arguments)) => {
            band.pixel_function_arguments.extend(arguments.attributes);
        }
        (Element::Histograms, _) => band.histograms = band.histograms.saturating_add(1),
        (_, Part::Source(source)) => band.sources.push(*source),
        (_, Part::File(file)) => {
            band.raw_file.get_or_insert(file);
        }
        (_, Part::Overview(overview)) => band.overviews.push(*overview),
        (_, Part::MaskBand(bands)) => band.mask_bands.extend(bands),
        _ => {}
    }
}

fn set_in_source(source: &mut Source, name: &str, value: &str, line: u32) {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("SourceBand") {
        source.source_band.get_or_insert_with(|| short(value));
        return;
    }
    if is("resampling") {
        source.rare_mut().resampling.get_or_insert_with(|| value.into());
        return;
    }
    if let Some(kind) = Adjustment::parse(name) {
        source.adjustments.get_or_insert_default().give(kind, value, line);
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

//! A VRT as a typed model: what GDAL takes out of the XML, with the lines it came from.
//!
//! GDAL looks names up without regard to case and makes no difference between an attribute and a child element that
//! holds only text (`port/cpl_minixml.cpp`, `CPLGetXMLValue`), so the model makes none either: a [`Field`] is whatever
//! was written first under that name.

use std::ops::Deref;
use std::sync::Arc;

use super::details::{AttributeTable, ColorTable, DataType, GcpList, Metadata, Named, Overview};
use super::numbers::leading_number;
pub(crate) use super::source::{Rectangle, Source, SourceBand, SourceKind};

/// A value with the line it was written on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: Box<str>,
    pub(crate) line: u32,
}

impl Field {
    /// The number GDAL's `atoi` makes of it: leading digits after blanks and a sign, 0 without any.
    /// `None` where the number does not fit 32 bits, which `atoi` leaves undefined.
    pub(crate) fn leading_integer(&self) -> Option<i32> {
        leading_integer(&self.text)
    }

    /// The number GDAL's `CPLAtof` makes of it.
    pub(crate) fn number(&self) -> f64 {
        leading_number(&self.text)
    }

    /// Whether the text is nothing but such a number.
    pub(crate) fn is_integer(&self) -> bool {
        let text = self.text.trim_matches([' ', '\t', '\r', '\n']);
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// A value that is most often one digit, for which no memory is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Short {
    Digit(u8),
    // Twice a box, for a text with its length would be twice as long as a digit with its mark.
    Text(Box<Box<str>>),
}

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Digit(digit) => DIGITS.get(usize::from(*digit)).copied().unwrap_or_default(),
            Self::Text(text) => text,
        }
    }
}

/// A copy of a value.
pub(crate) fn short(text: &str) -> Short {
    match text.as_bytes() {
        [digit @ b'0'..=b'9'] => Short::Digit(digit - b'0'),
        _ => Short::Text(Box::new(text.into())),
    }
}

/// See [`Field::leading_integer`].
pub(crate) fn leading_integer(text: &str) -> Option<i32> {
    let text = text.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number: i64 = 0;
    for digit in digits.bytes().take_while(u8::is_ascii_digit) {
        number = number * 10 + i64::from(digit - b'0');
        if number > i64::from(i32::MAX) + 1 {
            return None;
        }
    }
    i32::try_from(if negative { -number } else { number }).ok()
}

/// Which of GDAL's dataset classes reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatasetKind {
    /// Bands made of sources.
    Classic,
    /// Reprojected when read.
    Warped,
    /// Pansharpened when read.
    Pansharpened,
    /// Run through processing steps when read.
    Processed,
    /// A group of multidimensional arrays without bands.
    Multidimensional,
}

impl DatasetKind {
    /// The lower-case word used in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Warped => "warped",
            Self::Pansharpened => "pansharpened",
            Self::Processed => "processed",
            Self::Multidimensional => "multidimensional",
        }
    }
}

/// A `<VRTDataset>`, the root or one written inside a source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dataset {
    pub(crate) line: u32,
    pub(crate) raster_x_size: Option<Field>,
    pub(crate) raster_y_size: Option<Field>,
    pub(crate) sub_class: Option<Field>,
    pub(crate) srs: Option<Field>,
    /// `dataAxisToSRSAxisMapping` of the `<SRS>`.
    pub(crate) axis_mapping: Option<Field>,
    pub(crate) coordinate_epoch: Option<Field>,
    pub(crate) geo_transform: Option<Field>,
    pub(crate) ground_control_points: u32,
    pub(crate) gcp_list: Option<GcpList>,
    pub(crate) block_x_size: Option<Field>,
    pub(crate) block_y_size: Option<Field>,
    pub(crate) overview_list: Option<Field>,
    pub(crate) overview_resampling: Option<Field>,
    pub(crate) metadata: Vec<Metadata>,
    pub(crate) bands: Vec<Band>,
    pub(crate) mask_bands: Vec<Band>,
    pub(crate) group: Option<Group>,
    pub(crate) warp_options: Option<WarpOptions>,
    pub(crate) pansharpening: Option<Pansharpening>,
    pub(crate) input: Option<Input>,
    pub(crate) output_bands: Option<OutputBands>,
    pub(crate) processing_steps: Option<ProcessingSteps>,
}

impl Dataset {
    /// Which of GDAL's classes reads it. The comparison of the subclass is exact, as in `VRTDataset::OpenXML`.
    pub(crate) fn kind(&self) -> DatasetKind {
        match self.sub_class.as_ref().map(|field| &*field.text) {
            Some("VRTWarpedDataset") => DatasetKind::Warped,
            Some("VRTPansharpenedDataset") => DatasetKind::Pansharpened,
            Some("VRTProcessedDataset") => DatasetKind::Processed,
            _ if self.group.is_some() && self.bands.is_empty() => DatasetKind::Multidimensional,
            _ => DatasetKind::Classic,
        }
    }

    /// Columns and rows as GDAL reads them; `None` where it refuses them.
    pub(crate) fn size(&self) -> Option<(i32, i32)> {
        let size = |field: &Option<Field>| field.as_ref().and_then(Field::leading_integer).filter(|size| *size > 0);
        Some((size(&self.raster_x_size)?, size(&self.raster_y_size)?))
    }

    /// The sources of its bands, with the numbers of the bands, from 1.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (u32, &Source)> {
        (1..).zip(&self.bands).flat_map(|(number, band)| band.sources.iter().map(move |source| (number, source)))
    }

    /// All files it refers to, those of datasets written inside its sources included, in no particular order.
    /// Overviews are left out: GDAL falls back silently when one is missing.
    pub(crate) fn references(&self) -> Vec<Reference<'_>> {
        let mut found = Vec::new();
        // At most `limits::NESTED_DATASETS` levels are ever built.
        let mut waiting = vec![self];
        while let Some(dataset) = waiting.pop() {
            let bands = dataset.bands.iter().enumerate().map(|(index, band)| (Some(index), band));
            for (index, band) in bands.chain(dataset.mask_bands.iter().map(|band| (None, band))) {
                band.collect(index.and_then(|index| u32::try_from(index + 1).ok()), &mut found, &mut waiting);
            }
            if let Some(options) = &dataset.warp_options {
                found.extend(options.source.iter().map(|file| Reference {
                    file,
                    band: None,
                    element: "SourceDataset",
                }));
            }
            if let Some(options) = &dataset.pansharpening {
                for file in options.panchromatic.iter().chain(&options.spectral).filter_map(|band| band.file.as_ref()) {
                    found.push(Reference { file, band: None, element: "SourceFilename" });
                }
            }
            if let Some(input) = &dataset.input {
                found.extend(input.file.iter().map(|file| Reference { file, band: None, element: "SourceFilename" }));
                waiting.extend(input.dataset.as_deref());
            }
            let steps = dataset.processing_steps.iter().flat_map(|steps| &steps.steps);
            let of_steps = steps.flat_map(|step| &step.files);
            found.extend(of_steps.map(|file| Reference { file, band: None, element: "Argument" }));
            if let Some(group) = &dataset.group {
                found.extend(group.files.iter().map(|file| Reference { file, band: None, element: "SourceFilename" }));
            }
        }
        found
    }
}

/// A file that a dataset refers to, and the band it serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'a> {
    pub(crate) file: &'a FileReference,
    pub(crate) band: Option<u32>,
    pub(crate) element: &'static str,
}

/// A `<VRTRasterBand>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Band {
    pub(crate) line: u32,
    pub(crate) data_type: Option<Field>,
    pub(crate) number: Option<Field>,
    pub(crate) sub_class: Option<Field>,
    pub(crate) block_x_size: Option<Field>,
    pub(crate) block_y_size: Option<Field>,
    pub(crate) color_interpretation: Option<Field>,
    pub(crate) no_data: Option<Field>,
    pub(crate) hide_no_data: Option<Field>,
    pub(crate) scale: Option<Field>,
    pub(crate) offset: Option<Field>,
    pub(crate) description: Option<Field>,
    pub(crate) unit: Option<Field>,
    pub(crate) category_names: Vec<Box<str>>,
    pub(crate) pixel_function: Option<Field>,
    pub(crate) pixel_function_language: Option<Field>,
    pub(crate) pixel_function_code: Option<Field>,
    /// The attributes of `<PixelFunctionArguments>`.
    pub(crate) pixel_function_arguments: Vec<Named>,
    pub(crate) source_transfer_type: Option<Field>,
    pub(crate) buffer_radius: Option<Field>,
    pub(crate) skip_non_contributing_sources: Option<Field>,
    pub(crate) color_table: Option<ColorTable>,
    pub(crate) attribute_table: Option<AttributeTable>,
    pub(crate) histograms: u32,
    pub(crate) metadata: Vec<Metadata>,
    pub(crate) sources: Vec<Source>,
    pub(crate) overviews: Vec<Overview>,
    pub(crate) mask_bands: Vec<Band>,
    /// The file of a `VRTRawRasterBand`.
    pub(crate) raw_file: Option<FileReference>,
    pub(crate) image_offset: Option<Field>,
    pub(crate) pixel_offset: Option<Field>,
    pub(crate) line_offset: Option<Field>,
    pub(crate) byte_order: Option<Field>,
}

impl Band {
    /// Whether it is of that class; GDAL compares the classes of bands without regard to case.
    pub(crate) fn is_a(&self, class: &str) -> bool {
        self.sub_class.as_ref().is_some_and(|field| field.text.eq_ignore_ascii_case(class))
    }

    /// Its type, Byte where none is written; `None` where no GDAL knows the name.
    pub(crate) fn kind(&self) -> Option<DataType> {
        match &self.data_type {
            Some(field) => DataType::parse(&field.text).map(|(kind, _)| kind),
            None => Some(DataType::Byte),
        }
    }

    /// Its nodata value, unless it is hidden.
    pub(crate) fn visible_no_data(&self) -> Option<&Field> {
        let hidden = self.hide_no_data.as_ref().is_some_and(|field| super::numbers::truth(&field.text));
        self.no_data.as_ref().filter(|_| !hidden)
    }

    fn collect<'a>(&'a self, number: Option<u32>, found: &mut Vec<Reference<'a>>, waiting: &mut Vec<&'a Dataset>) {
        // A mask band may hold no mask band of its own that GDAL would read, so one level is enough.
        for band in std::iter::once(self).chain(&self.mask_bands) {
            for source in &band.sources {
                found.extend(source.files.iter().map(|file| Reference {
                    file,
                    band: number,
                    element: "SourceFilename",
                }));
                waiting.extend(source.dataset.as_deref());
            }
            if band.is_a("VRTRawRasterBand") {
                found.extend(band.raw_file.iter().map(|file| Reference {
                    file,
                    band: number,
                    element: "SourceFilename",
                }));
            }
        }
    }
}

/// A file name as written, with what decides where it points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileReference {
    /// Shared between the bands that name the same file.
    pub(crate) path: Arc<str>,
    /// The attribute as written.
    pub(crate) relative_to_vrt: Option<Short>,
    /// What GDAL assumes without the attribute: only raw bands are relative to the VRT by default.
    pub(crate) relative_by_default: bool,
    pub(crate) shared: Option<Short>,
    pub(crate) line: u32,
}

impl FileReference {
    /// Whether GDAL takes the path relative to the VRT: `atoi` of the attribute, so that "true" means no.
    pub(crate) fn is_relative_to_vrt(&self) -> bool {
        match &self.relative_to_vrt {
            Some(value) => leading_integer(value) != Some(0),
            None => self.relative_by_default,
        }
    }
}

/// The `<Group>` of a multidimensional VRT.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) line: u32,
    pub(crate) name: Option<Field>,
    pub(crate) files: Vec<FileReference>,
}

/// `<GDALWarpOptions>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct WarpOptions {
    pub(crate) line: u32,
    pub(crate) resampling: Option<Field>,
    pub(crate) source: Option<FileReference>,
    pub(crate) working_type: Option<Field>,
    pub(crate) memory_limit: Option<Field>,
    pub(crate) options: Vec<Named>,
    /// Source and target band of each `<BandMapping>`.
    pub(crate) band_mappings: Vec<(i32, i32)>,
    pub(crate) has_transformer: bool,
    pub(crate) has_cutline: bool,
}

/// A `<PanchroBand>` or `<SpectralBand>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PansharpeningBand {
    pub(crate) line: u32,
    pub(crate) file: Option<FileReference>,
    pub(crate) source_band: Option<Field>,
    /// `dstBand`: the band that comes out.
    pub(crate) target_band: Option<Field>,
}

/// `<PansharpeningOptions>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pansharpening {
    pub(crate) line: u32,
    pub(crate) panchromatic: Vec<PansharpeningBand>,
    pub(crate) spectral: Vec<PansharpeningBand>,
    /// `<Weights>` of `<AlgorithmOptions>`.
    pub(crate) weights: Option<Field>,
    pub(crate) algorithm: Option<Field>,
    pub(crate) resampling: Option<Field>,
    pub(crate) bit_depth: Option<Field>,
    pub(crate) no_data: Option<Field>,
    pub(crate) extent_adjustment: Option<Field>,
}

/// The `<Input>` of a processed dataset.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Input {
    pub(crate) line: u32,
    pub(crate) file: Option<FileReference>,
    pub(crate) dataset: Option<Box<Dataset>>,
    pub(crate) unscale: Option<Field>,
}

/// `<OutputBands>` of a processed dataset (GDAL 3.11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OutputBands {
    pub(crate) line: u32,
    pub(crate) count: Option<Field>,
    pub(crate) data_type: Option<Field>,
}

/// `<ProcessingSteps>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProcessingSteps {
    pub(crate) line: u32,
    pub(crate) steps: Vec<ProcessingStep>,
}

/// One `<Step>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProcessingStep {
    pub(crate) line: u32,
    pub(crate) name: Option<Field>,
    pub(crate) algorithm: Option<Field>,
    pub(crate) arguments: Vec<Named>,
    /// What the arguments name.
    pub(crate) files: Vec<FileReference>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_atoi_does() {
        let number = |text: &str| Field { text: text.into(), line: 1 }.leading_integer();
        assert_eq!(number("20px"), Some(20));
        assert_eq!(number(" -7"), Some(-7));
        assert_eq!(number("true"), Some(0));
        assert_eq!(number("2147483647"), Some(i32::MAX));
        assert_eq!(number("-2147483648"), Some(i32::MIN));
        assert_eq!(number("2147483648"), None);
        assert_eq!(number("99999999999999999999999999"), None);
        assert!(Field { text: "20".into(), line: 1 }.is_integer());
        assert!(!Field { text: "20px".into(), line: 1 }.is_integer());
        assert!(!Field { text: "".into(), line: 1 }.is_integer());
    }

    #[test]
    fn the_attribute_decides_what_a_path_is_relative_to() {
        let reference = |relative: Option<&str>, by_default| FileReference {
            path: "a.tif".into(),
            relative_to_vrt: relative.map(short),
            relative_by_default: by_default,
            shared: None,
            line: 1,
        };
        assert!(reference(Some("1"), false).is_relative_to_vrt());
        assert!(!reference(Some("true"), false).is_relative_to_vrt());
        assert!(!reference(None, false).is_relative_to_vrt());
        assert!(reference(None, true).is_relative_to_vrt());
    }
}

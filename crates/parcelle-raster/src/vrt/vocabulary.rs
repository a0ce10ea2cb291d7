//! The elements GDAL knows, by the element they stand in; names are compared without regard to case, as GDAL's parser
//! does (`frmts/vrt/data/gdalvrt.xsd` lists them; what the XSD leaves open is open here).

use super::model::SourceKind;

/// A kind of element, by what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// What stands above the root.
    Document,
    Dataset,
    /// `<SRS>` of a dataset.
    Srs,
    /// `<OverviewList>`.
    OverviewList,
    /// `<OutputBands>`.
    OutputBands,
    GcpList,
    GroundControlPoint,
    MaskBand,
    Band,
    Source(SourceKind),
    SourceFilename,
    SourceRectangle,
    TargetRectangle,
    /// `<SourceProperties>`.
    SourceProperties,
    OpenOptions,
    OpenOption,
    Kernel,
    Overview,
    ColorTable,
    ColorEntry,
    CategoryNames,
    AttributeTable,
    AttributeField,
    AttributeRow,
    Histograms,
    /// `<PixelFunctionArguments>`.
    FunctionArguments,
    WarpOptions,
    WarpSource,
    WarpOption,
    BandList,
    BandMapping,
    Transformer,
    Pansharpening,
    PanchromaticBand,
    SpectralBand,
    /// `<AlgorithmOptions>`, in which anything goes.
    AlgorithmOptions,
    Input,
    ProcessingSteps,
    ProcessingStep,
    /// `<Argument>` of a `<Step>`.
    StepArgument,
    Group,
    Array,
    ArraySource,
    SingleSourceArray,
    DerivedArray,
    DerivationStep,
    View,
    Transpose,
    Resample,
    Grid,
    GridArray,
    GetMask,
    /// `<Option>` of a step.
    StepOption,
    Dimension,
    Overviews,
    Attribute,
    InlineValues,
    Metadata,
    MetadataItem,
    /// Holds a value; children are not looked at.
    Leaf,
    /// Holds anything; nothing in it is looked at.
    Opaque,
}

/// The names known in an element, as the documentation spells them.
type Names = &'static [(&'static str, Element)];

use Element as E;

const DATASET: Names = &[
    ("SRS", E::Srs),
    ("GeoTransform", E::Leaf),
    ("GCPList", E::GcpList),
    ("BlockXSize", E::Leaf),
    ("BlockYSize", E::Leaf),
    ("Metadata", E::Metadata),
    ("VRTRasterBand", E::Band),
    ("MaskBand", E::MaskBand),
    ("GDALWarpOptions", E::WarpOptions),
    ("PansharpeningOptions", E::Pansharpening),
    ("Input", E::Input),
    ("OutputBands", E::OutputBands),
    ("ProcessingSteps", E::ProcessingSteps),
    ("Group", E::Group),
    ("OverviewList", E::OverviewList),
    ("rasterXSize", E::Leaf),
    ("rasterYSize", E::Leaf),
    ("subClass", E::Leaf),
];

const BAND: Names = &[
    ("Description", E::Leaf),
    ("UnitType", E::Leaf),
    ("Offset", E::Leaf),
    ("Scale", E::Leaf),
    ("CategoryNames", E::CategoryNames),
    ("ColorTable", E::ColorTable),
    ("GDALRasterAttributeTable", E::AttributeTable),
    ("NoDataValue", E::Leaf),
    ("HideNoDataValue", E::Leaf),
    ("Metadata", E::Metadata),
    ("ColorInterp", E::Leaf),
    ("Overview", E::Overview),
    ("MaskBand", E::MaskBand),
    ("Histograms", E::Histograms),
    ("SimpleSource", E::Source(SourceKind::Simple)),
    ("ComplexSource", E::Source(SourceKind::Complex)),
    ("AveragedSource", E::Source(SourceKind::Averaged)),
    ("NoDataFromMaskSource", E::Source(SourceKind::NoDataFromMask)),
    ("KernelFilteredSource", E::Source(SourceKind::KernelFiltered)),
    ("ArraySource", E::Source(SourceKind::Array)),
    ("PixelFunctionType", E::Leaf),
    ("SourceTransferType", E::Leaf),
    ("PixelFunctionLanguage", E::Leaf),
    ("PixelFunctionCode", E::Leaf),
    ("PixelFunctionArguments", E::FunctionArguments),
    ("BufferRadius", E::Leaf),
    ("SkipNonContributingSources", E::Leaf),
    ("SourceFilename", E::SourceFilename),
    ("ImageOffset", E::Leaf),
    ("PixelOffset", E::Leaf),
    ("LineOffset", E::Leaf),
    ("ByteOrder", E::Leaf),
    ("dataType", E::Leaf),
    ("band", E::Leaf),
    ("blockXSize", E::Leaf),
    ("blockYSize", E::Leaf),
    ("subClass", E::Leaf),
];

const SIMPLE_SOURCE: Names = &[
    ("SourceFilename", E::SourceFilename),
    ("VRTDataset", E::Dataset),
    ("OpenOptions", E::OpenOptions),
    ("SourceBand", E::Leaf),
    ("SourceProperties", E::SourceProperties),
    ("SrcRect", E::SourceRectangle),
    ("DstRect", E::TargetRectangle),
    ("resampling", E::Leaf),
    ("name", E::Leaf),
];

const SOURCE_PROPERTIES: Names = &[
    ("RasterXSize", E::Leaf),
    ("RasterYSize", E::Leaf),
    ("DataType", E::Leaf),
    ("BlockXSize", E::Leaf),
    ("BlockYSize", E::Leaf),
];

const COMPLEX_SOURCE: Names = &[
    ("ScaleOffset", E::Leaf),
    ("ScaleRatio", E::Leaf),
    ("ColorTableComponent", E::Leaf),
    ("Exponent", E::Leaf),
    ("SrcMin", E::Leaf),
    ("SrcMax", E::Leaf),
    ("DstMin", E::Leaf),
    ("DstMax", E::Leaf),
    ("Clip", E::Leaf),
    ("NODATA", E::Leaf),
    ("UseMaskBand", E::Leaf),
    ("LUT", E::Leaf),
];

const MASK_SOURCE: Names = &[("NODATA", E::Leaf), ("MaskValueThreshold", E::Leaf), ("RemappedValue", E::Leaf)];

const KERNEL_SOURCE: Names = &[("Kernel", E::Kernel), ("Function", E::Leaf)];

const ABSTRACT_ARRAYS: Names = &[
    ("AbstractArray", E::Opaque),
    ("SingleSourceArray", E::SingleSourceArray),
    ("Array", E::Array),
    ("DerivedArray", E::DerivedArray),
];

const WARP_OPTIONS: Names = &[
    ("WarpMemoryLimit", E::Leaf),
    ("ResampleAlg", E::Leaf),
    ("WorkingDataType", E::Leaf),
    ("Option", E::WarpOption),
    ("SourceDataset", E::WarpSource),
    ("DestinationDataset", E::Leaf),
    ("Transformer", E::Transformer),
    ("BandList", E::BandList),
    ("SrcAlphaBand", E::Leaf),
    ("DstAlphaBand", E::Leaf),
    ("Cutline", E::Leaf),
    ("CutlineBlendDist", E::Leaf),
];

const PANSHARPENING: Names = &[
    ("Algorithm", E::Leaf),
    ("AlgorithmOptions", E::AlgorithmOptions),
    ("Resampling", E::Leaf),
    ("NumThreads", E::Leaf),
    ("BitDepth", E::Leaf),
    ("NoData", E::Leaf),
    ("SpatialExtentAdjustment", E::Leaf),
    ("PanchroBand", E::PanchromaticBand),
    ("SpectralBand", E::SpectralBand),
];

const PANSHARPENING_BAND: Names =
    &[("SourceFilename", E::SourceFilename), ("OpenOptions", E::Opaque), ("SourceBand", E::Leaf), ("dstBand", E::Leaf)];

const GROUP: Names = &[
    ("Dimension", E::Dimension),
    ("Attribute", E::Attribute),
    ("Array", E::Array),
    ("Group", E::Group),
    ("name", E::Leaf),
];

const ARRAY: Names = &[
    ("DataType", E::Leaf),
    ("Dimension", E::Dimension),
    ("DimensionRef", E::Leaf),
    ("BlockSize", E::Leaf),
    ("SRS", E::Leaf),
    ("Unit", E::Leaf),
    ("NoDataValue", E::Leaf),
    ("Offset", E::Leaf),
    ("Scale", E::Leaf),
    ("RegularlySpacedValues", E::Leaf),
    ("ConstantValue", E::Leaf),
    ("InlineValues", E::Leaf),
    ("InlineValuesWithValueElement", E::InlineValues),
    ("Source", E::ArraySource),
    ("Attribute", E::Attribute),
    ("Overviews", E::Overviews),
    ("name", E::Leaf),
];

const ARRAY_SOURCE: Names = &[
    ("SourceFilename", E::SourceFilename),
    ("SourceArray", E::Leaf),
    ("SourceBand", E::Leaf),
    ("SourceTranspose", E::Leaf),
    ("SourceView", E::Leaf),
    ("SourceSlab", E::Leaf),
    ("DestSlab", E::Leaf),
];

const DERIVATION_STEP: Names = &[
    ("AbstractStep", E::Opaque),
    ("View", E::View),
    ("Transpose", E::Transpose),
    ("Resample", E::Resample),
    ("Grid", E::Grid),
    ("GetMask", E::GetMask),
    ("GetUnscaled", E::Leaf),
];

impl Element {
    /// The lists of names known in it; `None` where anything goes.
    fn names(self) -> Option<&'static [Names]> {
        Some(match self {
            E::Document => &[&[("VRTDataset", E::Dataset)]],
            E::Dataset => &[DATASET],
            E::GcpList => &[&[("GCP", E::GroundControlPoint), ("Projection", E::Leaf)]],
            E::MaskBand => &[&[("VRTRasterBand", E::Band)]],
            E::Band => &[BAND],
            E::Source(SourceKind::Simple | SourceKind::Averaged) => &[SIMPLE_SOURCE],
            E::Source(SourceKind::Complex) => &[SIMPLE_SOURCE, COMPLEX_SOURCE],
            E::Source(SourceKind::NoDataFromMask) => &[SIMPLE_SOURCE, MASK_SOURCE],
            E::Source(SourceKind::KernelFiltered) => &[SIMPLE_SOURCE, COMPLEX_SOURCE, KERNEL_SOURCE],
            E::Source(SourceKind::Array) => {
                &[&[("SrcRect", E::SourceRectangle), ("DstRect", E::TargetRectangle)], ABSTRACT_ARRAYS]
            }
            E::SourceRectangle | E::TargetRectangle => {
                &[&[("xOff", E::Leaf), ("yOff", E::Leaf), ("xSize", E::Leaf), ("ySize", E::Leaf)]]
            }
            E::Overview => &[&[("SourceFilename", E::SourceFilename), ("SourceBand", E::Leaf)]],
            E::ColorTable => &[&[("Entry", E::ColorEntry)]],
            E::OpenOptions => &[&[("OOI", E::OpenOption)]],
            E::Kernel => &[&[("Size", E::Leaf), ("Coefs", E::Leaf), ("normalized", E::Leaf)]],
            E::CategoryNames => &[&[("Category", E::Leaf)]],
            E::AttributeTable => &[&[("FieldDefn", E::AttributeField), ("Row", E::AttributeRow)]],
            E::AttributeField => &[&[("Name", E::Leaf), ("Type", E::Leaf), ("Usage", E::Leaf), ("index", E::Leaf)]],
            E::BandList => &[&[("BandMapping", E::BandMapping)]],
            E::SourceProperties => &[SOURCE_PROPERTIES],
            E::WarpOptions => &[WARP_OPTIONS],
            E::Pansharpening => &[PANSHARPENING],
            E::PanchromaticBand | E::SpectralBand => &[PANSHARPENING_BAND],
            E::Input => &[&[("SourceFilename", E::SourceFilename), ("VRTDataset", E::Dataset), ("unscale", E::Leaf)]],
            E::ProcessingSteps => &[&[("Step", E::ProcessingStep)]],
            E::ProcessingStep => &[&[("Algorithm", E::Leaf), ("Argument", E::StepArgument), ("name", E::Leaf)]],
            E::Group => &[GROUP],
            E::Array => &[ARRAY],
            E::ArraySource => &[ARRAY_SOURCE, ABSTRACT_ARRAYS],
            E::SingleSourceArray => &[&[("SourceFilename", E::SourceFilename), ("SourceArray", E::Leaf)]],
            E::DerivedArray => &[&[("Step", E::DerivationStep)], ABSTRACT_ARRAYS],
            E::DerivationStep => &[DERIVATION_STEP],
            E::Resample => {
                &[&[("Dimension", E::Dimension), ("ResampleAlg", E::Leaf), ("SRS", E::Leaf), ("Option", E::StepOption)]]
            }
            E::Grid => {
                const PARTS: Names = &[("GridOptions", E::Leaf), ("XArray", E::GridArray), ("YArray", E::GridArray)];
                &[PARTS, &[("Option", E::StepOption)]]
            }
            E::GetMask => &[&[("Option", E::StepOption)]],
            E::GridArray => &[ABSTRACT_ARRAYS],
            E::Overviews => &[&[("Array", E::Array), ("ArrayFullName", E::Leaf)]],
            E::Attribute => &[&[("DataType", E::Leaf), ("Value", E::Leaf), ("name", E::Leaf)]],
            E::InlineValues => &[&[("Value", E::Leaf), ("NullValue", E::Leaf)]],
            E::GroundControlPoint
            | E::Srs
            | E::OverviewList
            | E::OutputBands
            | E::OpenOption
            | E::ColorEntry
            | E::AttributeRow
            | E::Histograms
            | E::FunctionArguments
            | E::WarpOption
            | E::BandMapping
            | E::Transformer
            | E::StepArgument
            | E::SourceFilename
            | E::WarpSource
            | E::View
            | E::Transpose
            | E::StepOption
            | E::AlgorithmOptions
            | E::Dimension
            | E::Metadata
            | E::MetadataItem
            | E::Leaf
            | E::Opaque => return None,
        })
    }

    /// What a child of that name is: `Some(Opaque)` under an element in which anything goes, `None` where GDAL ignores
    /// the child.
    pub(crate) fn child(self, name: &str) -> Option<Known> {
        if self == E::Metadata && name.eq_ignore_ascii_case("MDI") {
            return Some(Known { element: E::MetadataItem, spelling: "MDI" });
        }
        if self == E::AlgorithmOptions {
            return Some(Known { element: E::Leaf, spelling: "" });
        }
        let Some(lists) = self.names() else {
            return Some(Known { element: E::Opaque, spelling: "" });
        };
        lists
            .iter()
            .flat_map(|list| list.iter())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(spelling, element)| Known { element: *element, spelling })
    }

    /// The names known in it.
    fn known_names(self) -> impl Iterator<Item = &'static str> {
        self.names().unwrap_or_default().iter().flat_map(|list| list.iter()).map(|(name, _)| *name)
    }
}

/// A known child element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) element: Element,
    /// As the documentation writes it.
    pub(crate) spelling: &'static str,
}

/// The parents in which a misplaced element is looked for, with the name to tell the user.
const PARENTS: &[(&str, Element)] = &[
    ("VRTDataset", E::Dataset),
    ("VRTRasterBand", E::Band),
    ("ComplexSource", E::Source(SourceKind::Complex)),
    ("KernelFilteredSource", E::Source(SourceKind::KernelFiltered)),
    ("NoDataFromMaskSource", E::Source(SourceKind::NoDataFromMask)),
    ("GDALWarpOptions", E::WarpOptions),
    ("PansharpeningOptions", E::Pansharpening),
    ("SpectralBand", E::SpectralBand),
    ("ProcessingSteps", E::ProcessingSteps),
    ("Step", E::ProcessingStep),
    ("Array", E::Array),
    ("Source", E::ArraySource),
];

/// What the writer of an unknown element probably meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suggestion {
    /// Another name in the same place.
    Spelling(&'static str),
    /// The same name, inside another element.
    Place(&'static str),
}

/// Looks for what was meant by an element that is not known in its parent.
pub(crate) fn suggest(parent: Element, name: &str) -> Option<Suggestion> {
    // Longer names are no misspelling of anything, and the distance costs the product of the lengths.
    if name.len() > 64 {
        return None;
    }
    let name = name.rsplit(':').next().unwrap_or(name);
    if let Some(known) = parent.known_names().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(Suggestion::Spelling(known));
    }
    let lower = name.to_ascii_lowercase();
    let allowed = (name.chars().count() / 4).clamp(1, 3);
    let nearest = parent
        .known_names()
        .map(|known| (edit_distance(&lower, &known.to_ascii_lowercase()), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, known)) = nearest {
        return Some(Suggestion::Spelling(known));
    }
    if lower.len() >= 4
        && let Some(known) = parent.known_names().find(|known| known.to_ascii_lowercase().starts_with(&lower))
    {
        return Some(Suggestion::Spelling(known));
    }
    PARENTS
        .iter()
        .find(|(_, element)| element.known_names().any(|known| known.eq_ignore_ascii_case(name)))
        .map(|(place, _)| Suggestion::Place(place))
}

/// Smallest number of insertions, deletions, replacements and swaps of neighbours that turn one into the other
/// (restricted Damerau-Levenshtein distance).
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(last.len());
        current.push(row + 1);
        for (column, to) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, column) + usize::from(from != to))
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            let swapped = row > 0 && column > 0 && left.get(row - 1) == Some(to) && right.get(column - 1) == Some(from);
            if swapped {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_their_place_and_in_any_case() {
        let known = E::Band.child("simplesource").unwrap();
        assert_eq!((known.element, known.spelling), (E::Source(SourceKind::Simple), "SimpleSource"));
        assert_eq!(E::Band.child("NODATA"), None);
        assert!(E::Source(SourceKind::Complex).child("NODATA").is_some());
        assert_eq!(E::Source(SourceKind::Simple).child("NODATA"), None);
        assert_eq!(E::Metadata.child("anything").unwrap().element, E::Opaque);
    }

    #[test]
    fn suggestions_are_near_or_elsewhere() {
        assert_eq!(suggest(E::Band, "SimpelSource"), Some(Suggestion::Spelling("SimpleSource")));
        assert_eq!(suggest(E::Band, "Nodata"), Some(Suggestion::Spelling("NoDataValue")));
        assert_eq!(suggest(E::Source(SourceKind::Simple), "NODATA"), Some(Suggestion::Place("ComplexSource")));
        assert_eq!(suggest(E::Dataset, "Geotransfrom"), Some(Suggestion::Spelling("GeoTransform")));
        assert_eq!(suggest(E::Dataset, "x:SRS"), Some(Suggestion::Spelling("SRS")));
        assert_eq!(suggest(E::Dataset, "Whatever"), None);
        assert_eq!(suggest(E::Dataset, &"A".repeat(1000)), None);
    }

    #[test]
    fn distances() {
        assert_eq!(edit_distance("simpelsource", "simplesource"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", "abc"), 0);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}

//! The sources of a band as a typed model, small enough for hundreds of thousands of them.

use smallvec::SmallVec;

use super::details::{Adjustments, Named, SourceProperties};
use super::model::{Dataset, Field, FileReference, Short, leading_integer};
use super::numbers::{leading_number, whole_number_text};

/// The elements that bring pixels into a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Simple,
    Complex,
    Averaged,
    NoDataFromMask,
    KernelFiltered,
    Array,
}

/// `<SrcRect>` and `<DstRect>`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Windows {
    pub(crate) source: Option<Rectangle>,
    pub(crate) target: Option<Rectangle>,
}

/// What few sources have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rare {
    pub(crate) resampling: Option<Box<str>>,
    pub(crate) open_options: Vec<Named>,
}

// A file of 20 MB names 300,000 sources.
const _: () = assert!(size_of::<Source>() <= 136);

/// A `<SimpleSource>` or one of its kin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) line: u32,
    pub(crate) kind: SourceKind,
    /// One, but for an `<ArraySource>`, which may name several deep inside.
    pub(crate) files: SmallVec<[FileReference; 1]>,
    pub(crate) source_band: Option<Short>,
    pub(crate) windows: Option<Box<Windows>>,
    pub(crate) properties: Option<Box<SourceProperties>>,
    /// Absent where nothing of the kind is written.
    pub(crate) adjustments: Option<Box<Adjustments>>,
    /// Absent where nothing of the kind is written.
    rare: Option<Box<Rare>>,
    /// A dataset written inside the source (GDAL 3.11).
    pub(crate) dataset: Option<Box<Dataset>>,
}

/// Which band of a source is read (`frmts/vrt/vrtsources.cpp`, `VRTSimpleSource::ParseSRCRectAndDSTRect` and
/// `OpenSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceBand {
    /// The band of that number, from 1.
    Band(i32),
    /// The mask of the band of that number.
    Mask(i32),
}

impl Source {
    /// Whether it tells where its pixels come from. An `<ArraySource>` may compute them.
    pub(crate) fn names_something(&self) -> bool {
        self.kind == SourceKind::Array || self.dataset.is_some() || !self.files.is_empty()
    }

    /// The band it reads: 1 where none is written. `None` where GDAL refuses what is written.
    pub(crate) fn band(&self) -> Option<SourceBand> {
        // An element without text has no value for GDAL, which then takes the default.
        let Some(text) = self.source_band.as_ref().filter(|text| !text.is_empty()) else {
            return Some(SourceBand::Band(1));
        };
        let mask = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("mask"));
        if !mask {
            return leading_integer(text).filter(|number| *number > 0).map(SourceBand::Band);
        }
        match text.get(4..).unwrap_or_default().strip_prefix(',') {
            Some(number) => leading_integer(number).filter(|number| *number > 0).map(SourceBand::Mask),
            None => Some(SourceBand::Mask(1)),
        }
    }

    /// The nodata value it takes out (`<NODATA>`).
    pub(crate) fn no_data(&self) -> Option<&Field> {
        self.adjustments.as_ref()?.no_data()
    }

    /// The name of its element.
    pub(crate) const fn element(&self) -> &'static str {
        match self.kind {
            SourceKind::Simple => "SimpleSource",
            SourceKind::Complex => "ComplexSource",
            SourceKind::Averaged => "AveragedSource",
            SourceKind::NoDataFromMask => "NoDataFromMaskSource",
            SourceKind::KernelFiltered => "KernelFilteredSource",
            SourceKind::Array => "ArraySource",
        }
    }

    /// A source without anything in it yet.
    pub(crate) fn new(kind: SourceKind, line: u32) -> Self {
        Self {
            line,
            kind,
            files: SmallVec::new(),
            source_band: None,
            windows: None,
            properties: None,
            adjustments: None,
            rare: None,
            dataset: None,
        }
    }

    /// `<SrcRect>`.
    pub(crate) fn source_rectangle(&self) -> Option<&Rectangle> {
        self.windows.as_ref()?.source.as_ref()
    }

    /// `<DstRect>`.
    pub(crate) fn target_rectangle(&self) -> Option<&Rectangle> {
        self.windows.as_ref()?.target.as_ref()
    }

    /// How it is resampled, as written.
    pub(crate) fn resampling(&self) -> Option<&str> {
        self.rare.as_ref()?.resampling.as_deref()
    }

    /// `<OpenOptions>`.
    pub(crate) fn open_options(&self) -> &[Named] {
        self.rare.as_ref().map_or(&[], |rare| &rare.open_options)
    }

    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// A `<SrcRect>` or `<DstRect>`, in pixels from the upper left corner; what is absent is `None`, and text that begins
/// with no number is 0, as for GDAL.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rectangle {
    pub(crate) line: u32,
    /// Which of the values are there, a bit for each.
    present: u8,
    /// Which of them are not numbers as a whole.
    loose: u8,
    values: [f64; 4],
}

/// The names of the values of a [`Rectangle`].
const SIDES: [&str; 4] = ["xOff", "yOff", "xSize", "ySize"];

impl Rectangle {
    /// One without any value yet.
    pub(crate) fn new(line: u32) -> Self {
        Self { line, ..Self::default() }
    }

    /// Takes a value, unless it is there already.
    pub(crate) fn set(&mut self, name: &str, text: &str) {
        let Some(index) = SIDES.iter().position(|known| known.eq_ignore_ascii_case(name)) else { return };
        let bit = 1 << index;
        if self.present & bit != 0 {
            return;
        }
        let whole = whole_number_text(text);
        self.present |= bit;
        if whole.is_none() {
            self.loose |= bit;
        }
        if let Some(value) = self.values.get_mut(index) {
            *value = whole.unwrap_or_else(|| leading_number(text));
        }
    }

    /// Left, top, width, height, as far as they are there.
    pub(crate) fn parts(&self) -> [Option<f64>; 4] {
        std::array::from_fn(|index| self.values.get(index).copied().filter(|_| self.present & (1 << index) != 0))
    }

    /// Whether there is no value at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The first value whose text is no number as a whole, with what GDAL makes of it.
    pub(crate) fn loose(&self) -> Option<(&'static str, f64)> {
        let index = (self.loose != 0).then(|| self.loose.trailing_zeros() as usize)?;
        Some((SIDES.get(index)?, *self.values.get(index)?))
    }

    /// Left, top, right, bottom; `None` where a value is missing or not finite.
    pub(crate) fn edges(&self) -> Option<[f64; 4]> {
        let [x, y, width, height] = self.parts();
        let (x, y) = (x?, y?);
        let edges = [x, y, x + width?, y + height?];
        edges.iter().all(|edge| edge.is_finite()).then_some(edges)
    }
}

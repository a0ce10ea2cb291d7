//! The smaller parts of the model: what stands in a band or a source beside its pixels.

use smallvec::SmallVec;

use super::model::{Field, FileReference};

/// The data types GDAL has names for (`gcore/gdal_misc.cpp`, `GDALGetDataTypeByName`, which compares without case).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DataType {
    Byte,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    UInt64,
    Int64,
    Float16,
    Float32,
    Float64,
    CInt16,
    CInt32,
    CFloat16,
    CFloat32,
    CFloat64,
}

/// Names, types, and the first GDAL that has them (RFC 31 and the release notes of 3.5, 3.7, 3.11 and 3.13).
const DATA_TYPES: &[(&str, DataType, (u32, u32))] = &[
    ("Byte", DataType::Byte, (1, 0)),
    ("UInt8", DataType::Byte, (3, 13)),
    ("Int8", DataType::Int8, (3, 7)),
    ("UInt16", DataType::UInt16, (1, 0)),
    ("Int16", DataType::Int16, (1, 0)),
    ("UInt32", DataType::UInt32, (1, 0)),
    ("Int32", DataType::Int32, (1, 0)),
    ("UInt64", DataType::UInt64, (3, 5)),
    ("Int64", DataType::Int64, (3, 5)),
    ("Float16", DataType::Float16, (3, 11)),
    ("Float32", DataType::Float32, (1, 0)),
    ("Float64", DataType::Float64, (1, 0)),
    ("CInt16", DataType::CInt16, (1, 0)),
    ("CInt32", DataType::CInt32, (1, 0)),
    ("CFloat16", DataType::CFloat16, (3, 11)),
    ("CFloat32", DataType::CFloat32, (1, 0)),
    ("CFloat64", DataType::CFloat64, (1, 0)),
];

impl DataType {
    /// The type of that name, and the first GDAL that knows the name.
    pub(crate) fn parse(name: &str) -> Option<(Self, (u32, u32))> {
        DATA_TYPES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).map(|(_, kind, since)| (*kind, *since))
    }

    /// As GDAL writes it.
    pub(crate) fn name(self) -> &'static str {
        DATA_TYPES.iter().find(|(_, kind, _)| *kind == self).map_or("Byte", |(name, ..)| name)
    }

    /// Whether values have an imaginary part.
    pub(crate) const fn is_complex(self) -> bool {
        matches!(self, Self::CInt16 | Self::CInt32 | Self::CFloat16 | Self::CFloat32 | Self::CFloat64)
    }

    /// Bytes of one sample.
    pub(crate) const fn bytes(self) -> i64 {
        match self {
            Self::Byte | Self::Int8 => 1,
            Self::UInt16 | Self::Int16 | Self::Float16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 | Self::CInt16 | Self::CFloat16 => 4,
            Self::UInt64 | Self::Int64 | Self::Float64 | Self::CInt32 | Self::CFloat32 => 8,
            Self::CFloat64 => 16,
        }
    }

    /// Smallest and greatest value of a whole-number type.
    pub(crate) const fn whole_range(self) -> Option<(f64, f64)> {
        Some(match self {
            Self::Byte => (0.0, 255.0),
            Self::Int8 => (-128.0, 127.0),
            Self::UInt16 => (0.0, 65_535.0),
            Self::Int16 | Self::CInt16 => (-32_768.0, 32_767.0),
            Self::UInt32 => (0.0, 4_294_967_295.0),
            Self::Int32 | Self::CInt32 => (-2_147_483_648.0, 2_147_483_647.0),
            Self::UInt64 => (0.0, 18_446_744_073_709_551_615.0),
            Self::Int64 => (-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0),
            _ => return None,
        })
    }
}

/// `<SourceProperties>`: what the writer of the file saw in the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SourceProperties {
    pub(crate) width: Option<i32>,
    pub(crate) height: Option<i32>,
    pub(crate) data_type: Option<DataType>,
    pub(crate) block_width: Option<i32>,
    pub(crate) block_height: Option<i32>,
}

/// An element of a source that changes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adjustment {
    NoData,
    UseMaskBand,
    LookupTable,
    ScaleOffset,
    ScaleRatio,
    ColorTableComponent,
    Exponent,
    SourceMinimum,
    SourceMaximum,
    TargetMinimum,
    TargetMaximum,
    Clip,
    KernelFunction,
    MaskValueThreshold,
    RemappedValue,
}

/// How they are written.
const ADJUSTMENTS: [(&str, Adjustment); 15] = [
    ("NODATA", Adjustment::NoData),
    ("UseMaskBand", Adjustment::UseMaskBand),
    ("LUT", Adjustment::LookupTable),
    ("ScaleOffset", Adjustment::ScaleOffset),
    ("ScaleRatio", Adjustment::ScaleRatio),
    ("ColorTableComponent", Adjustment::ColorTableComponent),
    ("Exponent", Adjustment::Exponent),
    ("SrcMin", Adjustment::SourceMinimum),
    ("SrcMax", Adjustment::SourceMaximum),
    ("DstMin", Adjustment::TargetMinimum),
    ("DstMax", Adjustment::TargetMaximum),
    ("Clip", Adjustment::Clip),
    ("Function", Adjustment::KernelFunction),
    ("MaskValueThreshold", Adjustment::MaskValueThreshold),
    ("RemappedValue", Adjustment::RemappedValue),
];

impl Adjustment {
    /// The one of that name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        ADJUSTMENTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, found)| *found)
    }
}

/// What a source does to the values it brings, beside placing them. Most sources have one or two, and a file has many
/// sources: only what is written takes memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Adjustments {
    given: SmallVec<[(Adjustment, Field); 1]>,
    pub(crate) kernel: Option<Box<Kernel>>,
}

impl Adjustments {
    fn get(&self, wanted: Adjustment) -> Option<&Field> {
        self.given.iter().find(|(known, _)| *known == wanted).map(|(_, field)| field)
    }

    /// Takes a value; what was given first stays.
    pub(crate) fn give(&mut self, kind: Adjustment, text: &str, line: u32) {
        if self.get(kind).is_none() {
            self.given.reserve_exact(1);
            self.given.push((kind, Field { text: text.into(), line }));
        }
    }

    /// `<NODATA>`.
    pub(crate) fn no_data(&self) -> Option<&Field> {
        self.get(Adjustment::NoData)
    }

    /// `<UseMaskBand>`.
    pub(crate) fn use_mask_band(&self) -> Option<&Field> {
        self.get(Adjustment::UseMaskBand)
    }

    /// `<LUT>`.
    pub(crate) fn lookup_table(&self) -> Option<&Field> {
        self.get(Adjustment::LookupTable)
    }

    /// `<ScaleOffset>`.
    pub(crate) fn scale_offset(&self) -> Option<&Field> {
        self.get(Adjustment::ScaleOffset)
    }

    /// `<ScaleRatio>`.
    pub(crate) fn scale_ratio(&self) -> Option<&Field> {
        self.get(Adjustment::ScaleRatio)
    }

    /// `<ColorTableComponent>`.
    pub(crate) fn color_table_component(&self) -> Option<&Field> {
        self.get(Adjustment::ColorTableComponent)
    }

    /// `<Exponent>`.
    pub(crate) fn exponent(&self) -> Option<&Field> {
        self.get(Adjustment::Exponent)
    }

    /// `<SrcMin>`.
    pub(crate) fn source_minimum(&self) -> Option<&Field> {
        self.get(Adjustment::SourceMinimum)
    }

    /// `<DstMin>`.
    pub(crate) fn target_minimum(&self) -> Option<&Field> {
        self.get(Adjustment::TargetMinimum)
    }

    /// `<Function>`.
    pub(crate) fn kernel_function(&self) -> Option<&Field> {
        self.get(Adjustment::KernelFunction)
    }
}

/// The `<Kernel>` of a `<KernelFilteredSource>`: no rule asks for its numbers themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) line: u32,
    /// `<Size>`, and its line.
    pub(crate) size: Option<(i32, u32)>,
    /// How many numbers `<Coefs>` holds, where it is there.
    pub(crate) coefficients: Option<u32>,
}

/// A name with a value: a metadata item, an open option, an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Box<str>,
    pub(crate) value: Box<str>,
    pub(crate) line: u32,
}

/// A `<Metadata>` domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) line: u32,
    /// Empty for the default domain.
    pub(crate) domain: Box<str>,
    pub(crate) items: Vec<Named>,
}

/// `<GCPList>`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GcpList {
    pub(crate) line: u32,
    pub(crate) projection: Option<Field>,
    pub(crate) axis_mapping: Option<Field>,
    /// At most [`super::limits::ITEMS`].
    pub(crate) points: Vec<GroundControlPoint>,
}

/// A `<GCP>`; what is absent is 0, as GDAL takes it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct GroundControlPoint {
    pub(crate) pixel: f64,
    pub(crate) line: f64,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
}

/// `<ColorTable>`: red, green, blue, alpha of each entry, at most [`super::limits::ITEMS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColorTable {
    pub(crate) line: u32,
    pub(crate) entries: Vec<[i32; 4]>,
}

/// `<GDALRasterAttributeTable>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeTable {
    pub(crate) line: u32,
    pub(crate) fields: Vec<AttributeField>,
    pub(crate) rows: u32,
}

/// A `<FieldDefn>`: its numbers are those of `GDALRATFieldType` and `GDALRATFieldUsage`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeField {
    pub(crate) line: u32,
    pub(crate) name: Option<Field>,
    pub(crate) kind: Option<Field>,
    pub(crate) usage: Option<Field>,
}

/// An `<Overview>` of a band.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    pub(crate) line: u32,
    pub(crate) file: Option<FileReference>,
    pub(crate) source_band: Option<Box<str>>,
}

/// An element with attributes and text, before the element that holds it has made something of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) line: u32,
    pub(crate) text: String,
    pub(crate) attributes: Vec<Named>,
}

impl Marked {
    /// The value of an attribute, whatever the case of its name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|known| known.name.eq_ignore_ascii_case(name)).map(|known| &*known.value)
    }

    /// The attribute as a field of the model.
    pub(crate) fn field(&self, name: &str) -> Option<Field> {
        self.attribute(name).map(|value| Field { text: value.into(), line: self.line })
    }

    /// The number GDAL reads there.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.attribute(name).map_or(0.0, super::numbers::leading_number)
    }

    /// The name in that attribute with the text of the element.
    pub(crate) fn named(self, name: &str) -> Named {
        Named { name: self.attribute(name).unwrap_or_default().into(), value: self.text.into(), line: self.line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_name() {
        assert_eq!(DataType::parse("float32"), Some((DataType::Float32, (1, 0))));
        assert_eq!(DataType::parse("UInt8"), Some((DataType::Byte, (3, 13))));
        assert_eq!(DataType::parse("Int24"), None);
        assert_eq!(DataType::Byte.name(), "Byte");
        assert_eq!(DataType::CFloat64.name(), "CFloat64");
        assert!(DataType::CInt16.is_complex() && !DataType::Int8.is_complex());
    }
}

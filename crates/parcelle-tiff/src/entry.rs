//! Directory entries and their values.

use std::ops::Range;

use crate::header::{ByteOrder, Variant};

/// The type of an entry's values (TIFF 6.0 section 2, BigTIFF).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub enum FieldType {
    Byte,
    Ascii,
    Short,
    Long,
    Rational,
    SignedByte,
    Undefined,
    SignedShort,
    SignedLong,
    SignedRational,
    Float,
    Double,
    Ifd,
    Long8,
    SignedLong8,
    Ifd8,
}

impl FieldType {
    /// The type with a number, if there is one.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Byte,
            2 => Self::Ascii,
            3 => Self::Short,
            4 => Self::Long,
            5 => Self::Rational,
            6 => Self::SignedByte,
            7 => Self::Undefined,
            8 => Self::SignedShort,
            9 => Self::SignedLong,
            10 => Self::SignedRational,
            11 => Self::Float,
            12 => Self::Double,
            13 => Self::Ifd,
            16 => Self::Long8,
            17 => Self::SignedLong8,
            18 => Self::Ifd8,
            _ => return None,
        })
    }

    /// Bytes of one value.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            Self::Byte | Self::Ascii | Self::SignedByte | Self::Undefined => 1,
            Self::Short | Self::SignedShort => 2,
            Self::Long | Self::SignedLong | Self::Float | Self::Ifd => 4,
            Self::Rational | Self::SignedRational | Self::Double | Self::Long8 | Self::SignedLong8 | Self::Ifd8 => 8,
        }
    }

    /// Whether its values are unsigned whole numbers.
    #[must_use]
    pub const fn is_unsigned(self) -> bool {
        matches!(self, Self::Byte | Self::Short | Self::Long | Self::Ifd | Self::Long8 | Self::Ifd8)
    }
}

/// Where an entry's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValuePlace {
    /// Inside the entry, left-justified.
    Inline([u8; 8]),
    /// Elsewhere in the file.
    Area {
        /// Where they begin.
        offset: u64,
        /// Their bytes; `None` if that number is past 2^64.
        length: Option<u64>,
    },
    /// The field type is unknown, so nobody can say.
    Unknown,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tag's number.
    pub tag: u16,
    /// The field type as written; see [`FieldType::from_number`].
    pub field_type: u16,
    /// How many values there are.
    pub count: u64,
    /// Where they are.
    pub place: ValuePlace,
    /// Bytes read from a [`ValuePlace::Area`]; empty where they were not.
    pub(crate) loaded: Vec<u8>,
}

impl Entry {
    /// Reads an entry from its 12 (classic) or 20 (BigTIFF) bytes.
    pub(crate) fn parse(bytes: &[u8], order: ByteOrder, variant: Variant) -> Option<Self> {
        let (count, field) = match variant {
            Variant::Classic => (bytes.get(4..8)?, bytes.get(8..12)?),
            Variant::Big => (bytes.get(4..12)?, bytes.get(12..20)?),
        };
        let (tag, field_type) = bytes.get(..4)?.split_at_checked(2)?;
        let tag = order.unsigned(tag) as u16;
        let field_type = order.unsigned(field_type) as u16;
        let count = order.unsigned(count);
        let place = match FieldType::from_number(field_type) {
            None => ValuePlace::Unknown,
            Some(known) => {
                let length = count.checked_mul(known.size());
                if length.is_some_and(|length| length <= field.len() as u64) {
                    let mut inline = [0; 8];
                    inline.iter_mut().zip(field).for_each(|(to, from)| *to = *from);
                    ValuePlace::Inline(inline)
                } else {
                    ValuePlace::Area { offset: order.unsigned(field), length }
                }
            }
        };
        Some(Self { tag, field_type, count, place, loaded: Vec::new() })
    }

    /// The bytes the values occupy outside the entry.
    #[must_use]
    pub fn area(&self) -> Option<Range<u64>> {
        match self.place {
            ValuePlace::Area { offset, length: Some(length) } => Some(offset..offset.checked_add(length)?),
            _ => None,
        }
    }

    /// The raw bytes of the values: from inside the entry, or as read from elsewhere.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.place {
            ValuePlace::Inline(inline) => {
                let length = self.count.checked_mul(FieldType::from_number(self.field_type)?.size())?;
                inline.get(..usize::try_from(length).ok()?)
            }
            ValuePlace::Area { .. } => (!self.loaded.is_empty()).then_some(self.loaded.as_slice()),
            ValuePlace::Unknown => None,
        }
    }

    /// The values as unsigned whole numbers; nothing if their type is another or they were not read.
    pub fn unsigned_values(&self, order: ByteOrder) -> impl Iterator<Item = u64> + '_ {
        let size = FieldType::from_number(self.field_type).filter(|known| known.is_unsigned()).map(FieldType::size);
        let bytes = size.and_then(|_| self.bytes()).unwrap_or_default();
        bytes.chunks_exact(size.unwrap_or(1) as usize).map(move |value| order.unsigned(value))
    }

    /// The values as floating-point numbers; nothing if their type is not DOUBLE or they were not read.
    pub fn doubles(&self, order: ByteOrder) -> impl Iterator<Item = f64> + '_ {
        let right = FieldType::from_number(self.field_type) == Some(FieldType::Double);
        let bytes = self.bytes().filter(|_| right).unwrap_or_default();
        bytes.chunks_exact(8).map(move |value| f64::from_bits(order.unsigned(value)))
    }

    /// An ASCII value without its closing NUL; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if FieldType::from_number(self.field_type) != Some(FieldType::Ascii) {
            return None;
        }
        let bytes = self.bytes()?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.get(..end).map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_and_elsewhere() {
        let entry =
            Entry::parse(&[0, 1, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0], ByteOrder::LittleEndian, Variant::Classic).unwrap();
        assert_eq!(entry.unsigned_values(ByteOrder::LittleEndian).collect::<Vec<_>>(), [7]);
        assert_eq!(entry.area(), None);
        let entry =
            Entry::parse(&[1, 1, 0, 3, 0, 0, 0, 3, 0, 0, 0, 99], ByteOrder::BigEndian, Variant::Classic).unwrap();
        assert_eq!(entry.area(), Some(99..105));
        assert_eq!(entry.unsigned_values(ByteOrder::BigEndian).count(), 0);
    }

    #[test]
    fn a_length_past_64_bits_is_no_area() {
        let mut bytes = [0xff; 20];
        bytes[2..4].copy_from_slice(&16u16.to_le_bytes());
        let entry = Entry::parse(&bytes, ByteOrder::LittleEndian, Variant::Big).unwrap();
        assert_eq!(entry.place, ValuePlace::Area { offset: u64::MAX, length: None });
        assert_eq!(entry.area(), None);
    }
}

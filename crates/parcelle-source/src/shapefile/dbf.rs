//! The header of a `.dbf`: how many records there are, and what fields they have (dBASE III; Borland, "Table File
//! Structure").

use arrow::datatypes::DataType;

use super::files::{ReadBuffer, SourceFile};
use super::malformed;
use super::text::Encoding;
use crate::error::SourceError;

/// Bytes of the header before the fields, and of the description of a field.
const BLOCK_BYTES: u64 = 32;
/// Ends the descriptions of fields.
const END_OF_FIELDS: u8 = 0x0D;
/// Versions whose headers are laid out in another way (dBASE 7, without and with memo).
const DBASE_7: [u8; 2] = [0x04, 0x8C];
/// Marks a record as deleted.
pub(super) const DELETED: u8 = b'*';

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: SourceFile,
    pub(super) count: u64,
    pub(super) header_bytes: u64,
    pub(super) record_bytes: usize,
    pub(super) language_driver: u8,
    pub(super) fields: Vec<Field>,
}

/// A field as the header describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: Vec<u8>,
    pub(super) type_code: u8,
    pub(super) width: usize,
    pub(super) decimals: u8,
    /// Its position in a record, which begins with the mark of deletion.
    pub(super) offset: usize,
}

/// What the values of a field become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int32,
    Int64,
    /// More digits than 64 bits are sure to hold, and none behind the point.
    WideInteger,
    Float64,
    Boolean,
    Date,
}

impl Field {
    /// What it becomes; otherwise what it is, in words.
    ///
    /// Numbers follow GDAL: without decimals up to 9 characters are 32 bits, up to 18 are 64, and more are a 64-bit float;
    /// of those, a value that a float does not hold exactly makes them integers ([`super::wide`]), or is an error.
    pub(super) fn kind(&self) -> Result<Kind, String> {
        Ok(match (self.type_code, self.decimals, self.width) {
            (b'C', ..) => Kind::Text,
            (b'N' | b'F', 0, ..=9) => Kind::Int32,
            (b'N' | b'F', 0, ..=18) => Kind::Int64,
            (b'N' | b'F', 0, _) => Kind::WideInteger,
            (b'N' | b'F', ..) => Kind::Float64,
            (b'L', _, 1) => Kind::Boolean,
            (b'D', _, 8) => Kind::Date,
            (b'M', ..) => return Err("M (memo, its text is in a .dbt or .fpt file)".to_owned()),
            (b'L' | b'D', ..) => return Err(format!("{} of a field {} characters wide", self.declared(), self.width)),
            _ => return Err(format!("{} (binary, of a later dBASE or FoxPro)", self.declared())),
        })
    }

    /// Its type as text, such as `N(10,3)`.
    pub(super) fn declared(&self) -> String {
        let code = char::from(self.type_code);
        match (self.type_code, self.decimals) {
            (b'N' | b'F', 1..) => format!("{code}({},{})", self.width, self.decimals),
            (b'N' | b'F' | b'C', _) => format!("{code}({})", self.width),
            _ if self.type_code.is_ascii_graphic() => code.to_string(),
            _ => format!("0x{:02X}", self.type_code),
        }
    }

    pub(super) fn name(&self, encoding: &Encoding, table: &Table) -> Result<String, SourceError> {
        let text = encoding.decode(&self.name).map(|name| name.into_owned());
        text.ok_or_else(|| SourceError::Malformed {
            path: table.file.path.clone(),
            format: super::FORMAT,
            reason: format!("the field name {:?} is not text in {encoding}", String::from_utf8_lossy(&self.name)),
            advice: "write the encoding that it is in into the .cpg file beside it".to_owned(),
        })
    }
}

impl Kind {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::WideInteger | Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
        }
    }
}

impl Table {
    pub(super) fn open(file: SourceFile) -> Result<Self, SourceError> {
        let path = file.path.clone();
        let mut buffer = ReadBuffer::new(&file);
        let Some(&[version, _, _, _, c1, c2, c3, c4, h1, h2, r1, r2, ref rest @ ..]) = buffer.get(0, BLOCK_BYTES)?
        else {
            return Err(malformed(&path, format!("it is cut off: {} bytes are less than a header", file.len())));
        };
        if DBASE_7.contains(&version) {
            let advice = "save it as dBASE III or IV, or convert the layer to GeoPackage with the program that made it";
            return Err(SourceError::Malformed {
                path,
                format: super::FORMAT,
                reason: "it is a table of dBASE 7".to_owned(),
                advice: advice.to_owned(),
            });
        }
        let count = u64::from(u32::from_le_bytes([c1, c2, c3, c4]));
        let header_bytes = u64::from(u16::from_le_bytes([h1, h2]));
        let record_bytes = usize::from(u16::from_le_bytes([r1, r2]));
        let language_driver = rest.get(17).copied().unwrap_or_default();
        if header_bytes < BLOCK_BYTES || record_bytes == 0 {
            return Err(malformed(&path, "it has no header of a table"));
        }
        // At most 65,535 bytes, whatever the file says.
        let Some(header) = buffer.get(0, header_bytes)? else {
            return Err(malformed(
                &path,
                format!("it is cut off: it has {} bytes, its header {header_bytes}", file.len()),
            ));
        };
        let fields =
            fields(header.get(32..).unwrap_or_default(), record_bytes).map_err(|reason| malformed(&path, reason))?;
        let whole = (file.len() - header_bytes) / record_bytes as u64;
        if whole < count {
            return Err(malformed(&path, format!("it is cut off: it has {whole} whole records of {count}")));
        }
        Ok(Self { file, count, header_bytes, record_bytes, language_driver, fields })
    }
}

fn fields(descriptions: &[u8], record_bytes: usize) -> Result<Vec<Field>, String> {
    let described =
        descriptions.chunks_exact(BLOCK_BYTES as usize).take_while(|field| field.first() != Some(&END_OF_FIELDS));
    let mut fields: Vec<Field> = described
        .map(|description| {
            let byte = |at: usize| description.get(at).copied().unwrap_or_default();
            let name = description.get(..11).unwrap_or_default();
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            Field {
                name: name.get(..end).unwrap_or_default().trim_ascii_end().to_vec(),
                type_code: byte(11).to_ascii_uppercase(),
                width: usize::from(byte(16)),
                decimals: byte(17),
                offset: 0,
            }
        })
        .collect();
    let total = |fields: &[Field]| fields.iter().map(|field| field.width).sum::<usize>() + 1;
    // Some programs (Clipper, FoxPro) write the width of long text into two bytes. Others leave something else in the second,
    // so it counts only where the widths then fill the record.
    if total(&fields) < record_bytes {
        let mut long = fields.clone();
        for field in long.iter_mut().filter(|field| field.type_code == b'C') {
            field.width += usize::from(field.decimals) * 256;
        }
        if total(&long) == record_bytes {
            fields = long;
        }
    }
    if total(&fields) > record_bytes {
        return Err(format!("its fields take {} bytes, its records {record_bytes}", total(&fields)));
    }
    let mut offset = 1;
    for field in &mut fields {
        field.offset = offset;
        offset += field.width;
    }
    Ok(fields)
}

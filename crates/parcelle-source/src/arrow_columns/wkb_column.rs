//! A column of WKB or WKT.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder};
use arrow::datatypes::DataType;
use parcelle_geometry::{WkbError, scan};

use crate::Curves;
use crate::error::GeometryReason;

/// Whether WKB can be stored in this type.
pub(crate) fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Whether WKT can be stored in this type.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Why a row of a batch is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The geometry is not sound.
    Geometry(GeometryReason),
    /// It cannot be put into a batch.
    Other(String),
}

/// The geometries as little-endian ISO WKB; the array itself where it is that already. Else the first row that is
/// refused.
pub(crate) fn normalised(array: &ArrayRef, curves: &Curves) -> Result<ArrayRef, (usize, Refusal)> {
    if let Some(binary) = array.as_binary_opt::<i32>() {
        let mut canonical = true;
        for (row, wkb) in binary.iter().enumerate() {
            let Some(wkb) = wkb else { continue };
            canonical &= match scan(wkb) {
                Ok(summary) => summary.is_canonical,
                Err(WkbError::Curve { .. }) if curves.are_taken() => false,
                Err(error) => return Err((row, Refusal::Geometry(error.into()))),
            };
        }
        if canonical { Ok(Arc::clone(array)) } else { rewritten(array.len(), binary.iter(), curves) }
    } else if let Some(binary) = array.as_binary_opt::<i64>() {
        rewritten(array.len(), binary.iter(), curves)
    } else if let Some(binary) = array.as_binary_view_opt() {
        rewritten(array.len(), binary.iter(), curves)
    } else {
        Err((0, Refusal::Other(format!("geometry is stored as {}", array.data_type()))))
    }
}

fn rewritten<'a>(
    rows: usize,
    values: impl Iterator<Item = Option<&'a [u8]>>,
    curves: &Curves,
) -> Result<ArrayRef, (usize, Refusal)> {
    let (mut builder, mut scratch) = (WkbBuilder::new(rows), Vec::new());
    for (row, wkb) in values.enumerate() {
        match wkb {
            Some(wkb) => {
                scratch.clear();
                curves.normalise(wkb, &mut scratch).map_err(|error| (row, Refusal::Geometry(error.into())))?;
                builder.append(&scratch).map_err(|reason| (row, Refusal::Other(reason)))?;
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Texts as WKB.
pub(crate) fn from_texts(array: &ArrayRef, curves: &Curves) -> Result<ArrayRef, (usize, Refusal)> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        parsed(array.len(), texts.iter(), curves)
    } else if let Some(texts) = array.as_string_opt::<i64>() {
        parsed(array.len(), texts.iter(), curves)
    } else if let Some(texts) = array.as_string_view_opt() {
        parsed(array.len(), texts.iter(), curves)
    } else {
        Err((0, Refusal::Other(format!("WKT is stored as {}", array.data_type()))))
    }
}

fn parsed<'a>(
    rows: usize,
    texts: impl Iterator<Item = Option<&'a str>>,
    curves: &Curves,
) -> Result<ArrayRef, (usize, Refusal)> {
    let (mut builder, mut scratch) = (WkbBuilder::new(rows), Vec::new());
    for (row, text) in texts.enumerate() {
        match text {
            Some(text) => {
                scratch.clear();
                let parsed = curves.read_wkt(text.as_bytes(), &mut scratch);
                parsed.map_err(|reason| (row, Refusal::Geometry(reason)))?;
                builder.append(&scratch).map_err(|reason| (row, Refusal::Other(reason)))?;
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// A builder that refuses what its offsets cannot count, where Arrow's own would panic.
#[derive(Debug)]
pub(crate) struct WkbBuilder {
    builder: BinaryBuilder,
    bytes: usize,
}

impl WkbBuilder {
    pub(crate) fn new(rows: usize) -> Self {
        Self { builder: BinaryBuilder::with_capacity(rows, 0), bytes: 0 }
    }

    pub(crate) fn append(&mut self, wkb: &[u8]) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(wkb.len());
        if i32::try_from(self.bytes).is_err() {
            return Err("the geometries of one batch take more than 2 GiB".to_owned());
        }
        self.builder.append_value(wkb);
        Ok(())
    }

    pub(crate) fn append_null(&mut self) {
        self.builder.append_null();
    }

    pub(crate) fn finish(mut self) -> BinaryArray {
        self.builder.finish()
    }
}

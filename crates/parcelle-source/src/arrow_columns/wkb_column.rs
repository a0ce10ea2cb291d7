//! A column of WKB or WKT.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder};
use arrow::datatypes::DataType;
use parcelle_geometry::scan;

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

/// Whether a geometry that is not sound, by its row, becomes NULL.
pub(crate) type IsNull<'a> = &'a mut dyn FnMut(usize, &GeometryReason) -> bool;

/// The geometries as little-endian ISO WKB; the array itself where it is that already. Else the first row that is
/// refused, and does not become NULL.
pub(crate) fn normalised(array: &ArrayRef, curves: &Curves, is_null: IsNull<'_>) -> Result<ArrayRef, (usize, Refusal)> {
    let rows = array.len();
    let read = |wkb: &[u8], out: &mut Vec<u8>| curves.normalise(wkb, out).map(|_| ()).map_err(GeometryReason::from);
    if let Some(binary) = array.as_binary_opt::<i32>() {
        let is_canonical = |wkb: &[u8]| scan(wkb).is_ok_and(|summary| summary.is_canonical);
        let canonical = binary.iter().flatten().all(is_canonical);
        if canonical { Ok(Arc::clone(array)) } else { rewritten(rows, binary.iter(), read, is_null) }
    } else if let Some(binary) = array.as_binary_opt::<i64>() {
        rewritten(rows, binary.iter(), read, is_null)
    } else if let Some(binary) = array.as_binary_view_opt() {
        rewritten(rows, binary.iter(), read, is_null)
    } else {
        Err((0, Refusal::Other(format!("geometry is stored as {}", array.data_type()))))
    }
}

/// Texts as WKB; else the first row that is refused, and does not become NULL.
pub(crate) fn from_texts(array: &ArrayRef, curves: &Curves, is_null: IsNull<'_>) -> Result<ArrayRef, (usize, Refusal)> {
    let rows = array.len();
    let read = |text: &str, out: &mut Vec<u8>| curves.read_wkt(text.as_bytes(), out);
    if let Some(texts) = array.as_string_opt::<i32>() {
        rewritten(rows, texts.iter(), read, is_null)
    } else if let Some(texts) = array.as_string_opt::<i64>() {
        rewritten(rows, texts.iter(), read, is_null)
    } else if let Some(texts) = array.as_string_view_opt() {
        rewritten(rows, texts.iter(), read, is_null)
    } else {
        Err((0, Refusal::Other(format!("WKT is stored as {}", array.data_type()))))
    }
}

fn rewritten<T>(
    rows: usize,
    values: impl Iterator<Item = Option<T>>,
    read: impl Fn(T, &mut Vec<u8>) -> Result<(), GeometryReason>,
    is_null: IsNull<'_>,
) -> Result<ArrayRef, (usize, Refusal)> {
    let (mut builder, mut scratch) = (WkbBuilder::new(rows), Vec::new());
    for (row, value) in values.enumerate() {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        scratch.clear();
        match read(value, &mut scratch) {
            Ok(()) => builder.append(&scratch).map_err(|reason| (row, Refusal::Other(reason)))?,
            Err(reason) if is_null(row, &reason) => builder.append_null(),
            Err(reason) => return Err((row, Refusal::Geometry(reason))),
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

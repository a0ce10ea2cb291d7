//! A column of WKB.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder};
use arrow::datatypes::DataType;
use parcelle_geometry::{normalise, scan};

use crate::error::GeometryReason;

/// Whether WKB can be stored in this type.
pub(super) fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Why a row of a batch is refused.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// The geometry is not sound.
    Geometry(GeometryReason),
    /// It cannot be put into a batch.
    Other(String),
}

/// Whether a geometry that is not sound, by its row, becomes NULL.
pub(super) type IsNull<'a> = &'a mut dyn FnMut(usize, &GeometryReason) -> bool;

/// The geometries as little-endian ISO WKB; the array itself where it is that already. Else the first row that is
/// refused, and does not become NULL.
pub(super) fn normalised(array: &ArrayRef, is_null: IsNull<'_>) -> Result<ArrayRef, (usize, Refusal)> {
    if let Some(binary) = array.as_binary_opt::<i32>() {
        let is_canonical = |wkb: &[u8]| scan(wkb).is_ok_and(|summary| summary.is_canonical);
        let canonical = binary.iter().flatten().all(is_canonical);
        if canonical { Ok(Arc::clone(array)) } else { rewritten(array.len(), binary.iter(), is_null) }
    } else if let Some(binary) = array.as_binary_opt::<i64>() {
        rewritten(array.len(), binary.iter(), is_null)
    } else if let Some(binary) = array.as_binary_view_opt() {
        rewritten(array.len(), binary.iter(), is_null)
    } else {
        Err((0, Refusal::Other(format!("geometry is stored as {}", array.data_type()))))
    }
}

fn rewritten<'a>(
    rows: usize,
    values: impl Iterator<Item = Option<&'a [u8]>>,
    is_null: IsNull<'_>,
) -> Result<ArrayRef, (usize, Refusal)> {
    let (mut builder, mut scratch) = (WkbBuilder::new(rows), Vec::new());
    for (row, wkb) in values.enumerate() {
        match wkb {
            Some(wkb) => {
                scratch.clear();
                match normalise(wkb, &mut scratch).map_err(GeometryReason::from) {
                    Ok(_) => builder.append(&scratch).map_err(|reason| (row, Refusal::Other(reason)))?,
                    Err(reason) if is_null(row, &reason) => builder.append_null(),
                    Err(reason) => return Err((row, Refusal::Geometry(reason))),
                }
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// A builder that refuses what its offsets cannot count, where Arrow's own would panic.
#[derive(Debug)]
pub(super) struct WkbBuilder {
    builder: BinaryBuilder,
    bytes: usize,
}

impl WkbBuilder {
    pub(super) fn new(rows: usize) -> Self {
        Self { builder: BinaryBuilder::with_capacity(rows, 0), bytes: 0 }
    }

    pub(super) fn append(&mut self, wkb: &[u8]) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(wkb.len());
        if i32::try_from(self.bytes).is_err() {
            return Err("the geometries of one batch take more than 2 GiB".to_owned());
        }
        self.builder.append_value(wkb);
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        self.builder.append_null();
    }

    pub(super) fn finish(mut self) -> BinaryArray {
        self.builder.finish()
    }
}

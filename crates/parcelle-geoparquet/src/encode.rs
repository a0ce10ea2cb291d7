//! One row group: geometry looked at once, covering built, columns encoded and compressed.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::datatypes::DataType;
use parcelle_geometry::{normalise, scan};
use parquet::errors::ParquetError;

use crate::column::{Chunk, ColumnEncoders};
use crate::covering::CoveringBuilder;
use crate::error::WriteError;
use crate::geometry_column::GeometryColumn;
use crate::layout::Layout;
use crate::native;
use crate::options::{GeoParquetVersion, Orientation};
use crate::statistics::{GeometryStatistics, describe};

/// Rows of one row group, in order, not encoded yet.
#[derive(Debug)]
pub(crate) struct RowGroup {
    /// Position in the output, from 0.
    pub(crate) index: usize,
    /// Number of its first row in the output, from 0.
    pub(crate) first_row: u64,
    /// Number of the partition its rows are in.
    pub(crate) partition: usize,
    /// Whether no row comes after it.
    pub(crate) is_last: bool,
    /// Its rows.
    pub(crate) batches: Vec<RecordBatch>,
}

impl RowGroup {
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// A row group that only has to be appended.
pub(crate) struct EncodedRowGroup {
    pub(crate) rows: usize,
    /// Number of the partition its rows are in.
    pub(crate) partition: usize,
    pub(crate) chunks: Vec<Chunk>,
    /// One per geometry column of the layout.
    pub(crate) statistics: Vec<GeometryStatistics>,
}

/// Encodes a row group. `columns_in_parallel` spreads its columns over idle workers of the current pool: worth it when
/// there are fewer row groups than workers.
pub(crate) fn encode(
    layout: &Layout,
    encoders: &ColumnEncoders,
    group: RowGroup,
    columns_in_parallel: bool,
) -> Result<EncodedRowGroup, WriteError> {
    let (rows, partition) = (group.rows(), group.partition);
    let mut columns: Vec<Vec<ArrayRef>> = (0..layout.input.fields().len())
        .map(|index| group.batches.iter().map(|batch| Arc::clone(batch.column(index))).collect())
        .collect();
    let settled = layout.settled()?;
    let mut statistics = Vec::with_capacity(layout.geometry.len());
    let mut nulls = Vec::with_capacity(layout.geometry.len());
    for (column, native) in layout.geometry.iter().zip(&settled.native) {
        let mut covering = column.covering.is_some().then(|| CoveringBuilder::with_capacity(rows));
        let mut found = GeometryStatistics::default();
        let mut row = group.first_row;
        if let Some(arrays) = columns.get_mut(column.index) {
            for array in arrays.iter_mut() {
                examine(column, array, row, &mut found, covering.as_mut())?;
                if layout.orientation == Orientation::CounterClockwise {
                    *array = native::counterclockwise(column, array, row)?;
                }
                if let Some(geometry_type) = *native {
                    let data_type = settled.output.field(column.index).data_type();
                    *array = native::array(column, array, geometry_type, data_type, row)?;
                }
                row += array.len() as u64;
            }
            nulls.push(arrays.iter().map(|array| array.null_count() as u64).sum());
        }
        if let Some(geometry_type) = native.filter(|_| !found.types.is_empty()) {
            found.types = [geometry_type].into();
        }
        if let Some(covering) = covering {
            columns.push(vec![covering.finish().map_err(ParquetError::from)?]);
        }
        statistics.push(found);
    }
    drop(group);
    let mut chunks = encoders.encode(columns, columns_in_parallel)?;
    let known = layout.geometry.iter().zip(&settled.native).zip(statistics.iter().zip(nulls));
    for ((column, _), (found, nulls)) in known.filter(|((_, native), _)| native.is_none()) {
        let geospatial = (layout.version == GeoParquetVersion::V2_0).then(|| found.geospatial(column.edges.is_none()));
        if let Some(chunk) = settled.leaves(column.index).next().and_then(|leaf| chunks.get_mut(leaf)) {
            describe(chunk, nulls, geospatial)?;
        }
    }
    Ok(EncodedRowGroup { rows, partition, chunks, statistics })
}

/// Takes statistics and boxes of an array of geometries, and brings it to canonical WKB where it is not.
fn examine(
    column: &GeometryColumn,
    array: &mut ArrayRef,
    first_row: u64,
    statistics: &mut GeometryStatistics,
    mut covering: Option<&mut CoveringBuilder>,
) -> Result<(), WriteError> {
    let binary = to_binary(array)?;
    let failed = |row: usize, reason| WriteError::Geometry {
        row: first_row + row as u64 + 1,
        column: column.name.clone(),
        reason,
    };
    let mut canonical = true;
    for (row, value) in binary.iter().enumerate() {
        let bounds = match value {
            Some(wkb) => {
                let summary = scan(wkb).map_err(|reason| failed(row, reason))?;
                statistics.add(&summary);
                canonical &= summary.is_canonical;
                Some(summary.bounds)
            }
            None => None,
        };
        if let Some(covering) = covering.as_deref_mut() {
            covering.push(bounds.as_ref());
        }
    }
    if !canonical {
        let mut builder = BinaryBuilder::with_capacity(binary.len(), binary.value_data().len());
        let mut wkb = Vec::new();
        for (row, value) in binary.iter().enumerate() {
            wkb.clear();
            match value {
                Some(value) => {
                    normalise(value, &mut wkb).map_err(|reason| failed(row, reason))?;
                    builder.append_value(&wkb);
                }
                None => builder.append_null(),
            }
        }
        *array = arrow::compute::cast(&(Arc::new(builder.finish()) as ArrayRef), array.data_type())
            .map_err(ParquetError::from)?;
    }
    Ok(())
}

/// The array with 32-bit offsets, whichever of Arrow's binary types it has.
pub(crate) fn to_binary(array: &ArrayRef) -> Result<BinaryArray, ParquetError> {
    Ok(match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().clone(),
        _ => arrow::compute::cast(array, &DataType::Binary)?.as_binary::<i32>().clone(),
    })
}

//! One row group: geometry looked at once, covering built, columns encoded and compressed.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, SchemaRef};
use parcelle_geometry::{normalise, scan};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use rayon::prelude::*;

use crate::covering::CoveringBuilder;
use crate::error::WriteError;
use crate::geometry_column::GeometryColumn;
use crate::layout::Layout;
use crate::native;
use crate::options::{GeoParquetVersion, Orientation};
use crate::statistics::{GeometryStatistics, describe};

/// Rows that are given to the writer of a column at a time.
const WRITE_ROWS: usize = 8192;

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
    pub(crate) chunks: Vec<ArrowColumnChunk>,
    /// One per geometry column of the layout.
    pub(crate) statistics: Vec<GeometryStatistics>,
}

/// Encodes a row group. `columns_in_parallel` spreads its columns over idle workers of the current pool: worth it when
/// there are fewer row groups than workers.
pub(crate) fn encode(
    layout: &Layout,
    factory: &ArrowRowGroupWriterFactory,
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
    let writers = factory.create_column_writers(0)?;
    let mut chunks = encode_columns(&settled.output, columns, writers, columns_in_parallel)?;
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

/// The same values in arrays of [`WRITE_ROWS`], but for the last one. The writer of a column looks after every so many rows of
/// an array whether the page is full: where arrays end must not depend on how rows came, or pages would.
fn even(arrays: Vec<ArrayRef>) -> Vec<ArrayRef> {
    let mut even = Vec::new();
    let mut pending: Vec<ArrayRef> = Vec::new();
    let mut rows = 0;
    for array in arrays {
        let mut start = 0;
        while start < array.len() {
            let count = (array.len() - start).min(WRITE_ROWS - rows);
            pending.push(array.slice(start, count));
            (start, rows) = (start + count, rows + count);
            if rows == WRITE_ROWS {
                join(&mut pending, &mut even);
                rows = 0;
            }
        }
    }
    join(&mut pending, &mut even);
    even
}

/// Passes on as one array what is pending.
fn join(pending: &mut Vec<ArrayRef>, joined: &mut Vec<ArrayRef>) {
    if pending.len() > 1 {
        let arrays: Vec<&dyn Array> = pending.iter().map(AsRef::as_ref).collect();
        // More than 2 GiB do not fit: then as they are.
        if let Ok(array) = concat(&arrays) {
            pending.clear();
            joined.push(array);
        }
    }
    joined.append(pending);
}

fn encode_columns(
    schema: &SchemaRef,
    columns: Vec<Vec<ArrayRef>>,
    writers: Vec<ArrowColumnWriter>,
    in_parallel: bool,
) -> Result<Vec<ArrowColumnChunk>, WriteError> {
    // A nested column has several leaves, each with its own writer; the leaves of all its arrays go to the same writers.
    let mut writers = writers.into_iter();
    let mut leaves = Vec::new();
    for (field, arrays) in schema.fields().iter().zip(columns) {
        let mut per_leaf: Vec<Vec<_>> = Vec::new();
        for array in &even(arrays) {
            for (position, leaf) in compute_leaves(field, array)?.into_iter().enumerate() {
                match per_leaf.get_mut(position) {
                    Some(values) => values.push(leaf),
                    None => per_leaf.push(vec![leaf]),
                }
            }
        }
        leaves.extend(writers.by_ref().take(per_leaf.len()).zip(per_leaf));
    }
    let encode_leaf = |(mut writer, values): (ArrowColumnWriter, Vec<_>)| -> Result<ArrowColumnChunk, ParquetError> {
        for value in &values {
            writer.write(value)?;
        }
        writer.close()
    };
    let chunks: Result<Vec<_>, _> = if in_parallel {
        leaves.into_par_iter().map(encode_leaf).collect()
    } else {
        leaves.into_iter().map(encode_leaf).collect()
    };
    Ok(chunks?)
}

//! The columns that the parquet crate encodes.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::Field;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, compute_leaves};
use parquet::errors::ParquetError;

/// Rows that are given to the writer of a column at a time.
const WRITE_ROWS: usize = 8192;

/// The values of each leaf of a column. A nested column has several, each with its own writer; the values of all its arrays
/// go to the same writers.
pub(crate) fn leaves(field: &Field, arrays: Vec<ArrayRef>) -> Result<Vec<Vec<ArrowLeafColumn>>, ParquetError> {
    let mut per_leaf: Vec<Vec<_>> = Vec::new();
    for array in &even(arrays) {
        for (position, leaf) in compute_leaves(field, array)?.into_iter().enumerate() {
            match per_leaf.get_mut(position) {
                Some(values) => values.push(leaf),
                None => per_leaf.push(vec![leaf]),
            }
        }
    }
    Ok(per_leaf)
}

/// Encodes the values of a leaf.
pub(crate) fn encode(
    mut writer: ArrowColumnWriter,
    values: &[ArrowLeafColumn],
) -> Result<ArrowColumnChunk, ParquetError> {
    for value in values {
        writer.write(value)?;
    }
    writer.close()
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

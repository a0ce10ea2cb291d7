//! The rows of a file as rows of the dataset.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::error::UnionError;
use super::merge::Source;
use super::types::depends_on_values;
use crate::error::SourceError;

/// What has no place in the type becomes NULL, and is found by that.
const TO_NULL: CastOptions<'static> = CastOptions { safe: true, format_options: FormatOptions::new() };

/// Gives the rows of a file the schema of the dataset.
pub(super) fn adapt(
    path: &Path,
    layer: &str,
    schema: &SchemaRef,
    sources: &[Source],
    batch: &RecordBatch,
) -> Result<RecordBatch, SourceError> {
    let failed = |reason: String| SourceError::Batch { path: path.to_owned(), layer: layer.to_owned(), reason };
    let mut columns = Vec::with_capacity(sources.len());
    for (field, source) in schema.fields().iter().zip(sources) {
        columns.push(match *source {
            Source::Null => new_null_array(field.data_type(), batch.num_rows()),
            Source::Same(position) | Source::Cast(position) => {
                let column = batch.columns().get(position as usize);
                let column = column.ok_or_else(|| failed(format!("column {} was not read", field.name())))?;
                if matches!(source, Source::Same(_)) { Arc::clone(column) } else { converted(path, field, column)? }
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| failed(error.to_string()))
}

/// The values of a column as another type, if they are the same values in it.
fn converted(path: &Path, field: &FieldRef, column: &ArrayRef) -> Result<ArrayRef, SourceError> {
    let refused = |value: String| {
        let (from, to) = (column.data_type().to_string(), field.data_type().to_string());
        UnionError::Value { path: path.to_owned(), column: field.name().clone(), value, from, to }.in_source()
    };
    let failed = |error: arrow::error::ArrowError| refused(format!("a value ({error})"));
    let check = |is_wrong: &dyn Fn(usize) -> bool| match (0..column.len()).find(|row| is_wrong(*row)) {
        None => Ok(()),
        Some(row) => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::new());
            Err(refused(formatter.map_or_else(|error| error.to_string(), |formatter| formatter.value(row).to_string())))
        }
    };
    let converted = cast_with_options(column, field.data_type(), &TO_NULL).map_err(failed)?;
    if converted.null_count() != column.null_count() {
        check(&|row| converted.is_null(row) && !column.is_null(row))?;
    }
    if depends_on_values(column.data_type(), field.data_type()) {
        let back = cast_with_options(&converted, column.data_type(), &TO_NULL).map_err(failed)?;
        let different = distinct(column, &back).map_err(failed)?;
        if different.true_count() > 0 {
            check(&|row| different.value(row))?;
        }
    }
    Ok(converted)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Float64Array, Int64Array, TimestampNanosecondArray};
    use arrow::datatypes::{DataType, Field, TimeUnit};

    use super::*;

    fn as_type(column: ArrayRef, data_type: DataType) -> Result<ArrayRef, String> {
        let field = Arc::new(Field::new("height", data_type, true));
        converted(Path::new("b.csv"), &field, &column).map_err(|error| error.to_string())
    }

    #[test]
    fn integers_become_floats_only_where_nothing_is_lost() {
        let exact = Int64Array::from(vec![Some(1 << 53), None, Some(-3), Some((1 << 53) + 2)]);
        let floats = as_type(Arc::new(exact), DataType::Float64).unwrap();
        let wanted = [Some(9007199254740992.0), None, Some(-3.0), Some(9007199254740994.0)];
        assert_eq!(floats.as_ref(), &Float64Array::from(wanted.to_vec()) as &dyn Array);
        for value in [(1 << 53) + 1, i64::MAX, i64::MIN + 1] {
            let error = as_type(Arc::new(Int64Array::from(vec![Some(1), None, Some(value)])), DataType::Float64);
            let error = error.unwrap_err();
            assert!(error.starts_with(&format!("b.csv: column \"height\": {value} (Int64) is not exactly")), "{error}");
        }
    }

    #[test]
    fn dates_become_times_only_within_their_range() {
        let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let day = as_type(Arc::new(Date32Array::from(vec![Some(1), None])), nanoseconds.clone()).unwrap();
        let wanted = TimestampNanosecondArray::from(vec![Some(86_400_000_000_000), None]);
        assert_eq!(day.as_ref(), &wanted as &dyn Array);
        // In the year 2500, after the last nanosecond that 64 bits can count.
        let error = as_type(Arc::new(Date32Array::from(vec![193_900])), nanoseconds).unwrap_err();
        assert!(error.starts_with("b.csv: column \"height\": 2500-"), "{error}");
    }
}

//! Only rows within a window.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use parcelle_source::Window;

use crate::convert::stage::{Stage, StageError, is_geometry};

/// Keeps rows whose primary geometry's bounding box meets a window, borders included. What has no position meets none.
#[derive(Debug)]
pub(crate) struct Within {
    schema: SchemaRef,
    column: usize,
    window: Window,
}

impl Within {
    /// A filter on the first geometry column of a schema; `None` where it has none.
    pub(crate) fn new(schema: &SchemaRef, window: Window) -> Option<Self> {
        let column = schema.fields().iter().position(|field| is_geometry(field))?;
        Some(Self { schema: schema.clone(), column, window })
    }

    fn meets(&self, wkb: &[u8]) -> bool {
        // What is not sound is kept: the writer refuses it and names its row.
        let Ok(summary) = parcelle_geometry::scan(wkb) else { return true };
        let Window { xmin, ymin, xmax, ymax } = self.window;
        summary
            .bounds
            .x()
            .zip(summary.bounds.y())
            .is_some_and(|(x, y)| x.0 <= xmax && x.1 >= xmin && y.0 <= ymax && y.1 >= ymin)
    }
}

impl Stage for Within {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError> {
        let failed = |error: arrow::error::ArrowError| StageError::Batch(error.to_string());
        let geometry = arrow::compute::cast(batch.column(self.column), &DataType::Binary).map_err(failed)?;
        let geometry = geometry.as_binary::<i32>();
        let mask: BooleanArray = geometry.iter().map(|wkb| Some(wkb.is_some_and(|wkb| self.meets(wkb)))).collect();
        if mask.true_count() == mask.len() {
            return Ok(batch);
        }
        filter_record_batch(&batch, &mask).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Int32Array};
    use arrow::datatypes::{Field, Int32Type, Schema};

    use super::*;

    fn point(x: f64, y: f64) -> Vec<u8> {
        let mut wkb = vec![1, 1, 0, 0, 0];
        wkb.extend(x.to_le_bytes());
        wkb.extend(y.to_le_bytes());
        wkb
    }

    #[test]
    fn rows_in_the_window_stay() {
        let metadata = HashMap::from([("ARROW:extension:name".to_owned(), "geoarrow.wkb".to_owned())]);
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int32, false),
            Field::new("geom", DataType::Binary, true).with_metadata(metadata),
        ]));
        let geometry: BinaryArray = [
            Some(point(1.0, 1.0)),
            Some(point(2.0, 5.0)),
            None,
            Some(point(f64::NAN, f64::NAN)),
            Some(point(0.0, 4.0)),
            Some(vec![1, 3, 0, 0, 0, 0, 0, 0, 0]),
        ]
        .into_iter()
        .collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from_iter_values(0..6)), Arc::new(geometry)];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let window = Window { xmin: 0.0, ymin: 0.5, xmax: 1.5, ymax: 4.0 };
        let kept = Within::new(&schema, window).unwrap().apply(batch).unwrap();
        assert_eq!(kept.column(0).as_primitive::<Int32Type>().values(), &[0, 4]);
    }
}

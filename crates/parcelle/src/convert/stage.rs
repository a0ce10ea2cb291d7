//! What happens to rows between reader and writer.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

/// A step that rows pass on their way from the reader to the writer: a filter, a reprojection. It is called from many
/// threads at a time, with batches in any order, so what it gives for a batch depends on that batch alone.
pub(crate) trait Stage: Send + Sync + fmt::Debug {
    /// The schema of what comes out.
    fn schema(&self) -> SchemaRef;

    /// Changes, drops or keeps the rows of a batch.
    ///
    /// # Errors
    /// [`StageError`] where a row cannot be dealt with; the conversion then ends.
    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError>;
}

/// Why a stage could not deal with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StageError(pub String);

/// Stages in order; each takes what the one before gives.
#[derive(Debug)]
pub(crate) struct Stages {
    stages: Vec<Box<dyn Stage>>,
    schema: SchemaRef,
}

impl Stages {
    /// Stages behind a source with this schema.
    pub(crate) fn new(stages: Vec<Box<dyn Stage>>, source: &SchemaRef) -> Self {
        let schema = stages.last().map_or_else(|| Arc::clone(source), |stage| stage.schema());
        Self { stages, schema }
    }

    /// The schema behind the last stage.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Passes a batch through all stages.
    pub(crate) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError> {
        self.stages.iter().try_fold(batch, |batch, stage| {
            // Nothing of nothing.
            if batch.num_rows() == 0 { Ok(RecordBatch::new_empty(stage.schema())) } else { stage.apply(batch) }
        })
    }
}

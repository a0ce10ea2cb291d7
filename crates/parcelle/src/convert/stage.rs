//! What happens to rows between reader and writer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};

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
#[non_exhaustive]
pub enum StageError {
    /// The condition has no value for a row.
    #[error("--where: {reason}")]
    Filter {
        /// What fails, and the way out.
        reason: String,
    },
    /// A position has no place in the target's coordinates.
    #[error("--t-crs: {0}")]
    Position(Box<LostPosition>),
    /// Rows cannot be put together to a batch.
    #[error("{0}")]
    Batch(String),
}

/// A position that cannot be transformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "column {column}, in the row with {row}: the position {x} {y} cannot be transformed from {from} to {to}: correct or \
     delete the row in the source, or check that the coordinates are in {from} (--crs assigns another)"
)]
pub struct LostPosition {
    /// Name of the geometry column.
    pub column: String,
    /// The first attributes of the row.
    pub row: String,
    /// First ordinate, such as longitude.
    pub x: String,
    /// Second ordinate.
    pub y: String,
    /// The reference system it is in.
    pub from: String,
    /// The one it should be brought to.
    pub to: String,
}

/// Whether a field is one of geometry.
pub(crate) fn is_geometry(field: &Field) -> bool {
    field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "geoarrow.wkb" || name == "ogc.wkb")
}

/// Stages in order; each takes what the one before gives.
#[derive(Debug)]
pub(crate) struct Stages {
    stages: Vec<Box<dyn Stage>>,
    schema: SchemaRef,
    rows_read: AtomicU64,
}

impl Stages {
    /// Stages behind a source with this schema.
    pub(crate) fn new(stages: Vec<Box<dyn Stage>>, source: &SchemaRef) -> Self {
        let schema = stages.last().map_or_else(|| Arc::clone(source), |stage| stage.schema());
        Self { stages, schema, rows_read: AtomicU64::new(0) }
    }

    /// The schema behind the last stage.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows that have come to the first stage.
    pub(crate) fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    /// Passes a batch through all stages.
    pub(crate) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError> {
        self.rows_read.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        self.stages.iter().try_fold(batch, |batch, stage| {
            // Nothing of nothing.
            if batch.num_rows() == 0 { Ok(RecordBatch::new_empty(stage.schema())) } else { stage.apply(batch) }
        })
    }
}

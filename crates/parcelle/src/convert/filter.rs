//! Only rows for which a condition is TRUE.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, SchemaRef};
use parcelle_source::{Opened, SourceError, UnionError};

use crate::convert::stage::{Stage, StageError, is_geometry};
use crate::expression::{ColumnName, ExpressionError, Predicate, Syntax, evaluation_failure, find, parse};

/// A condition that was read, and which columns are kept.
#[derive(Debug)]
pub(crate) struct Condition {
    syntax: Syntax,
    select: Option<Vec<String>>,
    /// Names of the layer's columns, where it was asked for some that it does not have.
    available: Option<Vec<String>>,
}

impl Condition {
    /// Reads a condition; `select` are the columns that are kept.
    pub(crate) fn new(expression: &str, select: Option<&[String]>) -> Result<Self, ExpressionError> {
        Ok(Self { syntax: parse(expression)?, select: select.map(<[String]>::to_vec), available: None })
    }

    /// Opens a layer with the columns that are kept and those that are asked about.
    pub(crate) fn open(
        &mut self,
        open: impl Fn(Option<Vec<String>>) -> Result<Opened, SourceError>,
    ) -> Result<Opened, SourceError> {
        let Some(select) = &self.select else { return open(None) };
        let mut asked = Vec::new();
        self.syntax.columns(&mut asked);
        let together = |asked: &mut dyn Iterator<Item = String>| {
            let mut columns = select.clone();
            asked.for_each(|name| {
                if !columns.contains(&name) {
                    columns.push(name)
                }
            });
            Some(columns)
        };
        let error = match open(together(&mut asked.iter().map(|column| column.name.clone()))) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        // Mostly a name in another case of letters; or geometry, which is there without being asked for.
        let Some(available) = columns_without(&error, select) else { return Err(error) };
        let named = |wanted: &&ColumnName| {
            let index = find(wanted, available.iter().map(String::as_str)).ok()?;
            available.get(index).cloned()
        };
        let opened = open(together(&mut asked.iter().filter_map(named)))?;
        self.available = Some(available);
        Ok(opened)
    }

    /// The condition on rows of a schema.
    pub(crate) fn bind(self, source: &SchemaRef) -> Result<Filter, ExpressionError> {
        let predicate = Predicate::bind(&self.syntax, source).map_err(|error| match (error, self.available) {
            (ExpressionError::UnknownColumn { column, hint, .. }, Some(available)) => ExpressionError::UnknownColumn {
                suggestion: parcelle_source::suggestion(&column, available.iter().map(String::as_str)),
                column,
                available,
                hint,
            },
            (error, _) => error,
        })?;
        let kept: Vec<usize> = match &self.select {
            None => (0..source.fields().len()).collect(),
            Some(select) => {
                let fields = source.fields().iter().enumerate();
                let is_kept = |field: &Field| is_geometry(field) || is_selected(field.name(), select, source);
                fields.filter(|(_, field)| is_kept(field)).map(|(at, _)| at).collect()
            }
        };
        let failed = |error: arrow::error::ArrowError| ExpressionError::Constant { reason: error.to_string() };
        let schema = Arc::new(source.project(&kept).map_err(failed)?);
        Ok(Filter { predicate, kept, schema })
    }
}

/// The columns there are, where one is missing that only the condition asks for.
fn columns_without(error: &SourceError, select: &[String]) -> Option<Vec<String>> {
    let (column, available) = match error {
        SourceError::UnknownColumn { column, available, .. } => (column, available),
        SourceError::Union(error) => match error.as_ref() {
            UnionError::UnknownColumn { column, available, .. } => (column, available),
            _ => return None,
        },
        _ => return None,
    };
    (!select.contains(column)).then(|| available.clone())
}

/// Whether a column is one of those that are kept. Several files may spell it in different cases of letters.
fn is_selected(name: &str, select: &[String], source: &SchemaRef) -> bool {
    let is_alike = |wanted: &String| {
        wanted == name || (wanted.to_lowercase() == name.to_lowercase() && source.column_with_name(wanted).is_none())
    };
    select.iter().any(is_alike)
}

/// See [`Condition`].
#[derive(Debug)]
pub(crate) struct Filter {
    predicate: Predicate,
    kept: Vec<usize>,
    schema: SchemaRef,
}

impl Stage for Filter {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError> {
        let failed = |error: arrow::error::ArrowError| StageError::Filter { reason: evaluation_failure(&error) };
        let rows = self.predicate.rows(&batch).map_err(failed)?;
        let batch = batch.project(&self.kept).map_err(failed)?;
        if rows.true_count() == rows.len() {
            return Ok(batch);
        }
        filter_record_batch(&batch, &rows).map_err(failed)
    }
}

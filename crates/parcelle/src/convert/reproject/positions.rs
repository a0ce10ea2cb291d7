//! Positions of whole batches through PROJ.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use parcelle_crs::{Crs, Transformation};
use parcelle_geometry::Coordinates;

use crate::convert::reproject::{Origin, ReprojectionError, Task, missing_epoch};
use crate::convert::stage::{LostPosition, Stage, StageError, is_geometry};

/// Attributes by which a row is named in messages.
const NAMING_ATTRIBUTES: usize = 3;

/// Brings geometry columns to another reference system.
///
/// All positions of a batch go through PROJ in one call. Which of several transformations is taken depends on the position
/// alone. (GDAL's `CoordTransform` takes one for all that it is given, by their mean: the output would then depend on how
/// rows come together in batches. It also falls back to ballpark ones outside of the areas of use.)
#[derive(Debug)]
pub(crate) struct Reproject {
    schema: SchemaRef,
    target: Crs,
    columns: Vec<Column>,
    origin: Origin,
}

#[derive(Debug)]
struct Column {
    index: usize,
    name: String,
    source: Crs,
    year: Option<f64>,
    with_z: bool,
    /// Those that no thread has at the moment: each is for one thread at a time.
    idle: Mutex<Vec<Transformation>>,
}

impl Reproject {
    pub(super) fn new(
        schema: &SchemaRef,
        target: Crs,
        tasks: Vec<Task>,
        origin: Origin,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ReprojectionError> {
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        let mut columns = Vec::new();
        for Task { index, source, year } in tasks {
            let failed = ReprojectionError::Transformation;
            // Made here, so that nobody waits for the first row to learn that there is no way.
            let first = Transformation::new(&source, &target).map_err(failed)?;
            let shortcoming = Transformation::shortcoming(&source, &target).map_err(failed)?;
            let without_epoch = if year.is_none() { missing_epoch(&source, &target) } else { None };
            for warning in shortcoming.into_iter().chain(without_epoch) {
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
            let Some(slot) = fields.get_mut(index) else { continue };
            let name = slot.name().clone();
            let field = parcelle_source::with_crs(slot, &target)
                .map_err(|reason| ReprojectionError::Source { column: name.clone(), reason })?;
            let is_nullable = field.is_nullable() || !origin.invalid.are_errors();
            *slot = Arc::new(field.with_data_type(DataType::Binary).with_nullable(is_nullable));
            let with_z = source.has_height() && target.has_height();
            columns.push(Column { index, name, source, year, with_z, idle: Mutex::new(vec![first]) });
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        Ok(Self { schema, target, columns, origin })
    }

    fn column(&self, column: &Column, batch: &RecordBatch) -> Result<ArrayRef, StageError> {
        let failed = |error: ArrowError| StageError::Batch(error.to_string());
        let missing = || StageError::Batch(format!("geometry column {} is missing", column.name));
        let geometry =
            cast(batch.columns().get(column.index).ok_or_else(missing)?, &DataType::Binary).map_err(failed)?;
        let geometry = geometry.as_binary::<i32>();

        let (Some(&start), Some(&end)) = (geometry.value_offsets().first(), geometry.value_offsets().last()) else {
            return Ok(Arc::new(geometry.clone()));
        };
        let position = |offset: i32| usize::try_from(offset.saturating_sub(start)).unwrap_or_default();
        let values = geometry.value_data().get(start as usize..end as usize).unwrap_or_default();
        let mut coordinates = Coordinates::default();
        let mut positions_before = vec![0];
        for (row, bounds) in geometry.value_offsets().windows(2).enumerate() {
            if let &[from, to] = bounds
                && geometry.is_valid(row)
            {
                let unsound = |error| StageError::Batch(format!("column {}: {error}", column.name));
                coordinates.gather(values, position(from), position(to)).map_err(unsound)?;
            }
            positions_before.push(coordinates.x.len());
        }
        let (x, y) = (coordinates.x.clone(), coordinates.y.clone());
        self.transform(column, &mut coordinates)?;
        let lost = self.lost_rows(column, batch, &coordinates, [&x, &y], &positions_before)?;
        let mut bytes = values.to_vec();
        coordinates.scatter(&mut bytes, column.with_z);
        let offsets = geometry.value_offsets().iter().map(|offset| offset.saturating_sub(start));
        let offsets = OffsetBuffer::new(ScalarBuffer::from_iter(offsets));
        let nulls = if lost.is_empty() {
            geometry.nulls().cloned()
        } else {
            let mut valid: Vec<bool> = (0..geometry.len()).map(|row| geometry.is_valid(row)).collect();
            for row in lost {
                if let Some(valid) = valid.get_mut(row) {
                    *valid = false;
                }
            }
            Some(NullBuffer::from(valid))
        };
        let array = BinaryArray::try_new(offsets, Buffer::from_vec(bytes), nulls).map_err(failed)?;
        Ok(Arc::new(array))
    }

    /// The rows with a position that could not be transformed, which are counted, or are an error.
    fn lost_rows(
        &self,
        column: &Column,
        batch: &RecordBatch,
        after: &Coordinates,
        before: [&[f64]; 2],
        positions_before: &[usize],
    ) -> Result<Vec<usize>, StageError> {
        let mut rows = Vec::new();
        for (position, ((x, y), z)) in after.x.iter().zip(&after.y).zip(&after.z).enumerate() {
            if x.is_finite() && y.is_finite() && z.is_finite() {
                continue;
            }
            let row = positions_before.partition_point(|before| *before <= position).saturating_sub(1);
            if rows.last() == Some(&row) {
                continue;
            }
            rows.push(row);
            let [x, y] = before.map(|values| values.get(position).map_or_else(String::new, f64::to_string));
            let (from, to) = (column.source.to_string(), self.target.to_string());
            let described = describe(batch, row);
            let what = format!("row with {described}: the position {x} {y} cannot be transformed from {from} to {to}");
            let lost = LostPosition { column: column.name.clone(), row: described, x, y, from, to };
            let error = StageError::Position(Box::new(lost));
            let Origin { path, layer, invalid } = &self.origin;
            invalid.null_later(path, layer, &column.name, what, error)?;
        }
        Ok(rows)
    }

    fn transform(&self, column: &Column, coordinates: &mut Coordinates) -> Result<(), StageError> {
        let idle = column.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut transformation = match idle {
            Some(transformation) => transformation,
            None => Transformation::new(&column.source, &self.target)
                .map_err(|error| StageError::Batch(format!("--t-crs: {error}")))?,
        };
        transformation.transform(&mut coordinates.x, &mut coordinates.y, &mut coordinates.z, column.year);
        column.idle.lock().unwrap_or_else(PoisonError::into_inner).push(transformation);
        Ok(())
    }
}

/// A row by its first attributes: where it is in the source nobody knows any more.
fn describe(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let attributes = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| !is_geometry(field));
    let named: Vec<String> = attributes
        .filter_map(|(field, array)| Some((field.name(), array_value_to_string(array, row).ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .take(NAMING_ATTRIBUTES)
        .map(|(name, value)| format!("{name} = {}", value.chars().take(40).collect::<String>()))
        .collect();
    if named.is_empty() { "no attributes".to_owned() } else { named.join(", ") }
}

impl Stage for Reproject {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, StageError> {
        let mut arrays = batch.columns().to_vec();
        for column in &self.columns {
            let array = self.column(column, &batch)?;
            if let Some(slot) = arrays.get_mut(column.index) {
                *slot = array;
            }
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| StageError::Batch(error.to_string()))
    }
}

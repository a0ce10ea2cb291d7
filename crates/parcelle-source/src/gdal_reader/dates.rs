//! Dates before 1970, which GDAL's Arrow streams give a day late.
//!
//! Before version 3.9.0, GDAL rounds days towards 1970 when it makes an Arrow column of a date field (OSGeo/gdal pull
//! request 9638): every date before 1970-01-01 comes out as the day after it. Those are put right here. 1970-01-01
//! itself is then what two days come out as, and the field is looked at again, through a second reading of the file that
//! only starts when it is needed.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Schema};
use gdal::Dataset;
use gdal::vector::{LayerAccess, OwnedLayer};

use crate::error::SourceError;
use crate::gdal_reader::messages::Messages;
use crate::gdal_reader::{ensure_listed, open_dataset};

/// First version without the error, as GDAL counts versions.
const FIXED_IN: u32 = 3_09_00_00;

/// Puts the dates of a layer right, batch after batch.
pub(super) struct DateRepair<'a> {
    path: &'a Path,
    /// Number and name of the layer.
    layer: (usize, &'a str),
    /// Positions of the date columns in the batches, and their names.
    columns: Vec<(usize, String)>,
    fields: Option<FieldReader>,
    rows: u64,
}

impl<'a> DateRepair<'a> {
    /// For batches of a schema; does nothing where GDAL is right.
    pub(super) fn new(path: &'a Path, layer: (usize, &'a str), driver: &str, schema: &Schema) -> Self {
        // These drivers hand over columns that are Arrow already.
        let columnar = matches!(driver, "GDAL/Parquet" | "GDAL/Arrow");
        let right = columnar || super::workaround::gdal_version() >= FIXED_IN;
        let fields = schema.fields().iter().enumerate();
        let columns = fields
            .filter(|(_, field)| !right && *field.data_type() == DataType::Date32)
            .map(|(index, field)| (index, field.name().clone()))
            .collect();
        Self { path, layer, columns, fields: None, rows: 0 }
    }

    /// The batch with its dates right; batches must come in order.
    pub(super) fn apply(&mut self, batch: RecordBatch) -> Result<RecordBatch, DateFault> {
        let first = self.rows;
        self.rows += batch.num_rows() as u64;
        if self.columns.is_empty() {
            return Ok(batch);
        }
        let schema = batch.schema();
        let mut columns = batch.columns().to_vec();
        for row in 0..batch.num_rows() {
            let doubtful = |array: &ArrayRef| {
                let dates = array.as_primitive_opt::<Date32Type>();
                dates.is_some_and(|dates| dates.is_valid(row) && dates.values().get(row) == Some(&0))
            };
            if self.columns.iter().any(|(index, _)| batch.columns().get(*index).is_some_and(doubtful)) {
                self.fields_at(first + row as u64)?;
            }
        }
        let looked_up = self.fields.as_mut().map(|fields| std::mem::take(&mut fields.found)).unwrap_or_default();
        for (number, (index, _)) in self.columns.iter().enumerate() {
            let Some(column) = columns.get_mut(*index) else { continue };
            let Some(dates) = column.as_primitive_opt::<Date32Type>() else { continue };
            let mut repaired: Vec<Option<i32>> =
                dates.iter().map(|date| date.map(|day| if day < 0 { day - 1 } else { day })).collect();
            for (row, before_1970) in &looked_up {
                let row = usize::try_from(row - first).ok().and_then(|row| repaired.get_mut(row));
                if let Some(date) = row.filter(|date| **date == Some(0))
                    && before_1970.get(number) == Some(&true)
                {
                    *date = Some(-1);
                }
            }
            *column = Arc::new(Date32Array::from(repaired));
        }
        RecordBatch::try_new(schema, columns).map_err(|error| DateFault::Batch(error.to_string()))
    }

    /// Notes which dates of a row are before 1970.
    fn fields_at(&mut self, row: u64) -> Result<(), DateFault> {
        let fields = match &mut self.fields {
            Some(fields) => fields,
            none => {
                let dataset = open_dataset(self.path, &Messages::capture(self.path)).map_err(DateFault::Open)?;
                none.insert(FieldReader::new(dataset, self.layer, &self.columns)?)
            }
        };
        fields.look_up(row)
    }
}

/// Why dates could not be put right.
#[derive(Debug)]
pub(super) enum DateFault {
    Open(SourceError),
    Batch(String),
}

/// A second reading, feature by feature.
struct FieldReader {
    layer: OwnedLayer,
    indices: Vec<i32>,
    next_row: u64,
    /// For each row that was looked up, whether the date of each column is before 1970.
    found: Vec<(u64, Vec<bool>)>,
}

impl FieldReader {
    fn new(dataset: Dataset, layer: (usize, &str), columns: &[(usize, String)]) -> Result<Self, DateFault> {
        let (index, name) = layer;
        ensure_listed(&dataset, index, name);
        let mut layer = dataset.into_layer(index).map_err(|error| DateFault::Batch(error.to_string()))?;
        let index = |name: &str| layer.defn().field_index(name).ok().and_then(|index| i32::try_from(index).ok());
        let indices = columns
            .iter()
            .map(|(_, name)| index(name).ok_or_else(|| DateFault::Batch(format!("GDAL has no field {name}"))))
            .collect::<Result<_, _>>()?;
        layer.reset_feature_reading();
        Ok(Self { layer, indices, next_row: 0, found: Vec::new() })
    }

    fn look_up(&mut self, row: u64) -> Result<(), DateFault> {
        loop {
            // SAFETY: the layer is alive; the feature is ours until it is destroyed below.
            let feature = unsafe { gdal_sys::OGR_L_GetNextFeature(self.layer.c_layer()) };
            if feature.is_null() {
                return Err(DateFault::Batch(format!("row number {} is gone when read again", row + 1)));
            }
            let reached = self.next_row == row;
            if reached {
                let before_1970 = |index: &i32| {
                    let mut parts = [0; 6];
                    let [year, month, day, hour, minute, zone] = &mut parts;
                    let mut second = 0.0;
                    // SAFETY: the feature is alive, the index is one of its definition, and all pointers are to locals.
                    let read = unsafe {
                        gdal_sys::OGR_F_GetFieldAsDateTimeEx(
                            feature,
                            *index,
                            year,
                            month,
                            day,
                            hour,
                            minute,
                            &mut second,
                            zone,
                        )
                    };
                    read != 0 && *year < 1970
                };
                self.found.push((row, self.indices.iter().map(before_1970).collect()));
            }
            // SAFETY: the feature was given to us above, and is not used after.
            unsafe { gdal_sys::OGR_F_Destroy(feature) };
            self.next_row += 1;
            if reached {
                return Ok(());
            }
        }
    }
}

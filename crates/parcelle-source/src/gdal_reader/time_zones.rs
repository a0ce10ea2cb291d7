//! Time zones, which GDAL's Arrow streams drop.
//!
//! Before version 3.8, GDAL writes the time on the clock into Arrow and leaves out its zone (OSGeo/gdal issue 8460): 9:00
//! in Paris and 9:00 in London come out as the same. So the zones are read first, feature by feature, one byte per row
//! at most; columns that have them become instants in UTC, and columns that have none keep the time on the clock. A
//! column that mixes both has no meaning as a whole, and is refused.

use std::ptr;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use gdal::vector::{Layer, LayerAccess, LayerCaps};

use crate::gdal_reader::workaround::gdal_version;

/// First version that keeps zones, as GDAL counts versions.
const FIXED_IN: u32 = 3_08_00_00;

/// GDAL's flag for UTC; each step from it is a quarter of an hour. 0 and 1 stand for no zone.
const UTC: i32 = 100;
const QUARTER_HOUR: i64 = 900_000;

/// What the zones of a column are, as quarters of an hour east of UTC.
#[derive(Debug, Clone, PartialEq)]
enum Zones {
    Same(i8),
    PerRow(Vec<i8>),
}

/// The zones of a layer, by position of the column in its batches.
#[derive(Debug, Clone, Default)]
pub(super) struct TimeZones {
    columns: Vec<(usize, Zones)>,
}

/// A column that has values with and without zone.
#[derive(Debug)]
pub(super) struct Mixed {
    pub(super) column: String,
    /// The first row that differs from those before, from 1.
    pub(super) row: u64,
}

impl TimeZones {
    /// Reads the zones of the columns of a schema, where GDAL drops them.
    pub(super) fn read(layer: &mut Layer<'_>, driver: &str, schema: &Schema) -> Result<Self, Mixed> {
        // Shapefiles know no time of day; the others hand over columns that are Arrow already.
        if gdal_version() >= FIXED_IN || matches!(driver, "GDAL/ESRI Shapefile" | "GDAL/Parquet" | "GDAL/Arrow") {
            return Ok(Self::default());
        }
        let mut collectors: Vec<Collector> = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| matches!(field.data_type(), DataType::Timestamp(TimeUnit::Millisecond, None)))
            .filter_map(|(column, field)| {
                let index = layer.defn().field_index(field.name()).ok()?;
                Some(Collector { column, index: i32::try_from(index).ok()?, naive: false, zones: None, rows: 0 })
            })
            .collect();
        if collectors.is_empty() {
            return Ok(Self::default());
        }
        let ignored = IgnoredGeometry::new(layer);
        let mixed = collect(layer, &mut collectors);
        drop(ignored);
        layer.reset_feature_reading();
        if let Some((column, row)) = mixed {
            return Err(Mixed { column: schema.field(column).name().clone(), row });
        }
        let columns = collectors.into_iter().filter_map(|collector| Some((collector.column, collector.zones?)));
        Ok(Self { columns: columns.collect() })
    }

    /// The schema with columns that have zones as instants in UTC.
    pub(super) fn schema(&self, schema: &SchemaRef) -> SchemaRef {
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        for (column, _) in &self.columns {
            if let Some(field) = fields.get_mut(*column) {
                let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
                *field = Arc::new(field.as_ref().clone().with_data_type(instant));
            }
        }
        Arc::new(Schema::new(fields))
    }

    /// The columns of a batch that begins at row `first`, with times on the clock as instants.
    pub(super) fn apply(&self, batch: &RecordBatch, first: u64) -> Vec<ArrayRef> {
        let mut arrays = batch.columns().to_vec();
        for (column, zones) in &self.columns {
            let Some(array) = arrays.get_mut(*column) else { continue };
            let Some(clock) = array.as_primitive_opt::<TimestampMillisecondType>() else { continue };
            let instants: arrow::array::TimestampMillisecondArray = match zones {
                Zones::Same(zone) => clock.unary(|time| time.wrapping_sub(i64::from(*zone) * QUARTER_HOUR)),
                Zones::PerRow(zones) => {
                    let offset = usize::try_from(first).unwrap_or(usize::MAX);
                    let zones = zones.iter().skip(offset).chain(std::iter::repeat(&0));
                    let times = clock.iter().zip(zones);
                    times
                        .map(|(time, zone)| time.map(|time| time.wrapping_sub(i64::from(*zone) * QUARTER_HOUR)))
                        .collect()
                }
            };
            *array = Arc::new(instants.with_timezone("UTC"));
        }
        arrays
    }
}

/// Collects the zones of one column.
struct Collector {
    column: usize,
    index: i32,
    naive: bool,
    zones: Option<Zones>,
    rows: usize,
}

impl Collector {
    /// Takes the flag of the next row, or nothing for a row without value. `false` if zones and none are mixed.
    fn push(&mut self, flag: Option<i32>) -> bool {
        let zone = match flag {
            None => self.zones.as_ref().map(|_| 0),
            Some(0 | 1) => {
                self.naive = true;
                None
            }
            Some(flag) => {
                let zone = i8::try_from(flag - UTC).unwrap_or(0);
                match &self.zones {
                    None => self.zones = Some(Zones::Same(zone)),
                    Some(Zones::Same(same)) if *same != zone => {
                        self.zones = Some(Zones::PerRow(vec![*same; self.rows]));
                    }
                    Some(_) => {}
                }
                Some(zone)
            }
        };
        if let (Some(Zones::PerRow(zones)), Some(zone)) = (&mut self.zones, zone) {
            zones.push(zone);
        }
        self.rows += 1;
        !(self.naive && self.zones.is_some())
    }
}

/// Reads all features; gives column and row (from 1) where zones and none are mixed.
fn collect(layer: &mut Layer<'_>, collectors: &mut [Collector]) -> Option<(usize, u64)> {
    layer.reset_feature_reading();
    for row in 1.. {
        // SAFETY: the layer is alive; the feature is ours until it is destroyed below.
        let feature = unsafe { gdal_sys::OGR_L_GetNextFeature(layer.c_layer()) };
        if feature.is_null() {
            return None;
        }
        let mut mixed = None;
        for collector in collectors.iter_mut() {
            let [mut year, mut month, mut day, mut hour, mut minute, mut zone] = [0; 6];
            let mut second = 0.0;
            // SAFETY: the feature is alive, the index is one of its definition, and all pointers are to locals.
            let is_set = unsafe {
                gdal_sys::OGR_F_IsFieldSetAndNotNull(feature, collector.index) != 0
                    && gdal_sys::OGR_F_GetFieldAsDateTimeEx(
                        feature,
                        collector.index,
                        &mut year,
                        &mut month,
                        &mut day,
                        &mut hour,
                        &mut minute,
                        &mut second,
                        &mut zone,
                    ) != 0
            };
            if !collector.push(is_set.then_some(zone)) {
                mixed = Some((collector.column, row));
            }
        }
        // SAFETY: the feature was given to us above, and is not used after.
        unsafe { gdal_sys::OGR_F_Destroy(feature) };
        if mixed.is_some() {
            return mixed;
        }
    }
    None
}

/// Spares the layer the reading of geometry for as long as it lives, where its driver can.
struct IgnoredGeometry {
    layer: gdal_sys::OGRLayerH,
}

impl IgnoredGeometry {
    fn new(layer: &Layer<'_>) -> Option<Self> {
        if !layer.has_capability(LayerCaps::OLCIgnoreFields) {
            return None;
        }
        let mut names = [c"OGR_GEOMETRY".as_ptr(), ptr::null()];
        // SAFETY: the layer is alive for longer than this guard, which `TimeZones::read` drops before it returns; the list
        // of names ends with null, and GDAL copies it.
        unsafe {
            let handle = layer.c_layer();
            gdal_sys::OGR_L_SetIgnoredFields(handle, names.as_mut_ptr());
            Some(Self { layer: handle })
        }
    }
}

impl Drop for IgnoredGeometry {
    fn drop(&mut self) {
        // SAFETY: as in `new`; null means that nothing is ignored any more.
        unsafe { gdal_sys::OGR_L_SetIgnoredFields(self.layer, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(flags: &[Option<i32>]) -> (bool, Option<Zones>) {
        let mut collector = Collector { column: 0, index: 0, naive: false, zones: None, rows: 0 };
        let sound = flags.iter().all(|flag| collector.push(*flag));
        (sound, collector.zones)
    }

    #[test]
    fn zones_are_kept_per_row_only_where_they_differ() {
        assert_eq!(zones(&[None, None]), (true, None));
        assert_eq!(zones(&[Some(0), None, Some(1)]), (true, None));
        assert_eq!(zones(&[None, Some(108), None, Some(108)]), (true, Some(Zones::Same(8))));
        let expected = Zones::PerRow(vec![4, 4, 4, 8, 0, -20]);
        assert_eq!(zones(&[None, Some(104), None, Some(108), None, Some(80)]), (true, Some(expected)));
        assert!(!zones(&[Some(100), None, Some(0)]).0);
        assert!(!zones(&[Some(1), Some(100)]).0);
    }
}

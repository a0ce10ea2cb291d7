//! GDAL's Arrow columns as parcelle's: geometry as sound WKB, everything else as it is.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parcelle_crs::Crs;

use crate::Curves;
use crate::arrow_columns::wkb_column::{Refusal, normalised};
use crate::error::GeometryReason;
use crate::geometry_field::geometry_field;

/// Key of the extension name in an Arrow field's metadata.
const EXTENSION_NAME: &str = "ARROW:extension:name";
/// What GDAL marks geometry with: the first up to version 3.7, the second since.
const WKB_NAMES: [&str; 2] = ["ogc.wkb", "geoarrow.wkb"];
/// What GDAL calls a geometry column without name in Arrow.
const UNNAMED_GEOMETRY: &str = "wkb_geometry";

/// A column of the output.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its position in GDAL's schema.
    source: usize,
    is_geometry: bool,
}

/// How GDAL's batches become parcelle's.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    pub(super) schema: SchemaRef,
    columns: Vec<Column>,
    curves: Curves,
}

/// Whether a field of GDAL's schema is geometry.
pub(super) fn is_geometry(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).is_some_and(|name| WKB_NAMES.contains(&name.as_str()))
        && matches!(field.data_type(), DataType::Binary | DataType::LargeBinary)
}

/// The name of a field in the output: geometry without name is called `geometry`, as GeoParquet recommends.
pub(super) fn output_name<'a>(schema: &'a Schema, field: &'a Field) -> &'a str {
    let taken = || schema.fields().iter().any(|other| other.name().eq_ignore_ascii_case("geometry"));
    if is_geometry(field) && field.name() == UNNAMED_GEOMETRY && !taken() { "geometry" } else { field.name() }
}

impl Projection {
    /// Keeps geometry and the fields that are selected; `crs` has one entry per geometry field, in order. Geometry
    /// `may_be_null` also where GDAL says that it is not. Fails with the
    /// name and type of a column that Parquet cannot store.
    pub(super) fn new(
        source: &Schema,
        select: Option<&[String]>,
        crs: &[Option<Crs>],
        may_be_null: bool,
        curves: Curves,
    ) -> Result<Self, (String, DataType)> {
        let select: Option<HashSet<&str>> = select.map(|names| names.iter().map(String::as_str).collect());
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        let mut crs = crs.iter();
        for (index, field) in source.fields().iter().enumerate() {
            let name = output_name(source, field);
            let is_geometry = is_geometry(field);
            if is_geometry {
                let crs = crs.next().and_then(Option::as_ref);
                fields.push(geometry_field(name, field.is_nullable() || may_be_null, crs));
            } else if select.as_ref().is_none_or(|select| select.contains(name)) {
                if !storable(field.data_type()) {
                    return Err((name.to_owned(), field.data_type().clone()));
                }
                fields.push(field.as_ref().clone());
            } else {
                continue;
            }
            columns.push(Column { source: index, is_geometry });
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, curves })
    }

    /// Brings a batch of GDAL to the output's form. `is_null` is asked, by column and row, whether a geometry that is not
    /// sound becomes NULL.
    pub(super) fn apply(
        &self,
        batch: &RecordBatch,
        mut is_null: impl FnMut(&str, usize, &GeometryReason) -> bool,
    ) -> Result<RecordBatch, Fault> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let array = batch
                .columns()
                .get(column.source)
                .ok_or_else(|| Fault::Batch(format!("GDAL's batch has no column {}", column.source)))?;
            // What comes over the C interface is believed by Arrow: offsets and UTF-8 are checked here, before use.
            array
                .to_data()
                .validate_full()
                .map_err(|error| Fault::Column { column: field.name().clone(), reason: error.to_string() })?;
            arrays.push(if column.is_geometry {
                let mut is_null = |row: usize, reason: &GeometryReason| is_null(field.name(), row, reason);
                normalised(array, &self.curves, &mut is_null).map_err(|(row, refusal)| {
                    let column = field.name().clone();
                    match refusal {
                        Refusal::Geometry(reason) => Fault::Geometry { column, row, reason },
                        Refusal::Other(reason) => Fault::Column { column, reason },
                    }
                })?
            } else {
                Arc::clone(array)
            });
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| Fault::Batch(error.to_string()))
    }
}

/// What can be wrong with a batch.
#[derive(Debug)]
pub(super) enum Fault {
    Batch(String),
    Column { column: String, reason: String },
    Geometry { column: String, row: usize, reason: GeometryReason },
}

/// Types that the Parquet writer of Arrow stores.
fn storable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) | DataType::RunEndEncoded(..) | DataType::Interval(_) => false,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => storable(item.data_type()),
        DataType::ListView(_) | DataType::LargeListView(_) => false,
        DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| storable(field.data_type())),
        DataType::Dictionary(_, value) => storable(value),
        _ => true,
    }
}

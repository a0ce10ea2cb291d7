//! Everything GDAL can read, through its Arrow stream (GDAL RFC 86, version 3.6 or newer), in sequence.
//!
//! GDAL ends a stream without error when a feature cannot be read, and says so only through its error handler. So each
//! reading listens to that: a failure that was reported while reading is an error here, however the stream ended.

mod columns;
mod dates;
mod descriptions;
mod esri;
mod messages;
mod stream;
mod time_zones;
mod workaround;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{
    LayerAccess, field_type_to_name, geometry_type_flatten, geometry_type_has_m, geometry_type_has_z,
    geometry_type_to_name,
};
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags};
use parcelle_crs::Crs;

use crate::connection::without_secrets;
use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::geometry_field::{crs_error, layer_crs};
use crate::invalid::InvalidValues;
use crate::names;
use crate::{BatchSink, FieldInfo, Layer, LayerInfo, OpenOptions, Split, SplitRange};
use columns::{Fault, Projection, is_geometry, output_name};
use dates::{DateFault, DateRepair};
pub(crate) use esri::crs_of_esri_wkt;
use messages::Messages;
use stream::ArrowStream;
use time_zones::TimeZones;
use workaround::GeneralImplementation;

/// A layer that GDAL reads.
pub(crate) struct GdalLayer {
    /// What GDAL opens; it may hold a password.
    target: PathBuf,
    /// The same for messages.
    path: PathBuf,
    name: String,
    index: usize,
    driver: String,
    schema: SchemaRef,
    projection: Projection,
    time_zones: TimeZones,
    rows: Option<u64>,
    bytes: Option<u64>,
    invalid: InvalidValues,
    // The dataset as it was opened, for the first reading: opening can mean parsing the whole file (GeoJSON).
    opened: Mutex<Option<Dataset>>,
}

impl GdalLayer {
    pub(crate) fn open(target: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let shown = without_secrets(target);
        let path = shown.as_path();
        ready(path)?;
        let messages = Messages::capture(target);
        let dataset = open_dataset(target, &messages)?;
        let driver = format!("GDAL/{}", dataset.driver().short_name());
        let index = find_layer(&dataset, path, options.layer.as_deref())?;
        let failed = |error: gdal::errors::GdalError| SourceError::GdalOpen {
            path: path.to_owned(),
            message: messages.failure_or(error),
        };
        let mut layer = dataset.layer(index).map_err(failed)?;
        let name = layer.name();
        let rows = layer.try_feature_count();
        let read_failed = |message: String| SourceError::GdalRead {
            path: path.to_owned(),
            layer: name.clone(),
            rows: 0,
            message: messages.failure_or(message),
        };
        let source = ArrowStream::new(&mut layer).map_err(read_failed)?.schema();
        let source = descriptions::described(&source, &dataset, &layer);

        let columns: Vec<&str> = source.fields().iter().map(|field| output_name(&source, field)).collect();
        names::check_selection(path, &name, options.select.as_deref(), &columns)?;
        if !source.fields().iter().any(|field| is_geometry(field)) {
            return Err(SourceError::NoGeometry { path: path.to_owned(), layer: name });
        }
        if let Some(message) = messages.failure() {
            return Err(read_failed(message));
        }
        let crs = geometry_crs(path, &layer, &source, options.crs.as_deref())?;
        let select = options.select.as_deref();
        let projection = Projection::new(&source, select, &crs, !options.invalid.are_errors(), options.curves.clone())
            .map_err(|(column, data_type)| SourceError::UnsupportedColumn {
                path: path.to_owned(),
                layer: name.clone(),
                column,
                data_type: data_type.to_string(),
            })?;
        // What was said about reference systems is no failure of the reading that follows.
        let reading = Messages::capture(target);
        let time_zones = TimeZones::read(&mut layer, &driver, &projection.schema).map_err(|mixed| SourceError::Batch {
            path: path.to_owned(),
            layer: name.clone(),
            reason: format!(
                "column {}, row number {}: times with and without time zone are mixed: give all of them a zone in the \
                 source, or leave the column out with --select",
                mixed.column, mixed.row
            ),
        })?;
        if let Some(message) = reading.failure() {
            return Err(read_failed(message));
        }
        drop(reading);
        let schema = time_zones.schema(&projection.schema);
        let target = target.to_owned();
        let bytes = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        let opened = Mutex::new(Some(dataset));
        Ok(Self {
            target,
            path: path.to_owned(),
            name,
            index,
            driver,
            schema,
            projection,
            time_zones,
            rows,
            bytes,
            invalid: options.invalid.clone(),
            opened,
        })
    }

    fn read_rows(&self, dataset: &Dataset, messages: &Messages, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let mut rows = 0;
        let failed = |rows: u64, message: String| SourceError::GdalRead {
            path: self.path.clone(),
            layer: self.name.clone(),
            rows,
            message: messages.failure_or(message),
        };
        let general = GeneralImplementation::where_needed(&self.driver, &self.projection.schema);
        let _general = general.map_err(|error| failed(rows, error.to_string()))?;
        ensure_listed(dataset, self.index, &self.name);
        let mut layer = dataset.layer(self.index).map_err(|error| failed(rows, error.to_string()))?;
        let mut stream = ArrowStream::new(&mut layer).map_err(|message| failed(rows, message))?;
        let mut dates = DateRepair::new(&self.target, (self.index, &self.name), &self.driver, &self.projection.schema);
        while let Some(batch) = stream.next() {
            let batch = batch.map_err(|message| failed(rows, message))?;
            if batch.num_rows() == 0 {
                continue;
            }
            let is_null = |column: &str, row: usize, reason: &GeometryReason| {
                let fault = Fault::Geometry { column: column.to_owned(), row, reason: reason.clone() };
                self.invalid.null(self.fault(fault, rows)).is_ok()
            };
            let batch = self.projection.apply(&batch, is_null);
            let batch = batch.map_err(|fault| self.invalid.refusal(self.fault(fault, rows)))?;
            let batch = dates.apply(batch).map_err(|fault| match fault {
                DateFault::Open(error) => error,
                DateFault::Batch(reason) => failed(rows, reason),
            })?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), self.time_zones.apply(&batch, rows))
                .map_err(|error| self.fault(Fault::Batch(error.to_string()), rows))?;
            rows += batch.num_rows() as u64;
            if sink(batch).is_break() {
                return Ok(());
            }
            if let Some(message) = messages.failure() {
                return Err(failed(rows, message));
            }
        }
        match messages.failure() {
            Some(message) => Err(failed(rows, message)),
            None => Ok(()),
        }
    }

    fn fault(&self, fault: Fault, rows: u64) -> SourceError {
        let (path, layer) = (self.path.clone(), self.name.clone());
        match fault {
            Fault::Batch(reason) => SourceError::Batch { path, layer, reason },
            Fault::Column { column, reason } => {
                let reason = format!(
                    "column {column}, in the rows after row number {rows}: {reason}. If it is text in another encoding, say \
                     which (SHAPE_ENCODING=… for Shapefiles), or leave the column out with --select"
                );
                SourceError::Batch { path, layer, reason }
            }
            Fault::Geometry { column, row, reason } => {
                let row = RowPosition::Number(rows + row as u64 + 1);
                SourceError::Geometry { place: Box::new(Place { path, layer, column, row }), reason }
            }
        }
    }
}

/// Has a database list a table that it does not list by itself, so that its number is that of [`find_layer`].
fn ensure_listed(dataset: &Dataset, index: usize, name: &str) {
    if dataset.layer_count() <= index {
        // Whether it was found shows when it is asked for by its number.
        let _ = dataset.layer_by_name(name);
    }
}

/// Whether this libgdal has a driver of that short name.
pub(crate) fn has_driver(name: &str) -> bool {
    parcelle_crs::gdal_ready().is_ok() && {
        DriverManager::register_all();
        DriverManager::get_driver_by_name(name).is_ok()
    }
}

/// Makes sure that GDAL can be called.
fn ready(path: &Path) -> Result<(), SourceError> {
    parcelle_crs::gdal_ready().map_err(|reason| SourceError::GdalMissing { path: path.to_owned(), reason })
}

/// The number of the layer that is wanted.
fn find_layer(dataset: &Dataset, path: &Path, wanted: Option<&str>) -> Result<usize, SourceError> {
    let list = || -> Vec<(String, bool)> {
        dataset.layers().map(|layer| (layer.name(), layer.defn().geom_fields().next().is_some())).collect()
    };
    let layers = list();
    let chosen = names::choose_layer(path, wanted, &layers);
    match (wanted, &chosen) {
        // Databases have tables that they do not list, and names with a schema that they list without.
        (Some(wanted), Err(SourceError::UnknownLayer { .. })) if !path.exists() => {
            let found = dataset.layer_by_name(wanted).map(|layer| layer.name()).ok();
            let position = |name: String| list().iter().position(|(other, _)| *other == name);
            found.and_then(position).map_or(chosen, Ok)
        }
        _ => chosen,
    }
}

fn open_dataset(path: &Path, messages: &Messages) -> Result<Dataset, SourceError> {
    let open = |open_options: Option<&[&str]>| {
        let open_flags =
            GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
        Dataset::open_ex(path, DatasetOptions { open_flags, open_options, ..DatasetOptions::default() })
    };
    let is_postgres = crate::connection::is_postgres(path);
    // A second reading must give the rows in the order of the first, which PostgreSQL does not do while another is under way.
    let in_order: &[&str] = &["PRELUDE_STATEMENTS=SET synchronize_seqscans = off"];
    let first = is_postgres.then(|| {
        let listening = Messages::capture(path);
        let opened = open(Some(in_order));
        let failure = listening.failure();
        (opened, failure)
    });
    let opened = match first {
        Some((Ok(dataset), None)) => Ok(dataset),
        // Databases that only speak its language do not know the setting.
        Some((opened, Some(failure))) if failure.contains("synchronize_seqscans") => {
            drop(opened);
            open(None)
        }
        Some((_, Some(message))) => return Err(SourceError::GdalOpen { path: without_secrets(path), message }),
        Some((Err(error), None)) => Err(error),
        None => open(None),
    };
    let dataset = opened
        .map_err(|error| SourceError::GdalOpen { path: without_secrets(path), message: messages.failure_or(error) })?;
    // Drivers that read the file when they open it (GML) open what they could read of it.
    match messages.failure() {
        Some(message) => Err(SourceError::GdalIncomplete { path: without_secrets(path), message }),
        None => Ok(dataset),
    }
}

/// The coordinate reference system of each geometry field.
fn geometry_crs(
    path: &Path,
    layer: &gdal::vector::Layer<'_>,
    source: &Schema,
    assigned: Option<&str>,
) -> Result<Vec<Option<Crs>>, SourceError> {
    let mut references = references(layer).into_iter();
    let geometry_fields = source.fields().iter().filter(|field| is_geometry(field));
    geometry_fields
        .map(|_| {
            let reference = references.next().flatten();
            layer_crs(assigned, || {
                reference.as_ref().map(crs_of).transpose().map_err(|reason| crs_error(path, &layer.name(), reason))
            })
        })
        .collect()
}

/// What GDAL knows as reference system of each geometry field. Some drivers (MapInfo) tell the layer's only.
fn references(layer: &gdal::vector::Layer<'_>) -> Vec<Option<SpatialRef>> {
    let mut references: Vec<_> = layer.defn().geom_fields().map(|field| field.spatial_ref().ok()).collect();
    if let Some(first @ None) = references.first_mut() {
        *first = layer.spatial_ref();
    }
    references
}

/// By code where GDAL knows one, so that every reader gives the same definition; else as GDAL defines it.
fn crs_of(reference: &SpatialRef) -> Result<Crs, String> {
    if let Ok(authority) = reference.authority()
        && let Ok(crs) = Crs::from_definition(&authority)
    {
        return Ok(crs);
    }
    let projjson = reference.to_projjson().map_err(|error| error.to_string())?;
    Crs::from_definition(&projjson).map_err(|error| error.to_string())
}

/// A type of geometry the way GeoPackage writes it, such as `MULTIPOLYGON Z`.
fn geometry_type_text(geometry_type: gdal_sys::OGRwkbGeometryType::Type) -> String {
    let flat = geometry_type_flatten(geometry_type);
    let name = match flat {
        gdal_sys::OGRwkbGeometryType::wkbUnknown => "GEOMETRY".to_owned(),
        known => geometry_type_to_name(known).replace(' ', "").to_uppercase(),
    };
    let ordinates = match (geometry_type_has_z(geometry_type), geometry_type_has_m(geometry_type)) {
        (true, true) => " ZM",
        (true, false) => " Z",
        (false, true) => " M",
        (false, false) => "",
    };
    name + ordinates
}

/// The layers of a file that GDAL reads.
pub(crate) fn layers(path: &Path) -> Result<Vec<LayerInfo>, SourceError> {
    ready(&without_secrets(path))?;
    let messages = Messages::capture(path);
    let dataset = open_dataset(path, &messages)?;
    let info = |layer: gdal::vector::Layer<'_>| {
        let definition = layer.defn();
        let geometry = definition.geom_fields().next().map(|field| geometry_type_text(field.field_type()));
        let crs = references(&layer).into_iter().next().flatten();
        let fields = definition
            .fields()
            .map(|field| FieldInfo { name: field.name(), type_name: field_type_to_name(field.field_type()) })
            .collect();
        LayerInfo {
            name: layer.name(),
            rows: layer.try_feature_count(),
            geometry,
            crs: crs.and_then(|crs| crs_of(&crs).ok()).map(|crs| crs.to_string()),
            fields,
        }
    };
    Ok(dataset.layers().map(info).collect())
}

impl Layer for GdalLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        &self.driver
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        self.rows
    }

    fn splits(&self, _target_rows: usize) -> Result<Vec<Split>, SourceError> {
        Ok(vec![Split::whole()])
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        if split.range != SplitRange::Whole {
            let reason = "the split is not one of this layer".to_owned();
            return Err(SourceError::Batch { path: self.path.clone(), layer: self.name.clone(), reason });
        }
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let dataset = opened.map_or_else(|| open_dataset(&self.target, &Messages::capture(&self.target)), Ok)?;
        self.read_rows(&dataset, &Messages::capture(&self.target), sink)
    }

    fn input_bytes(&self) -> Option<u64> {
        self.bytes
    }

    fn release(&self) {
        drop(self.opened.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

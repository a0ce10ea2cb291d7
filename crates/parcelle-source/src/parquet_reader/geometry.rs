//! Which columns are geometry, how they are stored, and in which reference system.
//!
//! Asked in this order, for each column at the root: the `geo` entry; the Parquet types `GEOMETRY` and `GEOGRAPHY`; the
//! Arrow extensions `geoarrow.*` of the stored schema. Where none of them names any column, a binary column with a
//! [usual name](WKB_NAMES) whose first value is WKB is geometry; and where there is none either, a pair of columns of
//! floating point numbers with [usual names](POINT_NAMES) are points.

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use geoarrow_schema::Edges;
use parcelle_crs::Crs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::basic::{EdgeInterpolationAlgorithm, LogicalType};
use parquet::file::metadata::KeyValue;
use serde_json::Value;

use crate::error::SourceError;
use crate::parquet_reader::file::{ParquetFile, guarded};
use crate::parquet_reader::geo::{GeoColumn, GeoMetadata, StatedCrs, known};
use crate::parquet_reader::native::NativeType;
use crate::parquet_reader::wkb_column::{is_binary, normalised};

/// Key of the extension name in an Arrow field's metadata.
const EXTENSION_NAME: &str = "ARROW:extension:name";
/// Key of the extension metadata in an Arrow field's metadata.
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// Names of columns with WKB in plain Parquet, in lower case.
pub(super) const WKB_NAMES: [&str; 10] =
    ["geometry", "geom", "wkb_geometry", "the_geom", "wkb", "geometry_wkb", "geom_wkb", "geography", "geog", "shape"];
/// Names of columns with the coordinates of points in plain Parquet, in lower case; and whether those are longitude and
/// latitude, and so OGC:CRS84.
const POINT_NAMES: [(&str, &str, bool); 4] =
    [("longitude", "latitude", true), ("lon", "lat", true), ("lng", "lat", true), ("x", "y", false)];
/// Row groups and rows of each that are searched for a first value.
const SEARCHED_GROUPS: usize = 4;
const SEARCHED_ROWS: usize = 8192;

/// How the geometries of a column are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As WKB.
    Wkb,
    /// As lists of coordinates.
    Native(NativeType),
    /// As two columns of numbers, with these positions at the root.
    Points {
        /// Position of the first ordinate.
        x: usize,
        /// Position of the second one.
        y: usize,
    },
}

/// A geometry column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GeometryColumn {
    /// Position among the columns at the root; one after the last for points of two columns.
    pub(super) root: usize,
    pub(super) name: String,
    pub(super) nullable: bool,
    pub(super) encoding: Encoding,
    pub(super) crs: Result<StatedCrs, String>,
    pub(super) edges: Option<Edges>,
    /// More metadata of the field.
    pub(super) notes: Vec<(String, String)>,
    /// Declared geometry types.
    pub(super) types: Vec<String>,
    /// Name of the column with its bounding boxes.
    pub(super) covering: Option<String>,
}

impl GeometryColumn {
    fn new(root: usize, field: &Field, encoding: Encoding) -> Self {
        Self {
            root,
            name: field.name().clone(),
            nullable: field.is_nullable(),
            encoding,
            crs: Ok(StatedCrs::Unknown),
            edges: None,
            notes: Vec::new(),
            types: Vec::new(),
            covering: None,
        }
    }
}

/// The geometry columns of a file, the primary one first; none where there are none.
pub(super) fn find(file: &ParquetFile, metadata: &ArrowReaderMetadata) -> Result<Vec<GeometryColumn>, SourceError> {
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let advice = "write the file again with the program that made it, or without a `geo` entry";
    let malformed = |reason: String| file.malformed_with(reason, advice);
    let geo = GeoMetadata::read(entries).map_err(malformed)?;
    let types = metadata.parquet_schema().root_schema().get_fields();
    let mut columns = Vec::new();
    for (root, field) in metadata.schema().fields().iter().enumerate() {
        let logical = types.get(root).and_then(|parquet| parquet.get_basic_info().logical_type_ref());
        let said = geo.as_ref().and_then(|geo| geo.column(field.name()));
        let column = match (said, logical) {
            (Some(said), logical) => Some(of_geo(root, field, said, logical, entries).map_err(malformed)?),
            (None, Some(logical)) => of_logical_type(root, field, logical, entries),
            (None, None) => None,
        };
        columns.extend(match column {
            Some(column) => Some(column),
            None => of_extension(root, field).map_err(malformed)?,
        });
    }
    if let Some(primary) = geo.as_ref().map(|geo| geo.primary.as_str()).filter(|primary| !primary.is_empty()) {
        match columns.iter().position(|column| column.name == primary) {
            Some(position) => columns.get_mut(..=position).unwrap_or_default().rotate_right(1),
            None => return Err(malformed(format!("the primary column of its `geo` entry, {primary}, does not exist"))),
        }
    }
    if columns.is_empty() {
        columns = with_usual_name(file, metadata)?;
    }
    if columns.is_empty() {
        columns.extend(points(metadata));
    }
    Ok(columns)
}

/// A column of the `geo` entry, which may have a Parquet type of its own too.
fn of_geo(
    root: usize,
    field: &Field,
    said: GeoColumn<'_>,
    logical: Option<&LogicalType>,
    entries: Option<&Vec<KeyValue>>,
) -> Result<GeometryColumn, String> {
    let name = field.name();
    let encoding = match said.encoding().as_str() {
        "wkb" if is_binary(field.data_type()) => Encoding::Wkb,
        "wkb" => return Err(format!("column {name} is to be WKB, and is {}", field.data_type())),
        native => match NativeType::new(native, field.data_type()) {
            Some(native) => Encoding::Native(native.map_err(|reason| format!("column {name}: {reason}"))?),
            None => return Err(format!("column {name} has the unknown encoding {native:?}")),
        },
    };
    let mut column = GeometryColumn::new(root, field, encoding);
    let typed = logical.and_then(|logical| of_logical_type(root, field, logical, entries));
    let edges = match said.edges() {
        None | Some("planar") => None,
        Some(edges) => Some(
            serde_json::from_value(Value::String(edges.to_owned()))
                .map_err(|_| format!("column {name} has unknown edges, {edges:?}"))?,
        ),
    };
    // GEOGRAPHY is never planar.
    column.edges = edges.or(typed.as_ref().and_then(|typed| typed.edges));
    column.crs = match typed {
        Some(typed) => agreed(said.crs(), typed.crs),
        None => said.crs(),
    };
    column.notes = said.notes();
    column.types = said.geometry_types().into_iter().map(str::to_owned).collect();
    column.covering = said.covering().map(str::to_owned);
    Ok(column)
}

/// The reference system of a column from its `geo` entry and from its Parquet type. The entry says more: a type without
/// reference system may mean that its writer knew only the default. Two that are known have to be the same.
fn agreed(geo: Result<StatedCrs, String>, typed: Result<StatedCrs, String>) -> Result<StatedCrs, String> {
    let (geo, typed) = match (geo?, typed) {
        (StatedCrs::Unknown, Ok(typed @ StatedCrs::Known(_))) => return Ok(typed),
        (geo, Ok(StatedCrs::Known(typed))) => (geo, typed),
        (geo, _) => return Ok(geo),
    };
    let Some(stated) = geo.clone().resolve()? else { return Ok(geo) };
    let long_lat = |crs: &Crs| ["EPSG:4326", "OGC:CRS84"].contains(&crs.to_string().as_str());
    if stated.same_as(&typed) || (long_lat(&stated) && long_lat(&typed)) {
        return Ok(geo);
    }
    Err(format!("the `geo` entry says {stated}, and the type of the column {typed}"))
}

/// A column of the Parquet type GEOMETRY or GEOGRAPHY.
fn of_logical_type(
    root: usize,
    field: &Field,
    logical: &LogicalType,
    entries: Option<&Vec<KeyValue>>,
) -> Option<GeometryColumn> {
    let (crs, edges) = match logical {
        LogicalType::Geometry(geometry) => (geometry.crs.as_deref(), None),
        LogicalType::Geography(geography) => {
            let edges = match geography.algorithm() {
                Some(EdgeInterpolationAlgorithm::VINCENTY) => Edges::Vincenty,
                Some(EdgeInterpolationAlgorithm::THOMAS) => Edges::Thomas,
                Some(EdgeInterpolationAlgorithm::ANDOYER) => Edges::Andoyer,
                Some(EdgeInterpolationAlgorithm::KARNEY) => Edges::Karney,
                _ => Edges::Spherical,
            };
            (geography.crs.as_deref(), Some(edges))
        }
        _ => return None,
    };
    if !is_binary(field.data_type()) {
        return None;
    }
    let mut column = GeometryColumn::new(root, field, Encoding::Wkb);
    column.crs = crs.map_or(Ok(StatedCrs::Default), |crs| type_crs(crs, entries));
    column.edges = edges;
    Some(column)
}

/// The reference system of a Parquet type: a definition in any form, `srid:` and a code of EPSG (0: unknown), or
/// `projjson:` and the key of the entry of the footer that has it.
fn type_crs(text: &str, entries: Option<&Vec<KeyValue>>) -> Result<StatedCrs, String> {
    let definition = match text.split_once(':') {
        Some(("srid", "0")) => return Ok(StatedCrs::Unknown),
        Some(("srid", code)) => return srid(code),
        Some(("projjson", key)) => entries
            .into_iter()
            .flatten()
            .find(|entry| entry.key == key)
            .and_then(|entry| entry.value.as_deref())
            .ok_or_else(|| format!("{text}: the footer has no entry {key}"))?,
        _ => text,
    };
    Crs::from_definition(definition).map(known).map_err(|error| error.to_string())
}

fn srid(code: &str) -> Result<StatedCrs, String> {
    Crs::from_authority("EPSG", code).map(known).map_err(|error| error.to_string())
}

/// A column whose Arrow field is of a GeoArrow extension.
fn of_extension(root: usize, field: &Field) -> Result<Option<GeometryColumn>, String> {
    let Some(extension) = field.metadata().get(EXTENSION_NAME) else { return Ok(None) };
    let encoding = match extension.strip_prefix("geoarrow.") {
        Some("wkb") if is_binary(field.data_type()) => Encoding::Wkb,
        None if extension == "ogc.wkb" && is_binary(field.data_type()) => Encoding::Wkb,
        // Boxes are coverings, not geometry; text stays text.
        Some(native) => match NativeType::new(native, field.data_type()) {
            Some(native) => Encoding::Native(native.map_err(|reason| format!("column {}: {reason}", field.name()))?),
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    let mut column = GeometryColumn::new(root, field, encoding);
    let text = field.metadata().get(EXTENSION_METADATA).filter(|text| !text.is_empty());
    if let Some(text) = text {
        let metadata: Value = serde_json::from_str(text)
            .map_err(|error| format!("the extension metadata of column {}: {error}", field.name()))?;
        column.crs = match (metadata.get("crs"), metadata.get("crs_type").and_then(Value::as_str)) {
            (None | Some(Value::Null), _) => Ok(StatedCrs::Unknown),
            (Some(Value::String(code)), Some("srid")) => srid(code),
            (Some(Value::String(text)), _) => type_crs(text, None),
            (Some(value), _) => Crs::from_projjson(value.clone()).map(known).map_err(|error| error.to_string()),
        };
        column.edges = match metadata.get("edges") {
            None | Some(Value::Null) => None,
            Some(edges) => Some(
                serde_json::from_value(edges.clone())
                    .map_err(|_| format!("column {} has unknown edges, {edges}", field.name()))?,
            ),
        };
    }
    Ok(Some(column))
}

/// Binary columns with a usual name whose first value is WKB. Their reference system is not known.
fn with_usual_name(file: &ParquetFile, metadata: &ArrowReaderMetadata) -> Result<Vec<GeometryColumn>, SourceError> {
    let mut columns = Vec::new();
    for (root, field) in metadata.schema().fields().iter().enumerate() {
        if WKB_NAMES.contains(&field.name().to_lowercase().as_str())
            && is_binary(field.data_type())
            && begins_with_wkb(file, metadata, root).map_err(|reason| file.malformed(reason))?
        {
            columns.push(GeometryColumn::new(root, field, Encoding::Wkb));
        }
    }
    Ok(columns)
}

fn begins_with_wkb(file: &ParquetFile, metadata: &ArrowReaderMetadata, root: usize) -> Result<bool, String> {
    for group in 0..metadata.metadata().num_row_groups().min(SEARCHED_GROUPS) {
        let found = guarded(|| {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), [root]);
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.chunks(), metadata.clone())
                .with_projection(mask)
                .with_row_groups(vec![group])
                .with_limit(SEARCHED_ROWS)
                .with_batch_size(64)
                .build()?;
            for batch in reader {
                let batch = batch?;
                let Some(array) = batch.columns().first() else { continue };
                if let Some(row) = (0..array.len()).find(|row| array.is_valid(*row)) {
                    return Ok(Some(normalised(&array.slice(row, 1), &mut |_, _| false).is_ok()));
                }
            }
            Ok(None)
        })?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Ok(false)
}

/// Points of two columns, in a geometry column of their own after all others.
fn points(metadata: &ArrowReaderMetadata) -> Option<GeometryColumn> {
    let fields = metadata.schema().fields();
    let position = |name: &str| {
        let mut named = fields.iter().enumerate().filter(|(_, field)| field.name().eq_ignore_ascii_case(name));
        match (named.next(), named.next()) {
            (Some((position, field)), None) if is_float(field.data_type()) => Some((position, field.is_nullable())),
            _ => None,
        }
    };
    let ((x, x_nullable), (y, y_nullable), long_lat) =
        POINT_NAMES.iter().find_map(|(x, y, long_lat)| Some((position(x)?, position(y)?, *long_lat)))?;
    let taken = |name: &str| fields.iter().any(|field| field.name() == name);
    let name = ["geometry", "geom", "point_geometry"].into_iter().find(|name| !taken(name))?;
    let field = Field::new(name, DataType::Binary, x_nullable || y_nullable);
    let mut column = GeometryColumn::new(fields.len(), &field, Encoding::Points { x, y });
    if long_lat {
        column.crs = Ok(StatedCrs::Default);
    }
    column.types = vec!["Point".to_owned()];
    Some(column)
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

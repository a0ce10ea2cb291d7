//! Which columns are geometry, how they are stored, and in which reference system.
//!
//! Asked in this order, for each column at the root: the `geo` entry; the Parquet types `GEOMETRY` and `GEOGRAPHY`; the
//! Arrow extensions `geoarrow.*` of the stored schema. Where none of them names any column, a binary column with a
//! usual name whose first value is WKB is geometry; and where there is none either, a pair of columns of floating point
//! numbers with usual names are points.

use arrow::array::Array;
use arrow::datatypes::Field;
use geoarrow_schema::Edges;
use parcelle_parquet::{Wanted, batches};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::basic::{EdgeInterpolationAlgorithm, LogicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::Curves;
use crate::arrow_columns::geo::{GEO_KEY, GeoMetadata, StatedCrs};
use crate::arrow_columns::geometry::{
    Encoding, GeometryColumn, is_named_wkb, of_extension, of_geo, points, primary_first, stated,
};
use crate::arrow_columns::guarded;
use crate::arrow_columns::wkb_column::{is_binary, normalised};
use crate::error::SourceError;
use crate::parquet_reader::file::ParquetFile;

/// Row groups and rows of each that are searched for a first value.
const SEARCHED_GROUPS: usize = 4;
const SEARCHED_ROWS: usize = 8192;

/// The geometry columns of a file, the primary one first; none where there are none.
pub(super) fn find(file: &ParquetFile, metadata: &ArrowReaderMetadata) -> Result<Vec<GeometryColumn>, SourceError> {
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let advice = "write the file again with the program that made it, or without a `geo` entry";
    let malformed = |reason: String| file.malformed_with(reason, advice);
    let texts = entries.into_iter().flatten().filter(|entry| entry.key == GEO_KEY);
    let geo = GeoMetadata::read(texts.filter_map(|entry| entry.value.as_deref())).map_err(malformed)?;
    let types = metadata.parquet_schema().root_schema().get_fields();
    let mut columns = Vec::new();
    for (root, field) in metadata.schema().fields().iter().enumerate() {
        let logical = types.get(root).and_then(|parquet| parquet.get_basic_info().logical_type_ref());
        let said = geo.as_ref().and_then(|geo| geo.column(field.name()));
        let typed = logical.and_then(|logical| of_logical_type(root, field, logical, entries));
        let column = match said {
            Some(said) => Some(of_geo(root, field, said, typed).map_err(malformed)?),
            None => typed,
        };
        columns.extend(match column {
            Some(column) => Some(column),
            None => of_extension(root, field).map_err(malformed)?,
        });
    }
    primary_first(&mut columns, geo.as_ref()).map_err(malformed)?;
    if columns.is_empty() {
        columns = with_usual_name(file, metadata)?;
    }
    if columns.is_empty() {
        columns.extend(points(metadata.schema().fields()));
    }
    Ok(columns)
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

/// Binary columns with a usual name whose first value is WKB. Their reference system is not known.
fn with_usual_name(file: &ParquetFile, metadata: &ArrowReaderMetadata) -> Result<Vec<GeometryColumn>, SourceError> {
    let mut columns = Vec::new();
    for (root, field) in metadata.schema().fields().iter().enumerate() {
        if is_named_wkb(field) && begins_with_wkb(file, metadata, root).map_err(|reason| file.malformed(reason))? {
            columns.push(GeometryColumn::new(root, field, Encoding::Wkb));
        }
    }
    Ok(columns)
}

fn begins_with_wkb(file: &ParquetFile, metadata: &ArrowReaderMetadata, root: usize) -> Result<bool, String> {
    for group in 0..metadata.metadata().num_row_groups().min(SEARCHED_GROUPS) {
        let found = guarded(|| -> Result<Option<bool>, ParquetError> {
            let group_rows = metadata.metadata().row_groups().get(group).map_or(0, |group| group.num_rows());
            let rest = usize::try_from(group_rows).unwrap_or(0).saturating_sub(SEARCHED_ROWS);
            let searched = vec![RowSelector::select(SEARCHED_ROWS), RowSelector::skip(rest)];
            let wanted = Wanted {
                roots: vec![root],
                groups: vec![group],
                selection: (rest > 0).then(|| RowSelection::from(searched)),
                batch_rows: Some(64),
            };
            let reader = batches(file.chunks(metadata.metadata()), metadata, wanted)?;
            for batch in reader {
                let batch = batch?;
                let Some(array) = batch.columns().first() else { continue };
                if let Some(row) = (0..array.len()).find(|row| array.is_valid(*row)) {
                    let curves = Curves::linearised();
                    return Ok(Some(normalised(&array.slice(row, 1), &curves, &mut |_, _| false).is_ok()));
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

/// The reference system of a Parquet type: a text, or `projjson:` and the key of the entry of the footer that has it.
fn type_crs(text: &str, entries: Option<&Vec<KeyValue>>) -> Result<StatedCrs, String> {
    let Some(key) = text.strip_prefix("projjson:") else { return stated(text) };
    let entry = entries.into_iter().flatten().find(|entry| entry.key == key);
    let definition = entry.and_then(|entry| entry.value.as_deref());
    stated(definition.ok_or_else(|| format!("{text}: the footer has no entry {key}"))?)
}

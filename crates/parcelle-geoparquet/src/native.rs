//! Geometry as GeoArrow arrays (GeoParquet 1.1, "Native encodings").

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, Float64Array, ListArray, RecordBatch, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use geoarrow_schema::{
    CoordType, Crs, Dimension as GeoArrowDimension, LineStringType, Metadata, MultiLineStringType, MultiPointType,
    MultiPolygonType, PointType, PolygonType,
};
use parcelle_geometry::{Dimension, FlatGeometries, FlattenError, GeometryKind, GeometryType, scan};
use parquet::errors::ParquetError;

use crate::encode::to_binary;
use crate::error::WriteError;
use crate::geometry_column::{EXTENSION_METADATA, EXTENSION_NAME, GeometryColumn};

/// The type of a column, from what the input declares and the rows of the first row group. `whole` says that there are
/// no others.
pub(crate) fn decide(
    column: &GeometryColumn,
    first_rows: &[RecordBatch],
    whole: bool,
) -> Result<GeometryType, WriteError> {
    // Empty geometries fit any dimension.
    let (mut types, mut empty) = (BTreeSet::new(), BTreeSet::new());
    let mut row = 0;
    for batch in first_rows {
        let Some(array) = batch.columns().get(column.index) else { continue };
        for value in to_binary(array)?.iter() {
            row += 1;
            let Some(wkb) = value else { continue };
            let summary =
                scan(wkb).map_err(|reason| WriteError::Geometry { row, column: column.name.clone(), reason })?;
            let set = if summary.is_empty { &mut empty } else { &mut types };
            set.insert(summary.geometry_type);
        }
    }
    choose(column.declared_type, &types, &empty, whole)
        .map_err(|reason| WriteError::NativeEncoding { column: column.name.clone(), reason })
}

fn choose(
    declared: Option<GeometryType>,
    types: &BTreeSet<GeometryType>,
    empty: &BTreeSet<GeometryType>,
    whole: bool,
) -> Result<GeometryType, String> {
    let all: BTreeSet<_> = types.iter().chain(empty).copied().chain(declared).collect();
    let listed = || all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let singles: BTreeSet<_> = all.iter().map(|found| found.kind.part().unwrap_or(found.kind)).collect();
    let single = match singles.into_iter().collect::<Vec<_>>()[..] {
        [] => return Err("neither the input nor its first row group says what type its geometries have".to_owned()),
        [GeometryKind::GeometryCollection] => return Err("geometry collections have none".to_owned()),
        [single] => single,
        _ => return Err(format!("its geometries have several types ({})", listed())),
    };
    let dimensions: BTreeSet<_> = types.iter().map(|found| found.dimension).collect();
    let dimension = match dimensions.into_iter().collect::<Vec<_>>()[..] {
        [dimension] => dimension,
        [] => declared.map_or_else(
            || empty.iter().map(|found| found.dimension).max().unwrap_or(Dimension::Xy),
            |declared| declared.dimension,
        ),
        _ => return Err(format!("its geometries have several dimensions ({})", listed())),
    };
    if dimension.has_m() {
        return Err(format!("GeoParquet 1.1 has none for measured geometry ({})", listed()));
    }
    // Later rows may have what the first ones do not. A point among multipoints is common, the other way round is not.
    let in_doubt = declared.is_none() && !whole && single != GeometryKind::Point;
    let multiple = in_doubt || all.iter().any(|found| found.kind.part().is_some());
    let kind = GeometryKind::ALL.into_iter().find(|kind| multiple && kind.part() == Some(single)).unwrap_or(single);
    Ok(GeometryType { kind, dimension })
}

/// The field of a column in its GeoArrow form; other metadata of the field stays.
pub(crate) fn field(column: &GeometryColumn, field: &Field, geometry_type: GeometryType) -> Field {
    let crs = column.crs.clone().map_or_else(Crs::default, Crs::from_projjson);
    let metadata = Arc::new(Metadata::new(crs, column.edges));
    let dimension = if geometry_type.dimension.has_z() { GeoArrowDimension::XYZ } else { GeoArrowDimension::XY };
    macro_rules! native {
        ($type:ident) => {
            $type::new(dimension, metadata)
                .with_coord_type(CoordType::Separated)
                .to_field(&column.name, field.is_nullable())
        };
    }
    let native = match geometry_type.kind {
        GeometryKind::Point => native!(PointType),
        GeometryKind::LineString => native!(LineStringType),
        GeometryKind::Polygon => native!(PolygonType),
        GeometryKind::MultiPoint => native!(MultiPointType),
        GeometryKind::MultiLineString => native!(MultiLineStringType),
        GeometryKind::MultiPolygon | GeometryKind::GeometryCollection => native!(MultiPolygonType),
    };
    let mut entries = field.metadata().clone();
    for key in [EXTENSION_NAME, EXTENSION_METADATA] {
        entries.remove(key);
    }
    entries.extend(native.metadata().clone());
    native.with_metadata(entries)
}

/// WKB to the array of a field that [`field`] made. `first_row` is the number of the first row, from 0.
pub(crate) fn array(
    column: &GeometryColumn,
    wkb: &ArrayRef,
    geometry_type: GeometryType,
    data_type: &DataType,
    first_row: u64,
) -> Result<ArrayRef, WriteError> {
    let failed = |row: Option<usize>, reason: String| WriteError::NativeEncoding {
        column: column.name.clone(),
        reason: match row {
            Some(row) => format!("row {}: {reason}", first_row + row as u64 + 1),
            None => reason,
        },
    };
    let binary = to_binary(wkb)?;
    let mut flat =
        FlatGeometries::new(geometry_type).ok_or_else(|| failed(None, format!("a {geometry_type} has none")))?;
    for (row, value) in binary.iter().enumerate() {
        let pushed = match value {
            Some(wkb) => flat.push(wkb),
            None => flat.push_empty(),
        };
        pushed.map_err(|error| match error {
            FlattenError::Wkb(reason) => {
                WriteError::Geometry { row: first_row + row as u64 + 1, column: column.name.clone(), reason }
            }
            other => failed(Some(row), other.to_string()),
        })?;
    }
    let (offsets, ordinates) = flat.into_columns();
    let nulls = binary.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    Ok(nest(data_type, &mut offsets.into_iter(), ordinates, nulls)?)
}

/// Lists of lists of structs, as many as there are offsets.
fn nest(
    data_type: &DataType,
    offsets: &mut std::vec::IntoIter<Vec<i32>>,
    ordinates: Vec<Vec<f64>>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ParquetError> {
    match (data_type, offsets.next()) {
        (DataType::List(child), Some(level)) => {
            let values = nest(child.data_type(), offsets, ordinates, None)?;
            let level = OffsetBuffer::new(ScalarBuffer::from(level));
            Ok(Arc::new(ListArray::try_new(Arc::clone(child), level, values, nulls)?))
        }
        (DataType::Struct(children), None) => {
            let columns = ordinates
                .into_iter()
                .map(|values| Arc::new(Float64Array::new(ScalarBuffer::from(values), None)) as ArrayRef)
                .collect();
            Ok(Arc::new(StructArray::try_new(children.clone(), columns, nulls)?))
        }
        (found, _) => Err(ParquetError::General(format!("{found} is not the layout of these geometries"))),
    }
}

/// Turns the rings of WKB counterclockwise; the array itself where all are so.
pub(crate) fn counterclockwise(
    column: &GeometryColumn,
    wkb: &ArrayRef,
    first_row: u64,
) -> Result<ArrayRef, WriteError> {
    let binary = to_binary(wkb)?;
    let offsets = binary.value_offsets();
    let (Some(&start), Some(&end)) = (offsets.first(), offsets.last()) else { return Ok(Arc::clone(wkb)) };
    let mut values = binary.value_data().get(start as usize..end as usize).unwrap_or_default().to_vec();
    let mut turned = false;
    for (row, range) in offsets.windows(2).enumerate().filter(|(row, _)| binary.is_valid(*row)) {
        let &[from, to] = range else { continue };
        let Some(geometry) = values.get_mut((from - start) as usize..(to - start) as usize) else { continue };
        turned |= parcelle_geometry::wind_counterclockwise(geometry).map_err(|reason| WriteError::Geometry {
            row: first_row + row as u64 + 1,
            column: column.name.clone(),
            reason,
        })?;
    }
    if !turned {
        return Ok(Arc::clone(wkb));
    }
    let offsets = offsets.iter().map(|offset| offset - start).collect::<Vec<_>>();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let turned = BinaryArray::try_new(offsets, values.into(), binary.nulls().cloned()).map_err(ParquetError::from)?;
    let turned: ArrayRef = Arc::new(turned);
    Ok(arrow::compute::cast(&turned, wkb.data_type()).map_err(ParquetError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[&str]) -> BTreeSet<GeometryType> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_type_is_the_narrowest_that_is_safe() {
        for (declared, found, empty, whole, chosen) in [
            (None, &["Point"][..], &[][..], false, "Point"),
            (None, &["Point", "MultiPoint"], &[], true, "MultiPoint"),
            (None, &["Polygon"], &[], true, "Polygon"),
            (None, &["Polygon"], &[], false, "MultiPolygon"),
            (None, &["LineString Z"], &["LineString"], true, "LineString Z"),
            (None, &["LineString Z"], &["MultiLineString"], true, "MultiLineString Z"),
            (None, &[], &["Polygon", "Polygon Z"], true, "Polygon Z"),
            (Some("Polygon"), &["Polygon"], &[], false, "Polygon"),
            (Some("Polygon Z"), &["Polygon"], &[], false, "Polygon"),
            (Some("Polygon Z"), &[], &[], false, "Polygon Z"),
            (Some("MultiPolygon"), &["Polygon"], &[], true, "MultiPolygon"),
            (Some("Polygon"), &["MultiPolygon"], &[], true, "MultiPolygon"),
        ] {
            let declared = declared.map(|name: &str| name.parse().unwrap());
            let kind = choose(declared, &types(found), &types(empty), whole).unwrap();
            assert_eq!(kind.to_string(), chosen, "{declared:?} {found:?} {empty:?} {whole}");
        }
        for (found, said) in [
            (&[][..], "neither the input nor"),
            (&["GeometryCollection"], "collections"),
            (&["Point", "Polygon"], "several types (Point, Polygon)"),
            (&["Point", "Point Z"], "several dimensions (Point, Point Z)"),
            (&["Point M"], "measured"),
        ] {
            let reason = choose(None, &types(found), &types(&[]), true).unwrap_err();
            assert!(reason.contains(said), "{reason}");
        }
    }
}

//! Geometry of the GeoArrow encodings, one row at a time, as WKB: so that one walk judges all encodings.

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{DataType, Float64Type};
use parcelle_geometry::{Dimension, GeometryKind, GeometryType};

/// Which ordinates the structs at the bottom of a type have.
pub(crate) fn dimension(data_type: &DataType) -> Option<Dimension> {
    match data_type {
        DataType::List(child) => dimension(child.data_type()),
        DataType::Struct(children) => {
            let has = |name: &str| children.iter().any(|child| child.name() == name);
            (has("x") && has("y")).then(|| Dimension::new(has("z"), has("m")))
        }
        _ => None,
    }
}

/// Writes the geometry of a row as WKB; `None` where the array is not of that encoding.
pub(crate) fn write(
    kind: GeometryKind,
    dimension: Dimension,
    array: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    out.clear();
    geometry(GeometryType { kind, dimension }, array, row, out)
}

fn geometry(geometry_type: GeometryType, array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Option<()> {
    let GeometryType { kind, dimension } = geometry_type;
    out.push(1);
    out.extend_from_slice(&geometry_type.iso_code().to_le_bytes());
    if kind == GeometryKind::Point {
        return positions(array, row..row + 1, dimension, out);
    }
    let (values, range) = list(array, row)?;
    count(range.len(), out)?;
    match kind {
        GeometryKind::LineString => positions(values, range, dimension, out),
        GeometryKind::Polygon => {
            for ring in range {
                let (values, range) = list(values, ring)?;
                count(range.len(), out)?;
                positions(values, range, dimension, out)?;
            }
            Some(())
        }
        _ => {
            let part = GeometryType { kind: kind.part()?, dimension };
            range.into_iter().try_for_each(|part_row| geometry(part, values, part_row, out))
        }
    }
}

fn list(array: &dyn Array, row: usize) -> Option<(&dyn Array, std::ops::Range<usize>)> {
    let list = array.as_list_opt::<i32>()?;
    let offsets = list.value_offsets();
    let at = |index: usize| usize::try_from(*offsets.get(index)?).ok();
    let (start, end) = (at(row)?, at(row + 1)?);
    Some((list.values().as_ref(), start..end.max(start)))
}

fn count(length: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    Some(())
}

fn positions(array: &dyn Array, range: std::ops::Range<usize>, dimension: Dimension, out: &mut Vec<u8>) -> Option<()> {
    let positions: &StructArray = array.as_struct_opt()?;
    let ordinate = |name: &str| {
        let column = positions.column_by_name(name)?;
        Some(column.as_primitive_opt::<Float64Type>()?.values())
    };
    let mut columns = vec![ordinate("x")?, ordinate("y")?];
    if dimension.has_z() {
        columns.push(ordinate("z")?);
    }
    if dimension.has_m() {
        columns.push(ordinate("m")?);
    }
    for position in range {
        for column in &columns {
            out.extend_from_slice(&column.get(position)?.to_le_bytes());
        }
    }
    Some(())
}

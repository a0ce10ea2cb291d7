//! Native GeoArrow geometry to WKB: lists of lists of coordinates, separated (a struct of `x`, `y`, …) or interleaved
//! (lists of two to four numbers).

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type};
use parcelle_geometry::{Dimension, GeometryKind, GeometryType};

use crate::parquet_reader::wkb_column::WkbBuilder;

/// What a column of native geometry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NativeType(GeometryType);

impl NativeType {
    /// The type of a column of the encoding `name` (a geometry type in lower case) that is stored as `data_type`; `None`
    /// where that is no native encoding. Says what is wrong where the two contradict each other.
    pub(super) fn new(name: &str, data_type: &DataType) -> Option<Result<Self, String>> {
        let kind = GeometryKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))?;
        let depth = list_depth(kind)?;
        let mut item = data_type;
        for _ in 0..depth {
            match item {
                DataType::List(field) | DataType::LargeList(field) => item = field.data_type(),
                _ => return Some(Err(format!("{name} cannot be stored as {data_type}"))),
            }
        }
        Some(match dimension(item) {
            Some(dimension) => Ok(Self(GeometryType { kind, dimension })),
            None => Err(format!("coordinates of {name} cannot be stored as {item}")),
        })
    }

    /// The geometries as WKB; or the first row that is not sound, and why.
    pub(super) fn to_wkb(self, array: &ArrayRef) -> Result<BinaryArray, (usize, String)> {
        let mut levels = Vec::new();
        let mut item = array;
        for _ in 0..list_depth(self.0.kind).unwrap_or(0) {
            let (offsets, values) = if let Some(list) = item.as_list_opt::<i32>() {
                (Offsets::Small(list.value_offsets()), list.values())
            } else if let Some(list) = item.as_list_opt::<i64>() {
                (Offsets::Large(list.value_offsets()), list.values())
            } else {
                return Err((0, format!("the lists are stored as {}", item.data_type())));
            };
            levels.push(Level { offsets, nulls: item.nulls() });
            item = values;
        }
        let coordinates = Coordinates::new(item, self.0.dimension).ok_or((0, "it has no coordinates".to_owned()))?;
        let writer = Writer { dimension: self.0.dimension, levels: &levels, coordinates };
        let mut builder = WkbBuilder::new(array.len());
        let mut wkb = Vec::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                builder.append_null();
                continue;
            }
            wkb.clear();
            writer.geometry(self.0.kind, 0, row, &mut wkb).map_err(|reason| (row, reason.to_owned()))?;
            builder.append(&wkb).map_err(|reason| (row, reason))?;
        }
        Ok(builder.finish())
    }
}

/// How many lists there are around the coordinates; `None` for what has no native encoding in Parquet.
fn list_depth(kind: GeometryKind) -> Option<usize> {
    match kind {
        GeometryKind::Point => Some(0),
        GeometryKind::LineString | GeometryKind::MultiPoint => Some(1),
        GeometryKind::Polygon | GeometryKind::MultiLineString => Some(2),
        GeometryKind::MultiPolygon => Some(3),
        GeometryKind::GeometryCollection => None,
    }
}

/// The ordinates of coordinates that are stored so.
fn dimension(data_type: &DataType) -> Option<Dimension> {
    let of_names = |names: &[&str]| match names {
        ["x", "y"] => Some(Dimension::Xy),
        ["x", "y", "z"] => Some(Dimension::Xyz),
        ["x", "y", "m"] => Some(Dimension::Xym),
        ["x", "y", "z", "m"] => Some(Dimension::Xyzm),
        _ => None,
    };
    match data_type {
        DataType::Struct(fields) => {
            let all_doubles = fields.iter().all(|field| *field.data_type() == DataType::Float64);
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            all_doubles.then(|| of_names(&names)).flatten()
        }
        // Three numbers are x, y and z unless the name of the field says otherwise.
        DataType::FixedSizeList(item, size) if *item.data_type() == DataType::Float64 => {
            match (size, item.name().as_str()) {
                (2, _) => Some(Dimension::Xy),
                (3, "xym") => Some(Dimension::Xym),
                (3, _) => Some(Dimension::Xyz),
                (4, _) => Some(Dimension::Xyzm),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Where the items of each list are.
enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
}

impl Offsets<'_> {
    fn range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = match self {
            Self::Small(offsets) => (i64::from(*offsets.get(index)?), i64::from(*offsets.get(index + 1)?)),
            Self::Large(offsets) => (*offsets.get(index)?, *offsets.get(index + 1)?),
        };
        Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

/// The lists of one level.
struct Level<'a> {
    offsets: Offsets<'a>,
    nulls: Option<&'a NullBuffer>,
}

/// The coordinates of a column.
struct Coordinates<'a> {
    /// An array per ordinate, or one for all of them.
    ordinates: Vec<&'a Float64Array>,
    /// How many numbers of an array belong to one position.
    stride: usize,
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Coordinates<'a> {
    fn new(array: &'a ArrayRef, dimension: Dimension) -> Option<Self> {
        let (ordinates, stride) = if let Some(separated) = array.as_struct_opt() {
            let columns = separated.columns().iter().map(|column| column.as_primitive_opt::<Float64Type>());
            (columns.collect::<Option<Vec<_>>>()?, 1)
        } else {
            (vec![array.as_fixed_size_list_opt()?.values().as_primitive_opt::<Float64Type>()?], dimension.size())
        };
        Some(Self { ordinates, stride, nulls: array.nulls() })
    }

    fn write(&self, position: usize, wkb: &mut Vec<u8>) -> Result<(), &'static str> {
        const MISSING: &str = "a coordinate of it is missing";
        if self.nulls.is_some_and(|nulls| nulls.is_null(position)) {
            return Err(MISSING);
        }
        let first = position * self.stride;
        for array in &self.ordinates {
            for index in first..first + self.stride {
                let value = array.values().get(index).filter(|_| array.is_valid(index)).ok_or(MISSING)?;
                wkb.extend_from_slice(&value.to_le_bytes());
            }
        }
        Ok(())
    }
}

struct Writer<'a> {
    dimension: Dimension,
    levels: &'a [Level<'a>],
    coordinates: Coordinates<'a>,
}

impl Writer<'_> {
    /// Appends a geometry: the item `index` of the lists of a level, or of the coordinates below the last one.
    fn geometry(&self, kind: GeometryKind, level: usize, index: usize, wkb: &mut Vec<u8>) -> Result<(), &'static str> {
        wkb.push(1);
        wkb.extend_from_slice(&GeometryType { kind, dimension: self.dimension }.iso_code().to_le_bytes());
        let part = match kind {
            GeometryKind::Point => return self.coordinates.write(index, wkb),
            GeometryKind::LineString => return self.positions(level, index, wkb),
            GeometryKind::Polygon => {
                for ring in self.items(level, index, wkb)? {
                    self.positions(level + 1, ring, wkb)?;
                }
                return Ok(());
            }
            GeometryKind::MultiPoint => GeometryKind::Point,
            GeometryKind::MultiLineString => GeometryKind::LineString,
            GeometryKind::MultiPolygon => GeometryKind::Polygon,
            GeometryKind::GeometryCollection => return Err("a collection has no native encoding"),
        };
        for item in self.items(level, index, wkb)? {
            self.geometry(part, level + 1, item, wkb)?;
        }
        Ok(())
    }

    fn positions(&self, level: usize, index: usize, wkb: &mut Vec<u8>) -> Result<(), &'static str> {
        for position in self.items(level, index, wkb)? {
            self.coordinates.write(position, wkb)?;
        }
        Ok(())
    }

    /// Appends the number of items of a list, and gives their positions.
    fn items(&self, level: usize, index: usize, wkb: &mut Vec<u8>) -> Result<std::ops::Range<usize>, &'static str> {
        let list = self.levels.get(level).ok_or("a list of it is missing")?;
        if list.nulls.is_some_and(|nulls| nulls.is_null(index)) {
            return Err("a part of it is null");
        }
        let range = list.offsets.range(index).ok_or("a list of it is missing")?;
        let count = u32::try_from(range.len()).map_err(|_| "it has more parts than WKB can count")?;
        wkb.extend_from_slice(&count.to_le_bytes());
        Ok(range)
    }
}

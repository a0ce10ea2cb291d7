//! Native GeoArrow geometry to WKB: lists of lists of coordinates, separated (a struct of `x`, `y`, …) or interleaved
//! (lists of two to four numbers); and unions of those.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type, UnionMode};
use parcelle_geometry::{Dimension, GeometryKind, GeometryType};

use crate::arrow_columns::wkb_column::WkbBuilder;

/// What a column of native geometry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NativeType {
    /// Geometries of one type: lists of coordinates.
    Single(GeometryType),
    /// Collections: lists of a union.
    Collection(Dimension),
    /// Geometries of any type: a union.
    Mixed,
}

impl NativeType {
    /// The type of a column of the encoding `name` (a geometry type in lower case, or `geometry`) that is stored as
    /// `data_type`; `None` where that is no native encoding. Says what is wrong where the two contradict each other.
    pub(crate) fn new(name: &str, data_type: &DataType) -> Option<Result<Self, String>> {
        if name.eq_ignore_ascii_case("geometry") {
            return Some(mixed(data_type).map(|_| Self::Mixed));
        }
        let kind = GeometryKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))?;
        let Some(depth) = list_depth(kind) else {
            return Some(match data_type {
                DataType::List(item) | DataType::LargeList(item) => mixed(item.data_type()).map(Self::Collection),
                _ => Err(format!("{name} cannot be stored as {data_type}")),
            });
        };
        let mut item = data_type;
        for _ in 0..depth {
            match item {
                DataType::List(field) | DataType::LargeList(field) => item = field.data_type(),
                _ => return Some(Err(format!("{name} cannot be stored as {data_type}"))),
            }
        }
        Some(match dimension(item) {
            Some(dimension) => Ok(Self::Single(GeometryType { kind, dimension })),
            None => Err(format!("coordinates of {name} cannot be stored as {item}")),
        })
    }

    /// The geometries as WKB; or the first row that is not sound, and why.
    pub(crate) fn to_wkb(self, array: &ArrayRef) -> Result<BinaryArray, (usize, String)> {
        let column = Column::new(self, array).map_err(|reason| (0, reason))?;
        let mut builder = WkbBuilder::new(array.len());
        let mut wkb = Vec::new();
        for row in 0..array.len() {
            if column.is_null(row) {
                builder.append_null();
                continue;
            }
            wkb.clear();
            column.write(row, &mut wkb).map_err(|reason| (row, reason.to_owned()))?;
            builder.append(&wkb).map_err(|reason| (row, reason))?;
        }
        Ok(builder.finish())
    }
}

/// Whether a union is one of geometries, whose type numbers are WKB codes with tens for the dimension; and the greatest
/// dimension of its fields, which is that of collections of it that say nothing themselves.
fn mixed(data_type: &DataType) -> Result<Dimension, String> {
    let DataType::Union(fields, UnionMode::Dense) = data_type else {
        return Err(format!("geometries of several types cannot be stored as {data_type}"));
    };
    let mut dimensions = Vec::new();
    for (number, field) in fields.iter() {
        let expected =
            member_type(number).ok_or_else(|| format!("a union has no geometry type of the number {number}"))?;
        let found = NativeType::new(expected.kind.name(), field.data_type());
        match found.transpose()? {
            Some(NativeType::Single(found)) if found == expected => dimensions.push(expected.dimension),
            Some(NativeType::Collection(_)) => dimensions.push(expected.dimension),
            _ => return Err(format!("{expected} cannot be stored as {}", field.data_type())),
        }
    }
    dimensions.into_iter().max().ok_or_else(|| "a union without types".to_owned())
}

/// The geometry type that a number stands for in a union (GeoArrow, "Geometry").
fn member_type(number: i8) -> Option<GeometryType> {
    let (tens, code) = (usize::try_from(number / 10).ok()?, u32::try_from(number % 10).ok()?);
    let kind = GeometryKind::ALL.into_iter().find(|kind| *kind as u32 == code)?;
    Dimension::ALL.get(tens).map(|dimension| GeometryType { kind, dimension: *dimension })
}

/// How many lists there are around the coordinates; `None` for collections, whose lists are of a union.
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

/// Whether there is a null at a place; none where there is no such place, which is found out later.
fn is_null_at(nulls: Option<&NullBuffer>, index: usize) -> bool {
    nulls.is_some_and(|nulls| index < nulls.len() && nulls.is_null(index))
}

impl Level<'_> {
    /// Appends the number of items of a list, and gives their positions.
    fn items(&self, index: usize, wkb: &mut Vec<u8>) -> Result<std::ops::Range<usize>, &'static str> {
        if is_null_at(self.nulls, index) {
            return Err("a part of it is null");
        }
        let range = self.offsets.range(index).ok_or("a list of it is missing")?;
        let count = u32::try_from(range.len()).map_err(|_| "it has more parts than WKB can count")?;
        wkb.extend_from_slice(&count.to_le_bytes());
        Ok(range)
    }
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
        if is_null_at(self.nulls, position) {
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

/// The lists of one level of an array, and what they hold.
fn lists(array: &ArrayRef) -> Result<(Level<'_>, &ArrayRef), String> {
    let (offsets, values) = if let Some(list) = array.as_list_opt::<i32>() {
        (Offsets::Small(list.value_offsets()), list.values())
    } else if let Some(list) = array.as_list_opt::<i64>() {
        (Offsets::Large(list.value_offsets()), list.values())
    } else {
        return Err(format!("the lists are stored as {}", array.data_type()));
    };
    Ok((Level { offsets, nulls: array.nulls() }, values))
}

/// An array of geometries.
enum Column<'a> {
    Single(Lists<'a>),
    Collection { dimension: Dimension, list: Level<'a>, items: Box<Column<'a>> },
    Mixed { numbers: &'a [i8], offsets: &'a [i32], members: Vec<(i8, Column<'a>)> },
}

impl<'a> Column<'a> {
    fn new(native: NativeType, array: &'a ArrayRef) -> Result<Self, String> {
        match native {
            NativeType::Single(geometry_type) => Lists::new(geometry_type, array).map(Self::Single),
            NativeType::Collection(dimension) => {
                let (list, items) = lists(array)?;
                Ok(Self::Collection { dimension, list, items: Box::new(Self::new(NativeType::Mixed, items)?) })
            }
            NativeType::Mixed => {
                let union = array.as_union_opt().ok_or("it is no union")?;
                let DataType::Union(fields, _) = array.data_type() else { return Err("it is no union".to_owned()) };
                let mut members = Vec::new();
                for (number, _) in fields.iter() {
                    let member = member_type(number).ok_or("a geometry type of its union is not known")?;
                    let native = match member.kind {
                        GeometryKind::GeometryCollection => NativeType::Collection(member.dimension),
                        _ => NativeType::Single(member),
                    };
                    members.push((number, Self::new(native, union.child(number))?));
                }
                let offsets = union.offsets().ok_or("its union is not dense")?;
                Ok(Self::Mixed { numbers: union.type_ids(), offsets, members })
            }
        }
    }

    /// The array of a union that a row is in, and its place there.
    fn member(&self, index: usize) -> Option<(&Column<'a>, usize)> {
        let Self::Mixed { numbers, offsets, members } = self else { return None };
        let number = numbers.get(index)?;
        let (_, column) = members.iter().find(|(other, _)| other == number)?;
        Some((column, usize::try_from(*offsets.get(index)?).ok()?))
    }

    fn is_null(&self, index: usize) -> bool {
        let null = |nulls: Option<&NullBuffer>| is_null_at(nulls, index);
        match self {
            Self::Single(lists) => null(lists.levels.first().map_or(lists.coordinates.nulls, |level| level.nulls)),
            Self::Collection { list, .. } => null(list.nulls),
            Self::Mixed { .. } => self.member(index).is_some_and(|(column, index)| column.is_null(index)),
        }
    }

    /// Appends a geometry.
    fn write(&self, index: usize, wkb: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Self::Single(lists) => lists.geometry(lists.geometry_type.kind, 0, index, wkb),
            Self::Collection { dimension, list, items } => {
                let kind = GeometryKind::GeometryCollection;
                wkb.push(1);
                wkb.extend_from_slice(&GeometryType { kind, dimension: *dimension }.iso_code().to_le_bytes());
                for item in list.items(index, wkb)? {
                    if items.is_null(item) {
                        return Err("a part of it is null");
                    }
                    items.write(item, wkb)?;
                }
                Ok(())
            }
            Self::Mixed { .. } => {
                let (column, index) = self.member(index).ok_or("its type is not among those of the union")?;
                column.write(index, wkb)
            }
        }
    }
}

/// Geometries of one type.
struct Lists<'a> {
    geometry_type: GeometryType,
    levels: Vec<Level<'a>>,
    coordinates: Coordinates<'a>,
}

impl<'a> Lists<'a> {
    fn new(geometry_type: GeometryType, array: &'a ArrayRef) -> Result<Self, String> {
        let mut levels = Vec::new();
        let mut item = array;
        for _ in 0..list_depth(geometry_type.kind).unwrap_or(0) {
            let (level, values) = lists(item)?;
            levels.push(level);
            item = values;
        }
        let coordinates = Coordinates::new(item, geometry_type.dimension).ok_or("it has no coordinates")?;
        Ok(Self { geometry_type, levels, coordinates })
    }

    /// Appends a geometry: the item `index` of the lists of a level, or of the coordinates below the last one.
    fn geometry(&self, kind: GeometryKind, level: usize, index: usize, wkb: &mut Vec<u8>) -> Result<(), &'static str> {
        wkb.push(1);
        wkb.extend_from_slice(&GeometryType { kind, dimension: self.geometry_type.dimension }.iso_code().to_le_bytes());
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

    fn items(&self, level: usize, index: usize, wkb: &mut Vec<u8>) -> Result<std::ops::Range<usize>, &'static str> {
        self.levels.get(level).ok_or("a list of it is missing")?.items(index, wkb)
    }
}

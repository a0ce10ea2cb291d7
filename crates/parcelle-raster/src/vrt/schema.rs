//! GDAL's schema of VRT as a table, with the version that brought each name: `profiles/gdal/vrt-vocabulary.csv`.
//!
//! GDAL itself validates no raster VRT against `frmts/vrt/data/gdalvrt.xsd`, and its own files break it here and there:
//! names are compared without case, and what the table leaves open is open.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::numbers::whole_number_text;
use super::target::{GdalVersion, parse_gdal_version};

const TABLE: &str = include_str!("../../profiles/gdal/vrt-vocabulary.csv");

/// A type of the schema: an index into the table.
pub(super) type TypeId = u16;

/// A name known in a type.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    required: bool,
    pub(super) since: Option<GdalVersion>,
}

/// What a value, or an element, may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A type of the table.
    Type(TypeId),
    Number,
    PositiveNumber,
    NumberOrNone,
    Integer,
    Natural,
    Truth,
    Anything,
}

#[derive(Debug, Default)]
struct Type {
    elements: Vec<Known>,
    attributes: Vec<Known>,
    values: Vec<Known>,
}

#[derive(Debug, Default)]
struct Schema {
    types: Vec<Type>,
    document: TypeId,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);

fn schema() -> Schema {
    let rows: Vec<Vec<&'static str>> = TABLE.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let mut ids: HashMap<&'static str, TypeId> = HashMap::new();
    for row in &rows {
        if let (Some(name), Ok(next)) = (row.first(), TypeId::try_from(ids.len())) {
            ids.entry(name).or_insert(next);
        }
    }
    let mut types: Vec<Type> = ids.iter().map(|_| Type::default()).collect();
    for row in &rows {
        let [owner, kind, name, holds, usage, since] = row.as_slice() else { continue };
        let Some(entry) = ids.get(owner).and_then(|id| types.get_mut(usize::from(*id))) else { continue };
        let known = Known {
            name,
            holds: holds_of(holds, &ids),
            required: *usage == "required",
            since: parse_gdal_version(since),
        };
        match *kind {
            "element" => entry.elements.push(known),
            "attribute" => entry.attributes.push(known),
            _ => entry.values.push(known),
        }
    }
    Schema { types, document: ids.get("Document").copied().unwrap_or_default() }
}

fn holds_of(name: &str, ids: &HashMap<&'static str, TypeId>) -> Holds {
    match name {
        "double" | "float" | "DoubleOrNanType" => Holds::Number,
        "nonNegativeDouble" => Holds::PositiveNumber,
        "NoDataOrNoneType" => Holds::NumberOrNone,
        "integer" => Holds::Integer,
        "nonNegativeInteger" | "nonNegativeInteger32" | "unsignedInt" => Holds::Natural,
        "boolean" => Holds::Truth,
        other => ids.get(other).map_or(Holds::Anything, |id| Holds::Type(*id)),
    }
}

/// The type of what stands above the root.
pub(super) fn document() -> TypeId {
    SCHEMA.document
}

fn of(id: TypeId) -> Option<&'static Type> {
    SCHEMA.types.get(usize::from(id))
}

fn find(list: &'static [Known], name: &str) -> Option<&'static Known> {
    list.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// A child element of a type.
pub(super) fn element(id: TypeId, name: &str) -> Option<&'static Known> {
    find(&of(id)?.elements, name)
}

/// An attribute of a type; a child element that holds only text may be written as one. `None` for the type means that
/// anything goes.
///
/// `place` is where it stands among the attributes of its element, which most often is where it stands in the schema.
pub(super) fn attribute(id: TypeId, name: &str, place: usize) -> Option<&'static Known> {
    let list = &of(id)?.attributes;
    list.get(place).filter(|known| known.name == name).or_else(|| find(list, name))
}

/// Whether a type has attributes or elements, so that it is no list of values.
pub(super) fn is_complex(id: TypeId) -> bool {
    of(id).is_some_and(|found| !found.attributes.is_empty() || !found.elements.is_empty())
}

/// The attributes that must be there.
pub(super) fn required(id: TypeId) -> impl Iterator<Item = &'static str> {
    of(id).into_iter().flat_map(|found| &found.attributes).filter(|known| known.required).map(|known| known.name)
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Fits,
    /// It is allowed since that version.
    Since(GdalVersion),
    /// What it should be.
    IsNo(&'static str),
}

/// Holds a value against what may stand there.
pub(super) fn value(holds: Holds, text: &str) -> Value {
    // Nearly all values are short whole numbers, which fit wherever a number does.
    let is_short = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_short
        && matches!(holds, Holds::Anything | Holds::Number | Holds::NumberOrNone | Holds::Integer | Holds::Natural)
    {
        return Value::Fits;
    }
    let text = text.trim();
    let integer = || {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let unless = |fits: bool, what| if fits { Value::Fits } else { Value::IsNo(what) };
    match holds {
        Holds::Anything => Value::Fits,
        Holds::Number => unless(whole_number_text(text).is_some(), "number"),
        Holds::PositiveNumber => unless(whole_number_text(text).is_some_and(|number| number > 0.0), "number above 0"),
        Holds::NumberOrNone => {
            unless(text.eq_ignore_ascii_case("none") || whole_number_text(text).is_some(), "number or None")
        }
        Holds::Integer => unless(integer(), "integer"),
        Holds::Natural => unless(integer() && !text.starts_with('-'), "integer from 0 on"),
        Holds::Truth => {
            unless(["true", "false", "1", "0"].iter().any(|word| word.eq_ignore_ascii_case(text)), "true or false")
        }
        Holds::Type(id) => {
            let Some(values) = of(id).map(|found| &found.values).filter(|values| !values.is_empty()) else {
                return Value::Fits;
            };
            match find(values, text) {
                Some(Known { since: Some(since), .. }) => Value::Since(*since),
                Some(_) => Value::Fits,
                None => Value::IsNo("word of the schema"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geoserver::csv;

    #[test]
    fn the_table_is_whole() {
        for (index, line) in TABLE.lines().enumerate().skip(1) {
            let fields = csv::fields(line).unwrap();
            assert_eq!(fields.len(), 6, "line {}", index + 1);
            assert!(["element", "attribute", "value"].contains(&&*fields[1]), "line {}", index + 1);
            assert!(fields[5].is_empty() || parse_gdal_version(&fields[5]).is_some(), "line {}", index + 1);
        }
        assert!(SCHEMA.types.len() > 50);
    }

    #[test]
    fn names_lead_to_types() {
        let dataset = match element(document(), "VRTDataset").unwrap().holds {
            Holds::Type(id) => id,
            other => panic!("{other:?}"),
        };
        assert_eq!(element(dataset, "overviewlist").unwrap().since, Some((3, 3)));
        assert!(element(dataset, "Overviews").is_none() && attribute(dataset, "subclass", 0).is_some());
        let Holds::Type(points) = element(dataset, "GCPList").unwrap().holds else { panic!() };
        let Holds::Type(point) = element(points, "GCP").unwrap().holds else { panic!() };
        assert_eq!(required(point).collect::<Vec<_>>(), ["Pixel", "Line", "X", "Y"]);
        let Holds::Type(band) = element(dataset, "VRTRasterBand").unwrap().holds else { panic!() };
        let kind = attribute(band, "dataType", 0).unwrap().holds;
        assert_eq!(value(kind, "Int64"), Value::Since((3, 5)));
        assert_eq!(value(kind, "Int24"), Value::IsNo("word of the schema"));
        assert_eq!(value(attribute(band, "band", 9).unwrap().holds, "-1"), Value::IsNo("integer from 0 on"));
    }
}

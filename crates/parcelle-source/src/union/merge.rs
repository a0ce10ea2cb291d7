//! One schema of many.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parcelle_crs::Crs;
use serde_json::Value;

use super::error::{Side, UnionError};
use super::types;

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
const WKB: &str = "geoarrow.wkb";
const JSON: &str = "arrow.json";

/// What is true of all rows or of none: kept only where all files say the same.
const CLAIMS: [&str; 2] = ["parcelle:geometry_type", "geo:orientation"];
/// The decimal year that goes with the reference system.
const EPOCH: &str = "geo:epoch";

/// Columns of a dataset, at most: files of free form may have any number of different ones between them.
const MOST_COLUMNS: usize = 10_000;

/// What a file brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'m> {
    pub(super) path: &'m Path,
    pub(super) schema: &'m Schema,
    /// Columns whose type nothing tells, as they have no values.
    pub(super) untyped: &'m [bool],
}

/// Where a column of the dataset comes from in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The file does not have it, or no value of it.
    Null,
    /// From the column at this position, as it is.
    Same(u32),
    /// From the column at this position, as another type.
    Cast(u32),
}

/// The schema of the dataset.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) schema: SchemaRef,
    /// For each file, where each column comes from.
    pub(super) sources: Vec<Vec<Source>>,
}

/// Puts the columns of all files together, in the order in which they appear first.
pub(super) fn merge(members: &[Member<'_>]) -> Result<Merged, UnionError> {
    let mut columns = Columns::default();
    for (number, member) in members.iter().enumerate() {
        let places = columns.places(member)?;
        for (position, (field, place)) in member.schema.fields().iter().zip(places).enumerate() {
            let typed = !member.untyped.get(position).copied().unwrap_or(false);
            let place = match place {
                Some(place) => place,
                None => columns.push(Column::new(member.path, field, typed)),
            };
            if let Some(column) = columns.all.get_mut(place) {
                column.take(member.path, field, typed)?;
                column.positions.push((number, position));
            }
        }
        if columns.all.len() > MOST_COLUMNS {
            return Err(UnionError::TooManyColumns { path: member.path.to_owned(), limit: MOST_COLUMNS });
        }
    }
    let mut columns = columns.all;
    for column in &mut columns {
        column.nullable |= column.positions.len() < members.len();
    }
    let source = |column: &Column, number: usize, member: &Member<'_>| {
        let found = column.positions.binary_search_by_key(&number, |(member, _)| *member).ok();
        let Some(&(_, position)) = found.and_then(|found| column.positions.get(found)) else { return Source::Null };
        if member.untyped.get(position).copied().unwrap_or(false) && column.typed {
            return Source::Null;
        }
        let same = member.schema.fields().get(position).is_some_and(|field| *field.data_type() == column.data_type);
        // A batch of so many columns cannot be.
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        if same { Source::Same(position) } else { Source::Cast(position) }
    };
    let sources = members.iter().enumerate();
    let sources =
        sources.map(|(number, member)| columns.iter().map(|column| source(column, number, member)).collect()).collect();
    let fields: Vec<Field> = columns.into_iter().map(Column::field).collect();
    Ok(Merged { schema: Arc::new(Schema::new(fields)), sources })
}

/// The name of the extension type of a column.
fn extension(field: &Field) -> Option<&str> {
    field.metadata().get(EXTENSION_NAME).map(String::as_str)
}

/// Whether a column is geometry.
pub(super) fn is_geometry(field: &Field) -> bool {
    extension(field) == Some(WKB)
}

/// The columns so far.
#[derive(Debug, Default)]
struct Columns {
    all: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// Attributes by their names in lower case.
    alike: HashMap<String, Vec<usize>>,
    first_geometry: Option<usize>,
}

impl Columns {
    fn push(&mut self, column: Column) -> usize {
        let place = self.all.len();
        self.by_name.entry(column.name.clone()).or_insert(place);
        if column.geometry.is_none() {
            self.alike.entry(column.name.to_lowercase()).or_default().push(place);
        } else {
            self.first_geometry.get_or_insert(place);
        }
        self.all.push(column);
        place
    }

    /// Which of the columns each column of a file is: the one of its name; the geometry, whatever it is called, as each format
    /// has its own name for it; or else one whose name differs in the case of letters only, as a Shapefile's from a
    /// GeoPackage's.
    fn places(&self, member: &Member<'_>) -> Result<Vec<Option<usize>>, UnionError> {
        let fields = member.schema.fields();
        let primary = fields.iter().position(|field| is_geometry(field));
        let mut places: Vec<Option<usize>> = Vec::with_capacity(fields.len());
        let mut taken = HashSet::new();
        for (position, field) in fields.iter().enumerate() {
            // A name that a file has twice is left for the writer to refuse.
            let found = self.by_name.get(field.name()).copied().filter(|found| !taken.contains(found));
            let place = match found.and_then(|found| Some((found, self.all.get(found)?))) {
                Some((found, column)) if column.geometry.is_some() == is_geometry(field) => Some(found),
                // Another name is found for the geometry below.
                Some(_) if Some(position) == primary => None,
                Some((_, column)) => {
                    let (mine, theirs) = (member.path.to_owned(), column.first.clone());
                    let (geometry, attribute) = if is_geometry(field) { (mine, theirs) } else { (theirs, mine) };
                    return Err(UnionError::GeometryName { column: field.name().clone(), geometry, attribute });
                }
                None => None,
            };
            taken.extend(place);
            places.push(place);
        }
        let first_geometry = self.first_geometry.filter(|first| !taken.contains(first));
        if let Some(place) = primary.and_then(|primary| places.get_mut(primary))
            && place.is_none()
        {
            *place = first_geometry;
        }
        for (place, field) in places.iter_mut().zip(fields) {
            if place.is_none() && !is_geometry(field) {
                let alike = self.alike.get(&field.name().to_lowercase());
                *place = alike.into_iter().flatten().copied().find(|alike| !taken.contains(alike));
                taken.extend(*place);
            }
        }
        Ok(places)
    }
}

/// A column of the dataset so far.
#[derive(Debug)]
struct Column {
    name: String,
    /// The file that has it first.
    first: PathBuf,
    data_type: DataType,
    /// Whether a file tells the type, and the first that does.
    typed: bool,
    typed_by: PathBuf,
    nullable: bool,
    metadata: HashMap<String, String>,
    geometry: Option<Geometry>,
    /// File and position in it, in the order of files.
    positions: Vec<(usize, usize)>,
}

impl Column {
    fn new(path: &Path, field: &Field, typed: bool) -> Self {
        Self {
            name: field.name().clone(),
            first: path.to_owned(),
            data_type: field.data_type().clone(),
            typed,
            typed_by: path.to_owned(),
            nullable: field.is_nullable(),
            metadata: field.metadata().clone(),
            geometry: is_geometry(field).then(|| Geometry::of(field)),
            positions: Vec::new(),
        }
    }

    /// Takes the column of another file in.
    fn take(&mut self, path: &Path, field: &Field, typed: bool) -> Result<(), UnionError> {
        self.nullable |= field.is_nullable();
        if let Some(geometry) = &self.geometry {
            geometry.check(&self.first, path, field)?;
        }
        if typed {
            self.take_type(path, field)?;
        }
        for claim in CLAIMS {
            if self.metadata.get(claim) != field.metadata().get(claim) {
                self.metadata.remove(claim);
            }
        }
        let is_note = |key: &str| ![EXTENSION_NAME, EXTENSION_METADATA].contains(&key) && !CLAIMS.contains(&key);
        for (key, note) in field.metadata().iter().filter(|(key, _)| is_note(key)) {
            self.metadata.entry(key.clone()).or_insert_with(|| note.clone());
        }
        Ok(())
    }

    fn take_type(&mut self, path: &Path, field: &Field) -> Result<(), UnionError> {
        let theirs = [EXTENSION_NAME, EXTENSION_METADATA].map(|key| field.metadata().get(key).cloned());
        if !self.typed {
            (self.typed, self.typed_by) = (true, path.to_owned());
            self.data_type = field.data_type().clone();
            for (key, value) in [EXTENSION_NAME, EXTENSION_METADATA].into_iter().zip(theirs) {
                let replaced = match value {
                    Some(value) => self.metadata.insert(key.to_owned(), value),
                    None => self.metadata.remove(key),
                };
                drop(replaced);
            }
            return Ok(());
        }
        let conflict = |column: &Self| UnionError::Types {
            column: column.name.clone(),
            first: Side {
                path: column.typed_by.clone(),
                what: described(&column.data_type, column.metadata.get(EXTENSION_NAME).map(String::as_str)),
            },
            other: Side { path: path.to_owned(), what: described(field.data_type(), extension(field)) },
        };
        let mine = [EXTENSION_NAME, EXTENSION_METADATA].map(|key| self.metadata.get(key).cloned());
        if self.geometry.is_none() && mine != theirs {
            // Text that is JSON, and text that need not be.
            let is_text = |[name, _]: &[Option<String>; 2]| name.as_deref().is_none_or(|name| name == JSON);
            if !is_text(&mine) || !is_text(&theirs) {
                return Err(conflict(self));
            }
            self.metadata.remove(EXTENSION_NAME);
            self.metadata.remove(EXTENSION_METADATA);
        }
        self.data_type = types::widen(&self.data_type, field.data_type()).ok_or_else(|| conflict(self))?;
        Ok(())
    }

    fn field(self) -> Field {
        Field::new(self.name, self.data_type, self.nullable).with_metadata(self.metadata)
    }
}

/// What the positions of a geometry column mean.
#[derive(Debug)]
struct Geometry {
    metadata: Option<String>,
    epoch: Option<String>,
    crs: Option<Value>,
    edges: Option<Value>,
}

impl Geometry {
    fn of(field: &Field) -> Self {
        let metadata = field.metadata().get(EXTENSION_METADATA).cloned();
        let parsed: Value = metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let entry = |key: &str| parsed.get(key).filter(|value| !value.is_null()).cloned();
        Self { crs: entry("crs"), edges: entry("edges"), epoch: field.metadata().get(EPOCH).cloned(), metadata }
    }

    fn check(&self, first: &Path, path: &Path, field: &Field) -> Result<(), UnionError> {
        if field.metadata().get(EXTENSION_METADATA) == self.metadata.as_ref()
            && field.metadata().get(EPOCH) == self.epoch.as_ref()
        {
            return Ok(());
        }
        let other = Self::of(field);
        let sides = |mine: String, theirs: String| {
            let side = |path: &Path, what| Side { path: path.to_owned(), what };
            (side(first, mine), side(path, theirs))
        };
        if !same_reference_system(self.crs.as_ref(), other.crs.as_ref()) || self.epoch != other.epoch {
            let (first, other) = sides(self.reference_system(), other.reference_system());
            return Err(UnionError::ReferenceSystems { first, other });
        }
        if self.edges != other.edges {
            let edges = |geometry: &Self| match &geometry.edges {
                Some(Value::String(edges)) => edges.clone(),
                Some(other) => other.to_string(),
                None => "planar".to_owned(),
            };
            let (first, other) = sides(edges(self), edges(&other));
            return Err(UnionError::Edges { first, other });
        }
        Ok(())
    }

    fn reference_system(&self) -> String {
        let name = match &self.crs {
            None => "not known".to_owned(),
            Some(projjson) => match Crs::from_projjson(projjson.clone()) {
                Ok(crs) => crs.to_string(),
                Err(_) => "one without a name".to_owned(),
            },
        };
        match &self.epoch {
            Some(epoch) => format!("{name} at the epoch {epoch}"),
            None => name,
        }
    }
}

fn same_reference_system(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if left != right => {
            let crs = |projjson: &Value| Crs::from_projjson(projjson.clone());
            crs(left).is_ok_and(|left| crs(right).is_ok_and(|right| left.same_positions_as(&right)))
        }
        (left, right) => left == right,
    }
}

/// A type in words, where Arrow's name is not clear by itself.
fn described(data_type: &DataType, extension: Option<&str>) -> String {
    match (data_type, extension) {
        (_, Some(WKB)) => "geometry".to_owned(),
        (_, Some(JSON)) => "JSON text".to_owned(),
        (_, Some(other)) => format!("{other} ({data_type})"),
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, None) => "text".to_owned(),
        (DataType::Boolean, None) => "true or false".to_owned(),
        (DataType::Date32, None) => "a date".to_owned(),
        (DataType::Timestamp(_, None), None) => "a date and time without zone".to_owned(),
        (DataType::Timestamp(..), None) => "an instant".to_owned(),
        (other, None) => format!("of the type {other}"),
    }
}

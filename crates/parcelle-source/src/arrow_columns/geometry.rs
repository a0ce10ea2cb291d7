//! Which columns are geometry, how they are stored, and in which reference system: what a `geo` entry and Arrow extensions
//! say, and what names suggest.

use arrow::datatypes::{DataType, Field, Fields};
use geoarrow_schema::Edges;
use parcelle_crs::Crs;
use parcelle_geometry::GeometryType;
use serde_json::Value;

use crate::arrow_columns::geo::{GeoColumn, GeoMetadata, StatedCrs, known};
use crate::arrow_columns::native::NativeType;
use crate::arrow_columns::wkb_column::{is_binary, is_text};

/// Key of the extension name in an Arrow field's metadata.
const EXTENSION_NAME: &str = "ARROW:extension:name";
/// Key of the extension metadata in an Arrow field's metadata.
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// Names of columns with WKB where nothing is declared, in lower case.
pub(crate) const WKB_NAMES: [&str; 10] =
    ["geometry", "geom", "wkb_geometry", "the_geom", "wkb", "geometry_wkb", "geom_wkb", "geography", "geog", "shape"];
/// Names of columns with the coordinates of points where nothing is declared, in lower case; and whether those are longitude and
/// latitude, and so OGC:CRS84.
const POINT_NAMES: [(&str, &str, bool); 4] =
    [("longitude", "latitude", true), ("lon", "lat", true), ("lng", "lat", true), ("x", "y", false)];

/// How the geometries of a column are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As WKB.
    Wkb,
    /// As WKT.
    Wkt,
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
pub(crate) struct GeometryColumn {
    /// Position among the columns at the root; one after the last for points of two columns.
    pub(crate) root: usize,
    pub(crate) name: String,
    pub(crate) nullable: bool,
    pub(crate) encoding: Encoding,
    pub(crate) crs: Result<StatedCrs, String>,
    pub(crate) edges: Option<Edges>,
    /// More metadata of the field.
    pub(crate) notes: Vec<(String, String)>,
    /// Declared geometry types.
    pub(crate) types: Vec<String>,
    /// Name of the column with its bounding boxes.
    pub(crate) covering: Option<String>,
}

impl GeometryColumn {
    pub(crate) fn new(root: usize, field: &Field, encoding: Encoding) -> Self {
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

    /// The one type that all geometries have, by their encoding or by what is said of them.
    pub(crate) fn declared_type(&self) -> Option<GeometryType> {
        match (self.encoding, self.types.as_slice()) {
            (Encoding::Native(NativeType::Single(geometry_type)), _) => Some(geometry_type),
            (_, [single]) => single.parse().ok(),
            _ => None,
        }
    }
}

/// A column of the `geo` entry; `typed` is what its own type says, where that is one of geometry.
pub(crate) fn of_geo(
    root: usize,
    field: &Field,
    said: GeoColumn<'_>,
    typed: Option<GeometryColumn>,
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

/// A reference system as text: a definition in any form, or `srid:` and a code of EPSG (0: unknown).
pub(crate) fn stated(text: &str) -> Result<StatedCrs, String> {
    match text.split_once(':') {
        Some(("srid", "0")) => Ok(StatedCrs::Unknown),
        Some(("srid", code)) => srid(code),
        _ => Crs::from_definition(text).map(known).map_err(|error| error.to_string()),
    }
}

fn srid(code: &str) -> Result<StatedCrs, String> {
    Crs::from_authority("EPSG", code).map(known).map_err(|error| error.to_string())
}

/// A column whose Arrow field is of a GeoArrow extension.
pub(crate) fn of_extension(root: usize, field: &Field) -> Result<Option<GeometryColumn>, String> {
    let Some(extension) = field.metadata().get(EXTENSION_NAME) else { return Ok(None) };
    let encoding = match extension.strip_prefix("geoarrow.") {
        Some("wkb") if is_binary(field.data_type()) => Encoding::Wkb,
        None if extension == "ogc.wkb" && is_binary(field.data_type()) => Encoding::Wkb,
        Some("wkt") if is_text(field.data_type()) => Encoding::Wkt,
        // Boxes are coverings, not geometry.
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
            (Some(Value::String(text)), _) => stated(text),
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

/// Puts the primary column of the `geo` entry first.
pub(crate) fn primary_first(columns: &mut [GeometryColumn], geo: Option<&GeoMetadata>) -> Result<(), String> {
    let Some(primary) = geo.map(|geo| geo.primary.as_str()).filter(|primary| !primary.is_empty()) else {
        return Ok(());
    };
    match columns.iter().position(|column| column.name == primary) {
        Some(position) => columns.get_mut(..=position).unwrap_or_default().rotate_right(1),
        None => return Err(format!("the primary column of its `geo` entry, {primary}, does not exist")),
    }
    Ok(())
}

/// Whether a column may hold WKB without saying so: a binary one with a usual name.
pub(crate) fn is_named_wkb(field: &Field) -> bool {
    WKB_NAMES.contains(&field.name().to_lowercase().as_str()) && is_binary(field.data_type())
}

/// Points of two columns, in a geometry column of their own after all others.
pub(crate) fn points(fields: &Fields) -> Option<GeometryColumn> {
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

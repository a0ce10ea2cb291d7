//! Which columns have geometry, and where what belongs to them lies.

use parcelle_geometry::GeometryKind;
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::SchemaDescriptor;
use serde_json::{Map, Value};

use super::footer::{ColumnEncoding, CoveringLeaves, GeometryColumn, native_type};
use super::geo::GeoEntry;
use super::reference::{StatedCrs, of_type};

/// Names of the numbers of a covering, in the order in which they are kept.
pub(crate) const CHILDREN: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// Geometry columns that are looked at. Tables have one or two; an entry can list as many as its bytes allow.
const MOST_COLUMNS: usize = 200;

/// The columns that the entry lists, and those with a geospatial type; the primary one first.
pub(crate) fn find(metadata: &ParquetMetaData, geo: &GeoEntry) -> Vec<GeometryColumn> {
    let schema = metadata.file_metadata().schema_descr();
    let roots = schema.root_schema().get_fields();
    let mut columns = Vec::new();
    for (name, entry) in geo.columns().into_iter().flatten().take(MOST_COLUMNS) {
        let root = roots.iter().position(|field| field.name() == name);
        columns.push(column(metadata, name, root, entry.as_object()));
    }
    for (root, field) in roots.iter().enumerate() {
        if columns.len() < MOST_COLUMNS
            && native_type(field).is_some()
            && !columns.iter().any(|column: &GeometryColumn| column.root == Some(root))
        {
            columns.push(column(metadata, field.name(), Some(root), None));
        }
    }
    let primary = geo.primary();
    for column in &mut columns {
        column.is_primary = primary == Some(column.name.as_str());
    }
    columns.sort_by_key(|column| !column.is_primary);
    columns
}

fn column(
    metadata: &ParquetMetaData,
    name: &str,
    root: Option<usize>,
    entry: Option<&Map<String, Value>>,
) -> GeometryColumn {
    let schema = metadata.file_metadata().schema_descr();
    let native = root.and_then(|root| native_type(schema.root_schema().get_fields().get(root)?));
    let leaves: Vec<usize> = root.map_or_else(Vec::new, |root| leaves_of(schema, root));
    let encoding = match entry.and_then(|entry| entry.get("encoding")?.as_str()) {
        Some(text) => encoding(text),
        None => native.as_ref().map(|_| ColumnEncoding::Wkb),
    };
    let typed = native.as_ref().map(|native| of_type(native, metadata.file_metadata().key_value_metadata()));
    let crs = match (entry, typed) {
        (Some(entry), _) => StatedCrs::of_entry(entry.get("crs")),
        (None, Some(typed)) => typed,
        (None, None) => StatedCrs::Default,
    };
    GeometryColumn {
        name: name.to_owned(),
        is_primary: false,
        entry: entry.cloned(),
        root,
        leaves,
        native,
        encoding,
        covering: entry.and_then(|entry| covering(schema, entry)),
        crs,
    }
}

/// The leaves below a column at the root.
pub(crate) fn leaves_of(schema: &SchemaDescriptor, root: usize) -> Vec<usize> {
    (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == root).collect()
}

/// An encoding by its name. Before 1.1, GDAL wrote the native ones with the name of the Arrow extension.
pub(crate) fn encoding(text: &str) -> Option<ColumnEncoding> {
    let plain = text.strip_prefix("geoarrow.").unwrap_or(text);
    match plain {
        "WKB" => Some(ColumnEncoding::Wkb),
        "geometrycollection" => None,
        _ => {
            GeometryKind::ALL.into_iter().find(|kind| kind.name().to_lowercase() == plain).map(ColumnEncoding::GeoArrow)
        }
    }
}

/// The leaves of a covering, where all four are there and are floating point numbers.
fn covering(schema: &SchemaDescriptor, entry: &Map<String, Value>) -> Option<CoveringLeaves> {
    let bbox = entry.get("covering")?.get("bbox")?;
    let leaf = |child: &str| {
        let path = bbox.get(child)?.as_array()?;
        let path = path.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
        let leaf = leaf_at(schema, &path)?;
        let number = matches!(schema.column(leaf).physical_type(), PhysicalType::FLOAT | PhysicalType::DOUBLE);
        number.then_some((leaf, path.first().map(|name| (*name).to_owned())?))
    };
    let [xmin, ymin, xmax, ymax] = CHILDREN.map(leaf);
    let (xmin, ymin, xmax, ymax) = (xmin?, ymin?, xmax?, ymax?);
    let root = schema.get_column_root_idx(xmin.0);
    let together = [&ymin, &xmax, &ymax].into_iter().all(|(leaf, _)| schema.get_column_root_idx(*leaf) == root);
    let leaves = [xmin.0, ymin.0, xmax.0, ymax.0];
    together.then_some(CoveringLeaves { column: xmin.1, root, leaves })
}

/// The leaf with this path.
pub(crate) fn leaf_at(schema: &SchemaDescriptor, path: &[&str]) -> Option<usize> {
    (0..schema.num_columns()).find(|leaf| {
        let parts = schema.column(*leaf).path().parts().to_vec();
        parts.iter().map(String::as_str).eq(path.iter().copied())
    })
}

//! What a file says of its only layer.

use std::path::Path;

use arrow::datatypes::Schema;

use crate::arrow_columns::geo::StatedCrs;
use crate::arrow_columns::geometry::GeometryColumn;
use crate::arrow_columns::projection::coverings;
use crate::{FieldInfo, LayerInfo};

/// The name of the only layer of a file.
pub(crate) fn layer_name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The layer of a file with this schema and these geometry columns.
pub(crate) fn layer_info(path: &Path, schema: &Schema, columns: &[GeometryColumn], rows: Option<u64>) -> LayerInfo {
    let dropped = coverings(schema, columns);
    let fields = schema.fields().iter().enumerate();
    let fields =
        fields.filter(|(root, _)| !dropped.contains(root) && columns.iter().all(|column| column.root != *root));
    let fields = fields
        .map(|(_, field)| FieldInfo { name: field.name().clone(), type_name: field.data_type().to_string() })
        .collect();
    let primary = columns.first();
    let geometry = primary.map(|column| match column.types.as_slice() {
        [single] => single.to_uppercase(),
        _ => "GEOMETRY".to_owned(),
    });
    // A reference system that cannot be resolved still leaves a layer to be listed.
    let crs = primary.and_then(|column| column.crs.clone().and_then(StatedCrs::resolve).ok().flatten());
    LayerInfo { name: layer_name(path), rows, geometry, crs: crs.map(|crs| crs.to_string()), fields }
}

//! Geometry whose place on the ground nothing says: told in a warning, as the output looks like any other until a map is empty.

use arrow::datatypes::{FieldRef, Schema};
use parcelle_source::FieldReference;

use crate::convert::stage::is_geometry;

/// A warning for each column of geometry that has no coordinate reference system.
pub(super) fn columns(schema: &Schema) -> Vec<String> {
    let unknown = |field: &&FieldRef| {
        is_geometry(field) && FieldReference::of(field).is_ok_and(|reference| reference.crs.is_none())
    };
    let warning = |field: &FieldRef| {
        format!(
            "nothing says which coordinate reference system geometry column {} is in, and the output says that it is not \
             known: name it with --crs, such as --crs EPSG:2154",
            field.name()
        )
    };
    schema.fields().iter().filter(unknown).map(warning).collect()
}

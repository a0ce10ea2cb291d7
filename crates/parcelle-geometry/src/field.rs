//! What readers tell the writer of a geometry column, beside its reference system: keys of the metadata of its Arrow field.
//! None of them is written.

/// The one type that all geometries of the column have, spelled as in GeoParquet: `MultiPolygon Z`. A `Multi…` may have
/// single geometries too. It decides a GeoArrow encoding before any row is seen.
pub const DECLARED_TYPE_KEY: &str = "parcelle:geometry_type";

/// Decimal year for which the coordinates hold, such as `2021.5`, where the reference system is a dynamic one.
pub const EPOCH_KEY: &str = "parcelle:epoch";

/// `counterclockwise` where all exterior rings are that, and all interior ones clockwise.
pub const ORIENTATION_KEY: &str = "parcelle:orientation";

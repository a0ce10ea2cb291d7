//! The schema of the file, in Parquet's terms.

use std::sync::Arc;

use arrow::datatypes::Schema;
use geoarrow_schema::Edges;
use parcelle_geometry::GeometryType;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{EdgeInterpolationAlgorithm, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::geometry_column::GeometryColumn;
use crate::options::GeoParquetVersion;

/// Derives the schema from that of the Arrow batches, except for geometry, of which this crate knows more.
pub(crate) fn convert(
    output: &Schema,
    geometry: &[(&GeometryColumn, Option<GeometryType>)],
    version: GeoParquetVersion,
) -> Result<SchemaDescriptor, ParquetError> {
    let converted = ArrowSchemaConverter::new().convert(output)?;
    let root = converted.root_schema();
    let mut fields = root.get_fields().to_vec();
    for (column, native) in geometry {
        let Some(field) = fields.get_mut(column.index) else { continue };
        *field = match native {
            // The names that Parquet demands of the levels of a list.
            Some(_) => {
                let alone = Schema::new(vec![output.field(column.index).clone()]);
                let compliant = ArrowSchemaConverter::new().with_coerce_types(true).convert(&alone)?;
                match compliant.root_schema().get_fields() {
                    [compliant] => Arc::clone(compliant),
                    _ => return Err(ParquetError::General(format!("no schema for {}", column.name))),
                }
            }
            None => Arc::new(binary(column, field, version)?),
        };
    }
    let root = Type::group_type_builder(root.name()).with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// WKB: of a logical type in 2.0. Before, plain bytes: readers on Arrow C++ before 21 fail at a type they do not know.
fn binary(column: &GeometryColumn, field: &Type, version: GeoParquetVersion) -> Result<Type, ParquetError> {
    let logical_type = (version == GeoParquetVersion::V2_0).then(|| {
        // PROJJSON in full, as GeoParquet 2.0 demands; 0 is Parquet's way to say that the system is not known.
        let crs = Some(column.crs.as_ref().map_or_else(|| "srid:0".to_owned(), ToString::to_string));
        let algorithm = match column.edges {
            None => return LogicalType::geometry(crs),
            Some(Edges::Spherical) => EdgeInterpolationAlgorithm::SPHERICAL,
            Some(Edges::Vincenty) => EdgeInterpolationAlgorithm::VINCENTY,
            Some(Edges::Thomas) => EdgeInterpolationAlgorithm::THOMAS,
            Some(Edges::Andoyer) => EdgeInterpolationAlgorithm::ANDOYER,
            Some(Edges::Karney) => EdgeInterpolationAlgorithm::KARNEY,
        };
        LogicalType::geography(crs, Some(algorithm))
    });
    let basic = field.get_basic_info();
    Type::primitive_type_builder(field.name(), PhysicalType::BYTE_ARRAY)
        .with_repetition(basic.repetition())
        .with_logical_type(logical_type)
        .with_id(basic.has_id().then(|| basic.id()))
        .build()
}

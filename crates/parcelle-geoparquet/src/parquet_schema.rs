//! The schema of the file, in Parquet's terms.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use geoarrow_schema::Edges;
use parcelle_geometry::GeometryType;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{EdgeInterpolationAlgorithm, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::geometry_column::{EXTENSION_NAME, GeometryColumn};
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
    for (field, stored) in output.fields().iter().zip(&mut fields) {
        if let Some(logical_type) = extension_type(field) {
            *stored = Arc::new(with_logical_type(stored, logical_type)?);
        }
    }
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

/// What Parquet calls an extension type of Arrow, without which readers that do not know Arrow's take a UUID for bytes.
fn extension_type(field: &Field) -> Option<LogicalType> {
    match (field.metadata().get(EXTENSION_NAME)?.as_str(), field.data_type()) {
        ("arrow.uuid", DataType::FixedSizeBinary(16)) => Some(LogicalType::Uuid),
        ("arrow.json", DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Some(LogicalType::Json),
        _ => None,
    }
}

/// A column of the same storage with another logical type.
fn with_logical_type(field: &Type, logical_type: LogicalType) -> Result<Type, ParquetError> {
    let basic = field.get_basic_info();
    let length = match field {
        Type::PrimitiveType { type_length, .. } => *type_length,
        Type::GroupType { .. } => -1,
    };
    Type::primitive_type_builder(field.name(), field.get_physical_type())
        .with_repetition(basic.repetition())
        .with_length(length)
        .with_logical_type(Some(logical_type))
        .with_id(basic.has_id().then(|| basic.id()))
        .build()
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

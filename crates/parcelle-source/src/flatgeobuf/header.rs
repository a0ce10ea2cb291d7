//! What the header of a FlatGeobuf says.

use std::collections::HashMap;
use std::path::Path;

use arrow::datatypes::{DataType, Field, TimeUnit};
use flatgeobuf::{Column as ColumnFields, ColumnType, Crs as CrsFields, GeometryType, Header as HeaderFields};
use parcelle_crs::Crs;
use parcelle_geometry::{Dimension, GeometryKind};

use crate::error::SourceError;
use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::file::FlatGeobuf;
use crate::flatgeobuf::table::{OutOfBounds, Table};
use crate::geometry_field::crs_error;
use crate::{FieldInfo, LayerInfo};

/// The header, but for what says where the features are.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) name: Option<String>,
    pub(super) geometry: Geometry,
    pub(super) columns: Vec<Column>,
    /// 0 where it is not known.
    pub(super) features: u64,
    /// Children of a node of the index; 0 without index.
    pub(super) node_size: u16,
    crs: Option<ReferenceSystem>,
}

/// What the header says of all geometries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    /// A code of [`GeometryType`]; 0 where each geometry has its own.
    pub(super) type_code: u8,
    pub(super) has_z: bool,
    pub(super) has_m: bool,
}

impl Geometry {
    /// The one type that all geometries have; `None` where each has its own, or one with curves.
    pub(super) fn declared_type(self) -> Option<parcelle_geometry::GeometryType> {
        let kind = GeometryKind::from_code(u32::from(self.type_code))?;
        Some(parcelle_geometry::GeometryType { kind, dimension: Dimension::new(self.has_z, self.has_m) })
    }
}

/// The identity of a reference system and its definition, as far as they are given.
#[derive(Debug, Clone)]
struct ReferenceSystem {
    organization: Option<String>,
    code: Option<String>,
    wkt: Option<String>,
}

/// A column of the header or of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    /// What the header says beside: `title`, `description`, and `unique` and `primary_key` where they are `true`.
    texts: Vec<(&'static str, String)>,
}

/// What a column holds: a type of FlatGeobuf that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(pub(super) ColumnType);

impl Kind {
    /// Its name in the specification.
    pub(super) fn name(self) -> &'static str {
        self.0.variant_name().unwrap_or("unknown")
    }

    /// The Arrow type; of a `DateTime` it depends on what was found in the file.
    pub(super) fn data_type(self, times: DateTimes) -> DataType {
        match self.0 {
            ColumnType::Byte => DataType::Int8,
            ColumnType::UByte => DataType::UInt8,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Short => DataType::Int16,
            ColumnType::UShort => DataType::UInt16,
            ColumnType::Int => DataType::Int32,
            ColumnType::UInt => DataType::UInt32,
            ColumnType::Long => DataType::Int64,
            ColumnType::ULong => DataType::UInt64,
            ColumnType::Float => DataType::Float32,
            ColumnType::Double => DataType::Float64,
            ColumnType::DateTime => {
                let unit = if times.microseconds { TimeUnit::Microsecond } else { TimeUnit::Millisecond };
                DataType::Timestamp(unit, times.has_zone.unwrap_or(false).then(|| "UTC".into()))
            }
            ColumnType::Binary => DataType::Binary,
            _ => DataType::Utf8,
        }
    }

    /// Bytes of a value; `None` where each says its own length.
    #[inline]
    pub(super) fn width(self) -> Option<usize> {
        match self.0 {
            ColumnType::Byte | ColumnType::UByte | ColumnType::Bool => Some(1),
            ColumnType::Short | ColumnType::UShort => Some(2),
            ColumnType::Int | ColumnType::UInt | ColumnType::Float => Some(4),
            ColumnType::Long | ColumnType::ULong | ColumnType::Double => Some(8),
            _ => None,
        }
    }
}

/// Why a column cannot be read.
pub(super) enum ColumnFault {
    OutOfBounds,
    UnknownType { name: String, code: u8 },
}

impl From<OutOfBounds> for ColumnFault {
    fn from(_: OutOfBounds) -> Self {
        Self::OutOfBounds
    }
}

impl ColumnFault {
    /// What is wrong.
    pub(super) fn reason(self) -> String {
        match self {
            Self::OutOfBounds => "an offset in it leads out of it, or a text is not UTF-8".to_owned(),
            Self::UnknownType { name, code } => format!("column {name:?} has the type {code}, which is not known"),
        }
    }
}

impl Column {
    pub(super) fn read(table: Table<'_>) -> Result<Self, ColumnFault> {
        let name = table.text(ColumnFields::VT_NAME)?.ok_or(OutOfBounds)?.to_owned();
        let [code] = table.scalar::<1>(ColumnFields::VT_TYPE_)?.unwrap_or([0]);
        if code > ColumnType::ENUM_MAX {
            return Err(ColumnFault::UnknownType { name, code });
        }
        let mut texts = Vec::new();
        for (key, field) in [("title", ColumnFields::VT_TITLE), ("description", ColumnFields::VT_DESCRIPTION)] {
            texts.extend(table.text(field)?.filter(|text| !text.is_empty()).map(|text| (key, text.to_owned())));
        }
        for (key, field) in [("unique", ColumnFields::VT_UNIQUE), ("primary_key", ColumnFields::VT_PRIMARY_KEY)] {
            texts.extend(table.boolean(field, false)?.then(|| (key, "true".to_owned())));
        }
        let nullable = table.boolean(ColumnFields::VT_NULLABLE, true)?;
        Ok(Self { name, kind: Kind(ColumnType(code)), nullable, texts })
    }

    /// The Arrow field, with what the header says of the column as metadata.
    pub(super) fn field(&self, times: DateTimes) -> Field {
        let mut metadata: HashMap<String, String> =
            self.texts.iter().map(|(key, text)| ((*key).to_owned(), text.clone())).collect();
        if self.kind.0 == ColumnType::Json {
            // The canonical extension type of Arrow for JSON as text, which has no parameters.
            metadata.insert("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
            metadata.insert("ARROW:extension:metadata".to_owned(), String::new());
        }
        Field::new(&self.name, self.kind.data_type(times), self.nullable).with_metadata(metadata)
    }
}

impl Header {
    /// From the flatbuffer, without the length in front.
    pub(super) fn read(buffer: &[u8]) -> Result<Self, ColumnFault> {
        let table = Table::root(buffer)?;
        let [type_code] = table.scalar::<1>(HeaderFields::VT_GEOMETRY_TYPE)?.unwrap_or([0]);
        let crs = table.table(HeaderFields::VT_CRS)?.map(ReferenceSystem::read).transpose()?;
        let columns = table.tables(HeaderFields::VT_COLUMNS)?.map(|column| Column::read(column?));
        Ok(Self {
            name: table.text(HeaderFields::VT_NAME)?.map(str::to_owned),
            geometry: Geometry {
                type_code,
                has_z: table.boolean(HeaderFields::VT_HAS_Z, false)?,
                has_m: table.boolean(HeaderFields::VT_HAS_M, false)?,
            },
            columns: columns.collect::<Result<_, _>>()?,
            features: table.scalar(HeaderFields::VT_FEATURES_COUNT)?.map_or(0, u64::from_le_bytes),
            node_size: table.scalar(HeaderFields::VT_INDEX_NODE_SIZE)?.map_or(16, u16::from_le_bytes),
            crs,
        })
    }

    /// The name of the layer: that in the header, else that of the file.
    pub(super) fn layer_name(&self, path: &Path) -> String {
        let stem = || path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        self.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(stem)
    }

    /// The reference system; `None` where there is none, or only an empty entry for it.
    pub(super) fn reference_system(&self, path: &Path, layer: &str) -> Result<Option<Crs>, SourceError> {
        let Some(ReferenceSystem { organization, code, wkt }) = &self.crs else { return Ok(None) };
        let mut failure = None;
        if let Some(code) = code {
            // The specification: without organisation it is EPSG.
            match Crs::from_authority(organization.as_deref().unwrap_or("EPSG"), code) {
                Ok(crs) => return Ok(Some(crs)),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(wkt) = wkt {
            match Crs::from_definition(wkt) {
                Ok(crs) => return Ok(Some(crs)),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), |reason| Err(crs_error(path, layer, reason)))
    }

    /// The declared type, such as `MULTIPOLYGON Z`.
    fn geometry_text(&self) -> String {
        let name = match GeometryType(self.geometry.type_code).variant_name() {
            Some(name) if self.geometry.type_code != 0 => name.to_uppercase(),
            _ => "GEOMETRY".to_owned(),
        };
        let ordinates = match (self.geometry.has_z, self.geometry.has_m) {
            (true, true) => " ZM",
            (true, false) => " Z",
            (false, true) => " M",
            (false, false) => "",
        };
        name + ordinates
    }

    /// What the file says of its layer.
    pub(super) fn info(&self, file: &FlatGeobuf) -> LayerInfo {
        let name = self.layer_name(file.path());
        // A layer whose reference system cannot be resolved still has a name and columns to be listed.
        let crs = self.reference_system(file.path(), &name).ok().flatten().map(|crs| crs.to_string());
        let unresolved = || {
            let ReferenceSystem { organization, code, .. } = self.crs.as_ref()?;
            Some(format!("{}:{}", organization.as_deref().unwrap_or("EPSG"), code.as_ref()?))
        };
        let field = |column: &Column| FieldInfo { name: column.name.clone(), type_name: column.kind.name().to_owned() };
        LayerInfo {
            name,
            rows: (self.features > 0).then_some(self.features),
            geometry: Some(self.geometry_text()),
            crs: crs.or_else(unresolved),
            fields: self.columns.iter().map(field).collect(),
        }
    }
}

impl ReferenceSystem {
    fn read(table: Table<'_>) -> Result<Self, OutOfBounds> {
        let text = |field| Ok(table.text(field)?.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned));
        let number = table.scalar(CrsFields::VT_CODE)?.map_or(0, i32::from_le_bytes);
        let code = text(CrsFields::VT_CODE_STRING)?.or_else(|| (number != 0).then(|| number.to_string()));
        Ok(Self { organization: text(CrsFields::VT_ORG)?, code, wkt: text(CrsFields::VT_WKT)? })
    }
}

//! Small Parquet files, column by column, by the crate `parquet`: the `geo` entry, the types and every value are what a
//! fixture says, not what a writer of GeoParquet would make of them.

use std::error::Error;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

/// A column at the root.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Required 64-bit integers from 1 on.
    Numbers(&'static str),
    /// Bytes, or text, or geometry.
    Bytes { name: &'static str, kind: Kind, repetition: Repetition, values: Vec<Option<Vec<u8>>> },
    /// A struct of numbers, with single or double precision each; the struct may be optional.
    Boxes { name: &'static str, optional: bool, children: Vec<(&'static str, bool)>, values: Vec<Option<Vec<f64>>> },
}

/// What bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Plain,
    Text,
    Geometry(Option<String>),
}

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    pub(crate) columns: Vec<Column>,
    /// Entries of the footer.
    pub(crate) entries: Vec<(&'static str, String)>,
    pub(crate) rows: usize,
    /// Rows of each row group.
    pub(crate) group_rows: usize,
    /// Columns without statistics: paths with dots.
    pub(crate) without_statistics: Vec<&'static str>,
}

impl ParquetFile {
    pub(crate) fn write(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut properties = WriterProperties::builder()
            .set_created_by("parcelle-testdata".to_owned())
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        for path in &self.without_statistics {
            let parts = path.split('.').map(str::to_owned).collect();
            properties = properties.set_column_statistics_enabled(ColumnPath::new(parts), EnabledStatistics::None);
        }
        let fields = self.columns.iter().map(Column::field).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build()))?;
        for (key, value) in &self.entries {
            writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        for start in (0..self.rows).step_by(self.group_rows.max(1)) {
            let end = (start + self.group_rows).min(self.rows);
            let mut group = writer.next_row_group()?;
            for column in &self.columns {
                for leaf in 0..column.leaves() {
                    let mut writer = group.next_column()?.ok_or("the schema has fewer leaves than the columns")?;
                    column.write(leaf, start..end, &mut writer)?;
                    writer.close()?;
                }
            }
            group.close()?;
        }
        writer.close()?;
        Ok(bytes)
    }
}

impl Column {
    fn field(&self) -> Result<TypePtr, Box<dyn Error>> {
        Ok(Arc::new(match self {
            Self::Numbers(name) => {
                Type::primitive_type_builder(name, PhysicalType::INT64).with_repetition(Repetition::REQUIRED).build()?
            }
            Self::Bytes { name, kind, repetition, .. } => {
                let logical = match kind {
                    Kind::Plain => None,
                    Kind::Text => Some(LogicalType::String),
                    Kind::Geometry(crs) => Some(LogicalType::geometry(crs.clone())),
                };
                Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY)
                    .with_repetition(*repetition)
                    .with_logical_type(logical)
                    .build()?
            }
            Self::Boxes { name, optional, children, .. } => {
                let fields = children.iter().map(|(child, is_double)| {
                    let physical = if *is_double { PhysicalType::DOUBLE } else { PhysicalType::FLOAT };
                    let child = Type::primitive_type_builder(child, physical).with_repetition(Repetition::REQUIRED);
                    Ok(Arc::new(child.build()?))
                });
                Type::group_type_builder(name)
                    .with_repetition(if *optional { Repetition::OPTIONAL } else { Repetition::REQUIRED })
                    .with_fields(fields.collect::<Result<Vec<_>, Box<dyn Error>>>()?)
                    .build()?
            }
        }))
    }

    fn leaves(&self) -> usize {
        match self {
            Self::Boxes { children, .. } => children.len(),
            _ => 1,
        }
    }

    fn write(
        &self,
        leaf: usize,
        rows: std::ops::Range<usize>,
        writer: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Numbers(_) => {
                let values: Vec<i64> = rows.map(|row| row as i64 + 1).collect();
                writer.typed::<Int64Type>().write_batch(&values, None, None)?;
            }
            Self::Bytes { repetition, values, .. } => {
                let values: Vec<Option<ByteArray>> = rows
                    .map(|row| values.get(row).and_then(Option::as_ref).map(|bytes| ByteArray::from(bytes.clone())))
                    .collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                let present: Vec<ByteArray> = values.into_iter().flatten().collect();
                let starts = vec![0; levels.len()];
                let (defined, repeated) = match repetition {
                    Repetition::REQUIRED => (None, None),
                    Repetition::OPTIONAL => (Some(&levels[..]), None),
                    Repetition::REPEATED => (Some(&levels[..]), Some(&starts[..])),
                };
                writer.typed::<ByteArrayType>().write_batch(&present, defined, repeated)?;
            }
            Self::Boxes { optional, children, values, .. } => {
                let numbers: Vec<Option<f64>> = rows.map(|row| values.get(row)?.as_ref()?.get(leaf).copied()).collect();
                let levels: Vec<i16> = numbers.iter().map(|value| i16::from(value.is_some())).collect();
                let levels = optional.then_some(&levels[..]);
                let present = numbers.iter().copied().flatten();
                if children.get(leaf).is_some_and(|(_, is_double)| *is_double) {
                    let present: Vec<f64> = present.collect();
                    writer.typed::<DoubleType>().write_batch(&present, levels, None)?;
                } else {
                    let present: Vec<f32> = present.map(|number| number as f32).collect();
                    writer.typed::<FloatType>().write_batch(&present, levels, None)?;
                }
            }
        }
        Ok(())
    }
}

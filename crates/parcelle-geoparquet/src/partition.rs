//! Files by the values of a column.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};

use crate::error::WriteError;
use crate::geometry_column;
use crate::options::{PartitionNames, Partitioning};

/// What readers of hive datasets take for NULL (Apache Hive, `hive.exec.default.partition.name`).
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// Files whose name begins with an underscore are passed over by readers, so flat names have a word of their own.
const FLAT_NULL: &str = "NULL";
/// A file needs a name.
const FLAT_EMPTY: &str = "EMPTY";
/// Most bytes of a name on the file systems of Linux (`NAME_MAX`).
const MOST_NAME_BYTES: usize = 255;

/// The value that the rows of a partition have in common, as text; NULL is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionValue(Option<String>);

impl PartitionValue {
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// As a part of a name. No two values have the same.
    fn name(&self, names: PartitionNames) -> Cow<'_, str> {
        match (self.text(), names) {
            (None, PartitionNames::Hive) => HIVE_NULL.into(),
            (None, PartitionNames::Flat) => FLAT_NULL.into(),
            (Some(""), PartitionNames::Flat) => FLAT_EMPTY.into(),
            (Some(FLAT_NULL), PartitionNames::Flat) => "%4EULL".into(),
            (Some(FLAT_EMPTY), PartitionNames::Flat) => "%45MPTY".into(),
            // DuckDB takes the word for NULL, in any case of letters, but not once it is encoded.
            (Some(text), PartitionNames::Hive) if text.eq_ignore_ascii_case("NULL") => {
                let (first, rest) = text.split_at(1);
                let first = first.as_bytes().first().copied().unwrap_or_default();
                format!("%{first:02X}{rest}").into()
            }
            (Some(text), _) => encoded(text),
        }
    }
}

/// Percent-encodes what cannot be in a name, or would be read as something else: what Hive escapes, what Windows refuses,
/// spaces at the ends, and a leading dot or underscore, which hides a file from readers of datasets.
fn encoded(text: &str) -> Cow<'_, str> {
    let last = text.chars().count().saturating_sub(1);
    let is_plain = |(place, letter): (usize, char)| {
        !(letter.is_control()
            || matches!(
                letter,
                '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '=' | '%' | '#' | '\'' | '{' | '[' | ']' | '^'
            )
            || (place == 0 && matches!(letter, '.' | '_' | ' '))
            || (place == last && matches!(letter, '.' | ' ')))
    };
    if text.chars().enumerate().all(is_plain) {
        return text.into();
    }
    let mut name = String::with_capacity(text.len() + 8);
    for (place, letter) in text.chars().enumerate() {
        if is_plain((place, letter)) {
            name.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    name.into()
}

impl Partitioning {
    /// The relative name of the file with this number among those of a value.
    pub(crate) fn file_name(&self, value: Option<&PartitionValue>, number: usize) -> PathBuf {
        match (&self.by, value, self.names) {
            (Some(column), Some(value), PartitionNames::Hive) => {
                PathBuf::from(format!("{}={}", encoded(column), value.name(self.names)))
                    .join(format!("part-{number:05}.parquet"))
            }
            (Some(_), Some(value), PartitionNames::Flat) => match self.size {
                Some(_) => PathBuf::from(format!("{}-{number:05}.parquet", value.name(self.names))),
                None => PathBuf::from(format!("{}.parquet", value.name(self.names))),
            },
            _ => PathBuf::from(format!("part-{number:05}.parquet")),
        }
    }
}

/// Cuts batches where the value of the column changes.
pub(crate) struct Partitioner<'a> {
    partitioning: &'a Partitioning,
    column: usize,
    converter: RowConverter,
    last: Option<OwnedRow>,
    values: Vec<PartitionValue>,
}

impl<'a> Partitioner<'a> {
    /// One for batches of this schema; none where files do not go by a column.
    pub(crate) fn new(schema: &Schema, partitioning: Option<&'a Partitioning>) -> Result<Option<Self>, WriteError> {
        let Some((partitioning, name)) = partitioning.and_then(|found| Some((found, found.by.as_deref()?))) else {
            return Ok(None);
        };
        let Some((column, field)) = schema.column_with_name(name) else {
            let available = schema.fields().iter().map(|field| field.name().clone()).collect();
            return Err(WriteError::PartitionColumn { name: name.to_owned(), available });
        };
        // With hive names one of the two would be in the files, and the other in their names.
        if schema.fields().iter().filter(|field| field.name() == name).count() > 1 {
            return Err(WriteError::DuplicateColumn { name: name.to_owned() });
        }
        let is_geometry = geometry_column::find(schema)?.iter().any(|geometry| geometry.index == column);
        if is_geometry || !has_names(field.data_type()) {
            let data_type = field.data_type().to_string();
            return Err(WriteError::PartitionColumnType { name: name.to_owned(), data_type });
        }
        let converter = RowConverter::new(vec![SortField::new(field.data_type().clone())]).map_err(failed)?;
        Ok(Some(Self { partitioning, column, converter, last: None, values: Vec::new() }))
    }

    /// The value of a partition, by its number.
    pub(crate) fn value(&self, partition: usize) -> Option<&PartitionValue> {
        self.values.get(partition)
    }

    /// The parts of a batch that have one value each, with the number of their partition.
    pub(crate) fn split(&mut self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, WriteError> {
        let column = batch.column(self.column);
        let rows = self.converter.convert_columns(std::slice::from_ref(column)).map_err(failed)?;
        let mut parts = Vec::new();
        let mut start = 0;
        for row in 0..rows.num_rows() {
            let is_new = match row {
                0 => self.last.as_ref().is_none_or(|last| last.row() != rows.row(0)),
                _ => rows.row(row) != rows.row(row - 1),
            };
            if is_new {
                if row > start {
                    parts.push((self.values.len() - 1, batch.slice(start, row - start)));
                }
                start = row;
                self.begin(column, row)?;
            }
        }
        if let Some(last) = rows.num_rows().checked_sub(1) {
            parts.push((self.values.len() - 1, batch.slice(start, rows.num_rows() - start)));
            self.last = Some(rows.row(last).owned());
        }
        Ok(parts)
    }

    fn begin(&mut self, column: &ArrayRef, row: usize) -> Result<(), WriteError> {
        let by = || self.partitioning.by.clone().unwrap_or_default();
        let text = arrow::compute::cast(&column.slice(row, 1), &DataType::Utf8)
            .map_err(|error| WriteError::PartitionText { column: by(), reason: error.to_string() })?;
        let text = text.as_string::<i32>();
        let value = PartitionValue((!text.is_null(0)).then(|| text.value(0).to_owned()));
        if self.partitioning.names == PartitionNames::Hive && value.text() == Some(HIVE_NULL) {
            let reason = format!("readers of hive datasets take {HIVE_NULL} for NULL; use --partition-names flat");
            return Err(WriteError::PartitionText { column: by(), reason });
        }
        let name = self.partitioning.file_name(Some(&value), 0);
        if name.components().any(|part| part.as_os_str().len() > MOST_NAME_BYTES) {
            let value = value.text().unwrap_or_default().chars().take(60).collect();
            return Err(WriteError::PartitionName { column: by(), value });
        }
        self.values.push(value);
        Ok(())
    }
}

/// The schema of the files: with hive names the column is in the name.
pub(crate) fn stored_schema(schema: &SchemaRef, partitioning: Option<&Partitioning>) -> SchemaRef {
    let hive = partitioning.filter(|partitioning| partitioning.names == PartitionNames::Hive);
    match hive.and_then(|partitioning| schema.index_of(partitioning.by.as_ref()?).ok()) {
        Some(column) => {
            let fields = schema.fields().iter().enumerate().filter(|(index, _)| *index != column);
            let fields: Vec<_> = fields.map(|(_, field)| field.clone()).collect();
            Schema::new_with_metadata(fields, schema.metadata().clone()).into()
        }
        None => SchemaRef::clone(schema),
    }
}

/// The columns of a batch that the files have.
pub(crate) fn stored(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, WriteError> {
    if batch.num_columns() == schema.fields().len() {
        return Ok(batch);
    }
    let found = batch.schema();
    let columns: Result<Vec<_>, _> = schema.fields().iter().map(|field| found.index_of(field.name())).collect();
    columns.and_then(|columns| batch.project(&columns)).map_err(failed)
}

/// Whether values of a type make names: fractions, and what has parts or no text, do not.
fn has_names(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => has_names(values),
        other => {
            other.is_integer()
                || other.is_string()
                || matches!(other, DataType::Boolean | DataType::Date32 | DataType::Decimal128(..))
        }
    }
}

fn failed(error: ArrowError) -> WriteError {
    WriteError::Batch(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_differ() {
        let name = |text: &str| PartitionValue(Some(text.to_owned())).name(PartitionNames::Flat).into_owned();
        assert_eq!(name("2A"), "2A");
        assert_eq!(name("Côte-d'Or (21)"), "Côte-d%27Or (21)");
        assert_eq!(name("a/b=c%"), "a%2Fb%3Dc%25");
        assert_eq!((name(".."), name("_x"), name("é\u{7}")), ("%2E%2E".into(), "%5Fx".into(), "é%07".into()));
        let names = [name(""), name("EMPTY"), name("%45MPTY"), name("NULL"), name("%4EULL")];
        assert_eq!(names, ["EMPTY", "%45MPTY", "%2545MPTY", "%4EULL", "%254EULL"]);
        assert_eq!(PartitionValue(None).name(PartitionNames::Flat), "NULL");
        assert_eq!(PartitionValue(None).name(PartitionNames::Hive), "__HIVE_DEFAULT_PARTITION__");
        let hive = |text: &str| PartitionValue(Some(text.to_owned())).name(PartitionNames::Hive).into_owned();
        assert_eq!((hive("NULL"), hive("null"), hive("NULLS")), ("%4EULL".into(), "%6Eull".into(), "NULLS".into()));
    }

    #[test]
    fn files_are_named_by_value_and_number() {
        let value = PartitionValue(Some("01".to_owned()));
        let named = |by: Option<&str>, size, names, number| {
            let partitioning = Partitioning { by: by.map(str::to_owned), size, names };
            partitioning.file_name(by.is_some().then_some(&value), number).display().to_string()
        };
        assert_eq!(named(Some("dep"), None, PartitionNames::Flat, 0), "01.parquet");
        assert_eq!(named(Some("dep"), Some(1), PartitionNames::Flat, 3), "01-00003.parquet");
        assert_eq!(named(Some("dep"), Some(1), PartitionNames::Hive, 3), "dep=01/part-00003.parquet");
        assert_eq!(named(None, Some(1), PartitionNames::Hive, 12), "part-00012.parquet");
    }
}

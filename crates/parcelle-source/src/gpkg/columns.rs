//! The columns of a table: how they are declared, and what they become in Arrow.

use arrow::datatypes::{DataType, TimeUnit};
use rusqlite::{Connection, Result};

use crate::gpkg::database::quoted;

/// A table or view with its columns.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// SQL for the row id, where the table has one that rows can be looked up by.
    pub(crate) row_id: Option<String>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as it was declared, such as `TEXT(30)`; may be empty.
    pub(crate) declared: String,
    pub(crate) nullable: bool,
    /// An `INTEGER PRIMARY KEY`, which is another name for the row id.
    pub(crate) is_row_id: bool,
}

impl Table {
    pub(crate) fn read(connection: &Connection, name: &str) -> Result<Self> {
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        {
            let mut statement =
                connection.prepare("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)")?;
            let mut rows = statement.query([name])?;
            while let Some(row) = rows.next()? {
                // 1 marks the hidden columns of virtual tables; generated columns (2, 3) are columns like any other.
                if row.get::<_, i64>(4)? == 1 {
                    continue;
                }
                if row.get::<_, i64>(3)? > 0 {
                    keys.push(columns.len());
                }
                columns.push(Column {
                    name: row.get(0)?,
                    declared: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    nullable: row.get::<_, i64>(2)? == 0,
                    is_row_id: false,
                });
            }
        }
        if !is_row_id_table(connection, name)? {
            return Ok(Self { columns, row_id: None });
        }
        // A single column INTEGER PRIMARY KEY is the row id, unless SQLite made an index for it (it was declared DESC).
        let key_index: bool = connection.query_row(
            "SELECT count(*) > 0 FROM pragma_index_list(?1) WHERE origin = 'pk'",
            [name],
            |row| row.get(0),
        )?;
        if let [key] = keys.as_slice()
            && !key_index
            && let Some(column) = columns.get_mut(*key)
            && column.declared.eq_ignore_ascii_case("INTEGER")
        {
            column.is_row_id = true;
            column.nullable = false;
            let row_id = Some(quoted(&column.name));
            return Ok(Self { columns, row_id });
        }
        let shadowed = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let row_id = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !shadowed(name)).map(str::to_owned);
        Ok(Self { columns, row_id })
    }
}

/// Whether it is an ordinary table with row ids: no view, no virtual table, not declared WITHOUT ROWID.
fn is_row_id_table(connection: &Connection, name: &str) -> Result<bool> {
    let ordinary: bool = connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_schema \
         WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND sql NOT LIKE 'CREATE VIRTUAL%'",
        [name],
        |row| row.get(0),
    )?;
    // Tables WITHOUT ROWID have an index that is the table, listed as that of the primary key and holding all columns.
    let without_row_id = connection.prepare(&format!("SELECT _rowid_ FROM {} LIMIT 0", quoted(name))).is_err();
    Ok(ordinary && !without_row_id)
}

/// The affinity of a declared type, as a type that has it (SQLite, "Datatypes", section 3.1).
pub(crate) fn affinity(declared: &str) -> &'static str {
    let upper = declared.to_ascii_uppercase();
    let contains = |parts: &[&str]| parts.iter().any(|part| upper.contains(part));
    match () {
        () if contains(&["INT"]) => "INTEGER",
        () if contains(&["CHAR", "CLOB", "TEXT"]) => "TEXT",
        () if upper.is_empty() || contains(&["BLOB"]) => "BLOB",
        () if contains(&["REAL", "FLOA", "DOUB"]) => "REAL",
        () => "NUMERIC",
    }
}

/// What a column holds, and so how its values are stored in Arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Text,
    Blob,
    Date,
    DateTime,
    Geometry,
}

impl Kind {
    /// The kind of a declared type: those of GeoPackage (OGC 12-128r18, table 1), common names of SQL, and for the rest
    /// SQLite's rules of affinity (section 3.1 of its "Datatypes"). `None` for a column without declared type, as
    /// expressions in views are.
    ///
    /// A name without meaning to any of those has numeric affinity in SQLite, which changes nothing that is no number:
    /// text holds all such values, and keeps the same type from one delivery to the next.
    pub(crate) fn of(declared: &str) -> Option<Self> {
        let upper = declared.to_ascii_uppercase();
        let name = upper.split('(').next().unwrap_or_default().trim();
        let contains = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        Some(match name {
            "" => return None,
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "TINYINT" => Self::Int8,
            "SMALLINT" => Self::Int16,
            "MEDIUMINT" => Self::Int32,
            "FLOAT" => Self::Float32,
            "DATE" => Self::Date,
            "DATETIME" | "TIMESTAMP" => Self::DateTime,
            "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" => Self::Float64,
            // Geometry that is not registered as such (a table has one geometry column): bytes like any other. These must
            // come before numbers: there is INT in POINT.
            _ if contains(&["POINT", "LINESTRING", "POLYGON", "GEOM", "CURVE", "SURFACE"]) => Self::Blob,
            _ if contains(&["INT"]) => Self::Int64,
            _ if contains(&["CHAR", "CLOB", "TEXT"]) => Self::Text,
            _ if contains(&["BLOB"]) => Self::Blob,
            _ if contains(&["REAL", "FLOA", "DOUB"]) => Self::Float64,
            _ => Self::Text,
        })
    }

    /// The kinds of columns without declared type, by what is stored in them: one pass over the table.
    pub(crate) fn of_stored(connection: &Connection, table: &str, columns: &[&str]) -> Result<Vec<Self>> {
        const CLASSES: [&str; 4] = ["integer", "real", "text", "blob"];
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let expressions: Vec<String> = columns
            .iter()
            .flat_map(|column| {
                let column = quoted(column);
                CLASSES.map(|class| format!("coalesce(max(typeof({column}) = '{class}'), 0)"))
            })
            .collect();
        connection.query_row(&format!("SELECT {} FROM {}", expressions.join(", "), quoted(table)), [], |row| {
            let kind = |index: usize| {
                let stored = |class: usize| row.get::<_, bool>(index * CLASSES.len() + class);
                Ok(match (stored(0)?, stored(1)?, stored(2)?, stored(3)?) {
                    (_, _, false, true) => Self::Blob,
                    (true, false, false, false) => Self::Int64,
                    (_, true, false, false) => Self::Float64,
                    _ => Self::Text,
                })
            };
            (0..columns.len()).map(kind).collect()
        })
    }

    /// The Arrow type. Date and time are instants in UTC with milliseconds, as the standard says (`SSS`, `Z`) and
    /// as GDAL reads them.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Blob | Self::Geometry => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }
}

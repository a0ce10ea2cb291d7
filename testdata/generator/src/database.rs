//! SQLite databases as values: built in a scratch folder, read back as bytes, and compared by what is in them.

use std::error::Error;
use std::fs;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The bytes of a database that `build` makes at the path it is given.
pub(crate) fn bytes_of(build: impl FnOnce(&Path) -> Result<(), Box<dyn Error>>) -> Result<Vec<u8>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("fixture.gpkg");
    build(&path)?;
    Ok(fs::read(&path)?)
}

/// Every object of the schema and every row of every table, one line each, in their order.
pub(crate) fn dump(database: &[u8]) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("fixture.gpkg");
    fs::write(&path, database)?;
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut lines = Vec::new();
    for pragma in ["application_id", "user_version", "page_size"] {
        let value: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?;
        lines.push(format!("{pragma} {value}"));
    }
    let mut tables = Vec::new();
    let mut schema = connection.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")?;
    let mut rows = schema.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        lines.push(format!("{kind} {name}: {}", sql.unwrap_or_default()));
        if kind == "table" {
            tables.push(name);
        }
    }
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT rowid, * FROM {} ORDER BY rowid", quote(&table)))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(describe(row.get_ref(column)?));
            }
            lines.push(format!("{table}: {}", values.join(" | ")));
        }
    }
    Ok(lines)
}

fn describe(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => format!("{value:?}"),
        ValueRef::Text(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A name as SQL takes it, whatever is in it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

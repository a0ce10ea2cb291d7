//! Rows of a table straight from the pages of the file.
//!
//! See the [front page](super) for why, and for the rule of when. What a table's record means is in sections 2.1 and 2.3 of
//! the SQLite file format: the types of all values, then the values, in the order of declaration.

use std::ops::ControlFlow;

use parcelle_storage::LocalFile;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use crate::BatchSink;
use crate::error::SourceError;
use crate::gpkg::btree::{Cell, TableWalk};
use crate::gpkg::columns;
use crate::gpkg::database::{self, Database};
use crate::gpkg::pages::{DatabaseHeader, PageError, PageReader, varint};
use crate::gpkg::rows::{Rows, Shape};

/// A table that can be read without SQLite.
#[derive(Debug)]
pub(crate) struct DirectTable {
    file: LocalFile,
    header: DatabaseHeader,
    root: u32,
    /// The column of the batch that takes the row id, where one does.
    row_id_column: Option<usize>,
    /// What to do with the values of a record, up to the last one that is wanted.
    fields: Vec<Field>,
}

/// One value of every record.
#[derive(Debug, Clone)]
struct Field {
    /// The column of the batch that takes it, where one does.
    column: Option<usize>,
    /// Whether the column has real affinity: SQLite stores integral reals as integers there.
    real: bool,
    missing: Missing,
}

/// What stands for a value in records older than their column (`ALTER TABLE … ADD COLUMN` changes no record).
#[derive(Debug, Clone)]
enum Missing {
    Default(Value),
    /// The default is no constant, so the column is as old as the table.
    Impossible,
}

/// Why a row cannot be read.
enum ReadError {
    Page(PageError),
    Source(SourceError),
}

impl From<PageError> for ReadError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl From<SourceError> for ReadError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl DirectTable {
    /// The table of a layer with row ids; `None` where the rule leaves it to SQLite.
    pub(crate) fn find(
        connection: &Connection,
        database: &Database,
        shape: &Shape,
    ) -> Result<Option<Self>, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable {
            path: database.path().to_owned(),
            reason: error.to_string(),
        };
        if database.live {
            return Ok(None);
        }
        let header = database::header(database.path()).map_err(unreadable)?;
        let Some(header) = DatabaseHeader::parse(&header, database.bytes()) else { return Ok(None) };
        let found = Self::schema(connection, shape).map_err(|error| database.error(&error))?;
        let Some((root, row_id_column, fields)) = found else { return Ok(None) };
        let file = LocalFile::open(database.path()).map_err(unreadable)?;
        Ok(Some(Self { file, header, root, row_id_column, fields }))
    }

    /// Root page, column of the row id and fields of the table, unless columns are computed.
    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    fn schema(connection: &Connection, shape: &Shape) -> rusqlite::Result<Option<(u32, Option<usize>, Vec<Field>)>> {
        let root: Option<u32> = connection
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
                [&shape.table],
                |row| row.get(0),
            )
            .optional()?;
        let Some(root) = root.filter(|root| *root > 1) else { return Ok(None) };
        let mut statement =
            connection.prepare("SELECT name, type, dflt_value, hidden FROM pragma_table_xinfo(?1) ORDER BY cid")?;
        let mut rows = statement.query([&shape.table])?;
        let (mut row_id_column, mut fields) = (None, Vec::new());
        while let Some(row) = rows.next()? {
            let (name, declared): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            if row.get::<_, i64>(3)? != 0 {
                return Ok(None);
            }
            let affinity = columns::affinity(&declared.unwrap_or_default());
            let mut column = shape.columns.iter().position(|(column, _)| column.name == name);
            if let Some(index) = column
                && shape.columns.get(index).is_some_and(|(column, _)| column.is_row_id)
            {
                // Its place in the record holds NULL.
                row_id_column = column.take();
            }
            let missing = match row.get::<_, Option<String>>(2)? {
                Some(default) if column.is_some() => missing(affinity, &default),
                _ => Missing::Default(Value::Null),
            };
            fields.push(Field { column, real: affinity == "REAL", missing });
        }
        let wanted = fields.iter().rposition(|field| field.column.is_some()).map_or(0, |last| last + 1);
        fields.truncate(wanted);
        Ok(Some((root, row_id_column, fields)))
    }

    /// Reads the rows with ids from `first` to `last`.
    pub(crate) fn read(
        &self,
        database: &Database,
        shape: &Shape,
        first: i64,
        last: i64,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        // A writer in WAL mode does not touch these pages until a checkpoint, which is noticed; a lock would need files
        // beside the database.
        let _lock = if self.header.wal { None } else { database.lock()? };
        database.verify_unchanged()?;
        let error = match self.read_rows(shape, first, last, sink) {
            Ok(()) => return database.verify_unchanged(),
            Err(ReadError::Source(error)) => return Err(error),
            Err(ReadError::Page(error)) => error,
        };
        // What looks like damage may be a change half done.
        database.verify_unchanged()?;
        let path = database.path().to_owned();
        Err(match error {
            PageError::Damaged(reason) => SourceError::Damaged { path, reason },
            PageError::Io(error) => SourceError::Unreadable { path, reason: error.to_string() },
        })
    }

    fn read_rows(&self, shape: &Shape, first: i64, last: i64, sink: BatchSink<'_>) -> Result<(), ReadError> {
        let mut walk = TableWalk::new(PageReader::new(&self.file, self.header), self.root, first, last);
        let mut rows = Rows::new(shape, sink);
        while let Some(cell) = walk.next_row()? {
            rows.start_row(Some(cell.row_id));
            if let Some(column) = self.row_id_column {
                rows.append(column, &ValueRef::Integer(cell.row_id))?;
            }
            self.decode(&mut walk, &cell, &mut rows)?;
            if rows.end_row()? == ControlFlow::Break(()) {
                return Ok(());
            }
        }
        Ok(rows.finish()?)
    }

    /// The values of a record into their columns.
    #[inline]
    fn decode(&self, walk: &mut TableWalk<'_>, cell: &Cell, rows: &mut Rows<'_>) -> Result<(), ReadError> {
        let wanted = if cell.local.len() < cell.bytes { self.wanted_bytes(walk, cell)? } else { cell.bytes };
        let record = walk.record(cell, wanted)?;
        let result = self.values(record, cell.bytes, rows);
        match result {
            Ok(()) => Ok(()),
            Err(Wrong::Record(what)) => Err(walk.damaged_row(cell, what).into()),
            Err(Wrong::Value(error)) => Err(error.into()),
        }
    }

    /// How much of a record is needed for the values that are wanted: long values behind them stay unread.
    fn wanted_bytes(&self, walk: &mut TableWalk<'_>, cell: &Cell) -> Result<usize, ReadError> {
        let header_bytes = header_bytes(walk.record(cell, 9)?, cell.bytes).map(|(length, _)| length);
        let header_bytes = header_bytes.map_err(|what| walk.damaged_row(cell, what))?;
        let wanted = self.last_wanted(walk.record(cell, header_bytes)?, cell.bytes);
        Ok(wanted.map_err(|what| walk.damaged_row(cell, what))?)
    }

    /// Where the last value that is wanted ends, by the header.
    fn last_wanted(&self, record: &[u8], bytes: usize) -> Result<usize, &'static str> {
        let mut header = Header::of(record, bytes)?;
        let (mut end, mut wanted) = (header.end, header.end);
        for field in &self.fields {
            let Some(serial) = header.next_type()? else { break };
            end = end.saturating_add(serial.bytes());
            if field.column.is_some() {
                wanted = end;
            }
        }
        Ok(wanted)
    }

    #[inline]
    fn values(&self, record: &[u8], bytes: usize, rows: &mut Rows<'_>) -> Result<(), Wrong> {
        let mut header = Header::of(record, bytes)?;
        let mut offset = header.end;
        for field in &self.fields {
            let Some(serial) = header.next_type()? else {
                if let Some(column) = field.column {
                    rows.append(column, &field.missing_value()?)?;
                }
                continue;
            };
            let end = offset.saturating_add(serial.bytes());
            if let Some(column) = field.column {
                let content = record.get(offset..end).ok_or("its values are longer than it is")?;
                rows.append(column, &serial.value(content, field.real)?)?;
            }
            offset = end;
        }
        if offset > bytes {
            return Err("its values are longer than it is".into());
        }
        Ok(())
    }
}

impl Field {
    #[cold]
    fn missing_value(&self) -> Result<ValueRef<'_>, &'static str> {
        match &self.missing {
            Missing::Default(value) => Ok(value.into()),
            Missing::Impossible => Err("it lacks a value"),
        }
    }
}

/// What is wrong with a record: with its form, or with a value.
enum Wrong {
    Record(&'static str),
    Value(SourceError),
}

impl From<&'static str> for Wrong {
    fn from(what: &'static str) -> Self {
        Self::Record(what)
    }
}

impl From<SourceError> for Wrong {
    fn from(error: SourceError) -> Self {
        Self::Value(error)
    }
}

/// The types of a record's values, one after the other.
struct Header<'a> {
    rest: &'a [u8],
    /// Where values begin.
    end: usize,
}

/// The length of a record's header, and how many bytes say so.
#[inline]
fn header_bytes(record: &[u8], bytes: usize) -> Result<(usize, usize), &'static str> {
    const WRONG: &str = "its header does not fit";
    let (length, own) = varint(record).ok_or(WRONG)?;
    let length = usize::try_from(length).map_err(|_| WRONG)?;
    if length < own || length > bytes { Err(WRONG) } else { Ok((length, own)) }
}

impl<'a> Header<'a> {
    #[inline]
    fn of(record: &'a [u8], bytes: usize) -> Result<Self, &'static str> {
        let (end, own) = header_bytes(record, bytes)?;
        Ok(Self { rest: record.get(own..end).ok_or("its header does not fit")?, end })
    }

    #[inline]
    fn next_type(&mut self) -> Result<Option<SerialType>, &'static str> {
        let [first, rest @ ..] = self.rest else { return Ok(None) };
        if *first < 0x80 {
            self.rest = rest;
            return Ok(Some(SerialType((*first).into())));
        }
        let (number, length) = varint(self.rest).ok_or("its header does not fit")?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        // Longer than any row may be, and so long that lengths of values still add up.
        if number > u64::from(u32::MAX) {
            return Err("its values are longer than it is");
        }
        Ok(Some(SerialType(number as usize)))
    }
}

/// Class and size of a value (section 2.1).
#[derive(Clone, Copy)]
struct SerialType(usize);

impl SerialType {
    #[inline]
    fn bytes(self) -> usize {
        const FIXED: [u8; 12] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0];
        match FIXED.get(self.0) {
            Some(bytes) => usize::from(*bytes),
            None => (self.0 - 12) / 2,
        }
    }

    /// The value with this content; in a column of real affinity integers are reals.
    #[inline]
    fn value(self, content: &[u8], real: bool) -> Result<ValueRef<'_>, &'static str> {
        let number = match (self.0, content) {
            (serial, content) if serial >= 12 => {
                return Ok(if serial % 2 == 0 { ValueRef::Blob(content) } else { ValueRef::Text(content) });
            }
            (0, _) => return Ok(ValueRef::Null),
            (8, _) => 0,
            (9, _) => 1,
            (1, &[a]) => i8::from_be_bytes([a]).into(),
            (2, &[a, b]) => i16::from_be_bytes([a, b]).into(),
            (3, &[a, b, c]) => (i32::from_be_bytes([a, b, c, 0]) >> 8).into(),
            (4, &[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]).into(),
            (5, &[a, b, c, d, e, f]) => i64::from_be_bytes([a, b, c, d, e, f, 0, 0]) >> 16,
            (6, &[a, b, c, d, e, f, g, h]) => i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            (7, &[a, b, c, d, e, f, g, h]) => {
                let number = f64::from_be_bytes([a, b, c, d, e, f, g, h]);
                // To SQLite NaN is NULL.
                return Ok(if number.is_nan() { ValueRef::Null } else { ValueRef::Real(number) });
            }
            _ => return Err("it has a value of a type that SQLite does not define"),
        };
        Ok(if real { ValueRef::Real(number as f64) } else { ValueRef::Integer(number) })
    }
}

/// What a default means for older records. SQLite says: it is asked to add such a column to a table with a row, in a
/// database of its own in memory, which it refuses for what is no constant.
fn missing(affinity: &str, default: &str) -> Missing {
    let ask = || {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")?;
        connection.execute(&format!("ALTER TABLE t ADD COLUMN b {affinity} DEFAULT {default}"), [])?;
        connection.query_row("SELECT b FROM t", [], |row| row.get(0))
    };
    ask().map_or(Missing::Impossible, Missing::Default)
}

//! A feature table as a [`Layer`].

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use rusqlite::Connection;

use crate::error::SourceError;
use crate::geometry_field::{declared, geometry_field, layer_crs};
use crate::gpkg::catalogue::{self, GeometryEntry};
use crate::gpkg::columns::{Column, Kind, Table};
use crate::gpkg::database::{Database, quoted};
use crate::gpkg::descriptions;
use crate::gpkg::direct::DirectTable;
use crate::gpkg::rows::{Rows, Shape};
use crate::gpkg::splits;
use crate::names;
use crate::{BatchSink, Layer, OpenOptions, Split, SplitRange};

/// A feature table of a GeoPackage.
#[derive(Debug)]
pub(crate) struct GeoPackageLayer {
    database: Database,
    row_id: Option<String>,
    geometry_column: String,
    shape: Shape,
    /// For tables whose pages can be decoded without SQLite.
    direct: Option<DirectTable>,
}

impl GeoPackageLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let database = Database::open(path)?;
        let connection = database.connect()?;
        let failed = |error: rusqlite::Error| database.error(&error);

        let mut entries = catalogue::entries(&connection).map_err(failed)?;
        let layers: Vec<_> = entries.iter().map(|entry| (entry.table.clone(), entry.geometry.is_some())).collect();
        let chosen = names::choose_layer(path, options.layer.as_deref(), &layers)?;
        let catalogue::Entry { table, geometry } = entries.swap_remove(chosen);
        let Some(geometry) = geometry else {
            return Err(SourceError::NoGeometry { path: path.to_owned(), layer: table });
        };

        catalogue::check_view(&connection, &database, &table)?;
        let Table { columns, row_id } = Table::read(&connection, &table).map_err(failed)?;
        let geometry_column = geometry_name(&database, &table, &geometry, &columns)?;
        let select = options.select.as_deref();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names::check_selection(path, &table, select, &names)?;
        let mut columns: Vec<Column> = columns
            .into_iter()
            .filter(|column| {
                column.name == geometry_column || select.is_none_or(|select| select.contains(&column.name))
            })
            .collect();
        // The row id comes first, the others follow in the order of the table.
        columns.sort_by_key(|column| !column.is_row_id);
        let columns = kinds(&connection, &table, &geometry_column, columns).map_err(failed)?;

        let crs = layer_crs(options.crs.as_deref(), || {
            catalogue::reference_system(&connection, &database, &table, geometry.srs_id)
        })?;
        let texts = descriptions::column_texts(&connection, &table).map_err(failed)?;
        let invalid = options.invalid.clone();
        let fields = columns.iter().map(|(column, kind)| {
            let nullable = column.nullable || !invalid.are_errors();
            let field = match kind {
                Kind::Geometry => {
                    declared(geometry_field(&column.name, nullable, crs.as_ref()), geometry.declared_type())
                }
                other => Field::new(&column.name, other.data_type(), nullable),
            };
            let mut metadata = field.metadata().clone();
            let texts = texts.get(&column.name.to_lowercase()).into_iter().flatten();
            metadata.extend(texts.map(|(key, text)| ((*key).to_owned(), text.clone())));
            if *kind == Kind::Text && metadata.get("mime_type").is_some_and(|mime| mime == "application/json") {
                // The canonical extension type of Arrow for JSON as text, which has no parameters.
                metadata.insert("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
                metadata.insert("ARROW:extension:metadata".to_owned(), String::new());
            }
            field.with_metadata(metadata)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let rows = catalogue::feature_count(&connection, &table).map_err(failed)?;
        let curves = options.curves.clone();
        let shape = Shape { path: path.to_owned(), table, columns, schema, invalid, rows, curves };
        let direct = match row_id {
            Some(_) => DirectTable::find(&connection, &database, &shape)?,
            None => None,
        };
        drop(connection);
        Ok(Self { database, row_id, geometry_column, shape, direct })
    }

    /// The same layer, read through SQLite whatever its table is like.
    #[cfg(test)]
    pub(crate) fn through_sqlite(self) -> Self {
        Self { direct: None, ..self }
    }

    #[cfg(test)]
    pub(crate) fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    fn query(&self, range: &SplitRange) -> String {
        let mut columns: Vec<String> = self.shape.columns.iter().map(|(column, _)| quoted(&column.name)).collect();
        // The row id again, at the end: only looked at to name a row in an error.
        columns.extend(self.row_id.clone());
        let order = match (&self.row_id, range) {
            (Some(row_id), SplitRange::RowIds { first, last }) => {
                format!(" WHERE {row_id} BETWEEN {first} AND {last} ORDER BY {row_id}")
            }
            (Some(row_id), SplitRange::Whole) => format!(" ORDER BY {row_id}"),
            _ => String::new(),
        };
        format!("SELECT {} FROM {}{order}", columns.join(", "), quoted(&self.shape.table))
    }

    fn read_rows(&self, connection: &Connection, range: &SplitRange, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let failed = |error: rusqlite::Error| self.database.error(&error);
        let mut statement = connection.prepare(&self.query(range)).map_err(failed)?;
        let mut cursor = statement.query([]).map_err(failed)?;
        let mut rows = Rows::new(&self.shape, sink);
        let mut previous = None;
        while let Some(row) = cursor.next().map_err(failed)? {
            let row_id = match self.row_id {
                Some(_) => row.get_ref(self.shape.columns.len()).map_err(failed)?.as_i64().ok(),
                None => None,
            };
            // In a damaged tree pages can lead round in circles.
            if self.row_id.is_some() && row_id <= previous {
                return Err(self.out_of_order());
            }
            previous = row_id;
            rows.start_row(row_id);
            for index in 0..self.shape.columns.len() {
                rows.append(index, &row.get_ref(index).map_err(failed)?)?;
            }
            if rows.end_row()?.is_break() {
                return Ok(());
            }
        }
        rows.finish()
    }

    fn out_of_order(&self) -> SourceError {
        let reason = format!("the rows of table {} are not in the order of their ids", self.shape.table);
        SourceError::Damaged { path: self.database.path().to_owned(), reason }
    }
}

/// The name of the geometry column as the table spells it.
fn geometry_name(
    database: &Database,
    table: &str,
    geometry: &GeometryEntry,
    columns: &[Column],
) -> Result<String, SourceError> {
    let path = database.path().to_owned();
    if columns.is_empty() {
        let reason = format!("gpkg_contents lists the table {table}, which does not exist");
        return Err(SourceError::Damaged { path, reason });
    }
    let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(&geometry.column));
    found.map(|column| column.name.clone()).ok_or_else(|| SourceError::Damaged {
        path,
        reason: format!("table {table} has no column {}, which gpkg_geometry_columns lists", geometry.column),
    })
}

/// The columns with what they hold.
fn kinds(
    connection: &Connection,
    table: &str,
    geometry: &str,
    columns: Vec<Column>,
) -> rusqlite::Result<Vec<(Column, Kind)>> {
    let declared = |column: &Column| {
        if column.name == geometry {
            Some(Kind::Geometry)
        } else if column.is_row_id {
            Some(Kind::Int64)
        } else {
            Kind::of(&column.declared)
        }
    };
    let undeclared: Vec<&str> =
        columns.iter().filter(|column| declared(column).is_none()).map(|column| column.name.as_str()).collect();
    let mut stored = Kind::of_stored(connection, table, &undeclared)?.into_iter();
    Ok(columns
        .into_iter()
        .map(|column| {
            let kind = declared(&column).or_else(|| stored.next()).unwrap_or(Kind::Text);
            (column, kind)
        })
        .collect())
}

impl Layer for GeoPackageLayer {
    fn name(&self) -> &str {
        &self.shape.table
    }

    fn driver(&self) -> &str {
        "GPKG"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        self.shape.rows
    }

    /// What SQLite reads is read in sequence: a table without row ids (a view); a database that is open for writing elsewhere,
    /// of which only one transaction sees one state; and any other, as SQLite looks for ids where a page says they are, and
    /// passes by damaged pages that nothing leads to.
    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let Some(row_id) = self.row_id.as_ref().filter(|_| self.direct.is_some()) else {
            return Ok(vec![Split::whole()]);
        };
        let connection = self.database.connect()?;
        let bytes = self.database.bytes();
        splits::splits(&connection, &self.shape.table, row_id, &self.geometry_column, target_rows, bytes)
            .map_err(|error| self.database.error(&error))
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let of_this_layer = match split.range {
            SplitRange::Whole => true,
            SplitRange::RowIds { .. } => self.row_id.is_some(),
            SplitRange::Range { .. } | SplitRange::Members(_) => false,
        };
        if !of_this_layer {
            return Err(self.shape.batch_error("the split is not one of this layer".to_owned()));
        }
        if let Some(direct) = &self.direct {
            let (first, last) = match split.range {
                SplitRange::RowIds { first, last } => (first, last),
                _ => (i64::MIN, i64::MAX),
            };
            return direct.read(&self.database, &self.shape, first, last, sink);
        }
        let connection = self.database.connect()?;
        self.read_rows(&connection, &split.range, sink)?;
        self.database.verify_unchanged()
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.database.bytes())
    }
}

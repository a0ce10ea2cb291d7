//! A feature table as a [`Layer`].

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::error::{Place, RowPosition, SourceError};
use crate::geometry_field::{geometry_field, layer_crs};
use crate::gpkg::catalogue::{self, GeometryEntry};
use crate::gpkg::columns::{Column, Kind, Table};
use crate::gpkg::database::{Database, quoted};
use crate::gpkg::splits;
use crate::gpkg::value::{Builder, Refusal, describe};
use crate::names;
use crate::{BatchSink, Layer, OpenOptions, Split, SplitRange};

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// A feature table of a GeoPackage.
#[derive(Debug)]
pub(crate) struct GeoPackageLayer {
    database: Database,
    table: String,
    row_id: Option<String>,
    geometry_column: String,
    columns: Vec<(Column, Kind)>,
    schema: SchemaRef,
    rows: Option<u64>,
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
        let texts = catalogue::column_texts(&connection, &table).map_err(failed)?;
        let fields = columns.iter().map(|(column, kind)| {
            let field = match kind {
                Kind::Geometry => geometry_field(&column.name, column.nullable, crs.as_ref()),
                other => Field::new(&column.name, other.data_type(), column.nullable),
            };
            let mut metadata = field.metadata().clone();
            let texts = texts.get(&column.name.to_lowercase()).into_iter().flatten();
            metadata.extend(texts.map(|(key, text)| ((*key).to_owned(), text.clone())));
            field.with_metadata(metadata)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let rows = catalogue::feature_count(&connection, &table).map_err(failed)?;
        drop(connection);
        Ok(Self { database, table, row_id, geometry_column, columns, schema, rows })
    }

    fn query(&self, range: SplitRange) -> String {
        let mut columns: Vec<String> = self.columns.iter().map(|(column, _)| quoted(&column.name)).collect();
        // The row id again, at the end: only looked at to name a row in an error.
        columns.extend(self.row_id.clone());
        let order = match (&self.row_id, range) {
            (Some(row_id), SplitRange::RowIds { first, last }) => {
                format!(" WHERE {row_id} BETWEEN {first} AND {last} ORDER BY {row_id}")
            }
            (Some(row_id), SplitRange::Whole) => format!(" ORDER BY {row_id}"),
            _ => String::new(),
        };
        format!("SELECT {} FROM {}{order}", columns.join(", "), quoted(&self.table))
    }

    fn read_rows(&self, connection: &Connection, range: SplitRange, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let failed = |error: rusqlite::Error| self.database.error(&error);
        let mut statement = connection.prepare(&self.query(range)).map_err(failed)?;
        let mut cursor = statement.query([]).map_err(failed)?;
        let mut builders: Vec<Builder> = self.columns.iter().map(|(_, kind)| Builder::new(*kind)).collect();
        let (mut rows, mut bytes, mut number) = (0, 0, 0u64);
        let mut previous = None;
        while let Some(row) = cursor.next().map_err(failed)? {
            number += 1;
            if self.row_id.is_some() {
                let row_id = row.get_ref(self.columns.len()).map_err(failed)?.as_i64().ok();
                // In a damaged tree pages can lead round in circles.
                if row_id <= previous {
                    return Err(self.out_of_order());
                }
                previous = row_id;
            }
            for (index, (builder, (column, kind))) in builders.iter_mut().zip(&self.columns).enumerate() {
                let value = row.get_ref(index).map_err(failed)?;
                let appended = if value == ValueRef::Null && !column.nullable {
                    Err(Refusal::Value)
                } else {
                    builder.append(value)
                };
                bytes += appended.map_err(|refusal| self.refused(row, number, column, *kind, value, refusal))?;
            }
            rows += 1;
            if rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
                if sink(self.batch(&mut builders)?).is_break() {
                    return Ok(());
                }
                (rows, bytes) = (0, 0);
            }
        }
        if rows > 0 {
            // It is the last one, whether more are wanted or not.
            let _: ControlFlow<()> = sink(self.batch(&mut builders)?);
        }
        Ok(())
    }

    fn out_of_order(&self) -> SourceError {
        let reason = format!("the rows of table {} are not in the order of their ids", self.table);
        SourceError::Damaged { path: self.database.path().to_owned(), reason }
    }

    fn batch(&self, builders: &mut [Builder]) -> Result<RecordBatch, SourceError> {
        let columns = builders.iter_mut().map(Builder::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| self.batch_error(error.to_string()))
    }

    fn batch_error(&self, reason: String) -> SourceError {
        SourceError::Batch { path: self.database.path().to_owned(), layer: self.table.clone(), reason }
    }

    fn refused(
        &self,
        row: &Row<'_>,
        number: u64,
        column: &Column,
        kind: Kind,
        value: ValueRef<'_>,
        refusal: Refusal,
    ) -> SourceError {
        let row_id = self.row_id.as_ref().and_then(|_| row.get::<_, i64>(self.columns.len()).ok());
        let place = Box::new(Place {
            path: self.database.path().to_owned(),
            layer: self.table.clone(),
            column: column.name.clone(),
            row: row_id.map_or(RowPosition::Number(number), RowPosition::RowId),
        });
        match refusal {
            Refusal::Geometry(reason) => SourceError::Geometry { place, reason },
            Refusal::Value => {
                let declared = match (column.declared.as_str(), column.nullable) {
                    ("", _) => kind.data_type().to_string(),
                    (declared, true) => declared.to_owned(),
                    (declared, false) => format!("{declared} NOT NULL"),
                };
                SourceError::Value { place, declared, found: describe(value) }
            }
        }
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
        &self.table
    }

    fn driver(&self) -> &str {
        "GPKG"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        self.rows
    }

    /// A table without row ids (a view) and a database that is open for writing elsewhere are read in sequence: of the
    /// latter, only one transaction sees one state.
    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let Some(row_id) = self.row_id.as_ref().filter(|_| !self.database.live) else {
            return Ok(vec![Split::whole()]);
        };
        let connection = self.database.connect()?;
        splits::splits(&connection, &self.table, row_id, &self.geometry_column, target_rows)
            .map_err(|error| self.database.error(&error))
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let of_this_layer = match split.range {
            SplitRange::Whole => true,
            SplitRange::RowIds { .. } => self.row_id.is_some(),
            SplitRange::Range { .. } => false,
        };
        if !of_this_layer {
            return Err(self.batch_error("the split is not one of this layer".to_owned()));
        }
        let connection = self.database.connect()?;
        self.read_rows(&connection, split.range, sink)?;
        self.database.verify_unchanged()
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.database.bytes())
    }
}

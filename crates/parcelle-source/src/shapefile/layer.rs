//! A Shapefile as a [`Layer`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::dbf::{self, Kind, Table};
use super::files::{self, ReadBuffer, SourceFile};
use super::index::{HEADER_BYTES, Index, Records};
use super::shape::{self, ShapeBuilder, ShapeType};
use super::text::Encoding;
use super::value::{Builder, Refusal};
use super::{malformed, reference, wide};
use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::geometry_field::{declared, geometry_field, layer_crs};
use crate::invalid::InvalidValues;
use crate::names;
use crate::{BatchSink, FieldInfo, Layer, LayerInfo, OpenOptions, Split, SplitRange, Window};

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// Bytes of the `.dbf` read at once, or one record.
const TABLE_CHUNK_BYTES: usize = 1 << 20;

/// A `.shp` with the files beside it.
#[derive(Debug)]
pub(crate) struct ShapefileLayer {
    name: String,
    shp: SourceFile,
    index: Index,
    table: Option<Table>,
    encoding: Encoding,
    columns: Vec<Column>,
    schema: SchemaRef,
    window: Option<Window>,
    geometry_name: &'static str,
    invalid: InvalidValues,
}

/// A field that is kept.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    field: dbf::Field,
    kind: Kind,
}

/// What is known before records are looked at.
struct Parts {
    shp: SourceFile,
    shape_code: u32,
    table: Option<Table>,
    encoding: Encoding,
    /// Names of the fields of the table.
    names: Vec<String>,
}

impl Parts {
    fn open(shp: &Path) -> Result<Self, SourceError> {
        let shp = SourceFile::open(shp.to_owned())?;
        let mut buffer = ReadBuffer::new(&shp);
        let header = match buffer.get(0, HEADER_BYTES)? {
            Some(header) if files::has_file_code(header) => header,
            Some(_) => return Err(malformed(&shp.path, "it does not begin with the file code 9994 of a .shp")),
            None => {
                let reason = format!("it is cut off: {} bytes are less than its header", shp.len());
                return Err(malformed(&shp.path, reason));
            }
        };
        let shape_code =
            header.get(32..).and_then(|code| code.first_chunk()).map_or(0, |code| u32::from_le_bytes(*code));
        if !shape::is_known(shape_code) {
            let reason = format!("it is of shape type {shape_code}, which is not defined");
            return Err(malformed(&shp.path, reason));
        }
        let dbf = files::sibling(&shp.path, "dbf")?;
        let table = dbf.map(|path| Table::open(SourceFile::open(path)?)).transpose()?;
        let cpg = files::sibling(&shp.path, "cpg")?;
        let cpg_bytes = cpg.as_deref().map(files::read_text).transpose()?;
        let (dbf_path, language_driver) =
            table.as_ref().map_or((shp.path.as_path(), 0), |table| (table.file.path.as_path(), table.language_driver));
        let encoding = Encoding::find(dbf_path, language_driver, cpg.as_deref().zip(cpg_bytes.as_deref()))?;
        let names = match &table {
            Some(table) => table.fields.iter().map(|field| field.name(&encoding, table)).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(Self { shp, shape_code, table, encoding, names })
    }

    fn crs(&self, layer: &str, options: &OpenOptions) -> Result<Option<parcelle_crs::Crs>, SourceError> {
        layer_crs(options.crs.as_deref(), || match files::sibling(&self.shp.path, "prj")? {
            Some(prj) => reference::of_prj(&prj, layer),
            None => Ok(None),
        })
    }

    /// The `.shp` of the chosen layer, and its name.
    fn choose(path: &Path, options: &OpenOptions) -> Result<(String, PathBuf), SourceError> {
        let mut layers = files::layer_names(path)?;
        let names: Vec<_> = layers.iter().map(|(name, _)| (name.clone(), true)).collect();
        Ok(layers.swap_remove(names::choose_layer(path, options.layer.as_deref(), &names)?))
    }
}

/// What a `.shp` and the files beside it say of the layer.
pub(super) fn describe(shp: &Path, name: String, options: &OpenOptions) -> Result<LayerInfo, SourceError> {
    let parts = Parts::open(shp)?;
    // A layer whose reference system cannot be resolved still has a name and columns to be listed.
    let crs = parts.crs(&name, options).ok().flatten().map(|crs| crs.to_string());
    let fields = parts.names.iter().zip(parts.table.iter().flat_map(|table| &table.fields));
    let fields = fields.map(|(name, field)| FieldInfo { name: name.clone(), type_name: field.declared() }).collect();
    let rows = match &parts.table {
        Some(table) => Some(table.count),
        None => files::sibling(shp, "shx")?
            .and_then(|shx| std::fs::metadata(shx).ok())
            .map(|metadata| metadata.len().saturating_sub(HEADER_BYTES) / 8),
    };
    let geometry = ShapeType::from_code(parts.shape_code).map_or_else(|| "MULTIPATCH".to_owned(), ShapeType::name);
    Ok(LayerInfo { name, rows, geometry: Some(geometry), crs, fields })
}

/// Makes 64-bit integers of wide fields whose values ask for them.
fn settle_wide(table: &Table, columns: &mut [Column], options: &OpenOptions) -> Result<(), SourceError> {
    let mut columns: Vec<&mut Column> = columns.iter_mut().filter(|column| column.kind == Kind::WideInteger).collect();
    let fields: Vec<&dbf::Field> = columns.iter().map(|column| &column.field).collect();
    let are_integers = wide::are_integers(table, &fields, &options.interrupt)?;
    for (column, _) in columns.iter_mut().zip(are_integers).filter(|(_, is_integer)| *is_integer) {
        column.kind = Kind::Int64;
    }
    Ok(())
}

impl ShapefileLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let (name, shp) = Parts::choose(path, options)?;
        let parts = Parts::open(&shp)?;
        let is_taken = parts.names.iter().any(|name| name.eq_ignore_ascii_case("geometry"));
        // The names that columns have through GDAL too.
        let geometry_name = if is_taken { "wkb_geometry" } else { "geometry" };
        let place = |row| Place {
            path: shp.clone(),
            layer: name.clone(),
            column: geometry_name.to_owned(),
            row: RowPosition::Number(row),
        };
        if parts.shape_code == shape::MULTI_PATCH {
            return Err(SourceError::Geometry { place: Box::new(place(1)), reason: GeometryReason::MultiPatch });
        }
        let select = options.select.as_deref();
        let mut known: Vec<&str> = parts.names.iter().map(String::as_str).collect();
        known.push(geometry_name);
        names::check_selection(&shp, &name, select, &known)?;
        let mut columns = Self::columns(&parts, &name, geometry_name, select)?;
        if let Some(table) = &parts.table {
            settle_wide(table, &mut columns, options)?;
        }
        let crs = parts.crs(&name, options)?;
        let mut fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, column.kind.data_type(), true)).collect();
        let declared_type = ShapeType::from_code(parts.shape_code).and_then(ShapeType::declared_type);
        fields.push(declared(geometry_field(geometry_name, true, crs.as_ref()), declared_type));
        let Parts { shp, table, encoding, .. } = parts;
        let shx = files::sibling(&shp.path, "shx")?.map(SourceFile::open).transpose()?;
        let index = Index::new(&shp, shx, table.as_ref().map(|table| table.count), &options.interrupt)?;
        if let Some(table) = table.as_ref().filter(|table| table.count != index.count()) {
            let reason = format!(
                "it has {} shapes, and its .dbf {} records: there is no telling which belong together",
                index.count(),
                table.count
            );
            return Err(malformed(&shp.path, reason));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self {
            name,
            shp,
            index,
            table,
            encoding,
            columns,
            schema,
            window: options.window,
            geometry_name,
            invalid: options.invalid.clone(),
        })
    }

    /// The fields that are kept.
    fn columns(
        parts: &Parts,
        layer: &str,
        geometry_name: &str,
        select: Option<&[String]>,
    ) -> Result<Vec<Column>, SourceError> {
        let mut columns: Vec<Column> = Vec::new();
        let fields = parts.names.iter().zip(parts.table.iter().flat_map(|table| &table.fields));
        for (name, field) in fields.filter(|(name, _)| select.is_none_or(|select| select.contains(name))) {
            let kind = field.kind().map_err(|data_type| SourceError::UnsupportedColumn {
                path: parts.shp.path.clone(),
                layer: layer.to_owned(),
                column: name.clone(),
                data_type,
            })?;
            if name == geometry_name || columns.iter().any(|column| column.name == *name) {
                let reason = format!("the .dbf has two fields of the name {name:?}");
                return Err(SourceError::Malformed {
                    path: parts.shp.path.clone(),
                    format: super::FORMAT,
                    reason,
                    advice: "rename one of them, or leave them out with --select".to_owned(),
                });
            }
            columns.push(Column { name: name.clone(), field: field.clone(), kind });
        }
        Ok(columns)
    }

    fn read_range(&self, start: u64, end: u64, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let mut records = Records::new(&self.shp, &self.index, start)?;
        let mut table_buffer = self.table.as_ref().map(|table| ReadBuffer::new(&table.file));
        let record_bytes = self.table.as_ref().map_or(1, |table| table.record_bytes);
        let chunk_rows = (TABLE_CHUNK_BYTES / record_bytes).clamp(1, BATCH_ROWS) as u64;
        let mut shapes = ShapeBuilder::new();
        let mut builders: Vec<Builder> = self.columns.iter().map(|column| Builder::new(column.kind)).collect();
        let (mut rows, mut bytes) = (0, 0);
        let mut kept: Vec<u32> = Vec::new();
        let mut chunk_start = start;
        while chunk_start < end {
            let count = chunk_rows.min(end - chunk_start).min((BATCH_ROWS - rows) as u64);
            let table = match (&self.table, &mut table_buffer) {
                (Some(table), Some(buffer)) => {
                    let offset = table.header_bytes + chunk_start * record_bytes as u64;
                    let chunk = buffer.get(offset, count * record_bytes as u64)?;
                    chunk.ok_or_else(|| malformed(&table.file.path, "it ends too early"))?
                }
                _ => &[],
            };
            kept.clear();
            let mut looked_at = 0;
            for number in 0..count {
                looked_at = number + 1;
                let row = chunk_start + number;
                let content = records.next()?.map_err(|reason| {
                    malformed(&self.shp.path, format!("record {} cannot be found: {reason}", row + 1))
                })?;
                // Counts and lengths here are of a chunk, and fit.
                if table.get(number as usize * record_bytes) == Some(&dbf::DELETED)
                    || self.window.as_ref().is_some_and(|window| !shape::may_meet(content, window))
                {
                    continue;
                }
                if let Err(reason) = shapes.append(content) {
                    let place = self.place(self.geometry_name, row);
                    self.invalid.null(SourceError::Geometry { place, reason })?;
                    shapes.append_null();
                }
                kept.push(number as u32);
                if shapes.bytes() >= BATCH_BYTES {
                    break;
                }
            }
            for (column, builder) in self.columns.iter().zip(&mut builders) {
                self.append_column(column, builder, table, record_bytes, &kept, chunk_start)?;
            }
            rows += kept.len();
            bytes += kept.len() * record_bytes;
            chunk_start += looked_at;
            if rows >= BATCH_ROWS || bytes + shapes.bytes() >= BATCH_BYTES {
                if sink(self.batch(&mut builders, &mut shapes)?).is_break() {
                    return Ok(());
                }
                (rows, bytes) = (0, 0);
            }
        }
        if rows > 0 {
            // It is the last one, whether more are wanted or not.
            let _ = sink(self.batch(&mut builders, &mut shapes)?);
        }
        Ok(())
    }

    fn append_column(
        &self,
        column: &Column,
        builder: &mut Builder,
        table: &[u8],
        record_bytes: usize,
        kept: &[u32],
        chunk_start: u64,
    ) -> Result<(), SourceError> {
        let Column { name, field, .. } = column;
        let value = |number: &u32| {
            let from = *number as usize * record_bytes + field.offset;
            table.get(from..from + field.width).unwrap_or_default()
        };
        builder.append(kept.iter().map(value), &self.encoding, &mut |index, bytes, refusal| {
            let number = kept.get(index).copied().unwrap_or_default();
            let place = self.place(name, chunk_start + u64::from(number));
            let found = shown(bytes);
            match refusal {
                Refusal::Value => {
                    let error = SourceError::Value { place, declared: field.declared(), found };
                    self.invalid.null(error).map(|()| None)
                }
                Refusal::Rounded => {
                    let error = SourceError::Rounded { place, declared: field.declared(), found };
                    self.invalid.null(error).map(|()| None)
                }
                Refusal::Encoding => {
                    let error = SourceError::Encoding {
                        place,
                        encoding: self.encoding.to_string(),
                        declared_by: self.encoding.declared_by.clone(),
                        found,
                    };
                    self.invalid.text(error, || self.encoding.decode_replacing(bytes))
                }
            }
        })
    }

    fn place(&self, column: &str, row: u64) -> Box<Place> {
        Box::new(Place {
            path: self.shp.path.clone(),
            layer: self.name.clone(),
            column: column.to_owned(),
            row: RowPosition::Number(row + 1),
        })
    }

    fn batch(&self, builders: &mut [Builder], shapes: &mut ShapeBuilder) -> Result<RecordBatch, SourceError> {
        let mut columns: Vec<ArrayRef> = builders.iter_mut().map(Builder::finish).collect();
        let geometry = shapes.finish().map_err(|error| self.batch_error(error.to_string()))?;
        columns.push(geometry);
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| self.batch_error(error.to_string()))
    }

    fn batch_error(&self, reason: String) -> SourceError {
        SourceError::Batch { path: self.shp.path.clone(), layer: self.name.clone(), reason }
    }
}

/// A value for messages, without what fills the field, shortened.
fn shown(bytes: &[u8]) -> String {
    const LENGTH: usize = 40;
    let text = String::from_utf8_lossy(bytes.trim_ascii());
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

impl Layer for ShapefileLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        "ESRI Shapefile"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Records marked as deleted are counted.
    fn row_count_hint(&self) -> Option<u64> {
        Some(self.index.count())
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let count = self.index.count();
        let parts = count.div_ceil((target_rows as u64).max(1)).max(1);
        let boundary = |part: u64| (u128::from(count) * u128::from(part) / u128::from(parts)) as u64;
        let splits = (0..parts).map(|part| Split {
            index: part as usize,
            sequential: false,
            range: SplitRange::Range { start: boundary(part), end: boundary(part + 1) },
        });
        Ok(splits.collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        match split.range {
            SplitRange::Range { start, end } if start <= end && end <= self.index.count() => {
                self.read_range(start, end, sink)?;
            }
            SplitRange::Whole => self.read_range(0, self.index.count(), sink)?,
            _ => return Err(self.batch_error("the split is not one of this layer".to_owned())),
        }
        let shx = match &self.index {
            Index::Shx { shx, .. } => Some(shx),
            Index::Followed { .. } => None,
        };
        let dbf = self.table.as_ref().map(|table| &table.file);
        [Some(&self.shp), shx, dbf].into_iter().flatten().try_for_each(SourceFile::verify_unchanged)
    }

    /// Of `.shp` and `.dbf`.
    fn input_bytes(&self) -> Option<u64> {
        Some(self.shp.len() + self.table.as_ref().map_or(0, |table| table.file.len()))
    }
}

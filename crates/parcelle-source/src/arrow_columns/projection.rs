//! The columns of the file as parcelle's.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Date64Type, Field, FieldRef, Float64Type, IntervalUnit, Schema, SchemaRef};
use parcelle_crs::Crs;
use parquet::arrow::ArrowSchemaConverter;

use crate::arrow_columns::geo::StatedCrs;
use crate::arrow_columns::geometry::{Encoding, GeometryColumn};
use crate::arrow_columns::guarded;
use crate::arrow_columns::native::NativeType;
use crate::arrow_columns::wkb_column::{Refusal, WkbBuilder, from_texts, normalised};
use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::geometry_field::{crs_error, declared, geometry_field_with_edges, layer_crs};
use crate::{Curves, OpenOptions, names};

/// Children of a column that has nothing but bounding boxes.
const BOX_CHILDREN: [&str; 8] = ["xmin", "ymin", "zmin", "mmin", "xmax", "ymax", "zmax", "mmax"];

/// How a column of the output is made. Positions are those in the batches of the file.
#[derive(Debug, Clone)]
enum Source {
    /// As it is.
    Copy(usize),
    /// As another type: the values of a dictionary.
    Cast(usize),
    Wkb(usize),
    Wkt(usize),
    Native(usize, NativeType),
    Points(usize, usize),
}

/// How the batches of the file become parcelle's.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    pub(crate) schema: SchemaRef,
    /// Positions at the root of the columns to be read, in order.
    pub(crate) roots: Vec<usize>,
    sources: Vec<Source>,
    curves: Curves,
}

/// Positions at the root of the columns of bounding boxes that the file declares, and nothing else is in. They are left
/// out: the writer makes new ones.
pub(crate) fn coverings(schema: &Schema, geometry: &[GeometryColumn]) -> HashSet<usize> {
    let declared: HashSet<&str> = geometry.iter().filter_map(|column| column.covering.as_deref()).collect();
    let only_boxes = |field: &Field| match field.data_type() {
        DataType::Struct(children) => children.iter().all(|child| BOX_CHILDREN.contains(&child.name().as_str())),
        _ => false,
    };
    let fields = schema.fields().iter().enumerate();
    fields
        .filter(|(_, field)| declared.contains(field.name().as_str()) && only_boxes(field))
        .map(|(root, _)| root)
        .collect()
}

impl Projection {
    /// Keeps geometry (`crs` has an entry for each) and the columns that are selected, in the order of the file; but the
    /// primary geometry stands before other geometry, as the first one is the primary one for the writer. Fails with the
    /// name and type of a column that Parquet cannot store.
    fn new(
        schema: &Schema,
        geometry: &[GeometryColumn],
        crs: &[Option<Crs>],
        select: Option<&[String]>,
    ) -> Result<Self, (String, DataType)> {
        let select: Option<HashSet<&str>> = select.map(|names| names.iter().map(String::as_str).collect());
        let dropped = coverings(schema, geometry);
        // Geometry takes the places of geometry, the primary one the first of them.
        let places: BTreeSet<usize> = geometry.iter().map(|column| column.root).collect();
        let mut in_order: Vec<(&GeometryColumn, Option<&Crs>)> =
            geometry.iter().zip(crs.iter().map(Option::as_ref)).collect();
        if let Some(others) = in_order.get_mut(1..) {
            others.sort_by_key(|(column, _)| column.root);
        }
        let placed: Vec<_> = places.into_iter().zip(in_order).collect();

        let mut chosen: Vec<(FieldRef, Planned)> = Vec::new();
        for place in 0..=schema.fields().len() {
            if let Some((_, (column, crs))) = placed.iter().find(|(taken, _)| *taken == place) {
                let field = geometry_field_with_edges(&column.name, column.nullable, *crs, column.edges);
                let source = schema.fields().get(column.root);
                let mut metadata = source.map(|source| source.metadata().clone()).unwrap_or_default();
                // What the source said of the extension has been understood: none of it may stay where nothing replaces it.
                metadata.retain(|key, _| !key.starts_with("ARROW:extension:"));
                metadata.extend(field.metadata().clone());
                metadata.extend(column.notes.iter().cloned());
                let field = declared(field.with_metadata(metadata), column.declared_type());
                chosen.push((Arc::new(field), Planned::Geometry(column.root, column.encoding)));
                continue;
            }
            let Some(field) = schema.fields().get(place) else { continue };
            let selected = select.as_ref().is_none_or(|select| select.contains(field.name().as_str()));
            if !selected || dropped.contains(&place) {
                continue;
            }
            let output = plain(field);
            let refused = || (field.name().clone(), field.data_type().clone());
            if !storable(&output) || !can_cast_types(field.data_type(), output.data_type()) {
                return Err(refused());
            }
            let same = output.data_type() == field.data_type();
            chosen.push((output, if same { Planned::Copy(place) } else { Planned::Cast(place) }));
        }

        let needed = chosen.iter().flat_map(|(_, planned)| planned.roots());
        let roots: Vec<usize> = needed.collect::<BTreeSet<_>>().into_iter().collect();
        let position = |root: usize| roots.iter().position(|other| *other == root).unwrap_or(usize::MAX);
        let sources = chosen.iter().map(|(_, planned)| match *planned {
            Planned::Copy(root) => Source::Copy(position(root)),
            Planned::Cast(root) => Source::Cast(position(root)),
            Planned::Geometry(root, Encoding::Wkb) => Source::Wkb(position(root)),
            Planned::Geometry(root, Encoding::Wkt) => Source::Wkt(position(root)),
            Planned::Geometry(root, Encoding::Native(native)) => Source::Native(position(root), native),
            Planned::Geometry(_, Encoding::Points { x, y }) => Source::Points(position(x), position(y)),
        });
        let sources = sources.collect();
        let fields: Vec<FieldRef> = chosen.into_iter().map(|(field, _)| field).collect();
        Ok(Self { schema: Arc::new(Schema::new(fields)), roots, sources, curves: Curves::default() })
    }

    /// The projection that the options ask for. `wanted` says what a file without geometry was searched for.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        schema: &Schema,
        columns: &[GeometryColumn],
        options: &OpenOptions,
        wanted: &str,
    ) -> Result<Self, SourceError> {
        names::choose_layer(path, options.layer.as_deref(), &[(name.to_owned(), true)])?;
        if columns.is_empty() {
            return Err(SourceError::NoGeometryColumn {
                path: path.to_owned(),
                columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
                wanted: wanted.to_owned(),
            });
        }
        let dropped = coverings(schema, columns);
        let fields = schema.fields().iter().enumerate().filter(|(root, _)| !dropped.contains(root));
        let mut selectable: Vec<&str> = fields.map(|(_, field)| field.name().as_str()).collect();
        selectable
            .extend(columns.iter().filter(|column| column.root >= schema.fields().len()).map(|c| c.name.as_str()));
        names::check_selection(path, name, options.select.as_deref(), &selectable)?;

        let crs = columns.iter().map(|column| {
            layer_crs(options.crs.as_deref(), || {
                let resolved = column.crs.clone().and_then(StatedCrs::resolve);
                resolved.map_err(|reason| crs_error(path, name, reason))
            })
        });
        let crs = crs.collect::<Result<Vec<_>, _>>()?;
        let planned = Self::new(schema, columns, &crs, options.select.as_deref()).map_err(|(column, data_type)| {
            let (path, layer, data_type) = (path.to_owned(), name.to_owned(), data_type.to_string());
            SourceError::UnsupportedColumn { path, layer, column, data_type }
        })?;
        Ok(Self { curves: options.curves.clone(), ..planned })
    }

    /// Brings a batch of the file to the output's form. `is_null` is asked, by column and row, whether a geometry that is
    /// not sound becomes NULL.
    pub(crate) fn apply(
        &self,
        batch: &RecordBatch,
        mut is_null: impl FnMut(&str, usize, &GeometryReason) -> bool,
    ) -> Result<RecordBatch, Fault> {
        let mut arrays = Vec::with_capacity(self.sources.len());
        for (source, field) in self.sources.iter().zip(self.schema.fields()) {
            let column = |position: usize| {
                let column = batch.columns().get(position);
                column.ok_or_else(|| Fault::Batch(format!("column {} was not read", field.name())))
            };
            let refused = |(row, refusal)| Fault::Row { column: field.name().clone(), row, refusal };
            arrays.push(match source {
                Source::Copy(position) => Arc::clone(column(*position)?),
                Source::Cast(position) => {
                    let column = column(*position)?;
                    if let Some(row) = time_of_day(column) {
                        return Err(refused((row, Refusal::Other("a date with a time of day".to_owned()))));
                    }
                    let values = cast(column, field.data_type());
                    values.map_err(|error| Fault::Batch(format!("column {}: {error}", field.name())))?
                }
                Source::Wkt(position) => {
                    let mut is_null = |row: usize, reason: &GeometryReason| is_null(field.name(), row, reason);
                    from_texts(column(*position)?, &self.curves, &mut is_null).map_err(refused)?
                }
                Source::Wkb(position) => {
                    let mut is_null = |row: usize, reason: &GeometryReason| is_null(field.name(), row, reason);
                    normalised(column(*position)?, &self.curves, &mut is_null).map_err(refused)?
                }
                Source::Native(position, native) => {
                    let wkb = native.to_wkb(column(*position)?);
                    Arc::new(wkb.map_err(|(row, reason)| refused((row, Refusal::Other(reason))))?)
                }
                Source::Points(x, y) => points(column(*x)?, column(*y)?).map_err(refused)?,
            });
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| Fault::Batch(error.to_string()))
    }
}

/// As [`Source`], with positions at the root.
enum Planned {
    Copy(usize),
    Cast(usize),
    Geometry(usize, Encoding),
}

impl Planned {
    fn roots(&self) -> Vec<usize> {
        match *self {
            Self::Geometry(_, Encoding::Points { x, y }) => vec![x, y],
            Self::Copy(root) | Self::Cast(root) | Self::Geometry(root, _) => vec![root],
        }
    }
}

/// What can be wrong with a batch.
#[derive(Debug)]
pub(crate) enum Fault {
    Batch(String),
    Row { column: String, row: usize, refusal: Refusal },
}

impl Fault {
    /// The error; `number` gives the number of a row in the layer, from 1, by its place in the batch.
    pub(crate) fn located(self, path: &Path, layer: &str, number: impl Fn(u64) -> u64) -> SourceError {
        let (path, layer) = (path.to_owned(), layer.to_owned());
        match self {
            Self::Batch(reason) => SourceError::Batch { path, layer, reason },
            Self::Row { column, row, refusal } => {
                let row = number(row as u64);
                match refusal {
                    Refusal::Geometry(reason) => {
                        let place = Place { path, layer, column, row: RowPosition::Number(row) };
                        SourceError::Geometry { place: Box::new(place), reason }
                    }
                    Refusal::Other(reason) => {
                        let reason =
                            format!("column {column}, row number {row}: {reason}: correct or delete it in the source");
                        SourceError::Batch { path, layer, reason }
                    }
                }
            }
        }
    }
}

/// Points of two columns of numbers; where one of them is null, so is the point.
fn points(x: &ArrayRef, y: &ArrayRef) -> Result<ArrayRef, (usize, Refusal)> {
    let doubles =
        |array: &ArrayRef| cast(array, &DataType::Float64).map_err(|error| (0, Refusal::Other(error.to_string())));
    let (x, y) = (doubles(x)?, doubles(y)?);
    let (x, y) = (x.as_primitive::<Float64Type>(), y.as_primitive::<Float64Type>());
    let mut builder = WkbBuilder::new(x.len());
    let mut wkb = vec![1, 1, 0, 0, 0];
    for (row, position) in x.iter().zip(y).enumerate() {
        let (Some(x), Some(y)) = position else {
            builder.append_null();
            continue;
        };
        wkb.truncate(5);
        wkb.extend_from_slice(&x.to_le_bytes());
        wkb.extend_from_slice(&y.to_le_bytes());
        builder.append(&wkb).map_err(|reason| (row, Refusal::Other(reason)))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// The first row of a column of dates in milliseconds that has a time of day, which the format does not allow.
fn time_of_day(column: &ArrayRef) -> Option<usize> {
    const DAY: i64 = 86_400_000;
    let dates = column.as_primitive_opt::<Date64Type>()?;
    dates.iter().position(|date| date.is_some_and(|date| date % DAY != 0))
}

/// A field of plain values: dictionaries and runs, at any depth, become the type of their values; dates have days.
fn plain(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        // Stored in Parquet as it is, a date of 64 bits is a bare number for other readers than Arrow's.
        DataType::Date64 => DataType::Date32,
        DataType::Dictionary(_, value) if **value == DataType::Date64 => DataType::Date32,
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::RunEndEncoded(_, values) => plain(values).data_type().clone(),
        DataType::List(item) => DataType::List(plain(item)),
        DataType::LargeList(item) => DataType::LargeList(plain(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain(item), *size),
        DataType::Struct(children) => DataType::Struct(children.iter().map(plain).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain(entries), *sorted),
        _ => return Arc::clone(field),
    };
    if data_type == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Whether Arrow's writer can store the field.
fn storable(field: &FieldRef) -> bool {
    let schema = Schema::new(vec![Arc::clone(field)]);
    !has_month_day_nano(field.data_type())
        && guarded(|| ArrowSchemaConverter::new().convert(&schema)).is_ok_and(|schema| schema.num_columns() > 0)
}

/// Intervals with nanoseconds have a place in the schema of Parquet, but no form in its pages.
fn has_month_day_nano(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(unit) => *unit == IntervalUnit::MonthDayNano,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_month_day_nano(item.data_type()),
        DataType::Struct(children) => children.iter().any(|child| has_month_day_nano(child.data_type())),
        _ => false,
    }
}

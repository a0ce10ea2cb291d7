//! The records of a file as a [`Layer`].

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use parcelle_crs::Crs;

use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::geojson::columns::{Plan, Rows};
use crate::geojson::envelope::{self, Framing, Members};
use crate::geojson::json::Reason;
use crate::geojson::source::{SourceFile, Tuning, Window};
use crate::geojson::survey::{Step, Survey, survey};
use crate::geometry_field::{crs_error, geometry_field, layer_crs};
use crate::inference::ValueType;
use crate::invalid::InvalidValues;
use crate::names;
use crate::{BatchSink, FieldInfo, Layer, LayerInfo, OpenOptions, Split, SplitRange};

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// The one layer of a GeoJSON file.
#[derive(Debug)]
pub(crate) struct GeoJsonLayer {
    file: SourceFile,
    name: String,
    framing: Framing,
    survey: Survey,
    plan: Plan,
    schema: SchemaRef,
    crs: Option<Crs>,
    invalid: InvalidValues,
}

impl GeoJsonLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        Self::open_tuned(path, options, Tuning::default())
    }

    pub(crate) fn open_tuned(path: &Path, options: &OpenOptions, tuning: Tuning) -> Result<Self, SourceError> {
        let file = SourceFile::open(path, tuning)?;
        let head = envelope::head(&file)?;
        let survey = survey(&file, &head.framing, head.first, options.thread_count(), &options.interrupt)?;
        let members = match head.framing {
            Framing::Collection(_) => envelope::tail(&file, survey.end, &head.members)?,
            _ => head.members,
        };
        let stem = || path.file_stem().map_or_else(|| "layer".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let name = members.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(stem);
        names::choose_layer(path, options.layer.as_deref(), &[(name.clone(), true)])?;
        let crs = layer_crs(options.crs.as_deref(), || source_crs(path, &name, &head.framing, &members, &survey))?;

        let properties = survey.inference.names.iter().zip(&survey.inference.types);
        let mut properties: Vec<(String, Option<ValueType>)> = properties
            .map(|(name, value_type)| (String::from_utf8_lossy(name).into_owned(), Some(*value_type)))
            .collect();
        let (id_name, geometry_name) = {
            let taken = |name: &str| properties.iter().any(|(property, _)| property.eq_ignore_ascii_case(name));
            (free_name(["id", "feature_id"], taken), free_name(["geometry", "wkb_geometry"], taken))
        };
        let has_id = survey.inference.id.is_some();
        let all: Vec<&str> = has_id
            .then_some(id_name.as_str())
            .into_iter()
            .chain(properties.iter().map(|(name, _)| name.as_str()))
            .chain(std::iter::once(geometry_name.as_str()))
            .collect();
        let select = options.select.as_deref();
        names::check_selection(path, &name, select, &all)?;
        let kept = |name: &String| select.is_none_or(|select| select.contains(name));
        let id = survey.inference.id.filter(|_| kept(&id_name));
        for (name, value_type) in &mut properties {
            if !kept(name) {
                *value_type = None;
            }
        }
        let fields = id.map(|value_type| (&id_name, value_type)).into_iter();
        let fields = fields.chain(properties.iter().filter_map(|(name, value_type)| Some((name, (*value_type)?))));
        let fields = fields.map(|(name, value_type)| field(name, value_type));
        let fields = fields.chain(std::iter::once(geometry_field(&geometry_name, true, crs.as_ref())));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let (plan, invalid) = (Plan { id, properties }, options.invalid.clone());
        Ok(Self { file, name, framing: head.framing, survey, plan, schema, crs, invalid })
    }

    pub(crate) fn info(&self) -> LayerInfo {
        let fields = self.schema.fields().iter();
        let fields = fields.take(self.schema.fields().len().saturating_sub(1));
        LayerInfo {
            name: self.name.clone(),
            rows: Some(self.survey.index.rows()),
            geometry: Some(self.survey.inference.geometry_text()),
            crs: self.crs.as_ref().map(ToString::to_string),
            fields: fields
                .map(|field| FieldInfo { name: field.name().clone(), type_name: field.data_type().to_string() })
                .collect(),
        }
    }

    fn batch_error(&self, reason: impl ToString) -> SourceError {
        SourceError::Batch { path: self.file.path.clone(), layer: self.name.clone(), reason: reason.to_string() }
    }

    fn invalid_geometry(&self, row: u64, reason: String) -> SourceError {
        let column = self.schema.fields().last().map_or_else(String::new, |field| field.name().clone());
        let (path, layer, row) = (self.file.path.clone(), self.name.clone(), RowPosition::Number(row));
        let reason = GeometryReason::Text { format: "the geometry", reason };
        SourceError::Geometry { place: Box::new(Place { path, layer, column, row }), reason }
    }

    /// The blocks of the file between two records: each is read on its own.
    fn blocks(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let blocks = &self.survey.blocks;
        let (first, last) =
            (blocks.partition_point(|start| *start <= range.start), blocks.partition_point(|start| *start < range.end));
        let inner = blocks.get(first..last.max(first)).unwrap_or_default();
        let starts = std::iter::once(range.start).chain(inner.iter().copied());
        let ends = inner.iter().copied().chain(std::iter::once(range.end));
        starts.zip(ends).map(|(start, end)| start..end)
    }

    /// Reads the rows from `first` (from 0) up to `last` that are between these bytes.
    fn read_rows(&self, first: u64, last: u64, range: Range<u64>, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let mut rows = Rows::new(Arc::clone(&self.schema), &self.plan, !self.invalid.are_errors())
            .map_err(|text| self.batch_error(text))?;
        let mut window = Window::default();
        let mut number = first;
        for block in self.blocks(range) {
            self.file.load(&mut window, block.start, block.end - block.start)?;
            let mut bytes = window.from(block.start);
            while !bytes.is_empty() {
                let step = self.framing.step_in_block(bytes, &mut rows);
                let (after, is_record) = step.map_err(|fault| {
                    let offset = block.end - bytes.len() as u64 + fault.at as u64;
                    match fault.reason {
                        // All of it was there when the file was opened.
                        Reason::End => self.file.changed(),
                        _ if self.file.verify_unchanged().is_err() => self.file.changed(),
                        reason => self.file.malformed(Some(number + 1), offset, &reason),
                    }
                })?;
                number += u64::from(is_record);
                if let Some(reason) = rows.take_invalid() {
                    self.invalid.null(self.invalid_geometry(number, reason.into_owned()))?;
                }
                bytes = bytes.get(after..).unwrap_or_default();
                if is_record && (rows.count >= BATCH_ROWS || rows.bytes >= BATCH_BYTES) {
                    let batch = rows.finish().map_err(|error| self.batch_error(error))?;
                    if sink(batch).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        if number != last {
            return Err(self.file.changed());
        }
        if rows.count > 0 {
            let batch = rows.finish().map_err(|error| self.batch_error(error))?;
            // It is the last one, whether more are wanted or not.
            let _: ControlFlow<()> = sink(batch);
        }
        self.file.verify_unchanged()
    }
}

impl Framing {
    /// Walks a record of a block that ends where a record does; gives where the next one begins, and whether it was one.
    fn step_in_block(&self, bytes: &[u8], rows: &mut Rows) -> Result<(usize, bool), crate::geojson::json::Fault> {
        if let Self::Collection(_) = self {
            let mut cursor = crate::geojson::json::Cursor::new(bytes);
            crate::geojson::record::walk(&mut cursor, rows, false)?;
            cursor.space();
            // No comma follows the last record of the array.
            if cursor.at < bytes.len() && !cursor.take(b',')? {
                return cursor.unexpected("',' after a Feature");
            }
            cursor.space();
            return Ok((cursor.at, true));
        }
        match self.step(bytes, true, rows)? {
            Step::Next { after, is_record, .. } => Ok((after, is_record)),
            Step::Last { after, .. } => Ok((after, true)),
        }
    }
}

/// The first of these names that is not taken, or the last with a number.
fn free_name(names: [&str; 2], taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2u32..).map(|number| format!("{}_{number}", names[1]));
    names.map(str::to_owned).into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

fn field(name: &str, value_type: ValueType) -> Field {
    let field = Field::new(name, value_type.data_type(), true);
    match value_type {
        ValueType::Json => field.with_metadata(
            [("ARROW:extension:name", "arrow.json"), ("ARROW:extension:metadata", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        ),
        _ => field,
    }
}

/// What the file says: the member `crs` of the root object, and without one longitude and latitude (RFC 7946, section 4).
fn source_crs(
    path: &Path,
    layer: &str,
    framing: &Framing,
    members: &Members,
    survey: &Survey,
) -> Result<Option<Crs>, SourceError> {
    let failed = |reason: String| crs_error(path, layer, reason);
    if let (Some((row, place)), false) = (&survey.crs, *framing == Framing::Single) {
        return Err(failed(format!(
            "feature {row} has a `crs` of its own (byte {}), and all features of a layer need the same one",
            place.start
        )));
    }
    match &members.crs {
        Some(text) => envelope::crs_of(text).map_err(|reason| failed(reason.into_owned())),
        None => Crs::from_definition("OGC:CRS84").map(Some).map_err(|error| failed(error.to_string())),
    }
}

impl Layer for GeoJsonLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        match self.framing {
            Framing::Delimited(_) => "GeoJSONSeq",
            _ => "GeoJSON",
        }
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        Some(self.survey.index.rows())
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let ranges = self.survey.index.ranges(target_rows).enumerate();
        let split = |(index, (start, end))| Split { index, sequential: false, range: SplitRange::Range { start, end } };
        Ok(ranges.map(split).collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let index = &self.survey.index;
        let entry = |entry| index.entry(entry, self.survey.end);
        let SplitRange::Range { start, end } = split.range else {
            return Err(self.batch_error("the split is not one of this layer"));
        };
        match (entry(start), entry(end)) {
            (Some((first, from)), Some((last, to))) if first < last => self.read_rows(first, last, from..to, sink),
            _ => Err(self.batch_error("the split is not one of this layer")),
        }
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.file.len())
    }

    fn is_typed(&self, column: usize) -> bool {
        let properties = self.plan.properties.iter().filter_map(|(_, value_type)| *value_type);
        self.plan.id.into_iter().chain(properties).nth(column) != Some(ValueType::Null)
    }
}

//! A CSV file as a [`Layer`].

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, BinaryBuilder, RecordBatch};
use arrow::datatypes::SchemaRef;

use crate::csv::file::CsvFile;
use crate::csv::geometry::{self, Candidate, Format, ordinate, point, shortened};
use crate::csv::header::{Header, text};
use crate::csv::proof::Proof;
use crate::csv::records::{Records, Stop};
use crate::csv::sample::{self, Sample};
use crate::csv::shape::{Output, Shape, points_name};
use crate::csv::survey::{self, CHUNK_BYTES, Plan, Survey, ragged};
use crate::csv::value::Builder;
use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::inference::ValueType;
use crate::invalid::InvalidValues;
use crate::names;
use crate::{BatchSink, Curves, Layer, OpenOptions, Split, SplitRange};

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// A CSV file.
#[derive(Debug)]
pub(crate) struct CsvLayer {
    file: CsvFile,
    curves: Curves,
    name: String,
    header: Header,
    outputs: Vec<Output>,
    schema: SchemaRef,
    extent: Extent,
    invalid: InvalidValues,
}

/// What is known of the rows before they are read.
#[derive(Debug)]
enum Extent {
    /// How many there are, and where records begin: every few hundred rows.
    Surveyed { rows: u64, marks: Vec<(u64, u64)> },
    /// How long a record is on the average, and what has to be proved.
    Sampled { record_bytes: u64, proof: Proof },
}

/// Why a value has no place in its column.
enum Refusal {
    Value(ValueType),
    Geometry(GeometryReason),
}

impl CsvLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        Self::open_in_chunks(path, options, CHUNK_BYTES)
    }

    pub(crate) fn open_in_chunks(path: &Path, options: &OpenOptions, chunk_bytes: u64) -> Result<Self, SourceError> {
        let file = CsvFile::open(path)?;
        let name = file.layer_name();
        names::choose_layer(path, options.layer.as_deref(), &[(name.clone(), true)])?;
        let header = Header::read(&file)?;
        let select = options.select.as_deref();
        let candidates = geometry::candidates(&header.names);
        let plans = plans(&header.names, select, &candidates);
        if candidates.is_empty() {
            // Nothing in the rows could change that.
            return Err(geometry::choose(&file, &header.names, &[], |_| None)
                .err()
                .unwrap_or(SourceError::Interrupted));
        }
        let points_name = points_name(&header.names);
        let mut available: Vec<&str> = header.names.iter().map(String::as_str).collect();
        if candidates.iter().any(|candidate| !matches!(candidate, Candidate::Text(_))) {
            available.push(&points_name);
        }
        names::check_selection(path, &name, select, &available)?;
        let (shape, extent) = match concluded_from_sample(&file, &header, &plans, &candidates, options)? {
            Some(concluded) => concluded,
            None => {
                let (threads, interrupt) = (options.thread_count(), &options.interrupt);
                let survey = survey::survey(&file, &header, &plans, threads, interrupt, chunk_bytes);
                // What looks wrong may be that the file is being written.
                let survey = survey.map_err(|error| file.verify_unchanged().err().unwrap_or(error))?;
                file.verify_unchanged()?;
                let Survey { columns, rows, marks } = survey;
                (Shape::of(&file, &header, &candidates, &columns, options)?, Extent::Surveyed { rows, marks })
            }
        };
        file.verify_unchanged()?;
        let Shape { outputs, schema, .. } = shape;
        let (curves, invalid) = (options.curves.clone(), options.invalid.clone());
        Ok(Self { file, name, header, outputs, schema, extent, curves, invalid })
    }

    fn proof(&self) -> Option<&Proof> {
        match &self.extent {
            Extent::Surveyed { .. } => None,
            Extent::Sampled { proof, .. } => Some(proof),
        }
    }

    fn not_as_sampled(&self, reason: String) -> SourceError {
        SourceError::NotAsSampled { path: self.file.path().to_owned(), reason }
    }

    fn read_range(&self, start: u64, end: u64, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let columns = self.header.names.len();
        let quote = self.header.dialect.quote;
        let stopped = |stop: Stop| match stop {
            Stop::Source(error) => error,
            Stop::Broken { offset, kind } => self.file.broken(offset, kind),
            Stop::TooFar => SourceError::Changed { path: self.file.path().to_owned() },
        };
        // One byte more: a carriage return at the end of the range may have a line feed after it.
        let mut records = Records::new(&self.file, self.header.dialect, columns, start, end.saturating_add(1));
        // A field takes a byte and its delimiter, if not more.
        let room =
            BATCH_ROWS.min(usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX) / (2 * columns).max(1));
        let mut appenders: Vec<Appender> =
            self.outputs.iter().map(|output| Appender::new(*output, &self.curves, room)).collect();
        let (mut scratch, mut rows, mut bytes) = (Vec::new(), 0, 0);
        let mut text_scratch = String::new();
        let mut witness = self.proof().map(Proof::witness);
        while records.next_start().map_err(stopped)? < end && records.advance().map_err(stopped)? {
            let offset = records.offset(records.record.start);
            if records.count != columns {
                return Err(ragged(&self.file, &self.header, offset, records.count));
            }
            let value = |column: usize, scratch: &'_ mut Vec<u8>, append: &mut dyn FnMut(&[u8], bool)| {
                if let Some(field) = records.fields.get(column) {
                    append(field.value(records.bytes(), quote, scratch), field.quoted);
                }
            };
            let record = text(&records).map_err(|found| self.file.not_text(found))?;
            if let Some(witness) = &mut witness {
                witness.record(&records, quote, offset);
            }
            for (index, appender) in appenders.iter_mut().enumerate() {
                let appended = match appender {
                    Appender::Attribute { column, builder, value_type } => match records.fields.get(*column) {
                        Some(field) => {
                            let text = field.text(record, records.record.start, quote, &mut text_scratch);
                            let appended = match witness.as_mut().and_then(|witness| witness.found(index)) {
                                Some(found) => builder.append_unproved(text, field.quoted, *value_type, found),
                                None => builder.append(text, field.quoted),
                            };
                            if appended.is_none() && witness.is_some() {
                                let value = shortened(text.as_bytes());
                                return Err(self.not_as_sampled(format!("there is the value {value}")));
                            }
                            appended.ok_or(Refusal::Value(*value_type))
                        }
                        None => Err(Refusal::Value(*value_type)),
                    },
                    Appender::Geometry { column, format, builder } => {
                        let mut result = Ok(());
                        value(*column, &mut scratch, &mut |text, _| result = builder.text(*format, text));
                        result.map_err(Refusal::Geometry)
                    }
                    Appender::Pair { x, y, builder } => {
                        let (mut of_x, mut of_y) = (Ordinate::Empty, Ordinate::Empty);
                        value(*x, &mut scratch, &mut |text, _| of_x = Ordinate::of(text));
                        value(*y, &mut scratch, &mut |text, _| of_y = Ordinate::of(text));
                        builder.pair(of_x, of_y).map_err(Refusal::Geometry)
                    }
                    Appender::Point { column, builder } => {
                        let mut result = Ok(());
                        value(*column, &mut scratch, &mut |text, _| result = builder.point(text));
                        result.map_err(Refusal::Geometry)
                    }
                };
                match appended {
                    Ok(()) => {}
                    // Types come from all values: one that does not fit now was not there then.
                    Err(refusal @ Refusal::Value(_)) => return Err(self.refused(index, offset, refusal, &records)),
                    Err(refusal) => {
                        self.invalid.null(self.refused(index, offset, refusal, &records))?;
                        appender.append_null();
                    }
                }
            }
            rows += 1;
            // A value takes about as many bytes as it has characters, and a few where there is none.
            bytes += records.record.len() + 4 * appenders.len();
            if rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
                if sink(self.batch(&mut appenders)?).is_break() {
                    return Ok(());
                }
                (rows, bytes) = (0, 0);
            }
        }
        if let Some(witness) = witness {
            let next = records.next_start().map_err(stopped)?;
            if next != end {
                return Err(self.not_as_sampled(format!("a record ends at byte {next}, not at {end}")));
            }
            witness.finish(start, end);
        }
        if rows > 0 {
            // It is the last one, whether more are wanted or not.
            let _ = sink(self.batch(&mut appenders)?);
        }
        Ok(())
    }

    fn batch(&self, appenders: &mut [Appender]) -> Result<RecordBatch, SourceError> {
        let columns = appenders.iter_mut().map(Appender::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| self.batch_error(error.to_string()))
    }

    fn batch_error(&self, reason: String) -> SourceError {
        SourceError::Batch { path: self.file.path().to_owned(), layer: self.name.clone(), reason }
    }

    #[cold]
    fn refused(&self, index: usize, offset: u64, refusal: Refusal, records: &Records<'_>) -> SourceError {
        let line = match self.file.line(offset) {
            Ok(line) => line,
            Err(error) => return error,
        };
        let place = Box::new(Place {
            path: self.file.path().to_owned(),
            layer: self.name.clone(),
            column: self.schema.fields().get(index).map_or_else(String::new, |field| field.name().clone()),
            row: RowPosition::Line(line),
        });
        match refusal {
            Refusal::Geometry(reason) => SourceError::Geometry { place, reason },
            Refusal::Value(value_type) => {
                let column = match self.outputs.get(index) {
                    Some(Output::Attribute { column, .. }) => *column,
                    _ => usize::MAX,
                };
                let text = records.fields.get(column).map_or(&b""[..], |field| field.raw(records.bytes()));
                SourceError::Value { place, declared: value_type.data_type().to_string(), found: shortened(text) }
            }
        }
    }
}

/// What a sample of a large file leads to, where it may and can be concluded from one.
fn concluded_from_sample(
    file: &CsvFile,
    header: &Header,
    plans: &[Plan],
    candidates: &[Candidate],
    options: &OpenOptions,
) -> Result<Option<(Shape, Extent)>, SourceError> {
    if options.sample_from.is_none_or(|least| file.bytes() < least) {
        return Ok(None);
    }
    let sampled = std::thread::scope(|scope| {
        // What the reference system is looked up by is loaded meanwhile; whoever needs it learns whether that worked.
        #[cfg(feature = "gdal")]
        if options.crs.as_ref().is_some_and(|crs| crs.to_ascii_uppercase().starts_with("EPSG:")) {
            scope.spawn(parcelle_crs::proj_ready);
        }
        #[cfg(not(feature = "gdal"))]
        let _ = scope;
        sample::sample(file, header, plans, options.thread_count(), &options.interrupt)
    })?;
    let Some(Sample { columns, head, record_bytes }) = sampled else { return Ok(None) };
    // What is wrong is for the survey to say: the sample need not have the first of it.
    let Ok(shape) = Shape::of(file, header, candidates, &columns, options) else { return Ok(None) };
    let certain = |column: usize| head.get(column).map_or(ValueType::Null, |found| found.value_type);
    let types = shape.outputs.iter().map(|output| match output {
        Output::Attribute { column, value_type } => (*value_type, certain(*column)),
        _ => (ValueType::Null, ValueType::Null),
    });
    let has_values =
        |column: usize| columns.get(column).and_then(|found| found.evidence.as_ref()).is_some_and(|found| found.any);
    let proof = Proof::new(types.collect(), candidates, shape.chosen, shape.said_crs.clone(), has_values);
    Ok(proof.map(|proof| (shape, Extent::Sampled { record_bytes, proof })))
}

/// Ranges of about as many rows as the target, from the boundaries that the survey has noted to the end of the file.
fn grouped(marks: &[(u64, u64)], rows: u64, target: u64, file_end: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let Some(&(mut start, mut before)) = marks.first() else { return ranges };
    let mut previous = (start, before);
    // A split ends at the last boundary with no more rows than wanted, but has at least those up to the next one.
    for &(offset, number) in marks.iter().skip(1) {
        if number - before > target && previous.0 > start {
            ranges.push(start..previous.0);
            (start, before) = previous;
        }
        previous = (offset, number);
    }
    if rows - before > target && previous.0 > start {
        ranges.push(start..previous.0);
        start = previous.0;
    }
    ranges.push(start..file_end);
    ranges
}

/// What has to be looked at of each column.
fn plans(names: &[String], select: Option<&[String]>, candidates: &[Candidate]) -> Vec<Plan> {
    let wanted = |name: &String| select.is_none_or(|select| select.contains(name));
    let mut plans: Vec<Plan> = names.iter().map(|name| Plan { typed: wanted(name), role: None }).collect();
    for (column, role) in candidates.iter().flat_map(|candidate| candidate.roles()) {
        if let Some(plan) = plans.get_mut(column) {
            plan.role = Some(role);
        }
    }
    plans
}

/// Collects the values of an output column.
enum Appender {
    Attribute { column: usize, builder: Builder, value_type: ValueType },
    Geometry { column: usize, format: Format, builder: GeometryBuilder },
    Pair { x: usize, y: usize, builder: GeometryBuilder },
    Point { column: usize, builder: GeometryBuilder },
}

impl Appender {
    fn new(output: Output, curves: &Curves, rows: usize) -> Self {
        let builder = GeometryBuilder { curves: curves.clone(), ..GeometryBuilder::default() };
        match output {
            Output::Attribute { column, value_type } => {
                Self::Attribute { column, builder: Builder::new(value_type, rows, 8 * rows), value_type }
            }
            Output::Geometry { column, format } => Self::Geometry { column, format, builder },
            Output::Pair { x, y } => Self::Pair { x, y, builder },
            Output::Point { column } => Self::Point { column, builder },
        }
    }

    /// Appends a row without geometry.
    fn append_null(&mut self) {
        match self {
            Self::Attribute { .. } => {}
            Self::Geometry { builder, .. } | Self::Pair { builder, .. } | Self::Point { builder, .. } => {
                builder.values.append_null();
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Attribute { builder, value_type, .. } => builder.finish(*value_type),
            Self::Geometry { builder, .. } | Self::Pair { builder, .. } | Self::Point { builder, .. } => {
                let (rows, bytes) = (builder.values.len(), builder.values.values_slice().len());
                let next = BinaryBuilder::with_capacity(rows, (bytes + bytes / 8).min(BATCH_BYTES));
                Arc::new(std::mem::replace(&mut builder.values, next).finish())
            }
        }
    }
}

/// One of two coordinates.
#[derive(Clone, Copy, PartialEq)]
enum Ordinate {
    Empty,
    Number(f64),
    Wrong,
}

impl Ordinate {
    fn of(text: &[u8]) -> Self {
        if text.trim_ascii().is_empty() { Self::Empty } else { ordinate(text).map_or(Self::Wrong, Self::Number) }
    }
}

#[derive(Default)]
struct GeometryBuilder {
    curves: Curves,
    values: BinaryBuilder,
    scratch: Vec<u8>,
    wkb: Vec<u8>,
}

impl GeometryBuilder {
    fn text(&mut self, format: Format, text: &[u8]) -> Result<(), GeometryReason> {
        let text = text.trim_ascii();
        if text.is_empty() {
            self.values.append_null();
            return Ok(());
        }
        format.wkb(text, &self.curves, &mut self.scratch, &mut self.wkb)?;
        self.values.append_value(&self.wkb);
        Ok(())
    }

    fn pair(&mut self, x: Ordinate, y: Ordinate) -> Result<(), GeometryReason> {
        match (x, y) {
            (Ordinate::Empty, Ordinate::Empty) => self.values.append_null(),
            (Ordinate::Number(x), Ordinate::Number(y)) => self.append_point(x, y),
            (Ordinate::Wrong, _) | (_, Ordinate::Wrong) => {
                let reason = "not a number".to_owned();
                return Err(GeometryReason::Text { format: "a coordinate", reason });
            }
            _ => {
                let reason = "one coordinate without the other".to_owned();
                return Err(GeometryReason::Text { format: "the point", reason });
            }
        }
        Ok(())
    }

    fn point(&mut self, text: &[u8]) -> Result<(), GeometryReason> {
        if text.trim_ascii().is_empty() {
            self.values.append_null();
            return Ok(());
        }
        let reason = || "not `latitude, longitude`".to_owned();
        let (x, y) = point(text).ok_or_else(|| GeometryReason::Text { format: "the point", reason: reason() })?;
        self.append_point(x, y);
        Ok(())
    }

    fn append_point(&mut self, x: f64, y: f64) {
        self.wkb.clear();
        self.wkb.extend_from_slice(&[1, 1, 0, 0, 0]);
        self.wkb.extend_from_slice(&x.to_le_bytes());
        self.wkb.extend_from_slice(&y.to_le_bytes());
        self.values.append_value(&self.wkb);
    }
}

impl Layer for CsvLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        "CSV"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// They were counted when the types were found, unless a sample had to do.
    fn row_count_hint(&self) -> Option<u64> {
        match &self.extent {
            Extent::Surveyed { rows, .. } => Some(*rows),
            Extent::Sampled { .. } => None,
        }
    }

    fn row_count_estimate(&self) -> Option<u64> {
        Some(match &self.extent {
            Extent::Surveyed { rows, .. } => *rows,
            Extent::Sampled { record_bytes, .. } => (self.file.bytes() - self.header.end) / record_bytes,
        })
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let target = (target_rows as u64).max(1);
        let ranges = match &self.extent {
            Extent::Surveyed { rows, marks } => grouped(marks, *rows, target, self.file.bytes()),
            Extent::Sampled { record_bytes, .. } => {
                let cut = sample::cut(&self.file, &self.header, target.saturating_mul(*record_bytes));
                cut.ok_or_else(|| self.not_as_sampled("there are very long records".to_owned()))?
            }
        };
        let split =
            |(index, Range { start, end })| Split { index, sequential: false, range: SplitRange::Range { start, end } };
        Ok(ranges.into_iter().enumerate().map(split).collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let SplitRange::Range { start, end } = split.range else {
            return Err(self.batch_error("the split is not one of this layer".to_owned()));
        };
        let read = self.read_range(start, end, sink);
        // Whatever went wrong, a file that changed is the reason.
        self.file.verify_unchanged()?;
        read.map_err(|error| match error {
            // Where records begin is not known for certain yet, and what follows from it may be nonsense.
            error if self.is_sampled() && !matches!(error, SourceError::NotAsSampled { .. }) => {
                self.not_as_sampled(error.to_string())
            }
            error => error,
        })
    }

    fn is_sampled(&self) -> bool {
        self.proof().is_some()
    }

    fn prove(&self) -> Result<(), SourceError> {
        let check = self.proof().map_or(Ok(()), |proof| proof.check(&self.file, &self.header));
        check.map_err(|reason| self.not_as_sampled(reason))
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.file.bytes())
    }

    fn is_typed(&self, column: usize) -> bool {
        !matches!(self.outputs.get(column), Some(Output::Attribute { value_type: ValueType::Null, .. }))
    }
}

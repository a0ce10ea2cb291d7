//! Records into Arrow columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, NullBufferBuilder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::date_time::{self, DateTime};
use crate::geojson::geometry::GeometryWriter;
use crate::geojson::json::{Cursor, Fault, Reason};
use crate::geojson::record::{Names, Visitor};
use crate::inference::ValueType;

/// Collects the values of a column.
enum Column {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    /// Strings as what they say, anything else as it is written.
    Text(StringBuilder, Vec<u8>),
    /// Everything as it is written.
    Json(StringBuilder),
}

/// Calls `$call` with the Arrow builder of whatever column.
macro_rules! with_builder {
    ($self:expr, $builder:ident => $call:expr) => {
        match $self {
            Self::Boolean($builder) => $call,
            Self::Integer($builder) => $call,
            Self::Float($builder) => $call,
            Self::Date($builder) => $call,
            Self::Instant($builder) => $call,
            Self::Text($builder, _) | Self::Json($builder) => $call,
        }
    };
}

/// The whole file was read when it was opened, and every value fitted.
fn changed<T>(at: usize) -> Result<T, Fault> {
    Err(Fault::new(at, "not what was there when the file was opened: it has changed since"))
}

impl Column {
    fn new(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ValueType::Integer | ValueType::LargeInteger => Self::Integer(Int64Builder::new()),
            ValueType::Float => Self::Float(Float64Builder::new()),
            ValueType::Date => Self::Date(Date32Builder::new()),
            ValueType::DateTime | ValueType::Instant => {
                Self::Instant(TimestampMicrosecondBuilder::new().with_data_type(value_type.data_type()))
            }
            ValueType::Null | ValueType::Text => Self::Text(StringBuilder::new(), Vec::new()),
            ValueType::Json => Self::Json(StringBuilder::new()),
        }
    }

    fn null(&mut self) {
        with_builder!(self, builder => builder.append_null());
    }

    fn finish(&mut self) -> ArrayRef {
        with_builder!(self, builder => Arc::new(builder.finish()))
    }

    /// Takes a value, and says about how many bytes it needs.
    #[inline]
    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
        let (start, first) = (cursor.at, cursor.peek()?);
        if first == b'n' {
            cursor.literal(b"null")?;
            self.null();
            return Ok(4);
        }
        match self {
            Self::Boolean(builder) => match first {
                b't' => cursor.literal(b"true").map(|()| builder.append_value(true))?,
                b'f' => cursor.literal(b"false").map(|()| builder.append_value(false))?,
                _ => return changed(start),
            },
            Self::Integer(builder) => match number(first, cursor)?.integer() {
                Some(value) => builder.append_value(value),
                None => return changed(start),
            },
            Self::Float(builder) => match number(first, cursor)?.float() {
                Some(value) => builder.append_value(value),
                None => return changed(start),
            },
            Self::Date(builder) => match string(first, cursor).map(|text| date_time::days(&text))? {
                Some(value) => builder.append_value(value),
                None => return changed(start),
            },
            Self::Instant(builder) => match string(first, cursor).map(|text| DateTime::parse(&text))? {
                Some(time) => builder.append_value(time.microseconds),
                None => return changed(start),
            },
            Self::Text(builder, scratch) => {
                let bytes = if first == b'"' {
                    let text = cursor.string()?;
                    if text.escaped {
                        scratch.clear();
                        text.decode_into(scratch);
                        scratch.as_slice()
                    } else {
                        text.raw
                    }
                } else {
                    cursor.skip()?;
                    cursor.since(start)
                };
                return append_text(builder, bytes, start);
            }
            Self::Json(builder) => {
                cursor.skip()?;
                return append_text(builder, cursor.since(start), start);
            }
        }
        Ok(8)
    }
}

fn append_text(builder: &mut StringBuilder, bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let Ok(text) = std::str::from_utf8(bytes) else { return changed(at) };
    builder.append_value(text);
    Ok(4 + text.len())
}

fn number<'a>(first: u8, cursor: &mut Cursor<'a>) -> Result<crate::geojson::json::Number<'a>, Fault> {
    if matches!(first, b'-' | b'0'..=b'9') { cursor.number() } else { changed(cursor.at) }
}

fn string<'a>(first: u8, cursor: &mut Cursor<'a>) -> Result<Cow<'a, [u8]>, Fault> {
    if first == b'"' { cursor.string().map(|text| text.decoded()) } else { changed(cursor.at) }
}

/// What a layer keeps of its records, and as what.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The identifier of the features as the first column.
    pub(crate) id: Option<ValueType>,
    /// All properties by name; those without type are left out.
    pub(crate) properties: Vec<(String, Option<ValueType>)>,
}

/// Collects rows: the identifier, the properties, and the geometry as the last column.
pub(crate) struct Rows {
    schema: SchemaRef,
    names: Names,
    id: Option<Column>,
    has_id: bool,
    columns: Vec<Option<Column>>,
    writer: GeometryWriter,
    wkb: Vec<u8>,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    has_geometry: bool,
    /// Whether a geometry that is none is passed over; what was wrong with the last one, until it is asked for.
    is_lenient: bool,
    invalid: Option<Cow<'static, str>>,
    /// Rows so far.
    pub(crate) count: usize,
    /// About how many bytes they need.
    pub(crate) bytes: usize,
}

impl Rows {
    pub(crate) fn new(schema: SchemaRef, plan: &Plan, is_lenient: bool) -> Result<Self, String> {
        let mut names = Names::default();
        for (name, _) in &plan.properties {
            names.add(name.as_bytes())?;
        }
        Ok(Self {
            schema,
            names,
            id: plan.id.map(Column::new),
            has_id: false,
            columns: plan.properties.iter().map(|(_, value_type)| value_type.map(Column::new)).collect(),
            writer: GeometryWriter::default(),
            wkb: Vec::new(),
            offsets: vec![0],
            valid: NullBufferBuilder::new(0),
            has_geometry: false,
            is_lenient,
            invalid: None,
            count: 0,
            bytes: 0,
        })
    }

    /// What is wrong with the geometry of the last row, which is NULL now.
    pub(crate) fn take_invalid(&mut self) -> Option<Cow<'static, str>> {
        self.invalid.take()
    }

    /// The rows so far as a batch; begins a new one.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let wkb = std::mem::take(&mut self.wkb);
        // The next batch needs about as much.
        self.wkb.reserve(wkb.len().min(16 << 20));
        let geometry =
            BinaryArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(wkb), self.valid.finish())?;
        let columns = self.id.iter_mut().chain(self.columns.iter_mut().flatten()).map(Column::finish);
        let columns = columns.chain(std::iter::once(Arc::new(geometry) as ArrayRef)).collect();
        (self.count, self.bytes) = (0, 0);
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

impl Visitor for Rows {
    fn begin(&mut self) {
        self.names.begin();
        (self.has_id, self.has_geometry) = (false, false);
    }

    fn id(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.has_id = true;
        match &mut self.id {
            Some(column) => self.bytes += column.append(cursor)?,
            None => cursor.skip()?,
        }
        Ok(())
    }

    fn geometry(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.has_geometry = true;
        let (start, before) = (self.wkb.len(), *cursor);
        match self.writer.write(cursor, &mut self.wkb) {
            Ok(()) => self.bytes += self.wkb.len() - start,
            Err(Fault { reason: Reason::Text(text), .. }) if self.is_lenient => {
                // It has to be JSON at least.
                *cursor = before;
                cursor.skip()?;
                self.wkb.truncate(start);
                (self.has_geometry, self.invalid) = (false, Some(text));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    #[inline]
    fn property(&mut self, key: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let Some(index) = self.names.find(key, cursor)? else { return changed(cursor.at) };
        match self.columns.get_mut(index) {
            Some(Some(column)) => self.bytes += column.append(cursor)?,
            _ => cursor.skip()?,
        }
        Ok(())
    }

    fn end(&mut self) {
        for (index, column) in self.columns.iter_mut().enumerate() {
            if let Some(column) = column
                && !self.names.is_seen(index)
            {
                column.null();
            }
        }
        if let (Some(column), false) = (&mut self.id, self.has_id) {
            column.null();
        }
        self.valid.append(self.has_geometry);
        // A geometry has 1 GiB at most, and a batch ends long before another.
        self.offsets.push(i32::try_from(self.wkb.len()).unwrap_or(i32::MAX));
        self.count += 1;
    }
}

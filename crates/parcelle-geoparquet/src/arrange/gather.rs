//! Rows picked from many sources, column by column.
//!
//! Arrow's `interleave` does the same for any type. The columns of geodata are bits, numbers and byte strings, and copying
//! those by their bytes takes half its time: nothing is looked up for each value but where it lies, short byte strings are
//! copied in a fixed number of bytes, and rows of the spill file are taken from its bytes as they were read, without arrays
//! of them. Columns of other types are still Arrow's.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

/// Bytes that a short byte string is copied in.
const SHORT_BYTES: usize = 32;

/// A row of one of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: u32,
    pub(crate) row: u32,
}

/// How the values of a column lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One bit each.
    Bits,
    /// So many bytes each.
    Fixed(usize),
    /// Bytes of any number, with offsets of so many bytes.
    Strings(usize),
}

impl Form {
    /// That of a type; `None` where its values are not in one piece.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Bits),
            DataType::Utf8 | DataType::Binary => Some(Self::Strings(4)),
            DataType::LargeUtf8 | DataType::LargeBinary => Some(Self::Strings(8)),
            other => other.primitive_width().filter(|width| [1, 2, 4, 8, 16].contains(width)).map(Self::Fixed),
        }
    }

    /// Bytes of the offsets of so many rows.
    pub(crate) fn offset_bytes(self, rows: usize) -> usize {
        match self {
            Self::Strings(width) => (rows + 1) * width,
            Self::Bits | Self::Fixed(_) => 0,
        }
    }
}

/// Bits from one on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    first: usize,
    /// What counts of a row's number: nothing where one bit stands for all.
    mask: usize,
}

impl<'a> Bits<'a> {
    /// Set for every row.
    const ALL: Bits<'static> = Bits { bytes: &[1], first: 0, mask: 0 };

    pub(crate) fn new(bytes: &'a [u8], first: usize) -> Self {
        Self { bytes, first, mask: usize::MAX }
    }

    #[inline]
    fn get(&self, row: u32) -> u8 {
        let bit = self.first + (row as usize & self.mask);
        (self.bytes.get(bit / 8).copied().unwrap_or(0) >> (bit % 8)) & 1
    }
}

/// A column of a source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    /// Of which rows there is a value; `None` for all.
    pub(crate) validity: Option<Bits<'a>>,
    /// Where byte strings begin and end.
    pub(crate) offsets: &'a [u8],
    pub(crate) values: &'a [u8],
    /// Which of the values' bits is that of the first row.
    pub(crate) first_bit: usize,
}

impl<'a> Column<'a> {
    pub(crate) fn of(form: Form, data: &'a ArrayData) -> Self {
        let (first, rows) = (data.offset(), data.len());
        let buffer = |index: usize| data.buffers().get(index).map(Buffer::as_slice).unwrap_or_default();
        let part = |index: usize, rows: usize, width: usize| {
            buffer(index).get(first * width..(first + rows) * width).unwrap_or_default()
        };
        let nulls = data.nulls().filter(|nulls| nulls.null_count() > 0);
        let validity = nulls.map(|nulls| Bits::new(nulls.validity(), nulls.offset()));
        match form {
            Form::Bits => Self { validity, offsets: &[], values: buffer(0), first_bit: first },
            Form::Fixed(width) => Self { validity, offsets: &[], values: part(0, rows, width), first_bit: 0 },
            Form::Strings(width) => {
                Self { validity, offsets: part(0, rows + 1, width), values: buffer(1), first_bit: 0 }
            }
        }
    }
}

/// Batches as their columns' data.
pub(crate) fn data_of(batches: &[RecordBatch]) -> Vec<Vec<ArrayData>> {
    batches.iter().map(|batch| batch.columns().iter().map(Array::to_data).collect()).collect()
}

/// Rows picked from a column.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    /// Of which rows there is a value; nothing for all.
    pub(crate) validity: Vec<u8>,
    pub(crate) offsets: Vec<u8>,
    pub(crate) values: Vec<u8>,
}

impl Picked {
    /// Picks rows, in place of what was picked before.
    pub(crate) fn pick(&mut self, form: Form, columns: &[Column<'_>], places: &[Place]) -> Result<(), ArrowError> {
        self.validity.clear();
        self.offsets.clear();
        self.values.clear();
        if columns.iter().any(|column| column.validity.is_some()) {
            let all: Vec<Bits<'_>> = columns.iter().map(|column| column.validity.unwrap_or(Bits::ALL)).collect();
            bits(&all, places, &mut self.validity);
        }
        match form {
            Form::Bits => {
                let all: Vec<_> = columns.iter().map(|column| Bits::new(column.values, column.first_bit)).collect();
                bits(&all, places, &mut self.values);
            }
            Form::Fixed(1) => fixed::<1>(columns, places, &mut self.values),
            Form::Fixed(2) => fixed::<2>(columns, places, &mut self.values),
            Form::Fixed(4) => fixed::<4>(columns, places, &mut self.values),
            Form::Fixed(8) => fixed::<8>(columns, places, &mut self.values),
            Form::Fixed(_) => fixed::<16>(columns, places, &mut self.values),
            Form::Strings(4) => {
                let most = i32::MAX as usize;
                strings(columns, places, self, most, |at| i32::from_ne_bytes(at) as usize, to_offset_32)?;
            }
            Form::Strings(_) => {
                let write = |at| (at as i64).to_ne_bytes();
                strings(columns, places, self, usize::MAX, |at| i64::from_ne_bytes(at) as usize, write)?;
            }
        }
        Ok(())
    }

    /// What was picked, as it is picked from.
    pub(crate) fn column(&self) -> Column<'_> {
        let validity = Some(&self.validity).filter(|bits| !bits.is_empty()).map(|bits| Bits::new(bits, 0));
        Column { validity, offsets: &self.offsets, values: &self.values, first_bit: 0 }
    }

    /// The same as an array.
    fn into_array(self, data_type: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
        let nulls = (!self.validity.is_empty())
            .then(|| NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(self.validity), 0, rows)));
        let buffers = match self.offsets.is_empty() {
            true => vec![Buffer::from_vec(self.values)],
            false => vec![Buffer::from_vec(self.offsets), Buffer::from_vec(self.values)],
        };
        let data = ArrayData::builder(data_type.clone()).len(rows).buffers(buffers).nulls(nulls);
        // Memory of that size is aligned for numbers, whatever it was asked for; should it not be, it is copied.
        data.align_buffers(true).build().map(make_array)
    }
}

/// What 32 bits do not hold is found out when all are there, and then none is used.
fn to_offset_32(at: usize) -> [u8; 4] {
    (at as i32).to_ne_bytes()
}

fn bits(sources: &[Bits<'_>], places: &[Place], out: &mut Vec<u8>) {
    let bit = |place: &Place| sources.get(place.source as usize).map_or(0, |bits| bits.get(place.row));
    out.extend(
        places
            .chunks(8)
            .map(|places| places.iter().enumerate().fold(0, |byte, (position, place)| byte | (bit(place) << position))),
    );
}

fn fixed<const WIDTH: usize>(columns: &[Column<'_>], places: &[Place], out: &mut Vec<u8>) {
    let sources: Vec<&[[u8; WIDTH]]> = columns.iter().map(|column| column.values.as_chunks().0).collect();
    out.resize(places.len() * WIDTH, 0);
    for (to, place) in out.as_chunks_mut().0.iter_mut().zip(places) {
        let value = sources.get(place.source as usize).and_then(|values| values.get(place.row as usize));
        *to = value.copied().unwrap_or([0; WIDTH]);
    }
}

/// Picks byte strings, unless there are more than `most` bytes of them.
fn strings<const WIDTH: usize>(
    columns: &[Column<'_>],
    places: &[Place],
    out: &mut Picked,
    most: usize,
    read: impl Fn([u8; WIDTH]) -> usize,
    write: impl Fn(usize) -> [u8; WIDTH],
) -> Result<(), ArrowError> {
    type Source<'a, const WIDTH: usize> = (&'a [[u8; WIDTH]], &'a [u8]);
    let sources: Vec<Source<'_, WIDTH>> =
        columns.iter().map(|column| (column.offsets.as_chunks().0, column.values)).collect();
    let span = |place: &Place| {
        let (offsets, values) = sources.get(place.source as usize).copied().unwrap_or_default();
        match offsets.get(place.row as usize..) {
            Some([start, end, ..]) => (values, read(*start), read(*end)),
            _ => (values, 0, 0),
        }
    };
    out.offsets.resize((places.len() + 1) * WIDTH, 0);
    let mut total = 0;
    for (to, place) in out.offsets.as_chunks_mut().0.iter_mut().skip(1).zip(places) {
        let (_, start, end) = span(place);
        total += end.saturating_sub(start);
        *to = write(total);
    }
    if total > most {
        return Err(ArrowError::OffsetOverflowError(total));
    }
    out.values.resize(total + SHORT_BYTES, 0);
    let mut to = out.values.as_mut_slice();
    for place in places {
        let (values, start, end) = span(place);
        let length = end.saturating_sub(start);
        // What is copied too much is written over by the next value, or cut off at the end.
        let short = values.get(start..).and_then(<[u8]>::first_chunk::<SHORT_BYTES>).filter(|_| length <= SHORT_BYTES);
        match (short, to.first_chunk_mut::<SHORT_BYTES>()) {
            (Some(from), Some(to)) => *to = *from,
            _ => {
                if let (Some(from), Some(to)) = (values.get(start..end), to.get_mut(..length)) {
                    to.copy_from_slice(from);
                }
            }
        }
        to = to.get_mut(length..).unwrap_or_default();
    }
    out.values.truncate(total);
    Ok(())
}

/// Sources of rows with one schema.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    schema: SchemaRef,
    columns: Vec<SourceColumn<'a>>,
    count: u32,
}

/// A column of all sources.
#[derive(Debug)]
pub(crate) enum SourceColumn<'a> {
    Plain(Form, Vec<Column<'a>>),
    Other(Vec<ArrayRef>),
}

impl<'a> Sources<'a> {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let column = |data_type: &DataType| match Form::of(data_type) {
            Some(form) => SourceColumn::Plain(form, Vec::new()),
            None => SourceColumn::Other(Vec::new()),
        };
        let columns = schema.fields().iter().map(|field| column(field.data_type())).collect();
        Self { schema: Arc::clone(schema), columns, count: 0 }
    }

    /// How many there are: the number of the next one.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Adds a batch, which has this data.
    pub(crate) fn add_batch(&mut self, batch: &RecordBatch, data: &'a [ArrayData]) {
        for ((column, array), data) in self.columns.iter_mut().zip(batch.columns()).zip(data) {
            match column {
                SourceColumn::Plain(form, columns) => columns.push(Column::of(*form, data)),
                SourceColumn::Other(arrays) => arrays.push(Arc::clone(array)),
            }
        }
        self.count += 1;
    }

    /// Adds a source by its plain columns and its others, in order.
    pub(crate) fn add(&mut self, plain: &[Column<'a>], others: &[ArrayRef]) {
        let (mut plain, mut others) = (plain.iter(), others.iter());
        for column in &mut self.columns {
            match column {
                SourceColumn::Plain(_, columns) => columns.extend(plain.next()),
                SourceColumn::Other(arrays) => arrays.extend(others.next().cloned()),
            }
        }
        self.count += 1;
    }

    /// The plain columns.
    pub(crate) fn plain(&self) -> impl Iterator<Item = (Form, &[Column<'a>])> {
        self.columns.iter().filter_map(|column| match column {
            SourceColumn::Plain(form, columns) => Some((*form, columns.as_slice())),
            SourceColumn::Other(_) => None,
        })
    }

    /// Rows of the other columns.
    pub(crate) fn pick_others(&self, places: &[Place]) -> Result<Vec<ArrayRef>, ArrowError> {
        let others = self.columns.iter().filter_map(|column| match column {
            SourceColumn::Plain(..) => None,
            SourceColumn::Other(arrays) => Some(arrays),
        });
        others.map(|arrays| pick_by_arrow(arrays, places)).collect()
    }

    /// Rows of all columns, as a batch.
    pub(crate) fn pick(&self, places: &[Place]) -> Result<RecordBatch, ArrowError> {
        let fields = self.schema.fields().iter();
        let columns = fields.zip(&self.columns).map(|(field, column)| match column {
            SourceColumn::Plain(form, columns) => {
                let mut picked = Picked::default();
                picked.pick(*form, columns, places)?;
                picked.into_array(field.data_type(), places.len())
            }
            SourceColumn::Other(arrays) => pick_by_arrow(arrays, places),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?, &options)
    }
}

fn pick_by_arrow(arrays: &[ArrayRef], places: &[Place]) -> Result<ArrayRef, ArrowError> {
    let indices: Vec<_> = places.iter().map(|place| (place.source as usize, place.row as usize)).collect();
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    interleave(&arrays, &indices)
}

/// A column's rows, all of them, as an array.
pub(crate) fn array_of(
    data_type: &DataType,
    form: Form,
    column: Column<'_>,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let places: Vec<Place> = (0..rows as u32).map(|row| Place { source: 0, row }).collect();
    let mut picked = Picked::default();
    picked.pick(form, &[column], &places)?;
    picked.into_array(data_type, rows)
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Decimal128Array, Float32Array, Int8Array, Int16Array, Int64Array, LargeStringArray,
        ListArray, StringArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    /// Columns of all forms, with and without values that are missing, and a list.
    fn batch(numbers: std::ops::Range<i64>, nulls: bool) -> RecordBatch {
        let is_there = |number: &i64| !nulls || number % 3 > 0;
        let all = || numbers.clone().map(move |number| Some(number).filter(is_there));
        let text = |number: i64| "é".repeat((number % 40) as usize) + &number.to_string();
        let lists = all().map(|number| number.map(|number| vec![Some(number as i32); (number % 4) as usize]));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("bits", Arc::new(all().map(|number| number.map(|number| number % 2 > 0)).collect::<BooleanArray>())),
            ("one", Arc::new(all().map(|number| number.map(|number| number as i8)).collect::<Int8Array>())),
            ("two", Arc::new(all().map(|number| number.map(|number| number as i16)).collect::<Int16Array>())),
            ("four", Arc::new(all().map(|number| number.map(|number| number as f32)).collect::<Float32Array>())),
            ("eight", Arc::new(all().collect::<Int64Array>())),
            ("sixteen", Arc::new(all().map(|number| number.map(i128::from)).collect::<Decimal128Array>())),
            ("text", Arc::new(all().map(|number| number.map(text)).collect::<StringArray>())),
            ("long", Arc::new(all().map(|number| number.map(text)).collect::<LargeStringArray>())),
            ("bytes", Arc::new(all().map(|number| number.map(text)).collect::<BinaryArray>())),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    #[test]
    fn rows_are_those_that_arrow_picks() {
        for (first, second) in [(false, false), (true, true), (false, true)] {
            let batches = [batch(0..50, first), batch(50..200, second).slice(3, 101), batch(0..0, true)];
            let data = data_of(&batches);
            let mut sources = Sources::new(&batches[0].schema());
            batches.iter().zip(&data).for_each(|(batch, data)| sources.add_batch(batch, data));
            assert_eq!(sources.plain().count(), 9);
            let place = |number: u32| match number * 7919 % 151 {
                row @ 0..50 => Place { source: 0, row },
                row => Place { source: 1, row: row - 50 },
            };
            for count in [0, 1, 7, 300] {
                let places: Vec<Place> = (0..count).map(place).collect();
                let picked = sources.pick(&places).unwrap();
                assert_eq!(picked.num_rows(), places.len());
                for (column, picked) in picked.columns().iter().enumerate() {
                    let arrays: Vec<_> = batches.iter().map(|batch| Arc::clone(batch.column(column))).collect();
                    assert_eq!(picked, &pick_by_arrow(&arrays, &places).unwrap(), "{}", picked.data_type());
                }
            }
        }
    }

    #[test]
    fn columns_come_whole_from_their_pieces() {
        let batch = batch(5..90, true);
        for column in batch.columns() {
            let Some(form) = Form::of(column.data_type()) else { continue };
            let data = column.to_data();
            let again = array_of(column.data_type(), form, Column::of(form, &data), column.len()).unwrap();
            assert_eq!(&again, column);
        }
    }
}

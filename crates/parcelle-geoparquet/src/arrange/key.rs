//! What rows are ordered by.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch, UInt64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{Schema, UInt64Type};
use arrow::row::{RowConverter, SortField};

use crate::error::WriteError;

/// A key: totally ordered, and able to go to the spill file and back.
pub(crate) trait SortKey: Ord + Clone + Send + Sync + 'static {
    /// About how many bytes one takes in memory.
    const BYTES: u64;

    /// Keys as a column of a block.
    fn to_array(keys: &[Self]) -> ArrayRef;

    /// Keys from a column of a block; `None` where it has another type.
    fn from_array(array: &ArrayRef) -> Option<Vec<Self>>;

    /// Whether keys are places on a curve through the plane.
    const IS_PLACE: bool = false;

    /// The place, where it is one.
    fn cell(&self) -> Cell {
        0
    }
}

/// A place on a Hilbert curve: its pairs of bits, from the highest, are quadrants within quadrants.
pub(crate) type Cell = u64;

impl SortKey for u64 {
    const BYTES: u64 = 8;

    fn to_array(keys: &[Self]) -> ArrayRef {
        Arc::new(UInt64Array::from(keys.to_vec()))
    }

    fn from_array(array: &ArrayRef) -> Option<Vec<Self>> {
        array.as_primitive_opt::<UInt64Type>().map(|array| array.values().to_vec())
    }

    const IS_PLACE: bool = true;

    fn cell(&self) -> Cell {
        *self
    }
}

impl SortKey for u128 {
    const BYTES: u64 = 16;

    fn to_array(keys: &[Self]) -> ArrayRef {
        Arc::new(keys.iter().map(|key| Some(key.to_be_bytes())).collect::<BinaryArray>())
    }

    fn from_array(array: &ArrayRef) -> Option<Vec<Self>> {
        let array = array.as_binary_opt::<i32>()?;
        array.iter().map(|bytes| Some(Self::from_be_bytes(bytes?.try_into().ok()?))).collect()
    }

    const IS_PLACE: bool = true;

    /// The upper two thirds of the 96 bits that are used; all bits of what comes last.
    fn cell(&self) -> Cell {
        u64::try_from(self >> 32).unwrap_or(Cell::MAX)
    }
}

impl SortKey for Box<[u8]> {
    /// A pointer, a length, a short row and what the allocator adds.
    const BYTES: u64 = 48;

    fn to_array(keys: &[Self]) -> ArrayRef {
        Arc::new(BinaryArray::from_iter_values(keys))
    }

    fn from_array(array: &ArrayRef) -> Option<Vec<Self>> {
        let array = array.as_binary_opt::<i32>()?;
        array.iter().map(|bytes| Some(bytes?.into())).collect()
    }
}

/// Columns first, and within them a place.
impl<K: CurveKey> SortKey for (Box<[u8]>, K) {
    const BYTES: u64 = <Box<[u8]> as SortKey>::BYTES + K::BYTES;

    fn to_array(keys: &[Self]) -> ArrayRef {
        let joined = keys.iter().map(|(columns, place)| {
            let place = place.to_wide().to_be_bytes();
            [&columns[..], &place[..]].concat()
        });
        Arc::new(BinaryArray::from_iter_values(joined))
    }

    fn from_array(array: &ArrayRef) -> Option<Vec<Self>> {
        let array = array.as_binary_opt::<i32>()?;
        let split = |bytes: &[u8]| {
            let (columns, place) = bytes.split_last_chunk::<16>()?;
            Some((columns.into(), K::from_wide(u128::from_be_bytes(*place))))
        };
        array.iter().map(|bytes| split(bytes?)).collect()
    }

    const IS_PLACE: bool = true;

    fn cell(&self) -> Cell {
        self.1.cell()
    }
}

/// A place on a curve.
pub(crate) trait CurveKey: SortKey {
    /// Behind all others: NULL and empty geometry.
    const LAST: Self;

    /// The place of a position on the curve over a square from `-half` to `half`. Positions outside count as on its
    /// border.
    fn of(x: f64, y: f64, half: f64) -> Self;

    /// The key in more bits than it needs.
    fn to_wide(&self) -> u128;

    /// The key that [`CurveKey::to_wide`] was given.
    fn from_wide(wide: u128) -> Self;
}

/// Makes the keys of rows.
pub(crate) trait KeyMaker: Send + Sync {
    /// What it makes.
    type Key: SortKey;

    /// The key of each row of a batch that has the schema of the input.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<Self::Key>, WriteError>;
}

/// Orders by the values of columns, ascending, NULL last.
#[derive(Debug)]
pub(crate) struct ByColumns {
    columns: Vec<usize>,
    fields: Vec<SortField>,
}

impl ByColumns {
    /// Orders by the columns with these names.
    pub(crate) fn new(schema: &Schema, names: &[String]) -> Result<Self, WriteError> {
        let options = SortOptions { descending: false, nulls_first: false };
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for name in names {
            let Some((index, field)) = schema.column_with_name(name) else {
                let available = schema.fields().iter().map(|field| field.name().clone()).collect();
                return Err(WriteError::SortColumn { name: name.clone(), available });
            };
            let field = SortField::new_with_options(field.data_type().clone(), options);
            if !RowConverter::supports_fields(std::slice::from_ref(&field)) {
                let data_type = schema.field(index).data_type().to_string();
                return Err(WriteError::SortColumnType { name: name.clone(), data_type });
            }
            columns.push(index);
            fields.push(field);
        }
        Ok(Self { columns, fields })
    }
}

impl KeyMaker for ByColumns {
    type Key = Box<[u8]>;

    fn keys(&self, batch: &RecordBatch) -> Result<Vec<Self::Key>, WriteError> {
        let failed = |error: arrow::error::ArrowError| WriteError::Batch(error.to_string());
        let converter = RowConverter::new(self.fields.clone()).map_err(failed)?;
        let columns: Vec<_> = self.columns.iter().map(|&index| Arc::clone(batch.column(index))).collect();
        let rows = converter.convert_columns(&columns).map_err(failed)?;
        Ok(rows.iter().map(|row| row.as_ref().into()).collect())
    }
}

/// Orders by columns, and rows that are equal in them along a curve.
#[derive(Debug)]
pub(crate) struct ColumnsThen<M> {
    /// What counts first.
    pub(crate) columns: ByColumns,
    /// What counts within.
    pub(crate) then: M,
}

impl<M: KeyMaker<Key: CurveKey>> KeyMaker for ColumnsThen<M> {
    type Key = (Box<[u8]>, M::Key);

    fn keys(&self, batch: &RecordBatch) -> Result<Vec<Self::Key>, WriteError> {
        Ok(self.columns.keys(batch)?.into_iter().zip(self.then.keys(batch)?).collect())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array, StringArray};

    use super::*;

    #[test]
    fn keys_come_back_from_their_column() {
        let small = vec![0u64, 7, u64::MAX];
        assert_eq!(u64::from_array(&u64::to_array(&small)), Some(small));
        let large = vec![0u128, 1 << 95, u128::MAX];
        assert_eq!(u128::from_array(&u128::to_array(&large)), Some(large));
        let rows: Vec<Box<[u8]>> = vec![[].into(), [1, 2].into()];
        assert_eq!(Box::<[u8]>::from_array(&Box::<[u8]>::to_array(&rows)), Some(rows));
        assert_eq!(u64::from_array(&u128::to_array(&[1])), None);
        let both: Vec<(Box<[u8]>, u64)> = vec![([].into(), u64::MAX), ([1, 2].into(), 3)];
        assert_eq!(<(Box<[u8]>, u64)>::from_array(&<(Box<[u8]>, u64)>::to_array(&both)), Some(both));
    }

    #[test]
    fn columns_order_as_their_values_do() {
        let numbers = Int32Array::from(vec![Some(2), Some(-1), None, Some(2), Some(-1)]);
        let names = StringArray::from(vec![Some("b"), Some("z"), Some("a"), Some("a"), None]);
        let batch =
            RecordBatch::try_from_iter([("number", Arc::new(numbers) as ArrayRef), ("name", Arc::new(names) as _)]);
        let batch = batch.unwrap();
        let maker = ByColumns::new(&batch.schema(), &["number".to_owned(), "name".to_owned()]).unwrap();
        let keys = maker.keys(&batch).unwrap();
        let mut rows: Vec<usize> = (0..5).collect();
        rows.sort_by_key(|&row| keys[row].clone());
        assert_eq!(rows, [1, 4, 3, 0, 2]);
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let batch = RecordBatch::try_from_iter([("a", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)]).unwrap();
        let error = ByColumns::new(&batch.schema(), &["b".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "--sort: there is no column \"b\"; there are: a");
    }
}

//! The values of a column of Parquet, as the arrays of a row group have them.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBufferBuilder, GenericByteArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{ArrowNativeType, ByteArrayType};

/// Some rows of a column, and which of them have a value: in a struct that is what the struct says.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) array: ArrayRef,
    validity: Option<NullBuffer>,
}

impl Leaf {
    /// The one leaf of an array without nesting, or those of a struct of such arrays.
    pub(crate) fn of(array: &ArrayRef) -> Vec<Self> {
        match array.as_struct_opt() {
            Some(parent) => {
                let validity = || parent.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
                parent.columns().iter().map(|child| Self { array: child.clone(), validity: validity() }).collect()
            }
            None => {
                let validity = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
                vec![Self { array: array.clone(), validity }]
            }
        }
    }

    /// Calls `run` with each run of rows that have values.
    fn runs(&self, mut run: impl FnMut(Range<usize>)) {
        match &self.validity {
            Some(validity) => validity.valid_slices().for_each(|(start, end)| run(start..end)),
            None => run(0..self.array.len()),
        }
    }
}

/// Which rows have values; `None` where all do.
pub(crate) fn validity(leaves: &[Leaf]) -> Option<BooleanBuffer> {
    leaves.iter().any(|leaf| leaf.validity.is_some()).then(|| {
        let mut bits = BooleanBufferBuilder::new(leaves.iter().map(|leaf| leaf.array.len()).sum());
        for leaf in leaves {
            match &leaf.validity {
                Some(validity) => bits.append_buffer(validity.inner()),
                None => bits.append_n(leaf.array.len(), true),
            }
        }
        bits.finish()
    })
}

/// The values that there are, one after the other.
pub(crate) fn primitives<Type: ArrowPrimitiveType, Value>(
    leaves: &[Leaf],
    convert: impl Fn(Type::Native) -> Value,
) -> Vec<Value> {
    let mut values = Vec::with_capacity(leaves.iter().map(|leaf| leaf.array.len()).sum());
    for leaf in leaves {
        let all = leaf.array.as_primitive::<Type>().values();
        leaf.runs(|rows| values.extend(all.get(rows).unwrap_or_default().iter().map(|value| convert(*value))));
    }
    values
}

/// The booleans that there are, one after the other.
pub(crate) fn booleans(leaves: &[Leaf]) -> BooleanBuffer {
    let mut values = BooleanBufferBuilder::new(leaves.iter().map(|leaf| leaf.array.len()).sum());
    for leaf in leaves {
        let all = leaf.array.as_boolean().values();
        leaf.runs(|rows| values.append_buffer(&all.slice(rows.start, rows.len())));
    }
    values.finish()
}

/// The byte strings that there are, one after the other.
pub(crate) fn byte_strings<Type: ByteArrayType>(leaves: &[Leaf]) -> Vec<&[u8]> {
    let mut values = Vec::with_capacity(leaves.iter().map(|leaf| leaf.array.len()).sum());
    for leaf in leaves {
        let all: &GenericByteArray<Type> = leaf.array.as_bytes::<Type>();
        let (offsets, data) = (all.value_offsets(), all.value_data());
        leaf.runs(|rows| {
            let bounds = offsets.get(rows.start..=rows.end).unwrap_or_default();
            values.extend(bounds.windows(2).map(|pair| match pair {
                [start, end] => data.get(start.as_usize()..end.as_usize()).unwrap_or_default(),
                _ => &[],
            }));
        });
    }
    values
}

//! The bounding box column (GeoParquet 1.1, "Bounding Box Columns").

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, StructArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;
use parcelle_geometry::Bounds;

/// Names of the children, in the order the specification demands.
pub(crate) const CHILDREN: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// The Arrow field of a covering column: nullable where the geometry is, as the specification demands.
pub(crate) fn field(name: &str, nullable: bool) -> Field {
    Field::new_struct(name, children(), nullable)
}

fn children() -> Fields {
    CHILDREN.iter().map(|child| Field::new(*child, DataType::Float32, false)).collect()
}

/// Collects the boxes of a row group.
pub(crate) struct CoveringBuilder {
    ordinates: [Vec<f32>; 4],
    valid: Vec<bool>,
}

impl CoveringBuilder {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { ordinates: std::array::from_fn(|_| Vec::with_capacity(rows)), valid: Vec::with_capacity(rows) }
    }

    /// Appends the box of one geometry: NULL for a NULL, NaN for one that is empty. A box must be there where a
    /// geometry is; no comparison with NaN is true, so an empty geometry is in no window, and statistics leave it out.
    #[inline]
    pub(crate) fn push(&mut self, bounds: Option<&Bounds>) {
        let valid = bounds.is_some();
        let values = match bounds.and_then(|bounds| bounds.x().zip(bounds.y())) {
            Some((x, y)) => [round_down(x.0), round_down(y.0), round_up(x.1), round_up(y.1)],
            None => [f32::NAN; 4],
        };
        let ([xmin, ymin, xmax, ymax], [west, south, east, north]) = (&mut self.ordinates, values);
        xmin.push(west);
        ymin.push(south);
        xmax.push(east);
        ymax.push(north);
        self.valid.push(valid);
    }

    pub(crate) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let length = self.valid.len();
        let columns = self
            .ordinates
            .map(|values| Arc::new(Float32Array::new(ScalarBuffer::from(values), None)) as ArrayRef)
            .to_vec();
        let nulls = NullBuffer::from(self.valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        Ok(Arc::new(StructArray::try_new_with_length(children(), columns, nulls, length)?))
    }
}

/// The largest 32-bit float that is not above `value`.
fn round_down(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) > value { nearest.next_down() } else { nearest }
}

/// The smallest 32-bit float that is not below `value`.
fn round_up(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) < value { nearest.next_up() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_cuts_a_geometry() {
        for value in [0.1, -0.1, 652_381.037, -652_381.037, 1e300, -1e300, 0.0, 16_777_217.0, f64::MIN_POSITIVE] {
            assert!(f64::from(round_down(value)) <= value, "{value}");
            assert!(f64::from(round_up(value)) >= value, "{value}");
            assert!(f64::from(round_down(value).next_up()) > value, "{value}: not the tightest");
            assert!(f64::from(round_up(value).next_down()) < value, "{value}: not the tightest");
        }
    }
}

//! Order along a Hilbert curve.
//!
//! The key of a geometry is the place of its bounding box's centre on a Hilbert curve (Hamilton, *Compact Hilbert
//! Indices*, 2006, describes the computation that `fast_hilbert` does by table) over a **fixed** square, not over
//! the extent of the layer. The curve is the same at every scale, so the order is as good; and the extent need not be
//! known, which saves reading the source twice, and gives any two layers of one reference system the same order, so that
//! sorted files can be merged without sorting again.

use std::borrow::Cow;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::datatypes::DataType;
use parcelle_geometry::scan;
use parquet::errors::ParquetError;
use serde_json::Value;

use crate::arrange::key::{CurveKey, KeyMaker};
use crate::error::WriteError;
use crate::geometry_column::GeometryColumn;

/// Degrees: the square goes from -512 to 512, in steps of 2.4e-7 (3 cm), for either axis and any convention of
/// longitude.
const GEOGRAPHIC_HALF: f64 = 512.0;
/// Metres or feet: the square goes from -2^26 to 2^26 (67,000 km), in steps of 3 cm.
const PROJECTED_HALF: f64 = 67_108_864.0;

/// Makes keys of 64 bits where the unit of the coordinates is known, of 128 bits otherwise: those resolve half a
/// micrometre over the same 67,000 km, whatever the unit.
#[derive(Debug)]
pub(crate) struct Hilbert<Key> {
    column: usize,
    half: f64,
    key: std::marker::PhantomData<fn() -> Key>,
}

impl Hilbert<u64> {
    /// Orders by a column whose reference system is known; `None` where it is not.
    pub(crate) fn new(column: &GeometryColumn) -> Option<Self> {
        let half = if is_geographic(column.crs.as_ref()?) { GEOGRAPHIC_HALF } else { PROJECTED_HALF };
        Some(Self { column: column.index, half, key: std::marker::PhantomData })
    }
}

impl Hilbert<u128> {
    /// Orders by a column whose reference system is not known.
    pub(crate) fn of_unknown(column: &GeometryColumn) -> Self {
        Self { column: column.index, half: PROJECTED_HALF, key: std::marker::PhantomData }
    }
}

impl CurveKey for u64 {
    const LAST: Self = Self::MAX;

    fn of(x: f64, y: f64, half: f64) -> Self {
        // A cast from float to integer saturates.
        let cell = |value: f64| ((value + half) * (4_294_967_296.0 / (2.0 * half))) as u32;
        fast_hilbert::xy2h(cell(x), cell(y), 32)
    }

    fn to_wide(&self) -> u128 {
        u128::from(*self)
    }

    fn from_wide(wide: u128) -> Self {
        wide as Self
    }
}

impl CurveKey for u128 {
    const LAST: Self = Self::MAX;

    fn of(x: f64, y: f64, half: f64) -> Self {
        const BITS: u8 = 48;
        const CELLS: u64 = 1 << BITS;
        let cell = |value: f64| (((value + half) * (CELLS as f64 / (2.0 * half))) as u64).min(CELLS - 1);
        fast_hilbert::xy2h(cell(x), cell(y), BITS)
    }

    fn to_wide(&self) -> u128 {
        *self
    }

    fn from_wide(wide: u128) -> Self {
        wide
    }
}

impl<Key: CurveKey> KeyMaker for Hilbert<Key> {
    type Key = Key;

    fn keys(&self, batch: &RecordBatch) -> Result<Vec<Key>, WriteError> {
        let geometry = binary(batch.column(self.column))?;
        Ok(geometry
            .iter()
            .map(|wkb| {
                // What is not sound is refused when it is encoded, where its row is known.
                let bounds = wkb.and_then(|wkb| scan(wkb).ok()).map(|summary| summary.bounds);
                match bounds.and_then(|bounds| bounds.x().zip(bounds.y())) {
                    Some((x, y)) => Key::of(x.0 / 2.0 + x.1 / 2.0, y.0 / 2.0 + y.1 / 2.0, self.half),
                    None => Key::LAST,
                }
            })
            .collect())
    }
}

fn binary(array: &ArrayRef) -> Result<Cow<'_, BinaryArray>, WriteError> {
    match array.as_binary_opt::<i32>() {
        Some(binary) => Ok(Cow::Borrowed(binary)),
        None => {
            let cast = arrow::compute::cast(array, &DataType::Binary).map_err(ParquetError::from)?;
            Ok(Cow::Owned(cast.as_binary::<i32>().clone()))
        }
    }
}

/// Whether the coordinates of a PROJJSON reference system are angles.
fn is_geographic(crs: &Value) -> bool {
    match crs.get("type").and_then(Value::as_str) {
        Some("GeographicCRS" | "GeodeticCRS") => true,
        Some("BoundCRS") => crs.get("source_crs").is_some_and(is_geographic),
        Some("CompoundCRS") => crs.pointer("/components/0").is_some_and(is_geographic),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::RecordBatch;
    use serde_json::json;

    use super::*;

    fn column(crs: Option<Value>) -> GeometryColumn {
        GeometryColumn {
            index: 0,
            name: "geom".to_owned(),
            crs,
            edges: None,
            covering: None,
            declared_type: None,
            epoch: None,
        }
    }

    #[test]
    fn neighbours_on_the_curve_are_neighbours_on_the_plane() {
        // A grid of 64 x 64 points, 100 m apart: along the curve each step goes to a point beside the last.
        let mut points: Vec<(u64, i32, i32)> = Vec::new();
        for x in 0..64 {
            for y in 0..64 {
                let cell = PROJECTED_HALF / f64::from(1u32 << 20);
                let at = |index: i32| (f64::from(index) + 0.5) * cell;
                points.push((u64::of(at(x), at(y), PROJECTED_HALF), x, y));
            }
        }
        points.sort_unstable();
        for pair in points.windows(2) {
            let (_, x0, y0) = pair[0];
            let (_, x1, y1) = pair[1];
            assert_eq!((x0 - x1).abs() + (y0 - y1).abs(), 1, "{pair:?}");
        }
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn positions_outside_the_square_are_on_its_border() {
        assert_eq!(u64::of(1e300, 0.0, 512.0), u64::of(512.0, 0.0, 512.0));
        assert_eq!(u64::of(-1e300, -1e300, 512.0), u64::of(-512.0, -512.0, 512.0));
        assert_eq!(u128::of(f64::INFINITY, 0.0, 512.0), u128::of(512.0, 0.0, 512.0));
        assert_eq!(u64::of(f64::NAN, 0.0, 512.0), u64::of(-512.0, 0.0, 512.0));
    }

    #[test]
    fn the_reference_system_decides_the_square() {
        let half = |crs| Hilbert::<u64>::new(&column(Some(crs))).map(|hilbert| hilbert.half);
        assert_eq!(half(json!({"type": "GeographicCRS"})), Some(GEOGRAPHIC_HALF));
        assert_eq!(half(json!({"type": "ProjectedCRS"})), Some(PROJECTED_HALF));
        let compound =
            json!({"type": "CompoundCRS", "components": [{"type": "GeographicCRS"}, {"type": "VerticalCRS"}]});
        assert_eq!(half(compound), Some(GEOGRAPHIC_HALF));
        assert!(Hilbert::<u64>::new(&column(None)).is_none());
    }

    #[test]
    fn what_has_no_position_comes_last() {
        let mut point = vec![1u8, 1, 0, 0, 0];
        point.extend([1.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat());
        let values: BinaryArray =
            [None, Some(point), Some(vec![1, 3, 0, 0, 0, 0, 0, 0, 0]), Some(vec![9])].into_iter().collect();
        let batch = RecordBatch::try_from_iter([("g", Arc::new(values) as ArrayRef)]).unwrap();
        let keys = Hilbert::<u128>::of_unknown(&column(None)).keys(&batch).unwrap();
        assert_eq!((keys[0], keys[2], keys[3]), (u128::MAX, u128::MAX, u128::MAX));
        assert_eq!(keys[1], u128::of(1.0, 2.0, PROJECTED_HALF));
    }
}

//! Prediction within rows (TIFF 6.0 section 14, TIFF Technical Note 3).

use parcelle_tiff::{ByteOrder, Image};

use super::failure::Failure;

/// How samples were predicted before they were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predictor {
    None,
    Horizontal,
    FloatingPoint,
}

impl Predictor {
    /// The predictor of an image, under the conditions of libtiff (`PredictorSetup`, tif_predict.c).
    pub(crate) fn of(image: &Image) -> Result<Self, Failure> {
        let bits = image.bits_per_sample;
        match image.predictor {
            1 => Ok(Self::None),
            2 if matches!(bits, 8 | 16 | 32 | 64) => Ok(Self::Horizontal),
            3 if image.sample_format == 3 && matches!(bits, 16 | 24 | 32 | 64) => Ok(Self::FloatingPoint),
            2 | 3 => {
                Err(Failure::Damaged(format!("predictor {} is not defined for {}", image.predictor, image.data_type())))
            }
            other => Err(Failure::Damaged(format!("there is no predictor {other}"))),
        }
    }
}

/// Undoes the prediction of one row, whose samples stay in `order`.
pub(crate) fn undo(predictor: Predictor, row: &mut [u8], samples: usize, bits: usize, order: ByteOrder) {
    match (predictor, bits, order) {
        (Predictor::None, _, _) => {}
        (Predictor::Horizontal, 8, _) => accumulate(row, samples, |value: [u8; 1]| value[0], |value| [value]),
        (Predictor::Horizontal, 16, ByteOrder::LittleEndian) => {
            accumulate(row, samples, u16::from_le_bytes, u16::to_le_bytes);
        }
        (Predictor::Horizontal, 16, ByteOrder::BigEndian) => {
            accumulate(row, samples, u16::from_be_bytes, u16::to_be_bytes);
        }
        (Predictor::Horizontal, 32, ByteOrder::LittleEndian) => {
            accumulate(row, samples, u32::from_le_bytes, u32::to_le_bytes);
        }
        (Predictor::Horizontal, 32, ByteOrder::BigEndian) => {
            accumulate(row, samples, u32::from_be_bytes, u32::to_be_bytes);
        }
        (Predictor::Horizontal, _, ByteOrder::LittleEndian) => {
            accumulate(row, samples, u64::from_le_bytes, u64::to_le_bytes);
        }
        (Predictor::Horizontal, _, ByteOrder::BigEndian) => {
            accumulate(row, samples, u64::from_be_bytes, u64::to_be_bytes);
        }
        (Predictor::FloatingPoint, _, _) => gather(row, samples, bits / 8, order),
    }
}

/// Each sample holds its difference to the one of the pixel before.
fn accumulate<const BYTES: usize, N: Wrapping>(
    row: &mut [u8],
    samples: usize,
    from: impl Fn([u8; BYTES]) -> N,
    to: impl Fn(N) -> [u8; BYTES],
) {
    let (values, _) = row.as_chunks_mut::<BYTES>();
    for place in samples..values.len() {
        let (before, rest) = values.split_at_mut(place);
        if let (Some(before), Some(value)) = (before.get(place - samples), rest.first_mut()) {
            *value = to(from(*before).plus(from(*value)));
        }
    }
}

/// Sums that wrap around.
trait Wrapping {
    fn plus(self, other: Self) -> Self;
}

macro_rules! wrapping {
    ($($number:ty)*) => {$(
        impl Wrapping for $number {
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        }
    )*};
}

wrapping!(u8 u16 u32 u64);

/// The bytes of a row stand by significance, the highest of all samples first, whatever the byte order of the file, and
/// each holds its difference to the one of the pixel before.
fn gather(row: &mut [u8], samples: usize, bytes: usize, order: ByteOrder) {
    accumulate(row, samples, |value: [u8; 1]| value[0], |value| [value]);
    let planes = row.to_vec();
    let count = row.len() / bytes.max(1);
    for (number, value) in row.chunks_exact_mut(bytes.max(1)).enumerate() {
        for (place, byte) in value.iter_mut().enumerate() {
            let significance = match order {
                ByteOrder::BigEndian => place,
                ByteOrder::LittleEndian => bytes - 1 - place,
            };
            *byte = planes.get(significance * count + number).copied().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Differences as an encoder makes them.
    fn predict_16(values: &[u16], samples: usize, order: ByteOrder) -> Vec<u8> {
        let differences = values.iter().enumerate().map(|(place, value)| {
            let before = place.checked_sub(samples).map_or(0, |before| values[before]);
            value.wrapping_sub(before)
        });
        let bytes = |value: u16| match order {
            ByteOrder::LittleEndian => value.to_le_bytes(),
            ByteOrder::BigEndian => value.to_be_bytes(),
        };
        differences.flat_map(bytes).collect()
    }

    #[test]
    fn differences_add_up_in_either_byte_order() {
        let values = [1, 60_000, 3, 65_535, 0, 7];
        for order in [ByteOrder::LittleEndian, ByteOrder::BigEndian] {
            for samples in [1, 2, 3] {
                let mut row = predict_16(&values, samples, order);
                undo(Predictor::Horizontal, &mut row, samples, 16, order);
                let got: Vec<_> = row.chunks(2).map(|value| order.unsigned(value) as u16).collect();
                assert_eq!(got, values, "{samples} {order:?}");
            }
        }
    }

    #[test]
    fn floating_point_bytes_are_gathered() {
        let values = [1.5_f32, -2.25, 1e9, 0.0];
        for order in [ByteOrder::LittleEndian, ByteOrder::BigEndian] {
            let mut row: Vec<u8> = (0..4).flat_map(|byte| values.map(|value| value.to_be_bytes()[byte])).collect();
            for place in (1..row.len()).rev() {
                row[place] = row[place].wrapping_sub(row[place - 1]);
            }
            undo(Predictor::FloatingPoint, &mut row, 1, 32, order);
            let got: Vec<_> = row.chunks(4).map(|value| f32::from_bits(order.unsigned(value) as u32)).collect();
            assert_eq!(got, values);
        }
    }
}

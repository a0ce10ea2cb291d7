//! Least and greatest values, as statistics and the page index have them.

use std::cmp::Ordering;

use arrow::buffer::BooleanBuffer;
use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Bytes to which least and greatest byte strings are shortened; those of a long text are of no use to anybody.
pub(crate) const TRUNCATED_BYTES: usize = 64;

/// Least and greatest of some values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds<Value> {
    pub(crate) least: Value,
    pub(crate) greatest: Value,
}

impl<Value: PartialOrd + Clone> Bounds<Value> {
    /// Of both.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            least: if other.least < self.least { other.least.clone() } else { self.least },
            greatest: if other.greatest > self.greatest { other.greatest.clone() } else { self.greatest },
        }
    }
}

/// A value that can be bounded.
pub(crate) trait Bounded: PartialOrd + Clone {
    /// Its bytes in the page index, at most [`TRUNCATED_BYTES`] where they may be shortened: downwards for the least value.
    fn least_bytes(&self, is_text: bool) -> Vec<u8>;
    /// As [`Self::least_bytes`], shortened upwards for the greatest.
    fn greatest_bytes(&self, is_text: bool) -> Vec<u8>;
    /// The statistics of a chunk. `legacy` fills the fields of old readers too, whose order of bytes is another.
    fn statistics(bounds: Option<Bounds<Self>>, nulls: u64, is_text: bool, legacy: bool) -> Statistics;
}

macro_rules! fixed {
    ($($value:ty),*) => {$(
        impl Bounded for $value {
            fn least_bytes(&self, _is_text: bool) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }

            fn greatest_bytes(&self, _is_text: bool) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }

            fn statistics(bounds: Option<Bounds<Self>>, nulls: u64, _is_text: bool, legacy: bool) -> Statistics {
                let (least, greatest) = bounds.map(|bounds| (bounds.least, bounds.greatest)).unzip();
                ValueStatistics::new(least, greatest, None, Some(nulls), false)
                    .with_backwards_compatible_min_max(legacy)
                    .into()
            }
        }
    )*};
}

fixed!(i32, i64, f32, f64);

impl Bounded for bool {
    fn least_bytes(&self, _is_text: bool) -> Vec<u8> {
        vec![u8::from(*self)]
    }

    fn greatest_bytes(&self, _is_text: bool) -> Vec<u8> {
        vec![u8::from(*self)]
    }

    fn statistics(bounds: Option<Bounds<Self>>, nulls: u64, _is_text: bool, legacy: bool) -> Statistics {
        let (least, greatest) = bounds.map(|bounds| (bounds.least, bounds.greatest)).unzip();
        ValueStatistics::new(least, greatest, None, Some(nulls), false).with_backwards_compatible_min_max(legacy).into()
    }
}

impl Bounded for &[u8] {
    fn least_bytes(&self, is_text: bool) -> Vec<u8> {
        shorter_below(self, is_text).to_vec()
    }

    fn greatest_bytes(&self, is_text: bool) -> Vec<u8> {
        shorter_above(self, is_text).unwrap_or_else(|| self.to_vec())
    }

    fn statistics(bounds: Option<Bounds<Self>>, nulls: u64, is_text: bool, legacy: bool) -> Statistics {
        let Some(Bounds { least, greatest }) = bounds else {
            let none = ValueStatistics::<ByteArray>::new(None, None, None, Some(nulls), false);
            return none.with_backwards_compatible_min_max(legacy).into();
        };
        let (below, above) = (least.least_bytes(is_text), greatest.greatest_bytes(is_text));
        let exact = (below.len() == least.len(), above == greatest);
        ValueStatistics::new(Some(ByteArray::from(below)), Some(ByteArray::from(above)), None, Some(nulls), false)
            .with_backwards_compatible_min_max(legacy)
            .with_min_is_exact(exact.0)
            .with_max_is_exact(exact.1)
            .into()
    }
}

/// The bounds of integers.
pub(crate) fn of_integers<Value: Ord + Copy>(values: &[Value]) -> Option<Bounds<Value>> {
    let first = *values.first()?;
    let (least, greatest) =
        values.iter().fold((first, first), |(least, greatest), value| (least.min(*value), greatest.max(*value)));
    Some(Bounds { least, greatest })
}

/// The bounds of floats, without those that are not a number. Zero counts as the lesser or greater of its two signs, as
/// parquet-format asks for.
macro_rules! of_floats {
    ($name:ident, $value:ty) => {
        pub(crate) fn $name(values: &[$value]) -> Option<Bounds<$value>> {
            let start = (<$value>::INFINITY, <$value>::NEG_INFINITY);
            let (least, greatest) = values.iter().fold(start, |(least, greatest), value| {
                // Comparisons with NaN are false.
                let least = if *value < least { *value } else { least };
                (least, if *value > greatest { *value } else { greatest })
            });
            let signed = |bound: $value, zero: $value| if bound == 0.0 { zero } else { bound };
            // Otherwise none is a number.
            (least <= greatest).then(|| Bounds { least: signed(least, -0.0), greatest: signed(greatest, 0.0) })
        }
    };
}

of_floats!(of_f32, f32);
of_floats!(of_f64, f64);

/// The bounds of booleans.
pub(crate) fn of_booleans(values: &BooleanBuffer) -> Option<Bounds<bool>> {
    let set = values.count_set_bits();
    (!values.is_empty()).then(|| Bounds { least: set == values.len(), greatest: set > 0 })
}

/// The bounds of byte strings.
pub(crate) fn of_bytes<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<Bounds<&'a [u8]>> {
    let first = values.next()?;
    let mut bounds = Bounds { least: first, greatest: first };
    // Most differ in the first eight bytes, and comparing those is one instruction.
    let (mut head_of_least, mut head_of_greatest) = (head(first), head(first));
    for value in values {
        let head = head(value);
        if head < head_of_least || (head == head_of_least && value < bounds.least) {
            (bounds.least, head_of_least) = (value, head);
        } else if head > head_of_greatest || (head == head_of_greatest && value > bounds.greatest) {
            (bounds.greatest, head_of_greatest) = (value, head);
        }
    }
    Some(bounds)
}

/// The first bytes as a number that is in the order of the bytes; those that are not there are zeros.
fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
            u64::from_be_bytes(first)
        }
    }
}

/// A prefix of at most [`TRUNCATED_BYTES`], which is not above the whole; of text that is valid UTF-8, whole characters.
fn shorter_below(bytes: &[u8], is_text: bool) -> &[u8] {
    let length = match std::str::from_utf8(bytes) {
        _ if bytes.len() <= TRUNCATED_BYTES => bytes.len(),
        Ok(text) if is_text => text.floor_char_boundary(TRUNCATED_BYTES),
        _ => TRUNCATED_BYTES,
    };
    bytes.get(..length).unwrap_or(bytes)
}

/// Something of about that length which is not below the whole; `None` where there is no such thing.
fn shorter_above(bytes: &[u8], is_text: bool) -> Option<Vec<u8>> {
    if bytes.len() <= TRUNCATED_BYTES {
        return None;
    }
    let prefix = shorter_below(bytes, is_text);
    match std::str::from_utf8(prefix) {
        Ok(text) if is_text => {
            let (position, next) = text.char_indices().rev().find_map(|(position, letter)| {
                let next = (u32::from(letter) + 1..).map_while(|code| (code <= 0x10_ffff).then_some(code));
                next.take(0x801).find_map(char::from_u32).map(|next| (position, next))
            })?;
            Some(format!("{}{next}", text.get(..position)?).into_bytes())
        }
        _ => {
            let position = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
            let mut above = prefix.get(..=position)?.to_vec();
            above.iter_mut().last().into_iter().for_each(|byte| *byte += 1);
            Some(above)
        }
    }
}

/// Whether the bounds of pages rise, or fall, from each to the next; `None` where they do neither.
pub(crate) fn order<Value: PartialOrd>(pages: &[Option<Bounds<Value>>]) -> Option<Ordering> {
    let known: Vec<&Bounds<Value>> = pages.iter().flatten().collect();
    let holds = |follows: fn(&Value, &Value) -> bool| {
        known.windows(2).all(|pair| match pair {
            [before, after] => follows(&before.least, &after.least) && follows(&before.greatest, &after.greatest),
            _ => true,
        })
    };
    if holds(|before, after| before <= after) {
        Some(Ordering::Less)
    } else if holds(|before, after| before >= after) {
        Some(Ordering::Greater)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_leave_out_what_is_not_a_number() {
        let bounds = |values: &[f64]| of_f64(values).map(|bounds| (bounds.least, bounds.greatest));
        assert_eq!(bounds(&[f64::NAN, 2.0, -1.0, f64::NAN]), Some((-1.0, 2.0)));
        assert_eq!(bounds(&[f64::NAN]), None);
        assert_eq!(bounds(&[]), None);
        assert_eq!(bounds(&[f64::INFINITY]), Some((f64::INFINITY, f64::INFINITY)));
        assert_eq!(bounds(&[f64::NEG_INFINITY, f64::NAN]), Some((f64::NEG_INFINITY, f64::NEG_INFINITY)));
        let (least, greatest) = bounds(&[0.0]).unwrap();
        assert!(least.is_sign_negative() && greatest.is_sign_positive());
    }

    #[test]
    fn byte_strings_are_compared_whole() {
        let bounds = |values: &[&'static str]| {
            let bounds = of_bytes(values.iter().map(|value| value.as_bytes())).unwrap();
            (std::str::from_utf8(bounds.least).unwrap(), std::str::from_utf8(bounds.greatest).unwrap())
        };
        assert_eq!(bounds(&["b", "a", "c"]), ("a", "c"));
        assert_eq!(bounds(&["BATIMENT2", "BATIMENT10", "BATIMENT"]), ("BATIMENT", "BATIMENT2"));
        assert_eq!(bounds(&["a\0", "a"]), ("a", "a\0"));
        assert_eq!(bounds(&["x"]), ("x", "x"));
    }

    #[test]
    fn long_byte_strings_are_shortened_to_both_sides() {
        let long = "é".repeat(50);
        let (below, above) = (long.as_bytes().least_bytes(true), long.as_bytes().greatest_bytes(true));
        assert!(below.len() == 64 && below.as_slice() < long.as_bytes() && above.as_slice() > long.as_bytes());
        assert!(std::str::from_utf8(&above).unwrap().ends_with('ê'));
        let raw = [vec![1], vec![255; 100]].concat();
        assert_eq!(raw.as_slice().greatest_bytes(false), [2]);
        assert_eq!([255; 100].as_slice().greatest_bytes(false), [255; 100]);
        let last = "\u{d7ff}".repeat(30);
        assert!(std::str::from_utf8(&last.as_bytes().greatest_bytes(true)).unwrap().ends_with('\u{e000}'));
        let highest = char::MAX.to_string().repeat(30);
        assert_eq!(highest.as_bytes().greatest_bytes(true), highest.as_bytes());
        assert_eq!(b"short".as_slice().greatest_bytes(true), b"short");
        let Statistics::ByteArray(found) =
            <&[u8]>::statistics(Some(Bounds { least: long.as_bytes(), greatest: b"z" }), 3, true, false)
        else {
            panic!("not of bytes");
        };
        assert!(!found.min_is_exact() && found.max_is_exact() && found.null_count_opt() == Some(3));
    }

    #[test]
    fn pages_in_order_are_recognised() {
        let pages = |bounds: &[(i32, i32)]| {
            let bounds = bounds.iter().map(|(least, greatest)| Some(Bounds { least: *least, greatest: *greatest }));
            order(&bounds.chain([None]).collect::<Vec<_>>())
        };
        assert_eq!(pages(&[(1, 2), (2, 2), (3, 9)]), Some(Ordering::Less));
        assert_eq!(pages(&[(3, 9), (2, 2)]), Some(Ordering::Greater));
        assert_eq!(pages(&[(3, 4), (2, 5)]), None);
        assert_eq!(pages(&[]), Some(Ordering::Less));
    }
}

//! The RLE / bit-packing hybrid of Parquet (parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
//!
//! A run of equal values is its length and the value; values that do not repeat are packed in groups of eight.

use arrow::buffer::BooleanBuffer;

/// Values of a group that is packed, and the shortest run that is worth leaving it for.
const GROUP: usize = 8;

/// Bits that the numbers up to `largest` take.
pub(crate) const fn bit_width(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}

/// Appends `values`, of which none takes more than `width` bits (32 at most).
pub(crate) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    // Nothing repeats in the values from here to `rest`: they wait to be packed together.
    let mut literals = values;
    let mut rest = values;
    while let [first, ..] = rest {
        let run = if equal_group(rest) { rest.iter().take_while(|value| *value == first).count() } else { 0 };
        if run < GROUP {
            rest = rest.get(GROUP..).unwrap_or_default();
            continue;
        }
        pack(literals.get(..literals.len() - rest.len()).unwrap_or_default(), width, out);
        varint((run as u64) << 1, out);
        let bytes = width.div_ceil(8) as usize;
        out.extend(first.to_le_bytes().iter().take(bytes));
        rest = rest.get(run..).unwrap_or_default();
        literals = rest;
    }
    pack(literals, width, out);
}

/// Whether the next eight values are one.
fn equal_group(values: &[u32]) -> bool {
    match values.first_chunk::<GROUP>() {
        Some(group) => group.iter().all(|value| *value == group[0]),
        None => false,
    }
}

/// Appends values as one run of packed groups, of which the last is filled up with zeros.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint(((values.len().div_ceil(GROUP) as u64) << 1) | 1, out);
    let mut groups = values.chunks_exact(GROUP);
    for group in groups.by_ref() {
        pack_group(group, width, out);
    }
    let rest = groups.remainder();
    if !rest.is_empty() {
        let mut group = [0; GROUP];
        group.iter_mut().zip(rest).for_each(|(place, value)| *place = *value);
        pack_group(&group, width, out);
    }
}

/// Packs eight values, which take `width` bytes.
fn pack_group(group: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u64, 0);
    for value in group {
        bits |= u64::from(*value) << count;
        count += width;
        if count >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            count -= 32;
        }
    }
    out.extend(bits.to_le_bytes().iter().take((count / 8) as usize));
}

/// Appends the definition levels of a column without nesting: 1 where there is a value, 0 where there is none.
pub(crate) fn encode_validity(validity: &BooleanBuffer, out: &mut Vec<u8>) {
    let (rows, values) = (validity.len(), validity.count_set_bits());
    if values == rows || values == 0 {
        varint((rows as u64) << 1, out);
        out.push(u8::from(values > 0));
    } else {
        // One bit each, the first in the lowest: what Arrow has.
        varint(((rows.div_ceil(GROUP) as u64) << 1) | 1, out);
        out.extend_from_slice(&validity.sliced());
    }
}

/// Appends a number in groups of seven bits, the lowest first (ULEB 128).
pub(crate) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the specification, value by value.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let header = crate::column::tests::read_varint(&mut bytes);
            if header & 1 == 0 {
                let mut value = [0; 4];
                let (head, tail) = bytes.split_at(width.div_ceil(8) as usize);
                value[..head.len()].copy_from_slice(head);
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
                bytes = tail;
            } else {
                let (head, tail) = bytes.split_at((header >> 1) as usize * width as usize);
                let bit = |at: usize| u32::from(head[at / 8] >> (at % 8) & 1);
                for value in 0..(header >> 1) as usize * GROUP {
                    values.push((0..width as usize).map(|at| bit(value * width as usize + at) << at).sum());
                }
                bytes = tail;
            }
        }
        assert!(bytes.is_empty() && values.len() - count < GROUP && values[count..].iter().all(|value| *value == 0));
        values.truncate(count);
        values
    }

    #[test]
    fn values_come_back_at_every_width() {
        for width in 0..=32 {
            let largest = (u64::from(u32::MAX) >> (32 - width)) as u32;
            let mut state = 7_u32;
            for length in [0, 1, 7, 8, 9, 64, 1000] {
                let mut values = Vec::new();
                while values.len() < length {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let run = if state >> 29 == 0 { 30 } else { 1 };
                    values.extend(std::iter::repeat_n((state >> 3) & largest, run));
                }
                values.truncate(length);
                let mut bytes = Vec::new();
                encode(&values, width, &mut bytes);
                assert_eq!(decode(&bytes, width, length), values, "{width} {length}");
            }
        }
    }

    #[test]
    fn runs_take_two_or_three_bytes() {
        let mut bytes = Vec::new();
        encode(&[5; 1000], 3, &mut bytes);
        assert_eq!(bytes, [0xd0, 0x0f, 5]);
        assert_eq!((bit_width(0), bit_width(1), bit_width(255), bit_width(u32::MAX)), (0, 1, 8, 32));
    }

    #[test]
    fn validity_is_bits_or_a_run() {
        for (bits, expected) in [
            (vec![true; 300], vec![0xd8, 0x04, 1]),
            (vec![false; 3], vec![6, 0]),
            (vec![true, false, true], vec![3, 0b101]),
        ] {
            let mut bytes = Vec::new();
            encode_validity(&BooleanBuffer::from(bits), &mut bytes);
            assert_eq!(bytes, expected);
        }
        let mut bytes = Vec::new();
        encode_validity(&BooleanBuffer::from(vec![false, true, true, false, true]).slice(1, 4), &mut bytes);
        assert_eq!(bytes, [3, 0b1011]);
    }
}

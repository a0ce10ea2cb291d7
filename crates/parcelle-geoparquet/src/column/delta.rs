//! Integers as differences (parquet-format, Encodings.md, "Delta Encoding", `DELTA_BINARY_PACKED`).

use crate::column::hybrid::varint;

/// Values of a block, and of each of the miniblocks that it is divided into; both are multiples that the format asks for.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Appends `values`, of which each takes `bits` bits (32 or 64).
pub(crate) fn encode(values: &[i64], bits: u32, out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / MINIBLOCK) as u64, out);
    varint(values.len() as u64, out);
    varint(zigzag(values.first().copied().unwrap_or(0)), out);
    let mut previous = values.first().copied().unwrap_or(0);
    for block in values.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut differences = [0_i64; BLOCK];
        for (difference, value) in differences.iter_mut().zip(block) {
            *difference = wrap(value.wrapping_sub(previous), bits);
            previous = *value;
        }
        let differences = differences.get_mut(..block.len()).unwrap_or_default();
        let least = differences.iter().copied().min().unwrap_or(0);
        varint(zigzag(least), out);
        // Above the least they are not negative; as numbers without sign they take no more than `bits`.
        let mask = u64::MAX >> (64 - bits);
        let above = |difference: &i64| difference.wrapping_sub(least) as u64 & mask;
        let mut widths = [0; BLOCK / MINIBLOCK];
        for (width, miniblock) in widths.iter_mut().zip(differences.chunks(MINIBLOCK)) {
            let all = miniblock.iter().fold(0, |all, difference| all | above(difference));
            *width = (u64::BITS - all.leading_zeros()) as u8;
        }
        out.extend_from_slice(&widths);
        for (width, miniblock) in widths.iter().zip(differences.chunks(MINIBLOCK)) {
            pack(miniblock.iter().map(above), u32::from(*width), out);
        }
    }
}

/// A difference as an integer of that size has it, which wraps around.
const fn wrap(difference: i64, bits: u32) -> i64 {
    if bits == 32 { difference as i32 as i64 } else { difference }
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Packs a miniblock, filled up with zeros.
fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let end = out.len() + MINIBLOCK / 8 * width as usize;
    let (mut bits, mut count) = (0_u128, 0);
    for value in values {
        bits |= u128::from(value) << count;
        count += width;
        if count >= 64 {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= 64;
            count -= 64;
        }
    }
    out.extend(bits.to_le_bytes().iter().take(count.div_ceil(8) as usize));
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::tests::read_varint;

    /// By the specification, value by value.
    fn decode(mut bytes: &[u8], bits: u32) -> Vec<i64> {
        let unzigzag = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
        let block = read_varint(&mut bytes) as usize;
        let miniblocks = read_varint(&mut bytes) as usize;
        let count = read_varint(&mut bytes) as usize;
        let mut value = unzigzag(read_varint(&mut bytes));
        let mut values = vec![value];
        while values.len() < count {
            let least = unzigzag(read_varint(&mut bytes));
            let (widths, mut rest) = bytes.split_at(miniblocks);
            for width in widths.iter().map(|width| usize::from(*width)) {
                if values.len() >= count {
                    assert_eq!(width, 0);
                    continue;
                }
                let (packed, tail) = rest.split_at(block / miniblocks / 8 * width);
                for position in 0..block / miniblocks {
                    let bit = |at: usize| u64::from(packed[at / 8] >> (at % 8) & 1);
                    let above = (0..width).map(|at| bit(position * width + at) << at).sum::<u64>() as i64;
                    if values.len() < count {
                        value = wrap(value.wrapping_add(least).wrapping_add(above), bits);
                        values.push(value);
                    }
                }
                rest = tail;
            }
            bytes = rest;
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn values_come_back() {
        let mut state = 3_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as i64
        };
        for length in [1, 2, 32, 33, 128, 129, 130, 1000] {
            let steps: Vec<i64> = (0..length).map(|row| i64::from(row) * 3).collect();
            let noise: Vec<i64> = (0..length).map(|_| random() % 1000 - 500).collect();
            let extremes: Vec<i64> = (0..length).map(|row| if row % 2 == 0 { i64::MIN } else { i64::MAX }).collect();
            for values in [steps, noise, extremes] {
                let mut bytes = Vec::new();
                encode(&values, 64, &mut bytes);
                assert_eq!(decode(&bytes, 64), values);
            }
            let narrow: Vec<i64> =
                (0..length).map(|row| i64::from(if row % 2 == 0 { i32::MIN } else { i32::MAX })).collect();
            let mut bytes = Vec::new();
            encode(&narrow, 32, &mut bytes);
            assert_eq!(decode(&bytes, 32), narrow);
        }
    }
}

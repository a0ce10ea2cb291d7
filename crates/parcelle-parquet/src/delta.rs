//! Lengths of values that are stored as differences (encodings DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY).
//!
//! `parquet` reserves memory by the number of lengths that a page says it has, and values that repeat the one before them take
//! no bytes of the page.

/// A page may have so many lengths, and more for each byte that it has.
const LEAST_LENGTHS: u64 = 1 << 24;
const LENGTHS_EACH: u64 = 64;

/// Lengths of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// What they sum up to.
    pub(crate) sum: u64,
    /// Where they end.
    pub(crate) end: usize,
}

/// Walks the lengths that bytes begin with, of `most` values or fewer.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn walk(bytes: &[u8], most: u64) -> Result<Lengths, String> {
    let mut walker = Walker { bytes, offset: 0 };
    let per_block = walker.varint()?;
    let blocks = walker.varint()?;
    let count = walker.varint()?;
    let first = walker.signed()?;
    let limit = (bytes.len() as u64).saturating_mul(LENGTHS_EACH).saturating_add(LEAST_LENGTHS).min(most);
    if count > limit {
        return Err(format!("a page has {count} lengths of values, more than {limit}"));
    }
    let wrong = || "the lengths of a page are not in blocks".to_owned();
    let each = per_block.checked_div(blocks).filter(|each| *each > 0 && each % 32 == 0).ok_or_else(wrong)?;
    let blocks = usize::try_from(blocks).ok().filter(|blocks| *blocks <= bytes.len()).ok_or_else(wrong)?;
    let mut sum = Sum::default();
    let mut value = first as i32;
    let mut left = count;
    if left > 0 {
        sum.add(value)?;
        left -= 1;
    }
    while left > 0 {
        let least = walker.signed()? as i32;
        let widths = walker.take(blocks)?;
        for width in widths {
            if left == 0 {
                break;
            }
            let here = left.min(each);
            // A length has 32 bits, and a block is no longer than the page.
            let size = each.checked_mul(u64::from(*width)).filter(|_| *width <= 32).ok_or_else(wrong)? / 8;
            let packed = walker.take(usize::try_from(size).map_err(|_| wrong())?)?;
            let mut bits = Bits { bytes: packed, held: 0, count: 0 };
            for _ in 0..here {
                value = value.wrapping_add(least).wrapping_add(bits.next(u32::from(*width)));
                sum.add(value)?;
            }
            left -= here;
        }
    }
    Ok(Lengths { sum: sum.0, end: walker.offset })
}

#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, length: i32) -> Result<(), String> {
        let length = u64::try_from(length).map_err(|_| format!("a page has a value of {length} bytes"))?;
        self.0 = self.0.saturating_add(length);
        Ok(())
    }
}

struct Walker<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Walker<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.offset.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.offset..end));
        let taken = taken.ok_or_else(|| "a page ends inside the lengths of its values".to_owned())?;
        self.offset += count;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("the lengths of a page have an integer without end".to_owned())
    }

    fn signed(&mut self) -> Result<i64, String> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

/// Numbers of some bits, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn next(&mut self, width: u32) -> i32 {
        while self.count < width {
            // There are as many as there are numbers.
            let Some((byte, rest)) = self.bytes.split_first() else { break };
            self.held |= u64::from(*byte) << self.count;
            self.count += 8;
            self.bytes = rest;
        }
        let value = self.held & ((1u64 << width) - 1);
        self.held >>= width;
        self.count = self.count.saturating_sub(width);
        value as u32 as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as the format writes it.
    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    #[test]
    fn lengths_are_summed_up() {
        // 128 values in 4 blocks; the first is 7, then 32 times one more by 3 bits, and 4 the same as before.
        let mut page = [varint(128), varint(4), varint(37), varint(14), varint(0), vec![3, 0, 9, 9]].concat();
        page.extend([0b0100_1001, 0b1001_0010, 0b0010_0100].repeat(4));
        let end = page.len();
        page.extend([1, 2, 3]);
        let expected: u64 = (0..=32).map(|value| 7 + value).sum::<u64>() + 4 * (7 + 32);
        assert_eq!(walk(&page, 37), Ok(Lengths { sum: expected, end }));
        assert!(walk(&page, 36).unwrap_err().contains("37 lengths of values, more than 36"));
        assert!(walk(&page[..12], 37).unwrap_err().contains("ends inside"));
        let one = [varint(128), varint(4), varint(1), varint(14)].concat();
        assert_eq!(walk(&one, 9), Ok(Lengths { sum: 7, end: one.len() }));
        let none = [varint(128), varint(4), varint(0), varint(14)].concat();
        assert_eq!(walk(&none, 9), Ok(Lengths { sum: 0, end: none.len() }));
    }

    #[test]
    fn hostile_lengths_are_refused() {
        let of = |per_block, blocks, count, first: i64, rest: &[u8]| {
            let zigzag = (first << 1 ^ first >> 63).cast_unsigned();
            walk(&[varint(per_block), varint(blocks), varint(count), varint(zigzag), rest.to_vec()].concat(), u64::MAX)
        };
        // Some bytes that ask for terabytes.
        assert!(of(1 << 50, 1, 1 << 40, 0, &[0, 0]).unwrap_err().contains("lengths of values, more than"));
        assert!(of(1 << 23, 1, 1 << 23, 0, &[0, 0]).is_ok());
        assert!(of(128, 0, 1, 0, &[]).is_err());
        assert!(of(128, 1 << 60, 1, 0, &[]).is_err());
        assert!(of(0, 1, 2, 0, &[0, 0]).is_err());
        assert!(of(128, 1, 2, -1, &[0, 0]).unwrap_err().contains("a value of -1 bytes"));
        assert!(of(128, 1, 2, 1, &[3, 0]).unwrap_err().contains("a value of -1 bytes"));
        assert!(of(128, 1, 2, 0, &[0, 33]).is_err());
        assert!(of(128, 1, 2, 0, &[0xFF; 20]).is_err());
    }
}

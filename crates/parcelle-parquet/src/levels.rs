//! Levels of a page: where the values of lists belong, and which of them are there.
//!
//! A value has a repetition level, 0 where a row begins, and a definition level, the greatest where it is there. Both are
//! sequences of small numbers, written in runs and in packed groups.

use bytes::Bytes;

/// The levels of one kind of a page, one by one.
#[derive(Debug, Clone)]
struct Sequence {
    bytes: Bytes,
    offset: usize,
    /// Bits of a level.
    width: u32,
    /// Levels that are left of this run.
    left: u64,
    /// What they are, or where the bits of the next one begin.
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Repeated(i16),
    /// Bits from the lowest of each byte to the highest.
    Packed(usize),
    /// The same from the highest to the lowest, as files of the first years have all levels.
    PackedFromTop(usize),
}

impl Sequence {
    fn new(bytes: Bytes, most: i16, is_of_old: bool) -> Self {
        let width = 16 - most.max(0).leading_zeros();
        let (left, run) = if is_of_old { (u64::MAX, Run::PackedFromTop(0)) } else { (0, Run::Repeated(0)) };
        Self { bytes, offset: 0, width, left, run }
    }

    /// The next level; `None` where the bytes end.
    fn next(&mut self) -> Option<i16> {
        while self.left == 0 {
            let header = self.header()?;
            if header & 1 == 1 {
                self.left = (header >> 1).checked_mul(8)?;
                self.run = Run::Packed(self.offset.checked_mul(8)?);
                let bytes = (header >> 1).checked_mul(u64::from(self.width))?;
                self.offset = self.offset.saturating_add(usize::try_from(bytes).ok()?);
            } else {
                self.left = header >> 1;
                let value = self.bytes.get(self.offset..)?.get(..self.width.div_ceil(8) as usize)?;
                let value = value.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                self.run = Run::Repeated(i16::try_from(value).ok()?);
                self.offset += self.width.div_ceil(8) as usize;
            }
        }
        self.left -= 1;
        match &mut self.run {
            Run::Repeated(level) => Some(*level),
            Run::Packed(next) => {
                let (byte, bit) = (*next / 8, *next % 8);
                *next = next.checked_add(self.width as usize)?;
                // Levels have fifteen bits at most: three bytes hold one wherever it begins.
                let bytes = self.bytes.get(byte..)?.get(..(bit + self.width as usize).div_ceil(8))?;
                let word = bytes.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
                Some((word >> bit & self.mask()) as i16)
            }
            Run::PackedFromTop(next) => {
                let (byte, bit) = (*next / 8, *next % 8);
                *next = next.checked_add(self.width as usize)?;
                let end = bit + self.width as usize;
                let bytes = self.bytes.get(byte..)?.get(..end.div_ceil(8))?;
                let word = bytes.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
                Some((word >> (bytes.len() * 8 - end) & self.mask()) as i16)
            }
        }
    }

    const fn mask(&self) -> u32 {
        (1 << self.width) - 1
    }

    fn header(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = *self.bytes.get(self.offset)?;
            self.offset += 1;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

/// Where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) repetition: i16,
    pub(crate) definition: i16,
}

/// The levels of a page of a column of lists.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    repetition: Sequence,
    definition: Sequence,
    /// Values that are left.
    values: u64,
}

impl Levels {
    /// From the bytes of both kinds, without their lengths; `most` has the greatest of both.
    pub(crate) fn new(repetition: LevelBytes, definition: LevelBytes, most: Level, values: u64) -> Self {
        Self {
            repetition: Sequence::new(repetition.bytes, most.repetition, repetition.is_of_old),
            definition: Sequence::new(definition.bytes, most.definition, definition.is_of_old),
            values,
        }
    }

    /// The next one.
    ///
    /// # Errors
    /// There are fewer than values.
    pub(crate) fn next(&mut self) -> Result<Option<Level>, String> {
        if self.values == 0 {
            return Ok(None);
        }
        self.values -= 1;
        match (self.repetition.next(), self.definition.next()) {
            (Some(repetition), Some(definition)) => Ok(Some(Level { repetition, definition })),
            _ => Err(format!("the levels of a page end {} values before it does", self.values + 1)),
        }
    }

    /// How many rows begin in the page, and whether it begins with one.
    pub(crate) fn rows(&self) -> Result<(u64, bool), String> {
        let mut repetition = self.repetition.clone();
        let (mut rows, mut begins_with_one) = (0, true);
        for value in 0..self.values {
            let left = self.values - value;
            let level =
                repetition.next().ok_or_else(|| format!("the levels of a page end {left} values before it does"))?;
            rows += u64::from(level == 0);
            begins_with_one &= value > 0 || level == 0;
        }
        Ok((rows, begins_with_one))
    }
}

/// Bytes of the levels of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct LevelBytes {
    pub(crate) bytes: Bytes,
    /// Whether they are packed from the top, and nothing else.
    pub(crate) is_of_old: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &'static [u8], most: i16, is_of_old: bool) -> Vec<i16> {
        let mut sequence = Sequence::new(Bytes::from_static(bytes), most, is_of_old);
        std::iter::from_fn(|| sequence.next()).take(100).collect()
    }

    #[test]
    fn levels_are_read_as_they_are_written() {
        // The example of the specification: 0 to 7 in three bits.
        assert_eq!(all(&[3, 0x88, 0xC6, 0xFA], 7, false), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(all(&[0x05, 0x39, 0x77], 7, true)[..5], [0, 1, 2, 3, 4]);
        // Three twos, a packed group of ones and zeros, and no run at all.
        assert_eq!(all(&[6, 2, 3, 0b0101_0001, 0b0000_0001, 0], 2, false)[..7], [2, 2, 2, 1, 0, 1, 1]);
        assert_eq!(all(&[0x80, 0x80, 0x80, 0x80, 0x80, 1], 1, false), [0_i16; 0]);
        assert_eq!(all(&[4, 0xFF, 0xFF], 300, false), [0_i16; 0], "no level is negative");
        assert_eq!(all(&[9, 1], 1, false).len(), 8, "bytes that are not there have no levels");
    }

    #[test]
    fn rows_begin_with_zeros() {
        let bytes = |bytes: &'static [u8]| LevelBytes { bytes: Bytes::from_static(bytes), is_of_old: false };
        let most = Level { repetition: 1, definition: 1 };
        let levels = |values| Levels::new(bytes(&[3, 0b1101_0110]), bytes(&[16, 1]), most, values);
        assert_eq!(levels(8).rows(), Ok((3, true)));
        assert_eq!(levels(9).rows().unwrap_err(), "the levels of a page end 1 values before it does");
        let mut read = levels(2);
        let first = Level { repetition: 0, definition: 1 };
        assert_eq!(
            (read.next(), read.next().map(|level| level.is_some()), read.next()),
            (Ok(Some(first)), Ok(true), Ok(None))
        );
        let inside = Levels::new(bytes(&[3, 0b1101_0111]), bytes(&[16, 1]), most, 8);
        assert_eq!(inside.rows(), Ok((2, false)));
    }
}

//! At which quality JPEG tiles were made, so that a copy is made at the same one.

/// The quantisation of luminance at quality 50, in the order of a file (ITU-T T.81 annex K.1, zig-zag).
const LUMINANCE: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
];

const START: u8 = 0xd8;
const QUANTISATION: u8 = 0xdb;

/// The quality, 1 to 100, that libjpeg and its kin make exactly these tables of; `None` where they come from elsewhere.
pub(super) fn quality(tables: &[u8]) -> Option<u8> {
    let luminance = first_quantisation(tables)?;
    (1..=100).rev().find(|quality| (0..64).all(|place| Some(&scaled(*quality, place)) == luminance.get(place)))
}

/// A value at a quality, as `jpeg_quality_scaling` and `jpeg_add_quant_table` of libjpeg have it.
fn scaled(quality: u8, place: usize) -> u8 {
    let quality = u32::from(quality);
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let value = LUMINANCE.get(place).map_or(0, |value| (u32::from(*value) * scale + 50) / 100);
    value.clamp(1, 255) as u8
}

/// The table with the number 0, of one byte a value.
fn first_quantisation(tables: &[u8]) -> Option<&[u8]> {
    let mut rest = tables.strip_prefix(&[0xff, START])?;
    while let [0xff, marker, high, low, ..] = *rest {
        let end = 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == QUANTISATION {
            let mut segment = rest.get(4..end)?;
            while let [kind, values @ ..] = segment {
                let size = if kind >> 4 == 0 { 64 } else { 128 };
                if *kind == 0 {
                    return values.get(..size);
                }
                segment = values.get(size..)?;
            }
        }
        rest = rest.get(end..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(quality: u8) -> Vec<u8> {
        let mut tables = vec![0xff, START, 0xff, QUANTISATION, 0, 67, 0];
        tables.extend((0..64).map(|place| scaled(quality, place)));
        tables
    }

    #[test]
    fn the_quality_is_found_again() {
        for known in [1, 10, 50, 75, 90, 95, 100] {
            assert_eq!(quality(&tables(known)), Some(known));
        }
        let mut other = tables(75);
        other[20] += 1;
        assert_eq!(quality(&other), None);
    }

    #[test]
    fn what_is_no_table_has_no_quality() {
        let good = tables(75);
        for end in 0..good.len() {
            assert_eq!(quality(&good[..end]), None);
        }
        assert_eq!(quality(&[0xff, START, 0xff, 0xd9]), None);
    }
}

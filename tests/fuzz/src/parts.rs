//! One input as several files or values.

/// The parts of an input, each behind its length as two bytes, little-endian; the last has what is left. `seeds.py` joins them.
pub fn parts(data: &[u8], count: usize) -> Vec<&[u8]> {
    let mut rest = data;
    let mut found = Vec::new();
    while found.len() + 1 < count
        && let Some((length, after)) = rest.split_first_chunk()
    {
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (part, after) = after.split_at(length);
        found.push(part);
        rest = after;
    }
    found.push(rest);
    found
}

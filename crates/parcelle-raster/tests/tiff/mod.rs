//! Small TIFFs for tests: a sound one, and the same with tags changed.

use std::collections::BTreeMap;

use Values::{Doubles, Longs, Shorts, Text};
use parcelle_tiff::Structure;

/// Values of a tag as they are written.
#[derive(Clone)]
pub(crate) enum Values {
    Shorts(Vec<u16>),
    Longs(Vec<u32>),
    Doubles(Vec<f64>),
    Text(&'static str),
}
impl Values {
    fn encoded(&self) -> (u16, usize, Vec<u8>) {
        match self {
            Shorts(list) => (3, list.len(), list.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Longs(list) => (4, list.len(), list.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Doubles(list) => (12, list.len(), list.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Text(text) => (2, text.len() + 1, text.bytes().chain([0]).collect()),
        }
    }
}

pub(crate) type Tags = BTreeMap<u16, Values>;
pub(crate) type Changes = Vec<(u16, Values)>;

/// One deflated tile of bytes in Lambert-93.
pub(crate) fn sound() -> Tags {
    Tags::from([
        (256, Shorts(vec![64])),
        (257, Shorts(vec![64])),
        (258, Shorts(vec![8])),
        (259, Shorts(vec![8])),
        (262, Shorts(vec![1])),
        (277, Shorts(vec![1])),
        (322, Shorts(vec![64])),
        (323, Shorts(vec![64])),
        (324, Longs(vec![8])),
        (325, Longs(vec![16])),
        (33_550, Doubles(vec![1.0, 1.0, 0.0])),
        (33_922, Doubles(vec![0.0, 0.0, 0.0, 650_000.0, 6_860_000.0, 0.0])),
        (34_735, keys(&[(1024, 1), (3072, 2154)])),
    ])
}

pub(crate) fn keys(keys: &[(u16, u16)]) -> Values {
    let head = [1, 1, 0, keys.len() as u16];
    Shorts(head.into_iter().chain(keys.iter().flat_map(|(key, value)| [*key, 0, 1, *value])).collect())
}

/// A file of directories behind `gap` bytes of tiles; where `late` names a tag, its value follows after as many again.
pub(crate) fn file(directories: &[Tags], gap: usize, late: Option<u16>) -> Vec<u8> {
    let mut bytes = b"II\x2a\0".to_vec();
    bytes.resize(8 + if late.is_some() { 24 } else { gap.max(24) }, 7);
    let first = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&first.to_le_bytes());
    for (index, tags) in directories.iter().enumerate() {
        let directory = bytes.len();
        let mut values = Vec::new();
        let values_start = directory + 2 + tags.len() * 12 + 4;
        bytes.extend((tags.len() as u16).to_le_bytes());
        let mut postponed = None;
        for (tag, tag_values) in tags {
            let (kind, count, encoded) = tag_values.encoded();
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend((count as u32).to_le_bytes());
            if encoded.len() <= 4 {
                bytes.extend(encoded.iter().copied().chain([0; 4]).take(4));
            } else if late == Some(*tag) {
                postponed = Some((bytes.len(), encoded));
                bytes.extend([0; 4]);
            } else {
                bytes.extend(((values_start + values.len()) as u32).to_le_bytes());
                values.extend(encoded);
            }
        }
        let end = (values_start + values.len()) as u32;
        let next = if index + 1 < directories.len() { end } else { 0 };
        bytes.extend(next.to_le_bytes());
        bytes.extend(values);
        if let Some((place, encoded)) = postponed {
            bytes.resize(bytes.len() + gap, 7);
            let offset = bytes.len() as u32;
            bytes[place..place + 4].copy_from_slice(&offset.to_le_bytes());
            bytes.extend(encoded);
        }
    }
    bytes
}

pub(crate) fn parsed(bytes: &[u8]) -> Structure {
    parcelle_tiff::read_structure(bytes.len() as u64, |offset, buffer| {
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    })
    .unwrap()
}

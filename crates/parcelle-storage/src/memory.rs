//! A byte buffer as a source.

use std::io;

use crate::{ByteSource, Counter, Usage};

/// Bytes in memory: tests, archive members, downloads.
#[derive(Debug, Default)]
pub struct Memory {
    bytes: Vec<u8>,
    counter: Counter,
}

impl Memory {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), counter: Counter::default() }
    }
}

impl ByteSource for Memory {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.bytes.get(start..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.counter.add(count);
        Ok(count)
    }

    fn usage(&self) -> Usage {
        self.counter.usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_cut_at_the_end_and_counted() {
        let source = Memory::new(b"abcdef".to_vec());
        let mut buffer = [0; 4];
        assert_eq!(source.read_at(4, &mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"ef");
        assert_eq!(source.read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(source.usage(), Usage { requests: 2, bytes: 2 });
    }
}

//! A source of bytes as the crate `parquet` reads it.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parcelle_storage::ByteSource;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A file as the `parquet` crate reads it: positioned reads, so that any number of threads share one open file.
#[derive(Debug)]
pub struct Chunks<S: ?Sized>(pub Arc<S>);

impl<S: ?Sized> Clone for Chunks<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: ByteSource + ?Sized> Length for Chunks<S> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<S: ByteSource + ?Sized> ChunkReader for Chunks<S> {
    type T = BufReader<Sequence<S>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(Sequence { source: Arc::clone(&self.0), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let beyond = || ParquetError::EOF(format!("{length} bytes at byte {start} are not in the file"));
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.len()) {
            return Err(beyond());
        }
        let mut buffer = vec![0; length];
        match self.0.read_at(start, &mut buffer) {
            Ok(count) if count == length => Ok(Bytes::from(buffer)),
            Ok(_) => Err(beyond()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads on from an offset.
#[derive(Debug)]
pub struct Sequence<S: ?Sized> {
    source: Arc<S>,
    offset: u64,
}

impl<S: ByteSource + ?Sized> Read for Sequence<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.offset, buffer)?;
        self.offset = self.offset.saturating_add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use parcelle_storage::Memory;

    use super::*;

    #[test]
    fn ranges_are_held_against_the_length() {
        let chunks: Chunks<dyn ByteSource> = Chunks(Arc::new(Memory::new(b"abcdef".to_vec())));
        assert_eq!(chunks.get_bytes(2, 3).unwrap(), Bytes::from_static(b"cde"));
        assert!(chunks.get_bytes(2, 5).is_err());
        assert!(chunks.get_bytes(u64::MAX, 5).is_err());
        let mut text = String::new();
        chunks.clone().get_read(4).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), chunks.len()), ("ef", 6));
    }
}

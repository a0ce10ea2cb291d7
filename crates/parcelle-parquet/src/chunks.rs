//! A source of bytes as the crate `parquet` reads it.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parcelle_storage::ByteSource;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::TAIL_BYTES;
use crate::budget::Meter;
use crate::thrift::{Fault, check_page_header};

/// Headers of pages are no longer than this; those with statistics of long texts have some kilobytes.
const MAX_HEADER_BYTES: usize = 16 << 20;

/// A file as the `parquet` crate reads it: positioned reads, so that any number of threads share one open file.
///
/// The header of a page is walked before it is read, as a footer is ([`check_footer`](crate::check_footer)): `parquet` asks for
/// a reader where a header begins, or, by an index of pages, for the bytes of a page with its header.
#[derive(Debug)]
pub struct Chunks<S: ?Sized> {
    source: Arc<S>,
    /// Whether ranges of bytes are whole pages.
    is_indexed: bool,
    /// What counts the bytes of pages.
    meter: Option<Arc<Meter>>,
}

impl<S: ?Sized> Chunks<S> {
    /// For metadata, and for pages that are found one by the other.
    pub fn new(source: Arc<S>) -> Self {
        Self { source, is_indexed: false, meter: None }
    }

    /// For pages that are all found by an index.
    pub fn indexed(source: Arc<S>) -> Self {
        Self { source, is_indexed: true, meter: None }
    }

    /// The same for the pages of one column chunk, which take their part of a budget.
    pub(crate) fn metered(&self, meter: Arc<Meter>) -> Self {
        Self { meter: Some(meter), ..self.clone() }
    }
}

impl<S: ?Sized> Chunks<S> {
    /// Looks at bytes that were asked for: a page behind its header, or one whose header was read before.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let mut page = bytes;
        if self.is_indexed {
            let size = check_page_header(bytes).map_err(Fault::into_reason)?;
            page = bytes.get(size.header..).unwrap_or_default();
            self.meter.as_ref().map_or(Ok(()), |meter| meter.open(size))?;
        }
        self.meter.as_ref().map_or(Ok(()), |meter| meter.check(page))
    }
}

impl<S: ?Sized> Clone for Chunks<S> {
    fn clone(&self) -> Self {
        let (source, meter) = (Arc::clone(&self.source), self.meter.clone());
        Self { source, is_indexed: self.is_indexed, meter }
    }
}

impl<S: ByteSource + ?Sized> Length for Chunks<S> {
    fn len(&self) -> u64 {
        self.source.len()
    }
}

impl<S: ByteSource + ?Sized> ChunkReader for Chunks<S> {
    type T = BufReader<Sequence<S>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        // What begins in the last bytes is the length of the footer.
        let is_checked = start >= self.source.len().saturating_sub(TAIL_BYTES);
        let (source, meter) = (Arc::clone(&self.source), self.meter.clone());
        Ok(BufReader::new(Sequence { source, offset: start, is_checked, meter }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let beyond = || ParquetError::EOF(format!("{length} bytes at byte {start} are not in the file"));
        if start.checked_add(length as u64).is_none_or(|end| end > self.source.len()) {
            return Err(beyond());
        }
        let mut buffer = vec![0; length];
        match self.source.read_at(start, &mut buffer) {
            Ok(count) if count == length => {
                self.check(&buffer).map_err(ParquetError::General)?;
                Ok(Bytes::from(buffer))
            }
            Ok(_) => Err(beyond()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads on from an offset, where the header of a page begins.
#[derive(Debug)]
pub struct Sequence<S: ?Sized> {
    source: Arc<S>,
    offset: u64,
    /// Whether the header was walked, or there is none.
    is_checked: bool,
    meter: Option<Arc<Meter>>,
}

impl<S: ByteSource + ?Sized> Sequence<S> {
    /// Walks the header, of which the first bytes were read.
    fn check(&self, first: &[u8]) -> io::Result<()> {
        let mut found = check_page_header(first);
        let mut length = first.len();
        while let Err(Fault::Short(reason)) = &found {
            if length >= MAX_HEADER_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{reason}, after {length} bytes of it"),
                ));
            }
            let mut longer = vec![0; length.saturating_mul(4).clamp(1 << 12, MAX_HEADER_BYTES)];
            let count = self.source.read_at(self.offset, &mut longer)?;
            if count <= length {
                // The file ends: there is no more to be had, and no count that is not held against what there is.
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason.clone()));
            }
            found = check_page_header(longer.get(..count).unwrap_or_default());
            length = count;
        }
        let size = found.map_err(Fault::into_reason);
        let opened = size.and_then(|size| self.meter.as_ref().map_or(Ok(()), |meter| meter.open(size)));
        opened.map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
    }
}

impl<S: ByteSource + ?Sized> Read for Sequence<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.offset, buffer)?;
        if !self.is_checked {
            self.check(buffer.get(..count).unwrap_or_default())?;
            self.is_checked = true;
        }
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
        let chunks: Chunks<dyn ByteSource> = Chunks::new(Arc::new(Memory::new(b"abcdef".to_vec())));
        assert_eq!(chunks.get_bytes(2, 3).unwrap(), Bytes::from_static(b"cde"));
        assert!(chunks.get_bytes(2, 5).is_err());
        assert!(chunks.get_bytes(u64::MAX, 5).is_err());
        let mut text = String::new();
        chunks.clone().get_read(4).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), chunks.len()), ("ef", 6));
    }

    /// A header whose one field is a text of so many bytes, and what follows it.
    fn header(text: usize, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x18];
        let mut length = text;
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(vec![b'a'; text]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn headers_are_walked_before_they_are_read() {
        // A list of 2^31 - 1 booleans, which `parquet` would count.
        let hostile = [0x19, 0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0];
        for text in [0, 9_000, 200_000] {
            let read = |rest: &[u8]| {
                let bytes = [header(text, rest), vec![0; 100]].concat();
                let chunks: Chunks<dyn ByteSource> = Chunks::new(Arc::new(Memory::new(bytes.clone())));
                let indexed: Chunks<dyn ByteSource> = Chunks::indexed(Arc::new(Memory::new(bytes.clone())));
                let mut found = Vec::new();
                let sequential = chunks.get_read(0).unwrap().read_to_end(&mut found);
                assert_eq!(sequential.is_ok(), found == bytes);
                (sequential.map_err(|error| error.to_string()), indexed.get_bytes(0, bytes.len()).is_ok())
            };
            assert!(matches!(read(&[0]), (Ok(_), true)), "{text}");
            let (sequential, indexed) = read(&hostile);
            assert!(sequential.unwrap_err().contains("the header of a page") && !indexed, "{text}");
        }
        let cut: Chunks<dyn ByteSource> = Chunks::new(Arc::new(Memory::new(header(90, &[]))));
        assert!(cut.get_read(0).unwrap().read_to_end(&mut Vec::new()).is_err());
    }
}

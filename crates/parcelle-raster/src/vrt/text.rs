//! The text of a file as GDAL's parser sees it, as a stream: bytes up to the first NUL, counted in lines, with bytes
//! that are not UTF-8 replaced so that parsing can go on.

use std::io::{self, BufRead, Read};

use parcelle_storage::ByteSource;

use super::limits;

/// How many bytes GDAL looks at to recognise a driver (`gcore/gdalopeninfo.cpp`).
pub(crate) const HEAD_BYTES: usize = 1024;

const CHUNK_BYTES: usize = 256 << 10;

/// Why the stream ended before the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// One token is longer than [`limits::TOKEN_BYTES`].
    Token,
    /// The file is longer than [`limits::BYTES`].
    Bytes,
}

/// Bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidBytes {
    /// Line of the first one.
    pub(crate) line: u32,
    /// How many sequences there are.
    pub(crate) count: u64,
}

/// A file as lines of UTF-8; a [`BufRead`] for the XML parser, which consumes exactly what it has understood, so that
/// [`SourceText::line`] is the line of what it reads next.
pub(crate) struct SourceText<'a> {
    source: &'a dyn ByteSource,
    offset: u64,
    head: Vec<u8>,
    carried: Vec<u8>,
    clean: Vec<u8>,
    position: usize,
    line: u32,
    filled_line: u32,
    token_bytes: u64,
    ended: bool,
    io_error: Option<io::Error>,
    stop: Option<Stop>,
    invalid: Option<InvalidBytes>,
    non_ascii: bool,
    nul_line: Option<u32>,
    utf8_mark: bool,
}

impl<'a> SourceText<'a> {
    /// Reads the first chunk.
    pub(crate) fn open(source: &'a dyn ByteSource) -> io::Result<Self> {
        let mut text = Self {
            source,
            offset: 0,
            head: Vec::new(),
            carried: Vec::new(),
            clean: Vec::new(),
            position: 0,
            line: 1,
            filled_line: 1,
            token_bytes: 0,
            ended: false,
            io_error: None,
            stop: None,
            invalid: None,
            non_ascii: false,
            nul_line: None,
            utf8_mark: false,
        };
        text.fill()?;
        Ok(text)
    }

    /// Line of the next byte, from 1.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// The first bytes of the file, unchanged, as many as GDAL looks at.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Tells that a new token begins, which may again be [`limits::TOKEN_BYTES`] long.
    pub(crate) fn start_token(&mut self) {
        self.token_bytes = 0;
    }

    /// What the operating system said, if reading failed.
    pub(crate) fn take_io_error(&mut self) -> Option<io::Error> {
        self.io_error.take()
    }

    /// Why the stream was cut, if it was.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Bytes so far that are not UTF-8.
    pub(crate) fn invalid(&self) -> Option<InvalidBytes> {
        self.invalid
    }

    /// Whether there was any byte above 127 so far.
    pub(crate) fn non_ascii(&self) -> bool {
        self.non_ascii
    }

    /// Line of the first NUL byte, where the text ends for GDAL.
    pub(crate) fn nul_line(&self) -> Option<u32> {
        self.nul_line
    }

    /// Whether there is nothing (left) to read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.ended && self.position >= self.clean.len()
    }

    fn fill(&mut self) -> io::Result<()> {
        self.clean.clear();
        self.position = 0;
        while self.clean.is_empty() && !self.ended {
            self.fill_once()?;
        }
        Ok(())
    }

    fn fill_once(&mut self) -> io::Result<()> {
        let rest = self.source.len().saturating_sub(self.offset);
        let allowed = limits::BYTES.saturating_sub(self.offset);
        if rest > 0 && allowed == 0 {
            self.stop = Some(Stop::Bytes);
            self.ended = true;
            return Ok(());
        }
        let wanted = usize::try_from(rest.min(allowed)).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let mut chunk = std::mem::take(&mut self.carried);
        let kept = chunk.len();
        chunk.resize(kept + wanted, 0);
        let count = match chunk.get_mut(kept..) {
            Some(free) if !free.is_empty() => self.source.read_at(self.offset, free)?,
            _ => 0,
        };
        chunk.truncate(kept + count);
        if self.offset == 0 {
            self.head = chunk.get(..HEAD_BYTES.min(chunk.len())).unwrap_or_default().to_vec();
        }
        let first = self.offset == 0;
        self.offset = self.offset.saturating_add(count as u64);
        let last = count == 0 || self.offset >= self.source.len();
        let mut bytes = chunk.as_slice();
        if first && let Some(after_mark) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
            self.utf8_mark = true;
            bytes = after_mark;
        }
        self.clean_into(bytes, last);
        if last {
            self.ended = true;
        }
        Ok(())
    }

    fn clean_into(&mut self, bytes: &[u8], last: bool) {
        let end = memchr::memchr(0, bytes);
        let mut bytes = bytes;
        if let Some(end) = end {
            bytes = bytes.get(..end).unwrap_or_default();
            self.ended = true;
        }
        if !bytes.is_ascii() {
            self.non_ascii = true;
        }
        loop {
            match std::str::from_utf8(bytes) {
                Ok(valid) => {
                    self.append(valid.as_bytes());
                    break;
                }
                Err(error) => {
                    let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
                    self.append(valid);
                    let skip = match error.error_len() {
                        Some(length) => length,
                        None if !last && end.is_none() => {
                            self.carried = rest.to_vec();
                            break;
                        }
                        None => rest.len(),
                    };
                    let line = self.filled_line;
                    self.invalid.get_or_insert(InvalidBytes { line, count: 0 }).count += 1;
                    self.append("\u{FFFD}".as_bytes());
                    bytes = rest.get(skip.max(1)..).unwrap_or_default();
                }
            }
        }
        if end.is_some() && self.nul_line.is_none() {
            self.nul_line = Some(self.filled_line);
        }
    }

    fn append(&mut self, valid: &[u8]) {
        self.filled_line = self.filled_line.saturating_add(count_lines(valid));
        self.clean.extend_from_slice(valid);
    }
}

fn count_lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

impl Read for SourceText<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), available.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for SourceText<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token_bytes > limits::TOKEN_BYTES {
            self.stop = Some(Stop::Token);
            return Err(io::Error::other("a token is too long"));
        }
        if self.position >= self.clean.len()
            && !self.ended
            && let Err(error) = self.fill()
        {
            let kind = error.kind();
            self.io_error = Some(error);
            self.ended = true;
            return Err(kind.into());
        }
        Ok(self.clean.get(self.position..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let end = self.position.saturating_add(amount).min(self.clean.len());
        let consumed = self.clean.get(self.position..end).unwrap_or_default();
        self.line = self.line.saturating_add(count_lines(consumed));
        self.token_bytes = self.token_bytes.saturating_add(amount as u64);
        self.position = end;
    }
}

/// The words by which GDAL recognises the file (`VRTDataset::Identify`).
const IDENTIFIER: &[u8] = b"<VRTDataset";

/// Whether a file that begins so is a VRT. GDAL looks for the words as in a C string, which ends at a NUL.
pub(crate) fn is_identified(head: &[u8]) -> bool {
    let text = head.split(|byte| *byte == 0).next().unwrap_or_default();
    text.windows(IDENTIFIER.len()).any(|window| window == IDENTIFIER)
}

/// The encoding of a file that begins so, where it is of more than one byte. Named with its byte order where no mark at the
/// start tells it, since tools for conversion guess it differently.
pub(crate) fn wide_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32"),
        [b'<', 0, 0, 0, ..] => Some("UTF-32LE"),
        [0, 0, 0, b'<', ..] => Some("UTF-32BE"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        [b'<', 0, ..] => Some("UTF-16LE"),
        [0, b'<', ..] => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use parcelle_storage::Memory;

    use super::*;

    fn read(bytes: &[u8]) -> (String, Option<InvalidBytes>, Option<u32>, u32) {
        let source = Memory::new(bytes.to_vec());
        let mut text = SourceText::open(&source).unwrap();
        let mut all = String::new();
        loop {
            text.start_token();
            let chunk = text.fill_buf().unwrap().to_vec();
            if chunk.is_empty() {
                break;
            }
            all.push_str(std::str::from_utf8(&chunk).unwrap());
            text.consume(chunk.len());
        }
        assert!(text.is_at_end());
        (all, text.invalid(), text.nul_line(), text.line())
    }

    #[test]
    fn a_mark_is_skipped_and_lines_are_counted() {
        assert_eq!(read(b"\xEF\xBB\xBFa\nb\n"), ("a\nb\n".to_owned(), None, None, 3));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_placed() {
        let (all, invalid, ..) = read(b"a\n\xE9.tif\n\xFF\xC3");
        assert_eq!(all, "a\n\u{FFFD}.tif\n\u{FFFD}\u{FFFD}");
        assert_eq!(invalid, Some(InvalidBytes { line: 2, count: 3 }));
    }

    #[test]
    fn the_text_ends_at_the_first_nul() {
        assert_eq!(read(b"a\nb\0c"), ("a\nb".to_owned(), None, Some(2), 2));
        assert_eq!(read(b"").0, "");
    }

    #[test]
    fn characters_across_chunks_stay_whole() {
        let mut bytes = vec![b'a'; CHUNK_BYTES - 1];
        bytes.extend_from_slice("é\né".as_bytes());
        let (all, invalid, _, line) = read(&bytes);
        assert_eq!(all.as_bytes(), bytes);
        assert_eq!((invalid, line), (None, 2));
    }

    #[test]
    fn an_endless_token_is_cut() {
        let source = Memory::new(vec![b'a'; usize::try_from(limits::TOKEN_BYTES).unwrap() + CHUNK_BYTES * 2]);
        let mut text = SourceText::open(&source).unwrap();
        let error = loop {
            match text.fill_buf().map(<[u8]>::len) {
                Ok(length) => {
                    assert_ne!(length, 0, "the end was reached");
                    text.consume(length);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(text.stop(), Some(Stop::Token));
        assert!(error.to_string().contains("token"));
    }
}

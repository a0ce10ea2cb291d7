//! The simplest driver of a [`Parser`]: a function that reads.

use std::io;

use crate::parser::{Parser, Request};
use crate::structure::Structure;

/// Parses the structure of a file of `length` bytes. `read` fills a buffer from an offset on and says how many bytes
/// there were, fewer than asked only at the end of the file.
///
/// # Errors
/// What `read` says; [`io::ErrorKind::UnexpectedEof`] if the file turns out shorter than `length`.
pub fn read_structure(length: u64, read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>) -> io::Result<Structure> {
    drive(Parser::new(length), length, read)
}

/// The same without block indexes, and with few bytes: see [`Parser::of_header`].
///
/// # Errors
/// As [`read_structure`].
pub fn read_headers(length: u64, read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>) -> io::Result<Structure> {
    drive(Parser::of_header(length), length, read)
}

fn drive(
    mut parser: Parser,
    length: u64,
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
) -> io::Result<Structure> {
    let mut buffer = Vec::new();
    while let Request::Read(range) = parser.next_request() {
        let size = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        buffer.clear();
        buffer.resize(size, 0);
        let count = read(range.start, &mut buffer)?;
        if count < size {
            let message = format!(
                "the file was {length} bytes long and now ends at {}: it changed while it was read, try again",
                range.start + count as u64
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        parser.feed(range.start, &buffer);
    }
    Ok(parser.finish())
}

//! Why a block gave no pixels.

use std::fmt::Display;

/// What stands between the bytes of a block and its pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The bytes are wrong: no reader gets the pixels back.
    #[error("{0}")]
    Damaged(String),
    /// The bytes are right as far as they go: the stream ends before the block is full.
    #[error("{0}")]
    Short(String),
    /// All pixels are there, and what would prove them is not: the stream ends before its checksum.
    #[error("{0}: the stream is cut off before its checksum")]
    NoChecksum(String),
    /// A JPEG stream leaves its tables to the tag JPEGTables, which does not have them.
    #[error("jpeg: the stream has no quantisation or Huffman tables, nor has the tag JPEGTables")]
    NoJpegTables,
    /// Nothing was found out about the bytes: this build has no decoder for them, or a limit forbids to run it.
    #[error("{0}")]
    NotDecoded(String),
}

impl Failure {
    /// What a codec says of bytes that it cannot decode.
    pub(crate) fn damaged(codec: &str, reason: impl Display) -> Self {
        Self::Damaged(format!("{codec}: {reason}"))
    }

    /// A stream that ends before the block is full.
    pub(crate) fn short(codec: &str, got: u64, needed: u64) -> Self {
        Self::Short(format!("{codec}: gives {got} of the {needed} bytes that its pixels take"))
    }
}

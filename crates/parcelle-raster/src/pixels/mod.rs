//! Pixels: every tile and strip of a TIFF, decoded to see whether it decodes.
//!
//! A [`BlockDecoder`] knows how the blocks of one image are encoded and decodes them one by one, from any
//! [`ByteSource`](parcelle_storage::ByteSource), into the buffers of a [`Scratch`], of which each thread has one. A block
//! **decodes** if its bytes give as many bytes as its geometry takes. In what they let pass the decoders follow libtiff,
//! which is what GDAL reads with; the modules name the place. In brief:
//!
//! * what follows in a stream after the last byte a block takes is ignored (a last strip with the rows of a whole one);
//! * a checksum that stands right behind that byte must fit, as libdeflate demands;
//! * a JPEG picture may be smaller than its block where the rest is outside the image;
//! * the rows of a tile below the image may be missing, as GDAL does not ask for them;
//! * damaged CCITT rows are passed over where the next can be found, missing ones are not;
//! * of JPEG with two components only a missing end is noticed, as the decoder has no strict mode for them.
//!
//! | compression | decoder |
//! |---|---|
//! | none, PackBits | here |
//! | deflate (8, 32946) | `zlib-rs` |
//! | LZW, also of before TIFF 6.0 | `weezl` |
//! | Zstandard | `zstd` |
//! | LZMA | `lzma-rust2` |
//! | JPEG: baseline, extended and progressive, 8 bits, any number of components | `zune-jpeg` |
//! | WebP | `image-webp` |
//! | LERC, also packed with deflate or Zstandard | `lerc-rs` |
//! | CCITT RLE, Group 3 and 4 | `hayro-ccitt` |
//!
//! Everything else (JPEG with 12 bits, arithmetic or lossless coding; old-style JPEG; JPEG XL, JPEG 2000, SGI LogLuv,
//! NeXT, ThunderScan, Pixar) is [`Failure::NotDecoded`], which is told and never taken for success.
//!
//! # Hostile files
//! A block costs memory only after its declared size was held against what its bytes can become at most (1032 times as
//! many with deflate), and never more than 16 MiB per thread: larger blocks of byte codecs run through a buffer, and those
//! of picture codecs are decoded one at a time, up to [`PICTURE_BYTES`]. All blocks of a file together get a budget by the length of the
//! file; what it does not suffice for is not decoded, and told.

mod block;
mod failure;
mod fax;
mod huffman;
mod jpeg;
mod picture;
mod predictor;
pub(crate) mod samples;
mod stream;
pub(crate) mod survey;

pub use block::{BlockDecoder, Decoded, PICTURE_BYTES, Scratch};
pub use failure::Failure;

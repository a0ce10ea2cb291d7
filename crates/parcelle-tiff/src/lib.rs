//! The structure of TIFF and BigTIFF files, without I/O and safe on hostile input.
//!
//! A TIFF file is a header, a chain of directories (IFDs) whose entries (tags) describe one image each, arrays with the
//! place of every tile, and the tiles. A Cloud Optimized GeoTIFF is a TIFF in which these lie in a helpful order, so what
//! matters here is not only what the values are but **where** they are. Pixels are not decoded.
//!
//! [`Parser`] does no I/O: it says which byte range it needs ([`Parser::next_request`]) and is fed the bytes
//! ([`Parser::feed`]), so that a file, a buffer and a remote object are parsed by the same code. [`read_structure`] drives
//! it with a function that reads. The result is a [`Structure`]: header, GDAL's ghost area, directories with typed tag
//! values, block indexes, and every [`Problem`] met on the way.
//!
//! # Hostile files
//! No number of a file is believed: offsets are added with checks, nothing is allocated by a count before it is
//! checked against the length of the file, all values read together are never longer than the file, directories that
//! overlap or loop end the chain. Limits: [`Structure::DIRECTORY_CAP`], [`Structure::ENTRY_CAP`],
//! [`Structure::PROBLEM_CAP`], [`Structure::VALUE_CAP`]. Index arrays cost 8 to 16 bytes per tile.
//!
//! # Example
//! ```
//! let file = b"II\x2a\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x07\0\0\0\0\0\0\0";
//! let structure = parcelle_tiff::read_structure(file.len() as u64, |offset, buffer| {
//!     let rest = &file[offset as usize..];
//!     let count = rest.len().min(buffer.len());
//!     buffer[..count].copy_from_slice(&rest[..count]);
//!     Ok(count)
//! })?;
//! let directory = structure.main().ok_or_else(|| std::io::Error::other("no image"))?;
//! assert_eq!(directory.unsigned(parcelle_tiff::tags::IMAGE_WIDTH), Some(7));
//! assert!(structure.problems.iter().any(|problem| problem.to_string() == "IFD 0 lacks ImageLength"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Sources: TIFF 6.0 (Adobe, 1992), the BigTIFF specification, OGC GeoTIFF 1.1, GDAL's COG driver documentation.

mod cache;
mod directory;
mod entry;
mod examine;
mod georeference;
mod ghost;
mod header;
mod image;
mod parser;
mod problem;
mod read;
mod structure;
pub mod tags;

pub use directory::{BlockIndex, Directory, Numbers, Role};
pub use entry::{Entry, FieldType, ValuePlace};
pub use georeference::{GeoKeys, geo_keys};
pub use ghost::GhostArea;
pub use header::{ByteOrder, Header, Variant};
pub use image::{Image, Layout};
pub use parser::{Parser, Request};
pub use problem::{Problem, StructureKind};
pub use read::{read_headers, read_structure};
pub use structure::Structure;

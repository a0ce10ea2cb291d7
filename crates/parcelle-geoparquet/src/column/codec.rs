//! Compression of pages. A worker keeps its compressor: the tables of zstd are larger than most pages.

use std::cell::RefCell;

use parquet::basic::Compression as Codec;
use parquet::errors::ParquetError;

thread_local! {
    static ZSTD: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
}

/// Whether [`compress`] knows this codec.
pub(crate) const fn is_known(codec: Codec) -> bool {
    matches!(codec, Codec::ZSTD(_) | Codec::UNCOMPRESSED)
}

/// The bytes of a page as the codec has them.
pub(crate) fn compress(codec: Codec, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
    let failed = |error: std::io::Error| ParquetError::External(Box::new(error));
    match codec {
        Codec::UNCOMPRESSED => Ok(page.to_vec()),
        Codec::ZSTD(level) => ZSTD.with_borrow_mut(|kept| {
            let level = level.compression_level();
            let (_, compressor) = match kept.take_if(|(of_level, _)| *of_level == level) {
                Some(same) => kept.insert(same),
                None => kept.insert((level, zstd::bulk::Compressor::new(level).map_err(failed)?)),
            };
            compressor.compress(page).map_err(failed)
        }),
        other => Err(ParquetError::NYI(format!("pages in {other} are the library's"))),
    }
}

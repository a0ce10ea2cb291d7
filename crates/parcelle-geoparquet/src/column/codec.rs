//! Compression of pages. A worker keeps its compressors of zstd: their tables are larger than most pages.
//!
//! At its levels 2 and 3 zstd looks for repetitions through two tables, which pays where words repeat. Ordinates and
//! identifiers repeat in pieces of five or six bytes and near by. The search of level 1, which has one table, finds those as
//! well in half the time, if pieces and table are of the right size; which one that is depends on how many digits ordinates
//! have. So it is tried out, on a page of the first row group: the quickest search counts that takes hardly more bytes than
//! the level that is asked for.

use std::cell::RefCell;

use parquet::basic::Compression as Codec;
use parquet::errors::ParquetError;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, Strategy};

/// How the pages of a column are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageCodec {
    pub(crate) codec: Codec,
    /// How zstd looks for repetitions, where not as its level does.
    search: Option<Search>,
}

/// A search through one table (zstd's strategy `fast`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Search {
    /// Bytes of the shortest repetition that is found.
    least: u32,
    /// The table has two to the power of this many entries.
    table_bits: u32,
}

/// From the quickest to the slowest.
const SEARCHES: [Search; 5] = [
    Search { least: 6, table_bits: 11 },
    Search { least: 6, table_bits: 13 },
    Search { least: 5, table_bits: 13 },
    Search { least: 6, table_bits: 15 },
    Search { least: 6, table_bits: 17 },
];
/// Who asks for a higher level wants fewer bytes, whatever the time.
const MOST_LEVEL: i32 = 3;
/// One part in so many that a page may be larger by than at the level that is asked for.
const TOLERANCE: usize = 128;

type Kept = (i32, Option<Search>, Compressor<'static>);

thread_local! {
    static COMPRESSORS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

impl PageCodec {
    /// `None` where [`PageCodec::compress`] does not know this codec.
    pub(crate) fn new(codec: Codec) -> Option<Self> {
        matches!(codec, Codec::ZSTD(_) | Codec::LZ4_RAW | Codec::UNCOMPRESSED).then_some(Self { codec, search: None })
    }

    /// Whether there is more than one way to choose from in [`PageCodec::tuned`].
    pub(crate) fn can_be_tuned(self) -> bool {
        self.tunable_level().is_some()
    }

    fn tunable_level(self) -> Option<i32> {
        match self.codec {
            Codec::ZSTD(level) => Some(level.compression_level()).filter(|level| *level <= MOST_LEVEL),
            _ => None,
        }
    }

    /// The quickest way to compress such pages, of those that take hardly more bytes than this one.
    pub(crate) fn tuned(self, page: &[u8]) -> Result<Self, ParquetError> {
        let Some(level) = self.tunable_level() else { return Ok(self) };
        // Compressors of its own: most of them are never needed again.
        let bytes = |search| -> std::io::Result<usize> { Ok(compressor(level, search)?.compress(page)?.len()) };
        let at_level = bytes(None).map_err(failed)?;
        for search in SEARCHES {
            if bytes(Some(search)).map_err(failed)? <= at_level + at_level / TOLERANCE {
                return Ok(Self { search: Some(search), ..self });
            }
        }
        Ok(self)
    }

    /// The bytes of a page as the codec has them.
    pub(crate) fn compress(self, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
        match self.codec {
            Codec::UNCOMPRESSED => Ok(page.to_vec()),
            Codec::LZ4_RAW => Ok(lz4_flex::block::compress(page)),
            Codec::ZSTD(level) => COMPRESSORS.with_borrow_mut(|kept| {
                let level = level.compression_level();
                let place = kept.iter().position(|(of, search, _)| (*of, *search) == (level, self.search));
                let place = match place {
                    Some(place) => place,
                    None => {
                        kept.push((level, self.search, compressor(level, self.search).map_err(failed)?));
                        kept.len() - 1
                    }
                };
                match kept.get_mut(place) {
                    Some((.., compressor)) => compressor.compress(page).map_err(failed),
                    None => Ok(Vec::new()),
                }
            }),
            other => Err(ParquetError::NYI(format!("pages in {other} are the library's"))),
        }
    }
}

fn failed(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn compressor(level: i32, search: Option<Search>) -> std::io::Result<Compressor<'static>> {
    let Some(Search { least, table_bits }) = search else { return Compressor::new(level) };
    let mut compressor = Compressor::new(1)?;
    compressor.set_parameter(CParameter::Strategy(Strategy::ZSTD_fast))?;
    compressor.set_parameter(CParameter::MinMatch(least))?;
    compressor.set_parameter(CParameter::HashLog(table_bits))?;
    Ok(compressor)
}

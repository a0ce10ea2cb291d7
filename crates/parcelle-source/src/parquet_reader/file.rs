//! The file: is it Parquet, is it whole, and what its footer says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parcelle_parquet::{Chunks, ENCRYPTED_MAGIC, MAGIC, TAIL_BYTES, check_footer, check_page_index, check_rows};
use parcelle_storage::{ByteSource, LocalFile};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;

use crate::arrow_columns::guarded;
use crate::error::SourceError;
use crate::fingerprint::{Fingerprint, unreadable};

/// What to do about a file that is not whole.
const GET_AGAIN: &str = "the file is damaged or incomplete: get it again from its source";

/// Bytes between the indexes of pages that are read over.
const INDEX_GAPS: u64 = 16 << 20;

/// Whether a file that begins like this is meant to be Parquet, whole or not.
pub(crate) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(ENCRYPTED_MAGIC)
}

/// A Parquet file that stays open.
#[derive(Debug)]
pub(super) struct ParquetFile {
    path: PathBuf,
    source: Arc<LocalFile>,
    fingerprint: Fingerprint,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let fingerprint = Fingerprint::of(path)?;
        let source = Arc::new(LocalFile::open(path).map_err(|error| unreadable(path, &error))?);
        Ok(Self { path: path.to_owned(), source, fingerprint })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bytes(&self) -> u64 {
        self.source.len()
    }

    /// What reads pages.
    pub(super) fn chunks(&self, metadata: &ParquetMetaData) -> Chunks<LocalFile> {
        let source = Arc::clone(&self.source);
        if metadata.offset_index().is_some() { Chunks::indexed(source) } else { Chunks::new(source) }
    }

    /// A [`SourceError::Malformed`].
    pub(super) fn malformed(&self, reason: impl Into<String>) -> SourceError {
        self.malformed_with(reason, GET_AGAIN)
    }

    /// A [`SourceError::Malformed`] with a way out of its own.
    pub(super) fn malformed_with(&self, reason: impl Into<String>, advice: &str) -> SourceError {
        let (reason, advice) = (reason.into(), advice.to_owned());
        SourceError::Malformed { path: self.path.clone(), format: "Parquet", reason, advice }
    }

    /// # Errors
    /// [`SourceError::Changed`] where the file is not the one that was opened any more.
    pub(super) fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.fingerprint.verify(&self.path)
    }

    /// Reads and checks the footer. Two parts of it only help: an index of the pages that cannot be read is left alone,
    /// and so is a stored Arrow schema that contradicts the columns; the types of Parquet are then the only ones.
    pub(super) fn metadata(&self) -> Result<ArrowReaderMetadata, SourceError> {
        check_footer(&self.footer()?).map_err(|reason| self.malformed(reason))?;
        let chunks = Chunks::new(Arc::clone(&self.source));
        let load = |skip_arrow: bool| {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(skip_arrow);
            guarded(|| ArrowReaderMetadata::load(&chunks, options.clone())).map(|loaded| (loaded, options))
        };
        let (loaded, options) = load(false)
            .or_else(|reason| load(true).map_err(|_| reason))
            .map_err(|reason| self.malformed(format!("the footer cannot be read: {reason}")))?;
        self.check(loaded.metadata())?;
        let Some(indexed) = self.indexed(loaded.metadata(), &chunks) else { return Ok(loaded) };
        Ok(guarded(|| ArrowReaderMetadata::try_new(Arc::new(indexed), options)).unwrap_or(loaded))
    }

    /// The metadata with the index of the pages of all row groups, where there is one that can be read.
    fn indexed(&self, metadata: &Arc<ParquetMetaData>, chunks: &Chunks<LocalFile>) -> Option<ParquetMetaData> {
        let place = |column: &ColumnChunkMetaData| {
            let start = u64::try_from(column.offset_index_offset()?).ok()?;
            let length = u64::try_from(column.offset_index_length()?).ok()?;
            Some(start..start.checked_add(length)?)
        };
        let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
        let places = columns.map(place).collect::<Option<Vec<_>>>()?;
        // They lie one after the other, and are read at once, as `parquet` does; memory is reserved by the counts in them.
        let start = places.iter().map(|place| place.start).min()?;
        let end = places.iter().map(|place| place.end).max()?;
        let lengths = places.iter().fold(INDEX_GAPS, |sum, place| sum.saturating_add(place.end - place.start));
        let length = Some(end - start).filter(|length| *length <= lengths)?;
        let bytes = chunks.get_bytes(start, usize::try_from(length).ok()?).ok()?;
        let is_sound = |place: &std::ops::Range<u64>| {
            let within = usize::try_from(place.start - start).ok()?..usize::try_from(place.end - start).ok()?;
            check_page_index(bytes.get(within)?).ok()
        };
        if !places.iter().all(|place| is_sound(place).is_some()) {
            return None;
        }
        let reader = ParquetMetaDataReader::new_with_metadata(metadata.as_ref().clone());
        let mut reader = reader.with_offset_index_policy(PageIndexPolicy::Required);
        let indexed = guarded(|| {
            reader.read_page_indexes(chunks)?;
            reader.finish()
        });
        // Pages of a row group without would be read in another way.
        let is_whole = |indexed: &ParquetMetaData| {
            indexed.offset_index().is_some_and(|groups| groups.iter().all(|group| !group.is_empty()))
        };
        indexed.ok().filter(is_whole)
    }

    /// The bytes of the footer.
    fn footer(&self) -> Result<Vec<u8>, SourceError> {
        let length = self.source.len();
        let mut head = [0; 4];
        let mut tail = [0; TAIL_BYTES as usize];
        self.fill(0, &mut head)?;
        self.fill(length.saturating_sub(TAIL_BYTES), &mut tail)?;
        let [l0, l1, l2, l3, magic @ ..] = tail;
        if head == *ENCRYPTED_MAGIC || magic == *ENCRYPTED_MAGIC {
            let advice = "decrypt it with the program that made it, and convert the result";
            return Err(self.malformed_with("the file is encrypted, which is not supported", advice));
        }
        if length < TAIL_BYTES + 4 || magic != *MAGIC {
            return Err(self.malformed("the file does not end as Parquet does, with the bytes PAR1"));
        }
        let footer_length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let Some(start) = (length - TAIL_BYTES).checked_sub(footer_length).filter(|start| *start >= 4) else {
            return Err(self.malformed(format!("a footer of {footer_length} bytes does not fit the file of {length}")));
        };
        // Not longer than the file, by the check above.
        let mut footer = vec![0; usize::try_from(footer_length).unwrap_or(0)];
        self.fill(start, &mut footer)?;
        Ok(footer)
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        match self.source.read_at(offset, buffer) {
            Ok(count) if count == buffer.len() => Ok(()),
            Ok(_) => Err(self.malformed("the file is too short")),
            Err(error) => Err(SourceError::Unreadable { path: self.path.clone(), reason: error.to_string() }),
        }
    }

    /// Whether the numbers of the footer fit each other and the file.
    fn check(&self, metadata: &ParquetMetaData) -> Result<(), SourceError> {
        let length = i128::from(self.source.len());
        let mut rows = 0i64;
        for (number, group) in metadata.row_groups().iter().enumerate() {
            if group.num_rows() < 0 {
                return Err(self.malformed(format!("row group {number} has {} rows", group.num_rows())));
            }
            rows = rows.saturating_add(group.num_rows());
            for column in group.columns() {
                let name = column.column_descr().path().string();
                if column.file_path().is_some_and(|path| !path.is_empty()) {
                    let advice = "convert those files instead";
                    let reason = format!("the footer is a summary: column {name} is in another file");
                    return Err(self.malformed_with(reason, advice));
                }
                let (data, dictionary) = (column.data_page_offset(), column.dictionary_page_offset());
                let start = dictionary.unwrap_or(data);
                let size = column.compressed_size();
                if start < 0 || data < 0 || size < 0 || i128::from(start) + i128::from(size) > length {
                    let reason = format!(
                        "column {name} of row group {number} lies outside of the file: {size} bytes at byte {start} of {length}"
                    );
                    return Err(self.malformed(reason));
                }
            }
        }
        let declared = metadata.file_metadata().num_rows();
        if rows != declared {
            return Err(self.malformed(format!("the row groups have {rows} rows, and the file {declared}")));
        }
        check_rows(metadata, self.source.len()).map_err(|reason| self.malformed(reason))
    }
}

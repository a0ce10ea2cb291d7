//! Rows in batches that fit in memory, whatever the file says of itself.
//!
//! A batch has as many rows as take some megabytes, by what the footer says of the row groups, by the values of their
//! dictionaries, and by the width of their columns: a value that is stored once can stand in any number of rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use parcelle_storage::ByteSource;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, RowGroups, RowSelection};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::Type as PhysicalType;
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::Chunks;
use crate::budget::Budget;
use crate::lists::Lists;
use crate::pages::{CheckedPages, width};

/// Most rows of a batch, and about as many bytes, but never fewer rows than the last.
const BATCH_ROWS: u64 = 8192;
const BATCH_BYTES: u64 = 8 << 20;
const LEAST_BATCH_ROWS: u64 = 16;
/// What the values of a batch may take that cost nothing in the file, for each row the longest.
const SPREAD_BYTES: u64 = 64 << 20;
/// Values of a batch.
const BATCH_VALUES: u64 = 1 << 22;
/// The widest column of one width.
const MOST_WIDTH: u64 = 1 << 20;
/// Values of a file, rows by columns, whatever its length.
const LEAST_VALUES: u64 = 1 << 27;
/// And beyond that, for each byte of the file.
const VALUES_EACH: u64 = 1024;

/// What is read of a file.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Columns at the root, by number.
    pub roots: Vec<usize>,
    /// Row groups, by number.
    pub groups: Vec<usize>,
    /// Which of their rows; `None` for all.
    pub selection: Option<RowSelection>,
    /// Most rows of a batch; `None` for what fits in memory.
    pub batch_rows: Option<usize>,
}

/// Reads rows in batches.
///
/// # Errors
/// What the reader says of the footer, or that a column cannot be read in any memory.
pub fn batches<S: ByteSource + ?Sized + 'static>(
    chunks: Chunks<S>,
    metadata: &ArrowReaderMetadata,
    wanted: Wanted,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let schema = metadata.parquet_schema();
    let mask = ProjectionMask::roots(schema, wanted.roots);
    let leaves: Vec<usize> = (0..schema.num_columns()).filter(|leaf| mask.leaf_included(*leaf)).collect();
    for leaf in &leaves {
        let column = schema.column(*leaf);
        let width = width(&column);
        if width > MOST_WIDTH {
            let reason = format!("values of column {} have {width} bytes each, more than {MOST_WIDTH}", column.name());
            return Err(ParquetError::General(reason));
        }
    }
    let (Some(first), rest) = (wanted.groups.first().copied(), wanted.groups.get(1..).unwrap_or_default()) else {
        return Err(ParquetError::General("no row group is read".to_owned()));
    };
    let groups = Groups {
        budget: Budget::new(parquet::file::reader::Length::len(&chunks)),
        lists: Arc::new(Lists::of(schema)),
        chunks,
        metadata: Arc::clone(metadata.metadata()),
        groups: wanted.groups.clone(),
        prepared: Mutex::default(),
    };
    let longest = groups.prepare(first, rest, &leaves);
    let fitting = batch_rows(&groups, &leaves, longest).min(groups.rows()).max(1);
    let rows = usize::try_from(fitting).unwrap_or(1).min(wanted.batch_rows.unwrap_or(usize::MAX));
    let levels = parquet_to_arrow_field_levels(schema, mask, Some(metadata.schema().fields()))?;
    ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, rows, wanted.selection)
}

/// Whether a footer has no more rows and columns than a file of so many bytes can sensibly have.
///
/// Rows without any value cost nothing, so that a footer of some bytes could keep a reader busy for years.
///
/// # Errors
/// How many there are, and may be.
pub fn check_rows(metadata: &ParquetMetaData, file_bytes: u64) -> Result<(), String> {
    let rows = metadata.row_groups().iter().map(group_rows).fold(0, u64::saturating_add);
    let columns = metadata.file_metadata().schema_descr().num_columns() as u64;
    let limit = file_bytes.saturating_mul(VALUES_EACH).saturating_add(LEAST_VALUES);
    if rows.saturating_mul(columns.max(1)) > limit {
        let reason = format!(
            "the {rows} rows of {columns} columns are more than {limit} values, in a file of {file_bytes} bytes"
        );
        return Err(reason);
    }
    Ok(())
}

/// Rows of a batch. Dictionaries count as if they were spread out evenly, and once more by their longest values.
fn batch_rows<S: ?Sized>(groups: &Groups<S>, leaves: &[usize], longest: u64) -> u64 {
    let mut rows = BATCH_ROWS;
    for group in &groups.groups {
        let Some(group) = groups.metadata.row_groups().get(*group) else { continue };
        let sizes = leaves.iter().filter_map(|leaf| group.columns().get(*leaf));
        let bytes =
            sizes.fold(0u64, |sum, column| sum.saturating_add(u64::try_from(column.uncompressed_size()).unwrap_or(0)));
        let row_bytes = (bytes / group_rows(group).max(1)).max(1);
        rows = rows.min((BATCH_BYTES / row_bytes).max(LEAST_BATCH_ROWS));
    }
    let schema = groups.metadata.file_metadata().schema_descr();
    let wide = leaves.iter().map(|leaf| schema.column(*leaf));
    let wide = wide.filter(|column| column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY);
    let wide = wide.fold(longest, |sum, column| sum.saturating_add(width(&column)));
    rows.min(SPREAD_BYTES / wide.max(1)).min(BATCH_VALUES / (leaves.len() as u64).max(1)).max(1)
}

fn group_rows(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

/// The row groups that are read.
struct Groups<S: ?Sized> {
    budget: Arc<Budget>,
    lists: Arc<Lists>,
    chunks: Chunks<S>,
    metadata: Arc<ParquetMetaData>,
    groups: Vec<usize>,
    /// Pages of the first row group whose dictionary was read, by leaf.
    prepared: Mutex<HashMap<usize, CheckedPages>>,
}

impl<S: ?Sized> Groups<S> {
    fn rows(&self) -> u64 {
        let groups = self.groups.iter().filter_map(|group| self.metadata.row_groups().get(*group));
        groups.map(group_rows).fold(0, u64::saturating_add)
    }
}

impl<S: ByteSource + ?Sized + 'static> Groups<S> {
    /// Reads the dictionaries of columns whose values differ in length, and gives the bytes of a row that has the longest value
    /// of each. What is wrong with them is told when they are read again.
    fn prepare(&self, first: usize, rest: &[usize], leaves: &[usize]) -> u64 {
        let schema = self.metadata.file_metadata().schema_descr();
        let mut sum = 0u64;
        for leaf in leaves.iter().filter(|leaf| schema.column(**leaf).physical_type() == PhysicalType::BYTE_ARRAY) {
            let mut longest = 0;
            if let Ok(mut pages) = pages((&self.budget, &self.lists), &self.chunks, &self.metadata, first, *leaf)
                && let Ok(found) = pages.longest()
            {
                longest = found;
                self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(*leaf, pages);
            }
            for group in rest {
                let found = pages((&self.budget, &self.lists), &self.chunks, &self.metadata, *group, *leaf);
                longest = longest.max(found.and_then(|mut pages| pages.longest()).unwrap_or(0));
            }
            sum = sum.saturating_add(longest);
        }
        sum
    }
}

/// The pages of a column chunk.
fn pages<S: ByteSource + ?Sized + 'static>(
    (budget, lists): (&Arc<Budget>, &Lists),
    chunks: &Chunks<S>,
    metadata: &ParquetMetaData,
    group: usize,
    leaf: usize,
) -> Result<CheckedPages, ParquetError> {
    let missing = || ParquetError::General(format!("row group {group} has no column {leaf}"));
    let row_group = metadata.row_groups().get(group).ok_or_else(missing)?;
    let chunk = row_group.columns().get(leaf).ok_or_else(missing)?;
    let index = metadata.offset_index().and_then(|index| index.get(group)?.get(leaf));
    let places = index.map(|index| index.page_locations().clone());
    let starts = places
        .as_ref()
        .map(|places| places.iter().map(|place| u64::try_from(place.first_row_index).unwrap_or(u64::MAX)).collect());
    let rows = group_rows(row_group);
    let chunks = Arc::new(chunks.metered(budget.chunk(chunk.compression())));
    let pages = SerializedPageReader::new(chunks, chunk, usize::try_from(rows)?, places)?;
    Ok(CheckedPages::new(Box::new(pages), chunk, rows, starts, lists.watch(group, leaf)))
}

impl<S: ByteSource + ?Sized + 'static> RowGroups for Groups<S> {
    fn num_rows(&self) -> usize {
        usize::try_from(self.rows()).unwrap_or(usize::MAX)
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        Ok(Box::new(Column {
            budget: Arc::clone(&self.budget),
            lists: Arc::clone(&self.lists),
            chunks: self.chunks.clone(),
            metadata: Arc::clone(&self.metadata),
            leaf,
            first: self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&leaf),
            groups: self.groups.clone().into_iter(),
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.groups.iter().filter_map(|group| self.metadata.row_groups().get(*group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The chunks of a column, one for each row group.
struct Column<S: ?Sized> {
    budget: Arc<Budget>,
    lists: Arc<Lists>,
    chunks: Chunks<S>,
    metadata: Arc<ParquetMetaData>,
    leaf: usize,
    first: Option<CheckedPages>,
    groups: std::vec::IntoIter<usize>,
}

impl<S: ByteSource + ?Sized + 'static> Iterator for Column<S> {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.groups.next()?;
        let found = match self.first.take() {
            Some(prepared) => Ok(prepared),
            None => pages((&self.budget, &self.lists), &self.chunks, &self.metadata, group, self.leaf),
        };
        Some(found.map(|pages| Box::new(pages) as Box<dyn PageReader>))
    }
}

impl<S: ByteSource + ?Sized + 'static> PageIterator for Column<S> {}

#[cfg(test)]
mod tests {
    use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData};
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    #[test]
    fn rows_are_held_against_the_bytes() {
        let schema = parse_message_type("message m { optional int32 a; optional int32 b; }").unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let of = |counts: &[i64]| {
            let group = |rows: &i64| {
                let chunks = (0..2).map(|leaf| ColumnChunkMetaData::builder(schema.column(leaf)).build().unwrap());
                let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(*rows);
                group.set_column_metadata(chunks.collect()).build().unwrap()
            };
            let file = FileMetaData::new(1, counts.iter().sum(), None, None, Arc::clone(&schema), None);
            check_rows(&ParquetMetaData::new(file, counts.iter().map(group).collect()), 1000)
        };
        let most = ((1 << 27) + 1000 * 1024) / 2;
        assert_eq!(of(&[most - 7, 7]), Ok(()));
        assert_eq!(
            of(&[most - 7, 8]).unwrap_err(),
            "the 67620865 rows of 2 columns are more than 135241728 values, in a file of 1000 bytes"
        );
        assert!(of(&[1 << 62]).is_err() && of(&[-1]).is_ok());
    }
}

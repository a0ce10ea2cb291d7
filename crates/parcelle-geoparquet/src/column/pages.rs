//! Pages of a column chunk: where they end, and all that is written of them.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::buffer::BooleanBuffer;
use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};

use crate::column::bounds::{Bounded, Bounds, order};
use crate::column::hybrid;
use crate::column::{ColumnPlan, EncodedColumn};

/// A page: its rows, and its values among those that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) rows: Range<usize>,
    pub(crate) values: Range<usize>,
}

/// The rows of a column, and which of them have values.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) count: usize,
    pub(crate) validity: Option<&'a BooleanBuffer>,
}

impl Rows<'_> {
    /// Pages of so many rows.
    pub(crate) fn by_rows(&self, rows: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut value = 0;
        for start in (0..self.count).step_by(rows.max(1)) {
            let rows = start..(start + rows.max(1)).min(self.count);
            let values = match self.validity {
                Some(validity) => validity.slice(rows.start, rows.len()).count_set_bits(),
                None => rows.len(),
            };
            spans.push(Span { rows, values: value..value + values });
            value += values;
        }
        spans
    }

    /// Pages that end with the row that brings them to so many bytes; `sizes` are those of the values that there are.
    pub(crate) fn by_bytes(&self, limit: usize, sizes: impl Iterator<Item = usize>) -> Vec<Span> {
        let mut spans = Vec::new();
        let (mut row, mut value, mut bytes) = (0, 0, 0);
        let mut begun = (0, 0);
        let mut next_row = self.validity.map(BooleanBuffer::set_indices);
        for size in sizes {
            row = next_row.as_mut().map_or(Some(row), Iterator::next).unwrap_or(row) + 1;
            value += 1;
            bytes += size;
            if bytes >= limit {
                spans.push(Span { rows: begun.0..row, values: begun.1..value });
                (begun, bytes) = ((row, value), 0);
            }
        }
        if begun.0 < self.count {
            spans.push(Span { rows: begun.0..self.count, values: begun.1..value });
        }
        spans
    }
}

/// What is in the pages of a column chunk.
pub(crate) struct Content<'a, Value> {
    /// How the values are encoded.
    pub(crate) encoding: Encoding,
    /// Bytes of the dictionary page and how many values it has.
    pub(crate) dictionary: Option<(&'a [u8], usize)>,
    pub(crate) spans: Vec<Span>,
    /// The bounds of each page, where there are any; `None` where statistics are not wanted.
    pub(crate) bounds: Option<Vec<Option<Bounds<Value>>>>,
    /// Bytes of the values of each page as they are, of byte strings.
    pub(crate) value_bytes: Option<Vec<i64>>,
}

/// Writes the pages; `put` appends the encoded values of a range of those that there are.
pub(crate) fn write<Value: Bounded>(
    plan: &ColumnPlan,
    rows: &Rows<'_>,
    content: Content<'_, Value>,
    mut put: impl FnMut(Range<usize>, &mut Vec<u8>),
) -> Result<EncodedColumn, ParquetError> {
    let mut sink = TrackedWrite::new(Vec::new());
    let mut totals = Totals::default();
    let mut offsets = OffsetIndexBuilder::new();
    let mut writer = SerializedPageWriter::new(&mut sink);
    if let Some((page, values)) = content.dictionary {
        let buf = Bytes::from(plan.codec.compress(page)?);
        let num_values = u32::try_from(values).map_err(|error| ParquetError::External(Box::new(error)))?;
        let dictionary = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        let written = writer.write_page(CompressedPage::new(dictionary, page.len()))?;
        totals.add(&written);
        totals.dictionary_offset = Some(written.offset);
    }
    let mut page = Vec::new();
    for (position, span) in content.spans.iter().enumerate() {
        page.clear();
        if plan.is_optional() {
            page.extend_from_slice(&[0; 4]);
            match rows.validity {
                Some(validity) => {
                    hybrid::encode_validity(&validity.slice(span.rows.start, span.rows.len()), &mut page);
                }
                None => {
                    hybrid::varint((span.rows.len() as u64) << 1, &mut page);
                    page.push(1);
                }
            }
            let length = (page.len() - 4) as u32;
            page.iter_mut().zip(length.to_le_bytes()).for_each(|(place, byte)| *place = byte);
        }
        put(span.values.clone(), &mut page);
        let data = Page::DataPage {
            buf: Bytes::from(plan.codec.compress(&page)?),
            num_values: u32::try_from(span.rows.len()).map_err(|error| ParquetError::External(Box::new(error)))?,
            encoding: content.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = writer.write_page(CompressedPage::new(data, page.len()))?;
        totals.add(&written);
        totals.data_offset.get_or_insert(written.offset);
        let compressed =
            i32::try_from(written.compressed_size).map_err(|error| ParquetError::External(Box::new(error)))?;
        offsets.append_offset_and_size(written.offset as i64, compressed);
        offsets.append_row_count(span.rows.len() as i64);
        let value_bytes = content.value_bytes.as_ref().and_then(|bytes| bytes.get(position).copied());
        offsets.append_unencoded_byte_array_data_bytes(value_bytes);
    }
    let bytes = Bytes::from(sink.into_inner()?);
    Ok(EncodedColumn {
        close: ColumnCloseResult {
            bytes_written: totals.written,
            rows_written: rows.count as u64,
            metadata: metadata(plan, rows, &content, &totals)?,
            bloom_filter: None,
            column_index: column_index(plan, &content)?,
            offset_index: Some(offsets.build()),
        },
        bytes,
    })
}

/// Bytes so far, with the headers of the pages.
#[derive(Default)]
struct Totals {
    written: u64,
    compressed: usize,
    uncompressed: usize,
    dictionary_offset: Option<u64>,
    data_offset: Option<u64>,
}

impl Totals {
    fn add(&mut self, page: &PageWriteSpec) {
        self.written += page.bytes_written;
        self.compressed += page.compressed_size;
        self.uncompressed += page.uncompressed_size;
    }
}

fn metadata<Value: Bounded>(
    plan: &ColumnPlan,
    rows: &Rows<'_>,
    content: &Content<'_, Value>,
    totals: &Totals,
) -> Result<ColumnChunkMetaData, ParquetError> {
    let values = content.spans.last().map_or(0, |span| span.values.end);
    let page = |page_type, encoding, count: usize| PageEncodingStats { page_type, encoding, count: count as i32 };
    let mut encodings = vec![content.encoding, Encoding::RLE];
    let mut pages = Vec::new();
    if content.dictionary.is_some() {
        encodings.push(Encoding::PLAIN);
        pages.push(page(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
    }
    pages.push(page(PageType::DATA_PAGE, content.encoding, content.spans.len()));
    let mut builder = ColumnChunkMetaData::builder(plan.descriptor.clone())
        .set_compression(plan.codec.codec)
        .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
        .set_page_encoding_stats(pages)
        .set_total_compressed_size(totals.compressed as i64)
        .set_total_uncompressed_size(totals.uncompressed as i64)
        .set_num_values(rows.count as i64)
        .set_data_page_offset(totals.data_offset.unwrap_or(0) as i64)
        .set_dictionary_page_offset(totals.dictionary_offset.map(|offset| offset as i64));
    if let Some(bounds) = &content.bounds {
        let all = bounds.iter().flatten().cloned().reduce(|all, page| all.and(&page));
        let is_signed = plan.descriptor.sort_order().is_signed();
        let statistics = Value::statistics(all, (rows.count - values) as u64, plan.is_text(), is_signed);
        builder = builder
            .set_statistics(statistics)
            .set_unencoded_byte_array_data_bytes(content.value_bytes.as_ref().map(|bytes| bytes.iter().sum()));
    }
    builder.build()
}

/// The column index; there is none where a page has values and no bounds.
fn column_index<Value: Bounded>(
    plan: &ColumnPlan,
    content: &Content<'_, Value>,
) -> Result<Option<parquet::file::page_index::column_index::ColumnIndexMetaData>, ParquetError> {
    let Some(bounds) = &content.bounds else { return Ok(None) };
    let mut builder = ColumnIndexBuilder::new(plan.descriptor.physical_type());
    let is_text = plan.is_text();
    for (span, bounds) in content.spans.iter().zip(bounds) {
        let nulls = (span.rows.len() - span.values.len()) as i64;
        match bounds {
            Some(Bounds { least, greatest }) => {
                builder.append(false, least.least_bytes(is_text), greatest.greatest_bytes(is_text), nulls);
            }
            None if span.values.is_empty() => builder.append(true, Vec::new(), Vec::new(), nulls),
            None => return Ok(None),
        }
    }
    builder.set_boundary_order(match order(bounds) {
        Some(Ordering::Greater) => BoundaryOrder::DESCENDING,
        Some(_) => BoundaryOrder::ASCENDING,
        None => BoundaryOrder::UNORDERED,
    });
    builder.build().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_all_rows_and_values() {
        let validity = BooleanBuffer::from(vec![false, true, true, false, false, true, true, false]);
        let rows = Rows { count: 8, validity: Some(&validity) };
        let spans = |spans: Vec<Span>| spans.into_iter().map(|span| (span.rows, span.values)).collect::<Vec<_>>();
        assert_eq!(spans(rows.by_rows(3)), [(0..3, 0..2), (3..6, 2..3), (6..8, 3..4)]);
        assert_eq!(spans(rows.by_bytes(10, [4, 6, 1, 1].into_iter())), [(0..3, 0..2), (3..8, 2..4)]);
        assert_eq!(spans(rows.by_bytes(1, [4, 6, 1, 1].into_iter()))[3..], [(6..7, 3..4), (7..8, 4..4)]);
        let rows = Rows { count: 3, validity: None };
        assert_eq!(spans(rows.by_rows(100)), [(0..3, 0..3)]);
        assert_eq!(spans(rows.by_bytes(5, [5, 1, 1].into_iter())), [(0..1, 0..1), (1..3, 1..3)]);
        assert_eq!(Rows { count: 0, validity: None }.by_bytes(5, [].into_iter()), []);
    }
}

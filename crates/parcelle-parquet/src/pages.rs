//! Pages of a column chunk, looked through before a decoder believes them.
//!
//! Decoders reserve memory by the numbers that a page has: values of a dictionary, lengths of values, elements of lists. Where
//! those do not cost bytes of the file, any file can ask for any amount of memory.

use bytes::Bytes;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;

use crate::delta;
use crate::levels::{Level, LevelBytes, Levels};
use crate::lists::Watch;

/// Elements of lists in a chunk, beside one for each row, whatever its pages have.
const LEAST_ELEMENTS: u64 = 1 << 24;
/// And beyond that, for each byte of the pages.
const ELEMENTS_EACH: u64 = 64;
/// What the elements of the lists of a page, or its values that are stored as differences, may take, whatever the page has.
const LEAST_SPREAD_BYTES: u64 = 512 << 20;
/// And beyond that, for each byte of the page.
const SPREAD_BYTES_EACH: u64 = 64;

/// What a column chunk is, as far as its pages are held against it.
#[derive(Debug, Clone, Copy)]
struct Column {
    physical: PhysicalType,
    /// Bytes of a value; 0 where they differ.
    width: u64,
    repetition: i16,
    definition: i16,
    /// Rows of the row group.
    rows: u64,
}

/// Pages that are checked when they are read.
pub(crate) struct CheckedPages {
    pages: Box<dyn PageReader>,
    column: Column,
    /// A dictionary that was read ahead.
    dictionary: Option<Page>,
    /// Bytes of the longest value of the dictionary, where values differ in length.
    longest: u64,
    /// Rows of the pages of values that are still to come, where an index has them.
    indexed: Option<std::vec::IntoIter<u64>>,
    /// Whether a page of values was read.
    has_begun: bool,
    /// What the levels are held against, where the column shares its lists.
    watches: Vec<Watch>,
    /// Elements and bytes of the pages so far; those that are left out count as well.
    elements: u64,
    bytes: u64,
}

impl CheckedPages {
    /// `starts` has the first row of each page, where an index has them.
    pub(crate) fn new(
        pages: Box<dyn PageReader>,
        chunk: &ColumnChunkMetaData,
        rows: u64,
        starts: Option<Vec<u64>>,
        watches: Vec<Watch>,
    ) -> Self {
        let column: &ColumnDescriptor = chunk.column_descr();
        let physical = chunk.column_type();
        let column = Column {
            physical,
            width: width(column),
            repetition: column.max_rep_level(),
            definition: column.max_def_level(),
            rows,
        };
        let indexed = starts.map(|starts| {
            let ends = starts.iter().skip(1).copied().chain([rows]);
            let counts: Vec<u64> = starts.iter().zip(ends).map(|(start, end)| end.saturating_sub(*start)).collect();
            counts.into_iter()
        });
        Self { pages, column, dictionary: None, longest: 0, indexed, has_begun: false, watches, elements: 0, bytes: 0 }
    }

    /// Reads the dictionary, where the chunk begins with one, and says how long its longest value is.
    pub(crate) fn longest(&mut self) -> Result<u64, ParquetError> {
        if self.pages.peek_next_page()?.is_some_and(|page| page.is_dict) {
            self.dictionary = self.read()?;
        }
        Ok(self.longest)
    }

    fn read(&mut self) -> Result<Option<Page>, ParquetError> {
        let Some(page) = self.pages.get_next_page()? else { return Ok(None) };
        self.check(&page).map_err(ParquetError::General)?;
        Ok(Some(page))
    }

    fn check(&mut self, page: &Page) -> Result<(), String> {
        match page {
            Page::DictionaryPage { buf, num_values, .. } => self.check_dictionary(buf, u64::from(*num_values)),
            Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, .. } => {
                let count = u64::from(*num_values);
                let (repetition, rest) = levels(buf, self.column.repetition, *rep_level_encoding, count)?;
                let (definition, rest) = levels(rest, self.column.definition, *def_level_encoding, count)?;
                let indexed = self.check_values(rest, count, *encoding, buf.len() as u64)?;
                self.check_levels(repetition, definition, count, indexed)
            }
            Page::DataPageV2 {
                buf, num_values, num_rows, encoding, def_levels_byte_len, rep_levels_byte_len, ..
            } => {
                if self.column.repetition == 0 && num_rows != num_values {
                    return Err(format!("a page has {num_values} values of {num_rows} rows"));
                }
                let (repetition, definition) = (*rep_levels_byte_len as usize, *def_levels_byte_len as usize);
                let (repetition, rest) = buf.split_at_checked(repetition).ok_or(LONG_LEVELS)?;
                let (definition, rest) = rest.split_at_checked(definition).ok_or(LONG_LEVELS)?;
                let count = u64::from(*num_values);
                self.check_values(rest, count, *encoding, buf.len() as u64)?;
                let bytes = |bytes| LevelBytesOf { bytes, is_of_old: false };
                self.check_levels(bytes(repetition), bytes(definition), count, Some(u64::from(*num_rows)))
            }
        }
    }

    fn check_dictionary(&mut self, bytes: &Bytes, count: u64) -> Result<(), String> {
        if self.has_begun {
            return Err("a dictionary is behind values".to_owned());
        }
        let least = match self.column.physical {
            // Each is behind its length.
            PhysicalType::BYTE_ARRAY => 4,
            PhysicalType::BOOLEAN => return Err("a column of booleans has a dictionary".to_owned()),
            _ => self.column.width.max(1),
        };
        if count.saturating_mul(least) > bytes.len() as u64 {
            return Err(format!("a dictionary of {} bytes has {count} values", bytes.len()));
        }
        if self.column.physical == PhysicalType::BYTE_ARRAY {
            self.longest = longest(bytes, count);
        }
        Ok(())
    }

    /// Holds the levels of a list against the rows that the page is said to have, and against those of other columns.
    fn check_levels(
        &mut self,
        repetition: LevelBytesOf<'_>,
        definition: LevelBytesOf<'_>,
        count: u64,
        rows: Option<u64>,
    ) -> Result<(), String> {
        if self.column.repetition == 0 || rows.is_none() && self.watches.is_empty() {
            return Ok(());
        }
        let most = Level { repetition: self.column.repetition, definition: self.column.definition };
        let levels = Levels::new(repetition.kept(), definition.kept(), most, count);
        if let Some(said) = rows {
            let (rows, begins_with_one) = levels.rows()?;
            if rows != said {
                return Err(format!("a page has {rows} rows, and {said} by its header or the index"));
            }
            if !begins_with_one {
                return Err("a page begins inside of a row".to_owned());
            }
        }
        if self.watches.is_empty() {
            return Ok(());
        }
        let is_last = self.pages.peek_next_page().map_err(|error| error.to_string())?.is_none();
        self.watches.iter().try_for_each(|watch| watch.page(levels.clone(), is_last))
    }

    /// Gives the rows that the index says the page has.
    fn check_values(
        &mut self,
        values: &[u8],
        count: u64,
        encoding: Encoding,
        page_bytes: u64,
    ) -> Result<Option<u64>, String> {
        self.has_begun = true;
        self.bytes = self.bytes.saturating_add(page_bytes);
        self.elements = self.elements.saturating_add(count);
        let rows = self.column.rows;
        let indexed = self.indexed.as_mut().and_then(Iterator::next);
        if self.column.repetition == 0 {
            // Whoever reads some of the rows finds the same wrong as who reads all.
            if let Some(indexed) = indexed.filter(|indexed| *indexed != count) {
                return Err(format!("a page has {count} rows, and {indexed} by the index"));
            }
            if self.elements > rows {
                return Err(format!("the pages of {rows} rows have {}", self.elements));
            }
        }
        let spread = page_bytes.saturating_mul(SPREAD_BYTES_EACH).saturating_add(LEAST_SPREAD_BYTES);
        let unless_spread = |bytes: u64| {
            if bytes > spread {
                return Err(format!("the values of a page of {page_bytes} bytes take {bytes}, more than {spread}"));
            }
            Ok(())
        };
        if self.column.repetition > 0 {
            // All lists of a row are decoded at once, however long they are, and each element has its levels.
            let each = self.bytes.saturating_mul(ELEMENTS_EACH);
            let limit = LEAST_ELEMENTS.saturating_add(rows).saturating_add(each);
            if self.elements > limit {
                return Err(format!("{rows} rows have {} elements, more than {limit}", self.elements));
            }
            let is_looked_up = matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
            let each = if is_looked_up { self.longest.max(self.column.width) } else { self.column.width };
            unless_spread(count.saturating_mul(each))?;
        }
        match encoding {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                delta::walk(values, count)?;
            }
            Encoding::DELTA_BYTE_ARRAY => {
                let prefixes = delta::walk(values, count)?;
                let suffixes = delta::walk(values.get(prefixes.end..).unwrap_or_default(), count)?;
                unless_spread(prefixes.sum.saturating_add(suffixes.sum))?;
            }
            _ => {}
        }
        Ok(indexed)
    }
}

/// Bytes of each value of a column; 0 where they differ.
pub(crate) fn width(column: &ColumnDescriptor) -> u64 {
    match column.physical_type() {
        PhysicalType::BOOLEAN => 1,
        PhysicalType::INT32 | PhysicalType::FLOAT => 4,
        PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
        PhysicalType::INT96 => 12,
        PhysicalType::BYTE_ARRAY => 0,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.type_length()).unwrap_or(0),
    }
}

const LONG_LEVELS: &str = "the levels of a page are longer than it is";

/// Levels as they stand in a page.
#[derive(Debug, Clone, Copy, Default)]
struct LevelBytesOf<'a> {
    bytes: &'a [u8],
    is_of_old: bool,
}

impl LevelBytesOf<'_> {
    /// The same for longer than the page, which is large beside them.
    fn kept(self) -> LevelBytes {
        LevelBytes { bytes: Bytes::copy_from_slice(self.bytes), is_of_old: self.is_of_old }
    }
}

/// The levels of a page of the first version, and what is behind them.
fn levels(bytes: &[u8], most: i16, encoding: Encoding, count: u64) -> Result<(LevelBytesOf<'_>, &[u8]), String> {
    if most <= 0 {
        return Ok((LevelBytesOf::default(), bytes));
    }
    #[expect(deprecated, reason = "files of the first years have it")]
    let is_of_old = encoding == Encoding::BIT_PACKED;
    let (length, bytes) = if is_of_old {
        let bits = u64::from(16 - most.leading_zeros());
        (count.saturating_mul(bits).div_ceil(8), bytes)
    } else {
        let (length, bytes) = bytes.split_first_chunk().ok_or(LONG_LEVELS)?;
        (u64::from(u32::from_le_bytes(*length)), bytes)
    };
    let (bytes, rest) =
        usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length)).ok_or(LONG_LEVELS)?;
    Ok((LevelBytesOf { bytes, is_of_old }, rest))
}

/// Bytes of the longest value of a dictionary; what is behind values that do not fit is for the decoder to refuse.
fn longest(bytes: &[u8], count: u64) -> u64 {
    let mut rest = bytes;
    let mut longest = 0;
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk() else { break };
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length).min(after.len() as u64));
        rest = usize::try_from(length).ok().and_then(|length| after.get(length..)).unwrap_or_default();
    }
    longest
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        match self.dictionary.take() {
            Some(dictionary) => Ok(Some(dictionary)),
            None => self.read(),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        if self.dictionary.is_some() {
            return Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }));
        }
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        if self.dictionary.take().is_some() {
            return Ok(());
        }
        let page = self.pages.peek_next_page()?;
        if page.as_ref().is_some_and(|page| !page.is_dict) {
            self.has_begun = true;
            let indexed = self.indexed.as_mut().and_then(Iterator::next);
            let rows = page.as_ref().and_then(|page| page.num_rows).map(|rows| rows as u64).or(indexed);
            self.watches.iter().for_each(|watch| watch.skip(rows));
            let levels = page.and_then(|page| page.num_levels).map(|levels| levels as u64);
            self.elements = self.elements.saturating_add(levels.or(indexed).unwrap_or(0));
        }
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool, ParquetError> {
        if self.dictionary.is_some() { Ok(true) } else { self.pages.at_record_boundary() }
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Repetition;
    use parquet::schema::types::{ColumnPath, Type};

    use super::*;

    /// Pages that are given, as a reader of them.
    struct Given(std::vec::IntoIter<Page>);

    impl Iterator for Given {
        type Item = Result<Page, ParquetError>;

        fn next(&mut self) -> Option<Self::Item> {
            self.0.next().map(Ok)
        }
    }

    impl PageReader for Given {
        fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
            self.next().transpose()
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
            let levels = |page: &Page| PageMetadata {
                num_rows: None,
                num_levels: page.is_data_page().then(|| page.num_values() as usize),
                is_dict: page.is_dictionary_page(),
            };
            Ok(self.0.as_slice().first().map(levels))
        }

        fn skip_next_page(&mut self) -> Result<(), ParquetError> {
            self.next();
            Ok(())
        }
    }

    fn pages(physical: PhysicalType, repetition: i16, rows: u64, pages: Vec<Page>) -> CheckedPages {
        let field = Type::primitive_type_builder("a", physical).with_length(16).with_repetition(Repetition::REQUIRED);
        let column =
            ColumnDescriptor::new(Arc::new(field.build().unwrap()), repetition, repetition, ColumnPath::from("a"));
        let chunk = ColumnChunkMetaData::builder(Arc::new(column)).build().unwrap();
        CheckedPages::new(Box::new(Given(pages.into_iter())), &chunk, rows, None, Vec::new())
    }

    fn dictionary(bytes: &[u8], num_values: u32) -> Page {
        let buf = Bytes::copy_from_slice(bytes);
        Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false }
    }

    fn values(bytes: &[u8], num_values: u32, encoding: Encoding) -> Page {
        let levels = Encoding::RLE;
        let buf = Bytes::copy_from_slice(bytes);
        Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: levels,
            rep_level_encoding: levels,
            statistics: None,
        }
    }

    /// What the pages are refused for, if they are.
    fn refused(pages: CheckedPages) -> Option<String> {
        let refused = pages.collect::<Result<Vec<_>, _>>().err();
        refused.map(|error| error.to_string().trim_start_matches("Parquet error: ").to_owned())
    }

    #[test]
    fn dictionaries_have_the_values_that_they_say() {
        let two = [&[3, 0, 0, 0][..], b"abc", &[1, 0, 0, 0], b"d"].concat();
        let mut found =
            pages(PhysicalType::BYTE_ARRAY, 0, 9, vec![dictionary(&two, 2), values(&[], 9, Encoding::PLAIN)]);
        assert_eq!(found.longest().unwrap(), 3);
        assert!(found.peek_next_page().unwrap().unwrap().is_dict && found.at_record_boundary().unwrap());
        assert_eq!(refused(found), None);
        let of = |physical, bytes: &[u8], count| refused(pages(physical, 0, 9, vec![dictionary(bytes, count)]));
        assert_eq!(of(PhysicalType::BYTE_ARRAY, &two, 3), None, "the decoder says what is missing");
        assert_eq!(of(PhysicalType::BYTE_ARRAY, &two, 4).unwrap(), "a dictionary of 12 bytes has 4 values");
        assert_eq!(of(PhysicalType::INT64, &two, 1), None);
        assert_eq!(of(PhysicalType::INT64, &two, u32::MAX).unwrap(), "a dictionary of 12 bytes has 4294967295 values");
        assert!(
            of(PhysicalType::FIXED_LEN_BYTE_ARRAY, &two, 1).is_some() && of(PhysicalType::INT96, &two, 1).is_none()
        );
        let behind = vec![values(&[], 1, Encoding::PLAIN), dictionary(&two, 2)];
        assert_eq!(refused(pages(PhysicalType::BYTE_ARRAY, 0, 9, behind)).unwrap(), "a dictionary is behind values");
    }

    #[test]
    fn values_are_those_of_the_rows() {
        let of = |counts: &[u32]| {
            let given = counts.iter().map(|count| values(&[], *count, Encoding::PLAIN)).collect();
            pages(PhysicalType::INT32, 0, 9, given)
        };
        assert_eq!(refused(of(&[4, 5])), None);
        assert_eq!(refused(of(&[4, 6])).unwrap(), "the pages of 9 rows have 10");
        let mut skipped = of(&[4, 6]);
        skipped.skip_next_page().unwrap();
        assert_eq!(refused(skipped).unwrap(), "the pages of 9 rows have 10");
        let mut indexed = of(&[4, 5]);
        indexed.indexed = Some(vec![4, 4].into_iter());
        assert_eq!(refused(indexed).unwrap(), "a page has 5 rows, and 4 by the index");
    }

    #[test]
    fn lists_are_held_against_the_bytes() {
        // Levels of some bytes, of two thousand million elements.
        let levels = [&[2, 0, 0, 0, 9, 9][..], &[2, 0, 0, 0, 9, 9]].concat();
        let of = |counts: &[u32], encoding| {
            let mut given = vec![dictionary(&[&[200, 0, 0, 0][..], &[7; 200]].concat(), 1)];
            given.extend(counts.iter().map(|count| values(&levels, *count, encoding)));
            refused(pages(PhysicalType::BYTE_ARRAY, 1, 9, given))
        };
        assert_eq!(of(&[1 << 24, 700], Encoding::PLAIN), None);
        assert_eq!(of(&[1 << 31], Encoding::PLAIN).unwrap(), "9 rows have 2147483648 elements, more than 16777993");
        assert!(of(&[1 << 23, 1 << 23, 1 << 23], Encoding::PLAIN).unwrap().contains("more than"));
        assert_eq!(of(&[1 << 20], Encoding::RLE_DICTIONARY), None);
        let spread = of(&[1 << 23], Encoding::RLE_DICTIONARY).unwrap();
        assert_eq!(spread, "the values of a page of 12 bytes take 1677721600, more than 536871680");
        let cut = vec![values(&[9, 0, 0, 0, 1], 1, Encoding::PLAIN)];
        assert_eq!(
            refused(pages(PhysicalType::INT32, 1, 9, cut)).unwrap(),
            "the levels of a page are longer than it is"
        );
    }

    #[test]
    fn differences_are_held_against_the_bytes() {
        // Blocks of 128 values, one block each: 2^40 lengths.
        let hostile = [&[0x80, 1, 1][..], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x20], &[0, 0, 0]].concat();
        // One block of 2^21 values, all of 4095 bytes.
        let prefixes = [&[0x80, 0x80, 0x80, 1][..], &[1], &[0x80, 0x80, 0x40], &[0xFE, 0x3F], &[0, 0]].concat();
        let suffixes = [&[0x80, 0x80, 0x80, 1][..], &[1], &[0x80, 0x80, 0x40], &[0], &[0, 0]].concat();
        let repeated = [prefixes, suffixes].concat();
        let of = |bytes: &[u8], encoding| {
            refused(pages(PhysicalType::BYTE_ARRAY, 0, 1 << 30, vec![values(bytes, 1 << 30, encoding)]))
        };
        for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
            assert!(of(&hostile, encoding).unwrap().contains("lengths of values, more than"), "{encoding}");
        }
        let spread = of(&repeated, Encoding::DELTA_BYTE_ARRAY).unwrap();
        assert!(spread.starts_with("the values of a page of 23 bytes take 4293918720, more than"), "{spread}");
    }
}

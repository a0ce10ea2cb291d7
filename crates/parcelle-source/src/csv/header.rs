//! The names of the columns, and where the data begins.

use std::collections::{HashMap, HashSet};

use crate::csv::dialect::sniff;
use crate::csv::file::CsvFile;
use crate::csv::geometry;
use crate::csv::records::{Dialect, Records, Stop};
use crate::csv::value::classify;
use crate::error::SourceError;
use crate::inference::ValueType;

/// Bytes at the start that the dialect is found from.
const HEAD_BYTES: u64 = 256 << 10;

/// More columns than anyone has: a line of nothing but delimiters would otherwise fill the memory.
const MAX_COLUMNS: usize = 100_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What comes before the first row.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) dialect: Dialect,
    /// Names of the columns, all different and none empty.
    pub(crate) names: Vec<String>,
    /// Where the first row begins.
    pub(crate) end: u64,
}

impl Header {
    pub(crate) fn read(file: &CsvFile) -> Result<Self, SourceError> {
        let mut head = vec![0; file.bytes().min(HEAD_BYTES) as usize];
        file.read_at(0, &mut head)?;
        if let Some(encoding) = wide_encoding(&head) {
            let path = file.path().display();
            return Err(file.malformed(
                format!("line 1, column 1: the text is {encoding}, not UTF-8"),
                format!("convert it, such as with `iconv -f {encoding} -t UTF-8 {path} > utf8.csv`"),
            ));
        }
        let start = if head.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let text = head.get(start..).unwrap_or_default();
        if text.iter().all(|byte| matches!(byte, b'\n' | b'\r')) && head.len() as u64 == file.bytes() {
            return Err(file.malformed("the file is empty", "its first line must name the columns"));
        }
        let dialect = sniff(text, head.len() as u64 == file.bytes()).dialect;
        let mut records = Records::new(file, dialect, MAX_COLUMNS, start as u64, u64::MAX);
        match records.advance() {
            Ok(true) => {}
            Ok(false) | Err(Stop::TooFar) => {
                return Err(file.malformed("the file is empty", "its first line must name the columns"));
            }
            Err(Stop::Source(error)) => return Err(error),
            Err(Stop::Broken { offset, kind }) => return Err(file.broken(offset, kind)),
        }
        if records.count > MAX_COLUMNS {
            let reason = format!("line 1 names {} columns, more than {MAX_COLUMNS}", records.count);
            return Err(file.malformed(reason, "keep fewer of them, such as with `cut`"));
        }
        if let Some(found) = not_text(&records) {
            return Err(file.not_text(found));
        }
        let mut scratch = Vec::new();
        let texts: Vec<String> = records
            .fields
            .iter()
            .map(|field| {
                String::from_utf8_lossy(field.value(records.bytes(), dialect.quote, &mut scratch)).trim().to_owned()
            })
            .collect();
        if let Some((number, text)) = data_in_header(&texts) {
            return Err(file.malformed(
                format!("line 1 looks like data, not like names of columns (column {number} is {text:?})"),
                "put a line with the names of the columns before it",
            ));
        }
        let end = records.offset(records.record.end);
        Ok(Self { dialect, names: distinct(texts), end })
    }
}

/// Whether a text is surely a table with a geometry, from its first bytes.
pub(crate) fn is_sure(head: &[u8]) -> bool {
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let sniffed = sniff(text, false);
    let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default();
    let names: Vec<String> = first
        .split(|&byte| byte == sniffed.dialect.delimiter)
        .map(|name| String::from_utf8_lossy(name).trim_matches([' ', '"', '\'']).to_owned())
        .collect();
    sniffed.fields > 1
        && sniffed.records > 1
        && sniffed.consistent == sniffed.records
        && memchr::memchr(0, text).is_none()
        && !geometry::candidates(&names).is_empty()
}

/// Where a record has bytes that are no UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotText {
    /// Where in the file.
    offset: u64,
    /// In which column, from 1.
    column: usize,
    /// Whether it is a NUL byte.
    nul: bool,
}

/// Looks for bytes in the current record that are no UTF-8 text.
pub(crate) fn not_text(records: &Records<'_>) -> Option<NotText> {
    text(records).err()
}

/// The text of the current record, with the end of its line; or where it is none.
#[inline]
pub(crate) fn text<'r>(records: &'r Records<'_>) -> Result<&'r str, NotText> {
    let bytes = records.record_bytes();
    let nul = memchr::memchr(0, bytes);
    match (simdutf8::basic::from_utf8(bytes), nul) {
        (Ok(text), None) => Ok(text),
        (_, nul) => {
            let invalid = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
            let within = nul.into_iter().chain(invalid).min().unwrap_or(0);
            let position = records.record.start + within;
            let column = records.fields.iter().filter(|field| field.start() <= position).count();
            Err(NotText { offset: records.offset(position), column, nul: nul == Some(within) })
        }
    }
}

impl CsvFile {
    /// What bytes that are no text mean for the reader of the message.
    pub(crate) fn not_text(&self, found: NotText) -> SourceError {
        let NotText { offset, column, nul } = found;
        let line = match self.line(offset) {
            Ok(line) => line,
            Err(error) => return error,
        };
        if nul {
            self.malformed(
                format!("line {line}, column {column}: a NUL byte, which text does not have"),
                "the file is damaged, or not text in UTF-8: get it again from its source",
            )
        } else {
            self.malformed(
                format!("line {line}, column {column}: the text is not UTF-8"),
                format!(
                    "convert it, such as with `iconv -f WINDOWS-1252 -t UTF-8 {} > utf8.csv`",
                    self.path().display()
                ),
            )
        }
    }
}

/// The name of an encoding of two or four bytes per character, if the text is in one.
fn wide_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xFF, 0xFE, 0, 0, ..] => Some("UTF-32LE"),
        [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32BE"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some("UTF-16LE"),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some("UTF-16BE"),
        _ => None,
    }
}

/// The position and text of a name that gives away that there is no header: a geometry, a date or a number with a fraction, or
/// numbers only. Years alone may well be names, beside others.
fn data_in_header(texts: &[String]) -> Option<(usize, &String)> {
    let class = |text: &String| classify(text.as_bytes());
    let numbered = || texts.iter().enumerate().map(|(index, text)| (index + 1, text));
    let telling = |text: &String| {
        matches!(class(text), ValueType::Float | ValueType::Date | ValueType::DateTime | ValueType::Instant)
            || geometry::Format::of(text.as_bytes()).is_some()
    };
    let number = |text: &String| matches!(class(text), ValueType::Integer | ValueType::LargeInteger);
    numbered().find(|(_, text)| telling(text)).or_else(|| {
        let all = texts.iter().all(number);
        numbered().find(|_| all)
    })
}

/// Names that are all different: an empty one is `column_N`, the second of a name is `name_2`.
fn distinct(texts: Vec<String>) -> Vec<String> {
    let given: HashSet<String> = texts.iter().cloned().collect();
    // The number that was last given to a name: without it, a line of one name only would take the square of its time.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut taken = HashSet::new();
    let mut names = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let base = if text.is_empty() { format!("column_{}", index + 1) } else { text.clone() };
        let mut name = base.clone();
        let number = numbers.entry(base.clone()).or_insert(1);
        // A name with a number must be none of those that the file gives itself.
        while taken.contains(&name) || (name != text && given.contains(&name)) {
            *number += 1;
            name = format!("{base}_{number}");
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn names_become_distinct() {
        let names = distinct(owned(&["a", "a", "", "a_2", "a", "column_3"]));
        assert_eq!(names, ["a", "a_3", "column_3_2", "a_2", "a_4", "column_3"]);
    }

    #[test]
    fn headers_that_are_data() {
        assert_eq!(data_in_header(&owned(&["code", "2019", "2020"])), None);
        assert_eq!(data_in_header(&owned(&["1", "2"])).map(|(number, _)| number), Some(1));
        assert_eq!(data_in_header(&owned(&["x", "2.5"])).map(|(number, _)| number), Some(2));
        assert_eq!(data_in_header(&owned(&["x", "POINT(1 2)"])).map(|(number, _)| number), Some(2));
    }

    #[test]
    fn plain_text_must_be_sure() {
        assert!(is_sure(b"id\tlon\tlat\n1\t2.5\t48\n2\t2.6\t48"));
        assert!(!is_sure(b"hello"));
        assert!(!is_sure(b"a\tb\n1\t2\n"));
        assert!(!is_sure(b"Dear x,\nsee y, z\n"));
    }
}

//! Delimiter and quote, from the first records.

use crate::csv::records::{Dialect, Parsed, parse};

/// In the order in which they are preferred where all else is equal.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Records that are looked at.
const RECORDS: usize = 200;

/// What the first records look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sniffed {
    pub(crate) dialect: Dialect,
    /// Fields of the first record.
    pub(crate) fields: usize,
    /// Records that were whole.
    pub(crate) records: usize,
    /// Those with as many fields as the first.
    pub(crate) consistent: usize,
}

/// The dialect in which most of the records have as many fields as the first one, and that more than one; of several, that
/// with the most fields. A file of one column is one with commas. `whole`: the file ends with these bytes.
pub(crate) fn sniff(head: &[u8], whole: bool) -> Sniffed {
    let quote = quote(head);
    let mut best = count(head, whole, Dialect { delimiter: b',', quote });
    let better = |one: &Sniffed, other: &Sniffed| {
        // Fractions are compared without division.
        let (left, right) = (one.consistent * other.records, other.consistent * one.records);
        (one.fields > 1, left, one.fields) > (other.fields > 1, right, other.fields)
    };
    for delimiter in DELIMITERS.into_iter().skip(1) {
        let sniffed = count(head, whole, Dialect { delimiter, quote });
        if better(&sniffed, &best) {
            best = sniffed;
        }
    }
    best
}

/// Apostrophes are quotes where all of the first line is between them.
fn quote(head: &[u8]) -> u8 {
    let line = head.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default();
    let enclosed = |field: &[u8]| field.len() > 1 && field.first() == Some(&b'\'') && field.last() == Some(&b'\'');
    let all = |delimiter: u8| line.split(|&byte| byte == delimiter).all(enclosed);
    if DELIMITERS.into_iter().any(all) { b'\'' } else { b'"' }
}

fn count(head: &[u8], whole: bool, dialect: Dialect) -> Sniffed {
    let mut sniffed = Sniffed { dialect, fields: 0, records: 0, consistent: 0 };
    let (mut at, mut noted) = (0, Vec::new());
    while sniffed.records < RECORDS {
        at += head.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if at >= head.len() {
            break;
        }
        match parse(head, at, dialect, whole, 0, &mut noted) {
            Parsed::Complete { fields, next } => {
                if sniffed.records == 0 {
                    sniffed.fields = fields;
                }
                sniffed.records += 1;
                sniffed.consistent += usize::from(fields == sniffed.fields);
                at = next;
            }
            Parsed::Incomplete => break,
            Parsed::Broken(_) => {
                sniffed.records += 1;
                break;
            }
        }
    }
    sniffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_that_is_consistent() {
        for (text, delimiter, quote, fields) in [
            ("a,b\n1,2\n", b',', b'"', 2),
            ("a;b\n1,5;2,5\n3,5;4,5\n", b';', b'"', 2),
            ("a\tb\tc\n1,2\t3;4\t5\n", b'\t', b'"', 3),
            ("a|b\n\"x|y\"|2\n", b'|', b'"', 2),
            ("name;wkt\nx;\"POINT(1 2)\"\ny;\"LINESTRING(1 2,3 4)\"\n", b';', b'"', 2),
            ("a,b;c\n1,2;3\n", b',', b'"', 2),
            ("wkt\n\"POINT(1 2)\"\n", b',', b'"', 1),
            ("'a','b'\n'1,5','x'\n", b',', b'\'', 2),
            ("a,b\n'tHof,2\n", b',', b'"', 2),
            ("a;b;c\n1;2;3\n1;2\n4;5;6", b';', b'"', 3),
            ("", b',', b'"', 0),
        ] {
            let sniffed = sniff(text.as_bytes(), true);
            assert_eq!((sniffed.dialect, sniffed.fields), (Dialect { delimiter, quote }, fields), "{text}");
        }
    }
}

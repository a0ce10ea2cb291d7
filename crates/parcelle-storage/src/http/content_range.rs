//! The header `Content-Range`.

use std::ops::Range;

/// Which bytes of how many a server says it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// `None` in the answer to a range that is not there (`bytes */100`).
    pub(super) range: Option<Range<u64>>,
    /// `None` where the server does not know (`bytes 0-9/*`).
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads it as RFC 9110 section 14.4 writes it; `None` for anything else, also where the numbers contradict each other.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, total) = rest.trim().split_once('/')?;
        let total = match total.trim() {
            "*" => None,
            digits => Some(number(digits)?),
        };
        let range = match range.trim() {
            "*" => None,
            range => {
                let (first, last) = range.split_once('-')?;
                let range = number(first)?..number(last)?.checked_add(1)?;
                if range.is_empty() || total.is_some_and(|total| range.end > total) {
                    return None;
                }
                Some(range)
            }
        };
        Some(Self { range, total })
    }
}

fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::ContentRange;

    #[test]
    fn only_what_makes_sense_is_taken() {
        let parse = |text| ContentRange::parse(text).map(|parsed| (parsed.range, parsed.total));
        assert_eq!(parse("bytes 0-9/100"), Some((Some(0..10), Some(100))));
        assert_eq!(parse("Bytes 5-5/*"), Some((Some(5..6), None)));
        assert_eq!(parse("bytes */0"), Some((None, Some(0))));
        for text in ["", "bytes", "bytes 0-9", "bytes 9-0/10", "bytes 0-10/10", "items 0-9/10", "bytes -5/10"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("bytes +0-9/10"), None);
        assert_eq!(parse("bytes 0-18446744073709551615/*"), None);
    }
}

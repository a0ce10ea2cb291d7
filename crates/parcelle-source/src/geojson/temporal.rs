//! Strings that are dates or instants.

use crate::date_time::{self, DateTime};
use crate::inference::ValueType;

/// What a string is, if it is a date or an instant. Only the extended form of ISO 8601 counts, without spaces
/// around, and the same with slashes, as GDAL writes it.
pub(crate) fn classify(text: &[u8]) -> Option<ValueType> {
    let (Some(b'0'..=b'9'), Some(b'0'..=b'9' | b'Z' | b'z')) = (text.first(), text.last()) else { return None };
    match text.split_at_checked(10)? {
        (_, []) => date_time::days(text).map(|_| ValueType::Date),
        _ => Some(if DateTime::parse(text)?.has_zone { ValueType::Instant } else { ValueType::DateTime }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_instants_are_told_apart() {
        for (text, expected) in [
            ("2024-05-06", Some(ValueType::Date)),
            ("2024-05-06T07:08:09", Some(ValueType::DateTime)),
            ("2024-05-06 07:08", Some(ValueType::DateTime)),
            ("2024-05-06T07:08:09.123456Z", Some(ValueType::Instant)),
            ("2024-05-06T07:08:09+02:00", Some(ValueType::Instant)),
            ("2024-05-06T07:08:09.1234567", None),
            ("2024-02-30", None),
            ("2024/05/06", Some(ValueType::Date)),
            ("2024/05-06", None),
            (" 2024-05-06", None),
            ("2024-05-06 ", None),
            ("20240506", None),
            ("", None),
        ] {
            assert_eq!(classify(text.as_bytes()), expected, "{text}");
        }
    }
}

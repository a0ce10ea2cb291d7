//! Strings that are dates or instants (ISO 8601), to the microsecond.

use crate::date_time;
use crate::inference::ValueType;

/// What a string is, if it is a date or an instant. Only the extended form of ISO 8601 counts, without spaces
/// around, and the same with slashes, as GDAL writes it.
pub(crate) fn classify(text: &[u8]) -> Option<ValueType> {
    let (Some(b'0'..=b'9'), Some(b'0'..=b'9' | b'Z' | b'z')) = (text.first(), text.last()) else { return None };
    match text.split_at_checked(10)? {
        (_, []) => date_time::days(text).map(|_| ValueType::Date),
        (_, clock) => {
            microseconds(text)?;
            let zoned = clock.iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
            Some(if zoned { ValueType::Instant } else { ValueType::DateTime })
        }
    }
}

/// Microseconds since 1970-01-01T00:00, in UTC where a zone is given. Digits beyond must be zero.
pub(crate) fn microseconds(text: &[u8]) -> Option<i64> {
    const LONGEST: usize = 40;
    let point = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let (head, tail) = text.split_at_checked(point)?;
    let length = tail.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if length <= 3 {
        return date_time::milliseconds(text)?.checked_mul(1000);
    }
    let (fraction, zone) = tail.split_at_checked(length + 1)?;
    let (coarse, fine) = fraction.split_at_checked(4)?;
    let mut extra = 0;
    for (position, digit) in fine.iter().enumerate() {
        let weight = [100, 10, 1].get(position).copied().unwrap_or(0);
        if weight == 0 && *digit != b'0' {
            return None;
        }
        extra += i64::from(digit - b'0') * weight;
    }
    // The same text with milliseconds only.
    let mut shorter = [0u8; LONGEST];
    let mut used = 0;
    for part in [head, coarse, zone] {
        shorter.get_mut(used..used + part.len())?.copy_from_slice(part);
        used += part.len();
    }
    date_time::milliseconds(shorter.get(..used)?)?.checked_mul(1000)?.checked_add(extra)
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
        assert_eq!(microseconds(b"1970-01-01T00:00:01.000002000Z"), Some(1_000_002));
        assert_eq!(microseconds(b"1969-12-31T23:59:59.999999"), Some(-1));
        assert_eq!(microseconds(b"1970-01-01T02:00:00.5+02:00"), Some(500_000));
    }
}

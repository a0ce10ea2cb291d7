//! `DateTime` values: text of ISO 8601, with or without time zone.

use crate::date_time;

/// What the values of a column have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DateTimes {
    /// Whether they have a time zone; `None` without values.
    pub(super) has_zone: Option<bool>,
    /// Whether one of them needs microseconds.
    pub(super) microseconds: bool,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime {
    /// Microseconds since 1970-01-01T00:00, in UTC where it has a zone, else on the clock.
    pub(super) microseconds: i64,
    pub(super) has_zone: bool,
}

impl DateTime {
    /// From a date and a time of day, or a date alone, which is midnight. Digits beyond microseconds must be zero.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let time = text.get(10..).unwrap_or_default();
        let has_zone = time.iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
        if let Some(milliseconds) = date_time::milliseconds(text) {
            return Some(Self { microseconds: milliseconds.checked_mul(1000)?, has_zone });
        }
        // More than three digits: those of the milliseconds with the zone as one time, and the others beside.
        let fraction = text.iter().position(|byte| *byte == b'.')? + 1;
        let (before, rest) = (text.get(..fraction + 3)?, text.get(fraction + 3..)?);
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, zone) = rest.split_at_checked(digits)?;
        let mut shorter = [0u8; 40];
        let length = before.len() + zone.len();
        shorter.get_mut(..before.len())?.copy_from_slice(before);
        shorter.get_mut(before.len()..length)?.copy_from_slice(zone);
        let milliseconds = date_time::milliseconds(shorter.get(..length)?)?;
        let mut microseconds = 0;
        for (position, digit) in digits.iter().enumerate() {
            let weight = [100, 10, 1].get(position).copied().unwrap_or(0);
            if weight == 0 && *digit != b'0' {
                return None;
            }
            microseconds += i64::from(digit - b'0') * weight;
        }
        Some(Self { microseconds: milliseconds.checked_mul(1000)?.checked_add(microseconds)?, has_zone })
    }
}

impl DateTimes {
    /// Takes a value in; `false` if it has a zone where others have none, or none where others have one.
    #[must_use]
    pub(super) fn add(&mut self, value: DateTime) -> bool {
        self.merge(Self { has_zone: Some(value.has_zone), microseconds: value.microseconds % 1000 != 0 })
    }

    /// Takes in what other values have in common; `false` as above.
    #[must_use]
    pub(super) fn merge(&mut self, other: Self) -> bool {
        self.microseconds |= other.microseconds;
        let agree = self.has_zone.is_none() || other.has_zone.is_none() || self.has_zone == other.has_zone;
        self.has_zone = self.has_zone.or(other.has_zone);
        agree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_and_zones() {
        let parse = |text: &str| DateTime::parse(text.as_bytes()).map(|time| (time.microseconds, time.has_zone));
        assert_eq!(parse("1970-01-01"), Some((0, false)));
        assert_eq!(parse("1970-01-01T00:00:01"), Some((1_000_000, false)));
        assert_eq!(parse("1970-01-01T00:00:01.5Z"), Some((1_500_000, true)));
        assert_eq!(parse("1970-01-01T01:00:00.000001+01:00"), Some((1, true)));
        assert_eq!(parse("1969-12-31 23:59:59.999999"), Some((-1, false)));
        assert_eq!(parse("1970-01-01T00:00:00.1234560000-00:30"), Some((1_800_123_456, true)));
        for wrong in ["", "yesterday", "1970-01-01T00:00:00.1234567Z", "1970-01-01T00:00:00.12x4", "1970-13-01"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let long = format!("1970-01-01T00:00:00.1234{}Z{}", "0".repeat(90), "Z".repeat(90));
        assert_eq!(parse(&long), None);
    }
}

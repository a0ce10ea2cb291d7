//! What the `DateTime` values of a column have in common: a time zone or none, milliseconds or more.

use crate::date_time::DateTime;

/// What the values of a column have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DateTimes {
    /// Whether they have a time zone; `None` without values.
    pub(super) has_zone: Option<bool>,
    /// Whether one of them needs microseconds.
    pub(super) microseconds: bool,
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

//! Dates and instants as text of ISO 8601 (GeoPackage: OGC 12-128r18, table 1; CSV and GeoJSON alike).
//!
//! Works on bytes, without allocation: a BD TOPO extract has several of these in every row.

const MILLISECONDS_PER_DAY: i64 = 86_400_000;
/// From the first of March 400 years before the year 0.
const DAYS_FROM_MARCH_OF_CYCLE: i64 = 719_468 + 146_097;

/// Days since 1970-01-01 of `YYYY-MM-DD`. A time of day after it must be midnight: anything else would be lost.
pub(crate) fn days(text: &[u8]) -> Option<i32> {
    let (date, time) = split(text.trim_ascii())?;
    if time.is_some_and(|time| milliseconds_of_day(time) != Some(0)) {
        return None;
    }
    i32::try_from(date).ok()
}

/// Milliseconds since 1970-01-01T00:00Z of `YYYY-MM-DDTHH:MM[:SS[.SSS]]Z`. Also understood: a space for the `T`, no
/// zone (the standard says it is UTC), an offset from UTC, a date alone (midnight), and second 60, which is the first of
/// the next minute (real deliveries have it, from 59.9996 written with three digits). Digits beyond milliseconds must be
/// zero: anything else would be lost.
pub(crate) fn milliseconds(text: &[u8]) -> Option<i64> {
    if let Some(DateTime { microseconds, .. }) = usual(text) {
        return Some(microseconds / 1000);
    }
    let (date, time) = split(text.trim_ascii())?;
    date.checked_mul(MILLISECONDS_PER_DAY)?.checked_add(time.map_or(Some(0), milliseconds_of_day)?)
}

/// An instant, or a time on a clock whose zone is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Microseconds since 1970-01-01T00:00, in UTC where it has a zone, else on the clock.
    pub(crate) microseconds: i64,
    /// Whether it says `Z` or an offset from UTC.
    pub(crate) has_zone: bool,
}

impl DateTime {
    /// From a date and a time of day, or a date alone, which is midnight. Digits beyond microseconds must be zero.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if let Some(usual) = usual(text) {
            return Some(usual);
        }
        let text = text.trim_ascii();
        let time = text.get(10..).unwrap_or_default();
        let has_zone = time.iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
        if let Some(coarse) = milliseconds(text) {
            return Some(Self { microseconds: coarse.checked_mul(1000)?, has_zone });
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
        let coarse = milliseconds(shorter.get(..length)?)?;
        let mut beyond = 0;
        for (position, digit) in digits.iter().enumerate() {
            let weight = [100, 10, 1].get(position).copied().unwrap_or(0);
            if weight == 0 && *digit != b'0' {
                return None;
            }
            beyond += i64::from(digit - b'0') * weight;
        }
        Some(Self { microseconds: coarse.checked_mul(1000)?.checked_add(beyond)?, has_zone })
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, with or without `.SSS` and `Z` or `+00`, as GDAL writes it to CSV: what nearly all instants look
/// like. `None` for any other spelling, and for what is no instant.
#[inline]
fn usual(text: &[u8]) -> Option<DateTime> {
    let (&date, time) = text.split_first_chunk::<10>()?;
    let (&[separator, ref clock @ ..], rest) = time.split_first_chunk::<9>()?;
    if !matches!(separator, b'T' | b' ') {
        return None;
    }
    let (fraction, has_zone) = match *rest {
        [] => (*b"000", false),
        [b'Z'] | [b'+', b'0', b'0'] | [b'+', b'0', b'0', b':', b'0', b'0'] => (*b"000", true),
        [b'.', f1, f2, f3] => ([f1, f2, f3], false),
        [b'.', f1, f2, f3, b'Z']
        | [b'.', f1, f2, f3, b'+', b'0', b'0']
        | [b'.', f1, f2, f3, b'+', b'0', b'0', b':', b'0', b'0'] => ([f1, f2, f3], true),
        _ => return None,
    };
    let days = days_of(date)?;
    let [hour, _, _, minute, _, _, second, _] = Pattern::CLOCK.pairs(*clock)?;
    let fraction = number(&fraction)?;
    let of_day = ((i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1000 + fraction;
    let milliseconds = days * MILLISECONDS_PER_DAY + of_day;
    (hour < 24 && minute < 60 && second < 60).then_some(DateTime { microseconds: milliseconds * 1000, has_zone })
}

/// Eight characters of which some are digits, to be held against a text at once, as bytes of one word: one by one takes several
/// times as long.
struct Pattern {
    /// `0` at the digits, the other characters as they are.
    characters: u64,
    /// What brings all that is not allowed to the topmost bit of its byte: ten at a digit, one elsewhere.
    room: u64,
}

impl Pattern {
    const DATE: Self = Self::new(*b"0000-00-");
    const DATE_WITH_SLASHES: Self = Self::new(*b"0000/00/");
    const CLOCK: Self = Self::new(*b"00:00:00");

    const fn new(characters: [u8; 8]) -> Self {
        let mut room = [0x80 - 1; 8];
        let mut place = 0;
        while place < room.len() {
            if characters[place] == b'0' {
                room[place] = 0x80 - 10;
            }
            place += 1;
        }
        Self { characters: u64::from_le_bytes(characters), room: u64::from_le_bytes(room) }
    }

    /// Each digit with the one behind it as a number, in the place of the first; what is at other places means nothing.
    /// `None` for a text that is another.
    #[inline]
    fn pairs(&self, text: [u8; 8]) -> Option<[u8; 8]> {
        const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
        let digits = u64::from_le_bytes(text) ^ self.characters;
        // A byte that overflows into the next one has its topmost bit itself.
        if (digits.wrapping_add(self.room) | digits) & TOPS != 0 {
            return None;
        }
        // No byte becomes more than 99: none reaches into its neighbour.
        Some((digits.wrapping_mul(10).wrapping_add(digits >> 8)).to_le_bytes())
    }
}

/// Days since 1970 and the text of the time of day, if there is one.
fn split(text: &[u8]) -> Option<(i64, Option<&[u8]>)> {
    let (date, time) = text.split_first_chunk::<10>()?;
    let time = match time {
        [] => None,
        [b'T' | b't' | b' ', time @ ..] => Some(time),
        _ => return None,
    };
    Some((days_of(*date)?, time))
}

/// Days since 1970 of `YYYY-MM-DD`; GDAL writes slashes to CSV and GeoJSONSeq.
#[inline]
fn days_of(date: [u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, between, m1, m2, between_too, d1, d2] = date;
    let pattern = if between == b'/' { Pattern::DATE_WITH_SLASHES } else { Pattern::DATE };
    let [century, _, year, _, _, month, _, _] = pattern.pairs([y1, y2, y3, y4, between, m1, m2, between_too])?;
    days_since_1970(i64::from(century) * 100 + i64::from(year), i64::from(month), number(&[d1, d2])?)
}

/// A number of digits only, too few of them to overflow.
#[inline]
fn number<const N: usize>(digits: &[u8; N]) -> Option<i64> {
    // Looked at once, and all of them: a way out at each would cost more.
    let (mut value, mut sound) = (0, true);
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        sound &= digit < 10;
        value = value * 10 + i64::from(digit);
    }
    sound.then_some(value)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; `None` for a date that does not exist. The year has four digits.
///
/// Years are counted from March, so that the leap day ends one, in cycles of 400 (H. Hinnant, *chrono-Compatible Low-Level Date
/// Algorithms*, `days_from_civil`).
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS_OF_MONTH: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    const DAYS_OF_CYCLE: u32 = 146_097;
    let (year, month, day) = (u32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    let most = *DAYS_OF_MONTH.get(month.wrapping_sub(1) as usize)?;
    let is_leap = || year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day < 1 || day > u32::from(most) || (month == 2 && day == 29 && !is_leap()) {
        return None;
    }
    // A cycle more, as January of the year 0 is in the year before.
    let (from_march, past) = if month > 2 { (month - 3, year + 400) } else { (month + 9, year + 399) };
    let (cycle, year_of_cycle) = (past / 400, past % 400);
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    Some(i64::from(cycle * DAYS_OF_CYCLE + day_of_cycle) - DAYS_FROM_MARCH_OF_CYCLE)
}

/// Milliseconds since midnight UTC of `HH:MM[:SS[.SSS]]` with a zone or none; may be below 0 or above a day with an offset.
fn milliseconds_of_day(text: &[u8]) -> Option<i64> {
    let (clock, offset_minutes) = match text {
        [clock @ .., b'Z' | b'z'] => (clock, 0),
        _ => match text.iter().position(|byte| matches!(byte, b'+' | b'-')) {
            Some(position) => {
                let (clock, zone) = text.split_at_checked(position)?;
                (clock, offset(zone)?)
            }
            None => (text, 0),
        },
    };
    let &[h1, h2, b':', m1, m2, ref seconds @ ..] = clock else { return None };
    let (hour, minute) = (number(&[h1, h2])?, number(&[m1, m2])?);
    let (second, fraction): (i64, &[u8]) = match seconds {
        [] => (0, &[]),
        [b':', s1, s2] => (number(&[*s1, *s2])?, &[]),
        [b':', s1, s2, b'.', fraction @ ..] if !fraction.is_empty() => (number(&[*s1, *s2])?, fraction),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut milliseconds = 0;
    for (position, digit) in fraction.iter().enumerate() {
        let weight = [100, 10, 1].get(position).copied().unwrap_or(0);
        if !digit.is_ascii_digit() || (weight == 0 && *digit != b'0') {
            return None;
        }
        milliseconds += i64::from(digit - b'0') * weight;
    }
    Some(((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + milliseconds)
}

/// Minutes of `+HH`, `+HHMM` or `+HH:MM`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (hours, minutes) = match *zone {
        [_, h1, h2] => (number(&[h1, h2])?, 0),
        [_, h1, h2, m1, m2] | [_, h1, h2, b':', m1, m2] => (number(&[h1, h2])?, number(&[m1, m2])?),
        _ => return None,
    };
    let sign = if zone.first() == Some(&b'-') { -1 } else { 1 };
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From 0001-01-01.
    const DAYS_BEFORE_1970: i64 = 719_162;

    proptest! {
        #[test]
        fn any_instant_comes_back(day in -700_000i64..2_900_000, time in 0i64..86_400_000) {
            // Counts days by stepping through whole years, unlike the code above.
            let (mut year, mut rest) = (1, day + DAYS_BEFORE_1970);
            let length = |year: i64| 365 + i64::from(days_since_1970(year, 2, 29).is_some());
            while rest >= length(year) {
                rest -= length(year);
                year += 1;
            }
            let mut month = 1;
            while let Some(days) = (1..=31).rev().find(|day| days_since_1970(year, month, *day).is_some()) && rest >= days {
                rest -= days;
                month += 1;
            }
            let (hour, minute, second, fraction) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60, time % 1000);
            let text = format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z", rest + 1);
            prop_assert_eq!(milliseconds(text.as_bytes()), Some(day * MILLISECONDS_PER_DAY + time));
        }

        #[test]
        fn any_bytes_are_survived(text in "[0-9TZ:.+ é-]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for input in [text.as_bytes(), &bytes] {
                let _ = (days(input), milliseconds(input));
            }
        }
    }

    #[test]
    fn dates_count_from_1970() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2024-12-31", 20_088),
            ("1900-03-01", -25_508),
            ("0001-01-01", -719_162),
            ("0000-12-31", -719_163),
            ("9999-12-31", 2_932_896),
            ("2000-01-01T00:00:00.000Z", 10_957),
        ] {
            assert_eq!(days(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = days_since_1970(1899, 12, 31).unwrap();
        for year in 1900..2101 {
            for month in 1..13 {
                for day in 1..32 {
                    if let Some(days) = days_since_1970(year, month, day) {
                        expected += 1;
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                    }
                }
            }
        }
        assert_eq!(expected, days_since_1970(2100, 12, 31).unwrap());
    }

    #[test]
    fn instants_keep_their_milliseconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.5Z", 500),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2024-05-06T07:08:09.123Z", 1_714_979_289_123),
            ("2024-05-06T07:08:09.123000Z", 1_714_979_289_123),
            ("2024/05/06 07:08:09.123+00", 1_714_979_289_123),
            ("2024-05-06T07:08:09.123+00:00", 1_714_979_289_123),
            ("2024-05-06T07:08:09+00", 1_714_979_289_000),
            ("2024-05-06 07:08:09.123", 1_714_979_289_123),
            ("2024-05-06T09:08:09.123+02:00", 1_714_979_289_123),
            ("2024-05-06T02:08:09.123-0500", 1_714_979_289_123),
            ("2024-05-06T07:08Z", 1_714_979_280_000),
            ("2024-05-06T07:07:60.000", 1_714_979_280_000),
            ("2024-05-06", 1_714_953_600_000),
        ] {
            assert_eq!(milliseconds(text.as_bytes()), Some(expected), "{text}");
        }
    }

    /// Any byte at any place of the usual spelling: what is taken is what the pieces say one by one.
    #[test]
    fn no_byte_is_taken_for_another() {
        let piece = |text: &[u8]| {
            let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            all.then(|| std::str::from_utf8(text).unwrap().parse::<i64>().unwrap())
        };
        let expected = |text: &[u8]| {
            let is = |place: usize, allowed: &[u8]| allowed.contains(&text[place]);
            let marks = (is(4, b"-") && is(7, b"-")) || (is(4, b"/") && is(7, b"/"));
            let marks = marks && is(10, b"T ") && is(13, b":") && is(16, b":") && is(19, b".");
            let days = days_since_1970(piece(&text[..4])?, piece(&text[5..7])?, piece(&text[8..10])?)?;
            let (hour, minute, second) = (piece(&text[11..13])?, piece(&text[14..16])?, piece(&text[17..19])?);
            let time = ((hour * 60 + minute) * 60 + second) * 1000 + piece(&text[20..23])?;
            let sound = marks && hour < 24 && minute < 60 && second < 60;
            sound.then_some((days * MILLISECONDS_PER_DAY + time) * 1000)
        };
        for usual_text in ["2024-05-16T07:38:09.123", "1999/12/31 23:59:59.999", "2000-10-09T19:08:07.000"] {
            for place in 0..usual_text.len() {
                for byte in 0..=u8::MAX {
                    let mut text = usual_text.as_bytes().to_vec();
                    text[place] = byte;
                    let found = usual(&text).map(|found| found.microseconds);
                    assert_eq!(found, expected(&text), "{}", text.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2024",
            "2024-1-1",
            "2024-13-01",
            "2023-02-29",
            "2024-00-10",
            "2024-01-00",
            "24-01-01",
            "2024/01-01",
            "2024-01-01x",
            "été2024-01",
            "2024-01-01T",
            "2024-01-01Z",
            "-024-01-01",
        ] {
            assert_eq!(days(text.as_bytes()), None, "{text}");
            assert_eq!(milliseconds(text.as_bytes()), None, "{text}");
        }
        for text in [
            "2024-01-01T24:00:00Z",
            "2024-01-01T10:60:00Z",
            "2024-01-01T10:00:61Z",
            "2024-01-01T1:00:00Z",
            "2024-01-01T10:00:00.1234Z",
            "2024-01-01T10:00:00.Z",
            "2024-01-01T10:00:00.é12Z",
            "2024-01-01T10Z",
            "2024-01-01T10:00:00:00Z",
            "2024-01-01T10:00:00+2",
            "2024-01-01T10:00:00+99:00",
            "2024-01-01T10:00:00 +02:00",
        ] {
            assert_eq!(milliseconds(text.as_bytes()), None, "{text}");
        }
        assert_eq!(days(b"2024-01-01T10:00:00Z"), None);
    }

    #[test]
    fn fractions_and_zones() {
        let parse = |text: &str| DateTime::parse(text.as_bytes()).map(|time| (time.microseconds, time.has_zone));
        assert_eq!(parse("1970-01-01"), Some((0, false)));
        assert_eq!(parse("1970-01-01T00:00:01"), Some((1_000_000, false)));
        assert_eq!(parse("1970-01-01T00:00:01.5Z"), Some((1_500_000, true)));
        assert_eq!(parse("1970-01-01T01:00:00.000001+01:00"), Some((1, true)));
        assert_eq!(parse("1969-12-31 23:59:59.999999"), Some((-1, false)));
        assert_eq!(parse("1970-01-01T00:00:01.000002000Z"), Some((1_000_002, true)));
        assert_eq!(parse("1970-01-01T00:00:00.1234560000-00:30"), Some((1_800_123_456, true)));
        for wrong in ["", "yesterday", "1970-01-01T00:00:00.1234567Z", "1970-01-01T00:00:00.12x4", "1970-13-01"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let long = format!("1970-01-01T00:00:00.1234{}Z{}", "0".repeat(90), "Z".repeat(90));
        assert_eq!(parse(&long), None);
    }
}

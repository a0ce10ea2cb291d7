//! Dates and instants as GeoPackage writes them: ISO 8601 text, in UTC (OGC 12-128r18, table 1).

/// Days since 1970-01-01 of `YYYY-MM-DD`. A time of day after it must be midnight: anything else would be lost.
pub(crate) fn days(text: &str) -> Option<i32> {
    let (date, time) = split(text.trim())?;
    if time.is_some_and(|time| milliseconds_of_day(time) != Some(0)) {
        return None;
    }
    i32::try_from(date).ok()
}

/// Milliseconds since 1970-01-01T00:00Z of `YYYY-MM-DDTHH:MM[:SS[.SSS]]Z`. Also understood: a space for the `T`, no
/// zone (the standard says it is UTC), an offset from UTC, a date alone (midnight), and second 60, which is the first of
/// the next minute (real deliveries have it, from 59.9996 written with three digits). Digits beyond milliseconds must be
/// zero: anything else would be lost.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = split(text.trim())?;
    date.checked_mul(86_400_000)?.checked_add(time.map_or(Some(0), milliseconds_of_day)?)
}

/// Days since 1970 and the text of the time of day, if there is one.
fn split(text: &str) -> Option<(i64, Option<&str>)> {
    let (date, time) = match text.get(10..) {
        Some("") => (text, None),
        Some(rest) => (text.get(..10)?, Some(rest.strip_prefix(['T', 't', ' '])?)),
        None => return None,
    };
    let [year, month, day] = fields(date, '-')?;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    Some((days_since_1970(year, month, day)?, time))
}

fn fields<const COUNT: usize>(text: &str, separator: char) -> Option<[&str; COUNT]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; `None` for a date that does not exist.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS_BEFORE_MONTH: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    const DAYS_BEFORE_1970: i64 = 719_162;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let at = |month: i64| {
        let days = *DAYS_BEFORE_MONTH.get(usize::try_from(month).ok()?)?;
        Some(days + i64::from(leap && month >= 2))
    };
    let (before, until) = (at(month - 1)?, at(month)?);
    if day < 1 || day > until - before {
        return None;
    }
    // Whole years since 0001-01-01, each of 365 days but for the leap years among them. Year 0 counts backwards.
    let past = year - 1;
    let leap_days = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    Some(past * 365 + leap_days + before + day - 1 - DAYS_BEFORE_1970)
}

/// Milliseconds since midnight UTC of `HH:MM[:SS[.SSS]]` with a zone or none; may be below 0 or above a day with an offset.
fn milliseconds_of_day(text: &str) -> Option<i64> {
    let (clock, offset_minutes) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match text.find(['+', '-']) {
            Some(position) => (text.get(..position)?, offset(text.get(position..)?)?),
            None => (text, 0),
        },
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (second, fraction) = parts.next().map_or(Some(("00", "")), |seconds| match seconds.split_once('.') {
        Some((_, "")) => None,
        Some(pair) => Some(pair),
        None => Some((seconds, "")),
    })?;
    let second = number(second, 2)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (milliseconds, beyond) = fraction.split_at_checked(3).unwrap_or((fraction, ""));
    if !beyond.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let milliseconds = number(&format!("{milliseconds:0<3}"), 3)?;
    Some(((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + milliseconds)
}

/// Minutes of `+HH`, `+HHMM` or `+HH:MM`.
fn offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?.replacen(':', "", 1);
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(days(text), Some(expected), "{text}");
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
            ("2024-05-06 07:08:09.123", 1_714_979_289_123),
            ("2024-05-06T09:08:09.123+02:00", 1_714_979_289_123),
            ("2024-05-06T02:08:09.123-0500", 1_714_979_289_123),
            ("2024-05-06T07:08Z", 1_714_979_280_000),
            ("2024-05-06T07:07:60.000", 1_714_979_280_000),
            ("2024-05-06", 1_714_953_600_000),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
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
            "2024/01/01",
            "2024-01-01x",
            "été2024-01",
            "2024-01-01T",
            "2024-01-01Z",
            "-024-01-01",
        ] {
            assert_eq!(days(text), None, "{text}");
            assert_eq!(milliseconds(text), None, "{text}");
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
            assert_eq!(milliseconds(text), None, "{text}");
        }
        assert_eq!(days("2024-01-01T10:00:00Z"), None);
    }
}

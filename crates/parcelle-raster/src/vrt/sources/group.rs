//! One finding for many sources: how many, of how many, and the first of them.

use parcelle_report::text::grouped;

use super::survey::Target;

/// What has been counted so far: how often, and the first.
pub(crate) struct Group<T> {
    pub(crate) count: u64,
    pub(crate) first: Option<T>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self { count: 0, first: None }
    }
}

impl<T> Group<T> {
    pub(crate) fn add(&mut self, make: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some(make());
        }
    }
}

/// "Source a.tif does this" or "312 of 5,000 sources do that, first: a.tif".
pub(crate) fn sentence(target: &Target, named_in: &str, (count, total): (u64, usize), one: &str, many: &str) -> String {
    let path = target.shown();
    let total = total as u64;
    match count {
        1 => format!("Source {path}{named_in} {one}"),
        // What nested VRTs name is no part of the sum.
        _ if count > total || !named_in.is_empty() => {
            format!("{} sources {many}, first: {path}{}", grouped(count), named_in.trim_end_matches(','))
        }
        _ => format!("{} of {} sources {many}, first: {path}", grouped(count), grouped(total)),
    }
}

/// A number as short as it is still right: at most `digits` behind the point.
pub(crate) fn short(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A share of pixels in percent, never rounded to nothing or to all.
pub(crate) fn percent(part: u128, whole: u128) -> String {
    let share = part as f64 / (whole.max(1)) as f64 * 100.0;
    match share {
        _ if part == 0 => "0 %".to_owned(),
        _ if share < 0.1 => "less than 0.1 %".to_owned(),
        _ if share > 99.9 && part < whole => "more than 99.9 %".to_owned(),
        _ => format!("{} %", short(share, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.5, 1000.0, -0.0, 1.0 / 3.0].map(|number| short(number, 2)), ["0.5", "1000", "0", "0.33"]);
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(1, 1_000_000), "less than 0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "more than 99.9 %");
        assert_eq!((percent(0, 9), percent(9, 9)), ("0 %".to_owned(), "100 %".to_owned()));
    }
}

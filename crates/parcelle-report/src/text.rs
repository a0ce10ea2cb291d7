//! Numbers and names as people read them, for the messages of rules and for reports.

/// A number with its thousands set apart: `1,234,567`.
///
/// ```
/// assert_eq!(parcelle_report::text::grouped(5_000), "5,000");
/// ```
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of a text, `longest` characters of it, with `…` where that is not all.
///
/// ```
/// assert_eq!(parcelle_report::text::shortened("été comme hiver", 3), "été…");
/// ```
#[must_use]
pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((shortened("été", 3), shortened("été", 2)), ("été".to_owned(), "ét…".to_owned()));
        assert_eq!((shortened("", 0), shortened("a", 0)), (String::new(), "…".to_owned()));
    }
}

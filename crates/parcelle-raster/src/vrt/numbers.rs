//! Numbers as GDAL reads them out of text: what leads, and nothing wrong with what follows.

/// Where the number at the start of a text ends, and its value; `None` where there is none, which C's `atof` makes 0.
fn leading(text: &str) -> Option<(f64, usize)> {
    if let Some(number) = short_number(text.as_bytes()) {
        return Some((number, text.len()));
    }
    let blanks = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']).len();
    let bytes = text.as_bytes().get(blanks..)?;
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let negative = bytes.first() == Some(&b'-');
    let rest = bytes.get(sign..)?;
    let starts = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    let may_be_word = rest.first().is_some_and(u8::is_ascii_alphabetic) || rest.starts_with(b"1.#");
    if let Some((word, value)) = WORDS.iter().find(|(word, _)| may_be_word && starts(word)) {
        return Some((if negative { -value } else { *value }, blanks + sign + word.len()));
    }
    let digits =
        |from: usize| rest.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    let mut fraction = 0;
    if rest.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(rest.get(end), Some(b'e' | b'E' | b'd' | b'D')) {
        let signed = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    let number = text.get(blanks..blanks + sign + end)?;
    let number = if number.contains(['d', 'D']) { number.replace(['d', 'D'], "e").parse() } else { number.parse() };
    Some((number.ok()?, blanks + sign + end))
}

/// The words that `CPLStrtodDelim` knows, and the spellings of an old C library of Windows.
const WORDS: [(&str, f64); 6] = [
    ("nan", f64::NAN),
    ("1.#QNAN", f64::NAN),
    ("1.#IND", f64::NAN),
    ("infinity", f64::INFINITY),
    ("inf", f64::INFINITY),
    ("1.#INF", f64::INFINITY),
];

/// The value of a text of so few digits alone that every step is exact: what most numbers of a mosaic are.
fn short_number(text: &[u8]) -> Option<f64> {
    let whole =
        || text.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')));
    if (1..=9).contains(&text.len()) { whole().map(f64::from) } else { None }
}

/// The number that `CPLAtof` makes of a text: 0 where none leads it.
pub(crate) fn leading_number(text: &str) -> f64 {
    leading(text).map_or(0.0, |(value, _)| value)
}

/// Whether C's `strtod` finds a number at the start of a text.
pub(crate) fn leads_number(text: &str) -> bool {
    leading(text).is_some()
}

/// The number that a text is as a whole, blanks around it aside.
pub(crate) fn whole_number_text(text: &str) -> Option<f64> {
    let (value, end) = leading(text)?;
    text.get(end..)?.trim_matches([' ', '\t', '\r', '\n']).is_empty().then_some(value)
}

/// What GDAL's `CPLTestBool` makes of a text: only these words mean no.
pub(crate) fn truth(text: &str) -> bool {
    !["NO", "FALSE", "OFF", "0"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_counts() {
        for (text, value) in [
            ("20px", 20.0),
            (" -1.5e2x", -150.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("abc", 0.0),
            ("1e", 1.0),
            ("", 0.0),
            ("-", 0.0),
        ] {
            assert_eq!(leading_number(text), value, "{text}");
        }
        assert!(leading_number("nan").is_nan() && leading_number("-nan(0x1)").is_nan());
        assert_eq!(leading_number("-inf"), f64::NEG_INFINITY);
        assert_eq!(leading_number("1e999"), f64::INFINITY);
    }

    #[test]
    fn the_whole_text_may_be_asked_for() {
        assert_eq!(whole_number_text(" 20 "), Some(20.0));
        for none in ["20px", "", "a", "1,5", "1 2"] {
            assert_eq!(whole_number_text(none), None, "{none}");
        }
    }

    #[test]
    fn truth_is_what_is_not_denied() {
        assert!(truth("1") && truth("yes") && truth("whatever") && !truth("off") && !truth("False") && !truth("0"));
    }
}

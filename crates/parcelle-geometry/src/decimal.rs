//! Numbers as coordinates mostly are: a few digits with a point among them.

/// Most digits: all integers of so many are floats.
const MOST_DIGITS: usize = 15;

/// Powers of ten, up to that of [`MOST_DIGITS`]; each is a float.
const POWERS: [f64; MOST_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The number at the beginning of a text, and how many bytes it has; `None` where it is none of up to fifteen digits, with
/// digits before and after a point if there is one. An exponent is not looked for.
///
/// Digits without the point and the power of ten are both exact, so that their quotient is the float that is nearest to
/// the number (Clinger, *How to read floating point numbers accurately*, 1990): a general parser finds the same one, and
/// takes half as long again.
#[inline]
pub fn short_decimal(text: &[u8]) -> Option<(f64, usize)> {
    short_decimal_and_whole(text).map(|(value, length, _)| (value, length))
}

/// The same, and how many bytes it has before the point; all, where there is none.
#[inline]
pub fn short_decimal_and_whole(text: &[u8]) -> Option<(f64, usize, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (whole, whole_digits) = digits(text, sign, 0, MOST_DIGITS)?;
    let point = sign + whole_digits;
    let mut end = point;
    let mut value = whole as f64;
    if text.get(end) == Some(&b'.') {
        let (all, fraction_digits) = digits(text, end + 1, whole, MOST_DIGITS - whole_digits)?;
        value = all as f64 / POWERS.get(fraction_digits)?;
        end += 1 + fraction_digits;
    }
    Some((if sign == 1 { -value } else { value }, end, point))
}

/// Goes on with a number by the digits from a position; how many there are, which is at least one and not more than `most`.
#[inline]
fn digits(text: &[u8], from: usize, mut value: u64, most: usize) -> Option<(u64, usize)> {
    let mut count = 0;
    for byte in text.get(from..)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        count += 1;
        if count > most {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    (count > 0).then_some((value, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn anything_else_is_left_to_a_general_parser() {
        for text in [
            "",
            "-",
            "123456789.123456789",
            "123456789012345.1",
            ".5",
            "-.5",
            "5.",
            "x",
            "nan",
            "+1",
            "1234567890123456",
            "1.234567890123456",
            "0.0000000000000001",
        ] {
            assert_eq!(short_decimal(text.as_bytes()), None, "{text}");
        }
        for (text, length) in
            [("1,", 1), ("-12.5 7", 5), ("007)", 3), ("1e5", 1), ("1.5.5", 3), ("123456789012345", 15)]
        {
            assert_eq!(short_decimal(text.as_bytes()).map(|(_, length)| length), Some(length), "{text}");
        }
        let (zero, _) = short_decimal(b"-0.0").unwrap();
        assert!(zero == 0.0 && zero.is_sign_negative());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn it_is_the_nearest_float(text in "-?[0-9]{1,9}(\\.[0-9]{1,9})?[,) xé/:]?[0-9.]{0,9}") {
            if let Some((value, length)) = short_decimal(text.as_bytes()) {
                let expected: f64 = text[..length].parse().unwrap();
                prop_assert_eq!(value.to_bits(), expected.to_bits(), "{}", text);
            }
        }
    }
}

//! GDAL_NODATA as `TIFFImageReader` and `java.lang.Double.parseDouble` read it.

/// What becomes of the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Nodata {
    Absent,
    Number(f64),
    Invalid,
}

impl Nodata {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Invalid => "invalid",
            Self::Number(value) if value.is_nan() => "nan",
            Self::Number(value) if value.is_infinite() => "infinite",
            Self::Number(_) => "number",
        }
    }
}

/// Measured: `nan`, `NaN`, `inf`, `-inf` whole and without blanks; everything else goes to Java's parser, which trims,
/// knows `NaN` and `Infinity` in this spelling alone, and takes a closing `f` or `d`.
pub(super) fn nodata(text: Option<&str>) -> Nodata {
    let Some(text) = text else { return Nodata::Absent };
    match text.to_ascii_lowercase().as_str() {
        "nan" => return Nodata::Number(f64::NAN),
        "inf" => return Nodata::Number(f64::INFINITY),
        "-inf" => return Nodata::Number(f64::NEG_INFINITY),
        _ => {}
    }
    // `String.trim` takes off everything up to the blank.
    let trimmed = text.trim_matches(|letter: char| letter <= ' ');
    let (sign, digits) = match trimmed.strip_prefix(['+', '-']) {
        Some(rest) => (if trimmed.starts_with('-') { -1.0 } else { 1.0 }, rest),
        None => (1.0, trimmed),
    };
    match digits {
        "NaN" => return Nodata::Number(f64::NAN),
        "Infinity" => return Nodata::Number(sign * f64::INFINITY),
        _ => {}
    }
    let digits = digits.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(digits);
    if let Some(value) = hexadecimal(digits) {
        return Nodata::Number(sign * value);
    }
    let is_number = digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    match digits.parse::<f64>() {
        Ok(value) if is_number => Nodata::Number(sign * value),
        _ => Nodata::Invalid,
    }
}

/// A number as C and Java write it in base 16, such as `0x1.8p3`: the exponent of two must be there.
fn hexadecimal(digits: &str) -> Option<f64> {
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    (!mantissa.is_empty() && mantissa != ".").then(|| value * 2_f64.powi(scale))
}

/// The value that a text means to say, as `gdal_translate -a_nodata` takes it.
pub(super) fn meant(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    let negative = text.starts_with('-');
    if text.contains("nan") {
        return "nan".to_owned();
    }
    if text.contains("inf") {
        return if negative { "-inf" } else { "inf" }.to_owned();
    }
    let first = text.split_whitespace().next().unwrap_or_default().replace(',', ".");
    // `1.#IND` and its kind are what an old C library of Windows wrote for NaN.
    if text.contains('#') {
        "nan".to_owned()
    } else if first.parse::<f64>().is_ok() {
        first
    } else {
        "none".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_reads_what_it_reads() {
        for (text, word) in [
            (None, "none"),
            (Some("-9999"), "number"),
            (Some(" -9999 "), "number"),
            (Some("1e-3"), "number"),
            (Some(".5"), "number"),
            (Some("1."), "number"),
            (Some("1.5f"), "number"),
            (Some("-0x1.8p3"), "number"),
            (Some("0x.p1"), "invalid"),
            (Some("nan"), "nan"),
            (Some("NaN "), "nan"),
            (Some("-inf"), "infinite"),
            (Some("Infinity"), "infinite"),
            (Some("nan "), "invalid"),
            (Some("-nan"), "invalid"),
            (Some("+inf"), "invalid"),
            (Some("infinity"), "invalid"),
            (Some("1.#QNAN"), "invalid"),
            (Some("1,5"), "invalid"),
            (Some("0 0 0"), "invalid"),
            (Some("0x00"), "invalid"),
            (Some("none"), "invalid"),
            (Some("--1"), "invalid"),
            (Some(""), "invalid"),
        ] {
            assert_eq!(nodata(text).word(), word, "{text:?}");
        }
    }

    #[test]
    fn the_value_meant_is_found() {
        for (text, value) in
            [("-nan", "nan"), ("1.#QNAN", "nan"), ("-1.#INF", "-inf"), ("1,5", "1.5"), ("0 0 0", "0"), ("none", "none")]
        {
            assert_eq!(meant(text), value);
        }
    }
}

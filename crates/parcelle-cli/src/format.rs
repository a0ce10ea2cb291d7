//! Numbers as people write them, in and out.

use parcelle::Window;
use parcelle::report::Language;
pub(crate) use parcelle::report::text::grouped;

/// Bytes from text such as `512MB`, `2GiB`, `1.5G` or `65536`. Without an `i`, units are decimal.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return Err(format!("unknown unit {unit:?}: write a size such as 512MB or 2GiB")),
    };
    let number: f64 = number.parse().map_err(|_| "write a size such as 512MB or 2GiB".to_owned())?;
    let bytes = number * factor as f64;
    if bytes >= 1.0 && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err("the size is out of range".to_owned()) }
}

/// Bytes for people: `349 MB`.
pub(crate) fn bytes(count: u64) -> String {
    Language::English.bytes(count)
}

/// A number of things: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, singular: &str) -> String {
    format!("{} {singular}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A version of GDAL: `3.6`, or `3.6.2`.
pub(crate) fn gdal_version(text: &str) -> Result<parcelle::GdalVersion, String> {
    parcelle::parse_gdal_version(text).ok_or_else(|| "write a version such as 3.6".to_owned())
}

/// A window: four finite numbers, least x, least y, greatest x, greatest y.
pub(crate) fn parse_window(text: &str) -> Result<Window, String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        .collect::<Option<_>>()
        .ok_or("four numbers are wanted, such as 652000,6861000,653000,6862000")?;
    match numbers.as_slice() {
        &[xmin, ymin, xmax, ymax] if xmin <= xmax && ymin <= ymax => Ok(Window { xmin, ymin, xmax, ymax }),
        [_, _, _, _] => Err("the least x and y come first, then the greatest".to_owned()),
        _ => Err("four numbers are wanted, such as 652000,6861000,653000,6862000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_understood() {
        assert_eq!(parse_bytes("65536"), Ok(65_536));
        assert_eq!(parse_bytes("512MB"), Ok(512_000_000));
        assert_eq!(parse_bytes("2 GiB"), Ok(2 << 30));
        assert_eq!(parse_bytes("1.5k"), Ok(1_500));
        for wrong in ["", "MB", "12 parsecs", "-1", "0", "1e9", "99999999999TB", "1.2.3"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_written() {
        assert_eq!([0, 999, 1_000, 15_400, 349_000_000].map(bytes), ["0 B", "999 B", "1.0 kB", "15 kB", "349 MB"]);
        assert_eq!((counted(1, "row"), counted(3_000_000, "row")), ("1 row".to_owned(), "3,000,000 rows".to_owned()));
    }
}

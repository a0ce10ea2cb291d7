//! Small helpers of the messages.

use std::path::Path;

use parcelle_report::Location;

/// A number with its thousands set apart: 5,000.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A path as one word of a shell command.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,=@%:".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        return text.into_owned();
    }
    let dashed = if text.starts_with('-') { format!("./{text}") } else { text.into_owned() };
    format!("'{}'", dashed.replace('\'', "'\\''"))
}

/// A place in the XML.
pub(crate) fn at(line: u32, element: impl Into<String>) -> Location {
    Location { line: Some(u64::from(line)), element: Some(element.into()), ..Location::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_paths() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(5000), "5,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(quoted(Path::new("a/b.vrt")), "a/b.vrt");
        assert_eq!(quoted(Path::new("it's.vrt")), "'it'\\''s.vrt'");
        assert_eq!(quoted(Path::new("-x.vrt")), "'./-x.vrt'");
    }
}

//! References in text and attributes, as GDAL resolves them.

use std::borrow::Cow;

use super::limits;

/// Adds to a value as long as it is not longer than any rule needs.
pub(super) fn append(value: &mut String, text: &str) {
    if value.len().saturating_add(text.len()) <= limits::VALUE_BYTES {
        value.push_str(text);
    }
}

/// The references that GDAL resolves (`port/cpl_string.cpp`, `CPLUnescapeString`): entities declared by the file are
/// none of them.
pub(super) fn resolve(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|character| *character != '\0');
    }
    [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("apos", '\'')]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, character)| character)
}

/// Resolves the references of an attribute value; at the first that cannot be, the value ends, and the reference is
/// given back.
pub(super) fn unescape(value: &str) -> (Cow<'_, str>, Option<String>) {
    if value.len() <= limits::VALUE_BYTES && !value.contains('&') {
        return (Cow::Borrowed(value), None);
    }
    let mut result = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        append(&mut result, before);
        let name = after.split(';').next().unwrap_or_default();
        match resolve(name).filter(|_| after.len() > name.len()) {
            Some(character) => append(&mut result, character.encode_utf8(&mut [0; 4])),
            None => return (Cow::Owned(result), Some(format!("&{}", after.chars().take(20).collect::<String>()))),
        }
        rest = after.get(name.len() + 1..).unwrap_or_default();
    }
    append(&mut result, rest);
    (Cow::Owned(result), None)
}

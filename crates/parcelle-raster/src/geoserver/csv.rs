//! Comma-separated values as RFC 4180 has them: quotes around what holds a comma, doubled inside.

use std::borrow::Cow;

/// The fields of one line, which holds no line break inside quotes; `None` if a quote is never closed. They are slices of the
/// line wherever nothing is doubled: the tables are read at each start of the program.
pub(crate) fn fields(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::with_capacity(9);
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => match rest.split_once(',') {
                Some((field, after)) => (Cow::Borrowed(field), Some(after)),
                None => (Cow::Borrowed(rest), None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Some(fields),
        }
    }
}

/// A field whose opening quote was taken, and what follows the comma after it.
fn quoted_field(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut from = 0;
    let end = loop {
        let quote = from + text.get(from..)?.find('"')?;
        match text.get(quote + 1..)?.starts_with('"') {
            true => from = quote + 2,
            false => break quote,
        }
    };
    let field = text.get(..end)?;
    let field = if from > 0 { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) };
    match text.get(end + 1..)? {
        "" => Some((field, None)),
        // What stands between the closing quote and the comma is no part of any table.
        after => Some((field, Some(after.strip_prefix(',')?))),
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn quotes_keep_commas_and_quotes() {
        assert_eq!(fields(r#"a,"b,c","say ""d""",,"#).unwrap(), ["a", "b,c", r#"say "d""#, "", ""]);
        assert_eq!(fields("a,\"b"), None);
        assert_eq!(fields("\"a\"b,c"), None);
        assert_eq!(fields("\"\",\"\"\"\"").unwrap(), ["", "\""]);
    }
}

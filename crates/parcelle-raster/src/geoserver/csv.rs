//! Comma-separated values as RFC 4180 has them: quotes around what holds a comma, doubled inside.

/// The fields of one line, which holds no line break inside quotes; `None` if a quote is never closed.
pub(crate) fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                fields.last_mut()?.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => fields.last_mut()?.push(letter),
        }
    }
    (!is_quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn quotes_keep_commas_and_quotes() {
        assert_eq!(fields(r#"a,"b,c","say ""d""",,"#).unwrap(), ["a", "b,c", r#"say "d""#, "", ""]);
        assert_eq!(fields("a,\"b"), None);
    }
}

//! Splits a start tag into its name and attributes by the rules of GDAL's own lexer (`port/cpl_minixml.cpp`,
//! `ReadToken`), which are neither those of XML nor those of the XML parser used here: names are ASCII, blanks between
//! attributes are optional, and a value may go without quotes.

use smallvec::SmallVec;

use super::limits;

/// Names and values of attributes as written. An honest tag needs no memory for them: it has eight at most.
pub(crate) type Attributes<'a> = SmallVec<[(&'a str, &'a str); 8]>;

/// A start tag.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) name: &'a str,
    /// At most [`limits::ATTRIBUTES`].
    pub(crate) attributes: Attributes<'a>,
    /// What XML forbids and GDAL tolerates.
    pub(crate) lapse: Option<String>,
}

/// The name of an element as written; one that is written as it is documented takes no memory.
#[derive(Debug)]
pub(crate) enum Name {
    Documented(&'static str),
    Other(Box<str>),
}

impl Name {
    pub(crate) fn new(name: &str, documented: &'static str) -> Self {
        if name == documented { Self::Documented(documented) } else { Self::Other(name.into()) }
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Documented(name) => name,
            Self::Other(name) => name,
        }
    }
}

/// Splits what stands between `<` and `>` (or `/>`).
///
/// # Errors
/// Why GDAL refuses the tag.
pub(crate) fn split(content: &str) -> Result<Tag<'_>, String> {
    let mut lexer = Lexer { content, position: 0 };
    let mut tag = Tag::default();
    let blanks = lexer.skip_blanks();
    tag.name = lexer.token().ok_or_else(|| "\"<\" without a name after it".to_owned())?;
    if blanks > 0 {
        tag.lapse = Some("blanks stand between \"<\" and a name".to_owned());
    }
    loop {
        let blanks = lexer.skip_blanks();
        let Some(next) = lexer.peek() else { return Ok(tag) };
        if matches!(next, b'=' | b'"' | b'\'') {
            return Err(format!("unexpected {} in <{}>", char::from(next), shown(tag.name)));
        }
        let name = lexer.token().ok_or_else(|| format!("unexpected characters in <{}>", shown(tag.name)))?;
        lexer.skip_blanks();
        if lexer.peek() != Some(b'=') {
            return Err(format!("\"=\" is missing after \"{}\" in <{}>", shown(name), shown(tag.name)));
        }
        lexer.position += 1;
        lexer.skip_blanks();
        let value = match lexer.peek() {
            Some(quote @ (b'"' | b'\'')) => lexer.quoted(quote),
            Some(b'=') | None => None,
            Some(_) => {
                tag.lapse.get_or_insert_with(|| format!("the value of {} is not quoted", shown(name)));
                lexer.token()
            }
        };
        let value = value.ok_or_else(|| format!("attribute {} of <{}> has no value", shown(name), shown(tag.name)))?;
        if value.contains('<') {
            tag.lapse.get_or_insert_with(|| format!("the value of {} holds a \"<\"", shown(name)));
        }
        if blanks == 0 {
            tag.lapse.get_or_insert_with(|| format!("there is no blank before the attribute {}", shown(name)));
        }
        if tag.attributes.len() < limits::ATTRIBUTES {
            if tag.attributes.iter().any(|(known, _)| *known == name) {
                tag.lapse.get_or_insert_with(|| format!("attribute {} is given twice", shown(name)));
            }
            tag.attributes.push((name, value));
        }
    }
}

/// Whether a byte may stand in a name after its first one.
fn goes_on(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte: u8 = 0;
        while byte < 128 {
            table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
            byte += 1;
        }
        table
    };
    TABLE.get(usize::from(byte)).copied().unwrap_or_default()
}

fn shown(name: &str) -> String {
    super::shorten::shorten(name)
}

struct Lexer<'a> {
    content: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<u8> {
        self.content.as_bytes().get(self.position).copied()
    }

    fn skip_blanks(&mut self) -> usize {
        let rest = self.content.as_bytes().get(self.position..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0B).count();
        self.position += count;
        count
    }

    /// Any character, and the letters, digits, dashes, dots and colons after it. `None` where that is no whole text:
    /// GDAL takes the first byte of a character of several, and fails at the second.
    fn token(&mut self) -> Option<&'a str> {
        let start = self.position;
        let (_, rest) = self.content.as_bytes().get(start..)?.split_first()?;
        self.position += 1 + rest.iter().take_while(|byte| goes_on(**byte)).count();
        self.content.get(start..self.position)
    }

    fn quoted(&mut self, quote: u8) -> Option<&'a str> {
        let start = self.position + 1;
        let length = self.content.as_bytes().get(start..)?.iter().position(|byte| *byte == quote)?;
        self.position = start + length + 1;
        self.content.get(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_tags() {
        let tag = split("DstRect xOff=\"0\"\n yOff = '1 > 0' x:y-z.w=\"\" ").unwrap();
        assert_eq!(tag.name, "DstRect");
        assert_eq!(tag.attributes[..], [("xOff", "0"), ("yOff", "1 > 0"), ("x:y-z.w", "")]);
        assert_eq!(tag.lapse, None);
        assert_eq!(split("a").unwrap(), Tag { name: "a", ..Tag::default() });
    }

    #[test]
    fn tags_that_only_gdal_takes() {
        for (text, count) in [
            (" a b=\"1\"", 1),
            ("a b=\"1<2\"", 1),
            ("a b=\"1\"c=\"2\"", 2),
            ("a b=1", 1),
            ("a b=1 b=\"2\"", 2),
            ("a<b=1", 1),
        ] {
            let tag = split(text).unwrap();
            assert!(tag.lapse.is_some(), "{text}");
            assert_eq!((tag.name, tag.attributes.len()), ("a", count), "{text}");
        }
    }

    #[test]
    fn tags_that_gdal_refuses() {
        for text in [
            "",
            "  ",
            "a b",
            "a b=",
            "a =",
            "a b==",
            "a b=\"1\" \"",
            "a/b",
            "a=\"0\"",
            "aé",
            "éa",
            "a b=\"1",
            "a é=\"1\"",
        ] {
            assert!(split(text).is_err(), "{text}: {:?}", split(text));
        }
    }
}

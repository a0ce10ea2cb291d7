//! Templates: sentences with holes, and how one is found again in a text.
//!
//! `tile {1} of level {2:n}` has two holes. A hole has a number, by which the translation refers to it, and may have a class
//! that says what fills it: `n` a number, `w` a word, `verbatim` any text that is kept, `title` the title of the rule, and any
//! other name a set of phrases of the catalogue, which are templates themselves. A hole without a class takes any text.

/// A template, or its translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stands there as it is.
    Text(String),
    /// Stands for something else.
    Hole { number: usize, class: Class },
}

/// What fills a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// Any text, which is kept unless it is a phrase of the set `any`.
    Any,
    /// A number, written as the language does.
    Number,
    /// A word, kept.
    Word,
    /// Any text, such as a path, kept.
    Verbatim,
    /// The title of the rule.
    Title,
    /// A phrase of the set with this name.
    Phrase(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (hole, after) = after.split_once('}').ok_or_else(|| format!("a hole of {text:?} is not closed"))?;
            let (number, class) = hole.split_once(':').unwrap_or((hole, ""));
            let number = number.parse().map_err(|_| format!("{hole:?} of {text:?} is no hole"))?;
            let class = match class {
                "" => Class::Any,
                "n" => Class::Number,
                "w" => Class::Word,
                "verbatim" => Class::Verbatim,
                "title" => Class::Title,
                name => Class::Phrase(name.to_owned()),
            };
            pieces.push(Piece::Hole { number, class });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The numbers of its holes, in order.
    pub(super) fn holes(&self) -> Vec<usize> {
        let mut holes: Vec<usize> = self
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Hole { number, .. } => Some(*number),
                Piece::Text(_) => None,
            })
            .collect();
        holes.sort_unstable();
        holes
    }

    /// The more of a text a template says itself, the more specific it is; then, the fewer holes take anything.
    pub(super) fn specificity(&self) -> (usize, std::cmp::Reverse<usize>) {
        let letters = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.chars().count(),
            Piece::Hole { .. } => 0,
        });
        let open =
            self.pieces.iter().filter(|piece| matches!(piece, Piece::Hole { class: Class::Any | Class::Verbatim, .. }));
        (letters.sum(), std::cmp::Reverse(open.count()))
    }
}

/// Fills holes: what stands in one, in the other language, or nothing where the class does not take it.
pub(super) trait Fill {
    /// Translates what stands in a hole.
    fn fill(&self, class: &Class, text: &str, steps: &mut Steps) -> Option<String>;
}

/// What finding a template may still cost. Text comes from files that anybody made: the search ends whatever it says.
#[derive(Debug)]
pub(super) struct Steps(usize);

impl Steps {
    /// Far more than any sentence takes (some hundreds).
    pub(super) const fn new() -> Self {
        Self(100_000)
    }

    /// Whether there is one more, for so many bytes of text.
    const fn take(&mut self, bytes: usize) -> bool {
        self.0 = self.0.saturating_sub(1 + bytes / 64);
        self.0 > 0
    }
}

/// Fills the holes of a template from a text that it fits: the translated fillings by number.
pub(super) fn fillings(
    template: &Template,
    text: &str,
    fill: &impl Fill,
    steps: &mut Steps,
) -> Option<Vec<(usize, String)>> {
    let mut found = Vec::new();
    fit(&template.pieces, text, fill, steps, &mut found).then_some(found)
}

fn fit(pieces: &[Piece], text: &str, fill: &impl Fill, steps: &mut Steps, found: &mut Vec<(usize, String)>) -> bool {
    if !steps.take(text.len()) {
        return false;
    }
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    let (number, class) = match first {
        Piece::Text(literal) => {
            return text.strip_prefix(literal.as_str()).is_some_and(|after| fit(rest, after, fill, steps, found));
        }
        Piece::Hole { number, class } => (*number, class),
    };
    let attempt = |end: usize, steps: &mut Steps, found: &mut Vec<(usize, String)>| {
        let (Some(inside), Some(after)) = (text.get(..end), text.get(end..)) else { return false };
        // What stands behind is cheaper to look at than what the hole holds.
        if let Some(Piece::Text(literal)) = rest.first()
            && !after.starts_with(literal.as_str())
        {
            return false;
        }
        if !steps.take(inside.len()) {
            return false;
        }
        let Some(filled) = fill.fill(class, inside, steps) else { return false };
        found.push((number, filled));
        let fits = fit(rest, after, fill, steps, found);
        if !fits {
            found.pop();
        }
        fits
    };
    match rest.first() {
        None => attempt(text.len(), steps, found),
        Some(Piece::Text(literal)) => {
            let mut places = text.match_indices(literal.as_str()).map(|(place, _)| place);
            places.any(|end| attempt(end, steps, found))
        }
        Some(Piece::Hole { .. }) => {
            let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
            places.any(|end| attempt(end, steps, found))
        }
    }
}

/// Whether a text is a number as messages have them: `-1.5`, `1,234,567`, `1e-7`.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits.chars().all(|letter| matches!(letter, '0'..='9' | '.' | ',' | 'e' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Fill for Plain {
        fn fill(&self, class: &Class, text: &str, _: &mut Steps) -> Option<String> {
            match class {
                Class::Any | Class::Verbatim => (!text.is_empty()).then(|| text.to_owned()),
                Class::Number => is_number(text).then(|| text.to_owned()),
                Class::Word => (!text.is_empty() && !text.contains(' ')).then(|| text.to_owned()),
                Class::Title => None,
                Class::Phrase(_) => (text.is_empty() || text == " (x)").then(|| text.to_owned()),
            }
        }
    }

    fn found(template: &str, text: &str) -> Option<Vec<String>> {
        let template = Template::parse(template).unwrap();
        let fillings = fillings(&template, text, &Plain, &mut Steps::new())?;
        Some(fillings.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn holes_are_filled() {
        for (template, text, expected) in [
            ("a {1} b", "a x b", Some(vec!["x"])),
            ("a {1} b", "a x b b", Some(vec!["x b"])),
            ("a {1} b", "a  b", None),
            ("{1:n} of {2:n}", "3 of 1,000", Some(vec!["3", "1,000"])),
            ("{1:n} of {2:n}", "x of 3", None),
            ("{1}: {2:n}", "a: b: 4", Some(vec!["a: b", "4"])),
            ("{1}{2:more}", "ab (x)", Some(vec!["ab", " (x)"])),
            ("{1:w}{2:more}.", "é.", Some(vec!["é", ""])),
            ("", "", Some(vec![])),
            ("same", "same", Some(vec![])),
            ("same", "other", None),
        ] {
            let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(found(template, text), expected, "{template:?} in {text:?}");
        }
    }

    #[test]
    fn the_search_ends() {
        let hostile = "a ".repeat(20_000);
        let begun = std::time::Instant::now();
        assert_eq!(found("{1}a{2}a{3}a{4}a{5}a{6}!", &hostile), None);
        assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn templates_are_read() {
        let template = Template::parse("{2} and {1:n}").unwrap();
        assert_eq!(template.holes(), [1, 2]);
        assert!(Template::parse("{1").is_err() && Template::parse("{x}").is_err());
        let specific = |text: &str| Template::parse(text).unwrap().specificity();
        assert!(specific("a {1} b") > specific("a {1}") && specific("a {1:n}") > specific("a {1}"));
    }
}

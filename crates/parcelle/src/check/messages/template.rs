//! Templates: sentences with holes, and how one is found again in a text.
//!
//! `tile {1} of level {2:n}` has two holes. A hole has a number, by which the translation refers to it, and may have a class
//! that says what fills it: `n` a number, `w` a word, `verbatim` any text that is kept, `title` the title of the rule, and any
//! other name a set of phrases of the catalogue, which are templates themselves. A hole without a class takes any text.

use std::collections::{HashMap, HashSet};

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
    /// A phrase of the set with this name, which begins with `@`.
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
                name => Class::Phrase(format!("@{name}")),
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
///
/// The answer depends on the class and the text alone.
pub(super) trait Fill<'a> {
    /// Translates what stands in a hole.
    fn fill(&self, class: &'a Class, text: &'a str, search: &mut Search<'a>) -> Option<String>;
}

/// Where a text, or a list of pieces, is in memory, and how long. What it is taken of lives as long as the search.
type Span = (usize, usize);

fn span(text: &str) -> Span {
    (text.as_ptr() as usize, text.len())
}

/// What was found out while one sentence was looked at, and what it may still cost.
///
/// Lists of words can be divided among holes in many ways, of which most meet again what was tried: each part of a template is
/// held against each part of the text once, which bounds the search by a power of their lengths. Text comes from files
/// that anybody made, and that power is not small: there is a limit on top, beyond which a sentence stays as it is.
#[derive(Debug)]
pub(super) struct Search<'a> {
    steps: usize,
    depth: usize,
    /// Ends of templates, and ends of texts that they do not fit.
    misfits: HashSet<(Span, Span)>,
    /// Phrases by their set and the text; nothing for what is none.
    phrases: HashMap<(&'a str, Span), Option<String>>,
}

impl<'a> Search<'a> {
    /// Far more than any sentence takes (some thousands at the most).
    const STEPS: usize = 200_000;
    /// Phrases stand in phrases as deep as this: a list is a word, and a list. No message lists more.
    const DEEPEST: usize = 40;

    pub(super) fn new() -> Self {
        Self { steps: Self::STEPS, depth: 0, misfits: HashSet::new(), phrases: HashMap::new() }
    }

    /// Whether there is one more step, for so many bytes of text.
    fn take(&mut self, bytes: usize) -> bool {
        self.steps = self.steps.saturating_sub(1 + bytes / 64);
        self.steps > 0
    }

    /// A text as a phrase of a set, which is looked for once. A phrase that leads back to itself is none.
    pub(super) fn phrase(
        &mut self,
        set: &'a str,
        text: &'a str,
        find: impl FnOnce(&mut Self) -> Option<String>,
    ) -> Option<String> {
        let key = (set, span(text));
        if let Some(known) = self.phrases.get(&key) {
            return known.clone();
        }
        if self.depth >= Self::DEEPEST {
            // What was not looked into must not be taken for a misfit by those who ask again from less deep.
            self.steps = 0;
            return None;
        }
        self.phrases.insert(key, None);
        self.depth += 1;
        let found = find(self);
        self.depth -= 1;
        self.phrases.insert(key, found.clone());
        found
    }

    /// How many steps were taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        Self::STEPS - self.steps
    }
}

/// Fills the holes of a template from a text that it fits: the translated fillings by number.
pub(super) fn fillings<'a>(
    template: &'a Template,
    text: &'a str,
    fill: &impl Fill<'a>,
    search: &mut Search<'a>,
) -> Option<Vec<(usize, String)>> {
    // Most templates do not fit, and most of those say so by their last words.
    if let Some(Piece::Text(last)) = template.pieces.last()
        && !text.ends_with(last.as_str())
    {
        return None;
    }
    let mut found = Vec::new();
    fit(&template.pieces, text, fill, search, &mut found).then_some(found)
}

fn fit<'a>(
    mut pieces: &'a [Piece],
    mut text: &'a str,
    fill: &impl Fill<'a>,
    search: &mut Search<'a>,
    found: &mut Vec<(usize, String)>,
) -> bool {
    let (number, class, rest) = loop {
        match pieces {
            [] => return text.is_empty(),
            [Piece::Text(literal), rest @ ..] => {
                let Some(after) = text.strip_prefix(literal.as_str()) else { return false };
                (pieces, text) = (rest, after);
            }
            [Piece::Hole { number, class }, rest @ ..] => break (*number, class, rest),
        }
    };
    let key = ((pieces.as_ptr() as usize, pieces.len()), span(text));
    if search.misfits.contains(&key) || !search.take(text.len()) {
        return false;
    }
    let mut attempt = |end: usize| {
        let (Some(inside), Some(after)) = (text.get(..end), text.get(end..)) else { return false };
        if !search.take(inside.len()) {
            return false;
        }
        let Some(filled) = fill.fill(class, inside, search) else { return false };
        found.push((number, filled));
        let fits = fit(rest, after, fill, search, found);
        if !fits {
            found.pop();
        }
        fits
    };
    let longest = class.longest(text);
    let fits = match rest {
        [] => longest == text.len() && attempt(longest),
        // Behind the last words is nothing.
        [Piece::Text(last)] => {
            text.strip_suffix(last.as_str()).is_some_and(|inside| inside.len() <= longest && attempt(inside.len()))
        }
        [Piece::Text(literal), ..] => {
            let places = text.match_indices(literal.as_str()).map(|(place, _)| place);
            places.take_while(|place| *place <= longest).any(&mut attempt)
        }
        [Piece::Hole { .. }, ..] => {
            let places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
            places.take_while(|place| *place <= longest).any(&mut attempt)
        }
    };
    if !fits {
        search.misfits.insert(key);
    }
    fits
}

impl Class {
    /// How much of the beginning of a text may fill the hole at most.
    fn longest(&self, text: &str) -> usize {
        let end = match self {
            Self::Number => text.find(|letter| !is_of_number(letter)),
            Self::Word => text.find(char::is_whitespace),
            Self::Any | Self::Verbatim | Self::Title | Self::Phrase(_) => None,
        };
        end.unwrap_or(text.len())
    }
}

/// Whether a text is a number as messages have them: `-1.5`, `1,234,567`, `1e-7`.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits.chars().all(is_of_number)
}

const fn is_of_number(letter: char) -> bool {
    matches!(letter, '0'..='9' | '.' | ',' | 'e' | '-' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl<'a> Fill<'a> for Plain {
        fn fill(&self, class: &'a Class, text: &'a str, _: &mut Search<'a>) -> Option<String> {
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
        let fillings = fillings(&template, text, &Plain, &mut Search::new())?;
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
    fn nothing_is_tried_twice() {
        // Eight holes among which 60 words can be divided in hundreds of millions of ways, none of which fits.
        let template = Template::parse("{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8} of {9:n}!").unwrap();
        let text = format!("{} of none!", vec!["word"; 60].join(", "));
        let mut search = Search::new();
        assert_eq!(fillings(&template, &text, &Plain, &mut search), None);
        assert!(search.taken() < 100_000, "{}", search.taken());
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

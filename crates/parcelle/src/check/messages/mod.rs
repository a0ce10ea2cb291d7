//! Sentences of findings in French: a catalogue of messages, in the manner of gettext.
//!
//! Rules write English, which is what JSON and baselines keep. A sentence is translated where it is shown: it is held
//! against the templates of its rule in the tables `messages.fr/*.tsv`, what stood in the holes is translated once more
//! where it is a phrase itself, and the French template is filled with it. One that no template fits stays English; the
//! tests see to it that this happens to nothing that we have.
//!
//! A line of a table has a key, an English template and a French one, with tabs between them. The key is the id of a rule,
//! the beginning of ids with a `*` behind it, or the name of a set of phrases behind an `@`.

mod template;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use parcelle_report::Language;

use template::{Class, Fill, Piece, Search, Template, fillings, is_number};

/// The tables.
const TABLES: [(&str, &str); 8] = [
    ("phrases.tsv", include_str!("../messages.fr/phrases.tsv")),
    ("COG.tsv", include_str!("../messages.fr/COG.tsv")),
    ("GS.tsv", include_str!("../messages.fr/GS.tsv")),
    ("VRT.tsv", include_str!("../messages.fr/VRT.tsv")),
    ("VRT-sources.tsv", include_str!("../messages.fr/VRT-sources.tsv")),
    ("GPQ.tsv", include_str!("../messages.fr/GPQ.tsv")),
    ("fixes.tsv", include_str!("../messages.fr/fixes.tsv")),
    ("usage.tsv", include_str!("../messages.fr/usage.tsv")),
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue::default();
    for (name, table) in TABLES {
        for (number, line) in table.lines().enumerate() {
            // A test sees to it that every line is one.
            let _ = catalogue.add(line).map_err(|reason| format!("{name}, line {}: {reason}", number + 1));
        }
    }
    catalogue.add_fixes();
    catalogue.sort();
    catalogue
});

/// A sentence in French; `key` is the id of its rule, or says what it is (see [`parcelle_report::Wording::with_sentences`]).
pub(super) fn french(key: &str, text: &str) -> Option<String> {
    CATALOGUE.translate(key, text)
}

/// A template with its translation.
#[derive(Debug, Clone)]
struct Entry {
    english: Template,
    french: Template,
}

/// All templates, the most specific ones of a key first.
#[derive(Debug, Default)]
struct Catalogue {
    exact: HashMap<String, Vec<Entry>>,
    prefixes: Vec<(String, Vec<Entry>)>,
}

impl Catalogue {
    fn add(&mut self, line: &str) -> Result<(), String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [key, english, french] = fields[..] else { return Err(format!("{} fields, not 3", fields.len())) };
        let entry = Entry { english: Template::parse(english)?, french: Template::parse(french)? };
        if entry.english.holes() != entry.french.holes() {
            return Err(format!("{english:?} has other holes than {french:?}"));
        }
        match key.strip_suffix('*') {
            Some(prefix) => match self.prefixes.iter_mut().find(|(known, _)| known == prefix) {
                Some((_, entries)) => entries.push(entry),
                None => self.prefixes.push((prefix.to_owned(), vec![entry])),
            },
            None => self.exact.entry(key.to_owned()).or_default().push(entry),
        }
        Ok(())
    }

    fn sort(&mut self) {
        let lists = self.exact.values_mut().chain(self.prefixes.iter_mut().map(|(_, entries)| entries));
        lists.for_each(|entries| entries.sort_by_key(|entry| std::cmp::Reverse(entry.english.specificity())));
        self.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    /// The templates of a key, those of its own before those of many.
    fn entries<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Entry> {
        let own = self.exact.get(key).into_iter().flatten();
        let shared = self.prefixes.iter().filter(|(prefix, _)| key.starts_with(prefix.as_str()));
        own.chain(shared.flat_map(|(_, entries)| entries))
    }

    fn translate(&self, key: &str, text: &str) -> Option<String> {
        let fill = Filler { catalogue: self, rule: key };
        // Some sentences are phrases that stand inside of others, too, with a capital before them.
        fill.first(key, text, &mut Search::new()).or_else(|| {
            let small = text.starts_with(char::is_uppercase).then(|| lower(text))?;
            fill.first(key, &small, &mut Search::new()).map(|french| capital(&french))
        })
    }

    /// Adds the general fixes of rules, in which names of this file stand for `IN.tif` and the like.
    fn add_fixes(&mut self) {
        let wording = super::wording(Language::French);
        let template = |fix: &str| {
            let mut text = fix.to_owned();
            for (number, word) in ["IN.tif", "OUT.tif", "COG.tif", "NODATA", "TYPE"].iter().enumerate() {
                text = text.replace(word, &format!("{{{}:verbatim}}", number + 1));
            }
            text
        };
        let mut known: HashSet<String> = HashSet::new();
        for rule in crate::rules() {
            let (english, french) = (template(rule.fix), template(wording.of(rule).fix));
            let written = Template::parse(&english);
            let is_written = self.entries("fix").any(|entry| written.as_ref() == Ok(&entry.english));
            if english != french && !is_written && known.insert(english.clone()) {
                // One whose translation names other things is translated as a whole.
                let _ = self.add(&format!("fix\t{english}\t{french}"));
            }
        }
    }
}

/// Translates what stands in the holes of a sentence.
#[derive(Clone, Copy)]
struct Filler<'a> {
    catalogue: &'a Catalogue,
    rule: &'a str,
}

impl<'a> Filler<'a> {
    /// By the first template of a key that fits.
    fn first(&self, key: &str, text: &'a str, search: &mut Search<'a>) -> Option<String> {
        self.catalogue.entries(key).find_map(|entry| self.by(entry, text, search))
    }

    fn by(&self, entry: &'a Entry, text: &'a str, search: &mut Search<'a>) -> Option<String> {
        let fillings = fillings(&entry.english, text, self, search)?;
        let mut sentence = String::with_capacity(text.len() * 5 / 4);
        for piece in &entry.french.pieces {
            match piece {
                Piece::Text(literal) => sentence.push_str(literal),
                Piece::Hole { number, .. } => {
                    let (_, filling) = fillings.iter().find(|(known, _)| known == number)?;
                    let is_phrase = entry.english.pieces.iter().any(|piece| {
                        matches!(piece, Piece::Hole { number: known, class: Class::Phrase(_) } if known == number)
                    });
                    if is_phrase { join(&mut sentence, filling) } else { sentence.push_str(filling) }
                }
            }
        }
        Some(sentence)
    }
}

impl<'a> Fill<'a> for Filler<'a> {
    fn fill(&self, class: &'a Class, text: &'a str, search: &mut Search<'a>) -> Option<String> {
        let phrase =
            |set: &'a str, search: &mut Search<'a>| search.phrase(set, text, |search| self.first(set, text, search));
        match class {
            Class::Any | Class::Verbatim if text.is_empty() => None,
            Class::Verbatim => Some(text.to_owned()),
            Class::Any => Some(phrase("@any", search).unwrap_or_else(|| text.to_owned())),
            Class::Number => is_number(text).then(|| number(text)),
            Class::Word => (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned()),
            Class::Title => title(self.rule, text),
            Class::Phrase(set) => phrase(set, search),
        }
    }
}

/// Puts a phrase behind a text, with the contractions of French: `de le` is `du`, `de aucun` is `d’aucun`.
fn join(sentence: &mut String, phrase: &str) {
    let begins_with_vowel = phrase.to_lowercase().starts_with(['a', 'e', 'é', 'ê', 'i', 'o', 'u']);
    let contractions: [(&str, &str, &str); 4] =
        [("de ", "le ", "du "), ("de ", "les ", "des "), ("à ", "le ", "au "), ("à ", "les ", "aux ")];
    for (before, article, together) in contractions {
        let is_whole_word = sentence
            .strip_suffix(before)
            .is_some_and(|rest| !rest.ends_with(|letter: char| letter.is_alphabetic() || letter == '’'));
        if let (true, Some(noun)) = (is_whole_word, phrase.strip_prefix(article)) {
            sentence.truncate(sentence.len() - before.len());
            sentence.push_str(together);
            sentence.push_str(noun);
            return;
        }
    }
    for word in ["de ", "que "] {
        if begins_with_vowel && (sentence.ends_with(&format!(" {word}")) || sentence == word) {
            sentence.truncate(sentence.len() - 2);
            sentence.push('’');
            break;
        }
    }
    sentence.push_str(phrase);
}

/// A number as French writes it: a comma before decimals, narrow no-break spaces between thousands.
fn number(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            ',' => '\u{202F}',
            '.' => ',',
            other => other,
        })
        .collect()
}

/// The French title of a rule, for the middle of a sentence.
fn title(rule: &str, text: &str) -> Option<String> {
    let known = crate::rule(rule).filter(|known| known.title == text)?;
    let french = super::wording(Language::French).of(known).title;
    let first_word = french.split([' ', '’']).next().unwrap_or(french);
    let is_name = first_word.chars().skip(1).any(char::is_uppercase);
    Some(if is_name { french.to_owned() } else { lower(french) })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

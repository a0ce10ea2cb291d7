//! The language of reports for people: English and French.
//!
//! Translated are the words of the report itself, title, why and fix of each rule ([`Wording::new`]), and the sentences with the
//! numbers of a file, such as [`Finding::message`](crate::Finding::message), where they are shown
//! ([`Wording::with_sentences`]). Reports themselves, and those for programs, are English.

use std::borrow::Cow;
use std::str::FromStr;

use crate::finding::Finding;
use crate::rule::Rule;

/// A language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
}

impl Language {
    /// The code of ISO 639-1: `en` or `fr`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The one of two wordings that is in this language.
    #[must_use]
    pub const fn pick(self, english: &'static str, french: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }

    /// A number with its thousands set apart: `1,234,567`, and in French with narrow no-break spaces.
    #[must_use]
    pub fn grouped(self, number: u64) -> String {
        let english = crate::text::grouped(number);
        match self {
            Self::English => english,
            Self::French => english.replace(',', "\u{202F}"),
        }
    }

    /// A number of things, such as `3 files`; French has the singular for 0 too.
    #[must_use]
    pub fn counted(self, number: u64, english: [&str; 2], french: [&str; 2]) -> String {
        let [one, many] = match self {
            Self::English => english,
            Self::French => french,
        };
        let is_one = number == 1 || (number == 0 && self == Self::French);
        format!("{} {}", self.grouped(number), if is_one { one } else { many })
    }

    /// Bytes with three digits and a decimal unit: `349 MB`, `1.4 kB`; in French `349 Mo`, `1,4 ko`.
    #[must_use]
    pub fn bytes(self, count: u64) -> String {
        let units = [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
        let unit = self.pick("B", "o");
        let Some((factor, prefix)) = units.into_iter().find(|(factor, _)| count >= *factor) else {
            return format!("{count} {unit}");
        };
        let value = count as f64 / factor as f64;
        let number = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let number = if self == Self::French { number.replace('.', ",") } else { number };
        format!("{number} {prefix}{unit}")
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        match code {
            "en" => Ok(Self::English),
            "fr" => Ok(Self::French),
            other => Err(UnknownLanguage(other.to_owned())),
        }
    }
}

/// There are no reports in this language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLanguage(pub String);

impl std::fmt::Display for UnknownLanguage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "there are no reports in the language {:?}: there are en and fr", self.0)
    }
}

impl std::error::Error for UnknownLanguage {}

/// The texts of a rule in another language than English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// See [`Rule::title`].
    pub title: &'static str,
    /// See [`Rule::why`].
    pub why: &'static str,
    /// See [`Rule::fix`].
    pub fix: &'static str,
}

/// A language, and where the texts of rules in it are found.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// The language.
    pub language: Language,
    catalogue: fn(&str) -> Option<RuleText>,
    sentences: fn(&str, &str) -> Option<String>,
}

impl Default for Wording {
    /// English, as rules are written.
    fn default() -> Self {
        Self { language: Language::English, catalogue: |_| None, sentences: |_, _| None }
    }
}

impl Wording {
    /// Reports in a language. The catalogue gives the texts of a rule by its id; one it does not have stays English.
    #[must_use]
    pub const fn new(language: Language, catalogue: fn(&str) -> Option<RuleText>) -> Self {
        Self { language, catalogue, sentences: |_, _| None }
    }

    /// The same with translations of sentences: from what a sentence is, and the sentence. What it is, is the id of a rule
    /// for the message of a finding, and else `fix`, `detail` (of a [`Compatibility`](crate::Compatibility)), `remark`,
    /// `reason` or `hint` (of what was not examined), `ignored` (why a finding does not count), `@note` (what is said behind a
    /// command), or `usage` (why a run came to nothing). A sentence it does not have stays English.
    #[must_use]
    pub const fn with_sentences(self, sentences: fn(&str, &str) -> Option<String>) -> Self {
        Self { sentences, ..self }
    }

    /// A sentence in the language of the report; for `key` see [`Wording::with_sentences`].
    #[must_use]
    pub fn sentence<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        if self.language == Language::English || text.is_empty() {
            return Cow::Borrowed(text);
        }
        (self.sentences)(key, text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// The message of a finding.
    #[must_use]
    pub fn message<'a>(&self, finding: &'a Finding) -> Cow<'a, str> {
        self.sentence(finding.rule.id, &finding.message)
    }

    /// The texts of a rule.
    #[must_use]
    pub fn of(&self, rule: &'static Rule) -> RuleText {
        let translated = (self.language != Language::English).then(|| (self.catalogue)(rule.id)).flatten();
        translated.unwrap_or(RuleText { title: rule.title, why: rule.why, fix: rule.fix })
    }

    /// The fix of a finding, line by line: words are translated, a command stays as it is.
    #[must_use]
    pub fn fix<'a>(&self, rule: &'static Rule, fix: &'a str) -> Cow<'a, str> {
        if self.language == Language::English {
            return Cow::Borrowed(fix);
        }
        if fix == rule.fix {
            return Cow::Borrowed(self.of(rule).fix);
        }
        let lines: Vec<_> = fix.lines().map(|line| self.sentence("fix", line)).collect();
        Cow::Owned(lines.join("\n"))
    }

    /// See [`Language::pick`].
    #[must_use]
    pub const fn pick(&self, english: &'static str, french: &'static str) -> &'static str {
        self.language.pick(english, french)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        assert_eq!(Language::French.grouped(1_234_567), "1\u{202F}234\u{202F}567");
        assert_eq!([Language::English.bytes(1_400), Language::French.bytes(1_400)], ["1.4 kB", "1,4 ko"]);
        assert_eq!([0, 999, 349_000_000].map(|count| Language::English.bytes(count)), ["0 B", "999 B", "349 MB"]);
        let files = |language: Language, count| language.counted(count, ["file", "files"], ["fichier", "fichiers"]);
        assert_eq!([0, 1, 2].map(|count| files(Language::English, count)), ["0 files", "1 file", "2 files"]);
        assert_eq!([0, 1, 2].map(|count| files(Language::French, count)), ["0 fichier", "1 fichier", "2 fichiers"]);
    }

    #[test]
    fn a_rule_without_a_translation_stays_as_it_is() {
        static RULE: Rule = Rule {
            id: "TEST-001",
            severity: crate::Severity::Error,
            title: "a title",
            why: "why",
            fix: "general",
            reference: "",
        };
        let french =
            |id: &str| (id == "TEST-001").then_some(RuleText { title: "titre", why: "pourquoi", fix: "général" });
        let wording = Wording::new(Language::French, french);
        assert_eq!((wording.of(&RULE).title, &*wording.fix(&RULE, "general")), ("titre", "général"));
        assert_eq!(wording.fix(&RULE, "gdal_translate a b"), "gdal_translate a b");
        let wording = wording.with_sentences(|key, text| (text == "Run it.").then(|| format!("{key} : le lancer.")));
        assert_eq!(wording.fix(&RULE, "Run it.\nls"), "fix : le lancer.\nls");
        let finding = Finding::new(&RULE, "Run it.");
        assert_eq!(wording.message(&finding), "TEST-001 : le lancer.");
        assert_eq!(wording.sentence("hint", "None."), "None.");
        let english = Wording::default().with_sentences(|_, _| Some(String::new()));
        assert_eq!(english.message(&finding), "Run it.");
        assert_eq!(Wording::new(Language::French, |_| None).of(&RULE).title, "a title");
        assert_eq!(Wording::new(Language::English, french).of(&RULE).title, "a title");
        assert!("de".parse::<Language>().is_err() && "fr".parse() == Ok(Language::French));
    }
}

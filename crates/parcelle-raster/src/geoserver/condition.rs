//! The conditions of the capability table: `bits = 8 and format = 2`.

use super::names::Name;

/// What is known of a file or of one of its images, by name; see `facts.rs` for the names. A table by their number, since
/// every row of the capability table is held against it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts([Option<Fact>; Name::COUNT]);

impl Default for Facts {
    fn default() -> Self {
        Self([None; Name::COUNT])
    }
}

impl Facts {
    /// Adds facts, or puts them in the place of what was known.
    pub(super) fn extend(&mut self, facts: impl IntoIterator<Item = (Name, Fact)>) {
        for (name, fact) in facts {
            if let Some(place) = self.0.get_mut(name as usize) {
                *place = Some(fact);
            }
        }
    }

    fn get(&self, name: Name) -> Option<Fact> {
        self.0.get(name as usize).copied().flatten()
    }
}

impl<const N: usize> From<[(Name, Fact); N]> for Facts {
    fn from(facts: [(Name, Fact); N]) -> Self {
        let mut all = Self::default();
        all.extend(facts);
        all
    }
}

/// One thing that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Number(u64),
    Word(&'static str),
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&'static str> for Fact {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl Fact {
    /// `yes` or `no`.
    pub(super) const fn yes_if(holds: bool) -> Self {
        Self::Word(if holds { "yes" } else { "no" })
    }

    /// The number, or the word `none`.
    pub(super) fn number_or_none(number: Option<u64>) -> Self {
        number.map_or(Self::Word("none"), Self::Number)
    }

    fn is(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Number(number), Value::Number(value)) => number == *value,
            (Self::Word(word), Value::Word(value)) => word == value,
            _ => false,
        }
    }

    const fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Word(_) => None,
        }
    }
}

/// What a term compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Number(u64),
    Word(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Word(text.to_owned()), Self::Number)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Among(Vec<Value>),
    NotAmong(Vec<Value>),
    AtLeast(u64),
    AtMost(u64),
}

/// Terms that must all hold. A fact that is not known fulfils no term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    terms: Vec<(Name, Test)>,
}

impl Condition {
    /// Reads `name = a|b and name != a and name >= 2 and name <= 4`; gives the first term that is none, such as one about
    /// something that is not known of any file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for term in text.split(" and ").map(str::trim) {
            let wrong = || term.to_owned();
            let mut words = term.split_whitespace();
            let (Some(name), Some(operator), Some(value), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(wrong());
            };
            let list = || value.split('|').map(Value::from).collect();
            let number = || value.parse().map_err(|_| wrong());
            let test = match operator {
                "=" => Test::Among(list()),
                "!=" => Test::NotAmong(list()),
                ">=" => Test::AtLeast(number()?),
                "<=" => Test::AtMost(number()?),
                _ => return Err(wrong()),
            };
            terms.push((Name::parse(name).ok_or_else(wrong)?, test));
        }
        Ok(Self { terms })
    }

    /// Whether all terms hold.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        self.terms.iter().all(|(name, test)| {
            facts.get(*name).is_some_and(|fact| match test {
                Test::Among(list) => list.iter().any(|value| fact.is(value)),
                Test::NotAmong(list) => !list.iter().any(|value| fact.is(value)),
                Test::AtLeast(least) => fact.number().is_some_and(|number| number >= *least),
                Test::AtMost(most) => fact.number().is_some_and(|number| number <= *most),
            })
        })
    }
}

/// What the test of all rows asks of a condition.
#[cfg(test)]
impl Condition {
    /// What each term is about, and the values that it lists.
    pub(super) fn asked(&self) -> Vec<(Name, Vec<String>)> {
        let text = |value: &Value| match value {
            Value::Number(number) => number.to_string(),
            Value::Word(word) => word.clone(),
        };
        let listed = |test: &Test| match test {
            Test::Among(list) => list.iter().map(text).collect(),
            Test::NotAmong(_) => Vec::new(),
            Test::AtLeast(number) | Test::AtMost(number) => vec![number.to_string()],
        };
        self.terms.iter().map(|(name, test)| (*name, listed(test))).collect()
    }

    /// Which terms hold.
    pub(super) fn held(&self, facts: &Facts) -> Vec<bool> {
        self.terms.iter().map(|term| Self { terms: vec![term.clone()] }.holds(facts)).collect()
    }

    /// Whether a value fulfils a term.
    pub(super) fn takes(&self, term: usize, value: &str) -> bool {
        let (value, number) = (Value::from(value), value.parse::<u64>());
        self.terms.get(term).is_some_and(|(_, test)| match test {
            Test::Among(list) => list.contains(&value),
            Test::NotAmong(list) => !list.contains(&value),
            Test::AtLeast(least) => number.is_ok_and(|number| number >= *least),
            Test::AtMost(most) => number.is_ok_and(|number| number <= *most),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_terms_must_hold() {
        let facts = Facts::from([(Name::Bits, 16.into()), (Name::Sparse, "no".into())]);
        for (text, expected) in [
            ("bits = 8|16", true),
            ("bits != 8|16", false),
            ("bits >= 16 and bits <= 16", true),
            ("bits >= 17", false),
            ("sparse = no and bits != 1", true),
            ("sparse = yes and bits = 16", false),
            ("sparse >= 1", false),
            ("prj = no", false),
            ("prj != no", false),
        ] {
            assert_eq!(Condition::parse(text).unwrap().holds(&facts), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in
            ["", "bits", "bits =", "bits ~ 8", "bits >= many", "bits = 8 or bits = 9", "bits = 8 and ", "unheard = of"]
        {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
    }
}

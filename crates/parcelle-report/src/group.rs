//! Many occurrences of one thing as one sentence: "312 of 5,000 sources do not exist, first: a.tif".
//!
//! A mosaic of thousands of sources has a defect thousands of times. A [`Group`] counts them, each name once however
//! often it occurs, keeps the first, and makes the one finding that an admin reads.

use std::collections::HashSet;
use std::sync::Arc;

use crate::finding::{Finding, Location};
use crate::text::{grouped, shortened};

/// How many characters of a name are told.
const NAME: usize = 120;

/// Occurrences that share a finding.
#[derive(Debug, Clone, Default)]
pub struct Group {
    names: HashSet<Arc<str>>,
    first: Option<(Arc<str>, Location)>,
    count: u64,
}

impl Group {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an occurrence under a name, such as the path of a source; the place of the first is kept.
    pub fn add(&mut self, name: &Arc<str>, place: impl FnOnce() -> Location) {
        self.count += 1;
        if self.names.insert(Arc::clone(name)) && self.first.is_none() {
            self.first = Some((Arc::clone(name), place()));
        }
    }

    /// How many occurrences there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many different names there are.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.names.len() as u64
    }

    /// The name of the first.
    #[must_use]
    pub fn first_name(&self) -> Option<&str> {
        self.first.as_ref().map(|(name, _)| &**name)
    }

    /// The place of the first.
    #[must_use]
    pub fn first_place(&self) -> Option<&Location> {
        self.first.as_ref().map(|(_, place)| place)
    }

    /// The beginning of a sentence, without its full stop: with one name `Source a.tif is missing`, with several
    /// `312 of 5,000 sources are missing, first: a.tif`. `noun` is the word for one, which takes an `s` for many;
    /// `total` is how many different names there are of both kinds.
    #[must_use]
    pub fn sentence(&self, noun: &str, total: u64, one: &str, many: &str) -> Option<String> {
        let (name, _) = self.first.as_ref()?;
        let mut shown = shortened(name, NAME);
        if shown.trim() != shown || shown.is_empty() {
            shown = format!("\"{shown}\"");
        }
        let distinct = self.distinct();
        if distinct == 1 {
            let mut letters = noun.chars();
            let capital: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
            return Some(format!("{capital}{} {shown} {one}", letters.as_str()));
        }
        let of_all = if total >= distinct { format!(" of {}", grouped(total)) } else { String::new() };
        Some(format!("{}{of_all} {noun}s {many}, first: {shown}", grouped(distinct)))
    }

    /// The finding about all of them, at the place of the first; `None` where there is none.
    #[must_use]
    pub fn finding(&self, make: impl FnOnce() -> Finding) -> Option<Finding> {
        let (_, place) = self.first.as_ref()?;
        Some(make().at(place.clone()).count(self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(names: &[&str]) -> Group {
        let mut group = Group::new();
        for (line, name) in (1..).zip(names) {
            group.add(&Arc::from(*name), || Location { line: Some(line), ..Location::default() });
        }
        group
    }

    #[test]
    fn one_and_many_make_sentences() {
        let sentence = |names: &[&str], total| group(names).sentence("source", total, "is missing", "are missing");
        assert_eq!(sentence(&[], 0), None);
        assert_eq!(sentence(&["a.tif"], 9).unwrap(), "Source a.tif is missing");
        assert_eq!(sentence(&["a.tif "], 9).unwrap(), "Source \"a.tif \" is missing");
        assert_eq!(sentence(&["a.tif", "a.tif"], 9).unwrap(), "Source a.tif is missing");
        assert_eq!(sentence(&["b.tif", "a.tif"], 5000).unwrap(), "2 of 5,000 sources are missing, first: b.tif");
        assert_eq!(sentence(&["b.tif", "a.tif"], 1).unwrap(), "2 sources are missing, first: b.tif");
    }

    #[test]
    fn the_finding_stands_where_the_first_is() {
        static RULE: crate::Rule = crate::Rule {
            id: "TEST-001",
            severity: crate::Severity::Error,
            title: "a",
            why: "b",
            fix: "c",
            reference: "d",
        };
        let finding = group(&["a", "b", "a"]).finding(|| Finding::new(&RULE, "m")).unwrap();
        assert_eq!((finding.location.line, finding.count), (Some(1), 3));
        assert!(group(&[]).finding(|| Finding::new(&RULE, "m")).is_none());
        assert_eq!((group(&["a", "a"]).count(), group(&["a", "a"]).distinct()), (2, 1));
    }
}

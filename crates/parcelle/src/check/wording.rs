//! Reports in French: the catalogue of rules, as a table.

use std::collections::HashMap;
use std::sync::LazyLock;

use parcelle_report::{Language, RuleText, Wording};

/// Id, title, why and fix of each rule, with tabs between them.
const FRENCH: &str = include_str!("rules.fr.tsv");

static CATALOGUE: LazyLock<HashMap<&'static str, RuleText>> = LazyLock::new(|| lines().collect());

/// Prose with no-break spaces where French has them: before `: ; ? ! %` and inside quotation marks. Each text is made once.
fn typeset(text: &'static str) -> &'static str {
    let mut typeset = text.replace("« ", "«\u{A0}");
    for mark in [':', ';', '?', '!', '%', '»'] {
        typeset = typeset.replace(&format!(" {mark}"), &format!("\u{A0}{mark}"));
    }
    if typeset == text { text } else { Box::leak(typeset.into_boxed_str()) }
}

fn lines() -> impl Iterator<Item = (&'static str, RuleText)> {
    FRENCH.lines().skip(1).filter_map(|line| {
        let mut fields = line.split('\t');
        let id = fields.next()?;
        let mut text = || fields.next().map(typeset);
        // What stands before such a mark in a fix is prose, too: no command has one behind a space.
        Some((id, RuleText { title: text()?, why: text()?, fix: text()? }))
    })
}

/// The wording of reports in a language, with the texts of all rules in it, and the sentences of findings.
#[must_use]
pub fn wording(language: Language) -> Wording {
    Wording::new(language, |id| CATALOGUE.get(id).copied()).with_sentences(super::messages::french)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_french_texts_and_no_other() {
        let known: BTreeSet<&str> = crate::rules().map(|rule| rule.id).collect();
        let translated: Vec<&str> = lines().map(|(id, _)| id).collect();
        assert!(translated.is_sorted_by(|left, right| left < right), "the table is ordered by id, each once");
        let translated: BTreeSet<&str> = translated.into_iter().collect();
        let missing: Vec<_> = known.difference(&translated).collect();
        let stale: Vec<_> = translated.difference(&known).collect();
        assert!(missing.is_empty() && stale.is_empty(), "in rules.fr.tsv missing: {missing:?}, stale: {stale:?}");
        assert_eq!(FRENCH.lines().count(), known.len() + 1);
        for rule in crate::rules() {
            let text = wording(Language::French).of(rule);
            assert!(!text.title.is_empty() && !text.why.is_empty(), "{}", rule.id);
            assert_eq!(text.fix.is_empty(), rule.fix.is_empty(), "{}", rule.id);
            assert_ne!(text.why, rule.why, "{}", rule.id);
        }
    }
}

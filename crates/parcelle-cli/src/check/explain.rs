//! The catalogue of rules, in a terminal.

use parcelle::report::{Language, Rule, RuleText, Severity};

use super::super::failure::Failure;

/// One line for each rule.
pub(super) fn catalogue(language: Language) -> String {
    let wording = parcelle::wording(language);
    let line = |rule: &'static Rule| {
        let profiles = profiles(rule);
        format!("{:<13} {:<8} {}  [{profiles}]\n", rule.id, word(rule.severity, language), wording.of(rule).title)
    };
    parcelle::rules().map(line).collect()
}

/// The profiles that a rule is in. Those about files as one mosaic are in none: they are asked for by an option.
fn profiles(rule: &'static Rule) -> String {
    let profiles = parcelle::profiles_of(rule);
    if profiles.is_empty() { "--mosaic".to_owned() } else { profiles.join(", ") }
}

/// All that is known of a rule.
pub(super) fn explanation(id: &str, language: Language) -> Result<String, Failure> {
    let Some(rule) = parcelle::rule(id) else {
        return Err(Failure::Usage(format!("there is no rule {id:?}: `parcelle check --rules` lists them")));
    };
    let profiles = profiles(rule);
    let wording = parcelle::wording(language);
    let RuleText { title, why, fix } = wording.of(rule);
    let Rule { id, severity, reference, .. } = rule;
    let fix = if fix.is_empty() { language.pick("nothing needs mending", "il n’y a rien à corriger") } else { fix };
    let mut text = match language {
        Language::English => format!(
            "{id} ({})\n{title}\n\nWhy:  {why}\n\nFix:  {fix}\n\nFrom: {reference}\n\nIn the profiles: {profiles}\n",
            word(*severity, language)
        ),
        Language::French => format!(
            "{id} ({})\n{title}\n\nPourquoi\u{A0}:   {why}\n\nCorrection\u{A0}: {fix}\n\nSource\u{A0}:     {reference}\n\nDans les profils\u{A0}: {profiles}\n",
            word(*severity, language)
        ),
    };
    if let Some(example) = parcelle::example(id) {
        let word = language.pick("Example:", "Exemple\u{A0}:");
        let known = [Severity::Info, Severity::Warning, Severity::Error];
        let known = known.into_iter().find(|known| known.as_str() == example.severity);
        let severity = known.map_or(example.severity, |known| self::word(known, language));
        let message = wording.sentence(id, example.message);
        text += &format!("\n{word}\n  {severity}  {}\n  {message}\n", example.path);
        for line in wording.fix(rule, &example.fix).lines() {
            text += &format!("  $ {line}\n");
        }
    }
    Ok(text)
}

/// A severity in words, as reports have it.
const fn word(severity: Severity, language: Language) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => language.pick("warning", "alerte"),
        Severity::Error => language.pick("error", "erreur"),
    }
}

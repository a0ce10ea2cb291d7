//! The catalogue of rules, in a terminal.

use parcelle::report::{Language, Rule, RuleText};

use super::super::failure::Failure;

/// One line for each rule.
pub(super) fn catalogue(language: Language) -> String {
    let wording = parcelle::wording(language);
    let line = |rule: &'static Rule| {
        let profiles = parcelle::profiles_of(rule).join(", ");
        format!("{:<13} {:<8} {}  [{profiles}]\n", rule.id, rule.severity.as_str(), wording.of(rule).title)
    };
    parcelle::rules().map(line).collect()
}

/// All that is known of a rule.
pub(super) fn explanation(id: &str, language: Language) -> Result<String, Failure> {
    let Some(rule) = parcelle::rule(id) else {
        return Err(Failure::Usage(format!("there is no rule {id:?}: `parcelle check --rules` lists them")));
    };
    let profiles = parcelle::profiles_of(rule).join(", ");
    let RuleText { title, why, fix } = parcelle::wording(language).of(rule);
    let Rule { id, severity, reference, .. } = rule;
    let fix = if fix.is_empty() { language.pick("nothing needs mending", "il n’y a rien à corriger") } else { fix };
    let mut text = match language {
        Language::English => format!(
            "{id} ({})\n{title}\n\nWhy:  {why}\n\nFix:  {fix}\n\nFrom: {reference}\n\nIn the profiles: {profiles}\n",
            severity.as_str()
        ),
        Language::French => format!(
            "{id} ({})\n{title}\n\nPourquoi :   {why}\n\nCorrection : {fix}\n\nSource :     {reference}\n\nDans les profils : {profiles}\n",
            severity.as_str()
        ),
    };
    if let Some(example) = parcelle::example(id) {
        let word = language.pick("Example:", "Exemple :");
        text += &format!("\n{word}\n  {}  {}\n  {}\n", example.severity, example.path, example.message);
        for line in example.fix.lines() {
            text += &format!("  $ {line}\n");
        }
    }
    Ok(text)
}

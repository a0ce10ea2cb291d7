//! The catalogue of rules, in a terminal.

use std::fmt::Write as _;

use parcelle::report::render::wrapped;
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

/// All that is known of a rule, for a terminal so wide.
pub(super) fn explanation(id: &str, language: Language, width: usize) -> Result<String, Failure> {
    let Some(rule) = parcelle::rule(id) else {
        return Err(Failure::Usage(format!("there is no rule {id:?}: `parcelle check --rules` lists them")));
    };
    let profiles = profiles(rule);
    let wording = parcelle::wording(language);
    let RuleText { title, why, fix } = wording.of(rule);
    let Rule { id, severity, reference, .. } = rule;
    let fix = if fix.is_empty() { language.pick("nothing needs mending", "il n’y a rien à corriger") } else { fix };
    let mut text = format!("{id} ({})\n", word(*severity, language));
    text += &wrapped(title, "", "", width);
    let [of_why, of_fix, of_source, indent] = match language {
        Language::English => ["Why:  ", "Fix:  ", "From: ", "      "],
        Language::French => ["Pourquoi\u{A0}:   ", "Correction\u{A0}: ", "Source\u{A0}:     ", "             "],
    };
    for (label, prose) in [(of_why, why), (of_fix, fix), (of_source, reference)] {
        text.push('\n');
        // A command is copied as it is.
        let is_prose = label != of_fix || prose.starts_with(char::is_uppercase);
        text += &if is_prose { wrapped(prose, label, indent, width) } else { format!("{label}{prose}\n") };
    }
    let in_profiles = language.pick("In the profiles: ", "Dans les profils\u{A0}: ");
    let _ = writeln!(text, "\n{in_profiles}{profiles}");
    if let Some(example) = parcelle::example(id) {
        let word = language.pick("Example:", "Exemple\u{A0}:");
        let known = [Severity::Info, Severity::Warning, Severity::Error];
        let known = known.into_iter().find(|known| known.as_str() == example.severity);
        let severity = known.map_or(example.severity, |known| self::word(known, language));
        let message = wording.sentence(id, example.message);
        let _ = writeln!(text, "\n{word}\n  {severity}  {}", example.path);
        text += &wrapped(&message, "  ", "  ", width);
        for line in wording.fix(rule, &example.fix).lines() {
            // A command is copied as it is.
            text += &if line.starts_with(char::is_uppercase) {
                wrapped(line, "  ", "  ", width)
            } else {
                format!("  $ {line}\n")
            };
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

//! Files against versions of GeoServer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::outcome::{access, word};
use crate::language::Wording;
use crate::report::{Compatibility, FileReport, Outcome};

/// The target whose versions are columns.
const TARGET: &str = "geoserver";

/// What the versions make of a file: of all known ones where that was asked for, else of those of the profiles.
fn answers(file: &FileReport) -> impl Iterator<Item = &Compatibility> {
    let all = if file.versions.is_empty() { &file.compatibility } else { &file.versions };
    all.iter().filter(|answer| answer.target == TARGET)
}

/// The versions, oldest first.
pub(super) fn columns(files: &[FileReport]) -> Vec<String> {
    let versions: BTreeSet<(Vec<u64>, &str)> = files
        .iter()
        .flat_map(answers)
        .map(|answer| (answer.version.split('.').map(|part| part.parse().unwrap_or(0)).collect(), &*answer.version))
        .collect();
    versions.into_iter().map(|(_, version)| version.to_owned()).collect()
}

const fn symbol(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reads => "✓",
        Outcome::Slow => "◷",
        Outcome::Misreads => "≠",
        Outcome::Fails => "✗",
    }
}

const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reads => "reads",
        Outcome::Slow => "slow",
        Outcome::Misreads => "misreads",
        Outcome::Fails => "fails",
    }
}

/// The cells of a file, one for each column.
pub(super) fn cells(text: &mut String, file: &FileReport, columns: &[String], wording: Wording) {
    for version in columns {
        let of_version: Vec<&Compatibility> = answers(file).filter(|answer| answer.version == *version).collect();
        let Some(worst) = of_version.iter().map(|answer| answer.outcome).max() else {
            text.push_str("<td class=\"cell\"></td>");
            continue;
        };
        let mut symbols: Vec<&str> = of_version.iter().map(|answer| symbol(answer.outcome)).collect();
        symbols.dedup();
        let _ = write!(text, "<td class=\"cell {}\"", class(worst));
        if worst != Outcome::Reads {
            let words = of_version
                .iter()
                .map(|answer| {
                    format!("{}: {}", access(&answer.access, wording.language), word(answer.outcome, wording.language))
                })
                .collect::<Vec<_>>()
                .join("; ");
            let _ = write!(text, " title=\"{}\"", super::escaped(&words));
        }
        let _ = write!(text, ">{}</td>", symbols.join(" "));
    }
}

/// The head of those columns.
pub(super) fn header(text: &mut String, columns: &[String]) {
    for version in columns {
        let _ = write!(text, "<th scope=\"col\" class=\"cell\">{}</th>", super::escaped(version));
    }
}

/// How many files each version shows, by way of access.
pub(super) fn section(text: &mut String, files: &[FileReport], columns: &[String], wording: Wording) {
    if columns.is_empty() {
        return;
    }
    let language = wording.language;
    let accesses: BTreeSet<&str> = files.iter().flat_map(answers).map(|answer| &*answer.access).collect();
    let _ = write!(
        text,
        "<section aria-labelledby=\"servers\"><h2 id=\"servers\">{}</h2>\n<div class=\"scroll\"><table class=\"matrix\"><caption>{}</caption><thead><tr><th scope=\"col\">{}</th>",
        wording.pick("What GeoServer makes of them", "Ce qu’en fait GeoServer"),
        wording.pick(
            "Number of files by version of GeoServer and way of access",
            "Nombre de fichiers par version de GeoServer et par mode d’accès"
        ),
        wording.pick("Access", "Accès"),
    );
    header(text, columns);
    text.push_str("</tr></thead><tbody>\n");
    for way in accesses {
        let _ = write!(text, "<tr><th scope=\"row\">{}</th>", super::escaped(access(way, language)));
        for version in columns {
            let mut counts = [0u64; 4];
            for answer in files.iter().flat_map(answers) {
                if answer.version == *version
                    && answer.access == way
                    && let Some(count) = counts.get_mut(answer.outcome as usize)
                {
                    *count += 1;
                }
            }
            let outcomes = [Outcome::Reads, Outcome::Slow, Outcome::Misreads, Outcome::Fails];
            text.push_str("<td class=\"cell\">");
            for (outcome, count) in outcomes.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
                let _ = write!(
                    text,
                    "<span class=\"cell {}\">{} {}</span> ",
                    class(outcome),
                    language.grouped(count),
                    symbol(outcome)
                );
            }
            text.push_str("</td>");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div>\n<ul class=\"legend\">");
    for outcome in [Outcome::Reads, Outcome::Slow, Outcome::Misreads, Outcome::Fails] {
        let _ = write!(
            text,
            "<li><span class=\"cell key {}\">{}</span> {}</li>",
            class(outcome),
            symbol(outcome),
            word(outcome, language)
        );
    }
    text.push_str("</ul></section>\n");
}

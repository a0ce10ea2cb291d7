//! A report as one page of HTML: nothing is loaded, it works from a mail or a share, in light and dark, on paper, and for
//! those who hear it read out.
//!
//! Everything is in the page when it opens: without JavaScript all of it is shown, with it files fold and filters work.
//! Text of files and their names is escaped in one place ([`escaped`]), and the page forbids itself all but its own style
//! and its own script, which is fixed and known by its hash (Content Security Policy Level 3, section 8.4).

mod facts;
mod figure;
mod files;
mod matrix;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use super::human::verdict_word;
use super::junit::escaped;
use crate::finding::Finding;
use crate::language::Wording;
use crate::report::{FileReport, Report, Verdict};
use crate::rule::Rule;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// SHA-256 of [`SCRIPT`] in Base64; a test holds it.
const SCRIPT_HASH: &str = "4x/vDGb3xUm+ueucG2+70yqc1222bxhRsz89PbunJn4=";

/// Writes a report as a page. Files come worst first, otherwise in the order of the report.
///
/// # Errors
/// What the writer says.
pub fn html(report: &Report, wording: Wording, mut out: impl Write) -> io::Result<()> {
    let mut files: Vec<(usize, &FileReport)> = report.files.iter().enumerate().collect();
    files.sort_by_key(|(_, file)| std::cmp::Reverse(file.verdict));
    let columns = matrix::columns(&report.files);
    let mut text = String::new();
    head(&mut text, wording);
    summary(&mut text, report, wording);
    matrix::section(&mut text, &report.files, &columns, wording);
    rules(&mut text, report, wording);
    files::begin(&mut text, report, &columns, wording);
    for (number, file) in files {
        files::entry(&mut text, number, file, &columns, wording);
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    text.push_str("</table></div></section>\n");
    glossary(&mut text, report, wording);
    let made = wording.pick("Made by", "Établi par");
    let _ = write!(
        text,
        "</main>\n<footer><p>{made} {} {}</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(report.tool.name),
        escaped(report.tool.version)
    );
    out.write_all(text.as_bytes())
}

fn head(text: &mut String, wording: Wording) {
    let title = wording.pick("Report of parcelle", "Rapport de parcelle");
    let _ = write!(
        text,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <noscript><style>tr.detail[hidden]{{display:table-row!important}}.script{{display:none!important}}</style></noscript>\n\
         </head>\n<body>\n{}\n<a class=\"skip\" href=\"#files\">{}</a>\n<header><h1>{}</h1>",
        wording.language.code(),
        figure::DEFINITIONS,
        wording.pick("To the files", "Aller aux fichiers"),
        wording.pick("What will work, and what will not", "Ce qui fonctionnera, et ce qui ne fonctionnera pas"),
    );
}

fn summary(text: &mut String, report: &Report, wording: Wording) {
    let language = wording.language;
    let files = language.counted(report.summary.files as u64, ["file", "files"], ["fichier", "fichiers"]);
    let _ = write!(
        text,
        "<p class=\"lead\">{files} {}</p></header>\n<main>\n<section aria-labelledby=\"summary\"><h2 id=\"summary\">{}</h2>\n<ul class=\"verdicts\">",
        wording.pick("checked", "examinés"),
        wording.pick("Summary", "Résumé")
    );
    let counts = [
        (
            Verdict::Error,
            report.summary.error,
            wording.pick("fails, or shows wrong values", "échoue, ou affiche des valeurs fausses"),
        ),
        (Verdict::Warning, report.summary.warning, wording.pick("slow, or not everywhere", "lent, ou pas partout")),
        (Verdict::Info, report.summary.info, wording.pick("works, could be better", "fonctionne, pourrait être mieux")),
        (Verdict::Ok, report.summary.ok, wording.pick("nothing to say", "rien à signaler")),
    ];
    for (verdict, count, meaning) in counts {
        let _ = write!(
            text,
            "<li><button type=\"button\" class=\"verdict {0}\" data-filter-verdict=\"{0}\"><span class=\"number\">{1}</span> <span class=\"word\">{2}</span> <span class=\"meaning\">{meaning}</span></button></li>",
            verdict.as_str(),
            language.grouped(count as u64),
            verdict_word(verdict, language)
        );
    }
    text.push_str("</ul>\n");
    if !report.unexamined.is_empty() {
        let _ = write!(text, "<h3>{}</h3><ul class=\"unexamined\">", wording.pick("Not examined", "Non examinés"));
        for missing in &report.unexamined {
            let _ = write!(
                text,
                "<li><code>{}</code> {} <span class=\"meaning\">{}</span></li>",
                escaped(&missing.path),
                escaped(&wording.sentence("reason", &missing.reason)),
                escaped(&wording.sentence("hint", &missing.hint))
            );
        }
        text.push_str("</ul>\n");
    }
    text.push_str("</section>\n");
}

/// How many files a rule speaks of, worst and most frequent first.
fn rules(text: &mut String, report: &Report, wording: Wording) {
    let mut counts: BTreeMap<&str, (&Finding, usize)> = BTreeMap::new();
    for file in &report.files {
        let mut seen = BTreeSet::new();
        for finding in &file.findings {
            let (worst, count) = counts.entry(finding.rule.id).or_insert((finding, 0));
            if finding.severity > worst.severity {
                *worst = finding;
            }
            *count += usize::from(seen.insert(finding.rule.id));
        }
    }
    if counts.is_empty() {
        return;
    }
    let mut counts: Vec<(&Finding, usize)> = counts.into_values().collect();
    counts.sort_by_key(|(worst, count)| std::cmp::Reverse((worst.severity, *count)));
    let _ = write!(
        text,
        "<section aria-labelledby=\"rules\"><h2 id=\"rules\">{}</h2>\n<div class=\"scroll\"><table class=\"rules\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\" class=\"count\">{}</th></tr></thead><tbody>\n",
        wording.pick("What was found", "Ce qui a été trouvé"),
        wording.pick("Severity", "Gravité"),
        wording.pick("Rule", "Règle"),
        wording.pick("Finding", "Constat"),
        wording.pick("Files", "Fichiers"),
    );
    for (worst, count) in counts {
        let _ = writeln!(
            text,
            "<tr><td><span class=\"badge {0}\">{1}</span></td><td><a href=\"#rule-{2}\">{2}</a></td><td>{3}</td><td class=\"count\"><button type=\"button\" class=\"link\" data-filter-rule=\"{2}\">{4}</button></td></tr>",
            worst.severity.as_str(),
            verdict_word(worst.severity.into(), wording.language),
            worst.rule.id,
            escaped(&sentence_case(wording.of(worst.rule).title)),
            wording.language.grouped(count as u64),
        );
    }
    text.push_str("</tbody></table></div></section>\n");
}

/// The rules that spoke, each once: why it matters and how it is mended in general.
fn glossary(text: &mut String, report: &Report, wording: Wording) {
    let mut rules: BTreeMap<&str, &'static Rule> = BTreeMap::new();
    for file in &report.files {
        let ignored = file.ignored.iter().map(|ignored| &ignored.finding);
        for finding in file.findings.iter().chain(ignored) {
            rules.insert(finding.rule.id, finding.rule);
        }
    }
    if rules.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "<section aria-labelledby=\"glossary\"><h2 id=\"glossary\">{}</h2>",
        wording.pick("The rules explained", "Les règles expliquées")
    );
    for rule in rules.values() {
        let words = wording.of(rule);
        let _ = write!(
            text,
            "<article id=\"rule-{0}\"><h3>{0} <span class=\"title\">{1}</span></h3><p>{2}</p>",
            rule.id,
            escaped(&sentence_case(words.title)),
            escaped(words.why)
        );
        if !words.fix.is_empty() {
            let mend = wording.pick("To mend it:", "Pour corriger :");
            let _ = write!(text, "<p><strong>{mend}</strong> {}</p>", escaped(words.fix));
        }
        let source = wording.pick("Source:", "Source :");
        let _ = writeln!(text, "<p class=\"reference\">{source} {}</p></article>", linked(rule.reference));
    }
    text.push_str("</section>\n");
}

/// A title as one stands alone: those that usually go on a sentence begin with a small letter.
fn sentence_case(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A reference with its addresses as links.
fn linked(reference: &str) -> String {
    let word = |word: &str| {
        let address = word.trim_end_matches([',', ';', ')']);
        if address.starts_with("https://") {
            let rest = word.get(address.len()..).unwrap_or_default();
            format!("<a href=\"{0}\" rel=\"noreferrer\">{0}</a>{1}", escaped(address), escaped(rest))
        } else {
            escaped(word).into_owned()
        }
    };
    reference.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links() {
        assert_eq!(
            linked("see https://a.org/b, part 2"),
            "see <a href=\"https://a.org/b\" rel=\"noreferrer\">https://a.org/b</a>, part 2"
        );
    }

    #[test]
    fn the_script_is_the_one_that_the_page_allows() {
        use sha2::{Digest, Sha256};
        assert_eq!(base64(&Sha256::digest(SCRIPT)), SCRIPT_HASH, "page.js has changed: put its new hash here");
        assert!(!SCRIPT.contains("</"), "a script ends at the first </script");
    }

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let number =
                three.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..4 {
                let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
                text.push(if place <= three.len() { char::from(letter) } else { '=' });
            }
        }
        text
    }
}

//! The table of files, with what was found in each.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::human::{fixes, place, remarks, verdict_word};
use super::super::outcome::sentences;
use super::{escaped, facts, figure, matrix, sentence_case};
use crate::finding::Finding;
use crate::language::{Language, Wording};
use crate::report::{FileKind, FileReport, Report, Verdict};

/// Most rules that a row names; the others are counted.
const NAMED: usize = 2;

/// Heading, filters and the head of the table.
pub(super) fn begin(text: &mut String, report: &Report, columns: &[String], wording: Wording) {
    let language = wording.language;
    let _ = write!(
        text,
        "<section aria-labelledby=\"files\"><h2 id=\"files\">{}</h2>\n<form class=\"filters script\" role=\"search\" aria-label=\"{}\">",
        wording.pick("Files", "Fichiers"),
        wording.pick("Filter the files", "Filtrer les fichiers"),
    );
    let _ = write!(
        text,
        "<label>{} <input type=\"search\" id=\"filter-text\" autocomplete=\"off\"></label>",
        wording.pick("Path contains", "Le chemin contient")
    );
    let _ = write!(text, "<fieldset><legend>{}</legend>", wording.pick("Verdict", "Verdict"));
    for verdict in [Verdict::Error, Verdict::Warning, Verdict::Info, Verdict::Ok] {
        let _ = write!(
            text,
            "<label><input type=\"checkbox\" name=\"verdict\" value=\"{}\" checked> {}</label>",
            verdict.as_str(),
            verdict_word(verdict, language)
        );
    }
    text.push_str("</fieldset>");
    let kinds: BTreeSet<&str> = report.files.iter().map(|file| file.kind.as_str()).collect();
    if kinds.len() > 1 {
        select(text, "filter-kind", wording.pick("Kind", "Type"), wording, kinds.iter().copied());
    }
    let rules: BTreeSet<&str> =
        report.files.iter().flat_map(|file| &file.findings).map(|finding| finding.rule.id).collect();
    if !rules.is_empty() {
        select(text, "filter-rule", wording.pick("Rule", "Règle"), wording, rules.iter().copied());
    }
    let _ = writeln!(
        text,
        "<button type=\"reset\">{}</button> <button type=\"button\" id=\"open-all\" aria-pressed=\"false\">{}</button> <output id=\"shown\" aria-live=\"polite\" data-template=\"{}\"></output></form>",
        wording.pick("Show all", "Tout afficher"),
        wording.pick("Unfold all", "Tout déplier"),
        wording.pick("{0} of {1} shown", "{0} affichés sur {1}"),
    );
    let _ = write!(
        text,
        "<div class=\"scroll\"><table class=\"files\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>",
        wording.pick("Verdict", "Verdict"),
        wording.pick("File", "Fichier"),
    );
    matrix::header(text, columns);
    let _ = writeln!(text, "<th scope=\"col\">{}</th></tr></thead>", wording.pick("Findings", "Constats"));
}

fn select<'a>(text: &mut String, id: &str, label: &str, wording: Wording, values: impl Iterator<Item = &'a str>) {
    let any = wording.pick("any", "tous");
    let _ = write!(text, "<label>{label} <select id=\"{id}\"><option value=\"\">{any}</option>");
    for value in values {
        let _ = write!(text, "<option>{}</option>", escaped(value));
    }
    text.push_str("</select></label>");
}

/// The row of a file, and the row below it that unfolds.
pub(super) fn entry(text: &mut String, number: usize, file: &FileReport, columns: &[String], wording: Wording) {
    let mut rules: Vec<&str> = Vec::new();
    for finding in &file.findings {
        if !rules.contains(&finding.rule.id) {
            rules.push(finding.rule.id);
        }
    }
    let path = escaped(&file.path);
    let verdict = file.verdict.as_str();
    let _ = write!(
        text,
        "<tbody class=\"file\" id=\"file-{number}\" data-verdict=\"{verdict}\" data-kind=\"{}\" data-rules=\"{}\"><tr><td><span class=\"badge {verdict}\">{}</span></td><th scope=\"row\"><button type=\"button\" class=\"toggle\" aria-expanded=\"false\" aria-controls=\"detail-{number}\">{path}</button></th>",
        file.kind.as_str(),
        rules.join(" "),
        verdict_word(file.verdict, wording.language),
    );
    matrix::cells(text, file, columns, wording);
    text.push_str("<td class=\"named\">");
    for rule in rules.iter().take(NAMED) {
        let _ = write!(text, "<a href=\"#rule-{rule}\">{rule}</a> ");
    }
    if rules.len() > NAMED {
        let _ = write!(text, "+{}", rules.len() - NAMED);
    }
    let _ = write!(
        text,
        "</td></tr>\n<tr class=\"detail\" id=\"detail-{number}\" hidden><td colspan=\"{}\"><div class=\"detail\">",
        columns.len() + 3
    );
    detail(text, file, wording);
    text.push_str("</div></td></tr></tbody>\n");
}

fn detail(text: &mut String, file: &FileReport, wording: Wording) {
    for sentence in sentences(&file.compatibility, wording) {
        let _ = write!(text, "<p class=\"sentence\">{}</p>", escaped(&sentence));
    }
    for remark in remarks(file) {
        let _ = write!(text, "<p>{}</p>", escaped(&wording.sentence("remark", remark)));
    }
    for picture in &file.pictures {
        figure::figure(text, picture, wording);
    }
    if !file.findings.is_empty() {
        text.push_str("<ul class=\"findings\">");
        for finding in &file.findings {
            item(text, finding, None, wording);
        }
        text.push_str("</ul>");
    } else if file.kind != FileKind::Unknown {
        let _ = write!(text, "<p>{}</p>", wording.pick("Nothing was found.", "Rien n’a été trouvé."));
    }
    let fixes = fixes(&file.findings, wording);
    if !fixes.is_empty() {
        let _ = write!(text, "<h4>{}</h4>", wording.pick("To mend it", "Pour le corriger"));
        for (fix, rules) in fixes {
            let _ = write!(
                text,
                "<div class=\"fix\"><p class=\"meaning\">{}</p><pre tabindex=\"0\"><code>{}</code></pre><button type=\"button\" class=\"copy script\" data-done=\"{}\">{}</button></div>",
                rules.join(", "),
                escaped(&fix),
                wording.pick("Copied", "Copié"),
                wording.pick("Copy", "Copier"),
            );
        }
    }
    if !file.ignored.is_empty() {
        let _ = write!(text, "<h4>{}</h4><ul class=\"findings\">", wording.pick("Ignored", "Ignoré"));
        for ignored in &file.ignored {
            item(text, &ignored.finding, Some(&ignored.reason), wording);
        }
        text.push_str("</ul>");
    }
    facts::list(text, &file.facts, wording);
}

fn item(text: &mut String, finding: &Finding, reason: Option<&str>, wording: Wording) {
    let language = wording.language;
    let _ = write!(
        text,
        "<li><span class=\"badge {}\">{}</span> <a href=\"#rule-{2}\">{2}</a> <strong>{3}</strong>",
        finding.severity.as_str(),
        verdict_word(finding.severity.into(), language),
        finding.rule.id,
        escaped(&sentence_case(wording.of(finding.rule).title)),
    );
    let message = wording.message(finding);
    // A sentence that nobody translated is told to screen readers to be English.
    let is_foreign = language != Language::English && matches!(message, Cow::Borrowed(_));
    let _ = write!(text, "<p{}>{}", if is_foreign { " lang=\"en\"" } else { "" }, escaped(&message));
    let place = place(&finding.location, language);
    if !place.is_empty() {
        let _ = write!(text, " <span class=\"meaning\">{}</span>", escaped(place.trim()));
    }
    if finding.count > finding.told {
        let _ = write!(text, " <span class=\"meaning\">×{}</span>", language.grouped(finding.count));
    }
    text.push_str("</p>");
    if let Some(reason) = reason {
        let because = wording.pick("Ignored:", "Ignoré :");
        let _ = write!(text, "<p class=\"meaning\">{because} {}</p>", escaped(&wording.sentence("ignored", reason)));
    }
    text.push_str("</li>");
}

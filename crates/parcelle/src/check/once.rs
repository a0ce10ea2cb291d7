//! What is true of the server and not of a file is told once in a run, at the first file that it concerns.

use std::collections::HashMap;

use parcelle_report::text::grouped;
use parcelle_report::{FileReport, Verdict};

/// The rules about the server that reads VRTs.
const OF_THE_SERVER: &str = "VRT-ENV-";

/// Keeps the first finding of each such message, which then tells how many files it is meant for.
pub(super) fn tell(files: &mut [FileReport]) {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for file in files.iter_mut() {
        let before = file.findings.len();
        file.findings.retain(|finding| {
            if !finding.rule.id.starts_with(OF_THE_SERVER) {
                return true;
            }
            let count = counts.entry(finding.message.clone()).or_default();
            *count += 1;
            *count == 1
        });
        // Findings are sorted, worst first.
        if file.findings.len() != before {
            file.verdict = file.findings.first().map_or(Verdict::Ok, |worst| worst.severity.into());
        }
    }
    for finding in files.iter_mut().flat_map(|file| &mut file.findings) {
        let is_of_server = finding.rule.id.starts_with(OF_THE_SERVER);
        if let Some(count) = counts.get(&finding.message).filter(|count| is_of_server && **count > 1) {
            finding.message.push_str(&format!(" This is so for {} files of this run.", grouped(*count)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use parcelle_report::{FileKind, Finding, Rule, Severity};

    use super::*;

    static SERVER: Rule =
        Rule { id: "VRT-ENV-002", severity: Severity::Info, title: "t", why: "w", fix: "", reference: "r" };
    static OTHER: Rule =
        Rule { id: "VRT-SRC-001", severity: Severity::Error, title: "t", why: "w", fix: "f", reference: "r" };

    #[test]
    fn the_server_is_told_of_once() {
        let file = |path: &str, rules: &[(&'static Rule, &str)]| {
            let findings = rules.iter().map(|(rule, message)| Finding::new(rule, *message)).collect();
            FileReport::new(path, FileKind::Vrt, findings, BTreeMap::new())
        };
        let mut files = [
            file("a.vrt", &[(&SERVER, "Raise it.")]),
            file("b.vrt", &[(&SERVER, "Raise it."), (&OTHER, "Gone.")]),
            file("c.vrt", &[(&SERVER, "Raise it.")]),
            file("d.vrt", &[(&SERVER, "Upgrade."), (&OTHER, "Gone.")]),
        ];
        tell(&mut files);
        let told = files.each_ref().map(|file| {
            (file.verdict, file.findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>())
        });
        assert_eq!(
            told,
            [
                (Verdict::Info, vec!["Raise it. This is so for 3 files of this run."]),
                (Verdict::Error, vec!["Gone."]),
                (Verdict::Ok, vec![]),
                (Verdict::Error, vec!["Gone.", "Upgrade."]),
            ]
        );
    }
}

//! What is true of the server and not of a file is told once in a run, at the first file that it concerns.

use std::collections::HashSet;

use parcelle_report::{FileReport, Verdict};

/// The rules about the server that reads VRTs.
const OF_THE_SERVER: &str = "VRT-ENV-";

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Once {
    told: HashSet<String>,
}

impl Once {
    /// Keeps a finding about the server in the first file that has it; files come in the order of the report.
    pub(super) fn tell(&mut self, file: &mut FileReport) {
        let before = file.findings.len();
        file.findings
            .retain(|finding| !finding.rule.id.starts_with(OF_THE_SERVER) || self.told.insert(finding.message.clone()));
        // Findings are sorted, worst first.
        if file.findings.len() != before {
            file.verdict = file.findings.first().map_or(Verdict::Ok, |worst| worst.severity.into());
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
        let mut once = Once::default();
        files.iter_mut().for_each(|file| once.tell(file));
        let told = files.each_ref().map(|file| {
            (file.verdict, file.findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>())
        });
        assert_eq!(
            told,
            [
                (Verdict::Info, vec!["Raise it."]),
                (Verdict::Error, vec!["Gone."]),
                (Verdict::Ok, vec![]),
                (Verdict::Error, vec!["Gone.", "Upgrade."]),
            ]
        );
    }
}

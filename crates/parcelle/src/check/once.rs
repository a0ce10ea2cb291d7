//! What is true of the server and not of a file is told once in a run, at the first file that it concerns.

use std::collections::HashMap;

use parcelle_report::{FileReport, Verdict};

/// The rules about the server that reads VRTs.
const OF_THE_SERVER: &str = "VRT-ENV-";

/// What was told already, and of how many files it holds.
#[derive(Debug, Default)]
pub(super) struct Once {
    told: HashMap<String, u64>,
}

impl Once {
    /// Keeps a finding about the server in the first file that has it; files come in the order of the report.
    pub(super) fn tell(&mut self, file: &mut FileReport) {
        let before = file.findings.len();
        file.findings.retain(|finding| {
            if !finding.rule.id.starts_with(OF_THE_SERVER) {
                return true;
            }
            let files = self.told.entry(finding.message.clone()).or_default();
            *files += 1;
            *files == 1
        });
        // Findings are sorted, worst first.
        if file.findings.len() != before {
            file.verdict = file.findings.first().map_or(Verdict::Ok, |worst| worst.severity.into());
        }
    }

    /// Has each finding that was told once say how many files it stands for, once all are there.
    pub(super) fn count(&self, files: &mut [FileReport]) {
        let findings = files.iter_mut().flat_map(|file| &mut file.findings);
        for finding in findings.filter(|finding| finding.rule.id.starts_with(OF_THE_SERVER)) {
            finding.count = self.told.get(&finding.message).copied().unwrap_or(finding.count);
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
        once.count(&mut files);
        assert_eq!(
            files.iter().flat_map(|file| &file.findings).map(|finding| finding.count).sum::<u64>(),
            3 + 1 + 1 + 1
        );
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

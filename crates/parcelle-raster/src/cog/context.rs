//! What every rule is given, and where its findings go.

use std::collections::BTreeMap;

use parcelle_report::{Finding, Findings, Location, Rule};
use parcelle_tiff::{Structure, tags};

use super::distribution::{Distribution, distribution};
use super::fix::{Fix, Fixer, Remedy};
use super::layout::Layout;
use super::levels::Level;

pub(crate) struct Context<'structure> {
    pub(crate) structure: &'structure Structure,
    pub(crate) layout: Layout<'structure>,
    pub(crate) fixer: Fixer,
    pub(crate) distribution: Option<Distribution>,
    /// Tiles whose surroundings were read, where they were.
    pub(crate) tiles_looked_at: Option<u64>,
    /// Until all rules have spoken nobody knows whether the file can be mended.
    pending: Vec<(Finding, Fix)>,
    remedy: Remedy,
    /// Findings and place of the last one kept, by rule.
    per_rule: BTreeMap<&'static str, (usize, usize)>,
}

impl<'structure> Context<'structure> {
    pub(crate) fn new(structure: &'structure Structure, path: &str) -> Self {
        let layout = Layout::of(structure);
        let distribution = distribution(&layout);
        Self {
            structure,
            layout,
            fixer: Fixer::new(path, structure),
            distribution,
            tiles_looked_at: None,
            pending: Vec::new(),
            remedy: Remedy::default(),
            per_rule: BTreeMap::new(),
        }
    }

    /// Notes a finding; its fix is worded at the end. Beyond [`Findings::CAP`] of a rule only the numbers are kept.
    pub(crate) fn push(&mut self, finding: Finding, fix: Fix) {
        self.remedy.include(&fix, finding.severity);
        let (count, last) = self.per_rule.entry(finding.rule.id).or_default();
        *count += 1;
        if *count <= Findings::CAP {
            *last = self.pending.len();
            self.pending.push((finding, fix));
        } else if let Some((kept, _)) = self.pending.get_mut(*last) {
            kept.count += finding.count;
            kept.severity = kept.severity.max(finding.severity);
        }
    }

    /// Notes a finding of a rule's own severity about a directory.
    pub(crate) fn push_at(&mut self, rule: &'static Rule, message: String, fix: Fix, location: Location) {
        self.push(Finding::new(rule, message).at(location), fix);
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        let mut findings = Findings::new();
        // Most findings of a file have the same remedy.
        let mut worded: Vec<(Fix, String)> = Vec::new();
        for (finding, fix) in self.pending {
            let known = worded.iter().find(|(known, _)| *known == fix && fix != Fix::General);
            let text = match known {
                Some((_, text)) => text.clone(),
                None => {
                    let text = self.fixer.text(&fix, self.remedy, finding.rule.fix);
                    worded.push((fix, text.clone()));
                    text
                }
            };
            findings.push(finding.fix(text));
        }
        findings.into_sorted()
    }
}

/// A directory as a place.
pub(crate) fn in_directory(directory: usize) -> Location {
    Location { ifd: u32::try_from(directory).ok(), ..Location::default() }
}

/// A block as a place.
pub(crate) fn at_block(level: &Level<'_>, block: usize) -> Location {
    Location {
        tile: Some(level.tile(block)),
        offset: level.blocks.offsets.get(block),
        tag: tags::name(level.directory.index_tags().0).map(str::to_owned),
        ..in_directory(level.directory.index)
    }
}

/// `1 tile`, `2 tiles`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

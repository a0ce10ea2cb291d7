//! One command for one file, whichever rules asked for it.
//!
//! Every finding carries a command of its own. What a file needs together is the union of them: [`merge`] takes the
//! commands of all wings (layout, GeoServer, files beside the raster) apart and puts them together again, so that a file
//! is written once. Two questions stay apart: a command that only writes the same image better can be run unseen
//! ([`Step::Run`]); one that needs to be told a coordinate reference system, or that resamples pixels, needs somebody
//! who knows the data ([`Step::Decide`]). The second contains the first.

mod command;

use std::path::Path;

use parcelle_report::{Finding, Severity};
use parcelle_tiff::Structure;

pub(crate) use command::{Command, Program};

use crate::cog::creation_options;
use crate::shell::{names, quoted};

/// How instructions begin that no command on this file can replace.
pub(crate) const LOST: &str = "Not repairable from this file";

/// What a line of a fix is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command that can be run as it is.
    Run {
        /// The command.
        command: String,
        /// What it writes, quoted for a shell.
        output: String,
        /// What is to be said of it.
        remark: Option<String>,
    },
    /// A command that needs a value filled in, or that resamples pixels.
    Decide(String),
    /// Words for people.
    Words(String),
}

/// A path as one word of a shell.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    quoted(path)
}

/// The steps of a fix, line by line.
#[must_use]
pub fn steps(fix: &str) -> Vec<Step> {
    let lines = fix.lines().filter(|line| !line.trim().is_empty());
    let step = |line: &str| match Command::parse(line) {
        Some(command) if command.needs_decision() => Step::Decide(line.to_owned()),
        Some(mut command) => {
            let remark = command.remark.take();
            Step::Run { command: command.to_string(), output: command.output, remark }
        }
        None => conversion(line).unwrap_or_else(|| Step::Words(line.to_owned())),
    };
    lines.map(step).collect()
}

/// A conversion, which mends a GeoParquet file as a whole; one whose reference system is left open needs a decision.
fn conversion(line: &str) -> Option<Step> {
    let (words, remark) = command::words(line)?;
    let ["parcelle", "convert", _, output, ..] = words.as_slice() else { return None };
    if line.contains('…') {
        return Some(Step::Decide(line.to_owned()));
    }
    Some(Step::Run { command: words.join(" "), output: (*output).to_owned(), remark })
}

/// Merges the commands of a file's findings into one, or into two where one of them needs a decision; `path` is the file
/// that the rules were given. Words, and commands on something else than the file, stay as they are. Where bytes are lost
/// nothing else is proposed.
pub fn merge(findings: &mut [Finding], structure: &Structure, path: &Path) {
    // What is only told needs no command that mends all of it.
    if !findings.iter().any(is_serious) && path.to_str().is_some() {
        return;
    }
    let lost = findings.iter().find(|finding| is_serious(finding) && finding.fix.starts_with(LOST));
    let lost = lost.map(|finding| finding.fix.clone());
    let said = quoted(names(&path.display().to_string()).0);
    // Reports are text. A name that is none is lost in them, and has to be in the command all the same.
    let real = if path.to_str().is_some() { said.clone() } else { quoted(path) };
    let mut commands: Vec<Option<Command>> = Vec::with_capacity(findings.len());
    for finding in findings.iter() {
        commands.push(Command::parse(&finding.fix).filter(|command| command.input == said));
    }
    if let Some(lost) = lost {
        for (finding, _) in findings.iter_mut().zip(&commands).filter(|(_, command)| command.is_some()) {
            finding.fix.clone_from(&lost);
        }
        return;
    }
    if said != real {
        let output = quoted(path.with_extension("cog.tif"));
        for command in commands.iter_mut().flatten() {
            (command.input, command.output) = (real.clone(), output.clone());
        }
    }
    let mut serious: Vec<(&str, &Command)> = Vec::new();
    for (finding, command) in findings.iter().zip(&commands) {
        if let Some(command) =
            command.as_ref().filter(|command| is_serious(finding) && !serious.iter().any(|(_, known)| known == command))
        {
            serious.push((finding.rule.id, command));
        }
    }
    // The layout comes first: what a target system demands then overrides what was only kept.
    serious.sort_by_key(|(id, _)| !id.starts_with("COG-"));
    let all = || serious.iter().map(|(_, command)| *command);
    let base = creation_options(structure);
    let run = Command::merged(all().filter(|command| !command.needs_decision()), &base);
    let decide = all().any(Command::needs_decision).then(|| Command::merged(all(), &base)).flatten();
    let texts: Vec<Option<String>> = findings
        .iter()
        .zip(&commands)
        .map(|(finding, command)| {
            let command = command.as_ref()?;
            let is_shared = is_serious(finding) || all().any(|other| other == command);
            let merged = if command.needs_decision() { &decide } else { &run };
            Some(merged.as_ref().filter(|_| is_shared).unwrap_or(command).to_string())
        })
        .collect();
    for (finding, text) in findings.iter_mut().zip(texts) {
        if let Some(text) = text {
            finding.fix = text;
        }
    }
}

fn is_serious(finding: &Finding) -> bool {
    finding.severity > Severity::Info
}

#[cfg(test)]
mod tests;

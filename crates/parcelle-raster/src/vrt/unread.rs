//! Files beside the one that is checked which are there, and could not be read: nothing may be concluded from them.

use std::io;
use std::path::{Path, PathBuf};

use parcelle_report::{Finding, Findings};

use super::Subject;
use super::sources::rules_open::NOT_READABLE;

/// A file that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    path: PathBuf,
    reason: String,
}

impl Unread {
    pub(crate) fn new(path: &Path, error: &io::Error) -> Self {
        Self { path: path.to_owned(), reason: error.to_string() }
    }
}

/// Tells of each, unless a source was found to be unreadable anyway.
pub(crate) fn tell(subject: &Subject<'_>, mut unread: Vec<Unread>, findings: &mut Findings) {
    if findings.as_slice().iter().any(|finding| finding.rule.id == NOT_READABLE.id) {
        return;
    }
    unread.sort_by(|one, other| one.path.cmp(&other.path));
    unread.dedup_by(|one, other| one.path == other.path);
    for Unread { path, reason } in unread {
        let shown = subject.path.parent().and_then(|directory| path.strip_prefix(directory).ok()).unwrap_or(&path);
        let message = format!("{} cannot be read: {reason}", shown.display());
        let fix = format!("Make {} readable, and check again.", crate::shell::quoted(&path));
        findings.push(Finding::new(&NOT_READABLE, message).fix(fix));
    }
}

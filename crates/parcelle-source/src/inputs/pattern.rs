//! Patterns over paths.

use std::path::{Path, PathBuf};

use glob::MatchOptions;

use super::InputsError;
use crate::error::SourceError;
use crate::fingerprint::unreadable;

/// Case matters, as it does to the file system; what begins with a dot is only matched by a dot; and `*` stays within a name.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What matches a pattern, in the order of paths.
pub(super) fn matches(pattern: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let wrong = |reason: &str| {
        SourceError::Inputs(InputsError::Pattern { pattern: pattern.to_owned(), reason: reason.to_owned() })
    };
    let text = pattern.to_str().ok_or_else(|| wrong("it is not UTF-8"))?;
    let paths = glob::glob_with(text, OPTIONS).map_err(|error| wrong(error.msg))?;
    let mut found = Vec::new();
    for path in paths {
        found.push(path.map_err(|error| unreadable(error.path(), error.error()))?);
    }
    if found.is_empty() {
        return Err(SourceError::Inputs(InputsError::NoMatch { pattern: pattern.to_owned() }));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

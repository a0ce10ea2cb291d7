//! Files of known truth that may lie beside the checkout, and their tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder of them, whether it is there or not.
pub(crate) fn corpus(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(folder)
}

/// The lines of a table of comma-separated values, by the names of its head; values may be quoted and span lines. `None` where
/// there is no such table.
pub(crate) fn table(path: &Path) -> Option<Vec<BTreeMap<String, String>>> {
    let text = std::fs::read_to_string(path).ok()?;
    let (mut lines, mut line, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            '\r' if !is_quoted => {}
            letter => field.push(letter),
        }
    }
    let head = lines.remove(0);
    Some(lines.into_iter().map(|line| head.iter().cloned().zip(line).collect()).collect())
}

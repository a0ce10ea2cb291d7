//! The measured facts of a file, folded away.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::escaped;
use crate::language::Wording;
use crate::text::shortened;

/// Most characters of a value that a page shows; all of it is in the JSON.
const LONGEST: usize = 400;

pub(super) fn list(text: &mut String, facts: &BTreeMap<&'static str, Value>, wording: Wording) {
    if facts.is_empty() {
        return;
    }
    // A list of terms would be most of the elements of a page of thousands of files.
    let title = wording.pick("Measured facts", "Faits mesurés");
    let _ = write!(text, "<details class=\"facts\"><summary>{title}</summary><pre tabindex=\"0\">");
    for (name, value) in facts {
        let value = match value {
            Value::String(value) => value.clone(),
            value => value.to_string(),
        };
        let _ = writeln!(text, "{}: {}", escaped(&name.replace('_', " ")), escaped(&shortened(&value, LONGEST)));
    }
    text.push_str("</pre></details>");
}

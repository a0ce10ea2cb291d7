//! What a rule says of a real file.

/// One line for each rule that a fixture of this repository breaks: rule, severity, file, message and fix, with tabs
/// between them. `UPDATE_EXAMPLES=1 cargo test -p parcelle-tests examples` writes it anew.
const EXAMPLES: &str = include_str!("examples.tsv");

/// A finding as it was made of a file of `testdata/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The word of its severity.
    pub severity: &'static str,
    /// The file.
    pub path: &'static str,
    /// What was said of it.
    pub message: &'static str,
    /// What mends it; empty where nothing needs mending.
    pub fix: String,
}

/// An example of a rule, where there is one.
#[must_use]
pub fn example(id: &str) -> Option<Example> {
    EXAMPLES.lines().find_map(|line| {
        let mut fields = line.split('\t');
        fields.next().filter(|rule| rule.eq_ignore_ascii_case(id))?;
        let mut next = || fields.next();
        let (severity, path, message, fix) = (next()?, next()?, next()?, next()?);
        Some(Example { severity, path, message, fix: fix.replace("\\n", "\n") })
    })
}

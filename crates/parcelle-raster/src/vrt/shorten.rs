//! Text of a file in messages: never more than a line of it.

use parcelle_report::text::shortened;

/// The beginning of a name, for messages.
pub(crate) fn shorten(name: &str) -> String {
    shortened(name, 80)
}

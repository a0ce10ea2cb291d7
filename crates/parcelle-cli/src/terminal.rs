//! What is particular to a terminal: colours, its width, progress. A pipe gets none of it.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use parcelle::report::{Wording, render};

use crate::failure::Failure;
use crate::format::grouped;

/// Widest text that is comfortable to read.
const COMFORTABLE_WIDTH: usize = 100;

/// Whether standard output shows colours: it is a terminal, and nobody objects (<https://no-color.org>).
pub(crate) fn stdout_has_color() -> bool {
    std::io::stdout().is_terminal() && colors_allowed()
}

fn colors_allowed() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of standard output: those of the terminal, within reason; 80 for a pipe.
pub(crate) fn stdout_width() -> usize {
    match console::Term::stdout().size_checked() {
        Some((_, columns)) => usize::from(columns).clamp(40, COMFORTABLE_WIDTH),
        None => 80,
    }
}

/// A display of progress on standard error, to be fed by [`show`], before which nothing is seen; invisible unless that is a
/// terminal.
pub(crate) fn progress(unit: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(style("{spinner} {human_pos} {msg}  {rate}  {elapsed}"));
    bar.set_message(unit.to_owned());
    bar
}

/// Has a display move by itself, by a thread, which nobody needs where nothing is shown.
pub(crate) fn tick(bar: &ProgressBar) {
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
}

/// Shows how far a job has come: with a bar and the time left where the total is known.
pub(crate) fn show(bar: &ProgressBar, done: u64, total: Option<u64>, unit: &str) {
    if total != bar.length() {
        bar.set_style(style("{wide_bar} {human_pos}/{human_len} {msg}  {rate}  {eta}"));
        bar.set_length(total.unwrap_or(0));
        tick(bar);
    }
    // A new unit is a new stage: its rate and time left start from nothing.
    if bar.message() != unit {
        bar.set_message(unit.to_owned());
        bar.reset();
    }
    bar.set_position(done);
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // What cannot be written to a terminal line is not worth a word.
        let _ = write!(text, "{}/s", grouped(state.per_sec() as u64));
    })
}

/// Says on standard error why there is no result.
pub(crate) fn complain(failure: &Failure, wording: Wording) {
    let mut stderr = std::io::stderr().lock();
    let color = stderr.is_terminal() && colors_allowed();
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let word = wording.pick("error", "erreur");
    let word = if color { format!("{style}{word}{style:#}") } else { word.to_owned() };
    let message = wording.sentence("usage", failure.message());
    // Nobody is left to be told if this fails.
    let _ = writeln!(stderr, "{word}{}{}", wording.pick(": ", "\u{A0}: "), render::printable(&message));
}

/// Says on standard error what is odd, and keeps nothing from being done.
pub(crate) fn warn(message: &str, wording: Wording) {
    let (word, message) = (wording.pick("warning: ", "alerte\u{A0}: "), wording.sentence("usage", message));
    let _ = writeln!(std::io::stderr(), "{word}{}", render::printable(&message));
}

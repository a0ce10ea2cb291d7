//! Decoders of other houses on bytes that nobody vouches for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// How many guarded actions this thread is within.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A decoder panicked on bytes that contradict themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its parts contradict each other")]
pub struct Unwound;

/// Runs a decoder. Some of them panic (assertions, and indices out of range, in release too) where an error is due; the
/// bytes are to blame, and the run must end as with any other damaged file. Nothing that was unwound through may be used
/// again.
///
/// # Errors
/// [`Unwound`] where it panicked.
pub fn guarded<T>(action: impl FnOnce() -> T) -> Result<T, Unwound> {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let done = catch_unwind(AssertUnwindSafe(action));
    DEPTH.with(|depth| depth.set(depth.get().saturating_sub(1)));
    done.map_err(|_| Unwound)
}

/// Keeps panics within [`guarded`] from standard error for the rest of the process: they are reported as errors. Others are
/// shown as before. For programs, once at their start; libraries leave the process as it is.
pub fn keep_guarded_panics_quiet() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        if DEPTH.with(Cell::get) == 0 {
            shown(information);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert_eq!(guarded(|| guarded(|| panic!("expected in this test"))), Ok(Err::<(), _>(Unwound)));
        assert_eq!(DEPTH.with(Cell::get), 0);
    }
}

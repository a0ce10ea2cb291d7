//! What GDAL says while it works, kept from the terminal.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::path::Path;

use gdal_sys::CPLErr;

use crate::connection::Secrets;

/// How many failures are kept; the first ones tell the cause.
const KEPT: usize = 4;
/// What GDAL puts before a failure of PROJ. It is about a reference system, which says nothing of the rows.
const ABOUT_REFERENCE_SYSTEMS: &str = "PROJ:";

/// What was heard.
#[derive(Default)]
struct Heard {
    failures: Vec<String>,
    about_reference_systems: Vec<String>,
}

/// Collects the errors of this thread for as long as it lives; GDAL's handlers stack up, so that nesting is fine.
pub(super) struct Messages {
    secrets: Secrets,
    // In a box: GDAL holds a pointer to it.
    heard: Box<RefCell<Heard>>,
    // Handlers belong to a thread: the guard must be dropped on the one that made it.
    _this_thread: PhantomData<*const ()>,
}

impl Messages {
    /// While something is read from `path`, the secrets of which are left out of what was heard.
    pub(super) fn capture(path: &Path) -> Self {
        let heard = Box::new(RefCell::new(Heard::default()));
        let user_data: *const RefCell<Heard> = &*heard;
        // SAFETY: the handler stays on this thread's stack of handlers until `drop` pops it, and the box lives until then.
        unsafe {
            gdal_sys::CPLErrorReset();
            gdal_sys::CPLPushErrorHandlerEx(Some(collect), user_data.cast_mut().cast());
        }
        Self { secrets: Secrets::of(path), heard, _this_thread: PhantomData }
    }

    /// What failed so far; `None` if nothing did. Warnings, debug messages and what PROJ says are no failures.
    pub(super) fn failure(&self) -> Option<String> {
        joined(&self.heard.borrow().failures).map(|failure| self.secrets.hide(&failure))
    }

    /// What failed so far, or else the error that a call returned.
    pub(super) fn failure_or(&self, error: impl ToString) -> String {
        let about_reference_systems = || joined(&self.heard.borrow().about_reference_systems);
        let error = self
            .failure()
            .or_else(about_reference_systems)
            .unwrap_or_else(|| without_full_stop(&error.to_string()).to_owned());
        self.secrets.hide(&error)
    }
}

fn joined(messages: &[String]) -> Option<String> {
    (!messages.is_empty()).then(|| messages.join("; "))
}

/// Messages become parts of sentences.
fn without_full_stop(message: &str) -> &str {
    message.trim().trim_end_matches('.')
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: pops the handler that `capture` pushed; the type cannot leave its thread.
        unsafe { gdal_sys::CPLPopErrorHandler() };
    }
}

/// GDAL's callback.
unsafe extern "C" fn collect(class: CPLErr::Type, _number: i32, message: *const c_char) {
    if class < CPLErr::CE_Failure || message.is_null() {
        return;
    }
    // SAFETY: the user data is the pointer that `capture` gave, alive as long as the handler is installed, and only this
    // thread uses it; the message is text ended by a zero byte.
    let (heard, message) = unsafe {
        let heard = gdal_sys::CPLGetErrorHandlerUserData().cast::<RefCell<Heard>>();
        (heard.as_ref(), CStr::from_ptr(message).to_string_lossy())
    };
    if let Some(mut heard) = heard.and_then(|heard| heard.try_borrow_mut().ok()) {
        let message = without_full_stop(&message);
        let messages = if message.starts_with(ABOUT_REFERENCE_SYSTEMS) {
            &mut heard.about_reference_systems
        } else {
            &mut heard.failures
        };
        if messages.len() < KEPT && !messages.iter().any(|known| known == message) {
            messages.push(message.to_owned());
        }
    }
}

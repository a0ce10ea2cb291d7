//! What GDAL says while it works, kept from the terminal.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

use gdal_sys::CPLErr;

/// How many failures are kept; the first ones tell the cause.
const KEPT: usize = 4;

/// Collects the errors of this thread for as long as it lives; GDAL's handlers stack up, so that nesting is fine.
pub(super) struct Messages {
    // In a box: GDAL holds a pointer to it.
    failures: Box<RefCell<Vec<String>>>,
    // Handlers belong to a thread: the guard must be dropped on the one that made it.
    _this_thread: PhantomData<*const ()>,
}

impl Messages {
    pub(super) fn capture() -> Self {
        let failures = Box::new(RefCell::new(Vec::new()));
        let user_data: *const RefCell<Vec<String>> = &*failures;
        // SAFETY: the handler stays on this thread's stack of handlers until `drop` pops it, and the box lives until then.
        unsafe {
            gdal_sys::CPLErrorReset();
            gdal_sys::CPLPushErrorHandlerEx(Some(collect), user_data.cast_mut().cast());
        }
        Self { failures, _this_thread: PhantomData }
    }

    /// What failed so far; `None` if nothing did. Warnings and debug messages are no failures.
    pub(super) fn failure(&self) -> Option<String> {
        let failures = self.failures.borrow();
        (!failures.is_empty()).then(|| failures.join("; "))
    }

    /// What failed so far, or else the error that a call returned.
    pub(super) fn failure_or(&self, error: impl ToString) -> String {
        self.failure().unwrap_or_else(|| error.to_string())
    }
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
    let (failures, message) = unsafe {
        let failures = gdal_sys::CPLGetErrorHandlerUserData().cast::<RefCell<Vec<String>>>();
        (failures.as_ref(), CStr::from_ptr(message).to_string_lossy().trim().to_owned())
    };
    if let Some(mut failures) = failures.and_then(|failures| failures.try_borrow_mut().ok())
        && failures.len() < KEPT
        && !failures.contains(&message)
    {
        failures.push(message);
    }
}

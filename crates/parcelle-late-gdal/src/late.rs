//! Loading, and what the trampolines call.

use std::arch::global_asm;
use std::ffi::{CStr, CString, c_void};
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

include!(concat!(env!("OUT_DIR"), "/names.rs"));

// What it does to registers and stack is said where it is made, in build.rs.
global_asm!(include_str!(concat!(env!("OUT_DIR"), "/trampolines.s")), resolve = sym resolve);

unsafe extern "C" {
    /// Where each trampoline jumps to. Written by `resolve` only.
    #[link_name = "parcelle_late_gdal_slots"]
    static SLOTS: [AtomicPtr<c_void>; NAMES.len()];
}

/// What the library is called.
const LIBRARY: &str = env!("PARCELLE_LIBGDAL");
/// What it calls the PROJ that it needs; empty where it needs none.
const PROJ_LIBRARY: &str = env!("PARCELLE_LIBPROJ");

/// The loaded library, which stays for the life of the process: a pointer that `dlopen` gave.
struct Handle(*mut c_void);

// SAFETY: the pointer is only handed to `dlsym`, which may be called from any thread (POSIX).
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

pub(crate) fn handle() -> Result<*mut c_void, String> {
    static HANDLE: OnceLock<Result<Handle, String>> = OnceLock::new();
    let loaded = HANDLE.get_or_init(|| open(LIBRARY).ok_or_else(|| missing(&said())));
    loaded.as_ref().map(|handle| handle.0).map_err(Clone::clone)
}

/// PROJ alone, or with libgdal where it is not to be had alone. It is the one that libgdal uses, should that be loaded
/// later: the loader opens a library of one name once only.
pub(crate) fn proj_handle() -> Result<*mut c_void, String> {
    static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
    match HANDLE.get_or_init(|| open(PROJ_LIBRARY)) {
        Some(handle) => Ok(handle.0),
        None => handle(),
    }
}

fn open(library: &str) -> Option<Handle> {
    // An empty name would be that of the program itself.
    let name = CString::new(library).ok().filter(|name| !name.is_empty())?;
    // SAFETY: the name ends with a zero byte. Constructors of the library run, as they do when a program that is linked to it
    // starts. Its functions are looked up by this handle only (`RTLD_LOCAL`).
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
    (!handle.is_null()).then_some(Handle(handle))
}

fn missing(reason: &str) -> String {
    let version = LIBRARY.rsplit('.').next().unwrap_or_default();
    format!(
        "{LIBRARY} cannot be loaded ({reason}): install it (Debian, Ubuntu: libgdal{version} or gdal-bin), or do without: formats \
         with a native reader need no GDAL"
    )
}

/// What the loader says of its last failure on this thread.
fn said() -> String {
    // SAFETY: `dlerror` gives null or a string that lives until the next call of the loader on this thread; it is copied.
    let text = unsafe {
        let text = libc::dlerror();
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    text.unwrap_or_else(|| "no reason given".to_owned())
}

/// Looks a function up, and puts it into its slot. Called by the trampolines with the caller's registers put aside; whatever
/// goes wrong here cannot be told to the caller, who waits for what the function gives.
extern "C" fn resolve(index: usize) -> *mut c_void {
    let look_up = || {
        let name = NAMES.get(index).ok_or("no such function")?;
        let handle = if name.to_bytes().starts_with(b"proj_") { proj_handle()? } else { handle()? };
        // SAFETY: the handle is open for ever, the name ends with a zero byte. Libraries that libgdal needs are searched, too:
        // PROJ's functions are found there where PROJ has no name of its own.
        let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
        if address.is_null() { Err(missing(&said())) } else { Ok(address) }
    };
    let found: Result<*mut c_void, String> = look_up();
    match found {
        Ok(address) => {
            // SAFETY: an array of pointers in writable memory, defined in the trampolines with as many as there are names. Two threads
            // may store the same address; whoever reads the old one comes here again.
            if let Some(slot) = unsafe { SLOTS.get(index) } {
                slot.store(address, Ordering::Release);
            }
            address
        }
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "error: {reason}");
            std::process::exit(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::{c_char, c_int};

    use super::*;

    unsafe extern "C" {
        fn GDALVersionInfo(request: *const c_char) -> *const c_char;
        fn CPLPushErrorHandler(handler: unsafe extern "C" fn(c_int, c_int, *const c_char));
        fn CPLQuietErrorHandler(class: c_int, number: c_int, message: *const c_char);
        fn CPLPopErrorHandler();
        fn CPLError(class: c_int, number: c_int, format: *const c_char, ...);
        fn CPLGetLastErrorMsg() -> *const c_char;
        fn OGR_G_CreateGeometry(kind: c_int) -> *mut c_void;
        fn OGR_G_AddPoint(geometry: *mut c_void, x: f64, y: f64, z: f64);
        fn OGR_G_GetPoint(geometry: *mut c_void, point: c_int, x: *mut f64, y: *mut f64, z: *mut f64);
        fn OGR_G_DestroyGeometry(geometry: *mut c_void);
        fn proj_context_create() -> *mut c_void;
        fn proj_context_destroy(context: *mut c_void) -> *mut c_void;
    }

    #[test]
    fn arguments_of_every_kind_arrive_with_the_first_call() {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        // SAFETY: a point (1) is made, filled, read and freed; the numbers have places.
        unsafe {
            let point = OGR_G_CreateGeometry(1);
            OGR_G_AddPoint(point, 1.5, -2.5, 3.5);
            OGR_G_GetPoint(point, 0, &raw mut x, &raw mut y, &raw mut z);
            OGR_G_DestroyGeometry(point);
        }
        assert_eq!((x, y, z), (1.5, -2.5, 3.5));
        // SAFETY: the format fits what follows it, among that numbers in vector registers; the message is copied. The handler
        // is GDAL's own, given by the address of its trampoline.
        let message = unsafe {
            CPLPushErrorHandler(CPLQuietErrorHandler);
            CPLError(2, 1, c"%d %s %.1f %d %d %.2f".as_ptr(), 7, c"x".as_ptr(), 2.5, 8, 9, 0.25);
            let message = CStr::from_ptr(CPLGetLastErrorMsg()).to_string_lossy().into_owned();
            CPLPopErrorHandler();
            message
        };
        assert_eq!(message, "7 x 2.5 8 9 0.25");
    }

    #[test]
    fn names_are_sorted_and_functions_are_found_once() {
        assert!(NAMES.is_sorted() && NAMES.len() > 300);
        assert_eq!(handle().map(|handle| handle.is_null()), Ok(false));
        for _ in 0..2 {
            // SAFETY: GDAL gives a string of its own for this request.
            let version = unsafe { CStr::from_ptr(GDALVersionInfo(c"VERSION_NUM".as_ptr())) };
            assert!(version.to_str().is_ok_and(|text| text.parse::<u32>().is_ok_and(|number| number > 3_000_000)));
        }
        let index = NAMES.iter().position(|name| *name == c"GDALVersionInfo").unwrap();
        // SAFETY: see `resolve`.
        let slot = unsafe { &SLOTS[index] }.load(Ordering::Acquire);
        // SAFETY: see `resolve`.
        assert_eq!(slot, unsafe { libc::dlsym(handle().unwrap(), c"GDALVersionInfo".as_ptr()) });
        // SAFETY: PROJ makes a context and frees it.
        unsafe {
            let context = proj_context_create();
            assert!(!context.is_null());
            proj_context_destroy(context);
        }
    }
}

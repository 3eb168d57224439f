use std::ffi::c_char;

use memsec_core::ErrorKind;

/// How a call went: MEMSEC_OK, which is 0, or why it failed.
/// cbindgen:rename-all=None
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_status {
    /// It worked.
    MEMSEC_OK = 0,
    /// An argument was NULL, not UTF-8, too long, or not a value that the
    /// function knows.
    MEMSEC_ERR_ARGUMENT = 1,
    /// The input could not be parsed. See memsec_error_line().
    MEMSEC_ERR_PARSE = 2,
    /// The input is understood but cannot be done here.
    MEMSEC_ERR_UNSUPPORTED = 3,
    /// The host is not what it was when the plan was made.
    MEMSEC_ERR_STALE = 4,
    /// A file or a command could not be read or written.
    MEMSEC_ERR_IO = 5,
    /// A bug in memsec. The objects involved can only be freed.
    MEMSEC_ERR_PANIC = 10,
    /// Another run holds the host, or waits for its end.
    MEMSEC_ERR_BUSY = 11,
}

impl From<ErrorKind> for memsec_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Argument => Self::MEMSEC_ERR_ARGUMENT,
            ErrorKind::Parse => Self::MEMSEC_ERR_PARSE,
            ErrorKind::Io => Self::MEMSEC_ERR_IO,
            ErrorKind::Stale => Self::MEMSEC_ERR_STALE,
            ErrorKind::Busy => Self::MEMSEC_ERR_BUSY,
            _ => Self::MEMSEC_ERR_UNSUPPORTED,
        }
    }
}

/// The name of a status, for example "ERR_PARSE"; "UNKNOWN" for a number that
/// is none. Never NULL, and never freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_status_name(status: i32) -> *const c_char {
    let name = match status {
        0 => c"OK",
        1 => c"ERR_ARGUMENT",
        2 => c"ERR_PARSE",
        3 => c"ERR_UNSUPPORTED",
        4 => c"ERR_STALE",
        5 => c"ERR_IO",
        10 => c"ERR_PANIC",
        11 => c"ERR_BUSY",
        _ => c"UNKNOWN",
    };
    name.as_ptr()
}

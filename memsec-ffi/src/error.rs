use std::ffi::{CString, c_char};

use memsec_core::Error;

use crate::{
    boundary::{borrowed, c_string},
    status::memsec_status,
};

/// Why a call failed. It belongs to the caller, and is never changed.
#[derive(Debug)]
pub struct memsec_error {
    status: memsec_status,
    message: CString,
    source: CString,
    line: usize,
    column: usize,
}

impl memsec_error {
    pub(crate) fn new(status: memsec_status, message: &str) -> Self {
        Self {
            status,
            message: c_string(message),
            source: CString::default(),
            line: 0,
            column: 0,
        }
    }

    pub(crate) fn status(&self) -> memsec_status {
        self.status
    }
}

impl From<Error> for memsec_error {
    fn from(error: Error) -> Self {
        Self {
            source: c_string(error.source_name()),
            line: error.line(),
            column: error.column(),
            ..Self::new(error.kind().into(), &error.to_string())
        }
    }
}

/// The status that the failed call returned, or MEMSEC_OK for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_status(
    error: Option<&memsec_error>,
) -> memsec_status {
    error.map_or(memsec_status::MEMSEC_OK, memsec_error::status)
}

/// One line for a person, the place first if there is one:
/// "policy.json:2:3: key must be a string". It lives as long as the error.
/// Never NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_message(
    error: Option<&memsec_error>,
) -> *const c_char {
    borrowed(error.map(|error| &error.message))
}

/// The name of the text at fault: the path of a file, a command line, or the
/// name of an argument. It lives as long as the error. Never NULL: empty if
/// there is none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_source(
    error: Option<&memsec_error>,
) -> *const c_char {
    borrowed(error.map(|error| &error.source))
}

/// The line at fault, counted from 1, or 0 if there is none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_line(error: Option<&memsec_error>) -> usize {
    error.map_or(0, |error| error.line)
}

/// The column at fault, in characters, counted from 1, or 0 if there is none,
/// and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_column(error: Option<&memsec_error>) -> usize {
    error.map_or(0, |error| error.column)
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_error_free(error: Option<Box<memsec_error>>) {
    drop(error);
}

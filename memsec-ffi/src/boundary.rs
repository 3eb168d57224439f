//! Where C ends and Rust begins: text, out parameters, panics.

use std::{
    any::Any,
    ffi::{CStr, CString, c_char},
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use crate::{error::memsec_error, status::memsec_status};

/// Runs `body`, turns its error or panic into a status, and always writes
/// `err`.
pub(crate) fn run(
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
    body: impl FnOnce() -> Result<(), memsec_error>,
) -> memsec_status {
    let result =
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
            let reason = reason(payload.as_ref());
            Err(memsec_error::new(memsec_status::MEMSEC_ERR_PANIC, &reason))
        });
    let (status, error) = match result {
        Ok(()) => (memsec_status::MEMSEC_OK, None),
        Err(error) => (error.status(), Some(Box::new(error))),
    };
    if let Some(slot) = err {
        slot.write(error);
    }
    status
}

/// As [`run`], for a `body` that makes an object: `out` is always written too.
pub(crate) fn make<T>(
    out: Option<&mut MaybeUninit<Option<Box<T>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
    body: impl FnOnce() -> Result<T, memsec_error>,
) -> memsec_status {
    let mut made = None;
    let out_is_null = out.is_none();
    let status = run(err, || {
        if out_is_null {
            return Err(null("out"));
        }
        made = Some(Box::new(body()?));
        Ok(())
    });
    if let Some(slot) = out {
        slot.write(made);
    }
    status
}

/// As [`make`], for a `body` that writes text.
pub(crate) fn print(
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
    body: impl FnOnce() -> Result<String, memsec_error>,
) -> memsec_status {
    let mut text = ptr::null_mut();
    let out_is_null = out.is_none();
    let status = run(err, || {
        if out_is_null {
            return Err(null("out"));
        }
        text = c_string(&body()?).into_raw();
        Ok(())
    });
    if let Some(slot) = out {
        slot.write(text);
    }
    status
}

/// An argument that may not be NULL.
pub(crate) fn required<T>(
    argument: Option<T>,
    name: &str,
) -> Result<T, memsec_error> {
    argument.ok_or_else(|| null(name))
}

/// Text for C. A NUL, which a C string cannot hold, becomes U+FFFD.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Texts for C, each as its own `to_string()`.
pub(crate) fn texts<T: ToString>(
    texts: impl IntoIterator<Item = T>,
) -> Vec<CString> {
    texts.into_iter().map(|text| c_string(&text.to_string())).collect()
}

/// Text that stays where it is; empty for none.
pub(crate) fn borrowed(text: Option<&CString>) -> *const c_char {
    text.map_or(c"", CString::as_c_str).as_ptr()
}

/// One of several texts that stay where they are; NULL for none.
pub(crate) fn nth(texts: Option<&Vec<CString>>, index: usize) -> *const c_char {
    let text = texts.and_then(|texts| texts.get(index));
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// No honest text is longer. A length above it is a mistake of the caller,
/// and nothing is read.
const LONGEST: usize = 1 << 30;

/// Bytes from C.
#[expect(unsafe_code, reason = "reads memory of C")]
pub(crate) unsafe fn bytes<'a>(
    start: *const c_char,
    len: usize,
    name: &str,
) -> Result<&'a [u8], memsec_error> {
    if start.is_null() {
        return Err(null(name));
    }
    if len == usize::MAX {
        // SAFETY: by this length the caller says that it is a C string.
        return Ok(unsafe { CStr::from_ptr(start) }.to_bytes());
    }
    if len > LONGEST {
        return Err(argument(&format!("{name} is too long")));
    }
    // SAFETY: the caller says that there are as many bytes.
    Ok(unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// Text from C.
#[expect(unsafe_code, reason = "reads memory of C")]
pub(crate) unsafe fn text<'a>(
    start: *const c_char,
    len: usize,
    name: &str,
) -> Result<&'a str, memsec_error> {
    // SAFETY: as this function's own contract.
    let bytes = unsafe { bytes(start, len, name) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        argument(&format!("{name} is not UTF-8 at byte {at}"))
    })
}

pub(crate) fn argument(message: &str) -> memsec_error {
    memsec_error::new(memsec_status::MEMSEC_ERR_ARGUMENT, message)
}

fn null(name: &str) -> memsec_error {
    argument(&format!("{name} is NULL"))
}

fn reason(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    format!("a bug in memsec: {line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{memsec_error_message, memsec_error_status};

    fn make_with(body: fn() -> u8) -> (memsec_status, Option<u8>, String) {
        let mut out = MaybeUninit::uninit();
        let mut err = MaybeUninit::uninit();
        let status = make(Some(&mut out), Some(&mut err), || Ok(body()));
        // SAFETY: make() wrote both.
        #[expect(unsafe_code, reason = "reads what was written")]
        let (out, err) = unsafe { (out.assume_init(), err.assume_init()) };
        assert_eq!(memsec_error_status(err.as_deref()), status);
        let message = memsec_error_message(err.as_deref());
        // SAFETY: an error's message is a C string.
        #[expect(unsafe_code, reason = "reads what was written")]
        let message = unsafe { CStr::from_ptr(message) };
        (status, out.map(|out| *out), message.to_string_lossy().into_owned())
    }

    #[test]
    fn what_is_made_is_written() {
        let made = make_with(|| 7);
        assert_eq!(made, (memsec_status::MEMSEC_OK, Some(7), String::new()));
    }

    #[test]
    fn a_panic_is_a_status() {
        let made = make_with(|| panic!("no\nsuch"));
        let message = "a bug in memsec: no".to_owned();
        assert_eq!(made, (memsec_status::MEMSEC_ERR_PANIC, None, message));
    }

    #[test]
    fn a_nul_is_replaced() {
        assert_eq!(c_string("a\0b").as_c_str(), c"a\u{fffd}b");
    }
}

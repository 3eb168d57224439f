use std::ffi::{CString, c_char};

/// Frees text that a function here gave out as `char *`. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "takes text back from C")]
pub unsafe extern "C" fn memsec_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: every `char *` given out came from CString::into_raw().
        drop(unsafe { CString::from_raw(text) });
    }
}

use std::ffi::{CStr, c_char};

const VERSION: &CStr = {
    let text = concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes();
    match CStr::from_bytes_with_nul(text) {
        Ok(text) => text,
        Err(_) => c"",
    }
};

const NUMBER: u32 = (part(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
    | (part(env!("CARGO_PKG_VERSION_MINOR")) << 8)
    | part(env!("CARGO_PKG_VERSION_PATCH"));

const fn part(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}

/// The version of the library in use, for example "0.1.0". Never NULL, and
/// never freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library in use, laid out as MEMSEC_VERSION_NUMBER.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_version_number() -> u32 {
    NUMBER
}

/// True if the library was built to read and change this host; otherwise
/// memsec_snapshot_collect(), memsec_snapshot_read_tree(), memsec_plan_apply(),
/// memsec_confirm() and memsec_rollback() give MEMSEC_ERR_UNSUPPORTED.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_has_host() -> bool {
    cfg!(feature = "host")
}

use std::{ffi::c_char, mem::MaybeUninit};

use crate::{boundary::print, error::memsec_error, status::memsec_status};

/// Writes every check as JSON, for memsec_string_free(): {"schema": 1,
/// "checks": [...]}, each with its identifier, title, severity at worst, why it
/// matters, how to fix what it finds, and references.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_checks_to_json(
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let document = serde_json::json!({
            "schema": memsec_core::SCHEMA,
            "checks": memsec_core::checks(),
        });
        Ok(format!("{document:#}"))
    })
}

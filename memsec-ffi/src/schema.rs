use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::SCHEMAS;

use crate::{
    boundary::{self, argument, print},
    error::memsec_error,
    status::memsec_status,
};

/// Writes the JSON Schema of a document, for memsec_string_free(): "snapshot",
/// "policy", "report", "packet", "explanation", "plan", "outcome" or
/// "difference". MEMSEC_ERR_ARGUMENT if there is no such document.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_schema_to_json(
    document: *const c_char,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        // SAFETY: as this function's own contract.
        let name = unsafe { boundary::text(document, usize::MAX, "document") }?;
        let found = SCHEMAS.iter().find(|(document, _)| *document == name);
        found
            .map(|(_, schema)| (*schema).to_owned())
            .ok_or_else(|| argument(&format!("{name:?} is not a document")))
    })
}

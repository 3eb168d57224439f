use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::Host;

use crate::{
    boundary::{print, required},
    error::memsec_error,
    policy::memsec_policy,
    snapshot::memsec_snapshot,
    status::memsec_status,
};

/// Says which packets get in on the host `after` and not on the host `before`,
/// or the other way round, as JSON, for memsec_string_free(). Where the rules
/// tell too many ports apart it asks for memcached's, ssh's, and those that
/// `policy` names; a NULL policy names none.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_diff(
    before: Option<&memsec_snapshot>,
    after: Option<&memsec_snapshot>,
    policy: Option<&memsec_policy>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let before = Host::new(&required(before, "before")?.0)?;
        let after = Host::new(&required(after, "after")?.0)?;
        let ports = policy.map_or(&[][..], |policy| &policy.0.ports);
        Ok(memsec_core::diff(&before, &after, ports)?.to_json())
    })
}

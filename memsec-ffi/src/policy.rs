use std::{ffi::c_char, mem::MaybeUninit, net::IpAddr};

use memsec_core::{Cidr, Policy};

use crate::{
    boundary::{self, argument, make, print, required, run},
    error::memsec_error,
    status::memsec_status,
};

/// Who may reach memcached, and what a plan must keep.
#[derive(Debug)]
pub struct memsec_policy(pub(crate) Policy);

/// Makes the default policy: nobody but this host may reach memcached, and
/// ssh stays as reachable as it is. The caller frees it. Never NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_policy_new() -> Option<Box<memsec_policy>> {
    Some(Box::new(memsec_policy(Policy::new())))
}

/// Makes a policy from JSON: {"allow": ["10.20.0.0/24"], "udp": false}. What
/// is absent is as in the default policy. MEMSEC_ERR_PARSE if it is not a
/// policy.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_policy_from_json(
    json: *const c_char,
    json_len: usize,
    out: Option<&mut MaybeUninit<Option<Box<memsec_policy>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let json = unsafe { boundary::text(json, json_len, "json") }?;
        Ok(memsec_policy(Policy::from_json("json", json)?))
    })
}

/// Lets the clients in `network` reach memcached: an address, or a network as
/// "10.20.0.0/24" with no host bits set; else it is MEMSEC_ERR_ARGUMENT. On
/// failure the policy is as it was.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_policy_allow(
    policy: Option<&mut memsec_policy>,
    network: *const c_char,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    run(err, || {
        let policy = required(policy, "policy")?;
        // SAFETY: as this function's own contract.
        let text = unsafe { boundary::text(network, usize::MAX, "network") }?;
        policy.0.allow.push(text.parse::<Cidr>()?);
        Ok(())
    })
}

/// Gives one more address for memcached to listen on; MEMSEC_ERR_ARGUMENT if it
/// is none. With no address, memcached listens where the clients can reach it.
/// On failure the policy is as it was.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_policy_bind(
    policy: Option<&mut memsec_policy>,
    address: *const c_char,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    run(err, || {
        let policy = required(policy, "policy")?;
        // SAFETY: as this function's own contract.
        let text = unsafe { boundary::text(address, usize::MAX, "address") }?;
        let address = text
            .parse::<IpAddr>()
            .map_err(|_| argument(&format!("{text:?} is not an address")))?;
        policy.0.bind.push(address);
        Ok(())
    })
}

/// Writes a policy as JSON, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_policy_to_json(
    policy: Option<&memsec_policy>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(policy, "policy")?.0.to_json()))
}

/// Frees a policy. Reports and plans made with it stay. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_policy_free(policy: Option<Box<memsec_policy>>) {
    drop(policy);
}

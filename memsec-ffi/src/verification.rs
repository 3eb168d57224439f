use std::{
    ffi::{CString, c_char},
    mem::MaybeUninit,
};

use memsec_core::Verification;

use crate::{
    boundary::{borrowed, c_string, make, print, required},
    claim::memsec_claim,
    error::memsec_error,
    plan::memsec_plan,
    snapshot::memsec_snapshot,
    status::memsec_status,
};

/// What the independent checker says of a plan. It keeps nothing of the plan.
#[derive(Debug)]
pub struct memsec_verification {
    found: Verification,
    reason: CString,
    claims: Vec<memsec_claim>,
}

impl From<Verification> for memsec_verification {
    fn from(found: Verification) -> Self {
        let reason = c_string(found.reason().unwrap_or_default());
        let claims = found.claims.iter().map(Into::into).collect();
        Self { found, reason, claims }
    }
}

/// Replays the proof of a plan with a checker that shares no code with the
/// model that made it. `snapshot` is what the plan was made from, for texts of
/// rules that are too long to be in the plan; it may be NULL. It does no I/O.
/// A plan that is refuted is no error: see memsec_verification_holds().
/// MEMSEC_ERR_UNSUPPORTED for what cannot be checked, MEMSEC_ERR_STALE if the
/// plan was not made from the snapshot.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_verify(
    plan: Option<&memsec_plan>,
    snapshot: Option<&memsec_snapshot>,
    out: Option<&mut MaybeUninit<Option<Box<memsec_verification>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        let plan = &required(plan, "plan")?.plan;
        Ok(plan.verify(snapshot.map(|snapshot| &snapshot.0))?.into())
    })
}

/// True if every claim holds and the plan is the one that was proved; false
/// for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_holds(
    verification: Option<&memsec_verification>,
) -> bool {
    verification.is_some_and(|verification| verification.found.holds)
}

/// Why the plan is refuted, in one line. Never NULL: empty if it holds, and
/// for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_reason(
    verification: Option<&memsec_verification>,
) -> *const c_char {
    borrowed(verification.map(|verification| &verification.reason))
}

/// The number of claims; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_claim_len(
    verification: Option<&memsec_verification>,
) -> usize {
    verification.map_or(0, |verification| verification.claims.len())
}

/// A claim by its place, or NULL past the end. It lives as long as the
/// verification.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_claim(
    verification: Option<&memsec_verification>,
    index: usize,
) -> Option<&memsec_claim> {
    verification?.claims.get(index)
}

/// Writes it as JSON, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_to_json(
    verification: Option<&memsec_verification>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        Ok(required(verification, "verification")?.found.to_json())
    })
}

/// Frees it with its claims. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_verification_free(
    verification: Option<Box<memsec_verification>>,
) {
    drop(verification);
}

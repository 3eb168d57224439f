use std::ffi::{CString, c_char};

use memsec_core::{Claim, ClaimKind};

use crate::boundary::{borrowed, c_string};

/// One claim of a plan's proof, checked on the model of the host. It belongs
/// to its plan, and all that its functions return lives as long as that.
#[derive(Debug)]
pub struct memsec_claim {
    kind: memsec_claim_kind,
    holds: bool,
    witness: CString,
}

/// What is claimed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_claim_kind {
    /// There is no claim.
    None = 0,
    /// After the plan no source that the policy does not allow may reach
    /// memcached.
    OnlyAllowed = 1,
    /// After the plan every source that the policy allows is sure to.
    AllAllowed = 2,
    /// A packet that is not for memcached has the verdict that it had.
    Unchanged = 3,
    /// Between two steps memcached is at no time open to more than before the
    /// plan and what the policy allows.
    NeverWider = 4,
    /// Whoever administers the host and was sure to get in, by ssh or by
    /// another port that the policy keeps, still is after every step.
    ManagementKept = 5,
}

impl From<ClaimKind> for memsec_claim_kind {
    fn from(kind: ClaimKind) -> Self {
        match kind {
            ClaimKind::OnlyAllowed => Self::OnlyAllowed,
            ClaimKind::AllAllowed => Self::AllAllowed,
            ClaimKind::Unchanged => Self::Unchanged,
            ClaimKind::NeverWider => Self::NeverWider,
            ClaimKind::ManagementKept => Self::ManagementKept,
        }
    }
}

impl From<&Claim> for memsec_claim {
    fn from(claim: &Claim) -> Self {
        let witness = claim.witness.as_ref();
        let message = witness.map(|witness| witness.message.as_str());
        Self {
            kind: claim.claim.into(),
            holds: claim.holds,
            witness: c_string(message.unwrap_or_default()),
        }
    }
}

/// What is claimed; MEMSEC_CLAIM_KIND_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_claim_get_kind(
    claim: Option<&memsec_claim>,
) -> memsec_claim_kind {
    claim.map_or(memsec_claim_kind::None, |claim| claim.kind)
}

/// True if the claim holds; false for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_claim_holds(claim: Option<&memsec_claim>) -> bool {
    claim.is_some_and(|claim| claim.holds)
}

/// Why the claim does not hold, in one line. Never NULL: empty if it holds,
/// and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_claim_witness(
    claim: Option<&memsec_claim>,
) -> *const c_char {
    borrowed(claim.map(|claim| &claim.witness))
}

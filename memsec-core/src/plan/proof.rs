//! That a plan does what it should, and nothing else.

use serde::{Deserialize, Serialize};

use super::Certificate;
use crate::{reach::Packet, text::Place};

/// The claims about a plan, each checked on the model of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Proof {
    /// Whether all claims hold. If not, the plan is refused.
    pub holds: bool,
    /// The claims.
    pub claims: Vec<Claim>,
    /// What they rest on, for whoever wants to check them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<Certificate>>,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Claim {
    /// What is claimed.
    pub claim: ClaimKind,
    /// Whether it holds.
    pub holds: bool,
    /// A packet for which it does not hold, and why.
    pub witness: Option<Witness>,
}

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// After the plan no source that the policy does not allow may reach
    /// memcached.
    OnlyAllowed,
    /// After the plan every source that the policy allows is sure to.
    AllAllowed,
    /// A packet that is not for memcached has the verdict that it had.
    Unchanged,
    /// Between two steps memcached is at no time open to more than before
    /// the plan and what the policy allows.
    NeverWider,
    /// Whoever administers the host and was sure to get in, by ssh or by
    /// another port that the policy keeps, still is after every step.
    ManagementKept,
}

/// Why a claim does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Witness {
    /// What stands in the way.
    pub message: String,
    /// A packet that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
    /// The rules that decide it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Place>,
}

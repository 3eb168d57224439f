//! Plans: what to change so that a host obeys a policy.

mod admit;
mod daemon;
mod draft;
mod guard;
mod listen;
mod proof;
mod prove;
mod render;
mod step;

pub use guard::{Guard, Inside};
pub use proof::{Claim, ClaimKind, Proof, Witness};
pub use render::Render;
#[cfg(feature = "host")]
pub(crate) use render::quote;
pub(crate) use render::{claim_line, command_line};
pub use step::{Basis, Plan, Run, Step, StepKind};

use crate::{
    Error, Policy, Snapshot,
    audit::{Exposure, Reached, Report, shut_out},
    host::Host,
};
use draft::Draft;

impl Report {
    /// The plan that makes the host obey the policy that it was audited
    /// against. It changes nothing by itself. A report that was read from
    /// JSON no longer knows its host: its plan is refused.
    pub fn plan(&self) -> Plan {
        let Some((snapshot, host, policy)) = self.made_from.as_deref() else {
            return refused("a report that was read from JSON has no host");
        };
        synthesis(snapshot, host, policy)
            .unwrap_or_else(|error| refused(&error.to_string()))
    }

    /// Who reaches what once a plan has been carried out; `None` where it is
    /// not the plan of this report, or is refused.
    pub(crate) fn after(&self, plan: &Plan) -> Option<Vec<Exposure>> {
        let (snapshot, host, policy) = self.made_from.as_deref()?;
        let draft = draft(snapshot, host, policy).ok()?;
        let own = plan.proof.holds && draft.steps == plan.steps;
        own.then(|| draft.reached().iter().map(Reached::exposure).collect())
    }
}

fn synthesis(
    snapshot: &Snapshot,
    host: &Host,
    policy: &Policy,
) -> Result<Plan, Error> {
    let draft = draft(snapshot, host, policy)?;
    let proof = prove::proof(host, &draft);
    Ok(Plan {
        schema: crate::schema::Version,
        empty: draft.steps.is_empty() && proof.holds,
        steps: draft.steps,
        proof,
        made_from: Some(Basis {
            policy: policy.clone(),
            fingerprint: snapshot.fingerprint(),
        }),
    })
}

/// The guard goes first: it can only narrow, and behind it memcached may
/// move to another address without a moment at which it stands open there.
/// The rule that lets clients in goes last.
fn draft<'a>(
    snapshot: &Snapshot,
    host: &Host,
    policy: &'a Policy,
) -> Result<Draft<'a>, Error> {
    if host.is_full() {
        let what = "there are more ways into containers than are followed";
        return Err(Error::unsupported(what));
    }
    let mut draft = Draft::new(snapshot, host, policy);
    let changes = daemon::changes(&mut draft);
    let mut bare = draft.clone();
    for change in &changes {
        daemon::apply(&mut bare, change)?;
    }
    let guarded = needs_guard(&bare, !changes.is_empty());
    if guarded && !guard::has_nft(snapshot) {
        let what = "the guard needs nft, which is not on this host";
        draft.obstacles.push(what.to_owned());
    } else if guarded {
        let mut ports = draft.outer_ports();
        ports.extend(bare.outer_ports());
        guard::load(&mut draft, ports)?;
    }
    for change in &changes {
        daemon::apply(&mut draft, change)?;
    }
    admit::admit(&mut draft)?;
    if draft.guard.is_some() {
        guard::persist(&mut draft)?;
    }
    Ok(draft)
}

/// Whether somebody still gets in that should not, or a guard that is there
/// keeps a client out, or would not come back at boot. Where a host is opened
/// to clients the guard is the second wall: a firewall manager that reloads
/// lets everybody in for a moment.
fn needs_guard(draft: &Draft<'_>, changes: bool) -> bool {
    let reached = draft.reached();
    let open = reached
        .iter()
        .any(|r| r.instance.is_some() && !r.beyond(draft.policy).is_empty());
    let shut = || {
        let shut = shut_out(&draft.host, draft.policy, &reached);
        shut.iter().any(|shut| shut.to.is_some())
    };
    let has_guard = draft.host.ruleset.has_table("memsec");
    let opens = !draft.policy.allow.is_empty() && changes && !has_guard;
    open || opens || shut() || guard::guard_is_lost_at_boot(draft)
}

fn refused(why: &str) -> Plan {
    let witness = Witness { message: why.to_owned(), ..Witness::default() };
    let claim = Claim {
        claim: ClaimKind::OnlyAllowed,
        holds: false,
        witness: Some(witness),
    };
    Plan {
        schema: crate::schema::Version,
        empty: false,
        steps: Vec::new(),
        proof: Proof { holds: false, claims: vec![claim] },
        made_from: None,
    }
}

#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::after;

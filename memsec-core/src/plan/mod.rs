//! Plans: what to change so that a host obeys a policy.

mod admit;
mod certificate;
mod certify;
mod cut;
mod daemon;
mod draft;
mod guard;
mod listen;
mod proof;
mod prove;
mod render;
mod step;

pub(crate) use certificate::digest;
pub use certificate::{
    Certificate, Checked, HostAddress, HostRoute, Listening, Networks, Segment,
    Takes, TextChange,
};
#[cfg(test)]
pub(crate) use certify::addresses;
#[cfg(feature = "host")]
pub(crate) use guard::guard_as_it_was;
pub(crate) use guard::{GUARD_HEAD, GUARD_LOAD};
pub use guard::{Guard, Inside};
pub use proof::{Claim, ClaimKind, Proof, Witness};
pub use render::Render;
#[cfg(feature = "host")]
pub(crate) use render::quote;
pub(crate) use render::{claim_line, command_line};
pub use step::{Basis, Considered, Plan, Run, Step, StepKind};

use crate::{
    Error, Policy, Snapshot, Strategy,
    audit::{Exposure, Reached, Report, shut_out},
    host::Host,
};
use draft::Draft;
use guard::Loader;

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
    let mut proof = prove::proof(host, &draft);
    proof.certificate = Some(Box::new(certify::certificate(&draft)));
    Ok(Plan {
        schema: crate::schema::Version,
        empty: draft.steps.is_empty() && proof.holds,
        steps: draft.steps,
        proof,
        strategies: draft.considered,
        made_from: Some(Basis {
            policy: policy.clone(),
            fingerprint: snapshot.fingerprint(),
        }),
    })
}

/// What comes first behind the guard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// What opens goes last.
    Daemons,
    /// Where a daemon moves away from an address at which clients get in, the
    /// rules let them in at the new one before.
    Manager,
}

fn draft<'a>(
    snapshot: &Snapshot,
    host: &'a Host,
    policy: &'a Policy,
) -> Result<Draft<'a>, Error> {
    let usual = ordered(snapshot, host, policy, Order::Daemons)?;
    if prove::lost_between(&usual).is_none() {
        return Ok(usual);
    }
    let other = ordered(snapshot, host, policy, Order::Manager)?;
    let holds = prove::proof(host, &other).holds;
    Ok(if holds { other } else { usual })
}

/// The guard goes first: it can only narrow, and behind it memcached may
/// move to another address without a moment at which it stands open there.
fn ordered<'a>(
    snapshot: &Snapshot,
    host: &'a Host,
    policy: &'a Policy,
    order: Order,
) -> Result<Draft<'a>, Error> {
    if host.is_full() {
        let what = "there are more ways into containers than are followed";
        return Err(Error::unsupported(what));
    }
    let mut draft = Draft::new(snapshot, host, policy);
    let changes = daemon(&mut draft)?;
    let bare = bare(&draft, &changes)?;
    guard(&mut draft, &bare, !changes.is_empty())?;
    if order == Order::Manager {
        draft.ahead.clone_from(&changes);
        manager(&mut draft)?;
        draft.ahead.clear();
    }
    for change in &changes {
        daemon::apply(&mut draft, change)?;
    }
    if order == Order::Daemons {
        manager(&mut draft)?;
    }
    if draft.guard.is_some() {
        guard::persist(&mut draft)?;
    }
    cut(&mut draft)?;
    Ok(draft)
}

/// What becomes of the daemons.
///
/// # Errors
///
/// What keeps memcached from the addresses that the policy names.
fn daemon(draft: &mut Draft<'_>) -> Result<Vec<daemon::Change>, Error> {
    const DAEMON: Strategy = Strategy::Daemon;
    if !draft.policy.lets(DAEMON) {
        draft.consider(DAEMON, false, LEFT_OUT);
        return Ok(Vec::new());
    }
    let known = draft.obstacles.len();
    let changes = daemon::changes(draft);
    let obstacle = draft.obstacles.get(known).cloned();
    if let Some(why) = obstacle.as_ref().filter(|_| draft.policy.names_where())
    {
        return Err(Error::unsupported(why.clone()));
    }
    match (changes.is_empty(), obstacle) {
        (false, _) => {
            draft.consider(
                DAEMON,
                true,
                "it is the first wall: what is not listened on nobody reaches",
            );
        }
        (true, Some(why)) => draft.consider(DAEMON, false, &why),
        (true, None) => {
            draft.consider(
                DAEMON,
                false,
                "memcached listens as it should, or no file says how",
            );
        }
    }
    Ok(changes)
}

const LEFT_OUT: &str = "the policy leaves it out";

/// The host with the daemons as they are to be, without a guard. Where none
/// may be restarted that is how they are.
fn bare<'a>(
    draft: &Draft<'a>,
    changes: &[daemon::Change],
) -> Result<Draft<'a>, Error> {
    let mut bare = draft.clone();
    if draft.policy.restart {
        bare.ahead = changes.to_vec();
    }
    bare.into_foreseen()
}

fn guard(
    draft: &mut Draft<'_>,
    bare: &Draft<'_>,
    changes: bool,
) -> Result<(), Error> {
    const GUARD: Strategy = Strategy::Guard;
    if !needs_guard(bare, changes) {
        draft.consider(GUARD, false, "nobody gets in that should not");
    } else if !draft.policy.lets(GUARD) {
        draft.consider(GUARD, false, LEFT_OUT);
    } else {
        match Loader::of(&draft.snapshot, &draft.host) {
            Ok(loader) => load(draft, bare, loader)?,
            Err(error) => {
                draft.obstacles.push(error.to_string());
                draft.consider(GUARD, false, &error.to_string());
            }
        }
    }
    Ok(())
}

fn load(
    draft: &mut Draft<'_>,
    bare: &Draft<'_>,
    loader: Loader,
) -> Result<(), Error> {
    let why = match loader {
        Loader::Nft => {
            "it drops whoever is not allowed, whatever other rules say"
        }
        Loader::Iptables(_) => {
            "it drops whoever is not allowed before other rules are asked; \
             it is one of iptables, for want of nft"
        }
    };
    draft.consider(Strategy::Guard, true, why);
    let lack = loader.lacks(&draft.host).map(str::to_owned);
    draft.obstacles.extend(lack);
    draft.loader = loader;
    let mut ports = draft.outer_ports();
    ports.extend(bare.outer_ports());
    guard::load(draft, ports)
}

fn manager(draft: &mut Draft<'_>) -> Result<(), Error> {
    const MANAGER: Strategy = Strategy::Manager;
    if !draft.policy.lets(MANAGER) {
        draft.consider(MANAGER, false, LEFT_OUT);
        return Ok(());
    }
    let (steps, obstacles) = (draft.steps.len(), draft.obstacles.len());
    admit::admit(draft)?;
    let obstacle = draft.obstacles.get(obstacles).cloned();
    match (draft.steps.len() > steps, obstacle) {
        (true, _) => {
            let why = "the host's own rules are to say the same";
            draft.consider(MANAGER, true, why);
        }
        (false, Some(why)) => draft.consider(MANAGER, false, &why),
        (false, None) => {
            let why = "the host's own rules let every client in already";
            draft.consider(MANAGER, false, why);
        }
    }
    Ok(())
}

fn cut(draft: &mut Draft<'_>) -> Result<(), Error> {
    const CUT: Strategy = Strategy::Cut;
    if !draft.policy.lets(CUT) {
        draft.consider(CUT, false, LEFT_OUT);
        return Ok(());
    }
    match cut::cut(draft)? {
        Some(why) => draft.consider(CUT, false, why),
        None => {
            let why = "connections that are open outlive a rule";
            draft.consider(CUT, true, why);
        }
    }
    Ok(())
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
    let has_guard = draft.host.ruleset.has_guard();
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
        proof: Proof { holds: false, claims: vec![claim], certificate: None },
        strategies: Vec::new(),
        made_from: None,
    }
}

#[cfg(test)]
mod admit_tests;
#[cfg(test)]
mod boot_tests;
#[cfg(test)]
mod checked_tests;
#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod hosts_tests;
#[cfg(test)]
mod iptables_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::after;

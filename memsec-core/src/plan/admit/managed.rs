//! The strategy of the host's own firewall manager: it is asked, in its own
//! terms, to let the clients in and the others out.

use crate::{
    Error,
    audit::reached,
    host::Host,
    managers::{self, Ask, Change, Load, Manager},
    plan::{
        ClaimKind, Run, Step, StepKind, daemon::settles, draft::Draft, prove,
    },
};

/// More changes than this nobody reads before they are made.
const MOST: usize = 64;

/// Asks each manager that is enabled. What one would refuse, or what would
/// touch more than memcached's ports, is left to the other strategies.
pub(super) fn ask(draft: &mut Draft<'_>) -> Result<(), Error> {
    if !is_needed(draft)? {
        return Ok(());
    }
    let loads = managers::loads(&draft.snapshot)?;
    for load in loads.iter().filter(|load| load.enabled) {
        let ports = draft.foreseen()?.outer_ports();
        for port in ports {
            match asked(draft, load, port) {
                Some(Ok(trial)) => *draft = trial,
                Some(Err(error)) => {
                    let name = load.manager.name();
                    draft.obstacles.push(format!("{name}: {error}"));
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// Whether a client is kept out, or the guard alone keeps others out.
fn is_needed(draft: &Draft<'_>) -> Result<bool, Error> {
    if draft.shut_out()?.iter().any(|shut| shut.to.is_some()) {
        return Ok(true);
    }
    let mut bare = Host::new(&draft.snapshot)?;
    bare.ruleset.remove_guard();
    let bare = reached(&bare, draft.policy);
    let mut own = bare.iter().filter(|r| r.instance.is_some());
    Ok(own.any(|r| !r.beyond(draft.policy).is_empty()))
}

/// The draft after the manager has done what it takes; `None` if it is not
/// one that is asked.
fn asked<'a>(
    draft: &Draft<'a>,
    load: &Load,
    port: u16,
) -> Option<Result<Draft<'a>, Error>> {
    let protos = draft.policy.protos();
    let clients = &draft.policy.allow;
    let wanted = Ask { port, protos, clients };
    let changes = managers::ask(load.manager, &draft.snapshot, &wanted)?;
    Some(changes.and_then(|changes| tried(draft, load.manager, changes)))
}

fn tried<'a>(
    draft: &Draft<'a>,
    manager: Manager,
    changes: Vec<Change>,
) -> Result<Draft<'a>, Error> {
    let refuse = |why: &str| Err(Error::unsupported(why));
    if changes.len() > MOST {
        return refuse("this would be too many changes for one plan");
    }
    // A start of csf leaves everything open for about a second, and a guard
    // of iptables is gone for a part of that.
    let restarts = manager == Manager::Csf && !changes.is_empty();
    let rules = &draft.host.ruleset;
    if restarts && !rules.has_guard() {
        return refuse("without the guard it is not started again");
    }
    let waits = restarts && !rules.has_native_guard();
    let mut trial = draft.clone();
    trial.states.clear();
    for change in changes {
        let change =
            if waits { managers::csf::for_next_start(change) } else { change };
        change.apply(&mut trial.snapshot);
        trial.step(step(change))?;
    }
    let kept = [ClaimKind::Unchanged, ClaimKind::NeverWider];
    let claims = prove::proof(&draft.host, &trial).claims.into_iter();
    let mut broken = claims.filter(|c| !c.holds && kept.contains(&c.claim));
    if let Some(claim) = broken.next() {
        let why = claim.witness.unwrap_or_default();
        let place = why.because.first().cloned().unwrap_or_default();
        return refuse(&format!("{} ({place})", why.message));
    }
    let mut states = draft.states.clone();
    states.append(&mut trial.states);
    trial.states = states;
    Ok(trial)
}

fn step(change: Change) -> Step {
    let run =
        |command: Vec<String>| (!command.is_empty()).then_some(Run { command });
    Step {
        kind: StepKind::Manager,
        summary: change.summary,
        settles: settles(&["FW-006", "FW-010", "FW-014"]),
        file: change.file,
        command: change.command,
        undo: run(change.undo),
        check: run(change.check),
        guard: None,
    }
}

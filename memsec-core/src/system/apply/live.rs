//! Whether the live host is as the policy wants it.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Policy, Snapshot,
    audit::{reached, shut_out},
    host::Host,
    memcached::{Instance, Start},
    plan::Basis,
    system::collect,
};

/// How long a daemon may take until it listens as it should.
const PATIENCE: Duration = Duration::from_secs(5);

/// Refuses a host that is not the one that a plan was made for; gives
/// whether memcached runs on it.
pub(super) fn fresh(basis: &Basis) -> Result<bool, Error> {
    let snapshot = collect()?;
    let now = snapshot.fingerprint();
    let changes = basis.fingerprint.changes(&now);
    if changes.is_empty() {
        return Ok(runs(&snapshot));
    }
    let what = changes.join(", ");
    Err(Error::stale(format!(
        "the host changed since the plan was made: {what}"
    )))
}

fn runs(snapshot: &Snapshot) -> bool {
    let here = |netns: &Option<String>| netns.as_deref() == Some("host");
    snapshot.processes.iter().any(|process| here(&process.netns))
}

/// Reads the host again, until it obeys the policy; gives what is wrong if
/// it never does.
pub(super) fn obeys(policy: &Policy, must_run: bool) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let problem = match problem(policy, must_run) {
            Ok(None) => return Ok(()),
            Ok(Some(problem)) => problem,
            Err(error) => error.to_string(),
        };
        if start.elapsed() > PATIENCE {
            return Err(problem);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn problem(policy: &Policy, must_run: bool) -> Result<Option<String>, Error> {
    let snapshot = collect()?;
    let host = Host::new(&snapshot)?;
    let reached = reached(&host, policy);
    let own = reached.iter().filter(|r| r.instance.is_some());
    for found in own {
        if let Some(net) = found.beyond(policy).cidrs().next() {
            let (proto, port) = (found.proto, found.port);
            let what = format!("{net} still reaches {proto:?} port {port}");
            return Ok(Some(what));
        }
    }
    if let Some(shut) = shut_out(&host, policy, &reached).into_iter().next() {
        return Ok(Some(shut.message));
    }
    let problem = match must_run {
        true if !runs(&snapshot) => Some("memcached does not run any more"),
        true if host.instances.iter().any(|one| is_deaf(&host, one)) => {
            Some("memcached runs and does not listen")
        }
        _ => None,
    };
    Ok(problem.map(str::to_owned))
}

/// Whether a process that should listen has no socket yet, as ss tells.
fn is_deaf(host: &Host, instance: &Instance) -> bool {
    let Start::Runs(running) = &instance.start else { return false };
    let (Some(pid), Some(sockets), None) =
        (instance.pid, &host.sockets, &instance.netns)
    else {
        return false;
    };
    let mut owners = sockets.iter().flat_map(|socket| &socket.owners);
    running.sockets().next().is_some() && !owners.any(|one| one.pid == pid)
}

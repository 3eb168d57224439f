//! The strategy of the daemon: bind, and UDP off, where the launcher reads
//! it.

use super::{
    Run, Step, StepKind,
    draft::{Draft, tcp_ports},
    listen,
};
use crate::{
    Error, FileChange,
    memcached::{Instance, Launcher, edit},
};

/// What becomes of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub file: FileChange,
    pub id: String,
    pub ports: Vec<u16>,
    pub version: Option<String>,
    pub summary: String,
}

/// The changes that make the daemons listen on what the policy wants. What
/// cannot be changed is an obstacle of the draft.
pub(super) fn changes(draft: &mut Draft<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for instance in draft.host.instances.clone() {
        match change(draft, &instance) {
            Ok(change) => changes.extend(change),
            Err(error) => draft.obstacles.push(error.to_string()),
        }
    }
    changes
}

fn change(
    draft: &Draft<'_>,
    instance: &Instance,
) -> Result<Option<Change>, Error> {
    if matches!(instance.launcher, Launcher::Process | Launcher::Docker) {
        return Ok(None);
    }
    let wanted = listen::wanted(&draft.host, draft.policy, instance)?;
    let Some(wanted) = wanted else { return Ok(drift(draft, instance)) };
    let file = edit(&draft.snapshot, instance, &wanted)?;
    let list: Vec<_> = wanted.listen.iter().map(ToString::to_string).collect();
    let udp = if wanted.udp { "" } else { ", with UDP off" };
    Ok(Some(Change {
        summary: format!(
            "{}: listen on {} only{udp}",
            file.path,
            list.join(", ")
        ),
        file,
        id: instance.id.clone(),
        ports: tcp_ports(&instance.start),
        version: instance.version.map(|version| version.to_string()),
    }))
}

/// A daemon that runs with other arguments than its file has: the file is
/// right, and a restart is all that is missing.
fn drift(draft: &Draft<'_>, instance: &Instance) -> Option<Change> {
    let ports = tcp_ports(&instance.start);
    let runs_otherwise = |other: &&Instance| {
        other.launcher == Launcher::Process
            && (other.id == instance.id
                || tcp_ports(&other.start).iter().any(|p| ports.contains(p)))
    };
    draft.host.instances.iter().find(runs_otherwise)?;
    let text = draft.text(&instance.source)?;
    Some(Change {
        file: FileChange {
            path: instance.source.clone(),
            before: Some(text.clone()),
            after: Some(text),
        },
        id: instance.id.clone(),
        ports,
        version: instance.version.map(|version| version.to_string()),
        summary: String::new(),
    })
}

/// Adds the steps of a change: the edit, if it is one, and the restart.
pub(super) fn apply(
    draft: &mut Draft<'_>,
    change: &Change,
) -> Result<(), Error> {
    let restart = || words(&["systemctl", "restart", "memcached.service"]);
    if change.file.before != change.file.after {
        draft.write(&change.file);
        draft.step(Step {
            kind: StepKind::Edit,
            summary: change.summary.clone(),
            settles: settles(&["NET-001", "NET-002", "UDP-001", "UDP-002"]),
            file: Some(change.file.clone()),
            undo: Some(Run { command: restart() }),
            ..Step::default()
        })?;
    }
    draft.restart(&change.id, &change.ports, change.version.clone());
    draft.step(Step {
        kind: StepKind::Service,
        summary: "restart memcached.service, so that it reads its file"
            .to_owned(),
        settles: settles(&["NET-001", "NET-002", "UDP-001", "UDP-002"]),
        command: restart(),
        check: Some(Run {
            command: words(&[
                "systemctl",
                "is-active",
                "--quiet",
                "memcached.service",
            ]),
        }),
        ..Step::default()
    })
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(super) fn settles(checks: &[&str]) -> Vec<String> {
    checks.iter().map(|check| format!("MEMSEC-{check}")).collect()
}

//! The strategy of the daemon: bind, and UDP off, where the launcher reads
//! it.

use super::{
    Run, Step, StepKind,
    draft::{Draft, tcp_ports},
    listen,
};
use crate::{
    Error, FileChange,
    memcached::{Instance, Launcher, edit, is_unit},
};

/// What becomes of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub file: FileChange,
    pub id: String,
    pub service: Service,
    pub ports: Vec<u16>,
    pub version: Option<String>,
    pub summary: String,
    /// The checks whose findings it settles.
    pub settles: Vec<String>,
}

/// Those of every change of what is listened on.
const LISTENS: [&str; 4] = ["NET-001", "NET-002", "UDP-001", "UDP-002"];

/// How a daemon is started again.
#[derive(Clone, Debug)]
pub(super) struct Service {
    name: String,
    restart: Vec<String>,
    /// Exits with 0 if it runs.
    check: Vec<String>,
}

impl Service {
    fn of(instance: &Instance) -> Self {
        let init = instance.id.starts_with("memcached_");
        let id = match instance.id.as_str() {
            "memcached-sysconfig" => "memcached",
            _ if init => "memcached",
            id => id,
        };
        let unit = format!("{id}.service");
        let quiet = ["systemctl", "is-active", "--quiet", unit.as_str()];
        let (name, restart, check) = match instance.launcher {
            Launcher::OpenRc => (
                id,
                words(&["rc-service", id, "restart"]),
                words(&["rc-service", id, "status"]),
            ),
            Launcher::Sysv => by_init(id),
            Launcher::Debian if init => by_init(id),
            _ => (
                unit.as_str(),
                words(&["systemctl", "restart", &unit]),
                words(&quiet),
            ),
        };
        Self { name: name.to_owned(), restart, check }
    }
}

fn by_init(id: &str) -> (&str, Vec<String>, Vec<String>) {
    let line = |what| words(&["service", id, what]);
    (id, line("restart"), line("status"))
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
    use Launcher::{Docker, Led, Process};
    let alone = matches!(instance.launcher, Process | Docker | Led);
    if alone && !(draft.policy.names_where() && is_alone(draft, instance)) {
        return Ok(None);
    }
    let wanted = listen::wanted(&draft.host, draft.policy, instance)?;
    if let Some(wanted) = wanted.as_ref().filter(|_| alone) {
        let what = "no file that memsec knows says how it is started";
        return Err(Error::unsupported(format!(
            "{}: {wanted}: {what}",
            instance.id
        )));
    }
    let Some(wanted) = wanted else { return Ok(drift(draft, instance)) };
    let file = edit(&draft.snapshot, instance, &wanted)?;
    let mut settles = settles(&LISTENS);
    if wanted.changes_options() {
        let asked = draft.policy.settle.iter().cloned();
        let new = asked.filter(|id| !settles.contains(id));
        settles.extend(new.collect::<Vec<_>>());
    }
    Ok(Some(Change {
        settles,
        summary: format!("{}: {wanted}", file.path),
        file,
        id: instance.id.clone(),
        service: Service::of(instance),
        ports: tcp_ports(&instance.start),
        version: instance.version.map(|version| version.to_string()),
    }))
}

/// Whether no file starts a daemon with a port of this one.
fn is_alone(draft: &Draft<'_>, instance: &Instance) -> bool {
    use Launcher::{Docker, Led, Process};
    let ports = tcp_ports(&instance.start);
    let mut others = draft
        .host
        .instances
        .iter()
        .filter(|other| !matches!(other.launcher, Process | Docker | Led));
    !others.any(|other| {
        other.id == instance.id
            || tcp_ports(&other.start).iter().any(|p| ports.contains(p))
    })
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
    draft.policy.restart.then_some(())?;
    let text = draft.text(&instance.source)?;
    Some(Change {
        file: FileChange {
            path: instance.source.clone(),
            before: Some(text.clone()),
            after: Some(text),
        },
        id: instance.id.clone(),
        service: Service::of(instance),
        ports,
        version: instance.version.map(|version| version.to_string()),
        summary: String::new(),
        settles: settles(&LISTENS),
    })
}

/// What a change makes of the snapshot, without a step.
pub(super) fn foresee(draft: &mut Draft<'_>, change: &Change) {
    draft.write(&change.file);
    if draft.policy.restart {
        draft.restart(&change.id, &change.ports, change.version.clone());
    }
}

/// Adds the steps of a change: the edit, if it is one, and the restart.
pub(super) fn apply(
    draft: &mut Draft<'_>,
    change: &Change,
) -> Result<(), Error> {
    let Service { name, restart, check } = &change.service;
    let settles = || change.settles.clone();
    let again = draft.policy.restart.then(|| Run { command: restart.clone() });
    let reload = is_unit(&change.file.path)
        .then(|| words(&["systemctl", "daemon-reload"]));
    if change.file.before != change.file.after {
        // Steps are undone from the last to the first: the unit as it was,
        // read again, and then the restart.
        if let Some(reload) = &reload {
            draft.step(Step {
                kind: StepKind::Service,
                summary: "have systemd read its units again, so that no \
                          other change comes with this one"
                    .to_owned(),
                command: reload.clone(),
                undo: again.clone(),
                ..Step::default()
            })?;
        }
        draft.write(&change.file);
        let undo = reload.clone().map(|command| Run { command });
        draft.step(Step {
            kind: StepKind::Edit,
            summary: change.summary.clone(),
            settles: settles(),
            file: Some(change.file.clone()),
            command: reload.unwrap_or_default(),
            undo: undo.or(again),
            ..Step::default()
        })?;
    }
    if !draft.policy.restart {
        return Ok(());
    }
    draft.restart(&change.id, &change.ports, change.version.clone());
    draft.step(Step {
        kind: StepKind::Service,
        summary: format!("restart {name}, so that it reads its file"),
        settles: settles(),
        command: restart.clone(),
        check: Some(Run { command: check.clone() }),
        ..Step::default()
    })
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(super) fn settles(checks: &[&str]) -> Vec<String> {
    checks.iter().map(|check| format!("MEMSEC-{check}")).collect()
}

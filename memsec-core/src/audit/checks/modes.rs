//! MEMSEC-FILE-001 and SOCK-001: who else may change or open a file.

use std::collections::BTreeSet;

use super::{Check, Found, each};
use crate::{
    Listener,
    audit::{Severity, subject::Subject},
    memcached::{Launcher, Running},
    snapshot::File,
    text::Place,
};

pub(super) const FILE_001: Check = Check {
    id: "MEMSEC-FILE-001",
    title: "Others than root can change the configuration",
    severity: Severity::Critical,
    varies: "critical where Debian's wrapper reads the file, else high: no \
             network is needed",
    why: "who writes it decides who gets in; and Debian's wrapper gives a \
          line with a \";\" to a shell, as root",
    detection: "the mode and owner of the files that the launcher reads, of \
                the unit and its drop-ins, and of the wrapper",
    fix: "chown root:root FILE; chmod 0644 FILE",
    references: &["CWE-732", "ANSSI R50"],
    find: writable,
};

pub(super) const SOCK_001: Check = Check {
    id: "MEMSEC-SOCK-001",
    title: "Every account of this host can use the unix socket",
    severity: Severity::High,
    varies: "the same whoever is on the network",
    why: "any account, that of a broken web site too, reads and changes the \
          cache",
    detection: "-s, and -a with a write bit for others (without -a it is 0700)",
    fix: "set -a 0770, and put the clients into the group of the daemon",
    references: &["CWE-732", "ANSSI R52"],
    find: open_socket,
};

/// What somebody does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Reads,
    Writes,
}

/// Who else than root and one user may do that to a file; `None` for nobody,
/// as far as its mode and owner are known. Access control lists are not.
pub(super) fn others(
    file: &File,
    user: Option<u32>,
    reader: Reader,
) -> Option<String> {
    let (all, group) = match reader {
        Reader::Reads => (0o006, 0o020),
        Reader::Writes => (0o002, 0o020),
    };
    let mode = file.mode.unwrap_or_default();
    let strange = |id: &u32| *id != 0 && Some(*id) != user;
    let owner = file.uid.filter(strange);
    let members = file.gid.filter(|gid| *gid != 0 && mode & group != 0);
    match (mode & all != 0, owner, members) {
        (true, _, _) => Some(format!("every account (mode {mode:04o}) can")),
        (_, Some(uid), _) => Some(format!("its owner, user {uid}, can")),
        (_, _, Some(gid)) => Some(format!("the members of group {gid} can")),
        _ => None,
    }
}

/// The files that decide how the daemons start, and whether Debian's wrapper
/// reads them.
pub(super) fn configuration(subject: &Subject<'_>) -> Vec<(String, bool)> {
    const DEBIAN: &str = "/usr/share/memcached/scripts/";
    let mut all = BTreeSet::new();
    for instance in &subject.host.instances {
        let wrapped = instance.launcher == Launcher::Debian;
        all.insert((instance.source.clone(), wrapped));
        let unit = instance.unit();
        let lines = subject.directives(&unit);
        let sources = lines.iter().filter_map(|d| d.value.span.as_ref());
        let names = sources.map(|span| span.source_name().to_owned());
        all.extend(names.map(|name| (name, false)));
        let files = subject.snapshot.files.keys();
        let scripts = files.filter(|path| path.starts_with(DEBIAN) && wrapped);
        all.extend(scripts.map(|path| (path.clone(), true)));
    }
    all.into_iter().filter(|(path, _)| path.starts_with('/')).collect()
}

fn writable(subject: &Subject<'_>) -> Vec<Found> {
    let found = configuration(subject).into_iter().filter_map(|(path, sh)| {
        let file = subject.snapshot.files.get(&path)?;
        let who = others(file, None, Reader::Writes)?;
        let severity = if sh { Severity::Critical } else { Severity::High };
        let message = format!("{who} change {path}");
        Some(Found::new(severity, Place::whole(path), message))
    });
    found.collect()
}

fn open_socket(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let (path, mode) = open(running)?;
        let message = format!("{} gives {path} the mode {mode}", instance.id);
        Some(Found::new(Severity::High, instance.place('a'), message))
    })
}

/// The socket that every account may connect to, which takes the write bit
/// (unix(7)), and its mode.
fn open(running: &Running) -> Option<(&String, &String)> {
    running.listeners.iter().find_map(|listener| match listener {
        Listener::Unix { path, mode: Some(mode) } => {
            let bits = u32::from_str_radix(mode, 8).ok()?;
            (bits & 0o002 != 0).then_some((path, mode))
        }
        _ => None,
    })
}

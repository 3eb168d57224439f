//! MEMSEC-DRIFT-003 and -004: what is written and never read.

use super::{Check, Found, each};
use crate::{
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::{Launcher, ignored_by_debian},
    text::{Place, Span},
};

pub(super) const DRIFT_003: Check = Check {
    id: "MEMSEC-DRIFT-003",
    title: "A configuration that nothing reads",
    severity: Severity::High,
    varies: "high where others than the clients get in, else low",
    why: "who hardens this file hardens nothing: each distribution reads \
          another",
    detection: "/etc/memcached.conf, /etc/sysconfig/memcached or \
                /etc/conf.d/memcached, of which no unit and no script on \
                this host makes a daemon",
    fix: "put its options where the launcher reads them, and remove it",
    references: &["NIST CM-6"],
    find: unread,
};

pub(super) const DRIFT_004: Check = Check {
    id: "MEMSEC-DRIFT-004",
    title: "The launcher passes over a line",
    severity: Severity::High,
    varies: "high where others than the clients get in, else medium",
    why: "Debian's wrapper drops what does not begin with a dash, and all \
          that begins with -d or -h, without a word",
    detection: "the lines of the conf by the wrapper's own grammar; its \
                stock lines, -d and logfile, are not counted",
    fix: "write it as an option: -p 11211, not port 11211",
    references: &["memcached scripts/memcached-wrapper"],
    find: passed_over,
};

/// The files that the launchers of distributions read.
const FILES: [&str; 3] = [
    "/etc/memcached.conf",
    "/etc/sysconfig/memcached",
    "/etc/conf.d/memcached",
];

fn unread(subject: &Subject<'_>) -> Vec<Found> {
    let starts = |launcher: Launcher| {
        use Launcher::{Docker, Led, Process};
        !matches!(launcher, Process | Docker | Led)
    };
    let all = subject.host.instances.iter();
    let all: Vec<_> = all.filter(|i| starts(i.launcher)).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let open = subject.running().any(|(instance, running)| {
        subject.access(instance, running) == Access::Others
    });
    let severity = if open { Severity::High } else { Severity::Low };
    let named = |path: &str| {
        all.iter().any(|instance| {
            let lines = subject.directives(&instance.unit());
            instance.source == path
                || lines.iter().any(|line| line.value.text.contains(path))
        })
    };
    let files = FILES.into_iter().filter(|path| {
        subject.snapshot.files.contains_key(*path) && !named(path)
    });
    let found = files.map(|path| {
        let message = format!("nothing that starts memcached reads {path}");
        Found::new(severity, Place::whole(path), message)
    });
    found.collect()
}

fn passed_over(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        if instance.launcher != Launcher::Debian {
            return Vec::new();
        }
        let severity = match subject.access(instance, running) {
            Access::Others => Severity::High,
            Access::Own | Access::Clients => Severity::Medium,
        };
        let conf = subject.snapshot.text(&instance.source).ok().flatten();
        let lost = conf.iter().flat_map(ignored_by_debian);
        let found = |line: Span| {
            let text = line.text().trim().to_owned();
            let message = format!("the wrapper passes over {text:?}");
            Found::new(severity, line.place(), message)
        };
        lost.map(found).collect()
    })
}

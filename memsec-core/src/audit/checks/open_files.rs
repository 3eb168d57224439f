//! MEMSEC-RES-001: as many files as its connections want.

use super::{Check, Found, each, refused::refused, unit::last};
use crate::{
    audit::{Severity, subject::Subject},
    memcached::{Directive, Running, Version},
};

pub(super) const RES_001: Check = Check {
    id: "MEMSEC-RES-001",
    title: "The limit of connections stops the daemon",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "memcached does not start where -c is more than it may open, or \
          fewer than it needs for itself",
    detection: "-c against LimitNOFILE= of the unit, where the daemon is not \
                started as root, and against its threads and listeners",
    fix: "set LimitNOFILE= of the unit to more than -c",
    references: &["systemd.exec(5)", "getrlimit(2)"],
    find: limited,
};

/// A daemon that is not root cannot raise its own limit
/// (`setrlimit` in memcached.c's `main`).
fn limited(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = refused(
        subject,
        &[("Maxconns setting", 'c'), ("rlimit for open files", 'c')],
    );
    found.iter_mut().for_each(|one| one.severity = Severity::Medium);
    found.extend(each(subject, |instance, running| {
        let lines = subject.directives(&instance.unit());
        let line = last(&lines, "Service", "LimitNOFILE")?;
        let (files, limit) = (connections(running), hard(&line.value.text)?);
        (files > limit && !may_raise(&lines)).then(|| {
            let message = format!(
                "{} does not start: it may open {limit} files, and -c is \
                 {files}",
                instance.id
            );
            let place = line.value.place(&instance.source);
            Found::new(Severity::Medium, place, message)
        })
    }));
    found
}

/// `maxconns`, 1024 if nothing is said. Before 1.4.8 it was another limit.
fn connections(running: &Running) -> u64 {
    let given = running
        .options
        .get(&'c')
        .filter(|_| running.version >= Version(1, 4, 8));
    given.and_then(|word| word.text.trim().parse().ok()).unwrap_or(1024)
}

/// The hard limit; `None` for no limit, and for what cannot be read.
fn hard(value: &str) -> Option<u64> {
    value.rsplit(':').next()?.trim().parse().ok()
}

/// Whether it has CAP_SYS_RESOURCE when it starts.
fn may_raise(lines: &[Directive]) -> bool {
    let user = last(lines, "Service", "User").map(|line| &line.value.text);
    let root = user.is_none_or(|u| matches!(u.as_str(), "" | "root" | "0"));
    let bounding = last(lines, "Service", "CapabilityBoundingSet");
    let bounded = bounding.is_some_and(|line| {
        let value = &line.value.text;
        value.contains("CAP_SYS_RESOURCE") == value.starts_with('~')
    });
    root && !bounded
}

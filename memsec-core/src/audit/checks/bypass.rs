//! MEMSEC-AUTH-002 and -007: authentication that does not hold.

use super::{Check, Found};
use crate::{
    audit::{Severity, subject::Subject},
    memcached::{ADVISORIES, Advisory, Applies, Instance, Kind, Running},
    text::Place,
};

pub(super) const AUTH_002: Check = Check {
    id: "MEMSEC-AUTH-002",
    title: "There is a way around the authentication",
    severity: Severity::Critical,
    varies: "high where only the clients get in",
    why: "a listener that speaks another protocol than the one that asks for \
          the password asks for none",
    detection: "the protocols of -B and of each proto[..] in -l, and UDP, beside \
              -S or -Y, by version",
    fix: "remove proto[..] from -l, turn UDP off (-U 0), and upgrade",
    references: &["memcached 1.5.20", "memcached 1.6.43", "CWE-288"],
    find: bypassed,
};

pub(super) const AUTH_007: Check = Check {
    id: "MEMSEC-AUTH-007",
    title: "The time of an answer tells the passwords of SASL",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "up to 1.6.41 the names and passwords of MEMCACHED_SASL_PWDB are \
          compared byte by byte",
    detection: "-S, MEMCACHED_SASL_PWDB in the environment, and the version",
    fix: "upgrade to 1.6.42 or later, or use another store of SASL",
    references: &["CVE-2026-47783", "CVE-2026-47784", "CWE-208"],
    find: timed,
};

fn bypassed(subject: &Subject<'_>) -> Vec<Found> {
    let bypasses = || ADVISORIES.iter().filter(|a| a.kind == Kind::Bypass);
    let found = |(instance, _): (&Instance, &Running)| {
        let of = bypasses().filter_map(|a| bypass(subject, instance, a));
        of.collect::<Vec<_>>()
    };
    subject.running().flat_map(found).collect()
}

fn bypass(
    subject: &Subject<'_>,
    instance: &Instance,
    advisory: &Advisory,
) -> Option<Found> {
    let may = match advisory.applies(instance) {
        Applies::Yes => "",
        Applies::Perhaps => " (if its version is one of those)",
        Applies::No => return None,
    };
    let open = subject.of(&instance.id).any(|r| subject.is_open(r));
    let option = if advisory.is_of_udp() { 'U' } else { 'l' };
    Some(Found {
        severity: if open { Severity::Critical } else { Severity::High },
        message: format!(
            "{}, {}: {}{may}",
            instance.id, advisory.id, advisory.impact
        ),
        place: instance.place(option),
    })
}

fn timed(subject: &Subject<'_>) -> Vec<Found> {
    let applies = |instance: &Instance| {
        let mut named = ADVISORIES.iter().filter(|a| a.id == TIMED);
        named.any(|a| a.applies(instance) == Applies::Yes)
    };
    let found = |(instance, _): (&Instance, &Running)| {
        applies(instance).then(|| Found {
            severity: Severity::Medium,
            message: format!(
                "{} has the passwords of SASL in MEMCACHED_SASL_PWDB",
                instance.id
            ),
            place: Place::whole(&instance.source),
        })
    };
    subject.running().filter_map(found).collect()
}

const TIMED: &str = "CVE-2026-47783";

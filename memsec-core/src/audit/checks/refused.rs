//! Options with which a daemon does not start: nothing is open, and the cache
//! is down. An administrator then takes away what stops it, which is mostly
//! what protects it.

use super::{Check, Found, each};
use crate::{
    audit::{Severity, subject::Subject},
    memcached::{Instance, Start},
    snapshot::{Content, SecretForm},
};

pub(super) const AUTH_004: Check = Check {
    id: "MEMSEC-AUTH-004",
    title: "The authentication file is missing, empty or malformed",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "memcached does not start, or starts and lets nobody in",
    detection: "the file of -Y: that it is there, and its form",
    fix: "write a line NAME:PASSWORD for each user, eight at most, with a line \
          feed at the end",
    references: &["memcached doc/protocol.txt"],
    find: bad_auth_file,
};

pub(super) const AUTH_006: Check = Check {
    id: "MEMSEC-AUTH-006",
    title: "SASL is asked for and is not there",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "memcached does not start, and takes passwords from nobody once -S \
          is taken away",
    detection: "-S with a build that has no SASL, or without the \
                configuration that the library wants",
    fix: "install a memcached with SASL, and the mechanisms of libsasl2",
    references: &["memcached doc/sasl"],
    find: |subject| {
        let all = [("needs a SASL build", 'S'), ("Error initializing", 'S')];
        refused(subject, &all)
    },
};

pub(super) const AUTH_008: Check = Check {
    id: "MEMSEC-AUTH-008",
    title: "Authentication does not go with the other options",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "memcached does not start with both, and what is taken away then is \
          mostly the authentication",
    detection: "-Y or -S with UDP on, -Y with the binary protocol, or -S with \
                the ASCII protocol",
    fix: "turn UDP off (-U 0), and leave -B and proto[..] out",
    references: &["memcached(1)"],
    find: |subject| refused(subject, COMBINED),
};

pub(super) const TLS_005: Check = Check {
    id: "MEMSEC-TLS-005",
    title: "TLS is asked for and is not there",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "memcached does not start, and speaks in clear once -Z is taken away",
    detection: "-Z with a build that has no TLS",
    fix: "install a memcached with TLS, or go through WireGuard or IPsec",
    references: &["memcached doc/tls"],
    find: |subject| refused(subject, &[("needs a TLS build", 'Z')]),
};

pub(super) const PRIV_004: Check = Check {
    id: "MEMSEC-PRIV-004",
    title: "No user is named, and the daemon does not start",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "started as root memcached wants -u; who is in a hurry writes -u root",
    detection: "no -u, started as root: Debian's wrapper adds it only to an \
                empty configuration",
    fix: "name the user of the package: -u memcache",
    references: &["memcached(1)"],
    find: |subject| refused(subject, &[("must add '-u root'", 'u')]),
};

const COMBINED: &[(&str, char)] = &[
    ("Cannot use UDP with ascii authentication", 'Y'),
    ("the ASCII protocol with SASL", 'S'),
    ("UDP with SASL", 'S'),
    ("the binary protocol with -Y", 'Y'),
    ("binary protocol with an authentication file", 'Y'),
];

/// The daemons that do not start for one of these reasons, at the option.
pub(super) fn refused(
    subject: &Subject<'_>,
    reasons: &[(&str, char)],
) -> Vec<Found> {
    let down = |instance: &Instance| {
        let Start::Exits(exit) = &instance.start else { return None };
        let mut all = reasons.iter();
        let &(_, option) = all.find(|(why, _)| exit.message.contains(why))?;
        let message =
            format!("{} does not start: {}", instance.id, exit.message);
        Some(Found::new(Severity::High, instance.place(option), message))
    };
    subject.host.instances.iter().filter_map(down).collect()
}

/// Old versions start with such a file, and let nobody in.
fn bad_auth_file(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = refused(subject, &[("authentication file ", 'Y')]);
    found.extend(each(subject, |instance, running| {
        let path = &running.options.get(&'Y')?.text;
        let form = match subject.snapshot.files.get(path)?.content {
            Content::Secret(SecretForm::Empty) => "empty",
            Content::Secret(SecretForm::Malformed) => "malformed",
            _ => return None,
        };
        let message = format!("{path} of {} is {form}", instance.id);
        Some(Found::new(Severity::High, instance.place('Y'), message))
    }));
    found
}

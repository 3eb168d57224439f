//! MEMSEC-AUTH, -CMD and -PRIV: who may do what, once they are in.

use super::{Check, Found};
use crate::{
    audit::{Severity, subject::Subject},
    memcached::{Instance, Running},
};

pub(super) const AUTH_001: Check = Check {
    id: "MEMSEC-AUTH-001",
    title: "No authentication, and reachable from other hosts",
    severity: Severity::High,
    varies: "found only where others than the clients get in",
    why: "only the network stands between the cache and whoever reaches it",
    detection: "no -S and no -Y, and a way in for others than the policy allows",
    fix: "let only the clients in; add authentication (-Y FILE from 1.5.15, \
          or SASL) together with TLS",
    references: &["CWE-306", "NIST IA-2"],
    find: open,
};

pub(super) const CMD_001: Check = Check {
    id: "MEMSEC-CMD-001",
    title: "Whoever is connected can stop the daemon",
    severity: Severity::High,
    varies: "the same whoever gets in: any account of this host can use it",
    why: "with -A the command `shutdown` ends memcached, without a password, \
          and over UDP with one forged datagram",
    detection: "-A among the options",
    fix: "remove -A (--enable-shutdown)",
    references: &["CWE-749"],
    find: shutdown,
};

pub(super) const PRIV_001: Check = Check {
    id: "MEMSEC-PRIV-001",
    title: "The daemon runs as root",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "a flaw in memcached then is a flaw in the whole host",
    detection: "the user of the process, and -u",
    fix: "run it as a user of its own: -u memcache, or User= in the unit",
    references: &["CWE-250"],
    find: root,
};

fn open(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        let all = subject.of(&instance.id);
        let ways: Vec<_> = all.filter(|r| subject.is_open(r)).collect();
        (!running.asks() && !ways.is_empty()).then(|| Found {
            severity: Severity::High,
            message: format!(
                "{} asks nobody for a password, and {}",
                instance.id,
                subject.who(&ways)
            ),
            place: crate::text::Place::whole(&instance.source),
        })
    };
    subject.running().filter_map(found).collect()
}

fn shutdown(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        running.options.contains_key(&'A').then(|| Found {
            severity: Severity::High,
            message: format!("{} takes the command shutdown", instance.id),
            place: instance.place('A'),
        })
    };
    subject.running().filter_map(found).collect()
}

fn root(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        let user = running.options.get(&'u').map(|word| word.text.as_str());
        let runs = instance.uid == Some(0);
        (runs || user == Some("root")).then(|| Found {
            severity: Severity::High,
            message: format!("{} runs as root", instance.id),
            place: instance.place('u'),
        })
    };
    subject.running().filter_map(found).collect()
}

//! MEMSEC-UDP: what floods others.

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Severity, subject::Subject},
    memcached::{Instance, Listener, Running},
};

pub(super) const UDP_001: Check = Check {
    id: "MEMSEC-UDP-001",
    title: "UDP is on",
    severity: Severity::Critical,
    varies: "critical where others than the clients get in, else high; \
              nothing where the policy wants UDP and only clients get in",
    why: "one datagram with a forged source makes memcached send 67,000 \
          times as much to the victim, and more",
    detection: "a UDP listener, by -U, -p, the items of -l and the version's \
              default",
    fix: "turn UDP off: -U 0",
    references: &["CVE-2018-1000115", "CWE-406", "CISA TA14-017A"],
    find: enabled,
};

pub(super) const UDP_002: Check = Check {
    id: "MEMSEC-UDP-002",
    title: "UDP is off only by default, if at all",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "up to 1.5.5 UDP is on unless -U 0 is given, and which version this \
          is is not known or is such a one",
    detection: "no -U and no -s, and a version that may have UDP on by default",
    fix: "write -U 0",
    references: &["CVE-2018-1000115"],
    find: unstated,
};

fn enabled(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        // What only some versions open is for UDP-002.
        let all = running.listeners.iter();
        let known = all.filter(|listener| !running.unsure.contains(listener));
        let mut sockets = known.filter_map(Listener::socket);
        let port = sockets.find(|(proto, _)| *proto == Proto::Udp)?.1.port;
        let (severity, who) = subject.worst(&instance.id, Proto::Udp);
        let harmless = severity < Severity::High;
        if harmless && subject.policy.udp {
            return None;
        }
        Some(Found {
            severity: if harmless {
                Severity::High
            } else {
                Severity::Critical
            },
            message: format!(
                "{} answers over UDP on port {port}: {who}",
                instance.id
            ),
            place: instance.place('U'),
        })
    };
    subject.running().filter_map(found).collect()
}

fn unstated(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        let stated = running.options.contains_key(&'U')
            || running.options.contains_key(&'s');
        let known = instance.possible.has_udp_off();
        (!stated && !known).then(|| Found {
            severity: Severity::High,
            message: format!("{} does not say -U 0", instance.id),
            place: instance.place('U'),
        })
    };
    subject.running().filter_map(found).collect()
}

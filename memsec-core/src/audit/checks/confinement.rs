//! MEMSEC-MAC-001 and -002: SELinux around the daemon.

use super::{Check, Found};
use crate::{
    Proto, Snapshot,
    audit::{
        Severity, Unknown,
        subject::{Access, Subject},
    },
    memcached::{Instance, Launcher, Running},
    text::{Place, Span},
};

pub(super) const MAC_001: Check = Check {
    id: "MEMSEC-MAC-001",
    title: "SELinux is off",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in, else low",
    why: "the policy of the distribution confines memcached to its own port \
          and files: off, what breaks into it has all that its user has",
    detection: "/sys/fs/selinux/enforce, or else SELINUX= of \
                /etc/selinux/config; hosts without either, and AppArmor, for \
                which no distribution has a profile of memcached, are passed \
                over",
    fix: "set SELINUX=enforcing, after a time of permissive in which the \
          audit log shows nothing of memcached",
    references: &["selinux(8)", "ANSSI R45", "BSI SYS.1.3.A16"],
    find: off,
};

pub(super) const MAC_002: Check = Check {
    id: "MEMSEC-MAC-002",
    title: "SELinux keeps memcached from its port",
    severity: Severity::Medium,
    varies: "medium: nothing is open, and the cache is down",
    why: "memcached may bind ports of the type memcache_port_t alone, which \
          are 11211 unless somebody adds more",
    detection: "a listener on another port, SELinux enforcing, no process \
                that has the port already, and `semanage port -l` without it",
    fix: "semanage port -a -t memcache_port_t -p tcp PORT",
    references: &["semanage-port(8)"],
    find: unlabelled,
};

const ENFORCE: &str = "/sys/fs/selinux/enforce";
const CONFIG: &str = "/etc/selinux/config";
const LABELS: &str = "semanage port -l";
const TYPE: &str = "memcache_port_t";
/// Where a local label of a port is kept, by the name of the policy.
const STORES: (&str, &str) = ("/var/lib/selinux/", "/active/ports.local");

/// Whether SELinux enforces its policy, and what says so; `None` where there
/// is none, as far as is known.
fn enforces(snapshot: &Snapshot) -> Option<(bool, Place)> {
    if let Some(now) = snapshot.text(ENFORCE).ok().flatten() {
        let enforces = now.text().trim() == "1";
        return Some((enforces, Place::whole(ENFORCE)));
    }
    let config = snapshot.text(CONFIG).ok().flatten()?;
    let is_mode = |line: &Span| line.text().trim().starts_with("SELINUX=");
    let line = config.lines().filter(is_mode).last()?;
    let mode = line.text().trim().trim_start_matches("SELINUX=").trim();
    Some((mode.eq_ignore_ascii_case("enforcing"), line.place()))
}

fn off(subject: &Subject<'_>) -> Vec<Found> {
    let Some((false, place)) = enforces(subject.snapshot) else {
        return Vec::new();
    };
    let access = subject.running().map(|(i, r)| subject.access(i, r)).max();
    let severity = match access {
        None => return Vec::new(),
        Some(Access::Others) => Severity::Medium,
        Some(_) => Severity::Low,
    };
    let message = "SELinux confines nothing on this host, nor memcached";
    vec![Found::new(severity, place, message.to_owned())]
}

/// The ports that a daemon would have to bind and none has yet, other than
/// those that every policy lets it have.
fn unusual(subject: &Subject<'_>) -> Vec<(Place, String, u16)> {
    if !matches!(enforces(subject.snapshot), Some((true, _))) {
        return Vec::new();
    }
    let all = subject.running().filter(|(instance, _)| {
        let elsewhere = [Launcher::Process, Launcher::Docker];
        instance.pid.is_none() && !elsewhere.contains(&instance.launcher)
    });
    let port = |(instance, running): (&Instance, &Running)| {
        let mut tcp = running.sockets().filter(|(p, _)| *p == Proto::Tcp);
        let (_, socket) = tcp.find(|(_, s)| ![0, 11211].contains(&s.port))?;
        Some((instance.place('p'), instance.id.clone(), socket.port))
    };
    all.filter_map(port).collect()
}

/// Whether a port has the label of memcached; `None` where that is not known.
fn is_labelled(snapshot: &Snapshot, port: u16) -> Option<bool> {
    let (before, after) = STORES;
    let of_store =
        |path: &&String| path.starts_with(before) && path.ends_with(after);
    let stores = snapshot.files.keys().filter(of_store);
    let stores = stores.filter_map(|path| snapshot.text(path).ok().flatten());
    let wanted = format!("portcon tcp {port} ");
    let local = |line: &str| line.starts_with(&wanted) && line.contains(TYPE);
    if stores.into_iter().any(|store| store.text().lines().any(local)) {
        return Some(true);
    }
    let labels = snapshot.output(LABELS)?;
    let mut lines = labels.text().lines().map(str::split_whitespace);
    Some(lines.any(|mut words| {
        words.next() == Some(TYPE)
            && words.next() == Some("tcp")
            && words.any(|range| covers(range.trim_end_matches(','), port))
    }))
}

/// Whether "11211" or "11211-11219" has a port.
fn covers(range: &str, port: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let ends = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
    ends.is_some_and(|(first, last)| (first..=last).contains(&port))
}

fn unlabelled(subject: &Subject<'_>) -> Vec<Found> {
    let all = unusual(subject).into_iter().filter(|(.., port)| {
        is_labelled(subject.snapshot, *port) == Some(false)
    });
    let found = all.map(|(place, id, port)| {
        let message = format!("{id} may not bind tcp port {port}");
        Found::new(Severity::Medium, place, message)
    });
    found.collect()
}

/// The ports of which it is not known whether SELinux lets memcached have
/// them.
pub(super) fn unknown(subject: &Subject<'_>) -> Vec<Unknown> {
    let all = unusual(subject).into_iter();
    let all =
        all.filter(|(.., port)| is_labelled(subject.snapshot, *port).is_none());
    let unknown = all.map(|(_, id, port)| Unknown {
        what: format!(
            "the labels of ports, and so whether SELinux lets {id} bind tcp \
             port {port} (MEMSEC-MAC-002 is not decided)"
        ),
        place: Place::whole(LABELS),
    });
    unknown.collect()
}

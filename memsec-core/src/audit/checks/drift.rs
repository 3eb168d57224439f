//! MEMSEC-DRIFT, -INST and MEMSEC-UDP-003: the daemon that runs, against
//! the files.

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Severity, subject::Subject},
    memcached::{Instance, Launcher, Running, Start},
    text::Place,
};

pub(super) const DRIFT_001: Check = Check {
    id: "MEMSEC-DRIFT-001",
    title: "The daemon that runs is not what its file says",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "what the file says holds only from the next restart on, and what \
          runs only until then",
    detection: "`stats settings`, /proc/PID/cmdline and the sockets of a process \
              against what its file comes to",
    fix: "restart the daemon, or put into its file what runs",
    references: &["NIST CM-3", "NIST CM-6"],
    find: drift,
};

pub(super) const INST_001: Check = Check {
    id: "MEMSEC-INST-001",
    title: "A daemon that no file accounts for",
    severity: Severity::High,
    varies: "high where others than the clients get in, else medium",
    why: "the files of this host can be right, and a second daemon stand open \
          beside them",
    detection: "every memcached process against the units and files that start \
              one",
    fix: "find what starts it, and end it or harden it there",
    references: &["NIST CM-8"],
    find: unaccounted,
};

pub(super) const INST_003: Check = Check {
    id: "MEMSEC-INST-003",
    title: "The daemon runs, and nobody uses it",
    severity: Severity::Info,
    varies: "info: what is not needed can still be broken into",
    why: "a service that nobody uses is all risk",
    detection: "not from a snapshot, which is of one moment: it takes the \
                connections of some days, `stats` and its total_connections, \
                and the settings of the applications",
    fix: "systemctl disable --now memcached.service",
    references: &["ANSSI R62", "CIS Debian 2.1.22"],
    find: |_| Vec::new(),
};

pub(super) const UDP_003: Check = Check {
    id: "MEMSEC-UDP-003",
    title: "The running daemon still has UDP on",
    severity: Severity::Critical,
    varies: "critical where the internet gets in, else high",
    why: "its file has UDP off, which holds only from the next restart on",
    detection: "a UDP socket of a process whose file has UDP off",
    fix: "restart the daemon",
    references: &["CVE-2018-1000115", "CISA TA14-017A"],
    find: still_udp,
};

fn drift(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (file, runs) in drifted(subject) {
        let pid = runs.pid.unwrap_or_default();
        found.extend(runs.differences.iter().map(|difference| Found {
            severity: Severity::Medium,
            message: format!("{} (process {pid}): {difference}", file.id),
            place: match &difference.word {
                Some(word) => word.place(&file.source),
                None => Place::whole(&file.source),
            },
        }));
    }
    found
}

/// Each file's instance, and what runs in its place.
fn drifted<'a>(
    subject: &'a Subject<'_>,
) -> impl Iterator<Item = (&'a Instance, &'a Instance)> {
    let all = &subject.host.instances;
    let runs = all.iter().filter(|instance| instance.drifted());
    runs.filter_map(move |runs| {
        let is_file = |i: &&Instance| i.id == runs.id && !i.drifted();
        Some((all.iter().find(is_file)?, runs))
    })
}

fn has_udp(instance: &Instance) -> bool {
    let Start::Runs(running) = &instance.start else { return false };
    running.sockets().any(|(proto, _)| proto == Proto::Udp)
}

fn still_udp(subject: &Subject<'_>) -> Vec<Found> {
    let still =
        drifted(subject).filter(|(file, runs)| has_udp(runs) && !has_udp(file));
    let found = still.map(|(file, runs)| {
        let (severity, who) = subject.worst(&file.id, Proto::Udp);
        Found {
            severity: severity.max(Severity::High),
            message: format!(
                "{} (process {}) has a UDP socket: {who}",
                file.id,
                runs.pid.unwrap_or_default()
            ),
            place: file.place('U'),
        }
    });
    found.collect()
}

/// Where no file is known at all there is nothing to hold a process against.
fn unaccounted(subject: &Subject<'_>) -> Vec<Found> {
    let is_file =
        |i: &Instance| !matches!(i.launcher, Launcher::Process | Launcher::Led);
    if !subject.host.instances.iter().any(is_file) {
        return Vec::new();
    }
    let alone = |(i, _): &(&Instance, &Running)| !is_file(i) && !i.drifted();
    let found = |(instance, _): (&Instance, &Running)| {
        let (severity, who) = subject.worst(&instance.id, Proto::Tcp);
        Found {
            severity: severity.clamp(Severity::Medium, Severity::High),
            message: format!("{}: {who}", instance.id),
            place: Place::whole(&instance.source),
        }
    };
    subject.running().filter(alone).map(found).collect()
}

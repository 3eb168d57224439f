//! MEMSEC-CMD, -LOG, -RES and -SOCK: what single options turn on or leave on.

use super::{Check, Found, each};
use crate::{
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::{Instance, Running, Version},
    text::Place,
};

pub(super) const CMD_002: Check = Check {
    id: "MEMSEC-CMD-002",
    title: "Clients can list every key",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in without a \
             password, low where only clients do, nothing where only this \
             host does",
    why: "stats cachedump and lru_crawler metadump tell names of sessions and \
          users, which are half of what is needed to read them",
    detection: "no -X among the options (it is from 1.4.34), and a way in",
    fix: "add -X (--disable-dumping), unless a tool needs the dumps",
    references: &["ANSSI R63", "CWE-749"],
    find: |subject| without(subject, &DUMPS),
};

pub(super) const CMD_003: Check = Check {
    id: "MEMSEC-CMD-003",
    title: "Clients can empty the cache",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in without a \
             password, low where only clients do, nothing where only this \
             host does",
    why: "one line, flush_all, empties it, and all that was cached is asked \
          of the database at once",
    detection: "no -F among the options (it is from 1.4.17), and a way in",
    fix: "add -F (--disable-flush-all), unless an application empties its \
          cache by it, as WordPress and Drupal do",
    references: &["ANSSI R63", "CWE-749"],
    find: |subject| without(subject, &FLUSH),
};

pub(super) const CMD_004: Check = Check {
    id: "MEMSEC-CMD-004",
    title: "Clients can watch what others do",
    severity: Severity::Low,
    varies: "low where others than the clients get in without a password, \
             info where only clients do, nothing where only this host does",
    why: "watch sends the keys of every client to whoever asks",
    detection: "no -W among the options (it is from 1.5.21), a version that \
                has watch (from 1.4.26), and a way in",
    fix: "add -W (--disable-watch), unless a monitor uses it",
    references: &["ANSSI R63", "CWE-749"],
    find: |subject| without(subject, &WATCH),
};

pub(super) const CMD_005: Check = Check {
    id: "MEMSEC-CMD-005",
    title: "The proxy, storage on disk or a restart file is on",
    severity: Severity::Low,
    varies: "low where other hosts get in, else info",
    why: "they are the newest and largest parts: most flaws that were fixed \
          in 2023 and 2026 are in the proxy",
    detection: "-o proxy_config, -o ext_path or -e",
    fix: "remove what is not used, and keep the rest up to date",
    references: &["CVE-2023-46852", "CVE-2023-46853"],
    find: features,
};

pub(super) const LOG_002: Check = Check {
    id: "MEMSEC-LOG-002",
    title: "Every command is logged",
    severity: Severity::Low,
    varies: "the same whoever gets in",
    why: "keys and their sizes get into logs that others read, the disk \
          fills, and old versions crashed on what they printed",
    detection: "-v given twice or more",
    fix: "leave one -v at most",
    references: &["CVE-2013-0179", "CVE-2013-7290"],
    find: verbose,
};

pub(super) const RES_003: Check = Check {
    id: "MEMSEC-RES-003",
    title: "Idle connections are never closed",
    severity: Severity::Low,
    varies: "low where others than the clients get in without a password, \
             info where only clients do, nothing where only this host does",
    why: "whoever opens as many connections as -c allows, and says nothing, \
          keeps everybody else out",
    detection: "no -o idle_timeout, or 0, or -o no_maxconns_fast, and a way in",
    fix: "set -o idle_timeout to more seconds than a client is silent",
    references: &["NIST SC-5", "CWE-400"],
    find: idle,
};

pub(super) const RES_004: Check = Check {
    id: "MEMSEC-RES-004",
    title: "Items may be larger than usual",
    severity: Severity::Low,
    varies: "low where others than the clients get in without a password, \
             info where only clients do, nothing where only this host does",
    why: "who can store a large item makes one short question bring it back: \
          memory, and over UDP the force of a flood, grow with it",
    detection: "-I of more than one megabyte, and a way in",
    fix: "lower -I to what the applications store",
    references: &["NIST SC-5"],
    find: large_items,
};

pub(super) const SOCK_003: Check = Check {
    id: "MEMSEC-SOCK-003",
    title: "Options of the network beside a unix socket",
    severity: Severity::Info,
    varies: "info: nobody gets in by them",
    why: "-s turns the network off: -l and -p do nothing, and who reads them \
          thinks otherwise",
    detection: "-s together with -l, -p or a -U other than 0",
    fix: "remove -l, -p and -U, or -s",
    references: &["memcached(1)"],
    find: unused,
};

/// A command that an option turns off.
struct Command {
    /// The option, and the first version that has it.
    off: (char, Version),
    /// The first version that has the command.
    since: Version,
    /// Where others get in, and where only clients do.
    severity: (Severity, Severity),
    what: &'static str,
}

const DUMPS: Command = Command {
    off: ('X', Version(1, 4, 34)),
    since: Version(1, 2, 0),
    severity: (Severity::Medium, Severity::Low),
    what: "lists its keys",
};
const FLUSH: Command = Command {
    off: ('F', Version(1, 4, 17)),
    since: Version(1, 2, 0),
    severity: (Severity::Medium, Severity::Low),
    what: "takes flush_all",
};
const WATCH: Command = Command {
    off: ('W', Version(1, 5, 21)),
    since: Version(1, 4, 26),
    severity: (Severity::Low, Severity::Info),
    what: "takes watch",
};

fn without(subject: &Subject<'_>, command: &Command) -> Vec<Found> {
    each(subject, |instance, running| {
        let (option, since) = command.off;
        let off = running.options.contains_key(&option);
        if off || running.version < command.since {
            return None;
        }
        let note = match running.version < since {
            true => format!(": its version has no -{option}"),
            false => format!(": there is no -{option}"),
        };
        let what = format!("{}{note}", command.what);
        by_access(subject, instance, running, command.severity, &what)
    })
}

/// A finding of what matters to those alone who get in from other hosts.
fn by_access(
    subject: &Subject<'_>,
    instance: &Instance,
    running: &Running,
    (others, clients): (Severity, Severity),
    what: &str,
) -> Option<Found> {
    let access = subject.access(instance, running);
    let severity = access.graded(others, clients)?;
    let who = match access {
        Access::Others => "for others than the clients",
        _ => "for its clients",
    };
    let message = format!("{} {what}, {who}", instance.id);
    Some(Found::new(severity, Place::whole(&instance.source), message))
}

fn features(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let suboptions = [("proxy_config", "proxy"), ("ext_path", "storage")];
        let of = suboptions.into_iter().filter_map(|(name, what)| {
            running.suboptions.contains_key(name).then_some((what, 'o'))
        });
        let file = running.options.contains_key(&'e');
        let all: Vec<_> = of.chain(file.then_some(("file", 'e'))).collect();
        let &(_, option) = all.first()?;
        let far = subject.access(instance, running) > Access::Own;
        let words: Vec<_> = all.iter().map(|(what, _)| *what).collect();
        let message =
            format!("{} has its {} on", instance.id, words.join(", "));
        let severity = if far { Severity::Low } else { Severity::Info };
        Some(Found::new(severity, instance.place(option), message))
    })
}

fn verbose(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, _| {
        let times = instance.given('v').len();
        (times > 1).then(|| {
            let message = format!("{} has -v {times} times", instance.id);
            Found::new(Severity::Low, instance.place('v'), message)
        })
    })
}

fn idle(subject: &Subject<'_>) -> Vec<Found> {
    const SINCE: Version = Version(1, 4, 27);
    each(subject, |instance, running| {
        let timeout = running.suboptions.get("idle_timeout");
        let off = |text: &String| text.trim_start_matches('0').is_empty();
        let limited = timeout.is_some_and(|t| !t.as_ref().is_some_and(off));
        let waits = running.suboptions.contains_key("no_maxconns_fast");
        let what = match (limited, waits) {
            (_, true) => "has -o no_maxconns_fast",
            (false, _) => "never closes an idle connection",
            (true, false) => return None,
        };
        let grades = (Severity::Low, Severity::Info);
        let known = running.version >= SINCE;
        known.then(|| by_access(subject, instance, running, grades, what))?
    })
}

fn large_items(subject: &Subject<'_>) -> Vec<Found> {
    const USUAL: i32 = 1 << 20;
    each(subject, |instance, running| {
        let size = running.item_size().filter(|&size| size > USUAL)?;
        let what = format!("takes items of {size} bytes");
        let grades = (Severity::Low, Severity::Info);
        let found = by_access(subject, instance, running, grades, &what)?;
        Some(Found { place: instance.place('I'), ..found })
    })
}

fn unused(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        running.options.get(&'s')?;
        let given = |option: &char| match running.options.get(option) {
            Some(word) => *option != 'U' || word.text.trim() != "0",
            None => false,
        };
        let dead: Vec<_> = ['l', 'p', 'U'].into_iter().filter(given).collect();
        let first = *dead.first()?;
        let names: Vec<_> = dead.iter().map(|o| format!("-{o}")).collect();
        let message = format!(
            "{} is on a unix socket, and {} do nothing",
            instance.id,
            names.join(", ")
        );
        Some(Found::new(Severity::Info, instance.place(first), message))
    })
}

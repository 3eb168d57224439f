//! MEMSEC-SOCK-002, -004, PRIV-002, FILE-002 and OPS-002: the other accounts
//! of the host.

use super::{Check, Found, each};
use crate::{
    Listener, Proto,
    audit::{Severity, subject::Subject},
    memcached::{Instance, Running},
    text::Place,
};

pub(super) const SOCK_002: Check = Check {
    id: "MEMSEC-SOCK-002",
    title: "The unix socket is where everybody may make files",
    severity: Severity::Medium,
    varies: "the same whoever is on the network",
    why: "another account can be there first with a socket of its own, what \
          cleans /tmp removes it, and PrivateTmp= hides it from the clients",
    detection: "a path of -s in /tmp, /var/tmp or /dev/shm",
    fix: "RuntimeDirectory=memcached in the unit, and -s \
          /run/memcached/memcached.sock",
    references: &["CWE-379", "ANSSI R54"],
    find: socket_in_public,
};

pub(super) const SOCK_004: Check = Check {
    id: "MEMSEC-SOCK-004",
    title: "Every account of a shared host reaches the cache",
    severity: Severity::Medium,
    varies: "the same whoever is on the network",
    why: "127.0.0.1 is the same for all accounts: the web site of one reads \
          the sessions of another",
    detection: "a TCP listener without a password, and five accounts or more \
                that log in (numbers from 1000, with a shell)",
    fix: "a unix socket for each application, or ask for passwords (-Y)",
    references: &["ANSSI R78", "CWE-668"],
    find: shared_host,
};

pub(super) const OPS_002: Check = Check {
    id: "MEMSEC-OPS-002",
    title: "One cache for the sites of many accounts",
    severity: Severity::Info,
    varies: "info; nothing where MEMSEC-SOCK-004 says that every account \
             reaches it",
    why: "two applications that use the same key read and overwrite each \
          other's values: what tells them apart is a prefix that each must \
          set",
    detection: "one daemon, and five accounts or more of sites: numbers from \
                1000, and a home below /home or /var/www; which prefixes the \
                applications use is not in a snapshot",
    fix: "an instance or a socket for each account, or a prefix of its own \
          in each application",
    references: &["CWE-668"],
    find: shared_cache,
};

pub(super) const PRIV_002: Check = Check {
    id: "MEMSEC-PRIV-002",
    title: "The user of the daemon is not its own",
    severity: Severity::Medium,
    varies: "medium for a user of web servers or one that logs in, low for \
             nobody",
    why: "who breaks into one service of a user has the others",
    detection: "-u with the name of another service or nobody, or a user \
                with a login shell in /etc/passwd",
    fix: "a system user for memcached alone",
    references: &["ANSSI R64", "CWE-250"],
    find: shared_user,
};

pub(super) const FILE_002: Check = Check {
    id: "MEMSEC-FILE-002",
    title: "A file of the daemon is where everybody may make files",
    severity: Severity::Low,
    varies: "the same whoever is on the network",
    why: "memcached writes it while it is still root: another account can \
          put a link in its place",
    detection: "a path of -P or -e in /tmp, /var/tmp or /dev/shm",
    fix: "RuntimeDirectory=memcached in the unit, and no -P",
    references: &["CWE-59", "CWE-379"],
    find: file_in_public,
};

/// Directories in which everybody makes files (FHS 3.0).
const PUBLIC: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

fn is_public(path: &str) -> bool {
    PUBLIC.iter().any(|directory| path.starts_with(directory))
}

fn socket_in_public(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let path = running.listeners.iter().find_map(|one| match one {
            Listener::Unix { path, .. } if is_public(path) => Some(path),
            _ => None,
        })?;
        let message = format!("{} has its socket at {path}", instance.id);
        let place = instance.place('s');
        Some(Found::new(Severity::Medium, place, message))
    })
}

fn file_in_public(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let of = |option: &char| {
            let path = &running.options.get(option)?.text;
            is_public(path).then_some((*option, path))
        };
        let (option, path) = ['P', 'e'].iter().find_map(of)?;
        let message = format!("{} writes {path}", instance.id);
        Some(Found::new(Severity::Low, instance.place(option), message))
    })
}

/// An account of passwd(5).
#[derive(Clone, Copy, Debug)]
struct Account<'t> {
    name: &'t str,
    number: u32,
    home: &'t str,
    shell: &'t str,
}

impl<'t> Account<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?;
        Some(Self { name, number, home, shell: fields.next()?.trim() })
    }

    /// Whether it is no account of the system's own (login.defs(5)).
    fn is_of_somebody(&self) -> bool {
        (1000..65534).contains(&self.number)
    }

    fn logs_in(&self) -> bool {
        !self.shell.ends_with("/nologin") && !self.shell.ends_with("/false")
    }

    fn has_site(&self) -> bool {
        ["/home/", "/var/www/"].iter().any(|of| self.home.starts_with(of))
    }
}

/// How many accounts of a host are such.
fn count(subject: &Subject<'_>, such: fn(&Account<'_>) -> bool) -> usize {
    let passwd = subject.snapshot.text("/etc/passwd").ok().flatten();
    passwd.as_ref().map_or(0, |text| {
        let all = text.text().lines().filter_map(Account::parse);
        all.filter(|one| one.is_of_somebody() && such(one)).count()
    })
}

/// So many accounts make a host a shared one.
const MANY: usize = 5;

fn shared_host(subject: &Subject<'_>) -> Vec<Found> {
    let people = count(subject, |account| account.logs_in());
    if people < MANY {
        return Vec::new();
    }
    each(subject, |instance, running| {
        let tcp = |(proto, _): (Proto, _)| proto == Proto::Tcp;
        let reaches = running.sockets().any(tcp) && instance.netns.is_none();
        (reaches && !running.asks()).then(|| {
            let message = format!("{people} accounts can use {}", instance.id);
            Found::new(Severity::Medium, instance.place('l'), message)
        })
    })
}

fn shared_cache(subject: &Subject<'_>) -> Vec<Found> {
    let sites = count(subject, |account| account.has_site());
    let mut all = subject.running().filter(|(i, _)| !i.drifted());
    let (one, others) = (all.next(), all.next());
    let alone = one.filter(|_| others.is_none() && sites >= MANY);
    let Some((instance, _)) = alone else { return Vec::new() };
    if !shared_host(subject).is_empty() {
        return Vec::new();
    }
    let message =
        format!("the sites of {sites} accounts share {}", instance.id);
    let place = Place::whole(&instance.source);
    vec![Found::new(Severity::Info, place, message)]
}

/// Users that other services run as.
const SERVICES: [&str; 7] =
    ["www-data", "apache", "nginx", "httpd", "http", "daemon", "mysql"];

fn shared_user(subject: &Subject<'_>) -> Vec<Found> {
    let passwd = subject.snapshot.text("/etc/passwd").ok().flatten();
    let find = |instance: &Instance, running: &Running| {
        let user = running.options.get(&'u')?.text.as_str();
        let text = passwd.as_ref().map_or("", |text| text.text());
        let mut all = text.lines().filter_map(Account::parse);
        let account = all.find(|account| account.name == user);
        let person = account.is_some_and(|account| account.logs_in());
        let (severity, what) = match user {
            "root" => return None,
            "nobody" => (Severity::Low, "which others use"),
            user if SERVICES.contains(&user) => {
                (Severity::Medium, "which others use")
            }
            _ if person => (Severity::Medium, "which logs in"),
            _ => return None,
        };
        let message = format!("{} runs as {user}, {what}", instance.id);
        Some(Found::new(severity, instance.place('u'), message))
    };
    each(subject, find)
}

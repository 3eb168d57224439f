//! MEMSEC-AUTH-003 and -005, TLS-004: passwords and keys, and who reads them.

use super::{
    Check, Found, each,
    modes::{Reader, others},
};
use crate::{
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::{Instance, Running},
    text::Place,
};

pub(super) const AUTH_003: Check = Check {
    id: "MEMSEC-AUTH-003",
    title: "Others can read the passwords",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "the authentication file has names and passwords in clear text",
    detection: "the mode and owner of the file of -Y, of MEMCACHED_SASL_PWDB \
                and of SASL's own store",
    fix: "chown root:memcache FILE; chmod 0640 FILE",
    references: &["CWE-522", "ANSSI R50"],
    find: |subject| readable(subject, auth_files),
};

pub(super) const TLS_004: Check = Check {
    id: "MEMSEC-TLS-004",
    title: "Others can read the key of TLS",
    severity: Severity::High,
    varies: "the same whoever gets in",
    why: "who has the key can pose as this server, and read what is sent",
    detection: "the mode and owner of the file of -o ssl_key",
    fix: "chown root:memcache FILE; chmod 0640 FILE",
    references: &["CWE-522", "ANSSI R50"],
    find: |subject| readable(subject, key_files),
};

pub(super) const AUTH_005: Check = Check {
    id: "MEMSEC-AUTH-005",
    title: "SASL sends passwords in clear text",
    severity: Severity::Medium,
    varies: "nothing where only this host gets in",
    why: "PLAIN is the mechanism that clients use, and it is the password \
          itself",
    detection: "-S without -Z, a way in from other hosts, and no mech_list in \
                /etc/sasl2/memcached.conf that leaves PLAIN and LOGIN out",
    fix: "turn TLS on, or set mech_list to SCRAM-SHA-256",
    references: &["NIST SC-8", "CWE-319"],
    find: in_clear,
};

const MECHANISMS: &str = "/etc/sasl2/memcached.conf";

/// Where SASL keeps names and passwords if nothing else is said.
const STORES: [&str; 2] = ["/etc/sasldb2", "/etc/sasl2/memcached-sasldb2"];

/// The files with the passwords of a daemon, and the option to blame.
pub(super) fn auth_files(running: &Running) -> Vec<(String, char)> {
    let file = running.options.get(&'Y').map(|w| (w.text.clone(), 'Y'));
    if !running.options.contains_key(&'S') {
        return file.into_iter().collect();
    }
    let own = running.env.get("MEMCACHED_SASL_PWDB").cloned();
    let stores = STORES.map(str::to_owned).into_iter();
    let sasl = own.into_iter().chain(stores).map(|path| (path, 'S'));
    file.into_iter().chain(sasl).collect()
}

pub(super) fn key_files(running: &Running) -> Vec<(String, char)> {
    let on = running.options.contains_key(&'Z');
    let key = running.suboptions.get("ssl_key").cloned().flatten();
    key.filter(|_| on).map(|path| (path, 'o')).into_iter().collect()
}

/// The files with the passwords and the keys of a daemon, and the option to
/// blame.
#[cfg(feature = "host")]
pub(crate) fn secrets(running: &Running) -> Vec<(String, char)> {
    [auth_files(running), key_files(running)].concat()
}

fn readable(
    subject: &Subject<'_>,
    files: fn(&Running) -> Vec<(String, char)>,
) -> Vec<Found> {
    each(subject, |instance, running| {
        let files = files(running).into_iter();
        let found = files.filter_map(|(path, _)| {
            let file = subject.snapshot.files.get(&path)?;
            let own = subject.user(instance, running);
            let who = others(file, own, Reader::Reads)?;
            let message = format!("{who} read {path} of {}", instance.id);
            let place = Place::whole(path);
            Some(Found::new(Severity::High, place, message))
        });
        found.collect::<Vec<_>>()
    })
}

fn in_clear(subject: &Subject<'_>) -> Vec<Found> {
    let sent = |instance: &Instance, running: &Running| {
        let has = |letter| running.options.contains_key(&letter);
        let far = subject.access(instance, running) > Access::Own;
        (has('S') && !has('Z') && far && !without_plain(subject)).then(|| {
            let message =
                format!("{} takes passwords in clear text", instance.id);
            Found::new(Severity::Medium, instance.place('S'), message)
        })
    };
    each(subject, sent)
}

/// Whether SASL is told to take no mechanism that sends the password.
fn without_plain(subject: &Subject<'_>) -> bool {
    let text = subject.snapshot.text(MECHANISMS).ok().flatten();
    let list = text.as_ref().and_then(|text| {
        let mut lines = text.text().lines();
        lines.find_map(|line| line.trim().strip_prefix("mech_list:"))
    });
    list.is_some_and(|list| {
        let mut names = list.split_ascii_whitespace();
        !names.any(|n| ["plain", "login"].contains(&&*n.to_ascii_lowercase()))
    })
}

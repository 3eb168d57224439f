//! MEMSEC-TLS: what is sent, and who is asked for a certificate.

use super::{Check, Found, each};
use crate::{
    audit::{
        Scope, Severity,
        subject::{Access, Subject},
    },
    memcached::{Instance, Running},
    text::Place,
};

pub(super) const TLS_001: Check = Check {
    id: "MEMSEC-TLS-001",
    title: "What is sent can be read on the way",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in or a client comes \
             from the internet, low where clients are on private networks, \
             nothing where only this host gets in",
    why: "keys, values and passwords go over the network in clear text",
    detection: "no -Z, and a way in from other hosts",
    fix: "turn TLS on (-Z, from 1.5.13), or go through WireGuard or IPsec",
    references: &["NIST SC-8", "ANSSI R79", "CWE-319"],
    find: clear_text,
};

pub(super) const TLS_002: Check = Check {
    id: "MEMSEC-TLS-002",
    title: "TLS asks clients for no certificate",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in, low where only \
             clients do, nothing where only this host does",
    why: "TLS hides what is sent, and lets in whoever speaks it",
    detection: "-Z without -o ssl_verify_mode=2 or 3, without -S and -Y, and \
                a way in from other hosts",
    fix: "set -o ssl_verify_mode=2,ssl_ca_cert=FILE, or ask for passwords \
          (-Y)",
    references: &["NIST IA-3", "CWE-295"],
    find: unverified,
};

pub(super) const TLS_003: Check = Check {
    id: "MEMSEC-TLS-003",
    title: "TLS takes versions that are broken",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "TLS 1.0 and 1.1 are deprecated by RFC 8996: what is sent can be \
          read or changed",
    detection: "-Z with -o ssl_min_version=0 or 1; the certificate itself is \
                not in a snapshot",
    fix: "leave ssl_min_version out (it is then 1.2), or set it to 2 or 3",
    references: &["RFC 8996", "NIST SC-13", "CWE-326"],
    find: old_version,
};

/// Whether each client must have a certificate: 2 is "require", 3 "once"
/// (`ssl_verify_mode` of memcached.c).
pub(super) fn verifies(running: &Running) -> bool {
    let mode = running.suboptions.get("ssl_verify_mode");
    let mode = mode.and_then(Option::as_deref).unwrap_or_default();
    matches!(mode.trim(), "2" | "3")
}

fn clear_text(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        if running.options.contains_key(&'Z') {
            return None;
        }
        let far = match from_internet(subject, instance) {
            true => Severity::Medium,
            false => Severity::Low,
        };
        let access = subject.access(instance, running);
        let severity = access.graded(Severity::Medium, far)?;
        let message = format!("{} speaks to other hosts in clear", instance.id);
        Some(Found::new(severity, Place::whole(&instance.source), message))
    })
}

/// Whether somebody gets in, or is a client, by a public address.
fn from_internet(subject: &Subject<'_>, instance: &Instance) -> bool {
    let far = |set: &crate::net::IpSet| Scope::of(set) == Scope::Internet;
    let policy = subject.policy;
    let reached = subject.of(&instance.id).filter(|way| !way.local);
    let mut reached = reached.filter(|way| subject.is_open(way));
    reached.any(|way| far(&way.sources.may))
        || crate::net::Family::BOTH.iter().any(|f| far(&policy.allowed(*f)))
}

fn unverified(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let on = running.options.contains_key(&'Z');
        if !on || running.asks() || verifies(running) {
            return None;
        }
        let elements = instance.elements();
        let asks = elements.iter().all(|item| item.tls == Some("mtls"));
        if asks && !elements.is_empty() {
            return None;
        }
        let access = subject.access(instance, running);
        let severity = access.graded(Severity::Medium, Severity::Low)?;
        let who = match access {
            Access::Others => "others than its clients",
            _ => "its clients",
        };
        let message = format!(
            "{} asks {who} for neither a certificate nor a password",
            instance.id
        );
        Some(Found::new(severity, instance.place('Z'), message))
    })
}

fn old_version(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        running.options.get(&'Z')?;
        let least = running.suboptions.get("ssl_min_version")?.as_deref()?;
        let name = match least.trim() {
            "0" => "1.0",
            "1" => "1.1",
            _ => return None,
        };
        let message = format!("{} takes TLS {name}", instance.id);
        Some(Found::new(Severity::Medium, instance.place('o'), message))
    })
}

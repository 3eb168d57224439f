//! MEMSEC-NET: what the daemon listens on.

use std::net::IpAddr;

use super::{Check, Found};
use crate::{
    Cidr, Proto,
    audit::{Scope, Severity, subject::Subject},
    memcached::{Instance, Running},
    net::{Family, IpSet},
};

pub(super) const NET_001: Check = Check {
    id: "MEMSEC-NET-001",
    title: "TCP listener on every address",
    severity: Severity::Critical,
    varies: "critical where the internet gets in, high where others than the \
              clients do, low where the firewall keeps them out",
    why: "memcached asks nobody who they are: whoever reaches the port reads, \
          changes and empties the cache",
    detection: "the argv that the launcher makes: no -l, or a wildcard in it",
    fix: "listen on loopback (-l 127.0.0.1,::1), or on the one address that \
          the clients use",
    references: &["CWE-1188", "CWE-668", "NIST CM-7", "NIST SC-7"],
    find: wildcard,
};

pub(super) const NET_002: Check = Check {
    id: "MEMSEC-NET-002",
    title: "TCP listener on a public address",
    severity: Severity::Critical,
    varies: "critical where the internet gets in, high where others than the \
              clients do, low where the firewall keeps them out",
    why: "a public address is one firewall mistake away from everybody",
    detection: "a listener on an address that is neither private, link-local nor \
              loopback",
    fix: "listen on a private address, or through a tunnel",
    references: &["NIST SC-7(3)", "NIST SC-7(5)"],
    find: public,
};

fn wildcard(subject: &Subject<'_>) -> Vec<Found> {
    listening(subject, IpAddr::is_unspecified, "every address")
}

fn public(subject: &Subject<'_>) -> Vec<Found> {
    let public = |address: &IpAddr| {
        let one = [Cidr::host(*address)];
        let set = IpSet::of(Family::of(*address), one);
        !address.is_unspecified()
            && !address.is_multicast()
            && Scope::of(&set) == Scope::Internet
    };
    listening(subject, public, "a public address")
}

/// One finding for each daemon with TCP listeners on such addresses.
fn listening(
    subject: &Subject<'_>,
    such: impl Fn(&IpAddr) -> bool,
    kind: &str,
) -> Vec<Found> {
    let found = |(instance, running): (&Instance, &Running)| {
        let addresses = tcp_addresses(running, &such);
        if addresses.is_empty() {
            return None;
        }
        let (severity, who) = subject.worst(&instance.id, Proto::Tcp);
        Some(Found {
            severity,
            message: format!(
                "{} listens on {kind} ({}): {who}",
                instance.id,
                addresses.join(", ")
            ),
            place: instance.place('l'),
        })
    };
    subject.running().filter_map(found).collect()
}

fn tcp_addresses(
    running: &Running,
    such: impl Fn(&IpAddr) -> bool,
) -> Vec<String> {
    let sockets = running.sockets();
    let such = sockets.filter(|(proto, socket)| {
        *proto == Proto::Tcp && such(&socket.address)
    });
    such.map(|(_, socket)| {
        std::net::SocketAddr::new(socket.address, socket.port).to_string()
    })
    .collect()
}

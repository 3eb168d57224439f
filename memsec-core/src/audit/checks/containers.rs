//! MEMSEC-CTR-001 and -002: what leads to memcached in a container.

use super::{Check, Found};
use crate::{
    audit::{Reached, Scope, Severity, subject::Subject},
    host::Way,
    net::Family,
    reach::{Taker, one_line},
};

pub(super) const CTR_001: Check = Check {
    id: "MEMSEC-CTR-001",
    title: "A container's memcached is published to others than the clients",
    severity: Severity::Critical,
    varies: "critical where the internet reaches it, else high",
    why: "a published port is translated before the rules of INPUT: what ufw \
          and csf keep out comes through; and before Docker 28 a neighbour \
          reaches the container's own address, whatever is published",
    detection: "rules that translate packets to a container, the proxies that \
                take them, the containers that are listed, and who gets \
                through",
    fix: "publish it on the loopback or on the clients' network \
          (127.0.0.1:11211:11211), or drop the others in DOCKER-USER by \
          --ctorigdstport",
    references: &["docs.docker.com/engine/network/packet-filtering-firewalls"],
    find: |subject| published(subject, Family::Ipv4),
};

pub(super) const CTR_002: Check = Check {
    id: "MEMSEC-CTR-002",
    title: "A container's memcached is published over IPv6",
    severity: Severity::Critical,
    varies: "critical where the internet reaches it, else high",
    why: "rules for IPv4 alone leave IPv6 open",
    detection: "the same of IPv6",
    fix: "publish it on an IPv4 address alone, or drop the others over IPv6 \
          too",
    references: &["docs.docker.com/engine/network/packet-filtering-firewalls"],
    find: |subject| published(subject, Family::Ipv6),
};

/// One finding for each port, and each address of a container.
fn published(subject: &Subject<'_>, family: Family) -> Vec<Found> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for reached in &subject.reached {
        if reached.family() != family || !subject.is_open(reached) {
            continue;
        }
        let Some(way) = way(subject, reached) else { continue };
        let direct = (way.taker == Taker::Other).then_some(way.address);
        let key = (way.proto, way.port, direct);
        if !seen.contains(&key) {
            seen.push(key);
            found.push(open(subject, reached, way));
        }
    }
    found
}

/// What leads somebody to a container.
fn way<'h>(subject: &Subject<'h>, reached: &Reached) -> Option<&'h Way> {
    let leads = |way: &&Way| {
        let every = way.address.is_unspecified()
            && Family::of(way.address) == reached.family();
        Some(&way.instance) == reached.instance.as_ref()
            && (way.proto, way.port) == (reached.proto, reached.port)
            && (every || reached.destinations.contains(&way.address))
    };
    subject.host.ways.iter().find(leads)
}

fn open(subject: &Subject<'_>, reached: &Reached, way: &Way) -> Found {
    let severity = match subject.scope(&[reached]) {
        Some(Scope::Internet) => Severity::Critical,
        _ => Severity::High,
    };
    let (proto, port, place) = (way.proto.name(), way.port, way.place.clone());
    let what = match (way.taker, reached.near) {
        (Taker::Other, _) => {
            format!("{proto} port {port} of {} is reached past", way.address)
        }
        (_, true) => format!("a neighbour gets by {proto} port {port} into"),
        _ => format!("{proto} port {port} leads to"),
    };
    let text = place.text.as_deref().map(one_line).unwrap_or_default();
    let tail = if text.is_empty() { text } else { format!(": {text}") };
    let what = match way.taker {
        Taker::Other => format!("{what} what is published of a container"),
        _ => format!("{what} a container"),
    };
    Found::new(severity, place, format!("{what}{tail}"))
}

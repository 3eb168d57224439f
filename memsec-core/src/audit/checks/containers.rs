//! MEMSEC-CTR-001 and -002: a port that is published from a container.

use std::net::IpAddr;

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Scope, Severity, subject::Subject},
    net::Family,
    netfilter::{Action, Rule, Test, Translated},
    reach::{Query, one_line, sources},
    text::Place,
};

pub(super) const CTR_001: Check = Check {
    id: "MEMSEC-CTR-001",
    title: "A container's memcached is published to others than the clients",
    severity: Severity::Critical,
    varies: "critical where the internet reaches it, else high",
    why: "a published port is translated before the rules of INPUT: what ufw \
          and csf keep out comes through",
    detection: "a rule that translates packets to port 11211 of another \
                address, and who gets through it",
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

/// The port of memcached, in the container.
const PORT: u16 = 11211;

/// A port of the host that leads to memcached's port elsewhere.
#[derive(Debug, PartialEq, Eq)]
struct Published {
    proto: Proto,
    port: u16,
    /// The one address of the host that it is published on.
    to: Option<IpAddr>,
}

fn published(subject: &Subject<'_>, family: Family) -> Vec<Found> {
    let tables = subject.host.ruleset.tables.iter();
    let tables = tables.filter(|table| table.families.contain(family));
    let chains = tables.flat_map(|table| &table.chains);
    let rules = chains
        .flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
    let mut seen: Vec<Published> = Vec::new();
    let mut found = Vec::new();
    for (chain, rule) in rules {
        for one in ports(rule, family) {
            if !seen.contains(&one) {
                found.extend(open(subject, family, &one, chain.place(rule)));
                seen.push(one);
            }
        }
    }
    found
}

/// What a rule publishes.
fn ports(rule: &Rule, family: Family) -> Vec<Published> {
    let Action::Translate(translation) = rule.action() else {
        return Vec::new();
    };
    let elsewhere = matches!(translation.of, Translated::Destination(Some(_)));
    let (mut protos, mut asked, mut to) = (vec![], None, None);
    for condition in rule.matches().iter().filter(|one| !one.negated) {
        match &condition.test {
            Test::Protocol(set) => {
                let both = [Proto::Tcp, Proto::Udp].into_iter();
                protos = both.filter(|p| set.contains(p.number())).collect();
            }
            Test::DestinationPort(set) => asked = set.first(),
            Test::Destination(set) => to = set.first(),
            _ => {}
        }
    }
    let to = to.map(|to| family.address(to));
    let Some(port) = asked else { return Vec::new() };
    let leads = translation.ports.map_or(port, |(first, _)| first) == PORT;
    let local = to.is_some_and(|to| to.is_loopback());
    if !elsewhere || !leads || local {
        return Vec::new();
    }
    let one = |proto| Published { proto, port, to };
    protos.into_iter().map(one).collect()
}

fn open(
    subject: &Subject<'_>,
    family: Family,
    one: &Published,
    place: Place,
) -> Option<Found> {
    let &Published { proto, port, to } = one;
    let (interface, wildcard) = (None, true);
    let query = Query { interface, family, to, wildcard, proto, port };
    let may = sources(subject.host, &query).may;
    let beyond = may.difference(&subject.policy.allowed(family));
    if beyond.is_empty() {
        return None;
    }
    let severity = match Scope::of(&beyond) {
        Scope::Internet => Severity::Critical,
        _ => Severity::High,
    };
    let rule = place.text.as_deref().map(one_line).unwrap_or_default();
    let name = proto.name();
    let message = format!("{name} port {port} leads to a container: {rule}");
    Some(Found::new(severity, place, message))
}

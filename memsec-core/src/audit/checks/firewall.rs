//! MEMSEC-FW: what the firewall lets through.

use std::collections::BTreeMap;

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Reached, Scope, Severity, subject::Subject},
    net::Family,
    reach::{DeadRule, dead_rules, rule_line},
    text::Place,
};

pub(super) const FW_001: Check = Check {
    id: "MEMSEC-FW-001",
    title: "The TCP port is open to others than the clients, over IPv4",
    severity: Severity::Critical,
    varies: "critical where the internet gets in, else high",
    why: "the firewall is the second wall; where the first has a hole, it is \
          the only one",
    detection: "new packets by each interface, through every table and chain by \
              priority, as sets of sources, less the clients",
    fix: "let the clients in and drop the rest, before any rule that accepts \
          more",
    references: &["NIST SC-7(5)", "CIS Debian 4.4.2"],
    find: |subject| open(subject, Proto::Tcp, &[Family::Ipv4]),
};

pub(super) const FW_002: Check = Check {
    id: "MEMSEC-FW-002",
    title: "The TCP port is open to others than the clients, over IPv6",
    severity: Severity::Critical,
    varies: "critical where the internet gets in, else high",
    why: "iptables says nothing about IPv6: rules for IPv4 alone leave it open",
    detection: "as MEMSEC-FW-001, over ip6, ip6tables and inet tables",
    fix: "the same rules in ip6tables or an inet table, or no IPv6 listener",
    references: &["NIST SC-7(5)", "CIS Debian 4.4.3"],
    find: |subject| open(subject, Proto::Tcp, &[Family::Ipv6]),
};

pub(super) const FW_003: Check = Check {
    id: "MEMSEC-FW-003",
    title: "The UDP port is open to others than the clients",
    severity: Severity::Critical,
    varies: "critical whoever gets in",
    why: "a forged source needs no answer: any datagram that is delivered \
          can make memcached flood a third party",
    detection: "as MEMSEC-FW-001, for UDP and both families",
    fix: "drop UDP to the port, over IPv4 and IPv6",
    references: &["CVE-2018-1000115", "CISA TA14-017A"],
    find: |subject| open(subject, Proto::Udp, &Family::BOTH),
};

pub(super) const FW_004: Check = Check {
    id: "MEMSEC-FW-004",
    title: "A rule for the port has no effect",
    severity: Severity::High,
    varies: "high where its packets meet the other fate, else info",
    why: "it reads like protection, or like access, and no packet ever gets \
          to it",
    detection: "what a rule that names the port matches, less what is decided \
              before it; chains that no hook leads to",
    fix: "move it before the rule that decides, or remove it",
    references: &[],
    find: dead,
};

pub(super) const FW_006: Check = Check {
    id: "MEMSEC-FW-006",
    title: "A client that should get in does not",
    severity: Severity::Medium,
    varies: "medium: nothing is open",
    why: "the application loses its cache",
    detection: "the clients, less the sources that are sure to get in and to get \
              the answer",
    fix: "let the client in before the rule that stops it, and listen on an \
          address that it can reach",
    references: &[],
    find: shut_out,
};

pub(super) const FW_015: Check = Check {
    id: "MEMSEC-FW-015",
    title: "Whether a rule matches cannot be decided",
    severity: Severity::Info,
    varies: "info: both answers are counted",
    why: "the answer has two bounds where it depends on time, rate, history \
          or a match that is not known",
    detection: "a rule that decides who gets in and tests a limit, a time, a \
              list of recent sources or what is not known",
    fix: "put the rules for the port before it, so that it does not matter",
    references: &[],
    find: undecided,
};

/// One finding for each port, with all the ways in.
fn open(
    subject: &Subject<'_>,
    proto: Proto,
    families: &[Family],
) -> Vec<Found> {
    let such = |r: &&Reached| {
        r.proto == proto && families.contains(&r.family()) && subject.is_open(r)
    };
    let mut ports: BTreeMap<u16, Vec<&Reached>> = BTreeMap::new();
    for way in subject.reached.iter().filter(such) {
        ports.entry(way.port).or_default().push(way);
    }
    let ports = ports.values();
    ports.filter_map(|ways| way_in(subject, proto, ways)).collect()
}

fn way_in(
    subject: &Subject<'_>,
    proto: Proto,
    ways: &[&Reached],
) -> Option<Found> {
    let family = ways.first()?.family();
    let worst =
        proto == Proto::Udp || subject.scope(ways) == Some(Scope::Internet);
    let rule = ways.iter().find_map(|way| way.sources.because.first());
    let place = rule.cloned();
    Some(Found {
        severity: if worst { Severity::Critical } else { Severity::High },
        message: subject.who(ways),
        place: place.unwrap_or_else(|| Place::whole(rules_of(family))),
    })
}

fn rules_of(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "iptables-save",
        Family::Ipv6 => "ip6tables-save",
    }
}

fn dead(subject: &Subject<'_>) -> Vec<Found> {
    let mut ports: Vec<_> = subject.reached.iter().map(|r| r.port).collect();
    ports.push(MEMCACHED);
    ports.sort_unstable();
    ports.dedup();
    let mut found: Vec<DeadRule> = Vec::new();
    for port in ports {
        for proto in Proto::BOTH {
            for dead in dead_rules(subject.host, proto, port) {
                if !found.iter().any(|known| known.rule == dead.rule) {
                    found.push(dead);
                }
            }
        }
    }
    found.iter().map(dead_rule).collect()
}

/// The port that IANA has given to memcached.
const MEMCACHED: u16 = 11211;

fn dead_rule(dead: &DeadRule) -> Found {
    let intent = if dead.accepts { "let packets in" } else { "stop packets" };
    let cause = match &dead.shadowed_by {
        Some(rule) => match &rule.text {
            Some(text) => {
                format!("{rule} decides before it: {}", rule_line(text))
            }
            None => format!("{rule} decides before it"),
        },
        None => "no packet gets to its chain".to_owned(),
    };
    let severity =
        if dead.contradicted { Severity::High } else { Severity::Info };
    Found {
        severity,
        message: format!("a rule that should {intent} is dead: {cause}"),
        place: dead.rule.clone(),
    }
}

fn shut_out(subject: &Subject<'_>) -> Vec<Found> {
    let shut = subject.shut_out();
    let found = shut.into_iter().map(|shut| Found {
        severity: Severity::Medium,
        message: shut.message,
        place: shut.because.unwrap_or_default(),
    });
    found.collect()
}

fn undecided(subject: &Subject<'_>) -> Vec<Found> {
    let rules = subject.reached.iter().flat_map(|r| &r.sources.undecided);
    let mut places: Vec<&Place> = Vec::new();
    for rule in rules {
        if !places.contains(&rule) {
            places.push(rule);
        }
    }
    let found = places.into_iter().map(|rule| Found {
        severity: Severity::Info,
        message: "whether it matches depends on more than the packet: the \
                  answer has two bounds"
            .to_owned(),
        place: rule.clone(),
    });
    found.collect()
}

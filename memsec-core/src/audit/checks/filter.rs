//! MEMSEC-FW-005 to -017 and UDP-004, -005: rules that are too wide, empty
//! or missing.

use std::collections::BTreeSet;

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Reached, Scope, Severity, subject::Subject},
    net::{Family, IpSet},
    netfilter::{Action, Chain, Rule, Test},
    reach::{Query, Sources, sources},
    text::Place,
};

pub(super) const FW_005: Check = Check {
    id: "MEMSEC-FW-005",
    title: "A rule lets in more than the clients",
    severity: Severity::High,
    varies: "high where it lets the internet in, else medium",
    why: "10.0.0.0/8 where one /24 is meant is a rule for strangers",
    detection: "a rule that accepts, names the port and decides who gets in, \
                of which others than the policy's clients get in",
    fix: "narrow its source to the clients",
    references: &["NIST AC-3", "NIST SC-7(5)"],
    find: too_wide,
};

pub(super) const FW_007: Check = Check {
    id: "MEMSEC-FW-007",
    title: "What no rule names is let in",
    severity: Severity::Medium,
    varies: "found only where others than the clients get in; low where \
             there are no rules at all",
    why: "one missing rule is an open port",
    detection: "an open listener, and a port that no rule names and that the \
                internet reaches too",
    fix: "accept what is needed, drop the rest: after a look at what keeps \
          the administrator's own way in",
    references: &["CIS Debian 4.4.2.1", "CIS 4.3.8"],
    find: default_accept,
};

pub(super) const FW_016: Check = Check {
    id: "MEMSEC-FW-016",
    title: "The set of clients is empty",
    severity: Severity::High,
    varies: "found only where a client of the policy does not get in",
    why: "a rule for nobody accepts nobody: the set was not saved, or what \
          fills it has not run",
    detection: "a rule that accepts and names the port, of sources in a set \
                without members",
    fix: "fill the set and save it, before the rules are loaded at boot",
    references: &["ipset(8)", "nft(8)"],
    find: empty_set,
};

pub(super) const FW_017: Check = Check {
    id: "MEMSEC-FW-017",
    title: "Packets for the port are not tracked",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "rules for NEW and ESTABLISHED do not see them: the answers are \
          judged as strangers",
    detection: "a NOTRACK rule, in a raw table or a chain of that priority, \
                that names the port",
    fix: "remove it, or accept both directions by port",
    references: &["iptables-extensions(8)"],
    find: untracked,
};

pub(super) const UDP_004: Check = Check {
    id: "MEMSEC-UDP-004",
    title: "A rule opens UDP to the port",
    severity: Severity::High,
    varies: "high where a daemon has UDP on, else medium: it waits for the \
             first that does",
    why: "firewalld's own service memcache, and `ufw allow 11211`, open TCP \
          and UDP",
    detection: "a rule that accepts UDP to a port of memcached and decides \
                who gets in, others than the clients among them",
    fix: "open TCP only, and to the clients only",
    references: &["CVE-2018-1000115", "CISA TA14-017A"],
    find: opens_udp,
};

/// The port that IANA has given to memcached.
const MEMCACHED: u16 = 11211;

fn ports(subject: &Subject<'_>) -> BTreeSet<u16> {
    let own = subject.reached.iter().filter(|r| r.instance.is_some());
    own.map(|r| r.port).chain([MEMCACHED]).collect()
}

fn rules<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Chain, &'a Rule)> {
    let tables = subject.host.ruleset.tables.iter();
    let chains = tables.flat_map(|table| &table.chains);
    chains.flat_map(|c| c.rules.iter().map(move |rule| (c, rule)))
}

fn names(rule: &Rule, ports: &[u16]) -> bool {
    rule.matches().iter().any(|condition| match &condition.test {
        Test::DestinationPort(set) => {
            !condition.negated
                && !set.is_all()
                && ports.iter().any(|&port| set.contains(port))
        }
        _ => false,
    })
}

/// The rules that do something and name a port of memcached, whatever their
/// origin.
fn naming<'a>(
    subject: &Subject<'a>,
    action: &Action,
) -> Vec<(&'a Chain, &'a Rule)> {
    let ports: Vec<u16> = ports(subject).into_iter().collect();
    let tables = subject.host.ruleset.tables.iter();
    let mut out = Vec::new();
    for chain in tables.flat_map(|table| &table.chains) {
        let own = chain.that_say_of(&ports, |rule| {
            rule.action() == action && names(rule, &ports)
        });
        out.extend(own.into_iter().map(|rule| (chain, rule)));
    }
    out
}

/// The rules that accept and name a port of memcached, by their place.
fn accepting<'a>(subject: &Subject<'a>) -> Vec<(Place, &'a Rule)> {
    let own = naming(subject, &Action::Accept).into_iter();
    own.map(|(chain, rule)| (chain.place(rule), rule)).collect()
}

fn too_wide(subject: &Subject<'_>) -> Vec<Found> {
    if subject.policy.allow.is_empty() {
        return Vec::new();
    }
    let found = accepting(subject).into_iter().filter_map(|(place, rule)| {
        let wide = |way: &&Reached| {
            way.sources.because.contains(&place)
                && let_in(subject, way, rule).is_some()
        };
        let way = subject.reached.iter().find(wide)?;
        let beyond = let_in(subject, way, rule)?;
        let from = beyond.cidrs().next()?;
        let severity = match Scope::of(&beyond) {
            Scope::Internet => Severity::High,
            _ => Severity::Medium,
        };
        let message = match severity {
            // The first of many that a client's network was cut out of.
            Severity::High if from.prefix() < 8 => {
                "it lets anyone on the internet in, not the clients alone"
                    .to_owned()
            }
            _ => format!("it lets {from} in, which is no client"),
        };
        Some(Found::new(severity, place, message))
    });
    found.collect()
}

/// Those that a rule lets in by a way and that are no clients, if any.
fn let_in(subject: &Subject<'_>, way: &Reached, rule: &Rule) -> Option<IpSet> {
    let beyond = way.beyond(subject.policy);
    let beyond = match rule.origin.addresses() {
        Some(own) => {
            beyond.intersection(&IpSet::from_numbers(way.family(), &own))
        }
        None => beyond,
    };
    (!beyond.is_empty()).then_some(beyond)
}

fn asked(
    subject: &Subject<'_>,
    family: Family,
    proto: Proto,
    port: u16,
) -> Sources {
    let query = Query {
        interface: None,
        family,
        to: None,
        wildcard: true,
        taker: Default::default(),
        proto,
        port,
    };
    sources(subject.host, &query)
}

/// A port that no service has (tcpmux), for a port that no rule names.
const UNNAMED: u16 = 1;

fn default_accept(subject: &Subject<'_>) -> Vec<Found> {
    let found = Family::BOTH.into_iter().filter_map(|family| {
        let open = |r: &&Reached| {
            r.family() == family && r.instance.is_some() && subject.is_open(r)
        };
        subject.reached.iter().find(open)?;
        if subject.host.ruleset.missing(family) {
            return None;
        }
        let all = asked(subject, family, Proto::Tcp, UNNAMED);
        if !all.must.is_all() {
            return None;
        }
        let none = rules(subject).next().is_none();
        let severity = if none { Severity::Low } else { Severity::Medium };
        let (name, command) = match family {
            Family::Ipv4 => ("IPv4", "iptables-save"),
            Family::Ipv6 => ("IPv6", "ip6tables-save"),
        };
        let message = format!("over {name} every port is open that listens");
        let place = all.because.first().cloned();
        let place = place.unwrap_or_else(|| Place::whole(command));
        Some(Found::new(severity, place, message))
    });
    found.collect()
}

fn empty_set(subject: &Subject<'_>) -> Vec<Found> {
    let empty = |rule: &Rule| {
        rule.matches().iter().any(|condition| match &condition.test {
            Test::Source(set) => !condition.negated && set.is_empty(),
            Test::Either(all) => !condition.negated && all.is_empty(),
            _ => false,
        })
    };
    // Where no client is missing, nobody is meant to be in it.
    if subject.shut_out().is_empty() {
        return Vec::new();
    }
    let all = accepting(subject).into_iter().filter(|(_, rule)| empty(rule));
    let found = all.map(|(place, _)| {
        let message = "it accepts the members of a set that has none";
        Found::new(Severity::High, place, message.to_owned())
    });
    found.collect()
}

fn untracked(subject: &Subject<'_>) -> Vec<Found> {
    let own = naming(subject, &Action::NoTrack).into_iter();
    let found = own.map(|(chain, rule)| {
        let message = "it hides the packets for the port from conntrack";
        let place = chain.place(rule);
        Found::new(Severity::Medium, place, message.to_owned())
    });
    found.collect()
}

fn opens_udp(subject: &Subject<'_>) -> Vec<Found> {
    let mut all = accepting(subject);
    all.retain(|(_, rule)| may_be_udp(rule));
    if all.is_empty() {
        return Vec::new();
    }
    let on = subject.reached.iter().any(|r| {
        r.proto == Proto::Udp && r.instance.is_some() && subject.is_open(r)
    });
    let severity = if on { Severity::High } else { Severity::Medium };
    let mut found: Vec<Found> = Vec::new();
    for family in Family::BOTH {
        for port in ports(subject).into_iter().take(8) {
            let allowed = subject.policy.allowed(family);
            let own = |place: &&Place| all.iter().any(|(p, _)| p == *place);
            for who in over_udp(subject, family, port) {
                if who.may.difference(&allowed).is_empty() {
                    continue;
                }
                let place = who.because.iter().find(own);
                let Some(place) = place else { continue };
                if found.iter().all(|known| known.place != *place) {
                    let message = format!("it opens UDP port {port}");
                    found.push(Found::new(severity, place.clone(), message));
                }
            }
        }
    }
    found
}

fn may_be_udp(rule: &Rule) -> bool {
    let udp = Proto::Udp.number();
    rule.matches().iter().all(|condition| match &condition.test {
        Test::Protocol(set) => condition.negated != set.contains(udp),
        _ => true,
    })
}

/// Who reaches a UDP port: by each interface, where that was asked already,
/// or by whichever.
fn over_udp(subject: &Subject<'_>, family: Family, port: u16) -> Vec<Sources> {
    let ways = subject.reached.iter().filter(|way| {
        (way.proto, way.port, way.family()) == (Proto::Udp, port, family)
            && !way.local
    });
    let ways: Vec<_> = ways.map(|way| way.sources.clone()).collect();
    match ways.is_empty() {
        true => vec![asked(subject, family, Proto::Udp, port)],
        false => ways,
    }
}

//! What rules lead to other network namespaces and hosts.

use std::net::IpAddr;

use super::{Action, Chain, Match, Rule, Ruleset, Table, Test, Translated};
use crate::{
    Proto,
    net::{Family, PortSet},
    text::Place,
};

/// A port from which a rule leads to an address that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub proto: Proto,
    /// The port that packets are sent to; `None` for each of them.
    pub port: Option<u16>,
    /// The one address that they are sent to, if the rule names one.
    pub on: Option<IpAddr>,
    /// Where they are led: to another address, or on to the one that they
    /// are sent to.
    pub to: IpAddr,
    /// The port there; `None` for the one that they are sent to.
    pub inside: Option<u16>,
    /// Whether the destination is changed, not only let through.
    pub translated: bool,
    /// Whether Docker, podman or CNI has written the rule.
    pub container: bool,
    pub place: Place,
}

/// How the chains of Docker, of netavark and of CNI begin.
const CHAINS: [&str; 3] = ["DOCKER", "NETAVARK", "CNI-"];

/// The tables of Docker's other back end, and of netavark's.
const TABLES: [&str; 2] = ["docker-bridges", "netavark"];

fn of_containers(table: &Table, chain: &Chain) -> bool {
    TABLES.contains(&table.name.as_str())
        || CHAINS.iter().any(|start| chain.name.starts_with(start))
}

impl Ruleset {
    /// What rules translate to other addresses, and what those of container
    /// engines let through to theirs.
    pub(crate) fn forwards(&self) -> Vec<Forward> {
        let mut all = Vec::new();
        for table in &self.tables {
            for chain in &table.chains {
                let container = of_containers(table, chain);
                for rule in chain.that_say(|rule| counts(rule, container)) {
                    let place = || chain.place(rule);
                    all.extend(forwards(table, rule, container, place));
                }
            }
        }
        all
    }
}

/// Whether a rule may translate, or let through to a container.
fn counts(rule: &Rule, container: bool) -> bool {
    match rule.action() {
        Action::Translate(_) => true,
        action => container && *action == Action::Accept,
    }
}

fn forwards(
    table: &Table,
    rule: &Rule,
    container: bool,
    place: impl Fn() -> Place,
) -> Vec<Forward> {
    let (to, ports) = match rule.action() {
        Action::Translate(translation) => match translation.of {
            Translated::Destination(Some((to, _))) => {
                (Some(to), translation.ports)
            }
            _ => return Vec::new(),
        },
        Action::Accept if container => (None, None),
        _ => return Vec::new(),
    };
    let said = Said::of(rule.matches());
    let translated = to.is_some();
    let families = Family::BOTH.into_iter();
    let families = families.filter(|family| table.families.contain(*family));
    let mut all = Vec::new();
    for family in families.filter(|f| said.family.is_none_or(|s| s == *f)) {
        let on = said.destination.map(|to| family.address(to));
        let Some(to) = to.map(|to| family.address(to)).or(on) else {
            continue;
        };
        all.extend(said.protos.iter().map(|&proto| Forward {
            proto,
            port: said.port,
            on: on.filter(|_| translated),
            to,
            inside: ports.map(|(first, _)| first).or(said.port),
            translated,
            container,
            place: place(),
        }));
    }
    // What only lets through is of the one port that it names.
    all.retain(|one| translated || one.port.is_some());
    all
}

/// What the conditions of a rule name.
struct Said {
    family: Option<Family>,
    protos: Vec<Proto>,
    port: Option<u16>,
    destination: Option<u128>,
}

impl Said {
    fn of(matches: &[Match]) -> Self {
        let mut said = Self {
            family: None,
            protos: Proto::BOTH.to_vec(),
            port: None,
            destination: None,
        };
        for condition in matches.iter().filter(|one| !one.negated) {
            match &condition.test {
                Test::Family(family) => said.family = Some(*family),
                Test::Protocol(set) => {
                    said.protos.retain(|p| set.contains(p.number()));
                }
                Test::DestinationPort(set) => said.port = named(set),
                Test::Destination(set) => {
                    if let Some((first, last)) = set.only_range() {
                        said.destination = (first == last).then_some(first);
                    }
                }
                _ => {}
            }
        }
        said
    }
}

/// The one port of a set, or memcached's, if that is among them.
fn named(set: &PortSet) -> Option<u16> {
    const MEMCACHED: u16 = 11211;
    match set.contains(MEMCACHED) {
        true => Some(MEMCACHED),
        false => set.first(),
    }
}

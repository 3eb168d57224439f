//! Ports that no rule of two hosts tells apart.

use std::collections::{BTreeSet, HashMap};

use crate::{
    Port, Proto,
    host::Host,
    net::PortSet,
    netfilter::{Action, Connection, Match, Rule, Test},
};

/// More classes than this are not asked one by one.
const CLASSES: usize = 256;

/// Nor is more than so many rules for all classes together.
const RULES: usize = 1 << 24;

/// What is asked in any case: memcached's ports, and that of ssh.
const USUAL: [Port; 3] = [
    Port { proto: Proto::Tcp, port: 11211 },
    Port { proto: Proto::Udp, port: 11211 },
    Port { proto: Proto::Tcp, port: 22 },
];

/// Classes of ports, the first port of each with the last.
#[derive(Debug)]
pub(super) struct Classes {
    /// Of any protocol.
    whole: HashMap<u16, u16>,
    /// Those that are asked where not all are.
    named: Vec<Port>,
    /// True if only those are asked.
    pub limited: bool,
}

impl Classes {
    pub(super) fn of(hosts: [&Host; 2], named: &[Port]) -> Self {
        let mut starts = BTreeSet::from([0]);
        let mut rules = 0;
        for rule in hosts.iter().flat_map(|host| all_rules(host)) {
            rules += 1;
            if starts.len() <= CLASSES {
                of_rule(rule, &mut starts);
            }
        }
        let limited = starts.len() > CLASSES
            || starts.len().saturating_mul(rules) > RULES;
        let ends = starts.iter().skip(1).map(|next| next - 1);
        let ends = ends.chain([u16::MAX]);
        let whole = starts.iter().copied().zip(ends);
        let whole = if limited { HashMap::new() } else { whole.collect() };
        let named = USUAL.iter().chain(named).copied().collect();
        Self { whole, named, limited }
    }

    /// The ports that stand for all that is asked.
    pub(super) fn asked(&self) -> Vec<Port> {
        if self.limited {
            return self.named.clone();
        }
        let ports = self
            .whole
            .keys()
            .flat_map(|&port| Proto::BOTH.map(|proto| Port { proto, port }));
        ports.collect()
    }

    /// The ports that one stands for.
    pub(super) fn class(&self, port: u16) -> PortSet {
        let last = self.whole.get(&port).copied().unwrap_or(port);
        PortSet::range(port, last)
    }
}

fn all_rules(host: &Host) -> impl Iterator<Item = &Rule> {
    let chains = host.ruleset.tables.iter().flat_map(|table| &table.chains);
    chains.flat_map(|chain| chain.rules.iter())
}

/// Adds where the classes begin that a rule makes. A port may be that of
/// the packet or of its answer.
fn of_rule(rule: &Rule, starts: &mut BTreeSet<u16>) {
    let mut open: Vec<&Match> = rule.matches().iter().collect();
    while let Some(one) = open.pop() {
        match &one.test {
            Test::Either(lists) => open.extend(lists.iter().flatten()),
            test => of_ports(ports(test), starts),
        }
    }
    if let Action::Translate(to) = rule.action() {
        let to = to.ports.map(|(first, last)| PortSet::range(first, last));
        of_ports(to.as_ref(), starts);
    }
}

fn of_ports(set: Option<&PortSet>, starts: &mut BTreeSet<u16>) {
    for (first, last) in set.into_iter().flat_map(PortSet::ranges) {
        starts.insert(first);
        starts.extend(last.checked_add(1));
        if starts.len() > CLASSES {
            return;
        }
    }
}

fn ports(test: &Test) -> Option<&PortSet> {
    match test {
        Test::SourcePort(set)
        | Test::DestinationPort(set)
        | Test::EitherPort(set) => Some(set),
        Test::Connection { of, .. } => of_connection(of),
        _ => None,
    }
}

fn of_connection(of: &Connection) -> Option<&PortSet> {
    match of {
        Connection::OriginalSourcePort(set)
        | Connection::OriginalPort(set)
        | Connection::ReplySourcePort(set)
        | Connection::ReplyPort(set) => Some(set),
        _ => None,
    }
}

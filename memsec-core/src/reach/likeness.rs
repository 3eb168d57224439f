//! Which interfaces and addresses of a host no rule tells apart.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use super::{
    Query,
    dead::reached,
    journey::{Possible, address_type},
    possible,
};
use crate::{
    host::Host,
    net::{Family, PortSet, RangeSet},
    netfilter::{
        Action, AddressType, Connection, Hook, Match, Name, Rule, Ruleset,
        Test, Translated,
    },
};

/// What the rules for a family ask of the interface that a packet comes in
/// by and of the address that it goes to. A host with five hundred of each
/// is asked of one of a kind.
#[derive(Debug, Default)]
pub(crate) struct Likeness {
    names: HashSet<String>,
    prefixes: BTreeSet<String>,
    /// Where sets of addresses begin and end.
    starts: BTreeSet<u128>,
    /// True if a rule asks what routing says of the interface itself.
    routed: bool,
    /// The ports from which rules send packets elsewhere; `None` for all.
    turned: Vec<Option<PortSet>>,
    /// True if a rule asks what only one address can answer.
    apart: bool,
}

/// An interface and an address, in what rules can tell of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    interface: Option<String>,
    prefixes: Vec<String>,
    address: u128,
    kind: AddressType,
    looped: bool,
    /// Which sources routing lets in by the interface.
    sources: Option<Possible>,
}

/// More boundaries than this are not kept.
const MOST: usize = 1 << 16;

impl Likeness {
    pub(crate) fn of(ruleset: &Ruleset, family: Family) -> Self {
        let mut out = Self::default();
        let tables = ruleset.tables.iter();
        for table in tables.filter(|table| table.families.contain(family)) {
            let answers = reached(table, |base| {
                matches!(base.hook, Hook::Output | Hook::Postrouting)
            });
            for (chain, answers) in table.chains.iter().zip(answers) {
                match answers {
                    true => chain.rules.iter().for_each(|r| out.rule(r, true)),
                    false => chain.each_kind().for_each(|r| out.rule(r, false)),
                }
            }
        }
        out.apart |= out.starts.len() > MOST;
        out
    }

    fn rule(&mut self, rule: &Rule, answers: bool) {
        if self.starts.len() > MOST {
            return;
        }
        // The source of an answer is the address that was asked.
        if let Some(set) = rule.origin.addresses().filter(|_| answers) {
            self.boundaries(&set);
        }
        rule.matches().iter().for_each(|one| self.condition(one, answers));
        if let Action::Translate(to) = rule.action() {
            if to.of != Translated::Source {
                let ports = rule.matches().iter().find_map(ports);
                self.turned.push(ports.cloned());
                let range = |(first, last)| PortSet::range(first, last);
                self.turned.extend(to.ports.map(range).map(Some));
            }
        }
    }

    fn condition(&mut self, condition: &Match, answers: bool) {
        match &condition.test {
            Test::Source(set) if answers => self.boundaries(set),
            Test::Destination(set) => self.boundaries(set),
            Test::Connection { of, .. } => self.connection(of),
            Test::In(names) | Test::Out(names) => {
                names.iter().for_each(|name| self.name(name));
            }
            Test::Either(lists) => {
                let all = lists.iter().flatten();
                all.for_each(|one| self.condition(one, answers));
            }
            Test::SourceType(_) | Test::ReversePath { .. } => {
                self.routed = true;
            }
            Test::TypeHere { .. } => self.apart = true,
            // What says nothing of either. Listed, so that a new one is not
            // forgotten; of frames no set of sources tells.
            Test::Source(_)
            | Test::Family(_)
            | Test::Protocol(_)
            | Test::SourcePort(_)
            | Test::DestinationPort(_)
            | Test::EitherPort(_)
            | Test::State(_)
            | Test::Flags { .. }
            | Test::DestinationType(_)
            | Test::Mark { .. }
            | Test::ConnectionMark { .. }
            | Test::Icmp(_)
            | Test::LaterFragment
            | Test::PacketType(_)
            | Test::NextHeader(_)
            | Test::Ipsec
            | Test::Header
            | Test::Undecided
            | Test::Unknown => {}
        }
    }

    fn connection(&mut self, of: &Connection) {
        match of {
            Connection::OriginalSource(set)
            | Connection::OriginalDestination(set)
            | Connection::ReplySource(set)
            | Connection::ReplyDestination(set) => self.boundaries(set),
            Connection::Reply(_)
            | Connection::Status(_)
            | Connection::OriginalProtocol(_)
            | Connection::OriginalSourcePort(_)
            | Connection::OriginalPort(_)
            | Connection::ReplySourcePort(_)
            | Connection::ReplyPort(_)
            | Connection::Any => {}
        }
    }

    fn name(&mut self, name: &Name) {
        match name {
            Name::Exact(name) => {
                self.names.insert(name.clone());
            }
            Name::Prefix(prefix) => {
                self.prefixes.insert(prefix.clone());
            }
        }
    }

    fn boundaries(&mut self, set: &RangeSet<u128>) {
        for (first, last) in set.ranges().take(MOST + 1) {
            self.starts.insert(first);
            self.starts.extend(last.checked_add(1));
        }
    }

    /// Of which kind a question is; `None` if it is the only one.
    pub(crate) fn kind(&self, host: &Host, query: &Query<'_>) -> Option<Kind> {
        let (to, interface) = (query.to?, query.interface);
        let turns = |ports: &Option<PortSet>| {
            ports.as_ref().is_none_or(|set| set.contains(query.port))
        };
        if self.apart || self.turned.iter().any(turns) {
            return None;
        }
        let named = |name: &&str| self.routed || self.names.contains(*name);
        let begins = |prefix: &&String| {
            interface.is_some_and(|name| name.starts_with(prefix.as_str()))
        };
        Some(Kind {
            interface: interface.filter(named).map(str::to_owned),
            prefixes: self.prefixes.iter().filter(begins).cloned().collect(),
            address: self.before(to),
            kind: address_type(to),
            looped: interface == Some("lo"),
            sources: possible::known(host, query),
        })
    }

    /// The last boundary up to an address.
    fn before(&self, address: IpAddr) -> u128 {
        let number = Family::number(address);
        self.starts.range(..=number).next_back().copied().unwrap_or(0)
    }
}

fn ports(condition: &Match) -> Option<&PortSet> {
    match &condition.test {
        Test::DestinationPort(set) if !condition.negated => Some(set),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fmt::Write, net::Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        Proto, Snapshot,
        reach::{Sources, Taker, sources},
    };

    const NAMES: [&str; 5] = ["lo", "eth0", "eth1", "br-a", "br-b"];

    fn addresses() -> String {
        let each = NAMES.iter().enumerate().map(|(n, name)| {
            format!(
                r#"{{"ifname": "{name}", "flags": ["UP"], "addr_info": [
                {{"family": "inet", "local": "10.0.{n}.1",
                "prefixlen": 24}}]}}"#
            )
        });
        format!("[{}]", each.collect::<Vec<_>>().join(","))
    }

    fn routes() -> String {
        let each = NAMES.iter().enumerate().map(|(n, name)| {
            format!(r#"{{"dst": "10.0.{n}.0/24", "dev": "{name}"}}"#)
        });
        format!("[{}]", each.collect::<Vec<_>>().join(","))
    }

    fn rule() -> impl Strategy<Value = String> {
        let asks = [
            "-i eth0",
            "-i br+",
            "! -i br-a",
            "-d 10.0.1.0/24",
            "! -d 10.0.3.1",
            "-s 10.0.2.0/24",
            "-m addrtype --src-type LOCAL",
            "-m rpfilter",
            "-p tcp -m tcp --dport 11211",
            "-p tcp -m tcp --dport 80",
        ];
        let asks = prop::sample::subsequence(asks.to_vec(), 0..3);
        (asks, 0..4_usize).prop_map(|(asks, at)| {
            let target = ["ACCEPT", "DROP", "RETURN", "MARK --set-mark 1"][at];
            format!("{} -j {target}", asks.join(" "))
        })
    }

    fn dump() -> impl Strategy<Value = String> {
        let rules = prop::collection::vec((0..3_usize, rule()), 0..8);
        (rules, 0..4_usize).prop_map(|(rules, turn)| {
            let mut text = String::from("*mangle\n");
            for (at, rule) in rules {
                let chain = ["PREROUTING", "INPUT", "OUTPUT"][at];
                let refused = match chain {
                    "PREROUTING" => false,
                    "OUTPUT" => {
                        rule.contains("-i ") || rule.contains("rpfilter")
                    }
                    _ => rule.contains("rpfilter"),
                };
                if !refused {
                    let _ = writeln!(text, "-A {chain} {rule}");
                }
            }
            let turns = ["", "80", "11211", "80 -i br-a"];
            if turn > 0 {
                let _ = write!(
                    text,
                    "COMMIT\n*nat\n-A PREROUTING -p tcp -m tcp --dport {} -j \
                     REDIRECT --to-ports 11211\n",
                    turns[turn]
                );
            }
            text + "COMMIT\n"
        })
    }

    proptest! {
        /// Those of one kind have one answer.
        #[test]
        fn what_is_alike_is_answered_alike(dump in dump(), filter in 0..3) {
            let filter = format!("net.ipv4.conf.all.rp_filter = {filter}\n");
            let snapshot = Snapshot::new()
                .with_command("ip -j address", &addresses())
                .with_command("ip -j route", &routes())
                .with_command("sysctl -a", &filter)
                .with_command("iptables-save", &dump);
            let host = Host::new(&snapshot).unwrap();
            let likeness = Likeness::of(&host.ruleset, Family::Ipv4);
            let mut known: HashMap<Kind, Sources> = HashMap::new();
            for (name, n) in NAMES.iter().flat_map(|n| (0..5).map(move |a| (n, a))) {
                let query = Query {
                    interface: Some(name),
                    family: Family::Ipv4,
                    to: Some(Ipv4Addr::new(10, 0, n, 1).into()),
                    wildcard: true,
                    taker: Taker::Socket,
                    proto: Proto::Tcp,
                    port: 11211,
                };
                let Some(kind) = likeness.kind(&host, &query) else { continue };
                let answer = sources(&host, &query);
                let same = known.entry(kind).or_insert(answer.clone());
                prop_assert_eq!(&same.may, &answer.may);
                prop_assert_eq!(&same.must, &answer.must);
            }
        }
    }
}

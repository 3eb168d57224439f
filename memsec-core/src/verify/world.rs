//! The host at one moment of a plan: texts of rules, and sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use super::{
    guard::{is_guard, part},
    iptables::dump,
    nft, nft_text,
    rules::{Action, Field, Network, Probe, TCP, Table, UDP},
    segments::Segments,
    sets::{Sets, changed},
    walk::{Fate, walk},
    words::addresses,
};
use crate::{
    Error, Proto,
    plan::{HostAddress, Listening},
    text::Place,
};

/// More source ports than this no rules tell apart.
const SOURCE_PORTS: usize = 64;

/// Where new packets of other hosts come by.
const IN: [&str; 3] = ["ingress", "prerouting", "input"];
const OUT: [&str; 2] = ["output", "postrouting"];

/// The host at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub addresses: Option<Vec<HostAddress>>,
    pub texts: BTreeMap<String, String>,
    /// The tables of a guard that a step has loaded.
    pub guard: Vec<Table>,
    pub listeners: Vec<Listening>,
    /// The options of a daemon's file that it reads at its next start.
    pub edit: Option<Vec<(char, String)>>,
}

/// A way in: packets that differ in the client alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub six: bool,
    pub proto: Proto,
    pub port: u16,
    pub interface: Option<String>,
    pub to: Option<IpAddr>,
}

/// Who gets in by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    pub may: Segments,
    pub must: Segments,
    /// Clients that are sure to be let in, answered or not.
    pub delivered: Segments,
    /// Rules that are not read in full.
    pub unsure: Vec<Place>,
    /// Rules that decide.
    pub decided: Vec<Place>,
}

impl World {
    /// The tables that the texts show.
    ///
    /// # Errors
    ///
    /// A text that is not read.
    pub(super) fn tables(&self) -> Result<Vec<Table>, Error> {
        let mut native = self.native()?;
        let mut tables = Vec::new();
        let sets = self.sets();
        let mut seen: [Option<&str>; 2] = [None, None];
        for (command, six) in DUMPS {
            let Some(text) = self.texts.get(command) else { continue };
            let legacy = command.contains("legacy");
            let slot = seen.get_mut(usize::from(six));
            if let Some(slot) = slot {
                if slot.is_some_and(|known| alike(known, text)) {
                    continue;
                }
                slot.get_or_insert(text);
            }
            let dump = dump(command, text, six, &sets)?;
            let hidden = if six { LEGACY.1 } else { LEGACY.0 };
            if dump.warns && !self.texts.contains_key(hidden) {
                return Err(unread(
                    command,
                    "it says that rules of the old \
                    back end are there, and nothing shows them",
                ));
            }
            for mut table in dump.tables {
                let guard = part(&mut table);
                let same = native.iter().position(|one| {
                    !legacy && one.is(six) && one.table.name == table.name
                });
                match same.and_then(|at| native.get(at)) {
                    Some(one) if one.own && !one.hidden => {}
                    Some(one) if one.own => {
                        let name = &table.name;
                        return Err(unread(
                            command,
                            &format!(
                                "table {name} has rules that it does not show"
                            ),
                        ));
                    }
                    _ => {
                        same.map(|at| native.swap_remove(at));
                        tables.extend([table].into_iter().chain(guard));
                    }
                }
            }
        }
        if let Some(one) = native.iter().find(|one| one.hidden) {
            let what = format!("rules of table {} are hidden", one.table.name);
            return Err(unread(NFT, &what));
        }
        tables.extend(native.into_iter().map(|one| one.table));
        tables.retain(|table| {
            let same = |new: &Table| new.families == table.families;
            !(is_guard(table) && self.guard.iter().any(same))
        });
        tables.extend(self.guard.iter().cloned());
        self.tell_networks(&mut tables);
        Ok(tables)
    }

    /// The networks that the host is on.
    fn networks(&self) -> Vec<Network> {
        let all = self.addresses.iter().flatten().filter(|one| !one.loopback);
        let network = |one: &HostAddress| {
            let text = format!("{}/{}", one.address, one.prefix);
            Some(Network {
                interface: one.interface.clone(),
                six: one.address.is_ipv6(),
                own: number(one.address),
                range: addresses(&text)?,
            })
        };
        all.filter_map(network).collect()
    }

    /// Addresses of those networks that no client has: the host's own, of
    /// IPv4 the last of each, and of IPv6 the first, which is any router's.
    pub(super) fn nobodys(&self, six: bool) -> Segments {
        let own = self.networks().into_iter().filter(|one| one.six == six);
        let none = own.flat_map(|Network { own, range, .. }| {
            let (first, last) = range;
            let wide = last - first > 1;
            let group = if six { first } else { last };
            [Some(own), wide.then_some(group)]
        });
        Segments::of(none.flatten().map(|one| (one, one)))
    }

    /// Tells the rules that ask for ways back which networks there are.
    fn tell_networks(&self, tables: &mut [Table]) {
        let networks: Rc<[Network]> = self.networks().into();
        let chains = tables.iter_mut().flat_map(|t| t.chains.values_mut());
        let rules = chains.flat_map(|chain| &mut chain.rules);
        for test in rules.flat_map(|rule| &mut rule.tests) {
            if let Field::ReversePath(known) = &mut test.of {
                known.clone_from(&networks);
            }
        }
    }

    fn native(&self) -> Result<Vec<nft::Native>, Error> {
        if let Some(text) = self.texts.get(NFT) {
            return nft::listing(NFT, text);
        }
        let name = "nft list ruleset";
        let Some(text) = self.texts.get(name) else { return Ok(Vec::new()) };
        let mut all = nft::tables(name, &nft_text::objects(name, text)?);
        // Those that iptables loads are in its own dumps.
        all.retain(|one| !one.is_of_iptables());
        Ok(all)
    }

    fn sets(&self) -> Sets {
        let text = self.texts.get("ipset save");
        let mut sets = Sets::new(text.map_or("", String::as_str));
        for (command, _) in DUMPS {
            let text = self.texts.get(command);
            for name in text.into_iter().flat_map(|text| changed(text)) {
                sets.forget(&name);
            }
        }
        sets
    }

    /// The ways in to what memcached listens on.
    pub(super) fn ways(&self) -> BTreeSet<Way> {
        let own = self.listeners.iter();
        let all = own.flat_map(|one| self.to(one.proto, one.port, one.address));
        all.collect()
    }

    /// The ways in to a port, at an address.
    pub(super) fn to(
        &self,
        proto: Proto,
        port: u16,
        address: IpAddr,
    ) -> Vec<Way> {
        let six = address.is_ipv6();
        let way = |interface: Option<&String>, to| Way {
            six,
            proto,
            port,
            interface: interface.cloned(),
            to,
        };
        if address.is_loopback() {
            return Vec::new();
        }
        let fixed = (!address.is_unspecified()).then_some(address);
        let Some(addresses) = &self.addresses else {
            return vec![way(None, fixed)];
        };
        let outside = addresses.iter().filter(|one| !one.loopback);
        let names: BTreeSet<_> =
            outside.map(|address| &address.interface).collect();
        let all = addresses.iter().map(|one| one.address);
        let own = all.filter(|a| a.is_ipv6() == six && !a.is_loopback());
        let to: Vec<IpAddr> = match fixed {
            Some(address) => vec![address],
            None => own.collect(),
        };
        let each = names
            .iter()
            .flat_map(|name| to.iter().map(|to| way(Some(*name), Some(*to))));
        each.collect()
    }

    /// Whether a socket is sure to be open at a way.
    pub(super) fn listens(&self, way: &Way) -> bool {
        self.listeners.iter().any(|one| {
            one.sure
                && (one.proto, one.port) == (way.proto, way.port)
                && one.address.is_ipv6() == way.six
                && (one.address.is_unspecified() || Some(one.address) == way.to)
        })
    }
}

const NFT: &str = "nft -j list ruleset";
const LEGACY: (&str, &str) = ("iptables-legacy-save", "ip6tables-legacy-save");
const DUMPS: [(&str, bool); 6] = [
    ("iptables-save", false),
    ("iptables-nft-save", false),
    ("iptables-legacy-save", false),
    ("ip6tables-save", true),
    ("ip6tables-nft-save", true),
    ("ip6tables-legacy-save", true),
];

fn unread(source: &str, what: &str) -> Error {
    Error::unsupported(format!("cannot check {source}: {what}"))
}

/// Whether two dumps show the same rules.
fn alike(one: &str, other: &str) -> bool {
    let rules = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    rules(one) == rules(other)
}

impl nft::Native {
    fn is_of_iptables(&self) -> bool {
        let tables = ["filter", "nat", "mangle", "raw", "security"];
        ["ip", "ip6"].contains(&self.family.as_str())
            && tables.contains(&self.table.name.as_str())
    }

    fn is(&self, six: bool) -> bool {
        self.family == if six { "ip6" } else { "ip" }
    }
}

impl Way {
    fn probe(&self, client: u16, port: u16) -> Probe<'_> {
        Probe {
            six: self.six,
            proto: match self.proto {
                Proto::Tcp => TCP,
                Proto::Udp => UDP,
            },
            client,
            port,
            original: port,
            interface: self.interface.as_deref(),
            host: self.to.map(number),
            reply: false,
        }
    }

    /// Who gets in, by some rules.
    ///
    /// # Errors
    ///
    /// Rules that are not followed.
    pub(super) fn reach(&self, tables: &[Table]) -> Result<Reach, Error> {
        let mut reach: Option<Reach> = None;
        for client in source_ports(tables)? {
            let one = self.client_at(tables, client)?;
            match &mut reach {
                None => reach = Some(one),
                Some(all) => {
                    all.may.add(&one.may);
                    // A client does not choose a port below 1024.
                    if client >= 1024 {
                        all.must = all.must.meet(&one.must);
                        all.delivered = all.delivered.meet(&one.delivered);
                    }
                    all.unsure.extend(one.unsure);
                    all.decided.extend(one.decided);
                }
            }
        }
        let mut reach = reach.unwrap_or_default();
        for port in led_from(tables, self.port) {
            reach.may.add(&self.led(tables, port)?);
        }
        Ok(reach)
    }

    fn client_at(&self, tables: &[Table], client: u16) -> Result<Reach, Error> {
        let probe = self.probe(client, self.port);
        let there = walk(tables, &probe, &IN)?;
        let back = walk(tables, &Probe { reply: true, ..probe }, &OUT)?;
        let delivered = there.must();
        let answered = match self.proto {
            Proto::Tcp => delivered.meet(&back.must()),
            Proto::Udp => delivered.clone(),
        };
        let Fate { unsure, decided, .. } = there.clone();
        Ok(Reach {
            may: there.may(),
            must: answered,
            delivered,
            unsure: unsure.into_iter().chain(back.unsure).collect(),
            decided: decided.into_iter().chain(back.decided).collect(),
        })
    }

    /// Clients whose packets to another port, and perhaps another address, a
    /// rule turns to this one.
    fn led(&self, tables: &[Table], port: u16) -> Result<Segments, Error> {
        let elsewhere = Probe { host: None, ..self.probe(40000, port) };
        let turned = walk(tables, &elsewhere, &["ingress", "prerouting"])?;
        let probe = Probe { original: port, ..self.probe(40000, self.port) };
        let then = walk(tables, &probe, &["input"])?;
        Ok(turned.open.meet(&then.may()))
    }
}

pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => six.into(),
    }
}

fn tests(tables: &[Table]) -> impl Iterator<Item = &Field> {
    let chains = tables.iter().flat_map(|table| table.chains.values());
    let rules = chains.flat_map(|chain| &chain.rules);
    rules.flat_map(|rule| &rule.tests).map(|test| &test.of)
}

/// Source ports that stand for all that the rules tell apart.
fn source_ports(tables: &[Table]) -> Result<Vec<u16>, Error> {
    let mut starts = BTreeSet::from([40000]);
    for field in tests(tables) {
        let (Field::SourcePort(set) | Field::EitherPort(set)) = field else {
            continue;
        };
        let edges = set.iter().flat_map(|&(first, last)| [first, last + 1]);
        starts.extend(edges.filter_map(|edge| u16::try_from(edge).ok()));
        if starts.len() > SOURCE_PORTS {
            let what = "the rules tell too many source ports apart";
            return Err(Error::unsupported(format!("cannot check: {what}")));
        }
    }
    // The one that every client may have comes first.
    let mut all = vec![40000];
    all.extend(starts.into_iter().filter(|port| *port != 40000));
    Ok(all)
}

/// Ports that a rule may turn to another one.
fn led_from(tables: &[Table], port: u16) -> Vec<u16> {
    let chains = tables.iter().flat_map(|table| table.chains.values());
    let rules = chains.flat_map(|chain| &chain.rules);
    let leads = rules.filter(|rule| match rule.action {
        Action::Translate(Some((first, last))) => {
            (first..=last).contains(&u128::from(port))
        }
        _ => false,
    });
    let from = leads.flat_map(|rule| {
        let named = rule.tests.iter().find_map(|test| match &test.of {
            Field::DestinationPort(set) if !test.not => Some(set),
            _ => None,
        });
        let firsts = named.map(|set| {
            set.iter().filter_map(|r| u16::try_from(r.0).ok()).collect()
        });
        firsts.unwrap_or_else(|| vec![1])
    });
    from.filter(|from| *from != port).collect()
}

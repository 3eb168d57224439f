//! The host at one moment of a plan: texts of rules, and sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use super::{
    ground::Ground,
    guard::{is_guard, part},
    iptables::dump,
    nft, nft_text,
    rules::{Field, Network, Table},
    segments::Segments,
    sets::{Sets, changed},
    way::{Course, Reach, Way},
    words::addresses,
};
use crate::{
    Error, Proto,
    plan::{HostAddress, HostRoute, Listening, Takes},
};

/// The host at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub addresses: Option<Vec<HostAddress>>,
    pub routes: Vec<HostRoute>,
    pub texts: BTreeMap<String, String>,
    /// The tables of a guard that a step has loaded.
    pub guard: Vec<Table>,
    pub listeners: Vec<Listening>,
    /// The options of a daemon's file that it reads at its next start.
    pub edit: Option<Vec<(char, String)>>,
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

    /// The host's own addresses.
    fn own(&self, six: bool) -> Segments {
        let all = self.addresses.iter().flatten().map(|one| one.address);
        let own = all.filter(|own| own.is_ipv6() == six).map(number);
        Segments::of(own.map(|one| (one, one)))
    }

    /// Addresses of its networks that no client has: its own, of IPv4 the
    /// last of each, and of IPv6 the first, which is any router's.
    pub(super) fn nobodys(&self, six: bool) -> Segments {
        let all = self.networks().into_iter().filter(|one| one.six == six);
        let groups = all.filter_map(|Network { range, .. }| {
            let (first, last) = range;
            let wide = last - first > 1;
            wide.then_some(if six { first } else { last })
        });
        let mut none = Segments::of(groups.map(|one| (one, one)));
        none.add(&self.own(six));
        none
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
    pub(super) fn ways(&self) -> Vec<Way> {
        let own = self.listeners.iter();
        let all = own.flat_map(|one| match one.taker {
            Takes::Socket => self.to(one, Course::Here),
            Takes::Behind => self.past(one, Course::Past),
            _ if one.address.is_loopback() => self.past(one, Course::Loopback),
            Takes::Perhaps => self.to(one, Course::Perhaps),
            Takes::Led => self.to(one, Course::Led),
        });
        let all: BTreeSet<Way> = all.collect();
        let mut all: Vec<Way> = all.into_iter().collect();
        // Whoever a rule leads elsewhere is followed from a socket as well.
        all.dedup_by(|next, one| {
            *one == Way { course: one.course, ..next.clone() }
        });
        all
    }

    /// The ways to an address that no other host is meant to send to: by the
    /// interfaces that it is not on.
    fn past(&self, one: &Listening, course: Course) -> Vec<Way> {
        let six = one.address.is_ipv6();
        // Routing takes no packet for ::1 before rules turn it.
        if course == Course::Loopback && six {
            return Vec::new();
        }
        let to = number(one.address);
        let networks = self.networks();
        let on: BTreeSet<_> = networks
            .iter()
            .filter(|n| n.six == six && (n.range.0..=n.range.1).contains(&to))
            .map(|network| &network.interface)
            .collect();
        let names: BTreeSet<_> = self.outside().collect();
        let each = names.into_iter().filter(|name| !on.contains(name));
        let way = |interface: &String| Way {
            six,
            proto: one.proto,
            port: one.port,
            interface: Some(interface.clone()),
            to: Some(one.address),
            course,
        };
        each.map(way).collect()
    }

    /// The interfaces of other hosts.
    fn outside(&self) -> impl Iterator<Item = &String> {
        let all = self.addresses.iter().flatten();
        all.filter(|one| !one.loopback).map(|one| &one.interface)
    }

    /// Who gets in by a way.
    ///
    /// # Errors
    ///
    /// Rules that are not followed.
    pub(super) fn reach(
        &self,
        way: &Way,
        tables: &[Table],
    ) -> Result<Reach, Error> {
        let mut reach = self.open(way, tables)?;
        if !self.listens(way) {
            reach.must = Segments::default();
            reach.sure = Segments::default();
            reach.delivered = Segments::default();
        }
        Ok(reach)
    }

    /// The same where whoever gets there is taken in.
    ///
    /// # Errors
    ///
    /// Rules that are not followed.
    pub(super) fn open(
        &self,
        way: &Way,
        tables: &[Table],
    ) -> Result<Reach, Error> {
        let (networks, routes) = (&self.networks(), &self.routes);
        let mut reach = way.reach(Ground { tables, networks, routes })?;
        // The host's answers to itself go another way.
        let own = self.own(way.six);
        reach.must = reach.must.without(&own);
        reach.sure = reach.sure.without(&own);
        Ok(reach)
    }

    fn to(&self, one: &Listening, course: Course) -> Vec<Way> {
        self.at((one.proto, one.port), one.address, course)
    }

    /// The ways in to a port, at an address.
    pub(super) fn at(
        &self,
        (proto, port): (Proto, u16),
        address: IpAddr,
        course: Course,
    ) -> Vec<Way> {
        let six = address.is_ipv6();
        let way = |interface: Option<&String>, to| Way {
            six,
            proto,
            port,
            interface: interface.cloned(),
            to,
            course,
        };
        if address.is_loopback() {
            return Vec::new();
        }
        let fixed = (!address.is_unspecified()).then_some(address);
        let Some(addresses) = &self.addresses else {
            return vec![way(None, fixed)];
        };
        let names: BTreeSet<_> = self.outside().collect();
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
    fn listens(&self, way: &Way) -> bool {
        self.listeners.iter().any(|one| {
            one.sure
                && (one.proto, one.port) == (way.proto, way.port)
                && one.address.is_ipv6() == way.six
                && (one.address.is_unspecified() || Some(one.address) == way.to)
        })
    }

    /// Whether clients are to get in by a way: what rules alone lead to may
    /// be anybody's.
    pub(super) fn owes(&self, way: &Way) -> bool {
        way.course.is_meant()
            && self.listeners.iter().any(|one| {
                !one.assumed
                    && !one.address.is_loopback()
                    && one.taker != Takes::Behind
                    && (one.proto, one.port) == (way.proto, way.port)
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

pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => six.into(),
    }
}

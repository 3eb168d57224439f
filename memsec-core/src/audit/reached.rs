//! Who reaches which listener, as sets.

use std::{
    cell::OnceCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{
    Cidr, Policy, Proto,
    host::{Host, Way},
    memcached::{Instance, Running, Start},
    net::{Family, Interface, IpSet},
    reach::{Kind, Likeness, Query, Sources, Taker, sources},
};

use super::{Exposure, Scope};

/// Who reaches one port by one interface, and one or more addresses for
/// which the answer is the same.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub instance: Option<String>,
    pub proto: Proto,
    pub port: u16,
    pub interface: Option<String>,
    /// Whether the packets come from this host itself.
    pub local: bool,
    /// Whether none but a neighbour can send packets there: to a private
    /// address that is behind this host, or to its loopback.
    pub near: bool,
    /// Who takes them.
    pub taker: Taker,
    pub destinations: Vec<IpAddr>,
    pub sources: Sources,
}

/// What is listened on, by a daemon or by whoever has the port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    instance: Option<String>,
    /// Whether it is sure to be listened on.
    certain: bool,
    proto: Proto,
    address: IpAddr,
    port: u16,
    taker: Taker,
    near: bool,
}

/// Who reaches memcached's listeners and the further ports of a policy.
pub(crate) fn reached(host: &Host, policy: &Policy) -> Vec<Reached> {
    let targets = targets(host, policy);
    let hosted = Hosted::new(host);
    targets.iter().flat_map(|target| by_interface(&hosted, target)).collect()
}

/// A host, and what its rules do not tell apart, once that is asked for.
struct Hosted<'h> {
    host: &'h Host,
    likeness: [OnceCell<Likeness>; 2],
}

impl<'h> Hosted<'h> {
    fn new(host: &'h Host) -> Self {
        Self { host, likeness: Default::default() }
    }

    fn likeness(&self, family: Family) -> &Likeness {
        let [four, six] = &self.likeness;
        let cell = if family == Family::Ipv4 { four } else { six };
        cell.get_or_init(|| Likeness::of(&self.host.ruleset, family))
    }

    /// Whether some questions about the target of one may be alike: by
    /// other interfaces, or for other addresses where it has all of them.
    fn is_wide(&self, query: &Query<'_>) -> bool {
        let interfaces = self.host.interfaces.iter().flatten();
        let ways = interfaces.map(|one| match query.wildcard {
            true => one.addresses.len(),
            false => usize::from(!one.loopback),
        });
        ways.sum::<usize>() > 1
    }
}

/// The answers to what was asked for a target before.
type Known = HashMap<Kind, Sources>;

fn targets(host: &Host, policy: &Policy) -> Vec<Target> {
    let mut targets = Vec::new();
    for instance in &host.instances {
        let Start::Runs(running) = &instance.start else { continue };
        if instance.netns.is_some() {
            continue;
        }
        let now = now(host, instance);
        for listener in &running.listeners {
            let Some((proto, socket)) = listener.socket() else { continue };
            let open = |n: &Running| n.sockets().any(|s| s == (proto, socket));
            let target = Target {
                instance: Some(instance.id.clone()),
                certain: running.is_sure(listener) && now.is_none_or(open),
                proto,
                address: socket.address,
                port: socket.port,
                taker: Taker::Socket,
                near: false,
            };
            // What runs is of the same instance as its file.
            if !(instance.drifted() && targets.contains(&target)) {
                targets.push(target);
            }
        }
    }
    targets.extend(behind(host));
    let wildcards: [IpAddr; 2] =
        [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    for port in &policy.ports {
        targets.extend(wildcards.map(|address| Target {
            instance: None,
            certain: true,
            proto: port.proto,
            address,
            port: port.port,
            taker: Taker::AnySocket,
            near: false,
        }));
    }
    targets
}

/// What leads to daemons in other network namespaces.
fn behind(host: &Host) -> Vec<Target> {
    let sure = |id: &str| {
        let mut all = host.instances.iter().filter(|i| i.id == id);
        all.any(|i| match &i.start {
            Start::Runs(running) => running.unresolved.is_empty(),
            Start::Exits(_) => false,
        })
    };
    let mut targets = Vec::new();
    let there = |way: &&Way| {
        way.taker != Taker::Other || host.bridge(way.address).is_some()
    };
    for way in host.ways.iter().filter(there) {
        let outer = Target {
            instance: Some(way.instance.clone()),
            certain: sure(&way.instance),
            proto: way.proto,
            address: way.address,
            port: way.port,
            taker: way.taker,
            near: way.taker == Taker::Other && is_private(way.address),
        };
        // DNAT comes before routing finds that nobody may send there.
        let wire = outer.address.is_loopback() && outer.address.is_ipv4();
        targets.extend(wire.then(|| Target {
            taker: Taker::Led,
            near: true,
            ..outer.clone()
        }));
        targets.push(outer);
    }
    targets
}

fn is_private(address: IpAddr) -> bool {
    let one = IpSet::of(Family::of(address), [Cidr::host(address)]);
    Scope::of(&one) < Scope::Internet
}

/// What runs in the place of what the file of an instance would start.
fn now<'a>(host: &'a Host, of: &Instance) -> Option<&'a Running> {
    let mut others = host.instances.iter().filter(|i| i.drifted());
    match &others.find(|i| i.id == of.id && !of.drifted())?.start {
        Start::Runs(running) => Some(running),
        Start::Exits(_) => None,
    }
}

fn by_interface(hosted: &Hosted<'_>, target: &Target) -> Vec<Reached> {
    let known = &mut Known::new();
    let Some(interfaces) = &hosted.host.interfaces else {
        let to = vec![target.address];
        return match target.taker {
            // Whose address it is, is not known then.
            Taker::Other => Vec::new(),
            _ => by_destination(hosted, known, target, None, to),
        };
    };
    let reaches = |interface: &&Interface| {
        let behind = target.taker == Taker::Other || target.near;
        let own = interface.on(Cidr::host(target.address)).next().is_some();
        !behind || !interface.loopback && !own
    };
    let each = interfaces.iter().filter(reaches).flat_map(|interface| {
        let to = match target.near {
            true => vec![target.address],
            false => destinations(interfaces, interface, target.address),
        };
        by_destination(hosted, known, target, Some(interface), to)
    });
    let said = |r: &Reached| !target.near || !r.sources.may.is_empty();
    each.filter(said).collect()
}

/// Who gets through, asked of one question of a kind.
fn asked(hosted: &Hosted<'_>, known: &mut Known, query: &Query<'_>) -> Sources {
    // Where a packet goes on, the way there counts as well.
    let stays = matches!(query.taker, Taker::Socket | Taker::AnySocket);
    let wide = hosted.is_wide(query) && stays;
    let likeness = wide.then(|| hosted.likeness(query.family));
    match likeness.and_then(|likeness| likeness.kind(hosted.host, query)) {
        Some(kind) => {
            let answer = known.entry(kind);
            answer.or_insert_with(|| sources(hosted.host, query)).clone()
        }
        None => sources(hosted.host, query),
    }
}

/// The addresses of the host that packets for a listener can be sent to by
/// an interface. Linux takes a packet for any of its addresses by any
/// interface (the weak host model of RFC 1122), but for the loopback ones.
fn destinations(
    interfaces: &[Interface],
    by: &Interface,
    address: IpAddr,
) -> Vec<IpAddr> {
    let all: Vec<IpAddr> = match address {
        address if address.is_unspecified() => {
            let of = |i: &Interface| i.of(Family::of(address)).collect();
            interfaces.iter().flat_map::<Vec<_>, _>(of).collect()
        }
        address => vec![address],
    };
    let reaches = |to: &IpAddr| by.loopback || !to.is_loopback();
    all.into_iter().filter(reaches).collect()
}

fn by_destination(
    hosted: &Hosted<'_>,
    before: &mut Known,
    target: &Target,
    by: Option<&Interface>,
    destinations: Vec<IpAddr>,
) -> Vec<Reached> {
    let mut out: Vec<Reached> = Vec::new();
    let loopback = by.is_some_and(|interface| interface.loopback);
    let near = target.near;
    let local = loopback || target.address.is_loopback() && !near;
    for to in destinations {
        let interface = match by {
            Some(interface) => Some(interface.name.as_str()),
            None => local.then_some("lo"),
        };
        let (proto, port) = (target.proto, target.port);
        let family = Family::of(to);
        // Where the addresses are not known it stands for whichever.
        let known = (!to.is_unspecified()).then_some(to);
        let wildcard = target.address.is_unspecified();
        let taker = target.taker;
        let query = Query {
            interface,
            family,
            to: known,
            wildcard,
            taker,
            proto,
            port,
        };
        let mut sources = asked(hosted, before, &query);
        if local {
            let own = own_addresses(hosted.host, family);
            sources.may = sources.may.intersection(&own);
            sources.must = sources.must.intersection(&own);
        }
        if !target.certain {
            sources.must = IpSet::empty(family);
        }
        match out.iter_mut().find(|known| known.same_sources(&sources)) {
            Some(known) => known.destinations.push(to),
            None => out.push(Reached {
                instance: target.instance.clone(),
                proto,
                port,
                interface: interface.map(str::to_owned),
                local,
                near,
                taker,
                destinations: vec![to],
                sources,
            }),
        }
    }
    out
}

/// The source addresses of packets that the host sends to itself.
fn own_addresses(host: &Host, family: Family) -> IpSet {
    let loopback = match family {
        Family::Ipv4 => Cidr::truncated(Ipv4Addr::LOCALHOST.into(), 8).ok(),
        Family::Ipv6 => Some(Cidr::host(Ipv6Addr::LOCALHOST.into())),
    };
    let interfaces = host.interfaces.iter().flatten();
    let own = interfaces.flat_map(|i| i.of(family)).map(Cidr::host);
    IpSet::of(family, own.chain(loopback))
}

impl Reached {
    /// The family of the packets.
    pub(crate) fn family(&self) -> Family {
        self.sources.may.family()
    }

    /// The sources that get in, or could, and that a policy does not allow.
    pub(crate) fn beyond(&self, policy: &Policy) -> IpSet {
        match self.local {
            true => IpSet::empty(self.family()),
            false => {
                self.sources.may.difference(&policy.allowed(self.family()))
            }
        }
    }

    /// How far away the farthest source can be.
    pub(crate) fn scope(&self) -> Scope {
        match self.local {
            true => Scope::Host,
            false => self.scope_of(&self.sources.may),
        }
    }

    /// How far away the farthest of some sources can be that come in this
    /// way.
    pub(crate) fn scope_of(&self, sources: &IpSet) -> Scope {
        let scope = Scope::of(sources);
        if self.near { scope.min(Scope::Link) } else { scope }
    }

    fn same_sources(&self, other: &Sources) -> bool {
        self.family() == other.may.family()
            && self.sources.may == other.may
            && self.sources.must == other.must
    }

    /// As data.
    pub(crate) fn exposure(&self) -> Exposure {
        let (may, except) = shortest(&self.sources.may);
        Exposure {
            instance: self.instance.clone(),
            proto: self.proto,
            port: self.port,
            family: self.family(),
            interface: self.interface.clone(),
            destinations: known(&self.destinations),
            scope: self.scope(),
            exact: self.sources.may == self.sources.must,
            may: may.into(),
            except: except.into(),
            must: self.sources.must.clone().into(),
            because: self.sources.because.clone(),
        }
    }
}

/// Without the address that stands for whichever one the host has.
fn known(destinations: &[IpAddr]) -> Vec<IpAddr> {
    let all = destinations.iter().copied();
    all.filter(|address| !address.is_unspecified()).collect()
}

/// A set as its networks, or as everything but those that it lacks,
/// whichever is the shorter.
pub(crate) fn shortest(set: &IpSet) -> (IpSet, IpSet) {
    let missing = set.complement();
    match set.cidr_count() > missing.cidr_count() + 1 {
        true => (IpSet::all(set.family()), missing),
        false => (set.clone(), IpSet::empty(set.family())),
    }
}

//! Whether the clients of a policy get in.

use std::net::IpAddr;

use super::Reached;
use crate::{
    Cidr, Policy, Proto,
    host::Host,
    memcached::{Instance, Launcher, Start},
    net::{Family, Interface, IpSet},
    reach::Taker,
    text::Place,
};

/// A client network that is not sure to get in.
#[derive(Clone, Debug)]
pub(crate) struct ShutOut {
    pub clients: Cidr,
    pub proto: Proto,
    pub port: u16,
    /// One address of the network that does not get in.
    pub from: IpAddr,
    /// Where it would have to go; `None` where nobody listens.
    pub to: Option<IpAddr>,
    pub interface: Option<String>,
    pub message: String,
    pub because: Option<Place>,
}

impl ShutOut {
    /// Whether both are about the same clients and port.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.clients, self.proto, self.port)
            == (other.clients, other.proto, other.port)
    }

    /// What to add to a sentence about it: nothing where it is TCP.
    pub(crate) fn over(&self) -> &'static str {
        over(self.proto)
    }
}

fn over(proto: Proto) -> &'static str {
    match proto {
        Proto::Tcp => "",
        Proto::Udp => " over UDP",
    }
}

/// The client networks of a policy that are not sure to reach each daemon
/// over TCP, and over UDP where it is wanted and listened on.
pub(crate) fn shut_out(
    host: &Host,
    policy: &Policy,
    reached: &[Reached],
) -> Vec<ShutOut> {
    let mut out = Vec::new();
    // What runs beside its file is of the same instance.
    for instance in host.instances.iter().filter(|i| !i.drifted()) {
        for &proto in policy.protos() {
            let port = match instance.netns {
                Some(_) => published(host, instance, proto),
                None => port(&instance.start, proto),
            };
            let Some(port) = port else { continue };
            let own = |r: &&Reached| {
                r.proto == proto && r.instance.as_ref() == Some(&instance.id)
            };
            let own: Vec<_> = reached.iter().filter(own).collect();
            for &clients in &policy.allow {
                out.extend(one(host, clients, (proto, port), &own));
            }
        }
    }
    out
}

/// The port by which others than this host are meant to come to a container.
/// One that only rules lead to may be anybody's.
fn published(host: &Host, instance: &Instance, proto: Proto) -> Option<u16> {
    let mut ways = host.ways.iter().filter(|way| {
        way.instance == instance.id
            && way.proto == proto
            && way.taker != Taker::Other
            && !way.address.is_loopback()
    });
    let known = instance.launcher != Launcher::Led;
    ways.next().filter(|_| known).map(|way| way.port)
}

fn port(start: &Start, proto: Proto) -> Option<u16> {
    let Start::Runs(running) = start else { return None };
    let mut sockets = running.sockets();
    sockets.find(|(of, _)| *of == proto).map(|(_, socket)| socket.port)
}

fn one(
    host: &Host,
    clients: Cidr,
    (proto, port): (Proto, u16),
    reached: &[&Reached],
) -> Option<ShutOut> {
    let wanted = IpSet::of(clients.family(), [clients]);
    let ways = arrivals(host, clients);
    let takes = |r: &&&Reached| {
        !r.local
            && !r.near
            && r.family() == clients.family()
            && r.interface.as_ref().is_none_or(|name| ways.contains(&name))
    };
    let ways: Vec<_> = reached.iter().filter(takes).collect();
    let (first, last) = clients.bounds();
    let covers = |r: &&Reached| r.sources.must.numbers().covers(first, last);
    if ways.iter().any(|r| covers(r)) {
        return None;
    }
    let Some(way) = ways.first() else {
        return Some(ShutOut {
            clients,
            proto,
            port,
            from: client_of(&wanted),
            to: None,
            interface: None,
            message: format!(
                "nobody listens on an address that {clients} can reach"
            ),
            because: None,
        });
    };
    // Each client is behind one of the interfaces.
    let missing = ways
        .iter()
        .fold(wanted, |left, way| left.difference(&way.sources.must))
        .difference(&nobodys(host, clients.family()));
    (!missing.is_empty()).then(|| way.shuts_out(clients, client_of(&missing)))
}

/// Addresses on the networks of a host that no client has: its own, those
/// that stand for all of a network, and of IPv6 those that stand for any
/// router (RFC 4291, 2.6.1).
fn nobodys(host: &Host, family: Family) -> IpSet {
    let all = host.interfaces.iter().flatten();
    let entries = all.flat_map(|interface| &interface.addresses);
    let entries = entries.filter(|e| Family::of(e.address) == family);
    let none = entries.flat_map(|entry| {
        let wide = entry.prefix < 127;
        let network = entry.network().ok().filter(|_| wide);
        let router = network.map(|network| network.address());
        let all = entry.broadcast().map(IpAddr::from);
        [Some(entry.address), router.filter(IpAddr::is_ipv6), all]
    });
    IpSet::of(family, none.flatten().map(Cidr::host))
}

impl Reached {
    /// That one of the clients is not sure to get in this way.
    fn shuts_out(&self, clients: Cidr, from: IpAddr) -> ShutOut {
        let by = self.interface.as_deref().unwrap_or("any interface");
        let rules = &self.sources;
        let over = over(self.proto);
        ShutOut {
            clients,
            proto: self.proto,
            port: self.port,
            from,
            to: self.destinations.first().copied(),
            interface: self.interface.clone(),
            message: format!(
                "{from} of {clients} is not sure to get in by {by}{over}"
            ),
            because: rules.undecided.first().or(rules.because.last()).cloned(),
        }
    }
}

/// An address to speak of: not the network's own, where there is another.
fn client_of(set: &IpSet) -> IpAddr {
    let first = set.numbers().first().unwrap_or_default();
    let second = first.saturating_add(1);
    let number = if set.numbers().contains(second) { second } else { first };
    set.family().address(number)
}

/// The interfaces by which a network can come in: those that are on it, or
/// else any.
pub(crate) fn arrivals(host: &Host, clients: Cidr) -> Vec<&String> {
    let others = host.interfaces.iter().flatten().filter(|i| !i.loopback);
    let others: Vec<_> = others.collect();
    let on = |i: &&&Interface| i.on(clients).next().is_some();
    let near: Vec<_> = others.iter().filter(on).copied().collect();
    let ways = if near.is_empty() { others } else { near };
    ways.into_iter().map(|interface| &interface.name).collect()
}

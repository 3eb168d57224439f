//! What leads to memcached in other network namespaces: the published ports
//! of containers, the proxies that stand in front of them, and their own
//! addresses.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{Host, listening::Holder};
use crate::{
    Cidr, Error, Proto, Snapshot,
    memcached::{Instance, Listener, Network, Socket, Start, networks},
    netfilter::Forward,
    reach::Taker,
    text::Place,
};

/// memcached's port, where nothing else says what listens.
const MEMCACHED: u16 = 11211;

/// More ways than this nobody has; each is followed through all the rules.
const MOST: usize = 256;

/// Where packets are sent to that come to a daemon in another network
/// namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub instance: String,
    pub proto: Proto,
    /// An address of the host, or every one of a family; or the daemon's
    /// own.
    pub address: IpAddr,
    pub port: u16,
    pub taker: Taker,
    /// What says so.
    pub place: Place,
}

impl Host {
    /// The container's daemon that gets what is forwarded to an address.
    pub(crate) fn behind(
        &self,
        proto: Proto,
        to: IpAddr,
        port: u16,
    ) -> Option<&Way> {
        self.ways.iter().find(|way| {
            way.taker == Taker::Other
                && (way.proto, way.address, way.port) == (proto, to, port)
                && self.is_shown(way)
        })
    }

    /// Whether more than rules tells that somebody is there: a list of
    /// containers, or of what listens here, which has the proxies.
    fn is_shown(&self, way: &Way) -> bool {
        let mut all = self.instances.iter();
        self.sockets.is_some()
            || all.any(|i| i.id == way.instance && !i.is_led())
    }

    /// The container's daemon that gets, or may get, what comes to a socket
    /// of the host.
    pub(crate) fn proxied(
        &self,
        proto: Proto,
        to: IpAddr,
        port: u16,
    ) -> Option<&Way> {
        self.ways.iter().find(|way| {
            let here = matches!(way.taker, Taker::Socket | Taker::Perhaps);
            let every = way.address.is_unspecified()
                && way.address.is_ipv4() == to.is_ipv4();
            here && (way.proto, way.port) == (proto, port)
                && (every || way.address == to)
        })
    }

    /// The interface that leads to a container, and the network that it is
    /// on. Where there is none, nobody comes to it past what is published.
    pub(crate) fn bridge(&self, to: IpAddr) -> Option<(String, Cidr)> {
        let interfaces = self.interfaces.iter().flatten();
        let mut networks = interfaces.flat_map(|interface| {
            let networks = interface.addresses.iter();
            let networks = networks.filter_map(|entry| entry.network().ok());
            networks.map(move |network| (&interface.name, network))
        });
        let on = networks.find(|(_, network)| network.contains(to));
        let routes = self.routes.iter().map(|r| (&r.interface, r.to));
        let routed =
            routes.filter(|(_, net)| net.prefix() > 0 && net.contains(to));
        let found = on.or_else(|| routed.max_by_key(|(_, net)| net.prefix()));
        found.map(|(name, network)| (name.clone(), network))
    }

    /// Finds what leads to the containers that are known, and what leads to
    /// memcached's port of others.
    pub(super) fn find_containers(
        &mut self,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        let networks = networks(snapshot)?;
        let forwards = self.ruleset.forwards();
        let mut by_address: HashMap<IpAddr, Vec<&Forward>> = HashMap::new();
        for forward in &forwards {
            by_address.entry(forward.to).or_default().push(forward);
        }
        let daemons = self.instances.iter();
        let daemons: HashMap<_, _> =
            daemons.map(|i| (i.id.clone(), reachable(i))).collect();
        for network in networks.iter().filter(|network| !network.host) {
            if let Some(ports) = daemons.get(&network.id) {
                self.listed(network, ports, &by_address);
            }
        }
        let known: HashSet<_> =
            networks.iter().flat_map(|n| &n.addresses).collect();
        for forward in forwards.iter().filter(|f| !known.contains(&f.to)) {
            self.led(forward);
        }
        if networks.is_empty() {
            self.behind_proxies();
        }
        Ok(())
    }

    /// The ways to a container that an engine lists.
    fn listed(
        &mut self,
        network: &Network,
        ports: &[(Proto, u16)],
        forwards: &HashMap<IpAddr, Vec<&Forward>>,
    ) {
        let id = &network.id;
        let place = || Place::whole(network.source);
        let own = network.addresses.iter();
        let own: Vec<_> =
            own.filter_map(|to| forwards.get(to)).flatten().collect();
        for &(proto, port) in ports {
            for forward in own.iter().filter(|f| {
                f.proto == proto
                    && f.translated
                    && f.inside.unwrap_or(port) == port
            }) {
                self.translate(id, forward, port);
            }
            let published = network.published.iter();
            for one in
                published.filter(|p| (p.proto, p.inside) == (proto, port))
            {
                self.publish(id, proto, one.address, one.port, place());
            }
            for &address in &network.addresses {
                self.add(id, proto, address, port, Taker::Other, place());
            }
        }
    }

    /// The ways that a rule shows, to a daemon of which no more is known.
    fn led(&mut self, forward: &Forward) {
        let Forward { proto, to, .. } = *forward;
        let inside = forward.inside.unwrap_or(MEMCACHED);
        let elsewhere = !self.has(to) && !to.is_unspecified();
        if inside != MEMCACHED || !elsewhere || self.is_full() {
            return;
        }
        let id = match forward.container {
            true => format!("container {to}"),
            false => SocketAddr::new(to, inside).to_string(),
        };
        self.assume(&id, proto, to, inside, &forward.place);
        if forward.translated {
            self.translate(&id, forward, inside);
        }
        if forward.container {
            let place = forward.place.clone();
            self.add(&id, proto, to, inside, Taker::Other, place);
        }
    }

    /// What proxies lead to, where no rule or list says what that is.
    fn behind_proxies(&mut self) {
        let proxies: Vec<_> = self
            .proxies()
            .map(|(inet, socket)| (inet.clone(), socket.span.place()))
            .collect();
        for (inet, place) in proxies {
            let (proto, port) = (inet.proto, inet.port);
            let same = |way: &&Way| {
                (way.proto, way.port) == (proto, port)
                    && way.taker != Taker::Other
            };
            let known = self.ways.iter().find(same);
            let id = match known {
                Some(way) => way.instance.clone(),
                None if port == MEMCACHED && !self.is_full() => {
                    format!("container port {port}")
                }
                None => continue,
            };
            if known.is_none() {
                self.assume(&id, proto, inet.address, port, &place);
            }
            let four = inet.dual.then_some(Ipv4Addr::UNSPECIFIED.into());
            for address in four.into_iter().chain([inet.address]) {
                self.publish(&id, proto, address, port, place.clone());
            }
        }
    }

    /// Whether there are more ways than are followed.
    pub(crate) fn is_full(&self) -> bool {
        self.ways.len() >= MOST
    }

    /// Whether an address is the host's own.
    fn has(&self, address: IpAddr) -> bool {
        let all = self.interfaces.iter().flatten();
        address.is_loopback()
            || all.flat_map(|i| &i.addresses).any(|a| a.address == address)
    }

    /// A daemon that is taken to be there, and to listen so.
    fn assume(
        &mut self,
        id: &str,
        proto: Proto,
        address: IpAddr,
        port: u16,
        place: &Place,
    ) {
        let socket = Socket { address, port, ephemeral: false };
        let listener = match proto {
            Proto::Tcp => Listener::Tcp(socket),
            Proto::Udp => Listener::Udp(socket),
        };
        let known = self.instances.iter_mut().find(|i| i.id == id);
        match known.map(|instance| &mut instance.start) {
            Some(Start::Runs(running)) => {
                if !running.listeners.contains(&listener) {
                    running.listeners.push(listener);
                }
            }
            Some(Start::Exits(_)) => {}
            None => {
                let source = place.source.clone().unwrap_or_default();
                let (id, listeners) = (id.to_owned(), vec![listener]);
                self.instances.push(Instance::led_to(id, source, listeners));
            }
        }
    }

    /// A translation to a daemon.
    fn translate(&mut self, id: &str, forward: &Forward, inside: u16) {
        let port = forward.port.unwrap_or(inside);
        let every: IpAddr = match forward.to {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (proto, on) = (forward.proto, forward.on.unwrap_or(every));
        // Only container engines put proxies beside their rules.
        let known = self.sockets.is_some() || forward.container;
        let place = forward.place.clone();
        match known {
            true => self.publish(id, proto, on, port, place),
            false => self.add(id, proto, on, port, Taker::Led, place),
        }
    }

    /// A port of the host's: by a rule, by a proxy, or by both.
    fn publish(
        &mut self,
        id: &str,
        proto: Proto,
        address: IpAddr,
        port: u16,
        place: Place,
    ) {
        let taker = match self.holder(proto, address, port) {
            Some(Holder::Proxy) => Taker::Socket,
            Some(Holder::Nobody) => Taker::Led,
            Some(Holder::Somebody) | None => Taker::Perhaps,
        };
        self.add(id, proto, address, port, taker, place);
    }

    fn add(
        &mut self,
        instance: &str,
        proto: Proto,
        address: IpAddr,
        port: u16,
        taker: Taker,
        place: Place,
    ) {
        let same = |way: &Way| {
            way.instance == instance
                && (way.proto, way.address, way.port) == (proto, address, port)
        };
        if !self.is_full() && !self.ways.iter().any(same) {
            let instance = instance.to_owned();
            let way = Way { instance, proto, address, port, taker, place };
            self.ways.push(way);
        }
    }
}

/// The ports of a daemon that others than its own namespace come to.
fn reachable(instance: &Instance) -> Vec<(Proto, u16)> {
    let Start::Runs(running) = &instance.start else { return Vec::new() };
    let sockets = running.sockets();
    let outer = sockets.filter(|(_, socket)| !socket.address.is_loopback());
    let mut all: Vec<_> = outer.map(|(proto, s)| (proto, s.port)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

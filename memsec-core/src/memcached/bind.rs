//! `bind`: which of a host's addresses can be listened on.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Listener, Socket,
    behaviour::{BOUND_FIRST, MINUS_ONE, UDP_INET},
    name::{Names, Resolved, WILDCARDS},
    version::Release,
};
use crate::{
    Error, Proto, Snapshot,
    net::{Family, Held, Interface, Local, sockets},
    snapshot::Output,
};

/// What of a host decides whether a socket can be bound.
#[derive(Debug)]
pub(super) struct Addresses<'a> {
    pub names: Names,
    interfaces: Option<&'a [Interface]>,
    /// Whether IPv4 addresses that the host has not can be bound, and IPv6.
    nonlocal: (bool, bool),
    ipv6: Ipv6,
    /// The first port that needs no privilege.
    unprivileged: u16,
    /// What other programs listen on.
    held: Held,
}

/// What a host lets be of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ipv6 {
    On,
    /// It has no address but `::`: net.ipv6.conf.all.disable_ipv6.
    NoAddress,
    /// There are no sockets: ipv6.disable=1.
    Off,
}

impl Ipv6 {
    fn new(sysctl: &Sysctl<'_>) -> Self {
        // All of the kernel's keys, and none is of IPv6.
        let off = sysctl.any("net.ipv4.conf.lo.") && !sysctl.any("net.ipv6.");
        match sysctl.number("net.ipv6.conf.all.disable_ipv6") {
            _ if off => Self::Off,
            Some(number) if number != 0 => Self::NoAddress,
            _ => Self::On,
        }
    }
}

/// The output of `sysctl -a`.
#[derive(Debug)]
struct Sysctl<'a>(&'a str);

impl<'a> Sysctl<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let output = snapshot.commands.get("sysctl -a");
        Self(output.map_or("", |Output { stdout, .. }| stdout))
    }

    fn any(&self, prefix: &str) -> bool {
        self.0.lines().any(|line| line.starts_with(prefix))
    }

    fn number(&self, key: &str) -> Option<u16> {
        let of = |line: &'a str| {
            line.strip_prefix(key)?.trim_start().strip_prefix('=')
        };
        self.0.lines().find_map(of)?.trim().parse().ok()
    }

    fn on(&self, key: &str) -> bool {
        self.number(key).is_some_and(|value| value != 0)
    }
}

impl<'a> Addresses<'a> {
    pub(super) fn new(
        snapshot: &Snapshot,
        interfaces: Option<&'a [Interface]>,
    ) -> Result<Self, Error> {
        let sysctl = Sysctl::new(snapshot);
        Ok(Self {
            names: Names::new(snapshot)?,
            interfaces,
            nonlocal: (
                sysctl.on("net.ipv4.ip_nonlocal_bind"),
                sysctl.on("net.ipv6.ip_nonlocal_bind"),
            ),
            ipv6: Ipv6::new(&sysctl),
            unprivileged: sysctl
                .number("net.ipv4.ip_unprivileged_port_start")
                .unwrap_or(1024),
            held: held(snapshot),
        })
    }

    fn check(
        &self,
        address: IpAddr,
        scope: Option<&str>,
        proto: Proto,
    ) -> Result<(), String> {
        let reason = match address {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                Some("Invalid argument")
            }
            IpAddr::V6(v6) if v6.is_multicast() && proto == Proto::Tcp => {
                Some("Invalid argument")
            }
            IpAddr::V6(v6) if v6.is_unicast_link_local() && scope.is_none() => {
                Some("Invalid argument")
            }
            _ if !self.has(address, scope) => {
                Some("Cannot assign requested address")
            }
            _ => None,
        };
        reason.map_or(Ok(()), |why| Err(format!("bind({address}): {why}")))
    }

    fn has(&self, address: IpAddr, scope: Option<&str>) -> bool {
        let anywhere = match address {
            IpAddr::V4(_) => self.nonlocal.0,
            IpAddr::V6(_) => self.nonlocal.1,
        };
        if anywhere || address.is_unspecified() || address.is_multicast() {
            return true;
        }
        if address.is_ipv6() && self.ipv6 != Ipv6::On {
            return false;
        }
        let Some(interfaces) = self.interfaces else { return true };
        let mut of = interfaces
            .iter()
            .filter(|interface| scope.is_none_or(|s| interface.name == s));
        match address {
            IpAddr::V4(v4) => {
                v4.is_broadcast() || of.any(|interface| local(interface, v4))
            }
            IpAddr::V6(_) => of.any(|interface| {
                interface.of(Family::of(address)).any(|own| own == address)
            }),
        }
    }
}

/// Whether an address is local, or a broadcast one: on `lo` the whole network
/// of an address is local.
fn local(interface: &Interface, address: Ipv4Addr) -> bool {
    interface.addresses.iter().any(|own| {
        let IpAddr::V4(v4) = own.address else { return false };
        let host = u32::MAX.checked_shr(own.prefix.into()).unwrap_or(0);
        let (own_bits, bits) = (u32::from(v4), u32::from(address));
        let broadcast = own.prefix < 31 && bits == own_bits | host;
        let network = interface.loopback && bits & !host == own_bits & !host;
        v4 == address || broadcast || network
    })
}

/// What listens and is no memcached. A socket whose owner ss could not see
/// may be memcached's own.
fn held(snapshot: &Snapshot) -> Held {
    let mut held = Held::default();
    let Some(text) = snapshot.output("ss -lntupxH") else { return held };
    let own: HashSet<u32> = snapshot.processes.iter().map(|p| p.pid).collect();
    for socket in sockets(&text) {
        let Local::Inet(inet) = &socket.local else { continue };
        let memcached = socket.owners.iter().any(|owner| {
            own.contains(&owner.pid) || owner.name.contains("memcached")
        });
        if !memcached && !socket.owners.is_empty() {
            held.add(inet);
        }
    }
    held
}

/// The sockets of a daemon that starts.
#[derive(Debug)]
pub(super) struct Sockets<'a> {
    addresses: &'a Addresses<'a>,
    release: Release<'a>,
    root: bool,
    pub bound: Vec<Listener>,
    /// Names whose addresses only a name server knows. They count as every
    /// address: no fewer can be reached.
    pub unresolved: Vec<String>,
    tcp: HashSet<(IpAddr, u16)>,
    /// The families and ports in use, with any address.
    tcp_ports: HashSet<(bool, u16)>,
    udp: HashSet<(IpAddr, u16)>,
}

/// Addresses to bind, and the interface that they are of.
type Resolution = (Vec<IpAddr>, Option<String>);

impl<'a> Sockets<'a> {
    pub(super) fn new(
        addresses: &'a Addresses<'a>,
        release: Release<'a>,
        root: bool,
    ) -> Self {
        Self {
            addresses,
            release,
            root,
            bound: Vec::new(),
            unresolved: Vec::new(),
            tcp: HashSet::new(),
            tcp_ports: HashSet::new(),
            udp: HashSet::new(),
        }
    }

    /// `server_socket` of memcached.c: binds every address of a host. That
    /// one is in use is an error only if no other can be bound.
    pub(super) fn bind(
        &mut self,
        host: Option<&str>,
        port: i32,
        proto: Proto,
    ) -> Result<(), String> {
        let port = self.port(port)?;
        let (addresses, scope) = self.resolve(host, proto)?;
        let scope = scope.as_deref();
        let mut done = false;
        for address in addresses {
            if address.is_ipv6() && self.addresses.ipv6 == Ipv6::Off {
                continue;
            }
            self.addresses.check(address, scope, proto)?;
            let privileged = port != 0 && port < self.addresses.unprivileged;
            if privileged && !self.root {
                return Err("bind(): Permission denied".to_owned());
            }
            done |= self.take(address, port, scope, proto);
        }
        if done { Ok(()) } else { Err("Address already in use".to_owned()) }
    }

    /// The service that `getaddrinfo` is asked for; before, `htons`.
    fn port(&self, port: i32) -> Result<u16, String> {
        let good = match port {
            0.. => port <= 65535 || !self.addresses.names.musl,
            -1 if self.release.is(MINUS_ONE) => return Ok(0),
            _ => false,
        };
        match good || self.release.is(BOUND_FIRST) {
            true => Ok(wrap(port)),
            false => Err(format!("getaddrinfo(): {port} is no service")),
        }
    }

    fn resolve(
        &mut self,
        host: Option<&str>,
        proto: Proto,
    ) -> Result<Resolution, String> {
        let (mut addresses, scope) = self.resolve_all(host)?;
        let inet = self.release.is(BOUND_FIRST)
            || proto == Proto::Udp && self.release.is(UDP_INET);
        if inet {
            addresses.retain(IpAddr::is_ipv4);
        }
        match addresses.is_empty() {
            true => Err(format!("getaddrinfo(): {host:?} has no IPv4")),
            false => Ok((addresses, scope)),
        }
    }

    fn resolve_all(
        &mut self,
        host: Option<&str>,
    ) -> Result<Resolution, String> {
        let Some(host) = host else { return Ok((WILDCARDS.into(), None)) };
        match self.addresses.names.resolve(host) {
            Resolved::Addresses(addresses, scope) => Ok((addresses, scope)),
            Resolved::Elsewhere => {
                self.unresolved.push(host.to_owned());
                Ok((WILDCARDS.into(), None))
            }
            Resolved::Nothing => {
                Err(format!("getaddrinfo(): {host:?} is not known"))
            }
        }
    }

    /// False if the address and port are in use.
    fn take(
        &mut self,
        address: IpAddr,
        port: u16,
        scope: Option<&str>,
        proto: Proto,
    ) -> bool {
        let socket = Socket { address, port, ephemeral: port == 0 };
        let held = &self.addresses.held;
        if port != 0 && held.excludes(proto, address, port, scope) {
            return false;
        }
        if proto == Proto::Udp {
            // SO_REUSEADDR lets UDP sockets share an address.
            if self.udp.insert((address, port)) {
                self.bound.push(Listener::Udp(socket));
            }
            return true;
        }
        if port != 0 && self.is_used(address, port) {
            return false;
        }
        self.tcp.insert((address, port));
        self.tcp_ports.insert((address.is_ipv6(), port));
        self.bound.push(Listener::Tcp(socket));
        true
    }

    fn is_used(&self, address: IpAddr, port: u16) -> bool {
        let any = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let taken = |family| self.tcp_ports.contains(&(family, port));
        // Without IPV6_V6ONLY `::` is every IPv4 address too.
        let dual = address.is_ipv6() && taken(false);
        self.tcp.contains(&(address, port))
            || self.tcp.contains(&(any, port))
            || address == any && taken(address.is_ipv6())
            || address == any && dual && self.release.is(UDP_INET)
    }
}

/// A port as glibc puts it into 16 bits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as C does"
)]
fn wrap(port: i32) -> u16 {
    port as u16
}

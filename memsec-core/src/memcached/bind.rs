//! `bind`: which of a host's addresses can be listened on.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Listener, Socket,
    name::{Names, Resolved, WILDCARDS},
};
use crate::{
    Error, Proto, Snapshot,
    net::{Family, Interface},
};

/// What of a host decides whether a socket can be bound.
#[derive(Debug)]
pub(super) struct Addresses<'a> {
    pub names: Names,
    interfaces: Option<&'a [Interface]>,
    /// Whether IPv4 addresses that the host has not can be bound, and IPv6.
    nonlocal: (bool, bool),
    /// The first port that needs no privilege.
    unprivileged: u16,
}

impl<'a> Addresses<'a> {
    pub(super) fn new(
        snapshot: &Snapshot,
        interfaces: Option<&'a [Interface]>,
    ) -> Result<Self, Error> {
        let sysctl = snapshot.output("sysctl -a");
        let sysctl = |key: &str| {
            let lines = sysctl.as_ref()?.text().lines();
            let mut pairs = lines.filter_map(|line| line.split_once('='));
            let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
            value.trim().parse::<u16>().ok()
        };
        let on = |key| sysctl(key).is_some_and(|value| value != 0);
        Ok(Self {
            names: Names::new(snapshot)?,
            interfaces,
            nonlocal: (
                on("net.ipv4.ip_nonlocal_bind"),
                on("net.ipv6.ip_nonlocal_bind"),
            ),
            unprivileged: sysctl("net.ipv4.ip_unprivileged_port_start")
                .unwrap_or(1024),
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
        let Some(interfaces) = self.interfaces else { return true };
        let anywhere = match address {
            IpAddr::V4(_) => self.nonlocal.0,
            IpAddr::V6(_) => self.nonlocal.1,
        };
        if anywhere || address.is_unspecified() || address.is_multicast() {
            return true;
        }
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

/// The sockets of a daemon that starts.
#[derive(Debug)]
pub(super) struct Sockets<'a> {
    addresses: &'a Addresses<'a>,
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

impl<'a> Sockets<'a> {
    pub(super) fn new(addresses: &'a Addresses<'a>, root: bool) -> Self {
        Self {
            addresses,
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
        if port < -1 {
            return Err(format!("getaddrinfo(): {port} is no service"));
        }
        let port = if port == -1 { 0 } else { wrap(port) };
        let (addresses, scope) = self.resolve(host)?;
        let mut done = false;
        for address in addresses {
            self.addresses.check(address, scope.as_deref(), proto)?;
            let privileged = port != 0 && port < self.addresses.unprivileged;
            if privileged && !self.root {
                return Err("bind(): Permission denied".to_owned());
            }
            done |= self.take(address, port, proto);
        }
        if done { Ok(()) } else { Err("Address already in use".to_owned()) }
    }

    fn resolve(
        &mut self,
        host: Option<&str>,
    ) -> Result<(Vec<IpAddr>, Option<String>), String> {
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
    fn take(&mut self, address: IpAddr, port: u16, proto: Proto) -> bool {
        let socket = Socket { address, port, ephemeral: port == 0 };
        if proto == Proto::Udp {
            // SO_REUSEADDR lets UDP sockets share an address.
            if self.udp.insert((address, port)) {
                self.bound.push(Listener::Udp(socket));
            }
            return true;
        }
        let any = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let used = self.tcp.contains(&(address, port))
            || self.tcp.contains(&(any, port))
            || address == any
                && self.tcp_ports.contains(&(address.is_ipv6(), port));
        if port != 0 && used {
            return false;
        }
        self.tcp.insert((address, port));
        self.tcp_ports.insert((address.is_ipv6(), port));
        self.bound.push(Listener::Tcp(socket));
        true
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

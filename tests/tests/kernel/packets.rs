//! Packets that are near what rules name.

use std::net::IpAddr;

use fastrand::Rng;
use ipnet::IpNet;
use memsec_core::{
    Direction, Extension, Fragment, Frame, Packet, Protocol, State, net::Family,
};

use crate::{
    oracle::Load,
    rules::{address, once, one, port},
};

/// Where packets go, beside what rules name.
const TO: [&[&str]; 2] = [
    &[
        "192.0.2.1",
        "192.0.2.1",
        "192.0.2.1",
        "10.0.0.1",
        "172.17.0.1",
        "10.0.0.9",
        "172.17.0.2",
        "203.0.113.77",
        "192.0.2.255",
        "255.255.255.255",
        "224.0.0.1",
        "127.0.0.1",
    ],
    &[
        "2001:db8:0:1::1",
        "2001:db8:0:1::1",
        "2001:db8:0:1::1",
        "2001:db8:0:2::1",
        "2001:db8:0:2::9",
        "ff02::1",
        "::1",
    ],
];

/// Flags that come, mostly as a connection begins.
const FLAGS: [&str; 14] = [
    "S", "S", "S", "S", "S", "SEC", "A", "PA", "SA", "FA", "R", "RA", "SF", "",
];

/// What rules name: addresses and their neighbours, ports and theirs.
#[derive(Debug, Default)]
pub struct Named {
    addresses: [Vec<IpAddr>; 2],
    ports: Vec<u16>,
}

impl Named {
    /// Reads the words of rules.
    pub fn new(loads: &[Load]) -> Self {
        let mut named = Self::default();
        for load in loads {
            let apart = |c: char| !c.is_ascii_hexdigit() && !":./".contains(c);
            for word in load.text.split(apart) {
                named.word(word);
            }
        }
        named
    }

    fn word(&mut self, word: &str) {
        let network = word.parse::<IpNet>().ok();
        let host = || word.parse::<IpAddr>().ok().map(IpNet::from);
        if let Some(network) = network.or_else(host) {
            self.network(network);
            return;
        }
        for port in word.split(':').filter_map(|word| word.parse().ok()) {
            let near: [u16; 3] =
                [port, port.wrapping_sub(1), port.wrapping_add(1)];
            self.ports.extend(near);
        }
    }

    fn network(&mut self, network: IpNet) {
        let ends = [network.addr(), network.network(), network.broadcast()];
        let beside = [before(ends[1]), after(ends[2])];
        let index = usize::from(ends[0].is_ipv6());
        self.addresses[index].extend(ends);
        self.addresses[index].extend(beside);
    }

    /// A random packet.
    pub fn packet(&self, rng: &mut Rng, families: &[Family]) -> Packet {
        let family = one(rng, families);
        let interface =
            one(rng, &["eth0", "eth0", "eth0", "eth1", "docker0", "local"]);
        let from = self.address(rng, family);
        let to = self.destination(rng, family);
        let proto = match rng.usize(..16) {
            0 if interface != "local" => icmp(family),
            1 if interface != "local" => other(rng),
            0..11 => Protocol::TCP,
            _ => Protocol::UDP,
        };
        let ports = [Protocol::TCP, Protocol::UDP].contains(&proto);
        // A network's own address hears no answer: no connection comes of it.
        let hears = match from {
            IpAddr::V4(from) => !matches!(from.octets()[3], 0 | 255),
            IpAddr::V6(_) => true,
        };
        let state = match rng.usize(..48) {
            0..8 if ports && hears => State::Established,
            8 if proto == Protocol::UDP || proto == icmp(family) => {
                State::Invalid
            }
            _ => State::New,
        };
        let mut packet = Packet {
            to: Some(to),
            proto,
            port: self.port(rng, 11211),
            sport: self.port(rng, 40000),
            interface: Some(interface.to_owned()),
            state,
            flags: one(rng, &FLAGS).to_owned(),
            ..Packet::new(from)
        };
        if proto == icmp(family) {
            packet.icmp = Some(message(rng, family));
        }
        if state == State::Established {
            packet.direction = once(rng, 4).then_some(Direction::Reply);
            let marks = [None, Some(0), Some(1), Some(2), Some(3)];
            packet.connection_mark = one(rng, &marks);
        }
        if interface == "local" {
            make_local(rng, family, &mut packet);
        } else {
            dress(rng, family, &mut packet);
        }
        if packet.state != State::New || interface == "local" {
            // So that few are of one connection.
            packet.sport = rng.u16(1..);
        }
        packet
    }

    fn address(&self, rng: &mut Rng, family: Family) -> IpAddr {
        let named = &self.addresses[usize::from(family == Family::Ipv6)];
        if !named.is_empty() && rng.bool() {
            return one(rng, named);
        }
        address(rng, family).parse().expect("a word is an address")
    }

    fn destination(&self, rng: &mut Rng, family: Family) -> IpAddr {
        if once(rng, 12) {
            return self.address(rng, family);
        }
        let list = TO[usize::from(family == Family::Ipv6)];
        one(rng, list).parse().expect("the list has addresses")
    }

    fn port(&self, rng: &mut Rng, usual: u16) -> u16 {
        match rng.usize(..5) {
            0 => port(rng),
            1 if !self.ports.is_empty() => one(rng, &self.ports),
            _ => usual,
        }
    }
}

/// A protocol without ports that conntrack takes as it comes.
fn other(rng: &mut Rng) -> Protocol {
    let name = one(rng, &["esp", "ipencap", "gre", "253"]);
    name.parse().expect("it is one")
}

/// The messages of a family.
fn icmp(family: Family) -> Protocol {
    match family {
        Family::Ipv4 => Protocol::ICMP,
        Family::Ipv6 => Protocol::ICMPV6,
    }
}

/// A type and a code of ICMP.
fn message(rng: &mut Rng, family: Family) -> (u8, u8) {
    let kinds: &[(u8, u8)] = match family {
        Family::Ipv4 => &[(8, 0), (8, 0), (0, 0), (3, 3), (11, 0), (13, 0)],
        Family::Ipv6 => {
            &[(128, 0), (128, 0), (129, 0), (1, 4), (3, 0), (135, 0)]
        }
    };
    one(rng, kinds)
}

/// Gives it what few packets have.
fn dress(rng: &mut Rng, family: Family, packet: &mut Packet) {
    if packet.state != State::New {
        return;
    }
    match rng.usize(..32) {
        0 => packet.fragment = Some(Fragment::First),
        1 => packet.fragment = Some(Fragment::Later),
        2 if family == Family::Ipv6 => {
            packet.fragment = Some(Fragment::Atomic);
        }
        2 => packet.extension = Some(Extension::Options),
        3 if family == Family::Ipv6 => {
            packet.extension = Some(one(
                rng,
                &[
                    Extension::HopByHop,
                    Extension::DestinationOptions,
                    Extension::Routing,
                ],
            ));
        }
        4 => {
            packet.frame = Some(one(rng, &[Frame::Broadcast, Frame::Other]));
        }
        _ => {}
    }
}

/// The host sends it to itself.
fn make_local(rng: &mut Rng, family: Family, packet: &mut Packet) {
    let own: &[&str] = match family {
        Family::Ipv4 => &["127.0.0.1", "192.0.2.1", "10.0.0.1", "172.17.0.1"],
        Family::Ipv6 => &["::1", "2001:db8:0:1::1", "2001:db8:0:2::1"],
    };
    let own = one(rng, own).parse().expect("the list has addresses");
    packet.from = own;
    packet.to = Some(own);
    packet.state = State::New;
    packet.flags = "S".to_owned();
    packet.direction = None;
    packet.connection_mark = None;
}

fn before(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(a.to_bits().wrapping_sub(1).into()),
        IpAddr::V6(a) => IpAddr::V6(a.to_bits().wrapping_sub(1).into()),
    }
}

fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(a.to_bits().wrapping_add(1).into()),
        IpAddr::V6(a) => IpAddr::V6(a.to_bits().wrapping_add(1).into()),
    }
}

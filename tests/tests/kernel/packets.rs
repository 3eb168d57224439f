//! Packets that are near what rules name.

use std::net::IpAddr;

use fastrand::Rng;
use ipnet::IpNet;
use memsec_core::{Packet, Proto, State, net::Family};

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
        let proto = one(rng, &[Proto::Tcp, Proto::Tcp, Proto::Udp]);
        // A network's own address hears no answer: no connection comes of it.
        let hears = match from {
            IpAddr::V4(from) => !matches!(from.octets()[3], 0 | 255),
            IpAddr::V6(_) => true,
        };
        let state = match once(rng, 6) && proto == Proto::Tcp && hears {
            true => State::Established,
            false => State::New,
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
        if interface == "local" {
            make_local(rng, family, &mut packet);
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

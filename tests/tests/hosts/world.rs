//! The networks of a case: the server and its clients, as the README of
//! truth/hosts draws them.

use std::{fs, net::IpAddr, thread, time::Duration};

use memsec_core::Proto;
use memsec_tests::{
    client::{LOOPBACK, Link, MEMCACHED, PATIENCE},
    namespace::Namespace,
    probe::{self, Row, Seen},
    server::{Launch, Server, stand_in},
};

use crate::container::Container;

/// Who is on which network of the server, which is `.10` and `::10` there.
const CLIENTS: [(&str, &[&str]); 2] = [
    (
        "eth0",
        &[
            "192.0.2.20",
            "192.0.2.21",
            "192.0.2.22",
            "192.0.2.53",
            "198.51.100.7",
            "203.0.113.9",
            "2001:db8:1::20",
            "2001:db8:1::21",
            "2001:db8:2::7",
        ],
    ),
    ("eth1", &["10.20.0.20", "10.20.0.21", "fd00:20::20"]),
];
/// Not asked from unless a case does.
const SILENT: [&str; 3] = ["192.0.2.23", "192.0.2.24", "192.0.2.25"];
/// The addresses of the server on each.
const SERVER: [(&str, [&str; 2]); 2] = [
    ("eth0", ["192.0.2.10", "2001:db8:1::10"]),
    ("eth1", ["10.20.0.10", "fd00:20::10"]),
];
/// What other networks are behind.
const ROUTES: &str = "route add default via 192.0.2.20
    route add 198.51.100.0/24 dev eth0
    route add 203.0.113.0/24 dev eth0
    route add 2001:db8:2::/64 dev eth0
    route add default via 2001:db8:1::20
";
/// Neighbours that send to containers' networks by the server.
const WAYS: &str = "route add 172.17.0.0/16 via 192.0.2.10
    route add 172.30.0.0/24 via 192.0.2.10
    route add 10.88.0.0/16 via 192.0.2.10
";
/// The services beside memcached.
const STAND_INS: [u16; 3] = [22, 80, 11212];
/// An error of each packet, and no chatter.
const SETTINGS: [(&str, &str); 6] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv4/icmp_ratemask", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv4/icmp_msgs_per_sec", "1000000000"),
    ("net/ipv4/icmp_msgs_burst", "1000000000"),
];
/// Long for an answer that comes, short to wait for one that does not.
const GLANCE: Duration = Duration::from_millis(150);
/// For the second look: longer than a lost packet takes to be sent again.
const LOOK: Duration = Duration::from_millis(1500);

/// A server that runs memcached, and its clients.
pub struct World {
    pub server: Server,
    pub clients: Namespace,
    /// Another host, which DNAT can lead to.
    _backend: Namespace,
}

impl World {
    /// One that runs it for everybody, by these options.
    pub fn new(options: &str) -> Self {
        let world = Self::bare();
        world.server.start(Launch::Debian, options);
        world.await_daemon();
        world
    }

    /// One that has it in a container.
    pub fn of(container: &Container) -> Self {
        let world = Self::bare();
        world.server.shell(&container.start());
        world
    }

    fn bare() -> Self {
        let clients = Namespace::new();
        let server = Server::new(&clients);
        let backend = Namespace::new();
        let host = server.namespace();
        for namespace in [host, &clients] {
            namespace.within(settle);
        }
        host.connect_by("eth1", &clients);
        host.connect_by("eth2", &backend);
        host.address_of("eth1", SERVER[1].1.map(address));
        for (name, addresses) in CLIENTS {
            clients.address_of(name, addresses.iter().map(|a| address(a)));
        }
        clients.address_of("eth0", SILENT.map(address));
        host.address_of("eth2", [address("10.30.0.1")]);
        host.ip(ROUTES);
        clients.ip(WAYS);
        backend.address_of("eth2", [address("10.30.0.2")]);
        backend.ip("route add default via 10.30.0.1\n");
        backend.within(|| stand_in(MEMCACHED));
        STAND_INS.iter().for_each(|&port| server.stand_in(port));
        host.within(|| probe::echo_datagrams(11212).expect("it is free"));
        let settled = "while ip -6 address show tentative | grep -q .; do \
                       sleep 0.05; done";
        server.shell(settled);
        Self { server, clients, _backend: backend }
    }

    /// Waits until the host itself can use memcached.
    fn await_daemon(&self) {
        for link in Link::each(LOOPBACK, LOOPBACK) {
            self.server.within(|| {
                while link.memcached(Proto::Tcp, PATIENCE).is_err() {
                    thread::sleep(Duration::from_millis(10));
                }
            });
        }
    }

    /// What comes of each row; those that are not as `good` says are looked
    /// at again, with more patience.
    pub fn probe(
        &self,
        rows: &[Row],
        good: impl Fn(&Row, Seen) -> bool,
    ) -> Vec<Seen> {
        self.forget_connections();
        let look = |rows: &[Row], patience| {
            self.clients.within(|| probe::all(rows, patience))
        };
        let mut seen = look(rows, GLANCE);
        let odd: Vec<usize> =
            (0..rows.len()).filter(|&i| !good(&rows[i], seen[i])).collect();
        if !odd.is_empty() {
            self.forget_connections();
            let again: Vec<Row> = odd.iter().map(|&i| rows[i]).collect();
            let found = look(&again, LOOK);
            odd.iter().zip(found).for_each(|(&i, found)| seen[i] = found);
        }
        seen
    }

    /// What the host itself gets of memcached, over each family.
    pub fn own(&self) -> [bool; 2] {
        Link::each(LOOPBACK, LOOPBACK).map(|link| {
            let used = || link.memcached(Proto::Tcp, PATIENCE).is_ok();
            // A machine that is busy may miss one.
            self.server.within(|| (0..3).any(|_| used()))
        })
    }

    /// Each row is a new connection, whatever its port was before.
    fn forget_connections(&self) {
        self.server.shell("conntrack -F 2>/dev/null || true");
    }
}

/// Every client of every server address of its network, for the ports that
/// count.
pub fn rows() -> Vec<Row> {
    let ports = |proto| match proto {
        Proto::Tcp => &[MEMCACHED, 22, 80, 11212][..],
        Proto::Udp => &[MEMCACHED][..],
    };
    let mut rows = Vec::new();
    for ((_, clients), (_, servers)) in CLIENTS.into_iter().zip(SERVER) {
        for from in clients.iter().map(|text| address(text)) {
            let near = |to: &IpAddr| to.is_ipv4() == from.is_ipv4();
            let to = servers.map(address).into_iter().find(near);
            let to = to.expect("it has both families");
            for proto in Proto::BOTH {
                rows.extend(ports(proto).iter().map(|&port| Row {
                    from,
                    sport: 0,
                    proto,
                    to,
                    port,
                }));
            }
        }
    }
    rows
}

pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn settle() {
    for (key, value) in SETTINGS {
        // An older kernel does not have each of them per network.
        let _ = fs::write(format!("/proc/sys/{key}"), value);
    }
}

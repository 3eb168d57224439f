//! A container behind the rules that Docker makes: what is published, and
//! its own address.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use memsec_core::Proto;
use memsec_tests::{
    client::{ALLOWED, GLANCE, Link, OTHER, PATIENCE, SERVER},
    namespace::must,
};

use super::{Host, PROGRAMS, remote};

const CONTAINER: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 0, 2));

/// A bridge, and memcached in a network of its own behind it.
const START: &str = "sysctl -q -w net.ipv4.ip_forward=1
    ip link add docker0 type bridge
    ip address add 172.17.0.1/16 dev docker0
    ip link set docker0 up
    unshare -n sleep infinity >/dev/null 2>&1 </dev/null &
    inside=$!
    until [ \"$(readlink /proc/$inside/ns/net)\" != \
        \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done
    ip link add inner type veth peer name eth0 netns $inside
    ip link set inner master docker0 up
    nsenter -t $inside -n sh -e -c '
        ip address add 172.17.0.2/16 dev eth0
        ip link set eth0 up
        ip route add default via 172.17.0.1
        memcached -d -u nobody -l 0.0.0.0 -U 11211'";

/// As Docker 20.10 to 27 has them, and a host that drops what comes in.
const RULES: &str = "*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 11211 -j DNAT --to-destination 172.17.0.2:11211
-A DOCKER ! -i docker0 -p udp -m udp --dport 11211 -j DNAT --to-destination 172.17.0.2:11211
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 11211 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p udp -m udp --dport 11211 -j ACCEPT
COMMIT
";

fn host() -> Option<Host> {
    let host = Host::bare(&PROGRAMS)?;
    host.server.shell(START);
    host.server.load([RULES, ""]);
    // A neighbour that sends to the container past what is published.
    let mut route = host.clients.command("ip");
    route.args(["route", "add", "172.17.0.0/16", "via", "192.0.2.10"]);
    must(route, "");
    await_container(&host);
    Some(host)
}

/// Waits until everybody reaches the container: it takes its time to listen.
fn await_container(host: &Host) {
    let start = Instant::now();
    while reaches(host, OTHER[0], Proto::Tcp) != [true; 2] {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody gets in");
    }
}

/// Whether a client reaches the port that is published, and the container.
fn reaches(host: &Host, from: IpAddr, proto: Proto) -> [bool; 2] {
    [SERVER[0], CONTAINER].map(|to| {
        let link = Link { from, to };
        let used = || {
            let again = link.memcached(proto, GLANCE).is_ok();
            again || link.memcached(proto, PATIENCE).is_ok()
        };
        host.clients.within(used)
    })
}

#[test]
fn the_guard_stands_before_the_translation() {
    let Some(host) = host() else { return };
    let [allowed, other] = [ALLOWED[0], OTHER[0]];
    for proto in Proto::BOTH {
        assert_eq!(reaches(&host, other, proto), [true; 2], "{proto:?}");
    }
    let policy = remote();
    host.carry_out(&policy);
    assert_eq!(reaches(&host, allowed, Proto::Tcp), [true; 2]);
    assert_eq!(reaches(&host, allowed, Proto::Udp), [false; 2]);
    for proto in Proto::BOTH {
        assert_eq!(reaches(&host, other, proto), [false; 2], "{proto:?}");
    }
    let again = host.report(&policy).plan();
    assert!(again.empty, "there is more to do:\n{}", again.to_json());
}

//! A container behind a bridge of the host, as Docker and podman put it
//! there, and the networks of a recorded host that has one.

use std::{fmt::Write, net::IpAddr};

/// A network that the host has a bridge to.
struct Bridge {
    name: String,
    /// The host's own address in it, with the length of the network.
    host: String,
    first: IpAddr,
}

/// The bridges of a host, and which of them memcached is behind.
pub struct Container {
    bridges: Vec<Bridge>,
}

impl Container {
    /// From what `ip route` printed; a network that is not Docker's first is
    /// there for the container.
    pub fn behind(routes: &str) -> Option<Self> {
        let mut bridges: Vec<_> = routes.lines().filter_map(bridge).collect();
        bridges.sort_by_key(|bridge| bridge.name != "docker0");
        (!bridges.is_empty()).then_some(Self { bridges })
    }

    /// What a shell of the host runs to have it: memcached is the second of
    /// its network, for everybody who gets there.
    pub fn start(&self) -> String {
        let mut script = String::from("set -e\n");
        for Bridge { name, host, .. } in &self.bridges {
            let _ = writeln!(
                script,
                "ip link add {name} type bridge\n\
                 ip address add {host} dev {name}\n\
                 ip link set {name} up"
            );
        }
        let Some(Bridge { name, host, first }) = self.bridges.last() else {
            return script;
        };
        let (_, bits) = host.split_once('/').unwrap_or_default();
        let second = second(*first);
        script
            + &format!(
                "unshare -n sleep infinity >/dev/null 2>&1 </dev/null &
                inside=$!
                until [ \"$(readlink /proc/$inside/ns/net)\" != \
                    \"$(readlink /proc/self/ns/net)\" ]; do
                    sleep 0.05
                done
                ip link add inner type veth peer name eth0 netns $inside
                ip link set inner master {name} up
                nsenter -t $inside -n sh -e -c '
                    ip address add {second}/{bits} dev eth0
                    ip link set lo up
                    ip link set eth0 up
                    ip route add default via {first}
                    memcached -d -u nobody -l 0.0.0.0 -U 11211
                    until ss -ltn | grep -q :11211; do sleep 0.05; done'
                while ip -6 address show tentative | grep -q .; do
                    sleep 0.05
                done"
            )
    }
}

/// A line such as `172.17.0.0/16 dev docker0 proto kernel scope link src
/// 172.17.0.1`.
fn bridge(line: &str) -> Option<Bridge> {
    let words: Vec<_> = line.split_whitespace().collect();
    let after = |key: &str| {
        let at = words.iter().position(|word| *word == key)?;
        words.get(at + 1).copied()
    };
    let (name, own) = (after("dev")?, after("src")?);
    let (_, bits) = words.first()?.split_once('/')?;
    (!name.starts_with("eth")).then(|| Bridge {
        name: name.to_owned(),
        host: format!("{own}/{bits}"),
        first: own.parse().expect("an address"),
    })
}

fn second(first: IpAddr) -> IpAddr {
    match first {
        IpAddr::V4(first) => IpAddr::V4((u32::from(first) + 1).into()),
        IpAddr::V6(first) => IpAddr::V6((u128::from(first) + 1).into()),
    }
}

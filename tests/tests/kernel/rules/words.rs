//! The words that rules are made of, few enough that rules and packets meet.

use fastrand::Rng;
use memsec_core::net::Family;

const IPV4: [&str; 16] = [
    "198.51.100.7",
    "198.51.100.8",
    "198.51.100.255",
    "198.51.101.0",
    "203.0.113.9",
    "192.0.2.20",
    "192.0.2.1",
    "10.0.0.9",
    "10.0.0.1",
    "172.17.0.2",
    "172.17.0.1",
    "240.0.0.9",
    "127.0.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "128.0.0.0",
];

const IPV6: [&str; 10] = [
    "2001:db8:99::7",
    "2001:db8:99::8",
    "2001:db8:99:ffff::",
    "2001:db8:0:1::20",
    "2001:db8:0:1::1",
    "2001:db8:0:2::9",
    "2001:db8:0:2::1",
    "fe80::9",
    "::ffff:10.0.0.9",
    "8000::",
];

/// One of a list.
pub fn one<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

/// True once in so many times.
pub fn once(rng: &mut Rng, of: usize) -> bool {
    rng.usize(..of) == 0
}

/// Some of a list, one at least, each once.
pub fn some<T: Copy>(rng: &mut Rng, list: &[T], most: usize) -> Vec<T> {
    let count = rng.usize(1..=most.min(list.len()));
    let mut chosen = list.to_vec();
    rng.shuffle(&mut chosen);
    chosen.truncate(count);
    chosen
}

/// An address.
pub fn address(rng: &mut Rng, family: Family) -> &'static str {
    match family {
        Family::Ipv4 => one(rng, &IPV4),
        Family::Ipv6 => one(rng, &IPV6),
    }
}

/// An address, or a network that an address is in, which has host bits.
pub fn network(rng: &mut Rng, family: Family) -> String {
    let lengths: &[u8] = match family {
        Family::Ipv4 => &[32, 32, 31, 30, 28, 25, 24, 24, 23, 16, 8, 4, 1],
        Family::Ipv6 => &[128, 128, 127, 124, 112, 64, 64, 63, 48, 32, 16, 1],
    };
    format!("{}/{}", address(rng, family), one(rng, lengths))
}

/// Networks of which none holds another.
pub fn disjoint(rng: &mut Rng, family: Family, most: usize) -> Vec<String> {
    let list: &[&str] = match family {
        Family::Ipv4 => &[
            "10.0.0.0/24",
            "198.51.100.0/25",
            "198.51.100.128-198.51.101.7",
            "203.0.113.9",
            "192.0.2.20",
            "192.0.2.1",
            "172.16.0.0/12",
            "127.0.0.0/8",
            "240.0.0.0/4",
            "0.0.0.0",
        ],
        Family::Ipv6 => &[
            "2001:db8:99::/64",
            "2001:db8:99:1::-2001:db8:99:ffff::",
            "2001:db8:0:1::/64",
            "2001:db8:0:2::9",
            "fe80::/10",
            "::ffff:0:0/96",
            "ff02::1",
        ],
    };
    some(rng, list, most).into_iter().map(str::to_owned).collect()
}

/// Two addresses in order.
pub fn addresses(rng: &mut Rng, family: Family) -> String {
    let pairs: &[&str] = match family {
        Family::Ipv4 => &[
            "198.51.100.7-198.51.100.8",
            "198.51.100.0-198.51.101.0",
            "10.0.0.0-172.17.0.2",
            "0.0.0.0-127.255.255.255",
            "192.0.2.20-203.0.113.9",
        ],
        Family::Ipv6 => &[
            "2001:db8:99::7-2001:db8:99::8",
            "2001:db8::-2001:db8:0:2::1",
            "::-7fff::",
        ],
    };
    one(rng, pairs).to_owned()
}

/// A port.
pub fn port(rng: &mut Rng) -> u16 {
    one(rng, &[11211, 11211, 11211, 22, 53, 80, 8080, 1023, 1024, 40000, 65535])
}

/// A port or a range of ports, with `dash` between its ends. Never all of
/// them: iptables-save leaves that out, even where it is negated.
pub fn ports(rng: &mut Rng, dash: char) -> String {
    let (low, high) = one(
        rng,
        &[(0, 1023), (1024, 65535), (11211, 11212), (80, 11211), (0, 65534)],
    );
    match rng.usize(..4) {
        0 => format!("{low}{dash}{high}"),
        _ => port(rng).to_string(),
    }
}

/// The name of an interface that is there, or of one that is not.
pub fn interface(rng: &mut Rng) -> &'static str {
    one(rng, &["eth0", "eth0", "eth1", "docker0", "lo", "eth", "wg0"])
}

/// States of conntrack.
pub const STATES: [&str; 5] =
    ["new", "established", "related", "invalid", "untracked"];

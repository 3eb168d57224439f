//! The hosts that are asked: their interfaces, addresses and settings.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
};

/// The interfaces of each host, with their addresses. The first has the
/// default route.
pub const INTERFACES: [(&str, &[&str]); 3] = [
    ("eth0", &["192.0.2.1/24", "2001:db8:0:1::1/64"]),
    ("eth1", &["10.0.0.1/24", "2001:db8:0:2::1/64"]),
    ("docker0", &["172.17.0.1/16"]),
];

/// The routes behind the interfaces' own networks.
pub const ROUTES: [&str; 2] = [
    "route add default via 192.0.2.254 dev eth0",
    "route add default via 2001:db8:0:1::fe dev eth0",
];

/// Whether a packet to the address goes in a broadcast frame.
pub fn is_broadcast(to: IpAddr) -> bool {
    let networks = [[192, 0, 2, 255], [10, 0, 0, 255], [172, 17, 255, 255]];
    to == IpAddr::V4(Ipv4Addr::BROADCAST)
        || networks.iter().any(|&network| to == IpAddr::from(network))
}

/// Whether the address is the host's own.
pub fn is_own(address: IpAddr) -> bool {
    let all = INTERFACES.iter().flat_map(|(_, list)| *list);
    let mut own = all.filter_map(|entry| entry.split('/').next()?.parse().ok());
    address.is_loopback() || own.any(|own: IpAddr| own == address)
}

/// A host by what is particular about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub name: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

/// Every host.
pub const SETUPS: [Setup; 4] = [
    Setup { name: "router", settings: &[] },
    Setup {
        name: "server",
        settings: &[
            ("net/ipv4/ip_forward", "0"),
            ("net/ipv6/conf/all/forwarding", "0"),
        ],
    },
    Setup {
        name: "strict",
        settings: &[
            ("net/ipv4/conf/all/rp_filter", "1"),
            ("net/netfilter/nf_conntrack_tcp_loose", "0"),
        ],
    },
    Setup {
        name: "lax",
        settings: &[
            ("net/ipv4/conf/all/rp_filter", "2"),
            ("net/ipv4/conf/all/route_localnet", "1"),
            ("net/ipv4/conf/all/accept_local", "1"),
        ],
    },
];

/// What every host has: it forwards, it does not look where a source is
/// routed, it says nothing by itself but errors, and those without a limit,
/// it keeps no fragment of IPv4 for another one to come, and those of IPv6
/// leave room for the next: where there is none, even a whole packet with the
/// header of a fragment is dropped.
const SETTINGS: [(&str, &str); 22] = [
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/dad_transmits", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv4/icmp_ratemask", "0"),
    ("net/ipv4/icmp_msgs_per_sec", "1000000000"),
    ("net/ipv4/icmp_msgs_burst", "1000000000"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv6/icmp/ratemask", ""),
    ("net/ipv6/auto_flowlabels", "0"),
    ("net/ipv4/ipfrag_low_thresh", "0"),
    ("net/ipv4/ipfrag_high_thresh", "0"),
    ("net/ipv6/ip6frag_high_thresh", "268435456"),
    ("net/ipv6/ip6frag_time", "1"),
    ("net/netfilter/nf_conntrack_frag6_high_thresh", "268435456"),
    ("net/netfilter/nf_conntrack_frag6_timeout", "1"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
];

impl Setup {
    /// The host with this name.
    pub fn named(name: &str) -> Option<Self> {
        SETUPS.into_iter().find(|host| host.name == name)
    }

    /// Writes the settings that interfaces take over when they are made.
    pub fn begin(self) {
        for (key, value) in SETTINGS {
            // An older kernel does not have each of them per network.
            let _ = fs::write(format!("/proc/sys/{key}"), value);
        }
    }

    /// Writes its own settings.
    pub fn settle(self) -> std::io::Result<()> {
        self.settings.iter().try_for_each(|(key, value)| {
            fs::write(format!("/proc/sys/{key}"), value)
        })
    }
}

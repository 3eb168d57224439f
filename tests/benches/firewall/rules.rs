//! Large rule sets, the same for the same size.

use std::{collections::BTreeSet, fmt::Write};

use fastrand::Rng;

/// The services that are asked for.
pub const SERVICES: [&str; 3] = ["tcp/22", "tcp/11211", "udp/11211"];

const PORTS: [u16; 12] =
    [22, 25, 53, 80, 110, 143, 443, 3306, 5432, 6379, 8080, 11211];

/// A kind of rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each rule drops a network.
    Blocklist,
    /// Most rules drop a network; others name ports, interfaces and states.
    Mixed,
    /// Each rule drops one address, and what is left is open: no two rules
    /// can be told as one.
    Distinct,
    /// One rule drops what a set of ipset holds.
    Ipset,
    /// One rule of nft drops what a set of intervals holds.
    Intervals,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Blocklist,
        Self::Mixed,
        Self::Distinct,
        Self::Ipset,
        Self::Intervals,
    ];

    /// What a snapshot has of it: commands, and what they print.
    pub fn commands(self, size: usize) -> Vec<(&'static str, String)> {
        let rules = |lines: &str| iptables(lines, self);
        match self {
            Self::Ipset => {
                let line = "-A INPUT -m set --match-set block src -j DROP\n";
                let members = distinct(size);
                let mut sets = "create block hash:net family inet\n".to_owned();
                for address in members {
                    let _ = writeln!(sets, "add block {}", dotted(address));
                }
                vec![("iptables-save", rules(line)), ("ipset save", sets)]
            }
            Self::Intervals => {
                vec![
                    ("nft -j list ruleset", intervals_json(size)),
                    ("iptables-save", String::new()),
                ]
            }
            _ => vec![("iptables-save", rules(&self.lines(size)))],
        }
    }

    /// What the tools load: a text of iptables, or one of nft.
    pub fn text(self, size: usize) -> String {
        match self {
            Self::Intervals => intervals(size),
            _ => iptables(&self.lines(size), self),
        }
    }

    /// Whether iptables loads it, and by itself.
    pub fn is_iptables(self) -> bool {
        !matches!(self, Self::Ipset | Self::Intervals)
    }

    fn lines(self, size: usize) -> String {
        let mut rng = Rng::with_seed(1);
        let mut lines = String::new();
        if self == Self::Distinct {
            for address in distinct(size) {
                let _ = writeln!(
                    lines,
                    "-A INPUT -s {}/32 -j DROP",
                    dotted(address)
                );
            }
            return lines;
        }
        for _ in 0..size {
            let network = network(&mut rng);
            let (not, rest) = match self {
                Self::Mixed => rest(&mut rng),
                _ => ("", " -j DROP".to_owned()),
            };
            let _ = writeln!(lines, "-A INPUT{not} -s {network}{rest}");
        }
        lines
    }
}

fn iptables(lines: &str, kind: Kind) -> String {
    let from = if kind == Kind::Distinct { "" } else { " -s 10.0.0.0/8" };
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
         :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
         -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
         {lines}-A INPUT{from} -p tcp -m tcp --dport 11211 -j ACCEPT\n\
         -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT\nCOMMIT\n"
    )
}

/// What stands before the source, and behind it.
fn rest(rng: &mut Rng) -> (&'static str, String) {
    let what = ["ACCEPT", "DROP", "DROP"][rng.usize(..3)];
    let rest = match rng.usize(..100) {
        0..70 => " -j DROP".to_owned(),
        70..92 => {
            let proto = ["tcp", "tcp", "tcp", "udp"][rng.usize(..4)];
            let port = match rng.usize(..5) {
                0 => rng.u16(1..),
                _ => one_of(rng),
            };
            format!(" -p {proto} -m {proto} --dport {port} -j {what}")
        }
        92..96 => {
            let list = [(); 3].map(|()| one_of(rng).to_string()).join(",");
            format!(" -p tcp -m multiport --dports {list} -j {what}")
        }
        96..98 => {
            let name = ["eth0", "eth1", "docker0"][rng.usize(..3)];
            format!(" -i {name} -j {what}")
        }
        98 => {
            let port = one_of(rng);
            let rest = format!(
                " -d 198.51.100.7/32 -p tcp -m tcp --dport {port} -j DROP"
            );
            return (" !", rest);
        }
        _ => {
            let port = one_of(rng);
            format!(
                " -p tcp -m tcp --dport {port} -m conntrack --ctstate NEW \
                 -j DROP"
            )
        }
    };
    ("", rest)
}

fn one_of(rng: &mut Rng) -> u16 {
    PORTS[rng.usize(..PORTS.len())]
}

fn network(rng: &mut Rng) -> String {
    let length = match rng.usize(..20) {
        0..15 => 32,
        15..18 => 24,
        _ => rng.u32(12..=31),
    };
    let bits = unicast(rng) & (u32::MAX << (32 - length));
    format!("{}/{length}", dotted(bits))
}

/// An address of some host in the Internet.
fn unicast(rng: &mut Rng) -> u32 {
    rng.u32(0x0b00_0000..0x7f00_0000)
}

fn dotted(bits: u32) -> std::net::Ipv4Addr {
    bits.into()
}

/// So many addresses in a random order, no two of which touch.
fn distinct(size: usize) -> Vec<u32> {
    let mut rng = Rng::with_seed(2);
    let mut met = BTreeSet::new();
    while met.len() < size {
        met.insert(unicast(&mut rng) & !1);
    }
    let mut list: Vec<_> = met.into_iter().collect();
    rng.shuffle(&mut list);
    list
}

fn intervals(size: usize) -> String {
    let mut text = "table ip filter {\nset block {\ntype ipv4_addr\n\
        flags interval\nelements = {\n"
        .to_owned();
    for address in distinct(size) {
        let _ = writeln!(text, "{},", dotted(address));
    }
    text + "}\n}\nchain INPUT {\ntype filter hook input priority filter\n\
        policy drop\nip saddr @block drop\ntcp dport { 22, 11211 } accept\n}\n}\n"
}

fn intervals_json(size: usize) -> String {
    let elements: Vec<_> = distinct(size)
        .into_iter()
        .map(|address| dotted(address).to_string())
        .collect();
    let rule = |expr: serde_json::Value| {
        serde_json::json!({"rule": {"family": "ip", "table": "filter",
            "chain": "INPUT", "handle": 1, "expr": expr}})
    };
    let side = |protocol: &str, field: &str| serde_json::json!({"payload": {"protocol": protocol, "field": field}});
    serde_json::json!({"nftables": [
        {"table": {"family": "ip", "name": "filter", "handle": 1}},
        {"set": {"family": "ip", "name": "block", "table": "filter",
            "type": "ipv4_addr", "handle": 1, "flags": ["interval"],
            "elem": elements}},
        {"chain": {"family": "ip", "table": "filter", "name": "INPUT",
            "handle": 2, "type": "filter", "hook": "input", "prio": 0,
            "policy": "drop"}},
        rule(serde_json::json!([
            {"match": {"op": "==", "left": side("ip", "saddr"),
                "right": "@block"}},
            {"drop": null}])),
        rule(serde_json::json!([
            {"match": {"op": "==", "left": side("tcp", "dport"),
                "right": {"set": [22, 11211]}}},
            {"accept": null}])),
    ]})
    .to_string()
}

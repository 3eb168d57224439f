//! Sets of ipset.

use std::fmt::Write;

use fastrand::Rng;
use memsec_core::net::Family;

use super::words::{address, network, once, one, port};

/// A set that rules can name.
#[derive(Clone, Debug)]
pub struct Set {
    pub name: String,
    /// The dimensions of its elements.
    pub dimensions: usize,
    /// None for one of ports alone, which any rule can name.
    pub family: Option<Family>,
}

const KINDS: [&str; 8] = [
    "hash:ip",
    "hash:net",
    "hash:net",
    "hash:ip,port",
    "hash:net,port",
    "hash:net,iface",
    "bitmap:port",
    "hash:ip,port,net",
];

/// Sets of a family, and the text that makes them.
pub fn sets(rng: &mut Rng, family: Family) -> (Vec<Set>, String) {
    let mut text = String::new();
    let mut sets = Vec::new();
    for number in 0..rng.usize(1..4) {
        let name = format!("{}s{number}", suffix(family));
        sets.push(set(rng, family, &name, &mut text));
    }
    if once(rng, 3) {
        sets.push(list(rng, family, &sets, &mut text));
    }
    (sets, text)
}

fn suffix(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "v4",
        Family::Ipv6 => "v6",
    }
}

fn inet(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "inet",
        Family::Ipv6 => "inet6",
    }
}

fn set(rng: &mut Rng, family: Family, name: &str, text: &mut String) -> Set {
    let kind = one(rng, &KINDS);
    let ports = kind == "bitmap:port";
    let how = match ports {
        true => "range 0-65535".to_owned(),
        false => format!("family {}", inet(family)),
    };
    let _ = writeln!(text, "create {name} {kind} {how}");
    for _ in 0..rng.usize(..7) {
        let element = element(rng, kind, family);
        let nomatch = match kind.contains("net") && once(rng, 4) {
            true => " nomatch",
            false => "",
        };
        let _ = writeln!(text, "add -exist {name} {element}{nomatch}");
    }
    Set {
        name: name.to_owned(),
        dimensions: kind.split(',').count(),
        family: (!ports).then_some(family),
    }
}

fn element(rng: &mut Rng, kind: &str, family: Family) -> String {
    let kinds = kind.split(':').nth(1).unwrap_or_default();
    let mut parts = Vec::new();
    for kind in kinds.split(',') {
        parts.push(match kind {
            // A set has no place for the address of nobody.
            "ip" => address(rng, family).replace("0.0.0.0", "0.0.0.1"),
            "net" => network(rng, family),
            "iface" => one(rng, &["eth0", "eth1", "docker0"]).to_owned(),
            _ if kinds == "port" => port(rng).to_string(),
            _ => {
                let proto = one(rng, &["", "tcp:", "udp:"]);
                format!("{proto}{}", port(rng))
            }
        });
    }
    parts.join(",")
}

fn list(rng: &mut Rng, family: Family, sets: &[Set], text: &mut String) -> Set {
    let name = format!("{}list", suffix(family));
    let _ = writeln!(text, "create {name} list:set");
    for member in sets.iter().filter(|_| rng.bool()) {
        let _ = writeln!(text, "add {name} {}", member.name);
    }
    let dimensions = rng.usize(1..3);
    Set { name, dimensions, family: Some(family) }
}

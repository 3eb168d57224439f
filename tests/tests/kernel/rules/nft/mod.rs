//! Rules of nftables.

mod set;

use std::fmt::Write;

use fastrand::Rng;
use memsec_core::net::Family;

use self::set::Kind;
use super::words::{
    STATES, address, addresses, disjoint, interface, network, once, one, port,
    ports, some,
};

/// The base chains of a table: a hook, its priorities, and whether packets
/// often come there.
const BASES: [(&str, &[&str], usize); 4] = [
    ("input", &["filter", "-10", "10", "security", "mangle"], 1),
    ("prerouting", &["raw", "-310", "mangle", "filter", "-5"], 4),
    ("forward", &["filter", "filter - 5", "1"], 3),
    ("output", &["filter", "0", "mangle"], 5),
];

/// The chains that the rules' author made; each jumps only to later ones.
const OWN: [&str; 3] = ["u1", "u2", "u3"];

/// A table that is being written.
struct Table<'r> {
    rng: &'r mut Rng,
    family: &'static str,
    sets: Vec<(String, Kind)>,
    own: &'static [&'static str],
    text: String,
}

/// What the conditions of a rule are about.
#[derive(Clone, Copy)]
struct About {
    family: Family,
    proto: &'static str,
    /// Whether it names ports, or else the protocol by itself.
    ports: bool,
}

/// The text that loads some tables.
pub fn text(rng: &mut Rng) -> String {
    let mut text = String::new();
    for number in 0..rng.usize(1..4) {
        let family = one(rng, &["inet", "inet", "ip", "ip6"]);
        let mut table = Table {
            rng,
            family,
            sets: Vec::new(),
            own: &[],
            text: format!("table {family} t{number} {{\n"),
        };
        table.write();
        text += &table.text;
        text += "}\n";
    }
    if once(rng, 3) {
        text += &translations(rng);
    }
    text
}

impl Table<'_> {
    fn write(&mut self) {
        if self.rng.bool() {
            self.own = &OWN[..self.rng.usize(..4)];
        }
        // A chain must be there before one that goes to it.
        for at in (0..self.own.len()).rev() {
            let own = self.own;
            let _ = writeln!(self.text, "chain {} {{", own[at]);
            self.own = &own[at + 1..];
            self.rules(5, "");
            self.own = own;
            self.text += "}\n";
        }
        for number in 0..self.rng.usize(..4) {
            self.set(number);
        }
        for (index, (hook, priorities, rarity)) in BASES.iter().enumerate() {
            if once(self.rng, *rarity) {
                self.base(index, hook, priorities);
            }
        }
    }

    fn base(&mut self, index: usize, hook: &str, priorities: &[&str]) {
        let priority = one(self.rng, priorities);
        let policy = match hook != "prerouting" && self.rng.bool() {
            true => "policy drop;",
            false => one(self.rng, &["policy accept;", ""]),
        };
        let _ = writeln!(
            self.text,
            "chain base{index} {{\n\
             type filter hook {hook} priority {priority}; {policy}"
        );
        self.rules(12, hook);
        self.text += "}\n";
    }

    fn rules(&mut self, most: usize, hook: &str) {
        for _ in 0..self.rng.usize(..most) {
            let rule = self.rule(hook);
            self.text += &rule;
            self.text.push('\n');
        }
    }

    fn families(&self) -> &'static [Family] {
        match self.family {
            "ip" => &[Family::Ipv4],
            "ip6" => &[Family::Ipv6],
            _ => &[Family::Ipv4, Family::Ipv4, Family::Ipv6],
        }
    }

    /// A rule, of one family and one protocol: nft takes no other.
    fn rule(&mut self, hook: &str) -> String {
        let about = About {
            family: one(self.rng, self.families()),
            proto: one(self.rng, &["tcp", "tcp", "udp"]),
            ports: !once(self.rng, 3),
        };
        let mut parts = Vec::new();
        for _ in 0..self.rng.usize(..4) {
            parts.push(self.condition(about, hook));
        }
        if once(self.rng, 10) {
            parts.push("counter".to_owned());
        }
        match self.rng.usize(..12) {
            0 => parts.push(self.verdicts(about)),
            1 => parts.push(format!("meta mark set {:#x}", self.rng.u8(..4))),
            2 if hook == "prerouting" => parts.push("notrack".to_owned()),
            _ => parts.push(self.verdict(hook)),
        }
        parts.join(" ")
    }

    /// A statement that looks the verdict up.
    fn verdicts(&mut self, about: About) -> String {
        let ip = ip(about.family);
        if let Some(map) = self.named(Kind::Verdicts(about.family)) {
            return format!("{ip} saddr vmap @{map}");
        }
        let [first, second] = [self.verdict(""), self.verdict("")];
        match self.rng.usize(..3) {
            0 => {
                format!("ct state vmap {{ new : {first}, invalid : {second} }}")
            }
            1 if about.ports => {
                let proto = about.proto;
                format!(
                    "{proto} dport vmap {{ 11211 : {first}, 22 : {second} }}"
                )
            }
            _ => format!("iifname vmap {{ eth0 : {first}, lo : {second} }}"),
        }
    }

    fn verdict(&mut self, hook: &str) -> String {
        match self.rng.usize(..10) {
            0..2 if !self.own.is_empty() => {
                let how = one(self.rng, &["jump", "jump", "goto"]);
                format!("{how} {}", one(self.rng, self.own))
            }
            2 => "return".to_owned(),
            3 if matches!(hook, "input" | "forward") => "reject".to_owned(),
            3 => "continue".to_owned(),
            4..7 => "accept".to_owned(),
            _ => "drop".to_owned(),
        }
    }

    fn condition(&mut self, about: About, hook: &str) -> String {
        let About { family, proto, ports } = about;
        let not = if once(self.rng, 5) { "!= " } else { "" };
        let rng = &mut *self.rng;
        match rng.usize(..18) {
            0..4 => self.addressed(family, not),
            4..9 if ports => self.at_port(family, proto, not),
            9..11 if hook != "output" => {
                let star = if once(rng, 5) { "*" } else { "" };
                format!("iifname {not}\"{}{star}\"", interface(rng))
            }
            11..14 => {
                let states = some(rng, &STATES, 3).join(",");
                format!("ct state {not}{states}")
            }
            14 => match rng.bool() {
                true => format!("meta mark {not}{:#x}", rng.u8(..4)),
                false => format!("meta mark & 0x3 == {:#x}", rng.u8(..4)),
            },
            15 if !ports => {
                let protos = ["tcp", "udp", "icmp", "{ tcp, udp }"];
                format!("meta l4proto {not}{}", one(rng, &protos))
            }
            16 if !ports => match family {
                Family::Ipv4 => format!("ip protocol {not}tcp"),
                Family::Ipv6 => format!("ip6 nexthdr {not}udp"),
            },
            17 if ports && proto == "tcp" => flags(rng, not),
            _ if self.family == "inet" => {
                format!("meta nfproto {not}{}", nfproto(family))
            }
            _ => "meta mark 0".to_owned(),
        }
    }

    fn addressed(&mut self, family: Family, not: &str) -> String {
        let side = one(self.rng, &["saddr", "saddr", "saddr", "daddr"]);
        let own = self.named(Kind::Addresses(family));
        let rng = &mut *self.rng;
        let value = match (rng.usize(..6), own) {
            (0..3, Some(name)) => format!("@{name}"),
            (0, _) => format!("{{ {} }}", disjoint(rng, family, 5).join(", ")),
            (1, _) => addresses(rng, family),
            _ => network(rng, family),
        };
        format!("{} {side} {not}{value}", ip(family))
    }

    fn at_port(&mut self, family: Family, proto: &str, not: &str) -> String {
        let both = self.named(Kind::Both(family));
        let named = self.named(Kind::Ports);
        let rng = &mut *self.rng;
        let side = one(rng, &["dport", "dport", "dport", "sport"]);
        match (rng.usize(..8), both, named) {
            (0..4, Some(name), _) => {
                format!("{} saddr . {proto} dport {not}@{name}", ip(family))
            }
            (0..4, _, Some(name)) => format!("{proto} {side} {not}@{name}"),
            (0, ..) => {
                let pairs: Vec<_> = (0..rng.usize(1..4))
                    .map(|_| {
                        format!("{} . {}", address(rng, family), port(rng))
                    })
                    .collect();
                let pairs = pairs.join(", ");
                format!(
                    "{} saddr . {proto} dport {not}{{ {pairs} }}",
                    ip(family)
                )
            }
            (1, ..) => {
                let list = some(rng, &["22", "53", "11211", "1024-8080"], 4);
                format!("{proto} {side} {not}{{ {} }}", list.join(", "))
            }
            (2, ..) => {
                format!("meta l4proto {proto} th dport {not}{}", port(rng))
            }
            _ => format!("{proto} {side} {not}{}", ports(rng, '-')),
        }
    }
}

fn ip(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

fn nfproto(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

fn flags(rng: &mut Rng, not: &str) -> String {
    let mask = "fin|syn|rst|ack";
    match rng.usize(..3) {
        0 => format!("tcp flags & ({mask}) {}syn", relation(not)),
        1 => "tcp flags syn".to_owned(),
        _ => format!("tcp flags & (syn|ack) {}0x0", relation(not)),
    }
}

fn relation(not: &str) -> &'static str {
    if not.is_empty() { "== " } else { "!= " }
}

/// A table that translates addresses.
fn translations(rng: &mut Rng) -> String {
    let family = one(rng, &[Family::Ipv4, Family::Ipv4, Family::Ipv6]);
    let to = match family {
        Family::Ipv4 => one(rng, &["172.17.0.2", "10.0.0.9", "192.0.2.1"]),
        Family::Ipv6 => one(rng, &["2001:db8:0:2::9", "2001:db8:0:1::1"]),
    };
    let mut text = format!(
        "table {} nat {{\nchain in {{\n\
         type nat hook prerouting priority dstnat;\n",
        ip(family)
    );
    for _ in 0..rng.usize(1..4) {
        let from = match rng.bool() {
            true => format!("{} saddr {} ", ip(family), network(rng, family)),
            false => format!("iifname {} ", interface(rng)),
        };
        let proto = one(rng, &["tcp", "udp"]);
        let what = match (rng.usize(..4), family) {
            (0, _) => "accept".to_owned(),
            (1, _) => format!("redirect to :{}", port(rng)),
            (2, Family::Ipv4) => format!("dnat to {to}:{}", port(rng)),
            (2, Family::Ipv6) => format!("dnat to [{to}]:{}", port(rng)),
            _ => format!("dnat to {to}"),
        };
        let port = ports(rng, '-');
        let _ = writeln!(text, "{from}{proto} dport {port} {what}");
    }
    text + "}\n}\n"
}

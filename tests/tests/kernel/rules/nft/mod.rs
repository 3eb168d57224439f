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
const BASES: [(&str, &[&str], usize); 5] = [
    ("input", &["filter", "-10", "10", "security", "mangle"], 1),
    ("prerouting", &["raw", "-310", "mangle", "filter", "-5"], 4),
    ("forward", &["filter", "filter - 5", "1"], 3),
    ("output", &["filter", "0", "mangle"], 5),
    ("postrouting", &["filter", "mangle"], 8),
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
    if once(rng, 8) {
        text += &ingress(rng);
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
        if once(self.rng, 24) {
            return self.message(about.family, hook);
        }
        let mut parts = Vec::new();
        for _ in 0..self.rng.usize(..4) {
            parts.push(self.condition(about, hook));
        }
        if once(self.rng, 10) {
            parts.push("counter".to_owned());
        }
        if once(self.rng, 64) {
            parts.push("limit rate 1/hour burst 1 packets".to_owned());
        }
        match self.rng.usize(..14) {
            0 => parts.push(self.verdicts(about)),
            12 => parts.push(self.marking(about)),
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
        let proto = about.proto;
        match self.rng.usize(..6) {
            3 if about.ports => {
                let from = address(self.rng, about.family);
                format!(
                    "iifname . {ip} saddr . {proto} dport vmap {{ \
                     eth0 . {from} . 11211 : {first}, \
                     eth1 . {from} . 22 : {second} }}"
                )
            }
            4 if about.ports => {
                let [one, other] = match about.family {
                    Family::Ipv4 => ["10.0.0.0/24", "192.0.2.0-203.0.113.9"],
                    Family::Ipv6 => ["2001:db8:0:1::/64", "fe80::-fe80::ff"],
                };
                format!(
                    "{ip} saddr . {proto} dport vmap {{ \
                     {one} . 1-1023 : {first}, {other} . 11211 : {second} }}"
                )
            }
            5 => format!("meta mark vmap {{ 0 : {first}, 1-2 : {second} }}"),
            0 => {
                format!("ct state vmap {{ new : {first}, invalid : {second} }}")
            }
            1 if about.ports => {
                format!(
                    "{proto} dport vmap {{ 11211 : {first}, 22 : {second} }}"
                )
            }
            _ => format!("iifname vmap {{ eth0 : {first}, lo : {second} }}"),
        }
    }

    /// A rule about messages of ICMP.
    fn message(&mut self, family: Family, hook: &str) -> String {
        let verdict = self.verdict(hook);
        let not = if once(self.rng, 4) { "!= " } else { "" };
        let rng = &mut *self.rng;
        let what = match (family, rng.bool()) {
            (Family::Ipv4, true) => "icmp type {not}echo-request",
            (Family::Ipv4, _) => "icmp code {not}3",
            (Family::Ipv6, true) => "icmpv6 type {not}echo-request",
            (Family::Ipv6, _) => "icmpv6 type {not}{ 1, 135, 129 }",
        };
        format!("{} {verdict}", what.replace("{not}", not))
    }

    /// A statement that sets a mark.
    fn marking(&mut self, about: About) -> String {
        let proto = about.proto;
        match self.rng.usize(..5) {
            0 if about.ports => format!(
                "meta mark set {proto} dport map {{ 11211 : 1, 22 : 2 }}"
            ),
            1 => "meta mark set ct mark".to_owned(),
            2 => "ct mark set meta mark".to_owned(),
            3 => "meta mark set meta mark | 0x1".to_owned(),
            _ => format!("ct mark set {:#x}", self.rng.u8(..4)),
        }
    }

    fn verdict(&mut self, hook: &str) -> String {
        match self.rng.usize(..10) {
            0..2 if !self.own.is_empty() => {
                let how = one(self.rng, &["jump", "jump", "goto"]);
                format!("{how} {}", one(self.rng, self.own))
            }
            2 => "return".to_owned(),
            3 if matches!(hook, "input" | "forward") => {
                let how = ["reject", "reject with icmpx admin-prohibited"];
                let how = if self.family == "inet" { &how } else { &how[..1] };
                one(self.rng, how).to_owned()
            }
            3 => "continue".to_owned(),
            4..7 => "accept".to_owned(),
            _ => "drop".to_owned(),
        }
    }

    fn condition(&mut self, about: About, hook: &str) -> String {
        let About { family, proto, ports } = about;
        let not = if once(self.rng, 5) { "!= " } else { "" };
        let rng = &mut *self.rng;
        let mine = ip(family);
        match rng.usize(..25) {
            18 => format!("ct mark {not}{:#x}", rng.u8(..4)),
            19 => {
                let bits = ["dnat", "snat", "seen-reply", "confirmed"];
                format!("ct status {}", one(rng, &bits))
            }
            20 => {
                let side = one(rng, &["original", "reply"]);
                format!("ct direction {side}")
            }
            21 => {
                let network = network(rng, family);
                format!("ct original {mine} saddr {not}{network}")
            }
            22 if ports => {
                let port = port(rng);
                format!(
                    "meta l4proto {proto} ct original proto-dst {not}{port}"
                )
            }
            23 if matches!(hook, "input" | "prerouting") => {
                let kinds = ["local", "broadcast", "multicast", "unicast"];
                format!("fib daddr type {not}{}", one(rng, &kinds))
            }
            24 if matches!(hook, "input" | "prerouting" | "forward") => {
                let kinds = ["unicast", "broadcast", "multicast"];
                format!("meta pkttype {not}{}", one(rng, &kinds))
            }
            18..25 if family == Family::Ipv4 && self.family != "ip6" => {
                format!("ip frag-off & 0x1fff {}0", relation(not))
            }
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

/// A table that sees packets as they come in.
fn ingress(rng: &mut Rng) -> String {
    let mut text = "table netdev d {\nchain in {\n\
        type filter hook ingress device \"eth0\" priority 0;\n"
        .to_owned();
    for _ in 0..rng.usize(1..4) {
        let family = one(rng, &[Family::Ipv4, Family::Ipv4, Family::Ipv6]);
        let from = format!("{} saddr {}", ip(family), network(rng, family));
        let proto = one(rng, &["tcp", "udp"]);
        let port = ports(rng, '-');
        let verdict = one(rng, &["drop", "accept", "meta mark set 1"]);
        let _ = writeln!(text, "{from} {proto} dport {port} {verdict}");
    }
    text + "}\n}\n"
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
        let what = match (rng.usize(..8), family) {
            (4, _) => {
                let (one, other) = (port(rng), port(rng));
                format!(
                    "redirect to :{proto} sport map {{ 40000 : {one}, 53 : {other} }}"
                )
            }
            (5, _) => {
                let own = match family {
                    Family::Ipv4 => "192.0.2.1",
                    Family::Ipv6 => "2001:db8:0:1::1",
                };
                format!(
                    "dnat to {proto} dport map {{ 11211 : {to}, 22 : {own} }}"
                )
            }
            (6, Family::Ipv4) => {
                "dnat ip prefix to ip daddr map { 192.0.2.0/24 : 10.0.0.0/24 }"
                    .to_owned()
            }
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

//! Rules of iptables.

use std::fmt::Write;

use fastrand::Rng;
use memsec_core::net::Family;

use super::{
    ipset::Set,
    words::{
        STATES, address, addresses, interface, network, once, one, port, ports,
        some,
    },
};

/// A table: how often it is there, its chains, and what its rules can do
/// beside accepting and returning.
struct Table {
    name: &'static str,
    one_in: usize,
    chains: &'static [&'static str],
    targets: &'static [Target],
}

/// What a rule of a family and a protocol does.
type Target = fn(&mut Rng, Family, &str) -> String;

const TABLES: [Table; 5] = [
    Table {
        name: "raw",
        one_in: 4,
        chains: &["PREROUTING", "OUTPUT"],
        targets: &[drop, notrack, notrack, mark, zone],
    },
    Table {
        name: "mangle",
        one_in: 3,
        chains: &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        targets: &[drop, mark, mark, mark, connmark, connmark],
    },
    Table {
        name: "nat",
        one_in: 3,
        chains: &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        targets: &[],
    },
    Table {
        name: "filter",
        one_in: 1,
        chains: &["INPUT", "FORWARD", "OUTPUT"],
        targets: &[drop, drop, drop, reject],
    },
    Table {
        name: "security",
        one_in: 8,
        chains: &["INPUT", "FORWARD", "OUTPUT"],
        targets: &[drop],
    },
];

/// The chains that the rules' author made; each jumps only to later ones.
const OWN: [&str; 3] = ["U1", "U2", "U3"];

/// The text that loads rules of one family.
pub fn text(rng: &mut Rng, family: Family, sets: &[Set]) -> String {
    let mut text = String::new();
    for table in &TABLES {
        if once(rng, table.one_in) {
            section(rng, family, sets, table, &mut text);
        }
    }
    text
}

fn section(
    rng: &mut Rng,
    family: Family,
    sets: &[Set],
    table: &Table,
    text: &mut String,
) {
    let _ = writeln!(text, "*{}", table.name);
    for chain in table.chains {
        let drops = table.name == "filter" && once(rng, 2);
        let policy = if drops { "DROP" } else { "ACCEPT" };
        let _ = writeln!(text, ":{chain} {policy} [0:0]");
    }
    let own = if rng.bool() { &OWN[..rng.usize(..4)] } else { &[] };
    for chain in own {
        let _ = writeln!(text, ":{chain} - [0:0]");
    }
    // Most packets come in: most rules are of the first chains.
    for _ in 0..rng.usize(1..14) {
        let at = rng.usize(..table.chains.len()).min(rng.usize(..5));
        let chain = table.chains[at];
        let rule = rule(rng, family, sets, table, chain, own);
        let _ = writeln!(text, "-A {chain}{rule}");
    }
    for (index, chain) in own.iter().enumerate() {
        for _ in 0..rng.usize(..5) {
            let later = &own[index + 1..];
            let rule = rule(rng, family, sets, table, chain, later);
            let _ = writeln!(text, "-A {chain}{rule}");
        }
    }
    text.push_str("COMMIT\n");
}

fn rule(
    rng: &mut Rng,
    family: Family,
    sets: &[Set],
    table: &Table,
    chain: &str,
    later: &[&str],
) -> String {
    let mut rule = String::new();
    let proto = match rng.usize(..10) {
        0..3 => "",
        3..7 => "tcp",
        7..9 => "udp",
        _ => "other",
    };
    rule.push_str(&protocol(rng, family, proto));
    for _ in 0..rng.usize(..3) {
        let condition = condition(rng, family, sets, chain);
        // An option can stand in a rule once.
        let name = condition.split_whitespace().find(|w| *w != "!");
        if !name.is_some_and(|name| rule.split(' ').any(|w| w == name)) {
            rule.push_str(&condition);
        }
    }
    rule + &target(rng, (family, proto), table, chain, later)
}

fn protocol(rng: &mut Rng, family: Family, proto: &str) -> String {
    match proto {
        "" => String::new(),
        "other" => {
            let icmp = match family {
                Family::Ipv4 => "icmp",
                Family::Ipv6 => "ipv6-icmp",
            };
            let name =
                one(rng, &[icmp, icmp, "gre", "esp", "sctp", "! tcp", "! udp"]);
            if name == icmp && rng.bool() {
                return message(rng, family);
            }
            match name.strip_prefix("! ") {
                Some(name) => format!(" ! -p {name}"),
                None => format!(" -p {name}"),
            }
        }
        _ => {
            let not = negation(rng);
            let more = match rng.usize(..8) {
                0 => String::new(),
                1 => format!(" -m {proto}{not} --sport {}", ports(rng, ':')),
                2 => multiport(rng),
                3 if proto == "tcp" => flags(rng),
                _ => format!(" -m {proto}{not} --dport {}", ports(rng, ':')),
            };
            format!(" -p {proto}{more}")
        }
    }
}

fn message(rng: &mut Rng, family: Family) -> String {
    let not = negation(rng);
    match family {
        Family::Ipv4 => {
            let kinds = ["echo-request", "3", "3/3", "any", "0", "11"];
            let kind = one(rng, &kinds);
            format!(" -p icmp -m icmp{not} --icmp-type {kind}")
        }
        Family::Ipv6 => {
            let kinds = ["echo-request", "1", "1/4", "135", "129"];
            let kind = one(rng, &kinds);
            format!(" -p ipv6-icmp -m icmp6{not} --icmpv6-type {kind}")
        }
    }
}

fn negation(rng: &mut Rng) -> &'static str {
    if once(rng, 5) { " !" } else { "" }
}

fn multiport(rng: &mut Rng) -> String {
    let not = negation(rng);
    let which = one(rng, &["--dports", "--dports", "--sports", "--ports"]);
    let mut list = Vec::new();
    for _ in 0..rng.usize(1..5) {
        list.push(ports(rng, ':'));
    }
    format!(" -m multiport{not} {which} {}", list.join(","))
}

fn flags(rng: &mut Rng) -> String {
    let not = negation(rng);
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    if rng.bool() {
        return format!(" -m tcp{not} --tcp-flags FIN,SYN,RST,ACK SYN");
    }
    let mask = some(rng, &names, 4);
    let set = some(rng, &mask, 4);
    let set = if once(rng, 5) { "NONE".to_owned() } else { set.join(",") };
    format!(" -m tcp{not} --tcp-flags {} {set}", mask.join(","))
}

fn condition(
    rng: &mut Rng,
    family: Family,
    sets: &[Set],
    chain: &str,
) -> String {
    let not = negation(rng);
    let side = one(rng, &["src", "src", "src", "dst"]);
    let forwards = matches!(chain, "PREROUTING" | "INPUT" | "FORWARD");
    match rng.usize(..28) {
        20..22 => connection(rng, family, not),
        22 => format!(" -m connmark{not} --mark {:#x}", rng.u8(..4)),
        23 if forwards => {
            let kind = one(rng, &["unicast", "broadcast", "multicast"]);
            format!(" -m pkttype{not} --pkt-type {kind}")
        }
        24 if family == Family::Ipv4 => format!("{not} -f"),
        25 if once(rng, 4) => {
            " -m limit --limit 1/hour --limit-burst 1".to_owned()
        }
        26 if chain == "PREROUTING" && family == Family::Ipv4 => {
            format!(" -m rpfilter{}", one(rng, &["", " --loose", " --invert"]))
        }
        27 if forwards => " -m policy --dir in --pol none".to_owned(),
        0..6 => format!("{not} -{} {}", &side[..1], network(rng, family)),
        6..9 if !matches!(chain, "OUTPUT" | "POSTROUTING") => {
            let plus = if once(rng, 4) { "+" } else { "" };
            format!("{not} -i {}{plus}", interface(rng))
        }
        9 if matches!(chain, "OUTPUT" | "POSTROUTING" | "FORWARD") => {
            format!("{not} -o {}", interface(rng))
        }
        10..13 => state(rng, not),
        13 => {
            let mask = one(rng, &["", "/0x3", "/0x1", "/0xff"]);
            format!(" -m mark{not} --mark {:#x}{mask}", rng.u8(..4))
        }
        14 => {
            let kinds = ["LOCAL", "UNICAST", "MULTICAST", "BROADCAST"];
            // IPv6 has no broadcast.
            let kinds = match family {
                Family::Ipv4 => &kinds[..],
                Family::Ipv6 => &kinds[..3],
            };
            format!(" -m addrtype{not} --{side}-type {}", one(rng, kinds))
        }
        15 => {
            let range = addresses(rng, family);
            format!(" -m iprange{not} --{side}-range {range}")
        }
        16..19 => matched(rng, family, sets, not),
        19 => " -m comment --comment \"it's -j DROP\"".to_owned(),
        _ => format!("{not} -{} {}", &side[..1], address(rng, family)),
    }
}

fn state(rng: &mut Rng, not: &str) -> String {
    let states = some(rng, &STATES, 3).join(",").to_uppercase();
    match rng.bool() {
        true => format!(" -m conntrack{not} --ctstate {states}"),
        false => format!(" -m state{not} --state {states}"),
    }
}

/// What conntrack knows of a connection.
fn connection(rng: &mut Rng, family: Family, not: &str) -> String {
    let what = match rng.usize(..7) {
        0 => format!("--ctorigsrc {}", network(rng, family)),
        1 => format!("--ctorigdst {}", network(rng, family)),
        2 => format!("--ctorigdstport {}", ports(rng, ':')),
        3 => format!("--ctproto {}", one(rng, &["tcp", "udp"])),
        4 => {
            let bits = ["SEEN_REPLY", "CONFIRMED", "NONE", "ASSURED"];
            format!("--ctstatus {}", one(rng, &bits))
        }
        5 => format!("--ctstate {}", one(rng, &["DNAT", "SNAT", "DNAT,NEW"])),
        _ => {
            let side = one(rng, &["ORIGINAL", "REPLY"]);
            return format!(" -m conntrack --ctdir {side}");
        }
    };
    format!(" -m conntrack{not} {what}")
}

fn matched(rng: &mut Rng, family: Family, sets: &[Set], not: &str) -> String {
    let fits = |set: &&Set| set.family.is_none_or(|other| other == family);
    let fitting: Vec<_> = sets.iter().filter(fits).collect();
    if fitting.is_empty() {
        return format!("{not} -s {}", network(rng, family));
    }
    let set = one(rng, &fitting);
    // Too few sides never match, too many are as good as enough.
    let count = match rng.usize(..12) {
        0 => rng.usize(1..4),
        _ => set.dimensions,
    };
    let mut sides = Vec::new();
    for index in 0..count {
        let ports = set.family.is_none() || index == 1;
        let likely = if ports { "dst" } else { "src" };
        sides.push(one(rng, &[likely, likely, likely, "src", "dst"]));
    }
    format!(" -m set{not} --match-set {} {}", set.name, sides.join(","))
}

fn target(
    rng: &mut Rng,
    (family, proto): (Family, &str),
    table: &Table,
    chain: &str,
    later: &[&str],
) -> String {
    match rng.usize(..10) {
        0..2 if !later.is_empty() => {
            let how = one(rng, &["-j", "-j", "-g"]);
            format!(" {how} {}", one(rng, later))
        }
        2 => " -j RETURN".to_owned(),
        3 if once(rng, 4) => String::new(),
        3..6 => " -j ACCEPT".to_owned(),
        _ if table.name == "nat" => translation(rng, family, proto, chain),
        _ => one(rng, table.targets)(rng, family, proto),
    }
}

fn translation(
    rng: &mut Rng,
    family: Family,
    proto: &str,
    chain: &str,
) -> String {
    match chain {
        "PREROUTING" | "OUTPUT" => {}
        "POSTROUTING" => return " -j MASQUERADE".to_owned(),
        _ => return " -j ACCEPT".to_owned(),
    }
    let port = match proto {
        "tcp" | "udp" if rng.bool() => Some(port(rng)),
        _ => None,
    };
    let to: &[&str] = match family {
        Family::Ipv4 => &["172.17.0.2", "10.0.0.9", "192.0.2.1", "10.0.0.1"],
        Family::Ipv6 => &["2001:db8:0:2::9", "2001:db8:0:1::1"],
    };
    let to = one(rng, to);
    if once(rng, 6) {
        let network = match family {
            Family::Ipv4 => "10.0.0.0/24",
            Family::Ipv6 => "2001:db8:0:2::/64",
        };
        return format!(" -j NETMAP --to {network}");
    }
    match (rng.bool(), port, family) {
        (true, None, _) => " -j REDIRECT".to_owned(),
        (true, Some(port), _) => format!(" -j REDIRECT --to-ports {port}"),
        (_, None, _) => format!(" -j DNAT --to-destination {to}"),
        (_, Some(port), Family::Ipv4) => {
            format!(" -j DNAT --to-destination {to}:{port}")
        }
        (_, Some(port), Family::Ipv6) => {
            format!(" -j DNAT --to-destination [{to}]:{port}")
        }
    }
}

fn drop(_: &mut Rng, _: Family, _: &str) -> String {
    " -j DROP".to_owned()
}

fn notrack(rng: &mut Rng, _: Family, _: &str) -> String {
    one(rng, &[" -j NOTRACK", " -j CT --notrack"]).to_owned()
}

fn zone(_: &mut Rng, _: Family, _: &str) -> String {
    " -j CT --zone 5".to_owned()
}

fn connmark(rng: &mut Rng, _: Family, _: &str) -> String {
    let mark = rng.u8(..4);
    match rng.usize(..5) {
        0 => " -j CONNMARK --save-mark".to_owned(),
        1 => " -j CONNMARK --restore-mark".to_owned(),
        2 => format!(" -j CONNMARK --restore-mark --mask {mark:#x}"),
        3 => {
            format!(" -j CONNMARK --save-mark --nfmask {mark:#x} --ctmask 0x3")
        }
        _ => format!(" -j CONNMARK --set-mark {mark:#x}"),
    }
}

fn mark(rng: &mut Rng, _: Family, _: &str) -> String {
    let how =
        ["--set-mark", "--set-xmark", "--or-mark", "--and-mark", "--xor-mark"];
    format!(" -j MARK {} {:#x}", one(rng, &how), rng.u8(..4))
}

fn reject(rng: &mut Rng, family: Family, proto: &str) -> String {
    let kinds: &[&str] = match family {
        Family::Ipv4 => &[
            "",
            " --reject-with icmp-host-prohibited",
            " --reject-with icmp-admin-prohibited",
            " --reject-with tcp-reset",
        ],
        Family::Ipv6 => &[
            "",
            " --reject-with icmp6-adm-prohibited",
            " --reject-with tcp-reset",
        ],
    };
    let kinds = if proto == "tcp" { kinds } else { &kinds[..kinds.len() - 1] };
    format!(" -j REJECT{}", one(rng, kinds))
}

//! A rule set as iptables-save prints it: core/ipXtables.py.

use super::{
    chains::{Act, Chain, Rule, Test},
    direct::Direct,
    object::{Named, Set},
};
use crate::{
    managers::{Dump, Stays, restore},
    net::Family,
    text::Place,
};

const TABLES: [&str; 3] = ["mangle", "nat", "filter"];

struct Lines(Dump);

impl Lines {
    fn new(command: &'static str) -> Self {
        let (text, places) = (String::new(), Vec::new());
        Self(Dump { command, text, places, stays: Stays::Nothing })
    }

    fn push(&mut self, line: &str, place: Option<&Place>) {
        self.0.text.push_str(line);
        self.0.text.push('\n');
        self.0.places.push(place.cloned());
    }
}

/// The tables of one family, with the direct rules in chains of their own.
pub(super) fn dump(
    family: Family,
    chains: &[Chain],
    sets: &Named<Set>,
    direct: &Direct,
) -> Dump {
    let mut lines = Lines::new(restore::save(family));
    for table in TABLES {
        let of = chains.iter().filter(|chain| chain.table == table);
        lines.push(&format!("*{table}"), None);
        for chain in of.clone() {
            let policy = if chain.base { "ACCEPT" } else { "-" };
            lines.push(&format!(":{} {policy} [0:0]", chain.name), None);
        }
        direct.chains(family, table, true, |l, place| lines.push(l, place));
        for chain in of {
            for rule in &chain.rules {
                if let Some(text) = text(family, rule, sets) {
                    let line = format!("-A {} {text}", chain.name);
                    lines.push(&line, rule.place.as_ref());
                }
            }
        }
        direct.rules(family, table, true, |l, place| lines.push(l, place));
        lines.push("COMMIT", None);
    }
    lines.0
}

/// Only the direct rules: with the nftables back end they go to iptables.
pub(super) fn direct(family: Family, direct: &Direct) -> Dump {
    let mut lines = Lines::new(restore::save(family));
    for table in direct.tables(family) {
        lines.push(&format!("*{table}"), None);
        direct.chains(family, table, false, |l, place| lines.push(l, place));
        direct.rules(family, table, false, |l, place| lines.push(l, place));
        lines.push("COMMIT", None);
    }
    lines.0
}

/// The sets, as `ipset save` prints them.
pub(super) fn sets(sets: &Named<Set>) -> Dump {
    let mut lines = Lines::new("ipset save");
    for (name, set) in sets {
        let family = if set.six { "inet6" } else { "inet" };
        let timeout = set.timeout.as_ref();
        let timeout = timeout.map(|t| format!(" timeout {t}"));
        let line = format!(
            "create {name} {} family {family}{}",
            set.kind,
            timeout.unwrap_or_default()
        );
        lines.push(&line, Some(&set.place));
        for (entry, place) in &set.entries {
            lines.push(&format!("add {name} {entry}"), Some(place));
        }
    }
    lines.0
}

/// The words of a rule behind its chain; `None` if it is for the other
/// family.
fn text(family: Family, rule: &Rule, sets: &Named<Set>) -> Option<String> {
    let mut words = String::new();
    for (test, not) in &rule.tests {
        let (module, option) = tested(family, test, sets)?;
        if !module.is_empty() {
            words.push_str(&format!("-m {module} "));
        }
        if !option.is_empty() {
            let not = if *not { "! " } else { "" };
            words.push_str(&format!("{not}{option} "));
        }
    }
    Some(words + &action(family, &rule.act)?)
}

/// A module to load, and an option; `None` in the other family.
fn tested(
    family: Family,
    test: &Test,
    sets: &Named<Set>,
) -> Option<(&'static str, String)> {
    let ports = |(first, last): (u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}:{last}"),
    };
    Some(match test {
        Test::Family(of) if *of == family => ("", String::new()),
        Test::From(address) if address.family() == family => {
            ("", format!("-s {address}"))
        }
        Test::To(address) if address.family() == family => {
            ("", format!("-d {address}"))
        }
        Test::Family(_) | Test::From(_) | Test::To(_) => return None,
        Test::Set(name, destination) => {
            let set = sets.get(name)?;
            if set.family().is_some_and(|of| of != family) {
                return None;
            }
            let way = if *destination { "dst" } else { "src" };
            let ways = vec![way; set.kind.split(',').count()].join(",");
            ("set", format!("--match-set {name} {ways}"))
        }
        Test::Mac(mac) => ("mac", format!("--mac-source {mac}")),
        Test::In(name) => ("", format!("-i {name}")),
        Test::Out(name) => ("", format!("-o {name}")),
        Test::Protocol(name) => ("", format!("-p {name}")),
        Test::Dport(of, range) => {
            ("", format!("-p {of} --dport {}", ports(*range)))
        }
        Test::Sport(of, range) => {
            ("", format!("-p {of} --sport {}", ports(*range)))
        }
        Test::State(states) => {
            let states = states.join(",").to_uppercase();
            ("conntrack", format!("--ctstate {states}"))
        }
        Test::Dnat => ("conntrack", "--ctstate DNAT".to_owned()),
        Test::AnyIcmp => ("", format!("-p {}", icmp(family).0)),
        Test::Icmp(of, kind, code) if *of == family => {
            let (name, option) = icmp(family);
            let code = code.map(|code| format!("/{code}"));
            let code = code.unwrap_or_default();
            ("", format!("-p {name} {option} {kind}{code}"))
        }
        Test::Icmp(..) => return None,
        Test::Rate => ("limit", "--limit 1/sec".to_owned()),
        Test::NoWayBack => ("rpfilter", "--validmark --invert".to_owned()),
    })
}

fn icmp(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Ipv4 => ("icmp", "--icmp-type"),
        Family::Ipv6 => ("ipv6-icmp", "--icmpv6-type"),
    }
}

fn action(family: Family, act: &Act) -> Option<String> {
    Some(match act {
        Act::Accept => "-j ACCEPT".to_owned(),
        Act::Drop => "-j DROP".to_owned(),
        Act::Reject => "-j REJECT".to_owned(),
        Act::Jump(name) => format!("-j {name}"),
        Act::Goto(name) => format!("-g {name}"),
        Act::Masquerade => "-j MASQUERADE".to_owned(),
        Act::Mark => "-j MARK --set-xmark 0x0/0x0".to_owned(),
        Act::Translate(to, ports) => {
            if to.as_ref().is_some_and(|to| to.family() != family) {
                return None;
            }
            let to = to.as_ref().map(|to| match to.family() {
                Family::Ipv4 => to.to_string(),
                Family::Ipv6 => format!("[{to}]"),
            });
            let ports = ports.map(|(first, last)| match first == last {
                true => format!(":{first}"),
                false => format!(":{first}-{last}"),
            });
            let to = to.unwrap_or_default() + &ports.unwrap_or_default();
            format!("-j DNAT --to-destination {to}")
        }
    })
}

//! The guard as rules of iptables: a chain of the table mangle, to which all
//! that comes in is led before a rule of the host decides.

use super::{Guard, Inside};
use crate::{net::Family, text::Source};

/// A rule that names more ports is refused: xt_multiport.h.
const PORTS: usize = 15;

/// What is for another host, and no broadcast. xt_addrtype.c takes every
/// address of IPv6 that is no group's for unicast, this host's as well.
const OTHERS: [(Family, &str); 2] = [
    (Family::Ipv4, "-m addrtype --dst-type UNICAST"),
    (Family::Ipv6, "! -d ff00::/8 -m addrtype ! --dst-type LOCAL,ANYCAST"),
];

/// A rule of the chain MEMSEC as iptables-save prints it, of one family or
/// of both.
#[derive(Clone)]
struct Line {
    family: Option<Family>,
    rule: String,
}

impl Line {
    fn new(family: Option<Family>, rule: &str) -> Self {
        Self { family, rule: format!("-A MEMSEC {rule}\n") }
    }
}

impl Guard {
    /// The same as lines for `iptables-restore --noflush`: what begins with
    /// -4 or -6 is for that family only.
    pub(in crate::plan) fn to_iptables(&self) -> String {
        let mut text = String::from("*mangle\n:MEMSEC - [0:0]\n");
        for Line { family, rule } in self.lines() {
            text += match family {
                Some(Family::Ipv4) => "-4 ",
                Some(Family::Ipv6) => "-6 ",
                None => "",
            };
            text += &rule;
        }
        for chain in self.entries() {
            text += &format!("-I {chain} -j MEMSEC\n");
        }
        text + "COMMIT\n"
    }

    /// The rules of its chain for one family.
    pub(super) fn rules(&self, family: Family) -> String {
        let own = |line: &Line| line.family.is_none_or(|of| of == family);
        self.lines().into_iter().filter(own).map(|line| line.rule).collect()
    }

    /// The chains that lead to it.
    pub(super) fn entries(&self) -> &'static [&'static str] {
        match self.redirected {
            true => &["PREROUTING", "INPUT"],
            false => &["PREROUTING"],
        }
    }

    /// What iptables-save prints of it, for the model.
    pub(super) fn to_dump(&self, family: Family) -> Source {
        let chains = self.entries().iter();
        let declared = chains.clone().map(|c| format!(":{c} ACCEPT [0:0]\n"));
        let calls = chains.map(|chain| format!("-A {chain} -j MEMSEC\n"));
        let text = format!(
            "*mangle\n{}:MEMSEC - [0:0]\n{}{}COMMIT\n",
            declared.collect::<String>(),
            calls.collect::<String>(),
            self.rules(family),
        );
        Source::new(super::script::FILE, text)
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = ["-i lo", "-m conntrack --ctdir REPLY"]
            .map(|which| Line::new(None, &format!("{which} -j RETURN")))
            .to_vec();
        for Inside { interface, network, ports } in &self.inside {
            let to = format!("-d {} ! -i {interface} ", network.in_full());
            lines.extend(self.closed(Some(network.family()), &to, ports));
        }
        lines.extend(OTHERS.map(|(family, which)| {
            Line::new(Some(family), &format!("{which} -j RETURN"))
        }));
        lines.extend(self.closed(None, "", &self.ports));
        lines
    }

    /// The clients pass, and nobody else.
    fn closed(
        &self,
        family: Option<Family>,
        to: &str,
        ports: &[u16],
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for ports in ports.chunks(PORTS).map(list) {
            let rest = |proto: &str, target: &str| {
                format!("-p {proto} -m multiport --dports {ports} -j {target}")
            };
            let passed = if self.udp { &["tcp", "udp"][..] } else { &["tcp"] };
            for proto in passed {
                let all = self.allow.iter();
                let own =
                    all.filter(|net| family.is_none_or(|f| f == net.family()));
                lines.extend(own.map(|net| {
                    let (from, rest) = (net.in_full(), rest(proto, "RETURN"));
                    let rule = format!("-s {from} {to}{rest}");
                    Line::new(Some(net.family()), &rule)
                }));
            }
            lines.extend(["tcp", "udp"].map(|proto| {
                Line::new(family, &format!("{to}{}", rest(proto, "DROP")))
            }));
        }
        lines
    }
}

fn list(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    ports.join(",")
}

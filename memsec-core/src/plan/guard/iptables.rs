//! The guard as rules of iptables.

use super::{Guard, Inside};
use crate::net::Family;

impl Guard {
    /// The same as lines for `iptables-restore --noflush`: what begins with
    /// -4 or -6 is for that family only.
    pub(in crate::plan) fn to_iptables(&self) -> String {
        let mut text = String::from("*mangle\n:MEMSEC - [0:0]\n");
        let mut line = |rest: &str| text += &format!("-A MEMSEC {rest}\n");
        line("-i lo -j RETURN");
        line("-m conntrack --ctdir REPLY -j RETURN");
        text += &self.past();
        text += "-A MEMSEC -m addrtype --dst-type UNICAST -j RETURN\n";
        let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        let ports = ports.join(",");
        for proto in if self.udp { &["tcp", "udp"][..] } else { &["tcp"] } {
            for net in &self.allow {
                let family = net.family();
                text += match family {
                    Family::Ipv4 => "-4 ",
                    Family::Ipv6 => "-6 ",
                };
                text += &format!(
                    "-A MEMSEC -s {net} -p {proto} -m multiport --dports \
                     {ports} -j RETURN\n"
                );
            }
        }
        for proto in ["tcp", "udp"] {
            text += &format!(
                "-A MEMSEC -p {proto} -m multiport --dports {ports} -j DROP\n"
            );
        }
        if self.redirected {
            text += "-I INPUT -j MEMSEC\n";
        }
        text + "-I PREROUTING -j MEMSEC\nCOMMIT\n"
    }

    /// What is sent to the addresses of containers, past what is published.
    fn past(&self) -> String {
        let mut text = String::new();
        for Inside { interface, network, ports } in &self.inside {
            let family = match network.family() {
                Family::Ipv4 => "-4",
                Family::Ipv6 => "-6",
            };
            let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
            for proto in ["tcp", "udp"] {
                let head = format!(
                    "{family} -A MEMSEC ! -i {interface} -d {network} -p \
                     {proto} -m multiport --dports {}",
                    ports.join(",")
                );
                let allowed = proto == "tcp" || self.udp;
                let own = self
                    .allow
                    .iter()
                    .filter(|net| allowed && net.family() == network.family());
                for net in own {
                    text += &format!("{head} -s {net} -j RETURN\n");
                }
                text += &format!("{head} -j DROP\n");
            }
        }
        text
    }
}

//! The guard as rules of iptables.

use super::Guard;
use crate::net::Family;

impl Guard {
    /// The same as lines for `iptables-restore --noflush`: what begins with
    /// -4 or -6 is for that family only.
    pub(in crate::plan) fn to_iptables(&self) -> String {
        let mut text = String::from("*mangle\n:MEMSEC - [0:0]\n");
        let mut line = |rest: &str| text += &format!("-A MEMSEC {rest}\n");
        line("-i lo -j RETURN");
        line("-m addrtype --dst-type UNICAST -j RETURN");
        line("-m conntrack --ctdir REPLY -j RETURN");
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
        text + "-I PREROUTING -j MEMSEC\nCOMMIT\n"
    }
}

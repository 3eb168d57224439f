//! The routing decision for a packet under way.

use std::net::IpAddr;

use super::{
    Journey, Parcel,
    routing::{self, Course, Routed},
};
use crate::{
    net::Policies,
    netfilter::{AddressType, PacketType},
    reach::cell::Address,
};

impl Journey<'_> {
    /// True if the kernel drops it before the first hook.
    pub(in crate::reach) fn refused(&self) -> bool {
        let Address::Known(to) = self.tuple.destination else { return false };
        let to = self.family.address(to);
        let arrival = self.arrival();
        let routed = Routed { host: self.host, from: self.peer, to, arrival };
        let other = self.shape.frame == Some(PacketType::OtherHost);
        !self.looped() && (routed.refused() || other)
    }

    /// Where routing sends a parcel; `None` where its destination is not
    /// known.
    pub(in crate::reach) fn course(&self, parcel: &Parcel) -> Option<Course> {
        let to = match parcel.destination {
            _ if self.given.is_some() && !parcel.dnat => {
                let before = routing::policies(self.host, self.family);
                return Some(match before {
                    Policies::BeforeLocal => Course::Perhaps,
                    _ => Course::Here,
                });
            }
            _ if parcel.dnat && self.host.interfaces.is_none() => return None,
            Address::Known(to) => self.family.address(to),
            _ => return None,
        };
        let from = match parcel.source {
            Address::Known(from) => Some(self.family.address(from)),
            _ => None,
        };
        let (host, arrival) = (self.host, self.arrival());
        let routed = Routed { host, from, to, arrival };
        if routed.is_policed() {
            return None;
        }
        if self.looped() {
            return Some(self.sent_to(parcel, to));
        }
        if routed.is_doubtful() {
            return None;
        }
        let course = routed.course();
        // ip_forward(), ip6_forward(): not what came to everybody.
        let everybody = match self.tuple.destination {
            Address::Known(to) => self.everybody(self.family.address(to)),
            _ => false,
        };
        let frame = self.shape.frame;
        let everybody =
            everybody || frame.is_some_and(|frame| frame != PacketType::Host);
        match course {
            Course::Onward | Course::OnwardPerhaps if everybody => {
                Some(Course::Dropped)
            }
            // Who has containers has the host forward.
            Course::OnwardPerhaps
                if parcel.dnat || !self.host.ways.is_empty() =>
            {
                Some(Course::Onward)
            }
            course => Some(course),
        }
    }

    pub(super) fn everybody(&self, to: IpAddr) -> bool {
        let all = AddressType::Broadcast | AddressType::Multicast;
        !to.is_loopback()
            && !to.is_unspecified()
            && routing::kind(self.host, to).meets(all)
    }

    /// Where a packet goes that the host sends.
    fn sent_to(&self, parcel: &Parcel, to: IpAddr) -> Course {
        let lo = match parcel.source {
            Address::Known(from) => {
                let from = self.family.address(from);
                from.is_ipv4() && from.is_loopback()
            }
            _ => false,
        };
        let switch = self.host.settings.either(None, "route_localnet");
        match routing::kind(self.host, to) {
            AddressType::Unicast if lo && switch != Some(true) => {
                Course::Dropped
            }
            AddressType::Unicast => {
                match routing::leaves(self.host, to, "lo") {
                    Some(Some(_)) => Course::Onward,
                    Some(None) => Course::Dropped,
                    None => Course::OnwardPerhaps,
                }
            }
            _ => Course::Here,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Host, Packet, Snapshot, Verdict};

    const ADDRESSES: &str = r#"[
        {"ifname": "eth0", "addr_info": [{"local": "192.0.2.1", "prefixlen": 24}]},
        {"ifname": "eth1", "addr_info": [{"local": "10.0.0.1", "prefixlen": 24}]}]"#;
    const ROUTES: &str = r#"[{"dst": "default", "dev": "eth0"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "10.0.0.0/24", "dev": "eth1"}]"#;
    const FORWARDS: &str = "net.ipv4.ip_forward = 1\n\
        net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth0.rp_filter = 0\n";
    const LOCAL: &str = r#"{"priority": 0, "src": "all", "table": "local"}"#;
    const MARKED: &str =
        r#"{"priority": 9, "src": "all", "fwmark": "0x1", "table": "7"}"#;
    const MAIN: &str = r#"{"priority": 32766, "src": "all", "table": "main"}"#;

    /// What becomes of a packet to a neighbour and of one to the host, and
    /// whether that is certain.
    fn ends(commands: &[(&str, &str)]) -> [(Verdict, bool); 2] {
        let mut snapshot = Snapshot::new()
            .with_command("iptables-save", "")
            .with_command("ip -j address", ADDRESSES);
        for (command, output) in commands {
            snapshot = snapshot.with_command(command, output);
        }
        let host = Host::new(&snapshot).unwrap();
        ["10.0.0.9", "192.0.2.1"].map(|to| {
            let mut packet = Packet::new("198.51.100.7".parse().unwrap());
            packet.to = Some(to.parse().unwrap());
            packet.interface = Some("eth0".to_owned());
            let end = host.explain(&packet).unwrap();
            (end.verdict, end.certain)
        })
    }

    #[test]
    fn what_is_not_known_of_routes_is_not_certain() {
        let all = [("ip -j route", ROUTES), ("sysctl -a", FORWARDS)];
        let here = (Verdict::NobodyListens, true);
        assert_eq!(ends(&all), [(Verdict::Forwarded, true), here]);
        assert_eq!(ends(&all[..1]), [(Verdict::Forwarded, false), here]);
        assert_eq!(ends(&all[1..]), [(Verdict::Forwarded, false), here]);
    }

    #[test]
    fn another_table_of_routes_can_decide() {
        let (known, unknown) =
            ((Verdict::NobodyListens, true), Verdict::Forwarded);
        for (rules, ends_there) in [
            ([LOCAL, MARKED, MAIN], [(unknown, false), known]),
            ([MARKED, LOCAL, MAIN], [(unknown, false), (unknown, false)]),
        ] {
            let rules = format!("[{}]", rules.join(","));
            let all = [
                ("ip -j route", ROUTES),
                ("sysctl -a", FORWARDS),
                ("ip -j rule", &rules),
            ];
            assert_eq!(ends(&all), ends_there, "{rules}");
        }
    }

    #[test]
    fn an_address_of_a_link_without_a_route_is_of_no_certain_type() {
        let rule = "table inet t {\n\tchain c {\n\t\ttype filter hook \
                    prerouting priority filter;\n\t\t\
                    fib daddr type unicast drop\n\t}\n}\n";
        let own = r#"[{"ifname": "eth0", "addr_info": [
            {"local": "2001:db8::1", "prefixlen": 64}]}]"#;
        let end = |routes: &str| {
            let snapshot = Snapshot::new()
                .with_command("nft list ruleset", rule)
                .with_command("ip -j address", own)
                .with_command("ip -6 -j route", routes);
            let mut packet = Packet::new("2001:db8::8".parse().unwrap());
            packet.to = Some("fe81::".parse().unwrap());
            packet.interface = Some("eth0".to_owned());
            Host::new(&snapshot).unwrap().explain(&packet).unwrap().certain
        };
        assert!(end(r#"[{"dst": "default", "dev": "eth0"}]"#));
        assert!(!end(r#"[{"dst": "default", "dev": "eth1"}]"#));
    }
}

//! Whether a rule that rejects is heard: nf_reject_ipv4.c, nf_reject_ipv6.c,
//! icmp.c.

use super::{Journey, Parcel};
use crate::{
    net::Family,
    netfilter::{PacketType, Refusal},
    reach::{
        Fragment,
        cell::{Address, Truth},
    },
};

impl Journey<'_> {
    /// Whether the sender of a packet that a rule rejects is told:
    /// nf_reject_ipv4.c, nf_reject_ipv6.c, icmp.c.
    pub(super) fn tells(&self, how: Refusal, parcel: &Parcel) -> Truth {
        const RST: u8 = 4;
        let reset = self.flags & RST != 0;
        let error = self.shape.is_error(self.family) || self.is_overheard();
        let silent = match how {
            Refusal::Reset => reset,
            Refusal::Error => error,
            Refusal::Hidden => reset && error,
        };
        let hidden = how == Refusal::Hidden && reset != error;
        let later = self.shape.fragment == Some(Fragment::Later);
        let nobody = |address| match address {
            Address::Known(number) => {
                let address = self.family.address(number);
                address.is_multicast()
                    || address.is_ipv6() && address.is_unspecified()
            }
            _ => false,
        };
        let everybody = match parcel.destination {
            Address::Known(to) => self.everybody(self.family.address(to)),
            _ => false,
        };
        match silent
            || later
            || everybody
            || self.shape.damaged
            || nobody(parcel.source)
        {
            true => Truth::No,
            // What has no checksum that the kernel knows looks damaged, or
            // does not: nf_reject_verify_csum().
            false if self.proto.is_checked() && !hidden => Truth::Yes,
            false => Truth::Maybe,
        }
    }

    /// Whether the sender hears that nothing routes its packet on:
    /// icmp_send(), icmp6_send(). A part without the header shows IPv6 no
    /// error.
    pub(in crate::reach) fn hears(&self) -> bool {
        let heard = match self.shape.fragment {
            Some(Fragment::Later) => self.family == Family::Ipv6,
            _ => !self.shape.is_error(self.family),
        };
        heard && !self.is_overheard()
    }

    /// True for a frame that was not for this host alone.
    fn is_overheard(&self) -> bool {
        let frame = self.shape.frame;
        frame.is_some_and(|frame| frame != PacketType::Host)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Host, Packet, Snapshot, Verdict, reach::Protocol};

    /// What becomes of a message that no route is for.
    fn end(proto: Protocol, from: &str, to: &str, icmp: (u8, u8)) -> Verdict {
        let own = r#"[{"ifname": "eth0", "addr_info": [
            {"local": "192.0.2.1", "prefixlen": 24},
            {"local": "2001:db8::1", "prefixlen": 64}]}]"#;
        let snapshot = Snapshot::new()
            .with_command("ip -j address", own)
            .with_command("ip -j route", "[]")
            .with_command("ip -6 -j route", "[]")
            .with_command(
                "sysctl -a",
                "net.ipv4.ip_forward = 1\n\
                 net.ipv4.conf.all.forwarding = 1\n\
                 net.ipv6.conf.all.forwarding = 1\n",
            );
        let packet = Packet {
            to: Some(to.parse().unwrap()),
            interface: Some("eth0".to_owned()),
            proto,
            icmp: Some(icmp),
            ..Packet::new(from.parse().unwrap())
        };
        let host = Host::new(&snapshot).unwrap();
        host.explain(&packet).unwrap().verdict
    }

    #[test]
    fn what_cannot_be_sent_on_is_rejected_unless_it_is_an_error() {
        let four =
            |icmp| end(Protocol::ICMP, "192.0.2.9", "198.51.100.7", icmp);
        let six =
            |icmp| end(Protocol::ICMPV6, "2001:db8::9", "2001:db8:9::7", icmp);
        assert_eq!(four((8, 0)), Verdict::Rejected);
        assert_eq!(four((3, 1)), Verdict::Dropped);
        assert_eq!(six((128, 0)), Verdict::Rejected);
        assert_eq!(six((1, 4)), Verdict::Dropped);
    }
}

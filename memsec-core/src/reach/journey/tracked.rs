//! What conntrack says of a packet.

use super::{Journey, Parcel, parcel::Tracking};
use crate::{
    host::Host,
    netfilter::{Base, Hook, State},
    reach::{Direction, Packet, Protocol, State as Before, cell::Truth},
};

/// The priority at which conntrack looks at packets: NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;

impl Journey<'_> {
    /// Whether conntrack looks at packets at all: some rule must want it.
    pub(in crate::reach) fn tracks(&self) -> Truth {
        self.host.ruleset.tracks(self.family).map_or(Truth::Maybe, Truth::of)
    }

    /// A parcel that conntrack has looked at, if it stands before the base
    /// chain.
    pub(super) fn seen(&self, mut parcel: Parcel, base: &Base) -> Parcel {
        let first = matches!(base.hook, Hook::Prerouting | Hook::Output);
        let before = base.hook == Hook::Ingress || first;
        if !before || first && base.priority > CONNTRACK {
            self.track(&mut parcel);
        }
        parcel
    }

    pub(super) fn track(&self, parcel: &mut Parcel) {
        if parcel.tracking == Tracking::Unseen {
            // What there is may be of another zone.
            let apart = parcel.zoned && self.shape.connected;
            let known = self.state.filter(|_| !apart);
            parcel.tracking = Tracking::Known(known);
        }
    }

    /// True for an ICMP error about a connection.
    pub(super) fn about(&self, parcel: &Parcel) -> bool {
        self.shape.icmp.is_some()
            && parcel.tracking == Tracking::Known(Some(State::Related))
    }

    /// What its rules see as the state: before conntrack, "invalid".
    pub(super) fn state(&self, base: &Base, parcel: &Parcel) -> Option<State> {
        match parcel.tracking {
            Tracking::Untracked => Some(State::Untracked),
            Tracking::Known(state) => state,
            // A zone stands for a connection till then.
            Tracking::Unseen if parcel.zoned => None,
            Tracking::Unseen if base.priority == CONNTRACK => None,
            Tracking::Unseen => Some(State::Invalid),
        }
    }
}

/// The bits that conntrack does not look at: PSH, ECE, CWR.
const UNREAD: u8 = 0x08 | 0x40 | 0x80;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const URGENT: u8 = 0x20;
const SYN_ACK: u8 = SYN | ACK;

/// nf_conntrack_proto_tcp.c, tcp_valid_flags: all others are no TCP.
const VALID: [u8; 9] = [0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30];

/// The TCP states of a packet: what tcp_conntracks has for it in its first
/// row, and in the row of ESTABLISHED.
struct Segment {
    flags: u8,
    /// net.netfilter.nf_conntrack_tcp_loose.
    loose: bool,
    reply: bool,
}

impl Segment {
    fn is_valid(&self) -> bool {
        VALID.contains(&self.flags)
    }

    fn opens(&self) -> bool {
        match self.flags & !URGENT {
            SYN => true,
            ACK => self.loose,
            _ => false,
        }
    }

    /// Whether it can be a part of a connection that is there: only a client
    /// sends SYN, only a server SYN and ACK.
    fn belongs(&self) -> bool {
        let other = if self.reply { SYN } else { SYN_ACK };
        self.flags & !URGENT != other
    }
}

/// What conntrack says of a packet; `None` where that depends on more than
/// is told. `carries` is its protocol, and the type and code of ICMP.
pub(super) fn state(
    host: &Host,
    packet: &Packet,
    flags: u8,
    carries: (Protocol, Option<(u8, u8)>),
) -> Option<State> {
    let segment = Segment {
        flags: flags & !UNREAD,
        loose: host.settings.tcp_loose(),
        reply: packet.direction == Some(Direction::Reply),
    };
    let (protocol, icmp) = carries;
    let tcp = protocol == Protocol::TCP;
    Some(match packet.state {
        Before::Invalid => State::Invalid,
        _ if icmp.is_some_and(|(kind, _)| untracked(protocol, kind)) => {
            State::Untracked
        }
        _ if tcp && !segment.is_valid() => State::Invalid,
        Before::Established if tcp && !segment.belongs() => State::Invalid,
        Before::Established => State::Established,
        Before::Related if icmp.is_some() => State::Related,
        Before::New if icmp.is_some_and(|(kind, _)| !asks(protocol, kind)) => {
            State::Invalid
        }
        // Their own messages decide.
        Before::New if matches!(protocol.number(), DCCP | SCTP) => {
            return None;
        }
        _ if tcp && !segment.opens() => State::Invalid,
        Before::Related => State::Related,
        Before::New => State::New,
    })
}

const DCCP: u8 = 33;
const SCTP: u8 = 132;

/// nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c: messages that
/// open a connection.
fn asks(protocol: Protocol, kind: u8) -> bool {
    match protocol {
        Protocol::ICMP => matches!(kind, 8 | 13 | 15 | 17),
        _ => matches!(kind, 128 | 139),
    }
}

/// noct_valid_new: what a link says of itself is not tracked.
fn untracked(protocol: Protocol, kind: u8) -> bool {
    protocol == Protocol::ICMPV6 && matches!(kind, 130..=136 | 143)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Snapshot, Verdict};

    /// What becomes of a packet of a connection with a mark, which is
    /// rejected, and whether that is certain.
    fn end(raw: &str, mark: u32) -> (Verdict, bool) {
        let rules = format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n{raw}COMMIT\n*filter\n\
             :INPUT ACCEPT [0:0]\n\
             -A INPUT -m connmark --mark {mark} -j REJECT\nCOMMIT\n"
        );
        let own = r#"[{"ifname": "eth0", "addr_info": [
            {"local": "192.0.2.1", "prefixlen": 24}]}]"#;
        let snapshot = Snapshot::new()
            .with_command("iptables-save", &rules)
            .with_command("ip -j address", own);
        let packet = Packet {
            to: Some("192.0.2.1".parse().unwrap()),
            interface: Some("eth0".to_owned()),
            state: Before::Established,
            connection_mark: Some(mark),
            ..Packet::new("198.51.100.7".parse().unwrap())
        };
        let host = Host::new(&snapshot).unwrap();
        let end = host.explain(&packet).unwrap();
        (end.verdict, end.certain)
    }

    #[test]
    fn a_zone_has_connections_of_its_own() {
        let zone = "-A PREROUTING -p tcp -j CT --zone 5\n";
        for mark in [0, 2] {
            assert_eq!(end("", mark), (Verdict::Rejected, true));
            assert!(!end(zone, mark).1);
        }
    }
}

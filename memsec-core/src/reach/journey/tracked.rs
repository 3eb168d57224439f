//! What conntrack says of a packet.

use crate::{
    host::Host,
    netfilter::State,
    reach::{Direction, Packet, Protocol, State as Before},
};

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

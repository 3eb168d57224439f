//! What conntrack says of a packet.

use crate::{
    netfilter::State,
    reach::{Packet, Proto, State as Before},
};

/// The bits that conntrack does not look at: PSH, ECE, CWR.
const UNREAD: u8 = 0x08 | 0x40 | 0x80;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const SYN_ACK: u8 = SYN | ACK;

/// nf_conntrack_proto_tcp.c, tcp_valid_flags: all others are no TCP.
const VALID: [u8; 9] = [0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30];

/// The state of a packet from the side that opens connections: what
/// tcp_conntracks has for it in its first row, and in the row of ESTABLISHED.
/// `loose` is net.netfilter.nf_conntrack_tcp_loose.
pub(super) fn state(packet: &Packet, flags: u8, loose: bool) -> State {
    let flags = flags & !UNREAD;
    let urgent = 0x20;
    let opens = match flags & !urgent {
        SYN => true,
        ACK => loose,
        _ => false,
    };
    let tcp = packet.proto == Proto::Tcp;
    match packet.state {
        _ if tcp && !VALID.contains(&flags) => State::Invalid,
        Before::Established if tcp && flags == SYN_ACK => State::Invalid,
        Before::Established => State::Established,
        _ if tcp && !opens => State::Invalid,
        Before::Related => State::Related,
        Before::New => State::New,
    }
}

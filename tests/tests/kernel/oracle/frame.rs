//! Packets as bytes: those that are sent, and those that are seen.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, LaxNetSlice,
    LaxSlicedPacket, PacketBuilder, TcpHeader, TransportSlice,
};
use memsec_core::{Packet, Proto};

/// The hardware address of the interface with this number.
pub fn hardware(index: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, index]
}

/// Where the frames come from.
const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 2, 1];

/// The tag that a packet carries through the kernel: the identification of
/// IPv4, or the flow label of IPv6. TCP numbers have it too: a RST that
/// answers the packet gives them back.
pub type Tag = u16;

/// An IP packet. `datagram` may be cut to a fragment by the caller.
pub fn packet(packet: &Packet, to: IpAddr, tag: Tag) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(80);
    let builder = PacketBuilder::ip(header(packet.from, to, tag));
    let written = match packet.proto {
        Proto::Tcp => {
            builder.tcp_header(tcp(packet, tag)).write(&mut bytes, &[])
        }
        Proto::Udp => builder
            .udp(packet.sport, packet.port)
            .write(&mut bytes, b"\0\x01\0\0\0\x01\0\0"),
    };
    written.expect("memory takes it");
    bytes
}

fn header(from: IpAddr, to: IpAddr, tag: Tag) -> IpHeaders {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = Ipv4Header {
                identification: tag,
                time_to_live: 64,
                protocol: IpNumber::TCP,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv4Header::default()
            };
            header.dont_fragment = false;
            header.fragment_offset = IpFragOffset::ZERO;
            IpHeaders::Ipv4(header, Default::default())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = Ipv6Header {
                flow_label: u32::from(tag).try_into().expect("16 bits fit"),
                hop_limit: 64,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            };
            IpHeaders::Ipv6(header, Default::default())
        }
        _ => panic!("{from} and {to} are of two families"),
    }
}

fn tcp(packet: &Packet, tag: Tag) -> TcpHeader {
    let has = |letter| packet.flags.contains(letter);
    let numbers = u32::from(tag) << 8 | 1;
    TcpHeader {
        fin: has('F'),
        syn: has('S'),
        rst: has('R'),
        psh: has('P'),
        ack: has('A'),
        urg: has('U'),
        ece: has('E'),
        cwr: has('C'),
        acknowledgment_number: if has('A') { numbers } else { 0 },
        ..TcpHeader::new(packet.sport, packet.port, numbers, 0xffff)
    }
}

/// An Ethernet frame that a host with the address `own` and the broadcast
/// address `broadcast` gets.
pub fn frame(
    packet: &[u8],
    to: IpAddr,
    own: [u8; 6],
    broadcast: bool,
) -> Vec<u8> {
    let target = match to {
        _ if broadcast => [0xff; 6],
        IpAddr::V4(to) if to.is_multicast() => {
            let [_, b, c, d] = to.octets();
            [1, 0, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V6(to) if to.is_multicast() => {
            let [.., a, b, c, d] = to.octets();
            [0x33, 0x33, a, b, c, d]
        }
        _ => own,
    };
    let kind = if to.is_ipv4() { [8, 0] } else { [0x86, 0xdd] };
    [&target[..], &NEIGHBOUR, &kind, packet].concat()
}

/// A packet that the kernel has told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// One that was sent, with where it is going now.
    Probe(Tag, SocketAddr),
    /// The kernel's word that it rejects one.
    Refusal(Tag),
}

/// Reads the first bytes of an IP packet.
pub fn sight(bytes: &[u8]) -> Option<Sight> {
    let packet = LaxSlicedPacket::from_ip(bytes).ok()?;
    let (tag, to) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (header.identification(), header.destination_addr().into())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let label = header.flow_label().value();
            (label as Tag, header.destination_addr().into())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let port = match packet.transport {
        Some(TransportSlice::Icmpv4(icmp)) if icmp.type_u8() != 8 => {
            return quoted(icmp.payload());
        }
        Some(TransportSlice::Icmpv6(icmp)) if icmp.type_u8() < 128 => {
            return quoted(icmp.payload());
        }
        Some(TransportSlice::Tcp(tcp)) if tcp.rst() && tag == 0 => {
            let echo = match tcp.ack() {
                true => tcp.acknowledgment_number(),
                false => tcp.sequence_number(),
            };
            return Some(Sight::Refusal((echo >> 8) as Tag));
        }
        Some(TransportSlice::Tcp(tcp)) => tcp.destination_port(),
        Some(TransportSlice::Udp(udp)) => udp.destination_port(),
        _ => 0,
    };
    Some(Sight::Probe(tag, SocketAddr::new(to, port)))
}

/// The packet that an ICMP error is about.
fn quoted(packet: &[u8]) -> Option<Sight> {
    let at = match packet.first()? >> 4 {
        4 => 4,
        6 => 2,
        _ => return None,
    };
    let bytes = packet.get(at..at + 2)?.try_into().ok()?;
    Some(Sight::Refusal(Tag::from_be_bytes(bytes)))
}

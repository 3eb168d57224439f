//! Packets as bytes: those that are sent, and those that are seen.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Extensions,
    Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions,
    LaxNetSlice, LaxSlicedPacket, PacketBuilder, PacketBuilderStep, TcpHeader,
    TransportSlice,
};
use memsec_core::{Extension, Fragment, Frame, Packet, Protocol, State};

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

/// What is in a datagram of UDP, or in a fragment behind the first.
const PAYLOAD: [u8; 8] = *b"\0\x01\0\0\0\x01\0\0";

/// What is in a message that ports do not begin.
const BLANK: [u8; 16] = [0; 16];

/// An IP packet.
pub fn packet(packet: &Packet, to: IpAddr, tag: Tag) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(80);
    let builder = PacketBuilder::ip(header(packet, to, tag));
    let later = packet.fragment == Some(Fragment::Later);
    let [kind, code] = kind(packet);
    let rest = [0, 7, 0, 0];
    let written = match packet.proto {
        proto if later => plain(builder, proto, &PAYLOAD, &mut bytes),
        Protocol::TCP => {
            // A first fragment ends at a multiple of 8 bytes.
            let tcp = builder.tcp_header(tcp(packet, tag));
            tcp.write(&mut bytes, &BLANK[..4])
        }
        Protocol::UDP => {
            builder.udp(packet.sport, packet.port).write(&mut bytes, &PAYLOAD)
        }
        Protocol::ICMP => {
            builder.icmpv4_raw(kind, code, rest).write(&mut bytes, &BLANK)
        }
        Protocol::ICMPV6 => {
            builder.icmpv6_raw(kind, code, rest).write(&mut bytes, &BLANK)
        }
        other => plain(builder, other, &BLANK, &mut bytes),
    };
    written.expect("memory takes it");
    if packet.state == State::Invalid {
        damage(packet.proto, &mut bytes);
    }
    bytes
}

fn plain(
    builder: PacketBuilderStep<IpHeaders>,
    proto: Protocol,
    payload: &[u8],
    bytes: &mut Vec<u8>,
) -> Result<(), etherparse::err::packet::BuildWriteError> {
    builder.write(bytes, IpNumber(proto.number()), payload)
}

/// The type and the code of an ICMP message.
fn kind(packet: &Packet) -> [u8; 2] {
    let echo = if packet.from.is_ipv4() { 8 } else { 128 };
    let (kind, code) = packet.icmp.unwrap_or((echo, 0));
    [kind, code]
}

/// Makes the checksum wrong: that of UDP stands 10 bytes before the end of
/// the payload, that of ICMP 22.
fn damage(proto: Protocol, bytes: &mut [u8]) {
    let from_end = match proto {
        Protocol::UDP => PAYLOAD.len() + 2,
        _ => BLANK.len() + 6,
    };
    let at = bytes.len() - from_end;
    // A datagram of UDP with a checksum of zero has none.
    let flip = if bytes[at..at + 2] == [0x55, 0] { 0xaa } else { 0x55 };
    bytes[at] ^= flip;
}

/// What stands between the headers of IPv6 and what they carry.
fn extensions(packet: &Packet) -> Ipv6Extensions {
    // PadN, and a routing header of a type that is not known, with nothing
    // left to route.
    let raw = |bytes: [u8; 6]| {
        Ipv6RawExtHeader::new_raw(IpNumber::TCP, &bytes).expect("it fits")
    };
    let pad = || raw([1, 4, 0, 0, 0, 0]);
    let is = |extension| packet.extension == Some(extension);
    let routing = Ipv6RoutingExtensions {
        routing: raw([253, 0, 0, 0, 0, 0]),
        final_destination_options: None,
    };
    let fragment = packet.fragment.map(|fragment| {
        let later = fragment == Fragment::Later;
        Ipv6FragmentHeader::new(
            IpNumber::TCP,
            if later { offset() } else { IpFragOffset::ZERO },
            fragment == Fragment::First,
            // No other fragment is of the same datagram.
            fastrand::u32(..),
        )
    });
    Ipv6Extensions {
        hop_by_hop_options: is(Extension::HopByHop).then(pad),
        destination_options: is(Extension::DestinationOptions).then(pad),
        routing: is(Extension::Routing).then_some(routing),
        fragment,
        auth: None,
    }
}

/// Where a later fragment begins: behind 24 bytes.
fn offset() -> IpFragOffset {
    IpFragOffset::try_new(3).expect("it is small")
}

fn header(packet: &Packet, to: IpAddr, tag: Tag) -> IpHeaders {
    match (packet.from, to) {
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
            header.more_fragments = packet.fragment == Some(Fragment::First);
            if packet.fragment == Some(Fragment::Later) {
                header.fragment_offset = offset();
            }
            if packet.extension == Some(Extension::Options) {
                // Router alert: RFC 2113.
                header.options = [0x94, 4, 0, 0].into();
            }
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
            IpHeaders::Ipv6(header, extensions(packet))
        }
        (from, to) => panic!("{from} and {to} are of two families"),
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

/// An Ethernet frame around a packet, for a host with the address `own`, or
/// for whom it is told.
pub fn frame(
    packet: &[u8],
    to: IpAddr,
    own: [u8; 6],
    whom: Option<Frame>,
) -> Vec<u8> {
    let target = match to {
        _ if whom == Some(Frame::Broadcast) => [0xff; 6],
        _ if whom == Some(Frame::Multicast) => [1, 0, 0x5e, 0, 0, 9],
        _ if whom == Some(Frame::Other) => [2, 0, 0, 0, 9, 9],
        _ if whom == Some(Frame::Host) => own,
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
        Some(TransportSlice::Icmpv4(icmp)) => match quoted(icmp.payload()) {
            Some(tag) => return refusal(tag, icmp.type_u8() == 3),
            None => 0,
        },
        Some(TransportSlice::Icmpv6(icmp)) => match quoted(icmp.payload()) {
            Some(tag) => return refusal(tag, icmp.type_u8() == 1),
            None => 0,
        },
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

/// An ICMP error: that a packet cannot be delivered, or else that fragments of
/// long ago were never joined.
fn refusal(tag: Tag, unreachable: bool) -> Option<Sight> {
    unreachable.then_some(Sight::Refusal(tag))
}

/// The packet that an ICMP error is about.
fn quoted(packet: &[u8]) -> Option<Tag> {
    let at = match packet.first()? >> 4 {
        4 => 4,
        6 => 2,
        _ => return None,
    };
    let bytes = packet.get(at..at + 2)?.try_into().ok()?;
    Some(Tag::from_be_bytes(bytes))
}

//! What a packet is beside its addresses, ports, flags and connection.

use std::net::IpAddr;

use super::{Extension, Fragment, Frame, Packet, Protocol, State};
use crate::{net::Family, netfilter::PacketType};

/// What rules can ask of a packet, or of all packets that are alike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// The type and the code of an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// The part of a datagram that it is, if it is not all of it.
    pub fragment: Option<Fragment>,
    /// The first next-header field of IPv6, and the protocol of IPv4; `None`
    /// for packets with any headers.
    pub header: Option<u8>,
    /// Whom its frame is for; `None` for whomever.
    pub frame: Option<PacketType>,
    /// True if it is damaged, so that nobody is told of it.
    pub damaged: bool,
    /// True if there is a connection before it.
    pub connected: bool,
}

impl Shape {
    /// That of one packet.
    pub(super) fn of(packet: &Packet, to: IpAddr) -> Self {
        let family = Family::of(to);
        let protocol = protocol(packet, family);
        let icmp = protocol == Protocol::icmp(family);
        let six = family == Family::Ipv6;
        let extension = packet.extension.and_then(Extension::number);
        let fragment = packet.fragment.map(|_| FRAGMENT);
        let first = extension.or(fragment).filter(|_| six);
        let faulty = packet.state == State::Invalid;
        Self {
            icmp: icmp.then(|| packet.icmp.unwrap_or((echo(family), 0))),
            fragment: packet.fragment,
            header: Some(first.unwrap_or(protocol.number())),
            frame: packet.frame.map(PacketType::from),
            damaged: faulty && protocol != Protocol::TCP,
            connected: matches!(
                packet.state,
                State::Established | State::Related
            ),
        }
    }

    /// True for an error about another packet, of which there are no errors.
    pub(super) fn is_error(&self, family: Family) -> bool {
        self.icmp.is_some_and(|(kind, _)| match family {
            Family::Ipv4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
            Family::Ipv6 => kind < 128,
        })
    }

    /// True for a part of a datagram without the rest.
    pub(super) fn is_part(&self) -> bool {
        matches!(self.fragment, Some(Fragment::First | Fragment::Later))
    }
}

/// The number of the fragment header of IPv6.
const FRAGMENT: u8 = 44;

/// The type of an echo request.
fn echo(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 8,
        Family::Ipv6 => 128,
    }
}

/// What a packet carries.
pub(super) fn protocol(packet: &Packet, family: Family) -> Protocol {
    let any = [Protocol::ICMP, Protocol::ICMPV6].contains(&packet.proto);
    match packet.icmp.is_some() || any {
        true => Protocol::icmp(family),
        false => packet.proto,
    }
}

impl From<Frame> for PacketType {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Host => Self::Host,
            Frame::Broadcast => Self::Broadcast,
            Frame::Multicast => Self::Multicast,
            Frame::Other => Self::OtherHost,
        }
    }
}

//! Connections that exist before a packet comes.

use std::net::{IpAddr, SocketAddr};

use memsec_core::{Direction, Packet, Protocol as Carried};
use netlink_packet_netfilter::{
    NetfilterProtoFamily,
    conntrack::{
        ConntrackAttribute, ConntrackMessage, IPTuple, ProtoInfo, ProtoInfoTCP,
        ProtoTuple, Protocol, Status, TCPFlags, Tuple,
    },
};

use nix::errno::Errno;

use super::netlink::Netfilter;

/// TCP_CONNTRACK_ESTABLISHED.
const ESTABLISHED: u8 = 3;
/// IP_CT_TCP_FLAG_BE_LIBERAL: no look at sequence numbers.
const LIBERAL: u8 = 8;

/// Makes connections in conntrack.
#[derive(Debug)]
pub struct Connections {
    netfilter: Netfilter,
}

impl Connections {
    /// In the network of this thread.
    pub fn new() -> nix::Result<Self> {
        Ok(Self { netfilter: Netfilter::open()? })
    }

    /// Makes the connection that the packet is a part of.
    pub fn establish(
        &mut self,
        packet: &Packet,
        to: IpAddr,
    ) -> nix::Result<()> {
        let [from, to] = ends(packet, to);
        let mut parts = vec![
            ConntrackAttribute::CtaTupleOrig(tuple(from, to, packet.proto)),
            ConntrackAttribute::CtaTupleReply(tuple(to, from, packet.proto)),
            ConntrackAttribute::CtaStatus(
                Status::SeenReply | Status::Assured | Status::Confirmed,
            ),
            ConntrackAttribute::CtaTimeout(600),
        ];
        if packet.proto == Carried::TCP {
            parts.push(ConntrackAttribute::CtaProtoInfo(vec![tcp()]));
        }
        parts.extend(packet.connection_mark.map(ConntrackAttribute::CtaMark));
        self.netfilter.ask(family(from), 0, ConntrackMessage::New(parts))
    }

    /// Forgets all connections of this network. It walks through the table of
    /// the whole machine.
    pub fn forget_all(&mut self) -> nix::Result<()> {
        let all = ConntrackMessage::Delete(Vec::new());
        self.netfilter.ask(NetfilterProtoFamily::Unspec, 0, all)
    }

    /// Forgets the connection of a packet, if there is one.
    pub fn forget(&mut self, packet: &Packet, to: IpAddr) -> nix::Result<()> {
        let [from, to] = ends(packet, to);
        let tuple = tuple(from, to, packet.proto);
        let one = vec![ConntrackAttribute::CtaTupleOrig(tuple)];
        let asked = ConntrackMessage::Delete(one);
        match self.netfilter.ask(family(from), 0, asked) {
            Err(Errno::ENOENT) => Ok(()),
            other => other,
        }
    }
}

/// The ends of a packet's connection, the one that opened it first.
fn ends(packet: &Packet, to: IpAddr) -> [SocketAddr; 2] {
    let from = SocketAddr::new(packet.from, packet.sport);
    let to = SocketAddr::new(to, packet.port);
    match packet.direction {
        Some(Direction::Reply) => [to, from],
        _ => [from, to],
    }
}

fn family(address: SocketAddr) -> NetfilterProtoFamily {
    match address {
        SocketAddr::V4(_) => NetfilterProtoFamily::IPv4,
        SocketAddr::V6(_) => NetfilterProtoFamily::IPv6,
    }
}

fn tuple(from: SocketAddr, to: SocketAddr, proto: Carried) -> Vec<Tuple> {
    let protocol = match proto {
        Carried::TCP => Protocol::Tcp,
        _ => Protocol::Udp,
    };
    vec![
        Tuple::Ip(vec![
            IPTuple::SourceAddress(from.ip()),
            IPTuple::DestinationAddress(to.ip()),
        ]),
        Tuple::Proto(vec![
            ProtoTuple::Protocol(protocol),
            ProtoTuple::SourcePort(from.port()),
            ProtoTuple::DestinationPort(to.port()),
        ]),
    ]
}

fn tcp() -> ProtoInfo {
    // The flag, and which flags are told.
    let liberal =
        || TCPFlags::parse(&[LIBERAL, LIBERAL]).expect("they are two bytes");
    ProtoInfo::TCP(vec![
        ProtoInfoTCP::State(ESTABLISHED),
        ProtoInfoTCP::OriginalFlags(liberal()),
        ProtoInfoTCP::ReplyFlags(liberal()),
    ])
}

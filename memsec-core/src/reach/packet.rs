//! One packet, as data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Protocol;

/// TCP or UDP.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Proto {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Tcp, Self::Udp];

    /// Its number in an IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// Its name: "tcp" or "udp".
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// One packet that arrives at the host.
///
/// ```
/// use memsec_core::Packet;
///
/// let json = r#"{"from": "192.0.2.20", "proto": "udp"}"#;
/// let packet = Packet::from_json("packet", json).unwrap();
/// assert_eq!((packet.port, packet.sport), (11211, 40000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "One packet that arrives at the host.")
)]
pub struct Packet {
    /// The source address.
    pub from: IpAddr,
    /// The destination address; without it, the first address of the host
    /// that a listener of this port would be reached by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<IpAddr>,
    /// What it carries: TCP by default, or ICMP with `icmp`.
    #[serde(default = "tcp")]
    pub proto: Protocol,
    /// The destination port, of a protocol that has ports.
    #[serde(default = "memcached_port")]
    pub port: u16,
    /// The source port.
    #[serde(default = "client_port")]
    pub sport: u16,
    /// The interface that it arrives at; "local" for a packet that the host
    /// itself sends.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The connection that there is before it.
    #[serde(default)]
    pub state: State,
    /// TCP flags, letters of FSRPAUEC.
    #[serde(default = "syn")]
    pub flags: String,
    /// The type and the code of an ICMP or ICMPv6 message; an echo request
    /// by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<(u8, u8)>,
    /// The one part of a datagram that it is, if it is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Fragment>,
    /// Who opened the connection that it belongs to; by default whoever
    /// sends it.
    #[serde(default, alias = "ctdir", skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The mark of the connection that it belongs to; without it, whichever.
    #[serde(
        default,
        alias = "ctmark",
        skip_serializing_if = "Option::is_none"
    )]
    pub connection_mark: Option<u32>,
    /// What stands between its IP header and what it carries.
    #[serde(default, alias = "ext", skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// Whom the Ethernet frame around it is for; by default, whom the
    /// destination address is for.
    #[serde(default, alias = "dmac", skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
}

fn tcp() -> Protocol {
    Protocol::TCP
}

fn memcached_port() -> u16 {
    11211
}

fn client_port() -> u16 {
    40000
}

fn syn() -> String {
    "S".to_owned()
}

/// The connection that a packet belongs to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// None yet.
    #[default]
    #[serde(alias = "NEW")]
    New,
    /// One that has seen packets both ways.
    #[serde(alias = "ESTABLISHED")]
    Established,
    /// None, and one that is there announced it, or is what an ICMP error is
    /// about.
    #[serde(alias = "RELATED")]
    Related,
    /// None, and conntrack finds fault with the packet, whatever its flags:
    /// a wrong checksum, for one.
    #[serde(alias = "INVALID")]
    Invalid,
}

/// A part of a datagram that comes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Fragment {
    /// The first of several, with the ports.
    First,
    /// One behind the first, without them.
    Later,
    /// Of IPv6: all of it, with a fragment header (RFC 6946).
    Atomic,
}

/// Which end of a connection sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The one that opened it.
    Original,
    /// The other one.
    Reply,
}

/// A header behind that of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Extension {
    /// Hop-by-hop options, of IPv6.
    #[serde(alias = "hbh")]
    HopByHop,
    /// Destination options, of IPv6.
    #[serde(alias = "dstopts")]
    DestinationOptions,
    /// A routing header, of IPv6.
    Routing,
    /// Options of IPv4.
    #[serde(alias = "ipopt")]
    Options,
}

impl Extension {
    /// Its number in the header before it; options of IPv4 have none.
    pub(super) fn number(self) -> Option<u8> {
        match self {
            Self::HopByHop => Some(0),
            Self::DestinationOptions => Some(60),
            Self::Routing => Some(43),
            Self::Options => None,
        }
    }
}

/// Whom an Ethernet frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Frame {
    /// This host.
    Host,
    /// All hosts of the link.
    #[serde(alias = "bcast")]
    Broadcast,
    /// Some hosts of the link.
    #[serde(alias = "mcast")]
    Multicast,
    /// Another host, and this one listens in.
    Other,
}

impl Packet {
    /// A new connection from `from` to memcached's TCP port.
    pub fn new(from: IpAddr) -> Self {
        Self {
            from,
            to: None,
            proto: tcp(),
            port: memcached_port(),
            sport: client_port(),
            interface: None,
            state: State::New,
            flags: syn(),
            icmp: None,
            fragment: None,
            direction: None,
            connection_mark: None,
            extension: None,
            frame: None,
        }
    }

    /// Reads a packet from JSON; `name` stands in errors for the text.
    ///
    /// # Errors
    ///
    /// Text that is not a packet.
    pub fn from_json(name: &str, json: &str) -> Result<Self, crate::Error> {
        crate::json::read(name, json)
    }
}

//! One packet, as data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
    /// TCP or UDP.
    #[serde(default = "tcp")]
    pub proto: Proto,
    /// The destination port.
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
}

fn tcp() -> Proto {
    Proto::Tcp
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
    New,
    /// One that has seen packets both ways.
    Established,
    /// None, and one that is there announced it.
    Related,
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

//! What differs, as data.

use serde::{Deserialize, Serialize};

use crate::{
    Cidr, Packet, Proto, Unknown, audit::shortest, net::Family,
    packets::PacketBox, schema::Version,
};

/// Which packets get in on one of two hosts and not on the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    #[serde(default)]
    pub(crate) schema: Version,
    /// The packets, in parts that have no packet in common.
    pub changes: Vec<Change>,
    /// What the answer rests on and the snapshots do not tell.
    pub unknown: Vec<Unknown>,
}

/// Packets that get in on one host as they do not on the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// The daemon that they are for; `None` for ports, whoever listens.
    pub instance: Option<String>,
    /// TCP or UDP.
    pub proto: Proto,
    /// Their destination ports: ranges, first and last.
    pub ports: Vec<(u16, u16)>,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The interfaces that they arrive at; none for whichever but the
    /// loopback.
    pub interfaces: Vec<String>,
    /// Where they are sent to; none for whichever address of the host.
    pub destinations: Vec<Cidr>,
    /// Whether they get in on the first host.
    pub before: Reaches,
    /// Whether they get in on the second host.
    pub after: Reaches,
    /// Their sources, but for `except`.
    pub from: Vec<Cidr>,
    /// What `from` lacks, where that is the shorter way to say it.
    pub except: Vec<Cidr>,
    /// One of them.
    pub witness: Option<Packet>,
}

/// Whether packets get in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Reaches {
    /// None of them.
    No,
    /// It cannot be decided.
    Maybe,
    /// Each of them, and over TCP the answer gets out.
    Yes,
}

impl Reaches {
    /// Each of them.
    pub(super) const ALL: [Self; 3] = [Self::No, Self::Maybe, Self::Yes];
}

impl Change {
    pub(super) fn new(
        instance: &Option<String>,
        before: Reaches,
        after: Reaches,
        packets: &PacketBox,
    ) -> Self {
        let (from, except) = shortest(&packets.from);
        let [from, except] = [from, except].map(|set| set.cidrs().collect());
        let tcp = packets.protocols.contains(Proto::Tcp.number());
        let destinations = match packets.to.is_all() {
            true => Vec::new(),
            false => packets.to.cidrs().collect(),
        };
        let mut change = Self {
            instance: instance.clone(),
            proto: if tcp { Proto::Tcp } else { Proto::Udp },
            ports: packets.dport.ranges().collect(),
            family: packets.family,
            interfaces: packets.interfaces.listed().unwrap_or_default(),
            destinations,
            before,
            after,
            from,
            except,
            witness: None,
        };
        change.witness = change.packet(packets);
        change
    }

    fn packet(&self, packets: &PacketBox) -> Option<Packet> {
        let mut packet = Packet::new(packets.from.first()?);
        packet.proto = self.proto.into();
        packet.port = packets.dport.first()?;
        packet.to = packets.to.first().filter(|_| !packets.to.is_all());
        packet.interface = self.interfaces.first().map(|name| {
            // What the host sends to itself comes in by the loopback.
            let local = name == "lo";
            if local { "local".to_owned() } else { name.clone() }
        });
        Some(packet)
    }
}

impl Difference {
    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }
}

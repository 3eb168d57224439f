//! One packet, in what sets of packets tell apart.

use std::net::IpAddr;

use super::{
    dimension::{Dimension, spread, width},
    names,
};
use crate::net::Family;

/// What a [`PacketSet`](super::PacketSet) asks of one packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Its source; of the same family as `to`.
    pub from: IpAddr,
    /// Its destination.
    pub to: IpAddr,
    /// The number of its protocol, 6 for TCP.
    pub protocol: u8,
    /// The interface that it arrives at, of at most 15 bytes.
    pub interface: String,
    /// What conntrack makes of it.
    pub tracking: Tracking,
    /// Its source port.
    pub sport: u16,
    /// Its destination port.
    pub dport: u16,
}

/// What conntrack makes of a packet: nf_conntrack_common.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tracking {
    /// The first of a connection.
    New,
    /// One of a connection.
    Established,
    /// The first of a connection that another one announced, or an error
    /// about one.
    Related,
    /// None of a connection, and it cannot begin one.
    Invalid,
    /// One that conntrack does not look at.
    Untracked,
}

impl Tracking {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Established,
        Self::Related,
        Self::Invalid,
        Self::Untracked,
    ];

    /// The numbers that stand for it: three bits, and the last one has what
    /// is left.
    pub(super) fn range(self) -> (u128, u128) {
        let at = |tracking| spread(tracking as u128, 3);
        match self {
            Self::Untracked => (at(self).0, u128::MAX),
            one => at(one),
        }
    }
}

/// The numbers of a family: one bit.
pub(super) fn family(family: Family) -> (u128, u128) {
    spread(u128::from(family == Family::Ipv6), 1)
}

impl Header {
    /// What it answers in a dimension; `None` for a name that is too long.
    pub(super) fn at(&self, dimension: Dimension) -> Option<u128> {
        let number = |value: u128, bits| spread(value, bits).0;
        let address = |address| {
            number(Family::number(address), width(Family::of(address)))
        };
        Some(match dimension {
            Dimension::Family => family(Family::of(self.from)).0,
            Dimension::Protocol => number(self.protocol.into(), 8),
            Dimension::Interface => names::number(&self.interface)?,
            Dimension::Tracking => self.tracking.range().0,
            Dimension::To => address(self.to),
            Dimension::DestinationPort => number(self.dport.into(), 16),
            Dimension::SourcePort => number(self.sport.into(), 16),
            Dimension::From => address(self.from),
        })
    }
}

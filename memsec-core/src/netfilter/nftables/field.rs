//! What matches look at.

use crate::net::Family;

/// What a match looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Source(Family),
    Destination(Family),
    SourcePort,
    DestinationPort,
    Protocol,
    NextHeader,
    Family,
    In,
    Out,
    Mark,
    ConnectionMark,
    State,
    Status,
    Direction,
    Original(Tuple),
    Reply(Tuple),
    Flags,
    SourceType,
    DestinationType,
    SourceTypeHere,
    DestinationTypeHere,
    /// The interface to the source, of all or of the one it came in by.
    ReversePath {
        loose: bool,
    },
    IcmpType(Family),
    IcmpCode(Family),
    /// The fragment offset of IPv4, with its flags.
    Fragment,
    PacketType,
    Header,
    /// One that is known, and not asked.
    Undecided,
    Unknown,
}

/// A part of what conntrack keeps of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tuple {
    Source(Family),
    Destination(Family),
    SourcePort,
    DestinationPort,
    Protocol,
}

/// A field, and what is done to it before it is compared:
/// `field & mask ^ flip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operand {
    pub field: Field,
    pub mask: u128,
    pub flip: u128,
}

impl Field {
    /// True for an address of IPv4.
    pub(super) fn is_short(self) -> bool {
        let short = Family::Ipv4;
        match self {
            Self::Source(family) | Self::Destination(family) => family == short,
            Self::Original(tuple) | Self::Reply(tuple) => {
                tuple == Tuple::Source(short)
                    || tuple == Tuple::Destination(short)
            }
            _ => false,
        }
    }

    /// The greatest value.
    pub(super) fn last(self) -> u128 {
        match self {
            Self::Source(family)
            | Self::Destination(family)
            | Self::Original(Tuple::Source(family))
            | Self::Original(Tuple::Destination(family))
            | Self::Reply(Tuple::Source(family))
            | Self::Reply(Tuple::Destination(family)) => family.last(),
            Self::Protocol
            | Self::NextHeader
            | Self::Flags
            | Self::IcmpType(_)
            | Self::IcmpCode(_)
            | Self::Original(Tuple::Protocol)
            | Self::Reply(Tuple::Protocol) => u128::from(u8::MAX),
            Self::SourcePort
            | Self::DestinationPort
            | Self::Fragment
            | Self::Original(_)
            | Self::Reply(_) => u128::from(u16::MAX),
            _ => u128::from(u32::MAX),
        }
    }

    /// True if its values are names.
    pub(super) fn named(self) -> bool {
        matches!(self, Self::In | Self::Out)
    }

    /// True if its values are bits, of which a packet may have several.
    pub(super) fn bits(self) -> bool {
        matches!(self, Self::State | Self::Status | Self::Flags)
    }
}

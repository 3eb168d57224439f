//! What a diagram asks of a packet, and in which order.

use crate::net::{Bounded, Family, RangeSet};

/// One thing that is asked of a packet. Its values are spread over all of
/// 128 bits, the first value from 0 on, so that each dimension is whole in
/// either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Dimension {
    Family,
    Protocol,
    Interface,
    Tracking,
    To,
    DestinationPort,
    SourcePort,
    From,
}

impl Dimension {
    pub(super) const FIRST: Self = Self::Family;

    /// The one that is asked behind this one; `None` behind the last.
    pub(super) fn next(self) -> Option<Self> {
        Some(match self {
            Self::Family => Self::Protocol,
            Self::Protocol => Self::Interface,
            Self::Interface => Self::Tracking,
            Self::Tracking => Self::To,
            Self::To => Self::DestinationPort,
            Self::DestinationPort => Self::SourcePort,
            Self::SourcePort => Self::From,
            Self::From => return None,
        })
    }
}

/// The numbers of 128 bits whose first bits are a value of `bits` bits.
pub(super) fn spread(value: u128, bits: u32) -> (u128, u128) {
    let free = u128::BITS - bits;
    let first = value.checked_shl(free).unwrap_or(0);
    (first, first | u128::MAX.checked_shr(bits).unwrap_or(0))
}

/// The value of `bits` bits that a number stands for.
pub(super) fn value(number: u128, bits: u32) -> u128 {
    number.checked_shr(u128::BITS - bits).unwrap_or(0)
}

/// How many bits an address has.
pub(super) fn width(family: Family) -> u32 {
    family.last().count_ones()
}

/// Values of `bits` bits, as numbers of 128 bits.
pub(super) fn widened<T: Bounded + Into<u128>>(
    values: &RangeSet<T>,
    bits: u32,
) -> RangeSet<u128> {
    let ranges = values.ranges().map(|(first, last)| {
        (spread(first.into(), bits).0, spread(last.into(), bits).1)
    });
    RangeSet::from_ranges(ranges)
}

/// The other way round.
pub(super) fn narrowed<T: Bounded + TryFrom<u128>>(
    numbers: &RangeSet<u128>,
    bits: u32,
) -> RangeSet<T> {
    let narrow = |number| T::try_from(value(number, bits)).ok();
    let ranges = numbers
        .ranges()
        .filter_map(|(first, last)| Some((narrow(first)?, narrow(last)?)));
    RangeSet::from_ranges(ranges)
}

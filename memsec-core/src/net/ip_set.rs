use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{Cidr, RangeSet};

/// IPv4 or IPv6.
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
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// An address as a number: big-endian, and an IPv4 one in the low 32
    /// bits.
    pub fn number(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    /// The address of a number; bits above the family's width are cut off.
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are meant")]
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Self::Ipv4 => Ipv4Addr::from_bits(number as u32).into(),
            Self::Ipv6 => Ipv6Addr::from_bits(number).into(),
        }
    }

    /// The greatest address as a number.
    pub fn last(self) -> u128 {
        match self {
            Self::Ipv4 => u128::from(u32::MAX),
            Self::Ipv6 => u128::MAX,
        }
    }
}

/// A set of addresses of one family.
///
/// ```
/// use memsec_core::{Cidr, net::{Family, IpSet}};
///
/// let lan: Cidr = "10.0.0.0/30".parse().unwrap();
/// let set = IpSet::of(Family::Ipv4, [lan]);
/// let rest = set.complement();
/// assert!(rest.union(&set).is_all());
/// let one = IpSet::of(Family::Ipv4, ["10.0.0.2".parse().unwrap()]);
/// let text: Vec<_> =
///     set.difference(&one).cidrs().map(|c| c.to_string()).collect();
/// assert_eq!(text, ["10.0.0.0/31", "10.0.0.3"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IpSet {
    family: Family,
    numbers: RangeSet<u128>,
}

impl IpSet {
    /// The set of nothing.
    pub fn empty(family: Family) -> Self {
        Self { family, numbers: RangeSet::empty() }
    }

    /// Every address of a family.
    pub fn all(family: Family) -> Self {
        Self { family, numbers: RangeSet::range(0, family.last()) }
    }

    /// Those networks that are of `family`.
    pub fn of(family: Family, nets: impl IntoIterator<Item = Cidr>) -> Self {
        let nets = nets.into_iter().filter(|net| net.family() == family);
        let numbers = RangeSet::from_ranges(nets.map(Cidr::bounds));
        Self { family, numbers }
    }

    /// The addresses that are these numbers; what lies outside of the family
    /// is cut off.
    pub fn from_numbers(family: Family, numbers: &RangeSet<u128>) -> Self {
        let numbers = numbers.intersection(&RangeSet::range(0, family.last()));
        Self { family, numbers }
    }

    /// Whose addresses these are.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The addresses as numbers, see [`Family::number`].
    pub fn numbers(&self) -> &RangeSet<u128> {
        &self.numbers
    }

    /// True if no address is in it.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// True if every address of the family is in it.
    pub fn is_all(&self) -> bool {
        self.numbers.only_range() == Some((0, self.family.last()))
    }

    /// True if `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == self.family
            && self.numbers.contains(Family::number(address))
    }

    /// The least address.
    pub fn first(&self) -> Option<IpAddr> {
        self.numbers.first().map(|number| self.family.address(number))
    }

    /// What is in either; `other` must be of the same family.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.with(self.numbers.union(&other.numbers))
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.with(self.numbers.intersection(&other.numbers))
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.with(self.numbers.difference(&other.numbers))
    }

    /// Every address of the family that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all(self.family).difference(self)
    }

    /// True if all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.numbers.is_subset(&other.numbers)
    }

    /// The fewest networks that hold just these addresses, in ascending
    /// order.
    pub fn cidrs(&self) -> impl Iterator<Item = Cidr> + '_ {
        let ranges = self.numbers.ranges();
        ranges.flat_map(|range| networks(self.family, range))
    }

    /// How many [`Self::cidrs`] there are.
    pub(crate) fn cidr_count(&self) -> usize {
        self.numbers.ranges().map(network_count).sum()
    }

    fn with(&self, numbers: RangeSet<u128>) -> Self {
        Self { family: self.family, numbers }
    }
}

/// The fewest networks from the first to the last number: in turn the
/// largest one that begins there and ends before the end.
fn networks(
    family: Family,
    (first, last): (u128, u128),
) -> impl Iterator<Item = Cidr> {
    let width = family.last().count_ones();
    let mut start = Some(first);
    std::iter::from_fn(move || {
        let from = start?;
        let free = free_bits(from, last).min(width);
        let end = from | 1_u128.checked_shl(free).map_or(u128::MAX, |n| n - 1);
        start = end.checked_add(1).filter(|next| *next <= last);
        Cidr::block(family.address(from), u8::try_from(width - free).ok()?)
    })
}

/// The bits that are free in the largest network that begins at a number and
/// ends before another. Numbers of IPv4 are looked at as short ones.
fn free_bits(from: u128, last: u128) -> u32 {
    match (u64::try_from(from), u64::try_from(last - from)) {
        (Ok(from), Ok(more)) if more < u64::MAX => {
            (more + 1).ilog2().min(from.trailing_zeros())
        }
        _ => {
            let room = (last - from).checked_add(1).map_or(128, u128::ilog2);
            room.min(from.trailing_zeros())
        }
    }
}

/// How many [`networks`] there are. Up to the number between both ends that
/// is divided most often by two they get larger, and behind it smaller.
fn network_count((first, last): (u128, u128)) -> usize {
    let Some(end) = last.checked_add(1) else {
        return first.wrapping_neg().count_ones().max(1) as usize;
    };
    let below = u128::MAX.checked_shr((first ^ end).leading_zeros() + 1);
    let middle = end & !below.unwrap_or(0);
    ((middle - first).count_ones() + (end - middle).count_ones()) as usize
}

#[cfg(test)]
mod tests {
    use ipnet::{Ipv4Subnets, Ipv6Subnets};
    use proptest::prelude::*;

    use super::*;

    /// What ipnet makes of a range.
    fn subnets(family: Family, first: u128, last: u128) -> Vec<String> {
        match (family.address(first), family.address(last)) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let nets = Ipv4Subnets::new(first, last, 0);
                nets.map(|net| net.to_string()).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let nets = Ipv6Subnets::new(first, last, 0);
                nets.map(|net| net.to_string()).collect()
            }
            _ => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn networks_are_the_fewest(
            a: u128, b: u128, free in 0_u32..128, v6: bool,
        ) {
            let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
            let a = a & family.last();
            // Often near each other.
            let b = (a & !(u128::MAX >> free) | b & (u128::MAX >> free))
                & family.last();
            let (first, last) = (a.min(b), a.max(b));
            let ours = networks(family, (first, last));
            let count = network_count((first, last));
            let ours = ours.map(|net| {
                format!("{}/{}", net.address(), net.prefix())
            });
            let ours: Vec<_> = ours.collect();
            prop_assert_eq!(ours.len(), count);
            prop_assert_eq!(ours, subnets(family, first, last));
        }
    }

    #[test]
    fn the_whole_is_one_network() {
        for family in Family::BOTH {
            let all: Vec<_> = IpSet::all(family).cidrs().collect();
            assert_eq!(all, [Cidr::everything(family)]);
        }
    }
}

//! The parts of an element, as numbers.

use crate::{
    net::{Family, PortSet, RangeSet},
    netfilter::{
        Addresses, IcmpType, Match, Name, Test,
        boxes::Range,
        iptables::{self, icmp_kinds, protocol},
    },
};

/// What a dimension of a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Address,
    /// An address of which the longest prefix decides.
    Network,
    /// A protocol, and a port of it.
    Port,
    /// A port of any protocol.
    PlainPort,
    Interface,
    Mark,
    Mac,
}

/// Numbers of ports that stand for something else: types and codes of ICMP
/// from here on, and nothing at all.
const ICMP: u128 = 0x1_0000;
const NONE: u128 = 0x2_0000;

impl Part {
    pub(super) fn named(method: &str, name: &str) -> Option<Self> {
        Some(match (method, name) {
            (_, "ip") => Self::Address,
            (_, "net") => Self::Network,
            ("bitmap", "port") => Self::PlainPort,
            (_, "port") => Self::Port,
            (_, "iface") => Self::Interface,
            (_, "mark") => Self::Mark,
            (_, "mac") => Self::Mac,
            _ => return None,
        })
    }

    pub(super) fn is_address(self) -> bool {
        matches!(self, Self::Address | Self::Network)
    }

    /// Of how many numbers it consists.
    pub(super) fn width(self) -> usize {
        if self == Self::Port { 2 } else { 1 }
    }

    /// The conditions that it is among `numbers`: those of the source, or
    /// if `to`, of the destination. `names` are those of interfaces.
    pub(super) fn matches(
        self,
        numbers: &[RangeSet<u128>],
        to: bool,
        names: &[Name],
        mask: u32,
    ) -> Vec<Match> {
        let [first, rest @ ..] = numbers else { return Vec::new() };
        let test = match self {
            Self::Address | Self::Network => address(to, first.clone()),
            Self::PlainPort => port(to, narrow(first)),
            Self::Port => return of_protocol(first, rest, to),
            Self::Interface => {
                let at = first.ranges().flat_map(|(a, b)| a..=b);
                let names = at.filter_map(|at| {
                    names.get(usize::try_from(at).ok()?).cloned()
                });
                let names = names.collect();
                if to { Test::Out(names) } else { Test::In(names) }
            }
            Self::Mark => {
                let ranges = first.ranges().filter_map(|(a, b)| {
                    Some((u32::try_from(a).ok()?, u32::try_from(b).ok()?))
                });
                Test::Mark { mask, values: RangeSet::from_ranges(ranges) }
            }
            Self::Mac if first.only_range() == Some((0, 0)) => Test::Undecided,
            // Any address.
            Self::Mac => return Vec::new(),
        };
        vec![Match::new(test)]
    }
}

pub(super) fn address(to: bool, all: Addresses) -> Test {
    if to { Test::Destination(all) } else { Test::Source(all) }
}

fn port(to: bool, all: PortSet) -> Test {
    if to { Test::DestinationPort(all) } else { Test::SourcePort(all) }
}

fn narrow(all: &RangeSet<u128>) -> PortSet {
    let ranges = all.ranges().filter_map(|(first, last)| {
        let first = u16::try_from(first).ok()?;
        Some((first, u16::try_from(last).unwrap_or(u16::MAX)))
    });
    PortSet::from_ranges(ranges)
}

fn of_protocol(
    protocols: &RangeSet<u128>,
    numbers: &[RangeSet<u128>],
    to: bool,
) -> Vec<Match> {
    let protocols = protocols.ranges().filter_map(|(a, b)| {
        Some((u8::try_from(a).ok()?, u8::try_from(b).ok()?))
    });
    let protocols = RangeSet::from_ranges(protocols);
    let mut all = vec![Match::new(Test::Protocol(protocols))];
    let Some(numbers) = numbers.first() else { return all };
    match numbers.first() {
        Some(NONE..) => {}
        Some(ICMP..) => {
            let codes = numbers.ranges().flat_map(|(a, b)| a..=b);
            let kinds = codes.filter_map(|number| {
                let number = u16::try_from(number - ICMP).ok()?;
                let [kind, code] = number.to_be_bytes();
                Some(IcmpType { kind, codes: (code, code) })
            });
            all.push(Match::new(Test::Icmp(kinds.collect())));
        }
        _ => all.push(Match::new(port(to, narrow(numbers)))),
    }
    all
}

/// Reads the protocol and the ports of an element: "80", "udp:53-60",
/// "icmp:8/0", "gre:0". Without a protocol it is TCP
/// (ipset_parse_proto_port).
pub(super) fn protocol_port(text: &str) -> Option<[Range; 2]> {
    let (name, port) = text.split_once(':').unwrap_or(("tcp", text));
    let number = protocol(name)?;
    let range = match number {
        1 => icmp(Family::Ipv4, port)?,
        58 => icmp(Family::Ipv6, port)?,
        6 | 17 | 132 | 136 => port_range(port)?,
        _ => (NONE, NONE),
    };
    Some([(u128::from(number), u128::from(number)), range])
}

fn icmp(family: Family, text: &str) -> Option<Range> {
    let kinds = icmp_kinds(family, text)?;
    let [IcmpType { kind, codes }] = *kinds else { return None };
    // A name of a type alone stands for its code 0.
    let number = ICMP + u128::from(u16::from_be_bytes([kind, codes.0]));
    Some((number, number))
}

pub(super) fn port_range(text: &str) -> Option<Range> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().ok().map(u128::from);
    Some((port(first)?, port(last)?))
}

/// The addresses that an element stands for: one, a network, or a range; of
/// one, only the first `bits` bits may count.
pub(super) fn addresses(
    family: Family,
    text: &str,
    bits: Option<u32>,
) -> Option<Range> {
    let (text, bits) = match text.split_once('/') {
        Some((text, bits)) => (text, Some(bits.parse().ok()?)),
        None => (text, bits),
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first = iptables::number(family, first)?;
    let last = iptables::number(family, last)?;
    let whole = family.last().count_ones();
    let bits = bits.unwrap_or(whole);
    let host = family.last().checked_shr(bits).unwrap_or(0);
    (bits <= whole).then_some((first & !host, last | host))
}

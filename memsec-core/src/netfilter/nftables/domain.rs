//! The values of fields, as numbers.

use std::net::IpAddr;

use super::{
    Piece,
    field::{Field, Tuple},
    icmp,
};
use crate::{
    net::Family,
    netfilter::{
        AddressType, PacketType, State, Status, boxes::Range, iptables,
    },
};

/// One value of a field.
pub(super) fn number(field: Field, piece: &Piece<'_>) -> Option<u128> {
    match piece {
        Piece::Word(word) => word_number(field, word),
        Piece::Number(number) => known(field, u128::from(*number)),
        Piece::Flag(flag) => Some(u128::from(*flag)),
        Piece::Bits(all) => all
            .iter()
            .map(|one| number(field, one))
            .try_fold(0, |bits, one| Some(bits | one?)),
        _ => None,
    }
}

/// The values that a piece stands for, from the first to the last.
pub(super) fn range(field: Field, piece: &Piece<'_>) -> Option<Range> {
    match piece {
        Piece::Word(word) => word_range(field, word),
        Piece::Range(ends) => {
            Some((number(field, &ends.0)?, number(field, &ends.1)?))
        }
        Piece::Prefix(of) => {
            let length = number(Field::Mark, &of.1)?;
            prefix(field, number(field, &of.0)?, length)
        }
        one => number(field, one).map(|one| (one, one)),
    }
}

/// The addresses of an element of a set of IPv4 addresses, without one that
/// is gone at some moment.
pub(super) fn network(piece: &Piece<'_>) -> Option<(u32, u32)> {
    if let Piece::Word(word) = piece {
        if let Some(found) = iptables::network(word.as_bytes()) {
            return Some(found);
        }
    }
    let (first, last) = range(Field::Source(Family::Ipv4), piece)?;
    Some((u32::try_from(first).ok()?, u32::try_from(last).ok()?))
}

fn word_range(field: Field, word: &str) -> Option<Range> {
    if let Some(one) = word_number(field, word) {
        return Some((one, one));
    }
    if let Some((first, length)) = word.split_once('/') {
        let length = length.parse::<u8>().ok()?;
        return prefix(field, word_number(field, first)?, length.into());
    }
    // Names may have a hyphen too.
    let mut hyphens = word.match_indices('-').take(8);
    hyphens.find_map(|(at, _)| {
        let (first, last) = (word.get(..at)?, word.get(at + 1..)?);
        Some((word_number(field, first)?, word_number(field, last)?))
    })
}

fn prefix(field: Field, first: u128, length: u128) -> Option<Range> {
    let width = u128::from(field.last().count_ones());
    let free = u32::try_from(width.checked_sub(length)?).ok()?;
    let host = 1_u128.checked_shl(free).map_or(u128::MAX, |bit| bit - 1);
    Some((first & !host, first | host))
}

/// A number of the kernel as the one that stands for the same here: a
/// family, a state (nf_conntrack_common.h), or the bit of a type that is one
/// of several (rtnetlink(7), linux/if_packet.h).
fn known(field: Field, number: u128) -> Option<u128> {
    let untracked = u128::from(State::Untracked.0);
    match (field, number) {
        (Field::Family, 2 | 0x0800) => Some(4),
        (Field::Family, 10 | 0x86dd) => Some(6),
        (Field::Family, _) => Some(0),
        (Field::State, 0..=0xf) => Some(number),
        (Field::State, 0x40..=0x4f) => Some(number & 0xf | untracked),
        (Field::State, _) => None,
        (
            Field::SourceType
            | Field::DestinationType
            | Field::SourceTypeHere
            | Field::DestinationTypeHere
            | Field::PacketType,
            _,
        ) => (number < 12).then(|| 1 << number),
        (_, number) => Some(number),
    }
}

fn word_number(field: Field, word: &str) -> Option<u128> {
    let bits = |bits: Option<u16>| bits.map(u128::from);
    let named = match field {
        Field::Source(family)
        | Field::Destination(family)
        | Field::Original(Tuple::Source(family))
        | Field::Original(Tuple::Destination(family))
        | Field::Reply(Tuple::Source(family))
        | Field::Reply(Tuple::Destination(family)) => {
            let address: IpAddr = word.parse().ok()?;
            let same = Family::of(address) == family;
            return same.then(|| Family::number(address));
        }
        Field::Protocol
        | Field::NextHeader
        | Field::Original(Tuple::Protocol)
        | Field::Reply(Tuple::Protocol) => {
            iptables::protocol(word).map(u128::from)
        }
        Field::SourcePort
        | Field::DestinationPort
        | Field::Original(Tuple::SourcePort | Tuple::DestinationPort)
        | Field::Reply(Tuple::SourcePort | Tuple::DestinationPort) => {
            iptables::port(word).map(u128::from)
        }
        Field::Family => match word {
            "ipv4" | "ip" => Some(4),
            "ipv6" | "ip6" => Some(6),
            "arp" | "vlan" | "8021q" | "8021ad" => Some(0),
            _ => None,
        },
        Field::State => bits(State::named(word).map(|bit| bit.0)),
        Field::Status => bits(Status::named(word).map(|bit| bit.0)),
        Field::Direction => match word {
            "original" => Some(0),
            "reply" => Some(1),
            _ => None,
        },
        Field::SourceType
        | Field::DestinationType
        | Field::SourceTypeHere
        | Field::DestinationTypeHere => {
            bits(AddressType::named(word).map(|bit| bit.0))
        }
        Field::PacketType => bits(packet_type(word).map(|bit| bit.0)),
        Field::Flags => flag(word),
        Field::IcmpType(family) => icmp::kind(family, word).map(u128::from),
        Field::IcmpCode(family) => icmp::code(family, word).map(u128::from),
        Field::ReversePath { .. } => match word {
            "exists" => Some(1),
            "missing" | "0" => Some(0),
            _ => None,
        },
        _ => None,
    };
    named.or_else(|| known(field, digits(word)?))
}

/// Decimal, or hexadecimal behind "0x".
pub(super) fn digits(word: &str) -> Option<u128> {
    match word.strip_prefix("0x") {
        Some(hex) => u128::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn packet_type(word: &str) -> Option<PacketType> {
    if word == "unicast" {
        return Some(PacketType::Host);
    }
    PacketType::named(word)
}

fn flag(word: &str) -> Option<u128> {
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
    let at = names.iter().position(|known| *known == word)?;
    Some(1 << at)
}

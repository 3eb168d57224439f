//! What a set of values of a field is as conditions.

use super::field::{Field, Operand, Tuple};
use crate::{
    net::{Bounded, Family, RangeSet},
    netfilter::{
        AddressType, Addresses, Connection, IcmpType, Match, PacketType, State,
        Status, Test, iptables,
    },
};

/// More single values than this are not told apart.
const VALUES: u128 = 256;

/// The conditions of which one holds if an operand is one of `values`.
/// `None` if they cannot be told.
pub(super) fn any(
    operand: Operand,
    values: &RangeSet<u128>,
) -> Option<Vec<Match>> {
    let Operand { field, mask, flip } = operand;
    let yes = |test| Some(vec![Match::new(test)]);
    match field {
        Field::Mark | Field::ConnectionMark => {
            let values = narrow(&under(values, mask, flip)?);
            let mask = u32::try_from(mask).ok()?;
            yes(match field {
                Field::Mark => Test::Mark { mask, values },
                _ => Test::ConnectionMark { mask, values },
            })
        }
        Field::Flags => {
            let mask = u8::try_from(mask).ok()?;
            let all = singles(&under(values, operand.mask, flip)?)?;
            let test = |value: u128| {
                let value = u8::try_from(value).ok()?;
                Some(Match::new(Test::Flags { mask, value }))
            };
            all.into_iter().map(test).collect()
        }
        Field::Fragment => fragment(mask, flip, values),
        Field::Status => {
            let none = flip == 0 && values.only_range() == Some((0, 0));
            let bits = Status(u16::try_from(mask & 0xffff).ok()?);
            let test = connection(Connection::Status(bits));
            none.then(|| vec![Match { negated: true, test }])
        }
        _ if mask == field.last() && flip == 0 => plain(field, values),
        _ => {
            let free = field.last() & !mask;
            let mut all = Vec::new();
            for base in singles(&under(values, mask, flip)?)? {
                all.extend(iptables::masked(base, free)?);
            }
            plain(field, &RangeSet::from_ranges(all))
        }
    }
}

/// The values of `field & mask` with which `field & mask ^ flip` is one of
/// `values`.
fn under(
    values: &RangeSet<u128>,
    mask: u128,
    flip: u128,
) -> Option<RangeSet<u128>> {
    if flip == 0 && mask.leading_zeros() + mask.count_ones() == 128 {
        return Some(values.clone());
    }
    let all = singles(values)?.into_iter().map(|value| value ^ flip);
    let possible = all.filter(|value| value & !mask == 0);
    Some(RangeSet::from_ranges(possible.map(|value| (value, value))))
}

/// Each of the values, if they are not too many.
fn singles(values: &RangeSet<u128>) -> Option<Vec<u128>> {
    let mut all = Vec::new();
    for (first, last) in values.ranges() {
        if last - first >= VALUES || all.len() >= 1 << 16 {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// The values that fit.
fn narrow<T: Bounded + TryFrom<u128>>(values: &RangeSet<u128>) -> RangeSet<T> {
    let ranges = values.ranges().filter_map(|(first, last)| {
        let first = T::try_from(first).ok()?;
        Some((first, T::try_from(last).unwrap_or(T::MAX)))
    });
    RangeSet::from_ranges(ranges)
}

/// The bits of which a packet has just one.
fn one_of(values: &RangeSet<u128>) -> Option<u16> {
    let all = singles(values)?.into_iter();
    let bits = all.filter(|bit| bit.count_ones() == 1);
    u16::try_from(bits.fold(0, |bits, bit| bits | bit)).ok()
}

fn plain(field: Field, values: &RangeSet<u128>) -> Option<Vec<Match>> {
    let addresses = || -> Addresses { values.clone() };
    Some(vec![Match::new(match field {
        Field::Source(_) => Test::Source(addresses()),
        Field::Destination(_) => Test::Destination(addresses()),
        Field::SourcePort => Test::SourcePort(narrow(values)),
        Field::DestinationPort => Test::DestinationPort(narrow(values)),
        Field::Protocol => Test::Protocol(narrow(values)),
        Field::NextHeader => Test::NextHeader(narrow(values)),
        Field::Family => return Some(families(values)),
        Field::State => Test::State(State(one_of(values)?)),
        Field::Direction => return directions(values),
        Field::Original(tuple) => connection(original(tuple, values)),
        Field::Reply(tuple) => connection(reply(tuple, values)),
        Field::SourceType => Test::SourceType(types(values)?),
        Field::DestinationType => Test::DestinationType(types(values)?),
        Field::SourceTypeHere => {
            Test::TypeHere { source: true, types: types(values)? }
        }
        Field::DestinationTypeHere => {
            Test::TypeHere { source: false, types: types(values)? }
        }
        Field::PacketType => Test::PacketType(PacketType(one_of(values)?)),
        Field::ReversePath { loose } => {
            let negated = match values.only_range()? {
                (0, 0) => true,
                (1, 1) => false,
                _ => return None,
            };
            let test = Test::ReversePath { loose };
            return Some(vec![Match { negated, test }]);
        }
        Field::IcmpType(_) => {
            let kinds = singles(values)?.into_iter();
            let kinds = kinds.filter_map(|kind| u8::try_from(kind).ok());
            let all = kinds.map(|kind| IcmpType { kind, codes: (0, u8::MAX) });
            Test::Icmp(all.collect())
        }
        Field::IcmpCode(_) => {
            let codes = narrow::<u8>(values);
            let kinds = 0..=u8::MAX;
            let all = kinds.flat_map(|kind| {
                let codes = codes.ranges();
                codes.map(move |codes| IcmpType { kind, codes })
            });
            Test::Icmp(all.collect())
        }
        _ => return None,
    })])
}

fn families(values: &RangeSet<u128>) -> Vec<Match> {
    if values.contains(4) && values.contains(6) {
        return vec![Match::new(Test::Protocol(RangeSet::all()))];
    }
    let all = [(4, Family::Ipv4), (6, Family::Ipv6)];
    let all = all.into_iter().filter(|(number, _)| values.contains(*number));
    all.map(|(_, family)| Match::new(Test::Family(family))).collect()
}

fn directions(values: &RangeSet<u128>) -> Option<Vec<Match>> {
    let direction = |value| match value {
        0 => Some(Match::new(connection(Connection::Reply(false)))),
        1 => Some(Match::new(connection(Connection::Reply(true)))),
        _ => None,
    };
    singles(values)?.into_iter().map(direction).collect()
}

fn types(values: &RangeSet<u128>) -> Option<AddressType> {
    one_of(values).map(AddressType)
}

pub(super) fn connection(of: Connection) -> Test {
    Test::Connection { of, without: false }
}

fn original(tuple: Tuple, values: &RangeSet<u128>) -> Connection {
    match tuple {
        Tuple::Source(_) => Connection::OriginalSource(values.clone()),
        Tuple::Destination(_) => {
            Connection::OriginalDestination(values.clone())
        }
        Tuple::SourcePort => Connection::OriginalSourcePort(narrow(values)),
        Tuple::DestinationPort => Connection::OriginalPort(narrow(values)),
        Tuple::Protocol => Connection::OriginalProtocol(narrow(values)),
    }
}

fn reply(tuple: Tuple, values: &RangeSet<u128>) -> Connection {
    match tuple {
        Tuple::Source(_) => Connection::ReplySource(values.clone()),
        Tuple::Destination(_) => Connection::ReplyDestination(values.clone()),
        Tuple::SourcePort => Connection::ReplySourcePort(narrow(values)),
        Tuple::DestinationPort => Connection::ReplyPort(narrow(values)),
        Tuple::Protocol => Connection::OriginalProtocol(narrow(values)),
    }
}

/// The offset is 0 but for later fragments.
fn fragment(
    mask: u128,
    flip: u128,
    values: &RangeSet<u128>,
) -> Option<Vec<Match>> {
    if (mask, flip) != (0x1fff, 0) {
        return None;
    }
    let negated = match values.only_range()? {
        (0, 0) => true,
        (1, last) if last >= mask => false,
        _ => return None,
    };
    Some(vec![Match { negated, test: Test::LaterFragment }])
}

//! The options of match extensions: iptables-extensions(8).

use std::sync::Arc;

use super::{
    address::range,
    rule::{Draft, Reader},
    words::Word,
};
use crate::{
    Error,
    net::{PortSet, RangeSet},
    netfilter::{AddressType, Connection, State, Status, Test, ipset::Asked},
};

/// The extensions whose options are all read, or say that they are not.
const KNOWN: [&str; 11] = [
    "tcp",
    "udp",
    "multiport",
    "iprange",
    "state",
    "conntrack",
    "addrtype",
    "comment",
    "mark",
    "set",
    "standard",
];

/// Extensions that only match packets with a header of that kind, which no
/// TCP or UDP packet needs.
const HEADERS: [&str; 7] = ["ah", "dst", "esp", "frag", "hbh", "mh", "rt"];

pub(super) fn is_header(module: &str) -> bool {
    HEADERS.contains(&module)
}

/// Options that are no condition, and take one argument, which may look like
/// an option.
const TEXT: [&str; 3] = ["--comment", "--string", "--hex-string"];

pub(super) fn is_known(module: &str) -> bool {
    KNOWN.contains(&module)
}

/// The number of a protocol, by name or number: /etc/protocols.
pub(in crate::netfilter) fn protocol(name: &str) -> Option<u8> {
    let known = [
        ("all", 0),
        ("icmp", 1),
        ("igmp", 2),
        ("ipencap", 4),
        ("tcp", 6),
        ("udp", 17),
        ("dccp", 33),
        ("ipv6", 41),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("ospf", 89),
        ("ipip", 94),
        ("pim", 103),
        ("vrrp", 112),
        ("l2tp", 115),
        ("sctp", 132),
        ("udplite", 136),
    ];
    let row = known.iter().find(|row| row.0.eq_ignore_ascii_case(name));
    row.map(|row| row.1).or_else(|| name.parse().ok())
}

/// Reads an option that stands before the target.
pub(super) fn option(
    draft: &mut Draft,
    word: &Word<'_>,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    match &*word.text {
        "--sport" | "--source-port" | "--sports" | "--source-ports" => {
            ports(draft, reader, Test::SourcePort)
        }
        "--dport"
        | "--destination-port"
        | "--dports"
        | "--destination-ports" => ports(draft, reader, Test::DestinationPort),
        "--port" | "--ports" => ports(draft, reader, Test::EitherPort),
        "--state" | "--ctstate" => states(draft, reader),
        "--ctdir" => argument(draft, reader, |text| {
            let reply = match text {
                "REPLY" => true,
                "ORIGINAL" => false,
                _ => return None,
            };
            Some(connection(Connection::Reply(reply)))
        }),
        "--ctstatus" => argument(draft, reader, |text| {
            let bits = names(text, status)?;
            Some(connection(Connection::Status(bits)))
        }),
        "--ctorigdstport" => argument(draft, reader, |text| {
            port_list(text).map(|set| connection(Connection::OriginalPort(set)))
        }),
        "--src-range" => {
            let family = reader.family;
            argument(draft, reader, |text| {
                range(family, text).map(|set| Test::Source(Arc::new(set)))
            })
        }
        "--dst-range" => {
            let family = reader.family;
            argument(draft, reader, |text| {
                range(family, text).map(|set| Test::Destination(Arc::new(set)))
            })
        }
        "--src-type" => argument(draft, reader, |text| {
            names(text, AddressType::named).map(Test::SourceType)
        }),
        "--dst-type" => argument(draft, reader, |text| {
            names(text, AddressType::named).map(Test::DestinationType)
        }),
        "--mark" => argument(draft, reader, mark),
        "--match-set" => match_set(draft, reader),
        "--syn" => {
            draft.push(Test::Flags { mask: 0x17, value: 2 }, reader.negated);
            Ok(())
        }
        "--tcp-flags" => tcp_flags(draft, reader),
        text if TEXT.contains(&text) => reader.argument().map(|_| ()),
        text if text.starts_with('-') => {
            // What a header says is no more than that it is there.
            let header = draft.matches.last();
            if header.is_none_or(|last| last.test != Test::Header) {
                draft.doubt();
            }
            Ok(())
        }
        // The argument of an option that is not known.
        _ => Ok(()),
    }
}

/// xt_set.c: the name of a set, and whether each thing it holds is the
/// source's or the destination's.
fn match_set(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    let name = reader.argument()?;
    let directions = reader.argument()?;
    let family = reader.family;
    match reader.sets.asked(family, &name.text, &directions.text) {
        Asked::All(tests) if tests.len() == 1 || !reader.negated => {
            for test in tests {
                draft.push(test, reader.negated);
            }
        }
        _ => draft.doubt(),
    }
    Ok(())
}

/// Reads an argument; one that says nothing is a doubt.
fn argument(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    read: impl FnOnce(&str) -> Option<Test>,
) -> Result<(), Error> {
    let word = reader.argument()?;
    match read(&word.text) {
        Some(test) => draft.push(test, reader.negated),
        None => draft.doubt(),
    }
    Ok(())
}

fn ports(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    test: fn(PortSet) -> Test,
) -> Result<(), Error> {
    argument(draft, reader, |text| port_list(text).map(test))
}

/// Ports and ranges with commas between.
pub(super) fn port_list(text: &str) -> Option<PortSet> {
    let ranges = text.split(',').map(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let first = if first.is_empty() { 0 } else { first.parse().ok()? };
        let last =
            if last.is_empty() { u16::MAX } else { last.parse().ok()? };
        (first <= last).then_some((first, last))
    });
    ranges.collect::<Option<Vec<_>>>().map(PortSet::from_ranges)
}

fn connection(of: Connection) -> Test {
    Test::Connection { of, without: false }
}

fn states(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    argument(draft, reader, |text| names(text, State::named).map(Test::State))
}

fn status(name: &str) -> Option<Status> {
    // xt_conntrack writes it without the hyphen.
    let seen = name.eq_ignore_ascii_case("SEEN_REPLY");
    if seen { Some(Status::SeenReply) } else { Status::named(name) }
}

/// The union of what names with commas between stand for.
fn names<T: std::ops::BitOr<Output = T>>(
    text: &str,
    named: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let mut all = text.split(',').map(named);
    let first = all.next()??;
    all.try_fold(first, |bits, next| Some(bits | next?))
}

fn mark(text: &str) -> Option<Test> {
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    let values = RangeSet::one(number(value)?);
    Some(Test::Mark { mask: number(mask)?, values })
}

pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn tcp_flags(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    let mask = reader.argument()?;
    argument(draft, reader, |value| {
        let (mask, value) = (flag_bits(&mask.text)?, flag_bits(value)?);
        Some(Test::Flags { mask, value })
    })
}

/// The bits of TCP flags: the byte 13 of the header.
fn flag_bits(text: &str) -> Option<u8> {
    text.split(',').try_fold(0, |bits, name| {
        let bit = match name {
            "FIN" => 0x01,
            "SYN" => 0x02,
            "RST" => 0x04,
            "PSH" => 0x08,
            "ACK" => 0x10,
            "URG" => 0x20,
            "ALL" => 0x3f,
            "NONE" => 0,
            _ => return None,
        };
        Some(bits | bit)
    })
}

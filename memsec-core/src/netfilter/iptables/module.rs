//! The options of match extensions: iptables-extensions(8).

use super::{
    address::{Parsed, range},
    extensions::{HEADERS, KNOWN, UNDECIDED},
    icmp, ports,
    protocol::protocol,
    rule::{Draft, Reader},
    words::Word,
};
use crate::{
    Error,
    net::{Family, PortSet, RangeSet},
    netfilter::{
        AddressType, Addresses, Connection, Match, PacketType, State, Status,
        Test,
    },
};

/// Options that are no condition, and take one argument, which may look like
/// an option.
const TEXT: [&str; 3] = ["--comment", "--string", "--hex-string"];

/// Begins an extension.
pub(super) fn begin(draft: &mut Draft, name: &str) {
    draft.module = Some((name.to_owned(), draft.matches.len()));
    if HEADERS.contains(&name) {
        draft.matches.push(Match::new(Test::Header));
    } else if UNDECIDED.contains(&name) {
        draft.undecided = true;
        draft.once(Test::Undecided);
    } else if name == "policy" {
        draft.undecided = true;
    } else if name == "rpfilter" {
        draft.push(Test::ReversePath { loose: false }, false);
    } else if !KNOWN.contains(&name) {
        draft.undecided = true;
        draft.doubt();
    }
}

/// Reads an option that stands before the target.
pub(super) fn option(
    draft: &mut Draft,
    word: &Word<'_>,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    let family = reader.family;
    match &*word.text {
        "--sport" | "--source-port" | "--sports" | "--source-ports" => {
            ports(draft, reader, Test::SourcePort)
        }
        "--dport"
        | "--destination-port"
        | "--dports"
        | "--destination-ports" => ports(draft, reader, Test::DestinationPort),
        "--port" | "--ports" => ports(draft, reader, Test::EitherPort),
        "--state" | "--ctstate" => argument(draft, reader, |text| {
            names(text, State::named).map(Test::State)
        }),
        "--icmp-type" | "--icmpv6-type" => {
            draft.needs_protocol = true;
            argument(draft, reader, |text| {
                icmp::kinds(family, text).map(Test::Icmp)
            })
        }
        "--src-range" => argument(draft, reader, |text| {
            range(family, text).map(Test::Source)
        }),
        "--dst-range" => argument(draft, reader, |text| {
            range(family, text).map(Test::Destination)
        }),
        "--src-type" => argument(draft, reader, |text| {
            typed(family, text, Test::Source, Test::SourceType)
        }),
        "--dst-type" => argument(draft, reader, |text| {
            typed(family, text, Test::Destination, Test::DestinationType)
        }),
        "--pkt-type" => argument(draft, reader, |text| {
            let unicast = text.eq_ignore_ascii_case("unicast");
            let name = if unicast { "host" } else { text };
            PacketType::named(name).map(Test::PacketType)
        }),
        "--mark" => mark(draft, reader),
        "--match-set" => match_set(draft, reader),
        "--dir" => direction(draft, reader),
        "--pol" => ipsec(draft, reader),
        "--syn" => {
            draft.needs_protocol = true;
            draft.push(Test::Flags { mask: 0x17, value: 2 }, reader.negated);
            Ok(())
        }
        "--tcp-flags" => tcp_flags(draft, reader),
        "--set" if !reader.negated && is(draft, "recent") => {
            noted(draft);
            Ok(())
        }
        text if text.starts_with("--ct") => connection(draft, text, reader),
        text if TEXT.contains(&text) => reader.argument().map(|_| ()),
        text => {
            rest(draft, text);
            Ok(())
        }
    }
}

fn is(draft: &Draft, name: &str) -> bool {
    draft.module.as_ref().is_some_and(|(module, _)| module == name)
}

/// xt_recent.c: what only writes a source down always matches.
fn noted(draft: &mut Draft) {
    let start = draft.module.as_ref().map_or(0, |(_, start)| *start);
    let mut at = 0;
    draft.matches.retain(|one| {
        at += 1;
        at <= start || one.test != Test::Undecided
    });
}

/// Options without an argument, and those that are not known.
fn rest(draft: &mut Draft, text: &str) {
    let module = draft.module.as_ref().map_or("", |(name, _)| name);
    match (text, module) {
        // The argument of an option that is not known.
        (text, _) if !text.starts_with('-') => {}
        ("--limit-iface-in" | "--limit-iface-out", "addrtype") => here(draft),
        ("--loose", "rpfilter") => reverse(draft, true, false),
        ("--invert", "rpfilter") => reverse(draft, false, true),
        ("--validmark", "rpfilter") => {}
        ("--accept-local", "rpfilter") => draft.once(Test::Undecided),
        ("--update-counters" | "--update-subcounters", "set") => {}
        ("--return-nomatch", "set") => draft.once(Test::Undecided),
        (text, "set")
            if text.starts_with("--packets-")
                || text.starts_with("--bytes-") =>
        {
            draft.once(Test::Undecided);
        }
        ("--strict" | "--next", "policy") => {}
        (_, "policy") => draft.once(Test::Undecided),
        // What a header says is no more than that it is there.
        (_, module) if HEADERS.contains(&module) => {}
        ("--chunk-types" | "--dccp-types" | "--dccp-option", _)
        | ("--tcp-option", _) => draft.once(Test::Undecided),
        _ if draft.undecided => {}
        _ => draft.doubt(),
    }
}

/// The types of an address. xt_addrtype.c, match_type6(): "unicast" is what
/// an IPv6 address looks like, whatever routing says; the rest is of those
/// that look so.
fn typed(
    family: Family,
    text: &str,
    looks: fn(Addresses) -> Test,
    is: fn(AddressType) -> Test,
) -> Option<Test> {
    let types = names(text, AddressType::named)?;
    match (family, types) {
        (Family::Ipv6, AddressType::Unicast) => Some(looks(unicast())),
        (Family::Ipv6, _) if types.meets(AddressType::Unicast) => None,
        _ => Some(is(types)),
    }
}

/// addrconf_core.c, __ipv6_addr_type(): all but ::, the IPv4 addresses that
/// are mapped, and the groups.
fn unicast() -> Addresses {
    let mapped = 0xffff << 32;
    let ranges = [(1, mapped - 1), (mapped + (1 << 32), (0xff << 120) - 1)];
    RangeSet::from_ranges(ranges)
}

/// Asks the interface alone for the types that this extension asks for.
fn here(draft: &mut Draft) {
    let start = draft.module.as_ref().map_or(0, |(_, start)| *start);
    for one in draft.matches.get_mut(start..).unwrap_or_default() {
        let (source, types) = match &one.test {
            Test::SourceType(types) => (true, *types),
            Test::DestinationType(types) => (false, *types),
            _ => continue,
        };
        one.test = Test::TypeHere { source, types };
    }
}

fn reverse(draft: &mut Draft, loosens: bool, inverts: bool) {
    let mut all = draft.matches.iter_mut().rev();
    let last = all.find_map(|one| match &mut one.test {
        Test::ReversePath { loose } => Some((loose, &mut one.negated)),
        _ => None,
    });
    if let Some((loose, negated)) = last {
        *loose |= loosens;
        *negated ^= inverts;
    }
}

/// xt_set.c: the name of a set, and whether each thing it holds is the
/// source's or the destination's.
fn match_set(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    let name = reader.argument()?;
    let negated = reader.negated;
    let directions = reader.argument()?;
    let family = reader.family;
    match reader.sets.asked(family, &name.text, &directions.text) {
        // ip_set_getport.c: what has no port, as a later fragment, is in no
        // set of them. (In xt_tcpudp.c, it is not outside of one either.)
        Some(
            test @ (Test::SourcePort(_)
            | Test::DestinationPort(_)
            | Test::Icmp(_)),
        ) if negated => {
            let within = Test::Either([vec![Match::new(test)]].into());
            draft.push(within, true);
        }
        Some(test) => draft.push(test, negated),
        None => draft.once(Test::Undecided),
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
    draft.needs_protocol = true;
    argument(draft, reader, |text| ports::list(text).map(test))
}

/// xt_conntrack.c: what the connection of a packet is.
fn connection(
    draft: &mut Draft,
    option: &str,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    if option == "--ctexpire" {
        reader.argument()?;
        // Without a connection it is decided, but who knows which.
        draft.push(Test::Undecided, false);
        return Ok(());
    }
    let address: fn(Addresses) -> Connection = match option {
        "--ctorigsrc" => Connection::OriginalSource,
        "--ctorigdst" => Connection::OriginalDestination,
        "--ctreplsrc" => Connection::ReplySource,
        "--ctrepldst" => Connection::ReplyDestination,
        _ => {
            return argument(draft, reader, |text| {
                of_connection(option, text).map(without)
            });
        }
    };
    match reader.addresses()? {
        Some(Parsed::Set(set)) => {
            draft.push(without(address(set)), reader.negated);
        }
        _ => draft.once(Test::Undecided),
    }
    Ok(())
}

fn of_connection(option: &str, text: &str) -> Option<Connection> {
    let ports = || ports::list(text);
    Some(match option {
        "--ctdir" => Connection::Reply(match text {
            "REPLY" => true,
            "ORIGINAL" => false,
            _ => return None,
        }),
        "--ctstatus" => Connection::Status(names(text, status)?),
        "--ctproto" => {
            Connection::OriginalProtocol(RangeSet::one(protocol(text)?))
        }
        "--ctorigsrcport" => Connection::OriginalSourcePort(ports()?),
        "--ctorigdstport" => Connection::OriginalPort(ports()?),
        "--ctreplsrcport" => Connection::ReplySourcePort(ports()?),
        "--ctrepldstport" => Connection::ReplyPort(ports()?),
        _ => return None,
    })
}

/// Whether it also names states shows at the end.
fn without(of: Connection) -> Test {
    Test::Connection { of, without: false }
}

fn status(name: &str) -> Option<Status> {
    if name.eq_ignore_ascii_case("NONE") {
        return Some(Status::default());
    }
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

/// The mark of the packet, or of its connection: both call it "--mark".
fn mark(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    let module = draft.module.as_ref().map_or("", |(name, _)| name);
    let connection = module == "connmark";
    argument(draft, reader, |text| {
        let (value, mask) = masked(text)?;
        let values = RangeSet::one(value);
        Some(if connection {
            Test::ConnectionMark { mask, values }
        } else {
            Test::Mark { mask, values }
        })
    })
}

/// Reads "VALUE" or "VALUE/MASK".
pub(super) fn masked(text: &str) -> Option<(u32, u32)> {
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    Some((number(value)?, number(mask)?))
}

/// Decimal, hexadecimal or octal, as strtoul(3) has it.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => {
            u32::from_str_radix(text, 8).ok()
        }
        None => text.parse().ok(),
    }
}

/// Whether a packet that goes out will be in IPsec is decided elsewhere.
fn direction(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    if reader.argument()?.text != "in" {
        draft.once(Test::Undecided);
    }
    Ok(())
}

fn ipsec(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    let none = reader.argument()?.text == "none";
    draft.push(Test::Ipsec, none);
    Ok(())
}

fn tcp_flags(draft: &mut Draft, reader: &mut Reader<'_>) -> Result<(), Error> {
    draft.needs_protocol = true;
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

//! The left side of a match.

use serde_json::Value;

use crate::{
    net::{Family, RangeSet},
    netfilter::{Match, Test},
};

/// What a match looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Source(Family),
    Destination(Family),
    SourcePort,
    DestinationPort,
    OriginalPort,
    Protocol,
    Family,
    In,
    Out,
    State,
    Direction,
    Status,
    /// TCP flags under a mask.
    Flags(u8),
    SourceType,
    DestinationType,
    Mark,
    Unknown,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A field, and the conditions that come with it: `tcp dport` implies TCP,
/// `ip saddr` implies IPv4, negated or not.
pub(super) fn read(left: &Value) -> (Field, Vec<Match>) {
    let known = if let Some(payload) = left.get("payload") {
        payload_field(payload)
    } else if let Some(meta) = left.get("meta") {
        meta_field(meta).map(|field| (field, Vec::new()))
    } else if let Some(ct) = left.get("ct") {
        ct_field(ct).map(|field| (field, Vec::new()))
    } else if let Some(fib) = left.get("fib") {
        fib_field(fib).map(|field| (field, Vec::new()))
    } else {
        masked_flags(left)
    };
    known.unwrap_or((Field::Unknown, Vec::new()))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn protocol(number: u8) -> Vec<Match> {
    vec![Match::new(Test::Protocol(RangeSet::one(number)))]
}

fn family(family: Family) -> Vec<Match> {
    vec![Match::new(Test::Family(family))]
}

fn payload_field(payload: &Value) -> Option<(Field, Vec<Match>)> {
    let field = match (text(payload, "protocol")?, text(payload, "field")?) {
        ("ip", "saddr") => (Field::Source(Family::Ipv4), family(Family::Ipv4)),
        ("ip", "daddr") => {
            (Field::Destination(Family::Ipv4), family(Family::Ipv4))
        }
        ("ip6", "saddr") => (Field::Source(Family::Ipv6), family(Family::Ipv6)),
        ("ip6", "daddr") => {
            (Field::Destination(Family::Ipv6), family(Family::Ipv6))
        }
        ("ip", "protocol") => (Field::Protocol, family(Family::Ipv4)),
        // An extension header hides the protocol from it.
        ("ip6", "nexthdr") => {
            let mut implied = family(Family::Ipv6);
            implied.push(Match::new(Test::Unknown));
            (Field::Protocol, implied)
        }
        ("ip", _) => (Field::Unknown, family(Family::Ipv4)),
        ("ip6", _) => (Field::Unknown, family(Family::Ipv6)),
        (header, name) => transport_field(header, name)?,
    };
    Some(field)
}

fn transport_field(header: &str, name: &str) -> Option<(Field, Vec<Match>)> {
    let implied = match header {
        "tcp" => protocol(TCP),
        "udp" => protocol(UDP),
        "icmp" => protocol(1),
        "icmpv6" => protocol(58),
        "sctp" => protocol(132),
        "dccp" => protocol(33),
        "udplite" => protocol(136),
        "ah" => protocol(51),
        "esp" => protocol(50),
        "comp" => protocol(108),
        "th" => Vec::new(),
        _ => return None,
    };
    let field = match name {
        "sport" => Field::SourcePort,
        "dport" => Field::DestinationPort,
        "flags" if header == "tcp" => Field::Flags(0xff),
        _ => Field::Unknown,
    };
    Some((field, implied))
}

fn meta_field(meta: &Value) -> Option<Field> {
    Some(match text(meta, "key")? {
        "iifname" | "iif" => Field::In,
        "oifname" | "oif" => Field::Out,
        "l4proto" => Field::Protocol,
        "nfproto" | "protocol" => Field::Family,
        "mark" => Field::Mark,
        _ => return None,
    })
}

fn ct_field(ct: &Value) -> Option<Field> {
    Some(match (text(ct, "key")?, text(ct, "dir")) {
        ("state", None) => Field::State,
        ("direction", None) => Field::Direction,
        ("status", None) => Field::Status,
        ("proto-dst", Some("original")) => Field::OriginalPort,
        _ => return None,
    })
}

fn fib_field(fib: &Value) -> Option<Field> {
    let flags = fib.get("flags")?.as_array()?;
    let flags: Option<Vec<_>> = flags.iter().map(Value::as_str).collect();
    match (text(fib, "result")?, flags?.as_slice()) {
        ("type", ["daddr"]) => Some(Field::DestinationType),
        ("type", ["saddr"]) => Some(Field::SourceType),
        _ => None,
    }
}

/// `tcp flags & (fin | syn)`.
fn masked_flags(left: &Value) -> Option<(Field, Vec<Match>)> {
    let [inner, mask] = left.get("&")?.as_array()?.as_slice() else {
        return None;
    };
    let (field, implied) = payload_field(inner.get("payload")?)?;
    (field == Field::Flags(0xff))
        .then_some((Field::Flags(flag_bits(mask)?), implied))
}

/// The bits of TCP flags: one, a list, or joined by "|".
pub(super) fn flag_bits(value: &Value) -> Option<u8> {
    if let Some(number) = value.as_u64() {
        return u8::try_from(number).ok();
    }
    // Two levels are what nft prints; deeper ones are not known.
    let joined = value.get("|").unwrap_or(value);
    super::value::words(joined)?.into_iter().try_fold(0, |bits, name| {
        let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
        let at = names.iter().position(|known| *known == name)?;
        Some(bits | 1 << at)
    })
}

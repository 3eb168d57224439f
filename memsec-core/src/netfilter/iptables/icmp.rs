//! The names of ICMP types: libxt_icmp.h of iptables.

use crate::{net::Family, netfilter::IcmpType};

/// A name, its type, and the code where it stands for one.
pub(crate) type Name = (&'static str, u8, Option<u8>);

/// What iptables calls them.
pub(crate) const V4: &[Name] = &[
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// What ip6tables calls them.
pub(crate) const V6: &[Name] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

/// What nft calls the others: files have these names too.
const OTHERS4: &[Name] = &[
    ("info-request", 15, None),
    ("info-reply", 16, None),
    ("traceroute", 30, None),
    ("photuris", 40, None),
];

const OTHERS6: &[Name] = &[
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("mld-listener-reduction", 132, None),
    ("router-renumbering", 138, None),
    ("mld2-listener-report", 143, None),
];

/// Reads a name, "TYPE" or "TYPE/CODE".
pub(in crate::netfilter) fn kinds(
    family: Family,
    text: &str,
) -> Option<Vec<IcmpType>> {
    let any = (0, u8::MAX);
    if matches!((family, text), (_, "any") | (Family::Ipv4, "255")) {
        let all = 0..=u8::MAX;
        return Some(all.map(|kind| IcmpType { kind, codes: any }).collect());
    }
    let (names, others) = match family {
        Family::Ipv4 => (V4, OTHERS4),
        Family::Ipv6 => (V6, OTHERS6),
    };
    let same = |row: &&Name| row.0.eq_ignore_ascii_case(text);
    if let Some((_, kind, code)) = names.iter().chain(others).find(same) {
        let codes = code.map_or(any, |code| (code, code));
        return Some(vec![IcmpType { kind: *kind, codes }]);
    }
    let (kind, code) = text.split_once('/').unwrap_or((text, ""));
    let codes = match code {
        "" => any,
        code => {
            let code = code.parse().ok()?;
            (code, code)
        }
    };
    Some(vec![IcmpType { kind: kind.parse().ok()?, codes }])
}

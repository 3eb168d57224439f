//! The types of ICMP messages by the names that firewalld has for them.

use crate::net::Family;

/// Family, name, type, and the code if it has one.
type Row = (Family, &'static str, u8, Option<u8>);

use Family::{Ipv4 as V4, Ipv6 as V6};

const TYPES: [Row; 57] = [
    (V4, "communication-prohibited", 3, Some(13)),
    (V4, "destination-unreachable", 3, None),
    (V4, "echo-reply", 0, None),
    (V4, "echo-request", 8, None),
    (V4, "fragmentation-needed", 3, Some(4)),
    (V4, "host-precedence-violation", 3, Some(14)),
    (V4, "host-prohibited", 3, Some(10)),
    (V4, "host-redirect", 5, Some(1)),
    (V4, "host-unknown", 3, Some(7)),
    (V4, "host-unreachable", 3, Some(1)),
    (V4, "ip-header-bad", 12, Some(1)),
    (V4, "network-prohibited", 3, Some(8)),
    (V4, "network-redirect", 5, Some(0)),
    (V4, "network-unknown", 3, Some(6)),
    (V4, "network-unreachable", 3, Some(0)),
    (V4, "parameter-problem", 12, None),
    (V4, "port-unreachable", 3, Some(3)),
    (V4, "precedence-cutoff", 3, Some(15)),
    (V4, "protocol-unreachable", 3, Some(2)),
    (V4, "redirect", 5, None),
    (V4, "required-option-missing", 12, Some(1)),
    (V4, "router-advertisement", 9, None),
    (V4, "router-solicitation", 10, None),
    (V4, "source-quench", 4, None),
    (V4, "source-route-failed", 3, Some(5)),
    (V4, "time-exceeded", 11, None),
    (V4, "timestamp-reply", 14, None),
    (V4, "timestamp-request", 13, None),
    (V4, "tos-host-redirect", 5, Some(3)),
    (V4, "tos-host-unreachable", 3, Some(12)),
    (V4, "tos-network-redirect", 5, Some(2)),
    (V4, "tos-network-unreachable", 3, Some(11)),
    (V4, "ttl-zero-during-reassembly", 11, Some(1)),
    (V4, "ttl-zero-during-transit", 11, Some(0)),
    (V6, "address-unreachable", 1, Some(3)),
    (V6, "bad-header", 4, Some(0)),
    (V6, "beyond-scope", 1, Some(2)),
    (V6, "communication-prohibited", 1, Some(1)),
    (V6, "destination-unreachable", 1, None),
    (V6, "echo-reply", 129, None),
    (V6, "echo-request", 128, None),
    (V6, "failed-policy", 1, Some(5)),
    (V6, "neighbour-advertisement", 136, None),
    (V6, "neighbour-solicitation", 135, None),
    (V6, "no-route", 1, Some(0)),
    (V6, "packet-too-big", 2, None),
    (V6, "parameter-problem", 4, None),
    (V6, "port-unreachable", 1, Some(4)),
    (V6, "redirect", 137, None),
    (V6, "reject-route", 1, Some(6)),
    (V6, "router-advertisement", 134, None),
    (V6, "router-solicitation", 133, None),
    (V6, "time-exceeded", 3, None),
    (V6, "ttl-zero-during-reassembly", 3, Some(1)),
    (V6, "ttl-zero-during-transit", 3, Some(0)),
    (V6, "unknown-header-type", 4, Some(1)),
    (V6, "unknown-option", 4, Some(2)),
];

/// The types of a name, of each family that has it.
pub(super) fn types(name: &str) -> impl Iterator<Item = &'static Row> {
    TYPES.iter().filter(move |row| row.1 == name)
}

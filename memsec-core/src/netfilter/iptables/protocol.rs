/// Names of /etc/protocols, and their numbers.
const PROTOCOLS: [(&str, u8); 33] = [
    ("all", 0),
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ipip", 94),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

/// The number of a protocol, by name or number.
pub(crate) fn protocol(name: &str) -> Option<u8> {
    let row = PROTOCOLS.iter().find(|row| row.0.eq_ignore_ascii_case(name));
    row.map(|row| row.1).or_else(|| name.parse().ok())
}

/// The name of a protocol.
pub(crate) fn protocol_name(number: u8) -> Option<&'static str> {
    match number {
        0 => None,
        58 => Some("icmpv6"),
        _ => PROTOCOLS.iter().find(|row| row.1 == number).map(|row| row.0),
    }
}

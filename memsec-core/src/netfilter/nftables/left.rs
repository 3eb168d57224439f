//! The left side of a match: nft(8), "expressions".

use serde_json::Value;

use super::field::{Field, Operand, Tuple};
use crate::{
    net::{Family, RangeSet},
    netfilter::{Connection, Families, Match, Test},
};

/// Fields, and the conditions that come with them: `tcp dport` implies TCP,
/// `ip saddr` implies IPv4, negated or not.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub operands: Vec<Operand>,
    pub implied: Vec<Match>,
    several: bool,
}

impl Left {
    /// Reads it for a table of `families`.
    pub(super) fn new(value: &Value, families: Families) -> Self {
        let parts = match value.get("concat").and_then(Value::as_array) {
            Some(parts) => parts.as_slice(),
            None => std::slice::from_ref(value),
        };
        let several = parts.len() > 1;
        let mut left = Self { several, ..Self::default() };
        for part in parts {
            let operand = left.operand(part, families);
            left.operands.push(operand);
        }
        left
    }

    fn operand(&mut self, value: &Value, families: Families) -> Operand {
        // nft folds what it is given: two operations are what it prints.
        let mut operations = Vec::new();
        let mut value = value;
        while let (Some((op, left, right)), true) =
            (operation(value), operations.len() < 4)
        {
            operations.push((op, right));
            value = left;
        }
        let field = self.field(value, families);
        let whole = Operand { field, mask: field.last(), flip: 0 };
        let folded = operations.into_iter().rev().try_fold(whole, apply);
        folded.unwrap_or(Operand { field: Field::Unknown, ..whole })
    }

    fn field(&mut self, value: &Value, families: Families) -> Field {
        let Some((kind, inner)) =
            value.as_object().and_then(|o| o.iter().next())
        else {
            return Field::Unknown;
        };
        match kind.as_str() {
            "payload" if inner.get("base").is_some() => {
                raw(inner, families).unwrap_or(Field::Undecided)
            }
            "payload" => self.payload(inner, families),
            "meta" => meta(text(inner, "key")),
            "ct" => self.ct(inner, families),
            "fib" => fib(inner).unwrap_or(Field::Undecided),
            "exthdr" => Field::Header,
            "numgen" | "jhash" | "symhash" | "socket" | "osf" | "ipsec"
            | "rt" | "tcp option" | "ip option" | "sctp chunk"
            | "dccp option" => Field::Undecided,
            _ => Field::Unknown,
        }
    }

    fn payload(&mut self, payload: &Value, families: Families) -> Field {
        let (header, name) =
            (text(payload, "protocol"), text(payload, "field"));
        let family = match header {
            "ip" => Family::Ipv4,
            "ip6" => Family::Ipv6,
            _ => return self.transport(header, name, families),
        };
        self.implies_family(family, families);
        match (family, name) {
            (_, "saddr") => Field::Source(family),
            (_, "daddr") => Field::Destination(family),
            (Family::Ipv4, "protocol") => Field::Protocol,
            (Family::Ipv6, "nexthdr") => Field::NextHeader,
            (Family::Ipv4, "frag-off") => Field::Fragment,
            _ => Field::Undecided,
        }
    }

    fn transport(
        &mut self,
        header: &str,
        name: &str,
        families: Families,
    ) -> Field {
        let number = match header {
            "th" => None,
            "ether" | "vlan" | "arp" => return Field::Undecided,
            header => match PROTOCOLS.iter().find(|row| row.0 == header) {
                Some(row) => Some(row.1),
                None => return Field::Unknown,
            },
        };
        // proto_inet: ICMP is of IPv4 there, ICMPv6 of IPv6.
        match header {
            "icmp" | "igmp" => self.implies_family(Family::Ipv4, families),
            "icmpv6" => self.implies_family(Family::Ipv6, families),
            _ => {}
        }
        if let Some(number) = number {
            let one = Test::Protocol(RangeSet::one(number));
            self.implied.push(Match::new(one));
        }
        match (header, name) {
            (_, "sport") => Field::SourcePort,
            (_, "dport") => Field::DestinationPort,
            ("tcp", "flags") => Field::Flags,
            ("icmp", "type") => Field::IcmpType(Family::Ipv4),
            ("icmp", "code") => Field::IcmpCode(Family::Ipv4),
            ("icmpv6", "type") => Field::IcmpType(Family::Ipv6),
            ("icmpv6", "code") => Field::IcmpCode(Family::Ipv6),
            _ => Field::Undecided,
        }
    }

    fn implies_family(&mut self, family: Family, families: Families) {
        if families == Families::Both {
            self.implied.push(Match::new(Test::Family(family)));
        }
    }

    fn ct(&mut self, ct: &Value, families: Families) -> Field {
        let (key, dir) = (text(ct, "key"), text(ct, "dir"));
        if key == "state" {
            return Field::State;
        }
        let (field, says) = match key {
            "direction" => (Field::Direction, true),
            "status" => (Field::Status, true),
            "mark" => (Field::ConnectionMark, true),
            "l3proto" => (Field::Family, false),
            "protocol" => (Field::Original(Tuple::Protocol), true),
            _ => match (tuple(key, families), dir) {
                (Some(tuple), "original") => (Field::Original(tuple), true),
                (Some(tuple), "reply") => (Field::Reply(tuple), true),
                _ => (Field::Undecided, false),
            },
        };
        // Nor does it go on where the connection is of the other family.
        match key.split(' ').next() {
            Some("ip") => self.implies_family(Family::Ipv4, families),
            Some("ip6") => self.implies_family(Family::Ipv6, families),
            _ => {}
        }
        // Without a connection the rule breaks off, whatever is compared:
        // nft_ct.c. Alone, most conditions say that themselves.
        if !says || self.several {
            let of = Connection::Any;
            let any = Test::Connection { of, without: false };
            self.implied.push(Match::new(any));
        }
        field
    }
}

/// The headers behind that of IP.
const PROTOCOLS: [(&str, u8); 11] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("igmp", 2),
    ("icmpv6", 58),
    ("sctp", 132),
    ("dccp", 33),
    ("udplite", 136),
    ("ah", 51),
    ("esp", 50),
    ("comp", 108),
];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn operation(value: &Value) -> Option<(&str, &Value, &Value)> {
    let (op, sides) = value.as_object()?.iter().next()?;
    let known = matches!(op.as_str(), "&" | "|" | "^");
    match sides.as_array()?.as_slice() {
        [left, right] if known => Some((op, left, right)),
        _ => None,
    }
}

fn apply(operand: Operand, (op, right): (&str, &Value)) -> Option<Operand> {
    let bits = super::domain::number(operand.field, &super::Piece::of(right))?;
    let Operand { field, mask, flip } = operand;
    Some(match op {
        "&" => Operand { field, mask: mask & bits, flip: flip & bits },
        "^" => Operand { field, mask, flip: flip ^ bits },
        _ => Operand { field, mask: mask & !bits, flip: flip | bits },
    })
}

fn tuple(key: &str, families: Families) -> Option<Tuple> {
    let family = match families {
        Families::Only(family) => Some(family),
        Families::Both => None,
    };
    Some(match key {
        "ip saddr" => Tuple::Source(Family::Ipv4),
        "ip6 saddr" => Tuple::Source(Family::Ipv6),
        "ip daddr" => Tuple::Destination(Family::Ipv4),
        "ip6 daddr" => Tuple::Destination(Family::Ipv6),
        "saddr" => Tuple::Source(family?),
        "daddr" => Tuple::Destination(family?),
        "proto-src" => Tuple::SourcePort,
        "proto-dst" => Tuple::DestinationPort,
        "protocol" => Tuple::Protocol,
        _ => return None,
    })
}

fn meta(key: &str) -> Field {
    match key {
        "iifname" | "iif" => Field::In,
        "oifname" | "oif" => Field::Out,
        "l4proto" => Field::Protocol,
        "nfproto" | "protocol" => Field::Family,
        "mark" => Field::Mark,
        "pkttype" => Field::PacketType,
        "" => Field::Unknown,
        _ => Field::Undecided,
    }
}

fn fib(fib: &Value) -> Option<Field> {
    let flags = fib.get("flags")?;
    let flags = match flags.as_array() {
        Some(flags) => {
            flags.iter().map(Value::as_str).collect::<Option<_>>()?
        }
        None => vec![flags.as_str()?],
    };
    // A mark only chooses among routes, which are not told apart by it.
    let flags: Vec<&str> = flags.into_iter().filter(|f| *f != "mark").collect();
    Some(match (text(fib, "result"), flags.as_slice()) {
        ("type", ["daddr"]) => Field::DestinationType,
        ("type", ["saddr"]) => Field::SourceType,
        ("type", ["daddr", "iif" | "oif"]) => Field::DestinationTypeHere,
        ("type", ["saddr", "iif" | "oif"]) => Field::SourceTypeHere,
        ("oif" | "oifname", ["saddr"]) => Field::ReversePath { loose: true },
        ("oif" | "oifname", ["saddr", "iif"]) => {
            Field::ReversePath { loose: false }
        }
        _ => return None,
    })
}

/// Bits of a packet: a field, if they are all of it.
fn raw(payload: &Value, families: Families) -> Option<Field> {
    let number = |key| payload.get(key).and_then(Value::as_u64);
    let at = (text(payload, "base"), number("offset")?, number("len")?);
    Some(match (at, families) {
        (("th", 0, 16), _) => Field::SourcePort,
        (("th", 16, 16), _) => Field::DestinationPort,
        (("nh", 72, 8), Families::Only(Family::Ipv4)) => Field::Protocol,
        (("nh", 48, 16), Families::Only(Family::Ipv4)) => Field::Fragment,
        (("nh", 96, 32), Families::Only(Family::Ipv4)) => {
            Field::Source(Family::Ipv4)
        }
        (("nh", 128, 32), Families::Only(Family::Ipv4)) => {
            Field::Destination(Family::Ipv4)
        }
        (("nh", 48, 8), Families::Only(Family::Ipv6)) => Field::NextHeader,
        (("nh", 64, 128), Families::Only(Family::Ipv6)) => {
            Field::Source(Family::Ipv6)
        }
        (("nh", 192, 128), Families::Only(Family::Ipv6)) => {
            Field::Destination(Family::Ipv6)
        }
        _ => return None,
    })
}

//! Statements that do something to a packet: marks, translations.

use std::collections::HashMap;

use serde_json::Value;

use super::{Piece, condition, domain, field::Field, left::Left, set::Sets};
use crate::{
    net::{Family, RangeSet},
    netfilter::{
        Action, Families, MarkChange, Marking, Match, Refusal, Test,
        Translated, Translation,
    },
};

/// How a rule goes on behind a statement.
pub(super) enum Way {
    /// As if it were not there.
    Nothing,
    /// It does that, and goes on.
    Passes(Action),
    /// It does that, under some conditions more.
    Ends(Vec<Match>, Action),
    /// It does one of these, if the last holds, and goes on if it does.
    Looks(Vec<(Vec<Match>, Action)>, Vec<Match>),
    /// One of these, and nothing else.
    Branches(Vec<(Vec<Match>, Action)>),
    Unknown,
}

/// More different translations than this are not told apart.
const BRANCHES: usize = 64;

/// Reads a statement that is no condition and no verdict.
pub(super) fn way(
    kind: &str,
    value: &Value,
    families: Families,
    sets: &Sets<'_>,
) -> Way {
    match kind {
        "mangle" => mangle(value, families, sets),
        "notrack" => Way::Passes(Action::NoTrack),
        "ct helper" | "ct timeout" | "ct expectation" | "dup" | "flow"
        | "secmark" | "tcp option" => Way::Nothing,
        "reject" => Way::Ends(answerable(value), refusal(value)),
        "masquerade" => Way::Ends(Vec::new(), source()),
        "snat" => Way::Ends(family(value, families), source()),
        "queue" => Way::Ends(Vec::new(), queue(value)),
        "redirect" | "dnat" => destination(kind, value, families, sets),
        _ => Way::Unknown,
    }
}

/// What a reject is for, by the answer that it sends: nft lists no family
/// and no protocol beside it where the answer implies them.
fn answerable(value: &Value) -> Vec<Match> {
    let test = match value.get("type").and_then(Value::as_str) {
        Some("icmp") => Test::Family(Family::Ipv4),
        Some("icmpv6") => Test::Family(Family::Ipv6),
        Some("tcp reset") => Test::Protocol(RangeSet::range(6, 6)),
        _ => return Vec::new(),
    };
    vec![Match::new(test)]
}

fn refusal(value: &Value) -> Action {
    let reset = value.get("type").is_some_and(|kind| kind == "tcp reset");
    Action::Reject(if reset { Refusal::Reset } else { Refusal::Error })
}

/// A translation of the source.
pub(super) fn source() -> Action {
    Action::Translate(Translation { of: Translated::Source, ports: None })
}

/// A translation of the destination to anything.
pub(super) fn somewhere() -> Action {
    let ports = Some((0, u16::MAX));
    Action::Translate(Translation { of: Translated::Unknown, ports })
}

fn queue(value: &Value) -> Action {
    let bypass = match value.get("flags") {
        Some(Value::Array(all)) => all.iter().any(|flag| flag == "bypass"),
        Some(one) => one == "bypass",
        None => false,
    };
    Action::Queue { bypass }
}

fn mangle(value: &Value, families: Families, sets: &Sets<'_>) -> Way {
    let key = |pointer| value.pointer(pointer).and_then(Value::as_str);
    let set = value.get("value").unwrap_or(&Value::Null);
    let [packet, connection] =
        ["/key/meta/key", "/key/ct/key"].map(|at| key(at) == Some("mark"));
    if let (true, Some(map)) = (packet || connection, set.get("map")) {
        return looked_up(map, families, sets, packet).unwrap_or(Way::Unknown);
    }
    match (key("/key/meta/key"), key("/key/ct/key")) {
        (Some("mark"), _) => Way::Passes(Action::Mark(marking(set, true))),
        (_, Some("mark")) => Way::Passes(Action::Mark(marking(set, false))),
        (None, Some("zone")) => Way::Passes(Action::Zone),
        (Some("pkttype" | "broute"), _) => Way::Unknown,
        (Some(_), _) | (_, Some(_)) => Way::Nothing,
        _ if value.pointer("/key/tcp option").is_some() => Way::Nothing,
        _ => match key("/key/payload/field") {
            Some(
                "dscp" | "ecn" | "ttl" | "hoplimit" | "flowlabel" | "id"
                | "checksum" | "mss",
            ) => Way::Nothing,
            _ => Way::Unknown,
        },
    }
}

/// A mark that a map tells: without an entry the rule breaks off.
fn looked_up(
    map: &Value,
    families: Families,
    sets: &Sets<'_>,
    packet: bool,
) -> Option<Way> {
    let key = Left::new(map.get("key")?, families);
    let groups = grouped(map.get("data")?, sets)?;
    if groups.len() > BRANCHES {
        return None;
    }
    let mut all = Vec::new();
    let mut branches = Vec::new();
    for (keys, data) in groups {
        let matches = condition::keyed(&key, &keys)?;
        branches.push((matches, Action::Mark(marking(data, packet))));
        all.extend(keys);
    }
    Some(Way::Looks(branches, condition::keyed(&key, &all)?))
}

/// What a mark is set to: the packet's, or its connection's.
fn marking(value: &Value, packet: bool) -> Marking {
    let all = u32::MAX;
    let change = |keep, flip| {
        let change = MarkChange { keep, flip };
        let of = if packet { Marking::Packet } else { Marking::Connection };
        of(change)
    };
    if let Some(number) = domain::number(Field::Mark, &Piece::of(value)) {
        let number = u32::try_from(number).ok();
        return number.map_or(Marking::Unknown, |n| change(0, n));
    }
    let left = Left::new(value, Families::Both);
    let [operand] = left.operands.as_slice() else { return Marking::Unknown };
    let bits = (u32::try_from(operand.mask), u32::try_from(operand.flip));
    let (Ok(mask), Ok(flip)) = bits else { return Marking::Unknown };
    match (operand.field, packet) {
        (Field::Mark, true) | (Field::ConnectionMark, false) => {
            change(mask, flip)
        }
        (Field::Mark, false) if flip == 0 => {
            Marking::Save { from: mask, to: all }
        }
        (Field::ConnectionMark, true) if flip == 0 => {
            Marking::Restore { from: mask, to: all }
        }
        _ => Marking::Unknown,
    }
}

/// In a table of both families, it translates those of its own: nft_nat.c.
fn family(value: &Value, families: Families) -> Vec<Match> {
    let family = own_family(value, families);
    let of = match (families, family) {
        (Families::Both, Some(family)) => Test::Family(family),
        _ => return Vec::new(),
    };
    vec![Match::new(of)]
}

fn own_family(value: &Value, families: Families) -> Option<Family> {
    match (value.get("family").and_then(Value::as_str), families) {
        (Some("ip"), _) => Some(Family::Ipv4),
        (Some("ip6"), _) => Some(Family::Ipv6),
        (_, Families::Only(family)) => Some(family),
        _ => None,
    }
}

fn destination(
    kind: &str,
    value: &Value,
    families: Families,
    sets: &Sets<'_>,
) -> Way {
    let conditions = family(value, families);
    let to = To {
        redirect: kind == "redirect",
        family: own_family(value, families),
        network: value.get("type_flags").is_some_and(|f| f == "prefix"),
    };
    let (address, port) = (value.get("addr"), value.get("port"));
    let map =
        |side: Option<&'_ Value>| side.and_then(|v| v.get("map")).cloned();
    let branches = match (map(address), map(port)) {
        (Some(map), None) => branches(&map, families, sets, |data| {
            to.translation(Some(data), port)
        }),
        (None, Some(map)) => branches(&map, families, sets, |data| {
            to.translation(address, Some(data))
        }),
        (None, None) => {
            let to = Action::Translate(to.translation(address, port));
            return Way::Ends(conditions, to);
        }
        (Some(_), Some(_)) => None,
    };
    match branches {
        Some(all) if all.len() <= BRANCHES => {
            let all = all.into_iter().map(|(own, action)| {
                (conditions.iter().cloned().chain(own).collect(), action)
            });
            Way::Branches(all.collect())
        }
        _ => {
            let mut conditions = conditions;
            conditions.push(Match::new(Test::Undecided));
            Way::Ends(conditions, somewhere())
        }
    }
}

/// The translations of a map, each with the keys that lead to it.
fn branches(
    map: &Value,
    families: Families,
    sets: &Sets<'_>,
    translation: impl Fn(&Value) -> Translation,
) -> Option<Vec<(Vec<Match>, Action)>> {
    let key = Left::new(map.get("key")?, families);
    let groups = grouped(map.get("data")?, sets)?;
    let branch = |(keys, data): (Vec<Piece<'_>>, &Value)| {
        let matches = condition::keyed(&key, &keys)?;
        Some((matches, Action::Translate(translation(data))))
    };
    groups.into_iter().map(branch).collect()
}

/// The keys of a map, together where they lead to the same.
pub(super) fn grouped<'p>(
    data: &'p Value,
    sets: &'p Sets<'_>,
) -> Option<Vec<(Vec<Piece<'p>>, &'p Value)>> {
    let mut groups: Vec<(Vec<Piece<'p>>, &'p Value)> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut take = |key: Piece<'p>, to: &'p Value| {
        let at = *index.entry(to.to_string()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.0.push(key),
            None => groups.push((vec![key], to)),
        }
    };
    if let Some(name) = data.as_str() {
        for (key, to) in sets.pairs(name.strip_prefix('@')?)? {
            take(key.clone(), to);
        }
        return Some(groups);
    }
    for pair in data.get("set")?.as_array()? {
        let [key, to] = pair.as_array()?.as_slice() else { return None };
        take(Piece::of(key), to);
    }
    Some(groups)
}

/// Where a translation may lead.
struct To {
    redirect: bool,
    family: Option<Family>,
    /// True if it keeps the bits of the host.
    network: bool,
}

impl To {
    fn translation(
        &self,
        address: Option<&Value>,
        port: Option<&Value>,
    ) -> Translation {
        let (address, own) = match address.and_then(|a| a.get("concat")) {
            Some(Value::Array(parts)) => (parts.first(), parts.get(1)),
            _ => (address, None),
        };
        let ports = own.or(port).map(|port| {
            let range = domain::range(Field::SourcePort, &Piece::of(port));
            let short = |n| u16::try_from(n).ok();
            let range = range.and_then(|(a, b)| Some((short(a)?, short(b)?)));
            range.unwrap_or((0, u16::MAX))
        });
        Translation { of: self.of(address), ports }
    }

    fn of(&self, address: Option<&Value>) -> Translated {
        if self.redirect {
            return Translated::Redirect;
        }
        let Some(address) = address else {
            return Translated::Destination(None);
        };
        let range = self.family.and_then(|family| {
            domain::range(Field::Destination(family), &Piece::of(address))
        });
        match (range, self.family) {
            (Some(range), Some(family)) if self.network => {
                network(range, family).unwrap_or(Translated::Unknown)
            }
            (Some(range), _) => Translated::Destination(Some(range)),
            _ => Translated::Unknown,
        }
    }
}

/// A range as the network that it is.
fn network((first, last): (u128, u128), family: Family) -> Option<Translated> {
    let host = first ^ last;
    let aligned = host.wrapping_add(1) & host == 0 && first & host == 0;
    let width = family.last().count_ones();
    let prefix = u8::try_from(width - host.count_ones()).ok()?;
    aligned.then_some(Translated::Network { address: first, prefix })
}

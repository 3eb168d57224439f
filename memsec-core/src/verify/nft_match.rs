//! The conditions of nft's rules, as its JSON has them.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::Value;

use super::{
    marks::Marked,
    rules::{Field, TCP, Test, UDP},
    segments::Range,
    words::addresses,
};

/// The elements of named sets and maps; `None` for one that rules change.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, Option<Vec<Value>>>);

impl Names {
    pub(super) fn define(&mut self, name: &str, value: &Value) {
        let flags = value.get("flags").map(ToString::to_string);
        let changes = flags.is_some_and(|flags| {
            flags.contains("timeout") || flags.contains("dynamic")
        });
        let elements = value.get("elem").and_then(Value::as_array);
        let elements = elements.cloned().unwrap_or_default();
        self.0.insert(name.to_owned(), (!changes).then_some(elements));
    }

    /// Takes a set away that rules change.
    pub(super) fn forget(&mut self, name: &str) {
        let name = name.trim_start_matches('@');
        self.0.insert(name.to_owned(), None);
    }

    /// The elements of a set, as they are written.
    pub(super) fn listed(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        let all = self.0.get(name).into_iter().flatten().flatten();
        all.map(text).collect()
    }

    fn named(&self, text: &str) -> Option<&[Value]> {
        self.0.get(text.strip_prefix('@')?)?.as_deref()
    }

    /// The pairs of a map.
    pub(super) fn pairs(&self, data: &Value) -> Option<Vec<(Value, Value)>> {
        let elements = match data {
            Value::String(name) => self.named(name)?,
            data => data.get("set")?.as_array()?,
        };
        let pair = |element: &Value| match element.as_array()?.as_slice() {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        };
        elements.iter().map(pair).collect()
    }

    /// What a right side stands for, one by one.
    fn values(&self, right: &Value) -> Option<Vec<Value>> {
        match right {
            Value::String(name) if name.starts_with('@') => {
                self.named(name).map(<[Value]>::to_vec)
            }
            Value::Array(all) => Some(all.clone()),
            Value::Object(object) if object.contains_key("set") => {
                object.get("set")?.as_array().cloned()
            }
            one => Some(vec![one.clone()]),
        }
    }

    fn texts(&self, right: &Value) -> Option<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_lowercase);
        self.values(right)?.iter().map(text).collect()
    }

    fn ranges(&self, right: &Value) -> Option<Vec<Range>> {
        self.values(right)?.iter().map(range).collect()
    }
}

/// An address, a port, a network or a range.
fn range(value: &Value) -> Option<Range> {
    if let Some(number) = value.as_u64() {
        return Some((number.into(), number.into()));
    }
    if let Some(text) = value.as_str() {
        return addresses(text);
    }
    if let Some(prefix) = value.get("prefix") {
        let address = prefix.get("addr")?.as_str()?;
        let length = prefix.get("len")?.as_u64()?;
        return addresses(&format!("{address}/{length}"));
    }
    match value.get("range")?.as_array()?.as_slice() {
        [first, last] => Some((range(first)?.0, range(last)?.1)),
        _ => None,
    }
}

/// Whether it says what iptables cannot.
pub(super) fn is_own(condition: &Value) -> bool {
    let right = condition.get("right");
    let set = right.is_some_and(|right| {
        right.get("set").is_some()
            || right.as_str().is_some_and(|text| text.starts_with('@'))
    });
    let left = condition.get("left").and_then(|left| left.get("payload"));
    let any = left.and_then(|left| left.get("protocol"));
    set || any.and_then(Value::as_str) == Some("th")
}

/// The conditions that a match stands for; `None` for one that is not read.
pub(super) fn tests(condition: &Value, sets: &Names) -> Option<Vec<Test>> {
    let not = match condition.get("op")?.as_str()? {
        "==" | "in" => false,
        "!=" => true,
        _ => return None,
    };
    let mut tests =
        equals(condition.get("left")?, condition.get("right")?, sets)?;
    // What the condition is about must be there in any case.
    if let Some(last) = tests.last_mut() {
        last.not ^= not;
    }
    Some(tests)
}

/// The conditions that what stands left is what stands right, the last of
/// them the one that says so.
pub(super) fn equals(
    left: &Value,
    right: &Value,
    sets: &Names,
) -> Option<Vec<Test>> {
    let (kind, of) = left.as_object()?.iter().next()?;
    let text = |member| of.get(member).and_then(Value::as_str);
    match kind.as_str() {
        "payload" => payload(text("protocol")?, text("field")?, right, sets),
        "meta" => Some(vec![is(meta(text("key")?, right, sets)?)]),
        "ct" => {
            let family = text("key")?.split_once(' ');
            let six = family.map(|(name, _)| is(Field::Six(name == "ip6")));
            Some(six.into_iter().chain([is(ct(of, right, sets)?)]).collect())
        }
        "fib" => fib(text("result")?, of.get("flags")?, right, sets)
            .map(|test| vec![test]),
        "&" => masked_mark(of, right).or_else(|| flags(of, right)),
        _ => None,
    }
}

/// What routing says of a destination, or of the way back to a source.
fn fib(
    result: &str,
    flags: &Value,
    right: &Value,
    sets: &Names,
) -> Option<Test> {
    let flags: Vec<_> = match flags {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str()?],
    };
    // A mark chooses among tables of routes, and there is one.
    let told = flags.iter().copied().filter(|flag| *flag != "mark");
    match (result, told.collect::<Vec<_>>().as_slice()) {
        ("type", ["daddr"]) => {
            Some(is(Field::DestinationType(sets.texts(right)?)))
        }
        ("oif" | "oifname", ["saddr", "iif"]) => {
            let of = Field::ReversePath(Rc::default());
            Some(Test { not: !right.as_bool()?, of })
        }
        _ => None,
    }
}

fn is(of: Field) -> Test {
    Test { not: false, of }
}

fn payload(
    protocol: &str,
    field: &str,
    right: &Value,
    sets: &Names,
) -> Option<Vec<Test>> {
    let carried = match protocol {
        "tcp" => Some(is(Field::Protocol(vec![TCP]))),
        "udp" => Some(is(Field::Protocol(vec![UDP]))),
        "th" => None,
        "ip" => Some(is(Field::Six(false))),
        "ip6" => Some(is(Field::Six(true))),
        "icmp" | "icmpv6" => return Some(vec![is(Field::Never)]),
        _ => return None,
    };
    let of = match field {
        "saddr" => Field::Source(sets.ranges(right)?),
        "daddr" => Field::Destination(sets.ranges(right)?),
        "sport" => Field::SourcePort(sets.ranges(right)?),
        "dport" => Field::DestinationPort(sets.ranges(right)?),
        "protocol" | "nexthdr" => protocols(right, sets)?,
        _ => return None,
    };
    Some(carried.into_iter().chain([is(of)]).collect())
}

fn protocols(right: &Value, sets: &Names) -> Option<Field> {
    let number = |value: &Value| match value.as_str() {
        Some("tcp") => Some(TCP),
        Some("udp") => Some(UDP),
        Some(_) => Some(u8::MAX),
        None => value.as_u64().and_then(|number| number.try_into().ok()),
    };
    let all = sets.values(right)?;
    Some(Field::Protocol(all.iter().map(number).collect::<Option<_>>()?))
}

fn meta(key: &str, right: &Value, sets: &Names) -> Option<Field> {
    Some(match key {
        "l4proto" => protocols(right, sets)?,
        "nfproto" => Field::Six(right.as_str()? == "ipv6"),
        "protocol" => Field::Six(right.as_str()? == "ip6"),
        "iif" | "iifname" => Field::In(names(right, sets)?),
        "oif" | "oifname" => Field::Out(names(right, sets)?),
        "mark" => {
            let values = sets.ranges(right)?;
            Field::Mark(Marked { mask: u32::MAX, values })
        }
        _ => return None,
    })
}

fn names(right: &Value, sets: &Names) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    sets.values(right)?.iter().map(text).collect()
}

fn ct(of: &Value, right: &Value, sets: &Names) -> Option<Field> {
    let original = of.get("dir").and_then(Value::as_str) == Some("original");
    Some(match of.get("key")?.as_str()? {
        "state" => Field::State(sets.texts(right)?),
        "status" => {
            let all = sets.texts(right)?;
            let known = all.iter().all(|one| one == "dnat" || one == "snat");
            known.then_some(Field::State(all))?
        }
        "direction" => Field::Reply(right.as_str()? == "reply"),
        "proto-dst" if original => Field::OriginalPort(sets.ranges(right)?),
        "ip saddr" | "ip6 saddr" if original => {
            Field::Client(sets.ranges(right)?)
        }
        _ => return None,
    })
}

/// The mark of the packet, under a mask.
fn masked_mark(of: &Value, right: &Value) -> Option<Vec<Test>> {
    let [left, mask] = of.as_array()?.as_slice() else { return None };
    let key = left.get("meta")?.get("key")?.as_str()?;
    let mask = mask.as_u64()?.try_into().ok()?;
    let values = vec![range(right)?];
    (key == "mark").then(|| vec![is(Field::Mark(Marked { mask, values }))])
}

/// The flags of TCP, under a mask.
fn flags(of: &Value, right: &Value) -> Option<Vec<Test>> {
    let [left, mask] = of.as_array()?.as_slice() else { return None };
    let field = left.get("payload")?.get("field")?.as_str()?;
    let (mask, value) = (bits(mask)?, bits(right)?);
    (field == "flags").then(|| vec![is(Field::Flags { mask, value })])
}

fn bits(value: &Value) -> Option<u8> {
    const NAMES: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];
    match value {
        Value::String(name) => {
            let bit = NAMES.iter().position(|known| known == name)?;
            Some(1 << bit)
        }
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::Array(all) => {
            all.iter().try_fold(0, |sum, one| Some(sum | bits(one)?))
        }
        Value::Object(object) => bits(object.get("|")?),
        _ => None,
    }
}

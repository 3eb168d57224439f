//! The right side of a match.

use std::net::IpAddr;

use serde_json::Value;

use crate::net::{Bounded, Cidr, Family, PortSet, RangeSet};

/// The values of a right side: the elements of an anonymous set, or one.
pub(super) fn elements(right: &Value) -> &[Value] {
    match right.get("set") {
        Some(Value::Array(elements)) => elements,
        Some(one) => std::slice::from_ref(one),
        None => std::slice::from_ref(right),
    }
}

/// The words of a right side: the elements of an anonymous set or of a list
/// of flags, or one.
pub(super) fn words(right: &Value) -> Option<Vec<&str>> {
    let all = match right {
        Value::Array(all) => all,
        right => elements(right),
    };
    all.iter().map(Value::as_str).collect()
}

/// A set of addresses.
pub(super) fn addresses(
    family: Family,
    elements: &[Value],
) -> Option<RangeSet<u128>> {
    ranges(elements, |value| address(family, value))
}

/// A set of ports.
pub(super) fn ports(elements: &[Value]) -> Option<PortSet> {
    ranges(elements, |value| {
        let port = u16::try_from(value.as_u64()?).ok()?;
        Some((port, port))
    })
}

/// The union of single values and of ranges of them; `one` gives the first
/// and the last of a value.
fn ranges<T: Bounded>(
    elements: &[Value],
    one: impl Fn(&Value) -> Option<(T, T)>,
) -> Option<RangeSet<T>> {
    let each = elements.iter().map(|value| {
        // An element with a timeout is gone at some moment.
        let elem = value.get("elem");
        if elem.is_some_and(|e| {
            e.get("timeout").is_some() || e.get("expires").is_some()
        }) {
            return None;
        }
        let value = elem.and_then(|elem| elem.get("val")).unwrap_or(value);
        match value.get("range").and_then(Value::as_array) {
            Some(ends) => match ends.as_slice() {
                [first, last] => Some((one(first)?.0, one(last)?.1)),
                _ => None,
            },
            None => one(value),
        }
    });
    each.collect::<Option<Vec<_>>>().map(RangeSet::from_ranges)
}

fn address(family: Family, value: &Value) -> Option<(u128, u128)> {
    let (text, length) = match value.get("prefix") {
        Some(prefix) => {
            (prefix.get("addr")?.as_str()?, prefix.get("len")?.as_u64())
        }
        None => (value.as_str()?, None),
    };
    let address: IpAddr = text.parse().ok()?;
    let cidr = match length {
        Some(bits) => {
            Cidr::truncated(address, u8::try_from(bits).ok()?).ok()?
        }
        None => Cidr::host(address),
    };
    (cidr.family() == family).then(|| cidr.bounds())
}

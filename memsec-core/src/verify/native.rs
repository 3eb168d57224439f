//! A rule that a plan inserts into a chain of nft.

use serde_json::{Value, json};

use super::{
    steps::{Found, changed},
    world::World,
};
use crate::plan::Checked;

const LISTING: &str = "nft -j list ruleset";

/// Inserts the rule of a command such as `inet filter input ip saddr NET tcp
/// dport PORT accept comment TEXT`: what the certificate says of the listing
/// is then that rule, first in its chain, and nothing else.
pub(super) fn insert(
    world: &mut World,
    words: &[&str],
    checked: &Checked,
) -> Found {
    let Some((chain, rule)) = rule(words) else {
        return Found::Other("it is no rule that a plan adds".to_owned());
    };
    let Some(said) = changed(world, checked) else {
        return Found::Other("its changes are of another text".to_owned());
    };
    let text = |texts: &super::steps::Texts| {
        objects(texts.get(LISTING).map_or("", String::as_str))
    };
    let fits = match (text(&world.texts), text(&said)) {
        (Some(old), Some(new)) => is_first(&old, &new, &chain, &rule),
        _ => false,
    };
    let alone = said
        .iter()
        .all(|(of, text)| of == LISTING || world.texts.get(of) == Some(text));
    world.texts = said;
    match fits && alone {
        true => Found::Same,
        false => {
            Found::Other("the rule stands where it was not proved".to_owned())
        }
    }
}

/// The chain of a rule, and what the rule says in a listing.
fn rule(words: &[&str]) -> Option<(Value, Value)> {
    let [
        family,
        table,
        name,
        ip,
        "saddr",
        net,
        proto,
        "dport",
        port,
        "accept",
        "comment",
        _,
    ] = *words
    else {
        return None;
    };
    let equal = |protocol: &str, field: &str, right: Value| {
        json!({ "match": {
            "op": "==", "right": right,
            "left": { "payload": { "protocol": protocol, "field": field } },
        }})
    };
    let port: u16 = port.parse().ok()?;
    let known = ["ip", "ip6"].contains(&ip) && ["tcp", "udp"].contains(&proto);
    let expr = json!([
        equal(ip, "saddr", network(net)?),
        equal(proto, "dport", json!(port)),
        { "accept": null },
    ]);
    known.then(|| (json!([family, table, name]), expr))
}

fn network(text: &str) -> Option<Value> {
    match text.split_once('/') {
        Some((address, bits)) => {
            let bits: u8 = bits.parse().ok()?;
            Some(json!({ "prefix": { "addr": address, "len": bits } }))
        }
        None => Some(json!(text)),
    }
}

fn objects(text: &str) -> Option<Vec<Value>> {
    let mut all: Value = serde_json::from_str(text).ok()?;
    match all.get_mut("nftables")?.take() {
        Value::Array(objects) => Some(objects),
        _ => None,
    }
}

/// Whether the new listing is the old one with the rule before all others of
/// its chain.
fn is_first(old: &[Value], new: &[Value], chain: &Value, expr: &Value) -> bool {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (before, rest) = new.split_at(same);
    let Some((inserted, after)) = rest.split_first() else { return false };
    let of = |rule: &Value| {
        let member = |key: &str| rule.get(key).cloned().unwrap_or_default();
        json!([member("family"), member("table"), member("chain")])
    };
    let is_own = |object: &Value| {
        object.get("rule").is_some_and(|rule| of(rule) == *chain)
    };
    let rule = inserted.get("rule").and_then(|rule| rule.get("expr"));
    is_own(inserted)
        && rule == Some(expr)
        && !before.iter().any(is_own)
        && old.get(same..) == Some(after)
}
